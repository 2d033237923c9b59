"""Weights of the rows that are averaged over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.frames import no_column
from pymargins.errors import ArgumentError, ArgumentTypeError


def row_weights(weights: Any, frame: pd.DataFrame, incomplete: bool = False) -> FloatArray | None:
    """Return weights as a checked array over the rows of a frame, or None."""
    if weights is None:
        return None
    what = type(weights).__name__
    if isinstance(weights, str):
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
    if array.sum() <= 0:
        raise ArgumentError("weights: the total weight is zero.")
    return array


def as_real(values: Any) -> FloatArray:
    """Return an array of real numbers, or raise a `TypeError` or `ValueError`."""
    array = np.array(values)
    if array.dtype.kind in "cmMSU":
        raise TypeError
    return array.astype(float)
