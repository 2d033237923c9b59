"""Inverse links: means as functions of a linear predictor, with their first two derivatives.

Everything here can be pickled. Tails keep their digits: what is near one is never formed as one
less something small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from pymargins._typing import FloatArray
from pymargins.models.means import InverseLink

ROOT_TWO_PI = np.sqrt(2.0 * np.pi)
#: Step of the difference that stands in for the second derivative of a distribution's link.
DENSITY_STEP = 1e-3


# --- probabilities -------------------------------------------------------------------------------


def logit(eta: FloatArray) -> FloatArray:
    """Return the logistic distribution function."""
    return special.expit(eta)


def logit_first(eta: FloatArray) -> FloatArray:
    """Return its density."""
    return special.expit(eta) * special.expit(-eta)


def logit_second(eta: FloatArray) -> FloatArray:
    """Return the derivative of its density."""
    up, down = special.expit(eta), special.expit(-eta)
    return up * down * (down - up)


def logit_together(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    """Return the logistic distribution function and its derivatives from one exponential."""
    small = np.exp(-np.abs(eta))
    near = 1.0 / (1.0 + small)
    far = small * near
    up = eta >= 0.0
    value = np.where(up, near, far)
    if not order:
        return (value,)
    first = near * far
    if order == 1:
        return value, first
    slope = (far - near) * first
    return value, first, np.where(up, slope, -slope)


def probit(eta: FloatArray) -> FloatArray:
    """Return the normal distribution function."""
    return special.ndtr(eta)


def probit_first(eta: FloatArray) -> FloatArray:
    """Return its density."""
    return np.exp(-0.5 * np.square(eta)) / ROOT_TWO_PI


def probit_second(eta: FloatArray) -> FloatArray:
    """Return the derivative of its density."""
    return -eta * probit_first(eta)


def cloglog(eta: FloatArray) -> FloatArray:
    r"""Return :math:`1 - e^{-e^\eta}`."""
    return -np.expm1(-np.exp(eta))


def cloglog_first(eta: FloatArray) -> FloatArray:
    """Return its first derivative."""
    return np.exp(eta - np.exp(eta))


def cloglog_second(eta: FloatArray) -> FloatArray:
    """Return its second derivative."""
    return cloglog_first(eta) * -np.expm1(eta)


def loglog(eta: FloatArray) -> FloatArray:
    r"""Return :math:`e^{-e^{-\eta}}`."""
    return np.exp(-np.exp(-eta))


def loglog_first(eta: FloatArray) -> FloatArray:
    """Return its first derivative."""
    return np.exp(-eta - np.exp(-eta))


def loglog_second(eta: FloatArray) -> FloatArray:
    """Return its second derivative."""
    return loglog_first(eta) * np.expm1(-eta)


def cauchit(eta: FloatArray) -> FloatArray:
    """Return the Cauchy distribution function."""
    return np.arctan2(1.0, -eta) / np.pi


def cauchit_first(eta: FloatArray) -> FloatArray:
    """Return its density."""
    return 1.0 / (np.pi * (1.0 + np.square(eta)))


def cauchit_second(eta: FloatArray) -> FloatArray:
    """Return the derivative of its density."""
    return -2.0 * eta / (np.pi * np.square(1.0 + np.square(eta)))


def log_complement(eta: FloatArray) -> FloatArray:
    r"""Return :math:`1 - e^\eta`."""
    return -np.expm1(eta)


def log_complement_derivative(eta: FloatArray) -> FloatArray:
    """Return its first derivative, which is its second too."""
    return -np.exp(eta)


# --- other means ---------------------------------------------------------------------------------


def identity(eta: FloatArray) -> FloatArray:
    """Return the predictor itself."""
    return np.asarray(eta, dtype=float)


def one(eta: FloatArray) -> FloatArray:
    """Return 1."""
    return np.ones_like(eta, dtype=float)


def zero(eta: FloatArray) -> FloatArray:
    """Return 0."""
    return np.zeros_like(eta, dtype=float)


def exponential(eta: FloatArray) -> FloatArray:
    """Return the exponential, which is its own derivative."""
    return np.exp(eta)


def exponential_together(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    """Return the exponential as often as derivatives are asked."""
    return (np.exp(eta),) * (order + 1)


def power(eta: FloatArray, factor: float, exponent: float) -> FloatArray:
    r"""Return :math:`c\,\eta^q`; 0 where c is, whatever the power."""
    if factor == 0.0:
        return np.zeros_like(eta, dtype=float)
    return factor * np.power(np.asarray(eta, dtype=float), exponent)


def negative_binomial(eta: FloatArray, alpha: float) -> FloatArray:
    r"""Return :math:`1 / (\alpha (e^{-\eta} - 1))`, for negative predictors."""
    return 1.0 / (alpha * np.expm1(-eta))


def negative_binomial_first(eta: FloatArray, alpha: float) -> FloatArray:
    """Return its first derivative."""
    return np.exp(-eta) / (alpha * np.square(np.expm1(-eta)))


def negative_binomial_second(eta: FloatArray, alpha: float) -> FloatArray:
    """Return its second derivative."""
    less_one = np.expm1(-eta)
    return (less_one + 1.0) * (less_one + 2.0) / (alpha * less_one**3)


LOGIT = InverseLink(logit, logit_first, logit_second, logit_together)
PROBIT = InverseLink(probit, probit_first, probit_second)
CLOGLOG = InverseLink(cloglog, cloglog_first, cloglog_second)
LOGLOG = InverseLink(loglog, loglog_first, loglog_second)
CAUCHIT = InverseLink(cauchit, cauchit_first, cauchit_second)
LOG = InverseLink(exponential, exponential, exponential, exponential_together)
LOG_COMPLEMENT = InverseLink(log_complement, log_complement_derivative, log_complement_derivative)
IDENTITY = InverseLink(identity, one, zero)


def power_link(exponent: float) -> InverseLink:
    r"""Build the inverse of the link :math:`\mu^p`: inverse, inverse squared, square root, ..."""
    if exponent == 1.0:
        return IDENTITY
    q = 1.0 / exponent
    return InverseLink(
        partial(power, factor=1.0, exponent=q),
        partial(power, factor=q, exponent=q - 1.0),
        partial(power, factor=q * (q - 1.0), exponent=q - 2.0),
    )


def positive_power(exponent: float) -> InverseLink:
    r"""Build :math:`\max(\eta, 0)^q` with its derivatives."""
    q = exponent
    return InverseLink(
        partial(_power_of_positive, factor=1.0, exponent=q),
        partial(_power_of_positive, factor=q, exponent=q - 1.0),
        partial(_power_of_positive, factor=q * (q - 1.0), exponent=q - 2.0),
    )


def _power_of_positive(eta: FloatArray, factor: float, exponent: float) -> FloatArray:
    positive = np.asarray(eta) > 0.0
    return np.where(positive, power(np.where(positive, eta, 1.0), factor, exponent), 0.0)


def negative_binomial_link(alpha: float) -> InverseLink:
    r"""Build the inverse of the canonical link of the negative binomial distribution."""
    return InverseLink(
        partial(negative_binomial, alpha=alpha),
        partial(negative_binomial_first, alpha=alpha),
        partial(negative_binomial_second, alpha=alpha),
    )


# --- links of others -----------------------------------------------------------------------------


def distribution_link(distribution: Any) -> InverseLink:
    """Build the inverse link that is a distribution function of SciPy's."""
    return InverseLink(distribution.cdf, distribution.pdf, DensitySlope(distribution.pdf))


def own_link(link: Any) -> InverseLink:
    """Build the inverse of a user's link from the derivatives that it offers itself."""
    return InverseLink(link.inverse, link.inverse_deriv, link.inverse_deriv2)


@dataclass(frozen=True, slots=True)
class DensitySlope:
    """The derivative of a density by differences, extrapolated to the fourth order."""

    density: Callable[[FloatArray], FloatArray]

    def __call__(self, eta: FloatArray) -> FloatArray:
        """Differentiate at each element."""
        wide, narrow = (
            (self.density(eta + h) - self.density(eta - h)) / (2.0 * h)
            for h in (DENSITY_STEP, DENSITY_STEP / 2.0)
        )
        return (4.0 * np.asarray(narrow) - wide) / 3.0
