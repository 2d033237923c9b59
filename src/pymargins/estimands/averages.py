"""Averages over a population: the leaves of every estimand.

A population comes in chunks of rows, each with its subgroups; an average is sums over chunks. Where
the mean is linear in the parameters the sums are moments of the design, formed once for the whole
grid (`LinearAverage`); otherwise rows are visited scenario by scenario (`RowAverage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import NumericalError
from pymargins.estimands.nodes import Columns, Estimand, Evaluated, Node, spread
from pymargins.estimands.quantities import MeanOf, Quantity, SlopeOf
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid, Scene, Scenes, average
from pymargins.models.means import LinearMean, Mean, Predictor
from pymargins.models.parameters import Point

#: Numbers held at once while rows are visited.
CELLS = 4_000_000
MOST_ROWS = 32_768
FEWEST_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some rows of a population, and the subgroup of each."""

    rows: Rows
    strata: Strata | None = None

    @property
    def subgroups(self) -> int:
        """R, the number of subgroups."""
        return self.strata.size if self.strata else 1


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Where something is asked: a population under scenarios, and how its rows are labelled.

    Parameters
    ----------
    population : iterable of Chunk
    grid : Grid
        S scenarios.
    labels : tuple of str
        One for each subgroup and scenario, subgroups outermost.
    columns : mapping of str to sequence
    """

    population: Iterable[Chunk]
    grid: Grid
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)


def average_of(mean: Mean, question: Question, slope: str | None = None) -> Estimand:
    """Average the mean outcomes of rows, or their slope by a numeric variable."""
    if isinstance(mean, LinearMean):
        return LinearAverage(question, mean.predictor, slope)
    return RowAverage(question, MeanOf(mean) if slope is None else SlopeOf(mean, slope))


# --- linear means --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LinearAverage(Node):
    """The average of a linear predictor, or of its slope.

    Parameters
    ----------
    question : Question
    predictor : Predictor
    slope : str, optional
        The variable to differentiate by.
    """

    question: Question
    predictor: Predictor
    slope: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.question.labels

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return self.question.columns

    @cached_property
    def matrix(self) -> FloatArray:
        """The averaged design rows, (k, p)."""
        total: Any = 0.0
        weight: Any = 0.0
        for chunk in self.question.population:
            mass = chunk.rows.totals(chunk.strata)[:, None, None]
            total = total + mass * self._average(chunk.rows, chunk.strata)
            weight = weight + mass
        return (total / weight).reshape(-1, total.shape[2])

    def _average(self, rows: Rows, strata: Strata | None) -> FloatArray:
        """Average over one chunk, (R, S, p); a subgroup without rows in it has 0."""
        found = average(rows, self.question.grid, strata, self.slope, self.predictor.role)
        return np.where(rows.totals(strata)[:, None, None] > 0, found, 0.0)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply with the parameters."""
        block = self.predictor.block
        if point.weights is None or self._resampled is None:
            value = point.block(block) @ self.matrix.T
            return value, spread(self.matrix[None], block, point) if gradient else None
        rows = self._resampled.rows(point.weights)
        value = np.einsum("bkp,bp->bk", rows, point.block(block))
        return value, spread(rows, block, point) if gradient else None

    @cached_property
    def _resampled(self) -> ClusterMeans | None:
        """Averages by subgroup and group, where the rows belong to groups of the fit."""
        chunks = list(self.question.population)
        if len(chunks) != 1 or chunks[0].rows.clusters is None:
            return None
        (chunk,) = chunks
        assert chunk.rows.clusters is not None
        present, subgroup, group = _clusters_of_subgroups(chunk, chunk.rows.clusters)
        return ClusterMeans(
            self._average(chunk.rows, present),
            chunk.rows.totals(present),
            subgroup,
            group,
            chunk.subgroups,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClusterMeans:
    """Averages of design rows by subgroup and group: the rows of a group enter together.

    Parameters
    ----------
    means : ndarray, shape (C, S, p)
        One for each subgroup and group that have rows together.
    totals : ndarray, shape (C,)
    subgroup, group : ndarray, shape (C,)
    subgroups : int
        R.
    """

    means: FloatArray
    totals: FloatArray
    subgroup: IntArray
    group: IntArray
    subgroups: int

    def rows(self, weights: FloatArray) -> FloatArray:
        """Return the averages of resampled groups: (B, k, p) from group weights (B, G)."""
        cell_weight = weights[:, self.group] * self.totals
        out = np.empty((len(weights), self.subgroups, *self.means.shape[1:]))
        for r in range(self.subgroups):
            cell = self.subgroup == r
            share = cell_weight[:, cell]
            whole = share.sum(axis=1)
            _require_rows(whole)
            out[:, r] = np.tensordot(share / whole[:, None], self.means[cell], axes=1)
        return out.reshape(len(weights), -1, self.means.shape[2])


def _clusters_of_subgroups(chunk: Chunk, clusters: Strata) -> tuple[Strata, IntArray, IntArray]:
    """Return the joint cells of subgroups and groups that have rows, and what each is made of."""
    codes = clusters.codes
    if chunk.strata is not None:
        codes = chunk.strata.codes * clusters.size + codes
    cells, places = np.unique(codes, return_inverse=True)
    subgroup, group = np.divmod(cells, clusters.size)
    return Strata(places.ravel(), len(cells)), subgroup, group


def _require_rows(weight: FloatArray) -> None:
    """Raise where a replicate holds no row of a subgroup."""
    if (weight == 0).any():
        raise NumericalError(
            f"over: {int((weight == 0).sum())} of {len(weight)} bootstrap replicates hold no "
            "row of one of the subgroups. Hold the population fixed: "
            'Bootstrap(population="fixed").'
        )


# --- nonlinear means -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RowAverage(Node):
    """The average of a function of rows that is not linear in the parameters.

    Its rows are subgroups, within them scenarios, within them outcomes.
    """

    costly: ClassVar[bool] = True

    question: Question
    quantity: Quantity

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.question.labels

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return self.question.columns

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Visit every row under every scenario."""
        sums = _Sums(point, gradient)
        for chunk in self.question.population:
            sums.add(chunk, self.question.grid, self.quantity)
        return sums.averages()


class _Sums:
    """Weighted sums of a function of rows, chunk by chunk."""

    def __init__(self, point: Point, gradient: bool) -> None:
        self.point = point
        self.gradient = gradient
        self.value: Any = 0.0
        self.jacobian: Any = 0.0
        self.weight: Any = 0.0

    def add(self, chunk: Chunk, grid: Grid, quantity: Quantity) -> None:
        """Add the rows of a chunk."""
        count, outcomes = len(self.point), len(quantity.outcomes)
        shape = (count, chunk.subgroups, grid.size, outcomes)
        value = np.zeros(shape)
        jac = np.zeros((*shape, self.point.width)) if self.gradient else None
        scenes = Scenes(chunk.rows, grid)
        width = count * outcomes + max(len(d.names) for d in chunk.rows.designs.values())
        size = int(np.clip(CELLS // width, FEWEST_ROWS, MOST_ROWS))
        parts = [slice(a, min(a + size, chunk.rows.n)) for a in range(0, chunk.rows.n, size)]
        for s in range(grid.size):
            scene = scenes.scene(s)
            for part in parts:
                self._add_part(chunk, scene, part, quantity, value[:, :, s], jac)
        self.value = self.value + value
        self.jacobian = self.jacobian + jac if jac is not None else 0.0
        self.weight = self.weight + self._weight(chunk, parts)

    def _add_part(
        self,
        chunk: Chunk,
        scene: Scene,
        part: slice,
        quantity: Quantity,
        value: FloatArray,
        jac: FloatArray | None,
    ) -> None:
        found = quantity.at(scene.part(part), self.point, self.gradient)
        weights = self._weights(chunk.rows, part)
        for r, rows in _members(chunk.strata, part):
            value[:, r] += _weighted_sum(weights[rows], found.value[rows])
            if jac is None:
                continue
            for term in found.gradient:
                columns = self.point.blocks[term.block]
                jac[:, r, scene.scenario, :, columns] += term.total(weights, rows)

    def _weights(self, rows: Rows, part: slice) -> FloatArray:
        """Return row weights (m, 1), or (m, B) where replicates resample the rows."""
        size = part.stop - part.start
        own = np.ones((size, 1)) if rows.weights is None else rows.weights[part][:, None]
        if self.point.weights is None or rows.clusters is None:
            return own
        return own * self.point.weights[:, rows.clusters.codes[part]].T

    def _weight(self, chunk: Chunk, parts: Sequence[slice]) -> FloatArray:
        """Return the weight of each subgroup, (1 or B, R)."""
        if self.point.weights is None or chunk.rows.clusters is None:
            return chunk.rows.totals(chunk.strata)[None, :]
        out = np.zeros((len(self.point), chunk.subgroups))
        for part in parts:
            weights = self._weights(chunk.rows, part)
            for r, rows in _members(chunk.strata, part):
                out[:, r] += weights[rows].sum(axis=0)
        for column in out.T:
            _require_rows(column)
        return out

    def averages(self) -> Evaluated:
        """Return the averages and their Jacobians."""
        count = len(self.point)
        value = self.value / self.weight[:, :, None, None]
        if not self.gradient:
            return value.reshape(count, -1), None
        jac = self.jacobian / self.weight[:, :, None, None, None]
        return value.reshape(count, -1), jac.reshape(count, -1, self.point.width)


def _members(strata: Strata | None, part: slice) -> list[tuple[int, Any]]:
    """List the subgroups that have rows in a part, with these rows."""
    if strata is None:
        return [(0, slice(None))]
    codes = strata.codes[part]
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    return list(zip(present.tolist(), np.split(order, starts[1:]), strict=True))


def _weighted_sum(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Add values (m, B, J) with weights (m, 1) or (m, B): (B, J)."""
    if weights.shape[1] == 1:
        return np.tensordot(weights[:, 0], values, axes=1)
    return np.einsum("mb,mbj->bj", weights, values)
