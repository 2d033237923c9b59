"""Where a factor has values: beyond its domain it is refused, and looked up by whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import BoolArray
from pymargins.errors import ModelError
from pymargins.models.derivative import Dual


class NoValueError(ModelError):
    """A factor has no value where it was asked: beyond its domain, or in no fitted category."""


def require_values(
    there: BoolArray, columns: Mapping[str, Any], why: str = "it is not finite there"
) -> None:
    """Raise where a factor has no value; `there` tells the rows that have one.

    Raises
    ------
    NoValueError
        With the first row that has none.
    """
    if not there.all():
        row = int(np.flatnonzero(~there)[0])
        values = [f"{name} = {_one(column, row)}" for name, column in columns.items()]
        raise NoValueError(f"{', '.join(values)}: {why}")


def _one(column: Any, row: int) -> str:
    values = column.value if isinstance(column, Dual) else np.asarray(column)
    value = values[row if len(values) > 1 else 0]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def whole_numbers(evaluate: Callable[[Mapping[str, Any]], Any], columns: Mapping[str, Any]) -> Any:
    """Evaluate code on columns; where it refuses floats that are whole numbers, on integers.

    What a user asks arrives as floats, and a lookup such as ``table[k]`` takes integers only.
    """
    try:
        return evaluate(columns)
    except Exception:
        whole = {name: _as_whole(column) for name, column in columns.items()}
        if all(whole[name] is columns[name] for name in columns):
            raise
        try:
            return evaluate(whole)
        except Exception:
            pass
        raise


def _as_whole(column: Any) -> Any:
    if not isinstance(column, pd.Series) or not pd.api.types.is_float_dtype(column.dtype):
        return column
    values = np.asarray(column, dtype=float)
    whole = np.isfinite(values).all() and (np.abs(values) < 2**53).all()
    return column.astype(np.int64) if whole and (values % 1.0 == 0.0).all() else column
