"""Which rows make which line of a plot, where they make any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError, listing, not_one_of, unknown_name
from pymargins.report.figures import Figures
from pymargins.values import value_text

#: The column of contrasts that names what was compared.
CONTRAST = "contrast"
#: The column that names the outcomes of a model with several.
OUTCOME = "outcome"
#: A variable with fewer values makes no curve.
FEWEST_VALUES = 3
#: More curves than this are not a picture; unasked, they become a forest plot.
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Lines:
    """Which rows make which line.

    Parameters
    ----------
    variable : str
        Along the axis.
    values : ndarray, shape (k,)
        Its value in each row.
    names : tuple of str
        The variables that tell lines apart.
    rows : mapping of str to ndarray
        The rows of each line by its name in the legend, in the order of `values`.
    effect : str
        What all rows are slopes of; empty where they are not, or differ.
    """

    variable: str
    values: FloatArray
    names: tuple[str, ...]
    rows: Mapping[str, IntArray]
    effect: str

    @property
    def repeats(self) -> bool:
        """Whether a line has two rows at one place."""
        return any(len(np.unique(self.values[rows])) < len(rows) for rows in self.rows.values())

    @property
    def is_picture(self) -> bool:
        """Whether these are few lines, with values enough for a curve each."""
        fewest = min(len(rows) for rows in self.rows.values())
        return len(self.rows) <= MOST_LINES and fewest >= FEWEST_VALUES and not self.repeats


def choose_lines(
    figures: Figures, kind: Any, x: Any, by: str | Sequence[str] | None
) -> Lines | None:
    """Arrange rows as lines, or return None for a forest plot.

    Raises
    ------
    UnknownNameError, ArgumentError
        Where what was asked names no variable, or makes no lines.
    """
    if kind not in (None, "line", "forest"):
        raise not_one_of("kind", kind, ["line", "forest"])
    names = [by] if isinstance(by, str) else None if by is None else list(by)
    _check_names(figures, kind, [] if x is None else [x], names or [])
    if kind == "forest":
        return None
    if kind is None and x is None and names is None:
        return _unasked(figures)
    variable = _widest(figures, names or [], 2) if x is None else x
    if variable is None:
        raise ArgumentError(
            "kind: lines need a numeric variable with several values; this result varies "
            f'{listing(figures.columns) or "no variable"}. Use kind="forest".'
        )
    lines = _arrange(figures, variable, names)
    if lines.repeats:
        left = [n for n in figures.columns if n not in (variable, *lines.names)]
        raise ArgumentError(
            f"by: several rows have the same {variable!r} in one line"
            + (f"; add {listing(left)} to `by`." if left else '; use kind="forest".')
        )
    return lines


def _check_names(figures: Figures, kind: Any, x: Sequence[Any], by: Sequence[Any]) -> None:
    for argument, asked in (("x", x), ("by", by)):
        if kind == "forest" and asked:
            raise ArgumentError(
                f"{argument}: a forest plot has one row for each estimate; leave it out."
            )
        for name in asked:
            if name not in figures.columns:
                raise unknown_name(argument, name, figures.columns, "a variable of this result")
        if x and argument == "by" and x[0] in asked:
            raise ArgumentError(f"by: {x[0]!r} is along the axis already.")


def _unasked(figures: Figures) -> Lines | None:
    """Arrange rows as lines where these make a picture."""
    variable = _widest(figures, [], FEWEST_VALUES)
    if variable is None:
        return None
    lines = _arrange(figures, variable, None)
    return lines if lines.is_picture else None


def _widest(figures: Figures, taken: Sequence[str], fewest: int) -> str | None:
    """Return the numeric variable with the most values, the first of several."""
    counts = {
        name: len(set(values))
        for name, values in figures.columns.items()
        if name not in taken and _is_numeric(figures, name)
    }
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] >= fewest else None


def _is_numeric(figures: Figures, name: str) -> bool:
    """Tell whether a column makes an axis: numbers, not levels that are written as numbers."""
    if _is_outcome(figures, name):
        return False
    return name.removeprefix("at_") not in figures.facts.session.categories and all(
        isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool)
        for v in figures.columns[name]
    )


def _is_outcome(figures: Figures, name: str) -> bool:
    """Tell whether a column names the outcomes of a model with several."""
    return name == OUTCOME and name not in figures.facts.session.variables


def _arrange(figures: Figures, variable: str, by: Sequence[str] | None) -> Lines:
    columns = figures.columns
    if not _is_numeric(figures, variable) or len(set(columns[variable])) < 2:
        raise ArgumentError(
            f"x: {variable!r} does not take several numeric values here; lines need some. Use "
            'kind="forest".'
        )
    values = np.array(columns[variable], dtype=float)
    others = [n for n in _variables(columns) if n != variable and len(set(columns[n])) > 1]
    names = others if by is None else list(by)
    parts = [[value_text(v) for v in columns[n]] for n in names]
    effects = _effects(figures)
    same = len(set(effects)) == 1
    if not same:
        parts = [effects, *parts]
    rows = _rows_of_keys(parts, values)
    return Lines(variable, values, tuple(names), rows, effects[0] if same else "")


def _rows_of_keys(parts: Sequence[Sequence[str]], values: FloatArray) -> dict[str, IntArray]:
    """Return the rows that agree in all parts, in the order of their values."""
    keys = [", ".join(part) for part in zip(*parts, strict=True)] if parts else [""] * len(values)
    rows: dict[str, IntArray] = {}
    for key in dict.fromkeys(keys):
        found = np.array([i for i, k in enumerate(keys) if k == key], dtype=np.intp)
        rows[key] = found[np.argsort(values[found], kind="stable")]
    return rows


def _variables(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Leave out the column that says what was compared: labels begin with it."""
    return [name for name in columns if name != CONTRAST]


def _effects(figures: Figures) -> list[str]:
    """Return each label without the scenario it is for: ``"age"`` of ``"age, treated=0"``."""
    out: list[str] = []
    # labels end in the outcome, which is the first column
    names = sorted(_variables(figures.columns), key=lambda name: _is_outcome(figures, name))
    for i, label in enumerate(figures.labels):
        scenario = ", ".join(f"{name}={value_text(figures.columns[name][i])}" for name in names)
        out.append(label.removesuffix(scenario).removesuffix(", "))
    return out
