"""The design points that rows of a result stand for, where each row stands for one.

A row does where its average is over a single row of the population, or where the scenario sets
every variable of the model, so that all rows it averages are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.estimands.averages import ClusterAverage, LinearAverage, RowAverage
from pymargins.estimands.chunks import Question
from pymargins.estimands.nodes import Estimand, Pick, Stack, stacked
from pymargins.estimands.quantities import MeanOf
from pymargins.estimands.rows import Rows
from pymargins.estimands.scenes import average
from pymargins.models.design import Design

Leaf: TypeAlias = "LinearAverage | ClusterAverage | RowAverage"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of one average.

    Parameters
    ----------
    leaf : LinearAverage, ClusterAverage or RowAverage
        Of means that have one outcome.
    places : ndarray, shape (m,)
        Which of its rows.
    positions : ndarray, shape (m,)
        Where these are among all.
    """

    leaf: Leaf
    places: IntArray
    positions: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class DesignPoints:
    """Rows that are mean responses, as a verb gave them.

    Parameters
    ----------
    parts : tuple of Part
    size : int
        k, the number of rows.
    """

    parts: tuple[Part, ...]
    size: int

    @classmethod
    def of(cls, estimand: Estimand) -> DesignPoints | None:
        """Find what the rows of an estimand average; None where they are made of averages."""
        rows = np.arange(len(estimand), dtype=np.intp)
        parts = _parts(estimand, rows, rows)
        return None if parts is None else cls(tuple(parts), len(estimand))

    def averaged(self, variables: Sequence[str]) -> BoolArray:
        """Tell which rows average over several design points of these variables, (k,)."""
        out = np.zeros(self.size, dtype=bool)
        for part in self.parts:
            question = part.leaf.question
            if not set(variables) <= set(question.grid.pins):
                several = _have_several(question)
                out[part.positions] = several[part.places // question.grid.size]
        return out

    def predictor(self) -> Estimand:
        """Return the linear predictors of the rows."""
        made = stacked([_predictor(part.leaf)[part.places] for part in self.parts])
        return made[np.argsort(np.concatenate([part.positions for part in self.parts]))]

    def design(self, role: str, design: Design) -> FloatArray:
        """Return the rows of a design, (k, c)."""
        out = np.empty((self.size, len(design.names)))
        for part in self.parts:
            question = part.leaf.question
            if set(design.variables) <= set(question.grid.pins):
                one = Rows({role: design}, {}, {}, 1)  # whatever the population
                found = average(one, question.grid, role=role)[0]
                out[part.positions] = found[part.places % question.grid.size]
                continue
            chunk = question.population.whole
            assert chunk is not None
            rows = chunk.rows.with_design(role, design)
            found = average(rows, question.grid, chunk.strata, role=role)
            out[part.positions] = found.reshape(-1, out.shape[1])[part.places]
        return out


def _parts(estimand: Estimand, rows: IntArray, positions: IntArray) -> list[Part] | None:
    if isinstance(estimand, Pick):
        return _parts(estimand.inner, estimand.rows[rows], positions)
    if isinstance(estimand, Stack):
        return _parts_of_stack(estimand, rows, positions)
    if isinstance(estimand, (LinearAverage, ClusterAverage)) and estimand.slope is None:
        return [Part(estimand, rows, positions)]
    if isinstance(estimand, RowAverage) and isinstance(estimand.quantity, MeanOf):
        return [Part(estimand, rows, positions)]
    return None


def _parts_of_stack(stack: Stack, rows: IntArray, positions: IntArray) -> list[Part] | None:
    out: list[Part] = []
    start = 0
    for inner in stack.parts:
        own = (rows >= start) & (rows < start + len(inner))
        found = _parts(inner, rows[own] - start, positions[own])
        if found is None:
            return None
        out += [part for part in found if len(part.places)]
        start += len(inner)
    return out


def _predictor(leaf: Leaf) -> Estimand:
    if not isinstance(leaf, RowAverage):
        return leaf
    (predictor,) = leaf.quantity.mean.predictors
    return leaf.question.population.asked(LinearAverage(leaf.question, predictor))


def _have_several(question: Question) -> BoolArray:
    """Tell which subgroups have several rows; all where they are read in pieces."""
    chunk = question.population.whole
    if chunk is None:
        return np.ones(len(question.labels), dtype=bool)
    if chunk.strata is None:
        return np.array([chunk.rows.n > 1])
    return np.bincount(chunk.strata.codes, minlength=chunk.strata.size) > 1
