"""Many rows by the factor of their covariance: the same figures, without k by k numbers."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from pymargins import Bootstrap, NumericalError
from pymargins.families import multiplicity
from pymargins.families.multiplicity import apart, critical_value, largest_t
from pymargins.inference.factor import independent_basis, root_of
from pymargins.mixed.refits import sampling
from pymargins.mixed.refits.sampling import ClusterSampling
from support.small_models import FixedModel, fit, session, study

SPLINE = "bs(age, df=7, lower_bound=15, upper_bound=80) * treated"


@pytest.fixture(scope="module")
def m():
    return session(FixedModel(SPLINE, study(), seed=3))


def rows_of(m, k):
    """Predict along a curve."""
    return m.predict(pd.DataFrame({"age": np.linspace(21, 73, k), "treated": np.arange(k) % 2}))


def test_a_root_times_its_transpose_is_the_covariance():
    rng = np.random.default_rng(1)
    half = rng.normal(size=(6, 4)) * np.array([1e-6, 1, 1e3, 1e6, 1, 1])[:, None]
    cov = half @ half.T  # singular, and in units that differ by twelve powers of ten
    root = root_of(cov)
    size = np.sqrt(np.outer(np.diagonal(cov), np.diagonal(cov)))
    np.testing.assert_allclose(root @ root.T / size, cov / size, atol=1e-13)
    assert len(independent_basis(root)[1]) == 4
    assert root_of(np.array([[1.0, 2.0], [2.0, 1.0]])) is None


def test_the_factor_of_rows_is_that_of_their_covariance(m):
    rows = rows_of(m, 30)
    factor = rows.inference.factor(rows.estimand)
    np.testing.assert_allclose(factor @ factor.T, rows.cov, rtol=1e-9, atol=1e-13)
    drawn = session(FixedModel(SPLINE, study(), seed=3), method="simulation", n_sim=300, rng=1)
    rows = rows_of(drawn, 5)
    factor = rows.inference.factor(rows.estimand)
    np.testing.assert_allclose(factor @ factor.T, rows.cov, rtol=1e-9)


def test_an_indefinite_covariance_still_has_variances():
    model = FixedModel("age + dose", study(), cov=np.diag([1.0, 0.1, 0.1]))
    m = session(model, vcov="model")
    object.__setattr__(m._inference, "cov", np.array([[1, 0, 0], [0, 1, 2.0], [0, 2.0, 1]]))
    rows = m.dydx(["age", "dose"])
    assert len(independent_basis(m._inference.factor(rows.estimand))[1]) == 1
    with pytest.raises(NumericalError, match="covariance is singular, of rank 1"):
        rows.joint_test()


def test_joint_tests_of_many_rows_are_those_of_a_basis(m):
    k = 4_000
    many = rows_of(m, k)
    tracemalloc.start()
    found = many.joint_test()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < k * k * 8 / 10  # a tenth of their covariance
    few = rows_of(m, 200).joint_test()
    assert found.df1 == few.df1 == 16
    assert found.statistic == pytest.approx(few.statistic, rel=1e-6)


def test_redundant_pairs_count_once(m):
    pairs = rows_of(m, 40).pairwise()
    assert len(pairs) == 780
    basis = rows_of(m, 40).contrast(np.eye(40)[1:] - np.eye(40)[:-1])
    assert pairs.joint_test().df1 == basis.joint_test().df1
    assert pairs.joint_test().statistic == pytest.approx(basis.joint_test().statistic, rel=1e-6)


def test_simultaneous_intervals_of_a_fine_grid_are_those_of_a_coarse_one(m):
    fine, coarse = (rows_of(m, k).conf_int(simultaneous=True) for k in (1_201, 301))
    low = coarse["ci_lower"].to_numpy()[::2]
    np.testing.assert_allclose(fine["ci_lower"].to_numpy()[::8], low, atol=5e-4)


def test_rows_that_are_hardly_apart_are_left_out():
    angle = np.linspace(0, 3, 2_000)
    root = np.stack([np.cos(angle), np.sin(angle), np.zeros(2_000)], axis=1)
    kept = apart(root, True)
    assert len(kept) < 400
    assert (np.abs(root @ kept.T).max(axis=1) >= multiplicity.ALIKE).all()
    assert len(apart(root[:400], True)) == 400  # of few rows all count
    level, df = 0.95, np.array([np.inf])
    whole = critical_value(largest_t(root[::5]), level, df, 400)
    assert critical_value(largest_t(root), level, df, 2_000) == pytest.approx(whole, rel=2e-4)


# --- the jackknife of BCa intervals --------------------------------------------------------------


def test_few_clusters_are_left_out_one_by_one():
    drawn = ClusterSampling.of_groups(30)
    assert drawn.n_left_out == 30
    np.testing.assert_array_equal(drawn.left_out(0, 30), 1 - np.eye(30))


def test_many_clusters_are_left_out_in_blocks_of_one_size():
    drawn = ClusterSampling.of_groups(1_750)
    assert drawn.n_left_out == sampling.MOST_LEFT_OUT
    left = 1 - drawn.left_out(0, drawn.n_left_out)
    assert (left.sum(axis=1) == 1).all()  # every cluster once
    assert set(left.sum(axis=0)) == {3.0, 4.0}


def test_the_acceleration_by_blocks_is_that_by_clusters(monkeypatch):
    rng = np.random.default_rng(4)
    groups, size = 240, 3
    student = np.repeat(np.arange(groups), size)
    y = 5 + rng.exponential(2, groups)[student] + rng.normal(0, 1, groups * size)
    frame = pd.DataFrame({"student": student, "score": y, "x": rng.normal(size=len(y))})
    made = fit("score ~ x", frame)
    option = Bootstrap(60, interval="bca", rng=1)
    found = {}
    for most in (500, 80):
        monkeypatch.setattr(sampling, "MOST_LEFT_OUT", most)
        result = session(made, method=option).predict()
        found[most] = result.inference._bca_constants(result.estimand)[1][0]
    assert found[500] > 0.01  # skewed to the right
    assert found[80] == pytest.approx(found[500], abs=0.015)


# --- derivatives that no scenario changes --------------------------------------------------------


def test_a_derivative_is_formed_once_for_all_scenarios(monkeypatch):
    from pymargins.models.factors import Factor

    m = session(FixedModel("bs(age, df=5) * treated", study(), params=[50.0, *np.ones(11)]))
    calls: list[str] = []
    true = Factor.derivative

    def counting(self, columns, variable, low, high):
        calls.append(self.name)
        return true(self, columns, variable, low, high)

    monkeypatch.setattr(Factor, "derivative", counting)
    found = m.eyex("age", atexog={"treated": [0, 0.5, 1]})
    assert len(found) == 3
    assert len(calls) == 1
