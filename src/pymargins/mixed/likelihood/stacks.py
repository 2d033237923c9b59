"""Many small matrices at once, replicates last.

A stack of B matrices of shape (k, l) is an array (k, l, B).  One NumPy operation then works on the
same entry of all matrices, so that a Cholesky factorisation of a thousand 8 x 8 matrices costs some
dozens of vector operations, instead of a thousand LAPACK calls.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pymargins._typing import FloatArray, IntArray

# Beyond this many rows LAPACK and BLAS, one matrix at a time, are faster than vector operations.
MATMUL_FROM = 14


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the products of two stacks: (k, l, B) by (l, m, B) gives (k, m, B)."""
    if min(a.shape[0], a.shape[1], b.shape[1]) < MATMUL_FROM:
        return np.einsum("ikb,kjb->ijb", a, b)
    last = np.matmul(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0))
    return np.ascontiguousarray(np.moveaxis(last, 0, -1))


def cholesky(a: FloatArray) -> FloatArray:
    """Return lower factors; a matrix that is not positive definite gets NaN instead of an error."""
    k = a.shape[0]
    factor = np.zeros_like(a)
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(k):
            column = a[j:, j] - np.einsum("ikb,kb->ib", factor[j:, :j], factor[j, :j])
            factor[j, j] = np.sqrt(np.where(column[0] > 0, column[0], np.nan))
            factor[j + 1 :, j] = column[1:] / factor[j, j]
    return factor


def lower_inverse(factor: FloatArray) -> FloatArray:
    """Return the inverses of a stack of lower-triangular matrices."""
    inverse = np.zeros_like(factor)
    for i in range(factor.shape[0]):
        inverse[i, i] = 1 / factor[i, i]
        left = np.einsum("kb,kjb->jb", factor[i, :i], inverse[:i, :i])
        inverse[i, :i] = -left * inverse[i, i]
    return inverse


def inverse_and_log_det(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return inverses (k, k, ...) and log-determinants (...) of matrices that are at least I.

    Gauss-Jordan sweeps without pivoting, stable because every pivot is at least one.
    """
    k = a.shape[0]
    if k == 1:
        return 1 / a, np.log(a[0, 0])
    if k == 2:
        det = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
        inverse = np.empty_like(a)
        inverse[0, 0], inverse[1, 1] = a[1, 1] / det, a[0, 0] / det
        inverse[0, 1] = inverse[1, 0] = -a[0, 1] / det
        return inverse, np.log(det)
    inverse = a.copy()
    log_det = np.zeros(a.shape[2:])
    for i in range(k):
        pivot = inverse[i, i].copy()
        log_det += np.log(pivot)
        row = inverse[i] / pivot
        column = inverse[:, i].copy()
        inverse -= column[:, None] * row[None]
        inverse[i] = row
        inverse[:, i] = -column / pivot
        inverse[i, i] = 1 / pivot
    return inverse, log_det


@cache
def pack_index(k: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the lower triangle, row by row."""
    rows, cols = np.tril_indices(k)
    return rows, cols


def unpack(packed: FloatArray, k: int) -> FloatArray:
    """Turn packed lower triangles (k(k+1)/2, B) into symmetric matrices (k, k, B)."""
    rows, cols = pack_index(k)
    place = np.empty((k, k), dtype=np.intp)
    place[rows, cols] = place[cols, rows] = np.arange(len(rows))
    return packed[place]
