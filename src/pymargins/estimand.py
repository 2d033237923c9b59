"""Estimands: labelled functions of the coefficients with an exact Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.averages import Grid, Rows, Strata, average, chunks, scenario_rows
from pymargins.derivative import jacobian
from pymargins.errors import ArgumentError, ArgumentTypeError, EstimabilityError, NumericalError
from pymargins.scale import Scale

ESTIMABLE_TOLERANCE = 1e-7

#: What an elasticity relates: proportional (e) or absolute (d) changes of y and of x.
Elasticity = Literal["eyex", "eydx", "dyex"]


@dataclass(frozen=True, slots=True)
class Estimand:
    """k labelled functions of p coefficients.

    Parameters
    ----------
    value : ndarray, shape (k,)
        At the fitted coefficients.
    jacobian : ndarray, shape (k, p)
        Their derivatives there.
    labels : tuple of str
    function : callable
        The functions themselves, from coefficients (B, p) to values (B, k).
    columns : mapping of str to sequence
        The scenario and subgroup variables of each row, for tables.
    """

    value: FloatArray
    jacobian: FloatArray
    labels: tuple[str, ...]
    function: Callable[[FloatArray], FloatArray]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def linear(
        cls,
        matrix: FloatArray,
        params: FloatArray,
        labels: Sequence[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
    ) -> Estimand:
        """Build the estimand ``matrix @ params``."""
        return cls(
            matrix @ params, matrix, tuple(labels), lambda b: b @ matrix.T, dict(columns or {})
        )

    def __getitem__(self, rows: Sequence[int] | AnyArray) -> Estimand:
        index = np.asarray(rows, dtype=np.intp)
        return Estimand(
            self.value[index],
            self.jacobian[index],
            tuple(self.labels[i] for i in index),
            lambda b: self.function(b)[:, index],
            {k: [v[i] for i in index] for k, v in self.columns.items()},
        )

    def combine(self, matrix: FloatArray, labels: Sequence[str]) -> Estimand:
        """Return the linear combinations ``matrix @ self``."""
        return Estimand(
            matrix @ self.value,
            matrix @ self.jacobian,
            tuple(labels),
            lambda b: self.function(b) @ matrix.T,
        )

    def on_scale(self, scale: Scale) -> Estimand:
        """Transform every value to a scale, by the chain rule."""
        if scale.is_identity:
            return self
        value, slope = scale.transform(self.value, self.labels)
        return Estimand(
            value,
            slope[:, None] * self.jacobian,
            self.labels,
            lambda b: np.asarray(scale.forward(self.function(b)), dtype=float),
            self.columns,
        )

    def apply(self, function: Callable[[FloatArray], Any], labels: Sequence[str] | None) -> Estimand:
        """Return a user's function of the values; its Jacobian by extrapolated differences."""

        def call(values: FloatArray) -> FloatArray:
            try:
                out = np.asarray(function(values.copy()), dtype=float)
            except Exception as error:
                raise ArgumentError(
                    f"function: it failed on the mean responses {values.tolist()}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if out.ndim > 1:
                raise ArgumentTypeError(
                    f"function: it returned shape {out.shape}; expected a number or a 1-D array."
                )
            return np.atleast_1d(out)

        value = call(self.value)
        if not np.isfinite(value).all():
            raise NumericalError(f"function: it returned {value.tolist()}, which is not finite.")
        outer = jacobian(call, self.value)
        if labels is None:
            name = getattr(function, "__name__", "function")
            name = "function" if name == "<lambda>" else name
            labels = [name] if len(value) == 1 else [f"{name}[{i}]" for i in range(len(value))]
        if len(labels) != len(value):
            raise ArgumentError(f"labels: {len(labels)} given for {len(value)} values.")
        return Estimand(
            value,
            outer @ self.jacobian,
            tuple(labels),
            lambda b: np.stack([call(row) for row in self.function(b)]),
        )

    def joined(self, other: Estimand) -> Estimand:
        """Stack two estimands; table columns are kept where both have them."""
        columns = {
            k: [*v, *other.columns[k]] for k, v in self.columns.items() if k in other.columns
        }
        return Estimand(
            np.concatenate([self.value, other.value]),
            np.concatenate([self.jacobian, other.jacobian]),
            self.labels + other.labels,
            lambda b: np.concatenate([self.function(b), other.function(b)], axis=1),
            columns,
        )

    def require_estimable(self, null_space: FloatArray) -> None:
        """Raise where a value depends on a direction that the data do not determine."""
        if null_space.size == 0:
            return
        leak = np.abs(self.jacobian @ null_space)
        size = np.abs(self.jacobian) @ np.abs(null_space)
        bad = (leak > ESTIMABLE_TOLERANCE * (size + 1e-300)).any(axis=1)
        if bad.any():
            names = [label for label, b in zip(self.labels, bad, strict=True) if b]
            raise EstimabilityError(
                f"{names[0]!r} is not estimable: the design has columns that are combinations of "
                "others (an empty cell or a redundant term), and this quantity depends on how they "
                f"are told apart. {len(names)} of {len(self)} asked are affected."
            )


def elasticity(
    rows: Rows,
    grid: Grid,
    strata: Strata | None,
    variable: str,
    kind: Elasticity,
    params: FloatArray,
) -> tuple[FloatArray, FloatArray, Callable[[FloatArray], FloatArray]]:
    r"""Average per-row elasticities of the mean response with respect to a numeric variable.

    With :math:`\mu_i` the mean response of row i and :math:`d_i` its derivative,
    ``eyex`` averages :math:`d_i x_i/\mu_i`, ``eydx`` :math:`d_i/\mu_i` and ``dyex``
    :math:`d_i x_i`.

    Returns
    -------
    value : ndarray, shape (R * S,)
    jacobian : ndarray, shape (R * S, p)
    function : callable
        From coefficients (B, p) to values (B, R * S).
    """

    def accumulate(betas: FloatArray, gradient: bool) -> tuple[FloatArray, FloatArray]:
        size, p = (strata.size if strata else 1), len(params)
        value = np.zeros((len(betas), size, grid.size))
        jac = np.zeros((size, grid.size, p)) if gradient else np.empty(0)
        for s in range(grid.size):
            at, by = scenario_rows(rows, grid, s, [None, variable])
            x = _values_under(rows, grid, s, variable)
            for part in chunks(rows.n):
                design, slope = at(part), by(part)
                mean, change = design @ betas.T, slope @ betas.T
                if kind != "dyex":
                    _check_mean(mean, kind, variable)
                w = np.ones(len(design)) if rows.weights is None else rows.weights[part]
                code = None if strata is None else strata.codes[part]
                factor = w * (x[part] if kind != "eydx" else 1.0)
                ratio = change if kind == "dyex" else change / mean
                value[:, :, s] += _by_stratum(factor[:, None] * ratio, code, size).T
                if gradient:
                    rows_of = slope
                    if kind != "dyex":
                        rows_of = (slope - ratio * design) / mean
                    jac[:, s] += _by_stratum(factor[:, None] * rows_of, code, size)
        total = rows.totals(strata)
        return value / total[:, None], jac / total[:, None, None] if gradient else jac

    value, jac = accumulate(params[None, :], True)

    def function(betas: FloatArray) -> FloatArray:
        return accumulate(betas, False)[0].reshape(len(betas), -1)

    return value.ravel(), jac.reshape(-1, len(params)), function


def log_change(
    rows: Rows,
    grids: tuple[Grid, Grid],
    strata: Strata | None,
    params: FloatArray,
) -> tuple[FloatArray, FloatArray, Callable[[FloatArray], FloatArray]]:
    """Average per-row changes of the log mean response between two grids: first minus second."""

    def accumulate(betas: FloatArray, gradient: bool) -> tuple[FloatArray, FloatArray]:
        size, p, scenarios = (strata.size if strata else 1), len(params), grids[0].size
        value = np.zeros((len(betas), size, scenarios))
        jac = np.zeros((size, scenarios, p)) if gradient else np.empty(0)
        for sign, grid in ((1.0, grids[0]), (-1.0, grids[1])):
            for s in range(scenarios):
                (at,) = scenario_rows(rows, grid, s, [None])
                for part in chunks(rows.n):
                    design = at(part)
                    mean = design @ betas.T
                    if (mean <= 0).any():
                        raise NumericalError(
                            "eydx: a proportional change needs positive mean responses; some row "
                            f"has {mean.min():.6g}."
                        )
                    w = np.ones(len(design)) if rows.weights is None else rows.weights[part]
                    code = None if strata is None else strata.codes[part]
                    value[:, :, s] += sign * _by_stratum(w[:, None] * np.log(mean), code, size).T
                    if gradient:
                        jac[:, s] += sign * _by_stratum(w[:, None] * design / mean, code, size)
        total = rows.totals(strata)
        return value / total[:, None], jac / total[:, None, None] if gradient else jac

    value, jac = accumulate(params[None, :], True)
    return (
        value.ravel(),
        jac.reshape(-1, len(params)),
        lambda betas: accumulate(betas, False)[0].reshape(len(betas), -1),
    )


def mean_rows(rows: Rows, grid: Grid, strata: Strata | None, slope: str | None = None) -> FloatArray:
    """Return `average` with subgroups and scenarios in one axis, subgroups outermost."""
    out = average(rows, grid, strata, slope)
    return out.reshape(-1, out.shape[2])


def _values_under(rows: Rows, grid: Grid, scenario: int, variable: str) -> FloatArray:
    if variable in grid.pins:
        return np.full(rows.n, float(grid.pins[variable].iloc[scenario]))
    if variable in grid.shifts:
        from pymargins.averages import shift

        column = shift(
            rows.variables[variable], grid.shifts[variable], rows.columns[variable], rows.n
        )
        return np.asarray(column, dtype=float)
    return np.asarray(rows.columns[variable], dtype=float)


def _by_stratum(values: FloatArray, code: AnyArray | None, size: int) -> FloatArray:
    if code is None:
        return values.sum(axis=0)[None, :]
    return np.stack([np.bincount(code, column, size) for column in values.T], axis=1)


def _check_mean(mean: FloatArray, kind: str, variable: str) -> None:
    smallest = np.abs(mean).min()
    if smallest == 0.0 or (mean > 0).any() and (mean < 0).any():
        raise NumericalError(
            f"{kind}: the mean response is zero or changes sign over the rows (smallest "
            f"{mean.min():.6g}, largest {mean.max():.6g}), so a proportional change with respect to "
            f"{variable!r} is not defined. Use dydx."
        )
