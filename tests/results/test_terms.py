"""Joint tests of terms: against R, and independent of coding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins
from support.oracle_cases import CASES, load
from support.small_models import FixedModel

#: R's figures, fed R's coefficients and covariance.
TOLERANCE = 1e-8
CODING = 1e-6

#: case, R's terms of the query -> our row
ROWS = [
    (name, query.id, query.spec["terms"])
    for name in CASES
    for query in load(name).queries.values()
    if query.kind == "joint_test" and query.spec.get("terms")
]


@pytest.mark.parametrize(("name", "query", "terms"), ROWS)
def test_terms_are_r_s(name: str, query: str, terms: list[str]):
    case = load(name)
    expected = case.queries[query].rows[0]["asymptotic"]
    table = Margins(case.adapter).joint_tests()
    variables = table["term"].str.replace(r"C\((\w+)[^)]*\)", r"\1", regex=True)
    (row,) = table[variables == ":".join(terms)].itertuples()
    assert row.test == "chi2"
    assert row.df1 == expected["df1"]
    assert row.statistic == pytest.approx(expected["chi2"], rel=TOLERANCE)
    assert row.p_value == pytest.approx(expected["p"], rel=1e3 * TOLERANCE)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"g": np.repeat(np.arange(20), 8)})
    frame["a"] = rng.choice(list("pqr"), len(frame))
    frame["b"] = rng.choice(["u", "v"], len(frame))
    frame["x"] = rng.normal(5, 2, len(frame))
    frame["y"] = frame.x + rng.normal(size=20)[frame.g] + rng.normal(size=len(frame))
    return frame


def terms_of(formula: str, frame: pd.DataFrame, **options) -> pd.DataFrame:
    fit = smf.mixedlm(formula, groups="g", data=frame).fit(method="bfgs", gtol=1e-8)
    return Margins(fit, **({"vcov": "gls"} | options)).joint_tests()


def test_coding_does_not_matter(frame: pd.DataFrame):
    plain = terms_of("y ~ a * b + a * x", frame)
    coded = terms_of("y ~ C(a, Sum) * C(b, Helmert) + C(a, Sum) * x", frame)
    shifted = terms_of("y ~ a * b + a * x", frame.assign(x=frame.x * 10))
    for other in (coded, shifted):
        # rescaling x moves the main effect of a nowhere: it is taken at the mean of x
        np.testing.assert_allclose(other["statistic"], plain["statistic"], rtol=CODING)
        np.testing.assert_array_equal(other["df1"], plain["df1"])
    assert list(plain["term"]) == ["a", "b", "a:b", "x", "a:x"]


def test_curves_are_tested_as_a_whole(frame: pd.DataFrame):
    table = terms_of("y ~ a + bs(x, df=4)", frame)
    assert list(table["df1"]) == [2, 4]
    powers = terms_of("y ~ x + I(x ** 2) + I(x ** 3)", frame)
    assert list(powers["term"]) == ["x + I(x ** 2) + I(x ** 3)"]
    assert list(powers["df1"]) == [3]


def test_small_sample_methods_give_an_f(frame: pd.DataFrame):
    table = terms_of("y ~ a + x", frame, vcov=None, df="kenward-roger")
    assert (table["test"] == "F").all()
    assert np.isfinite(table["df2"]).all()
    one = table[table["term"] == "x"].iloc[0]
    fit = smf.mixedlm("y ~ a + x", groups="g", data=frame).fit(method="bfgs", gtol=1e-8)
    slope = Margins(fit, df="kenward-roger").dydx("x")
    assert one["statistic"] == pytest.approx(slope.statistic[0] ** 2, rel=1e-6)
    assert one["df2"] == pytest.approx(slope.df[0], rel=1e-6)


def test_an_empty_cell_costs_degrees_of_freedom(frame: pd.DataFrame):
    holey = frame[~((frame.a == "r") & (frame.b == "v"))]
    table = Margins(FixedModel("a * b", holey, response="y")).joint_tests()
    assert table.set_index("term").loc["a:b", "df1"] == 1


def test_a_model_of_the_intercept_alone_has_nothing_to_test():
    with pytest.raises(ArgumentError, match="no term"):
        Margins(load("dyestuff").adapter).joint_tests()
