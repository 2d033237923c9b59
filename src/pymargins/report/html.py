"""Tables for a notebook or a web page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pymargins.report.table import Table

#: The class is named so often that a notebook's style sheet, which has its own mind about all
#: tables in its cells, gives way.
TABLE = ".pymargins" * 3 + " table"
#: The page's own colours and font, so that light and dark themes both work. VS Code forbids all
#: tables their borders by `!important`, which nothing less overrules.
STYLE = """<style>
.pymargins { color: inherit; margin: 0.5em 0; max-width: 60em; }
.pymargins p { margin: 0.5em 0; line-height: 1.4; }
.pymargins .scroll { overflow-x: auto; }
TABLE { border-collapse: collapse; border: 0; border-top: 2px solid currentColor !important;
  border-bottom: 2px solid currentColor !important; background: none; color: inherit;
  display: table; table-layout: auto; width: auto; margin: 0.5em 0;
  font-variant-numeric: tabular-nums; }
TABLE caption { caption-side: top; color: inherit; font-weight: 600; text-align: left;
  padding: 0 0 0.4em; white-space: nowrap; }
TABLE thead, TABLE tr { background: none; }
TABLE th, TABLE td { background: none; border: 0; color: inherit; font-weight: normal;
  padding: 0.25em 0.8em; text-align: left; vertical-align: baseline; }
TABLE thead tr > * { border-bottom: 1px solid currentColor !important; font-weight: 600; }
TABLE tr > [align="right"] { text-align: right; white-space: nowrap; }
TABLE tr > [align="center"] { text-align: center; white-space: nowrap; }
.pymargins .note { font-size: 0.85em; margin: 0.15em 0; opacity: 0.85; }
@media (max-width: 40em) {
  TABLE caption { white-space: normal; }
  TABLE th, TABLE td { font-size: 0.85em; padding: 0.25em 0.3em; }
}
</style>""".replace("TABLE", TABLE)
#: Where a page strips style sheets, such as GitHub, attributes are all that is left; where it
#: strips ours alone, such as a notebook that is not trusted, words are kept to the left in line.
SIDES = {
    "l": ' align="left" style="text-align:left"',
    "r": ' align="right"',
    "c": ' align="center"',
}


def render(table: Table) -> str:
    """Write a table as an HTML fragment: style, paragraph, table with caption, notes."""
    lines = ['<div class="pymargins">', STYLE]
    if table.lead:
        lines.append(f"<p>{escape(table.lead)}</p>")
    lines += ['<div class="scroll">', "<table>", f"<caption>{escape(table.title)}</caption>"]
    if any(table.header):
        lines.append(f"<thead><tr>{_head(table)}</tr></thead>")
    lines.append("<tbody>")
    lines += [f"<tr>{_row(row, table.alignment)}</tr>" for row in table.blanked]
    lines += ["</tbody>", "</table>", "</div>"]
    lines += [f'<p class="note">{escape(note)}</p>' for note in table.notes]
    return "\n".join([*lines, "</div>"])


def _head(table: Table) -> str:
    cells: list[str] = []
    for start, count in table.headings:
        span = f' colspan="{count}"' if count > 1 else ""
        side = "c" if span else table.alignment[start]
        cells.append(_cell(table.header[start], side, f' scope="col"{span}'))
    return "".join(cells)


def _row(cells: Sequence[str], alignment: str) -> str:
    scopes = (' scope="row"', *[""] * (len(cells) - 1))
    return "".join(map(_cell, cells, alignment, scopes))


def _cell(cell: str, side: str, scope: str) -> str:
    """Write a cell, which heads a row or a column where it has a scope; an empty one heads none."""
    if not cell:
        return "<td></td>"
    tag = "th" if scope else "td"
    return f"<{tag}{scope}{SIDES[side]}>{escape(cell)}</{tag}>"
