"""Populations that are read in pieces: their rows are never in memory together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pymargins.asking.offsets import offsets_of
from pymargins.asking.pieces import Piece
from pymargins.asking.sources import Source
from pymargins.asking.subgroups import over_names, subgroups_of
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownNameError,
    listing,
    unknown_name,
)
from pymargins.estimands.chunks import Chunk, Sums
from pymargins.estimands.passes import Arriving
from pymargins.estimands.rows import Rows, Strata
from pymargins.facts import Extrapolation, PopulationFacts, Where
from pymargins.models.design import Design
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.variables import Variable


@dataclass(frozen=True, slots=True, eq=False)
class StreamedPopulation:
    """What a session averages over, read anew for every question.

    Parameters
    ----------
    fitted : Fitted
    source : Source
    reader : Reader
    facts : PopulationFacts
    progress : bool, optional
        Whether passes show it; None where they take long and somebody can see it.
    """

    fitted: Fitted
    source: Source
    reader: Reader
    facts: PopulationFacts
    progress: bool | None

    @property
    def beyond(self) -> tuple[Extrapolation, ...]:
        """Nothing: its rows are seen only while a question is answered."""
        return ()

    def stratify(self, over: Any) -> tuple[Arriving, pd.DataFrame]:
        """Return rows with their subgroups by the `over` columns, and a row of labels for each.

        The columns are read once to find which subgroups there are.
        """
        names = tuple(over_names(over))
        self._require(names)
        subgroups, labels = None, pd.DataFrame(index=[0])
        if names:
            finding = FindSubgroups(names, self.reader.weights)
            columns = sorted({*names, *self.reader.weight_columns})
            seen = self.source.visited(columns, finding, self.facts.n, self.progress)
            labels = seen.labels(names)
            subgroups = Subgroups(names, labels)
        return Arriving(StreamedRows(self, subgroups)), labels

    def _require(self, names: Sequence[str]) -> None:
        for name in names:
            if name in self.source.columns:
                continue
            if name in self.fitted.frame.columns:
                raise UnknownNameError(
                    f"over: {name!r} is a column of the data, but the population of this session "
                    f"holds {listing(self.source.columns)} only."
                )
            raise unknown_name("over", name, self.source.columns, "a column of the population")


@dataclass(frozen=True, slots=True, eq=False)
class StreamedRows:
    """The rows of a streamed population, split into subgroups: read once for each question."""

    population: StreamedPopulation
    subgroups: Subgroups | None

    def add_to(self, sums: Sequence[Sums]) -> Sequence[Sums]:
        """Add every row to all of the sums, in one pass; return them.

        Raises
        ------
        ArgumentError
            Naming the first row that the model cannot take, or where the rows are not those that
            were there when the session was made.
        """
        population = self.population
        names = list(population.reader.columns)
        if self.subgroups is not None:
            names += [name for name in self.subgroups.names if name not in names]
        adding = AddUp(population.reader, self.subgroups, tuple(sums))
        n = population.facts.n
        found = population.source.visited(names, adding, n, population.progress)
        if found.n != n:
            raise _changed(f"it had {n:,} rows, and has {found.n:,} now")
        if found.weight == 0.0:
            raise ArgumentError("weights: the total weight is zero.")
        return found.sums


# --- work on pieces ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Makes rows of pieces.

    Parameters
    ----------
    designs : mapping of str to Design
    variables : mapping of str to Variable
    weights : str or None
        The column that holds them.
    offset : float, optional
        Of every row, where the model has one.
    """

    designs: Mapping[str, Design]
    variables: Mapping[str, Variable]
    weights: str | None
    offset: float | None

    @property
    def weight_columns(self) -> list[str]:
        """The column of the weights, if there is one."""
        return [] if self.weights is None else [self.weights]

    @property
    def columns(self) -> list[str]:
        """The columns that every question reads."""
        return list(dict.fromkeys([*self.variables, *self.weight_columns]))

    def rows(self, piece: Piece) -> Rows:
        """Return the rows of a piece."""
        columns = {name: piece.variable(variable) for name, variable in self.variables.items()}
        weights = None if self.weights is None else piece.weights(self.weights)
        offsets = {} if self.offset is None else {MEAN: np.full(piece.n, self.offset)}
        described = (self.designs, self.variables)
        return Rows(*described, columns, piece.n, weights, offsets=offsets, partial=True)


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """Sums over some rows, how many they are, and their weight."""

    sums: tuple[Sums, ...]
    n: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class AddUp:
    """Adds rows to sums."""

    reader: Reader
    subgroups: Subgroups | None
    sums: tuple[Sums, ...]

    def of(self, some: Iterable[Piece]) -> Added:
        """Return the sums over some rows."""
        sums, n, weight = tuple(one.empty() for one in self.sums), 0, 0.0
        for piece in some:
            rows = self.reader.rows(piece)
            chunk = Chunk(rows, None if self.subgroups is None else self.subgroups.strata(piece))
            for one in sums:
                one.add(chunk)
            n, weight = n + rows.n, weight + float(rows.totals(None)[0])
        return Added(sums, n, weight)

    def joined(self, parts: Sequence[Added]) -> Added:
        """Return the sums over the rows of several parts."""
        sums = tuple(one.empty() for one in self.sums)
        for part in parts:
            for one, other in zip(sums, part.sums, strict=True):
                if part.n:
                    one.join(other)
        return Added(sums, sum(p.n for p in parts), sum(p.weight for p in parts))


