"""Joint tests of terms over several outcomes and equations: Wald tests of coefficients."""

import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import Margins, ModelError

N = 300
INFLATION = {"inflation": "~ x * group"}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"x": rng.normal(2.0, 1.0, N), "group": rng.choice(list("abc"), N)})
    frame["z"] = rng.normal(size=N)
    frame["code"] = np.digitize(frame["x"] + rng.logistic(size=N), [0.5, 2.0, 3.5])
    count = rng.poisson(np.exp(0.3 * frame["x"]))
    frame["count"] = np.where(rng.random(N) < 0.3, 0, count)
    frame["centred"] = frame["x"] - frame["x"].mean()
    return frame


def wald(fit, columns):
    """Test that coefficients are zero, by their places."""
    value = np.asarray(fit.params, dtype=float).ravel(order="F")[columns]
    cov = np.asarray(fit.cov_params(), dtype=float)[np.ix_(columns, columns)]
    return float(value @ np.linalg.solve(cov, value))


def test_a_term_is_tested_in_the_equations_of_all_outcomes(frame):
    """Sum-coded and centred, the coefficients of a term are its effects on the balanced grid."""
    table = Margins(smf.mnlogit("code ~ x * group", frame).fit(disp=0, tol=1e-12)).joint_tests()
    coded = smf.mnlogit("code ~ centred * C(group, Sum)", frame).fit(disp=0, tol=1e-12)
    names = coded.model.exog_names
    k, equations = len(names), 3
    assert list(table["df1"]) == [2 * equations, equations, 2 * equations]
    for term, wanted in (
        ("group", lambda name: "group" in name and "centred" not in name),
        ("x", lambda name: name == "centred"),
        ("x:group", lambda name: "group" in name and "centred" in name),
    ):
        columns = [j * k + i for j in range(equations) for i, n in enumerate(names) if wanted(n)]
        found = table.set_index("term").loc[term, "statistic"]
        np.testing.assert_allclose(found, wald(coded, columns), rtol=1e-7)


def test_the_wald_test_of_all_equations(frame):
    fit = smf.mnlogit("code ~ x + group", frame).fit(disp=0, tol=1e-12)
    row = Margins(fit).joint_tests(by="x").set_index("term").loc["group"]
    places = [1, 2, 5, 6, 9, 10]  # of the group, in each of three equations of four
    effects = np.asarray(fit.params).ravel(order="F")[places]
    cov = np.asarray(fit.cov_params())[np.ix_(places, places)]
    np.testing.assert_allclose(row["statistic"], effects @ np.linalg.solve(cov, effects), rtol=1e-8)
    assert (row["df1"] == 6).all()


def zero_inflated(frame, formula="x * group"):
    exog = patsy.dmatrix(formula, frame)
    model = sm.ZeroInflatedPoisson.from_formula(
        "count ~ x + z", frame, exog_infl=exog, inflation="probit"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(disp=0, method="bfgs", maxiter=2000, gtol=1e-9)


def test_both_equations_of_a_zero_inflated_count(frame):
    fit = zero_inflated(frame, "x")
    table = Margins(fit).joint_tests().set_index("term")
    # inflate_Intercept, inflate_x, Intercept, x, z
    assert list(table.index) == ["x", "z"]
    assert list(table["df1"]) == [2, 1]
    np.testing.assert_allclose(table.loc["x", "statistic"], wald(fit, [1, 3]), rtol=1e-6)
    np.testing.assert_allclose(table.loc["z", "statistic"], wald(fit, [4]), rtol=1e-6)
    for response, columns in (("count", [3]), ("inflation", [1])):
        part = Margins(fit, response=response).joint_tests().set_index("term")
        assert part.loc["x", "df1"] == 1
        np.testing.assert_allclose(part.loc["x", "statistic"], wald(fit, columns), rtol=1e-6)


def test_terms_of_one_equation_alone(frame):
    fit = zero_inflated(frame)
    table = Margins(fit, equations=INFLATION).joint_tests().set_index("term")
    assert dict(table["df1"]) == {"x": 2, "z": 1, "group": 2, "x:group": 2}
    with pytest.raises(ModelError, match=r'equations=\{"inflation": "~ ..."\}'):
        Margins(fit).joint_tests()


def test_what_is_not_estimable_is_left_out_in_every_equation(frame):
    holey = frame.assign(again=2.0 * frame["x"])
    model = smf.mnlogit("code ~ x + again + group", holey)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(disp=0, method="bfgs", maxiter=300)
    table = Margins(fit, vcov="nonrobust").joint_tests().set_index("term")
    assert table.loc["group", "df1"] == 6
    assert table.loc["x", "test"] == "not estimable"
    assert "3 of 3 effects are not estimable" in table.loc["x", "note"]
