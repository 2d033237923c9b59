"""Information about the variance parameters against V written out."""

import numpy as np
import pytest

from mixed.cases import STRUCTURES, dense_pieces, simulated
from mixed.small_sample_cases import small_sample_case
from pymargins.mixed import CovarianceParameters, MixedData, fit, score
from pymargins.mixed.small_samples import derivatives as derivatives_module
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.information import (
    expected_covariance,
    expected_information,
    observed_covariance,
    observed_information,
)

DENSE = 1e-9  # relative to the expected information
AT_OPTIMUM = 1e-4  # relative; the fit's score is not exactly zero


def dense_informations(arrays, params, reml):
    v, derivatives = dense_pieces(arrays, params)
    x, y, inverse = arrays["X"], arrays["y"], np.linalg.inv(v)
    p = inverse - inverse @ x @ np.linalg.inv(x.T @ inverse @ x) @ x.T @ inverse
    middle = p if reml else inverse
    traces = [[np.trace(middle @ g @ middle @ h) for h in derivatives] for g in derivatives]
    squares = [[y @ p @ g @ p @ h @ p @ y for h in derivatives] for g in derivatives]
    return np.array(traces) / 2, np.array(squares) - np.array(traces) / 2


def deviation(found, expected, unit):
    size = np.sqrt(np.diagonal(unit))
    return np.abs((found - expected) / np.outer(size, size)).max()


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_informations_equal_the_dense_formulas(structure, reml):
    arrays, params = simulated(structure)
    data = MixedData.from_arrays(**arrays, reml=reml)
    expected, observed = dense_informations(arrays, params, reml)
    assert deviation(expected_information(data, params), expected, expected) < DENSE
    assert deviation(observed_information(data, params), observed, expected) < DENSE
    w = expected_covariance(variance_derivatives(data, params))
    assert np.allclose(w.gamma @ expected, np.eye(len(expected)), atol=DENSE)
    assert w.dropped == 0
    assert not w.indefinite


@pytest.mark.parametrize("structure", ["slope", "slope_and_nested"])
def test_singular_parameters_are_ordinary_values(structure):
    arrays, params = simulated(structure)
    params = CovarianceParameters([[0.8, 0.4], [0.4, 0.2]], 0 * params.components, params.sigma2)
    data = MixedData.from_arrays(**arrays)
    expected, observed = dense_informations(arrays, params, True)
    assert deviation(expected_information(data, params), expected, expected) < DENSE
    assert deviation(observed_information(data, params), observed, expected) < DENSE


def test_the_score_is_that_of_the_likelihood():
    arrays, params = simulated("slope_and_nested")
    for reml in (True, False):
        data = MixedData.from_arrays(**arrays, reml=reml)
        pieces = variance_derivatives(data, params)
        own = np.linalg.solve(pieces.to_gamma.T, pieces.score)
        assert np.allclose(own, score(data, params), rtol=1e-9, atol=1e-9)


def test_working_through_the_groups_in_parts_changes_nothing(monkeypatch):
    arrays, params = simulated("slope_and_nested")
    data = MixedData.from_arrays(**arrays)
    whole = expected_information(data, params)
    monkeypatch.setattr(derivatives_module, "CHUNK", 1)
    assert np.allclose(expected_information(data, params), whole, rtol=1e-12)


@pytest.mark.parametrize("name", ["seed_score", "sleepstudy_slope", "pixel_nested_slope"])
def test_observed_covariance_inverts_the_information_at_an_optimum(name):
    case = small_sample_case(name)
    w = observed_covariance(variance_derivatives(case.data, case.params))
    inverse = np.linalg.inv(observed_information(case.data, case.params))
    assert deviation(w.gamma, inverse, inverse) < AT_OPTIMUM
    assert w.dropped == 0


def test_a_variance_of_zero_counts_as_known():
    case = small_sample_case("dyestuff2_singular")
    w = observed_covariance(variance_derivatives(case.data, case.params))
    information = observed_information(case.data, case.params)
    assert w.dropped == 1
    assert np.allclose(w.gamma, [[0, 0], [0, 1 / information[1, 1]]], rtol=1e-9)


def test_nearly_zero_is_like_zero():
    case = small_sample_case("dyestuff2_singular")
    exact = observed_covariance(variance_derivatives(case.data, case.params))
    nearly = CovarianceParameters([[1e-9]], [], case.params.sigma2)
    near = observed_covariance(variance_derivatives(case.data, nearly))
    assert near.gamma[0, 0] < 1e-6 * exact.gamma[1, 1]
    assert near.gamma[1, 1] == pytest.approx(exact.gamma[1, 1], rel=1e-6)


def test_parameters_that_the_design_cannot_tell_apart_are_counted():
    arrays, _ = simulated("intercept", n_groups=30)
    n = len(arrays["y"])
    alone = arrays | {"groups": np.arange(n)}  # one row a group: intercept and residual alike
    w = expected_covariance(
        variance_derivatives(MixedData.from_arrays(**alone), CovarianceParameters([[0.5]], [], 1.0))
    )
    assert w.dropped == 1
    assert np.isfinite(w.gamma).all()


def test_a_point_that_is_no_maximum_is_reported():
    arrays, _ = simulated("intercept", n_groups=20)
    data = MixedData.from_arrays(**arrays)
    found = fit(data).params
    assert not observed_covariance(variance_derivatives(data, found)).indefinite
    far = CovarianceParameters(found.psi, [], 50 * found.sigma2)
    assert observed_covariance(variance_derivatives(data, far)).indefinite
