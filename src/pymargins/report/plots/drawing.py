"""Drawing into matplotlib axes: lines with bands, and rows with intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pymargins.report.figures import Figures
from pymargins.report.plots.lines import Lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's colours, told apart with every kind of colour vision; the faint ones last.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442",
)  # fmt: skip
DASHES = ("-", "--", ":", "-.")
#: With no more points than this a curve shows where they are.
MOST_MARKERS = 12
#: Labels of rows and of the vertical axis, and of the horizontal one, are wrapped to these.
LABEL_WIDTH, AXIS_WIDTH = 42, 60
TALLEST = 40.0
GREY = "0.45"


def wrapped(words: str, width: int) -> str:
    """Wrap words; keep their dollar signs from being read as mathematics."""
    return textwrap.fill(words, width).replace("$", r"\$")


def _in_legend(words: str) -> str:
    """Keep a name that starts with an underscore from being left out of the legend."""
    return wrapped(f" {words}" if words.startswith("_") else words, LABEL_WIDTH)


def make_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes that were given, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install 'pymargins[plot]'") from None
    _, new = pyplot.subplots(figsize=size, layout="constrained")
    new.spines[["top", "right"]].set_visible(False)
    new.spines[["left", "bottom"]].set_color(GREY)
    new.tick_params(color=GREY)
    return new


def draw_bands(ax: Axes, lines: Lines, figures: Figures, null: float | None) -> None:
    """Draw each line within the band of its intervals, and a line at no effect."""
    if null is not None:
        ax.axhline(null, color=GREY, linewidth=0.8, zorder=0)
    for i, (name, rows) in enumerate(lines.rows.items()):
        color = PALETTE[i % len(PALETTE)]
        at = lines.values[rows]
        low, high = figures.ci_lower[rows], figures.ci_upper[rows]
        ax.fill_between(at, low, high, color=color, alpha=0.18, linewidth=0)
        ax.plot(
            at,
            figures.estimate[rows],
            color=color,
            label=_in_legend(name) or None,
            linestyle=DASHES[i // len(PALETTE) % len(DASHES)],
            linewidth=1.6,
            marker="o" if len(rows) <= MOST_MARKERS else None,
            markersize=4,
        )
    ax.set_xlabel(wrapped(lines.variable, AXIS_WIDTH))
    ax.margins(x=0.02)
    if len(lines.rows) > 1:
        title = wrapped(", ".join(lines.names), LABEL_WIDTH) or None
        ax.legend(title=title, frameon=False, alignment="left")


def forest_height(labels: Sequence[str]) -> float:
    """Return the inches that the rows of a forest plot need."""
    rows = sum(0.32 + 0.19 * label.count("\n") for label in labels)
    return min(1.1 + rows, TALLEST)


def draw_forest(ax: Axes, labels: Sequence[str], figures: Figures, null: float | None) -> None:
    """Draw one interval a row, from top to bottom, and a line at no effect."""
    places = np.arange(len(labels))
    if null is not None:
        ax.axvline(null, color=GREY, linewidth=0.8, zorder=0)
    middle = figures.estimate
    reach = np.stack([middle - figures.ci_lower, figures.ci_upper - middle])
    ax.errorbar(
        middle,
        places,
        xerr=np.maximum(reach, 0.0),
        fmt="o",
        color=PALETTE[0],
        markersize=5,
        elinewidth=1.4,
        capsize=0,
    )
    ax.set_yticks(places, list(labels))
    ax.set_ylim(len(labels) - 0.5, -0.5)
