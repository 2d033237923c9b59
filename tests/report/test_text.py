"""Tables for a terminal: widths, wrapping, shortening, plain signs."""

from __future__ import annotations

import re
from typing import Any

from report_cases import figures_of, made_figures, odd_table

from pymargins.report import Summary, summarise, text


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_figures_are_flush_under_their_header() -> None:
    lines = str(summarise(figures_of("over"))).splitlines()
    header, first = lines[2], lines[4]
    assert header.index("Estimate") + len("Estimate") == first.index(cells(first)[1]) + len(
        cells(first)[1]
    )
    assert len(header) == len(first) == len(lines[1])


def test_text_is_no_wider_than_a_terminal(monkeypatch: Any) -> None:
    long = "an administrative label that goes on and on, as they do, and then some more of it"
    table = Summary(
        "t", ("", "Estimate"), ((long, "1.0"), ("short", "22.0")), (long * 3,), "", "lr"
    )
    for columns in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        for shown in (str(table), str(odd_table())):
            assert max(len(line) for line in shown.splitlines()) <= max(min(columns, 100), 80)
    assert long.split()[-1] in str(table)


def test_a_label_is_not_lost_when_it_is_wrapped(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    label = "word " * 30
    table = Summary("t", ("", "x"), ((label.strip(), "1"),), (), "", "lr")
    assert str(table).count("word") == 30


def test_very_long_tables_are_shortened_on_screen_only() -> None:
    shown = summarise(made_figures(range(500)))
    assert len(str(shown).splitlines()) < 70
    assert "of 500 rows" in str(shown)
    assert "of 500 rows" in shown._repr_html_()
    assert shown.to_markdown().count("\n| row ") == 500
    assert shown.to_html().count("<tr>") == 501
    assert len(str(summarise(made_figures(range(56)))).splitlines()) > 56


def test_terminals_without_unicode_get_ascii(monkeypatch: Any) -> None:
    class Stream:
        encoding = "ascii"

    shown = summarise(figures_of("gls"))
    monkeypatch.setattr(text.sys, "stdout", Stream())
    str(shown).encode("ascii")
