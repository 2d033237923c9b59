"""Densities of draws: one curve a row, above the interval of the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.report.figures import Figures
from pymargins.report.plots.drawing import name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The highest curve reaches so far towards the row above.
HEIGHT = 0.82
POINTS = 200
#: Beyond the draws, in bandwidths, curves end.
TAIL = 3.0


def draw_densities(
    ax: Axes,
    rows: IntArray,
    labels: Sequence[str],
    figures: Figures,
    draws: FloatArray,
    color: Any,
) -> None:
    """Draw the density of each row's draws above its estimate and interval.

    Areas are equal within a panel; the estimate by the smoother is that of Silverman's bandwidth.
    """
    curves = [_density(draws[:, row]) for row in rows]
    highest = max(density.max() for _, density in curves) or 1.0
    for place, (row, (at, density)) in enumerate(zip(rows, curves, strict=True)):
        top = place - HEIGHT * density / highest
        ax.fill_between(at, place, top, color=color, alpha=0.25, linewidth=0, zorder=1.5)
        ax.plot(at, top, color=color, linewidth=1.0)
        ends = [figures.ci_lower[row], figures.ci_upper[row]]
        ax.plot(ends, [place, place], color=color, linewidth=2.2, solid_capstyle="butt")
        ax.plot([figures.estimate[row]], [place], "o", color=color, markersize=5)
    name_rows(ax, labels)
    ax.set_ylim(len(labels) - 0.6, -1.0)


def _density(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate a density where it is not zero; draws that are all the same have none."""
    from scipy.stats import gaussian_kde

    spread = draws.std(ddof=1)
    if not spread > 1e-12 * max(1.0, np.abs(draws).max()):
        return draws[:1], np.zeros(1)
    smoother = gaussian_kde(draws, "silverman")
    reach = TAIL * np.sqrt(smoother.covariance[0, 0])
    at = np.linspace(draws.min() - reach, draws.max() + reach, POINTS)
    return at, np.asarray(smoother(at))
