"""Legends that cover no data: beside the axes of our own figures, above the data of given ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pymargins.report.plots.axes import character, columns_of, inches, settle
from pymargins.report.plots.style import LABEL_WIDTH, balanced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches that a legend may take of a figure as it is, and those of its height that axes need.
BESIDE, BELOW = 1.3, 1.0
#: Share of the axes' height between data and a legend above them.
GAP = 0.03
#: Legends above data are in as many columns as fit, and smaller where they take more than a share.
MOST_COLUMNS, SHARE, MOST = 3, 0.45, 0.9
#: Beside a label, the inches of its handle and of the space to the next; its fewest characters.
HANDLE, LEAST = 0.75, 6


def add_legend(axes: Sequence[Axes], title: str, own: bool) -> None:
    """Name the series where the legend covers no data.

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
    if own:
        _beside(axes, handles, title)
    else:
        _above(axes[0], handles, title)


def _beside(axes: Sequence[Axes], handles: dict[str, Any], title: str) -> None:
    """Set a legend to the right, in columns no taller than the axes, and widen the figure by it."""
    count = len(axes)
    across = columns_of(axes)
    ax: Any = axes[across - 1]
    figure: Any = ax.figure
    room = (figure.get_figheight() - BELOW) / -(-count // across)
    shown = {"title": balanced(title, LABEL_WIDTH), "frameon": False, "alignment": "left"}
    place: Any = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.02)}
    parts = list(handles.values()), list(handles)
    height = inches(ax.legend(*parts, **place, **shown))[1]
    columns = min(-(-height // room), len(handles))
    legend = ax.legend(*parts, ncols=int(columns), **place, **shown)
    figure.set_figwidth(figure.get_figwidth() + max(inches(legend)[0] - BESIDE, 0.0))


def _above(ax: Axes, handles: dict[str, Any], title: str) -> None:
    """Set a legend into the upper left corner of axes, and stretch these until it is free."""
    settle(ax)
    width, height = inches(ax)
    tall = 0.0
    for size in ("medium", "small", "x-small"):
        for columns in range(min(len(handles), MOST_COLUMNS), 0, -1):
            wide, tall = inches(_inside(ax, handles, title, size, columns))
            if wide <= width:
                break
        if tall <= SHARE * height:
            break
    stretch(ax, min(tall / height + GAP, MOST))


def _inside(ax: Axes, handles: dict[str, Any], title: str, size: str, columns: int) -> Any:
    """Set a legend into axes, its names in lines that these have room for."""
    room = int((inches(ax)[0] - HANDLE) / character(size))
    room = max(min(LABEL_WIDTH, room), LEAST)
    return ax.legend(
        list(handles.values()),
        [balanced(label, room) for label in handles],
        title=balanced(title, room),
        loc="upper left",
        ncols=columns,
        fontsize=size,
        title_fontsize=size,
        frameon=False,
        alignment="left",
    )


def stretch(ax: Axes, share: float) -> None:
    """Leave a share of the height of axes free above what they show, on any scale.

    Data that are drawn later keep it free, too.
    """
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(ax.get_ylim())
    top = float(scale.inverted().transform(low + (high - low) / (1.0 - share)))
    if ax.get_autoscaley_on():
        ax.update_datalim([(0.0, top)], updatex=False)
        ax.autoscale_view(scalex=False)
    else:
        ax.set_ylim(top=top)
