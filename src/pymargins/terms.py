"""Joint tests of model terms that do not depend on how factors are coded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.averages import Grid, Rows, average
from pymargins.errors import ArgumentError
from pymargins.estimand import Estimand
from pymargins.inference.joint import wald
from pymargins.model import ModelView, Variable
from pymargins.population import balanced_frame, rows_of

ESTIMABLE_TOLERANCE = 1e-8


def joint_tests(view: ModelView, inference: Any) -> pd.DataFrame:
    """Test every term of the fixed part by its effects on the balanced grid.

    A term of the variables v, w, ... has the effects: all contrasts between the levels of its
    categorical variables, crossed with the changes of its numeric ones, averaged with equal
    weights over the levels of the other categorical variables, the other numeric variables at
    their mean. Terms with the same variables (``x`` and ``I(x ** 2)``) are one: their columns
    describe one curve.

    Returns
    -------
    DataFrame
        `term`, `test` ("F" or "chi2"), `statistic`, `df1`, `df2`, `p_value`.
    """
    rows = rows_of(view, balanced_frame(view), None)
    tests = [
        _test(name, variables, rows, view, inference) for name, variables in _terms(view).items()
    ]
    if not tests:
        raise ArgumentError("joint_tests: the model has no term besides the intercept.")
    return pd.DataFrame(tests)


def _terms(view: ModelView) -> dict[str, tuple[str, ...]]:
    """Name the terms, and the variables of each; those with the same variables together."""
    together: dict[frozenset[str], list[str]] = {}
    for block in view.design.blocks:
        found = [v for f in block.factors for v in view.design.factors[f].variables]
        names = together.setdefault(frozenset(found), [])
        if block.term not in names:
            names.append(block.term)
    return {
        " + ".join(names): tuple(v for v in view.variables if v in variables)
        for variables, names in together.items()
        if variables
    }


def _test(
    name: str, variables: Sequence[str], rows: Rows, view: ModelView, inference: Any
) -> dict[str, Any]:
    matrix = _estimable(_effects(variables, rows, view), view.null_space)
    if len(matrix) == 0:
        nothing: dict[str, Any] = {"test": "not estimable", "statistic": np.nan, "df1": 0}
        return {"term": name, **nothing, "df2": np.nan, "p_value": np.nan}
    labels = [f"{name}[{i}]" for i in range(len(matrix))]
    estimand = Estimand.linear(matrix, view.params, labels)
    return {"term": name, **wald(estimand, np.zeros(len(matrix)), inference).to_dict()}


def _effects(variables: Sequence[str], rows: Rows, view: ModelView) -> FloatArray:
    """Return the effects of a term as rows over the coefficients."""
    points = [_points(view.variables[v], view) for v in variables]
    combos = list(product(*points))
    pins = {
        v: view.variables[v].column([combo[j] for combo in combos]) for j, v in enumerate(variables)
    }
    means = average(rows, Grid(len(combos), pins))[0]
    differences = [np.diff(np.eye(len(p)), axis=0) for p in points]
    return reduce(np.kron, differences) @ means


def _points(variable: Variable, view: ModelView) -> list[Any]:
    """Choose the values between which a variable's effect shows.

    All levels; both ends of a numeric variable that enters as it is; and of one that enters
    through curves, one point more than the curves have columns.
    """
    if variable.kind != "numeric":
        return list(variable.levels)
    curves = [f for f in view.design.factors if variable.name in f.variables and not f.direct]
    if not curves:
        return [variable.low, variable.high]
    direct = any(f.direct and f.variables == (variable.name,) for f in view.design.factors)
    columns = sum(f.width for f in curves) + direct
    return np.linspace(variable.low, variable.high, columns + 1).tolist()


def _estimable(matrix: FloatArray, null_space: FloatArray) -> FloatArray:
    """Keep the combinations of rows that the data determine."""
    if null_space.size == 0:
        return matrix
    leak = matrix @ null_space
    left, sizes, _ = np.linalg.svd(leak)
    largest = float(np.abs(matrix).max(initial=0.0) * np.abs(null_space).max())
    rank = int((sizes > ESTIMABLE_TOLERANCE * largest).sum())
    return left[:, rank:].T @ matrix
