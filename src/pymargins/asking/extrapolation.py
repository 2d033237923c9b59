"""Values beyond those that were observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pymargins.facts import Extrapolation
from pymargins.models.fitted import Fitted


def beyond_observed(fitted: Fitted, columns: Mapping[str, Any]) -> list[Extrapolation]:
    """Name the numeric variables that leave their observed range in these columns."""
    notes: list[Extrapolation] = []
    for name, column in columns.items():
        variable = fitted.variables[name]
        if variable.kind != "numeric":
            continue
        values = variable.numbers(column)
        low, high = float(values.min()), float(values.max())
        if low < variable.low or high > variable.high:
            far = low if low < variable.low else high
            value = variable.of_numbers(np.array([far])).iloc[0] if variable.is_date else far
            notes.append(Extrapolation(name, value, *variable.ends))
    return notes
