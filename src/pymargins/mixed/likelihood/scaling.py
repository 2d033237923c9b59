"""Between the engine's rescaled relative covariances and variances on the scale of the data."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.parameters import CovarianceParameters, WorkingPsi
from pymargins.mixed.likelihood.stacks import pack_index


def to_relative(factors: GroupFactors, params: CovarianceParameters) -> FloatArray:
    """Return the rescaled relative covariances psi (r,) of variance parameters."""
    scale = factors.z_scale
    rows, cols = pack_index(len(scale))
    inner = (scale @ factors.data.working(params).psi @ scale.T)[rows, cols]
    outer = params.components * factors.component_scale**2
    return np.concatenate([inner, outer]) / params.sigma2


def from_relative(
    factors: GroupFactors, psi: FloatArray, sigma2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return Psi (B, q, q) and component variances (B, k) of relative covariances (r, B)."""
    basis = factors.data.z_basis
    return basis @ _working(factors, psi, sigma2) @ basis.T, _components(factors, psi, sigma2)


def parameters(factors: GroupFactors, psi: FloatArray, sigma2: float) -> CovarianceParameters:
    """Return the variance parameters of one vector of relative covariances (r,)."""
    one = psi[:, None], np.array([sigma2])
    own = _working(factors, *one)[0]
    basis = factors.data.z_basis
    return CovarianceParameters(
        basis @ own @ basis.T, _components(factors, *one)[0], sigma2, WorkingPsi(basis, own)
    )


def _working(factors: GroupFactors, psi: FloatArray, sigma2: FloatArray) -> FloatArray:
    """Return Psi (B, q, q) over the working columns of Z."""
    q = factors.data.q
    rows, cols = pack_index(q)
    full = np.empty((psi.shape[1], q, q))
    full[:, rows, cols] = full[:, cols, rows] = (psi[: len(rows)] * sigma2).T
    if q:
        half = np.linalg.solve(factors.z_scale, full)
        full = np.linalg.solve(factors.z_scale, half.transpose(0, 2, 1))
    return full


def _components(factors: GroupFactors, psi: FloatArray, sigma2: FloatArray) -> FloatArray:
    size = len(psi) - factors.data.n_components
    return (psi[size:] * sigma2 / factors.component_scale[:, None] ** 2).T
