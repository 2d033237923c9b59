"""Whether symmetric matrices commute, and the rotation that then makes them all diagonal."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray

COMMUTE = 1e-10  # off-diagonal entries left after the rotation, relative to the largest entry


def common_rotation(derivatives: FloatArray) -> FloatArray | None:
    """Return eigenvectors (S, rho, rho) common to all D_r (r, S, rho, rho), if there are any."""
    sizes = np.abs(derivatives).max(axis=(1, 2, 3), initial=0.0)
    if (sizes == 0).any():
        return None
    # Unrelated factors keep eigenvalues of the sum apart that differ in any one of the D_r.
    factors = 1 / np.sqrt(1.0 + np.arange(len(sizes)) * np.pi)
    mixed = np.tensordot(factors / sizes, derivatives, axes=(0, 0))
    _, rotation = np.linalg.eigh(mixed)
    turned = rotation.transpose(0, 2, 1) @ derivatives @ rotation
    k = np.arange(derivatives.shape[2])
    turned[:, :, k, k] = 0.0
    left = np.abs(turned).max(axis=(1, 2, 3))
    return rotation if (left <= COMMUTE * sizes).all() else None
