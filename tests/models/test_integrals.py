"""Means of functions of a normal variable, against integration by another rule."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from pymargins.models import integrals, links
from pymargins.models.means import InverseLink

ETA = np.array([-3.0, -0.4, 0.0, 1.3, 4.0])
V = np.array([0.04, 0.7, 1.0, 2.5, 4.0])
#: What the kernel promises.
DIGITS = 1e-10


def integrated(function, eta, v):
    """Integrate over the normal density, piece by piece."""
    sd = np.sqrt(v)
    edges = np.unique(np.concatenate([eta + sd * np.linspace(-12, 12, 25), [0.0]]))
    return sum(
        integrate.quad(
            lambda z: function(z) * stats.norm.pdf(z, eta, sd), a, b, epsabs=0, epsrel=1e-13
        )[0]
        for a, b in pairwise(edges)
    )


KERNELS = {
    "log": (integrals.Exponential(), np.exp),
    "log1p": (integrals.Exponential(-1.0), np.expm1),
    "shifted log": (integrals.Exponential(2.5), lambda z: np.exp(z) + 2.5),
    "arcsinh": (integrals.HyperbolicSine(), np.sinh),
    "arcsine": (integrals.SquaredSine(), lambda z: np.sin(z) ** 2),
    "identity": (integrals.smoothing_of(links.IDENTITY), lambda z: z),
    "square": (integrals.Monomial(2), np.square),
    "cube": (integrals.Monomial(3), lambda z: z**3),
    "probit": (integrals.smoothing_of(links.PROBIT), links.probit),
    "logit": (integrals.smoothing_of(links.LOGIT), links.logit),
    "cloglog": (integrals.smoothing_of(links.CLOGLOG), links.cloglog),
    "loglog": (integrals.smoothing_of(links.LOGLOG), links.loglog),
    "cauchit": (integrals.smoothing_of(links.CAUCHIT), links.cauchit),
    "root": (integrals.PositivePower(0.5), lambda z: np.sqrt(max(z, 0.0))),
    "two thirds": (integrals.PositivePower(2 / 3), lambda z: max(z, 0.0) ** (2 / 3)),
    "probit by quadrature": (integrals.Quadrature(links.PROBIT), links.probit),
}


@pytest.mark.parametrize("name", KERNELS)
def test_means_are_integrals(name):
    kernel, function = KERNELS[name]
    (found,) = kernel.derivatives(ETA, V, 0)
    expected = [integrated(function, eta, v) for eta, v in zip(ETA, V, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=DIGITS, atol=1e-13)


@pytest.mark.parametrize("name", KERNELS)
def test_derivatives_are_those_of_the_mean(name):
    kernel, _ = KERNELS[name]
    step = 1e-3
    found = kernel.derivatives(ETA, V, 4)
    below, above = (kernel.derivatives(ETA + h, V, 4) for h in (-step, step))
    near, far = (kernel.derivatives(ETA + h, V, 4) for h in (-step / 2, step / 2))
    for k in range(4):
        wide, narrow = (above[k] - below[k]) / (2 * step), (far[k] - near[k]) / step
        np.testing.assert_allclose(found[k + 1], (4 * narrow - wide) / 3, rtol=1e-7, atol=1e-8)
    up, down = (kernel.derivatives(ETA, V + h, 2)[0] for h in (1e-5, -1e-5))
    by_v = 0.5 * found[2]  # the heat equation
    np.testing.assert_allclose(by_v, (up - down) / 2e-5, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("link", ["LOGIT", "CLOGLOG", "CAUCHIT"])
def test_wide_distributions_keep_their_digits(link):
    inverse = getattr(links, link)
    (found,) = integrals.Quadrature(inverse).derivatives(ETA, np.full(5, 25.0), 0)
    expected = [integrated(inverse.inverse, eta, 25.0) for eta in ETA]
    np.testing.assert_allclose(found, expected, rtol=DIGITS)


def test_without_variance_the_mean_is_the_function_itself():
    kernel = integrals.Quadrature(links.LOGIT)
    found = kernel.derivatives(ETA, np.zeros(5), 4)
    np.testing.assert_allclose(found[0], links.logit(ETA), rtol=1e-14)
    np.testing.assert_allclose(found[1], links.logit_first(ETA), rtol=1e-14)
    up, down = (links.logit_second(ETA + h) for h in (1e-4, -1e-4))
    np.testing.assert_allclose(found[3], (up - down) / 2e-4, atol=integrals.LEAST**2)


def test_a_function_of_the_users_own():
    link = InverseLink(np.exp, np.exp, np.exp)
    found = integrals.Quadrature(link).derivatives(ETA, V, 4)
    expected = integrals.Exponential().derivatives(ETA, V, 4)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=DIGITS)


def test_smearing_averages_over_residuals():
    residuals = np.array([-1.0, 0.2, 0.8])
    found = integrals.Smeared(links.LOG, residuals)(ETA, 2)
    for one in found:
        np.testing.assert_allclose(one, np.exp(ETA[:, None] + residuals).mean(axis=1))
