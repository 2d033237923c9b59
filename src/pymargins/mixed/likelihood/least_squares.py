"""Generalised least squares, likelihood and score at given variance parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, NumericalError
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import ColumnLayout, GroupBlock, MixedData


@dataclass(frozen=True, slots=True, eq=False)
class GlsFit:
    """Fixed effects at given variance parameters.

    Attributes
    ----------
    beta : (p,) array
        ``Phi X'V^-1 y``; zero for columns of X that depend on earlier ones.
    cov : (p, p) array
        ``Phi = (X'V^-1 X)^-1``, lme4's ``vcov`` (rows of dependent columns are zero).
    loglik : float
        ML or REML log-likelihood with all constants, as lme4 and statsmodels print it.
    quadratic : float
        ``(y - X beta)'V^-1 (y - X beta)``.
    rank : int
    working_beta, working_cov : arrays
        The same in the basis of `MixedData`.
    """

    beta: FloatArray
    cov: FloatArray
    loglik: float
    quadratic: float
    rank: int
    working_beta: FloatArray
    working_cov: FloatArray

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return -2 * self.loglik


def gls(data: MixedData, params: CovarianceParameters) -> GlsFit:
    r"""Estimate fixed effects and the likelihood from the group cross-products.

    With ``M = I + Lambda'S_zz Lambda`` per group, ``V = sigma2 (I + Z Lambda Lambda'Z')`` and

    ``log|V| = n log sigma2 + sum log|M|``,
    ``A'V^-1 B = (S_AB - S_Az Lambda M^-1 Lambda'S_zB) / sigma2``,
    ``-2 loglik = n* log 2 pi + log|V| + (y - X beta)'V^-1 (y - X beta) [+ log|X'V^-1 X|]``,

    the bracket and ``n* = n - rank`` under REML, ``n* = n`` under ML (Bates, Maechler, Bolker &
    Walker 2015, doi:10.18637/jss.v067.i01, eqs. 34 and 41).
    """
    _check_shapes(data, params)
    params = data.working(params)
    total = np.zeros((data.rank + 1, data.rank + 1))
    log_det = data.n_rows * np.log(params.sigma2)
    for block in data.blocks:
        fixed = block.layout.fixed
        _, m, half = _weighted(block, params)
        solved = np.linalg.solve(m, half)
        total += (block.cross[:, fixed, fixed] - half.transpose(0, 2, 1) @ solved).sum(axis=0)
        log_det += float(2 * np.log(np.diagonal(np.linalg.cholesky(m), axis1=1, axis2=2)).sum())
    total /= params.sigma2
    xx, xy, yy = total[:-1, :-1], total[:-1, -1], total[-1, -1]
    beta, cov, log_det_x = _normal_equations(xx, xy)
    quadratic = float(yy - xy @ beta)
    minus_two = data.n_effective * np.log(2 * np.pi) + log_det + quadratic
    if data.reml:
        minus_two += log_det_x + data.log_det_basis
    return GlsFit(
        beta=data.coefficients(beta),
        cov=data.covariance(cov),
        loglik=-0.5 * float(minus_two),
        quadratic=quadratic,
        rank=data.rank,
        working_beta=beta,
        working_cov=cov,
    )


def score(data: MixedData, params: CovarianceParameters, fit: GlsFit | None = None) -> FloatArray:
    r"""Gradient of ``-2 loglik`` in ``(lower triangle of psi by rows, components, sigma2)``.

    With ``V = sum_r gamma_r G_r`` and ``P = V^-1 - V^-1 X Phi X'V^-1``,

    ``d(-2 loglik)/d gamma_r = tr(P G_r) - y'P G_r P y`` under REML, ``tr(V^-1 G_r)`` in place of
    the first term under ML.  The entry of sigma2 follows from the others, as V is homogeneous in
    gamma:
    ``sum_r gamma_r d_r = n* - y'P y``.  `fit` is ``gls(data, params)``, where that is known.
    """
    fit = gls(data, params) if fit is None else fit
    params = data.working(params)
    q = data.q
    inner = np.zeros((q, q))
    parts = np.zeros(data.n_components)
    contrast = np.concatenate([-fit.working_beta, [1.0]])
    for block in data.blocks:
        n = _random_gradient(block, params, contrast, fit.working_cov if data.reml else None)
        inner += n[block.layout.z, block.layout.z]
        diagonal = np.diagonal(n)
        parts += [diagonal[block.layout.component(v)].sum() for v in range(data.n_components)]
    explained = float((params.psi * inner).sum() + params.components @ parts)
    residual = (data.n_effective - fit.quadratic - explained) / params.sigma2
    back = np.linalg.solve(data.z_basis, np.eye(q))
    inner = back.T @ inner @ back
    rows, cols = np.tril_indices(q)
    by_psi = inner[rows, cols] * np.where(rows == cols, 1.0, 2.0)
    return np.concatenate([by_psi, parts, [residual]])


def _random_gradient(
    block: GroupBlock, params: CovarianceParameters, contrast: FloatArray, phi: FloatArray | None
) -> FloatArray:
    """Return ``sum_i Z'V^-1 Z - Z'V^-1 (e e' [+ X Phi X']) V^-1 Z`` over a block, (m, m)."""
    layout = block.layout
    lam, m, half = _weighted(block, params)
    zz = block.cross[:, layout.random, layout.random]
    left = zz @ lam
    inner = np.linalg.solve(m, np.concatenate([half, lam.T @ zz], axis=2))
    fixed = (
        block.cross[:, layout.random, layout.fixed] - left @ inner[:, :, : layout.rank + 1]
    ) / (params.sigma2)
    total = (zz - left @ inner[:, :, layout.rank + 1 :]).sum(axis=0) / params.sigma2
    residual = fixed @ contrast
    total -= residual.T @ residual
    if phi is not None:
        z_x = fixed[:, :, :-1]
        total -= np.tensordot(z_x @ phi, z_x, axes=([0, 2], [0, 2]))
    return total


def block_factor(layout: ColumnLayout, params: CovarianceParameters) -> FloatArray:
    """Return ``Lambda`` over all random-effects columns of a block, lower triangular."""
    lam = np.zeros((layout.m, layout.m))
    lam[layout.z, layout.z] = params.relative_factor
    for v, variance in enumerate(params.components):
        columns = np.arange(layout.m)[layout.component(v)]
        lam[columns, columns] = np.sqrt(variance / params.sigma2)
    return lam


def _weighted(
    block: GroupBlock, params: CovarianceParameters
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``Lambda``, ``M = I + Lambda'S_zz Lambda`` and ``Lambda'S_z[Q y]`` of a block."""
    layout = block.layout
    lam = block_factor(layout, params)
    m = np.eye(layout.m) + lam.T @ block.cross[:, layout.random, layout.random] @ lam
    return lam, m, lam.T @ block.cross[:, layout.random, layout.fixed]


def _normal_equations(xx: FloatArray, xy: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return beta, ``Phi`` and ``log|X'V^-1 X|``.  The basis is orthonormal, hence well scaled."""
    try:
        root = np.linalg.cholesky(xx)
    except np.linalg.LinAlgError as error:
        raise NumericalError(
            "model: at the variances where the fit stopped X'V^-1 X is singular in floating point, "
            "so that coefficients have no covariance. Random slopes on a variable that is far from "
            "zero, such as a day number, do this to optimisers: use polish=True, or centre the "
            "variable and refit."
        ) from error
    half = np.linalg.solve(root, np.eye(len(root)))
    cov = half.T @ half
    log_det = float(2 * np.log(np.diagonal(root)).sum())
    return half.T @ (half @ xy), cov, log_det


def _check_shapes(data: MixedData, params: CovarianceParameters) -> None:
    if params.psi.shape[0] != data.q or len(params.components) != data.n_components:
        raise ArgumentError(
            f"params: psi of shape {params.psi.shape} and {len(params.components)} components "
            f"do not fit a model with {data.q} random-effects columns and "
            f"{data.n_components} components."
        )
