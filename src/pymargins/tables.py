"""Tables of results: text, HTML, Markdown and LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, repr=False)
class Summary:
    """A table with a title and notes."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.title, *("  ".join(map(str, r)) for r in self.rows), *self.notes])

    __repr__ = __str__

    def to_html(self) -> str:
        return str(self)


def summarise(result: Any) -> Summary:
    frame = result.to_frame()
    return Summary("t", tuple(frame.columns), tuple(tuple(map(str, r)) for r in frame.to_numpy()))


def session_summary(provenance: Any, scale: Any, level: float, view: Any) -> Summary:
    return Summary(str(provenance), (), ())
