"""The balanced grid: every combination of the categorical variables, and what each counts for."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import ArgumentError, not_one_of
from pymargins.models.factors import encode
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable

MAXIMUM_GRID = 1_000_000
#: How combinations that are averaged over can be weighted, as emmeans names it.
SCHEMES = ("equal", "proportional", "outer", "cells")


def categories(fitted: Fitted) -> list[Variable]:
    """Return the variables that make the grid."""
    return [v for v in fitted.variables.values() if v.kind != "numeric"]


def balanced_frame(fitted: Fitted) -> pd.DataFrame:
    """Build the reference grid: all combinations of categorical levels, numeric at their mean."""
    factors = categories(fitted)
    size = int(np.prod([len(v.levels) for v in factors], dtype=float))
    if size > MAXIMUM_GRID:
        raise ArgumentError(
            f'at: "balanced" would need {size:,} combinations of {[v.name for v in factors]}; the '
            f'limit is {MAXIMUM_GRID:,}. Use at="overall".'
        )
    codes: AnyArray = np.array(list(product(*(range(len(v.levels)) for v in factors))), dtype=int)
    columns: dict[str, Any] = {v.name: v.of_codes(codes[:, j]) for j, v in enumerate(factors)}
    for v in fitted.variables.values():
        if v.kind == "numeric":
            values = v.numbers(fitted.frame[v.name])
            mean = float(np.average(values, weights=fitted.row_weights))
            columns[v.name] = v.of_numbers(np.full(size, mean))
    return pd.DataFrame(columns) if columns else pd.DataFrame(index=range(size))


def scheme_of(weights: Any) -> str:
    """Return how combinations are weighted, checked."""
    scheme = "equal" if weights is None else weights
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        given = scheme if isinstance(scheme, str) else type(scheme).__name__
        error = not_one_of("weights", given, SCHEMES)
        raise ArgumentError(
            f'{error} With at="balanced" they say how its combinations count; weights of rows go '
            'with at="overall".'
        )
    return scheme


def grid_weights(fitted: Fitted, scheme: str) -> FloatArray | None:
    """Return the weight of each combination; None where all are equal.

    ``"proportional"`` and ``"cells"`` take the share of the rows of the fit that a combination
    has, each as often as its frequency weight says, ``"outer"`` the product of the shares of its
    levels. A variable that is set is set in every combination, so that what is left are the
    weights of the others: their own joint shares, whatever the level of the first. With
    ``"cells"`` they are its shares within that level (`Chunk.own_levels`).
    """
    factors = categories(fitted)
    if scheme == "equal" or not factors:
        return None
    shares = np.zeros([len(v.levels) for v in factors])
    codes = tuple(encode(fitted.frame[v.name], v.levels) for v in factors)
    counts = np.ones(len(codes[0])) if fitted.row_weights is None else fitted.row_weights
    np.add.at(shares, codes, counts / counts.sum())
    if scheme == "outer":
        outer = np.ones(1)
        for axis in range(shares.ndim):
            others = tuple(a for a in range(shares.ndim) if a != axis)
            outer = np.multiply.outer(outer, shares.sum(axis=others))
        return outer.ravel()
    return shares.ravel()
