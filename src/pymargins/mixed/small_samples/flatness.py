r"""Directions of the variance parameters that the likelihood does not tell.

The expected information is scaled by what it would be if the coefficients were known, which is
:math:`\tfrac12 \operatorname{tr} V^{-1}G_rV^{-1}G_r`. A direction without information is flat:
saturated group effects, groups of one row, as many random effects as rows in a group. Along it the
optimiser stays where it started. The fixed part does not mind where GLS does not change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives

#: Information below this share of what it would be with known coefficients is none ...
FLAT = 1e-8
#: ... and a variance that changes by less than this share along a flat direction does not change.
UNCHANGED = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class FlatDirections:
    """What is flat.

    Attributes
    ----------
    count : int
        The number of flat directions.
    touched : (p,) bool array
        The coefficients whose variance changes along them.
    """

    count: int
    touched: BoolArray


def flat_directions(data: MixedData, pieces: VarianceDerivatives) -> FlatDirections:
    """Find the flat directions at the variance parameters of `pieces`."""
    size = np.sqrt(np.maximum(np.diagonal(pieces.traces) / 2.0, 1e-300))
    values, vectors = np.linalg.eigh(pieces.expected / np.outer(size, size))
    flat = vectors[:, values < FLAT] / size[:, None]
    touched = np.zeros(len(data.basis), dtype=bool)
    variance = np.diagonal(data.covariance(pieces.fit.working_cov))
    for direction in flat.T:
        change = data.covariance(np.tensordot(direction, pieces.gradients, 1))
        touched |= np.abs(np.diagonal(change)) > UNCHANGED * variance
    return FlatDirections(flat.shape[1], touched)
