"""Rows that depend on a direction of the parameters which the data do not determine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import EstimabilityError, listing
from pymargins.estimands import jacobians
from pymargins.estimands.nodes import Estimand
from pymargins.models.parameters import Point

#: The share of a row along such a direction that is rounding.
TOLERANCE = 1e-7


def inestimable(
    estimand: Estimand, point: Point, null_spaces: Mapping[str, FloatArray]
) -> list[int]:
    """Return the rows that depend on a direction which the data do not determine."""
    bad: set[int] = set()
    for block, null_space in null_spaces.items():
        if null_space.size == 0 or block not in point.blocks:
            continue
        jac = estimand.at(point, True)[1]
        assert jac is not None
        rows = jacobians.of_block(jac, point.blocks[block])
        leak = np.abs(rows @ null_space)
        size = np.abs(rows) @ np.abs(null_space)
        leaks = (leak > TOLERANCE * (size + 1e-300)).any(axis=1)
        bad.update(np.flatnonzero(leaks).tolist())
    return sorted(bad)


def estimable_only(
    estimand: Estimand, point: Point, null_spaces: Mapping[str, FloatArray], omit: bool
) -> tuple[Estimand, tuple[str, ...]]:
    """Return the rows that the data determine, and the names of those that they do not.

    Raises
    ------
    EstimabilityError
        Where there are such rows and `omit` is false, or where nothing is left.
    """
    bad = inestimable(estimand, point, null_spaces)
    if not bad:
        return estimand, ()
    names = tuple(estimand.labels[i] for i in bad)
    kept = np.setdiff1d(np.arange(len(estimand)), bad)
    if omit and len(kept):
        return estimand[kept], names
    how = 'Margins(fit, inestimable="omit") leaves them out and keeps the others'
    raise EstimabilityError(
        f"{listing(names)} {'is' if len(names) == 1 else 'are'} not estimable ({len(bad)} of "
        f"{len(estimand)} asked for): the design has columns that are combinations of others (an "
        "empty cell, a redundant term, a constant beside effects that were absorbed), and these "
        "quantities depend on how they are told apart. "
        + (f"{how}." if len(kept) else "Ask where the data have rows, or for slopes and contrasts.")
    )
