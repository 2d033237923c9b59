"""Weights of the rows that are averaged over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.alignment import aligned
from pymargins.asking.balance import SCHEMES
from pymargins.asking.frames import no_column
from pymargins.errors import ArgumentError, ArgumentTypeError

#: Weights beyond two to this power, or below two to minus it, would leave the range when summed.
EXTREME_EXPONENT = 500


def row_weights(
    weights: Any, frame: pd.DataFrame, index: pd.Index | None, incomplete: bool = False
) -> FloatArray | None:
    """Return weights as a checked array over the rows of a frame, or None.

    Parameters
    ----------
    weights : str, array or None
    frame : DataFrame
    index : Index or None
        Of its rows as the user knows them, by which a series is aligned.
    incomplete : bool
        Whether the frame lacks columns of the user's.
    """
    if weights is None:
        return None
    weights = aligned(weights, index, "weights", len(frame))
    what = type(weights).__name__
    if isinstance(weights, str):
        if weights in SCHEMES and weights not in frame.columns:
            raise ArgumentError(
                f"weights: {weights!r} is a way to weigh combinations of categories, of a session "
                f'with at="balanced": Margins(fit, at="balanced", weights="{weights}"). Averages '
                "over rows count each combination as often as it occurs."
            )
        if weights not in frame.columns:
            raise no_column("weights", weights, frame, incomplete)
        what = f"the column {weights!r}, which does not hold numbers"
        weights = frame[weights]
    try:
        array = as_real(weights)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"weights: expected a column name or an array of numbers, got {what}."
        ) from None
    if array.shape != (len(frame),):
        raise ArgumentError(
            f"weights: shape {array.shape}; expected one weight for each of the {len(frame)} rows "
            "that are averaged over (rows the fit dropped as missing do not count)."
        )
    if not np.isfinite(array).all() or (array < 0).any():
        raise ArgumentError("weights: every weight must be finite and not negative.")
    if not array.any():
        raise ArgumentError("weights: the total weight is zero.")
    # only their ratios count; a power of two keeps these, and sums within range
    exponent = int(np.frexp(array.max())[1])
    return np.ldexp(array, -exponent) if abs(exponent) > EXTREME_EXPONENT else array


def as_real(values: Any) -> FloatArray:
    """Return an array of real numbers, or raise a `TypeError` or `ValueError`."""
    array = np.array(values)
    if array.dtype.kind in "cmMSU":
        raise TypeError
    return array.astype(float)
