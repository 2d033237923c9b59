"""The random effects of all groups in one vector u.

First the correlated effects, group by group, then each component's, all groups one after the other:
the order of `pymargins.mixed.likelihood.blups.RandomEffects`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.blups import RandomEffects
from pymargins.mixed.likelihood.structure import (
    GroupBlock,
    MixedData,
    RowBlock,
    component_widths,
)


@dataclass(frozen=True, slots=True, eq=False)
class EffectColumns:
    """Where the random effects of each group stand in u.

    Parameters
    ----------
    q : int
        Correlated effects a group.
    first : (G, k) int array
        Where each component's effects of a group start.
    widths : (G, k) int array
        How many they are.
    size : int
        W, the length of u.
    """

    q: int
    first: IntArray
    widths: IntArray
    size: int

    @classmethod
    def of(cls, data: MixedData) -> EffectColumns:
        """Give each random effect of a model its place."""
        widths = component_widths(data.components, data.n_groups)
        counts = widths.T.ravel()
        starts = data.n_groups * data.q + np.concatenate([[0], np.cumsum(counts)])
        first = starts[:-1].reshape(widths.T.shape).T.astype(np.intp)
        return cls(data.q, first, widths, int(starts[-1]))

    def of_block(self, block: GroupBlock | RowBlock) -> IntArray:
        """Return the place in u of each column of each group of a block, -1 for padding: (g, m)."""
        layout, groups = block.layout, block.groups
        out = np.full((len(groups), layout.m), -1, dtype=np.intp)
        out[:, layout.z] = groups[:, None] * self.q + np.arange(self.q)
        for v in range(self.widths.shape[1]):
            places = np.arange(layout.widths[v])
            own = self.first[groups, v, None] + places
            out[:, layout.component(v)] = np.where(places < self.widths[groups, v, None], own, -1)
        return out


def joined(effects: RandomEffects) -> FloatArray:
    """Put predicted random effects into one vector."""
    return np.concatenate([effects.b.ravel(), *effects.components])


def stacked_columns(parts: list[tuple[IntArray, FloatArray]], size: int) -> FloatArray:
    """Lay arrays (g, m, c) of blocks with their places (g, m) into rows of u: (W, c)."""
    width = parts[0][1].shape[2] if parts else 0
    out = np.zeros((size, width))
    for places, values in parts:
        kept = places >= 0
        out[places[kept]] = values[kept]
    return out


def block_diagonal(parts: list[tuple[IntArray, FloatArray]], size: int) -> sparse.csr_array:
    """Lay matrices (g, m, m) of groups with their places (g, m) on the diagonal: (W, W)."""
    rows: list[IntArray] = [np.zeros(0, dtype=np.intp)]
    columns: list[IntArray] = [np.zeros(0, dtype=np.intp)]
    values: list[FloatArray] = [np.zeros(0)]
    for places, matrices in parts:
        left = np.broadcast_to(places[:, :, None], matrices.shape)
        right = np.broadcast_to(places[:, None, :], matrices.shape)
        kept = (left >= 0) & (right >= 0) & (matrices != 0.0)
        rows.append(left[kept])
        columns.append(right[kept])
        values.append(matrices[kept])
    triple = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_array(triple, shape=(size, size))
