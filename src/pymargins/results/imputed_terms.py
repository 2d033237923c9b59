"""Joint tests of the terms of one model that was fitted to several imputed data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.estimands.imputed import Each
from pymargins.estimands.nodes import stacked
from pymargins.inference.rubin import RubinInference
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point
from pymargins.results.terms import (
    asked_terms,
    balanced_rows,
    determined,
    effects_of,
    framed,
    no_test,
    telling_points,
    tested,
)


def imputed_joint_tests(
    fits: Sequence[Fitted], inference: RubinInference, by: Any = None
) -> pd.DataFrame:
    """Test every term by its effects in each fit, pooled by Rubin's rules (D1).

    Effects are the same differences in every fit: between the same values of its variables, which
    are those of the first fit's data. Other numeric variables are at the mean of each fit's own.

    Parameters
    ----------
    fits : sequence of Fitted
    inference : RubinInference
    by : str, list of str or mapping, optional
        As of one fit.
    """
    asked, points = asked_terms(fits[0], by), telling_points(fits[0])
    rows = [balanced_rows(fitted) for fitted in fits]
    tests: list[dict[str, Any]] = []
    for one in asked:
        effects = [effects_of(one, points, own, f) for own, f in zip(rows, fits, strict=True)]
        tests.append(_test(one.name, effects, fits, inference))
    return framed(asked, tests)


def _test(
    name: str,
    effects: Sequence[Mapping[str, FloatArray]],
    fits: Sequence[Fitted],
    inference: RubinInference,
) -> dict[str, Any]:
    """Test that effects are zero, where every imputation determines all of them."""
    values: list[FloatArray] = []
    jacobians: list[FloatArray] = []
    for theta, own, fitted in zip(inference.point.theta, effects, fits, strict=True):
        parts, full, left = determined(name, own, fitted)
        if full == 0:
            return no_test("not estimable", "nothing varies")
        if left < full:
            return no_test("not estimable", "some imputations do not determine every effect")
        value, jac = stacked(parts).at(Point(theta[None, :], inference.point.blocks), True)
        assert isinstance(jac, np.ndarray)
        values.append(value[0])
        jacobians.append(jac[0])
    each = Each(np.stack(values), np.stack(jacobians), (name,) * len(values[0]))
    return tested(each, inference, ())
