r"""What is averaged of each row: its mean, its slope, an elasticity, a logarithm.

With :math:`\mu_i` the mean of row i and :math:`s_i` its slope by a variable x, ``eyex`` is
:math:`s_i x_i/\mu_i`, ``eydx`` is :math:`s_i/\mu_i` and ``dyex`` is :math:`s_i x_i`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError
from pymargins.models.means import Mean, SceneRows
from pymargins.models.parameters import Point
from pymargins.models.row_values import RowValues

#: What an elasticity relates: proportional (e) or absolute (d) changes of y and of x.
Elasticity: TypeAlias = Literal["eyex", "eydx", "dyex"]


class Quantity(Protocol):
    """A function of each row."""

    @property
    def mean(self) -> Mean:
        """What it is a function of."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it differentiates by."""
        ...

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The outcomes it is taken of."""
        ...

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return it on rows."""
        ...


@dataclass(frozen=True, slots=True)
class OfMean:
    """What functions of the mean outcomes alone share."""

    mean: Mean

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it differentiates by."""
        return ()

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The outcomes of the mean."""
        return self.mean.outcomes


@dataclass(frozen=True, slots=True)
class OfSlope:
    """What functions of the mean outcomes and their slope by a variable share."""

    mean: Mean
    variable: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it differentiates by."""
        return (self.variable,)

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The outcomes of the mean."""
        return self.mean.outcomes


@dataclass(frozen=True, slots=True)
class MeanOf(OfMean):
    """The mean outcomes themselves."""

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the means of rows."""
        return self.mean.at(rows, point, gradient)


@dataclass(frozen=True, slots=True)
class SlopeOf(OfSlope):
    """The derivative of the mean outcomes by a numeric variable."""

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the slopes of rows."""
        return self.mean.slope(rows, point, self.variable, gradient)


@dataclass(frozen=True, slots=True)
class ElasticityOf(OfSlope):
    """A proportional change of the mean, of the variable, or of both."""

    kind: Elasticity

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the elasticities of rows."""
        slope = self.mean.slope(rows, point, self.variable, gradient)
        if self.kind == "dyex":
            return _times(slope, self._x(rows))
        mean = self.mean.at(rows, point, gradient)
        self._require_one_sign(mean.value)
        factor = self._x(rows) if self.kind == "eyex" else np.ones((1, 1, 1))
        ratio = slope.value / mean.value
        by_slope = (term.times(factor / mean.value) for term in slope.gradient)
        by_mean = (term.times(-factor * ratio / mean.value) for term in mean.gradient)
        return RowValues(factor * ratio, (*by_slope, *by_mean))

    def _x(self, rows: SceneRows) -> FloatArray:
        return rows.values(self.variable)[:, :, None]

    def _require_one_sign(self, mean: FloatArray) -> None:
        if (mean == 0.0).any() or ((mean > 0).any() and (mean < 0).any()):
            raise NumericalError(
                f"{self.kind}: the mean response is zero or changes sign over the rows (smallest "
                f"{mean.min():.6g}, largest {mean.max():.6g}), so a proportional change with "
                f"respect to {self.variable!r} is not defined. Use dydx."
            )


@dataclass(frozen=True, slots=True)
class LogOf(OfMean):
    """The logarithm of the mean outcomes."""

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the logarithms of the means of rows."""
        found = self.mean.at(rows, point, gradient)
        if (found.value <= 0).any():
            raise NumericalError(
                "eydx: a proportional change needs positive mean responses; some row has "
                f"{found.value.min():.6g}. Use dydx."
            )
        inverse = 1.0 / found.value
        return RowValues(np.log(found.value), tuple(t.times(inverse) for t in found.gradient))


def _times(values: RowValues, factor: FloatArray) -> RowValues:
    return RowValues(values.value * factor, tuple(t.times(factor) for t in values.gradient))
