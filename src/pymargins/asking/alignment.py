"""Values that come one a row: brought to the order of the rows by their index."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pymargins.errors import ArgumentError


def aligned(values: Any, index: pd.Index | None, argument: str, n: int) -> Any:
    """Return a series in the order of rows with an index; leave what has no index alone.

    A series may hold more rows than are asked for, such as those that a fit dropped as missing.

    Parameters
    ----------
    values : Any
    index : Index or None
        Of the rows, as the user's frame had it; None where it is not known: then a series is
        taken where it is plainly in the order of the rows, numbered from 0.
    argument : str
        How messages call the values.
    n : int
        The number of rows.

    Raises
    ------
    ArgumentError
        Where the index of the series does not name every row, each once, or cannot be compared.
    """
    if not isinstance(values, pd.Series):
        return values
    if values.index.equals(pd.RangeIndex(n) if index is None else index):
        return values
    plain = f"Where they are in the order of the rows, pass {argument}.to_numpy()."
    if index is None:
        raise ArgumentError(
            f"{argument}: this class of models does not keep the index of its {n} rows, so that a "
            f"series cannot be matched with them by its own. {plain}"
        )
    if not (values.index.is_unique and index.is_unique):
        raise ArgumentError(
            f"{argument}: the index of this series, or of the rows it belongs to, names some rows "
            f"twice, so that they cannot be matched. {plain}"
        )
    lacking = index[~index.isin(values.index)]
    if len(lacking):
        raise ArgumentError(
            f"{argument}: the index of this series does not match that of the {n} rows: "
            f"{len(lacking)} of them are not in it, such as {lacking[0]!r}. {plain}"
        )
    return values.reindex(index)
