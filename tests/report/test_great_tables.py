"""Tables of the package great_tables: cells, headings, groups, notes."""

from __future__ import annotations

import re
import sys
from html import unescape
from typing import Any

import pytest
from report_cases import GLS, ODD, figures_of, odd_table

from pymargins.report import Summary, session_summary, summarise

ROWS = (
    ("f", "A", "1.5", "1.0", "2.0"),
    ("f", "B", "2.5", "1.0", "2.0"),
    ("m", "A", "3.5", "1.0", "2.0"),
    ("m", "B", "4.5", "1.0", "2.0"),
)
HEADER = ("sex", "feed", "Estimate", "95 % CI", "")


def table(rows: Any = ROWS) -> Summary:
    return Summary("Mean", HEADER, rows, ("One.", "Two."), "", "llrrr", 1, ((3, 2),))


def shown(made: Summary) -> list[str]:
    """Return the words of a table as great_tables writes it, in reading order."""
    html = made.to_great_tables().as_raw_html()
    body = html.partition("<table")[2].partition(">")[2]
    return [unescape(word) for word in re.split(r"\s*<[^>]*>\s*", body) if word]


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("great_tables")


def test_an_interval_has_one_heading_and_rows_are_grouped() -> None:
    words = shown(table())
    assert words[:2] == ["Mean", "feed"]
    assert words[2:6] == ["Estimate", "95 % CI", "low", "high"]
    assert words[6:12] == ["sex: f", "A", "1.5", "1.0", "2.0", "B"]
    assert words.count("sex: m") == 1
    assert words[-2:] == ["One.", "Two."]


@pytest.mark.parametrize("rows", [ROWS[:3], (ROWS[0], ROWS[2], ROWS[1], ROWS[3])])
def test_rows_keep_their_order_where_groups_would_change_it(rows: Any) -> None:
    words = shown(table(rows))
    assert not any("sex:" in word for word in words)
    assert [word for word in words if word in {"1.5", "2.5", "3.5", "4.5"}] == [r[2] for r in rows]


def test_signs_are_as_they_are() -> None:
    html = odd_table().to_great_tables().as_raw_html()
    assert "&lt;x&gt; &amp; y" in html
    assert "<x>" not in html
    assert html.count("gt_stub") > len(ODD)


def test_what_has_no_header_has_none_here() -> None:
    words = shown(session_summary(GLS))
    assert words[:3] == ["Margins session", *session_summary(GLS).rows[0]]


def test_all_cells_and_notes_of_a_result() -> None:
    made = summarise(figures_of("gls"))
    words = [word.strip() for word in shown(made)]
    assert words[-len(made.notes) :] == list(made.notes)
    cells = [cell.strip() for row in made.rows for cell in row]
    assert [word for word in words if word in cells] == cells


def test_without_great_tables_it_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "great_tables", None)
    with pytest.raises(ImportError, match=r"pip install 'pymargins\[tables\]'"):
        table().to_great_tables()
