"""From the words of a session to its inference: covariance, degrees of freedom, method."""

from __future__ import annotations

from collections.abc import Mapping
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
    not_one_of,
)
from pymargins.inference.delta import DegreesOfFreedom, DeltaInference
from pymargins.inference.options import Bootstrap, Delta, Simulation
from pymargins.inference.resampling import bootstrap, simulate

METHODS: dict[str, type[Any]] = {
    "delta": Delta,
    "simulation": Simulation,
    "bootstrap": Bootstrap,
}
KNOWN_DF = ("residual", "satterthwaite", "kenward-roger", "between-within")
KNOWN_VCOV = (
    "model",
    "gls",
    "kenward-roger",
    "CR0",
    "CR1",
    "CR2",
    "CR3",
    "HC0",
    "HC1",
    "HC2",
    "HC3",
)
VCOV_WORDS = {
    "model": "as the fit reports it",
    "gls": "GLS, (X'V⁻¹X)⁻¹ at the fitted variances",
}
USES: dict[str, tuple[str, ...]] = {
    "delta": (),
    "simulation": ("n_sim", "rng"),
    "bootstrap": ("n_boot", "rng", "n_jobs", "progress"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A session's inference and the words for it."""

    inference: Any
    vcov: str
    vcov_words: str
    df_words: str


def choose_inference(
    adapter: Any, vcov: Any, df: Any, method: Any, options: Mapping[str, Any]
) -> Choice:
    """Build the inference a session asked for, or say what is supported."""
    option = parse_method(method, options)
    cov, kind, words = choose_vcov(adapter, vcov)
    freedom = _choose_df(adapter, df)
    if isinstance(option, Delta):
        return Choice(DeltaInference(cov, freedom), kind, words, freedom.words)
    name = type(option).__name__.lower()
    if df is not None:
        raise ArgumentError(
            f'df: method="{name}" takes its intervals from draws; leave `df` out or use '
            'method="delta".'
        )
    if isinstance(option, Simulation):
        inference = simulate(option, adapter.view.params, cov)
        return Choice(inference, kind, words, "none: percentiles of the draws")
    if vcov is not None:
        raise ArgumentError(
            'vcov: method="bootstrap" takes its uncertainty from refits; leave `vcov` out.'
        )
    return Choice(
        bootstrap(option, adapter), kind, "of the bootstrap draws", "none: bootstrap distribution"
    )


def parse_method(method: Any, options: Mapping[str, Any]) -> Delta | Simulation | Bootstrap:
    """Turn `method` and the options beside it into one option object.

    Raises
    ------
    ArgumentError
        For an option that the method does not use, or that is given both ways.
    """
    given = {k: v for k, v in options.items() if v is not None}
    if isinstance(method, str):
        if method not in METHODS:
            raise not_one_of("method", method, METHODS)
        for option in given:
            if option not in USES[method]:
                owner = next((name for name, uses in USES.items() if option in uses), None)
                where = f"; it belongs to method={owner!r}." if owner else "."
                raise ArgumentError(f'{option}: method="{method}" does not use it{where}')
        return METHODS[method](**given)
    if isinstance(method, tuple(METHODS.values())):
        if given:
            option = next(iter(given))
            raise ArgumentError(
                f"{option}: give it to {type(method).__name__}({option}=...) or to the session "
                "with a method named by a string, not to both."
            )
        return method
    raise ArgumentTypeError(
        f"method: expected one of {listing(METHODS)} or an option object, got {method!r}."
    )


def choose_vcov(adapter: Any, vcov: Any) -> tuple[FloatArray, str, str]:
    """Return the covariance of the coefficients, its kind, and words for it."""
    kinds = tuple(adapter.vcov_kinds)
    if vcov is None:
        vcov = _default_vcov(adapter, kinds)
    if isinstance(vcov, str):
        if vcov in kinds:
            return _checked(adapter.vcov(vcov), adapter, vcov), vcov, VCOV_WORDS.get(vcov, vcov)
        if vcov in KNOWN_VCOV:
            raise UnsupportedError(
                f"vcov: {vcov!r} is not available for this model. Supported: {listing(kinds)}, a "
                "matrix or a labelled data frame."
            )
        raise ArgumentError(
            f"vcov: got {vcov!r}; allowed are {listing(kinds)}, a matrix or a labelled data frame."
            f"{near_miss(vcov, kinds)}"
        )
    names = adapter.view.design.names
    if isinstance(vcov, pd.DataFrame):
        return _labelled(vcov, names, adapter), "matrix", "given by the user, aligned by name"
    array = _real_matrix(vcov)
    if array.shape != (len(names), len(names)):
        raise ArgumentError(
            f"vcov: a matrix must have shape ({len(names)}, {len(names)}), one row for each of "
            f"{listing(names)}; got {array.shape}."
        )
    return _checked(array, adapter, "matrix"), "matrix", "given by the user"


def _default_vcov(adapter: Any, kinds: tuple[str, ...]) -> str:
    """Return the default, or GLS where a singular fit reports no covariance (it is said)."""
    if "gls" not in kinds:
        return kinds[0]
    try:
        adapter.vcov(kinds[0])
    except NumericalError:
        return "gls"
    return kinds[0]


def _labelled(vcov: pd.DataFrame, names: tuple[str, ...], adapter: Any) -> FloatArray:
    for axis, labels in (("rows", vcov.index), ("columns", vcov.columns)):
        missing = [n for n in names if n not in labels]
        if missing:
            raise ArgumentError(
                f"vcov: the data frame has no {axis[:-1]} for {listing(missing)}; its labels must "
                "name every coefficient."
            )
        if not labels.is_unique:
            raise ArgumentError(f"vcov: the data frame's {axis} are labelled twice.")
    ordered = vcov.loc[list(names), list(names)]
    return _checked(_real_matrix(ordered), adapter, "matrix")


def _real_matrix(vcov: Any) -> FloatArray:
    try:
        array = np.array(vcov)
        if array.dtype.kind not in "iufO":
            raise ValueError
        return array.astype(float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"vcov: expected a matrix of numbers, got {type(vcov).__name__} with other entries."
        ) from None


def _checked(cov: FloatArray, adapter: Any, kind: str) -> FloatArray:
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


def _choose_df(adapter: Any, df: Any) -> DegreesOfFreedom:
    if df is None:
        value = float(adapter.view.info.reference_df)
        return DegreesOfFreedom.constant(
            value, "normal distribution" if np.isinf(value) else f"t with {value:g} df"
        )
    if isinstance(df, str):
        if df in KNOWN_DF:
            raise UnsupportedError(
                f"df: {df!r} is not available for this model yet. Give a number, or None for the "
                "distribution the fit itself uses."
            )
        raise not_one_of("df", df, ["a number", *KNOWN_DF])
    if isinstance(df, bool) or not isinstance(df, (int, float, np.number)):
        raise ArgumentTypeError(f"df: expected a number, got {type(df).__name__}.")
    if not float(df) > 0:
        raise ArgumentError(f"df: got {df!r}; degrees of freedom must be positive.")
    words = "normal distribution" if np.isinf(float(df)) else f"t with {float(df):g} df"
    return DegreesOfFreedom.constant(float(df), words)
