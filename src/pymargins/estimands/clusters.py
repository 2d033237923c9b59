r"""Averages over a population whose rows keep their own clusters.

The average of :math:`x'\beta + z'u_\ell` is linear in the coefficients and in the effects of the
levels that have rows: within a subgroup, level :math:`\ell` enters with the average of its own
rows' z times its share of the weight.  A row depends on few of the effects, so that the matrix of
an average is sparse in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray, IntArray
from pymargins.estimands.chunks import Chunk
from pymargins.estimands.columns import Columns
from pymargins.estimands.design_sums import DesignSums
from pymargins.estimands.jacobians import beside
from pymargins.estimands.nodes import Evaluated, Node
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid, average
from pymargins.estimands.shifts import shifted
from pymargins.models.clusters import EFFECTS, ClusterMean, ClusterTerm
from pymargins.models.parameters import Point
from pymargins.models.random_part import RANDOM


@dataclass(frozen=True, eq=False)
class Effects(Node):
    """Random effects themselves, by their places among those of all levels.

    Parameters
    ----------
    places : ndarray, shape (k,)
    size : int
        W, the number of all effects.
    labels : tuple of str
    columns : mapping of str to sequence
    """

    places: IntArray
    size: int
    labels: tuple[str, ...]
    columns: Columns

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return True

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Pick."""
        value = point.block(EFFECTS)[:, self.places]
        if not gradient:
            return value, None
        from scipy import sparse

        k = len(self.places)
        ones = (np.ones(k), (np.arange(k), self.places))
        random = sparse.csr_array(sparse.coo_array(ones, shape=(k, self.size)))
        return value, beside(np.zeros((k, point.width - self.size)), random, len(point))


class ClusterSums:
    """Weighted sums of the rows of both designs: of the coefficients and of the random effects.

    Parameters
    ----------
    grid : Grid
        S scenarios.
    mean : ClusterMean
    slope : str, optional
        The variable to differentiate by.
    """

    def __init__(self, grid: Grid, mean: ClusterMean, slope: str | None = None) -> None:
        self.grid = grid
        self.mean = mean
        self.slope = slope
        self.fixed = DesignSums(grid, mean.predictor.role, slope)
        self.random: Any = None

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        self.fixed.add(chunk)
        self._add_random(self._of_effects(chunk))

    def empty(self) -> ClusterSums:
        """Return the same of no rows."""
        return ClusterSums(self.grid, self.mean, self.slope)

    def join(self, other: ClusterSums) -> None:
        """Add the sums over other rows, where new clusters may have other numbers."""
        self.fixed.join(other.fixed)
        self._add_random(self._renumbered(other))

    def _renumbered(self, other: ClusterSums) -> Any:
        from scipy import sparse

        mean = self.mean
        if other.mean is mean or other.random.shape[1] == mean.size:
            return other.random.copy()
        numbers = mean.newcomers.numbers(other.mean.newcomers)
        effects = np.arange(mean.stride)
        new = mean.size + (numbers[:, None] * mean.stride + effects).ravel()
        places = np.concatenate([np.arange(mean.size), new])
        found: Any = sparse.coo_array(other.random)
        columns = places[found.col]
        shape = (found.shape[0], int(places.max()) + 1)
        return sparse.csr_array(sparse.coo_array((found.data, (found.row, columns)), shape=shape))

    def _add_random(self, new: Any) -> None:
        """Add what effects are multiplied with; wider where clusters are new."""
        if self.random is None:
            self.random = new
            return
        width = max(self.random.shape[1], new.shape[1])
        for part in (self.random, new):
            part.resize((part.shape[0], width))
        self.random = self.random + new

    def _of_effects(self, chunk: Chunk) -> Any:
        """Return sums by subgroup and scenario of what multiplies each effect, sparse (R S, W)."""
        from scipy import sparse

        rows, mean, grid = chunk.rows, self.mean, self.grid
        entries = _Entries(grid.size)
        for keys in dict.fromkeys(term.keys for term in mean.terms):
            cells = _cells(rows, chunk.strata, grid, keys)
            mass = rows.totals(cells.strata)[:, None, None]
            z = mass * average(rows, grid, cells.strata, self.slope, RANDOM)
            for term in mean.terms:
                if term.keys == keys:
                    entries.add(cells.subgroup, _places(mean, term, cells), z[:, :, term.columns])
        found = entries.joined()
        width = max(mean.size, int(found[1].max(initial=-1)) + 1)
        shape = (chunk.subgroups * grid.size, width)
        return sparse.csr_array(sparse.coo_array((found[2], found[:2]), shape=shape))

    @property
    def averages(self) -> tuple[FloatArray, Any]:
        """What coefficients (k, p) and effects, sparse (k, W or more), are multiplied with.

        Further columns are effects of new clusters.
        """
        from scipy import sparse

        whole = np.repeat(self.fixed.weight.ravel(), self.grid.size)
        return self.fixed.averages, sparse.csr_array(sparse.diags(1.0 / whole) @ self.random)


