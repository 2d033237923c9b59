"""Tables for a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from pymargins.report.layout import Layout
from pymargins.report.numbers import FIGURE_SPACE, POINT_SPACE
from pymargins.report.table import Table
from pymargins.report.wrapping import filled, width, wrapped

WIDEST = 100
NARROWEST = 60
USUAL = 88
GAP = "  "
LAYOUT = Layout(length=width, gap=len(GAP), alone=24, several=10)
PADS = str.maketrans(dict.fromkeys([FIGURE_SPACE, POINT_SPACE, *"\n\r\t"], " "))
#: For terminals whose encoding has no such signs.
PLAIN = str.maketrans({
    "─": "-", "−": "-", "×": "x", "∞": "inf", "⋮": ":", "…": "...", "⁻": "^-", "¹": "1", "²": "^2",
    "–": "-", "±": "+/-", "χ": "chi",
})  # fmt: skip


def render(table: Table) -> str:
    """Write a table as lines of text, as wide as the terminal: words take at most 100 columns.

    Where its columns do not fit, several tables stand one below the other.
    """
    terminal = max(shutil.get_terminal_size((USUAL, 24)).columns, NARROWEST)
    limit = min(terminal, WIDEST)
    lines = [*wrapped(table.title, limit)]
    if table.lead:
        lines += ["", *wrapped(table.lead, limit), ""]
    for part in LAYOUT.parts(_plain(table), terminal + len(GAP)):
        lines += _grid(part, limit)
    for note in table.notes:
        lines += wrapped(note, limit)
    return printable("\n".join(lines))


def _plain(table: Table) -> Table:
    """Write cells in signs that a terminal pads by itself, each in one line."""

    def plain(cells: Sequence[str]) -> tuple[str, ...]:
        return tuple(printable(cell.translate(PADS)) for cell in cells)

    return replace(table, header=plain(table.header), rows=tuple(map(plain, table.rows)))


def _grid(table: Table, limit: int) -> list[str]:
    """Write the columns of a table between rules."""
    widths = [int(w) for w in LAYOUT.widths(table, limit + len(GAP))]
    rule = "─" * max(_total(widths), 1)
    head = [*_head(table, widths), rule] if any(table.header) else []
    rows = [line for row in table.blanked for line in _row(row, widths, table.alignment)]
    return [rule, *head, *rows, rule]


def _head(table: Table, widths: Sequence[int]) -> list[str]:
    """Write the headings, each over its columns; they stand on the rule below."""
    cells = [table.header[start] for start, _ in table.headings]
    wide = [_total(widths[j : j + k]) for j, k in table.headings]
    sides = "".join("c" if k > 1 else table.alignment[j] for j, k in table.headings)
    broken = [wrapped(cell, room) for cell, room in zip(cells, wide, strict=True)]
    height = max(map(len, broken))
    return _lines([[""] * (height - len(cell)) + cell for cell in broken], wide, sides)


def _row(cells: Sequence[str], widths: Sequence[int], sides: str) -> list[str]:
    """Write one row: several lines where words are wrapped."""
    broken = [
        [cell] if width(cell) <= room else wrapped(cell, room, "  ")
        for cell, room in zip(cells, widths, strict=True)
    ]
    return _lines(broken, widths, sides)


def _lines(cells: Sequence[Sequence[str]], widths: Sequence[int], sides: str) -> list[str]:
    """Write cells of several lines beside each other."""
    return [
        GAP.join(map(filled, line, widths, sides)).rstrip()
        for line in zip_longest(*cells, fillvalue="")
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def printable(text: str) -> str:
    """Write a text in the signs that standard output can show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        plain = text.translate(PLAIN)
        return plain if plain.isascii() else _encodable(plain, encoding)
    return text


def _encodable(text: str, encoding: str) -> str:
    """Write signs that an encoding does not have, such as other letters, as question marks."""
    try:
        return text.encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "replace").decode("ascii")
