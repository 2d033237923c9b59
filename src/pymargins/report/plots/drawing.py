"""Drawing into matplotlib axes: lines with bands, points side by side, rows with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.report.figures import Arrows, Figures, Wider
from pymargins.report.plots.style import GREY, Look, in_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: With no more points than this a curve shows where they are.
MOST_MARKERS = 12
#: Points of one place stand so far apart, all of them no further than the second figure.
DODGE, DODGED = 0.14, 0.6
#: Intervals under comparison arrows, in points.
WIDE = 8.0
#: In lists of more rows a faint line leads from each name to its interval.
FEW_ROWS = 8
#: Wider intervals, of new observations.
THIN: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.6}


def draw_null(ax: Axes, null: float | None, *, upright: bool) -> None:
    """Draw a line at no effect, across the axes."""
    if null is not None:
        draw = ax.axvline if upright else ax.axhline
        draw(null, color=GREY, linewidth=0.8, zorder=0)


def draw_bands(
    ax: Axes,
    series: Mapping[str, IntArray],
    places: AnyArray,
    figures: Figures,
    looks: Mapping[str, Look],
    wider: Wider | None = None,
) -> None:
    """Draw each line within the band of its intervals, and within a lighter one of wider ones."""
    from matplotlib.colors import to_rgba

    alike = len({(to_rgba(look.color), look.dashes) for look in looks.values()}) < len(looks)
    for name, rows in series.items():
        at, look = places[rows], looks[name]
        if wider is not None:
            _draw_band(ax, at, wider.low[rows], wider.high[rows], look.color, 0.07)
        _draw_band(ax, at, figures.ci_lower[rows], figures.ci_upper[rows], look.color, 0.18)
        ax.plot(
            at,
            figures.estimate[rows],
            color=look.color,
            label=in_legend(name) if len(looks) > 1 else None,
            linestyle=look.dashes,
            linewidth=1.6,
            marker=look.marker if alike else "o" if len(rows) <= MOST_MARKERS else None,
            markevery=max(len(rows) // MOST_MARKERS, 1),
            markersize=4,
        )
    ax.margins(x=0.02)


def _draw_band(
    ax: Axes, at: AnyArray, low: FloatArray, high: FloatArray, color: Any, alpha: float
) -> None:
    """Draw a band; of a single point, which has none, its interval."""
    if len(at) > 1:
        ax.fill_between(at, low, high, color=color, alpha=alpha, linewidth=0)
    else:
        ax.vlines(at, low, high, color=color, alpha=2 * alpha, linewidth=WIDE / 2)


def offsets(count: int) -> FloatArray:
    """Return how far the points of each series stand from their place."""
    apart = min(DODGE, DODGED / max(count - 1, 1))
    return (np.arange(count) - (count - 1) / 2) * apart


def draw_points(
    ax: Axes,
    series: Mapping[str, IntArray],
    places: FloatArray,
    figures: Figures,
    looks: Mapping[str, Look],
    arrows: Arrows | None = None,
    wider: Wider | None = None,
) -> None:
    """Draw points with their intervals side by side, those of a series joined by a thin line."""
    for shift, name in zip(offsets(len(looks)), looks, strict=True):
        if name not in series:
            continue
        rows, look = series[name], looks[name]
        at, middle = places[rows] + shift, figures.estimate[rows]
        if wider is not None:
            ax.vlines(at, wider.low[rows], wider.high[rows], color=look.color, **THIN)
        ax.plot(at, middle, color=look.color, linewidth=1.2, alpha=0.6, linestyle=look.dashes)
        ax.errorbar(
            at,
            middle,
            yerr=_reach(figures, rows),
            fmt=look.marker,
            color=look.color,
            label=in_legend(name) if len(looks) > 1 else None,
            markersize=5.5,
            **_interval_style(look.color, arrows is not None),
        )
        if arrows is not None:
            _draw_arrows(ax, at, middle, arrows[rows], upright=True)


def draw_forest(
    ax: Axes,
    rows: IntArray,
    labels: Sequence[str],
    figures: Figures,
    color: Any,
    arrows: Arrows | None = None,
    wider: Wider | None = None,
) -> None:
    """Draw one interval a row, from top to bottom."""
    places, middle = np.arange(len(rows), dtype=float), figures.estimate[rows]
    if wider is not None:
        ax.hlines(places, wider.low[rows], wider.high[rows], color=color, **THIN)
    ax.errorbar(
        middle,
        places,
        xerr=_reach(figures, rows),
        fmt="o",
        color=color,
        markersize=5 if len(rows) <= 40 else 3.5,
        **_interval_style(color, arrows is not None),
    )
    if arrows is not None:
        found = arrows[rows]
        _draw_arrows(ax, places, middle, found, upright=False)
    name_rows(ax, labels)


def name_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Name the rows of a list, from top to bottom."""
    ax.set_yticks(np.arange(len(labels)), list(labels))
    ax.set_ylim(len(labels) - 0.5, -0.5)
    if len(labels) > FEW_ROWS:
        ax.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        ax.set_axisbelow(True)


def _interval_style(color: Any, light: bool) -> dict[str, Any]:
    """Return how intervals are drawn: light and wide where arrows lie on them."""
    if not light:
        return {"elinewidth": 1.4, "capsize": 0}
    from matplotlib.colors import to_rgba

    return {"elinewidth": WIDE, "capsize": 0, "ecolor": to_rgba(color, 0.25)}


def _reach(figures: Figures, rows: IntArray) -> FloatArray:
    middle = figures.estimate[rows]
    low, high = figures.ci_lower[rows], figures.ci_upper[rows]
    return np.maximum(np.stack([middle - low, high - middle]), 0.0)


def _draw_arrows(
    ax: Axes, places: FloatArray, middle: FloatArray, arrows: Arrows, *, upright: bool
) -> None:
    """Draw arrows from estimates to where they end, in the colour of text: above any other."""
    from matplotlib import rcParams

    color = rcParams["text.color"]
    for ends, marker in (
        (arrows.low, "v" if upright else "<"),
        (arrows.high, "^" if upright else ">"),
    ):
        shown = np.isfinite(ends)
        along = np.stack([middle[shown], ends[shown]])
        across = np.stack([places[shown], places[shown]])
        x, y = (across, along) if upright else (along, across)
        ax.plot(x, y, color=color, linewidth=1.2, zorder=3)
        ax.plot(x[1], y[1], color=color, linestyle="none", marker=marker, markersize=4.5, zorder=3)
