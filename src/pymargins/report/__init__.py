"""From figures and facts to words, tables and plots: the one place where words live."""

from __future__ import annotations

from pymargins.report.figures import Figures, summarise
from pymargins.report.methods import session_summary
from pymargins.report.summary import Summary

__all__ = ["Figures", "Summary", "session_summary", "summarise"]
