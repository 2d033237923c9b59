"""Fits: the optimum against lme4, exact derivatives, the boundary, invariances."""

from itertools import pairwise

import numpy as np
import pytest

from mixed.cases import CASES, STRUCTURES, dense_fit, oracle_case, simulated
from pymargins.errors import ArgumentError, ModelError
from pymargins.mixed import (
    CovarianceParameters,
    MixedData,
    distance_from_optimum,
    fit,
    fit_at,
    profiled_deviance,
)
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors

LOGLIK = 1e-7  # absolute, against lme4
BETA = 1e-6  # in standard errors, against lme4
VARIANCE = 1e-5  # relative, against lme4
GRADIENT = 1e-7  # relative, analytic against central differences with Richardson extrapolation
HESSIAN = 1e-6  # the same, differences of the analytic gradient
AT_OPTIMUM = 1e-5  # gradient in theta where d is of order one per unit of theta
INVARIANCE = 1e-8


@pytest.mark.parametrize("name", CASES)
def test_reaches_lme4_optimum(name):
    case = oracle_case(name)
    found = fit(case.data)
    se = np.sqrt(np.diagonal(case.vcov))
    expected = case.params.gamma
    scale = np.where(expected == 0, case.params.sigma2 * 1e-5, np.abs(expected))
    assert found.converged
    assert found.singular == case.figures["singular"]
    assert found.loglik == pytest.approx(case.loglik, abs=LOGLIK)
    assert np.abs((found.beta - case.beta) / se).max() < BETA
    assert np.abs((found.params.gamma - expected) / scale).max() < VARIANCE
    assert np.abs(np.sqrt(np.diagonal(found.cov)) / se - 1).max() < VARIANCE
    assert np.abs(found.gradient).max() < AT_OPTIMUM


def test_a_singular_fit_is_exactly_singular():
    found = fit(oracle_case("dyestuff2_singular").data)
    assert found.params.psi[0, 0] == 0
    assert found.theta.tolist() == [0.0]


def richardson(function, point, step=1e-3):
    """Central differences of a vector-valued function, extrapolated to sixth order."""
    rows = []
    for k in range(len(point)):
        table = []
        for h in (step, step / 2, step / 4):
            e = np.zeros(len(point))
            e[k] = h
            table.append((function(point + e) - function(point - e)) / (2 * h))
        first = [(4 * b - a) / 3 for a, b in pairwise(table)]
        rows.append((16 * first[1] - first[0]) / 15)
    return np.array(rows)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_gradient_in_theta(structure, reml):
    arrays, params = simulated(structure)
    data = MixedData.from_arrays(**arrays, reml=reml)
    theta = params.theta
    _, gradient = profiled_deviance(data, theta)
    expected = richardson(lambda t: np.array(profiled_deviance(data, t)[0]), theta)
    assert np.allclose(gradient, expected, rtol=GRADIENT, atol=GRADIENT)


def test_profiled_deviance_is_the_lowest_over_sigma2():
    arrays, params = simulated("slope_and_nested")
    data = MixedData.from_arrays(**arrays)
    value, _ = profiled_deviance(data, params.theta)

    def at(sigma2):
        scale = sigma2 / params.sigma2
        return (
            -2
            * dense_fit(
                arrays,
                CovarianceParameters(scale * params.psi, scale * params.components, sigma2),
            )[2]
        )

    values = [at(s) for s in params.sigma2 * np.geomspace(0.2, 5, 200)]
    assert 0 <= min(values) - value < 0.05


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_engine_derivatives(structure, reml):
    arrays, _ = simulated(structure)
    data = MixedData.from_arrays(**arrays, reml=reml)
    criterion = Batches.from_factors(GroupFactors.from_data(data)).observed()
    psi = np.array([0.7, 0.2, 0.9, 0.4, 0.3])
    size = data.q * (data.q + 1) // 2
    psi = np.concatenate([psi[:size], psi[3 : 3 + data.n_components]])

    def deviance(p):
        return criterion.evaluate(p[:, None]).deviance

    def gradient(p):
        return criterion.derivatives(criterion.evaluate(p[:, None]))[0][:, 0]

    g, h = criterion.derivatives(criterion.evaluate(psi[:, None]))
    assert np.allclose(g, richardson(deviance, psi), rtol=GRADIENT, atol=GRADIENT)
    assert np.allclose(h[:, :, 0], richardson(gradient, psi), rtol=HESSIAN, atol=HESSIAN)


def test_optimum_equals_the_deviance_of_its_own_parameters():
    arrays, _ = simulated("slope_and_nested")
    data = MixedData.from_arrays(**arrays)
    found = fit(data)
    _, _, loglik, _ = dense_fit(arrays, found.params)
    assert found.loglik == pytest.approx(loglik, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_never_above_a_grid(seed):
    """Two random effects, tiny and unbalanced: many of these are singular."""
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, 6, 24))
    _, groups = np.unique(groups, return_inverse=True)
    x = rng.normal(size=24)
    y = x + rng.normal(size=24) + 0.4 * rng.normal(size=6)[groups] * (1 + x)
    z = np.column_stack([np.ones(24), x])
    data = MixedData.from_arrays(y, z, groups, z)
    found = fit(data)
    assert found.converged
    grid = np.concatenate([[0.0], np.geomspace(0.02, 5, 7)])
    lowest = min(
        profiled_deviance(data, np.array([a, sign * b, c]))[0]
        for a in grid
        for b in grid
        for c in grid
        for sign in (1, -1)
    )
    assert found.deviance <= lowest + 1e-9
    low = np.linalg.eigvalsh(found.params.psi)[0]
    assert found.singular == (low < 1e-8 * found.params.sigma2)


