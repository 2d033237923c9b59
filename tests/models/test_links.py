"""Inverse links: against statsmodels' values, and derivatives against complex steps."""

import pickle

import numpy as np
import pytest
from scipy import stats
from statsmodels.genmod.families import links

from pymargins.adapters.links import inverse_link
from pymargins.models.links import IDENTITY, LOG, LOGIT

ETA = np.array([-3.1, -1.2, -0.4, 0.3, 0.9, 2.2])
POSITIVE, NEGATIVE = np.abs(ETA), -np.abs(ETA)


class Squared(links.Link):
    """A link of the user's own."""

    def __call__(self, p):
        return np.square(p)

    def inverse(self, z):
        return np.sqrt(z)

    def deriv(self, p):
        return 2.0 * p

    def deriv2(self, p):
        return 2.0 * np.ones_like(p)


LINKS = {
    "logit": (links.Logit(), ETA),
    "probit": (links.Probit(), ETA),
    "cloglog": (links.CLogLog(), ETA),
    "loglog": (links.LogLog(), ETA),
    "cauchit": (links.Cauchy(), ETA),
    "log": (links.Log(), ETA),
    "identity": (links.Identity(), ETA),
    "inverse": (links.InversePower(), POSITIVE),
    "inverse squared": (links.InverseSquared(), POSITIVE),
    "square root": (links.Sqrt(), ETA),
    "power": (links.Power(power=0.3), POSITIVE),
    "negative binomial": (links.NegativeBinomial(alpha=0.7), NEGATIVE),
    "log complement": (links.LogC(), NEGATIVE),
    "distribution": (links.CDFLink(stats.logistic), ETA),
    "own": (Squared(), POSITIVE),
}


@pytest.mark.parametrize("name", LINKS)
def test_values_are_those_of_statsmodels(name):
    link, eta = LINKS[name]
    np.testing.assert_allclose(inverse_link(link).inverse(eta), link.inverse(eta), rtol=1e-13)


@pytest.mark.parametrize("name", LINKS)
def test_derivatives(name):
    link, eta = LINKS[name]
    made = inverse_link(link)
    step = 1e-4

    def central(function):
        wide = (function(eta + step) - function(eta - step)) / (2 * step)
        half = step / 2
        narrow = (function(eta + half) - function(eta - half)) / (2 * half)
        return (4 * narrow - wide) / 3

    np.testing.assert_allclose(made.first(eta), central(made.inverse), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(made.second(eta), central(made.first), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in LINKS if n != "own"])
def test_they_can_be_pickled(name):
    link, eta = LINKS[name]
    made = inverse_link(link)
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.second(eta), made.second(eta))


def test_tails_keep_their_digits():
    assert inverse_link(links.Logit()).first(np.array(800.0)) == 0.0
    far = inverse_link(links.Logit()).first(np.array(40.0))
    np.testing.assert_allclose(far, np.exp(-40.0), rtol=1e-12)
    np.testing.assert_allclose(
        inverse_link(links.CLogLog()).inverse(np.array(-40.0)), np.exp(-40.0), rtol=1e-12
    )
    np.testing.assert_allclose(
        inverse_link(links.Cauchy()).inverse(np.array(-1e10)), 1e-10 / np.pi, rtol=1e-12
    )


def test_power_one_is_the_identity():
    assert inverse_link(links.Power(power=1.0)) is IDENTITY


@pytest.mark.parametrize("link", [LOGIT, LOG])
def test_derivatives_formed_together_are_those_formed_alone(link):
    eta = np.concatenate([np.linspace(-40.0, 40.0, 81), [-700.0, 0.0, 700.0]])
    alone = (link.inverse(eta), link.first(eta), link.second(eta))
    for order in (0, 1, 2):
        together = link.derivatives(eta, order)
        assert len(together) == order + 1
        for found, expected in zip(together, alone, strict=False):
            np.testing.assert_allclose(found, expected, rtol=4e-15, atol=1e-320)
