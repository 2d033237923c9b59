"""A conformance suite for adapters: tells an author whether an adapter keeps its promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins.errors import ModelError
from pymargins.estimands.averages import average_of
from pymargins.estimands.chunks import Chunk, Held, Question
from pymargins.estimands.rows import Rows
from pymargins.estimands.scenes import Grid, average
from pymargins.models.fitted import Adapter, Fitted
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Request

DESIGN_TOLERANCE = 1e-8
SLOPE_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-5


def check_adapter(adapter: Adapter) -> list[str]:
    """Check an adapter instance, and return what was checked.

    Parameters
    ----------
    adapter : Adapter
        Made from a fitted model.

    Returns
    -------
    list of str
        One line for each promise that was kept.

    Raises
    ------
    ModelError
        Naming the first promise that is not kept, and how to keep it.
    """
    fitted = _fitted(adapter)
    return [
        check(fitted)
        for check in (
            _check_parts,
            _check_rows,
            _check_averages,
            _check_slopes,
            _check_gradients,
            _check_covariances,
        )
    ]


def _fail(text: str) -> None:
    raise ModelError(f"check_adapter: {text}")


def _fitted(adapter: Any) -> Fitted:
    if not callable(getattr(type(adapter), "accepts", None)):
        _fail(f"{type(adapter).__name__} lacks the classmethod accepts(model).")
    found = getattr(adapter, "fitted", None)
    if not isinstance(found, Fitted):
        _fail(f"fitted is {type(found).__name__}; expected pymargins.models.Fitted.")
        raise AssertionError
    return found


def _check_parts(fitted: Fitted) -> str:
    beta = fitted.parameters["beta"] if "beta" in fitted.parameters.blocks else None
    p = len(fitted.design.names)
    if not np.isfinite(fitted.parameters.value).all():
        _fail("parameters must all be finite.")
    if beta is not None and isinstance(beta, np.ndarray) and len(beta) != p:
        _fail(f"the block 'beta' has {len(beta)} parameters; the design has {p} columns.")
    for role, design in fitted.designs.items():
        missing = [v for v in design.variables if v not in fitted.variables]
        if missing:
            _fail(f"variables lacks {missing}, which the design {role!r} uses.")
    absent = [v for v in fitted.variables if v not in fitted.frame.columns]
    if absent:
        _fail(f"frame has no column for {absent}.")
    if len(fitted.frame) != fitted.facts.n:
        _fail(f"frame has {len(fitted.frame)} rows, facts.n says {fitted.facts.n}.")
    if not fitted.covariances:
        _fail("covariances is empty; name at least one, the default first.")
    unknown = [b for b in fitted.mean.blocks if b not in fitted.parameters.blocks]
    if unknown:
        _fail(f"the mean depends on {unknown}, which parameters do not have.")
    return f"{p} coefficients, {len(fitted.variables)} variables, {fitted.facts.n} rows agree"


def _rows(fitted: Fitted) -> Rows:
    columns = dict(fitted.frame[list(fitted.variables)])
    return Rows(fitted.designs, fitted.variables, columns, fitted.facts.n, offsets=fitted.offsets)


def _check_rows(fitted: Fitted) -> str:
    rows = _rows(fitted)
    for role, known in fitted.factor_values.items():
        factors = fitted.designs[role].factors
        if len(known) != len(factors):
            _fail(f"factor_values[{role!r}] needs one array for each factor of the design.")
        for i, (factor, stored) in enumerate(zip(factors, known, strict=True)):
            if not np.allclose(rows.value(role, i), stored, rtol=DESIGN_TOLERANCE, atol=0.0):
                _fail(f"factor {factor.name!r} evaluated on frame differs from factor_values.")
            some = min(fitted.facts.n, 5)
            columns = {v: fitted.frame[v].iloc[:some] for v in factor.variables}
            if factor.variables and not np.allclose(
                factor.evaluate(columns), stored[:some], rtol=DESIGN_TOLERANCE, atol=1e-12
            ):
                _fail(f"factor {factor.name!r} of a row depends on the other rows.")
    return "factors are evaluated row by row, as they were fitted"


def _check_averages(fitted: Fitted) -> str:
    rows = _rows(fitted)
    for role, design in fitted.designs.items():
        values = [rows.value(role, i) for i in range(len(design.factors))]
        direct = design.rows(values, fitted.facts.n).mean(axis=0)
        found = average(rows, Grid(), role=role)[0, 0]
        if not np.allclose(found, direct, rtol=1e-9, atol=1e-12):
            _fail(f"the average of the design {role!r} differs from the average of its rows.")
        for name, variable in fitted.variables.items():
            value = variable.levels[-1] if variable.levels else fitted.frame[name].iloc[0]
            pinned = Grid(1, {name: variable.column([value])})
            every = _with(rows, name, variable.column([value] * fitted.facts.n))
            one, other = average(rows, pinned, role=role), average(every, Grid(), role=role)
            if not np.allclose(one, other, rtol=1e-9, atol=1e-12):
                _fail(f"pinning {name!r} differs from replacing its column.")
    return "averages and pins agree with whole rows"


def _check_slopes(fitted: Fitted) -> str:
    names = [n for n, v in fitted.variables.items() if v.kind == "numeric" and not v.is_date]
    rows, point = _rows(fitted), fitted.point
    for name in names:
        variable = fitted.variables[name]
        column = np.asarray(fitted.frame[name], dtype=float)
        step = 1e-5 * max(variable.high - variable.low, abs(variable.high), 1e-12)
        inside = np.clip(column, variable.low + 2 * step, variable.high - 2 * step)
        slope = _mean(fitted, _with(rows, name, inside), point, name)
        up = _mean(fitted, _with(rows, name, inside + step), point)
        down = _mean(fitted, _with(rows, name, inside - step), point)
        difference = (up - down) / (2 * step)
        size = np.abs(difference).max() + 1e-300
        if not np.allclose(slope, difference, rtol=SLOPE_TOLERANCE, atol=SLOPE_TOLERANCE * size):
            _fail(f"the slope by {name!r} differs from a difference quotient of the mean.")
    return f"slopes of {len(names)} numeric variables agree with difference quotients"


def _check_gradients(fitted: Fitted) -> str:
    rows, point = _rows(fitted), fitted.point
    names: list[str | None] = [None]
    names += [n for n, v in fitted.variables.items() if v.kind == "numeric"]
    for name in names:
        estimand = average_of(fitted.mean, _question(fitted, rows), name)
        jac = estimand.at(point, True)[1]
        assert jac is not None
        for j in range(point.width):
            step = 1e-5 * max(abs(float(point.theta[0, j])), 1e-3)
            up, down = (_moved(point, j, side * step) for side in (1.0, -1.0))
            rise = (estimand.at(up)[0] - estimand.at(down)[0])[0] / (2 * step)
            size = np.abs(rise).max() + np.abs(jac).max() + 1e-300
            if not np.allclose(jac[0, :, j], rise, rtol=0.0, atol=GRADIENT_TOLERANCE * size):
                what = "mean" if name is None else f"slope by {name!r}"
                _fail(f"the gradient of the {what} by parameter {j} differs from differences.")
    return f"gradients by {point.width} parameters agree with difference quotients"


def _moved(point: Point, j: int, step: float) -> Point:
    theta = point.theta.copy()
    theta[0, j] += step
    return Point(theta, point.blocks)


def _question(fitted: Fitted, rows: Rows) -> Question:
    return Question(Held(Chunk(rows)), Grid(), ("average",))


def _mean(fitted: Fitted, rows: Rows, point: Point, slope: str | None = None) -> Any:
    return average_of(fitted.mean, _question(fitted, rows), slope).at(point)[0][0]


def _with(rows: Rows, name: str, values: Any) -> Rows:
    columns = {**rows.columns, name: pd.Series(values)}
    return Rows(rows.designs, rows.variables, columns, rows.n, offsets=rows.offsets)


def _check_covariances(fitted: Fitted) -> str:
    size = fitted.point.width
    for kind, offer in fitted.covariances.items():
        if offer.needs:  # clusters, lags: what only a user can know
            continue
        cov = np.asarray(offer.make(Request(fitted.mean.blocks)).matrix)
        if cov.shape != (size, size) or not np.allclose(cov, cov.T, rtol=1e-6, atol=1e-300):
            _fail(
                f"the covariance {kind!r} must be a symmetric ({size}, {size}) matrix; got "
                f"{cov.shape}."
            )
        if (np.diagonal(cov) < 0).any() or not np.isfinite(cov).all():
            _fail(f"the covariance {kind!r} has a negative or undefined variance.")
    return f"covariances: {', '.join(fitted.covariances)}"
