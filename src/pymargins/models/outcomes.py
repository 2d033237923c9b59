r"""Models with several outcomes or two equations, with exact derivatives.

With :math:`\eta` a linear predictor:

* ordered: :math:`P(y \le k) = F(\tau_k - \eta)`, and what is linear in these;
* multinomial: :math:`P(y = k) = e^{\eta_k} / \sum_l e^{\eta_l}`, the first :math:`\eta` zero;
* zero-inflated: :math:`P(y = 0) = \pi + (1 - \pi) f_0` and the mean :math:`(1 - \pi)\mu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.models.means import ONE_OUTCOME, Derivatives, InverseLink
from pymargins.values import value_text

# --- ordered outcomes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    r"""What is linear in the cumulative probabilities of an ordered outcome.

    The other parameters are :math:`a_1 = \tau_1` and the logarithms of the increments,
    :math:`\tau_k = \tau_{k-1} + e^{a_k}`.

    Parameters
    ----------
    latent : InverseLink
        The distribution function of the latent error, its density and its slope.
    outcomes : tuple
        J labels.
    matrix : ndarray, shape (J, K - 1)
        What each outcome is made of: ``constant + matrix @ cumulative``.
    constant : ndarray, shape (J,)
    """

    latent: InverseLink
    outcomes: tuple[Any, ...]
    matrix: FloatArray
    constant: FloatArray

    @classmethod
    def probabilities(cls, latent: InverseLink, labels: Sequence[Any]) -> Ordered:
        """Take the probability of each label."""
        size = len(labels)
        matrix = np.eye(size, size - 1) - np.eye(size, size - 1, -1)
        return cls(latent, tuple(labels), matrix, np.eye(size)[-1])

    @classmethod
    def cumulative(cls, latent: InverseLink, labels: Sequence[Any]) -> Ordered:
        """Take the probability of each label or a lower one; the last has 1 and is left out."""
        size = len(labels) - 1
        names = tuple(f"<= {value_text(label)}" for label in labels[:-1])
        return cls(latent, names, np.eye(size), np.zeros(size))

    @classmethod
    def mean(cls, latent: InverseLink, scores: FloatArray) -> Ordered:
        """Take the mean of scores, one a label."""
        return cls(latent, ONE_OUTCOME, -np.diff(scores)[None, :], scores[-1:])

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return outcomes and their derivatives by the predictor and by the thresholds."""
        thresholds, by = _thresholds(others[0])
        z = thresholds - eta[0][:, :, None]
        cumulative, *slopes = self.latent.derivatives(z, order)
        value = cumulative @ self.matrix.T + self.constant
        if not order:
            return Derivatives(value)
        density = slopes[0]
        first = -density @ self.matrix.T
        moved = (self._by_thresholds(density, by),)
        if order == 1:
            return Derivatives(value, (first,), moved)
        slope = slopes[1]
        second, cross = slope @ self.matrix.T, -self._by_thresholds(slope, by)
        return Derivatives(value, (first,), moved, ((second,),), ((cross,),))

    def _by_thresholds(self, factor: FloatArray, by: FloatArray) -> FloatArray:
        """Return (m, B, J, R) from factors (m, B, K - 1) and threshold derivatives."""
        return (self.matrix * factor[:, :, None, :]) @ by


