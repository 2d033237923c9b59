"""Names of variables that users write, checked against the model."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from pymargins.errors import (
    ArgumentTypeError,
    UnknownNameError,
    listing,
    near_miss,
    unknown_name,
)
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable


def pinnable(fitted: Fitted, name: Any, argument: str = "atexog") -> Variable:
    """Return a variable of the model by name, or say why it cannot be set."""
    if not isinstance(name, Hashable):
        raise ArgumentTypeError(f"{argument}: a variable is named by text, got {name!r}.")
    if isinstance(name, str) and name in fitted.variables:
        return fitted.variables[name]
    if name == fitted.facts.response or name in fitted.facts.response_variables:
        raise UnknownNameError(
            f"{argument}: {name!r} is the response of the model, which is predicted, not set."
        )
    if name == fitted.facts.group_name:
        raise UnknownNameError(
            f"{argument}: {name!r} is the grouping variable; random effects are integrated out, so "
            f'no figure depends on it. Margins(fit, random_effects="predicted") predicts for each '
            f"group; over={name!r} averages over each group's rows, with no effect of its own."
        )
    if name in fitted.frame.columns:
        raise UnknownNameError(
            f"{argument}: {name!r} is a column of the data but not a variable of the model's fixed "
            f"part, so it has no effect. Variables: {listing(fitted.variables)}."
            f"{near_miss(name, fitted.variables)}"
        )
    raise unknown_name(argument, name, fitted.variables, "a variable of the model")
