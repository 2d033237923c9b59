"""Tails and quantiles of the reference distributions, from `scipy.special`.

`scipy.special` is imported when first needed: it is not part of what ``import pymargins`` costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; zero over zero is zero (a constant compared with itself)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.asarray(numerator / denominator)
    return np.where((numerator == 0) & (denominator == 0), 0.0, out)


def lower_tail(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """Return P(T <= statistic) under t with df, the normal where df is infinite; NaN for NaN."""
    from scipy import special

    normal = np.isinf(df)
    safe = np.where(normal, 1.0, df)
    return np.where(normal, special.ndtr(statistic), special.stdtr(safe, statistic))


def quantile(probability: float | FloatArray, df: FloatArray) -> FloatArray:
    """Return the quantile of t with df, of the normal where df is infinite."""
    from scipy import special

    normal = np.isinf(df)
    safe = np.where(normal, 1.0, df)
    return np.where(normal, special.ndtri(probability), special.stdtrit(safe, probability))


def p_value(statistic: FloatArray, df: FloatArray, alternative: str) -> FloatArray:
    """Return the p-value of a t or z statistic, from the tail itself, never as 1 - cdf."""
    if alternative == "less":
        return lower_tail(statistic, df)
    if alternative == "greater":
        return lower_tail(-statistic, df)
    return np.minimum(2.0 * lower_tail(-np.abs(statistic), df), 1.0)


def f_upper_tail(statistic: float, df1: float, df2: float) -> float:
    """Return P(F > statistic); a chi-square divided by df1 where df2 is infinite."""
    from scipy import special

    if np.isfinite(df2):
        return float(special.fdtrc(df1, df2, statistic))
    return float(special.chdtrc(df1, statistic * df1))


def as_floats(values: Any) -> FloatArray:
    """Return a float64 array."""
    return np.asarray(values, dtype=float)


def check_level(level: Any) -> float:
    """Return a confidence level strictly between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.number)):
        raise ArgumentTypeError(f"level: expected a number, got {type(level).__name__}.")
    if not 0.0 < float(level) < 1.0:
        hint = f" Did you mean {float(level) / 100:g}?" if 50 <= level < 100 else ""
        raise ArgumentError(f"level: got {level!r}; it must lie between 0 and 1.{hint}")
    return float(level)
