r"""What the error of predicting ``k'beta + m'u`` is made of, cluster by cluster.

With ``A = Z'V^-1 X``, ``H = Z'V^-1 Z``, ``F = I - H Psi`` and ``d = k - X'V^-1 Z Psi m``,

``k'beta^ + m'u^ - k'beta - m'u = d'(beta^ - beta) - m'w``,  ``cov w = Psi F``

and w is independent of beta^ (Henderson 1975, doi:10.2307/2529430). With ``y = Phi d`` and
``e = A y - F m`` the derivatives by the variance parameters, ``V = sum_r gamma_r G_r``,
``G_r = Z B_r Z'``, are

``h_r = dM/dgamma_r = e'B_r e``,  for sigma2 ``|V^-1 (X y + Z Psi m)|^2``,
``q_r = d(weights of y)/dgamma_r = -Z B_r e``,  for sigma2 ``-V^-1 (X y + Z Psi m)``,

and ``g3 = sum_rs W_rs q_r'P q_s`` is what their estimation adds (Kackar & Harville 1984,
doi:10.1080/01621459.1984.10477102; Harville & Jeske 1992, doi:10.1080/01621459.1992.10475274). All
are quadratic forms of (y, m) whose part in m is block diagonal by group. With ``m = 0`` they are
Kenward and Roger's. As in `pymargins.mixed.small_samples.derivatives`, ``F = (I + S Psi)^-1`` with
relative Psi and ``S = Z'Z``, so that nothing inverts Psi and no digits cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import ColumnLayout, MixedData
from pymargins.mixed.prediction.columns import EffectColumns, block_diagonal, stacked_columns
from pymargins.mixed.small_samples.derivatives import (
    Pairs,
    VarianceDerivatives,
    derivative_pairs,
    in_orthogonal_basis,
    orthogonal_scale,
    relative_covariance,
)


@dataclass(frozen=True, slots=True, eq=False)
class PredictionForms:
    """Quadratic forms of prediction errors, at given variance parameters.

    The correlated effects are those of orthogonal columns of Z, ``u = inverse changed``.

    Attributes
    ----------
    columns : EffectColumns
    change : sparse (W, W) array
        From rows over u to rows over the changed effects.
    psi : (m, m) array
        Covariance of the effects of a new group and of one level of each component, changed.
    new_change : (m, m) array
        From rows over these to rows over the changed ones.
    new_curves : R - 1 arrays (m, m)
        Derivatives of `psi`.
    projection : (W, rank) array
        ``Psi A``: ``d = k - projection'm``.
    within : (W, W) sparse array
        ``Psi F``.
    slopes : (R, W, rank) array
        ``F'B_r A``, for sigma2 ``-Psi Z'V^-2 X``.
    curves : R sparse (W, W) arrays
        ``F'B_r F``, for sigma2 ``Psi Z'V^-2 Z Psi``.
    """

    columns: EffectColumns
    change: Any
    psi: FloatArray
    new_change: FloatArray
    new_curves: tuple[FloatArray, ...]
    projection: FloatArray
    within: Any
    slopes: FloatArray
    curves: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EstimationForms:
    """What ``sum_rs W_rs q_r'V^-1 q_s`` is of (y, m): y'own y + 2 m'cross y + m'within m."""

    own: FloatArray
    cross: FloatArray
    within: Any


def prediction_forms(
    data: MixedData, params: CovarianceParameters, pieces: VarianceDerivatives
) -> PredictionForms:
    """Form what the variance of predictions and its derivatives are made of."""
    columns, scale = EffectColumns.of(data), orthogonal_scale(data)
    params = data.working(params)
    change = data.z_basis @ np.linalg.solve(scale, np.eye(data.q))
    new = ColumnLayout(data.q, (1,) * data.n_components, data.rank)
    within: list[tuple[IntArray, FloatArray]] = []
    projection: list[tuple[IntArray, FloatArray]] = []
    slopes: list[list[tuple[IntArray, FloatArray]]] = [[] for _ in range(pieces.n_parameters)]
    curves: list[list[tuple[IntArray, FloatArray]]] = [[] for _ in range(pieces.n_parameters)]
    for group in _groups(data, params, columns, scale):
        places, f, psi = group.places, group.f, group.psi
        within.append((places, symmetric(psi @ f) * params.sigma2))
        projection.append((places, psi @ group.a))
        for r, pair in enumerate(group.pairs):
            slopes[r].append((places, _turned(f) @ _picked(pair, group.a) / params.sigma2))
            curves[r].append((places, symmetric(_turned(f) @ _picked(pair, f))))
        slopes[-1].append((places, -psi @ group.a2 / params.sigma2))
        curves[-1].append((places, symmetric(psi @ group.h2 @ psi)))
    size = columns.size
    return PredictionForms(
        columns=columns,
        change=_change(columns, change, data.n_groups),
        psi=relative_covariance(new, params, scale) * params.sigma2,
        new_change=_of_correlated(change, new.m),
        new_curves=tuple(_picked(p, np.eye(new.m)[None])[0] for p in derivative_pairs(new)),
        projection=stacked_columns(projection, size),
        within=block_diagonal(within, size),
        slopes=np.stack([stacked_columns(parts, size) for parts in slopes]),
        curves=tuple(block_diagonal(parts, size) for parts in curves),
    )


def estimation_forms(
    data: MixedData, params: CovarianceParameters, pieces: VarianceDerivatives, w: FloatArray
) -> EstimationForms:
    """Form what the estimation of the variance parameters, of covariance W, adds.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
    pieces : VarianceDerivatives
    w : (R, R) array
        Over the parameters of `pieces`.
    """
    columns, scale, sigma2 = EffectColumns.of(data), orthogonal_scale(data), params.sigma2
    params = data.working(params)
    cross: list[tuple[IntArray, FloatArray]] = []
    within: list[tuple[IntArray, FloatArray]] = []
    for group in _groups(data, params, columns, scale):
        f, psi, a, h2 = group.f, group.psi, group.a / sigma2, group.h2 / sigma2**2
        n = np.zeros_like(f)
        for r, pair in enumerate(group.pairs):
            weighted = sum(
                (w[r, s] * _turned(_picked(other, group.h)) for s, other in enumerate(group.pairs)),
                np.zeros_like(f),
            )
            n += _picked(pair, weighted) / sigma2
        shared = sum(
            (w[r, -1] * _picked(pair, f) for r, pair in enumerate(group.pairs)), np.zeros_like(f)
        )
        by_a = sum(
            (w[r, -1] * _picked(pair, a) for r, pair in enumerate(group.pairs)), np.zeros_like(a)
        )
        explained = sigma2 * psi @ h2
        mixed = _turned(shared) @ _turned(explained)
        h3, a3 = f @ group.h2 / sigma2**3, f @ group.a2 / sigma2**3
        inner = _turned(f) @ n @ f - mixed - _turned(mixed)
        within.append((group.places, symmetric(inner + w[-1, -1] * sigma2**2 * psi @ h3 @ psi)))
        by_y = explained @ by_a - _turned(f) @ n @ a - _turned(shared) @ group.a2 / sigma2**2
        cross.append((group.places, by_y + w[-1, -1] * sigma2 * psi @ a3))
    return EstimationForms(
        own=symmetric(np.einsum("rs,rsab->ab", w, pieces.second)),
        cross=stacked_columns(cross, columns.size),
        within=block_diagonal(within, columns.size),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Groups of one layout: places (g, m), relative Psi (m, m), and F, H, A, H2, A2 of each.

    H, A and what has a 2 (another factor F) are for sigma2 = 1.
    """

    places: IntArray
    pairs: list[Pairs]
    psi: FloatArray
    f: FloatArray
    h: FloatArray
    a: FloatArray
    h2: FloatArray
    a2: FloatArray


