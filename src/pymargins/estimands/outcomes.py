"""Rows of several outcomes: how each is named in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymargins.estimands.columns import Columns
from pymargins.values import value_text

#: The column that holds the outcome of each row.
OUTCOME = "outcome"
#: How a row is called that no variable tells apart from others.
UNNAMED = "mean response"


def crossed(
    labels: Sequence[str], columns: Columns, outcomes: Sequence[Any]
) -> tuple[tuple[str, ...], Columns]:
    """Repeat each row once an outcome, and name the outcome in its label and first column.

    A single outcome needs no name. A variable that is called ``outcome`` gives way: its column is
    ``outcome_``.
    """
    if len(outcomes) == 1:
        return tuple(labels), columns
    out: dict[str, Sequence[Any]] = {OUTCOME: list(outcomes) * len(labels)}
    for name, values in columns.items():
        out[f"{name}_" if name in out else name] = [v for v in values for _ in outcomes]
    return outcome_labels(labels, outcomes), out


def outcome_labels(labels: Sequence[str], outcomes: Sequence[Any]) -> tuple[str, ...]:
    """Name the outcome in each label: ``"age=30, outcome=high"``; ``"outcome <= high"``."""
    names = [value_text(one) for one in outcomes]
    own = [f"{OUTCOME}{' ' if name.startswith('<=') else '='}{name}" for name in names]
    return tuple(
        name if label == UNNAMED else f"{label}, {name}" for label in labels for name in own
    )
