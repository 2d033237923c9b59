"""Fit a linear mixed model by ML or REML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.errors import ModelError
from pymargins.mixed.likelihood import frames
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.least_squares import GlsFit, gls
from pymargins.mixed.likelihood.newton import minimise
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.profile import theta_gradient
from pymargins.mixed.likelihood.scaling import parameters, to_relative
from pymargins.mixed.likelihood.structure import MixedData

STARTS = (1.0, 0.3, 3.0)  # relative standard deviations of the random effects
EXPLAINED = 1e-13  # length of the least-squares residuals over that of the fitted values
SINGULAR = 1e-5  # a relative standard deviation, along any direction of Z, below this is zero


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
    """A fitted linear mixed model.

    Attributes
    ----------
    beta, cov : arrays
        Fixed effects and their covariance ``(X'V^-1 X)^-1``.
    params : CovarianceParameters
    theta : array
        Lower triangle of lme4's Lambda by rows, then the relative standard deviation of each
        component.
    loglik, deviance : float
        REML or ML, all constants included; ``deviance = -2 loglik``.
    singular : bool
        Whether the estimated covariance of the random effects lacks full rank.
    converged : bool
    iterations : int
    gradient : array
        Of the profiled deviance in theta.
    gls : GlsFit
        The same fixed effects with their working basis.
    """

    beta: FloatArray
    cov: FloatArray
    params: CovarianceParameters
    theta: FloatArray
    loglik: float
    deviance: float
    singular: bool
    converged: bool
    iterations: int
    gradient: FloatArray
    gls: GlsFit


def fit(data: MixedData, start: CovarianceParameters | None = None) -> MixedFit:
    """Fit by minimising the profiled deviance, from several starting points at once.

    A singular fit is an answer: the estimate is then exactly singular, and `singular` says so.

    Parameters
    ----------
    data : MixedData
    start : CovarianceParameters, optional
        A further starting point.
    """
    factors = GroupFactors.from_data(data)
    check_fittable(data)
    criterion = Batches.from_factors(factors).observed()
    places = frames.variance_places(data.q, data.n_components)
    starts = np.zeros((factors.n_parameters, len(STARTS)))
    starts[places] = np.square(STARTS)
    if start is not None:
        starts = np.column_stack([to_relative(factors, start), starts])
    found = minimise(criterion, starts)
    deviance = np.where(found.converged, found.deviance, np.inf)
    best = int(np.argmin(deviance if np.isfinite(deviance).any() else found.deviance))
    _, _, sigma2 = criterion.solve(criterion.evaluate(found.psi[:, [best]]))
    if not np.isfinite(sigma2[0]) or sigma2[0] <= 0:
        raise ModelError("The model leaves no residual variance: the likelihood is unbounded.")
    params = parameters(factors, found.psi[:, best], float(sigma2[0]))
    return _assemble(
        data,
        params,
        singular=bool(singular(found.psi[:, [best]], data.q)[0]),
        converged=bool(found.converged[best]),
        iterations=int(found.iterations[best]),
    )


def fit_at(data: MixedData, params: CovarianceParameters) -> MixedFit:
    """Return the fit at given variance parameters, without looking for better ones."""
    psi = to_relative(GroupFactors.from_data(data), params)
    return _assemble(
        data,
        params,
        singular=bool(singular(psi[:, None], data.q)[0]),
        converged=True,
        iterations=0,
    )


def check_fittable(data: MixedData) -> None:
    """Refuse models without random effects and ones with nothing left to estimate a variance."""
    if data.q + data.n_components == 0:
        raise ModelError("The model has no random effects: least squares is enough.")
    if data.n_rows <= data.rank:
        raise ModelError(
            f"The model has {data.rank} fixed effects for {data.n_rows} rows: "
            "nothing is left to estimate a variance."
        )
    if _explained(data):
        raise ModelError(
            "The fixed effects leave no residual variance: the likelihood is unbounded."
        )


def _explained(data: MixedData) -> bool:
    """Tell whether the residuals of least squares are rounding errors of y."""
    residual = data.rows[:, -1]
    kept = data.origin[data.kept]
    fitted = np.linalg.solve(data.basis[data.kept], kept)  # Q'y, as origin = T Q'y
    return bool(residual @ residual <= EXPLAINED**2 * (fitted @ fitted))


def singular(psi: FloatArray, q: int) -> BoolArray:
    """Tell which of the rescaled relative covariances (r, B) lie on the boundary."""
    t, _ = frames.open_frame(psi, q)
    places = frames.variance_places(q, len(psi) - q * (q + 1) // 2)
    return np.any(t[places] < SINGULAR, axis=0)


def _assemble(
    data: MixedData,
    params: CovarianceParameters,
    singular: bool,
    converged: bool,
    iterations: int,
) -> MixedFit:
    at = gls(data, params)
    return MixedFit(
        beta=at.beta,
        cov=at.cov,
        params=params,
        theta=params.theta,
        loglik=at.loglik,
        deviance=at.deviance,
        singular=singular,
        converged=converged,
        iterations=iterations,
        gradient=theta_gradient(data, params, params.relative_factor, at),
        gls=at,
    )
