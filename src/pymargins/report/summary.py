"""A table that prints, renders in a notebook and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymargins.report import great_tables, html, latex, markdown, text
from pymargins.report.row_names import RowNames
from pymargins.report.table import Table

if TYPE_CHECKING:
    from great_tables import GT


@dataclass(frozen=True, slots=True, repr=False)
class Summary(Table):
    """A table with a title and notes.

    Prints as text, renders in a notebook, and exports to HTML, Markdown, LaTeX and great_tables. A
    terminal and a notebook leave out the middle of a very long table; the exports hold all rows.

    Parameters
    ----------
    title : str
    header : tuple of str
        One name a column; all empty for a table without a head.
    rows : tuple of tuple of str
        The cells. Numbers may end in figure spaces that put their decimal points in line.
    notes : tuple of str
        Sentences set below the table.
    lead : str
        A paragraph set above it.
    align : str
        ``"l"`` or ``"r"`` for each column; all ``"l"`` if empty.
    keys : int
        How many columns lead the rows: what they repeat of the row above is left blank.
    spans : tuple of (int, int)
        Headings that stand over several columns: the first of these, and how many.
    """

    @classmethod
    def of_rows(
        cls,
        title: str,
        names: RowNames,
        columns: Mapping[str, Sequence[str]],
        interval: str,
        notes: Sequence[str],
    ) -> Summary:
        """Make the table of named rows whose last two columns are the ends of an interval."""
        lead = len(names.header)
        header = (*names.header, *list(columns)[:-2], interval, "")
        return cls(
            title=title,
            header=header,
            rows=tuple(zip(*names.cells, *columns.values(), strict=True)),
            notes=tuple(notes),
            align=names.align + "r" * len(columns),
            keys=lead if lead > 1 else 0,
            spans=((len(header) - 2, 2),),
        )

    def __str__(self) -> str:
        return text.render(self.shortened())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.shortened().to_html()

    def to_html(self) -> str:
        """Return an HTML fragment that stands alone and follows the page's colours."""
        return html.render(self)

    def to_markdown(self) -> str:
        """Return a GitHub pipe table with its title and notes."""
        return markdown.render(self)

    def to_latex(self) -> str:
        r"""Return a LaTeX ``table`` that needs the packages `booktabs` and `inputenc` only.

        Letters beyond ASCII are left as they are; mathematical signs are translated.
        """
        return latex.render(self)

    def to_great_tables(self) -> GT:
        """Return a table of the package great_tables, to be styled further.

        Cells are written as in print, with both ends of an interval under one heading and the notes
        as source notes. Where the first column repeats its values, rows are grouped by them.

        Raises
        ------
        ImportError
            Without great_tables: ``pip install 'pymargins[tables]'``.
        """
        return great_tables.great_table(self)


class Tabled:
    """What prints, and renders in a notebook, as the table that it has for a summary."""

    __slots__ = ()

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self.summary())

    def __str__(self) -> str:  # a data frame has its own
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().shortened().to_html()
