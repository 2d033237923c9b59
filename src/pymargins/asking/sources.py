"""Where the rows of a population come from that need not fit in memory.

A source opens an Arrow stream as often as it is asked to, of the columns that are wanted.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError

#: Rows that are asked for at a time: enough for arrays, few enough for memory.
ROWS = 131_072
#: What to give instead of what is read once.
AGAIN = (
    "Give what it is read from: the path of a Parquet file, a pyarrow dataset, a DuckDB relation, "
    "a polars LazyFrame. Or write it to Parquet first; or, where it fits in memory, give a data "
    "frame."
)

#: pyarrow's record batches, one after the other.
Batches: TypeAlias = "Iterator[Any]"


class Source(ABC):
    """Rows that can be read again and again.

    Parameters
    ----------
    name : str
        How tables call it: ``"population.parquet"``.
    columns : tuple of str
    """

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name = name
        self.columns = tuple(columns)

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def opened(self, columns: Sequence[str]) -> AbstractContextManager[Batches]:
        """Open a new stream of some columns."""


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that hands over Arrow data as a stream (the PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return a new stream."""
        ...


def source_of(at: Any) -> Source | None:
    """Return where a population is read from; None for what is no stream.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what can be read once, and for paths of other files than Parquet.
    UnsupportedError
        For a polars that hands over no batches.
    """
    if isinstance(at, os.PathLike) or (isinstance(at, str) and _is_path(at)):
        return _of_path(Path(at))
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
    return StreamSource.of(at) if isinstance(at, ArrowStream) else None


def _is_a(value: object, module: str, name: str) -> bool:
    """Tell whether a value is of a class of a library that may not even be there."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def arrow() -> Any:
    """Return pyarrow."""
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            "at: populations that are read in pieces need pyarrow: pip install pyarrow"
        ) from None
    return pyarrow


# --- Parquet and datasets ------------------------------------------------------------------------


def _is_path(text: str) -> bool:
    """Tell a path from a misspelt name of a population."""
    return bool(Path(text).suffix) or any(mark in text for mark in "/\\") or os.path.exists(text)


def _of_path(path: Path) -> Source:
    if not path.exists():
        raise ArgumentError(f"at: there is no file or folder {str(path)!r}.")
    if path.is_file() and path.suffix.lower() not in (".parquet", ".pq", ".parq"):
        raise ArgumentError(
            f"at: paths are read as Parquet, got {path.name!r}. For another format give a dataset: "
            f'pyarrow.dataset.dataset({path.name!r}, format="csv").'
        )
    try:
        return PathSource(path)
    except (OSError, ValueError) as error:
        raise ArgumentError(f"at: {path.name!r} cannot be read as Parquet: {error}") from error


class DatasetSource(Source):
    """A pyarrow dataset: Parquet files, or others that it reads."""

    def __init__(self, dataset: Any, name: str) -> None:
        super().__init__(name, dataset.schema.names)
        self.dataset = dataset

    def count(self) -> int:
        """Return the number of rows; files of Parquet have it at their end."""
        return self.dataset.count_rows()

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Generator[Batches]:
        """Open a new stream of some columns, read ahead by a few batches only."""
        ahead = {"batch_size": ROWS, "batch_readahead": 2, "fragment_readahead": 1}
        scanner = self.dataset.scanner(columns=list(columns), **ahead)
        with scanner.to_reader() as reader:
            yield iter(reader)


class PathSource(Source):
    """A Parquet file, or a folder of them, found anew whenever it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path.name, self._found().columns)

    def _found(self) -> DatasetSource:
        arrow()
        from pyarrow import dataset  # pyright: ignore[reportMissingImports]

        found = dataset.dataset(self.path, format="parquet", partitioning="hive")
        return DatasetSource(found, self.path.name)

    def count(self) -> int:
        """Return the number of rows."""
        return self._found().count()

    def opened(self, columns: Sequence[str]) -> AbstractContextManager[Batches]:
        """Open a new stream of some columns."""
        return self._found().opened(columns)


# --- queries that are run when they are read -----------------------------------------------------


class LazySource(Source):
    """A polars LazyFrame."""

    def __init__(self, frame: Any) -> None:
        super().__init__("a polars LazyFrame", frame.collect_schema().names())
        self.frame = frame
        if not callable(getattr(frame, "collect_batches", None)):
            raise UnsupportedError(
                "at: this version of polars hands over no batches of a LazyFrame; polars 1.34 "
                "does. Or give the path of the Parquet file, or frame.collect()."
            )

    def count(self) -> int:
        """Return the number of rows."""
        import polars  # pyright: ignore[reportMissingImports]

        return self.frame.select(polars.len()).collect().item()

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Generator[Batches]:
        """Run the query for some columns."""
        frames = self.frame.select(list(columns)).collect_batches(chunk_size=ROWS)
        yield (batch for frame in frames for batch in frame.to_arrow().to_batches())


class RelationSource(Source):
    """A DuckDB relation: a query on its connection, where it is the only one while it is read."""

    def __init__(self, relation: Any) -> None:
        super().__init__("a DuckDB relation", relation.columns)
        self.relation = relation

    def count(self) -> int:
        """Return the number of rows."""
        return self.relation.aggregate("count(*)").fetchall()[0][0]

    def opened(self, columns: Sequence[str]) -> AbstractContextManager[Batches]:
        """Run the query for some columns."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        query = self.relation.project(quoted)  # a relation of its own: old ones are read once
        read = getattr(query, "to_arrow_reader", None) or query.fetch_arrow_reader  # before 1.4
        return closing(read(ROWS))


class StreamSource(Source):
    """Anything with an Arrow stream that can be opened again; its rows are counted by reading."""

    def __init__(self, stream: ArrowStream, columns: Sequence[str], rows: int) -> None:
        super().__init__(f"a stream ({type(stream).__name__})", columns)
        self.stream = stream
        self.rows = rows

    @classmethod
    def of(cls, stream: ArrowStream) -> StreamSource:
        """Read a stream, and see whether it opens again."""
        with closing_stream(stream) as batches:
            names = batches.schema.names
            rows = sum(batch.num_rows for batch in batches)
        try:
            with closing_stream(stream) as batches:
                again = any(batch.num_rows for batch in batches)
        except Exception as error:  # every library has its own way to say so
            raise cls._once(stream) from error
        if rows and not again:
            raise cls._once(stream)
        return cls(stream, names, rows)

    @staticmethod
    def _once(stream: ArrowStream) -> ArgumentTypeError:
        return ArgumentTypeError(
            f"at: the stream of this {type(stream).__name__} cannot be opened a second time, and "
            f"every question reads the population again. {AGAIN}"
        )

    def count(self) -> int:
        """Return the number of rows."""
        return self.rows

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Generator[Batches]:
        """Open the stream again, and keep some columns."""
        with closing_stream(self.stream) as batches:
            yield (batch.select(list(columns)) for batch in batches)


def closing_stream(stream: ArrowStream) -> AbstractContextManager[Any]:
    """Open an Arrow stream, to be closed whatever happens."""
    return closing(arrow().RecordBatchReader.from_stream(stream))
