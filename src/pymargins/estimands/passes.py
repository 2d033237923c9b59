"""Populations that arrive in pieces: the averages of one question share a pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary, ref

from pymargins.estimands.chunks import L, Leaf, Sums
from pymargins.models.parameters import Point


class Rows(Protocol):
    """Rows that are somewhere, and can be visited again."""

    def add_to(self, sums: Sequence[Sums]) -> Sequence[Sums]:
        """Add every row to all of the sums, in one pass; return them."""
        ...


class Arriving:
    """A population that is read for one question, or for another that shares its averages.

    When one of its averages is asked for, all of them are formed, so that slopes by ten variables
    read the rows once. At a single point Jacobians are formed too: what follows asks for them.

    Parameters
    ----------
    rows : Rows
    """

    whole = None

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._leaves: list[ref[Leaf]] = []
        self._found: WeakKeyDictionary[Leaf, tuple[Point | None, bool, Sums]] = WeakKeyDictionary()

    def asked(self, leaf: L) -> L:
        """Take note of an average that belongs to the question; return it."""
        self._leaves.append(ref(leaf))
        return leaf

    def summed(self, leaf: Leaf, point: Point | None, gradient: bool) -> Any:
        """Return the sums of an average over all rows."""
        at, has_gradient, sums = self._found.get(leaf, (None, False, None))
        if sums is None or at is not point or (gradient and not has_gradient):
            gradient = gradient or (point is not None and len(point) == 1)
            self._read(leaf, point, gradient)
            sums = self._found[leaf][2]
        return sums

    def _read(self, leaf: Leaf, point: Point | None, gradient: bool) -> None:
        """Form the sums of an average and of all others like it."""
        known = [one() for one in self._leaves]
        others = [one for one in known if one is not None and one is not leaf]
        leaves = [leaf, *(one for one in others if one.costly == leaf.costly)]
        found = self.rows.add_to([one.sums(point, gradient) for one in leaves])
        for one, sums in zip(leaves, found, strict=True):
            self._found[one] = (point, gradient, sums)

    def __getstate__(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["rows"])
