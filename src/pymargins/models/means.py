r"""The mean outcomes of a row, as functions of all parameters of the model.

Every class of models is a few linear predictors and a function of them,

.. math::

    \mu_j = g_j(\eta_1, \ldots, \eta_K, \psi), \qquad \eta_k = x_k'\beta_k + o_k,

where the design rows :math:`x_k` come by role (``"mean"``, ``"inflation"``, ...), each
:math:`\beta_k` is a block of the parameters, and :math:`\psi` stands for the others (cutpoints, a
dispersion). The gradient is a sum of design rows with scalar factors, so that its average over a
population needs no row of it:

.. math::

    \nabla\mu_j = \sum_k \frac{\partial g_j}{\partial\eta_k} x_k, \qquad
    \frac{\partial\mu_j}{\partial v} = \sum_k \frac{\partial g_j}{\partial\eta_k} d_k'\beta_k

with :math:`d_k` the derivative of :math:`x_k` by the variable v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from pymargins._typing import FloatArray
from pymargins.models.parameters import Point
from pymargins.models.row_values import OnDesign, Outright, RowValues

#: The outcomes of a mean that has one, which needs no name.
ONE_OUTCOME = ("",)
#: A function of each element of an array.
Elementwise: TypeAlias = Callable[[FloatArray], FloatArray]


class SceneRows(Protocol):
    """Some rows of a population under one scenario."""

    @property
    def size(self) -> int:
        """m, the number of rows."""
        ...

    def design(self, role: str) -> FloatArray:
        """Return the rows of a design, (m, c)."""
        ...

    def slope(self, role: str, variable: str) -> FloatArray | None:
        """Return their derivative by a variable, (m, c); None where it plays no part."""
        ...

    def predictor(self, role: str, block: str, point: Point) -> FloatArray:
        """Return a linear predictor without its offset, (m, B)."""
        ...

    def rise(self, role: str, block: str, variable: str, point: Point) -> FloatArray | None:
        """Return its derivative by a variable, (m, B); None where that plays no part."""
        ...

    def values(self, variable: str) -> FloatArray:
        """Return a numeric variable, (m, 1), or (1, B) where it is pinned."""
        ...

    def remembered(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what was computed on these rows before, or compute it."""
        ...

    def offset(self, role: str) -> FloatArray | float:
        """Return what is added to the linear predictor, (m,) or one number."""
        ...

    def columns(self, role: str, variable: str | None = None) -> FloatArray:
        """Return the rows of a design as its columns are, or their derivative by a variable.

        (m, B, c); m or B is 1 where they are the same for all rows, or points.
        """
        ...


class Mean(Protocol):
    """The mean outcomes of a row."""

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The J outcomes by their labels as fitted; one empty name where there is one."""
        ...

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        ...

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """The linear predictors that it is a function of."""
        ...

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the mean outcomes of rows."""
        ...

    def slope(self, rows: SceneRows, point: Point, variable: str, gradient: bool) -> RowValues:
        """Return their derivatives by a numeric variable."""
        ...


# --- linear models -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Predictor:
    """A linear predictor: the design of a role times a block of the parameters."""

    role: str = "mean"
    block: str = "beta"

    def at(self, rows: SceneRows, point: Point) -> FloatArray:
        """Return its value at rows, (m, B)."""
        eta = rows.predictor(self.role, self.block, point)
        offset = rows.offset(self.role)
        eta += offset[:, None] if isinstance(offset, np.ndarray) else offset
        return eta

    def rise(self, rows: SceneRows, point: Point, variable: str) -> FloatArray | None:
        """Return its derivative by a variable, (m, B); None where that plays no part."""
        return rows.rise(self.role, self.block, variable, point)


@dataclass(frozen=True, slots=True)
class LinearMean:
    """A mean that is its linear predictor, without an offset.

    Its averages are averages of design rows, formed once whatever the parameters.
    """

    predictor: Predictor = Predictor()
    outcomes: tuple[Any, ...] = ONE_OUTCOME

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        return (self.predictor.block,)

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """The one that it is."""
        return (self.predictor,)

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the means of rows."""
        p = self.predictor
        return self._linear(rows.predictor(p.role, p.block, point), rows, None, gradient)

    def slope(self, rows: SceneRows, point: Point, variable: str, gradient: bool) -> RowValues:
        """Return their derivatives by a numeric variable."""
        rise = rows.rise(self.predictor.role, self.predictor.block, variable, point)
        if rise is None:
            size = (rows.size, len(point))
            return RowValues(np.zeros((*size, 1)))
        return self._linear(rise, rows, variable, gradient)

    def _linear(
        self, value: FloatArray, rows: SceneRows, variable: str | None, gradient: bool
    ) -> RowValues:
        value = value[:, :, None]
        if not gradient:
            return RowValues(value)
        role = self.predictor.role
        design = rows.design(role) if variable is None else rows.slope(role, variable)
        assert design is not None
        term = OnDesign(self.predictor.block, np.ones_like(value), design, role, variable)
        return RowValues(value, (term,))


# --- functions of linear predictors --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Outcomes as functions of K predictors and other parameters, with derivatives as asked.

    Parameters
    ----------
    value : ndarray, shape (m, B, J)
    first : K arrays, shape (m, B, J)
        By each predictor.
    others : arrays, shape (m, B, J, R)
        By each block of other parameters.
    second : K tuples of K arrays, shape (m, B, J)
    cross : K tuples of arrays, shape (m, B, J, R)
        By a predictor and a block of other parameters.
    """

    value: FloatArray
    first: Sequence[FloatArray] = ()
    others: Sequence[FloatArray] = ()
    second: Sequence[Sequence[FloatArray]] = ()
    cross: Sequence[Sequence[FloatArray]] = ()


