"""The variance parameters of a linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError


@dataclass(frozen=True, slots=True, eq=False)
class WorkingPsi:
    """A covariance over the columns ``Z basis``: that over Z is ``basis psi basis'``."""

    basis: FloatArray
    psi: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CovarianceParameters:
    """Variance parameters of ``y = X beta + Z b + sum_v C_v u_v + e``.

    ``V_i = sigma2 I + Z_i psi Z_i' + sum_v components[v] C_iv C_iv'``.  Nothing here or
    downstream inverts ``psi``, so a singular one is an ordinary value.

    Parameters
    ----------
    psi : (q, q) array
        Covariance of the correlated random effects, positive semi-definite; (0, 0) if there are
        none.
    components : (k,) array
        One variance, at least zero, per variance component.
    sigma2 : float
        Residual variance, greater than zero.
    working : WorkingPsi, optional
        The same psi over other columns of Z, where it has more digits: those that a fit was
        made in.
    """

    psi: FloatArray
    components: FloatArray
    sigma2: float
    working: WorkingPsi | None = None

    def __post_init__(self) -> None:
        psi = np.array(self.psi, dtype=float)
        if psi.size == 0:
            psi = psi.reshape(0, 0)
        psi = np.atleast_2d(psi)
        components = np.array(self.components, dtype=float).reshape(-1)
        sigma2 = float(self.sigma2)
        if psi.ndim != 2 or psi.shape[0] != psi.shape[1]:
            raise ArgumentError(f"psi: must be a square matrix; got shape {psi.shape}.")
        if not (np.isfinite(psi).all() and np.isfinite(components).all() and np.isfinite(sigma2)):
            raise ArgumentError("psi, components, sigma2: must be finite.")
        if sigma2 <= 0:
            raise ArgumentError(f"sigma2: must be greater than 0; got {sigma2!r}.")
        if (components < 0).any():
            raise ArgumentError(f"components: must be at least 0; got {components.tolist()}.")
        psi = (psi + psi.T) / 2
        if psi.size:
            low, high = np.linalg.eigvalsh(psi)[[0, -1]]
            if low < -1e-8 * max(high, 0.0):
                raise ArgumentError(
                    f"psi: must be positive semi-definite; its smallest eigenvalue is {low:.6g}."
                )
        psi.flags.writeable = False
        components.flags.writeable = False
        object.__setattr__(self, "psi", psi)
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "sigma2", sigma2)

    @property
    def relative_factor(self) -> FloatArray:
        """Lower-triangular ``Lambda`` with ``psi = sigma2 Lambda Lambda'``.

        It comes from an eigen-root, so that it exists for a singular ``psi`` where Cholesky does
        not; its diagonal is at least 0.
        """
        return lower_root(self.psi / self.sigma2)

    @property
    def theta(self) -> FloatArray:
        """Lower triangle of ``Lambda`` by rows, then ``sqrt(components / sigma2)``."""
        rows, cols = np.tril_indices(self.psi.shape[0])
        return np.concatenate(
            [self.relative_factor[rows, cols], np.sqrt(self.components / self.sigma2)]
        )

    @property
    def gamma(self) -> FloatArray:
        """``(lower triangle of psi by rows, components, sigma2)``; V is linear in them."""
        rows, cols = np.tril_indices(self.psi.shape[0])
        return np.concatenate([self.psi[rows, cols], self.components, [self.sigma2]])


def eigen_root(matrix: FloatArray) -> FloatArray:
    """Root ``E D^1/2`` of a positive semi-definite matrix ``E D E'``, singular or not."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.clip(values, 0.0, None))


def lower_root(matrix: FloatArray) -> FloatArray:
    """Lower-triangular root of a positive semi-definite matrix, singular or not.

    With ``matrix = E D E'`` and ``(E D^1/2)' = Q R`` the root is ``R'``, its columns signed to
    make the diagonal non-negative.
    """
    if matrix.shape[0] == 0:
        return np.zeros((0, 0))
    _, upper = np.linalg.qr(eigen_root(matrix).T)
    lower = upper.T
    return lower * np.where(np.diagonal(lower) < 0, -1.0, 1.0)
