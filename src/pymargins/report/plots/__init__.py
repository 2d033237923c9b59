"""Plots of results with matplotlib, which is imported when first needed."""

from __future__ import annotations

from pymargins.report.plots.choosing import MOST_LINES
from pymargins.report.plots.layout import PlotKind
from pymargins.report.plots.plotting import plot
from pymargins.report.plots.style import PALETTE, Colors
from pymargins.report.plots.variables import Order

__all__ = ["MOST_LINES", "PALETTE", "Colors", "Order", "PlotKind", "plot"]
