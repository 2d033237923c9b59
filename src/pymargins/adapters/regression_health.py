"""How a regression stands: where its optimum is, and what its residuals say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from scipy import stats

from pymargins._typing import BoolArray, FloatArray
from pymargins.errors import NumericalError
from pymargins.ranks import column_rank
from pymargins.regression.estimating import inverse_information

#: A Newton step that moves a linear predictor by more, at a standard error of more than `UNKNOWN`,
#: has no end: where groups are separated each adds about one, whatever was reached.
MOVING = 0.02
UNKNOWN = 10.0
#: A variance of the outcome below this tells nothing about coefficients.
SATURATED = 1e-12
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

    def within(self, params: FloatArray, floor: FloatArray) -> Equations:
        """Hold parameters that are at the end of their range and would leave it."""
        held = self.held(params, floor)
        if not held.any():
            return self
        information = np.where(held[:, None] | held, np.diag(held.astype(float)), self.information)
        return Equations(np.where(held, 0.0, self.gradient), information)

    def held(self, params: FloatArray, floor: FloatArray) -> BoolArray:
        """Tell the parameters that are at the end of their range and would leave it."""
        return (params <= floor) & (self.gradient < 0.0)

    def newton(self, scale: float = 1.0) -> Step:
        """Return the whole Newton step, with the covariance at a dispersion."""
        inverse = inverse_information(self.information)
        return Step(inverse @ self.gradient, inverse * scale)


#: A design, and where its coefficients are among the parameters.
PlacedDesign: TypeAlias = "tuple[FloatArray, slice]"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What is left to the optimum: a Newton step, and the covariance where it begins."""

    move: FloatArray
    cov: FloatArray

    @property
    def distance(self) -> float:
        """The largest part of the step, in standard errors."""
        error = np.sqrt(np.abs(np.diagonal(self.cov)))
        return float(np.max(np.abs(self.move) / np.where(error > 0, error, np.inf)))

    def runs_off(self, predictors: Sequence[PlacedDesign]) -> BoolArray:
        """Tell the rows with a predictor that has no finite optimum, (n,)."""
        found = np.zeros(len(predictors[0][0]), dtype=bool)
        for design, places in predictors:
            far = np.flatnonzero(np.abs(design @ self.move[places]) > MOVING)
            some = design[far]
            variance = np.einsum("ij,ij->i", some @ self.cov[places, places], some)
            found[far] |= variance > UNKNOWN**2
        return found


def said_of_convergence(results: Any) -> bool | None:
    """Return what a fit says of itself; one with constraints, of the fit that held them."""
    found = getattr(results, "results_constrained", results)
    said = getattr(found, "converged", None)
    if said is None:
        said = (getattr(found, "mle_retvals", None) or {}).get("converged")
    return None if said is None else bool(said)


def no_covariance(residual_df: float) -> NumericalError:
    """Say why a fit reports no covariance."""
    if residual_df <= 0:
        return NumericalError(
            'vcov="model": the fit reports no covariance: it has as many coefficients as rows, so '
            "that no residual is left to estimate from. Fit fewer terms, or to more rows."
        )
    return NumericalError(
        'vcov="model": the fit reports no covariance: its Hessian could not be inverted, '
        "mostly because it stopped far from the optimum. Refit with another method or "
        'start, or use vcov="nonrobust", which is worked out anew.'
    )


def saturated(design: FloatArray, variance: FloatArray) -> BoolArray:
    """Tell the rows whose outcome is certain, where the others do not determine the coefficients.

    There the likelihood is flat but for rounding, and no step tells of separation.
    """
    certain = variance < SATURATED
    if certain.all() or not certain.any():
        return certain
    lost = len(column_rank(design[~certain]).kept) < len(column_rank(design).kept)
    return certain if lost else np.zeros(len(design), dtype=bool)


def bread_of(equations: Equations, held: BoolArray | None = None) -> FloatArray:
    """Return the inverse of the observed information; what is held counts as known.

    Raises
    ------
    NumericalError
        Where the likelihood has no maximum near the estimate.
    """
    if not equations.concave:
        raise NumericalError(
            "vcov: the likelihood curves up where the fit stopped, far from its optimum, and gives "
            "no covariance there. Use polish=True, or refit with another method, a better start or "
            "more iterations."
        )
    inverse = inverse_information(equations.information)
    return inverse if held is None else np.where(held[:, None] | held, 0.0, inverse)


def optimum(
    start: FloatArray,
    equations: Callable[[FloatArray], Equations],
    value: Callable[[FloatArray], float],
    floor: FloatArray,
) -> FloatArray:
    """Go to the optimum of a log-likelihood by Newton steps, halved until each is uphill.

    Parameters
    ----------
    start : ndarray, shape (P,)
    equations, value : callable
    floor : ndarray, shape (P,)
        The end of the range of each parameter: one that would go below stays there.

    Raises
    ------
    NumericalError
        Where there is none to be found from here.
    """
    with np.errstate(all="ignore"):  # a step may leave the domain: halved, it comes back
        at, height = start, value(start)
        for _ in range(MOST_STEPS):
            here = equations(at).within(at, floor)
            if here.concave and here.newton().distance < SETTLED:
                return at
            found = _uphill(at, height, here.step, value, floor)
            if found is None:
                break
            at, height = found
    raise NumericalError(
        "polish: Newton's method finds no optimum from where this fit stopped; refit with another "
        "method or a better start."
    )


def _uphill(
    at: FloatArray,
    height: float,
    step: FloatArray,
    value: Callable[[FloatArray], float],
    floor: FloatArray,
) -> tuple[FloatArray, float] | None:
    """Return where the longest part of a step goes that is not downhill, and how high that is."""
    for half in range(40):
        moved = np.maximum(at + step / 2.0**half, np.minimum(at, floor))
        new = value(moved)
        if np.isfinite(new) and new >= height - 1e-10 * abs(height):
            return moved, new
    return None


def pearson(
    residual: FloatArray, variance: FloatArray, weights: FloatArray | float, df: float
) -> tuple[float | None, float | None]:
    """Return Pearson's chi-square over its degrees of freedom, and its p-value."""
    if df <= 0 or not (variance > 0).all():
        return None, None
    chi2 = float(np.sum(weights * residual**2 / variance))
    return chi2 / df, float(stats.chi2.sf(chi2, df))
