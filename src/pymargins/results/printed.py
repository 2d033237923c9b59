"""Data frames and series that print as all tables here do, and are plain pandas otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pymargins.report.frames import frame_summary, index_names, matrix_summary
from pymargins.report.row_names import RowNames
from pymargins.report.summary import Summary, Tabled

if TYPE_CHECKING:
    from typing_extensions import Self


class PrintedFrame(Tabled, pd.DataFrame):
    """A data frame that prints as a table; whatever is made of it is a plain data frame."""

    _metadata = ["_title", "_notes", "_level", "_names"]  # noqa: RUF012 - pandas keeps these
    _title: str = ""
    _notes: tuple[str, ...] = ()
    _level: float = 0.95
    _names: tuple[tuple[Any, ...], RowNames] | None = None

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        title: str,
        notes: Sequence[str] = (),
        level: float = 0.95,
        names: RowNames | None = None,
    ) -> Self:
        """Give a data frame its title and notes, and what leads its rows in place of the index."""
        made = cls(frame)
        made._title, made._notes, made._level = title, tuple(notes), level
        made._names = None if names is None else (tuple(frame.index), names)
        return made

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    @property
    def _lead(self) -> RowNames:
        """What leads the rows; the index, once they were sorted or dropped in place."""
        if self._names is not None and self._names[0] == tuple(self.index):
            return self._names[1]
        return index_names(self)

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        return frame_summary(pd.DataFrame(self), self._title, self._notes, self._level, self._lead)


class PrintedMatrix(PrintedFrame):
    """A matrix of all pairs of rows that prints as a table."""

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        return matrix_summary(pd.DataFrame(self), self._title, self._notes, self._lead)


class PrintedSeries(Tabled, pd.Series):
    """A series that prints as a table with one row; what is made of it is a plain series."""

    _metadata = ["name", "_title", "_notes"]  # noqa: RUF012 - pandas' way to keep attributes
    _title: str = ""
    _notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, series: pd.Series, title: str, notes: Sequence[str] = ()) -> PrintedSeries:
        """Give a series its title and notes."""
        made = cls(series)
        made._title, made._notes = title, tuple(notes)
        return made

    @property
    def _constructor(self) -> type[pd.Series]:
        return pd.Series

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        row: dict[Any, Any] = {name: [value] for name, value in self.items()}
        frame = pd.DataFrame(row)
        return frame_summary(frame, self._title, self._notes, 0.95, index_names(frame))
