"""What the verbs ask, in the user's words, as estimands of mean responses.

Each function returns the estimand, untransformed, and facts about what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins.asking.atexog import extrapolations, parse_atexog, pinnable, scenario_grids
from pymargins.asking.effects import change_effects, slope_effect
from pymargins.asking.population import Population
from pymargins.asking.scenarios import parse_scenarios
from pymargins.asking.subgroups import parse_over
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.estimands.averages import Question, average_of
from pymargins.estimands.nodes import Estimand, stacked
from pymargins.facts import Extrapolation, Kind
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable

Verb: TypeAlias = Literal["dydx", "eyex", "eydx", "dyex"]

ELASTICITIES: dict[Verb, Kind] = {"eyex": Kind.EYEX, "eydx": Kind.EYDX, "dyex": Kind.DYEX}


def kind_of(verb: Verb, variables: Sequence[Variable]) -> Kind:
    """Tell what a verb gives: categories have discrete changes, not slopes."""
    if verb != "dydx":
        return ELASTICITIES[verb]
    numeric = [v.kind == "numeric" for v in variables]
    if all(numeric):
        return Kind.SLOPE
    return Kind.SLOPE_OR_CHANGE if any(numeric) else Kind.CHANGE


def predictions(
    fitted: Fitted, population: Population, atexog: Any, over: Any
) -> tuple[Estimand, list[Extrapolation]]:
    """Return mean responses over a grid, within subgroups."""
    points = parse_atexog(fitted, atexog)
    chunks, subgroups = population.stratify(parse_over(over, population.frame, fitted))
    labels, columns = points.table(subgroups)
    question = Question(chunks, points.grid, tuple(labels), columns)
    return average_of(fitted.mean, question), extrapolations(fitted, points.grid)


def scenario_means(
    fitted: Fitted, population: Population, scenarios: Any
) -> tuple[Estimand, list[Extrapolation]]:
    """Return the mean response of each scenario, in their order."""
    parsed = parse_scenarios(scenarios)
    chunks, _ = population.stratify([])
    labels = [s.label for s in parsed]
    parts: list[Estimand] = []
    order: list[int] = []
    notes: list[Extrapolation] = []
    for grid, places in scenario_grids(fitted, parsed):
        question = Question(chunks, grid, tuple(labels[i] for i in places))
        parts.append(average_of(fitted.mean, question))
        order += places
        notes += extrapolations(fitted, grid)
    return stacked(parts)[np.argsort(order)], list(dict.fromkeys(notes))


def effects(
    fitted: Fitted, population: Population, verb: Verb, variables: Any, atexog: Any, over: Any
) -> tuple[Estimand, list[Extrapolation], Kind]:
    """Return slopes, discrete changes or elasticities, variable by variable, and their kind."""
    names = _names(fitted, variables, verb)
    points = parse_atexog(fitted, atexog)
    chunks, subgroups = population.stratify(parse_over(over, population.frame, fitted))
    context, columns = points.table(subgroups, suffix=True)
    question = Question(chunks, points.grid, tuple(context), columns)
    kind = None if verb == "dydx" else verb
    parts: list[Estimand] = []
    for name in names:
        variable = fitted.variables[name]
        if variable.kind == "numeric":
            parts.append(slope_effect(question, fitted.mean, name, kind))
        else:
            parts += change_effects(question, fitted.mean, variable, kind)
    what = kind_of(verb, [fitted.variables[name] for name in names])
    return stacked(parts), extrapolations(fitted, points.grid), what


def _names(fitted: Fitted, variables: Any, verb: str) -> list[str]:
    if isinstance(variables, str) and variables == "all" and "all" not in fitted.variables:
        names = list(fitted.variables)
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
        pinnable(fitted, name, verb)
    if len(set(names)) < len(names):
        raise ArgumentError(f"{verb}: a variable is named twice in {names}.")
    return names
