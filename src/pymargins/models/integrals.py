r"""Means of functions of a normal variable, with their derivatives.

.. math::

    m(\eta, v) = \mathrm{E}\,h(\eta + \sqrt{v}\,Z), \qquad Z \sim N(0, 1).

The heat equation gives derivatives by the variance from those by the predictor,

.. math::

    \frac{\partial m}{\partial v} = \frac{1}{2}\frac{\partial^2 m}{\partial\eta^2},

so that everything here returns :math:`m, m', m'', \ldots` by :math:`\eta` alone. Closed forms are
used where there are any. Otherwise the trapezoidal rule over the normal density, whose error for
an analytic h falls exponentially in one over the step (Trefethen, L. N. and Weideman, J. A. C.
(2014). The exponentially convergent trapezoidal rule. *SIAM Review* 56(3), 385-458.
doi:10.1137/130932132).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Protocol

import numpy as np
from scipy import special

from pymargins._typing import FloatArray
from pymargins.models.links import (
    IDENTITY,
    LOG,
    PROBIT,
    ROOT_TWO_PI,
    positive_power,
    probit_first,
)
from pymargins.models.means import InverseLink

#: Standard deviations that are covered, and the step between nodes, in the argument of h.
REACH, STEP = 8.0, 0.25
#: Of wider distributions the step is no shorter than at this standard deviation.
WIDEST = 40.0
#: A standard deviation below which third and fourth derivatives are those at this one.
LEAST = 3e-3
#: A kink further away than so many standard deviations has no part in the mean.
FAR = 9.0
LEGENDRE_NODES = 80


class Smoothing(Protocol):
    """The mean of a function h of a normal variable."""

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta up to `count`, at most the fourth.

        `eta` and `v` broadcast to the shape of what is returned.
        """
        ...


def smoothing_of(link: InverseLink) -> Smoothing:
    """Return the mean of an inverse link: in closed form for identity, log and probit links."""
    if link is IDENTITY:
        return Monomial(1)
    if link is LOG:
        return Exponential()
    if link is PROBIT:
        return NormalDistribution()
    return Quadrature(link)


# --- closed forms --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exponential:
    r"""The mean of :math:`e^{z} + c`: that of a lognormal variable."""

    constant: float = 0.0

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        at = np.asarray(eta + 0.5 * v)
        value = np.expm1(at) if self.constant == -1.0 else None
        found = np.exp(at, out=at)
        if self.constant == 0.0:
            return (found,) * (count + 1)
        value = found + self.constant if value is None else value
        return (value, *(found,) * count)


@dataclass(frozen=True, slots=True)
class HyperbolicSine:
    r"""The mean of :math:`\sinh z`."""

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        grown = np.exp(0.5 * v)
        odd, even = grown * np.sinh(eta), grown * np.cosh(eta)
        return tuple((odd, even)[k % 2] for k in range(count + 1))


@dataclass(frozen=True, slots=True)
class SquaredSine:
    r"""The mean of :math:`\sin^2 z = (1 - \cos 2z) / 2`."""

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        shrunk = np.exp(-2.0 * v)
        out = [0.5 - 0.5 * shrunk * np.cos(2.0 * eta)]
        for k in range(1, count + 1):  # the k-th derivative of a cosine is a quarter turn further
            out.append(-0.5 * shrunk * 2.0**k * np.cos(2.0 * eta + 0.5 * np.pi * k))
        return tuple(out)


@dataclass(frozen=True, slots=True)
class Monomial:
    r"""The mean of :math:`z^n`, n a whole number: a moment of the normal distribution."""

    power: int

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        out: list[FloatArray] = []
        factor = 1.0
        for k in range(count + 1):
            degree = self.power - k
            out.append(factor * _moment(degree, eta, v) if degree >= 0 else 0.0 * (eta + v))
            factor *= max(degree, 0)
        return tuple(out)


