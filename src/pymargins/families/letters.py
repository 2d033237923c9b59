"""The compact letter display: rows that share a letter do not differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pymargins._typing import AnyArray


def letter_columns(differs: AnyArray) -> AnyArray:
    r"""Return the fewest columns of letters that the algorithm finds, one row each.

    Two rows share a letter if and only if they do not differ. Columns are made by inserting the
    differences one by one, absorbing columns that lie within others, and sweeping letters that say
    nothing new.

    Parameters
    ----------
    differs : ndarray of bool, shape (k, k)
        Symmetric: whether two rows differ significantly.

    Returns
    -------
    ndarray of bool, shape (k, c)
        Whether a row has a letter; columns in the order of their first rows.

    References
    ----------
    Piepho, H.-P. (2004). An algorithm for a letter-based representation of all-pairwise
    comparisons. *Journal of Computational and Graphical Statistics* 13, 456-466.
    doi:10.1198/1061860043515
    """
    size = len(differs)
    columns = [frozenset(range(size))]
    for i, j in combinations(range(size), 2):
        if differs[i, j]:
            columns = _absorbed(_inserted(columns, i, j))
    columns = _swept(columns)
    columns.sort(key=sorted)
    return np.array([[i in column for column in columns] for i in range(size)], dtype=bool)


def _inserted(columns: list[frozenset[int]], i: int, j: int) -> list[frozenset[int]]:
    """Split every column that two rows share although they differ."""
    out: list[frozenset[int]] = []
    for column in columns:
        out += [column - {i}, column - {j}] if {i, j} <= column else [column]
    return out


def _absorbed(columns: list[frozenset[int]]) -> list[frozenset[int]]:
    """Drop columns that lie within others, and empty ones."""
    distinct = [column for column in dict.fromkeys(columns) if column]
    return [c for c in distinct if not any(c < other for other in distinct)]


def _swept(columns: list[frozenset[int]]) -> list[frozenset[int]]:
    """Take away letters whose every pair is told by another column.

    A row keeps one letter: with itself it makes a pair, too.
    """
    left = list(columns)
    for k, column in enumerate(columns):
        for row in sorted(column):
            others = left[:k] + left[k + 1 :]
            pairs = [{row, other} for other in left[k]]
            if all(any(pair <= one for one in others) for pair in pairs):
                left[k] = left[k] - {row}
    return [column for column in left if column]


def letter(number: int) -> str:
    """Return the name of a column: ``"a"`` to ``"z"``, then ``"A"`` to ``"Z"``, then ``"a1"``."""
    names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    turn, place = divmod(number, len(names))
    return names[place] + (str(turn) if turn else "")
