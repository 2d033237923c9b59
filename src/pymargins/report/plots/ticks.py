"""What stands beside axes: categories, dates and the names of rows, none on top of another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins.report.plots.axes import (
    LEADING,
    POINTS,
    TALLEST,
    character,
    columns_of,
    inches,
    line,
)
from pymargins.report.plots.style import LABEL_WIDTH, balanced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Labels that do not fit beside each other are turned, further where they still do not.
TURNED = (35, 90)
#: Points between two labels that stand beside each other.
APART = 3.0
#: Inches that a date along the axis needs; with fewer than so many the locator finds none.
DATE, FEWEST_DATES = 0.55, 5
#: Inches that a figure has for the names of places.
NAMES = 0.9
#: The size of titles of panels, and the fewest characters in a line of any label.
TITLE, LEAST = "medium", 10
#: Labels of axes may be a little longer than these.
BEYOND = 1.05


def set_categories(axes: Sequence[Axes], texts: Sequence[str], own: bool) -> None:
    """Name the places along the horizontal axes; what does not fit beside each other is turned.

    New figures (`own`) grow by names that are long and turned.
    """
    _set_names(axes, texts)
    if own:
        longest = max(inches(label)[1] for label in axes[-1].get_xticklabels())
        figure: Any = axes[0].figure
        figure.set_figheight(figure.get_figheight() + max(longest - NAMES, 0.0))


def places_in(texts: Sequence[str]) -> int:
    """Return how many lines names take along an axis, if all have to be turned."""
    lines = [balanced(text, LABEL_WIDTH).count("\n") + 1 for text in texts]
    return len(texts) * max(lines, default=1)


def _set_names(axes: Sequence[Axes], texts: Sequence[str]) -> None:
    from matplotlib import rcParams

    size = rcParams["xtick.labelsize"]
    inner = inches(axes[0])[0] / (len(texts) + 0.2)
    room = int(inner / character(size))
    for ax in axes:
        ax.set_xlim(-0.6, len(texts) - 0.4)
    longest = max((len(word) for text in texts for word in text.split()), default=0)
    if longest <= room:
        _label(axes, [balanced(text, room) for text in texts], 0)
        if _are_apart(axes[-1]):
            return
    for angle in TURNED:
        _label(axes, [balanced(text, LABEL_WIDTH) for text in texts], angle)
        lines = max(label.get_text().count("\n") + 1 for label in axes[-1].get_xticklabels())
        if lines * line(size) / np.sin(np.deg2rad(angle)) <= inner:
            return


def _label(axes: Sequence[Axes], texts: Sequence[str], angle: float) -> None:
    for ax in axes:
        ax.set_xticks(np.arange(len(texts)), texts)
        if angle:
            ax.tick_params(axis="x", labelrotation=angle)
            for label in ax.get_xticklabels():
                label.set(ha="right", va="top" if angle < 90 else "center", rotation_mode="anchor")


def _are_apart(ax: Axes) -> bool:
    """Tell whether the labels of an axis lie beside each other."""
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    apart = APART / POINTS * ax.figure.dpi
    return all(one.x1 + apart <= two.x0 for one, two in pairwise(boxes))


def set_title(ax: Axes, title: str) -> int:
    """Write the title of a panel as wide as the panel is; return how many lines it has."""
    if title:
        room = int(inches(ax)[0] / character(TITLE))
        ax.set_title(balanced(title, max(room, LEAST)), fontsize=TITLE)
    return ax.get_title().count("\n") + 1


def set_labels(ax: Axes, x: str, y: str) -> None:
    """Say what stands along the axes, in lines as long as these are."""
    from matplotlib import rcParams

    one = character(rcParams["axes.labelsize"])
    width, height = (max(int(BEYOND * side / one), LEAST) for side in inches(ax))
    ax.set_xlabel(balanced(x, width))
    ax.set_ylabel(balanced(y, height))


def grow(axes: Sequence[Axes], lines: int) -> None:
    """Make a figure taller, so that titles of several lines leave its panels as high; to a page."""
    figure: Any = axes[0].figure
    rows = -(-len(axes) // columns_of(axes))
    height = figure.get_figheight()
    figure.set_figheight(max(height, min(height + rows * (lines - 1) * line(TITLE), TALLEST)))


def set_dates(axes: Sequence[Axes]) -> None:
    """Write dates short, and as many as there is room for."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    most = int(inches(axes[0])[0] / DATE)
    for ax in axes:
        locator: Any = AutoDateLocator(minticks=2, maxticks=max(most, FEWEST_DATES))
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        if most < FEWEST_DATES:
            ax.tick_params(axis="x", labelrotation=TURNED[0])


def fit_rows(ax: Axes) -> None:
    """Make the names of rows smaller where the axes are too low for them."""
    labels = ax.get_yticklabels()
    lines = max((label.get_text().count("\n") + 1 for label in labels), default=1)
    room = inches(ax)[1] / max(len(labels), 1) / lines * POINTS / LEADING
    if labels and float(labels[0].get_fontsize()) > room:
        ax.tick_params(axis="y", labelsize=room)
