"""Rows set one below the other: how each is named, and how large their axes are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pymargins.report.plots.axes import (
    SINGLE,
    TALLEST,
    best_columns,
    character,
    first_axes,
    make_axes,
)
from pymargins.report.plots.layout import Layout
from pymargins.report.plots.style import LABEL_WIDTH, balanced
from pymargins.report.plots.variables import Variables

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A row, and a further line of its label, in inches for a font of 10 points, as also below.
ROW, LINE = 0.32, 0.19
#: More rows than this, and those of figures that would be too tall, are set closer in small print.
LONG = 30
SHORT_ROW, SHORT_LINE = 0.17, 0.13
#: A density needs more room than an interval.
TALL = 0.62
#: Above and below the rows of a panel, and below all of them.
TITLE, BELOW = 0.45, 0.7
#: An axis beside its labels, that of one of several panels, and of many side by side.
AXIS, NARROW_AXIS, NARROWEST_AXIS = 3.6, 2.3, 1.7
#: So many panels stand side by side before their axes are the narrowest; and at most.
MANY, MOST_COLUMNS = 4, 6


def row_labels(variables: Variables, layout: Layout) -> tuple[list[list[str]], str]:
    """Name the rows of every panel, and what the names are values of.

    What the axis, or the title of a panel, says is left out; and names of variables where all rows
    have the same: ``"school=A - school=B"`` is ``"A - B"``.
    """
    names = _in_panels(variables, layout) if layout.facet else list(variables.figures.labels)
    if not layout.facet and layout.effect:
        names = [name.removeprefix(f"{layout.effect}, ") for name in names]
    several = len(set(variables.effect_texts(layout.facet))) > 1
    if several and names != variables.effect_texts(layout.facet):
        title = ""  # "B - A, arm=x": the name tells where the contrast ends
    else:
        names, title = _without_names(names, _names(variables))
    rows = [[balanced(names[i], LABEL_WIDTH) for i in panel.rows] for panel in layout.panels]
    return rows, title


def _in_panels(variables: Variables, layout: Layout) -> list[str]:
    """Name rows by what tells those of a panel apart, where that is enough."""
    effects = variables.effect_texts(leave_out=layout.facet)
    left = [n for n in variables.varying if n not in layout.facet]
    names: list[str] = []
    for i, effect in enumerate(effects):
        parts = [f"{n}={variables.texts(n)[variables.columns[n][i]]}" for n in left]
        named = [effect] if effect and not (layout.effect and parts) else []
        names.append(", ".join([*named, *parts]))
    enough = all(len({names[i] for i in p.rows}) == len(p.rows) for p in layout.panels)
    return names if enough else list(variables.figures.labels)


def _names(variables: Variables) -> list[str]:
    """Return the names that labels may have before their values."""
    asked = variables.figures.facts.asked
    names = (*asked.given, *asked.over, *variables.columns)
    return [name for name in dict.fromkeys(names) if name not in variables.effects]


def _without_names(labels: Sequence[str], names: Sequence[str]) -> tuple[list[str], str]:
    """Leave names out of labels that all have the same; numbers in a difference keep theirs."""
    values = {name: re.compile(rf"(?<![\w.]){re.escape(name)}=([^,\s]*)") for name in names}
    found = {name: [value.findall(label) for label in labels] for name, value in values.items()}
    found = {name: rows for name, rows in found.items() if any(rows)}
    same = all(len(set(map(len, rows))) == 1 for rows in found.values())
    differences = any(len(rows[0]) > 1 for rows in found.values())
    numbers = any(_is_number(value) for rows in found.values() for row in rows for value in row)
    if len(labels) < 2 or not same or (differences and numbers):
        return list(labels), ""
    short = list(labels)
    for name in found:
        short = [values[name].sub(r"\1", label) for label in short]
    return short, ", ".join(found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Sheet:
    """How the panels of a list are set: side by side and one below the other, close or not."""

    columns: int
    rows: int
    height: float
    is_close: bool


def list_sheet(layout: Layout, labels: Sequence[Sequence[str]]) -> Sheet:
    """Find the sheet that is no taller than a page: more panels side by side, rows set closer."""
    count, same = len(labels), _are_same(labels)
    fewest = best_columns(count) if same else min(count, 2 if layout.facet else MANY)
    tallest, sheets = TALLEST / _scale(), list[Sheet]()
    for columns in range(fewest, max(min(count, MOST_COLUMNS), fewest) + 1):
        rows = -(-count // columns)
        room = (tallest - BELOW) / rows - TITLE
        for close in (False, True):
            height = max(_height(panel, layout.kind == "density", close, room) for panel in labels)
            whole = rows * (height + TITLE) + BELOW
            found = Sheet(columns, rows, whole * _scale(), close)
            if whole <= tallest and (close or max(map(len, labels)) <= LONG):
                return found
            sheets.append(found)
    return sheets[-1]


def list_axes(sheet: Sheet, labels: Sequence[Sequence[str]], terms: bool) -> list[Axes]:
    """Return the axes of the panels of a list.

    Panels with the same rows stand side by side and name them once. Scales are shared, except
    where panels are of different variables (`terms`), which have different units.
    """
    same = _are_same(labels)
    widest = max(len(line) for rows in labels for row in rows for line in row.split("\n"))
    names = widest * character("x-small" if sheet.is_close else "medium")
    axis = AXIS if len(labels) == 1 else NARROW_AXIS if sheet.columns <= MANY else NARROWEST_AXIS
    width = sheet.columns * axis + (names if same else sheet.columns * names)
    made = make_axes(
        (max(width, SINGLE[0]), sheet.height),
        sheet.rows,
        sheet.columns,
        sharex=not terms,
        sharey=same,
    )
    return first_axes(made, len(labels), sheet.columns)


def _are_same(labels: Sequence[Sequence[str]]) -> bool:
    return all(rows == labels[0] for rows in labels)


def _scale() -> float:
    """Return how large the font is that labels are written in."""
    from matplotlib import rcParams

    return float(rcParams["font.size"]) / 10.0


def _height(labels: Sequence[str], density: bool, close: bool, room: float) -> float:
    """Return the inches that rows need; curves that are set close take what room there is.

    Rows are as far apart everywhere as the two longest labels below each other have to be.
    """
    row, further = (SHORT_ROW, SHORT_LINE) if close else (ROW, LINE)
    lines = [label.count("\n") for label in labels]
    together = max(map(sum, pairwise(lines)), default=2 * lines[0]) / 2
    if density:
        row = max(min(TALL, room / len(labels) - further * together), SHORT_ROW) if close else TALL
    return max((row + further * together) * len(labels), ROW + further * max(lines))
