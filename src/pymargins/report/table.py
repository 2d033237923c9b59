"""A table with a title and notes: cells, not yet written in any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

#: A terminal and a notebook show this many rows, then only the first and the last of them.
MOST_ROWS = 60
FIRST, LAST = 40, 10

SomeTable = TypeVar("SomeTable", bound="Table")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title and notes.

    Parameters
    ----------
    title : str
    header : tuple of str
        One name a column; all empty for a table without a head.
    rows : tuple of tuple of str
        The cells. Numbers may end in figure spaces that put their decimal points in line.
    notes : tuple of str
        Sentences set below the table.
    lead : str
        A paragraph set above it.
    align : str
        ``"l"`` or ``"r"`` for each column; all ``"l"`` if empty.
    keys : int
        How many columns lead the rows: what they repeat of the row above is left blank.
    spans : tuple of (int, int)
        Headings that stand over several columns: the first of these, and how many.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    lead: str = ""
    align: str = ""
    keys: int = 0
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def blanked(self) -> list[tuple[str, ...]]:
        """The rows, without what leading columns repeat of the row above."""
        out: list[tuple[str, ...]] = []
        above: tuple[str, ...] = ()
        for row in self.rows:
            same = 0
            while same < min(self.keys, len(above)) and row[same] == above[same]:
                same += 1
            out.append(("",) * same + row[same:])
            above = row
        return out

    @property
    def headings(self) -> list[tuple[int, int]]:
        """The columns of each heading: where it begins, and how many it stands over."""
        over = dict(self.spans)
        out: list[tuple[int, int]] = []
        while not out or sum(out[-1]) < self.width:
            start = sum(out[-1]) if out else 0
            out.append((start, over.get(start, 1)))
        return out

    @property
    def alignment(self) -> str:
        """``"l"`` or ``"r"`` for each column."""
        return self.align or "l" * self.width

    @property
    def width(self) -> int:
        """The number of columns."""
        return max([len(self.header), *(len(row) for row in self.rows)])

    def chosen(self: SomeTable, columns: Sequence[int]) -> SomeTable:
        """Return the table with some of its columns; those of one heading stay together."""
        place = {j: new for new, j in enumerate(columns)}
        return replace(
            self,
            header=tuple(self.header[j] for j in columns),
            rows=tuple(tuple(row[j] for j in columns) for row in self.rows),
            align="".join(self.alignment[j] for j in columns),
            keys=sum(j < self.keys for j in columns),
            spans=tuple((place[start], count) for start, count in self.spans if start in place),
        )

    def labelled(self: SomeTable) -> SomeTable:
        """Return the table with one leading column, ``"name=value, name=value"``, for its keys."""
        keys = self.header[: self.keys]
        labels = [
            ", ".join(
                f"{name}={cell.strip()}" for name, cell in zip(keys, row, strict=False) if cell
            )
            for row in self.rows
        ]
        less = self.keys - 1
        return replace(
            self,
            header=("", *self.header[self.keys :]),
            rows=tuple(
                (label, *row[self.keys :]) for label, row in zip(labels, self.rows, strict=True)
            ),
            align="l" + self.alignment[self.keys :],
            keys=0,
            spans=tuple((start - less, count) for start, count in self.spans),
        )

    def shortened(self: SomeTable) -> SomeTable:
        """Return the table without the middle of its rows where there are very many."""
        if len(self.rows) <= MOST_ROWS:
            return self
        gap = ("⋮", *[""] * (self.width - 1))
        note = (
            f"The first {FIRST} and the last {LAST} of {len(self.rows):,} rows; to_frame() "
            "returns them all."
        )
        rows = (*self.rows[:FIRST], gap, *self.rows[-LAST:])
        return replace(self, rows=rows, notes=(note, *self.notes))
