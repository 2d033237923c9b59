"""Which columns of a design matrix are combinations of others.

One rule serves all who ask.  With columns of length one and ``X = Q R``, a column is redundant
where less than `REDUNDANT` of it is left once the earlier ones are projected out, ``|R_jj|``.
Columns are judged from left to right, so that the one dropped is the one a reader would call
redundant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray

REDUNDANT = 1e-9  # share of a column; raw calendar years leave 1e-5 of year**2
# Least eigenvalue of X'X, relative to the largest, above which the rank is not in doubt.
SOUND = 1e-8
INVOLVED = 1e-7  # a smaller entry of a direction of the null space is rounding
ROWS_AT_A_TIME = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRank:
    """Independent and redundant columns of a design.

    Attributes
    ----------
    kept : (rank,) int array
        Columns that are not combinations of earlier ones.
    null_space : (p, d) array
        Directions of the coefficients that the design does not determine, ``X null_space = 0``;
        ``d = p - rank``.
    """

    kept: IntArray
    null_space: FloatArray


def column_rank(x: FloatArray) -> ColumnRank:
    """Judge the columns of a finite design (n, p).

    X'X has the squares of X's singular values, so it shows at once that a design is sound, but not
    that it is deficient: with raw calendar years, ``year + year**2`` leaves a ratio of 1e-12 in it.
    Then X itself is asked, by an orthogonal decomposition.
    """
    cross = np.asarray(x.T @ x, dtype=float)
    lengths = np.sqrt(np.diagonal(cross))
    size = np.where(lengths > 0, lengths, 1.0)
    spectrum = np.linalg.eigvalsh(cross / np.outer(size, size))
    if len(size) == 0 or spectrum[0] > SOUND * spectrum[-1]:
        return ColumnRank(np.arange(len(size)), np.empty((len(size), 0)))
    root = _triangle(x, size)
    kept = _independent(root, lengths > 0)
    return ColumnRank(np.flatnonzero(kept), _null_space(root, kept) / size[:, None])


def _triangle(x: FloatArray, size: FloatArray) -> FloatArray:
    """Return R of ``X / size``, some rows at a time."""
    root = np.zeros((len(size), len(size)))
    for start in range(0, len(x), ROWS_AT_A_TIME):
        rows = x[start : start + ROWS_AT_A_TIME] / size
        root = np.asarray(np.linalg.qr(np.vstack([root, rows]), mode="r"))
    return root


def _independent(root: FloatArray, kept: BoolArray) -> BoolArray:
    """Drop redundant columns one at a time, which keeps the judgement of the later ones clean."""
    kept = kept.copy()
    while True:
        columns = np.flatnonzero(kept)
        left = np.abs(np.diagonal(np.linalg.qr(root[:, columns], mode="r")))
        redundant = np.flatnonzero(left < REDUNDANT)
        if len(redundant) == 0:
            return kept
        kept[columns[redundant[0]]] = False


def _null_space(root: FloatArray, kept: BoolArray) -> FloatArray:
    """Return orthonormal directions in which each redundant column takes its combination's place.

    A coefficient that takes no part gets an exact zero.
    """
    q, r = np.linalg.qr(root[:, kept])
    directions = np.zeros((len(root), int((~kept).sum())))
    directions[~kept] = np.eye(directions.shape[1])
    directions[kept] = -np.linalg.solve(r, q.T @ root[:, ~kept])
    directions, _ = np.linalg.qr(directions)
    return np.where(np.abs(directions) < INVOLVED, 0.0, directions)