# --- subgroups -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Subgroups:
    """Subgroups of rows by the values of some columns.

    Parameters
    ----------
    names : tuple of str
    labels : DataFrame
        One row a subgroup.
    """

    names: tuple[str, ...]
    labels: pd.DataFrame

    @cached_property
    def _places(self) -> dict[tuple[Any, ...], int]:
        return {key: i for i, key in enumerate(_keys(self.labels))}

    def strata(self, piece: Piece) -> Strata:
        """Return the subgroup of each row of a piece."""
        frame = pd.DataFrame({name: piece.values(name) for name in self.names})
        own, labels = subgroups_of(frame, self.names)
        assert own is not None
        table = np.array([self._places.get(key, -1) for key in _keys(labels)], dtype=np.intp)
        codes = table[own.codes]
        if (codes < 0).any():
            raise _changed(f"a new subgroup in {piece.place(int((codes < 0).argmax()))}")
        return Strata(codes, len(self._places))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Subgroups that some rows are in.

    Parameters
    ----------
    frames : list of DataFrame
        A row of each, as often as parts have seen it first.
    totals : mapping of tuple to float
        Their weights, by their values.
    """

    frames: list[pd.DataFrame] = field(default_factory=list)
    totals: dict[tuple[Any, ...], float] = field(default_factory=dict)

    def labels(self, names: Sequence[str]) -> pd.DataFrame:
        """Return a row a subgroup, in the order that a data frame would have them in.

        Raises
        ------
        ArgumentError
            For a subgroup without weight.
        """
        columns: dict[str, Any] = {}
        for name in names:
            parts = [frame[name] for frame in self.frames]
            if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
                columns[name] = pd.api.types.union_categoricals(parts, ignore_order=True)
            else:
                columns[name] = pd.concat(parts, ignore_index=True)
        labels = subgroups_of(pd.DataFrame(columns), names)[1]
        for key in _keys(labels):
            if self.totals[key] == 0.0:
                group = dict(zip(names, key, strict=True))
                raise ArgumentError(f"over: the subgroup {group} has zero total weight.")
        return labels


@dataclass(frozen=True, slots=True, eq=False)
class FindSubgroups:
    """Finds which subgroups have rows, and their weights."""

    names: tuple[str, ...]
    weights: str | None

    def of(self, some: Iterable[Piece]) -> Seen:
        """Return the subgroups of some rows."""
        seen = Seen()
        for piece in some:
            frame = pd.DataFrame({name: piece.values(name) for name in self.names})
            strata, labels = subgroups_of(frame, self.names)
            assert strata is not None
            weights = None if self.weights is None else piece.weights(self.weights)
            total = np.bincount(strata.codes, weights, strata.size)
            first = np.empty(strata.size, dtype=np.intp)
            first[strata.codes[::-1]] = np.arange(piece.n)[::-1]
            keys = _keys(labels)
            new = [key not in seen.totals for key in keys]
            if any(new):
                seen.frames.append(frame.iloc[first[new]])
            _add(seen.totals, dict(zip(keys, total.tolist(), strict=True)))
        return seen

    def joined(self, parts: Sequence[Seen]) -> Seen:
        """Return the subgroups of the rows of several parts."""
        out = Seen([frame for part in parts for frame in part.frames])
        for part in parts:
            _add(out.totals, part.totals)
        return out


def _add(totals: dict[tuple[Any, ...], float], more: Mapping[tuple[Any, ...], float]) -> None:
    for key, one in more.items():
        totals[key] = totals.get(key, 0.0) + one


def _keys(labels: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(labels.itertuples(index=False, name=None))


# --- making one ----------------------------------------------------------------------------------


def make_streamed(
    fitted: Fitted, source: Source, weights: Any, offset: float | None, progress: bool | None
) -> StreamedPopulation:
    """Check what can be checked of a streamed population before it is read.

    Raises
    ------
    ArgumentError, ArgumentTypeError, UnknownNameError
        For a column that it lacks, weights that are no column, a population without rows.
    """
    columns = source.columns
    if len(set(columns)) < len(columns):
        raise ArgumentError("at: column names of the population are not unique.")
    n = source.count()
    if n == 0:
        raise ArgumentError(f"at: {source.name} has no rows.")
    for name in fitted.variables:
        if name not in columns:
            what = "a column of the population, but the model needs it"
            raise unknown_name("at", name, columns, what)
    if weights is not None and not isinstance(weights, str):
        raise ArgumentTypeError(
            "weights: a population that is read in pieces has them in a column: give its name, not "
            f"{type(weights).__name__}."
        )
    if weights is not None and weights not in columns:
        raise unknown_name("weights", weights, columns, "a column of the population")
    has_offset = bool(offsets_of(fitted, 1, offset))
    reader = Reader(fitted.designs, fitted.variables, weights, offset if has_offset else None)
    facts = PopulationFacts(Where.STREAM, n, weights is not None, source=source.name)
    return StreamedPopulation(fitted, source, reader, facts, progress)


def _changed(how: str) -> ArgumentError:
    """Build the error for rows that are not those of the session."""
    return ArgumentError(
        f"at: the population is not what it was when the session was made: {how}. Open a new "
        "session on what does not change while it is read."
    )
