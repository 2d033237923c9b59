r"""Standard errors of predictions in every replicate of a bootstrap.

In a replicate with variance parameters of its own, the variance of ``k'beta + m'u`` is

``d'Phi d + m'Psi F m``,  ``d = k - X'V^-1 Z Psi m``,

with what makes it up formed for the groups that the rows depend on, many replicates at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.structure import GroupBlock, MixedData
from pymargins.mixed.prediction.columns import EffectColumns
from pymargins.mixed.prediction.shrinkage import Shrinkage
from pymargins.mixed.refits.refitter import MEMORY


@dataclass(frozen=True, slots=True, eq=False)
class ReplicateErrors:
    """Variances of predictions at the variance parameters of each of B replicates.

    Parameters
    ----------
    data : MixedData
    shrinkage : Shrinkage
        Of B replicates.
    cov : (B, p, p) array
        ``Phi`` of each.
    """

    data: MixedData
    shrinkage: Shrinkage
    cov: FloatArray

    def variances(self, rows: Any, replicates: slice = slice(None)) -> FloatArray:
        """Return the variances (b, k) of rows over (beta, u) in some replicates.

        Rows are sparse (k, p + W), the same in each replicate, or an array (b, k, p + W).
        """
        p, cov = self.cov.shape[1], self.cov[replicates]
        if isinstance(rows, np.ndarray):
            fixed, parts = rows[:, :, :p], tuple(_parts(self.data, rows[:, :, p:]))
        else:
            rows = sparse.csr_array(rows)
            fixed, parts = rows[:, :p].toarray()[None], tuple(_parts(self.data, rows[:, p:]))
        asked = _Asked(self.data, fixed, parts)
        return asked.variances(self.shrinkage.part(replicates), cov)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What rows depend on in the groups of one block: N pairs of a row and a group.

    Parameters
    ----------
    block : GroupBlock
    groups : (g,) int array
        The places in the block of the groups in use.
    row, group : (N,) int arrays
        The row of each pair, and its group among those in use.
    effects : (1 or b, N, m) array
        The row over the working effects of the group.
    """

    block: GroupBlock
    groups: IntArray
    row: IntArray
    group: IntArray
    effects: FloatArray

    @property
    def cells(self) -> int:
        """How many numbers a replicate takes."""
        m = self.block.layout.m
        return (4 * len(self.groups) + len(self.row)) * m * m


def _parts(data: MixedData, rows: Any) -> Iterator[_Part]:
    """Sort the effects that rows over u depend on by block and group."""
    columns = EffectColumns.of(data)
    of_block, of_group = (np.zeros(columns.size, dtype=np.intp) for _ in range(2))
    for b, block in enumerate(data.blocks):
        places = columns.of_block(block)
        group, column = np.nonzero(places >= 0)
        of_block[places[group, column]], of_group[places[group, column]] = b, group
    row, column = (rows != 0).any(axis=0).nonzero() if _dense(rows) else rows.nonzero()
    for b, block in enumerate(data.blocks):
        some = of_block[column] == b
        if not some.any():
            continue
        pairs = np.unique(np.stack([row[some], of_group[column[some]]]), axis=1).astype(np.intp)
        groups, group = np.unique(pairs[1], return_inverse=True)
        places = columns.of_block(block)[pairs[1]]
        effects = np.where(places >= 0, _picked(rows, pairs[0][:, None], places), 0.0)
        z = block.layout.z
        effects[:, :, z] = effects[:, :, z] @ data.z_basis
        yield _Part(block, groups, pairs[0], group.ravel(), effects)


def _dense(rows: Any) -> bool:
    return isinstance(rows, np.ndarray)


def _picked(rows: Any, row: IntArray, column: IntArray) -> FloatArray:
    """Return entries (1 or b, N, m) by their rows and columns."""
    if _dense(rows):
        return rows[:, row, column]
    flat = rows[np.broadcast_to(row, column.shape).ravel(), column.ravel()]
    return np.asarray(flat, dtype=float).reshape(1, *column.shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Rows: over the coefficients (1 or b, k, p), and over the effects by block."""

    data: MixedData
    fixed: FloatArray
    parts: tuple[_Part, ...]

    def variances(self, shrinkage: Shrinkage, cov: FloatArray) -> FloatArray:
        """Return the variances (B, k) in B replicates, some at a time."""
        size = self.fixed[0].size + sum(part.cells for part in self.parts)
        step = max(1, MEMORY // max(size, 1))
        chunks = [slice(i, i + step) for i in range(0, len(cov), step)]
        return np.concatenate([self._some(shrinkage, cov, chunk) for chunk in chunks])

    def _some(self, shrinkage: Shrinkage, cov: FloatArray, some: slice) -> FloatArray:
        data, shrinkage, cov = self.data, shrinkage.part(some), cov[some]
        fixed = _of(self.fixed, some) @ data.basis
        shape = (len(shrinkage), fixed.shape[1])
        out, d = np.zeros(shape), np.broadcast_to(fixed, (*shape, data.rank)).copy()
        for part in self.parts:
            layout, effects = part.block.layout, _of(part.effects, some)
            by = shrinkage.of_groups(part.block, part.groups)[:, part.group]
            shrunk = (by @ effects[..., None])[..., 0]
            zx = part.block.cross[part.groups, layout.random, layout.x][part.group]
            np.add.at(out.T, part.row, (shrunk * effects).sum(axis=2).T)
            np.add.at(d.swapaxes(0, 1), part.row, -np.einsum("bni,nir->nbr", shrunk, zx))
        # the covariance of the working coefficients, from that of the columns that are kept
        back = np.linalg.solve(data.basis[data.kept], np.eye(data.rank))
        phi = back @ cov[:, data.kept[:, None], data.kept] @ back.T
        return out * shrinkage.sigma2[:, None] + ((d @ phi) * d).sum(axis=2)


def _of(rows: FloatArray, some: slice) -> FloatArray:
    """Return the rows of some replicates, which may be the same in all."""
    return rows if len(rows) == 1 else rows[some]
