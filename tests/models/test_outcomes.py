"""Outcomes of several predictors: derivatives against differences, probabilities against SciPy."""

import numpy as np
import pytest
from scipy import stats

from pymargins.models.links import LOGIT, PROBIT
from pymargins.models.means import Derivatives
from pymargins.models.outcomes import (
    GeneralizedPoissonZero,
    Multinomial,
    NegativeBinomialZero,
    Ordered,
    PoissonZero,
    ZeroInflatedMean,
    ZeroProbability,
)

LABELS = ("low", "middle", "high", "top")
STEP = 1e-5
#: Of central differences with that step.
TOLERANCE = 2e-9

CASES = {
    "ordered probit": (Ordered.probabilities(PROBIT, LABELS), 1, 3),
    "ordered logit": (Ordered.probabilities(LOGIT, LABELS), 1, 3),
    "cumulative": (Ordered.cumulative(LOGIT, LABELS), 1, 3),
    "class mean": (Ordered.mean(PROBIT, np.array([1.0, 2.0, 5.0, 9.0])), 1, 3),
    "multinomial": (Multinomial(LABELS), 3, 0),
    "zero-inflated mean": (ZeroInflatedMean(LOGIT), 2, 0),
    "zero-inflated mean with dispersion": (ZeroInflatedMean(PROBIT), 2, 1),
    "zero, Poisson": (ZeroProbability(LOGIT, PoissonZero()), 2, 0),
    "zero, GP-1": (ZeroProbability(LOGIT, GeneralizedPoissonZero(0.0)), 2, 1),
    "zero, GP-2": (ZeroProbability(PROBIT, GeneralizedPoissonZero(1.0)), 2, 1),
    "zero, NB-1": (ZeroProbability(LOGIT, NegativeBinomialZero(0.0)), 2, 1),
    "zero, NB-2": (ZeroProbability(LOGIT, NegativeBinomialZero(1.0)), 2, 1),
    "zero, NB-P": (ZeroProbability(PROBIT, NegativeBinomialZero(0.4)), 2, 1),
}


def point(name):
    """Return predictors (m, B) and other parameters (B, R)."""
    _, predictors, others = CASES[name]
    rng = np.random.default_rng(3)
    eta = [rng.normal(0.0, 0.8, (5, 2)) for _ in range(predictors)]
    return eta, [rng.uniform(0.2, 0.9, (2, others))] if others else []


def evaluate(name, eta, others, order=2) -> Derivatives:
    return CASES[name][0].at(eta, others, order)


def differences(function, x):
    """Differentiate by each column of an array that all its elements move with."""
    return (function(x + STEP) - function(x - STEP)) / (2 * STEP)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_by_predictors_agree_with_differences(name):
    eta, others = point(name)
    found = evaluate(name, eta, others)
    for k in range(len(eta)):

        def moved(x, k=k):
            return evaluate(name, [*eta[:k], x, *eta[k + 1 :]], others)

        rise = differences(lambda x: moved(x).value, eta[k])
        np.testing.assert_allclose(found.first[k], rise, atol=TOLERANCE)
        for j in range(len(eta)):
            rise = differences(lambda x, j=j: np.asarray(moved(x).first[j]), eta[k])
            np.testing.assert_allclose(found.second[j][k], rise, atol=TOLERANCE)


@pytest.mark.parametrize("name", [name for name, (_, _, others) in CASES.items() if others])
def test_derivatives_by_other_parameters_agree_with_differences(name):
    eta, (others,) = point(name)
    found = evaluate(name, eta, [others])
    for r in range(others.shape[1]):
        unit = np.eye(others.shape[1])[r]

        def moved(x, unit=unit):
            return evaluate(name, eta, [others + x * unit])

        rise = differences(lambda x: moved(x).value, 0.0)
        np.testing.assert_allclose(found.others[0][..., r], rise, atol=TOLERANCE)
        for k in range(len(eta)):
            rise = differences(lambda x, k=k: np.asarray(moved(x).first[k]), 0.0)
            np.testing.assert_allclose(found.cross[k][0][..., r], rise, atol=TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_lower_orders_are_the_same_without_the_higher_derivatives(name):
    eta, others = point(name)
    full, one, none = (evaluate(name, eta, others, order) for order in (2, 1, 0))
    np.testing.assert_array_equal(full.value, one.value)
    np.testing.assert_array_equal(full.value, none.value)
    for a, b in zip(full.first, one.first, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(none.first) == len(one.second) == 0


@pytest.mark.parametrize("name", ["ordered probit", "ordered logit", "multinomial"])
def test_probabilities_sum_to_one_and_their_derivatives_to_zero(name):
    eta, others = point(name)
    found = evaluate(name, eta, others)
    np.testing.assert_allclose(found.value.sum(axis=2), 1.0, atol=1e-14)
    for first in found.first:
        np.testing.assert_allclose(first.sum(axis=2), 0.0, atol=1e-14)
    for other in found.others:
        np.testing.assert_allclose(other.sum(axis=2), 0.0, atol=1e-14)


@pytest.mark.parametrize(("q", "name"), [(0.0, "zero, NB-1"), (1.0, "zero, NB-2")])
def test_the_negative_binomial_zero_is_scipys(q, name):
    eta, (alpha,) = point(name)
    mu = np.exp(eta[0])
    size = mu ** (1 - q) / alpha[:, 0]
    zero = NegativeBinomialZero(q).at(eta[0], [alpha])
    np.testing.assert_allclose(np.exp(zero.log), stats.nbinom.pmf(0, size, size / (size + mu)))


def test_multinomial_probabilities_survive_large_predictors():
    found = Multinomial(("a", "b", "c")).at([np.array([[800.0]]), np.array([[-800.0]])], [], 2)
    np.testing.assert_allclose(found.value[0, 0], [0.0, 1.0, 0.0], atol=1e-300)
    assert np.isfinite(found.second[0][0]).all()
