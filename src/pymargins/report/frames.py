"""Tables of tests and of variables, in the style of all others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pymargins.report import numbers
from pymargins.report.row_names import RowNames
from pymargins.report.summary import Summary
from pymargins.values import value_text

#: Headings of columns that are called otherwise in print.
HEADINGS = {"estimate": "Estimate"}
P_VALUES = {"p_value": "p", "p_lower": "p (low)", "p_upper": "p (high)", "p_chi2": "p (χ²)"}
STATISTICS = {"statistic": "Statistic", "statistic_lower": "t (low)", "statistic_upper": "t (high)"}
DEGREES = ("df", "df1", "df2")
DIRECTION = {"p_direction": "P(direction)"}
#: Pairs of columns that share a heading.
LOW = "low"
PAIRS = {LOW: ("high", "Range"), "ci_lower": ("ci_upper", "{level} CI")}
#: A number with decimals, and no power of ten.
PLAIN = re.compile(r"-?\d+\.\d+")
SECOND = {last: first for first, (last, _) in PAIRS.items()}
#: The names of the statistics of joint tests.
TESTS = {"F": "F", "chi2": "χ²"}
NOTE, TEST, TERM, LETTERS = "note", "test", "term", "letters"


@dataclass(slots=True)
class _Columns:
    """Columns as they are printed, collected one by one."""

    header: list[str] = field(default_factory=list)
    cells: list[Sequence[str]] = field(default_factory=list)
    align: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, heading: str, cells: Sequence[str], side: str = "r") -> None:
        """Add a column."""
        self.header.append(heading)
        self.cells.append(cells)
        self.align += side


def frame_summary(
    frame: pd.DataFrame, title: str, notes: Sequence[str], level: float, names: RowNames
) -> Summary:
    """Return a data frame of tests or descriptions as a table.

    Parameters
    ----------
    frame : DataFrame
        Columns are recognised by their names: p-values, statistics, degrees of freedom, both ends
        of an interval; notes go below the table.
    title : str
    notes : sequence of str
    level : float
        Of the interval.
    names : RowNames
        What leads the rows.
    """
    shown = [name for name in frame.columns if not _is_silent(frame, name)]
    columns = _Columns(list(names.header), list(names.cells), names.align)
    for name in shown:
        if name in PAIRS and PAIRS[name][0] in shown:
            last, words = PAIRS[name]
            columns.spans.append((len(columns.header), 2))
            write = _bounds if name == LOW else _figures
            for heading, end in ((words.format(level=numbers.percent(level)), name), ("", last)):
                columns.add(heading, write(frame, end, [name, last]))
        elif name not in SECOND or SECOND[name] not in shown:
            columns.add(*_column(frame, name))
    several = len(names.header) if len(names.header) > 1 else 0
    return Summary(
        title,
        tuple(columns.header),
        tuple(zip(*columns.cells, strict=True)),
        (*_told(frame), *notes),
        align=columns.align,
        keys=shown.index(TERM) if TERM in shown else several,
        spans=tuple(columns.spans),
    )


def index_names(frame: pd.DataFrame) -> RowNames:
    """Let the index lead the rows, if it has a name."""
    if frame.index.name is None:
        return RowNames((), (), "")
    heading = "" if frame.index.name == "label" else str(frame.index.name)
    return RowNames((heading,), ([value_text(v) for v in frame.index],), "l")


def matrix_summary(
    frame: pd.DataFrame, title: str, notes: Sequence[str], names: RowNames
) -> Summary:
    """Return a matrix of all pairs as a table: p-values above its diagonal of estimates."""
    values = frame.to_numpy(dtype=float)
    lower = np.tril(np.ones(values.shape, dtype=bool))
    size = np.where(lower, np.abs(values), 0.0).max(initial=0.0)
    places = numbers.decimals(np.array([size]), np.array([np.nan])) * len(values)
    cells = list(names.cells)
    for j in range(len(values)):
        above, below = numbers.p_values(values[:j, j]), numbers.figures(values[j:, j], places[j:])
        cells.append(numbers.in_line([text.strip() for text in (*above, *below)]))
    return Summary(
        title,
        (*names.header, *map(", ".join, zip(*names.cells, strict=True))),
        tuple(zip(*cells, strict=True)),
        tuple(notes),
        align=names.align + "r" * len(values),
        keys=len(names.header) if len(names.header) > 1 else 0,
    )


def _is_silent(frame: pd.DataFrame, name: str) -> bool:
    """Tell whether a column says nothing, or is said elsewhere."""
    if name == NOTE:
        return True
    if name == TEST:
        return frame[name].nunique() == 1
    values = frame[name]
    if name in ("statistic_lower", "statistic_upper"):
        return True
    if name in PAIRS or name in SECOND:
        return not values.notna().any()
    return name in DEGREES and not np.isfinite(values.astype(float)).any()


def _column(frame: pd.DataFrame, name: str) -> tuple[str, Sequence[str], str]:
    """Return the heading of a column, its cells, and the side that they are flush with."""
    values = frame[name]
    if name in P_VALUES:
        return P_VALUES[name], numbers.p_values(values.to_numpy(dtype=float)), "r"
    if name in STATISTICS:
        return _statistic(frame), numbers.statistics(values.to_numpy(dtype=float)), "r"
    if name in DIRECTION:
        return DIRECTION[name], numbers.shares(values.to_numpy(dtype=float)), "r"
    if name in DEGREES:
        return name, numbers.degrees_of_freedom(values.to_numpy(dtype=float)), "r"
    if name == LETTERS:  # a letter's place in its cell says which it is
        return name, [value.replace(" ", numbers.FIGURE_SPACE) for value in values], "l"
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return str(name), [_words(value) for value in values], "l"
    if pd.api.types.is_integer_dtype(values):
        return str(name), [value_text(value) for value in values], "r"
    return HEADINGS.get(name, str(name)), _figures(frame, name, [name]), "r"


def _statistic(frame: pd.DataFrame) -> str:
    """Name a statistic by what it is compared with."""
    if TEST in frame.columns:
        kinds = set(frame[TEST])
        return TESTS.get(kinds.pop(), "Statistic") if len(kinds) == 1 else "Statistic"
    if "df" not in frame.columns:
        return "Statistic"
    return "t" if np.isfinite(frame["df"].astype(float)).any() else "z"


def _figures(frame: pd.DataFrame, name: str, together: Sequence[str]) -> list[str]:
    """Write numbers with the digits that columns need together."""
    every = frame[list(together)].to_numpy(dtype=float)
    largest = np.nanmax(np.where(np.isfinite(every), np.abs(every), np.nan), initial=0.0, axis=1)
    places = numbers.decimals(largest, np.full(len(largest), np.nan))
    return numbers.figures(frame[name].to_numpy(dtype=float), places)


def _bounds(frame: pd.DataFrame, name: str, together: Sequence[str]) -> list[str]:
    """Write ends of a range: of values that are known, without the zeros of a precision."""
    cells = [cell.strip() for cell in _figures(frame, name, together)]
    known = ["" if cell == numbers.MISSING else cell for cell in cells]
    return numbers.in_line(
        [cell.rstrip("0").rstrip(".") if PLAIN.fullmatch(cell) else cell for cell in known]
    )


def _words(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(value_text, value))
    missing = value is None or (pd.api.types.is_scalar(value) and pd.isna(value))
    return "" if missing else value_text(value)


def _told(frame: pd.DataFrame) -> list[str]:
    """Return what a column of notes says of its rows."""
    if NOTE not in frame.columns:
        return []
    names = frame[TERM] if TERM in frame.columns else frame.index
    told = zip(names, frame[NOTE], strict=True)
    return [f"{name}: {note}{'' if note.endswith('.') else '.'}" for name, note in told if note]