def _moment(degree: int, eta: FloatArray, v: FloatArray) -> FloatArray:
    total = 0.0 * (eta + v)
    odd = 1.0  # 1, 1 * 3, 1 * 3 * 5, ...: the even moments of the standard normal
    for j in range(0, degree + 1, 2):
        total = total + comb(degree, j) * odd * eta ** (degree - j) * v ** (j // 2)
        odd *= j + 1
    return total


@dataclass(frozen=True, slots=True)
class NormalDistribution:
    r"""The mean of :math:`\Phi(z)`, which is :math:`\Phi(\eta / \sqrt{1 + v})`."""

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        wide = np.sqrt(1.0 + v)
        x = eta / wide
        out = [special.ndtr(x)]
        if count:
            density = probit_first(x)
            hermite = (np.ones_like(x), -x, x * x - 1.0, x * (3.0 - x * x))
            out += [density * hermite[k] / wide ** (k + 1) for k in range(count)]
        return tuple(out)


# --- quadrature ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quadrature:
    """The mean of a smooth function by the trapezoidal rule.

    Nodes lie closer where the standard deviation is large, so that functions with singularities no
    nearer to the real line than 1 (logit: pi) keep ten digits.

    Parameters
    ----------
    link : InverseLink
        The function and its first two derivatives.
    entire : bool
        Whether there are no singularities near: nodes then lie as far apart as the density lets
        them.
    """

    link: InverseLink
    entire: bool = False

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        sd = np.sqrt(v)
        largest = 1.0 if self.entire else float(np.clip(np.max(sd, initial=0.0), 1.0, WIDEST))
        step = STEP / largest
        half = int(np.ceil((REACH + min(largest, REACH) - 1.0) / step))
        nodes = step * np.arange(-half, half + 1)
        weights = np.exp(-0.5 * nodes**2)
        weights /= weights.sum()
        wide = np.maximum(sd, LEAST)
        apart = count > 2 and bool((wide > sd).any())
        sums = [np.zeros(np.broadcast_shapes(np.shape(eta), np.shape(v)))] * (count + 1)
        for z, w in zip(nodes.tolist(), weights.tolist(), strict=True):
            parts = self.link.derivatives(eta + sd * z, min(count, 2))
            for k, part in enumerate(parts):
                sums[k] = sums[k] + w * part
            if count > 2:
                bent = self.link.second(eta + wide * z) if apart else parts[2]
                for k, hermite in zip(range(3, count + 1), (z, z * z - 1.0), strict=False):
                    sums[k] = sums[k] + (w * hermite) * bent
        return tuple(s / wide ** max(k - 2, 0) if k > 2 else s for k, s in enumerate(sums))


@dataclass(frozen=True, slots=True)
class PositivePower:
    r"""The mean of :math:`\max(z, 0)^a` for a > 0.

    Within reach of the kink at 0 the density carries the derivatives, by Hermite polynomials; the
    integral is Gauss and Legendre's in the fourth root of z, where the power is smooth.
    """

    power: float

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        eta, v = np.broadcast_arrays(np.asarray(eta, dtype=float), np.asarray(v, dtype=float))
        out = tuple(np.empty(eta.shape) for _ in range(count + 1))
        near = eta < FAR * np.sqrt(v)
        for cells, found in (
            (near, self._near_the_kink),
            (~near, Quadrature(positive_power(self.power), entire=True).derivatives),
        ):
            if cells.any():
                for whole, part in zip(out, found(eta[cells], v[cells], count), strict=True):
                    whole[cells] = part
        return out

    def _near_the_kink(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        sd = np.maximum(np.sqrt(v), np.finfo(float).tiny)
        nodes, weights = np.polynomial.legendre.leggauss(LEGENDRE_NODES)
        low = np.maximum(eta - FAR * sd, 0.0) ** 0.25
        high = np.maximum(eta + FAR * sd, 0.0) ** 0.25
        t = low[:, None] + (high - low)[:, None] * (nodes + 1.0) / 2.0
        x = (t**4 - eta[:, None]) / sd[:, None]
        mass = weights * (high - low)[:, None] / 2.0 * 4.0 * t**3 / sd[:, None]
        mass = mass * np.exp(-0.5 * x * x) / ROOT_TWO_PI * t ** (4.0 * self.power)
        hermite = (1.0, x, x * x - 1.0, x * (x * x - 3.0), x**4 - 6.0 * x * x + 3.0)
        return tuple((mass * hermite[k]).sum(axis=1) / sd**k for k in range(count + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Smeared:
    """The mean over residuals as they are, instead of normal ones.

    Parameters
    ----------
    link : InverseLink
    residuals : ndarray
    """

    link: InverseLink
    residuals: FloatArray

    def __call__(self, eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta, at most two."""
        sums = [np.zeros(np.shape(eta))] * (order + 1)
        for residual in self.residuals.tolist():
            for k, part in enumerate(self.link.derivatives(eta + residual, order)):
                sums[k] = sums[k] + part
        return tuple(s / len(self.residuals) for s in sums)
