"""Tables of the package great_tables, to be styled further."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import pandas as pd

from pymargins.report.table import Table

if TYPE_CHECKING:
    from great_tables import GT

#: What the columns are called that share a heading: the ends of an interval or a range.
ENDS = ("low", "high")
SIDES = {"l": "left", "r": "right"}
GROUP = "group"


def great_table(table: Table) -> GT:
    """Return a table of great_tables: the cells as they are in print, notes below, rows grouped."""
    try:
        from great_tables import GT
    except ImportError:
        raise ImportError(
            "to_great_tables needs great_tables: pip install 'pymargins[tables]'"
        ) from None
    names = [f"column_{j}" for j in range(table.width)]
    sides = dict(zip(names, table.alignment, strict=True))
    frame = pd.DataFrame(table.blanked, columns=names, dtype=object)
    grouped = _is_grouped(table)
    if grouped:
        frame[GROUP] = [f"{table.header[0]}: {row[0]}" for row in table.rows]
        frame = frame.drop(columns=names[0])
    shown = names[grouped:]
    made = GT(frame, rowname_col=shown[0], groupname_col=GROUP if grouped else None)
    made = made.tab_header(table.title).opt_align_table_header("left")
    for side, word in SIDES.items():
        made = made.cols_align(word, [name for name in shown if sides[name] == side])
    return _noted(_headed(made, table, names, shown), table)


def _is_grouped(table: Table) -> bool:
    """Tell whether the first column has every value in one run of several rows."""
    runs = [len(list(rows)) for _, rows in groupby(table.rows, key=itemgetter(0))]
    distinct = len({row[0] for row in table.rows})
    return table.keys > 0 and len(runs) == distinct and min(runs, default=0) > 1


def _headed(made: GT, table: Table, names: list[str], shown: list[str]) -> GT:
    """Head the columns that are shown; of two that share a heading each is an end."""
    if not any(table.header):
        return made.tab_options(column_labels_hidden=True)
    labels = dict(zip(names, table.header, strict=True))
    for start, count in table.spans:
        pair = names[start : start + count]
        made = made.tab_spanner(labels[pair[0]], pair)
        labels.update(zip(pair, ENDS, strict=True))
    stub, *others = shown
    return made.tab_stubhead(labels[stub]).cols_label({name: labels[name] for name in others})


def _noted(made: GT, table: Table) -> GT:
    """Put the paragraph and the notes below."""
    for note in (*filter(None, [table.lead]), *table.notes):
        made = made.tab_source_note(note)
    return made