def _places(mean: ClusterMean, term: ClusterTerm, cells: _Cells) -> IntArray:
    """Return where the effects of each cell's level start under each scenario, (C, S)."""
    places = term.found(term.codes(cells.values))
    for cell, scenario in np.argwhere(places < 0).tolist():
        level = tuple(values[cell, scenario] for values in cells.values)
        places[cell, scenario] = mean.new_place(term, level)
    return places


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Rows of one subgroup that agree in what tells their level, as far as no scenario sets it.

    Parameters
    ----------
    strata : Strata or None
        The cell of each row.
    subgroup : ndarray, shape (C,)
    values : list of ndarray, shape (C, S)
        Of each key of the level.
    """

    strata: Strata | None
    subgroup: IntArray
    values: list[Any]


class _Entries:
    """The entries of a sparse matrix whose rows are subgroups and, within them, scenarios."""

    def __init__(self, scenarios: int) -> None:
        self.scenarios = scenarios
        self.rows: list[IntArray] = [np.zeros(0, dtype=np.intp)]
        self.columns: list[IntArray] = [np.zeros(0, dtype=np.intp)]
        self.values: list[FloatArray] = [np.zeros(0)]

    def add(self, subgroup: IntArray, places: IntArray, values: FloatArray) -> None:
        """Add values (C, S or 1, c) at effects that start at places (C, S)."""
        shape = (*places.shape, values.shape[2])
        rows = subgroup[:, None] * self.scenarios + np.arange(self.scenarios)
        self.rows.append(np.broadcast_to(rows[:, :, None], shape).ravel())
        self.columns.append((places[:, :, None] + np.arange(shape[2])).ravel())
        self.values.append(np.broadcast_to(values, shape).ravel())

    def joined(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return rows, columns and values of all entries but zeros."""
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        values = np.concatenate(self.values)
        kept = values != 0.0
        return rows[kept], columns[kept], values[kept]


def _cells(rows: Rows, strata: Strata | None, grid: Grid, keys: tuple[str, ...]) -> _Cells:
    """Split rows by subgroup and by the keys that no scenario sets."""
    columns = {key: _column(rows, grid, key) for key in keys if key not in grid.pins}
    cell = np.zeros(rows.n, dtype=np.intp) if strata is None else strata.codes.astype(np.intp)
    for column in columns.values():
        codes, seen = pd.factorize(column)
        cell = cell * len(seen) + codes
    first, split = np.zeros(1, dtype=np.intp), None
    if columns or strata is not None:
        of_row, present = pd.factorize(cell)  # numbered as they come
        split = Strata(of_row.astype(np.intp), len(present))
        first = np.empty(len(present), dtype=np.intp)
        first[of_row[::-1]] = np.arange(rows.n)[::-1]
    subgroup = first * 0 if strata is None else strata.codes[first].astype(np.intp)
    shape = (len(first), grid.size)
    values = [
        _objects(columns[key].iloc[first])[:, None] if key in columns else _objects(grid.pins[key])
        for key in keys
    ]
    return _Cells(split, subgroup, [np.broadcast_to(each, shape) for each in values])


def _column(rows: Rows, grid: Grid, key: str) -> Any:
    if key in grid.shifts:
        return shifted(rows, key, grid.shifts[key])
    return rows.columns[key]


def _objects(column: Any) -> Any:
    return np.asarray(column, dtype=object)
