"""Tables wider than the page: names of rows lead every part, and no column is lost."""

from __future__ import annotations

from typing import Any

import pytest

from pymargins.report import Summary
from pymargins.report.text import LAYOUT

FIGURES = tuple(f"figure {j}" for j in range(8))


def wide(keys: int, named: str = "level") -> Summary:
    names = tuple(f"key{j}" for j in range(keys))
    rows = tuple((*[f"{named} {i}"] * keys, *[f"{i}.12345678"] * len(FIGURES)) for i in range(3))
    spans = ((keys + len(FIGURES) - 2, 2),)
    align = "l" * keys + "r" * len(FIGURES)
    return Summary("t", (*names, *FIGURES), rows, (), "", align, keys if keys > 1 else 0, spans)


@pytest.mark.parametrize("keys", [1, 2])
@pytest.mark.parametrize("room", [52, 62, 82])
def test_every_part_has_the_names_and_fits(keys: int, room: int) -> None:
    parts = LAYOUT.parts(wide(keys), room)
    assert len(parts) > 1
    assert all(LAYOUT.total(LAYOUT.least(part)) <= room for part in parts)
    assert all(part.header[:keys] == wide(keys).header[:keys] for part in parts)
    assert [h for part in parts for h in part.header[keys:]] == list(FIGURES)
    assert [part.spans for part in parts[:-1]] == [()] * (len(parts) - 1)
    assert parts[-1].spans == ((parts[-1].width - 2, 2),)  # the pair is not parted


def test_many_names_become_labels() -> None:
    (part, *_), row = LAYOUT.parts(wide(6), 80), wide(6).rows[0]
    assert part.header[0] == ""
    assert part.rows[0][0] == ", ".join(f"key{j}={row[j]}" for j in range(6))
    assert part.keys == 0


def test_a_table_that_fits_stays_whole() -> None:
    assert LAYOUT.parts(wide(2), 500) == [wide(2)]


def test_headings_of_figures_are_broken_before_words_are(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    header = ("", *[f"a heading of several words {j}" for j in range(3)])
    table = Summary("t", header, (("a label", "1", "2", "3"),), (), "", "lrrr")
    lines = str(table).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[-2].split() == ["a", "label", "1", "2", "3"]


def test_columns_of_words_share_what_they_lose() -> None:
    table = Summary("t", ("a", "b"), (("word " * 10, "word " * 10),), (), "", "ll")
    first, second = LAYOUT.widths(table, 50)
    assert abs(first - second) <= 1
