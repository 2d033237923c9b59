"""Where the rows of a population come from that need not fit in memory.

A source shows its rows, piece by piece, to work that is to be done on them, as often as it is asked
to: a stream opens again, the partitions of a Dask frame are worked on where they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pymargins.asking import pieces
from pymargins.asking.pieces import Piece, arrow_pieces, frame_pieces
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from pymargins.progress import progress_bar

#: Bytes of a column that are read at a time.
BUFFER = 1 << 20
#: Partial results that are joined at a time, so that few are in one place.
TOGETHER = 16
#: What to give instead of what is read once.
AGAIN = (
    "Give what it is read from: the path of a Parquet file, a pyarrow dataset, a DuckDB relation, "
    "a polars LazyFrame. Or write it to Parquet first; or, where it fits in memory, give a data "
    "frame."
)

R = TypeVar("R")


class Work(Protocol[R]):
    """What is done with rows; it can be sent to where they are."""

    def of(self, some: Iterable[Piece]) -> R:
        """Return what some rows give."""
        ...

    def joined(self, parts: Sequence[R]) -> R:
        """Return what the rows of several parts give; the parts stay as they are."""
        ...


class Source(ABC):
    """Rows that can be visited again and again.

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
    def visited(self, columns: Sequence[str], work: Work[R], rows: int, show: bool | None) -> R:
        """Show some columns of all rows to work.

        Parameters
        ----------
        columns : sequence of str
        work : Work
        rows : int
            How many are expected, and how many were counted.
        show : bool or None
            Whether progress is shown; None where it takes long and somebody can see it.
        """


# --- streams -------------------------------------------------------------------------------------


class StreamedSource(Source):
    """Rows that come one batch after the other."""

    @abstractmethod
    def opened(self, columns: Sequence[str]) -> AbstractContextManager[Iterable[Any]]:
        """Open a new stream of some columns: pyarrow's record batches."""

    def visited(self, columns: Sequence[str], work: Work[R], rows: int, show: bool | None) -> R:
        """Show some columns of all rows to work, in one pass."""
        with progress_bar(rows, show) as advance, self.opened(columns) as batches:

            def shown() -> Iterator[Piece]:
                for piece in arrow_pieces(batches):
                    yield piece
                    if advance is not None:
                        advance(piece.n)

            return work.of(shown())


class DatasetSource(StreamedSource):
    """A pyarrow dataset: Parquet files, or others that it reads."""

    def __init__(self, dataset: Any, name: str) -> None:
        super().__init__(name, dataset.schema.names)
        self.dataset = dataset

    def count(self) -> int:
        """Return the number of rows; files of Parquet have it at their end."""
        return self.dataset.count_rows()

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Generator[Iterable[Any]]:
        """Open a new stream of some columns, hardly read ahead."""
        from pyarrow import dataset  # pyright: ignore[reportMissingImports]

        # threads would decode ahead of a slow reader, and hold what they have
        options: dict[str, Any] = {"batch_size": pieces.ROWS, "use_threads": False}
        options |= {"batch_readahead": 1, "fragment_readahead": 1}
        if isinstance(getattr(self.dataset, "format", None), dataset.ParquetFileFormat):
            # otherwise the bytes of every column are kept until the file is read
            options["fragment_scan_options"] = dataset.ParquetFragmentScanOptions(
                use_buffered_stream=True, buffer_size=BUFFER, pre_buffer=False
            )
        scanner = self.dataset.scanner(columns=list(columns), **options)
        with scanner.to_reader() as reader:
            yield reader


