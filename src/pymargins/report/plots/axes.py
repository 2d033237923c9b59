"""The axes that pictures are drawn into: their figure, size, legend and caption."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins.report.plots.style import GREY, LABEL_WIDTH, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A single picture, and one of several, in inches.
SINGLE, SMALL = (6.4, 4.2), (2.9, 2.7)
#: Inches that a row of panels may take, and panels in it.
WIDEST, MOST_COLUMNS = 11.0, 4
#: More panels than this are smaller.
MANY_PANELS = 12
#: Characters of small print in an inch.
CAPTION_DENSITY = 15.5
#: Share of the axes' height between data and a legend above them.
GAP = 0.03


def require_matplotlib() -> None:
    """Say what to install where matplotlib is missing."""
    try:
        import_module("matplotlib")
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install 'pymargins[plot]'") from None


def make_axes(size: tuple[float, float], rows: int = 1, columns: int = 1, **shared: Any) -> Any:
    """Return the axes of a new figure, an array of them."""
    from matplotlib import pyplot

    _, made = pyplot.subplots(
        rows, columns, figsize=size, layout="constrained", squeeze=False, **shared
    )
    for ax in made.ravel():
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(GREY)
        ax.tick_params(color=GREY)
    return made


def panel_axes(count: int) -> list[Axes]:
    """Return the axes of so many panels that share both scales, in reading order."""
    columns = best_columns(count)
    rows = -(-count // columns)
    width = min(max(SMALL[0] * columns, SINGLE[0]), WIDEST)
    highest = SMALL[1] if rows > 1 else SINGLE[1] - 0.5
    height = min(highest, 1.15 * width / columns)
    made = make_axes((width, height * rows + 0.5), rows, columns, sharex=True, sharey=True)
    every = list(made.ravel())
    for ax in every[count:]:
        ax.remove()
    for i in range(count - columns, count):  # the last of each column has its labels
        every[i].xaxis.set_tick_params(which="both", labelbottom=True)
    return every[:count]


def best_columns(count: int) -> int:
    """Return how many panels stand side by side, with few places left empty."""
    if count <= MOST_COLUMNS:
        return count
    some = (3, 4) if count <= MANY_PANELS else (5, 6)
    return min(some, key=lambda columns: (-count % columns, -columns))


def is_outer(ax: Axes, count: int) -> tuple[bool, bool]:
    """Tell whether one of so many panels is in the first column, and has none below."""
    place: Any = ax.get_subplotspec()
    columns, column = place.get_gridspec().ncols, place.colspan.start
    return column == 0, (place.rowspan.start + 1) * columns + column >= count


def add_legend(axes: Sequence[Axes], title: str, own: bool) -> None:
    """Name the series where the legend covers no data: beside the axes, or above what they show.

    Parameters
    ----------
    axes : sequence of Axes
        The legend belongs to the last of the first row.
    title : str
    own : bool
        Whether the figure is ours, so that it makes room beside the axes.
    """
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(handles) < 2:
        return
    shown = {"title": wrapped(title, LABEL_WIDTH) or None, "frameon": False, "alignment": "left"}
    parts = list(handles.values()), list(handles)
    if own:
        count = len(axes)
        ax = axes[min(best_columns(count), count) - 1]
        ax.legend(*parts, loc="upper left", bbox_to_anchor=(1.0, 1.02), **shown)
    else:
        _legend_above(axes[0], parts, shown)


def _legend_above(ax: Axes, parts: Any, shown: dict[str, Any]) -> None:
    """Set a legend into the upper left corner of axes, and stretch these until it is free."""
    low, high = ax.get_ylim()
    columns = min(len(parts[1]), 3)
    legend = ax.legend(*parts, loc="upper left", ncols=columns, **shown)
    box = legend.get_window_extent()
    taken = min(box.height / ax.get_window_extent().height + GAP, 0.7)
    ax.set_ylim(low, low + (high - low) / (1.0 - taken))


def add_caption(ax: Axes, words: str) -> None:
    """Set small print below all axes of a figure."""
    figure: Any = ax.figure
    width = int(figure.get_figwidth() * CAPTION_DENSITY)
    figure.supxlabel(wrapped(words, width), x=0.01, ha="left", fontsize="x-small", alpha=0.75)


def set_categories(axes: Sequence[Axes], texts: Sequence[str], inches: float) -> None:
    """Name the places along the horizontal axis; what does not fit beside each other is turned."""
    room = max(int(inches / max(len(texts), 1) * 11.5), 6)
    longest = max((len(word) for text in texts for word in text.split()), default=0)
    turned = longest > room
    shown = [wrapped(text, LABEL_WIDTH if turned else room) for text in texts]
    for ax in axes:
        ax.set_xticks(np.arange(len(texts)), shown)
        ax.set_xlim(-0.6, len(texts) - 0.4)
        if turned:
            ax.tick_params(axis="x", labelrotation=35)
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
