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
    UnsupportedError,
    listing,
    near_miss,
    not_one_of,
)
from pymargins.inference.delta import DegreesOfFreedom, Delta, DeltaInference

METHODS = ("delta", "simulation", "bootstrap")
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
    name = _method_name(method)
    given = [k for k, v in options.items() if v is not None]
    unused = [k for k in given if k not in USES[name]]
    if unused:
        raise ArgumentError(
            f'{unused[0]}: method="{name}" does not use it'
            + (f"; it belongs to method={_owner(unused[0])!r}." if _owner(unused[0]) else ".")
        )
    cov, kind, words = choose_vcov(adapter, vcov)
    freedom = _choose_df(adapter, df)
    if name == "delta":
        return Choice(DeltaInference(cov, freedom), kind, words, freedom.words)
    from pymargins.inference.resampling import make_resampling

    inference = make_resampling(name, method, adapter, cov, options)
    return Choice(inference, kind, words, inference.df_words)


def _owner(option: str) -> str | None:
    return next((name for name, uses in USES.items() if option in uses), None)


def _method_name(method: Any) -> str:
    if isinstance(method, Delta):
        return "delta"
    if isinstance(method, str):
        if method in METHODS:
            return method
        raise not_one_of("method", method, METHODS)
    name = type(method).__name__.lower()
    if name in METHODS and not isinstance(method, type):
        return name
    raise ArgumentTypeError(
        f"method: expected one of {listing(METHODS)} or an option object, got {method!r}."
    )


def choose_vcov(adapter: Any, vcov: Any) -> tuple[FloatArray, str, str]:
    """Return the covariance of the coefficients, its kind, and words for it."""
    kinds = tuple(adapter.vcov_kinds)
    if vcov is None:
        vcov = kinds[0]
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
    array = np.array(vcov, dtype=float) if np.ndim(vcov) == 2 else np.empty(0)
    if array.shape != (len(names), len(names)):
        raise ArgumentError(
            f"vcov: a matrix must have shape ({len(names)}, {len(names)}), one row for each of "
            f"{listing(names)}; got {np.shape(vcov)}."
        )
    return _checked(array, adapter, "matrix"), "matrix", "given by the user"


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
    return _checked(np.array(ordered, dtype=float), adapter, "matrix")


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
