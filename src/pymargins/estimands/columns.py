"""The table columns of combined rows: what the rows they are made of have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray, IntArray

Columns: TypeAlias = "Mapping[str, Sequence[Any]]"

#: The column that names what was compared.
CONTRAST = "contrast"
#: The column that names the variable whose slope or discrete changes rows are.
TERM = "term"


def in_common(columns: Columns, members: Sequence[IntArray]) -> dict[str, list[Any]]:
    """Keep the columns in which the members of every new row agree.

    Parameters
    ----------
    columns : mapping of str to sequence
        Of the rows that are combined.
    members : sequence of ndarray
        Which rows make each new one, at least one each.
    """
    first = np.array([rows[0] for rows in members], dtype=np.intp)
    every = np.concatenate(members) if len(members) else first
    starts = np.repeat(first, [len(rows) for rows in members])
    return _where_equal(columns, every, starts, first)


def in_common_of_blocks(columns: Columns, matrix: FloatArray) -> dict[str, list[Any]]:
    """Keep the columns in common where a matrix combines each block of as many rows."""
    members = [np.flatnonzero(weights) for weights in matrix]
    rows = max((len(values) for values in columns.values()), default=0)
    starts = range(0, rows, matrix.shape[1])
    return in_common(columns, [start + rows for start in starts for rows in members])


def in_common_of_pairs(columns: Columns, first: IntArray, second: IntArray) -> dict[str, list[Any]]:
    """Keep the columns in common to pairs of rows."""
    return _where_equal(columns, first, second, first)


def shared(a: Columns, b: Columns) -> dict[str, list[Any]]:
    """Keep the columns in which two sets of rows agree, row by row."""
    both = {name: [*a[name], *b[name]] for name in a if name in b}
    size = len(next(iter(both.values()), [])) // 2
    rows = np.arange(size)
    return _where_equal(both, rows, rows + size, rows)


def with_contrast(columns: Columns, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Add the column that names what was compared, in place of an older one."""
    return {**columns, CONTRAST: list(names)}


def with_effect(columns: Columns, size: int, term: str, change: str | None = None) -> Columns:
    """Add what each row is a slope or discrete change of.

    A variable that is called as one of these columns gives way, as one that is set twice does.

    Parameters
    ----------
    columns : mapping of str to sequence
    size : int
        The number of rows.
    term : str
        The variable.
    change : str, optional
        What is compared, ``"B - A"``; empty for a slope among discrete changes.
    """
    added = {TERM: [term] * size}
    if change is not None:
        added[CONTRAST] = [change] * size
    return {**{f"at_{k}" if k in added else k: v for k, v in columns.items()}, **added}


def _where_equal(
    columns: Columns, one: IntArray, other: IntArray, kept: IntArray
) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for name, values in columns.items():
        codes = pd.factorize(pd.Series(list(values), dtype=object), use_na_sentinel=False)[0]
        if name != CONTRAST and np.array_equal(codes[one], codes[other]):
            out[name] = [values[i] for i in kept]
    return out
