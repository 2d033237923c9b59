"""Estimands: labelled functions of the parameters, each operation on them written once.

An estimand is a tree of small nodes. `Estimand.at` evaluates it at any parameters: the fitted ones,
those of a thousand replicates. A contrast of estimands is an estimand, so joint uncertainty is
never lost. Nodes hold arrays and other nodes, so that they can be sent to other processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.estimands import jacobians
from pymargins.estimands.columns import Columns
from pymargins.estimands.jacobians import Jacobian
from pymargins.estimands.scales import Scale
from pymargins.models.parameters import Point

#: Values (B, k) and, where asked for, their Jacobians (B, k, P).
Evaluated: TypeAlias = "tuple[FloatArray, Jacobian | None]"


class Estimand(Protocol):
    """k labelled functions of P parameters."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        ...

    @property
    def columns(self) -> Columns:
        """The scenario and subgroup variables of each row, for tables."""
        ...

    @property
    def linear(self) -> bool:
        """Whether they are linear, so that their Jacobian is the same at every point."""
        ...

    def at(self, point: Point, gradient: bool = False) -> Evaluated:
        """Return values (B, k) at the points and, with `gradient`, Jacobians (B, k, P)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Sequence[int] | AnyArray) -> Estimand: ...


class Node(ABC):
    """An estimand made of others, or of data."""

    #: Whether values at many points are worth keeping.
    costly: ClassVar[bool] = False

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return False

    @abstractmethod
    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Compute what `at` returns."""

    def at(self, point: Point, gradient: bool = False) -> Evaluated:
        """Return values (B, k) at the points and, with `gradient`, Jacobians (B, k, P)."""
        if len(point) > 1 and (gradient or not self.costly):
            return self.evaluate(point, gradient)
        return point.remembered(self, gradient, lambda: self.evaluate(point, gradient))

    def __len__(self: Estimand) -> int:
        return len(self.labels)

    def __getitem__(self: Estimand, rows: Sequence[int] | AnyArray) -> Estimand:
        return Pick(self, np.asarray(rows, dtype=np.intp))


class SameRows(Node):
    """An estimand with the rows of another, by name and variables."""

    inner: Estimand

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.inner.labels

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return self.inner.columns


@dataclass(frozen=True, eq=False)
class Known(Node):
    """An estimand whose value and Jacobian are known at the fitted parameters, and only there."""

    value: FloatArray
    jacobian: Jacobian
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Return what is known."""
        if not gradient:
            return self.value[None], None
        dense = isinstance(self.jacobian, np.ndarray)
        return self.value[None], self.jacobian[None] if dense else self.jacobian


@dataclass(frozen=True, eq=False)
class Linear(Node):
    """Linear functions of one block of the parameters: ``matrix @ block``."""

    matrix: FloatArray
    block: str
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return True

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply."""
        value = point.block(self.block) @ self.matrix.T
        return value, spread(self.matrix[None], self.block, point) if gradient else None


def spread(rows: FloatArray, block: str, point: Point) -> FloatArray:
    """Lay Jacobian rows by one block, (1 or B, k, p), into rows by all parameters, (B, k, P)."""
    if rows.shape[2] != point.width:
        wide = np.zeros((*rows.shape[:2], point.width))
        wide[:, :, point.blocks[block]] = rows
        rows = wide
    return np.broadcast_to(rows, (len(point), *rows.shape[1:]))


# --- rows picked, stacked and combined -----------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pick(Node):
    """Some rows, in any order and as often as wanted."""

    inner: Estimand
    rows: IntArray

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        every = self.inner.labels
        return tuple(every[i] for i in self.rows)

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return {k: [v[i] for i in self.rows] for k, v in self.inner.columns.items()}

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return self.inner.linear

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Pick."""
        value, jac = self.inner.at(point, gradient)
        return value[:, self.rows], None if jac is None else jacobians.picked(jac, self.rows)


@dataclass(frozen=True, eq=False)
class Stack(Node):
    """Estimands one after the other; table columns are kept where all have them."""

    parts: tuple[Estimand, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return tuple(label for part in self.parts for label in part.labels)

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        every = [part.columns for part in self.parts]
        return {
            name: [value for columns in every for value in columns[name]]
            for name in every[0]
            if all(name in columns for columns in every)
        }

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return all(part.linear for part in self.parts)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Stack."""
        found = [part.at(point, gradient) for part in self.parts]
        value = np.concatenate([v for v, _ in found], axis=1)
        jacs = [j for _, j in found if j is not None]
        return value, jacobians.stacked(jacs) if gradient else None


def stacked(parts: Sequence[Estimand]) -> Estimand:
    """Stack estimands; a single one is itself."""
    return parts[0] if len(parts) == 1 else Stack(tuple(parts))


@dataclass(frozen=True, eq=False)
class Combine(Node):
    """Linear combinations of rows, ``matrix @ inner``, of each block of as many rows."""

    inner: Estimand
    matrix: FloatArray
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return self.inner.linear

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Combine."""
        value, jac = self.inner.at(point, gradient)
        blocks = (len(value), -1, self.matrix.shape[1])
        out = (value.reshape(blocks) @ self.matrix.T).reshape(len(value), -1)
        return out, None if jac is None else jacobians.combined(self.matrix, jac)


@dataclass(frozen=True, eq=False)
class Sum(Node):
    """Two estimands of one length added row by row, each times a number."""

    first: Estimand
    second: Estimand
    labels: tuple[str, ...]
    factors: tuple[float, float] = (1.0, 1.0)
    columns: Columns = field(default_factory=dict)

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return self.first.linear and self.second.linear

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Add."""
        a, b = self.factors
        first, jac_first = self.first.at(point, gradient)
        second, jac_second = self.second.at(point, gradient)
        if jac_first is None or jac_second is None:
            return a * first + b * second, None
        jac = jacobians.added(jacobians.times(jac_first, a), jacobians.times(jac_second, b))
        return a * first + b * second, jac


@dataclass(frozen=True, eq=False)
class Scaled(Node):
    """Every row times a number."""

    inner: Estimand
    factor: float
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    @property
    def linear(self) -> bool:
        """Whether its Jacobian is the same at every point."""
        return self.inner.linear

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply."""
        value, jac = self.inner.at(point, gradient)
        return self.factor * value, None if jac is None else jacobians.times(jac, self.factor)


@dataclass(frozen=True, eq=False)
class Quotient(Node):
    """Two estimands of one length divided row by row."""

    top: Estimand
    bottom: Estimand
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Divide."""
        top, jac_top = self.top.at(point, gradient)
        bottom, jac_bottom = self.bottom.at(point, gradient)
        ratio = top / bottom
        if jac_top is None or jac_bottom is None:
            return ratio, None
        change = jacobians.added(jac_top, jacobians.scaled(jac_bottom, -ratio))
        return ratio, jacobians.scaled(change, 1.0 / bottom)


# --- nonlinear functions -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Transformed(SameRows):
    """Every row on a scale."""

    inner: Estimand
    scale: Scale

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Transform, by the chain rule."""
        inner, jac = self.inner.at(point, gradient)
        outer, by = self.scale.transform(inner.ravel(), self.labels * len(inner))
        if jac is not None:
            jac = jacobians.scaled(jac, by.reshape(inner.shape))
        return outer.reshape(inner.shape), jac


def on_scale(estimand: Estimand, scale: Scale) -> Estimand:
    """Put an estimand on a scale."""
    return estimand if scale.is_identity else Transformed(estimand, scale)
