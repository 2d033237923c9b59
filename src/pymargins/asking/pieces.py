"""Pieces of a population as the columns of a model, checked as a data frame is.

An error names the first row that offends: its number, and its place in its batch or partition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.weights import EXTREME_EXPONENT
from pymargins.errors import ArgumentError, ArgumentTypeError, PymarginsError
from pymargins.models.variables import Variable

#: Rows that are held at a time: enough for arrays, few enough for memory.
ROWS = 131_072
#: Batches with fewer rows than this are put together.
FEW = ROWS // 4


class Piece(ABC):
    """Some rows of a population.

    Parameters
    ----------
    n : int
        How many.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    @abstractmethod
    def place(self, row: int) -> str:
        """Say where a row of the piece is, for messages."""

    @abstractmethod
    def column(self, name: str, levels: bool = False) -> pd.Series:
        """Return a column; with `levels` text may be a category."""

    def values(self, name: str, levels: bool = False) -> pd.Series:
        """Return a column without missing values.

        Raises
        ------
        ArgumentError
            Naming the first row where it is missing.
        """
        found = self.column(name, levels)
        missing = found.isna().to_numpy()
        if missing.any():
            raise ArgumentError(
                f"at: column {name!r} has a missing value in {self.place(int(missing.argmax()))}; "
                "drop or fill such rows."
            )
        return found

    def variable(self, variable: Variable) -> Any:
        """Return a column of the model as the fit would have seen it."""
        values = self.values(variable.name, levels=variable.kind != "numeric")
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


# --- of a stream ---------------------------------------------------------------------------------


class ArrowPiece(Piece):
    """Some rows of an Arrow stream.

    Parameters
    ----------
    parts : list of pyarrow.RecordBatch
    start : int
        The number of the first row, from 0.
    batches : list of (row of this piece, batch, row of the batch)
        Where parts of batches start.
    """

    def __init__(self, parts: list[Any], start: int, batches: list[tuple[int, int, int]]) -> None:
        import pyarrow  # pyright: ignore[reportMissingImports]

        super().__init__(sum(part.num_rows for part in parts))
        self.types = pyarrow.types
        self.table = pyarrow.Table.from_batches(parts)
        self.start = start
        self.batches = batches

    def place(self, row: int) -> str:
        """Say where a row of the piece is, for messages."""
        starts = [first for first, _, _ in self.batches]
        first, batch, offset = self.batches[bisect_right(starts, row) - 1]
        return (
            f"row {self.start + row:,} (row {offset + row - first:,} of batch {batch:,}, counted "
            "from 0)"
        )

    def column(self, name: str, levels: bool = False) -> pd.Series:
        """Return a column; with `levels` text is a category: its values are looked up once."""
        found, types = self.table.column(name), self.types
        if types.is_decimal(found.type):
            found = found.cast("float64")
        elif levels and (types.is_string(found.type) or types.is_large_string(found.type)):
            found = found.dictionary_encode()
        return found.to_pandas()


def arrow_pieces(batches: Iterable[Any]) -> Iterator[Piece]:
    """Cut the batches of a stream into pieces of a good size."""
    start, held = 0, _Held()
    for number, batch in enumerate(batches):
        for offset in range(0, batch.num_rows, ROWS):
            part = batch.slice(offset, ROWS)
            if held.n and held.n + part.num_rows > ROWS:
                yield held.piece(start)
                start, held = start + held.n, _Held()
            held.add(part, number, offset)
            if held.n >= FEW:
                yield held.piece(start)
                start, held = start + held.n, _Held()
    if held.n:
        yield held.piece(start)


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

    def piece(self, start: int) -> Piece:
        """Put them together."""
        return ArrowPiece(self.parts, start, self.places)


# --- of a partition ------------------------------------------------------------------------------


class FramePiece(Piece):
    """Some rows of a partition, which is a data frame.

    Parameters
    ----------
    frame : DataFrame
    start : int
        The number of the first row in its partition.
    partition : int
    """

    def __init__(self, frame: pd.DataFrame, start: int, partition: int) -> None:
        super().__init__(len(frame))
        self.frame = frame
        self.start = start
        self.partition = partition

    def place(self, row: int) -> str:
        """Say where a row of the piece is, for messages."""
        return f"row {self.start + row:,} of partition {self.partition:,} (counted from 0)"

    def column(self, name: str, levels: bool = False) -> pd.Series:
        """Return a column."""
        return self.frame[name].reset_index(drop=True)


def frame_pieces(frame: pd.DataFrame, partition: int) -> Iterator[Piece]:
    """Cut a partition into pieces of a good size."""
    for start in range(0, len(frame), ROWS):
        yield FramePiece(frame.iloc[start : start + ROWS], start, partition)
