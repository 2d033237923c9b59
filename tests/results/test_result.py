"""Results: rows by name, arithmetic with joint uncertainty, tests, intervals, scales, tables."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pymargins import (
    ArgumentError,
    Scale,
    Scenario,
    Simulation,
    levels,
    pairwise,
    reference,
)
from support.small_models import ROUNDING, FixedModel, session, study

#: Largest |t| by quadrature, against SciPy's randomised multivariate normal.
SIMULTANEOUS = 2e-4
COLUMNS = ["estimate", "std_error", "statistic", "df", "p_value", "ci_lower", "ci_upper"]


@pytest.fixture(scope="module")
def data():
    return study(96)


@pytest.fixture(scope="module")
def model(data):
    return FixedModel("age * treated + school + smoker", data, seed=4)


@pytest.fixture(scope="module")
def positive(data):
    """Mean responses well above zero."""
    p = FixedModel("treated + school", data)
    return FixedModel("treated + school", data, params=[8.0, 1.0, -2.0, 3.0, 0.5], cov=p.cov)


@pytest.fixture(scope="module")
def share(data):
    """Mean responses between 0 and 1."""
    return FixedModel(
        "treated + school", data, params=[0.4, 0.2, 0.1, -0.2, 0.3], cov=np.eye(5) / 400
    )


def four(m):
    return m.predict(over="school")


def agrees(a, b, rtol=ROUNDING):
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(a.cov, b.cov, rtol=rtol, atol=1e-14)


# --- a sequence of named rows --------------------------------------------------------------------


def test_rows_by_name_and_position(model):
    r = four(session(model))
    assert r.labels == ("school=A", "school=B", "school=C", "school=D")
    assert len(r) == 4
    assert [row.labels[0] for row in r] == list(r.labels)
    for pick, wanted in (
        ("school=B", [1]),
        (1, [1]),
        (-1, [3]),
        (np.int64(2), [2]),
        (slice(1, None), [1, 2, 3]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([2, 0], [2, 0]),
        (["school=D", 0], [3, 0]),
        ([True, False, False, True], [0, 3]),
        (r.estimate > np.median(r.estimate), None),
        (np.array([3, 3]), [3, 3]),
    ):
        picked = r[pick]
        rows = np.flatnonzero(pick) if wanted is None else wanted
        assert picked.labels == tuple(r.labels[i] for i in rows)
        assert np.array_equal(picked.estimate, r.estimate[rows])
        np.testing.assert_allclose(picked.cov, r.cov[np.ix_(rows, rows)], rtol=1e-12)
        assert picked.to_frame()["school"].tolist() == ["ABCD"[i] for i in rows]
    assert float(r[0]) == r.estimate[0]
    assert "school=B" in r.labels


def test_a_label_twice_is_ambiguous(model):
    r = session(model).contrasts([Scenario({"age": 30}), Scenario({"age": 30})])
    with pytest.raises(ArgumentError, match="names several rows"):
        r["age=30"]
    assert r[1].labels == ("age=30",)


def test_parts_joined_again_are_the_whole(model):
    r = four(session(model))
    assert sum(len(part) for part in (r[:1], r[1:])) == len(r)
    difference = r[2] - r[0]
    agrees(difference, r.contrast([-1, 0, 1, 0]))


# --- figures of a row ----------------------------------------------------------------------------


@pytest.mark.parametrize("df", [None, 3, 17.5, np.inf])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_figures_follow_the_reference_distribution(df, level, model):
    r = four(session(model, df=df, level=level))
    t = stats.norm() if df is None or np.isinf(df) else stats.t(df)
    table = r.to_frame()
    statistic = r.estimate / np.sqrt(np.diagonal(r.cov))
    half = t.ppf((1 + level) / 2) * r.std_error
    np.testing.assert_allclose(table.statistic, statistic, rtol=1e-12)
    np.testing.assert_allclose(table.p_value, 2 * t.sf(np.abs(statistic)), rtol=1e-9)
    np.testing.assert_allclose(table.ci_lower, r.estimate - half, rtol=1e-9)
    np.testing.assert_allclose(table.ci_upper, r.estimate + half, rtol=1e-9)
    assert (table["df"] == (np.inf if df is None else df)).all()
    other = r.conf_int(0.9)
    np.testing.assert_allclose(
        other.ci_upper - other.ci_lower, 2 * t.ppf(0.95) * r.std_error, rtol=1e-9
    )
    assert list(other.index) == list(r.labels)


def test_far_tails_are_not_zero(data):
    """1 - cdf is 0 beyond z = 8.3."""
    model = FixedModel("age", data, params=[0.0, 1.0], cov=np.eye(2) / 30**2)
    r = session(model).dydx("age")
    assert r.statistic[0] == pytest.approx(30)
    assert r.p_value[0] == pytest.approx(2 * stats.norm.sf(30), rel=1e-10)
    assert r.p_value[0] > 0
    assert r.test(alternative="greater").p_value.iloc[0] == pytest.approx(stats.norm.sf(30))
    assert r.test(alternative="less").p_value.iloc[0] == pytest.approx(1.0)


@pytest.mark.parametrize("df", [None, 5])
def test_one_sided_tests_and_nulls(df, model):
    r = four(session(model, df=df))
    t = stats.norm() if df is None else stats.t(df)
    for null in (0.0, 1.5, r.estimate + 0.1):
        statistic = (r.estimate - null) / r.std_error
        up, down, both = (r.test(null, alternative=a) for a in ("greater", "less", "two-sided"))
        np.testing.assert_allclose(up.statistic, statistic, rtol=1e-12)
        np.testing.assert_allclose(up.p_value, t.sf(statistic), rtol=1e-9)
        np.testing.assert_allclose(down.p_value, t.cdf(statistic), rtol=1e-9)
        np.testing.assert_allclose(both.p_value, 2 * t.sf(np.abs(statistic)), rtol=1e-9)
    assert list(both.columns) == ["statistic", "df", "p_value"]
    assert (r.test(r.estimate).p_value == 1.0).all()


def test_nothing_is_missing_where_nothing_is_uncertain(model):
    """A constant compared with itself: 0 ± 0, not 0/0."""
    r = four(session(model))
    nothing = r - r
    table = nothing.to_frame()
    assert not table[COLUMNS].isna().any().any()
    np.testing.assert_allclose(nothing.std_error, 0.0, atol=1e-7)


# --- arithmetic ----------------------------------------------------------------------------------


def test_sums_and_differences_keep_the_joint_covariance(model):
    r = four(session(model))
    a, b, c, d = r
    identity = np.eye(4)
    agrees(b - a, r.contrast(identity[1] - identity[0]))
    agrees(a + b, r.contrast(identity[0] + identity[1]))
    agrees((a + b) - b, a)
    agrees((d - a) - (c - a), d - c)
    agrees(2 * a, a + a)
    agrees(a * 2, 2 * a)
    agrees(a / 4, 0.25 * a)
    agrees(-a, a * -1)
    agrees(np.float64(2) * a, a * np.float32(2))
    matrix = identity - identity[0]
    np.testing.assert_allclose((r - a).cov, matrix @ r.cov @ matrix.T, rtol=1e-9, atol=1e-12)
    agrees(a - r, -(r - a))
    agrees((a + b + c + d) / 4, r.contrast([0.25] * 4))
    cov = (b - a).cov[0, 0]
    assert cov == pytest.approx(r.cov[0, 0] + r.cov[1, 1] - 2 * r.cov[0, 1], rel=1e-10)


def test_a_product_with_a_number_keeps_the_statistic(model):
    r = four(session(model, df=9))
    np.testing.assert_allclose((3 * r).statistic, r.statistic, rtol=1e-12)
    np.testing.assert_allclose((-3 * r).p_value, r.p_value, rtol=1e-12)
    assert ((3 * r).df == 9).all()


def test_quotients_by_the_delta_method(positive):
    r = four(session(positive))
    a, b = r[1], r[0]
    q = a / b
    ratio = r.estimate[1] / r.estimate[0]
    gradient = np.array([-ratio, 1.0]) / r.estimate[0]
    assert q.estimate[0] == pytest.approx(ratio, rel=1e-12)
    assert q.cov[0, 0] == pytest.approx(gradient @ r.cov[:2, :2] @ gradient, rel=1e-10)
    inverse = b / a
    assert (q.estimate * inverse.estimate)[0] == pytest.approx(1.0, rel=1e-12)
    same = a / a
    assert same.estimate[0] == 1.0
    assert same.std_error[0] == pytest.approx(0.0, abs=1e-8)
    by_evaluate = session(positive).evaluate(levels("treated", [1, 0]), lambda x: x[0] / x[1])
    m = session(positive)
    one, zero = m.predict({"treated": [1, 0]})
    agrees(one / zero, by_evaluate, rtol=1e-7)


def test_results_of_several_verbs_combine(model, data):
    m = session(model)
    slope = m.dydx("age", atexog={"treated": 1}) - m.dydx("age", atexog={"treated": 0})
    names = list(model.exog.design_info.column_names)
    i = names.index("age:treated")
    assert slope.estimate[0] == pytest.approx(model.beta[i], rel=1e-10)
    assert slope.std_error[0] == pytest.approx(np.sqrt(model.cov[i, i]), rel=1e-10)
    mixed = m.predict({"treated": 1}) - m.contrasts([Scenario({"treated": 0})])
    agrees(mixed, m.dydx("treated"), rtol=1e-9)


def test_labels_of_arithmetic(model):
    m = session(model)
    a, b, c, _ = four(m)
    assert (b - a).labels == ("school=B - school=A",)
    assert ((b - a) - (c - a)).labels == ("(school=B - school=A) - (school=C - school=A)",)
    assert (2 * a).labels == ("2 * school=A",)
    assert (0.5 * (a + b)).labels == ("0.5 * (school=A + school=B)",)
    assert (a / b).labels == ("school=A / school=B",)
    assert four(m).pairwise().labels == ("A - B", "A - C", "A - D", "B - C", "B - D", "C - D")
    assert m.predict({"age": [30, 60]}).pairwise().labels == ("age=30 - age=60",)
    nested = m.contrasts(reference("school", ["A", "B", "C"])).pairwise()
    assert nested.labels == ("(B - A) - (C - A)",)


def test_contrast_takes_matrices_and_names(model):
    r = four(session(model))
    matrix = np.array([[1, -1, 0, 0], [0.5, 0.5, -0.5, -0.5]])
    wanted = (matrix @ r.estimate, matrix @ r.cov @ matrix.T)
    for result in (
        r.contrast(matrix),
        r.contrast(matrix.tolist(), labels=["x", "y"]),
        r.contrast({"x": matrix[0], "y": matrix[1]}),
    ):
        np.testing.assert_allclose(result.estimate, wanted[0], rtol=1e-9)
        np.testing.assert_allclose(result.cov, wanted[1], rtol=1e-9, atol=1e-14)
    assert r.contrast(matrix, labels=["x", "y"]).labels == ("x", "y")
    assert r.contrast(matrix[0], labels="x").labels == ("x",)
    twice = r.contrast(matrix).contrast([2, -3])
    agrees(twice, r.contrast([2, -3] @ matrix), rtol=1e-9)


def test_pairwise_is_the_earlier_minus_the_later(model):
    r = four(session(model))
    pairs = r.pairwise()
    np.testing.assert_allclose(
        pairs.estimate,
        [r.estimate[i] - r.estimate[j] for i in range(4) for j in range(i + 1, 4)],
        rtol=1e-10,
        atol=1e-12,
    )


# --- joint tests ---------------------------------------------------------------------------------


def test_a_joint_test_against_its_closed_form(model):
    r = four(session(model)).contrast(np.eye(4)[1:] - np.eye(4)[0])
    wald = r.estimate @ np.linalg.solve(r.cov, r.estimate)
    test = r.joint_test()
    assert test.test == "chi2"
    assert test.statistic == pytest.approx(wald, rel=1e-9)
    assert (test.df1, test.df2) == (3, np.inf)
    assert test.p_value == pytest.approx(stats.chi2.sf(wald, 3), rel=1e-9)
    null = [0.1, 0.2, 0.3]
    distance = r.estimate - null
    assert r.joint_test(null).statistic == pytest.approx(
        distance @ np.linalg.solve(r.cov, distance), rel=1e-9
    )


def test_a_joint_test_with_degrees_of_freedom_is_an_f(model):
    r = four(session(model, df=8)).contrast(np.eye(4)[1:] - np.eye(4)[0])
    f = r.estimate @ np.linalg.solve(r.cov, r.estimate) / 3
    test = r.joint_test()
    assert test.test == "F"
    assert test.statistic == pytest.approx(f, rel=1e-9)
    assert (test.df1, test.df2) == (3, 8)
    assert test.p_value == pytest.approx(stats.f.sf(f, 3, 8), rel=1e-9)


def test_joint_tests_see_the_rank(model):
    """Row 10: six differences of four groups have three degrees of freedom."""
    r = four(session(model))
    base = r.contrast(np.eye(4)[1:] - np.eye(4)[0]).joint_test()
    for redundant in (
        r.pairwise(),
        r.pairwise()[[0, 0, 1, 2]],
        r.contrast(np.eye(4) - 0.25),
        r.contrast(np.vstack([np.eye(4)[1:] - np.eye(4)[0]] * 3)),
    ):
        test = redundant.joint_test()
        assert test.df1 == 3
        assert test.statistic == pytest.approx(base.statistic, rel=1e-7)
        assert test.p_value == pytest.approx(base.p_value, rel=1e-7)


def test_joint_tests_do_not_depend_on_units(model):
    r = four(session(model))
    base = r.joint_test()
    scaled = r.contrast(np.diag([1e-9, 1.0, 1e6, 1e3])).joint_test()
    assert scaled.df1 == 4
    assert scaled.statistic == pytest.approx(base.statistic, rel=1e-7)


def test_a_joint_test_of_one_row_is_its_own(model):
    """Row 22: one row, and a session on the log scale."""
    r = four(session(model))[0]
    assert r.joint_test().statistic == pytest.approx(r.statistic[0] ** 2, rel=1e-10)
    assert r.joint_test().p_value == pytest.approx(r.p_value[0], rel=1e-9)
    t = four(session(model, df=4))[0]
    assert t.joint_test().p_value == pytest.approx(t.p_value[0], rel=1e-9)


def test_a_joint_test_on_the_log_scale_is_of_ratios(positive):
    r = session(positive, scale="log").contrasts(reference("school", list("ABCD")))
    theta = np.log(r.estimate)
    wald = theta @ np.linalg.solve(r.cov, theta)
    assert r.joint_test().statistic == pytest.approx(wald, rel=1e-8)
    assert r.joint_test(null=1).statistic == pytest.approx(wald, rel=1e-8)


def test_nulls_that_contradict_each_other(model):
    pairs = four(session(model)).pairwise()
    with pytest.raises(ArgumentError, match="contradict"):
        pairs.joint_test(null=[1, 0, 0, 0, 0, 0])
    consistent = pairs.joint_test(null=[1, 2, 3, 1, 2, 1])
    assert consistent.df1 == 3


def test_nothing_to_test(model):
    r = four(session(model))
    with pytest.raises(ArgumentError, match="no row has any uncertainty"):
        (r[0] * 0.0).joint_test()


# --- simultaneous intervals ----------------------------------------------------------------------


def critical(r, level=None):
    bounds = r.conf_int(level, simultaneous=True)
    out = (bounds.ci_upper - bounds.ci_lower).to_numpy() / (2 * r.std_error)
    assert np.ptp(out) < 1e-3 * out[0]
    return float(out.mean())


@pytest.mark.parametrize("k", [1, 2, 3, 6])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_independent_rows_have_sidaks_intervals(k, level, data):
    model = FixedModel(f"C(student % {k}) - 1", data, cov=np.diag(np.arange(1.0, k + 1)))
    m = session(model)
    r = m.predict(over="student")[list(range(k))] if k > 1 else m.predict(over="student")[0]
    np.testing.assert_allclose(r.cov, model.cov, atol=1e-14)
    sidak = stats.norm.ppf((1 + level ** (1 / k)) / 2)
    assert critical(r, level) == pytest.approx(sidak, rel=1e-4)


@pytest.mark.parametrize("df", [None, 7])
def test_correlated_rows_cover_together(df, model):
    r = four(session(model, df=df))
    sd = np.sqrt(np.diagonal(r.cov))
    correlation = r.cov / np.outer(sd, sd)
    c = np.full(4, critical(r))
    if df is None:
        joint = stats.multivariate_normal(np.zeros(4), correlation)
        coverage = joint.cdf(c, lower_limit=-c)
        assert coverage == pytest.approx(0.95, abs=SIMULTANEOUS)
    else:
        rng = np.random.default_rng(1)
        draws = stats.multivariate_t(np.zeros(4), correlation, df, seed=rng).rvs(400_000)
        coverage = (np.abs(draws) <= c).all(axis=1).mean()
        assert coverage == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 400_000))


def test_redundant_rows_add_nothing(model):
    pairs = four(session(model)).pairwise()
    assert critical(pairs) == pytest.approx(critical(pairs[[0, 1, 2, 3, 4, 5, 0, 3]]), rel=1e-3)
    one = four(session(model))[0]
    assert critical(one[[0, 0]]) == pytest.approx(stats.norm.ppf(0.975), rel=1e-6)


def test_simultaneous_intervals_are_back_transformed(positive):
    r = four(session(positive, scale="log"))
    wide, narrow = r.conf_int(simultaneous=True), r.conf_int()
    assert (wide.ci_lower < narrow.ci_lower).all()
    assert (wide.ci_upper > narrow.ci_upper).all()
    np.testing.assert_allclose(wide.ci_lower * wide.ci_upper, r.estimate**2, rtol=1e-9)


# --- scales --------------------------------------------------------------------------------------

ROOT = Scale(np.sqrt, np.square, lambda x: 0.5 / np.sqrt(x), name="square root")
RECIPROCAL = Scale(lambda x: 1 / x, lambda y: 1 / y, lambda x: -1 / x**2, name="reciprocal")
FORMULAS = {
    "log": (np.log, np.exp, lambda x: 1 / x),
    "logit": (
        lambda p: np.log(p / (1 - p)),
        lambda x: 1 / (1 + np.exp(-x)),
        lambda p: 1 / (p * (1 - p)),
    ),
    "fisher_z": (np.arctanh, np.tanh, lambda r: 1 / (1 - r**2)),
    "root": (ROOT.forward, ROOT.inverse, ROOT.derivative),
    "reciprocal": (RECIPROCAL.forward, RECIPROCAL.inverse, RECIPROCAL.derivative),
}
OF_USERS = {"root": ROOT, "reciprocal": RECIPROCAL}


@pytest.mark.parametrize("scale", FORMULAS)
def test_predictions_on_a_scale(scale, share):
    forward, inverse, derivative = FORMULAS[scale]
    plain = four(session(share))
    r = four(session(share, scale=OF_USERS.get(scale, scale), level=0.9))
    np.testing.assert_allclose(r.estimate, plain.estimate, rtol=1e-10)
    np.testing.assert_allclose(r.std_error, plain.std_error, rtol=1e-10)  # of what is reported
    slope = derivative(plain.estimate)
    np.testing.assert_allclose(r.cov, plain.cov * np.outer(slope, slope), rtol=1e-9)
    half = stats.norm.ppf(0.95) * np.abs(slope) * plain.std_error
    ends = [inverse(forward(plain.estimate) + s * half) for s in (-1, 1)]
    bounds = r.conf_int()
    np.testing.assert_allclose(bounds.ci_lower, np.minimum(*ends), rtol=1e-9)
    np.testing.assert_allclose(bounds.ci_upper, np.maximum(*ends), rtol=1e-9)
    np.testing.assert_allclose(
        r.statistic, forward(plain.estimate) / (np.abs(slope) * plain.std_error), rtol=1e-9
    )


@pytest.mark.parametrize("scale", FORMULAS)
def test_contrasts_on_a_scale(scale, share):
    forward, inverse, derivative = FORMULAS[scale]
    plain = session(share).predict({"school": ["B", "A"]})
    r = session(share, scale=OF_USERS.get(scale, scale)).contrasts(pairwise("school", ["B", "A"]))
    theta = forward(plain.estimate[0]) - forward(plain.estimate[1])
    gradient = derivative(plain.estimate) * [1, -1]
    se = np.sqrt(gradient @ plain.cov @ gradient)
    if scale == "logit":  # reported as an odds ratio
        inverse, derivative = np.exp, np.reciprocal
    assert r.estimate[0] == pytest.approx(inverse(theta), rel=1e-9)
    assert r.std_error[0] == pytest.approx(se / abs(derivative(inverse(theta))), rel=1e-9)
    assert r.statistic[0] == pytest.approx(theta / se, rel=1e-9)
    assert r.p_value[0] == pytest.approx(2 * stats.norm.sf(abs(theta / se)), rel=1e-9)


def test_ratios_on_the_log_scale(positive):
    m = session(positive, scale="log")
    one, zero = session(positive).predict({"treated": [1, 0]}).estimate
    r = m.contrasts(pairwise("treated", [1, 0]))
    assert r.estimate[0] == pytest.approx(one / zero, rel=1e-12)
    predicted = m.predict({"treated": [1, 0]})
    agrees(predicted[0] - predicted[1], r, rtol=1e-9)
    product = predicted[0] + predicted[1]
    assert product.estimate[0] == pytest.approx(one * zero, rel=1e-12)
    # ratio of ratios
    a, b = m.contrasts(pairwise("school", ["B", "A"])), m.contrasts(pairwise("school", ["C", "A"]))
    means = session(positive).predict({"school": list("ABC")}).estimate
    assert (a - b).estimate[0] == pytest.approx(means[1] / means[2], rel=1e-10)


def test_nulls_are_in_the_units_of_the_table(positive):
    """Row 12: the null is 1 for a ratio, whatever null is written."""
    r = session(positive, scale="log").contrasts(reference("school", list("ABCD")))
    theta, se = np.log(r.estimate), np.sqrt(np.diagonal(r.cov))
    wanted = 2 * stats.norm.sf(np.abs(theta / se))
    np.testing.assert_allclose(r.p_value, wanted, rtol=1e-9)
    np.testing.assert_allclose(r.test().p_value, wanted, rtol=1e-9)
    np.testing.assert_allclose(r.test(null=1).p_value, wanted, rtol=1e-9)
    np.testing.assert_allclose(r.test(null=1.2).statistic, (theta - np.log(1.2)) / se, rtol=1e-9)
    np.testing.assert_allclose(
        r.test(null=1.2, alternative="greater").p_value,
        stats.norm.sf((theta - np.log(1.2)) / se),
        rtol=1e-9,
    )


def test_a_falling_scale_turns_no_side(share):
    r = four(session(share, scale=RECIPROCAL))
    greater = r.test(null=0.9 * r.estimate, alternative="greater").p_value
    less = r.test(null=0.9 * r.estimate, alternative="less").p_value
    assert (greater < 0.5).all()
    assert (less > 0.5).all()
    np.testing.assert_allclose(greater + less, 1.0, rtol=1e-12)
    bounds = r.conf_int()
    assert (bounds.ci_lower < r.estimate).all()
    assert (r.estimate < bounds.ci_upper).all()


def test_a_scale_of_a_users_own_may_have_any_name(share):
    """A scale is the identity by what it does, not by what it is called."""
    named = Scale(np.log, np.exp, lambda x: 1 / x, name="identity")
    r = four(session(share, scale=named))
    np.testing.assert_allclose(r.estimate, four(session(share)).estimate, rtol=1e-10)
    wanted = four(session(share, scale="log")).conf_int()
    np.testing.assert_allclose(r.conf_int(), wanted, rtol=1e-10)


def test_slopes_on_a_scale(positive, data):
    """A slope is no mean response: it may be negative, and no effect is 0 (row 28)."""
    falling = FixedModel("age", data, params=[99.0, -0.25], cov=np.eye(2) / 100)
    m = session(falling, scale="log")
    r, plain = m.dydx("age"), session(falling).dydx("age")
    assert r.estimate[0] == pytest.approx(-0.25)
    assert r.statistic[0] == pytest.approx(-0.25 / 0.1)
    pd.testing.assert_frame_equal(r.to_frame(), plain.to_frame())
    assert "identity scale in every session" in str(r)
    with pytest.raises(ArgumentError, match="on the log scale, the other on the identity scale"):
        m.predict() - r


def test_no_nan_leaves_a_scale(share):
    """Bounds far out on a scale stay within its range."""
    wide = FixedModel("treated + school", share.fitted.frame, params=share.beta, cov=np.eye(5) * 50)
    for scale in ("logit", "log"):
        table = four(session(wide, scale=scale)).to_frame()
        assert np.isfinite(table[COLUMNS[:2] + COLUMNS[4:]].to_numpy()).all()
    assert (four(session(wide, scale="logit")).conf_int().ci_upper <= 1).all()


# --- tables --------------------------------------------------------------------------------------


def test_the_columns_of_a_frame(model):
    m = session(model)
    table = m.predict({"age": [30, 60]}, over=["school", "smoker"]).to_frame()
    assert list(table.columns) == ["label", "school", "smoker", "age", *COLUMNS]
    assert (table[COLUMNS].dtypes == np.float64).all()
    assert table["df"].eq(np.inf).all()
    assert table["age"].dtype.kind == "i"
    assert table["smoker"].dtype == bool
    assert isinstance(table.index, pd.RangeIndex)
    assert list(m.dydx("age").to_frame().columns) == ["label", "term", *COLUMNS]
    assert m.dydx("school").to_frame()["label"].tolist() == [f"school: {s} - A" for s in "BCD"]


def test_reserved_names_get_an_underscore(data):
    frame = data.rename(columns={"age": "estimate", "school": "label", "treated": "df"})
    model = FixedModel("estimate * df + label", frame)
    table = session(model).predict({"estimate": [30], "df": [0, 1]}, over="label").to_frame()
    assert list(table.columns) == ["label", "label_", "estimate_", "df_", *COLUMNS]
    assert table["df_"].tolist() == [0, 1] * 4
    assert table["df"].eq(np.inf).all()


def test_arrow(model):
    pyarrow = pytest.importorskip("pyarrow")
    r = session(model).predict({"age": [30, 60]}, over="school")
    table = pyarrow.table(r)
    frame = r.to_frame()
    assert table.column_names == list(frame.columns)
    for name in COLUMNS:
        assert np.array_equal(table[name].to_numpy(), frame[name].to_numpy())
    assert table["school"].to_pylist() == frame["school"].tolist()


def test_polars(model):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    r = session(model).predict({"age": [30, 60]}, over="school")
    for table in (r.to_polars(), polars.DataFrame(r)):
        assert table.columns == list(r.to_frame().columns)
        assert np.array_equal(table["estimate"].to_numpy(), r.estimate)
        assert table["school"].to_list() == r.to_frame()["school"].tolist()


def test_iteration_and_tables_agree(model):
    r = session(model).predict({"age": [30, 60]}, over="school")
    table = r.to_frame()
    stacked = pd.concat([row.to_frame() for row in r], ignore_index=True)
    pd.testing.assert_frame_equal(stacked, table)


def test_the_level_of_a_table(model):
    r = four(session(model))
    for text in (str(r.summary(level=0.8)), r.summary(level=0.8).to_html()):
        assert "80" in text
    assert "95" in str(r.summary())


# --- a result among Python's other objects -------------------------------------------------------


def test_labels_are_members(model):
    r = four(session(model))
    assert "school=A" in r
    assert "school=Z" not in r


def test_copies_and_pickles(model):
    m = session(model)
    r = four(m)
    for copied in (copy.copy(r), copy.deepcopy(r)):
        assert ((copied - r).estimate == 0).all()
    assert copy.deepcopy(m) is copy.copy(m) is m
    far = pickle.loads(pickle.dumps(r))
    pd.testing.assert_frame_equal(far.to_frame(), r.to_frame())
    np.testing.assert_array_equal((far - r).estimate, 0)  # still of one session
    assert str(far) == str(r)
    assert len(pickle.dumps(r)) < 20_000  # no data travel with it


def test_no_column_is_lost(data):
    frame = data.assign(estimate=data.age, estimate_=data.dose)
    m = session(FixedModel("estimate + estimate_", frame))
    table = m.predict({"estimate": [30, 40], "estimate_": [1.0, 2.0]}).to_frame()
    assert table.columns[1:4].tolist() == ["estimate_", "estimate__", "estimate"]
    assert table["estimate_"].tolist() == [30, 30, 40, 40]
    assert table["estimate__"].tolist() == [1, 2, 1, 2]


def test_flags_are_true_or_false(model):
    with pytest.raises(ArgumentError, match="simultaneous: got 'x'"):
        four(session(model)).conf_int(simultaneous="x")


def test_drawn_figures_are_copies(model):
    m = session(model, method=Simulation(50, rng=1))
    r = m.dydx("age")
    before = r.std_error
    r.draws[:] = 0
    np.testing.assert_array_equal(r.std_error, before)


def test_columns_of_mixed_values_reach_other_libraries(model):
    polars = pytest.importorskip("polars")
    r = session(model).predict({"treated": [0, 1]})
    mixed = replace(
        r, estimand=replace(r.inference.portable(r.estimand), columns={"site": [1, "b"]}), _cache={}
    )
    assert polars.DataFrame(mixed)["site"].to_list() == ["1", "b"]
    assert mixed.to_polars()["site"].to_list() == ["1", "b"]
    assert mixed.to_frame()["site"].tolist() == [1, "b"]


def test_discrete_changes_are_called_so(model):
    m = session(model)
    assert "Average slope (dydx)" in str(m.dydx("age"))
    assert "Average discrete change (dydx)" in str(m.dydx("school"))
    assert "Average slope or discrete change (dydx)" in str(m.dydx("all"))
