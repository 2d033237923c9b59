"""Cluster-robust covariances: against clubSandwich, and against matrices written out."""

import numpy as np
import pytest

from mixed.cases import CASES, dense_pieces, oracle_case, simulated
from pymargins.mixed import CovarianceParameters, MixedData, fit_at
from pymargins.mixed.refits.refitter import Refitter
from pymargins.mixed.refits.response_draws import adjusted_residuals

CLUBSANDWICH = 1e-7  # relative to the standard errors
DENSE = 1e-8
ROBUST = [
    name
    for name in CASES
    if "vcov_robust" in (figures := oracle_case(name).figures)["fixed_effects"]
    and figures["fixed_effects"]["vcov_robust"]["cluster"] == figures["statsmodels"]["groups"]
]


def robust(data, params, kind):
    fitted = fit_at(data, params)
    return Refitter.from_fit(data, fitted, kind).reference(fitted)


@pytest.mark.parametrize("kind", ["CR0", "CR3"])
@pytest.mark.parametrize("name", ROBUST)
def test_equals_clubsandwich(name, kind):
    case = oracle_case(name)
    expected = np.array(case.figures["fixed_effects"]["vcov_robust"][kind])
    found = robust(case.data, case.params, kind.lower())
    se = np.sqrt(np.diagonal(case.vcov))
    assert np.abs((found - expected) / np.outer(se, se)).max() < CLUBSANDWICH


def written_out(arrays, params, kind):
    """Return A_i e_i in rows of the data, and the robust covariance, from n_i x n_i matrices."""
    v, _ = dense_pieces(arrays, params)
    x, y, groups = arrays["X"], arrays["y"], arrays["groups"]
    m = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    e = y - x @ (m @ x.T @ np.linalg.solve(v, y))
    adjusted = np.empty(len(y))
    meat = np.zeros_like(m)
    for code in np.unique(groups):
        rows = np.flatnonzero(groups == code)
        own_v, own_x = v[np.ix_(rows, rows)], x[rows]
        values, vectors = np.linalg.eigh(own_v)
        root = vectors * np.sqrt(values) @ vectors.T
        back = vectors / np.sqrt(values) @ vectors.T
        left = np.eye(len(rows)) - back @ own_x @ m @ own_x.T @ back
        values, vectors = np.linalg.eigh(left)
        alive = values > 1e-8
        power = np.where(
            alive, np.where(alive, values, 1) ** (-0.5 if kind == "cr2-whitened" else -1), 0
        )
        a = root @ (vectors * power @ vectors.T) @ back
        if kind == "cr2-whitened" and alive.all():
            assert np.allclose(a @ (own_v - own_x @ m @ own_x.T) @ a.T, own_v, atol=1e-9)
        adjusted[rows] = a @ e[rows]
        g = own_x.T @ np.linalg.solve(own_v, adjusted[rows])
        meat += np.outer(g, g)
    return adjusted, m @ meat @ m


@pytest.mark.parametrize("kind", ["cr2-whitened", "cr3"])
@pytest.mark.parametrize("structure", ["intercept", "slope", "nested", "slope_and_nested"])
def test_equals_the_matrices_written_out(structure, kind):
    arrays, params = simulated(structure)
    data = MixedData.from_arrays(**arrays)
    residuals, covariance = written_out(arrays, params, kind)
    fitted = fit_at(data, params)
    found = np.empty(data.n_rows)
    found[data.order] = adjusted_residuals(data, fitted, kind)
    assert np.allclose(found, residuals, rtol=DENSE, atol=DENSE)
    assert np.allclose(robust(data, params, kind), covariance, rtol=DENSE, atol=1e-12)


def test_cr2_is_clubsandwichs_where_groups_are_uncorrelated():
    """With V a multiple of I both roots are the symmetric root of I - H."""
    arrays, _ = simulated("intercept")
    params = CovarianceParameters([[0.0]], [], 1.7)
    _, expected = written_out(arrays, params, "cr2-whitened")
    found = robust(MixedData.from_arrays(**arrays), params, "cr2-whitened")
    assert np.allclose(found, expected, rtol=DENSE)


@pytest.mark.parametrize("kind", ["cr2-whitened", "cr3"])
def test_a_group_that_determines_a_coefficient_alone(kind):
    arrays, params = simulated("intercept")
    alone = (arrays["groups"] == 3).astype(float)
    arrays["X"] = np.column_stack([arrays["X"], alone])
    _, expected = written_out(arrays, params, kind)
    found = robust(MixedData.from_arrays(**arrays), params, kind)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-9)
