"""Predicted random effects and the residuals that go with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.least_squares import GlsFit, block_factor
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData


@dataclass(frozen=True, slots=True, eq=False)
class RandomEffects:
    """Best linear unbiased predictions, and what they leave.

    Attributes
    ----------
    b : (G, q) array
        Correlated random effects, over the columns of Z.
    working_b : (G, q) array
        The same over its working columns.
    components : tuple of (K_v,) arrays
        Effects of each component, all groups one after the other, in the order of `owners`.
    owners : tuple of (K_v,) int arrays
        Group of each of these effects.
    marginal, conditional : (n,) arrays
        ``y - X beta`` and ``y - X beta - Z b - sum_v C_v u_v``, rows sorted as in `MixedData.rows`.
    """

    b: FloatArray
    working_b: FloatArray
    components: tuple[FloatArray, ...]
    owners: tuple[np.ndarray, ...]
    marginal: FloatArray
    conditional: FloatArray


def random_effects(data: MixedData, params: CovarianceParameters, fit: GlsFit) -> RandomEffects:
    """Predict the random effects of every group.

    ``b = Psi Z'V^-1 (y - X beta) = Lambda M^-1 Lambda'Z'(y - X beta)``, ``M = I + Lambda'Z'Z
    Lambda`` (Henderson 1975, doi:10.2307/2529430), valid for a singular Psi.
    """
    params = data.working(params)
    contrast = np.concatenate([-fit.working_beta, [1.0]])
    marginal = data.rows[:, data.q :] @ contrast
    conditional = marginal.copy()
    b = np.zeros((data.n_groups, data.q))
    effects: list[dict[int, FloatArray]] = [{} for _ in range(data.n_components)]
    for block in data.blocks:
        layout = block.layout
        lam = block_factor(layout, params)
        m = np.eye(layout.m) + lam.T @ block.cross[:, layout.random, layout.random] @ lam
        right = block.cross[:, layout.random, layout.fixed] @ contrast @ lam
        predicted = np.linalg.solve(m, right[:, :, None])[:, :, 0] @ lam.T
        b[block.groups] = predicted[:, layout.z]
        for v in range(data.n_components):
            own = predicted[:, layout.component(v)]
            for place, group in enumerate(block.groups.tolist()):
                effects[v][group] = own[place, : data.components[v][group].shape[1]]
    conditional -= fitted_effects(data, b[:, :, None], [_joined(one) for one in effects])[:, 0]
    owners = tuple(
        np.repeat(np.arange(data.n_groups), [part.shape[1] for part in parts])
        for parts in data.components
    )
    own = b @ data.z_basis.T
    return RandomEffects(
        own, b, tuple(_joined(one) for one in effects), owners, marginal, conditional
    )


def fitted_effects(data: MixedData, b: FloatArray, components: list[FloatArray]) -> FloatArray:
    """Return ``Z b + sum_v C_v u_v`` (n, B), rows sorted.

    ``b`` is (G, q, B), over the working columns of Z; each of `components` (K_v,) or (K_v, B), all
    groups one after the other.
    """
    codes = data.sorted_groups
    total = np.zeros((data.n_rows, b.shape[2]))
    for j in range(data.q):
        total += data.rows[:, j, None] * b[codes, j]
    if not data.n_components:
        return total
    ends = [np.cumsum([part.shape[1] for part in parts]) for parts in data.components]
    for block in data.row_blocks():
        for place, group in enumerate(block.groups.tolist()):
            rows = slice(data.starts[group], data.starts[group] + data.sizes[group])
            for v, u in enumerate(components):
                design = block.rows[place][:, block.layout.component(v)]
                stop = int(ends[v][group])
                own = u[stop - design.shape[1] : stop]
                total[rows] += design @ (own if own.ndim == 2 else own[:, None])
    return total


def _joined(effects: dict[int, FloatArray]) -> FloatArray:
    """Put effects in the order of the groups' codes."""
    return np.concatenate([effects[group] for group in sorted(effects)])
