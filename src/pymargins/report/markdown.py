"""Tables as GitHub Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pymargins.report.table import Table

#: What Markdown would read as markup: an underscore inside a word and a lone "<" are harmless.
SPECIAL = re.compile(r"[\\`*|\[\]$~]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")


def render(table: Table) -> str:
    """Write a table as a pipe table between its title and its notes."""
    lines = [f"**{escape(table.title)}**", ""]
    if table.lead:
        lines += [escape(table.lead), ""]
    lines.append(_row(table.header or [""] * table.width))
    lines.append("|" + "|".join("--:" if side == "r" else ":--" for side in table.alignment) + "|")
    lines += [_row(row) for row in table.rows]
    if table.notes:
        lines += ["", *(f"{escape(note)}  " for note in table.notes[:-1]), escape(table.notes[-1])]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape(cell.strip()) for cell in cells) + " |"


def escape(words: str) -> str:
    """Escape what Markdown would read as markup, and line breaks."""
    return SPECIAL.sub(lambda found: "\\" + found.group(), " ".join(words.split()))
