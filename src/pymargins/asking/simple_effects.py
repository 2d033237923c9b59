"""Scenarios and contrasts, asked at each point of a grid and within each subgroup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.asking.atexog import Points, notes_of, parse_atexog, scenario_grids
from pymargins.asking.filled import filled
from pymargins.asking.outcomes import kept, parse_outcome
from pymargins.asking.population import AnyPopulation
from pymargins.asking.scenarios import Scenario, ScenarioSet, contrast_weights, parse_scenarios
from pymargins.errors import ArgumentError, listing
from pymargins.estimands.averages import average_of
from pymargins.estimands.chunks import Question
from pymargins.estimands.columns import in_common_of_blocks, with_contrast
from pymargins.estimands.nodes import Combine, Estimand, stacked
from pymargins.estimands.outcomes import outcome_labels
from pymargins.estimands.scenes import Grid
from pymargins.facts import Note
from pymargins.models.fitted import Fitted
from pymargins.values import value_text

#: The outcomes of a model that has one.
ONE = ("",)


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Named weights over the scenarios, in every context alike.

    Parameters
    ----------
    names : tuple of str
    matrix : ndarray, shape (m, S)
    context : tuple of str
        What the labels of each context end in.
    outcomes : tuple
        Each contrast is formed within each of them.
    """

    names: tuple[str, ...]
    matrix: FloatArray
    context: tuple[str, ...]
    outcomes: tuple[Any, ...] = ONE

    def of(self, means: Estimand) -> Estimand:
        """Contrast the means of each context, put on a scale."""
        size = len(self.outcomes)
        matrix = np.kron(self.matrix, np.eye(size))
        names = [name for _ in self.context for name in self.names for _ in range(size)]
        labels = tuple(name + suffix for suffix in self.context for name in self.names)
        labels = outcome_labels(labels, self.outcomes) if self.outcomes != ONE else labels
        columns = with_contrast(in_common_of_blocks(means.columns, matrix), names)
        return Combine(means, matrix, labels, columns)


@dataclass(frozen=True, slots=True)
class Asked:
    """Mean responses of scenarios, and what is to be made of them.

    Parameters
    ----------
    means : Estimand
        Subgroups outermost, then the points of the grid, then the scenarios, then outcomes.
    contrasts : Contrasts or None
    notes : list of facts
    """

    means: Estimand
    contrasts: Contrasts | None
    notes: list[Note]


def simple_effects(
    fitted: Fitted,
    population: AnyPopulation,
    scenarios: Any,
    contrasts: Any = None,
    *,
    atexog: Any = None,
    over: Any = None,
    outcome: Any = None,
    ratios: bool = False,
) -> Asked:
    """Ask for the means of scenarios in every context: a subgroup, a point of the grid.

    Parameters
    ----------
    scenarios : list of Scenario or mapping, or the return of a helper
    contrasts : list, mapping or array, optional
    atexog, over : optional
        The contexts.
    outcome : optional
        Which outcomes to keep.
    ratios : bool
        Whether contrasts are reported as ratios, for their names.
    """
    places = parse_outcome(fitted.mean, outcome)
    scenarios, contrasts = _pair(filled(fitted, scenarios), contrasts)
    parsed = parse_scenarios(scenarios)
    points = parse_atexog(fitted, atexog)
    _refuse_both(points, parsed)
    rows, subgroups = population.stratify(over)
    context, columns = points.table(subgroups, suffix=True)
    question = Question(rows, points.grid, tuple(context), columns)
    means, asked = _means(fitted, question, parsed)
    means = kept(means, fitted.mean, places)
    beyond = population.beyond
    told = (note for grid in asked for note in notes_of(fitted, grid, subgroups, beyond))
    notes = list(dict.fromkeys(told))
    if contrasts is None:
        return Asked(means, None, notes)
    named = contrast_weights(contrasts, [s.label for s in parsed], ratios=ratios)
    matrix = np.stack(list(named.values()))
    outcomes = tuple(fitted.mean.outcomes[i] for i in places)
    return Asked(means, Contrasts(tuple(named), matrix, tuple(context), outcomes), notes)


def _pair(scenarios: Any, contrasts: Any) -> tuple[Any, Any]:
    """Return scenarios and weights, of which a helper's return holds both."""
    if not isinstance(scenarios, ScenarioSet):
        return scenarios, contrasts
    if contrasts is not None:
        raise ArgumentError(
            "contrasts: the scenarios already come with weights; unpack them first: "
            "scenarios, weights = pairwise(...)."
        )
    return scenarios.scenarios, scenarios.weights


def _refuse_both(points: Points, scenarios: Sequence[Scenario]) -> None:
    set_twice = [
        name
        for name in (*points.grid.pins, *points.grid.shifts)
        if any(name in s.atexog for s in scenarios)
    ]
    if set_twice:
        raise ArgumentError(
            f"atexog: {listing(set_twice)} is set by the scenarios too. Leave it out of one of the "
            "two."
        )


def _means(
    fitted: Fitted, question: Question, scenarios: Sequence[Scenario]
) -> tuple[Estimand, list[Grid]]:
    """Return the mean of each scenario in each context, scenarios innermost, and the grids."""
    contexts, size = len(question.labels), len(scenarios)
    outcomes = len(fitted.mean.outcomes)
    parts: list[Estimand] = []
    places: list[IntArray] = []
    grids: list[Grid] = []
    for grid, positions in scenario_grids(fitted, scenarios):
        both = _both(question.grid, grid)
        some = [scenarios[i] for i in positions]
        labels = tuple(s.label + suffix for suffix in question.labels for s in some)
        columns = _columns(question, some)
        asked = replace(question, grid=both, labels=labels, columns=columns)
        parts.append(average_of(fitted.mean, asked))
        rows = (np.arange(contexts)[:, None] * size + positions).ravel()
        places.append((rows[:, None] * outcomes + np.arange(outcomes)).ravel())
        grids.append(both)
    order = np.argsort(np.concatenate(places))
    means = stacked(parts)
    return means if len(parts) == 1 else means[order], grids


def _both(points: Grid, scenarios: Grid) -> Grid:
    """Set every scenario at every point, scenarios fastest."""
    outer = np.repeat(np.arange(points.size), scenarios.size)
    inner = np.tile(np.arange(scenarios.size), points.size)
    pins = {
        name: column.iloc[rows].reset_index(drop=True)
        for grid, rows in ((points, outer), (scenarios, inner))
        for name, column in grid.pins.items()
    }
    return Grid(len(inner), pins, {**points.shifts, **scenarios.shifts})


def _columns(context: Question, scenarios: Sequence[Scenario]) -> dict[str, list[Any]]:
    """Return table columns: of the context, then of the variables that the scenarios set."""
    columns = {
        name: [value for value in values for _ in scenarios]
        for name, values in context.columns.items()
    }
    for name in scenarios[0].atexog:
        values = [s.atexog[name] for s in scenarios]
        column = f"at_{name}" if name in columns else name
        shown = [value_text(value) if callable(value) else value for value in values]
        columns[column] = shown * len(context.labels)
    return columns
