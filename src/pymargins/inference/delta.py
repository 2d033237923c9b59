"""The delta method: first-order uncertainty through the Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError
from pymargins.estimand import Estimand
from pymargins.inference import distributions

NEGATIVE_VARIANCE_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint Wald test: `scale * F` is referred to F(`df1`, `df2`)."""

    scale: float
    df2: float


@dataclass(frozen=True, slots=True)
class DegreesOfFreedom:
    """The reference distribution of Wald statistics.

    Parameters
    ----------
    single : callable
        From Jacobian rows (k, p) to degrees of freedom (k,), one a contrast; infinite for the
        normal distribution.
    joint : callable
        From r independent Jacobian rows to the `Joint` reference of their F statistic.
    words : str
        How tables name it.
    notes : tuple of str
        What a reader of the table should know of it.
    """

    single: Callable[[FloatArray], FloatArray]
    joint: Callable[[FloatArray], Joint]
    words: str
    notes: tuple[str, ...] = ()

    @classmethod
    def constant(cls, df: float, words: str) -> DegreesOfFreedom:
        """Use the same number for every contrast; infinity is the normal distribution."""
        return cls(lambda rows: np.full(len(rows), df), lambda rows: Joint(1.0, df), words)


@dataclass(frozen=True, slots=True)
class DeltaInference:
    """Turns estimands into covariances and intervals by the delta method.

    Parameters
    ----------
    cov : ndarray, shape (p, p)
        Covariance of the coefficients.
    df : DegreesOfFreedom
    """

    cov: FloatArray
    df: DegreesOfFreedom
    draws: None = None

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance (k, k) of an estimand.

        Raises
        ------
        NumericalError
            Where a variance is negative beyond rounding.
        """
        out = estimand.jacobian @ self.cov @ estimand.jacobian.T
        out = (out + out.T) / 2.0
        variance = np.diagonal(out)
        sizes = np.abs(estimand.jacobian) @ np.sqrt(np.abs(np.diagonal(self.cov)))
        if (variance < -NEGATIVE_VARIANCE_TOLERANCE * sizes**2).any() or np.isnan(out).any():
            raise NumericalError(
                "the covariance of the coefficients is not positive semi-definite: the variance of "
                f"{estimand.labels[int(np.nanargmin(variance))]!r} came out negative or undefined. "
                'Try vcov="gls".'
            )
        return out

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,) without forming the whole covariance."""
        variance = np.einsum("kp,kp->k", estimand.jacobian @ self.cov, estimand.jacobian)
        if (variance < 0).any() or np.isnan(variance).any():
            variance = np.diagonal(self.covariance(estimand))
        return np.sqrt(np.maximum(variance, 0.0))

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return the degrees of freedom of each row."""
        return self.df.single(estimand.jacobian)

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return symmetric pointwise intervals."""
        half = distributions.quantile((1 + level) / 2, self.degrees_of_freedom(estimand))
        half = half * self.std_error(estimand)
        return estimand.value - half, estimand.value + half

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return Wald p-values against a null value."""
        statistic = distributions.ratio(estimand.value - null, self.std_error(estimand))
        return distributions.p_value(statistic, self.degrees_of_freedom(estimand), alternative)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of a table should know of the degrees of freedom."""
        return self.df.notes

    @property
    def words(self) -> str:
        """Name the method for tables."""
        return "delta method"
