"""Tables for a notebook or a web page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pymargins.report.table import Table

#: The class is named so often that a notebook's style sheet, which has its own mind about all
#: tables in its cells, gives way.
TABLE = ".pymargins" * 3 + " table"
#: The page's own colours and font, so that light and dark themes both work.
STYLE = """<style>
.pymargins { color: inherit; margin: 0.5em 0; max-width: 60em; }
.pymargins p { margin: 0.5em 0; line-height: 1.4; }
TABLE { border-collapse: collapse; border: 0; border-top: 2px solid currentColor;
  border-bottom: 2px solid currentColor; background: none; color: inherit; display: table;
  table-layout: auto; width: auto; margin: 0.5em 0; font-variant-numeric: tabular-nums; }
TABLE caption { caption-side: top; color: inherit; font-weight: 600; text-align: left;
  padding: 0 0 0.4em; white-space: nowrap; }
TABLE tr { background: none; }
TABLE th, TABLE td { background: none; border: 0; color: inherit; font-weight: normal;
  padding: 0.25em 0.8em; text-align: left; vertical-align: baseline; }
TABLE thead tr > * { border-bottom: 1px solid currentColor; font-weight: 600; }
TABLE tr > .n { text-align: right; white-space: nowrap; }
TABLE tr > .c { text-align: center; white-space: nowrap; }
.pymargins .note { font-size: 0.85em; margin: 0.15em 0; opacity: 0.85; }
</style>""".replace("TABLE", TABLE)


def render(table: Table) -> str:
    """Write a table as an HTML fragment: style, paragraph, table with caption, notes."""
    lines = ['<div class="pymargins">', STYLE]
    if table.lead:
        lines.append(f"<p>{escape(table.lead)}</p>")
    lines += ["<table>", f"<caption>{escape(table.title)}</caption>"]
    if any(table.header):
        lines.append(f"<thead><tr>{_head(table)}</tr></thead>")
    lines.append("<tbody>")
    lines += [f"<tr>{_row(row, table.alignment)}</tr>" for row in table.blanked]
    lines += ["</tbody>", "</table>"]
    lines += [f'<p class="note">{escape(note)}</p>' for note in table.notes]
    return "\n".join([*lines, "</div>"])


def _head(table: Table) -> str:
    out = ""
    for start, count in table.headings:
        cell, side = table.header[start], table.alignment[start]
        kind = f' colspan="{count}" class="c"' if count > 1 else _class(side)
        out += f'<th scope="col"{kind}>{escape(cell)}</th>' if cell else "<td></td>"
    return out


def _row(cells: Sequence[str], alignment: str) -> str:
    first, *rest = cells
    figures = "".join(
        f"<td{_class(side)}>{escape(cell)}</td>"
        for cell, side in zip(rest, alignment[1:], strict=True)
    )
    name = f'<th scope="row"{_class(alignment[0])}>{escape(first)}</th>' if first else "<td></td>"
    return name + figures


def _class(side: str) -> str:
    return ' class="n"' if side == "r" else ""
