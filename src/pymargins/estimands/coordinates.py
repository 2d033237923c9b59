r"""All scenarios of a grid at once: rows in coordinates that no scenario touches.

A design column under scenario s is a product of factors that depend on the row alone and of one
number that depends on the scenario alone. With :math:`z_i` the distinct products of the former,
the linear predictor and its gradient are

.. math::

    x_{is}'\beta = z_i'\gamma_s, \qquad
    \sum_i w_{is} x_{is} = A_s' \sum_i w_{is} z_i, \qquad \gamma_s = A_s\beta

where every column of :math:`A_s` has one number: no design is built for a scenario, and all
scenarios are one matrix product. The derivative by a variable has the same form, with a term for
each factor that it is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.estimands.rows import Rows
from pymargins.estimands.scenes import DesignScenes, Grid, factor_modes
from pymargins.models.design import Block
from pymargins.models.parameters import Point

#: What is asked of a design: its rows, or their derivative by a variable.
Asked = str | None


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Design columns, or their derivative, over coordinates.

    Parameters
    ----------
    place : ndarray, shape (T,)
        The coordinate of each term.
    column : ndarray, shape (T,)
        The column of the design that it is part of.
    weight : ndarray, shape (S, T)
        What each scenario multiplies it with.
    """

    place: IntArray
    column: IntArray
    weight: FloatArray

    def coefficients(self, beta: FloatArray, width: int) -> FloatArray:
        """Return the coefficients of the coordinates, (B, S, q), from those of columns (B, p)."""
        out = np.zeros((len(beta), len(self.weight), width))
        for place, column, weight in zip(self.place, self.column, self.weight.T, strict=True):
            out[:, :, place] += beta[:, None, column] * weight
        return out

    def gradient(self, total: FloatArray, width: int) -> FloatArray:
        """Return sums of design rows, (B, S, J, p), from those of coordinates (B, S, J, q)."""
        out = np.zeros((*total.shape[:3], width))
        for place, column, weight in zip(self.place, self.column, self.weight.T, strict=True):
            out[..., column] += total[..., place] * weight[:, None]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class RowPart:
    """A product of factors of rows alone: some coordinates.

    Parameters
    ----------
    factors : tuple of (position, what is asked, coding)
    start : int
        The first of its coordinates.
    width : int
    """

    factors: tuple[tuple[int, Asked, FloatArray | None], ...]
    start: int
    width: int


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The design of one role under all scenarios of a grid.

    Parameters
    ----------
    scenes : DesignScenes
    variables : tuple of str
        Those that are differentiated by.
    """

    scenes: DesignScenes
    variables: tuple[str, ...] = ()
    parts: dict[Any, RowPart] = field(default_factory=dict)
    terms: dict[Asked, Terms | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for asked in (None, *self.variables):
            takes_part = asked is None or asked in self.scenes.design.variables
            self.terms[asked] = self._terms(asked) if takes_part else None

    @property
    def width(self) -> int:
        """The number of coordinates, q."""
        return sum(part.width for part in self.parts.values())

    def _terms(self, asked: Asked) -> Terms:
        found: list[tuple[IntArray, IntArray, FloatArray]] = []
        for block in self.scenes.design.blocks:
            for modes in factor_modes(self.scenes.design, block, asked):
                found.append(self._of_block(block, modes))
        places, columns, weights = zip(*found, strict=True) if found else ([], [], [])
        if not found:
            nothing = np.zeros(0, dtype=np.intp)
            return Terms(nothing, nothing, np.zeros((self.scenes.grid.size, 0)))
        return Terms(np.concatenate(places), np.concatenate(columns), np.hstack(weights))

    def _of_block(
        self, block: Block, modes: Sequence[Asked]
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Split a block's columns into coordinates and scenario weights."""
        scenes, size = self.scenes, self.scenes.grid.size
        weight = np.full((size, len(block.columns)), block.scale)
        rows: list[tuple[int, Asked, FloatArray | None]] = []
        place = np.zeros(len(block.columns), dtype=np.intp)
        outer = inner = 1  # the first factor varies fastest over the columns
        for f, coding, mode in zip(block.factors, block.codings, modes, strict=True):
            coding = coding if mode is None else None
            width = scenes.design.factors[f].width if coding is None else coding.shape[1]
            index = np.arange(len(block.columns)) // outer % width
            outer *= width
            if scenes.state(f) == "fixed":
                value = scenes.constant(f, mode)
                value = value if coding is None else coding[value]
                weight = weight * value[:, index]
            elif not scenes.is_one(f, mode):
                rows.append((f, mode, coding))
                place += index * inner
                inner *= width
        part = self._part(tuple(rows), inner)
        return part.start + place, np.array(block.columns, dtype=np.intp), weight

    def _part(self, factors: tuple[Any, ...], width: int) -> RowPart:
        key = tuple((f, mode, None if c is None else id(c)) for f, mode, c in factors)
        if key not in self.parts:
            self.parts[key] = RowPart(factors, self.width, width)
        return self.parts[key]

    def rows(self, part: slice) -> FloatArray:
        """Return the coordinates of some rows, (m, q), each column contiguous."""
        out = np.empty((self.width, part.stop - part.start))
        for one in self.parts.values():
            product: Any = 1.0
            for f, mode, coding in one.factors:
                value = self.scenes.on_rows(f, mode)[part]
                columns = value.T if coding is None else coding.T[:, value]
                if isinstance(product, float):
                    product = columns
                else:  # the first factor varies fastest
                    product = (columns[:, None, :] * product[None]).reshape(-1, len(value))
            out[one.start : one.start + one.width] = product
        return out.T


