"""Words in columns of a terminal: East Asian signs are two wide, marks on letters none."""

from __future__ import annotations

import textwrap

import pytest

from pymargins.report.wrapping import filled, width, wrapped


@pytest.mark.parametrize(
    ("words", "columns"), [("abc", 3), ("größe", 5), ("gro\u0308ße", 5), ("年齢", 4), ("−∞ ²", 4)]
)
def test_width(words: str, columns: int) -> None:
    assert width(words) == columns


def test_filled() -> None:
    assert [filled("年", 6, side) for side in "lrc"] == ["年    ", "    年", "  年  "]


@pytest.mark.parametrize("room", [8, 13, 40])
def test_words_are_broken_as_the_standard_library_breaks_them(room: int) -> None:
    words = "one two three, four; five-six seventeen and a few more words of some length"
    expected = textwrap.wrap(words, room, subsequent_indent="  ", break_on_hyphens=False)
    assert all(width(line) <= room for line in wrapped(words, room, "  "))
    if room > 8:  # where no word has to be cut
        assert wrapped(words, room, "  ") == expected


def test_a_long_word_is_cut_at_a_joint_and_nothing_is_lost() -> None:
    assert wrapped("a_very_long_name", 8) == ["a_very_", "long_", "name"]
    assert wrapped("x" * 10, 4) == ["xxxx", "xxxx", "xx"]
    assert wrapped("年齢年齢", 5) == ["年齢", "年齢"]
    assert wrapped("", 5) == [""]
