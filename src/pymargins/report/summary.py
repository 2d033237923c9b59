"""A table that prints, renders in a notebook and exports: in four formats."""

from __future__ import annotations

from dataclasses import dataclass

from pymargins.report import html, latex, markdown, text
from pymargins.report.table import Table


@dataclass(frozen=True, slots=True, repr=False)
class Summary(Table):
    """A table with a title and notes.

    Prints as text, renders in a notebook, and exports to HTML, Markdown and LaTeX. A terminal and
    a notebook leave out the middle of a very long table; the exports hold all rows.

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
    """

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