class Batch:
    """The rows of a population under all scenarios of a grid, for one block of points."""

    def __init__(self, rows: Rows, grid: Grid, variables: Sequence[str], point: Point) -> None:
        self.rows = rows
        self.grid = grid
        self.point = point
        self.designs = {
            role: Coordinates(DesignScenes(rows, grid, role), tuple(variables))
            for role in rows.designs
        }
        self._coefficients: dict[Any, FloatArray | None] = {}

    @classmethod
    def can(cls, rows: Rows, grid: Grid) -> bool:
        """Tell whether no factor mixes variables that are pinned with others that are not."""
        return all(
            scenes.state(i) != "mixed"
            for scenes in (DesignScenes(rows, grid, role) for role in rows.designs)
            for i in range(len(scenes.design.factors))
        )

    @cached_property
    def repeated(self) -> Point:
        """The points once a scenario, scenarios fastest."""
        if self.grid.size == 1:
            return self.point
        return Point(np.repeat(self.point.theta, self.grid.size, axis=0), self.point.blocks)

    def coefficients(self, role: str, block: str, asked: Asked) -> FloatArray | None:
        """Return the coefficients of the coordinates, (B S, q); None where nothing takes part."""
        key = (role, block, asked)
        if key not in self._coefficients:
            design = self.designs[role]
            terms = design.terms[asked]
            found = None
            if terms is not None:
                found = terms.coefficients(self.point.block(block), design.width)
                found = found.reshape(-1, design.width)
            self._coefficients[key] = found
        return self._coefficients[key]

    def part(self, rows: slice) -> PartOfBatch:
        """Return some of the rows."""
        return PartOfBatch(self, rows)

    def gradient(self, role: str, asked: Asked, total: FloatArray) -> FloatArray:
        """Return sums of design rows, (B, S, J, p), from those of coordinates (B S, J, q)."""
        design = self.designs[role]
        terms = design.terms[asked]
        assert terms is not None
        total = total.reshape(len(self.point), self.grid.size, *total.shape[1:])
        return terms.gradient(total, len(design.scenes.design.names))


class PartOfBatch:
    """Some rows under all scenarios: what means of rows are formed on, in coordinates.

    Its points are the points once a scenario.
    """

    def __init__(self, batch: Batch, rows: slice) -> None:
        self._batch = batch
        self._rows = rows
        self._made: dict[Any, Any] = {}

    @property
    def size(self) -> int:
        """The number of rows."""
        return self._rows.stop - self._rows.start

    def design(self, role: str) -> FloatArray:
        """Return the coordinates of the rows of a design."""
        if role not in self._made:
            self._made[role] = self._batch.designs[role].rows(self._rows)
        return self._made[role]

    def slope(self, role: str, variable: str) -> FloatArray | None:
        """Return the same coordinates; None where a variable plays no part."""
        known = self._batch.designs[role].terms[variable]
        return None if known is None else self.design(role)

    def predictor(self, role: str, block: str, point: Point) -> FloatArray:
        """Return a linear predictor without its offset, (m, B S)."""
        found = self._batch.coefficients(role, block, None)
        assert found is not None
        return self.design(role) @ found.T

    def rise(self, role: str, block: str, variable: str, point: Point) -> FloatArray | None:
        """Return its derivative by a variable, (m, B S); None where that plays no part."""
        found = self._batch.coefficients(role, block, variable)
        return None if found is None else self.design(role) @ found.T

    def values(self, variable: str) -> FloatArray:
        """Return a numeric variable, (m, 1) or (1, B S)."""
        batch = self._batch
        pins = batch.grid.pins
        if variable in pins:
            return np.tile(np.asarray(pins[variable], dtype=float), len(batch.point))[None, :]
        column = batch.rows.columns[variable]
        if variable in batch.grid.shifts:
            column = next(iter(batch.designs.values())).scenes.shifted_column(variable)
        return np.asarray(column, dtype=float)[self._rows, None]

    def offset(self, role: str) -> FloatArray | float:
        """Return what is added to the linear predictor."""
        known: Mapping[str, FloatArray] = self._batch.rows.offsets
        return known[role][self._rows] if role in known else 0.0

    def columns(self, role: str, variable: str | None = None) -> FloatArray:
        """Return the rows of a design, or their derivative by a variable, (m or 1, B S, c)."""
        design = self._batch.designs[role]
        terms = design.terms[variable]
        assert terms is not None
        unit = np.eye(len(design.scenes.design.names))
        each = terms.coefficients(unit, design.width)
        some = self.design(role)
        some = some if any(part.factors for part in design.parts.values()) else some[:1]
        found = np.einsum("mq,csq->msc", some, each)
        return np.tile(found, (1, len(self._batch.point), 1))

    def remembered(self, key: Any, compute: Any) -> Any:
        """Return what was computed on these rows before, or compute it."""
        if key not in self._made:
            self._made[key] = compute()
        return self._made[key]
