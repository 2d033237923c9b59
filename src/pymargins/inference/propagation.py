"""Covariances carried from parameters to functions of them, through Jacobian rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError
from pymargins.estimands.jacobians import used
from pymargins.inference.factor import root_of
from pymargins.models.uncertainty import RowCovariance

NEGATIVE_VARIANCE_TOLERANCE = 1e-8
#: Rows, or parameters that they depend on, whose covariance is decomposed as a whole.
MOST_TOGETHER = 5_000


class Propagation(Protocol):
    """A covariance of parameters, as Jacobian rows (k, P) see it."""

    def covariance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return the covariance (k, k) of functions by their rows; labels are for messages."""
        ...

    def variance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return its diagonal (k,)."""
        ...

    def factor(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return a factor (k, q) of it: its product with its transpose."""
        ...


def overflow(label: str) -> NumericalError:
    """Say that a figure is too large for a computer's numbers."""
    return NumericalError(
        f"{label!r} is not finite: so far from the data the mean, or how it changes, is beyond the "
        "range of floating-point numbers. Ask nearer to what was observed."
    )


def propagation(cov: FloatArray | RowCovariance) -> Propagation:
    """Return how a covariance of parameters is carried on."""
    return OfMatrix(cov) if isinstance(cov, np.ndarray) else OfRows(cov)


@dataclass(frozen=True, slots=True, eq=False)
class OfMatrix:
    """From a matrix (P, P)."""

    cov: FloatArray

    def covariance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return the covariance (k, k) of functions by their rows.

        Raises
        ------
        NumericalError
            Where a variance is negative beyond rounding.
        """
        out = rows @ self.cov @ rows.T
        out = (out + out.T) / 2.0
        variance = np.diagonal(out)
        lost = np.flatnonzero(np.isnan(variance))
        if len(lost) and np.isfinite(self.cov).all():
            raise overflow(labels[int(lost[0])])
        sizes = np.abs(rows) @ np.sqrt(np.abs(np.diagonal(self.cov)))
        if (variance < -NEGATIVE_VARIANCE_TOLERANCE * sizes**2).any() or np.isnan(out).any():
            raise NumericalError(
                "the covariance of the coefficients is not positive semi-definite: the variance of "
                f"{labels[int(np.nanargmin(variance))]!r} came out negative or undefined. "
                'Try vcov="gls".'
            )
        return out

    def variance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return the variances (k,) without forming the whole covariance."""
        variance = np.einsum("kp,kp->k", rows @ self.cov, rows)
        if (variance < 0).any() or np.isnan(variance).any():
            variance = np.diagonal(self.covariance(rows, labels))
        return np.maximum(variance, 0.0)

    def factor(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return a factor (k, q) of the covariance, q at most the number of parameters."""
        root = root_of(self.cov)
        return _root(self.covariance(rows, labels)) if root is None else rows @ root


@dataclass(frozen=True, slots=True, eq=False)
class OfRows:
    """From what answers for rows, where parameters are too many for a matrix."""

    source: RowCovariance

    def covariance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return the covariance (k, k) of functions by their rows."""
        return self.source.covariance(rows)

    def variance(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return the variances (k,)."""
        return np.maximum(self.source.variance(rows), 0.0)

    def factor(self, rows: Any, labels: Sequence[str]) -> FloatArray:
        """Return a factor (k, q) of the covariance, q at most k and the parameters in use.

        Raises
        ------
        NumericalError
            Where both are too many.
        """
        from scipy import sparse

        rows = sparse.csr_array(rows)
        places, (k, width) = used(rows), rows.shape
        if min(k, len(places)) > MOST_TOGETHER:
            raise NumericalError(
                f"{k:,} rows that depend on {len(places):,} effects of clusters are too many for "
                f"what needs their joint covariance; the limit is {MOST_TOGETHER:,}. Ask for fewer "
                'of them together, or adjust by "holm", which needs none.'
            )
        if k <= len(places):
            return _root(self.source.covariance(rows))
        one = (np.ones(len(places)), (np.arange(len(places)), places))
        among = self.source.covariance(sparse.csr_array(one, shape=(len(places), width)))
        return rows[:, places] @ _root(among)


def _root(cov: FloatArray) -> FloatArray:
    """Return a root of a covariance, what is negative taken for zero."""
    found = root_of(cov)
    if found is not None:
        return found
    spectrum, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(spectrum, 0.0))
