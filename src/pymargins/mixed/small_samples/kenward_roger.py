"""The small-sample covariance, degrees of freedom and F test of Kenward and Roger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ModelError, not_one_of
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives, variance_derivatives
from pymargins.mixed.small_samples.information import (
    VarianceCovariance,
    expected_covariance,
    observed_covariance,
)
from pymargins.mixed.small_samples.satterthwaite import RANK_TOLERANCE, contrast_df

Information = Literal["expected", "observed"]
INFORMATION: tuple[Information, ...] = ("expected", "observed")

# Guards of pbkrtest: what counts as zero over zero, as zero, and as two degrees of freedom.
ZERO_BY_ZERO = 1e-14
ZERO = 1e-10
NEAR_TWO = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class KenwardRogerFit:
    """Covariance and degrees of freedom by the method of Kenward and Roger.

    Attributes
    ----------
    cov : (p, p) array
        Adjusted covariance ``Phi_A`` over the coefficients of X.
    unadjusted : (p, p) array
        ``Phi``.
    information : {"expected", "observed"}
    variance : VarianceCovariance
        W, the covariance of the variance parameters, with what was dropped from it.
    basis : (p, rank) array
    working_cov : (rank, rank) array
        ``Phi`` in the working basis.
    gradients : (R, rank, rank) array
        Derivatives of the working Phi.
    """

    cov: FloatArray
    unadjusted: FloatArray
    information: Information
    variance: VarianceCovariance
    basis: FloatArray
    working_cov: FloatArray
    gradients: FloatArray

    def df(self, rows: FloatArray) -> FloatArray:
        """Return the degrees of freedom (k,) of rows (k, p) over the coefficients of X.

        ``2 (l'Phi l)^2 / (g'W g)``, with the unadjusted Phi, is what the F approximation of
        `joint` comes to for one row.  For a nonlinear function the row is its gradient.  A row of
        variance zero has infinite degrees of freedom.
        """
        working = np.atleast_2d(rows) @ self.basis
        return contrast_df(working, self.working_cov, self.gradients, self.variance.changed)

    def joint(self, rows: FloatArray) -> tuple[float, float]:
        r"""Return scale lambda and denominator df m of the joint test of rows L (k, p), of rank l.

        ``lambda F ~ F(l, m)`` for ``F = (L beta)'(L Phi_A L')^-1 (L beta) / l``.  With
        ``Theta = L'(L Phi L')^-1 L``,

        ``A1 = sum_rs W_rs tr(Theta Phi P_r Phi) tr(Theta Phi P_s Phi)``,
        ``A2 = sum_rs W_rs tr(Theta Phi P_r Phi Theta Phi P_s Phi)``,
        ``B = (A1 + 6 A2) / 2l``,  ``g = [(l+1) A1 - (l+4) A2] / [(l+2) A2]``,
        ``(c1, c2, c3) = (g, l-g, l+2-g) / [3l + 2(1-g)]``,  ``E = 1 / (1 - A2/l)``,
        ``rho = (1 + c1 B) / [l E^2 (1 - c2 B)^2 (1 - c3 B)]``,
        ``m = 4 + (l+2) / (l rho - 1)``,  ``lambda = m / [E (m-2)]``

        (Kenward & Roger 1997; Halekoh & Hojsgaard 2014, doi:10.18637/jss.v059.i09).  Exact F tests
        come out exact; where they give 0/0 the guards are those of pbkrtest.  Both numbers are NaN
        where the approximation has no F distribution (m not positive).
        """
        working = np.atleast_2d(rows) @ self.basis
        root = np.linalg.cholesky(self.working_cov)
        _, sizes, directions = np.linalg.svd(working @ root, full_matrices=False)
        o = np.linalg.solve(root.T, directions[sizes > RANK_TOLERANCE * sizes[0]].T).T
        inner = o @ self.gradients @ o.T
        traces = np.einsum("rii->r", inner)
        w = self.variance.changed
        a1 = float(traces @ w @ traces)
        a2 = float(np.einsum("rs,rij,sji->", w, inner, inner))
        return _f_approximation(a1, a2, len(o))


def kenward_roger_fit(
    data: MixedData,
    params: CovarianceParameters,
    information: Information = "expected",
    pieces: VarianceDerivatives | None = None,
) -> KenwardRogerFit:
    r"""Adjust covariance and degrees of freedom for the estimation of the variance parameters.

    ``Phi_A = Phi + 2 Phi {sum_rs W_rs (Q_rs - P_r Phi P_s)} Phi`` with W the covariance of the
    variance parameters (Kenward & Roger 1997, doi:10.2307/2533558).  Their term of second
    derivatives is zero, as V is linear in ``(Psi, components, sigma2)``; SAS calls this form
    ``FIRSTORDER``.

    Parameters
    ----------
    data : MixedData
        Of a REML fit.
    params : CovarianceParameters
        The REML estimates.
    information : {"expected", "observed"}
        What W is the inverse of.  "expected", as in pbkrtest, holds at a boundary as well; for
        "observed", as in SAS, parameters at a boundary count as known (see
        `pymargins.mixed.small_samples.information.observed_covariance`).
    pieces : VarianceDerivatives, optional
        Of the same data and parameters, to be shared with other methods.

    Raises
    ------
    ModelError
        For a fit by maximum likelihood.
    """
    if information not in INFORMATION:
        raise not_one_of("information", information, INFORMATION)
    if not data.reml:
        raise ModelError(
            'vcov="kenward-roger": the method is defined for REML estimates, and the model was '
            'fitted by ML. Refit it with reml=True, or use df="satterthwaite".'
        )
    pieces = variance_derivatives(data, params) if pieces is None else pieces
    variance = (
        expected_covariance(pieces) if information == "expected" else observed_covariance(pieces)
    )
    phi = pieces.fit.working_cov
    adjusted = phi + 2 * phi @ _inflation(pieces, variance.changed) @ phi
    return KenwardRogerFit(
        cov=data.covariance((adjusted + adjusted.T) / 2),
        unadjusted=pieces.fit.cov,
        information=information,
        variance=variance,
        basis=data.basis,
        working_cov=phi,
        gradients=pieces.gradients,
    )


def _inflation(pieces: VarianceDerivatives, w: FloatArray) -> FloatArray:
    """Return ``sum_rs W_rs (Q_rs - P_r Phi P_s)``."""
    weighted = np.tensordot(w, pieces.first, axes=1)
    product = (pieces.first @ pieces.fit.working_cov @ weighted).sum(axis=0)
    return np.einsum("rs,rsab->ab", w, pieces.second) - product


def _f_approximation(a1: float, a2: float, rank: int) -> tuple[float, float]:
    """Return (lambda, m) of `KenwardRogerFit.joint`."""
    if rank == 0:
        return float("nan"), float("nan")
    if a2 <= 0:  # the variance parameters are as good as known
        return 1.0, float("inf")
    b = (a1 + 6 * a2) / (2 * rank)
    g = ((rank + 1) * a1 - (rank + 4) * a2) / ((rank + 2) * a2)
    c1, c2, c3 = np.array([g, rank - g, rank + 2 - g]) / (3 * rank + 2 * (1 - g))
    e_inverse = 1 - a2 / rank
    v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    v0 = 0.0 if abs(v0) < ZERO else v0
    both_zero = abs(e_inverse) < ZERO_BY_ZERO and abs(v1) < ZERO_BY_ZERO
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 1.0 if both_zero else np.float64(e_inverse) / v1
        m = float(4 + (rank + 2) / (ratio**2 * np.float64(v0) / v2 - 1))
    if not m > 0:
        return float("nan"), float("nan")
    scale = 1.0 if abs(m - 2) < NEAR_TWO else m * e_inverse / (m - 2)
    return float(scale), m
