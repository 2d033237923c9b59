"""Between the engine's rescaled relative covariances and variances on the scale of the data."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.stacks import pack_index


def to_relative(factors: GroupFactors, params: CovarianceParameters) -> FloatArray:
    """Return the rescaled relative covariances psi (r,) of variance parameters."""
    scale = factors.z_scale
    rows, cols = pack_index(len(scale))
    inner = (scale @ params.psi @ scale.T)[rows, cols]
    outer = params.components * factors.component_scale**2
    return np.concatenate([inner, outer]) / params.sigma2


def from_relative(
    factors: GroupFactors, psi: FloatArray, sigma2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return Psi (B, q, q) and component variances (B, k) of relative covariances (r, B)."""
    q = factors.data.q
    rows, cols = pack_index(q)
    full = np.empty((psi.shape[1], q, q))
    full[:, rows, cols] = full[:, cols, rows] = (psi[: len(rows)] * sigma2).T
    if q:
        half = np.linalg.solve(factors.z_scale, full)
        full = np.linalg.solve(factors.z_scale, half.transpose(0, 2, 1))
    components = psi[len(rows) :] * sigma2 / factors.component_scale[:, None] ** 2
    return full, components.T


def parameters(factors: GroupFactors, psi: FloatArray, sigma2: float) -> CovarianceParameters:
    """Return the variance parameters of one vector of relative covariances (r,)."""
    full, components = from_relative(factors, psi[:, None], np.array([sigma2]))
    return CovarianceParameters(full[0], components[0], sigma2)
