"""Data frames and series that print as all tables here do, and are plain pandas otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pymargins.report.frames import frame_summary, matrix_summary
from pymargins.report.summary import Summary, Tabled


class PrintedFrame(Tabled, pd.DataFrame):
    """A data frame that prints as a table; whatever is made of it is a plain data frame."""

    _metadata = ["_title", "_notes", "_level"]  # noqa: RUF012 - pandas' way to keep attributes
    _title: str = ""
    _notes: tuple[str, ...] = ()
    _level: float = 0.95

    @classmethod
    def of(
        cls, frame: pd.DataFrame, title: str, notes: Sequence[str] = (), level: float = 0.95
    ) -> PrintedFrame:
        """Give a data frame its title and notes."""
        made = cls(frame)
        made._title, made._notes, made._level = title, tuple(notes), level
        return made

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        return frame_summary(pd.DataFrame(self), self._title, self._notes, self._level)


class PrintedMatrix(PrintedFrame):
    """A matrix of all pairs of rows that prints as a table."""

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        return matrix_summary(pd.DataFrame(self), self._title, self._notes)


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
        return frame_summary(pd.DataFrame(row), self._title, self._notes)
