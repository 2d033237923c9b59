"""GLS, likelihood and score against the written-out formulas and against lme4."""

import numpy as np
import pytest

from mixed.cases import CASES, STRUCTURES, dense_fit, oracle_case, simulated
from pymargins.errors import ArgumentError
from pymargins.mixed import CovarianceParameters, MixedData, gls, score

DENSE = 1e-9  # relative; the dense formula inverts V
LME4_LOGLIK = 1e-7  # absolute; lme4's figures carry 15 digits
LME4_SE_SCALED = 1e-8
LME4_VCOV = 1e-8
LME4_SCORE = (
    1e-5  # of the deviance in the log of the parameters: how well the oracle's optimum is polished
)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_equals_the_dense_formula(structure, reml):
    arrays, params = simulated(structure)
    data = MixedData.from_arrays(**arrays, reml=reml)
    fit = gls(data, params)
    beta, phi, loglik, gradient = dense_fit(arrays, params, reml)
    assert np.allclose(fit.beta, beta, rtol=DENSE)
    assert np.allclose(fit.cov, phi, rtol=DENSE, atol=1e-14)
    assert fit.loglik == pytest.approx(loglik, rel=DENSE)
    assert np.allclose(score(data, params), gradient, rtol=DENSE, atol=DENSE)


@pytest.mark.parametrize("structure", ["slope", "slope_and_nested"])
def test_singular_parameters_are_ordinary_values(structure):
    arrays, params = simulated(structure)
    params = CovarianceParameters([[0.8, 0.4], [0.4, 0.2]], 0 * params.components, params.sigma2)
    data = MixedData.from_arrays(**arrays)
    fit = gls(data, params)
    beta, phi, loglik, gradient = dense_fit(arrays, params)
    assert np.allclose(fit.beta, beta, rtol=DENSE)
    assert np.allclose(fit.cov, phi, rtol=DENSE, atol=1e-14)
    assert fit.loglik == pytest.approx(loglik, rel=DENSE)
    assert np.allclose(score(data, params), gradient, rtol=DENSE, atol=DENSE)


@pytest.mark.parametrize("name", CASES)
def test_lme4_variances_give_lme4_figures(name):
    case = oracle_case(name)
    fit = gls(case.data, case.params)
    se = np.sqrt(np.diagonal(case.vcov))
    assert fit.loglik == pytest.approx(case.loglik, abs=LME4_LOGLIK)
    assert np.abs((fit.beta - case.beta) / se).max() < LME4_SE_SCALED
    assert np.abs((fit.cov - case.vcov) / np.outer(se, se)).max() < LME4_VCOV


@pytest.mark.parametrize("name", CASES)
def test_the_score_vanishes_at_lme4_optimum(name):
    case = oracle_case(name)
    gradient = score(case.data, case.params) * case.params.gamma
    assert np.abs(gradient).max() < LME4_SCORE


def test_dependent_columns_change_nothing_else():
    arrays, params = simulated("slope")
    fit = gls(MixedData.from_arrays(**arrays), params)
    x = arrays["X"]
    arrays["X"] = np.column_stack([x, x[:, 0] + x[:, 2]])
    more = gls(MixedData.from_arrays(**arrays), params)
    assert more.rank == 3
    assert np.allclose(more.beta, [*fit.beta, 0.0], rtol=1e-10)
    assert np.allclose(more.cov[:3, :3], fit.cov, rtol=1e-10, atol=1e-14)
    assert more.loglik == pytest.approx(fit.loglik, rel=1e-12)


def test_row_order_changes_nothing():
    arrays, params = simulated("slope")
    fit = gls(MixedData.from_arrays(**arrays), params)
    shuffle = np.random.default_rng(1).permutation(len(arrays["y"]))
    arrays |= {k: arrays[k][shuffle] for k in ("y", "X", "Z", "groups")}
    other = gls(MixedData.from_arrays(**arrays), params)
    assert np.allclose(other.beta, fit.beta, rtol=1e-10)
    assert other.loglik == pytest.approx(fit.loglik, rel=1e-12)


def test_parameters_of_another_model_are_refused():
    arrays, _ = simulated("slope")
    with pytest.raises(ArgumentError, match="do not fit a model with 2 random-effects columns"):
        gls(MixedData.from_arrays(**arrays), CovarianceParameters([[1.0]], [], 1.0))
