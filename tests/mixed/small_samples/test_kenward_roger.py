"""Kenward-Roger against pbkrtest and against the textbook formula with V written out."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats
from test_information import dense_informations
from test_satterthwaite import unbalanced_oats

from mixed.cases import CASES, STRUCTURES, dense_pieces, simulated
from mixed.small_sample_cases import (
    JOINT,
    independent,
    relative,
    small_sample_case,
    std_error,
    wald_f,
)
from pymargins.errors import ArgumentError, ModelError
from pymargins.mixed import CovarianceParameters, MixedData, fit, gls
from pymargins.mixed.small_samples.kenward_roger import _f_approximation, kenward_roger_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit

SE = 1e-8  # relative, against pbkrtest
DF = 1e-8
F = 1e-8
P = 1e-7
DENSE = 1e-8  # relative, against the dense formula
BYTES_PER_ROW = 1000


@pytest.mark.parametrize("name", CASES)
def test_rows_equal_pbkrtest(name):
    case = small_sample_case(name)
    found = kenward_roger_fit(case.reml_data, case.reml_params)
    rows, figures = case.stacked()
    expected = [row["kenward_roger"] for row in figures]
    assert relative(std_error(found.cov, rows), [e["se"] for e in expected]) < SE
    assert relative(found.df(rows), [e["df"] for e in expected]) < DF


@pytest.mark.parametrize("name", CASES)
def test_joint_tests_equal_pbkrtest(name):
    case = small_sample_case(name)
    found = kenward_roger_fit(case.reml_data, case.reml_params)
    beta = gls(case.reml_data, case.reml_params).beta
    for rows, figures in case.rows(JOINT):
        expected = figures["kenward_roger"]
        scale, df2 = found.joint(rows)
        own = independent(rows)
        f = scale * wald_f(beta, found.cov, own)
        assert relative(scale, expected["F_scaling"]) < F
        assert relative(df2, expected["df2"]) < DF
        assert relative(f, expected["F"]) < F
        assert relative(stats.f.sf(f, len(own), df2), expected["p"]) < P


def dense_kenward_roger(arrays, params, w, rows):
    """Adjusted covariance, df of each row, and (lambda, m) of all rows, by the book."""
    x = arrays["X"]
    v, derivatives = dense_pieces(arrays, params)
    inverse = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ inverse @ x)
    first = [-x.T @ inverse @ g @ inverse @ x for g in derivatives]
    size = range(len(first))
    inner = np.zeros_like(phi)
    for r in size:
        for s in size:
            second = x.T @ inverse @ derivatives[r] @ inverse @ derivatives[s] @ inverse @ x
            inner += w[r, s] * (second - first[r] @ phi @ first[s])
    cov = phi + 2 * phi @ inner @ phi

    def f_test(rows):
        rank = len(rows)
        theta = rows.T @ np.linalg.inv(rows @ phi @ rows.T) @ rows
        terms = [theta @ phi @ p @ phi for p in first]
        a1 = sum(w[r, s] * np.trace(terms[r]) * np.trace(terms[s]) for r in size for s in size)
        a2 = sum(w[r, s] * np.trace(terms[r] @ terms[s]) for r in size for s in size)
        b = (a1 + 6 * a2) / (2 * rank)
        g = ((rank + 1) * a1 - (rank + 4) * a2) / ((rank + 2) * a2)
        c1, c2, c3 = (c / (3 * rank + 2 * (1 - g)) for c in (g, rank - g, rank + 2 - g))
        e = 1 / (1 - a2 / rank)
        variance = 2 / rank * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        m = 4 + (rank + 2) / (rank * variance / (2 * e**2) - 1)
        return m / (e * (m - 2)), m

    return cov, [f_test(row[None])[1] for row in rows], f_test(rows)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_equals_the_dense_formula(structure):
    arrays, params = simulated(structure)
    found = kenward_roger_fit(MixedData.from_arrays(**arrays), params)
    expected, _ = dense_informations(arrays, params, True)
    rows = np.array([[0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    cov, df, joint = dense_kenward_roger(arrays, params, np.linalg.inv(expected), rows)
    assert np.allclose(found.cov, cov, rtol=DENSE, atol=1e-14)
    assert np.allclose(found.df(rows), df, rtol=DENSE)
    assert np.allclose(found.joint(rows), joint, rtol=DENSE)


def test_observed_information_equals_the_dense_formula_at_an_optimum():
    arrays, _ = simulated("intercept", n_groups=40)
    data = MixedData.from_arrays(**arrays)
    optimum = fit(data)
    params = optimum.params
    assert not optimum.singular
    found = kenward_roger_fit(data, params, information="observed")
    _, observed = dense_informations(arrays, params, True)
    rows = np.array([[0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    cov, df, joint = dense_kenward_roger(arrays, params, np.linalg.inv(observed), rows)
    # The fit's score is not exactly zero, and W lives on the scale of standard deviations.
    assert np.allclose(found.cov, cov, rtol=1e-5)
    assert np.allclose(found.df(rows), df, rtol=1e-5)
    assert np.allclose(found.joint(rows), joint, rtol=1e-5)
    assert not np.allclose(found.df(rows), kenward_roger_fit(data, params).df(rows), rtol=1e-3)


def test_observed_information_gives_the_degrees_of_freedom_of_satterthwaite():
    case = small_sample_case("cbpp_proportion")
    rows, _ = case.stacked()
    observed = kenward_roger_fit(case.data, case.params, information="observed")
    assert np.allclose(observed.df(rows), satterthwaite_fit(case.data, case.params).df(rows))


def test_correlation_of_one_equals_pbkrtest():
    # pbkrtest 0.5.2: yield ~ Variety * nitro + (nitro | Block)
    found = kenward_roger_fit(*unbalanced_oats())
    se = [
        7.45921515402926,
        7.95628695479504,
        8.49126902557528,
        16.0750393386893,
        21.1486753417559,
        21.9006682229051,
    ]
    df = [
        14.0047532699156,
        52.2589187749601,
        54.2508753005701,
        29.891024192241,
        51.7507029375057,
        53.2881973967767,
    ]
    assert relative(np.sqrt(np.diagonal(found.cov)), se) < SE
    assert relative(found.df(np.eye(6)), df) < DF
    assert relative(found.joint(np.eye(6)[4:]), [0.9999516653779, 52.078900440186]) < DF
    assert found.variance.dropped == 0


@pytest.mark.parametrize("shift", [50.0, 2000.0])
def test_where_a_slope_starts_does_not_matter(shift):
    arrays, params = simulated("slope", n_groups=15)
    data = MixedData.from_arrays(**arrays)
    base = kenward_roger_fit(data, params)
    x, z = arrays["X"].copy(), arrays["Z"].copy()
    x[:, 1] += shift
    z[:, 1] += shift
    change = np.array([[1.0, -shift], [0.0, 1.0]])
    moved = CovarianceParameters(change @ params.psi @ change.T, [], params.sigma2)
    other = kenward_roger_fit(MixedData.from_arrays(**arrays | {"X": x, "Z": z}), moved)
    rows = np.eye(3)
    shifted = np.array([[1.0, shift, 0.0], [0, 1, 0], [0, 0, 1]])
    assert relative(std_error(other.cov, shifted), std_error(base.cov, rows)) < 1e-6
    assert relative(other.df(shifted), base.df(rows)) < 1e-6
    assert relative(other.joint(shifted), base.joint(rows)) < 1e-6


def test_hypotheses_are_tested_not_the_rows_that_span_them():
    arrays, params = simulated("slope_and_nested")
    found = kenward_roger_fit(MixedData.from_arrays(**arrays), params)
    rows = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mixed = np.array([[1.0, 3.0], [-2.0, 0.5]]) @ rows
    assert np.allclose(found.joint(mixed), found.joint(rows), rtol=1e-9)
    assert np.allclose(found.joint(np.vstack([rows, mixed])), found.joint(rows), rtol=1e-9)
    assert np.allclose(found.joint(rows[:1]), [1.0, found.df(rows[:1])[0]], rtol=1e-9)


def test_dependent_columns_change_nothing_else():
    arrays, params = simulated("slope")
    full = kenward_roger_fit(MixedData.from_arrays(**arrays), params)
    x = arrays["X"]
    arrays["X"] = np.column_stack([x[:, :1], 2 * x[:, 0], x[:, 1:]])
    more = kenward_roger_fit(MixedData.from_arrays(**arrays), params)
    kept = np.eye(4)[[0, 2, 3]]
    assert np.allclose(kept @ more.cov @ kept.T, full.cov, rtol=1e-9, atol=1e-14)
    assert (more.cov[1] == 0).all()
    assert np.allclose(more.df(kept), full.df(np.eye(3)), rtol=1e-9)
    assert np.isposinf(more.df(np.eye(4)[[1]])).all()


@pytest.mark.parametrize("df", [1.0, 2.0, 3.0, 4.0, 5.5, 30.0, 1e7])
@pytest.mark.parametrize("rank", [1, 2, 3, 6])
def test_exact_f_tests_are_exact(rank, df):
    # In a balanced design all contrasts have the same df: A1 = 2 l^2 / nu, A2 = 2 l / nu.
    scale, m = _f_approximation(2 * rank**2 / df, 2 * rank / df, rank)
    assert m == pytest.approx(df, rel=1e-6)
    assert scale == pytest.approx(1.0, rel=1e-6)


def test_known_variances_leave_a_chi_square_and_none_is_no_f():
    assert _f_approximation(0.0, 0.0, 2) == (1.0, np.inf)
    assert np.isnan(_f_approximation(0.0, 0.0, 0)).all()
    assert np.isnan(_f_approximation(0.5, 9.0, 3)).all()  # m comes out negative


def test_ml_is_refused():
    case = small_sample_case("sleepstudy_quadratic_ml")
    with pytest.raises(ModelError, match="defined for REML estimates"):
        kenward_roger_fit(case.data, case.params)


def test_unknown_information_is_refused():
    case = small_sample_case("dyestuff")
    with pytest.raises(ArgumentError, match="'expected', 'observed'"):
        kenward_roger_fit(case.data, case.params, information="expect")  # type: ignore[arg-type]


def test_memory_grows_with_rows_not_with_their_square():
    groups, size = 2000, 10
    rng = np.random.default_rng(0)
    n = groups * size
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    codes = np.repeat(np.arange(groups), size)
    params = CovarianceParameters([[1.0, 0.1], [0.1, 0.2]], [], 1.0)
    tracemalloc.start()
    kenward_roger_fit(MixedData.from_arrays(rng.normal(size=n), x, codes, x[:, :2]), params)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < BYTES_PER_ROW * n
