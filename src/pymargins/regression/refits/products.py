"""Matrix products so small that a BLAS leaves them to the calling thread.

Blocks of rows are short work. A BLAS that shares each of them among its threads waits for these
more than it gains, very much more on a machine that is busy; and replicates are shared out already.
"""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray

#: Multiplications of a product that OpenBLAS does not share out (its `SMP_THRESHOLD_MIN`, times 4).
ALONE = 262_144


def product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``left @ right``, some rows at a time."""
    out = np.empty((len(left), right.shape[1]))
    size = max(1, ALONE // max(right.size, 1))
    for start in range(0, len(left), size):
        np.matmul(left[start : start + size], right, out=out[start : start + size])
    return out


def weighted_product(
    columns: FloatArray, factor: FloatArray | float, rows: FloatArray
) -> FloatArray:
    """Return ``columns @ (factor * rows)``.

    Parameters
    ----------
    columns : ndarray, shape (k, m)
    factor : float or ndarray, shape (m, 1) or (m, b)
        What all replicates share is multiplied with the columns, which are fewer.
    rows : ndarray, shape (m, 1) or (m, b)
    """
    if np.ndim(factor) == 0 or np.shape(factor)[1] == 1:
        return product(columns * np.transpose(factor), rows)
    return product(columns, factor * rows)
