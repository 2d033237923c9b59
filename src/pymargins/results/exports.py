"""A result as a table of other libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pymargins._typing import FloatArray
from pymargins.report.figures import Figures

COLUMNS = ("estimate", "std_error", "statistic", "df", "p_value", "ci_lower", "ci_upper")

#: What stands in the place of a p-value where figures summarise a posterior.
DIRECTION = "p_direction"


def table_frame(figures: Figures) -> pd.DataFrame:
    """Return figures as a pandas data frame, one row an estimate."""
    numbers = {name: getattr(figures, name) for name in COLUMNS}
    if figures.facts.session.of_posterior:
        numbers = {{"p_value": DIRECTION}.get(name, name): one for name, one in numbers.items()}
    return labelled_frame(figures.labels, figures.columns, numbers)


def labelled_frame(
    labels: Sequence[str], columns: Mapping[str, Sequence[Any]], numbers: Mapping[str, FloatArray]
) -> pd.DataFrame:
    """Return labels, variables and numbers as a data frame.

    A variable with the name of another column gets a trailing underscore.
    """
    data: dict[str, Any] = {"label": list(labels)}
    for name, values in columns.items():
        while name in numbers or name in data:
            name += "_"
        data[name] = _column(values)
    return pd.DataFrame({**data, **numbers})


def as_polars(frame: pd.DataFrame) -> Any:
    """Return a data frame of polars."""
    try:
        import polars  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError("to_polars needs polars: pip install polars") from None
    frame = _of_one_type(frame)
    return polars.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def arrow_stream(frame: pd.DataFrame, requested_schema: Any) -> Any:
    """Return a data frame through the Arrow PyCapsule interface."""
    import pyarrow  # pyright: ignore[reportMissingImports]

    table = pyarrow.Table.from_pandas(_of_one_type(frame), preserve_index=False)
    return table.__arrow_c_stream__(requested_schema)


def _column(values: Sequence[Any]) -> Any:
    """Return a column of scenario values with the narrowest sensible type."""
    return pd.Series(list(values)).infer_objects()


def _of_one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Write columns of mixed values as text: other libraries' columns have one type."""
    mixed = [
        name
        for name in frame.columns
        if frame[name].dtype == object and len({type(v) for v in frame[name]}) > 1
    ]
    return frame.assign(**{name: frame[name].map(str) for name in mixed})
