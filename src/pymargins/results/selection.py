"""Rows of a result picked by the columns of its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isclose, isnan
from typing import Any

import numpy as np

from pymargins._typing import AnyArray, IntArray
from pymargins.errors import ArgumentError, listing, near_miss, unknown_name
from pymargins.estimands.columns import Columns
from pymargins.values import value_text

#: Numbers are the same where they differ by no more than rounding.
SAME = 1e-9


def rows_where(columns: Columns, wanted: Mapping[str, Any], size: int) -> IntArray:
    """Return the rows in which every column named has one of the values wanted of it.

    Raises
    ------
    UnknownNameError
        For a column that the rows do not have.
    ArgumentError
        For a value that no row has, and for values that no row has together.
    """
    if not wanted:
        raise ArgumentError("where: name at least one column, as in where(school='A').")
    kept = np.ones(size, dtype=bool)
    for name, given in wanted.items():
        # tables add an underscore to a variable that bears the name of one of their own columns
        plain = name if name in columns else name.removesuffix("_")
        if plain not in columns:
            raise unknown_name("where", name, columns, "a column of these rows")
        kept &= _has_one_of(name, columns[plain], given)
    if not kept.any():
        raise ArgumentError(f"where: no row has {listing(wanted)} with these values together.")
    return np.flatnonzero(kept)


def _has_one_of(name: str, values: Sequence[Any], given: Any) -> AnyArray:
    several = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
    hit = np.zeros(len(values), dtype=bool)
    for value in list(given) if several else [given]:
        same = np.array([_same(value, v) for v in values], dtype=bool)
        if not same.any():
            known = list(dict.fromkeys(values))
            raise ArgumentError(
                f"where: no row has {name} = {value!r}. Values: {listing(map(value_text, known))}."
                f"{near_miss(value, known)}"
            )
        hit |= same
    if not hit.any():
        raise ArgumentError(f"where: {name!r} was given no value.")
    return hit


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (float, np.floating)) or isinstance(b, (float, np.floating)):
        try:
            return isclose(a, b, rel_tol=SAME) or (isnan(a) and isnan(b))
        except TypeError:
            return False
    return bool(a == b)
