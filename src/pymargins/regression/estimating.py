r"""A fit as the solution of estimating equations: what every sandwich is made of.

With scores :math:`s_i(\theta)` that add up to zero at the estimate and the bread
:math:`B = (-\sum_i \partial s_i/\partial\theta')^{-1}`, a sandwich is :math:`B\,M\,B` with M an
estimate of the variance of the sum of scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import NumericalError
from pymargins.ranks import column_rank

#: One less a leverage below this: the row alone determines a coefficient.
ALONE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """The weighted least squares that a fit amounts to at its estimate.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Rows divided by the standard deviation that the model gives their working residual.
    residual : ndarray, shape (n,)
        Working residuals divided likewise: ``design * residual`` are the scores of the
        coefficients.
    size : int
        How many rows, one after the other, an observation has: of categories several.
    """

    design: FloatArray
    residual: FloatArray
    size: int = 1


def of_categories(probabilities: FloatArray, gradient: FloatArray, observed: IntArray) -> Working:
    r"""Return the least squares that a model of categories amounts to.

    The indicators of an observation have the means :math:`P` and the covariance
    :math:`\operatorname{diag}(P) - PP'`; divided by the square roots of their means they are
    uncorrelated but for the direction in which neither they nor their gradients vary. So the hat
    matrix of an observation is a block, that of a multivariate generalised linear model.

    Parameters
    ----------
    probabilities : ndarray, shape (n, K)
    gradient : ndarray, shape (n, K, P)
        By all parameters.
    observed : ndarray, shape (n,)
        The category of each observation, 0..K-1.

    References
    ----------
    Fahrmeir, L. and Tutz, G. (2001). *Multivariate Statistical Modelling Based on Generalized
    Linear Models*, 2nd ed., section 4.2. doi:10.1007/978-1-4757-3454-6
    """
    n, k, width = gradient.shape
    root = np.sqrt(np.maximum(probabilities, np.finfo(float).tiny))
    indicator = np.zeros((n, k))
    indicator[np.arange(n), observed] = 1.0
    design = (gradient / root[:, :, None]).reshape(n * k, width)
    return Working(design, ((indicator - probabilities) / root).ravel(), k)


@dataclass(frozen=True, eq=False)
class Estimating:
    """A fit as the solution of estimating equations.

    Parameters
    ----------
    scores : ndarray, shape (n, P)
        Of one observation of each row, at the estimate.
    bread : ndarray, shape (P, P)
        The inverse of minus the derivative of their sum.
    rank : int
        The number of parameters that were estimated.
    counts : ndarray, shape (n,), optional
        How many observations each row stands for.
    working : Working, optional
        What leverages are taken of; None where the class has none.
    """

    scores: FloatArray
    bread: FloatArray
    rank: int
    counts: FloatArray | None = None
    working: Working | None = None

    @property
    def n(self) -> float:
        """The number of observations."""
        return float(len(self.scores) if self.counts is None else self.counts.sum())

    @cached_property
    def leverages(self) -> FloatArray:
        """The diagonal of the hat matrix of the working least squares, (n,).

        Of an observation of several rows the largest eigenvalue of its block.

        Raises
        ------
        NumericalError
            Where an observation alone determines a coefficient.
        """
        assert self.working is not None
        turned = self.working.design @ self.root
        if self.working.size == 1:
            out = np.square(turned).sum(axis=1)
        else:
            blocks = turned.reshape(len(self.scores), self.working.size, -1)
            out = np.linalg.eigvalsh(blocks @ blocks.transpose(0, 2, 1))[:, -1]
        alone = out > 1.0 - ALONE
        if alone.any():
            raise NumericalError(
                f"vcov: {int(alone.sum())} row(s), the first at position "
                f"{int(np.flatnonzero(alone)[0])}, each determine a coefficient alone (leverage "
                "1), so their residuals tell nothing and HC2, HC3 and the like are not defined. "
                'Use "HC1" or "nonrobust", or leave such levels out of the formula.'
            )
        return out

    @cached_property
    def root(self) -> FloatArray:
        """R with R R' an inverse of X'X, X the working design, every row as often as it counts."""
        assert self.working is not None
        design = self.working.design
        if self.counts is not None:
            design = design * np.sqrt(self.counts)[:, None]
        return inverse_root(design)


def inverse_root(design: FloatArray) -> FloatArray:
    """Return R (p, rank) with R R' an inverse of X'X, from the orthogonal decomposition of X.

    Redundant columns get zeros: any inverse gives the same variance of what is estimable.
    """
    kept = column_rank(design).kept
    out = np.zeros((design.shape[1], len(kept)))
    out[kept] = np.linalg.inv(np.linalg.qr(design[:, kept], mode="r"))
    return out


def inverse_information(information: FloatArray) -> FloatArray:
    """Invert a symmetric matrix, a pseudo-inverse where it is singular.

    Rows and columns are scaled to one first: with raw calendar years and their squares the
    condition number is mostly one of units.
    """
    size = np.sqrt(np.abs(np.diagonal(information)))
    size = np.where(size > 0, size, 1.0)
    scaled = information / np.outer(size, size)
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2.0)
    kept = np.abs(values) > len(values) * np.finfo(float).eps * np.abs(values).max(initial=0.0)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return inverse / np.outer(size, size)