class PathSource(StreamedSource):
    """A Parquet file, or a folder of them, found anew whenever it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path.name, self._found().columns)

    @classmethod
    def of(cls, path: Path) -> PathSource:
        """Check a path.

        Raises
        ------
        ArgumentError
            Where nothing is there, or something else than Parquet.
        """
        if not path.exists():
            raise ArgumentError(f"at: there is no file or folder {str(path)!r}.")
        if path.is_file() and path.suffix.lower() not in (".parquet", ".pq", ".parq"):
            raise ArgumentError(
                f"at: paths are read as Parquet, got {path.name!r}. For another format give a "
                f'dataset: pyarrow.dataset.dataset({path.name!r}, format="csv").'
            )
        try:
            return cls(path)
        except (OSError, ValueError) as error:
            raise ArgumentError(f"at: {path.name!r} cannot be read as Parquet: {error}") from error

    def _found(self) -> DatasetSource:
        arrow()
        from pyarrow import dataset  # pyright: ignore[reportMissingImports]

        found = dataset.dataset(self.path, format="parquet", partitioning="hive")
        return DatasetSource(found, self.path.name)

    def count(self) -> int:
        """Return the number of rows."""
        return self._found().count()

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Generator[Iterable[Any]]:
        """Open a new stream of some columns."""
        if self.path.is_dir():
            with self._found().opened(columns) as batches:
                yield batches
            return
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]

        with parquet.ParquetFile(self.path, buffer_size=BUFFER, pre_buffer=False) as file:
            yield file.iter_batches(pieces.ROWS, columns=list(columns))


class LazySource(StreamedSource):
    """A polars LazyFrame: a query that is run when it is read."""

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
    def opened(self, columns: Sequence[str]) -> Generator[Iterable[Any]]:
        """Run the query for some columns."""
        frames = self.frame.select(list(columns)).collect_batches(chunk_size=pieces.ROWS)
        yield (batch for frame in frames for batch in frame.to_arrow().to_batches())


class RelationSource(StreamedSource):
    """A DuckDB relation: a query on its connection, where it is the only one while it is read."""

    def __init__(self, relation: Any) -> None:
        super().__init__("a DuckDB relation", relation.columns)
        self.relation = relation

    def count(self) -> int:
        """Return the number of rows."""
        return self.relation.aggregate("count(*)").fetchall()[0][0]

    def opened(self, columns: Sequence[str]) -> AbstractContextManager[Iterable[Any]]:
        """Run the query for some columns."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        query = self.relation.project(quoted)  # a relation of its own: old ones are read once
        read = getattr(query, "to_arrow_reader", None) or query.fetch_arrow_reader  # before 1.4
        return closing(read(pieces.ROWS))


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that hands over Arrow data as a stream (the PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return a new stream."""
        ...


class ArrowSource(StreamedSource):
    """Anything with an Arrow stream that can be opened again; its rows are counted by reading."""

    def __init__(self, stream: ArrowStream, columns: Sequence[str], rows: int) -> None:
        super().__init__(f"a stream ({type(stream).__name__})", columns)
        self.stream = stream
        self.rows = rows

    @classmethod
    def of(cls, stream: ArrowStream) -> ArrowSource:
        """Read a stream, and see whether it opens again.

        Raises
        ------
        ArgumentTypeError
            Where it does not, and for a column.
        """
        try:
            first = _reader(stream)
        except arrow().ArrowInvalid as error:
            raise ArgumentTypeError(
                f"at: a {type(stream).__name__} is one column and no table; give a data frame with "
                "the variables of the model."
            ) from error
        with closing(first) as batches:
            names = batches.schema.names
            rows = sum(batch.num_rows for batch in batches)
        try:
            with closing(_reader(stream)) as batches:
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
    def opened(self, columns: Sequence[str]) -> Generator[Iterable[Any]]:
        """Open the stream again, and keep some columns."""
        with closing(_reader(self.stream)) as batches:
            yield (batch.select(list(columns)) for batch in batches)


def _reader(stream: ArrowStream) -> Any:
    return arrow().RecordBatchReader.from_stream(stream)


def arrow() -> Any:
    """Return pyarrow."""
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            "at: populations that are read in pieces need pyarrow: pip install pyarrow"
        ) from None
    return pyarrow


# --- partitions ----------------------------------------------------------------------------------


class DaskSource(Source):
    """A Dask data frame: its workers do the work, partition by partition, and join the results."""

    def __init__(self, frame: Any) -> None:
        super().__init__("a Dask data frame", tuple(frame.columns))
        self.frame = frame

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    def visited(self, columns: Sequence[str], work: Work[R], rows: int, show: bool | None) -> R:
        """Have work done where the rows are."""
        from dask.delayed import delayed  # pyright: ignore[reportMissingImports]

        shared = delayed(work, pure=False)
        parts = self.frame[list(columns)].to_delayed()
        found = [delayed(_of_partition)(shared, part, i) for i, part in enumerate(parts)]
        while len(found) > 1:
            groups = [found[i : i + TOGETHER] for i in range(0, len(found), TOGETHER)]
            found = [delayed(_joined)(shared, group) for group in groups]
        return work.joined([found[0].compute()])  # what came from elsewhere is made our own


def _of_partition(work: Work[R], frame: Any, partition: int) -> R:
    return work.of(frame_pieces(frame, partition))


def _joined(work: Work[R], parts: Sequence[R]) -> R:
    return work.joined(parts)
