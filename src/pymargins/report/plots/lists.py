"""Rows set one below the other: how each is named, and how large their axes are."""

from __future__ import annotations

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


def row_labels(variables: Variables, layout: Layout) -> list[list[str]]:
    """Name the rows of every panel; what its title says is left out."""
    figures = variables.figures
    if not layout.facet:
        names = list(figures.labels)
    else:
        effects = variables.effect_texts(leave_out=layout.facet)
        left = [n for n in variables.varying if n not in layout.facet]
        names = []
        for i, effect in enumerate(effects):
            texts = [variables.texts(n)[variables.columns[n][i]] for n in left]
            parts = [f"{n}={t}" for n, t in zip(left, texts, strict=True)]
            parts = texts if row_variable(variables, layout) else parts
            named = [effect] if effect and not (layout.effect and parts) else []
            names.append(", ".join([*named, *parts]))
        if any(len({names[i] for i in p.rows}) < len(p.rows) for p in layout.panels):
            names = list(figures.labels)
    return [[wrapped(names[i], LABEL_WIDTH) for i in panel.rows] for panel in layout.panels]


def row_variable(variables: Variables, layout: Layout) -> str:
    """Return the one variable that tells the rows of every panel apart; empty if there is none."""
    left = [n for n in variables.varying if n not in layout.facet]
    alone = len(left) == 1 and len(set(variables.effect_texts(layout.facet))) == 1
    return left[0] if layout.facet and alone else ""


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
