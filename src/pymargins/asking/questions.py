"""What the verbs ask, in the user's words, as estimands of mean responses.

Each function returns the estimand, untransformed, and facts about what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal, TypeAlias

from pymargins.asking.atexog import notes_of, parse_atexog
from pymargins.asking.effects import change_effects, slope_effects
from pymargins.asking.names import pinnable
from pymargins.asking.outcomes import kept, parse_outcome
from pymargins.asking.population import AnyPopulation
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.estimands.averages import average_of
from pymargins.estimands.chunks import Question
from pymargins.estimands.nodes import Estimand, stacked
from pymargins.facts import Kind, Note
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
    fitted: Fitted,
    population: AnyPopulation,
    atexog: Any,
    over: Any,
    outcome: Any = None,
) -> tuple[Estimand, list[Note]]:
    """Return mean responses over a grid, within subgroups."""
    places = parse_outcome(fitted.mean, outcome)
    points = parse_atexog(fitted, atexog)
    rows, subgroups = population.stratify(over)
    labels, columns = points.table(subgroups)
    question = Question(rows, points.grid, tuple(labels), columns)
    asked = kept(average_of(fitted.mean, question), fitted.mean, places)
    return asked, notes_of(fitted, points.grid, subgroups, population.beyond)


def effects(
    fitted: Fitted,
    population: AnyPopulation,
    verb: Verb,
    variables: Any,
    atexog: Any,
    over: Any,
    outcome: Any = None,
) -> tuple[Estimand, list[Note], Kind]:
    """Return slopes, discrete changes or elasticities, variable by variable, and their kind."""
    names = _names(fitted, variables, verb)
    places = parse_outcome(fitted.mean, outcome)
    points = parse_atexog(fitted, atexog)
    rows, subgroups = population.stratify(over)
    context, columns = points.table(subgroups, suffix=True)
    question = Question(rows, points.grid, tuple(context), columns)
    kind = None if verb == "dydx" else verb
    parts: list[Estimand] = []
    numeric = [name for name in names if fitted.variables[name].kind == "numeric"]
    mixed = len(numeric) < len(names)
    slopes = slope_effects(question, fitted.mean, numeric, kind, mixed)
    for name in names:
        variable = fitted.variables[name]
        if variable.is_date and kind in ("eyex", "dyex"):
            raise ArgumentError(
                f"{verb}: {name!r} is a date or a span of time, of which a proportional change has "
                "no meaning. Use dydx or eydx, whose unit is a day."
            )
        if name in slopes:
            parts.append(slopes[name])
        else:
            parts += change_effects(question, fitted.mean, variable, kind)
    what = kind_of(verb, [fitted.variables[name] for name in names])
    asked = kept(stacked(parts), fitted.mean, places)
    return asked, notes_of(fitted, points.grid, subgroups, population.beyond), what


def _names(fitted: Fitted, variables: Any, verb: str) -> list[str]:
    if isinstance(variables, str) and variables == "all" and "all" not in fitted.variables:
        names = [v.name for v in fitted.variables.values() if not v.open]  # clusters by name alone
    elif isinstance(variables, str):
        if variables == "*" and "*" not in fitted.variables:
            raise ArgumentError(f'{verb}: "*" is written "all" here: m.{verb}("all").')
        names = [variables]
    elif isinstance(variables, Iterable) and not isinstance(variables, (bytes, Mapping, Set)):
        names = list(variables)
    else:
        raise ArgumentTypeError(
            f'{verb}: expected a variable name, a list of names or "all", got {variables!r} '
            f"({type(variables).__name__})."
        )
    if not names:
        raise ArgumentError(f'{verb}: no variable to differentiate by; name one, or use "all".')
    for name in names:
        pinnable(fitted, name, verb)
    if len(set(names)) < len(names):
        raise ArgumentError(f"{verb}: a variable is named twice in {names}.")
    return names
