"""Tables for a terminal: widths, wrapping, shortening, plain signs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from report_cases import figures_of, made_figures, odd_table

from pymargins.report import Summary, summarise, text


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_figures_are_flush_under_their_header() -> None:
    lines = str(summarise(figures_of("over"))).splitlines()
    header, first = lines[2], lines[4]
    assert header.index("Estimate") + len("Estimate") == first.index("60.707") + len("60.707")
    assert len(first) == len(lines[1])
    ends = first.index("58.896"), first.index("62.518") + len("62.518")
    middle = header.index("95 % CI") + len("95 % CI") / 2
    assert abs(middle - sum(ends) / 2) < 1


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


def test_other_letters_do_not_stop_such_a_terminal(monkeypatch: Any) -> None:
    class Stream:
        encoding = "latin-1"

    monkeypatch.setattr(text.sys, "stdout", Stream())
    shown = str(Summary("größe, 年齢", ("χ²", "x"), (("∞", "1.0"),), (), "", "lr"))
    assert shown.splitlines()[0] == "größe, ??"
    assert shown.splitlines()[2] == "chi^2    x"


def test_east_asian_signs_stand_in_line() -> None:
    rows = (("年齢", "1.0"), ("a", "22.0"))
    first, second = str(Summary("t", ("", "x"), rows, (), "", "lr")).splitlines()[4:6]
    assert first == "年齢   1.0"
    assert second == "a     22.0"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_wide_tables_are_parted(columns: int, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    cells = tuple(f"{j}.25 [0.12345, 4.56789]" for j in range(6))
    table = Summary("t", ("", *"ABCDEF"), (("row", *cells),), (), "", "lrrrrrr")
    shown = str(table)
    assert max(map(len, shown.splitlines())) <= columns
    assert all(cell in shown for cell in cells)


def test_what_leading_columns_repeat_is_left_blank() -> None:
    rows = (("A", "1", "x"), ("A", "2", "x"), ("A", "2", "y"), ("B", "2", "y"))
    table = Summary("t", ("a", "b", "c"), rows, keys=2)
    expected = [("A", "1", "x"), ("", "2", "x"), ("", "", "y"), ("B", "2", "y")]
    assert table.blanked == expected
    shown = [line.split() for line in str(table).splitlines()[4:8]]
    assert shown == [["A", "1", "x"], ["2", "x"], ["y"], ["B", "2", "y"]]
    assert table.to_html().count("A</t") == table.to_latex().count("A &") == 1
    assert table.to_markdown().count("| A |") == 3  # which people sort and filter


def test_several_columns_of_words_give_way(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    words = "four words of text " * 3
    table = Summary("t", ("a", "b", "x"), ((words, words, "1.0"),), (), "", "llr")
    assert max(len(line) for line in str(table).splitlines()) <= 60