def _groups(
    data: MixedData, params: CovarianceParameters, columns: EffectColumns, scale: FloatArray
) -> list[_Groups]:
    inverse = np.linalg.solve(scale, np.eye(data.q))
    fixed = np.eye(data.rank + 1)[:, :-1]
    found: list[_Groups] = []
    for block in data.blocks:
        psi = relative_covariance(block.layout, params, scale)
        zz, zx, _ = in_orthogonal_basis(block.cross, block.layout, inverse, fixed)
        f = np.linalg.inv(np.eye(block.layout.m) + zz @ psi)
        h, a = symmetric(f @ zz), f @ zx
        places = columns.of_block(block)
        pairs = derivative_pairs(block.layout)
        found.append(_Groups(places, pairs, psi, f, h, a, f @ h, f @ a))
    return found


def _change(columns: EffectColumns, inverse: FloatArray, groups: int) -> Any:
    z = np.arange(groups * columns.q).reshape(groups, columns.q)
    others = np.arange(groups * columns.q, columns.size)[:, None]
    parts = [
        (z, np.broadcast_to(inverse, (groups, *inverse.shape))),
        (others, np.ones((len(others), 1, 1))),
    ]
    return block_diagonal(parts, columns.size)


def _of_correlated(inverse: FloatArray, size: int) -> FloatArray:
    out = np.eye(size)
    out[: len(inverse), : len(inverse)] = inverse
    return out


def _picked(pairs: Pairs, matrices: FloatArray) -> FloatArray:
    """Return ``B_r`` times matrices (g, m, c)."""
    out = np.zeros_like(matrices)
    for i, j in pairs:
        out[:, i] += matrices[:, j]
    return out


def _turned(matrices: FloatArray) -> FloatArray:
    return matrices.swapaxes(-1, -2)


def symmetric(matrices: FloatArray) -> FloatArray:
    """Take away what rounding makes asymmetric."""
    return (matrices + matrices.swapaxes(-1, -2)) / 2.0
