r"""Averages over rows that are a sample themselves.

An average :math:`\theta = \sum_i w_i f_i / W` moves with the rows too: unit u of the sample adds
:math:`\sum_{i \in u} w_i (f_i - \theta) / W` to it, beside what it does to the parameters. These
stand in further columns of the Jacobian, of the block `UNITS`, one a unit, so that every operation
on estimands carries them along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.estimands.averages import LinearAverage, RowAverage, RowAverages
from pymargins.estimands.chunks import Held, Question
from pymargins.estimands.nodes import Estimand, Evaluated, SameRows
from pymargins.estimands.quantities import MeanOf, Quantity, SlopeOf
from pymargins.estimands.rows import Strata
from pymargins.estimands.scenes import Scenes
from pymargins.models.means import LinearMean
from pymargins.models.parameters import Point

#: The block of Jacobian columns that belong to the units of the sample.
UNITS = "units"
#: Rows that are visited together.
TOGETHER = 16_384


def with_units(point: Point, units: int) -> Point:
    """Return the fitted parameters, followed by one place for each unit of the sample."""
    theta = np.concatenate([point.theta, np.zeros((1, units))], axis=1)
    return Point(theta, {**point.blocks, UNITS: slice(point.width, point.width + units)})


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows(Held):
    """A population in memory whose rows are a sample: `units` tells which belong together."""

    units: Strata

    def asked(self, leaf: Any) -> Any:
        """Return the average, which moves with the rows."""
        kind = SampledAverages if isinstance(leaf, RowAverages) else SampledAverage
        return kind(leaf, self.units)


@dataclass(frozen=True, eq=False)
class SampledAverage(SameRows):
    """An average with what each unit adds to it."""

    inner: Any
    units: Strata

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point: what units add is not."""
        return False

    @property
    def _parts(self) -> tuple[Any, ...]:
        return (self.inner,)

    @property
    def _places(self) -> list[IntArray]:
        """The rows of each part."""
        ends = np.cumsum([len(part) for part in self._parts]).tolist()
        return [np.arange(a, b) for a, b in zip([0, *ends], ends, strict=False)]

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Evaluate the average, and what each unit adds."""
        if UNITS not in point.blocks:
            return self.inner.at(point, gradient)
        alone = _without_units(point)
        value, jac = self.inner.at(alone, gradient)
        if jac is None:
            return value, None
        added = [
            _added(part, self.units, alone, value[0, rows])
            for part, rows in zip(self._parts, self._places, strict=True)
        ]
        return value, np.concatenate([jac, np.concatenate(added)[None]], axis=2)


@dataclass(frozen=True, eq=False)
class SampledAverages(SampledAverage):
    """Averages of several functions of the same rows."""

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self.inner.parts

    def separately(self) -> list[Estimand]:
        """Return each of them, all formed where one is asked for."""
        return [self[rows] for rows in self._places]


def _without_units(point: Point) -> Point:
    place = point.blocks[UNITS]
    blocks = {name: where for name, where in point.blocks.items() if name != UNITS}
    return Point(point.theta[:, : place.start], blocks)


def _asked(leaf: Any) -> tuple[Question, Quantity]:
    """Return where an average is taken, and of what."""
    if isinstance(leaf, RowAverage):
        return leaf.question, leaf.quantity
    assert isinstance(leaf, LinearAverage)
    mean = LinearMean(leaf.predictor)
    return leaf.question, MeanOf(mean) if leaf.slope is None else SlopeOf(mean, leaf.slope)


def _added(leaf: Any, units: Strata, point: Point, value: FloatArray) -> FloatArray:
    """Return what units add to the rows of an average at its value (k,): (k, U)."""
    question, quantity = _asked(leaf)
    chunk = question.population.whole
    assert chunk is not None
    rows, strata, size = chunk.rows, chunk.strata, question.grid.size
    outcomes = len(quantity.outcomes)
    averages = value.reshape(chunk.subgroups, size, outcomes)
    weights = np.ones(rows.n) if rows.weights is None else rows.weights
    subgroup = np.zeros(rows.n, dtype=np.intp) if strata is None else strata.codes
    share = weights / rows.totals(strata)[subgroup]
    cell = subgroup * units.size + units.codes
    out = np.zeros((size, outcomes, chunk.subgroups * units.size))
    scenes = Scenes(rows, question.grid)
    for s in range(size):
        scene = scenes.scene(s)
        for part in _parts_of(rows.n):
            found = quantity.at(scene.part(part), point, False).value[:, 0, :]
            away = share[part, None] * (found - averages[subgroup[part], s])
            for j in range(outcomes):
                out[s, j] += np.bincount(cell[part], away[:, j], out.shape[2])
    by_subgroup = out.reshape(size, outcomes, chunk.subgroups, units.size)
    return by_subgroup.transpose(2, 0, 1, 3).reshape(-1, units.size)


def _parts_of(n: int) -> Iterator[slice]:
    for start in range(0, n, TOGETHER):
        yield slice(start, min(start + TOGETHER, n))
