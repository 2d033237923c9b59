"""Equivalence: two one-sided tests.

References
----------
Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach
for assessing the equivalence of average bioavailability. *Journal of Pharmacokinetics and
Biopharmaceutics* 15, 657-680. doi:10.1007/BF01068419
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError
from pymargins.estimands.nodes import Estimand
from pymargins.families.adjustment import Adjustment
from pymargins.inference.distributions import ratio
from pymargins.inference.uncertainty import Uncertainty


@dataclass(frozen=True, slots=True)
class TwoOneSided:
    """Two one-sided tests of each row, on the session's scale.

    Parameters
    ----------
    statistic_low, statistic_high : ndarray, shape (k,)
        Distances from the bounds in standard errors.
    p_low, p_high : ndarray
        Against being at the lower bound or below it, and at the upper one or above it.
    p_value : ndarray
        The larger of the two, adjusted where asked for.
    ends : tuple of ndarray
        The (1 - 2 alpha) intervals: inside the bounds where ``p_value < alpha``.
    """

    statistic_low: FloatArray
    statistic_high: FloatArray
    p_low: FloatArray
    p_high: FloatArray
    p_value: FloatArray
    ends: tuple[FloatArray, FloatArray]


def two_one_sided(
    inference: Uncertainty,
    estimand: Estimand,
    bounds: tuple[FloatArray, FloatArray],
    alpha: float,
    adjustment: Adjustment | None,
) -> TwoOneSided:
    """Test every row against both of its bounds, given on the session's scale."""
    if not alpha < 0.5:
        raise ArgumentError(
            f"level: equivalence uses intervals at 1 - 2 alpha, which a level of {1 - alpha:g} "
            "does not leave; it must be above 0.5."
        )
    low, high = bounds
    error = inference.std_error(estimand)
    value = inference.value(estimand)
    p_low = inference.p_value(estimand, low, "greater")
    p_high = inference.p_value(estimand, high, "less")
    p = np.maximum(p_low, p_high)
    share = np.full(len(estimand), alpha)
    if adjustment is not None:
        p, share = adjustment.by_p_values(p, alpha)
    ends = np.empty((2, len(estimand)))
    for level in np.unique(share):
        rows = share == level
        found = inference.interval(estimand, 1.0 - 2.0 * level)
        ends[0, rows], ends[1, rows] = found[0][rows], found[1][rows]
    return TwoOneSided(
        ratio(value - low, error),
        ratio(value - high, error),
        p_low,
        p_high,
        p,
        (ends[0], ends[1]),
    )
