"""Rows that a single cluster determines, whose variance no residual of that cluster can show."""

from __future__ import annotations

import warnings

import numpy as np

from pymargins.errors import FitWarning, NumericalError, callers_level, listing
from pymargins.estimands.nodes import Estimand
from pymargins.facts import OneCluster
from pymargins.inference.uncertainty import Uncertainty

BLOCK = "beta"
#: A row of which clusters show less than this share of the variance is warned of ...
LITTLE = 1.0 / 3.0
#: ... and with less than this it is refused: its standard error would be nothing but rounding.
NOTHING = 0.02
REMEDY = (
    'Take vcov="kenward-roger" (or "gls"), which rests on the model\'s variances, and a figure for '
    "it from no cluster-robust or wild method"
)


def one_cluster(inference: Uncertainty, estimand: Estimand) -> tuple[OneCluster, ...]:
    """Name the rows that rest on one cluster, and warn of them.

    Raises
    ------
    NumericalError
        Where nothing at all of a variance can be seen.
    """
    if inference.seen is None:
        return ()
    rows = inference.jacobian(estimand)[:, inference.point.blocks[BLOCK]]
    share = np.where(rows.any(axis=1), inference.seen(rows), 1.0)
    low = np.flatnonzero(share < LITTLE)
    if len(low) == 0:
        return ()
    names = tuple(estimand.labels[i] for i in low)
    none = low[share[low] < NOTHING]
    if len(none):
        raise NumericalError(
            f"{listing([estimand.labels[i] for i in none])}: a single cluster determines it, so "
            "that the residuals of that cluster are zero whatever the data: they show nothing of "
            f"how much it varies, and a standard error would be 0. {REMEDY}."
        )
    found = OneCluster(names, float(share.min()))
    warnings.warn(
        f"{listing(names)}: hardly more than one cluster determines it, so that clusters show "
        f"{100 * found.share:.2g} % of its variance only; its standard error is too small by a "
        f"factor of about {found.share**-0.5:.2g}. {REMEDY}.",
        FitWarning,
        stacklevel=callers_level(),
    )
    return (found,)
