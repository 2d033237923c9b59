"""From groups to the criterion of a batch of replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.criterion import Criterion
from pymargins.mixed.likelihood.decoupling import View, view
from pymargins.mixed.likelihood.factors import NARROW, FactorBlock, GroupFactors
from pymargins.mixed.likelihood.layers import Layered
from pymargins.mixed.likelihood.moments import Collapsed, Moments, Spread, Wide, pair_products
from pymargins.mixed.likelihood.responses import Responses
from pymargins.mixed.likelihood.stacks import pack_index

CLASSES = 32  # at most so many classes of groups are summed beforehand
GROUPS_PER_CLASS = 4  # where fewer groups share a class, summing them beforehand gains nothing


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Makes criteria; what replicates share is computed once, here.

    Attributes
    ----------
    factors : GroupFactors
    within : (G, packed) array
        W_i; zero for groups in cells, whose sums hold all.
    views : tuple of View
        The blocks, split where their designs are balanced.
    pairs : tuple of arrays or None
        Products of their u, for the narrow ones.
    """

    factors: GroupFactors
    within: FloatArray
    views: tuple[View, ...]
    pairs: tuple[FloatArray | None, ...]

    @classmethod
    def from_factors(cls, factors: GroupFactors) -> Batches:
        """Pack what every replicate needs."""
        rows, cols = pack_index(factors.data.rank + 1)
        within = np.zeros((factors.data.n_groups, len(rows)))
        for block in factors.blocks:
            within[block.groups] = block.within[:, rows, cols]
        views = tuple(view(block) for block in factors.blocks)
        pairs = tuple(
            None if _kind(one.block) is Wide else pair_products(one.block.u) for one in views
        )
        return cls(factors, within, views, pairs)

    def weighted(self, weights: FloatArray) -> Criterion:
        """Return the criterion of replicates given by group weights (G, B).

        A group that is drawn twice counts as two groups, as it enters the likelihood twice.
        """
        data = self.factors.data
        parts = [
            _weighted(one.block, pairs, weights[one.block.groups], data.rank)
            for one, pairs in zip(self.views, self.pairs, strict=True)
        ]
        parts += [Layered.from_block(one, weights[one.groups].T) for one in self.factors.cells]
        rows = data.sizes @ weights
        return self._criterion(parts, self.within.T @ weights, rows)

    def responded(self, responses: Responses) -> Criterion:
        """Return the criterion of replicates given by responses.

        Only the products of the response change; they are matrix products with X and the Q_i.
        """
        data = self.factors.data
        rank = data.rank
        x = data.rows[:, data.q : data.q + rank]
        apart = responses
        if self.factors.cells:
            in_cells = np.concatenate([one.groups for one in self.factors.cells])
            apart = responses.without(data, in_cells)
        xy, yy = apart.cross(data, x), apart.squares(data)
        parts: list[Moments] = []
        for block, one, pairs in zip(self.factors.blocks, self.views, self.pairs, strict=True):
            u_y = responses.reduced(block)
            xy -= np.tensordot(block.u[:, :, :-1], u_y, axes=([1, 0], [0, 1]))
            yy -= np.einsum("jgb,jgb->b", u_y, u_y)
            parts.append(_responded(one.block, pairs, one.reduced(u_y), rank))
        for cells in self.factors.cells:
            known = Layered.from_block(cells, np.ones((1, len(cells.groups))))
            parts.append(known.responded(*responses.in_cells(data, cells)))
        fixed = self.within[:, : rank * (rank + 1) // 2].sum(axis=0)[:, None]
        xx = np.broadcast_to(fixed, (len(fixed), responses.n_replicates))
        return self._criterion(
            parts, np.concatenate([xx, xy, yy[None]]), np.array([float(data.n_rows)])
        )

    def observed(self) -> Criterion:
        """Return the criterion of the data as they are, a batch of one."""
        return self.weighted(np.ones((self.factors.data.n_groups, 1)))

    def _criterion(self, parts: list[Moments], within: FloatArray, rows: FloatArray) -> Criterion:
        data = self.factors.data
        return Criterion(
            parts=tuple(parts),
            within=within,
            n_effective=rows - (data.rank if data.reml else 0),
            q=data.q,
            n_components=data.n_components,
            rank=data.rank,
            reml=data.reml,
        )


def _kind(block: FactorBlock) -> type:
    groups, classes = len(block.groups), block.roots.shape[0]
    if block.roots.shape[1] > NARROW:
        return Wide
    if classes <= CLASSES and classes * GROUPS_PER_CLASS <= groups:
        return Collapsed
    return Spread


def _narrow_derivatives(block: FactorBlock, by_group: bool) -> FloatArray:
    """Return D_r as (r, rho, rho, S), or (r, rho, rho, G)."""
    found = block.derivatives.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(found[..., block.classes] if by_group else found)


def _weighted(
    block: FactorBlock, pairs: FloatArray | None, weights: FloatArray, rank: int
) -> Moments:
    kind = _kind(block)
    if kind is Wide or pairs is None:
        u = block.u[None]
        return Wide(block.derivatives, block.classes, u, np.ascontiguousarray(weights.T))
    if kind is Spread:
        return _spread(block, pairs, block.u[:, :, -1].T[:, :, None], weights, rank)
    classes, packed = block.roots.shape[0], pairs.shape[2]
    counts = np.empty((classes, weights.shape[1]))
    sums = np.empty((len(pairs), classes, packed, weights.shape[1]))
    for s in range(classes):
        members = np.flatnonzero(block.classes == s)
        own = weights[members]
        counts[s] = own.sum(axis=0)
        for place, pair in enumerate(pairs):
            np.matmul(pair[members].T, own, out=sums[place, s])
    return Collapsed(_narrow_derivatives(block, by_group=False), counts, sums)


def _responded(block: FactorBlock, pairs: FloatArray | None, u_y: FloatArray, rank: int) -> Moments:
    kind = _kind(block)
    replicates = u_y.shape[2]
    if kind is Wide or pairs is None:
        u = np.empty((replicates, *block.u.shape))
        u[..., :-1] = block.u[..., :-1]
        u[..., -1] = u_y.transpose(2, 1, 0)
        return Wide(block.derivatives, block.classes, u, np.ones((1, len(block.groups))))
    if kind is Spread:
        return _spread(block, pairs, u_y, np.ones((len(block.groups), 1)), rank)
    size = rank * (rank + 1) // 2
    classes = block.roots.shape[0]
    counts = np.bincount(block.classes, minlength=classes).astype(float)[:, None]
    sums = np.empty((len(pairs), classes, pairs.shape[2], replicates))
    rows, cols = pack_index(block.u.shape[1])
    for s in range(classes):
        members = np.flatnonzero(block.classes == s)
        x, y = block.u[members, :, :-1], u_y[:, members]
        for place, (j, k) in enumerate(zip(rows, cols, strict=True)):
            sums[place, s, :size] = pairs[place, members, :size].sum(axis=0)[:, None]
            xy = x[:, j].T @ y[k]
            yy = np.einsum("gb,gb->b", y[j], y[k])
            sums[place, s, size:-1] = xy if j == k else xy + x[:, k].T @ y[j]
            sums[place, s, -1] = yy if j == k else 2 * yy
    return Collapsed(_narrow_derivatives(block, by_group=False), counts, sums)


def _spread(
    block: FactorBlock, pairs: FloatArray, u_y: FloatArray, weights: FloatArray, rank: int
) -> Spread:
    size = rank * (rank + 1) // 2
    u_x = np.ascontiguousarray(block.u[:, :, :-1].transpose(1, 0, 2)).reshape(-1, rank)
    return Spread(
        derivatives=_narrow_derivatives(block, by_group=True),
        counts=weights,
        pairs=np.ascontiguousarray(pairs[:, :, :size]).reshape(-1, size),
        u_x=u_x,
        u_y=u_y,
    )
