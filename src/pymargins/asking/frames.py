"""Data frames that users pass: of any library, checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pymargins.asking.names import unknown_variable
from pymargins.errors import ArgumentError, UnknownNameError, unknown_name
from pymargins.models.fitted import Fitted

#: What is said of a column that a fit does not hold: `missing="drop"` leaves only the formula's.
INCOMPLETE = (
    'A fit with missing="drop" keeps the columns of its formula only; data= brings the others.'
)


def as_frame(data: Any) -> pd.DataFrame | None:
    """Return pandas' view of any data frame (polars, Arrow, ...), or None for other things."""
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, (str, bytes, Mapping, list, tuple, np.ndarray)) or callable(data):
        return None
    import narwhals as nw

    try:
        frame: Any = nw.from_native(data, eager_only=True)
    except TypeError:
        return None
    if isinstance(frame, nw.LazyFrame):
        return None
    try:
        return frame.to_pandas()
    except ModuleNotFoundError:  # polars hands over by pyarrow, which may be missing
        return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def snapshot(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that later changes of the user's data cannot reach, with a plain index.

    Not even of an array that the frame shares (``copy=False``): pandas' copy-on-write does not
    know of it, so the copy is a deep one.
    """
    copy = frame.copy(deep=True)
    copy.index = pd.RangeIndex(len(copy))
    return copy


def check_frame(fitted: Fitted, frame: pd.DataFrame, argument: str) -> dict[str, Any]:
    """Return a frame's model variables as the fit would have seen them; name what is wrong."""
    if not frame.columns.is_unique:
        raise ArgumentError(f"{argument}: column names of the data frame are not unique.")
    if len(frame) == 0:
        raise ArgumentError(f"{argument}: the data frame has no rows.")
    columns: dict[str, Any] = {}
    for name, variable in fitted.variables.items():
        if name not in frame.columns:
            raise unknown_name(
                argument, name, frame.columns, "a column of the data frame, but the model needs it"
            )
        missing = int(frame[name].isna().sum())
        if missing:
            raise ArgumentError(
                f"{argument}: column {name!r} has {missing} missing value(s); drop or fill them."
            )
        columns[name] = variable.of_frame(frame[name].array, argument)
    return columns


def no_column(argument: str, name: Any, frame: pd.DataFrame, incomplete: bool) -> UnknownNameError:
    """Build the error for a column that a frame does not have."""
    error = unknown_variable(argument, name, frame.columns, "a column of the data")
    return UnknownNameError(f"{error} {INCOMPLETE}") if incomplete else error
