"""New responses from a fitted regression: the parametric bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray

Family = Literal["Gaussian", "Poisson", "Binomial", "Gamma", "InverseGaussian", "Tweedie"]


@dataclass(frozen=True, slots=True, eq=False)
class FamilyDraw:
    """Draws responses of an exponential family with variance ``dispersion V(mean) / weight``.

    Parameters
    ----------
    family : str
        As statsmodels names it.
    mean, weight : ndarray, shape (n, 1)
        The weight of a proportion is its number of trials.
    dispersion : float
    power : float
        Of Tweedie's variance, between 1 and 2.
    """

    family: Family
    mean: FloatArray
    weight: FloatArray
    dispersion: float = 1.0
    power: float = 1.5

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw responses (n, count)."""
        mean, shape = self.mean, (len(self.mean), count)
        spread = self.dispersion / self.weight
        match self.family:
            case "Gaussian":
                return mean + np.sqrt(spread) * rng.standard_normal(shape)
            case "Poisson":
                return rng.poisson(mean, shape).astype(float)
            case "Binomial":
                trials = np.rint(self.weight).astype(int)
                return rng.binomial(trials, mean, shape) / trials
            case "Gamma":
                return rng.gamma(1.0 / spread, mean * spread, shape)
            case "InverseGaussian":
                return rng.wald(mean, 1.0 / spread, shape)
            case "Tweedie":  # a Poisson number of gamma variates
                left = 2.0 - self.power
                number = rng.poisson(mean**left / (left * spread), shape)
                size = spread * (self.power - 1.0) * mean ** (self.power - 1.0)
                parts = np.maximum(number * left / (self.power - 1.0), np.finfo(float).tiny)
                return np.where(number > 0, rng.gamma(parts, size), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class NegativeBinomialDraw:
    """Draws counts with variance ``mean + alpha mean ** power``: Poisson variates of gamma means.

    Parameters
    ----------
    mean : ndarray, shape (n, 1)
    alpha, power : float
    """

    mean: FloatArray
    alpha: float
    power: float = 2.0

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw counts (n, count)."""
        size = self.mean ** (2.0 - self.power) / self.alpha
        shape = (len(self.mean), count)
        return rng.negative_binomial(size, size / (size + self.mean), shape).astype(float)


@dataclass(frozen=True, slots=True, eq=False)
class GeneralizedPoissonDraw:
    r"""Draws counts of the generalised Poisson distribution, as whole populations.

    The descendants of a Poisson number of ancestors, mean :math:`\mu / a`, each with a Poisson
    number of children, mean :math:`1 - 1/a`, where :math:`a = 1 + \alpha\mu^p` (Consul and Shoukri
    1988, doi:10.1080/03610928808829702).

    Parameters
    ----------
    mean : ndarray, shape (n, 1)
    alpha, power : float
    """

    mean: FloatArray
    alpha: float
    power: float

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw counts (n, count)."""
        spread = 1.0 + self.alpha * self.mean**self.power
        children = np.broadcast_to(1.0 - 1.0 / spread, (len(self.mean), count))
        generation = rng.poisson(self.mean / spread, children.shape)
        total = generation.copy()
        while generation.any():
            generation = rng.poisson(children * generation)
            total += generation
        return total.astype(float)


CountDraw: TypeAlias = FamilyDraw | NegativeBinomialDraw | GeneralizedPoissonDraw


def count_draw(source: Any, name: str, mean: FloatArray, params: FloatArray) -> CountDraw:
    """Return what draws counts of a class of statsmodels with these means (n, 1).

    Parameters
    ----------
    source : model of statsmodels
    name : str
        Its class.
    mean : ndarray, shape (n, 1)
    params : ndarray, shape (P,)
        The dispersion last, where there is one.
    """
    alpha = float(params[-1])
    match name:
        case "NegativeBinomial":
            method = source.loglike_method
            if method == "geometric":
                return NegativeBinomialDraw(mean, 1.0)
            return NegativeBinomialDraw(mean, alpha, 1.0 if method == "nb1" else 2.0)
        case "NegativeBinomialP":
            return NegativeBinomialDraw(mean, alpha, float(source.parameterization))
        case "GeneralizedPoisson":
            return GeneralizedPoissonDraw(mean, alpha, float(source.parameterization))
        case _:
            return FamilyDraw("Poisson", mean, np.ones_like(mean))


@dataclass(frozen=True, slots=True, eq=False)
class InflatedDraw:
    """Draws counts that are structural zeros with some probability.

    Parameters
    ----------
    count : CountDraw
    zero : ndarray, shape (n, 1)
    """

    count: CountDraw
    zero: FloatArray

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw counts (n, count)."""
        drawn = self.count(rng, count)
        return np.where(rng.random(drawn.shape) < self.zero, 0.0, drawn)


@dataclass(frozen=True, slots=True, eq=False)
class BetaDraw:
    """Draws proportions with some mean and precision, (n, 1) each."""

    mean: FloatArray
    precision: FloatArray

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw proportions (n, count)."""
        shape = (len(self.mean), count)
        return rng.beta(self.mean * self.precision, (1.0 - self.mean) * self.precision, shape)


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeDraw:
    """Draws one of several outcomes, 0..J-1, with probabilities (n, J)."""

    probabilities: FloatArray

    def __call__(self, rng: np.random.Generator, count: int) -> AnyArray:
        """Draw outcomes (n, count)."""
        ends = np.cumsum(self.probabilities, axis=1)[:, None, :-1]
        drawn = rng.random((len(ends), count, 1))
        return (drawn > ends).sum(axis=2).astype(float)
