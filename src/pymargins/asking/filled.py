"""What a name without values stands for: all levels, or a grid of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pymargins.asking.names import pinnable
from pymargins.asking.unfilled import Unfilled
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable

#: A number with more observed values than this becomes a grid of equally spaced ones ...
MOST_VALUES = 10
#: ... of so many, from the least to the greatest.
GRID = 25


def all_values(fitted: Fitted, variable: Variable) -> list[Any]:
    """Return all levels of a category; of a number its few observed values, or a grid."""
    if variable.kind != "numeric":
        return list(variable.levels)
    observed = np.unique(variable.numbers(fitted.frame[variable.name]))
    if len(observed) > MOST_VALUES:
        observed = np.linspace(variable.low, variable.high, GRID)
    elif not variable.is_date:
        return np.unique(np.asarray(fitted.frame[variable.name])).tolist()
    return variable.of_numbers(observed).tolist()


def as_mapping(atexog: Any) -> Any:
    """Turn a name, or a list of names, into a mapping that asks for all values of each."""
    if isinstance(atexog, str):
        return {atexog: ...}
    if not isinstance(atexog, (list, tuple)):
        return atexog
    for name in atexog:
        if not isinstance(name, str):
            raise ArgumentTypeError(
                f"atexog: {name!r} stands in a list of variable names; values belong into a "
                "mapping such as {'treated': [0, 1]}."
            )
        if atexog.count(name) > 1:
            raise ArgumentError(f"atexog: {name!r} is named twice.")
    if not atexog:
        raise ArgumentError("atexog: the list is empty; name a variable, or leave it out.")
    return dict.fromkeys(atexog, ...)


def filled(fitted: Fitted, scenarios: Any) -> Any:
    """Fill in the levels of a helper that was called without them; leave anything else alone.

    Raises
    ------
    ArgumentError
        For contrasts of a number with many values: no choice of levels is meant.
    """
    if not isinstance(scenarios, Unfilled):
        return scenarios
    variables = [pinnable(fitted, name, scenarios.helper) for name in scenarios.variables]
    values = {v.name: all_values(fitted, v) for v in variables}
    for variable in variables:
        if scenarios.helper not in ("levels", "grid"):
            _require_few(scenarios.helper, variable, values[variable.name])
    defaults: dict[str, Any] = {}
    if scenarios.helper == "reference" and variables[0].reference is not None:
        defaults["ref_level"] = variables[0].reference
    return scenarios.filled(values, **defaults)


def _require_few(helper: str, variable: Variable, values: Sequence[Any]) -> None:
    if variable.kind == "numeric" and len(values) > MOST_VALUES:
        raise ArgumentError(
            f"{helper}: {variable.name!r} is numeric with more than {MOST_VALUES} observed values "
            f"({variable.low:g} to {variable.high:g}); name those to contrast, as in "
            f"{helper}({variable.name!r}, [{variable.low:g}, {variable.high:g}])."
        )
