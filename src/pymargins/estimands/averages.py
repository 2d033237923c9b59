"""Averages over a population: the leaves of every estimand.

Each is made of sums over the rows of a population. Where the mean is linear in the parameters these
are moments of the design, formed once for the whole grid (`LinearAverage`); otherwise rows are
visited (`RowAverage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.estimands.chunks import Chunk, Held, Question
from pymargins.estimands.clusters import ClusterSums
from pymargins.estimands.columns import Columns
from pymargins.estimands.design_sums import DesignSums
from pymargins.estimands.jacobians import beside
from pymargins.estimands.nodes import Estimand, Evaluated, Node, Stack, spread
from pymargins.estimands.outcomes import crossed
from pymargins.estimands.quantities import MeanOf, Quantity, SlopeOf
from pymargins.estimands.row_sums import RowSums, require_rows
from pymargins.estimands.rows import Strata
from pymargins.models.clusters import EFFECTS, ClusterMean
from pymargins.models.factors import encode
from pymargins.models.means import LinearMean, Mean, Predictor
from pymargins.models.parameters import Point


def average_of(mean: Mean, question: Question, slope: str | None = None) -> Estimand:
    """Average the mean outcomes of rows, or their slope by a numeric variable."""
    if isinstance(mean, ClusterMean):
        return question.population.asked(ClusterAverage(question, mean, slope))
    if not isinstance(mean, LinearMean):
        return row_average(question, MeanOf(mean) if slope is None else SlopeOf(mean, slope))
    asked, rows = _of_own_levels(question)
    made = asked.population.asked(LinearAverage(asked, mean.predictor, slope))
    return made if rows is None else made[rows]


def row_average(question: Question, quantity: Quantity) -> Estimand:
    """Average a function of rows."""
    asked, rows = _of_own_levels(question)
    made = asked.population.asked(RowAverage(asked, quantity))
    if rows is None:
        return made
    outcomes = np.arange(len(quantity.outcomes))
    return made[(rows[:, None] * len(outcomes) + outcomes).ravel()]


def _of_own_levels(question: Question) -> tuple[Question, IntArray | None]:
    """Make subgroups of the levels that scenarios set, where rows count for their own levels.

    Returns the question by these subgroups, and which of its rows are wanted; None for all.
    """
    chunk, grid = question.population.whole, question.grid
    if chunk is None or not chunk.own_levels:
        return question, None
    own, wanted = np.zeros(chunk.rows.n, dtype=np.intp), np.zeros(grid.size, dtype=np.intp)
    count = 1
    for name, pin in grid.pins.items():
        levels = chunk.rows.variables[name].levels
        if levels:
            count *= len(levels)
            own = own * len(levels) + encode(chunk.rows.columns[name], levels)
            wanted = wanted * len(levels) + encode(pin, levels)
    outer = 0 if chunk.strata is None else chunk.strata.codes
    present, codes = np.unique(outer * count + own, return_inverse=True)
    asked = (np.arange(chunk.subgroups)[:, None] * count + wanted).ravel()
    place = np.minimum(np.searchsorted(present, asked), len(present) - 1)
    _require_own(present[place] == asked, question.labels)
    rows = place * grid.size + np.tile(np.arange(grid.size), chunk.subgroups)
    size = len(present) * grid.size
    columns = {name: _placed(values, rows, size) for name, values in question.columns.items()}
    strata = Strata(codes.astype(np.intp).ravel(), len(present))
    labels = tuple(_placed(question.labels, rows, size))
    return replace(
        question, population=Held(Chunk(chunk.rows, strata)), labels=labels, columns=columns
    ), rows


def _require_own(found: Any, labels: Sequence[str]) -> None:
    if not found.all():
        first = labels[int(np.argmin(found))].removeprefix(", ")
        raise ArgumentError(
            'weights: "cells" averages over the rows of the fit that have the levels asked for, '
            f"and none has those of {first!r} ({int((~found).sum())} of {len(found)} points are so)"
            '. Use "equal" or "proportional".'
        )


def _placed(values: Sequence[Any], rows: IntArray, size: int) -> list[Any]:
    """Put values at some rows of so many."""
    out: list[Any] = [""] * size
    for row, value in zip(rows.tolist(), values, strict=True):
        out[row] = value
    return out


def slopes_of(mean: Mean, questions: Mapping[str, Question]) -> dict[str, Estimand]:
    """Average slopes by several variables, each with its question of the same rows.

    Where the mean is not linear they are formed in one pass over the rows.
    """
    populations = [asked.population for asked in questions.values()]
    own_levels = any(p.whole is not None and p.whole.own_levels for p in populations)
    if isinstance(mean, (LinearMean, ClusterMean)) or own_levels or len(questions) < 2:
        return {name: average_of(mean, asked, name) for name, asked in questions.items()}
    parts = tuple(RowAverage(asked, SlopeOf(mean, name)) for name, asked in questions.items())
    made = populations[0].asked(RowAverages(parts))
    return dict(zip(questions, made.separately(), strict=True))


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

    def sums(self, point: Point | None, gradient: bool) -> DesignSums:
        """Return sums of design rows, of no rows yet."""
        return DesignSums(self.question.grid, self.predictor.role, self.slope)

    @cached_property
    def matrix(self) -> FloatArray:
        """The averaged design rows, (k, p)."""
        return self.question.population.summed(self, None, False).averages

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
        chunk = self.question.population.whole
        if chunk is None or chunk.rows.clusters is None:
            return None
        present, subgroup, group = _clusters_of_subgroups(chunk, chunk.rows.clusters)
        return ClusterMeans(
            self.sums(None, False).means(chunk.rows, present),
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
            require_rows(whole)
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


@dataclass(frozen=True, eq=False)
class ClusterAverage(Node):
    """The average of the means of rows in their own clusters, or of its slope.

    Parameters
    ----------
    question : Question
    mean : ClusterMean
    slope : str, optional
        The variable to differentiate by.
    """

    question: Question
    mean: ClusterMean
    slope: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.question.labels

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return self.question.columns

    def sums(self, point: Point | None, gradient: bool) -> ClusterSums:
        """Return sums of the rows of both designs, of no rows yet."""
        return ClusterSums(self.question.grid, self.mean, self.slope)

    @cached_property
    def matrices(self) -> tuple[FloatArray, Any]:
        """What coefficients (k, p) and random effects, sparse (k, W), are multiplied with."""
        return self.question.population.summed(self, None, False).averages

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return True

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply with the parameters; those of new clusters are 0."""
        fixed, random = self.matrices
        known = random[:, : self.mean.size]
        value = point.block(self.mean.predictor.block) @ fixed.T
        value = value + (known @ point.block(EFFECTS).T).T
        return value, beside(fixed, random, len(point)) if gradient else None


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
        return self._named[0]

    @property
    def columns(self) -> Columns:
        """The variables of each row, its outcome first where there are several."""
        return self._named[1]

    @cached_property
    def _named(self) -> tuple[tuple[str, ...], Columns]:
        question = self.question
        return crossed(question.labels, question.columns, self.quantity.outcomes)

    def sums(self, point: Point | None, gradient: bool) -> RowSums:
        """Return sums of the function at the points, of no rows yet."""
        assert point is not None
        return RowSums([self.quantity], self.question.grid, point, gradient)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Visit every row under every scenario."""
        return self.question.population.summed(self, point, gradient).averages(gradient)


@dataclass(frozen=True, eq=False)
class RowAverages(Stack):
    """Averages of several functions of the same rows, formed in one pass.

    Parameters
    ----------
    parts : tuple of RowAverage
        Of one population and one grid.
    """

    costly: ClassVar[bool] = True

    parts: tuple[RowAverage, ...]

    def sums(self, point: Point | None, gradient: bool) -> RowSums:
        """Return sums of the functions at the points, of no rows yet."""
        assert point is not None
        quantities = [part.quantity for part in self.parts]
        return RowSums(quantities, self.parts[0].question.grid, point, gradient)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Visit every row under every scenario."""
        population = self.parts[0].question.population
        return population.summed(self, point, gradient).averages(gradient)

    def separately(self) -> list[Estimand]:
        """Return each of them, all formed where one is asked for."""
        ends = np.cumsum([len(part) for part in self.parts]).tolist()
        return [self[np.arange(a, b)] for a, b in zip([0, *ends], ends, strict=False)]
