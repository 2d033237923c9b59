"""Rows of a population that are equal in all that is not pinned: they count once.

Once a grid pins age and treatment, the rows of a hundred thousand pupils differ in sex and school
only, so that an average over them is one over a dozen weighted rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import IntArray
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid

#: With fewer rows there is nothing to gain.
FEWEST = 2_000
#: A column whose sample holds more distinct values than this share of it is not counted.
SAMPLE, SHARE = 1_000, 0.6
#: Counted rows must be this many times fewer.
GAIN = 4
#: Joint codes up to this many times the rows are counted in a table, others by hashing.
TABLE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Distinct rows of a population with their weights, and the subgroup of each."""

    rows: Rows
    strata: Strata | None


def counted(rows: Rows, grid: Grid, strata: Strata | None, by_cluster: bool) -> Counted | None:
    """Count equal rows; None where that does not pay or cannot be told.

    Parameters
    ----------
    rows : Rows
    grid : Grid
        Whose pinned variables play no part.
    strata : Strata, optional
    by_cluster : bool
        Whether clusters are resampled, so that their rows stay apart.
    """
    if rows.n < FEWEST or grid.shifts or _opaque(rows):
        return None  # a shift is a function of the whole column
    apart = [strata] if strata is not None else []
    if by_cluster and rows.clusters is not None:
        apart.append(rows.clusters)
    if strata is not None:
        return _count(rows, grid, strata, apart)
    key = (frozenset(grid.pins), by_cluster)
    if key not in rows.counted:
        rows.counted[key] = _count(rows, grid, None, apart)
    return rows.counted[key]


def _opaque(rows: Rows) -> bool:
    """Tell whether a factor's value is known of rows, not of the values of its variables."""
    return any(f.opaque for design in rows.designs.values() for f in design.factors)


def _count(
    rows: Rows, grid: Grid, strata: Strata | None, apart: Sequence[Strata]
) -> Counted | None:
    codes = [_codes(rows, name) for name in rows.columns if name not in grid.pins]
    codes += [_of_numbers(offset) for offset in rows.offsets.values()]
    if any(code is None for code in codes):
        return None
    every = [*apart, *(code for code in codes if code is not None)]
    found = _joint(every, rows.n)
    if found is None:
        return None
    cell, first = found
    weights = np.bincount(cell, rows.weights, len(first)).astype(float)
    own = None if strata is None else Strata(strata.codes[first], strata.size)
    return Counted(rows.some(first, weights), own)


def _codes(rows: Rows, name: str) -> Strata | None:
    """Return a column as codes; None where it has too many values."""
    for role, design in rows.designs.items():
        for i, factor in enumerate(design.factors):
            if factor.direct and factor.levels is not None and factor.variables == (name,):
                return Strata(rows.value(role, i), len(factor.levels))
    column = rows.columns[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Strata(np.asarray(column.cat.codes), len(column.cat.categories))
    if pd.api.types.is_bool_dtype(column.dtype):
        return Strata(np.asarray(column, dtype=np.intp), 2)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _of_numbers(np.asarray(column))
    return Strata(*_factorized(np.asarray(column, dtype=object)))


def _of_numbers(values: Any) -> Strata | None:
    sample = values[:: max(1, len(values) // SAMPLE)]
    distinct = np.unique(sample)
    if len(distinct) > SHARE * len(sample):
        return None
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if high - low < len(values):
            return Strata(values - low, high - low + 1)
    return Strata(*_factorized(values))


def _factorized(values: Any) -> tuple[IntArray, int]:
    codes, uniques = pd.factorize(values)
    return codes, len(uniques)


def _joint(every: Sequence[Strata], n: int) -> tuple[IntArray, IntArray] | None:
    """Return the cell of each row and a row of each cell; None where there are too many."""
    joint, size = np.zeros(n, dtype=np.intp), 1
    for strata in every:
        if strata.size > 1:
            joint *= strata.size
            joint += strata.codes
            size *= strata.size
        if size > TABLE * n:
            joint, size = _factorized(joint)
            if size > n // GAIN:
                return None
    row = np.empty(size, dtype=np.intp)
    row.fill(-1)
    row[joint] = np.arange(n)
    present = np.flatnonzero(row >= 0)
    if len(present) > n // GAIN:
        return None
    place = np.empty(size, dtype=np.intp)
    place[present] = np.arange(len(present))
    return place[joint], row[present]
