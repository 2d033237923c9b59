"""Tables of results and sessions: text, HTML, Markdown and LaTeX."""

from __future__ import annotations

from pymargins.tables.summary import Summary
from pymargins.tables.wording import session_summary, summarise

__all__ = ["Summary", "session_summary", "summarise"]