def test_a_vanishing_first_variance_is_reached():
    """Lambda's first column vanishes, its flat valley is no obstacle."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(15), 8)
    x = np.tile(np.arange(8.0), 15)
    y = rng.normal(size=120) + 0.5 * rng.normal(size=15)[groups] * x
    z = np.column_stack([np.ones(120), x])
    y = y - np.repeat((y.reshape(15, 8) @ np.linalg.pinv(z[:8]).T)[:, 0], 8) * 0.999
    found = fit(MixedData.from_arrays(y, z, groups, z))
    assert found.converged
    assert found.singular
    assert found.iterations < 40
    assert found.params.psi[1, 1] > 0.05


def test_uncentred_random_slopes_lose_no_digits():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 10)
    year = np.tile(np.arange(10.0), 20)
    y = year + rng.normal(size=20)[groups] * (1 + 0.3 * year) + rng.normal(size=200)
    fits = []
    for origin in (0.0, 2010.0):
        z = np.column_stack([np.ones(200), year + origin])
        fits.append(fit(MixedData.from_arrays(y, z, groups, z)))
    near, far = fits
    assert far.loglik == pytest.approx(near.loglik, abs=1e-6)
    assert far.beta[1] == pytest.approx(near.beta[1], rel=1e-7)
    assert far.params.psi[1, 1] == pytest.approx(near.params.psi[1, 1], rel=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_of_the_response_only_scale(structure):
    arrays, _ = simulated(structure)
    one = fit(MixedData.from_arrays(**arrays))
    arrays["y"] = 1e6 * arrays["y"]
    other = fit(MixedData.from_arrays(**arrays))
    se = np.sqrt(np.diagonal(one.cov))
    assert np.abs((1e-6 * other.beta - one.beta) / se).max() < INVARIANCE
    # A variance close to zero is as well determined as the deviance allows, no better.
    assert np.allclose(1e-12 * other.params.gamma, one.params.gamma, rtol=1e-6, atol=1e-9)


def test_distance_from_the_optimum():
    case = oracle_case("seed_score")
    best = fit(case.data)
    there = distance_from_optimum(case.data, case.params, best)
    assert there.deviance_gap == pytest.approx(0, abs=1e-8)
    assert np.abs(there.gradient).max() < 1e-5
    assert np.allclose(there.se_ratio, 1, rtol=1e-6)
    away = CovarianceParameters(4 * case.params.psi, [], case.params.sigma2)
    gone = distance_from_optimum(case.data, away, best)
    assert gone.deviance_gap > 0.1
    assert np.abs(gone.se_ratio - 1).max() > 0.02
    assert np.abs(gone.beta_shift).max() > 0.05
    assert gone.optimum.loglik == pytest.approx(case.loglik, abs=LOGLIK)


def test_fit_at_given_parameters_looks_no_further():
    case = oracle_case("sleepstudy_slope")
    params = CovarianceParameters([[400.0, 0.0], [0.0, 30.0]], [], 700.0)
    held = fit_at(case.data, params)
    assert held.params is params
    assert held.iterations == 0
    assert held.loglik < case.loglik


def test_models_that_cannot_be_fitted_are_named():
    arrays, _ = simulated("intercept")
    none = MixedData.from_arrays(arrays["y"], arrays["X"], arrays["groups"])
    with pytest.raises(ModelError, match="no random effects"):
        fit(none)
    few = MixedData.from_arrays([1.0, 2.0], np.eye(2), [0, 1], np.ones((2, 1)))
    with pytest.raises(ModelError, match="2 fixed effects for 2 rows"):
        fit(few)
    with pytest.raises(ArgumentError, match=r"theta: must have shape \(1,\)"):
        profiled_deviance(MixedData.from_arrays(**arrays), np.zeros(2))


def test_a_perfect_fit_is_refused():
    arrays, _ = simulated("intercept")
    arrays["y"] = arrays["X"] @ np.array([1.0, 2.0, 3.0])
    with pytest.raises(ModelError, match="no residual variance"):
        fit(MixedData.from_arrays(**arrays))


@pytest.mark.parametrize("ratio", [1e2, 1e4])
def test_groups_that_differ_far_more_than_rows(ratio):
    """The within-group information must not drown in the between-group one."""
    arrays, _ = simulated("intercept")
    rng = np.random.default_rng(0)
    n_groups = arrays["groups"].max() + 1
    noise = rng.normal(size=len(arrays["y"]))
    arrays["y"] = noise + ratio * rng.normal(size=n_groups)[arrays["groups"]]
    found = fit(MixedData.from_arrays(**arrays))
    assert found.converged
    within = np.concatenate(
        [
            noise[arrays["groups"] == i] - noise[arrays["groups"] == i].mean()
            for i in range(n_groups)
        ]
    )
    assert 0.5 < found.params.sigma2 / within.var() < 2
    assert abs(found.gradient[0] * found.theta[0]) < 1e-5
