"""Rows set one below the other: how each is named, and how large their axes are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pymargins.report.plots.axes import best_columns, make_axes
from pymargins.report.plots.layout import Layout
from pymargins.report.plots.style import LABEL_WIDTH, wrapped
from pymargins.report.plots.variables import Variables
from pymargins.report.row_names import TERM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches of a row, of a further line of its label, and of both where there are many rows.
ROW, LINE, SHORT_ROW, SHORT_LINE = 0.32, 0.19, 0.17, 0.13
#: More rows than this are set closer.
LONG = 30
#: A density needs more room than an interval.
TALL = 0.62
#: Inches of an axis beside its labels, and of a character of these.
AXIS, CHARACTER = 3.6, 0.085
NARROW_AXIS = 2.3
#: Characters that the label of a narrow axis has room for.
NARROW_LABEL = 26


def row_labels(variables: Variables, layout: Layout) -> tuple[list[list[str]], str]:
    """Name the rows of every panel, and what the names are values of.

    What the axis, or the title of a panel, says is left out; and names of variables where all rows
    have the same: ``"school=A - school=B"`` is ``"A - B"``.
    """
    names = _in_panels(variables, layout) if layout.facet else list(variables.figures.labels)
    if not layout.facet and layout.effect:
        names = [name.removeprefix(f"{layout.effect}, ") for name in names]
    names, title = _without_names(names, _names(variables))
    rows = [[wrapped(names[i], LABEL_WIDTH) for i in panel.rows] for panel in layout.panels]
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


def list_axes(layout: Layout, labels: Sequence[Sequence[str]]) -> list[Axes]:
    """Return the axes of the panels of a list.

    Panels with the same rows stand side by side and name them once. Scales are shared, except
    where panels are of different variables, which have different units.
    """
    count = len(labels)
    heights = [_height(rows, layout.kind == "density") for rows in labels]
    widest = max(len(line) for rows in labels for row in rows for line in row.split("\n"))
    names = widest * CHARACTER
    if count == 1:
        return list(make_axes((max(6.4, AXIS + names), heights[0] + 1.1)).ravel())
    same = all(rows == labels[0] for rows in labels)
    columns = best_columns(count) if same else min(count, 2 if layout.facet else 4)
    rows = -(-count // columns)
    width = columns * NARROW_AXIS + (names if same else columns * names)
    made = make_axes(
        (max(width, 6.4), rows * (max(heights) + 0.45) + 0.7),
        rows,
        columns,
        sharex=TERM not in layout.facet,
        sharey=same,
    )
    every = list(made.ravel())
    for ax in every[count:]:
        ax.remove()
    for ax in every[count - columns : count]:
        ax.xaxis.set_tick_params(which="both", labelbottom=True)
    return every[:count]


def _height(labels: Sequence[str], tall: bool) -> float:
    """Return the inches that rows need."""
    many = len(labels) > LONG
    row, line = (SHORT_ROW, SHORT_LINE) if many else (ROW, LINE)
    row = TALL if tall else row
    return sum(row + line * label.count("\n") for label in labels)
