"""Tables for notebooks: HTML that parses, is escaped and stands alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from report_cases import GLS, ODD, figures_of, odd_table

from pymargins.report import html, session_summary, summarise


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


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_html_parses_and_holds_every_cell() -> None:
    table = odd_table()
    found = read(table.to_html())
    assert found.caption == "Mean response: score"
    assert found.rows[0] == list(table.header[:-1])  # the interval's heading is over two columns
    assert 'colspan="2" align="center">95 % CI<' in table.to_html()
    assert [tuple(row) for row in found.rows[1:]] == list(table.rows)
    assert [row[0] for row in found.rows[1:]] == list(ODD)
    assert found.scopes == ["col"] * 5 + ["row"] * len(ODD)


def test_html_is_escaped_and_self_contained() -> None:
    shown = odd_table().to_html()
    assert "&lt;x&gt; &amp; y" in shown
    assert "<x>" not in shown
    assert "http" not in shown
    assert "<script" not in shown
    for fixed in ("white;", "black;", "#"):
        assert fixed not in shown.partition("</style>")[0]


def test_words_are_left_and_numbers_right_wherever_it_is_shown() -> None:
    shown = odd_table().to_html()
    words, numbers = 'align="left" style="text-align:left"', 'align="right"'
    assert shown.count(f'<th scope="row" {words}>') == len(ODD)
    assert shown.count(f"<td {numbers}>") == 6 * len(ODD)
    assert shown.count(f'<th scope="col" {numbers}>') == 4


def test_rules_hold_against_notebooks() -> None:
    rules = re.findall(r"([^{}]+){([^{}]*)}", html.STYLE.partition("@media")[0])
    of_table = {name.strip(): body for name, body in rules if " table" in name}
    assert all(part.startswith(html.TABLE) for name in of_table for part in name.split(", "))
    # VS Code: `table, thead, tr, th, td, tbody { border: none !important }`
    borders = [
        one for body in of_table.values() for one in re.findall(r"border-\w+: \d[^;]*", body)
    ]
    assert len(borders) == 3
    assert all(one.endswith("!important") for one in borders)


def test_html_notes_and_notebooks() -> None:
    table = summarise(figures_of("gls"))
    assert table._repr_html_() == table.to_html()
    assert '<p class="note">Delta method; normal distribution' in table._repr_html_()


def test_a_table_without_a_header_has_none() -> None:
    table = session_summary(GLS).to_html()
    assert "<thead>" not in table
    assert read(table).rows[0][0] == "Model"
