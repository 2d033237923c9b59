"""Subgroups of a population: the observed combinations of some columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import IntArray
from pymargins.asking.frames import no_column
from pymargins.errors import ArgumentError, ArgumentTypeError, UnknownNameError, listing
from pymargins.estimands.rows import Strata
from pymargins.models.fitted import Fitted


def over_names(over: Any) -> list[str]:
    """Return the `over` columns as a list of different names."""
    if over is None:
        return []
    if isinstance(over, (Mapping, Set)) or not isinstance(over, Iterable):
        raise ArgumentTypeError(
            f"over: expected a column name or a list of names, got {type(over).__name__}."
        )
    names = [over] if isinstance(over, str) else list(over)
    if not names:
        raise ArgumentError("over: the list is empty; name one or more columns, or leave it out.")
    for name in names:
        if not isinstance(name, Hashable):
            raise ArgumentTypeError(f"over: a column is named by text, got {name!r}.")
    if len(set(names)) < len(names):
        raise ArgumentError(f"over: a column is named twice in {names}.")
    return names


def parse_over(over: Any, frame: pd.DataFrame, fitted: Fitted) -> list[str]:
    """Return the `over` columns as a list of names that exist and have no missing value."""
    names = over_names(over)
    for name in names:
        if name not in frame.columns and name in fitted.frame.columns:
            raise UnknownNameError(
                f"over: {name!r} is a column of the data, but the population of this session holds "
                f'{listing(frame.columns)} only. Use at="overall", or a data frame that has it.'
            )
        if name not in frame.columns:
            own = frame is fitted.frame
            raise no_column("over", name, frame, own and fitted.facts.incomplete)
        missing = int(frame[name].isna().sum())
        if missing:
            raise ArgumentError(
                f"over: column {name!r} has {missing} missing value(s) in {len(frame)} rows; fill "
                "them or leave those rows out of the population."
            )
    return names


def subgroups_of(frame: pd.DataFrame, over: Sequence[str]) -> tuple[Strata | None, pd.DataFrame]:
    """Return the subgroup of each row, and one row of labels a subgroup."""
    if not over:
        return None, pd.DataFrame(index=[0])
    joint = np.zeros(len(frame), dtype=np.intp)
    levels: list[Any] = []
    for name in over:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes, values = np.asarray(column.cat.codes), column.cat.categories
        else:
            codes, values = _factorized(name, column)
        levels.append(values)
        joint = joint * len(values) + codes
    present, codes = _present(joint, prod(len(values) for values in levels))
    labels: dict[str, Any] = {}
    rest = present
    for name, values in zip(reversed(over), reversed(levels), strict=True):
        rest, position = np.divmod(rest, len(values))
        labels[name] = np.asarray(values)[position]
    frame_of_labels = pd.DataFrame({name: labels[name] for name in over})
    return Strata(codes.astype(np.intp).ravel(), len(present)), frame_of_labels


def _present(joint: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Return the numbers below `size` that occur, sorted, and the place of each among them."""
    if size > len(joint):
        present, codes = np.unique(joint, return_inverse=True)
        return present, codes.ravel()
    occurs = np.bincount(joint, minlength=size) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[joint]


def _factorized(name: str, column: Any) -> tuple[Any, Any]:
    try:
        return pd.factorize(column, sort=True)
    except TypeError:
        raise ArgumentError(
            f"over: column {name!r} holds values that cannot be told apart as subgroups "
            f"({type(column.iloc[0]).__name__})."
        ) from None
