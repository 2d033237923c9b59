"""The covariance of the parameters that a session asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.elsewhere import option_hint
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    NumericalError,
    UnsupportedError,
    listing,
    near_miss,
)
from pymargins.facts import CovarianceFacts
from pymargins.models.fitted import Fitted
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Request
from pymargins.options import HAC, KenwardRoger, Survey

#: Every covariance that some class of models offers: what a message calls known.
KNOWN = (
    *("model", "gls", "kenward-roger", "laplace"),
    *("CR0", "CR1", "CR2", "CR3"),
    *("nonrobust", "HC0", "HC1", "HC2", "HC3", "HAC", "Survey"),
)


#: What comes nearest to a covariance that a class of models has not, the best first.
NEAREST = {
    **dict.fromkeys(("HC2", "HC3"), ("HC1", "HC0", "CR1", "CR0")),
    **dict.fromkeys(("CR2", "CR3"), ("CR1", "CR0")),
    **dict.fromkeys(("HC0", "HC1"), ("HC0", "CR0")),
    "HAC": ("HC1", "CR1"),
}


def choose_covariance(
    fitted: Fitted, vcov: Any, df: Any, cluster: Any, blocks: tuple[str, ...] | None = None
) -> Covariance:
    """Return the covariance that `vcov` names, or that `df` implies.

    It is of the blocks of parameters given; by default of those that the mean needs.
    """
    blocks = fitted.mean.blocks if blocks is None else blocks
    argument = "df" if vcov is None else "vcov"
    if vcov is None:
        vcov = _implied(fitted, df)
    name = vcov if isinstance(vcov, str) else type(vcov).__name__  # a matrix compares to nothing
    information = "expected"
    if isinstance(vcov, KenwardRoger):
        name, information = "kenward-roger", vcov.information
    offer = fitted.covariances.get(name)
    named = isinstance(vcov, (str, HAC, KenwardRoger, Survey))
    if offer is None and named:
        raise _not_offered(fitted, name, argument)
    _refuse_cluster(fitted, name, offer, cluster)
    if offer is not None:
        option = None if isinstance(vcov, str) else vcov
        found = offer.make(Request(blocks, cluster, information, option))
        if isinstance(found.matrix, np.ndarray):
            return replace(found, matrix=_checked(found.matrix, name))
        return found
    return _given(coefficient_names(fitted, blocks), vcov)


def coefficient_names(fitted: Fitted, blocks: Sequence[str]) -> tuple[str, ...]:
    """Name the parameters of some blocks, as a labelled matrix would."""
    names: list[str] = []
    for block in blocks:
        where = fitted.parameters.blocks[block]
        count = where.stop - where.start
        own = fitted.design.names
        plain = block == "beta" and len(own) == count
        names += own if plain else [f"{block}[{i}]" for i in range(count)]
    return tuple(names)


def _refuse_cluster(fitted: Fitted, name: str, offer: CovarianceOffer | None, cluster: Any) -> None:
    if cluster is None or (offer is not None and "cluster" in offer.options):
        return
    uses = [kind for kind, known in fitted.covariances.items() if "cluster" in known.options]
    where = f"; it belongs to vcov={listing(uses)}" if uses else ""
    raise ArgumentError(f"cluster: vcov={name!r} does not use it{where}.")


def _implied(fitted: Fitted, df: Any) -> Any:
    """Return what goes with the degrees of freedom, otherwise the model's default.

    Where a singular fit reports no covariance of its own, GLS stands in, and tables say so.
    """
    named = df if isinstance(df, str) else ""  # an array is refused where `df` is read
    if isinstance(df, KenwardRoger) or named == "kenward-roger":
        return df
    offers = fitted.covariances
    if named == "satterthwaite" and "gls" in offers:
        return "gls"
    default = next(iter(offers))
    if "gls" not in offers:
        return default
    try:
        offers[default].make(Request(fitted.mean.blocks))
    except NumericalError:
        return "gls"
    return default


def _not_offered(fitted: Fitted, vcov: str, argument: str) -> UnsupportedError | ArgumentError:
    kinds = list(fitted.covariances)
    if vcov == "kenward-roger":
        few = ' Where rows come in few clusters: vcov="CR2", cluster=....' if "CR2" in kinds else ""
        return UnsupportedError(
            f"{argument}: 'kenward-roger' is for linear mixed models, not available for this one; "
            f"supported by vcov= are {listing(kinds)}.{few}"
        )
    if vcov in KNOWN:
        return UnsupportedError(
            f"vcov: {vcov!r} is not available for this model. Supported: {listing(kinds)}, a "
            f"matrix or a labelled data frame.{_nearest(vcov, kinds)}"
        )
    return ArgumentError(
        f"vcov: got {vcov!r}; allowed are {listing(kinds)}, a matrix or a labelled data frame."
        f"{option_hint('vcov', vcov) or near_miss(vcov, kinds)}"
    )


def _nearest(vcov: str, kinds: Sequence[str]) -> str:
    found = next((kind for kind in NEAREST.get(vcov, ()) if kind in kinds), None)
    return "" if found is None else f" {found!r} comes nearest."


def _given(names: tuple[str, ...], vcov: Any) -> Covariance:
    if isinstance(vcov, pd.DataFrame):
        matrix = _checked(_ordered(vcov, names), "matrix")
        return Covariance(matrix, CovarianceFacts("matrix", aligned=True))
    array = _real_numbers(vcov)
    if array.shape != (len(names), len(names)):
        raise ArgumentError(
            f"vcov: a matrix must have shape ({len(names)}, {len(names)}), one row for each of "
            f"{listing(names)}; got {array.shape}."
        )
    return Covariance(_checked(array, "matrix"), CovarianceFacts("matrix"))


def _ordered(vcov: pd.DataFrame, names: tuple[str, ...]) -> FloatArray:
    for axis, labels in (("rows", vcov.index), ("columns", vcov.columns)):
        missing = [n for n in names if n not in labels]
        if missing:
            raise ArgumentError(
                f"vcov: the data frame has no {axis[:-1]} for {listing(missing)}; its labels must "
                "name every coefficient."
            )
        if not labels.is_unique:
            raise ArgumentError(f"vcov: the data frame's {axis} are labelled twice.")
    return _real_numbers(vcov.loc[list(names), list(names)])


def _real_numbers(vcov: Any) -> FloatArray:
    try:
        array = np.array(vcov)
        if array.dtype.kind not in "iufO":
            raise ValueError
        return array.astype(float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            "vcov: expected a covariance by name, a matrix of real numbers or a labelled data "
            f"frame, got {type(vcov).__name__}."
        ) from None


def _checked(cov: FloatArray, kind: str) -> FloatArray:
    if not np.isfinite(cov).all():
        raise ArgumentError(f"vcov: the {kind!r} covariance has missing or infinite entries.")
    size = np.sqrt(np.abs(np.outer(np.diagonal(cov), np.diagonal(cov))))
    rounding = 1e-12 * float(np.abs(cov).max(initial=0.0))  # of directions without variance
    if (np.abs(cov - cov.T) > 1e-6 * size + rounding + 1e-300).any():
        raise ArgumentError(f"vcov: the {kind!r} covariance is not symmetric.")
    out = (cov + cov.T) / 2.0
    scale = np.sqrt(np.maximum(np.diagonal(out), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    if (np.diagonal(out) < -rounding).any() or (
        kind == "matrix" and np.linalg.eigvalsh(out / np.outer(safe, safe))[0] < -1e-8
    ):
        raise ArgumentError(f"vcov: the {kind!r} covariance is not positive semi-definite.")
    out.flags.writeable = False
    return out
