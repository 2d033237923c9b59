"""Tables for notebooks: HTML that parses, is escaped and stands alone."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from report_cases import GLS, ODD, figures_of, odd_table

from pymargins.report import session_summary, summarise


class Reader(HTMLParser):
    """Collects a table's cells and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.scopes: list[str] = []
        self.caption = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.scopes += [value for name, value in attrs if name == "scope"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "caption":
            self.caption += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_html_parses_and_holds_every_cell() -> None:
    table = odd_table()
    found = read(table.to_html())
    assert found.caption == "Mean response: score"
    assert found.rows[0] == list(table.header[:-1])  # the interval's heading is over two columns
    assert 'colspan="2" class="c">95 % CI<' in table.to_html()
    assert [tuple(row) for row in found.rows[1:]] == list(table.rows)
    assert [row[0] for row in found.rows[1:]] == list(ODD)
    assert found.scopes == ["col"] * 5 + ["row"] * len(ODD)


def test_html_is_escaped_and_self_contained() -> None:
    html = odd_table().to_html()
    assert "&lt;x&gt; &amp; y" in html
    assert "<x>" not in html
    assert "http" not in html
    assert "<script" not in html
    for fixed in ("white;", "black;", "#"):
        assert fixed not in html.partition("</style>")[0]


def test_html_notes_and_notebooks() -> None:
    table = summarise(figures_of("gls"))
    assert table._repr_html_() == table.to_html()
    assert '<p class="note">Delta method; normal distribution' in table._repr_html_()


def test_a_table_without_a_header_has_none() -> None:
    table = session_summary(GLS).to_html()
    assert "<thead>" not in table
    assert read(table).rows[0][0] == "Model"
