"""Jacobians: derivatives of k functions by P parameters, and the few operations nodes need of them.

An array (B, k, P), one for each of B points. Where there are parameters by the thousand, of which a
row depends on few (the effects of clusters), it is a sparse matrix (k, P) instead, at one point; it
may have further columns, of effects that are no parameters of the fit (those of new clusters).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from pymargins._typing import FloatArray, IntArray

#: An array (B, k, P) or a sparse matrix (k, P).
Jacobian: TypeAlias = Any


def at_fit(jac: Jacobian) -> Jacobian:
    """Return the rows (k, P) at the first point."""
    return jac[0] if isinstance(jac, np.ndarray) else jac


def beside(first: FloatArray, others: Any, points: int) -> Jacobian:
    """Put derivatives by the first parameters, dense, and by all others, sparse, side by side.

    They are the same at all of so many points.
    """
    from scipy import sparse

    if points > 1:
        rows = np.hstack([first, others.toarray()])
        return np.broadcast_to(rows, (points, *rows.shape))
    return sparse.hstack([sparse.csr_array(first), others], format="csr")


def picked(jac: Jacobian, rows: IntArray) -> Jacobian:
    """Return some rows, in any order and as often as wanted."""
    return jac[:, rows] if isinstance(jac, np.ndarray) else jac[rows]


def stacked(parts: Sequence[Jacobian]) -> Jacobian:
    """Put rows one after the other."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts, axis=1)
    from scipy import sparse

    return sparse.vstack(_alike(parts), format="csr")


def combined(matrix: FloatArray, jac: Jacobian) -> Jacobian:
    """Multiply each block of as many rows as the matrix has columns from the left."""
    if isinstance(jac, np.ndarray):
        count, rows, width = jac.shape
        out = matrix @ jac.reshape(count, -1, matrix.shape[1], width)
        return out.reshape(count, -1, width) if rows else jac
    from scipy import sparse

    blocks = sparse.csr_array(sparse.identity(jac.shape[0] // matrix.shape[1]))
    return (sparse.kron(blocks, matrix, format="csr") @ jac).tocsr()


def scaled(jac: Jacobian, factors: FloatArray) -> Jacobian:
    """Multiply each row by its factor, (B, k)."""
    if isinstance(jac, np.ndarray):
        return factors[:, :, None] * jac
    from scipy import sparse

    return sparse.csr_array(sparse.diags(factors[0]) @ jac)


def times(jac: Jacobian, factor: float) -> Jacobian:
    """Multiply every row by a number."""
    return factor * jac


def added(first: Jacobian, second: Jacobian) -> Jacobian:
    """Add row by row."""
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        first, second = _alike([first, second])
    return first + second


def of_block(jac: Jacobian, where: slice | IntArray) -> FloatArray:
    """Return the derivatives by some parameters at the fit, (k, p)."""
    rows = at_fit(jac)[:, where]
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


def over_used(rows: Any) -> FloatArray:
    """Return rows (k, P) over the parameters that any of them depends on: (k, p)."""
    if isinstance(rows, np.ndarray):
        return rows
    return rows[:, used(rows)].toarray()


def used(rows: Any) -> IntArray:
    """Return the parameters that any of some sparse rows depends on."""
    return np.unique(rows.tocsr().indices).astype(np.intp)


def _alike(parts: Sequence[Jacobian]) -> list[Any]:
    """Make all sparse, of one width."""
    from scipy import sparse

    found: list[Any] = [sparse.csr_array(at_fit(part)) for part in parts]
    width = max(part.shape[1] for part in found)
    return [
        sparse.csr_array((one.data, one.indices, one.indptr), shape=(one.shape[0], width))
        for one in found
    ]
