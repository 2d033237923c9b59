"""The estimands of the verbs: mean responses, slopes, discrete changes, elasticities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins._typing import FloatArray
from pymargins.averages import Grid, Rows, Strata, average, chunks, scenario_rows, shift
from pymargins.errors import ArgumentError, NumericalError
from pymargins.estimand import Draws, Estimand
from pymargins.model import Variable
from pymargins.scenarios import value_texts

#: What an elasticity relates: proportional (e) or absolute (d) changes of y and of x.
Elasticity: TypeAlias = Literal["eyex", "eydx", "dyex"]

#: Replicates whose design averages are held at once.
CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """Where an effect is asked: rows, scenarios, subgroups, and how its rows are labelled.

    Parameters
    ----------
    rows : Rows
    grid : Grid
        S scenarios.
    strata : Strata or None
        R subgroups.
    labels : sequence of str
        One for each subgroup and scenario, subgroups outermost.
    columns : mapping of str to sequence
    """

    rows: Rows
    grid: Grid
    strata: Strata | None
    labels: Sequence[str]
    columns: Mapping[str, Sequence[Any]]


def linear_effect(
    question: Question, params: FloatArray, labels: Sequence[str], terms: Sequence[Any]
) -> Estimand:
    """Build a linear estimand from averages of design rows.

    Parameters
    ----------
    terms : sequence of (sign, grid, slope)
        The averages that are added up: ``slope`` names the variable to differentiate by, or is
        None.
    """
    rows, strata = question.rows, question.strata
    matrix = _signed_sum(rows, strata, terms)

    def resampled(weights: FloatArray) -> FloatArray:
        return _resampled_rows(rows, strata, terms, weights)

    return Estimand.linear(
        matrix,
        params,
        labels,
        question.columns,
        resampled if rows.clusters is not None else None,
    )


def _signed_sum(rows: Rows, strata: Strata | None, terms: Sequence[Any]) -> FloatArray:
    out: Any = 0.0
    for sign, grid, slope in terms:
        out = out + sign * average(rows, grid, strata, slope)
    return out.reshape(-1, out.shape[2])


def _resampled_rows(
    rows: Rows, strata: Strata | None, terms: Sequence[Any], weights: FloatArray
) -> FloatArray:
    """Average over the rows of resampled groups: (B, k, p) from group weights (B, G).

    The rows of a group enter together, so sums by group are formed once and re-weighted.
    """
    clusters = rows.clusters
    assert clusters is not None
    size, groups = (strata.size if strata else 1), clusters.size
    codes = clusters.codes if strata is None else strata.codes * groups + clusters.codes
    cells, codes = np.unique(codes, return_inverse=True)
    present = Strata(codes.ravel(), len(cells))
    means: Any = 0.0
    for sign, grid, slope in terms:
        means = means + sign * average(rows, grid, present, slope)
    total = rows.totals(present)
    stratum, group = np.divmod(cells, groups)
    cell_weight = weights[:, group] * total
    out = np.empty((len(weights), size, means.shape[1], means.shape[2]))
    for r in range(size):
        cell = stratum == r
        share = cell_weight[:, cell]
        whole = share.sum(axis=1)
        if (whole == 0).any():
            raise NumericalError(
                f"over: {int((whole == 0).sum())} of {len(weights)} bootstrap replicates hold no "
                "row of one of the subgroups. Hold the population fixed: "
                'Bootstrap(population="fixed").'
            )
        out[:, r] = np.tensordot(share / whole[:, None], means[cell], axes=1)
    return out.reshape(len(weights), -1, means.shape[2])


def joined(parts: Sequence[Estimand]) -> Estimand:
    """Stack estimands in order."""
    out = parts[0]
    for part in parts[1:]:
        out = out.joined(part)
    return out


def slope_effect(
    question: Question, params: FloatArray, name: str, kind: Elasticity | None
) -> Estimand:
    """Build the average slope, or elasticity, by a numeric variable."""
    labels = [f"{name}{suffix}" for suffix in question.labels]
    if kind is None:
        return linear_effect(question, params, labels, [(1.0, question.grid, name)])
    return elasticity_effect(question, params, labels, name, kind)


def change_effects(
    question: Question, params: FloatArray, variable: Variable, kind: Elasticity | None
) -> list[Estimand]:
    """Build the discrete changes of a categorical variable: each level from the reference."""
    name, grid = variable.name, question.grid
    if kind in ("eyex", "dyex"):
        raise ArgumentError(
            f"{kind}: {name!r} is {variable.kind}, and a proportional change of a category has no "
            "meaning. Use dydx or eydx."
        )
    if name in grid.pins or name in grid.shifts:
        raise ArgumentError(
            f"{kind or 'dydx'}: {name!r} is {variable.kind}; its discrete changes set it to each "
            "of its levels, so atexog cannot set it too."
        )
    base = _with_level(grid, variable, variable.reference)
    text = dict(zip(variable.levels, value_texts(variable.levels), strict=True))
    parts: list[Estimand] = []
    for level in variable.levels:
        if level == variable.reference:
            continue
        change = f"{text[level]} - {text[variable.reference]}"
        labels = [f"{name}: {change}{suffix}" for suffix in question.labels]
        moved = _with_level(grid, variable, level)
        if kind is None:
            terms = [(1.0, moved, None), (-1.0, base, None)]
            parts.append(linear_effect(question, params, labels, terms))
        else:
            parts.append(log_change_effect(question, params, labels, (moved, base)))
    if not parts:
        raise ArgumentError(f"{kind or 'dydx'}: {name!r} has one level only; nothing changes.")
    return parts


def _with_level(grid: Grid, variable: Variable, level: Any) -> Grid:
    """Pin a categorical variable to one level in every scenario of a grid."""
    column = variable.column([level] * grid.size)
    return Grid(grid.size, {**grid.pins, variable.name: column}, grid.shifts)


def row_effect(
    question: Question,
    params: FloatArray,
    labels: Sequence[str],
    integrand: Callable[[slice, int, FloatArray, bool], tuple[FloatArray, FloatArray | None]],
) -> Estimand:
    """Build an estimand that averages a nonlinear function of each row.

    Parameters
    ----------
    integrand : callable
        ``integrand(part, scenario, betas, gradient)``: values (m, B) of the rows in `part` and,
        with `gradient` and B = 1, their derivatives (m, p).
    """
    rows, grid, strata = question.rows, question.grid, question.strata

    def means(
        betas: FloatArray, cells: Strata | None, gradient: bool
    ) -> tuple[FloatArray, FloatArray | None]:
        size = cells.size if cells else 1
        value = np.zeros((len(betas), size, grid.size))
        jac = np.zeros((size, grid.size, betas.shape[1])) if gradient else None
        for s in range(grid.size):
            for part in chunks(rows.n):
                each, by = integrand(part, s, betas, gradient)
                w = np.ones(len(each)) if rows.weights is None else rows.weights[part]
                code = None if cells is None else cells.codes[part]
                value[:, :, s] += _by_cell(w[:, None] * each, code, size).T
                if jac is not None and by is not None:
                    jac[:, s] += _by_cell(w[:, None] * by, code, size)
        total = rows.totals(cells)
        if jac is not None:
            jac = jac / total[:, None, None]
        return value / total[:, None], jac

    def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
        count = len(draws.params)
        if not gradient and (draws.weights is None or rows.clusters is None):
            return means(draws.params, strata, False)[0].reshape(count, -1), None
        values, jacs = [], []
        for b in range(count):
            weighted = _reweighted(rows, draws, b)
            one = Question(weighted, grid, strata, question.labels, question.columns)
            single = row_effect(one, draws.params[b], labels, integrand)
            values.append(single.value)
            jacs.append(single.jacobian)
        return np.stack(values), np.stack(jacs) if gradient else None

    value, jac = means(params[None, :], strata, True)
    assert jac is not None
    return Estimand(
        value.ravel(), jac.reshape(-1, len(params)), tuple(labels), function, question.columns
    )


def _reweighted(rows: Rows, draws: Draws, b: int) -> Rows:
    if draws.weights is None or rows.clusters is None:
        return rows
    weights = draws.weights[b][rows.clusters.codes]
    if rows.weights is not None:
        weights = weights * rows.weights
    return rows.with_weights(weights)


def _by_cell(values: FloatArray, code: Any, size: int) -> FloatArray:
    if code is None:
        return values.sum(axis=0)[None, :]
    return np.stack([np.bincount(code, column, size) for column in values.T], axis=1).astype(float)


def elasticity_effect(
    question: Question, params: FloatArray, labels: Sequence[str], variable: str, kind: Elasticity
) -> Estimand:
    r"""Average per-row elasticities by a numeric variable.

    With :math:`\mu_i` the mean response of row i and :math:`d_i` its derivative, ``eyex`` averages
    :math:`d_i x_i/\mu_i`, ``eydx`` :math:`d_i/\mu_i` and ``dyex`` :math:`d_i x_i`.
    """
    rows, grid = question.rows, question.grid
    prepared: dict[int, Any] = {}

    def integrand(
        part: slice, scenario: int, betas: FloatArray, gradient: bool
    ) -> tuple[FloatArray, FloatArray | None]:
        if scenario not in prepared:
            prepared.clear()
            prepared[scenario] = (
                *scenario_rows(rows, grid, scenario, [None, variable]),
                values_under(rows, grid, scenario, variable),
            )
        at, by, x = prepared[scenario]
        design, slope = at(part), by(part)
        factor = 1.0 if kind == "eydx" else x[part][:, None]
        change = slope @ betas.T
        if kind == "dyex":
            return factor * change, factor * slope if gradient else None
        mean = design @ betas.T
        _check_mean(mean, kind, variable)
        ratio = change / mean
        return factor * ratio, factor * (slope - ratio * design) / mean if gradient else None

    return row_effect(question, params, labels, integrand)


def log_change_effect(
    question: Question, params: FloatArray, labels: Sequence[str], grids: tuple[Grid, Grid]
) -> Estimand:
    """Average per-row changes of the log mean response between two grids, first minus second."""
    rows = question.rows

    def integrand(
        part: slice, scenario: int, betas: FloatArray, gradient: bool
    ) -> tuple[FloatArray, FloatArray | None]:
        value: Any = 0.0
        jac: Any = 0.0
        for sign, grid in zip((1.0, -1.0), grids, strict=True):
            (at,) = scenario_rows(rows, grid, scenario, [None])
            design = at(part)
            mean = design @ betas.T
            if (mean <= 0).any():
                raise NumericalError(
                    "eydx: a proportional change needs positive mean responses; some row has "
                    f"{mean.min():.6g}. Use dydx."
                )
            value = value + sign * np.log(mean)
            if gradient:
                jac = jac + sign * design / mean
        return value, jac if gradient else None

    return row_effect(question, params, labels, integrand)


def values_under(rows: Rows, grid: Grid, scenario: int, variable: str) -> FloatArray:
    """Return a variable's values over the rows under one scenario."""
    if variable in grid.pins:
        return np.full(rows.n, float(grid.pins[variable].iloc[scenario]))
    column = rows.columns[variable]
    if variable in grid.shifts:
        column = shift(rows.variables[variable], grid.shifts[variable], column, rows.n)
    return np.asarray(column, dtype=float)


def _check_mean(mean: FloatArray, kind: str, variable: str) -> None:
    if (mean == 0.0).any() or ((mean > 0).any() and (mean < 0).any()):
        raise NumericalError(
            f"{kind}: the mean response is zero or changes sign over the rows (smallest "
            f"{mean.min():.6g}, largest {mean.max():.6g}), so a proportional change with respect "
            f"to {variable!r} is not defined. Use dydx."
        )
