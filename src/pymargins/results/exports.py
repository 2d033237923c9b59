"""A result as a table of other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pymargins.report.figures import Figures

COLUMNS = ("label", "estimate", "std_error", "statistic", "df", "p_value", "ci_lower", "ci_upper")


def table_frame(figures: Figures) -> pd.DataFrame:
    """Return figures as a pandas data frame, one row an estimate."""
    data: dict[str, Any] = {"label": list(figures.labels)}
    for name, values in figures.columns.items():
        while name in COLUMNS or name in data:
            name += "_"
        data[name] = _column(values)
    data |= {name: getattr(figures, name) for name in COLUMNS if name != "label"}
    return pd.DataFrame(data)


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
