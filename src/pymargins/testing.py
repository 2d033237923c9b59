"""A conformance suite for adapters: tells an author whether an adapter keeps its promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins.averages import Grid, Rows, average
from pymargins.errors import ModelError
from pymargins.model import Adapter, ModelView

DESIGN_TOLERANCE = 1e-8
SLOPE_TOLERANCE = 1e-5


def check_adapter(adapter: Any) -> list[str]:
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
    done: list[str] = []
    for check in (
        _check_interface,
        _check_view,
        _check_rows,
        _check_averages,
        _check_slopes,
        _check_covariances,
    ):
        done.append(check(adapter))
    return done


def _fail(text: str) -> None:
    raise ModelError(f"check_adapter: {text}")


def _check_interface(adapter: Any) -> str:
    if not isinstance(adapter, Adapter):
        _fail(f"{type(adapter).__name__} lacks accepts, view, vcov_kinds or vcov.")
    if not adapter.vcov_kinds:
        _fail("vcov_kinds is empty; name at least one covariance, the default first.")
    if not isinstance(adapter.view, ModelView):
        _fail(f"view is {type(adapter.view).__name__}; expected pymargins.model.ModelView.")
    return "it has accepts, view, vcov_kinds and vcov"


def _check_view(adapter: Any) -> str:
    view: ModelView = adapter.view
    p = len(view.design.names)
    if view.params.shape != (p,) or not np.isfinite(view.params).all():
        _fail(f"params has shape {view.params.shape}; expected ({p},), all finite.")
    missing = [v for v in view.design.variables if v not in view.variables]
    if missing:
        _fail(f"variables lacks {missing}, which the design uses.")
    absent = [v for v in view.variables if v not in view.frame.columns]
    if absent:
        _fail(f"frame has no column for {absent}.")
    if len(view.frame) != view.info.n:
        _fail(f"frame has {len(view.frame)} rows, info.n says {view.info.n}.")
    if len(view.factor_values) != len(view.design.factors):
        _fail("factor_values needs one array for each factor of the design.")
    return f"{p} coefficients, {len(view.variables)} variables, {view.info.n} rows agree"


def _rows(view: ModelView) -> Rows:
    return Rows(view.design, view.variables, dict(view.frame[list(view.variables)]), view.info.n)


def _check_rows(adapter: Any) -> str:
    view: ModelView = adapter.view
    rows = _rows(view)
    for i, (factor, stored) in enumerate(zip(view.design.factors, view.factor_values, strict=True)):
        if not np.allclose(rows.value(i), stored, rtol=DESIGN_TOLERANCE, atol=0.0):
            _fail(f"factor {factor.name!r} evaluated on frame differs from factor_values.")
        some = min(view.info.n, 5)
        columns = {v: view.frame[v].iloc[:some] for v in factor.variables}
        if factor.variables and not np.allclose(
            factor.evaluate(columns), stored[:some], rtol=DESIGN_TOLERANCE, atol=1e-12
        ):
            _fail(f"factor {factor.name!r} of a row depends on the other rows.")
    return "factors are evaluated row by row, as they were fitted"


def _check_averages(adapter: Any) -> str:
    view: ModelView = adapter.view
    rows = _rows(view)
    values = [rows.value(i) for i in range(len(view.design.factors))]
    direct = view.design.rows(values, view.info.n).mean(axis=0)
    if not np.allclose(average(rows, Grid())[0, 0], direct, rtol=1e-9, atol=1e-12):
        _fail("the average of the design differs from the average of its rows.")
    for name, variable in view.variables.items():
        value = variable.levels[-1] if variable.levels else float(view.frame[name].iloc[0])
        pinned = Grid(1, {name: variable.column([value])})
        changed = dict(view.frame[list(view.variables)])
        changed[name] = variable.column([value] * view.info.n)
        every = Rows(view.design, view.variables, changed, view.info.n)
        if not np.allclose(average(rows, pinned), average(every, Grid()), rtol=1e-9, atol=1e-12):
            _fail(f"pinning {name!r} differs from replacing its column.")
    return "averages and pins agree with whole rows"


def _check_slopes(adapter: Any) -> str:
    view: ModelView = adapter.view
    names = [n for n, v in view.variables.items() if v.kind == "numeric"]
    rows = _rows(view)
    for name in names:
        variable = view.variables[name]
        column = np.asarray(view.frame[name], dtype=float)
        step = 1e-5 * max(variable.high - variable.low, abs(variable.high), 1e-12)
        inside = np.clip(column, variable.low + 2 * step, variable.high - 2 * step)
        slope = average(_with(rows, name, inside), Grid(), slope=name)
        up = average(_with(rows, name, inside + step), Grid())
        down = average(_with(rows, name, inside - step), Grid())
        difference = (up - down) / (2 * step)
        size = np.abs(difference).max() + 1e-300
        if not np.allclose(slope, difference, rtol=SLOPE_TOLERANCE, atol=SLOPE_TOLERANCE * size):
            _fail(f"the slope by {name!r} differs from a difference quotient of the design.")
    return f"slopes of {len(names)} numeric variables agree with difference quotients"


def _with(rows: Rows, name: str, values: Any) -> Rows:
    columns = {**rows.columns, name: pd.Series(values)}
    return Rows(rows.design, rows.variables, columns, rows.n)


def _check_covariances(adapter: Any) -> str:
    p = len(adapter.view.params)
    for kind in adapter.vcov_kinds:
        cov = np.asarray(adapter.vcov(kind))
        if cov.shape != (p, p) or not np.allclose(cov, cov.T, rtol=1e-6, atol=1e-300):
            _fail(f"vcov({kind!r}) must be a symmetric ({p}, {p}) matrix; got {cov.shape}.")
        if (np.diagonal(cov) < 0).any() or not np.isfinite(cov).all():
            _fail(f"vcov({kind!r}) has a negative or undefined variance.")
    return f"covariances: {', '.join(adapter.vcov_kinds)}"
