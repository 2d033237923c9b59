r"""Averages over a population whose rows keep their own clusters.

The average of :math:`x'\beta + z'u_\ell` is linear in the coefficients and in the effects of the
levels that have rows: within a subgroup, level :math:`\ell` enters with the average of its own
rows' z times its share of the weight.  A row depends on few of the effects, so that the matrix of
an average is sparse in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray, IntArray
from pymargins.estimands.columns import Columns
from pymargins.estimands.jacobians import beside
from pymargins.estimands.nodes import Evaluated, Node
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid, average, shift
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

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Pick."""
        value = point.block(EFFECTS)[:, self.places]
        if not gradient:
            return value, None
        from scipy import sparse

        k = len(self.places)
        ones = (np.ones(k), (np.arange(k), self.places))
        random = sparse.csr_array(sparse.coo_array(ones, shape=(k, self.size)))
        return value, beside(np.zeros((k, point.width - self.size)), random)


def effects_of(
    population: Iterable[tuple[Rows, Strata | None]],
    grid: Grid,
    mean: ClusterMean,
    slope: str | None = None,
) -> Any:
    """Return what averages multiply each random effect with.

    Parameters
    ----------
    population : iterable of (Rows, Strata or None)
        R subgroups in each.
    grid : Grid
        S scenarios.
    mean : ClusterMean
    slope : str, optional
        The variable to differentiate by.

    Returns
    -------
    sparse array, shape (R S, W) or wider
        Further columns are effects of new clusters.
    """
    from scipy import sparse

    chunks = list(population)
    whole = sum((rows.totals(strata) for rows, strata in chunks), np.zeros(1))
    entries = _Entries(grid.size)
    for rows, strata in chunks:
        for keys in dict.fromkeys(term.keys for term in mean.terms):
            cells = _cells(rows, strata, grid, keys)
            z = average(rows, grid, cells.strata, slope, RANDOM)
            mass = rows.totals(cells.strata)
            share = mass / whole[cells.subgroup]
            z = share[:, None, None] * np.where(mass[:, None, None] > 0, z, 0.0)
            for term in mean.terms:
                if term.keys == keys:
                    entries.add(cells.subgroup, _places(mean, term, cells), z[:, :, term.columns])
    found = entries.joined()
    width = max(mean.size, int(found[1].max(initial=-1)) + 1)
    shape = (len(whole) * grid.size, width)
    return sparse.csr_array(sparse.coo_array((found[2], found[:2]), shape=shape))


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
        return shift(rows.variables[key], grid.shifts[key], rows.columns[key], rows.n)
    return rows.columns[key]


def _objects(column: Any) -> Any:
    return np.asarray(column, dtype=object)
