"""Functions of estimands that a user writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, NumericalError
from pymargins.estimands import jacobians
from pymargins.estimands.columns import Columns
from pymargins.estimands.nodes import Estimand, Evaluated, Node
from pymargins.models.derivative import jacobian
from pymargins.models.parameters import Point


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
