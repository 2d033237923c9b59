"""The random effects of all clusters, as an estimand."""

from __future__ import annotations

from typing import Any

import numpy as np

from pymargins.errors import UnsupportedError
from pymargins.estimands.clusters import Effects
from pymargins.estimands.nodes import Estimand
from pymargins.models.clusters import ClusterMean, ClusterTerm
from pymargins.models.fitted import Fitted


def random_effects(fitted: Fitted) -> Estimand:
    """Return every predicted effect: by term, what varies, and level."""
    mean = fitted.mean
    if not isinstance(mean, ClusterMean):
        raise UnsupportedError(
            "random_effects: this session's figures are not of known clusters. Ask "
            'Margins(fit, random_effects="predicted").random_effects().'
        )
    columns: dict[str, list[Any]] = {"group": [], "term": [], "level": []}
    labels: list[str] = []
    places: list[Any] = [np.zeros(0, dtype=np.intp)]
    for term in mean.terms:
        levels = [_level(term, number) for number in term.levels.tolist()]
        for j, effect in enumerate(term.effects):
            places.append(term.places + j)
            labels += [f"{term.name}={level}: {effect}" for level in levels]
            columns["group"] += [term.name] * len(levels)
            columns["term"] += [effect] * len(levels)
            columns["level"] += levels
    return Effects(np.concatenate(places), mean.size, tuple(labels), columns)


def _level(term: ClusterTerm, number: int) -> Any:
    values = term.label(number)
    return values[0] if len(values) == 1 else ":".join(map(str, values))
