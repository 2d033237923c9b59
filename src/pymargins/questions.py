"""What the verbs ask, in the user's words, as estimands of mean responses.

Each function returns the estimand, untransformed, and notes on what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins.effects import Question, change_effects, joined, linear_effect, slope_effect
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.estimand import Estimand
from pymargins.grids import extrapolations, parse_atexog, pinnable, scenario_grids
from pymargins.model import ModelView, Variable
from pymargins.population import Population, parse_over
from pymargins.scenarios import parse_scenarios

Verb: TypeAlias = Literal["dydx", "eyex", "eydx", "dyex"]

QUANTITY: dict[Verb, str] = {
    "dydx": "average slope (dydx)",
    "eyex": "average elasticity (eyex)",
    "eydx": "average semi-elasticity (eydx)",
    "dyex": "average semi-elasticity (dyex)",
}


def quantity_of(verb: Verb, variables: Sequence[Variable]) -> str:
    """Name what a verb gives: categories have discrete changes, not slopes."""
    numeric = [v.kind == "numeric" for v in variables]
    if verb != "dydx" or all(numeric):
        return QUANTITY[verb]
    return f"average {'slope or ' if any(numeric) else ''}discrete change (dydx)"


def predictions(
    view: ModelView, population: Population, atexog: Any, over: Any
) -> tuple[Estimand, list[str]]:
    """Return mean responses over a grid, within subgroups."""
    points = parse_atexog(view, atexog)
    rows, strata, subgroups = population.stratify(parse_over(over, population.frame, view))
    labels, columns = points.table(subgroups)
    question = Question(rows, points.grid, strata, labels, columns)
    estimand = linear_effect(question, view.params, labels, [(1.0, points.grid, None)])
    return estimand, extrapolations(view, points.grid)


def means(view: ModelView, population: Population, scenarios: Any) -> tuple[Estimand, list[str]]:
    """Return the mean response of each scenario, in their order."""
    parsed = parse_scenarios(scenarios)
    rows, _, _ = population.stratify([])
    labels = [s.label for s in parsed]
    parts: list[Estimand] = []
    order: list[int] = []
    notes: list[str] = []
    for grid, places in scenario_grids(view, parsed):
        names = [labels[i] for i in places]
        question = Question(rows, grid, None, names, {})
        parts.append(linear_effect(question, view.params, names, [(1.0, grid, None)]))
        order += places
        notes += extrapolations(view, grid)
    return joined(parts)[np.argsort(order)], list(dict.fromkeys(notes))


def effects(
    view: ModelView, population: Population, verb: Verb, variables: Any, atexog: Any, over: Any
) -> tuple[Estimand, list[str], str]:
    """Return slopes, discrete changes or elasticities, variable by variable, and their name."""
    names = _names(view, variables, verb)
    points = parse_atexog(view, atexog)
    rows, strata, subgroups = population.stratify(parse_over(over, population.frame, view))
    context, columns = points.table(subgroups, suffix=True)
    question = Question(rows, points.grid, strata, context, columns)
    kind = None if verb == "dydx" else verb
    parts: list[Estimand] = []
    for name in names:
        variable = view.variables[name]
        if variable.kind == "numeric":
            parts.append(slope_effect(question, view.params, name, kind))
        else:
            parts += change_effects(question, view.params, variable, kind)
    quantity = quantity_of(verb, [view.variables[name] for name in names])
    return joined(parts), extrapolations(view, points.grid), quantity


def _names(view: ModelView, variables: Any, verb: str) -> list[str]:
    if isinstance(variables, str) and variables == "all" and "all" not in view.variables:
        names = list(view.variables)
    elif isinstance(variables, str):
        names = [variables]
    elif isinstance(variables, Iterable) and not isinstance(variables, (bytes, Mapping, Set)):
        names = list(variables)
    else:
        raise ArgumentTypeError(
            f'{verb}: expected a variable name, a list of names or "all", got '
            f"{type(variables).__name__}."
        )
    if not names:
        raise ArgumentError(f'{verb}: no variable to differentiate by; name one, or use "all".')
    for name in names:
        pinnable(view, name, verb)
    if len(set(names)) < len(names):
        raise ArgumentError(f"{verb}: a variable is named twice in {names}.")
    return names
