"""Offsets of the rows that are averaged over: as observed, summarised, or one number for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.asking.rules import weighted_quantile
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from pymargins.estimands.rows import Strata
from pymargins.models.fitted import MEAN, Fitted


def fixed_offset(fitted: Fitted, offset: Any) -> float | None:
    """Return the number that all rows' offset is set to; None for those observed.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what is neither.
    UnsupportedError
        For a number, where the fit has no offset.
    """
    if isinstance(offset, str):
        if offset != "observed":
            raise ArgumentError(
                f'offset: got {offset!r}; allowed are "observed" and a number on the scale of the '
                "linear predictor."
            )
        return None
    if isinstance(offset, bool) or not isinstance(offset, (int, float, np.number)):
        raise ArgumentTypeError(
            'offset: expected "observed" or a number on the scale of the linear predictor (the '
            f"logarithm of an exposure), got {type(offset).__name__}."
        )
    if not np.isfinite(offset):
        raise ArgumentError(f"offset: got {offset!r}; it must be finite.")
    if MEAN not in fitted.offsets:
        raise UnsupportedError(
            "offset: this model was fitted without offset or exposure; leave `offset` out."
        )
    return float(offset)


def offsets_of(fitted: Fitted, n: int, offset: float | None) -> dict[str, FloatArray]:
    """Return the offset of n rows that the fit has not seen."""
    if MEAN not in fitted.offsets:
        return {}
    if offset is None:
        raise ArgumentError(
            "offset: this model was fitted with an offset or exposure, which the fit keeps of its "
            "own rows only. Give one for the rows of the data frame: offset=0 for rates per unit "
            "of exposure, or the logarithm of an exposure."
        )
    return {MEAN: np.broadcast_to(offset, (n,))}


def offset_rule(fitted: Fitted, rule: str, offset: float | None) -> str:
    """Return how the offset of one row is made of those of the fit; nothing where it is not."""
    return rule if MEAN in fitted.offsets and offset is None else ""


def summary_offsets(
    fitted: Fitted,
    n: int,
    rule: str,
    offset: float | None,
    weights: FloatArray | None,
    strata: Strata | None = None,
) -> Mapping[str, FloatArray]:
    """Return the offsets of rows that each stand for all rows of the fit, or for a subgroup."""
    if not rule:
        return offsets_of(fitted, n, offset)
    own = fitted.offsets[MEAN]
    if strata is None:
        return {MEAN: np.broadcast_to(_summary(own, rule, weights), (n,))}
    parts = [strata.codes == r for r in range(strata.size)]
    of = [_summary(own[p], rule, None if weights is None else weights[p]) for p in parts]
    return {MEAN: np.array(of)}


def _summary(own: FloatArray, rule: str, weights: FloatArray | None) -> float:
    if rule == "mean":
        return float(np.average(own, weights=weights))
    if weights is None:
        return float(np.median(own))
    return weighted_quantile(own, weights, 0.5)
