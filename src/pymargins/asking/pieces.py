"""Pieces of a stream as the columns of a model, checked as a data frame is.

An error names the first row that offends: its number, and its place in its batch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.sources import ROWS, Batches, arrow
from pymargins.asking.weights import EXTREME_EXPONENT
from pymargins.errors import ArgumentError, ArgumentTypeError, PymarginsError
from pymargins.models.variables import Variable

#: Batches with fewer rows than this are put together.
FEW = ROWS // 4


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some rows of a stream.

    Parameters
    ----------
    table : pyarrow.Table
    start : int
        The number of its first row, from 0.
    batches : list of (row of this piece, batch, row of the batch)
        Where parts of batches start.
    """

    table: Any
    start: int
    batches: list[tuple[int, int, int]]

    @property
    def n(self) -> int:
        """The number of rows."""
        return self.table.num_rows

    def place(self, row: int) -> str:
        """Say where a row of the piece is, for messages."""
        starts = [first for first, _, _ in self.batches]
        first, batch, offset = self.batches[bisect_right(starts, row) - 1]
        return (
            f"row {self.start + row:,} (row {offset + row - first:,} of batch {batch:,}, counted "
            "from 0)"
        )

    # --- columns ------------------------------------------------------------------------------

    def values(self, name: str) -> pd.Series:
        """Return a column without missing values.

        Raises
        ------
        ArgumentError
            Naming the first row where it is missing.
        """
        return self._present(name, self.table.column(name))

    def _present(self, name: str, column: Any) -> pd.Series:
        if arrow().types.is_decimal(column.type):
            column = column.cast("float64")
        found = column.to_pandas()
        missing = found.isna().to_numpy()
        if missing.any():
            raise ArgumentError(
                f"at: column {name!r} has a missing value in {self.place(int(missing.argmax()))}; "
                "drop or fill such rows."
            )
        return found

    def variable(self, variable: Variable) -> Any:
        """Return a column of the model as the fit would have seen it."""
        column, types = self.table.column(variable.name), arrow().types
        text = types.is_string(column.type) or types.is_large_string(column.type)
        if text and variable.kind != "numeric":
            column = column.dictionary_encode()  # levels are looked up, not rows
        values = self._present(variable.name, column)
        return self._checked(values.array, lambda some: variable.of_frame(some, "at"))

    def weights(self, name: str) -> FloatArray:
        """Return the weights that a column holds."""
        column = self.values(name)
        return self._checked(column, lambda some: _as_weights(some, name))

    def _checked(self, values: Any, check: Callable[[Any], Any]) -> Any:
        """Return what a check makes of values, or raise its error with the first bad row."""
        try:
            return check(values)
        except PymarginsError:
            good, bad = 0, self.n  # the first `good` rows pass, the first `bad` do not
            while bad - good > 1:
                middle = (good + bad) // 2
                try:
                    check(values[:middle])
                    good = middle
                except PymarginsError:
                    bad = middle
            try:
                check(values[good:bad])
            except PymarginsError as error:
                text = f"{error} That is in {self.place(good)}."
                raise type(error)(text) from None
            raise


def pieces(batches: Batches) -> Iterator[Piece]:
    """Cut the batches of a stream into pieces of a good size."""
    pa = arrow()
    start, held = 0, _Held()
    for number, batch in enumerate(batches):
        for offset in range(0, batch.num_rows, ROWS):
            part = batch.slice(offset, ROWS)
            if held.n and held.n + part.num_rows > ROWS:
                yield Piece(pa.Table.from_batches(held.parts), start, held.places)
                start, held = start + held.n, _Held()
            held.add(part, number, offset)
            if held.n >= FEW:
                yield Piece(pa.Table.from_batches(held.parts), start, held.places)
                start, held = start + held.n, _Held()
    if held.n:
        yield Piece(pa.Table.from_batches(held.parts), start, held.places)


class _Held:
    """Parts of batches that wait to be put together."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self.places: list[tuple[int, int, int]] = []
        self.n = 0

    def add(self, part: Any, batch: int, offset: int) -> None:
        """Take another part."""
        self.parts.append(part)
        self.places.append((self.n, batch, offset))
        self.n += part.num_rows


def _as_weights(column: Any, name: str) -> FloatArray:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise ArgumentTypeError(
            f"weights: expected a column of numbers; {name!r} does not hold numbers."
        )
    found = np.asarray(column, dtype=float)
    if not np.isfinite(found).all() or (found < 0).any():
        raise ArgumentError("weights: every weight must be finite and not negative.")
    if abs(int(np.frexp(found.max())[1])) > EXTREME_EXPONENT:
        raise ArgumentError(
            f"weights: {found.max():g} is too far from 1 to be summed; multiply all of them by "
            "one number (only their ratios count)."
        )
    return found
