"""The covariance of the coefficients that a session asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    NumericalError,
    UnsupportedError,
    listing,
    near_miss,
)
from pymargins.inference.options import KenwardRoger

ROBUST = ("CR0", "CR1", "CR2", "CR3")
KNOWN = ("model", "gls", "kenward-roger", *ROBUST, "HC0", "HC1", "HC2", "HC3")
WORDS = {
    "model": "as the fit reports it",
    "gls": "GLS, (X'V⁻¹X)⁻¹ at the fitted variances",
}


@dataclass(frozen=True, slots=True)
class Covariance:
    """A covariance of the coefficients.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)
    kind : str
        Its name; ``"matrix"`` for the user's own.
    words : str
        For tables.
    method : object or None
        Where it belongs to a small-sample method: what offers `df` and `joint` for it.
    """

    matrix: FloatArray
    kind: str
    words: str
    method: Any = None


def choose_vcov(adapter: Any, vcov: Any, df: Any, cluster: Any) -> Covariance:
    """Return the covariance that `vcov` names, or that `df` implies."""
    if vcov is None:
        vcov = _implied(adapter, df)
    name = vcov if isinstance(vcov, str) else type(vcov).__name__  # a matrix compares to nothing
    if cluster is not None and name not in ROBUST:
        raise ArgumentError(
            f"cluster: vcov={name!r} does not use it; it belongs to vcov={listing(ROBUST)}."
        )
    if isinstance(vcov, KenwardRoger) or name == "kenward-roger":
        return _kenward_roger(adapter, vcov)
    if name in ROBUST and name in supported(adapter):
        found = adapter.small_sample(vcov, cluster=cluster)
        words = f"cluster-robust {vcov}, {found.n_clusters} clusters"
        return Covariance(_checked(found.cov, vcov), vcov, words, found)
    if isinstance(vcov, str):
        return _by_name(adapter, vcov)
    return _given(adapter, vcov)


def supported(adapter: Any) -> list[str]:
    """Name the covariances an adapter offers."""
    more = getattr(adapter, "small_sample_kinds", ())
    return [*adapter.vcov_kinds, *(k for k in more if k != "satterthwaite")]


def _implied(adapter: Any, df: Any) -> Any:
    """Return what goes with the degrees of freedom, otherwise the adapter's default.

    Where a singular fit reports no covariance of its own, GLS stands in, and tables say so.
    """
    named = df if isinstance(df, str) else ""  # an array is refused where `df` is read
    if isinstance(df, KenwardRoger) or named == "kenward-roger":
        return df
    if named == "satterthwaite" and "gls" in adapter.vcov_kinds:
        return "gls"
    default = adapter.vcov_kinds[0]
    if "gls" not in adapter.vcov_kinds:
        return default
    try:
        adapter.vcov(default)
    except NumericalError:
        return "gls"
    return default


def _kenward_roger(adapter: Any, vcov: Any) -> Covariance:
    if "kenward-roger" not in supported(adapter):
        raise UnsupportedError(
            "vcov: 'kenward-roger' is not available for this model. Supported: "
            f"{listing(supported(adapter))}."
        )
    option = vcov if isinstance(vcov, KenwardRoger) else KenwardRoger()
    found = adapter.small_sample("kenward-roger", information=option.information)
    words = f"Kenward-Roger, {option.information} information"
    return Covariance(_checked(found.cov, "kenward-roger"), "kenward-roger", words, found)


def _by_name(adapter: Any, vcov: str) -> Covariance:
    kinds = supported(adapter)
    if vcov in adapter.vcov_kinds:
        return Covariance(_checked(adapter.vcov(vcov), vcov), vcov, WORDS.get(vcov, vcov))
    if vcov in KNOWN:
        raise UnsupportedError(
            f"vcov: {vcov!r} is not available for this model. Supported: {listing(kinds)}, a "
            "matrix or a labelled data frame."
        )
    raise ArgumentError(
        f"vcov: got {vcov!r}; allowed are {listing(kinds)}, a matrix or a labelled data frame."
        f"{near_miss(vcov, kinds)}"
    )


def _given(adapter: Any, vcov: Any) -> Covariance:
    names = adapter.view.design.names
    if isinstance(vcov, pd.DataFrame):
        matrix = _checked(_ordered(vcov, names), "matrix")
        return Covariance(matrix, "matrix", "given by the user, aligned by name")
    array = _real_numbers(vcov)
    if array.shape != (len(names), len(names)):
        raise ArgumentError(
            f"vcov: a matrix must have shape ({len(names)}, {len(names)}), one row for each of "
            f"{listing(names)}; got {array.shape}."
        )
    return Covariance(_checked(array, "matrix"), "matrix", "given by the user")


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
    if (np.abs(cov - cov.T) > 1e-6 * size + 1e-300).any():
        raise ArgumentError(f"vcov: the {kind!r} covariance is not symmetric.")
    out = (cov + cov.T) / 2.0
    scale = np.sqrt(np.maximum(np.diagonal(out), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    if (np.diagonal(out) < 0).any() or (
        kind == "matrix" and np.linalg.eigvalsh(out / np.outer(safe, safe))[0] < -1e-8
    ):
        raise ArgumentError(f"vcov: the {kind!r} covariance is not positive semi-definite.")
    out.flags.writeable = False
    return out
