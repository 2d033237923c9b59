"""Tables of sessions and results: what is in them; how they are written is in `report`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, Scale, pairwise


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


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_text_has_title_header_figures_and_notes(m: Margins) -> None:
    lines = str(m.dydx("age").summary()).splitlines()
    assert lines[0] == "Average slope (dydx): score"
    assert cells(lines[2]) == ["Estimate", "SE", "z", "p", "95 % CI"]
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


def test_the_level_is_in_the_header(m: Margins) -> None:
    assert "90 % CI" in str(m.dydx("age").summary(level=0.9))


def test_degrees_of_freedom_appear_where_they_are_finite(fit: Any) -> None:
    shown = Margins(fit, vcov="gls", df=12).dydx("age").summary()
    assert shown.header == (
        "", "Estimate", "SE", "t", "df", "p", "95 % CI", ""
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


def test_results_render_in_notebooks(m: Margins) -> None:
    result = m.dydx("age")
    assert result._repr_html_() == result.summary().to_html()
    assert '<p class="note">Delta method; normal distribution' in result._repr_html_()


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
