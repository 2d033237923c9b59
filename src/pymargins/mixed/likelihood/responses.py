"""New responses of many replicates, and their products with what the replicates share.

`RowResponses` has a value per row and replicate.  `GroupMultiples` has one value per row, and each
replicate multiplies the rows of a group by one number, so that the products of each group are
formed once, and a replicate costs what groups cost, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.cells import CellBlock
from pymargins.mixed.likelihood.factors import FactorBlock
from pymargins.mixed.likelihood.structure import MixedData


class Responses(Protocol):
    """Responses y of B replicates, rows sorted as in `MixedData.rows`."""

    @property
    def n_replicates(self) -> int:
        """B."""
        ...

    def take(self, index: IntArray) -> Responses:
        """Return those of some of the replicates."""
        ...

    def without(self, data: MixedData, groups: IntArray) -> Responses:
        """Return the same, zero in some groups."""
        ...

    def cross(self, data: MixedData, left: FloatArray) -> FloatArray:
        """Return ``left'y`` (k, B) of left (n, k)."""
        ...

    def squares(self, data: MixedData) -> FloatArray:
        """Return ``y'y`` (B,)."""
        ...

    def reduced(self, block: FactorBlock) -> FloatArray:
        """Return ``Q_i'y`` (rho, G, B)."""
        ...

    def by_group(self, block: FactorBlock, left: FloatArray) -> FloatArray:
        """Return ``left_i'y_i`` (B, G, k) of left (n, k)."""
        ...

    def in_cells(
        self, data: MixedData, block: CellBlock
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what `CellBlock.reduced` does."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowResponses:
    """A value per row and replicate: ``values`` (n, B)."""

    values: FloatArray

    @property
    def n_replicates(self) -> int:
        """B."""
        return self.values.shape[1]

    def take(self, index: IntArray) -> RowResponses:
        """See `Responses`."""
        return RowResponses(self.values[:, index])

    def without(self, data: MixedData, groups: IntArray) -> RowResponses:
        """See `Responses`."""
        inside = np.isin(data.sorted_groups, groups)[:, None]
        return RowResponses(np.where(inside, 0.0, self.values))

    def cross(self, data: MixedData, left: FloatArray) -> FloatArray:
        """See `Responses`."""
        return left.T @ self.values

    def squares(self, data: MixedData) -> FloatArray:
        """See `Responses`."""
        return np.einsum("nb,nb->b", self.values, self.values)

    def reduced(self, block: FactorBlock) -> FloatArray:
        """See `Responses`."""
        found = np.zeros((block.u.shape[1], len(block.groups), self.n_replicates))
        for rows in block.rows:
            own = rows.q.transpose(0, 2, 1) @ self.values[rows.index]
            found[: rows.q.shape[2], rows.place] = own.transpose(1, 0, 2)
        return found

    def by_group(self, block: FactorBlock, left: FloatArray) -> FloatArray:
        """See `Responses`."""
        found = np.empty((self.n_replicates, len(block.groups), left.shape[1]))
        for rows in block.rows:
            own = left[rows.index].transpose(0, 2, 1) @ self.values[rows.index]
            found[:, rows.place] = own.transpose(2, 0, 1)
        return found

    def in_cells(
        self, data: MixedData, block: CellBlock
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Responses`."""
        return block.reduced(data, self.values)


@dataclass(frozen=True, slots=True, eq=False)
class GroupMultiples:
    """One value per row, times one number per group and replicate.

    Attributes
    ----------
    values : (n,) array
    multiples : (G, B) array
    """

    values: FloatArray
    multiples: FloatArray

    @property
    def n_replicates(self) -> int:
        """B."""
        return self.multiples.shape[1]

    def take(self, index: IntArray) -> GroupMultiples:
        """See `Responses`."""
        return replace(self, multiples=self.multiples[:, index])

    def without(self, data: MixedData, groups: IntArray) -> GroupMultiples:
        """See `Responses`."""
        multiples = self.multiples.copy()
        multiples[groups] = 0.0
        return replace(self, multiples=multiples)

    def cross(self, data: MixedData, left: FloatArray) -> FloatArray:
        """See `Responses`."""
        order, starts = _runs(data)
        sums = np.add.reduceat(left * self.values[:, None], starts, axis=0)
        return sums.T @ self.multiples[order]

    def squares(self, data: MixedData) -> FloatArray:
        """See `Responses`."""
        order, starts = _runs(data)
        return np.add.reduceat(self.values**2, starts) @ self.multiples[order] ** 2

    def reduced(self, block: FactorBlock) -> FloatArray:
        """See `Responses`."""
        return self._once.reduced(block) * self.multiples[block.groups]

    def by_group(self, block: FactorBlock, left: FloatArray) -> FloatArray:
        """See `Responses`."""
        return self._once.by_group(block, left) * self.multiples[block.groups].T[:, :, None]

    def in_cells(
        self, data: MixedData, block: CellBlock
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Responses`."""
        u_y, left_y, yy = self._once.in_cells(data, block)
        own = self.multiples[block.groups].T
        return u_y * own[:, :, None, None], left_y * own[:, :, None], yy * own**2

    @property
    def _once(self) -> RowResponses:
        return RowResponses(self.values[:, None])


def _runs(data: MixedData) -> tuple[IntArray, IntArray]:
    """Return the groups in the order of the sorted rows, and the first row of each."""
    order = np.argsort(data.starts)
    return order, data.starts[order]