def _thresholds(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return thresholds (B, R) and their derivatives (B, R, R) by first and log increments."""
    steps = a.copy()
    steps[:, 1:] = np.exp(a[:, 1:])
    scale = steps.copy()
    scale[:, 0] = 1.0
    return np.cumsum(steps, axis=1), np.tri(a.shape[1]) * scale[:, None, :]


# --- multinomial outcomes ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Multinomial:
    """The probabilities of unordered outcomes, from a predictor of each but the first.

    Parameters
    ----------
    outcomes : tuple
        J labels.
    """

    outcomes: tuple[Any, ...]

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return probabilities and their derivatives by the J - 1 predictors."""
        p = self._probabilities(eta)
        if not order:
            return Derivatives(p)
        others_than = range(1, p.shape[2])
        first = [self._by(p, k) for k in others_than]
        if order == 1:
            return Derivatives(p, first)
        half = {(k, j): self._twice(p, first, k, j) for k in others_than for j in range(1, k + 1)}
        second = [[half[max(k, j), min(k, j)] for j in others_than] for k in others_than]
        return Derivatives(p, first, (), second, [()] * len(first))

    def _probabilities(self, eta: Sequence[FloatArray]) -> FloatArray:
        p = np.stack([np.zeros_like(eta[0]), *eta], axis=2)
        p -= p.max(axis=2, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=2, keepdims=True)
        return p

    def _by(self, p: FloatArray, k: int) -> FloatArray:
        out = -p * p[:, :, k, None]
        out[:, :, k] += p[:, :, k]
        return out

    def _twice(self, p: FloatArray, first: Sequence[FloatArray], k: int, j: int) -> FloatArray:
        """Differentiate ``p_i (1[i = k] - p_k)`` by the predictor of j."""
        by = first[j - 1]
        out = -by * p[:, :, k, None] - p * by[:, :, k, None]
        out[:, :, k] += by[:, :, k]
        return out


@dataclass(frozen=True, slots=True)
class LogOdds:
    """The predictors of a multinomial model themselves: log odds against the first outcome.

    Parameters
    ----------
    outcomes : tuple
        The labels of all but the first.
    """

    outcomes: tuple[Any, ...]

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return the predictors, (m, B, J - 1)."""
        value = np.stack(eta, axis=2)
        if not order:
            return Derivatives(value)
        unit = np.eye(len(eta))
        first = [np.broadcast_to(row, value.shape) for row in unit]
        nothing = np.zeros_like(value)
        second = [[nothing] * len(eta)] * len(eta) if order > 1 else ()
        return Derivatives(value, first, (), second, [()] * len(eta) if order > 1 else ())


# --- zero-inflated counts ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZeroInflatedMean:
    """The mean of a zero-inflated count, from the predictors of the count and of inflation.

    Parameters
    ----------
    inflation : InverseLink
        The probability of a structural zero.
    """

    inflation: InverseLink

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """One outcome, which needs no name."""
        return ONE_OUTCOME

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return the mean and its derivatives by both predictors."""
        count, excess = (x[:, :, None] for x in eta)
        mu = np.exp(count)
        value = (1.0 - self.inflation.inverse(excess)) * mu
        if not order:
            return Derivatives(value)
        by = -self.inflation.first(excess) * mu
        nothing = [np.zeros((*value.shape, a.shape[1])) for a in others]
        if order == 1:
            return Derivatives(value, (value, by), nothing)
        second = ((value, by), (by, -self.inflation.second(excess) * mu))
        return Derivatives(value, (value, by), nothing, second, (nothing, nothing))


class CountZero(Protocol):
    """The probability of zero of a count, from its predictor and dispersion."""

    def at(self, eta: FloatArray, others: Sequence[FloatArray]) -> ZeroTerms:
        """Return the logarithm of the probability at predictors (m, B), with derivatives."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ZeroTerms:
    """The logarithm of a probability and its derivatives, each (m, B).

    Parameters
    ----------
    log : ndarray
    first, second : ndarray
        By the predictor.
    alpha, cross : ndarray, optional
        By the dispersion, and by both; None where there is none.
    """

    log: FloatArray
    first: FloatArray
    second: FloatArray
    alpha: FloatArray | None = None
    cross: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class PoissonZero:
    """The zero of a Poisson count."""

    def at(self, eta: FloatArray, others: Sequence[FloatArray]) -> ZeroTerms:
        """Return ``-mu``."""
        mu = np.exp(eta)
        return ZeroTerms(-mu, -mu, -mu)


@dataclass(frozen=True, slots=True)
class GeneralizedPoissonZero:
    r"""The zero of a generalised Poisson count, :math:`\exp(-\mu / (1 + \alpha\mu^q))`."""

    q: float

    def at(self, eta: FloatArray, others: Sequence[FloatArray]) -> ZeroTerms:
        """Return ``-h``, h being the mean over the square root of the dispersion."""
        q, alpha = self.q, others[0][:, 0]
        mu_q = np.exp(q * eta)
        w = 1.0 + alpha * mu_q
        u, v = alpha * mu_q / w, mu_q / w
        h = np.exp(eta) / w
        first = h * (1.0 - q * u)
        second = first * (1.0 - q * u) - h * q * q * u * (1.0 - u)
        return ZeroTerms(-h, -first, -second, h * v, first * v + h * q * v * (1.0 - u))


@dataclass(frozen=True, slots=True)
class NegativeBinomialZero:
    r"""The zero of a negative binomial count, :math:`(1 + \alpha\mu^q)^{-\mu^{1-q}/\alpha}`."""

    q: float

    def at(self, eta: FloatArray, others: Sequence[FloatArray]) -> ZeroTerms:
        """Return ``-s log(w)`` with the size s."""
        q, alpha = self.q, others[0][:, 0]
        mu_q = np.exp(q * eta)
        t = alpha * mu_q
        u, v = t / (1.0 + t), mu_q / (1.0 + t)
        s = np.exp((1.0 - q) * eta) / alpha
        log = np.log1p(t)
        first = (1.0 - q) * s * log + q * s * u
        second = (1.0 - q) ** 2 * s * log + 2.0 * q * (1.0 - q) * s * u + q * q * s * u * (1.0 - u)
        by_alpha = s * log / alpha - s * v
        cross = ((1.0 - q) * log + q * u) * s / alpha - (1.0 - q) * s * v - q * s * v * (1.0 - u)
        return ZeroTerms(-s * log, -first, -second, by_alpha, cross)


@dataclass(frozen=True, slots=True)
class ZeroProbability:
    """The probability of zero, inflated or not.

    Parameters
    ----------
    inflation : InverseLink
    count : CountZero
    """

    inflation: InverseLink
    count: CountZero

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """One outcome, which needs no name."""
        return ONE_OUTCOME

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return the probability and its derivatives by both predictors and the dispersion."""
        excess = eta[1][:, :, None]
        terms = self.count.at(eta[0], others)
        f0 = np.exp(terms.log)[:, :, None]
        d = terms.first[:, :, None]
        pi = self.inflation.inverse(excess)
        value = pi + (1.0 - pi) * f0
        if not order:
            return Derivatives(value)
        rise = self.inflation.first(excess)
        first = ((1.0 - pi) * f0 * d, rise * (1.0 - f0))
        a = None if terms.alpha is None else terms.alpha[:, :, None]
        by_alpha = () if a is None else (((1.0 - pi) * f0 * a)[..., None],)
        if order == 1:
            return Derivatives(value, first, by_alpha)
        both = -rise * f0 * d
        twice = (1.0 - pi) * f0 * (terms.second[:, :, None] + d * d)
        second = ((twice, both), (both, self.inflation.second(excess) * (1.0 - f0)))
        if a is None or terms.cross is None:
            return Derivatives(value, first, (), second, ((), ()))
        along = ((1.0 - pi) * f0 * (terms.cross[:, :, None] + d * a))[..., None]
        cross = ((along,), ((-rise * f0 * a)[..., None],))
        return Derivatives(value, first, by_alpha, second, cross)
