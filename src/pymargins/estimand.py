"""Estimands: labelled functions of the coefficients with an exact Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.derivative import jacobian
from pymargins.errors import ArgumentError, ArgumentTypeError, EstimabilityError, NumericalError
from pymargins.scale import Scale

ESTIMABLE_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True)
class Draws:
    """Coefficients at which estimands are evaluated anew.

    Parameters
    ----------
    params : ndarray, shape (B, p)
    weights : ndarray, shape (B, G), optional
        How often each group of the fit appears in each replicate, where the population was
        resampled with the groups; None holds the population fixed.
    """

    params: FloatArray
    weights: FloatArray | None = None


#: From draws to values (B, k) and, where asked for, their Jacobians (B, k, p).
Function: TypeAlias = "Callable[[Draws, bool], tuple[FloatArray, FloatArray | None]]"


@dataclass(frozen=True, slots=True)
class Estimand:
    """k labelled functions of p coefficients.

    Parameters
    ----------
    value : ndarray, shape (k,)
        At the fitted coefficients.
    jacobian : ndarray, shape (k, p)
        Their derivatives there.
    labels : tuple of str
    function : callable
        The functions themselves: ``function(draws, gradient)`` returns values (B, k) and, with
        `gradient`, Jacobians (B, k, p).
    columns : mapping of str to sequence
        The scenario and subgroup variables of each row, for tables.
    """

    value: FloatArray
    jacobian: FloatArray
    labels: tuple[str, ...]
    function: Function
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def linear(
        cls,
        matrix: FloatArray,
        params: FloatArray,
        labels: Sequence[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
        resampled: Callable[[FloatArray], FloatArray] | None = None,
    ) -> Estimand:
        """Build the estimand ``matrix @ params``.

        Parameters
        ----------
        resampled : callable, optional
            From group weights (B, G) to the matrix of each replicate (B, k, p), where the rows
            averaged over belong to groups.
        """

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            if draws.weights is None or resampled is None:
                rows = np.broadcast_to(matrix, (len(draws.params), *matrix.shape))
                return draws.params @ matrix.T, rows if gradient else None
            rows = resampled(draws.weights)
            return np.einsum("bkp,bp->bk", rows, draws.params), rows if gradient else None

        return cls(matrix @ params, matrix, tuple(labels), function, dict(columns or {}))

    def __getitem__(self, rows: Sequence[int] | AnyArray) -> Estimand:
        index = np.asarray(rows, dtype=np.intp)

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            value, jac = self.function(draws, gradient)
            return value[:, index], None if jac is None else jac[:, index]

        return Estimand(
            self.value[index],
            self.jacobian[index],
            tuple(self.labels[i] for i in index),
            function,
            {k: [v[i] for i in index] for k, v in self.columns.items()},
        )

    def combine(self, matrix: FloatArray, labels: Sequence[str]) -> Estimand:
        """Return the linear combinations ``matrix @ self``."""

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            value, jac = self.function(draws, gradient)
            return value @ matrix.T, None if jac is None else matrix @ jac

        return Estimand(matrix @ self.value, matrix @ self.jacobian, tuple(labels), function)

    def on_scale(self, scale: Scale) -> Estimand:
        """Transform every value to a scale, by the chain rule."""
        if scale.is_identity:
            return self
        value, slope = scale.transform(self.value, self.labels)

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            inner, jac = self.function(draws, gradient)
            outer, by = scale.transform(inner.ravel(), self.labels * len(inner))
            shape = inner.shape
            if jac is not None:
                jac = by.reshape(shape)[:, :, None] * jac
            return outer.reshape(shape), jac

        return Estimand(value, slope[:, None] * self.jacobian, self.labels, function, self.columns)

    def apply(
        self, function: Callable[[FloatArray], Any], labels: Sequence[str] | None
    ) -> Estimand:
        """Return a user's function of the values; its Jacobian by extrapolated differences."""

        def call(values: FloatArray) -> FloatArray:
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

        value = call(self.value)
        if not np.isfinite(value).all():
            raise NumericalError(f"function: it returned {value.tolist()}, which is not finite.")
        if labels is None:
            name = getattr(function, "__name__", "function")
            name = "function" if name == "<lambda>" else name
            labels = [name] if len(value) == 1 else [f"{name}[{i}]" for i in range(len(value))]
        labels = [labels] if isinstance(labels, str) else labels
        if isinstance(labels, (Mapping, bytes)) or not isinstance(labels, Sequence):
            raise ArgumentTypeError(
                f"labels: expected a list of names, got {type(labels).__name__}."
            )
        if len(labels) != len(value):
            raise ArgumentError(f"labels: {len(labels)} given for {len(value)} values.")

        def on_draws(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            inner, jac = self.function(draws, gradient)
            outer = np.stack([call(row) for row in inner])
            if jac is not None:
                by = np.stack([jacobian(call, row) for row in inner])
                jac = by @ jac
            return outer, jac

        outer = jacobian(call, self.value)
        return Estimand(value, outer @ self.jacobian, tuple(map(str, labels)), on_draws)

    def joined(self, other: Estimand) -> Estimand:
        """Stack two estimands; table columns are kept where both have them."""
        columns = {
            k: [*v, *other.columns[k]] for k, v in self.columns.items() if k in other.columns
        }

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            first, jac_first = self.function(draws, gradient)
            second, jac_second = other.function(draws, gradient)
            jac = None
            if jac_first is not None and jac_second is not None:
                jac = np.concatenate([jac_first, jac_second], axis=1)
            return np.concatenate([first, second], axis=1), jac

        return Estimand(
            np.concatenate([self.value, other.value]),
            np.concatenate([self.jacobian, other.jacobian]),
            self.labels + other.labels,
            function,
            columns,
        )

    def over(self, other: Estimand, labels: Sequence[str]) -> Estimand:
        """Divide two estimands of the same length, row by row."""
        value = self.value / other.value

        def function(draws: Draws, gradient: bool) -> tuple[FloatArray, FloatArray | None]:
            top, jac_top = self.function(draws, gradient)
            bottom, jac_bottom = other.function(draws, gradient)
            ratio = top / bottom
            if jac_top is None or jac_bottom is None:
                return ratio, None
            return ratio, (jac_top - ratio[:, :, None] * jac_bottom) / bottom[:, :, None]

        jac = (self.jacobian - value[:, None] * other.jacobian) / other.value[:, None]
        return Estimand(value, jac, tuple(labels), function)

    def require_estimable(self, null_space: FloatArray) -> None:
        """Raise where a value depends on a direction that the data do not determine."""
        if null_space.size == 0:
            return
        leak = np.abs(self.jacobian @ null_space)
        size = np.abs(self.jacobian) @ np.abs(null_space)
        bad = np.flatnonzero((leak > ESTIMABLE_TOLERANCE * (size + 1e-300)).any(axis=1))
        if len(bad):
            names = [self.labels[i] for i in bad]
            raise EstimabilityError(
                f"{names[0]!r} is not estimable: the design has columns that are combinations of "
                "others (an empty cell or a redundant term), and this quantity depends on how they "
                f"are told apart. {len(names)} of {len(self)} asked are affected."
            )
