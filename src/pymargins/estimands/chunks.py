"""Populations in chunks, and what is asked of them: an average is sums over chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from pymargins.estimands.columns import Columns
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid
from pymargins.models.parameters import Point

L = TypeVar("L", bound="Leaf")


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some rows of a population, and the subgroup of each.

    Parameters
    ----------
    rows : Rows
    strata : Strata, optional
    own_levels : bool
        Whether a scenario is averaged over the rows that have the levels it sets, rather than over
        all rows, set to these levels.
    """

    rows: Rows
    strata: Strata | None = None
    own_levels: bool = False

    @property
    def subgroups(self) -> int:
        """R, the number of subgroups."""
        return self.strata.size if self.strata else 1


class Sums(Protocol):
    """Sums over rows that an average is made of."""

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        ...

    def empty(self) -> Sums:
        """Return the same sums of no rows."""
        ...

    def join(self, other: Any) -> None:
        """Add sums of the same kind over other rows."""
        ...


class Leaf(Protocol):
    """An average over a population."""

    #: Whether its sums depend on the parameters.
    costly: ClassVar[bool]

    def sums(self, point: Point | None, gradient: bool) -> Sums:
        """Return the sums it is made of, of no rows yet.

        Parameters
        ----------
        point : Point or None
            None for sums that do not depend on the parameters.
        gradient : bool
        """
        ...


class Population(Protocol):
    """What is averaged over: chunks, visited one after the other."""

    @property
    def whole(self) -> Chunk | None:
        """All rows, where they are held in memory."""
        ...

    def asked(self, leaf: L) -> L:
        """Take note of an average that belongs to one question; return it."""
        ...

    def summed(self, leaf: Leaf, point: Point | None, gradient: bool) -> Any:
        """Return the sums of an average over all rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A population that is in memory."""

    whole: Chunk

    def __iter__(self) -> Iterator[Chunk]:
        return iter((self.whole,))

    def asked(self, leaf: L) -> L:
        """Return the average: each is formed by itself."""
        return leaf

    def summed(self, leaf: Leaf, point: Point | None, gradient: bool) -> Any:
        """Return the sums of an average over all rows."""
        sums = leaf.sums(point, gradient)
        sums.add(self.whole)
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Where something is asked: a population under scenarios, and how its rows are labelled.

    Parameters
    ----------
    population : Population
    grid : Grid
        S scenarios.
    labels : tuple of str
        One for each subgroup and scenario, subgroups outermost.
    columns : mapping of str to sequence
    """

    population: Population
    grid: Grid
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)
