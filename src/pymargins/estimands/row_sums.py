"""Weighted sums of functions of rows, chunk by chunk, and the averages they make.

Means of designs alone are formed for all scenarios at once, in coordinates that no scenario
touches, and rows that are equal in all that is not pinned count once. Any other mean visits the
rows scenario by scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import NumericalError
from pymargins.estimands.chunks import Chunk
from pymargins.estimands.coordinates import Batch
from pymargins.estimands.equal_rows import counted
from pymargins.estimands.multiples import Multiples, joined, multiples
from pymargins.estimands.nodes import Evaluated
from pymargins.estimands.quantities import Quantity
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid, Scenes
from pymargins.models.means import LinearMean, PredictorMean
from pymargins.models.parameters import Point
from pymargins.models.row_values import OnDesign, RowValues, weighted_sum
from pymargins.models.spread import IntegratedMean

#: Numbers held at once while rows are visited: few, to stay in the cache, at a single point.
CELLS, CELLS_OF_MANY = 400_000, 4_000_000
MOST_ROWS, FEWEST_ROWS = 32_768, 64
#: Points times scenarios times outcomes that are formed together.
TOGETHER = 512
#: Means that depend on a row through its designs and offsets alone.
OF_DESIGNS = (LinearMean, PredictorMean, IntegratedMean)
#: Subgroups that have rows in a part, with these rows.
Members: TypeAlias = "list[tuple[int, slice | IntArray]]"


class RowSums:
    """Weighted sums of some functions of rows.

    Parameters
    ----------
    quantities : sequence of Quantity
        With as many outcomes each.
    grid : Grid
    point : Point
    gradient : bool
    """

    def __init__(
        self, quantities: Sequence[Quantity], grid: Grid, point: Point, gradient: bool
    ) -> None:
        self.quantities = quantities
        self.grid = grid
        self.point = point
        self.gradient = gradient
        self.outcomes = len(quantities[0].outcomes)
        self.value: FloatArray = np.zeros(())
        self.jacobian: FloatArray = np.zeros(())
        self.weight: FloatArray = np.zeros(())

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        rows, strata = chunk.rows, chunk.strata
        of_designs = all(type(q.mean) in OF_DESIGNS for q in self.quantities)
        if of_designs:
            found = counted(rows, self.grid, strata, self.point.weights is not None)
            rows, strata = (found.rows, found.strata) if found else (rows, strata)
        size = strata.size if strata else 1
        shape = (len(self.quantities), len(self.point), size, self.grid.size, self.outcomes)
        sums = _Sums(shape, self.point if self.gradient else None)
        weight = np.zeros((1 if self._fixed(rows) else len(self.point), size))
        if of_designs and Batch.can(rows, self.grid):
            one = self.quantities[0] if len(self.quantities) == 1 else None
            found = None if one is None else multiples(rows, self.grid, self.point, one)
            if found is not None:
                self._add_multiples(found, strata, sums)
            else:
                self._add_batches(rows, strata, sums)
        else:
            self._add_scenes(rows, strata, sums)
        for part in self._parts(rows, 1):
            weights = self._weights(rows, part)
            for r, members in _members(strata, part):
                weight[:, r] += weights[members].sum(axis=0)
        self.value = self.value + sums.value
        if sums.jacobian is not None:
            self.jacobian = self.jacobian + sums.jacobian
        self.weight = self.weight + weight

    def empty(self) -> RowSums:
        """Return the same of no rows."""
        return RowSums(self.quantities, self.grid, self.point, self.gradient)

    def join(self, other: RowSums) -> None:
        """Add the sums over other rows."""
        self.value = self.value + other.value
        self.jacobian = self.jacobian + other.jacobian
        self.weight = self.weight + other.weight

    # --- all scenarios at once -----------------------------------------------------------------

    def _add_batches(self, rows: Rows, strata: Strata | None, sums: _Sums) -> None:
        variables = list(dict.fromkeys(v for q in self.quantities for v in q.variables))
        count = max(1, TOGETHER // (len(self.point) * self.outcomes))
        for start in range(0, self.grid.size, count):
            some = slice(start, min(start + count, self.grid.size))
            batch = Batch(rows, self.grid.part(some), variables, self.point)
            cells = sum(design.width for design in batch.designs.values())
            cells += 4 * len(self.point) * batch.grid.size * self.outcomes
            for part in self._parts(rows, cells):
                self._add_part_of_batch(batch, part, strata, sums, some)

    def _add_part_of_batch(
        self, batch: Batch, part: slice, strata: Strata | None, sums: _Sums, some: slice
    ) -> None:
        weights = self._weights(batch.rows, part)
        if weights.shape[1] > 1:
            weights = np.repeat(weights, batch.grid.size, axis=1)
        shape = (len(self.point), batch.grid.size, self.outcomes)
        rows, members = batch.part(part), _members(strata, part)
        for k, quantity in enumerate(self.quantities):
            found = quantity.at(rows, batch.repeated, self.gradient)
            for r, chosen in members:
                value = weighted_sum(weights[chosen], found.value[chosen])
                sums.value[k, :, r, some] += value.reshape(shape)
                for term in found.gradient:
                    total = term.total(weights, chosen)
                    if isinstance(term, OnDesign):
                        total = batch.gradient(term.role, term.variable, total)
                    sums.add_gradient(k, r, some, term.block, total.reshape(*shape, -1))

    def _add_multiples(self, found: Multiples, strata: Strata | None, sums: _Sums) -> None:
        """Visit the rows under the first scenario, and multiply."""
        first, size = found.first, found.groups.size
        split = joined(strata, found.groups)
        cells = sum(design.width for design in first.designs.values()) + 4 * len(self.point)
        for part in self._parts(first.rows, cells):
            weights = self._weights(first.rows, part)
            values = self.quantities[0].at(first.part(part), self.point, self.gradient)
            for cell, chosen in _members(split, part):
                r, group = divmod(cell, size)
                value = weighted_sum(weights[chosen], values.value[chosen])[:, 0]
                mass = weights[chosen].sum(axis=0)
                sums.value[0, :, r, :, 0] += found.values(value, mass, group)
                for term in values.gradient:
                    total = term.total(weights, chosen)
                    total = found.gradient(term, total, value, mass, group)
                    sums.add_gradient(0, r, slice(None), term.block, total)

    # --- scenario by scenario ------------------------------------------------------------------

    def _add_scenes(self, rows: Rows, strata: Strata | None, sums: _Sums) -> None:
        scenes = Scenes(rows, self.grid)
        cells = len(self.point) * self.outcomes
        cells += max(len(design.names) for design in rows.designs.values())
        parts = list(self._parts(rows, cells))
        for s in range(self.grid.size):
            scene = scenes.scene(s)
            for part in parts:
                of_scene, members = scene.part(part), _members(strata, part)
                weights = self._weights(rows, part)
                for k, quantity in enumerate(self.quantities):
                    found = quantity.at(of_scene, self.point, self.gradient)
                    self._add_rows(found, weights, members, sums, k, s)

    def _add_rows(
        self, found: RowValues, weights: FloatArray, members: Members, sums: _Sums, k: int, s: int
    ) -> None:
        for r, chosen in members:
            sums.value[k, :, r, s] += weighted_sum(weights[chosen], found.value[chosen])
            for term in found.gradient:
                total = term.total(weights, chosen)
                sums.add_gradient(k, r, slice(s, s + 1), term.block, total[:, None])

    # --- rows and their weights ----------------------------------------------------------------

    def _parts(self, rows: Rows, cells: int) -> Iterator[slice]:
        most = CELLS if len(self.point) == 1 else CELLS_OF_MANY
        size = int(np.clip(most // cells, FEWEST_ROWS, MOST_ROWS))
        for start in range(0, rows.n, size):
            yield slice(start, min(start + size, rows.n))

    def _fixed(self, rows: Rows) -> bool:
        """Tell whether rows weigh the same at every point: no replicate resamples them."""
        return self.point.weights is None or rows.clusters is None

    def _weights(self, rows: Rows, part: slice) -> FloatArray:
        """Return row weights (m, 1), or (m, B) where replicates resample the rows."""
        size = part.stop - part.start
        own = np.ones((size, 1)) if rows.weights is None else rows.weights[part][:, None]
        if self._fixed(rows):
            return own
        assert self.point.weights is not None
        assert rows.clusters is not None
        return own * self.point.weights[:, rows.clusters.codes[part]].T

    def averages(self, gradient: bool) -> Evaluated:
        """Return the averages, functions outermost, and where asked for their Jacobians."""
        count = len(self.point)
        if len(self.weight) > 1:
            for column in self.weight.T:
                require_rows(column)
        value = self.value / self.weight[None, :, :, None, None]
        value = np.moveaxis(value, 0, 1).reshape(count, -1)
        if not gradient:
            return value, None
        jac = self.jacobian / self.weight[None, :, :, None, None, None]
        return value, np.moveaxis(jac, 0, 1).reshape(count, -1, self.point.width)


class _Sums:
    """Sums of one chunk: by function, point, subgroup, scenario, outcome (and parameter)."""

    def __init__(self, shape: tuple[int, ...], point: Point | None) -> None:
        self.value = np.zeros(shape)
        self.blocks = {} if point is None else point.blocks
        self.jacobian = None if point is None else np.zeros((*shape, point.width))

    def add_gradient(self, k: int, r: int, some: slice, block: str, total: FloatArray) -> None:
        """Add derivatives by one block, (B, S, J, c)."""
        assert self.jacobian is not None
        self.jacobian[k, :, r, some, :, self.blocks[block]] += total


def _members(strata: Strata | None, part: slice) -> Members:
    """List the subgroups that have rows in a part, with these rows."""
    if strata is None:
        return [(0, slice(None))]
    codes = strata.codes[part]
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    return list(zip(present.tolist(), np.split(order, starts[1:]), strict=True))


def require_rows(weight: FloatArray) -> None:
    """Raise where a replicate holds no row of a subgroup."""
    if (weight == 0).any():
        raise NumericalError(
            f"over: {int((weight == 0).sum())} of {len(weight)} bootstrap replicates hold no "
            "row of one of the subgroups. Hold the population fixed: "
            'Bootstrap(population="fixed").'
        )
