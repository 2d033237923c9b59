"""What is given as a population that need not fit in memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymargins.asking.sources import (
    AGAIN,
    ArrowSource,
    ArrowStream,
    DaskSource,
    DatasetSource,
    LazySource,
    PathSource,
    RelationSource,
    Source,
)
from pymargins.errors import ArgumentTypeError


def source_of(at: Any) -> Source | None:
    """Return where a population is read from; None for what is none that is read in pieces.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what can be read once, and for paths of other files than Parquet.
    UnsupportedError
        For a polars that hands over no batches.
    """
    if isinstance(at, os.PathLike) or (isinstance(at, str) and _is_path(at)):
        return PathSource.of(Path(at))
    if isinstance(at, Iterator):
        raise ArgumentTypeError(
            f"at: a {type(at).__name__} can be read once, and every question reads the population "
            f"again. {AGAIN}"
        )
    if _is_a(at, "pyarrow.dataset", "Dataset"):
        return DatasetSource(at, "a pyarrow dataset")
    if _is_a(at, "polars", "LazyFrame"):
        return LazySource(at)
    if _is_a(at, "narwhals", "LazyFrame"):
        native: Any = at
        return source_of(native.to_native())
    if _is_a(at, "duckdb", "DuckDBPyRelation"):
        return RelationSource(at)
    if _is_a(at, "dask.dataframe", "DataFrame"):
        return DaskSource(at)
    return ArrowSource.of(at) if isinstance(at, ArrowStream) else None


def _is_a(value: object, module: str, name: str) -> bool:
    """Tell whether a value is of a class of a library that may not even be there."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _is_path(text: str) -> bool:
    """Tell a path from a misspelt name of a population."""
    return bool(Path(text).suffix) or any(mark in text for mark in "/\\") or os.path.exists(text)
