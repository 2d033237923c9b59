"""Tables: digits, columns, notes, escaping; LaTeX that compiles and HTML that parses."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, Scale, Scenario, levels, pairwise
from pymargins.tables import Summary, numbers, text
from pymargins.tables import latex as latex_tables

ODD = ("a_b", "50% of $3", "<x> & y", "A|B", "[c]", "*d*", r"e\f {g} ~ ^ #h", '"β² × ∞"', "−1 ⁻¹")


@pytest.fixture(scope="module")
def fit() -> Any:
    rng = np.random.default_rng(42)
    n = 200
    df = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "treated": rng.integers(0, 2, n),
            "school": rng.choice(["A", "B", "C"], n),
            "student": np.repeat(np.arange(40), 5),
        }
    )
    df["score"] = 50 + 0.3 * df["age"] + 3 * df["treated"] + rng.normal(0, 5, n)
    df["score"] += rng.normal(0, 3, 40)[df["student"]]
    model = smf.mixedlm("score ~ age + treated + C(school)", df, groups="student")
    return model.fit()


@pytest.fixture(scope="module")
def m(fit: Any) -> Margins:
    return Margins(fit, vcov="gls")


@pytest.fixture(scope="module")
def odd(m: Margins) -> Any:
    points = [Scenario({"age": 30 + i}, label) for i, label in enumerate(ODD)]
    return m.contrasts(points)


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


# --- numbers -------------------------------------------------------------------------------------


def figures(estimates: list[float], errors: list[float]) -> tuple[list[str], list[str]]:
    e, s = np.array(estimates), np.array(errors)
    places = numbers.decimals(e, s)
    return numbers.figures(e, places), numbers.figures(s, places)


def stripped(column: list[str]) -> list[str]:
    return [cell.strip() for cell in column]


@pytest.mark.parametrize(
    ("estimate", "error", "shown"),
    [
        (0.29008437, 0.01726143, ("0.2901", "0.0173")),
        (62.386588, 0.379861, ("62.387", "0.380")),
        (251.405, 6.8246, ("251.41", "6.82")),
        (123456.7, 5432.1, ("123457", "5432")),
        (-3.6e-6, 2.67e-5, ("-3.6e-6", "2.67e-5")),
        (1.23456e9, 2.5e7, ("1.2346e9", "2.50e7")),
        (-0.00001, 0.5, ("0.000", "0.500")),
        (3.14159, 0.0, ("3.142", "0.000")),
        (0.0, 0.0, ("0.000", "0.000")),
        (0.99999, 0.0999999, ("1.000", "0.100")),
    ],
)
def test_an_estimate_has_the_decimals_its_standard_error_supports(
    estimate: float, error: float, shown: tuple[str, str]
) -> None:
    e, s = figures([estimate], [error])
    assert (e[0].strip(), s[0].strip()) == shown


def test_rows_of_like_precision_have_the_same_decimals() -> None:
    e, _ = figures([0.2901, -2.0370, 62.4], [0.0173, 0.481, 0.9])
    assert stripped(e) == ["0.2901", "-2.0370", "62.4000"]


def test_rows_of_other_magnitude_keep_their_own_and_points_stand_in_line() -> None:
    e, _ = figures([0.29012, 5120.3, -3.6e-6], [0.0173, 412.0, 2.67e-5])
    assert stripped(e) == ["0.2901", "5120", "-3.6e-6"]
    ends = [len(cell) - cell.index(".") for cell in e if "." in cell]
    assert ends[0] == ends[1]
    assert len(e[1]) - len(e[1].strip()) == ends[0]


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0, "<0.001"), (0.00099, "<0.001"), (0.0316, "0.032"), (1.0, "1.000")]
)
def test_p_values(p: float, shown: str) -> None:
    assert numbers.p_values(np.array([p])) == [shown]


@pytest.mark.parametrize(
    ("df", "shown"),
    [([25.0, 24.9999999], ["25", "25"]), ([8.93, np.inf], ["8.9", "∞"])],
)
def test_degrees_of_freedom(df: list[float], shown: list[str]) -> None:
    assert stripped(numbers.degrees_of_freedom(np.array(df))) == shown


def test_statistics_that_are_not_finite_are_written() -> None:
    assert stripped(numbers.statistics(np.array([16.8053, np.inf, -np.inf, 3.2e6]))) == [
        "16.81",
        "∞",
        "-∞",
        "3.20e6",
    ]


@pytest.mark.parametrize(("level", "shown"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.9, "90 %")])
def test_percent(level: float, shown: str) -> None:
    assert numbers.percent(level) == shown


# --- text ----------------------------------------------------------------------------------------


def test_text_has_title_header_figures_and_notes(m: Margins) -> None:
    lines = str(m.dydx("age").summary()).splitlines()
    assert lines[0] == "Average slope (dydx): score"
    assert cells(lines[2]) == ["Estimate", "Std. error", "z", "p", "95 % CI low", "95 % CI high"]
    row = m.dydx("age")
    assert cells(lines[4])[:3] == ["age", f"{float(row):.4f}", f"{row.std_error[0]:.4f}"]
    notes = " ".join(lines[6:])
    for words in (
        "Averaged over the 200 rows of the fit",
        "random effects integrated out",
        "GLS",
        "normal distribution",
        "Delta method",
        "REML",
        "n = 200",
        "40 groups (student)",
    ):
        assert words in notes


def test_figures_are_flush_under_their_header(m: Margins) -> None:
    lines = str(m.predict(atexog={"age": [30, 50]}).summary()).splitlines()
    header, first = lines[2], lines[4]
    assert header.index("Estimate") + len("Estimate") == first.index(cells(first)[1]) + len(
        cells(first)[1]
    )
    assert len(header) == len(first) == len(lines[1])


def test_the_level_is_in_the_header(m: Margins) -> None:
    assert "90 % CI low" in str(m.dydx("age").summary(level=0.9))


def test_degrees_of_freedom_appear_where_they_are_finite(fit: Any) -> None:
    shown = Margins(fit, vcov="gls", df=12).dydx("age").summary()
    assert shown.header == (
        "", "Estimate", "Std. error", "t", "df", "p", "95 % CI low", "95 % CI high"
    )  # fmt: skip
    assert shown.rows[0][4] == "12"


def test_draws_have_no_z(fit: Any) -> None:
    shown = Margins(fit, vcov="gls", method="simulation", n_sim=50, rng=1).dydx("age").summary()
    assert "Statistic" in shown.header
    assert "z" not in shown.header
    assert "normal" not in " ".join(shown.notes)
    assert "50 draws" in " ".join(shown.notes)


def test_contrasts_on_the_log_scale_are_ratios(fit: Any) -> None:
    m = Margins.log_scale(fit, vcov="gls")
    shown = m.contrasts(pairwise("treated", [1, 0])).summary()
    assert shown.header[1] == "Ratio"
    assert shown.notes[0].startswith("Ratios back-transformed from the log scale")
    assert "compare with 1," in shown.notes[1]
    means = m.predict().summary()
    assert means.header[1] == "Estimate"
    assert means.notes[0].startswith("Estimates back-transformed from the log scale")


def test_a_scale_that_never_reaches_zero_names_no_null(fit: Any) -> None:
    inverse = Scale(np.reciprocal, np.reciprocal, lambda y: -(y**-2.0), "reciprocal")
    m = Margins(fit, scale=inverse, vcov="gls")
    notes = m.contrasts(pairwise("treated", [1, 0])).summary().notes
    assert "reciprocal scale" in notes[0]
    assert not any("compare" in note for note in notes)


def test_notes_of_the_result_are_sentences(m: Margins) -> None:
    notes = m.predict(atexog={"age": [30, 400]}).summary().notes
    assert any(n.startswith("age = 400 lies") for n in notes)
    assert all(n.endswith(".") for n in notes)
    assert any(n.startswith("Linear mixed model (statsmodels MixedLM), REML; n = ") for n in notes)


def test_text_is_no_wider_than_a_terminal(odd: Any, monkeypatch: Any) -> None:
    long = "an administrative label that goes on and on, as they do, and then some more of it"
    table = Summary(
        "t", ("", "Estimate"), ((long, "1.0"), ("short", "22.0")), (long * 3,), "", "lr"
    )
    for columns in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        for shown in (str(table), str(odd.summary())):
            assert max(len(line) for line in shown.splitlines()) <= max(min(columns, 100), 80)
    assert long.split()[-1] in str(table)


def test_a_label_is_not_lost_when_it_is_wrapped(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    label = "word " * 30
    table = Summary("t", ("", "x"), ((label.strip(), "1"),), (), "", "lr")
    assert str(table).count("word") == 30


def test_very_long_tables_are_shortened_on_screen_only(m: Margins) -> None:
    shown = m.predict(atexog={"age": np.linspace(20, 75, 500)}).summary()
    assert len(str(shown).splitlines()) < 70
    assert "of 500 rows" in str(shown)
    assert "of 500 rows" in shown._repr_html_()
    assert shown.to_markdown().count("\n| age=") == 500
    assert shown.to_html().count("<tr>") == 501
    assert len(str(m.predict(atexog={"age": range(20, 76)}).summary()).splitlines()) > 56


def test_terminals_without_unicode_get_ascii(m: Margins, monkeypatch: Any) -> None:
    class Stream:
        encoding = "ascii"

    shown = m.dydx("age").summary()
    monkeypatch.setattr(text.sys, "stdout", Stream())
    str(shown).encode("ascii")


# --- HTML ----------------------------------------------------------------------------------------


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


def test_html_parses_and_holds_every_cell(odd: Any) -> None:
    table = odd.summary()
    found = read(table.to_html())
    assert found.caption == "Mean response: score"
    assert found.rows[0] == list(table.header)
    assert [tuple(row) for row in found.rows[1:]] == list(table.rows)
    assert [row[0] for row in found.rows[1:]] == list(ODD)
    assert found.scopes == ["col"] * 6 + ["row"] * len(ODD)


def test_html_is_escaped_and_self_contained(odd: Any) -> None:
    html = odd.summary().to_html()
    assert "&lt;x&gt; &amp; y" in html
    assert "<x>" not in html
    assert "http" not in html
    assert "<script" not in html
    for fixed in ("white;", "black;", "#"):
        assert fixed not in html.partition("</style>")[0]


def test_html_notes_and_notebooks(m: Margins) -> None:
    result = m.dydx("age")
    assert result._repr_html_() == result.summary().to_html()
    assert '<p class="note">Delta method; normal distribution' in result._repr_html_()


def test_a_table_without_a_header_has_none(m: Margins) -> None:
    assert "<thead>" not in m.summary().to_html()
    assert read(m.summary().to_html()).rows[0][0] == "Model"


# --- Markdown ------------------------------------------------------------------------------------


def pipe_cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_pipe_table(odd: Any) -> None:
    lines = odd.summary().to_markdown().splitlines()
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


# --- LaTeX ---------------------------------------------------------------------------------------


def tabular(latex: str) -> tuple[int, list[str]]:
    """Return the number of columns declared, and the rows."""
    found = re.search(r"\\begin\{tabular\}\{((?:[^{}]|\{[^{}]*\})*)\}", latex)
    assert found
    columns = re.sub(r"\{[^{}]*\}", "", found.group(1))
    inside = latex.partition(r"\begin{tabular}")[2].partition(r"\end{tabular}")[0]
    rows = [x for x in inside.splitlines() if x.endswith((r"\\", r"\tabularnewline"))]
    return len(columns), rows


def test_latex_declares_as_many_columns_as_there_are_cells(odd: Any, m: Margins) -> None:
    for table in (odd.summary(), m.summary(), m.diagnose().summary(), m.dydx("age").summary()):
        columns, rows = tabular(table.to_latex())
        assert columns == table.width
        assert len(rows) == len(table.rows) + any(table.header)
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) + 1 == columns


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
    assert latex_tables.escape(words) == written


def test_latex_minus_signs(m: Margins) -> None:
    table = Summary("t", ("", "x"), (("B - A", "-1.5"),), (), "", "lr")
    assert r"B - A & $-$1.5 \\" in table.to_latex()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(odd: Any, m: Margins, tmp_path: Any) -> None:
    long = levels("school", ["A", "B"])
    tables = [
        odd.summary(),
        m.summary(),
        m.diagnose().summary(),
        m.contrasts([Scenario(s.atexog, s.label * 20) for s in long]).summary(),
        m.predict(atexog={"age": range(20, 50)}).summary(),
        Summary("[t] *u*", ("", "x"), (("* star", "-1.5"), ("[b]", "∞")), ("é ü β",), "", "lr"),
    ]
    page = [r"\documentclass{article}", r"\usepackage[utf8]{inputenc}", r"\usepackage{booktabs}"]
    page += [r"\begin{document}", *(table.to_latex() for table in tables), r"\end{document}"]
    (tmp_path / "page.tex").write_text("\n".join(page), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout.decode("latin-1")[-2000:]


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_states_its_commitments_in_a_paragraph_and_a_table(m: Margins) -> None:
    table = m.summary()
    for words in (
        "score come from a linear mixed model",
        "REML, fitted to 200 observations in 40 groups (student)",
        "They were averaged over the 200 rows of the fit, with random effects integrated out",
        "obtained by the delta method; the covariance of the coefficients is GLS",
        "95 % confidence intervals are based on the normal distribution",
        "differences on the response's own scale",
    ):
        assert words in table.lead
    rows = dict(table.rows)
    assert rows["Variables"] == "age, treated, school"
    assert rows["Level"] == "95 %"
    assert "\n\n" in str(m)
    assert table.lead[:40] in str(m).replace("\n", " ")
    assert table.lead in m._repr_html_().replace("&#x27;", "'")
    assert table.lead[:40] in table.to_markdown()
    assert table.lead[:40] in table.to_latex()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": "log"}, "formed and intervals computed on the log scale"),
        ({"at": "typical"}, "They were evaluated at one typical row"),
        ({"df": 12}, "based on t with 12 df"),
        ({"df": "satterthwaite"}, "based on t with degrees of freedom by Satterthwaite"),
        ({"level": 0.9}, "90 % confidence intervals"),
        (
            {"method": "simulation", "n_sim": 50, "rng": 1},
            "95 % confidence intervals were obtained by simulation, 50 draws",
        ),
    ],
)
def test_the_paragraph_follows_the_session(fit: Any, options: dict[str, Any], words: str) -> None:
    assert words in Margins(fit, **{"vcov": "gls", **options}).summary().lead
