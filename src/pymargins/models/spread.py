r"""Means of functions of a linear predictor that has a normal spread around it.

With v the variance of a row around its predictor, linear in the variance parameters,

.. math::

    \mu = \mathrm{E}\,h(N(\eta, v)), \qquad \eta = x'\beta, \quad v = \sum_r \gamma_r c_r(z),

.. math::

    \nabla_\beta\mu = \mu_\eta x, \qquad \frac{\partial\mu}{\partial\gamma_r} = \mu_v c_r, \qquad
    \frac{d\mu}{dx} = \mu_\eta\,\eta' + \mu_v\,v',

where v moves with a variable through random slopes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.models.integrals import Smoothing
from pymargins.models.means import Predictor, SceneRows
from pymargins.models.parameters import Point
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.row_values import OnDesign, OnRows, RowValues
from pymargins.models.variances import GAMMA


class Spread(Protocol):
    """The variance of a row around its predictor: a sum of variances times forms of the row."""

    @property
    def block(self) -> str:
        """The parameters that the variances are functions of, one each."""
        ...

    def variances(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """Return the variances and the derivative of each by its parameter, (B, R)."""
        ...

    def forms(self, rows: SceneRows) -> FloatArray:
        """Return what each variance counts for, (m or 1, B or 1, R)."""
        ...

    def moved(self, rows: SceneRows, variable: str) -> FloatArray | None:
        """Return the derivative of that by a variable; None where it plays no part."""
        ...


class OfVariances:
    """A spread whose parameters are the variances themselves."""

    __slots__ = ()
    block = GAMMA

    def variances(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """Return the variances and their derivatives by themselves."""
        gamma = point.block(GAMMA)
        return gamma, np.ones_like(gamma)


@dataclass(frozen=True, slots=True)
class ResidualSpread(OfVariances):
    """The residual alone, whose variance is the last of `size` parameters."""

    size: int

    def forms(self, rows: SceneRows) -> FloatArray:
        """Return its derivative by gamma."""
        out = np.zeros((1, 1, self.size))
        out[..., -1] = 1.0
        return out

    def moved(self, rows: SceneRows, variable: str) -> None:
        """Return None: it is the same everywhere."""


@dataclass(frozen=True, slots=True)
class RandomSpread(OfVariances):
    """Random effects and residual together: a new observation of a new cluster."""

    part: RandomPart

    def forms(self, rows: SceneRows) -> FloatArray:
        """Return its derivative by gamma."""
        return self.part.forms(rows.columns(RANDOM))

    def moved(self, rows: SceneRows, variable: str) -> FloatArray | None:
        """Return the derivative of that by a variable."""
        if variable not in self.part.design.variables:
            return None
        return self.part.moved_forms(rows.columns(RANDOM), rows.columns(RANDOM, variable))


@dataclass(frozen=True, slots=True)
class LogSdSpread:
    """Random effects without a residual, whose parameters are logarithms of standard deviations."""

    part: RandomPart
    block: str = "log_sd"

    def variances(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """Return the variances and their derivatives by the log standard deviations."""
        found = np.exp(2.0 * point.block(self.block))
        return found, 2.0 * found

    def forms(self, rows: SceneRows) -> FloatArray:
        """Return what each variance counts for."""
        return self.part.forms(rows.columns(RANDOM))[..., :-1]

    def moved(self, rows: SceneRows, variable: str) -> FloatArray | None:
        """Return the derivative of that by a variable."""
        if variable not in self.part.design.variables:
            return None
        both = rows.columns(RANDOM), rows.columns(RANDOM, variable)
        return self.part.moved_forms(*both)[..., :-1]


@dataclass(frozen=True, slots=True)
class IntegratedMean:
    """The mean of an outcome that is a function of a normal variable around a linear predictor.

    Parameters
    ----------
    smoothing : Smoothing
    spread : Spread
    predictor : Predictor
    """

    smoothing: Smoothing
    spread: Spread
    predictor: Predictor = field(default_factory=Predictor)

    @property
    def outcomes(self) -> tuple[Any, ...]:
        """One outcome, which needs no name."""
        return ("",)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameters it depends on."""
        return (self.predictor.block, self.spread.block)

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """The one that it is a function of."""
        return (self.predictor,)

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return the means of rows."""
        found = self._around(rows, point, 1 if gradient else 0)
        if not gradient:
            return RowValues(found[0][:, :, None])
        p, (_, by) = self.predictor, self.spread.variances(point)
        by_beta = OnDesign(p.block, found[1][:, :, None], rows.design(p.role), p.role)
        forms = 0.5 * self._forms(rows) * by  # the heat equation's half, of fewer numbers
        by_gamma = OnRows(self.spread.block, found[2][:, :, None], forms)
        return RowValues(found[0][:, :, None], (by_beta, by_gamma))

    def slope(self, rows: SceneRows, point: Point, variable: str, gradient: bool) -> RowValues:
        """Return their derivatives by a numeric variable."""
        p = self.predictor
        found = self._around(rows, point, 2 if gradient else 1)
        mu_eta, mu_v = found[1], 0.5 * found[2]
        rise = p.rise(rows, point, variable)
        moved = self.spread.moved(rows, variable)
        zero = np.zeros((1, 1))
        d_eta = zero if rise is None else rise
        variances, by = self.spread.variances(point)
        d_v = zero if moved is None else _variance(moved, variances)
        value = mu_eta * d_eta + mu_v * d_v
        if not gradient:
            return RowValues(value[:, :, None])
        ee, ev, vv = found[2], 0.5 * found[3], 0.25 * found[4]
        bent, spread = ee * d_eta + ev * d_v, ev * d_eta + vv * d_v
        parts: list[OnDesign | OnRows] = [
            OnDesign(p.block, bent[:, :, None], rows.design(p.role), p.role),
            OnRows(self.spread.block, spread[:, :, None], self._forms(rows) * by),
        ]
        slope = rows.slope(p.role, variable)
        if slope is not None:
            parts.append(OnDesign(p.block, mu_eta[:, :, None], slope, p.role, variable))
        if moved is not None:
            parts.append(OnRows(self.spread.block, mu_v[:, :, None], moved * by))
        return RowValues(value[:, :, None], tuple(parts))

    def _forms(self, rows: SceneRows) -> FloatArray:
        return rows.remembered((id(self), GAMMA), lambda: self.spread.forms(rows))

    def _around(self, rows: SceneRows, point: Point, order: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by the predictor, twice as many as `order`, (m, B).

        Those by the variance follow by the heat equation.
        """

        def compute() -> tuple[FloatArray, ...]:
            eta = self.predictor.at(rows, point)
            v = _at_least_zero(_variance(self._forms(rows), self.spread.variances(point)[0]))
            return self.smoothing.derivatives(eta, v, 2 * order)

        # slopes by several variables share them
        return rows.remembered((id(self), id(point), order), compute)


def _variance(forms: FloatArray, variances: FloatArray) -> FloatArray:
    """Multiply forms (m, B, R) with the variances of each point (B, R): (m, B)."""
    wide = np.broadcast_to(forms, (len(forms), *variances.shape))
    return np.einsum("mbr,br->mb", wide, variances)


def _at_least_zero(v: FloatArray) -> FloatArray:
    """Return variances: draws of the parameters may leave the room of variances."""
    return np.maximum(v, 0.0)
