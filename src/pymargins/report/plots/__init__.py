"""Plots of results with matplotlib, which is imported when first needed."""

from __future__ import annotations

from pymargins.report.plots.drawing import PALETTE
from pymargins.report.plots.lines import MOST_LINES
from pymargins.report.plots.plotting import plot

__all__ = ["MOST_LINES", "PALETTE", "plot"]
