"""What varies between the groups of a MixedLM, named and counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from pymargins.facts import RandomTerm

INTERCEPT = "Intercept"


def random_terms(source: Any, group_name: str | None) -> tuple[RandomTerm, ...]:
    """Describe the random part of a statsmodels model.

    Parameters
    ----------
    source : MixedLM
    group_name : str or None
        The column of the groups.
    """
    groups = int(source.n_groups)
    terms: list[RandomTerm] = []
    if source.k_re:
        names = [str(name) for name in getattr(source.data, "exog_re_names", None) or ()]
        column = np.asarray(source.exog_re)
        effects = tuple(
            INTERCEPT if (column[:, j] == 1.0).all() else _plain(names, j, group_name)
            for j in range(source.k_re)
        )
        terms.append(RandomTerm(group_name or "group", effects, groups))
    components = source.exog_vc
    for name, columns in zip(components.names, components.colnames, strict=True):
        # one group holds all levels of crossed components; nested ones have their own in each
        terms.append(RandomTerm(str(name), (), sum(len(own) for own in columns)))
    return tuple(terms)


def _plain(names: list[str], j: int, group_name: str | None) -> str:
    name = names[j] if j < len(names) else f"effect {j}"
    return INTERCEPT if name == group_name else name
