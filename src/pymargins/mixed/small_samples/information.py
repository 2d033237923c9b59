r"""Information about the variance parameters, and the covariance W of their estimates.

The expected REML information of gamma is ``1/2 tr P G_r P G_s = 1/2 [t_rs - 2 tr Phi Q_rs + tr Phi
P_r Phi P_s]`` (``t_rs / 2`` under ML), the observed one ``y'P G_r P G_s P y - 1/2 tr P G_r P G_s``,
in the letters of `pymargins.mixed.small_samples.derivatives`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives, variance_derivatives

# Eigenvalues below this multiple of the largest, once the diagonal is one, carry no information.
SINGULAR = 1e-10
# A variance along a direction of Z, or of a component, below this share of sigma2 is at its bound.
BOUND = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class VarianceCovariance:
    """Covariance W of the estimates of the variance parameters.

    Attributes
    ----------
    changed : (R, R) array
        Over the parameters of `VarianceDerivatives`.
    gamma : (R, R) array
        Over ``(lower triangle of Psi by rows, components, sigma2)``.
    dropped : int
        Variance parameters that count as known: R less the rank of W.
    indefinite : bool
        Some direction has negative information, as at a point that is not a maximum.
    """

    changed: FloatArray
    gamma: FloatArray
    dropped: int
    indefinite: bool


def expected_covariance(pieces: VarianceDerivatives) -> VarianceCovariance:
    """Invert the expected information, which is valid at a boundary, too.

    A singular information (variance parameters that the design cannot tell apart) is inverted on
    its range; `VarianceCovariance.dropped` counts the directions left out.
    """
    inverse, indefinite = _inverse(pieces.expected)
    return _covariance(pieces, inverse, indefinite)


def observed_covariance(pieces: VarianceDerivatives) -> VarianceCovariance:
    r"""Invert the observed information on the scale of standard deviations.

    ``W = J (H / 2)^+ J'`` with H the Hessian of minus twice the log-likelihood over
    ``(root of Psi, square roots of components, sigma2)`` and J the derivative of the variance
    parameters by these.  At an interior optimum this is the inverse of the observed information.
    At a boundary J vanishes for the parameter that is zero, which is hence dropped: what lmerTest
    does (Kuznetsova, Brockhoff & Christensen 2017, doi:10.18637/jss.v082.i13).  Directions of
    negative information are dropped as well, as they are there, and reported.

    The root is any root of Psi, where lme4's is lower triangular.  That matters only where Psi is
    singular because its *first* variance is zero: lme4's root is then not unique, and lmerTest's
    degrees of freedom depend on the one its optimiser stopped at.
    """
    jacobian, curvature = _root_derivatives(pieces)
    hessian = jacobian.T @ pieces.observed @ jacobian + curvature / 2
    inverse, indefinite = _inverse(hessian)
    return _covariance(pieces, jacobian @ inverse @ jacobian.T, indefinite)


def interior(pieces: VarianceDerivatives, sigma2: float) -> bool:
    """Tell whether no variance is at its bound, where the likelihood is not quadratic."""
    q, k = pieces.root.shape
    spread = np.linalg.svd(pieces.root, compute_uv=False)
    least = min(spread.min(initial=np.inf), pieces.component_roots.min(initial=np.inf))
    return k == q and bool(least**2 > BOUND * sigma2)


def inverse_observed(pieces: VarianceDerivatives) -> FloatArray | None:
    """Return the inverse of the observed information of `gamma`, None where there is none."""
    scale, values, vectors = _unit_spectrum(pieces.observed)
    if values[0] <= SINGULAR * values[-1]:
        return None
    half = pieces.to_gamma @ (vectors / scale[:, None] / np.sqrt(values))
    return half @ half.T


def expected_information(data: MixedData, params: CovarianceParameters) -> FloatArray:
    """Return the expected information of ``gamma``, (R, R)."""
    pieces = variance_derivatives(data, params)
    return _over_gamma(pieces, pieces.expected)


def observed_information(data: MixedData, params: CovarianceParameters) -> FloatArray:
    """Return the observed information of ``gamma``, (R, R)."""
    pieces = variance_derivatives(data, params)
    return _over_gamma(pieces, pieces.observed)


def _root_derivatives(pieces: VarianceDerivatives) -> tuple[FloatArray, FloatArray]:
    """Return J and the curvature ``sum_r score_r d2 gamma_r`` of ``Psi = root root'``, tau = s^2.

    The score of Psi as a symmetric matrix S makes the second derivative by root entries (k, l) and
    (a, b) equal to ``2 S_ka`` where l = b, else zero.
    """
    q, k = pieces.root.shape
    rows, cols = np.tril_indices(q)
    n_psi, n_parts = len(rows), len(pieces.component_roots)
    jacobian = np.zeros((pieces.n_parameters, q * k + n_parts + 1))
    unit = np.eye(q)
    by_root = (
        unit[rows][:, :, None] * pieces.root[cols][:, None, :]
        + unit[cols][:, :, None] * pieces.root[rows][:, None, :]
    )
    jacobian[:n_psi, : q * k] = by_root.reshape(n_psi, q * k)
    parts = np.arange(n_parts)
    jacobian[n_psi + parts, q * k + parts] = 2 * pieces.component_roots
    jacobian[-1, -1] = 1.0
    symmetric = np.zeros((q, q))
    symmetric[rows, cols] = pieces.score[:n_psi] / np.where(rows == cols, 1.0, 2.0)
    symmetric[cols, rows] = symmetric[rows, cols]
    curvature = np.zeros((jacobian.shape[1], jacobian.shape[1]))
    curvature[: q * k, : q * k] = 2 * np.kron(symmetric, np.eye(k))
    curvature[q * k + parts, q * k + parts] = 2 * pieces.score[n_psi:-1]
    return jacobian, curvature


def _inverse(information: FloatArray) -> tuple[FloatArray, bool]:
    """Invert on the positive eigenvalues of the matrix scaled to a unit diagonal."""
    scale, values, vectors = _unit_spectrum(information)
    limit = SINGULAR * np.abs(values).max(initial=0.0)
    kept = values > limit
    half = vectors[:, kept] / scale[:, None] / np.sqrt(values[kept])
    return half @ half.T, bool((values < -limit).any())


def _unit_spectrum(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return scale, eigenvalues and eigenvectors of a matrix scaled to a unit diagonal."""
    scale = np.sqrt(np.abs(np.diagonal(matrix)))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    return scale, values, vectors


def _covariance(pieces: VarianceDerivatives, w: FloatArray, indefinite: bool) -> VarianceCovariance:
    gamma = pieces.to_gamma @ w @ pieces.to_gamma.T
    _, values, _ = _unit_spectrum(w)
    known = int((values <= SINGULAR * values.max(initial=0.0)).sum())
    return VarianceCovariance(w, gamma, known, indefinite)


def _over_gamma(pieces: VarianceDerivatives, information: FloatArray) -> FloatArray:
    back = np.linalg.solve(pieces.to_gamma, np.eye(pieces.n_parameters))
    return back.T @ information @ back
