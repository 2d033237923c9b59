"""Slopes, discrete changes and elasticities of one variable, as estimands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pymargins.errors import ArgumentError
from pymargins.estimands.averages import Question, RowAverage, average_of
from pymargins.estimands.nodes import Estimand, Sum
from pymargins.estimands.quantities import Elasticity, ElasticityOf, LogOf
from pymargins.estimands.scenes import Grid
from pymargins.models.means import Mean
from pymargins.models.variables import Variable
from pymargins.values import value_texts


def slope_effect(question: Question, mean: Mean, name: str, kind: Elasticity | None) -> Estimand:
    """Build the average slope, or elasticity, by a numeric variable."""
    named = _named(question, name)
    if kind is None:
        return average_of(mean, named, slope=name)
    return RowAverage(named, ElasticityOf(mean, name, kind))


def change_effects(
    question: Question, mean: Mean, variable: Variable, kind: Elasticity | None
) -> list[Estimand]:
    """Build the discrete changes of a categorical variable: each level from the reference."""
    _check_change(question.grid, variable, kind)
    text = dict(zip(variable.levels, value_texts(variable.levels), strict=True))
    base = _average(_pinned(question, variable, variable.reference), mean, kind)
    parts: list[Estimand] = []
    for level in variable.levels:
        if level == variable.reference:
            continue
        change = f"{variable.name}: {text[level]} - {text[variable.reference]}"
        moved = _average(_pinned(question, variable, level), mean, kind)
        labels = _named(question, change).labels
        parts.append(Sum(moved, base, labels, (1.0, -1.0), question.columns))
    if not parts:
        raise ArgumentError(
            f"{kind or 'dydx'}: {variable.name!r} has one level only; nothing changes."
        )
    return parts


def _check_change(grid: Grid, variable: Variable, kind: Elasticity | None) -> None:
    name = variable.name
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


def _average(question: Question, mean: Mean, kind: Elasticity | None) -> Estimand:
    return average_of(mean, question) if kind is None else RowAverage(question, LogOf(mean))


def _named(question: Question, effect: str) -> Question:
    """Put an effect's name before the scenario of each row."""
    return replace(question, labels=tuple(f"{effect}{suffix}" for suffix in question.labels))


def _pinned(question: Question, variable: Variable, level: Any) -> Question:
    """Set a categorical variable to one level in every scenario."""
    grid = question.grid
    column = variable.column([level] * grid.size)
    pinned = Grid(grid.size, {**grid.pins, variable.name: column}, grid.shifts)
    return replace(question, grid=pinned)
