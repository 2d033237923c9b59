"""What a formula did to its outcome, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from pymargins._typing import FloatArray
from pymargins.models import links
from pymargins.models.integrals import (
    Exponential,
    HyperbolicSine,
    Monomial,
    PositivePower,
    Quadrature,
    Smoothing,
    SquaredSine,
)
from pymargins.models.means import InverseLink

#: Step of differences of a user's inverse, relative to the size of its argument.
DIFFERENCE = 2e-3


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformation of an outcome, by its inverse.

    Parameters
    ----------
    name : str
        As messages call it: ``"log"``.
    inverse : InverseLink
        From the scale of the model back to the outcome, with two derivatives.
    smoothing : Smoothing, optional
        The mean of the inverse of a normal variable; None where there is none.
    ends : tuple of float
        Where the transformed scale begins and ends: the inverse is constant beyond.
    """

    name: str
    inverse: InverseLink
    smoothing: Smoothing | None
    ends: tuple[float, float] = (-np.inf, np.inf)

    def back(self, z: FloatArray) -> FloatArray:
        """Return the outcome."""
        low, high = self.ends
        return np.asarray(self.inverse.inverse(np.clip(z, low, high)), dtype=float)

    def after(self, scale: float, shift: float) -> Transform:
        """Return the way back from scale * z + shift."""
        if (scale, shift) == (1.0, 0.0):
            return self
        step = Straight(scale, shift)
        low, high = sorted(scale * end + shift for end in self.ends)
        return Transform(
            self.name,
            InverseLink(
                partial(_outer, self.inverse.inverse, step, 0),
                partial(_outer, self.inverse.first, step, 1),
                partial(_outer, self.inverse.second, step, 2),
            ),
            None if self.smoothing is None else Rescaled(self.smoothing, step, Straight(1.0, 0.0)),
            (low, high),
        )

    def of(self, scale: float, shift: float) -> Transform:
        """Return the way back to y from the transform of scale * y + shift."""
        if (scale, shift) == (1.0, 0.0):
            return self
        step = Straight(scale, shift)
        link = self.inverse
        return Transform(
            self.name,
            InverseLink(
                partial(_inner, link.inverse, step, 0),
                partial(_inner, link.first, step, 1),
                partial(_inner, link.second, step, 2),
            ),
            None if self.smoothing is None else Rescaled(self.smoothing, Straight(1.0, 0.0), step),
            self.ends,
        )


@dataclass(frozen=True, slots=True)
class Straight:
    """The straight line scale * x + shift."""

    scale: float
    shift: float

    def undone(self, y: FloatArray) -> FloatArray:
        """Return x."""
        return (y - self.shift) / self.scale


def _outer(
    function: Callable[[FloatArray], FloatArray], step: Straight, order: int, z: FloatArray
) -> FloatArray:
    return function(step.undone(z)) / step.scale**order


def _inner(
    function: Callable[[FloatArray], FloatArray], step: Straight, order: int, z: FloatArray
) -> FloatArray:
    return step.undone(function(z)) if order == 0 else function(z) / step.scale


@dataclass(frozen=True, slots=True)
class Rescaled:
    """The mean of an inverse between two straight lines: before it and after it.

    Parameters
    ----------
    smoothing : Smoothing
    before, after : Straight
        Undone first, and last.
    """

    smoothing: Smoothing
    before: Straight
    after: Straight

    def derivatives(self, eta: FloatArray, v: FloatArray, count: int) -> tuple[FloatArray, ...]:
        """Return the mean and its derivatives by eta."""
        at, spread = self.before.undone(eta), v / self.before.scale**2
        value, *by = self.smoothing.derivatives(at, spread, count)
        scaled = (d / (self.after.scale * self.before.scale**k) for k, d in enumerate(by, start=1))
        return (self.after.undone(value), *scaled)


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeScale:
    """The scale that an outcome was modelled on.

    Parameters
    ----------
    response : str
        The outcome as the formula has it: ``"np.log(weight)"``.
    column : str
        The outcome itself.
    values : ndarray, shape (n,)
        As it was modelled, in every row of the fit.
    transform : Transform, optional
        The way back; None where there was no transform, or none that is known.
    """

    response: str
    column: str
    values: FloatArray
    transform: Transform | None = None


# --- those that a formula tells ------------------------------------------------------------------


def _sine_squared(z: FloatArray) -> FloatArray:
    return np.square(np.sin(z))


def _sine_squared_first(z: FloatArray) -> FloatArray:
    return np.sin(2.0 * z)


def _sine_squared_second(z: FloatArray) -> FloatArray:
    return 2.0 * np.cos(2.0 * z)


LOG = Transform("log", links.LOG, Exponential())
LOG1P = Transform("log1p", InverseLink(np.expm1, np.exp, np.exp), Exponential(-1.0))
LOG2 = LOG.after(1.0 / np.log(2.0), 0.0)
LOG10 = LOG.after(1.0 / np.log(10.0), 0.0)
LOGIT = Transform("logit", links.LOGIT, Quadrature(links.LOGIT))
ARCSINH = Transform("arcsinh", InverseLink(np.sinh, np.cosh, np.sinh), HyperbolicSine())
ARCSINE = Transform(
    "arcsine of the square root",
    InverseLink(_sine_squared, _sine_squared_first, _sine_squared_second),
    SquaredSine(),
    (0.0, 0.5 * np.pi),
)


def power_transform(exponent: float) -> Transform:
    r"""Return the way back from :math:`y^p`.

    Powers of a positive outcome: where the inverse is no polynomial it is that of the positive part
    of its argument. There is no mean for p < 0: the inverse has no mean under a normal
    distribution, which reaches zero.
    """
    link = links.power_link(exponent)
    if exponent > 0 and abs(1.0 / exponent - round(1.0 / exponent)) > 1e-12:
        link = links.positive_power(1.0 / exponent)
    name = {0.5: "square root", 2.0: "square", 1.0 / 3.0: "cube root"}.get(
        exponent, f"power {exponent:g}"
    )
    back = 1.0 / exponent
    if exponent < 0:
        return Transform(name, link, None, (0.0, np.inf))
    if abs(back - round(back)) < 1e-12:
        odd = round(back) % 2 == 1
        low = -np.inf if odd else 0.0
        return Transform(name, link, Monomial(round(back)), (low, np.inf))
    return Transform(name, link, PositivePower(back), (0.0, np.inf))


# --- a user's own --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Differentiated:
    """A derivative of a user's function by differences of the fourth order."""

    function: Callable[[FloatArray], FloatArray]
    order: int

    def __call__(self, z: FloatArray) -> FloatArray:
        """Differentiate at each element."""
        z = np.asarray(z, dtype=float)
        h = DIFFERENCE * np.maximum(1.0, np.abs(z))
        f = self.function
        one, two = f(z + h), f(z + 2.0 * h)
        less, far = f(z - h), f(z - 2.0 * h)
        if self.order == 1:
            return np.asarray((8.0 * (one - less) - (two - far)) / (12.0 * h))
        middle = f(z)
        return np.asarray((16.0 * (one + less) - (two + far) - 30.0 * middle) / (12.0 * h * h))


def own_transform(inverse: Callable[[FloatArray], FloatArray]) -> Transform:
    """Return the transform that a user's function undoes."""
    link = InverseLink(inverse, Differentiated(inverse, 1), Differentiated(inverse, 2))
    return Transform(str(getattr(inverse, "__name__", "own")), link, Quadrature(link))
