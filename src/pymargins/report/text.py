"""Tables for a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

from pymargins.report.numbers import FIGURE_SPACE, POINT_SPACE
from pymargins.report.table import Table

WIDEST = 100
NARROWEST = 60
USUAL = 88
#: A column of words is wrapped to no less than this.
NARROWEST_COLUMN = 24
#: But where several do not fit.
NARROWEST_OF_ALL = 10
GAP = "  "
PADS = str.maketrans({FIGURE_SPACE: " ", POINT_SPACE: " "})
#: For terminals whose encoding has no such signs.
PLAIN = str.maketrans(
    {
        "─": "-",
        "−": "-",
        "×": "x",
        "∞": "inf",
        "⋮": ":",
        "…": "...",
        "⁻": "^-",
        "¹": "1",
        "²": "^2",
        "–": "-",
        "±": "+/-",
    }
)


def render(table: Table) -> str:
    """Write a table as lines of text, as wide as the terminal, at most 100 columns."""
    limit = min(max(shutil.get_terminal_size((USUAL, 24)).columns, NARROWEST), WIDEST)
    header = [cell.translate(PADS) for cell in table.header]
    rows = [[cell.translate(PADS).replace("\n", " ") for cell in row] for row in table.blanked]
    widths = _widths(table, header, rows, limit)
    width = max(sum(widths) + len(GAP) * (len(widths) - 1), 1)
    rule = "─" * width
    lines = [*_wrap(table.title, limit)]
    if table.lead:
        lines += ["", *_wrap(table.lead, limit), ""]
    lines.append(rule)
    if any(header):
        lines += [*_head(table, header, widths), rule]
    for row in rows:
        lines += _row(row, widths, table.alignment)
    lines.append(rule)
    for note in table.notes:
        lines += _wrap(note, limit)
    return printable("\n".join(lines))


def _head(table: Table, header: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Write the headings, each over its columns."""
    cells = [header[start] for start, _ in table.headings]
    wide = [sum(widths[j : j + k]) + len(GAP) * (k - 1) for j, k in table.headings]
    sides = ["c" if count > 1 else table.alignment[start] for start, count in table.headings]
    return _row(cells, wide, "".join(sides))


def _widths(
    table: Table, header: Sequence[str], rows: Sequence[Sequence[str]], limit: int
) -> list[int]:
    """Return the width of each column; the widest columns of words give way to fit the limit."""
    alignment = table.alignment
    alone = [header[j] if count == 1 else "" for j, count in table.headings for _ in range(count)]
    widths = [
        max((len(row[j]) for row in (alone, *rows) if j < len(row)), default=0)
        for j in range(len(alignment))
    ]
    for start, count in table.spans:
        room = sum(widths[start : start + count]) + len(GAP) * (count - 1)
        widths[start] += max(len(header[start]) - room, 0)
    words = [j for j, side in enumerate(alignment) if side == "l"]
    for least in (NARROWEST_COLUMN, NARROWEST_OF_ALL):
        for j in sorted(words, key=lambda j: -widths[j]):
            excess = sum(widths) + len(GAP) * (len(widths) - 1) - limit
            widths[j] = min(widths[j], max(widths[j] - max(excess, 0), least))
    return widths


def _row(row: Sequence[str], widths: Sequence[int], alignment: str) -> list[str]:
    """Write one row of the table: several lines where words are wrapped."""
    cells = [
        textwrap.wrap(cell, width, subsequent_indent="  ", break_on_hyphens=False)
        if len(cell) > width
        else [cell]
        for cell, width in zip(row, widths, strict=True)
    ]
    lines: list[str] = []
    for k in range(max((len(cell) for cell in cells), default=0)):
        parts = [cell[k] if k < len(cell) else "" for cell in cells]
        padded = [
            {"r": part.rjust, "l": part.ljust, "c": part.center}[side](width)
            for part, width, side in zip(parts, widths, alignment, strict=True)
        ]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _wrap(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, break_on_hyphens=False) or [""]


def printable(text: str) -> str:
    """Write a text in the signs that standard output can show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(PLAIN)
    return text
