"""Populations that are read in pieces: their rows are never in memory together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pymargins.asking.offsets import offsets_of
from pymargins.asking.pieces import Piece, pieces
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
from pymargins.facts import PopulationFacts, Where
from pymargins.models.fitted import Fitted
from pymargins.progress import progress_bar


@dataclass(frozen=True, slots=True, eq=False)
class StreamedPopulation:
    """What a session averages over, read anew for every question.

    Parameters
    ----------
    fitted : Fitted
    source : Source
    weights : str or None
        The column that holds them.
    offset : float, optional
    facts : PopulationFacts
    progress : bool, optional
        Whether passes show it; None where they take long and somebody can see it.
    """

    fitted: Fitted
    source: Source
    weights: str | None
    offset: float | None
    facts: PopulationFacts
    progress: bool | None

    def stratify(self, over: Any) -> tuple[Arriving, pd.DataFrame]:
        """Return rows with their subgroups by the `over` columns, and a row of labels for each.

        The columns are read once to find which subgroups there are.
        """
        names = over_names(over)
        self._require(names)
        subgroups, labels = None, pd.DataFrame(index=[0])
        if names:
            labels = self._subgroups(names)
            subgroups = Subgroups(tuple(names), labels)
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

    def _subgroups(self, names: Sequence[str]) -> pd.DataFrame:
        """Read the subgroups that have rows, sorted; their total weight must not be zero."""
        wanted = [*names, *([self.weights] if self.weights else [])]
        seen: list[pd.DataFrame] = []
        totals: dict[tuple[Any, ...], float] = {}
        with self.source.opened(sorted(set(wanted))) as batches:
            for piece in pieces(batches):
                frame = pd.DataFrame({name: piece.values(name) for name in names})
                strata, labels = subgroups_of(frame, names)
                assert strata is not None
                weights = piece.weights(self.weights) if self.weights else None
                total = np.bincount(strata.codes, weights, strata.size)
                first = np.empty(strata.size, dtype=np.intp)
                first[strata.codes[::-1]] = np.arange(piece.n)[::-1]
                keys = _keys(labels)
                seen.append(frame.iloc[first[[key not in totals for key in keys]]])
                for key, one in zip(keys, total.tolist(), strict=True):
                    totals[key] = totals.get(key, 0.0) + one
        return _sorted(seen, names, totals)

    # --- pieces as rows -----------------------------------------------------------------------

    @property
    def columns(self) -> list[str]:
        """The columns that every question reads."""
        names = [*self.fitted.variables, *([self.weights] if self.weights else [])]
        return list(dict.fromkeys(names))

    def rows(self, piece: Piece) -> Rows:
        """Return the rows of a piece."""
        fitted = self.fitted
        columns = {name: piece.variable(variable) for name, variable in fitted.variables.items()}
        weights = None if self.weights is None else piece.weights(self.weights)
        offsets = offsets_of(fitted, piece.n, self.offset)
        described = (fitted.designs, fitted.variables)
        return Rows(*described, columns, piece.n, weights, offsets=offsets, partial=True)


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
            raise changed(f"a new subgroup in {piece.place(int((codes < 0).argmax()))}")
        return Strata(codes, len(self._places))


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
        n, weight = 0, 0.0
        population = self.population
        with progress_bar(population.facts.n, population.progress) as advance:
            for chunk in self._chunks():
                for one in sums:
                    one.add(chunk)
                n += chunk.rows.n
                weight += float(chunk.rows.totals(None)[0])
                if advance is not None:
                    advance(chunk.rows.n)
        if n != population.facts.n:
            raise changed(f"it had {population.facts.n:,} rows, and has {n:,} now")
        if weight == 0.0:
            raise ArgumentError("weights: the total weight is zero.")
        return sums

    def _chunks(self) -> Generator[Chunk]:
        names = list(self.population.columns)
        if self.subgroups is not None:
            names += [name for name in self.subgroups.names if name not in names]
        with self.population.source.opened(names) as batches:
            for piece in pieces(batches):
                strata = None if self.subgroups is None else self.subgroups.strata(piece)
                yield Chunk(self.population.rows(piece), strata)


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
    offsets_of(fitted, 1, offset)
    facts = PopulationFacts(Where.STREAM, n, weights is not None, source=source.name)
    return StreamedPopulation(fitted, source, weights, offset, facts, progress)


def changed(how: str) -> ArgumentError:
    """Build the error for rows that are not those of the session."""
    return ArgumentError(
        f"at: the population is not what it was when the session was made: {how}. Open a new "
        "session on what does not change while it is read."
    )


# --- subgroups ----------------------------------------------------------------------------------


def _keys(labels: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(labels.itertuples(index=False, name=None))


def _sorted(
    seen: Sequence[pd.DataFrame], names: Sequence[str], totals: dict[tuple[Any, ...], float]
) -> pd.DataFrame:
    """Return the labels of subgroups in the order that a data frame would have them in."""
    columns: dict[str, Any] = {}
    for name in names:
        parts = [frame[name] for frame in seen]
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            columns[name] = pd.api.types.union_categoricals(parts, ignore_order=True)
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    labels = subgroups_of(pd.DataFrame(columns), names)[1]
    for key in _keys(labels):
        if totals[key] == 0.0:
            group = dict(zip(names, key, strict=True))
            raise ArgumentError(f"over: the subgroup {group} has zero total weight.")
    return labels
