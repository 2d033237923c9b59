"""From figures to a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from pymargins.errors import ArgumentTypeError
from pymargins.facts import Kind
from pymargins.report import words
from pymargins.report.figures import Figures
from pymargins.report.numbers import percent
from pymargins.report.plots.drawing import (
    AXIS_WIDTH,
    LABEL_WIDTH,
    draw_bands,
    draw_forest,
    forest_height,
    make_axes,
    wrapped,
)
from pymargins.report.plots.lines import Lines, choose_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PlotKind: TypeAlias = Literal["line", "forest"]


def plot(
    figures: Figures,
    ax: Axes | None = None,
    *,
    kind: PlotKind | None = None,
    x: str | None = None,
    by: str | Sequence[str] | None = None,
    simultaneous: bool = False,
) -> Axes:
    """Draw estimates with their confidence intervals.

    A result over three or more values of a numeric variable is drawn as lines with bands, one
    line for each combination of the other variables; any other as a forest plot, its rows from
    top to bottom. Slopes and contrasts get a line at no effect: 0, or 1 for ratios.

    Parameters
    ----------
    figures : Figures
        With the intervals, and the level, to be drawn.
    ax : matplotlib Axes, optional
        Drawn into; by default a new figure is made.
    kind : {"line", "forest"}, optional
        By default whichever suits the figures.
    x : str, optional
        The numeric variable along the axis; by default the one with the most values.
    by : str or list of str, optional
        The variables that tell lines apart, in the order of the legend; by default all others.
    simultaneous : bool
        Whether the intervals hold together with their level, for the axis to say so.

    Returns
    -------
    matplotlib Axes
        To be labelled, limited and saved as usual; nothing is shown.

    Raises
    ------
    ImportError
        Without matplotlib.
    UnknownNameError
        For a variable that the figures do not have.
    ArgumentError
        Where the variables do not make lines.
    """
    if ax is not None and not hasattr(ax, "fill_between"):
        raise ArgumentTypeError(f"ax: expected a matplotlib Axes, got {type(ax).__name__}.")
    lines = choose_lines(figures, kind, x, by)
    label = axis_label(figures, "" if lines is None else lines.effect, simultaneous)
    if lines is None:
        return _draw_rows(figures, ax, label)
    return _draw_lines(lines, figures, ax, label)


def _draw_rows(figures: Figures, ax: Axes | None, label: str) -> Axes:
    names = [wrapped(name, LABEL_WIDTH) for name in figures.labels]
    ax = make_axes(ax, (6.4, forest_height(names)))
    draw_forest(ax, names, figures, _null(figures))
    ax.set_xlabel(wrapped(label, AXIS_WIDTH))
    return ax


def _draw_lines(lines: Lines, figures: Figures, ax: Axes | None, label: str) -> Axes:
    ax = make_axes(ax, (6.4, 4.2))
    draw_bands(ax, lines, figures, _null(figures))
    ax.set_ylabel(wrapped(label, LABEL_WIDTH))
    return ax


def _null(figures: Figures) -> float | None:
    return words.null_of(figures.facts.quantity, figures.facts.scale)


def axis_label(figures: Figures, effect: str, simultaneous: bool) -> str:
    """Name what is drawn, of what, and its intervals: ``"Mean score (95 % CI)"``."""
    facts = figures.facts
    response = facts.session.model.response
    quantity = words.quantity_words(facts.quantity, facts.session.model, verb=False)
    label = quantity[:1].upper() + quantity[1:]
    if facts.quantity.kind is Kind.MEAN and not facts.quantity.operations:
        label = f"Mean {response}" if response else label
    elif response:
        label += f": {response}"
    if effect:
        label += f", {effect}"
    return f"{label} ({'simultaneous ' if simultaneous else ''}{percent(figures.level)} CI)"
