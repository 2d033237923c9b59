"""Tests of rows and terms, and what else are data frames: how they print and export."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, Posterior, pairwise


@pytest.fixture(scope="module")
def m() -> Margins:
    rng = np.random.default_rng(6)
    n = 150
    df = pd.DataFrame({"feed": rng.choice(list("ABC"), n), "dose": rng.uniform(0, 3, n)})
    df["gain"] = 20 + 4 * (df["feed"] == "C") + df["dose"] * 3 + rng.normal(0, 1.5, n)
    return Margins(smf.ols("gain ~ feed * dose", df).fit(), at="balanced")


def lines(table: Any) -> list[str]:
    return str(table).splitlines()


def test_joint_tests(m: Margins) -> None:
    table = m.joint_tests()
    shown = lines(table)
    assert shown[0] == "Joint tests of terms: gain"
    assert shown[2].split() == ["term", "F", "df1", "df2", "p"]
    assert shown[4].split()[0] == "feed"
    assert shown[4].split()[-1] == "<0.001"
    assert "covariance: as the fit reports it" in " ".join(str(table).split())
    assert lines(m.joint_tests(by="feed"))[2].split()[:2] == ["feed", "term"]


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
def test_terms_without_a_test_are_told_below() -> None:
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"a": np.repeat(list("xy"), 20), "b": np.tile(list("pq"), 20)})
    df = df[~((df["a"] == "x") & (df["b"] == "p"))]
    df["y"] = rng.normal(size=len(df))
    shown = str(Margins(smf.ols("y ~ a * b", df).fit()).joint_tests())
    assert "–" in shown
    assert "a:b: " in shown
    assert "nan" not in shown


def test_other_tests(m: Margins) -> None:
    rows = m.contrasts(pairwise("feed"))
    assert lines(rows.joint_test())[2].split() == ["F", "df1", "df2", "p"]
    above = rows.adjust("holm").test(null=2, alternative="greater")
    assert lines(above)[0] == "Tests, greater: contrast of mean responses"
    assert lines(above)[2].split() == ["t", "df", "p"]
    assert "Compared with 2." in str(above)
    assert "Holm" in str(above)
    tost = rows.equivalence(-1, 1)
    assert lines(tost)[2].split("  ")[-1].strip() == "90 % CI"
    assert [cell.strip() for cell in tost.summary().rows[0][1:3]] == ["-1", "1"]
    assert tost.summary().rows[0][0] == "A - B"
    assert "0.000" not in str(tost)


def test_letters_matrix_and_variables(m: Margins) -> None:
    means = m.predict("feed")
    assert "Rows that share a letter do not differ at 5 %." in str(means.letters())
    table = means.matrix()
    assert lines(table)[4].split()[1] == f"{means.estimate[0]:.2f}"
    assert "<0.001" in lines(table)[4]
    assert "above it p-values, adjusted: Tukey." in table.summary().notes[0]
    assert [cell.strip() for cell in m.variables.summary().rows[0][3:5]] == ["", ""]  # a category
    shown = str(m.variables)
    assert "A, B, C" in shown
    assert "nan" not in shown


def test_rows_have_a_column_for_each_variable(m: Margins) -> None:
    means = m.predict({"feed": ["A", "B"], "dose": [0, 1]})
    for table in (means.test(), means.letters(), means.equivalence(0, 100)):
        assert table.summary().header[:2] == ("feed", "dose")
        assert table.summary().rows[1][:2] == ("A", "1")
    matrix = means.matrix().summary()
    assert matrix.header == ("feed", "dose", "A, 0", "A, 1", "B, 0", "B, 1")
    assert matrix.keys == 2


def test_rows_that_were_changed_in_place_are_named_by_their_index(m: Margins) -> None:
    table = m.predict("feed").test()
    table.index = pd.Index(["third", "second", "first"], name="label")
    assert [row[0] for row in table.summary().rows] == ["third", "second", "first"]
    assert str(pickle.loads(pickle.dumps(table))) == str(table)


def test_the_place_of_a_letter_is_kept_in_html(m: Margins) -> None:
    table = m.predict("feed").letters()
    place = {row[0]: row[-1] for row in table.summary().rows}
    assert place["C"] == "\u2007b"
    assert "\u2007b</td>" in table._repr_html_()


def test_the_probability_of_direction_is_a_share() -> None:
    rng = np.random.default_rng(2)
    df = pd.DataFrame({"x": rng.normal(size=40)})
    df["y"] = 3 * df["x"] + rng.normal(size=40)
    fit = smf.ols("y ~ x", df).fit()
    draws = rng.multivariate_normal(fit.params, fit.cov_params(), 400)
    shown = Margins(fit, method=Posterior(draws)).dydx("x").test().summary()
    assert shown.header[-1] == "P(direction)"
    assert shown.rows[0][-1] == ">0.999"


def test_a_notebook_is_spared_the_middle_of_many_rows(m: Margins) -> None:
    many = m.predict({"dose": np.linspace(0, 3, 200)})
    assert "of 200 rows" in many._repr_html_()
    assert "of 200 rows" in str(many)
    assert many.summary().to_html().count("<tr>") == 201


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.joint_tests(),
        lambda m: m.variables,
        lambda m: m.predict("feed").matrix(),
        lambda m: m.predict("feed").letters(),
        lambda m: m.predict("feed").test(),
        lambda m: m.predict("feed").joint_test(),
        lambda m: m.predict("feed").equivalence(0, 100),
    ],
)
def test_they_export_travel_and_are_plain_otherwise(m: Margins, ask: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = ask(m)
    assert max(map(len, lines(table))) <= 80
    assert table._repr_html_().startswith('<div class="pymargins">')
    assert r"\toprule" in table.summary().to_latex()
    assert table.summary().to_markdown().count("|") > 4
    again = pickle.loads(pickle.dumps(table))
    assert str(again) == str(table)
    plain = pd.Series if isinstance(table, pd.Series) else pd.DataFrame
    assert type(table.copy()) is type(table.iloc[:1]) is plain
