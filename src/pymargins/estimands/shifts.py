"""Columns shifted by functions of the user's: ``lambda age: age + 1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from pymargins.errors import ArgumentError
from pymargins.estimands.rows import Rows
from pymargins.models.variables import Variable

#: A function of single rows gives one row alone what it gives it among others, but for rounding.
ALONE = 1e-12


def shifted(rows: Rows, name: str, function: Callable[[Any], Any]) -> Any:
    """Return a variable of rows shifted by a function of its column.

    Raises
    ------
    ArgumentError
        Where the function fails or returns something else than a value a row; of rows that are a
        part of a population, where it looks at more than single rows.
    """
    variable, column = rows.variables[name], rows.columns[name]
    values = _applied(variable, function, column, rows.n)
    if rows.partial:
        _require_of_single_rows(variable, function, column, values)
    return variable.column(values)


def _applied(variable: Variable, function: Callable[[Any], Any], column: Any, n: int) -> Any:
    argument = column.copy() if hasattr(column, "copy") else column
    if pd.api.types.is_integer_dtype(getattr(column, "dtype", None)):
        argument = argument.astype(np.int64)  # a shift must not overflow a narrow column
    try:
        result = function(argument)
    except Exception as error:
        raise ArgumentError(
            f"atexog: the function given for {variable.name!r} failed: "
            f"{type(error).__name__}: {error}"
        ) from error
    if isinstance(result, pd.Series) and isinstance(argument, pd.Series):
        result = _in_order(result, argument.index)
    values = np.asarray(result)
    if values.ndim == 0:
        values = np.broadcast_to(values, (n,))
    if values.shape != (n,):
        raise ArgumentError(
            f"atexog: the function given for {variable.name!r} returned shape {values.shape}; "
            f"expected one value for each of the {n} rows."
        )
    return result if isinstance(result, pd.Series) else values


def _in_order(result: Any, index: pd.Index) -> Any:
    """Bring a series that a function has sorted back to the order of the rows."""
    if result.index.equals(index) or not result.index.is_unique or len(result) != len(index):
        return result
    return result.reindex(index) if result.index.isin(index).all() else result


def _require_of_single_rows(
    variable: Variable, function: Callable[[Any], Any], column: Any, values: Any
) -> None:
    """Refuse a function of the whole column, of which only a part is here."""
    among = np.asarray(values)
    for row in _telling_rows(variable, column):
        try:
            alone = np.asarray(_applied(variable, function, column.iloc[[row]], 1))[0]
        except ArgumentError:
            alone = "an error"
        if not _same(alone, among[row]):
            raise ArgumentError(
                f"atexog: the function given for {variable.name!r} looks at more than one row: of "
                f"{column.iloc[row]} it makes {among[row]} among others and {alone} alone. A "
                "population that is read in pieces shows it some rows at a time; write what it "
                "takes from the column, such as its mean, as a number."
            )


def _telling_rows(variable: Variable, column: Any) -> list[int]:
    """Return rows at both ends of a variable's range, and some others."""
    some = {0, len(column) // 2, len(column) - 1}
    if variable.kind == "numeric":
        numbers = variable.numbers(column)
        some |= {int(numbers.argmin()), int(numbers.argmax())}
    return sorted(some)


def _same(alone: Any, among: Any) -> bool:
    if isinstance(alone, (float, np.floating)) and isinstance(among, (float, np.floating)):
        return bool(np.isclose(alone, among, rtol=ALONE, atol=0.0, equal_nan=True))
    return bool(alone == among)
