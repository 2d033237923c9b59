"""The deviance as a function of lme4's theta alone."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError
from pymargins.mixed.likelihood.least_squares import GlsFit, gls, score
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData


def profiled_deviance(data: MixedData, theta: FloatArray) -> tuple[float, FloatArray]:
    """Return the ML or REML deviance with beta and sigma2 profiled out, and its gradient.

    Parameters
    ----------
    data : MixedData
    theta : (t,) array
        Lower triangle of the relative factor Lambda by rows, then the relative standard deviation
        of each component, as in lme4 (Bates, Maechler, Bolker & Walker 2015,
        doi:10.18637/jss.v067.i01, eqs. 34 and 41).
    """
    q = data.q
    rows, cols = np.tril_indices(q)
    theta = np.asarray(theta, dtype=float)
    if theta.shape != (len(rows) + data.n_components,):
        raise ArgumentError(
            f"theta: must have shape ({len(rows) + data.n_components},); got {theta.shape}."
        )
    lam = np.zeros((q, q))
    lam[rows, cols] = theta[: len(rows)]
    psi, components = lam @ lam.T, theta[len(rows) :] ** 2
    unscaled = gls(data, CovarianceParameters(psi, components, 1.0))
    sigma2 = unscaled.quadratic / data.n_effective
    params = CovarianceParameters(sigma2 * psi, sigma2 * components, sigma2)
    at = gls(data, params)
    gradient = theta_gradient(data, params, lam, at)
    gradient[len(rows) :] *= np.where(theta[len(rows) :] < 0, -1.0, 1.0)
    return at.deviance, gradient


def theta_gradient(
    data: MixedData, params: CovarianceParameters, factor: FloatArray, fit: GlsFit | None = None
) -> FloatArray:
    """Return the gradient of the deviance in theta, for ``psi = sigma2 factor factor'``.

    Where sigma2 is at its optimum given theta its own derivative is zero, and that of the profiled
    deviance is ``d/dLambda = 2 sigma2 N Lambda``, with the symmetric gradient matrix N of psi, and
    ``d/dtheta_v = 2 sigma2 theta_v d/dtau_v``.
    """
    gradient = score(data, params, fit)
    rows, cols = np.tril_indices(data.q)
    n = np.zeros((data.q, data.q))
    n[rows, cols] = gradient[: len(rows)] / np.where(rows == cols, 1.0, 2.0)
    n = n + np.tril(n, -1).T
    inner = 2 * params.sigma2 * (n @ factor)[rows, cols]
    roots = np.sqrt(params.components / params.sigma2)
    return np.concatenate([inner, 2 * params.sigma2 * roots * gradient[len(rows) : -1]])
