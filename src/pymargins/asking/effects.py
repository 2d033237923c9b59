"""Slopes, discrete changes and elasticities of one variable, as estimands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pymargins.errors import ArgumentError
from pymargins.estimands.averages import average_of, row_average, slopes_of
from pymargins.estimands.chunks import Question
from pymargins.estimands.columns import with_effect
from pymargins.estimands.nodes import Estimand, Sum
from pymargins.estimands.outcomes import crossed
from pymargins.estimands.quantities import Elasticity, ElasticityOf, LogOf
from pymargins.estimands.scenes import Grid
from pymargins.models.means import Mean
from pymargins.models.variables import Variable
from pymargins.values import value_texts


def slope_effects(
    question: Question, mean: Mean, names: Sequence[str], kind: Elasticity | None, mixed: bool
) -> dict[str, Estimand]:
    """Build the average slopes, or elasticities, by numeric variables.

    `mixed` is whether they stand among discrete changes, and need the columns of these.
    """
    named = {name: _named(question, name, mixed=mixed) for name in names}
    if kind is None:
        return slopes_of(mean, named)
    return {
        name: row_average(asked, ElasticityOf(mean, name, kind)) for name, asked in named.items()
    }


def change_effects(
    question: Question, mean: Mean, variable: Variable, kind: Elasticity | None
) -> list[Estimand]:
    """Build the discrete changes of a categorical variable: each level from the reference."""
    _check_change(question.grid, variable, kind)
    if len(variable.levels) < 2:
        raise ArgumentError(
            f"{kind or 'dydx'}: {variable.name!r} has one level only; nothing changes."
        )
    text = dict(zip(variable.levels, value_texts(variable.levels), strict=True))
    every = _average(_at_levels(question, variable), mean, kind)
    size, outcomes = len(variable.levels), len(mean.outcomes)
    rows = np.arange(len(every)).reshape(-1, size, outcomes)
    base = variable.levels.index(variable.reference)
    parts: list[Estimand] = []
    for i, level in enumerate(variable.levels):
        if i == base:
            continue
        change = f"{text[level]} - {text[variable.reference]}"
        named = _named(question, variable.name, change, mixed=True)
        labels, columns = crossed(named.labels, named.columns, mean.outcomes)
        moved, before = every[rows[:, i].ravel()], every[rows[:, base].ravel()]
        parts.append(Sum(moved, before, labels, (1.0, -1.0), columns))
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
    return average_of(mean, question) if kind is None else row_average(question, LogOf(mean))


def _named(question: Question, term: str, change: str = "", *, mixed: bool) -> Question:
    """Put an effect's name before the scenario of each row, and into columns of its own."""
    effect = f"{term}: {change}" if change else term
    labels = tuple(f"{effect}{suffix}" for suffix in question.labels)
    columns = with_effect(question.columns, len(labels), term, change if mixed else None)
    return replace(question, labels=labels, columns=columns)


def _at_levels(question: Question, variable: Variable) -> Question:
    """Set a categorical variable to each of its levels in every scenario, levels fastest."""
    grid, size = question.grid, len(variable.levels)
    outer = np.repeat(np.arange(grid.size), size)
    pins = {k: c.iloc[outer].reset_index(drop=True) for k, c in grid.pins.items()}
    pins[variable.name] = variable.column(list(variable.levels) * grid.size)
    names = [f"{variable.name}={text}" for text in value_texts(variable.levels)]
    labels = tuple(name + label for label in question.labels for name in names)
    return Question(question.population, Grid(len(outer), pins, grid.shifts), labels)
