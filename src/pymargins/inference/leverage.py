"""Rows that a single cluster determines, whose variance no residual of that cluster can show."""

from __future__ import annotations

import warnings

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import FitWarning, NumericalError, callers_level, listing
from pymargins.estimands.nodes import Estimand
from pymargins.facts import HardlySeen
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.uncertainty import Seen

#: A row of which clusters show less than this share of the variance is warned of ...
LITTLE = 1.0 / 3.0
#: ... and with less than this it is refused: its standard error would be seven times too small.
NOTHING = 0.02


def hardly_seen(inference: Uncertainty, estimand: Estimand) -> tuple[HardlySeen, ...]:
    """Name the rows that rest on one cluster, or on one row of the data, and warn of them.

    Raises
    ------
    NumericalError
        Where next to nothing of a variance can be seen.
    """
    seen = inference.seen
    if seen is None:
        return ()
    rows = _rows(inference, estimand, seen)
    share = np.where(rows.any(axis=1), seen.share(rows), 1.0)
    low = np.flatnonzero(share < LITTLE)
    if len(low) == 0:
        return ()
    names = tuple(dict.fromkeys(estimand.labels[i] for i in low))
    none = low[share[low] < NOTHING]
    if len(none):
        lost = dict.fromkeys(estimand.labels[i] for i in none)
        raise NumericalError(
            f"{listing(lost)}: a single {seen.unit} determines it, or each part of it, so that the "
            f"residuals of such a {seen.unit} add up to zero whatever the data: they show next to "
            f"nothing of how much it varies, and a standard error would be many times too small. "
            f"{_instead(seen)}"
        )
    found = HardlySeen(names, float(share.min()), seen.unit, seen.instead)
    warnings.warn(
        f"{listing(names)}: hardly more than one {seen.unit} determines it, so that {seen.unit}s "
        f"show {100 * found.share:.2g} % of its variance only; its standard error is too small by "
        f"a factor of about {found.share**-0.5:.2g}. {_instead(seen)}",
        FitWarning,
        stacklevel=callers_level(),
    )
    return (found,)


def _rows(inference: Uncertainty, estimand: Estimand, seen: Seen) -> FloatArray:
    """Return the derivatives by the parameters whose variance is made of residuals."""
    every, blocks = np.arange(inference.point.width), inference.point.blocks
    rows = inference.jacobian(estimand)[:, np.concatenate([every[blocks[b]] for b in seen.blocks])]
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


def _instead(seen: Seen) -> str:
    first, *others = (f'"{name}"' for name in seen.instead)
    more = f" (or {', '.join(others)})" if others else ""
    return (
        f"Take vcov={first}{more}, which rests on the model's variances; nothing that is made of "
        "residuals can show this one."
    )
