"""How a regression stands: where its optimum is, and what its residuals say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError
from pymargins.regression.estimating import inverse_information

#: A probability nearer to 0 or 1 is one but for rounding.
CERTAIN = 1e-8
#: Newton steps stop where the next is shorter, in standard errors.
SETTLED = 1e-9
MOST_STEPS = 200
#: The least curvature, relative to the largest, that a step away from a saddle reckons with.
UPHILL = 1e-4


@dataclass(frozen=True, eq=False)
class Equations:
    """The gradient of a log-likelihood, and minus its second derivative."""

    gradient: FloatArray
    information: FloatArray

    @cached_property
    def _spectrum(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The eigenvalues and eigenvectors of the information in units of its diagonal."""
        size = np.sqrt(np.abs(np.diagonal(self.information)))
        size = np.where(size > 0, size, 1.0)
        values, vectors = np.linalg.eigh(self.information / np.outer(size, size))
        return values, vectors, size

    @property
    def concave(self) -> bool:
        """Whether the log-likelihood curves down in every direction."""
        values, _, _ = self._spectrum
        return bool(values[0] > -1e-10 * values[-1])

    @property
    def step(self) -> FloatArray:
        """The Newton step to the optimum.

        Where the log-likelihood curves up, a step that is uphill all the same: as if it curved
        down as much.
        """
        if self.concave:
            return inverse_information(self.information) @ self.gradient
        values, vectors, size = self._spectrum
        curved = np.maximum(np.abs(values), UPHILL * np.abs(values).max())
        return vectors @ ((vectors.T @ (self.gradient / size)) / curved) / size

    def distance(self, scale: float) -> float:
        """Return the largest part of the step, in standard errors at a dispersion."""
        inverse = inverse_information(self.information)
        error = np.sqrt(np.abs(np.diagonal(inverse)) * scale)
        return float(np.max(np.abs(inverse @ self.gradient) / np.where(error > 0, error, np.inf)))


def bread_of(information: FloatArray) -> FloatArray:
    """Return the inverse of an observed information.

    Raises
    ------
    NumericalError
        Where the likelihood has no maximum near the estimate.
    """
    if not Equations(np.zeros(len(information)), information).concave:
        raise NumericalError(
            "vcov: the likelihood curves up where the fit stopped, far from its optimum, and gives "
            "no covariance there. Use polish=True, or refit with another method, a better start or "
            "more iterations."
        )
    return inverse_information(information)


def optimum(
    start: FloatArray,
    equations: Callable[[FloatArray], Equations],
    value: Callable[[FloatArray], float],
) -> FloatArray:
    """Go to the optimum of a log-likelihood by Newton steps, halved until each is uphill.

    Raises
    ------
    NumericalError
        Where there is none to be found from here.
    """
    at, height = start, value(start)
    for _ in range(MOST_STEPS):
        here = equations(at)
        if here.concave and here.distance(1.0) < SETTLED:
            return at
        step = here.step
        for half in range(40):
            moved = at + step / 2.0**half
            with np.errstate(all="ignore"):  # a step may leave the domain: halved, it comes back
                new = value(moved)
            if np.isfinite(new) and new >= height - 1e-10 * abs(height):
                break
        else:
            break
        at, height = moved, new
    raise NumericalError(
        "polish: Newton's method finds no optimum from where this fit stopped; refit with another "
        "method or a better start."
    )


def certain_rows(mean: FloatArray) -> int:
    """Count fitted probabilities that are 0 or 1 but for rounding."""
    return int(((mean < CERTAIN) | (mean > 1.0 - CERTAIN)).sum())


def pearson(
    residual: FloatArray, variance: FloatArray, weights: FloatArray | float, df: float
) -> tuple[float | None, float | None]:
    """Return Pearson's chi-square over its degrees of freedom, and its p-value."""
    if df <= 0 or not (variance > 0).all():
        return None, None
    chi2 = float(np.sum(weights * residual**2 / variance))
    return chi2 / df, float(stats.chi2.sf(chi2, df))
