"""The axes that pictures are drawn into: their figure, its size and what it says below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.report.plots.style import GREY, plain_dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A single picture, and one of several, in inches.
SINGLE, SMALL = (6.4, 4.2), (2.9, 2.7)
#: Inches that a row of panels may take, and panels in it.
WIDEST, MOST_COLUMNS = 11.0, 4
#: More panels than this are smaller.
MANY_PANELS = 12
#: No page is taller, and no picture, where that can be helped.
TALLEST = 13.5
#: Inches of a place along the axis, of all that stands beside it, and the widest single picture.
PLACE, ASIDE, PLACES = 0.2, 2.1, 16.0
#: Mean width of a character and height of a line, in sizes of their font; points of an inch.
CHARACTER, LEADING, POINTS = 0.61, 1.2, 72.0
#: Inches that small print leaves free to its sides.
MARGIN = 0.15


def require_matplotlib() -> None:
    """Say what to install where matplotlib is missing."""
    try:
        import_module("matplotlib")
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install 'pymargins[plot]'") from None


def check_axes(ax: Any) -> None:
    """Refuse what nothing can be drawn into."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise ArgumentTypeError(
            f"ax: expected a matplotlib Axes, got {type(ax).__name__}. Pick one of several, "
            "axes[0]; leave it out for a new figure."
        )
    if ax is not None and ax.name != "rectilinear":
        raise ArgumentError(
            f"ax: its axes are {ax.name}, and pictures need straight ones. Make them without "
            "projection=."
        )


# --- sizes ---------------------------------------------------------------------------------------


def character(size: Any) -> float:
    """Return the inches that a character takes, on average, of a font of some size."""
    from matplotlib.font_manager import FontProperties

    return CHARACTER * FontProperties(size=size).get_size_in_points() / POINTS


def line(size: Any) -> float:
    """Return the inches that a line of text takes, of a font of some size."""
    from matplotlib.font_manager import FontProperties

    return LEADING * FontProperties(size=size).get_size_in_points() / POINTS


def inches(artist: Any) -> tuple[float, float]:
    """Return the width and height of what is drawn."""
    box = artist.get_window_extent()
    return box.width / artist.figure.dpi, box.height / artist.figure.dpi


def settle(ax: Axes) -> None:
    """Give axes the place that they will have, as far as the figure is drawn."""
    figure = ax.figure.canvas.figure
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


# --- new figures ---------------------------------------------------------------------------------


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


def panel_axes(count: int, places: int) -> list[Axes]:
    """Return the axes of so many panels that share both scales, in reading order.

    Parameters
    ----------
    count : int
    places : int
        How many categories stand along each axis; 0 for numbers.
    """
    columns = best_columns(count)
    while columns > 1 and columns * PLACE * places > WIDEST - ASIDE:
        columns -= 1
    rows = -(-count // columns)
    needed = columns * PLACE * places + ASIDE
    width = min(max(SMALL[0] * columns, SINGLE[0], needed), WIDEST if columns > 1 else PLACES)
    if count == 1:
        return [make_axes((width, SINGLE[1]))[0, 0]]
    highest = SMALL[1] if rows > 1 else SINGLE[1] - 0.5
    height = min(highest, 1.15 * width / columns)
    made = make_axes((width, height * rows + 0.5), rows, columns, sharex=True, sharey=True)
    return first_axes(made, count, columns)


def first_axes(made: Any, count: int, columns: int) -> list[Axes]:
    """Return so many axes in reading order, the others removed, the lowest ones labelled."""
    every = list(made.ravel())
    for ax in every[count:]:
        ax.remove()
    for ax in every[max(count - columns, 0) : count]:  # the last of each column has its labels
        ax.xaxis.set_tick_params(which="both", labelbottom=True)
    return every[:count]


def best_columns(count: int) -> int:
    """Return how many panels stand side by side, with few places left empty."""
    if count <= MOST_COLUMNS:
        return count
    some = (3, 4) if count <= MANY_PANELS else (5, 6)
    return min(some, key=lambda columns: (-count % columns, -columns))


def columns_of(axes: Sequence[Axes]) -> int:
    """Return how many panels of a figure stand side by side."""
    place: Any = axes[0].get_subplotspec()
    return min(place.get_gridspec().ncols, len(axes))


def is_outer(ax: Axes, count: int) -> tuple[bool, bool]:
    """Tell whether one of so many panels is in the first column, and has none below."""
    place: Any = ax.get_subplotspec()
    columns, column = place.get_gridspec().ncols, place.colspan.start
    return column == 0, (place.rowspan.start + 1) * columns + column >= count


def add_caption(ax: Axes, words: str) -> None:
    """Set small print below all axes of a figure, in lines that it has room for."""
    figure: Any = ax.figure
    room = figure.get_figwidth() - MARGIN
    width = int(room / character("x-small")) + 10
    made = figure.supxlabel("", x=0.01, ha="left", fontsize="x-small", alpha=0.75)
    while True:
        made.set_text(plain_dollars(textwrap.fill(words, width, break_on_hyphens=False)))
        if inches(made)[0] <= room or width <= 10:
            return
        width -= 3
