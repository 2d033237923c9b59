r"""The mean of a row in its own cluster: the linear predictor and the cluster's random effects.

.. math::

    \mu = x'\beta + \sum_t z_t'u_{t, \ell_t}

where :math:`\ell_t` is the level of term t that the row belongs to, found from one grouping
variable or several, and the design rows :math:`z_t` are columns of the role ``"random"``. The
effects u of all levels are one block of the parameters. A level that the fit has not seen is a new
one: its effects are 0, and they vary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from pymargins._typing import IntArray
from pymargins.errors import UnsupportedError
from pymargins.models.factors import encode
from pymargins.models.means import Predictor
from pymargins.models.parameters import Point

#: The block of the random effects, last among the parameters.
EFFECTS = "u"


class Newcomers:
    """The levels that were asked for and that the fit has not seen, numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, tuple[Any, ...]], int] = {}

    def number(self, term: str, level: tuple[Any, ...]) -> int:
        """Return the number of a level of a term: the same whenever it is asked for."""
        return self._numbers.setdefault((term, level), len(self._numbers))

    def numbers(self, other: Newcomers) -> IntArray:
        """Return the numbers here of the levels that others have numbered, in their order."""
        return np.array([self.number(*one) for one in other._numbers], dtype=np.intp)

    def names(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Return the names of levels by their numbers: ``"student=z"``."""
        every = list(self._numbers)
        return tuple(f"{every[i][0]}={' '.join(map(str, every[i][1]))}" for i in numbers)


@dataclass(frozen=True, slots=True, eq=False)
class ClusterTerm:
    """Random effects that vary together from level to level.

    Parameters
    ----------
    name : str
        How tables call it: the grouping variable, or the variance component.
    effects : tuple of str
        What varies.
    columns : tuple of int
        The columns of the design ``"random"`` that they multiply.
    keys : tuple of str
        The variables that tell the level of a row.
    values : tuple of tuple
        The values of each of these that the fit has seen.
    levels : ndarray, shape (L,)
        The level of each combination that the fit has seen, as one sorted number.
    places : ndarray, shape (L,)
        Where the effects of each level start among those of all.
    offset : int
        Where those of a new level start among the effects of a newcomer.
    """

    name: str
    effects: tuple[str, ...]
    columns: tuple[int, ...]
    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    levels: IntArray
    places: IntArray
    offset: int

    def codes(self, given: Sequence[Any]) -> list[IntArray]:
        """Return the place of given values of each key among those seen, -1 for others."""
        return [
            encode(np.ravel(one), seen).astype(np.intp).reshape(np.shape(one))
            for one, seen in zip(given, self.values, strict=True)
        ]

    def found(self, codes: Sequence[IntArray]) -> IntArray:
        """Return where the effects of levels start, from the codes of their keys; -1 for new."""
        joint, known = joined_codes(codes, self.values)
        at = np.minimum(np.searchsorted(self.levels, joint), max(len(self.levels) - 1, 0))
        return np.where(known & (self.levels[at] == joint), self.places[at], -1)

    def label(self, number: int) -> tuple[Any, ...]:
        """Return the values of the keys of a level that the fit has seen."""
        out: list[Any] = []
        for values in reversed(self.values):
            number, place = divmod(number, len(values))
            out.append(values[place])
        return tuple(reversed(out))


def joined_codes(
    codes: Sequence[IntArray], values: Sequence[Sequence[Any]]
) -> tuple[IntArray, Any]:
    """Return one number for each combination of codes, and whether all of them are known."""
    joint, known = np.zeros(np.shape(codes[0]), dtype=np.intp), np.ones(np.shape(codes[0]), bool)
    for code, seen in zip(codes, values, strict=True):
        joint = joint * len(seen) + code
        known = known & (code >= 0)
    return joint, known


@dataclass(frozen=True, slots=True, eq=False)
class ClusterMean:
    """The mean of a row in its own cluster.

    Its averages are averages of design rows by level, formed once whatever the parameters.

    Parameters
    ----------
    predictor : Predictor
        Of the fixed effects.
    terms : tuple of ClusterTerm
    size : int
        W, the number of random effects of all levels.
    stride : int
        The number of effects of a newcomer: those of one level of every term.
    newcomers : Newcomers
    """

    predictor: Predictor
    terms: tuple[ClusterTerm, ...]
    size: int
    stride: int
    newcomers: Newcomers = field(default_factory=Newcomers)
    outcomes: tuple[Any, ...] = ("",)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        return (self.predictor.block, EFFECTS)

    @property
    def keys(self) -> tuple[str, ...]:
        """The variables that tell the clusters of a row."""
        return tuple(dict.fromkeys(key for term in self.terms for key in term.keys))

    def new_place(self, term: ClusterTerm, level: tuple[Any, ...]) -> int:
        """Return where the effects of a new level start, beyond those of the fit."""
        number = self.newcomers.number(term.name, level)
        return self.size + number * self.stride + term.offset

    def at(self, rows: Any, point: Point, gradient: bool) -> NoReturn:
        """Refuse: there is no function of single rows here."""
        self._refuse()

    def slope(self, rows: Any, point: Point, variable: str, gradient: bool) -> NoReturn:
        """Refuse: there is no function of single rows here."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UnsupportedError(
            'random_effects: with "predicted" there are averages and slopes of means, no averages '
            "of their logarithms or elasticities. Use dydx, or m.evaluate(scenarios, function)."
        )
