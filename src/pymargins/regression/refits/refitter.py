"""Refit a model to many replicates of its rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import sparse

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import NumericalError
from pymargins.regression.refits.centre import Centre
from pymargins.regression.refits.covariances import Studentizer, finish
from pymargins.regression.refits.drawn_rows import DrawnRows, Joined, Rows
from pymargins.regression.refits.iterations import (
    FOUND,
    NOT_AN_OPTIMUM,
    REASONS,
    newton,
    turning,
)
from pymargins.regression.refits.row_models import RowModel
from pymargins.regression.refits.row_weights import Cells, equal_rows

#: Numbers that a chunk of replicates may hold at a time.
MEMORY = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """Refits of one model to b replicates of its data.

    Parameters
    ----------
    theta : ndarray, shape (b, P)
        All parameters.
    reasons : tuple of str
        Why each replicate is not to be kept; empty for one that is.
    cov : ndarray, shape (b, P, P), optional
    on_boundary : int
        How many have a parameter at the end of its range; these are kept.
    """

    theta: FloatArray
    reasons: tuple[str, ...]
    cov: FloatArray | None
    on_boundary: int = 0


class Refitter(Protocol):
    """Refits one model to replicates of its data, some of them at a time."""

    @property
    def chunk(self) -> int:
        """How many replicates it takes at a time."""
        ...

    @property
    def params(self) -> FloatArray:
        """What replicates scatter around, (P,)."""
        ...

    @property
    def base_cov(self) -> FloatArray | None:
        """The covariance there of the kind that replicates have, (P, P)."""
        ...

    def weighted(self, weights: AnyArray) -> Refits:
        """Refit with each row as often as the weights (n, b) say."""
        ...

    def responded(self, responses: FloatArray) -> Refits:
        """Refit to other responses (n, b)."""
        ...


@dataclass(frozen=True, eq=False)
class BatchRefitter:
    """Refits a `RowModel`, all replicates of a chunk together.

    Parameters
    ----------
    centre : Centre
        Of the rows as they are arranged.
    original : Centre
        Of the rows as they come.
    studentizer : Studentizer, optional
        None where no covariances are needed.
    order : ndarray, optional
        The rows in the order of their clusters.
    cells : Cells, optional
        The rows that are equal and are joined.
    """

    centre: Centre
    original: Centre
    studentizer: Studentizer | None = None
    order: IntArray | None = None
    cells: Cells | None = None

    @classmethod
    def of(
        cls,
        centre: Centre,
        studentizer: Studentizer | None,
        codes: IntArray | None = None,
        join: bool = False,
    ) -> BatchRefitter:
        """Arrange the rows: equal ones joined, those of a cluster together.

        Parameters
        ----------
        centre : Centre
        studentizer : Studentizer, optional
            Its rows in the order of those of the model.
        codes : ndarray, shape (n,), optional
            The cluster of each row.
        join : bool
            Whether equal rows may be joined: where replicates weight them.
        """
        model = centre.model
        if join:
            first = np.zeros(len(model.design), np.intp) if codes is None else codes
            columns: list[AnyArray] = [first, *model.design.T, centre.predictor[:, 0]]
            columns += [] if model.weights is None else [model.weights]
            cells = equal_rows(columns)
            if cells is not None:
                chosen = _arranged(studentizer, codes, cells.first)
                return cls(centre.some(cells.first), centre, chosen, cells=cells)
        if codes is None:
            return cls(centre, centre, studentizer)
        order = np.argsort(codes, kind="stable")
        return cls(centre.some(order), centre, _arranged(studentizer, codes, order), order)

    @property
    def chunk(self) -> int:
        """How many replicates fit into the memory allowed; depends on the model alone."""
        k, n = self.centre.width, len(self.original.design)
        size = 4 * n + 6 * k * k
        if self.studentizer is not None and self.studentizer.codes is not None:
            size += 3 * k * (int(self.studentizer.codes[-1]) + 1)
        return int(np.clip(MEMORY // size, 1, 1024))

    @property
    def params(self) -> FloatArray:
        """The coefficients at the optimum."""
        return self.centre.params

    @property
    def base_cov(self) -> FloatArray | None:
        """Their covariance, of the kind that replicates have."""
        if self.studentizer is None:
            return None
        once = np.ones((len(self.original.design), 1))
        cov = self.weighted(once).cov
        return None if cov is None else cov[0]

    def weighted(self, weights: AnyArray) -> Refits:
        """Refit with each row as often as the weights (n, b) say."""
        times = None
        chosen = self.studentizer
        if chosen is not None and chosen.codes is not None and chosen.sampling is not None:
            rows = self.cells.first if self.cells is not None else self.order
            first = np.searchsorted(chosen.codes, np.arange(int(chosen.codes[-1]) + 1))
            times = weights if rows is None else weights[rows[first]]
        return self._solved(self._drawn(weights), self._once, times)

    def responded(self, responses: FloatArray) -> Refits:
        """Refit to other responses (n, b)."""
        if self.order is not None:
            responses = responses[self.order]
        drawn = Rows(self.centre.counts, responses)
        return self._solved(drawn, drawn, None)

    def _drawn(self, times: AnyArray) -> DrawnRows:
        weight = np.ascontiguousarray(times)
        if self.original.model.counts is not None:
            weight = weight * self.original.counts
        if self.cells is None:
            weight = weight if self.order is None else weight[self.order]
            return Rows(weight, self.centre.response)
        residual = (self.original.response - self.original.mean)[:, 0]
        n, size = len(residual), len(self.cells.first)
        where = (self.cells.codes, np.arange(n))
        count, first, second = (
            sparse.csr_matrix((values, where), shape=(size, n)) @ weight
            for values in (np.ones(n), residual, residual**2)
        )
        return Joined(count, first, second, self.centre.mean)

    @cached_property
    def _once(self) -> DrawnRows:
        """The data as they are, one replicate."""
        return self._drawn(np.ones((len(self.original.design), 1)))

    @cached_property
    def _turn(self) -> FloatArray:
        return turning(self.centre, self._once)

    def _solved(self, drawn: DrawnRows, once: DrawnRows, times: AnyArray | None) -> Refits:
        with np.errstate(all="ignore"):  # beyond the domain of a link; steps are halved there
            solved = newton(self.centre, drawn, self._turn)
            found = finish(self.centre, drawn, solved.gamma, self.studentizer, once, times)
        outcome = solved.outcome.copy()
        outcome[(outcome == FOUND) & ~found.optimal] = NOT_AN_OPTIMUM
        root = self.centre.root
        cov = None if found.cov is None else root @ found.cov @ root.T
        reasons = tuple(REASONS.get(int(code), "") for code in outcome)
        return Refits(self.centre.coefficients(found.gamma), reasons, cov)


def _arranged(
    studentizer: Studentizer | None, codes: IntArray | None, rows: IntArray
) -> Studentizer | None:
    """Bring what a studentizer knows of rows into another order."""
    if studentizer is None:
        return None
    parts = [studentizer.factor, studentizer.design]
    factor, design = (None if part is None else part[rows] for part in parts)
    clustered = studentizer.kind == "clusters" and codes is not None
    return Studentizer(
        studentizer.kind,
        factor,
        design,
        codes[rows] if clustered and codes is not None else None,
        studentizer.sampling,
    )


def optimum_of(model: RowModel) -> Centre:
    """Put the centre at the optimum of the model, from where its fit stopped.

    Raises
    ------
    NumericalError
        Where there is none to be found from there.
    """
    start = Centre.at(model, model.params)
    drawn = Rows(start.counts, start.response)
    with np.errstate(all="ignore"):
        solved = newton(start, drawn, turning(start, drawn))
    if solved.outcome[0] != FOUND:
        raise NumericalError(
            "bootstrap: the fit itself is not at an optimum that Newton's method finds from "
            "there, so that there is nothing for replicates to scatter around "
            f"({REASONS[int(solved.outcome[0])]}). Look at m.diagnose() of a session without the "
            "bootstrap."
        )
    return Centre.at(model, start.coefficients(solved.gamma)[0])
