"""Tables as GitHub Markdown: pipes, and what would be read as markup."""

from __future__ import annotations

import re

import pytest
from report_cases import ODD, odd_table

from pymargins.report import Summary


def pipe_cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_pipe_table() -> None:
    lines = odd_table().to_markdown().splitlines()
    assert lines[0] == "**Mean response: score**"
    assert lines[3] == "|:--|--:|--:|--:|--:|--:|--:|"
    rows = [pipe_cells(line) for line in lines[2 : 4 + len(ODD)]]
    assert {len(row) for row in rows} == {7}
    assert [row[0] for row in rows[2:]] == [
        "a_b",
        r"50% of \$3",
        r"\<x> & y",
        r"A\|B",
        r"\[c\]",
        r"\*d\*",
        r"e\\f {g} \~ ^ #h",
        '"β² × ∞"',
        "−1 ⁻¹",
    ]
    assert lines[4 + len(ODD)] == ""
    assert "Delta method" in lines[-2]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("_x_ y_z", r"\_x\_ y_z"),
        ("<0.001", "<0.001"),
        ("&lt; & c", r"\&lt; & c"),
        ("`a`\nb", r"\`a\` b"),
    ],
)
def test_markdown_escapes(words: str, written: str) -> None:
    table = Summary(words, ("",), (("x",),))
    assert table.to_markdown().startswith(f"**{written}**")
