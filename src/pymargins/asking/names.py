"""Names of variables that users write, checked against the model."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Any

from pymargins.errors import (
    ArgumentTypeError,
    UnknownNameError,
    listing,
    near_miss,
    unknown_name,
)
from pymargins.models.clusters import ClusterMean
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
    if name == fitted.facts.group_name and isinstance(fitted.mean, ClusterMean):
        raise UnknownNameError(
            f"{argument}: {name!r} holds the groups of the fit, but has no random effect of its "
            f"own, so that no figure depends on it. Variables: {listing(fitted.variables)}."
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
    raise unknown_variable(argument, name, fitted.variables)


def unknown_variable(
    argument: str, name: Any, known: Iterable[Any], what: str = "a variable of the model"
) -> UnknownNameError:
    """Build the error for a name that is no variable: a term or a coefficient, or a slip."""
    text = str(name)
    parts = [v for v in known if re.search(rf"(?<!\w){re.escape(str(v))}(?!\w)", text)]
    if text.isidentifier() or not parts:
        return unknown_name(argument, name, known, what)
    named = repr(parts[0]) if len(parts) == 1 else f"[{listing(parts)}]"
    return UnknownNameError(
        f"{argument}: {name!r} is not {what}; formulas and coefficients are not read here. Name "
        f"what it is made of: {named}."
    )
