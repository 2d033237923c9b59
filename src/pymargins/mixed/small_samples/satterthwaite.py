"""Satterthwaite's degrees of freedom of linear functions of the fixed effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives, variance_derivatives
from pymargins.mixed.small_samples.information import (
    VarianceCovariance,
    observed_covariance,
)

# Eigenvalues of a hypothesis' covariance below this multiple of the largest are not tested.
RANK_TOLERANCE = float(np.sqrt(np.finfo(float).eps))
# Degrees of freedom that agree to this, relatively, are equal.
SAME_DF = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class SatterthwaiteFit:
    """Degrees of freedom by Satterthwaite's method.

    Attributes
    ----------
    cov : (p, p) array
        ``Phi = (X'V^-1 X)^-1`` over the coefficients of X.
    variance : VarianceCovariance
        W, the covariance of the variance parameters, with what was dropped from it.
    basis : (p, rank) array
    working_cov : (rank, rank) array
    gradients : (R, rank, rank) array
        Derivatives of the working Phi.
    """

    cov: FloatArray
    variance: VarianceCovariance
    basis: FloatArray
    working_cov: FloatArray
    gradients: FloatArray

    def df(self, rows: FloatArray) -> FloatArray:
        """Return the degrees of freedom (k,) of rows (k, p) over the coefficients of X.

        For a nonlinear function the row is its gradient.  A row of variance zero has infinite
        degrees of freedom.
        """
        working = np.atleast_2d(rows) @ self.basis
        return contrast_df(working, self.working_cov, self.gradients, self.variance.changed)

    def joint(self, rows: FloatArray) -> tuple[float, float]:
        r"""Return scale 1 and the denominator df of the joint test of rows (k, p).

        Fai & Cornelius (1996): ``L Phi L' = E D E'`` splits F into t-squares of ``e_j'L beta``
        with degrees of freedom nu_j, and a mean of F(1, nu_j) variables has that of an
        ``F(q, nu)`` where ``nu = 2 S / (S - q)``, ``S = sum_j nu_j / (nu_j - 2)``.  As lmerTest's
        ``contestMD`` has it, nu is 2 if some nu_j is at most 2, and nu_j itself if all are equal.
        It depends on which rows span the hypothesis.
        """
        working = np.atleast_2d(rows) @ self.basis
        values, vectors = np.linalg.eigh(working @ self.working_cov @ working.T)
        tested = vectors[:, values > RANK_TOLERANCE * values[-1]]
        single = contrast_df(
            tested.T @ working, self.working_cov, self.gradients, self.variance.changed
        )
        return 1.0, pooled_df(single)


def satterthwaite_fit(
    data: MixedData,
    params: CovarianceParameters,
    pieces: VarianceDerivatives | None = None,
) -> SatterthwaiteFit:
    """Prepare Satterthwaite's method at the REML or ML estimates `params`.

    The variance of the variance estimates is that of lmerTest (Kuznetsova, Brockhoff & Christensen
    2017, doi:10.18637/jss.v082.i13), `observed_covariance`, here from analytic derivatives.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
    pieces : VarianceDerivatives, optional
        Of the same data and parameters, to be shared with other methods.
    """
    pieces = variance_derivatives(data, params) if pieces is None else pieces
    return SatterthwaiteFit(
        cov=pieces.fit.cov,
        variance=observed_covariance(pieces),
        basis=data.basis,
        working_cov=pieces.fit.working_cov,
        gradients=pieces.gradients,
    )


def contrast_df(
    rows: FloatArray, phi: FloatArray, gradients: FloatArray, w: FloatArray
) -> FloatArray:
    """Return ``2 (l'Phi l)^2 / (g'W g)`` with ``g_r = d(l'Phi l) / d gamma_r`` of rows l (k, rank).

    Giesbrecht & Burns (1985).  Infinite where the variance, or the variance of its estimate, is 0.
    """
    return variance_df(*contrast_variance(rows, phi, gradients), w)


def contrast_variance(
    rows: FloatArray, phi: FloatArray, gradients: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the variances ``l'Phi l`` (k,) of rows l (k, rank), and their gradients (k, R)."""
    variance = np.einsum("ka,ka->k", rows @ phi, rows)
    return variance, np.einsum("rka,ka->kr", rows @ gradients, rows)


def variance_df(variance: FloatArray, slope: FloatArray, w: FloatArray) -> FloatArray:
    """Return ``2 v^2 / (g'W g)`` of estimated variances v (k,) with gradients g (k, R).

    Satterthwaite (1946, doi:10.2307/3002019).  Infinite where v, or the variance of its estimate,
    is 0.
    """
    relative = slope / np.where(variance > 0, variance, 1.0)[:, None]
    spread = np.einsum("kr,kr->k", relative @ w, relative)
    some = (spread > 0) & (variance > 0)
    return np.where(some, 2 / np.where(some, spread, 1.0), np.inf)


def pooled_df(single: FloatArray) -> float:
    """Return the denominator of the F that pools t-squares with these degrees of freedom."""
    if len(single) == 0:
        return float("nan")
    if single.max() <= (1 + SAME_DF) * single.min():
        return float(single.mean())
    if (single <= 2).any():
        return 2.0
    return float(2 + 2 * len(single) / np.sum(2 / (single - 2)))
