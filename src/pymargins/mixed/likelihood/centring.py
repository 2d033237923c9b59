"""Columns less their means, where the constant is among their combinations.

A day number near 738,000 is the constant for six of its digits, and its square for twelve.  Where
the constant is a combination ``X c = 1`` of other columns, taking ``mean(x_j) X c`` off column j
changes neither what the columns span nor, of random effects, any covariance of the rows: it is a
linear change of the effects.
"""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray

#: How far a combination may be from the constant ...
SAME = 1e-9
#: ... and the share of a column, in it, below which the column takes no part.
NO_PART = 1e-7


def centring_change(columns: FloatArray) -> FloatArray:
    """Return C (k, k), of determinant one, with ``columns @ C`` centred.

    Columns that make up the constant stay as they are, and so do all where there is none.
    """
    k = columns.shape[1]
    change = np.eye(k)
    constant = _constant(columns)
    if constant is None:
        return change
    means = np.where(constant == 0, columns.mean(axis=0), 0.0)
    return change - np.outer(constant, means)


def _constant(columns: FloatArray) -> FloatArray | None:
    """Return c (k,) with ``columns @ c = 1``, of few columns; None if there is no such c."""
    n, k = columns.shape
    if n == 0 or k == 0:
        return None
    flat = np.flatnonzero((columns == columns[0]).all(axis=0) & (columns[0] != 0))
    if len(flat):
        return np.eye(k)[flat[0]] / columns[0, flat[0]]
    # columns that vary most about their mean first: the near-constant ones are to be centred
    size = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    spread = columns.std(axis=0) / np.where(size > 0, size, 1.0)
    order = np.argsort(-spread, kind="stable")
    for count in range(2, k + 1):
        some = order[:count]
        found = np.zeros(k)
        found[some] = np.linalg.lstsq(columns[:, some], np.ones(n), rcond=None)[0]
        found[np.abs(found) * size < NO_PART * np.sqrt(n)] = 0.0
        if np.abs(columns @ found - 1).max() < SAME:
            return found
    return None
