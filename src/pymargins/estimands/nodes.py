"""Estimands: labelled functions of the parameters, each operation on them written once.

An estimand is a tree of small nodes. `Estimand.at` evaluates it at any parameters: the fitted ones,
those of a thousand replicates. A contrast of estimands is an estimand, so joint uncertainty is
never lost. Nodes hold arrays and other nodes, so that they can be sent to other processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    EstimabilityError,
    NumericalError,
    listing,
)
from pymargins.estimands import jacobians
from pymargins.estimands.columns import Columns
from pymargins.estimands.jacobians import Jacobian
from pymargins.estimands.scales import Scale
from pymargins.models.derivative import jacobian
from pymargins.models.parameters import Point

ESTIMABLE_TOLERANCE = 1e-7

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

    def at(self, point: Point, gradient: bool = False) -> Evaluated:
        """Return values (B, k) at the points and, with `gradient`, Jacobians (B, k, P)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Sequence[int] | AnyArray) -> Estimand: ...


class Node(ABC):
    """An estimand made of others, or of data."""

    #: Whether values at many points are worth keeping.
    costly: ClassVar[bool] = False

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


@dataclass(frozen=True, eq=False)
class Function(Node):
    """A user's function of all rows; its Jacobian by extrapolated differences."""

    inner: Estimand
    function: Callable[[FloatArray], Any]
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        inner: Estimand,
        function: Callable[[FloatArray], Any],
        labels: Any,
        point: Point,
    ) -> Function:
        """Try the function at a point, and name what it returns."""
        at = inner.at(point)[0][0]
        value = _called(function, at)
        if not np.isfinite(value).all():
            raise NumericalError(f"function: it returned {value.tolist()}, which is not finite.")
        slopes = jacobian(lambda x: _called(function, x), at)
        flat = ~slopes.any(axis=1)
        if flat.any():
            raise ArgumentError(
                f"function: value {int(np.argmax(flat))} that it returned, "
                f"{value[np.argmax(flat)]:g}, does not change with the mean responses near their "
                "estimates: a constant, or a step such as round() or a > b, which has no standard "
                "error. Return the quantity that is rounded or compared."
            )
        each = len(value) == len(inner) > 1 and not (slopes - np.diag(np.diagonal(slopes))).any()
        if each and labels is None:
            name = getattr(function, "__name__", "<lambda>")
            labels = [x if name == "<lambda>" else f"{name}({x})" for x in inner.labels]
        named = _function_labels(function, labels, len(value))
        return cls(inner, function, named, inner.columns if each else {})

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Call the function at every point."""
        inner, jac = self.inner.at(point, gradient)
        outer = np.stack([_called(self.function, row) for row in inner])
        if jac is None:
            return outer, None
        by = [jacobian(lambda x: _called(self.function, x), row) for row in inner]
        if isinstance(jac, np.ndarray):
            return outer, np.stack(by) @ jac
        return outer, jacobians.combined(by[0], jac)


def _called(function: Callable[[FloatArray], Any], values: FloatArray) -> FloatArray:
    """Return what a user's function makes of mean responses, checked."""
    try:
        with np.errstate(all="ignore"):
            returned = np.asarray(function(values.copy()))
        if returned.dtype == bool:
            raise TypeError("it returned a truth value")
        if returned.dtype.kind == "c":
            raise TypeError("it returned a complex number")
        out = returned.astype(float)
    except Exception as error:
        raise ArgumentError(
            f"function: it failed on the mean responses {values.tolist()}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if out.ndim > 1 or out.size == 0:
        raise ArgumentTypeError(
            f"function: it returned shape {out.shape}; expected a number or a 1-D array."
        )
    return np.atleast_1d(out)


def _function_labels(function: Any, labels: Any, count: int) -> tuple[str, ...]:
    if labels is None:
        name = getattr(function, "__name__", "function")
        name = "function" if name == "<lambda>" else name
        labels = [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
    labels = [labels] if isinstance(labels, str) else labels
    if isinstance(labels, (Mapping, bytes)) or not isinstance(labels, Sequence):
        raise ArgumentTypeError(f"labels: expected a list of names, got {type(labels).__name__}.")
    if len(labels) != count:
        raise ArgumentError(f"labels: {len(labels)} given for {count} values.")
    return tuple(map(str, labels))


# --- estimability --------------------------------------------------------------------------------


def inestimable(
    estimand: Estimand, point: Point, null_spaces: Mapping[str, FloatArray]
) -> list[int]:
    """Return the rows that depend on a direction which the data do not determine."""
    bad: set[int] = set()
    for block, null_space in null_spaces.items():
        if null_space.size == 0 or block not in point.blocks:
            continue
        jac = estimand.at(point, True)[1]
        assert jac is not None
        rows = jacobians.of_block(jac, point.blocks[block])
        leak = np.abs(rows @ null_space)
        size = np.abs(rows) @ np.abs(null_space)
        leaks = (leak > ESTIMABLE_TOLERANCE * (size + 1e-300)).any(axis=1)
        bad.update(np.flatnonzero(leaks).tolist())
    return sorted(bad)


def estimable_only(
    estimand: Estimand, point: Point, null_spaces: Mapping[str, FloatArray], omit: bool
) -> tuple[Estimand, tuple[str, ...]]:
    """Return the rows that the data determine, and the names of those that they do not.

    Raises
    ------
    EstimabilityError
        Where there are such rows and `omit` is false, or where nothing is left.
    """
    bad = inestimable(estimand, point, null_spaces)
    if not bad:
        return estimand, ()
    names = tuple(estimand.labels[i] for i in bad)
    kept = np.setdiff1d(np.arange(len(estimand)), bad)
    if omit and len(kept):
        return estimand[kept], names
    how = 'Margins(fit, inestimable="omit") leaves them out and keeps the others'
    raise EstimabilityError(
        f"{listing(names)} {'is' if len(names) == 1 else 'are'} not estimable ({len(bad)} of "
        f"{len(estimand)} asked for): the design has columns that are combinations of others (an "
        "empty cell or a redundant term), and these quantities depend on how they are told apart. "
        + (f"{how}." if len(kept) else "Ask where the data have rows.")
    )
