"""Tables as LaTeX: columns, escaping, and that it compiles."""

from __future__ import annotations

import re
from typing import Any

import pytest
from report_cases import GLS, WELL, figures_of, made_figures, odd_table

from pymargins.report import Summary, latex, session_summary, summarise
from pymargins.report.health import diagnosis_summary, health_lines
from support.typesetting import log_of, needs_pdflatex

TABLES = (
    odd_table(),
    session_summary(GLS),
    diagnosis_summary(health_lines(WELL)),
    summarise(figures_of("gls")),
)


def tabular(latex: str) -> tuple[int, list[str]]:
    """Return the number of columns declared, and the rows."""
    found = re.search(r"\\begin\{tabular\}\{((?:[^{}]|\{[^{}]*\})*)\}", latex)
    assert found
    columns = re.sub(r"\{[^{}]*\}", "", found.group(1))
    inside = latex.partition(r"\begin{tabular}")[2].partition(r"\end{tabular}")[0]
    rows = [x for x in inside.splitlines() if x.endswith((r"\\", r"\tabularnewline"))]
    return len(columns), rows


LABELS = ["a_name_without_any_blank=" + "level" * 6, "B", "C", "DDDDDDDDD", "MMWW, x=1", "F"]


def matrix_of(labels: list[str]) -> str:
    """Return a table with a column of figures for each label."""
    rows = tuple((label, *["-12.345"] * len(labels)) for label in labels)
    align = "l" + "r" * len(labels)
    return Summary("t", ("", *labels), rows, (), "", align).to_latex()


def test_latex_declares_as_many_columns_as_there_are_cells() -> None:
    for table in TABLES:
        columns, rows = tabular(table.to_latex())
        assert columns == table.width
        assert len(rows) == len(table.rows) + any(table.header)
        for row in rows:
            over = sum(int(count) - 1 for count in re.findall(r"\\multicolumn\{(\d)\}", row))
            assert len(re.findall(r"(?<!\\)&", row)) + 1 + over == columns


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("a_b", r"a\_b"),
        ("50%", r"50\%"),
        ("#1 & $2", r"\#1 \& \$2"),
        ("{z}", r"\{z\}"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("<x>", "$<$x$>$"),
        ("A|B", "A$|$B"),
        ("[1, 2)", "{[}1, 2)"),
        ("X⁻¹ × −2", r"X$^{-}$$^{1}$ $\times$ $-$2"),
    ],
)
def test_latex_escapes(words: str, written: str) -> None:
    assert latex.escape(words) == written


def test_latex_minus_signs() -> None:
    table = Summary("t", ("", "x"), (("B - A", "-1.5"),), (), "", "lr")
    assert r"B - A & $-$1.5 \\" in table.to_latex()


@needs_pdflatex
@pytest.mark.parametrize("size", ["10pt", "12pt,a4paper"])
def test_latex_compiles_and_fits_the_line(size: str, tmp_path: Any) -> None:
    tables = [
        *TABLES,
        summarise(made_figures([1.0, 2.0], labels=["school=A" * 20, "school=B" * 20])),
        summarise(made_figures(range(30))),
        Summary("[t] *u*", ("", "x"), (("* star", "-1.5"), ("[b]", "∞")), ("é ü β",), "", "lr"),
    ]
    written = [*(table.to_latex() for table in tables), matrix_of(LABELS)]
    assert "Overfull \\hbox" not in log_of(written, tmp_path, size)


def test_latex_of_wide_tables() -> None:
    matrix = matrix_of(["a_name_without_blanks=" + "x" * 20, "b"] * 4)
    assert matrix.count(r"\begin{tabular}") > 1
    assert r"\shortstack[r]{a\_name\_" in matrix
    assert r"\allowbreak{}" in matrix
