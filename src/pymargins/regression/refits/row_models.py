r"""Models whose estimating equations are those of a generalised linear model, on arrays.

With :math:`\mu = h(x'\beta + o)`, a variance function V and weights a, a row adds

.. math::

    s = \frac{a\,h'}{V}\,(y - \mu)\,x, \qquad
    \frac{a\,h'^2}{V}\,xx' \text{ (expected)}, \qquad
    \Bigl[\frac{a\,h'^2}{V} - a\Bigl(\frac{h''}{V} - \frac{h'^2 V'}{V^2}\Bigr)(y - \mu)\Bigr] xx'
    \text{ (observed)}

to score and information at dispersion one. With the canonical link V = h', so that both
informations are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from pymargins._typing import FloatArray

#: A function of each element of an array.
Elementwise: TypeAlias = Callable[[FloatArray], Any]


class Link(Protocol):
    """An inverse link."""

    def derivatives(self, eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives up to an order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowTerms:
    """What rows add to the equations, each (m, b) or (m, 1).

    Parameters
    ----------
    mean : ndarray
    slope : ndarray or float
        The score by the linear predictor for each unit of the residual.
    expected : ndarray
    curvature : ndarray, optional
        What each unit of the residual takes off the expected information; None for nothing.
    """

    mean: FloatArray
    slope: FloatArray | float
    expected: FloatArray
    curvature: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class RowModel:
    """A fit as one design, one link, one variance function.

    Parameters
    ----------
    design : ndarray, shape (n, p)
    response : ndarray, shape (n,)
    params : ndarray, shape (p,)
        Where the fit stopped.
    link : Link
    variance, variance_slope : callable
        V and its derivative, element by element.
    canonical : bool
        Whether V is the derivative of the mean.
    offset, weights, counts : ndarray, shape (n,), optional
        What is added to the predictor; how much one observation of a row weighs; how many a row
        stands for.
    dispersion : float, optional
        Where it is known; otherwise Pearson's chi-square over `df`.
    df : float
        Observations less coefficients.
    observed : bool
        Whether the covariance under the model is the inverse of the observed information.
    """

    design: FloatArray
    response: FloatArray
    params: FloatArray
    link: Link
    variance: Elementwise = np.ones_like
    variance_slope: Elementwise = np.zeros_like
    canonical: bool = True
    offset: FloatArray | None = None
    weights: FloatArray | None = None
    counts: FloatArray | None = None
    dispersion: float | None = None
    df: float = np.inf
    observed: bool = False

    def predictor(self, params: FloatArray) -> FloatArray:
        """Return the linear predictors at some coefficients, (n,)."""
        eta = self.design @ params
        return eta if self.offset is None else eta + self.offset

    def terms(self, eta: FloatArray, weights: FloatArray | None) -> RowTerms:
        """Return what rows with these predictors and weights (m, 1) add."""
        once = 1.0 if weights is None else weights
        if self.canonical:
            mean, first = self.link.derivatives(eta, 1)
            return RowTerms(mean, once, first if weights is None else first * weights, None)
        mean, first, second = self.link.derivatives(eta, 2)
        spread = np.asarray(self.variance(mean), dtype=float)
        bend = np.asarray(self.variance_slope(mean), dtype=float)
        precision = once / spread
        slope = precision * first
        curvature = precision * second - slope * first * bend / spread
        return RowTerms(mean, slope, slope * first, curvature)

    def precision(self, mean: FloatArray, weights: FloatArray | None) -> FloatArray:
        """Return the weight of a squared residual in Pearson's chi-square."""
        spread = np.asarray(self.variance(mean), dtype=float)
        return 1.0 / spread if weights is None else weights / spread


def poisson_variance(mean: FloatArray) -> FloatArray:
    """Return the mean."""
    return mean


def binomial_variance(mean: FloatArray) -> FloatArray:
    """Return p (1 - p); never zero, so that rows that are all but certain count as nearly so."""
    return np.maximum(mean * (1.0 - mean), np.finfo(float).eps)


def binomial_variance_slope(mean: FloatArray) -> FloatArray:
    """Return its derivative."""
    return 1.0 - 2.0 * mean
