"""The clusters of a MixedLM: which data tell the level of a row, and where its effects stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.adapters.mixedlm_rows import Arrays
from pymargins.errors import UnsupportedError
from pymargins.mixed import MixedData
from pymargins.mixed.prediction.columns import EffectColumns
from pymargins.models.clusters import ClusterMean, ClusterTerm, joined_codes
from pymargins.models.means import Predictor
from pymargins.models.random_part import RandomPart

PREDICTED = 'random_effects="predicted"'


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """What the levels of a fit are told from.

    Parameters
    ----------
    arrays : Arrays
    groups : ndarray, shape (n,)
        The group of each row.
    frame : DataFrame
        The rows of the fit.
    group_name : str or None
        The column of the groups.
    """

    arrays: Arrays
    groups: IntArray
    frame: pd.DataFrame
    group_name: str | None

    def mean(self, data: MixedData, part: RandomPart, names: Sequence[str]) -> ClusterMean:
        """Return the mean of rows in their own clusters.

        Parameters
        ----------
        data : MixedData
        part : RandomPart
        names : sequence of str
            Of the effects that vary together.

        Raises
        ------
        UnsupportedError
            Where no column of the data tells the levels.
        """
        columns = EffectColumns.of(data)
        terms: list[ClusterTerm] = []
        if part.effects:
            places = np.arange(data.n_groups) * data.q
            together = tuple(range(part.effects))
            terms.append(self._term(self._own, self.groups, places, tuple(names), together, 0))
        for c in range(part.components):
            own = [part.effects + k for k, owner in enumerate(part.owners) if owner == c]
            terms += self._component(c, own, part.design.names, columns)
        stride = part.effects + part.components
        return ClusterMean(Predictor(), tuple(terms), columns.size, stride)

    @property
    def _own(self) -> tuple[str, ...]:
        if self.group_name is None:
            raise UnsupportedError(
                f"{PREDICTED}: no column of the data holds the groups, so that rows cannot be told "
                "apart by them. Fit with groups= the name of a column, or pass the data that has "
                "it: Margins(fit, data=df)."
            )
        return (self.group_name,)

    def _component(
        self, c: int, own: Sequence[int], names: Sequence[str], columns: EffectColumns
    ) -> list[ClusterTerm]:
        arrays, offset = self.arrays, len(self.arrays.effect_names) + c
        name, first = arrays.component_names[c], columns.first[:, c]
        level = _levels(arrays.components[c], self.groups)
        if level is None:
            if len(own) == 1:
                raise UnsupportedError(
                    f"{PREDICTED}: rows of the component {name!r} have several levels at once, "
                    "which no column of the data can tell."
                )
            return [
                self._term(
                    self._own,
                    self.groups,
                    first + k,
                    (names[j],),
                    (j,),
                    offset,
                    f"{name}: {names[j]}",
                )
                for k, j in enumerate(own)
            ]
        effects = (names[own[0]] if names[own[0]] != name else "Intercept",)
        if (columns.widths[:, c] <= 1).all():
            return [self._term(self._own, self.groups, first, effects, tuple(own), offset, name)]
        place = np.where(level >= 0, first[self.groups] + level, -1)
        keys = self._keys(name, arrays.component_columns[c], place)
        codes, kept = place[place >= 0], place >= 0
        distinct, code = np.unique(codes, return_inverse=True)
        return [self._term(keys, code.ravel(), distinct, effects, tuple(own), offset, name, kept)]

    def _keys(self, name: str, columns: Any, place: IntArray) -> tuple[str, ...]:
        """Find the columns of the data that tell the levels, by the names of the fit's columns."""
        several = len(columns) > 1
        outer = self._own if several else ()
        texts = dict.fromkeys(re.sub(r"\[[^\]]*\]", "", str(t)) for own in columns for t in own)
        named = [
            str(c)
            for c in self.frame.columns
            if any(re.search(rf"(?<!\w){re.escape(str(c))}(?!\w)", text) for text in texts)
        ]
        factors = [c for c in named if c not in outer]
        tries = [(*outer, *factors), *((*outer, c) for c in factors)]
        tries += [(*outer, str(c)) for c in self.frame.columns if c == name]
        for keys in tries:
            if len(keys) > len(outer) and _tell(self.frame, keys, place):
                return keys
        raise UnsupportedError(
            f"{PREDICTED}: no column of the data tells the levels of the component {name!r}. Give "
            'it the formula "0 + C(column)" in vc_formula, or pass the data that has the column: '
            "Margins(fit, data=df)."
        )

    def _term(
        self,
        keys: tuple[str, ...],
        codes: AnyArray,
        places: AnyArray,
        effects: tuple[str, ...],
        columns: tuple[int, ...],
        offset: int,
        name: str = "",
        kept: AnyArray | None = None,
    ) -> ClusterTerm:
        """Build a term from the code 0..L-1 of each row (of those kept) and the places of codes."""
        rows = np.arange(len(self.frame)) if kept is None else np.flatnonzero(kept)
        data: dict[str, Any] = {key: self.frame[key].iloc[rows] for key in keys}
        _, first = np.unique(codes, return_index=True)
        values = tuple(map(seen_values, data.values()))
        none = np.zeros(0, dtype=np.intp)
        term = ClusterTerm(name or keys[-1], effects, columns, keys, values, none, none, offset)
        codes_of = [np.asarray(data[key].iloc[first], dtype=object) for key in keys]
        levels, _ = joined_codes(term.codes(codes_of), values)
        order = np.argsort(levels)
        own = np.asarray(places, dtype=np.intp)[order]
        return replace(term, levels=levels[order], places=own)


def seen_values(column: Any) -> tuple[Any, ...]:
    """Return the values of a column in their order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(v for v in column.cat.categories.tolist() if v in set(column))
    found = pd.unique(column).tolist()
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(sorted(found, key=str))


def _levels(matrices: Sequence[Any], groups: IntArray) -> IntArray | None:
    """Return the level of each row within its group, -1 where none shows; None for several."""
    out = np.full(len(groups), -1, dtype=np.intp)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(groups))[:-1])
    for rows, matrix in zip(members, matrices, strict=True):
        dense: FloatArray = np.asarray(
            matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=float
        )
        some = dense != 0.0
        if (some.sum(axis=1) > 1).any():
            return None
        out[rows] = np.where(some.any(axis=1), some.argmax(axis=1), -1)
    return out


def _tell(frame: pd.DataFrame, keys: Sequence[str], place: IntArray) -> bool:
    """Tell whether combinations of columns and levels belong to each other one to one."""
    known = place >= 0
    if frame.loc[known, list(keys)].isna().any(axis=None):
        return False
    joint = frame.loc[known, list(keys)].groupby(list(keys), sort=False, observed=True).ngroup()
    pairs = pd.DataFrame({"key": np.asarray(joint), "place": place[known]}).drop_duplicates()
    return bool(pairs["key"].is_unique and pairs["place"].is_unique)
