"""Which outcomes of a model with several are asked for, and how rows name theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from pymargins._typing import IntArray
from pymargins.errors import ArgumentError, ArgumentTypeError, unknown_name
from pymargins.estimands.nodes import Estimand
from pymargins.models.means import Mean


def parse_outcome(mean: Mean, outcome: Any) -> IntArray:
    """Return the positions of the outcomes that are asked for: all by default.

    Raises
    ------
    ArgumentError
        Where the model has one outcome only.
    UnknownNameError
        For an outcome that the model does not have.
    """
    known = mean.outcomes
    if outcome is None:
        return np.arange(len(known))
    if len(known) == 1:
        raise ArgumentError(
            f"outcome: got {outcome!r}, but this session has one outcome only; leave it out."
        )
    if isinstance(outcome, (Mapping, Set)):
        raise ArgumentTypeError(
            f"outcome: expected an outcome or a list of them, got {type(outcome).__name__}."
        )
    several = isinstance(outcome, Iterable) and not isinstance(outcome, (str, bytes))
    asked = list(outcome) if several else [outcome]
    if not asked:
        raise ArgumentError("outcome: the list is empty; name one or more, or leave it out.")
    places = [_place(known, one) for one in asked]
    if len(set(places)) < len(places):
        raise ArgumentError(f"outcome: an outcome is named twice in {asked}.")
    return np.array(places, dtype=np.intp)


def _place(known: Sequence[Any], asked: Any) -> int:
    """Find an outcome by its label, or by the text of its label."""
    if isinstance(asked, np.generic):
        asked = asked.item()
    for same in (lambda one: one == asked, lambda one: str(one) == str(asked)):
        found = [i for i, one in enumerate(known) if same(one)]
        if found:
            return found[0]
    raise unknown_name("outcome", asked, known, "an outcome of the model")


def kept(estimand: Estimand, mean: Mean, places: IntArray) -> Estimand:
    """Keep some outcomes of an estimand whose rows have all of them, innermost."""
    size = len(mean.outcomes)
    if len(places) == size and (places == np.arange(size)).all():
        return estimand
    starts = np.arange(0, len(estimand), size)
    return estimand[(starts[:, None] + places).ravel()]
