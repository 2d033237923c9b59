"""The joint covariance of coefficients and variance parameters against V written out."""

import numpy as np
import pytest

from mixed.cases import STRUCTURES, dense_pieces, simulated
from pymargins.mixed import CovarianceParameters, MixedData
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.joint import gamma_covariance, joint_observed

DENSE = 1e-7  # relative; what is inverted has condition numbers up to 1e6


def dense_joint_information(arrays, params):
    """Minus the Hessian of the ML likelihood over (beta, gamma), at the GLS coefficients."""
    v, derivatives = dense_pieces(arrays, params)
    x, y, inverse = arrays["X"], arrays["y"], np.linalg.inv(v)
    beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
    weighted = inverse @ (y - x @ beta)
    cross = np.stack([x.T @ inverse @ g @ weighted for g in derivatives], axis=1)
    own = [
        [
            weighted @ g @ inverse @ h @ weighted - np.trace(inverse @ g @ inverse @ h) / 2
            for h in derivatives
        ]
        for g in derivatives
    ]
    return np.block([[x.T @ inverse @ x, cross], [cross.T, np.array(own)]])


def informative(structure, reml):
    """Data with residuals so large that the observed information is positive where it is taken."""
    arrays, params = simulated(structure)
    arrays = {**arrays, "y": 4 * arrays["y"], "reml": reml}
    return arrays, params


@pytest.mark.parametrize("structure", STRUCTURES)
def test_ml_inverts_the_whole_information(structure):
    arrays, params = informative(structure, reml=False)
    data = MixedData.from_arrays(**arrays)
    pieces = variance_derivatives(data, params)
    found = gamma_covariance(pieces, params)
    assert found.information == "observed"
    beta, cross = joint_observed(data, pieces, found)
    whole = np.block([[beta, cross], [cross.T, found.matrix]])
    expected = np.linalg.inv(dense_joint_information(arrays, params))
    size = np.sqrt(np.diagonal(expected))
    assert np.abs((whole - expected) / np.outer(size, size)).max() < DENSE


def test_at_a_bound_only_the_expected_information_exists():
    arrays, params = simulated("slope")
    data = MixedData.from_arrays(**arrays)
    params = CovarianceParameters([[0.8, 0.4], [0.4, 0.2]], params.components, params.sigma2)
    pieces = variance_derivatives(data, params)
    assert gamma_covariance(pieces, params).information == "expected"


def test_the_expected_information_where_it_is_asked_for():
    arrays, params = informative("slope", reml=True)
    data = MixedData.from_arrays(**arrays)
    pieces = variance_derivatives(data, params)
    assert gamma_covariance(pieces, params, observed=False).information == "expected"
    assert gamma_covariance(pieces, params).information == "observed"
