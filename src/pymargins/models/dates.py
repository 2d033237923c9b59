"""Dates and spans of time as numbers of days, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray

DAY = np.timedelta64(1, "D")
#: Days since 1970 as a float tell moments apart to a third of it, so it comes back exactly.
TICKS = 86_400 * 10**6


def is_date(dtype: Any) -> bool:
    """Tell whether a column holds dates or spans of time."""
    return getattr(dtype, "kind", "O") in "mM"


def days(column: Any) -> FloatArray:
    """Return dates as days since 1970 (of UTC where they have a time zone), spans as days."""
    values = pd.Series(column).reset_index(drop=True)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    array = np.asarray(values)
    if array.dtype.kind == "M":
        array = array - np.datetime64(0, "D").astype(array.dtype)
    # whole days apart, so that the time of day keeps its digits
    whole = array // DAY
    return np.asarray(whole, dtype=float) + np.asarray((array - whole * DAY) / DAY, dtype=float)


def of_days(values: FloatArray, dtype: Any) -> pd.Series:
    """Return days as dates or spans, to the microsecond."""
    whole = np.floor(values)
    ticks = whole.astype(np.int64) * TICKS + np.rint((values - whole) * TICKS).astype(np.int64)
    out = pd.Series(ticks.astype("datetime64[us]" if dtype.kind == "M" else "timedelta64[us]"))
    if isinstance(dtype, pd.DatetimeTZDtype):
        out = out.dt.tz_localize("UTC").dt.tz_convert(dtype.tz)
    return out


def as_dates(values: Any, dtype: Any) -> pd.Series:
    """Return what a user gave as dates or spans of a column's type.

    Raises
    ------
    TypeError, ValueError
        Where a value is none, or has a time zone where the column has not.
    """
    found = pd.Series(list(values), dtype=object)
    odd = [v for v in found if isinstance(v, (bool, int, float, np.number)) and v == v]
    if odd:
        raise TypeError(f"{odd[0]!r} is a number")
    if dtype.kind == "m":
        return pd.Series(pd.to_timedelta(found)).astype(dtype)
    out = pd.Series(pd.to_datetime(found))
    aware = isinstance(dtype, pd.DatetimeTZDtype)
    if not aware and isinstance(out.dtype, pd.DatetimeTZDtype):
        raise ValueError("it has a time zone, and the column has none")
    if aware and not isinstance(out.dtype, pd.DatetimeTZDtype):
        out = out.dt.tz_localize(dtype.tz)
    return out.astype(dtype)
