r"""The random effects of a mixed model: their design, and the variance that they give a row.

.. math::

    v = z'\Psi z + \sum_c \tau_c |z_c|^2 + \sigma^2,

where the design row of the role ``"random"`` is :math:`(z, z_1, \ldots, z_C)`: the effects that
vary together from group to group, then what each variance component multiplies. The variance is
linear in :math:`\gamma` = (lower triangle of :math:`\Psi` by rows, :math:`\tau`,
:math:`\sigma^2`), the parameters ``"gamma"``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.models.design import Design

RANDOM = "random"


@dataclass(frozen=True, slots=True, eq=False)
class RandomPart:
    """What varies between groups, as a function of the variables.

    Parameters
    ----------
    design : Design
        Its first `effects` columns are those that vary together, the others belong to variance
        components.
    values : tuple of ndarray
        Each factor of the design on the rows of the fit.
    effects : int
        q, the number of effects that vary together.
    owners : tuple of int
        Which component each further column belongs to, 0 to C - 1.
    components : int
        C, the number of variance components.
    """

    design: Design
    values: tuple[AnyArray, ...]
    effects: int
    owners: tuple[int, ...] = ()
    components: int = 0

    @property
    def size(self) -> int:
        """The number of variance parameters, that of the residual included."""
        return self.effects * (self.effects + 1) // 2 + self.components + 1

    def forms(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the variance by gamma at design rows (..., c): (..., R)."""
        out = np.zeros((*z.shape[:-1], self.size))
        rows, columns = np.tril_indices(self.effects)
        for r, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            out[..., r] = (1.0 if i == j else 2.0) * z[..., i] * z[..., j]
        for k, owner in enumerate(self.owners):
            out[..., len(rows) + owner] += np.square(z[..., self.effects + k])
        out[..., -1] = 1.0
        return out

    def moved_forms(self, z: FloatArray, slope: FloatArray) -> FloatArray:
        """Return the derivative of `forms` where z moves by `slope`: (..., R)."""
        z, slope = np.broadcast_arrays(z, slope)
        out = np.zeros((*z.shape[:-1], self.size))
        rows, columns = np.tril_indices(self.effects)
        for r, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            both = slope[..., i] * z[..., j] + z[..., i] * slope[..., j]
            out[..., r] = both if i == j else 2.0 * both
        for k, owner in enumerate(self.owners):
            at = self.effects + k
            out[..., len(rows) + owner] += 2.0 * z[..., at] * slope[..., at]
        return out