class Outcome(Protocol):
    """What makes mean outcomes of linear predictors."""

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The names of the J outcomes."""
        ...

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return outcomes at predictors (m, B) and other parameters (B, R).

        `order` is the highest derivative that is needed: 0, 1 or 2.
        """
        ...


@dataclass(frozen=True, slots=True)
class PredictorMean:
    """A mean that is a function of linear predictors and other parameters.

    Parameters
    ----------
    outcome : Outcome
    predictors : tuple of Predictor
    others : tuple of str
        The blocks of the other parameters.
    """

    outcome: Outcome
    predictors: tuple[Predictor, ...] = (Predictor(),)
    others: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """The names of the J outcomes."""
        return self.outcome.outcomes

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        return (*dict.fromkeys(p.block for p in self.predictors), *self.others)

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the mean outcomes of rows."""
        found = self._derivatives(rows, point, 1 if gradient else 0)
        if not gradient:
            return RowValues(found.value)
        parts: list[OnDesign | Outright] = [
            OnDesign(p.block, by, rows.design(p.role), p.role)
            for p, by in zip(self.predictors, found.first, strict=True)
        ]
        parts += [Outright(name, by) for name, by in zip(self.others, found.others, strict=True)]
        return RowValues(found.value, tuple(parts))

    def slope(self, rows: SceneRows, point: Point, variable: str, gradient: bool) -> RowValues:
        """Return their derivatives by a numeric variable."""
        found = self._derivatives(rows, point, 2 if gradient else 1)
        rises = [p.rise(rows, point, variable) for p in self.predictors]
        moved = [(k, rise[:, :, None]) for k, rise in enumerate(rises) if rise is not None]
        value = sum((found.first[k] * rise for k, rise in moved), np.zeros_like(found.value))
        if not gradient:
            return RowValues(value)
        parts: list[OnDesign | Outright] = []
        for j, p in enumerate(self.predictors):
            curved = sum((found.second[j][k] * rise for k, rise in moved), np.zeros_like(value))
            parts.append(OnDesign(p.block, curved, rows.design(p.role), p.role))
        for k, _ in moved:
            p = self.predictors[k]
            slope = rows.slope(p.role, variable)
            assert slope is not None
            parts.append(OnDesign(p.block, found.first[k], slope, p.role, variable))
        for i, name in enumerate(self.others):
            by = sum((found.cross[k][i] * rise[..., None] for k, rise in moved), 0.0)
            parts.append(Outright(name, by + np.zeros_like(found.others[i])))
        return RowValues(value, tuple(parts))

    def _derivatives(self, rows: SceneRows, point: Point, order: int) -> Derivatives:
        def compute() -> Derivatives:
            eta = [p.at(rows, point) for p in self.predictors]
            return self.outcome.at(eta, [point.block(name) for name in self.others], order)

        # slopes by several variables share them
        return rows.remembered((id(self), id(point), order), compute)


@dataclass(frozen=True, slots=True)
class InverseLink:
    """One outcome that is a smooth function of one predictor: generalised linear models.

    Parameters
    ----------
    inverse, first, second : callable
        The inverse link and its first two derivatives, element by element; functions of a module
        can be pickled, those defined on the spot cannot.
    together : callable, optional
        From predictors and the order of the highest derivative to all of them, where they share
        work.
    """

    inverse: Elementwise
    first: Elementwise
    second: Elementwise
    together: Callable[[FloatArray, int], tuple[FloatArray, ...]] | None = None

    def derivatives(self, eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives up to an order."""
        if self.together is not None:
            return self.together(eta, order)
        functions = (self.inverse, self.first, self.second)
        return tuple(np.asarray(function(eta)) for function in functions[: order + 1])

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """One outcome, which needs no name."""
        return ONE_OUTCOME

    def at(
        self, eta: Sequence[FloatArray], others: Sequence[FloatArray], order: int
    ) -> Derivatives:
        """Return the mean and its derivatives by the predictor."""
        (x,) = eta
        value, *by = (found[:, :, None] for found in self.derivatives(x, order))
        second = ((by[1],),) if order > 1 else ()
        return Derivatives(value, by[:1], (), second, ((),) if order > 1 else ())


def link_mean(inverse: Elementwise, first: Elementwise, second: Elementwise) -> PredictorMean:
    r"""Build the mean :math:`g^{-1}(x'\beta)` from the inverse link and its two derivatives."""
    return PredictorMean(InverseLink(inverse, first, second))
