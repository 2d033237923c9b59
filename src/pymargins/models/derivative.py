"""Exact derivatives of formula factors, and the differences that stand in where none exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.errors import NumericalError

#: Step of the difference quotient, relative to the variable's range ...
RANGE_STEP = 1e-4
#: ... and to its value, so that a logarithm near zero is not stepped over.
VALUE_STEP = 1e-3
MINIMUM_STEP = 1e-6
#: A derivative of a user's function is settled when a last extrapolation moves it by less.
SETTLED = 1e-9
#: The smallest jump that is refused, relative to the function's whole change over the range:
#: a smooth function's third difference over a step of `RANGE_STEP` is far below it.
SMALLEST_JUMP = 1e-5
COURSE_POINTS = 9


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and its derivative with respect to one variable, carried through NumPy's ufuncs.

    A factor such as ``np.log(age)`` or ``I(age**2)`` evaluated on a `Dual` returns its exact
    derivative beside its value (forward-mode differentiation). Anything that is not a known
    ufunc asks for a plain array and gets a `TypeError`, which sends the caller to differences.
    """

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Any) -> None:
        self.value = np.asarray(value, dtype=float)
        self.slope = np.asarray(slope, dtype=float)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("this function is not differentiated exactly")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise TypeError("only plain calls of ufuncs are differentiated exactly")
        values = [x.value if isinstance(x, Dual) else np.asarray(x) for x in inputs]
        slopes = [x.slope if isinstance(x, Dual) else 0.0 for x in inputs]
        if ufunc in _LOCALLY_CONSTANT:
            return ufunc(*values)
        rule = _RULES.get(ufunc)
        if rule is None:
            raise TypeError(f"{ufunc.__name__} is not differentiated exactly")
        with np.errstate(all="ignore"):
            value = ufunc(*values)
            slope = rule(value, values, slopes)
        return Dual(value, slope)


def _power(value: Any, x: list[Any], d: list[Any]) -> Any:
    base = x[1] * np.power(x[0] * 1.0, x[1] - 1.0) * d[0]
    if np.all(np.asarray(d[1]) == 0.0):
        return base
    return base + value * np.log(x[0]) * d[1]


# value, arguments x and their slopes d -> slope of the result
_RULES: dict[np.ufunc, Callable[[Any, list[Any], list[Any]], Any]] = {
    np.add: lambda v, x, d: d[0] + d[1],
    np.subtract: lambda v, x, d: d[0] - d[1],
    np.multiply: lambda v, x, d: d[0] * x[1] + x[0] * d[1],
    np.true_divide: lambda v, x, d: (d[0] - v * d[1]) / x[1],
    np.negative: lambda v, x, d: -d[0],
    np.positive: lambda v, x, d: d[0],
    np.power: _power,
    np.square: lambda v, x, d: 2.0 * x[0] * d[0],
    np.sqrt: lambda v, x, d: 0.5 * d[0] / v,
    np.cbrt: lambda v, x, d: d[0] / (3.0 * v * v),
    np.reciprocal: lambda v, x, d: -v * v * d[0],
    np.exp: lambda v, x, d: v * d[0],
    np.exp2: lambda v, x, d: v * np.log(2.0) * d[0],
    np.expm1: lambda v, x, d: (v + 1.0) * d[0],
    np.log: lambda v, x, d: d[0] / x[0],
    np.log2: lambda v, x, d: d[0] / (x[0] * np.log(2.0)),
    np.log10: lambda v, x, d: d[0] / (x[0] * np.log(10.0)),
    np.log1p: lambda v, x, d: d[0] / (1.0 + x[0]),
    np.sin: lambda v, x, d: np.cos(x[0]) * d[0],
    np.cos: lambda v, x, d: -np.sin(x[0]) * d[0],
    np.tan: lambda v, x, d: (1.0 + v * v) * d[0],
    np.arcsin: lambda v, x, d: d[0] / np.sqrt(1.0 - x[0] ** 2),
    np.arccos: lambda v, x, d: -d[0] / np.sqrt(1.0 - x[0] ** 2),
    np.arctan: lambda v, x, d: d[0] / (1.0 + x[0] ** 2),
    np.sinh: lambda v, x, d: np.cosh(x[0]) * d[0],
    np.cosh: lambda v, x, d: np.sinh(x[0]) * d[0],
    np.tanh: lambda v, x, d: (1.0 - v * v) * d[0],
    np.arctanh: lambda v, x, d: d[0] / (1.0 - x[0] ** 2),
    np.absolute: lambda v, x, d: np.sign(x[0]) * d[0],
    # at a tie the mean of the two slopes, as a central difference gives and as for `absolute`
    np.maximum: lambda v, x, d: (
        np.where(x[0] >= x[1], d[0], d[1]) / 2 + np.where(x[0] > x[1], d[0], d[1]) / 2
    ),
    np.minimum: lambda v, x, d: (
        np.where(x[0] <= x[1], d[0], d[1]) / 2 + np.where(x[0] < x[1], d[0], d[1]) / 2
    ),
    np.deg2rad: lambda v, x, d: np.deg2rad(d[0]),
}

_LOCALLY_CONSTANT = {
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.equal,
    np.not_equal,
    np.isfinite,
    np.isnan,
}


def difference_quotient(
    function: Callable[[FloatArray], FloatArray], at: FloatArray, low: float, high: float
) -> FloatArray:
    """Differentiate `function` row by row with respect to its argument.

    Richardson-extrapolated central differences: with ``c(h) = (f(x+h) - f(x-h)) / 2h`` the
    derivative is ``(4 c(h/2) - c(h)) / 3``, exact for polynomials up to the fourth degree, so
    also within every piece of a cubic spline and at its knots. Where a step would leave the
    observed range, the five-point one-sided formula of the same order is used, because a spline
    is not defined beyond its boundary knots.

    Parameters
    ----------
    function : callable
        From values (n,), always for all rows, to columns (n, k).
    at : ndarray, shape (n,)
        Where to differentiate.
    low, high : float
        The observed range of the variable.

    Returns
    -------
    ndarray, shape (n, k)

    Raises
    ------
    NumericalError
        Where the function jumps within a step of a value.

    References
    ----------
    Fornberg, B. (1988). Generation of finite difference formulas on arbitrarily spaced grids.
    *Mathematics of Computation* 51, 699-706, Table 3. doi:10.1090/S0025-5718-1988-0935077-0
    """
    spread = (high - low) or abs(high) or 1.0
    step = np.clip(VALUE_STEP * np.abs(at), MINIMUM_STEP * spread, RANGE_STEP * spread)
    side = np.where(at - step < low, 1.0, np.where(at + step > high, -1.0, 0.0))
    inner = side == 0.0
    # the step that the floating-point numbers really make
    step = ((at + step) - at) * np.where(inner, 1.0, side)
    points = len(_ONE_SIDED) if not inner.all() else len(_CENTRAL)
    values: list[FloatArray] = []
    slope: Any = 0.0
    for (offset, weight), (beside, its_weight) in zip(
        [*_CENTRAL, (0.0, 0.0)][:points], _ONE_SIDED[:points], strict=True
    ):
        value = function(at + np.where(inner, offset, beside) * step)
        values.append(value)
        slope = slope + value * np.where(inner, weight, its_weight)[:, None]
    jumps, rough = _like_a_step(values, inner)
    if jumps.any():
        # so near to a point without slope a cubic looks the same; a step is one from afar too
        course = [function(np.full(len(at), x)) for x in np.linspace(low, high, COURSE_POINTS)]
        jumps &= rough > SMALLEST_JUMP * np.ptp(np.stack([*values, *course]), axis=(0, 1))
    if jumps.any():
        where = float(at[jumps.any(axis=1)][0])
        raise NumericalError(f"it jumps at {where:.6g}, where it has no slope.")
    return slope / step[:, None]


_CENTRAL = ((-1.0, 1 / 6), (-0.5, -4 / 3), (0.5, 4 / 3), (1.0, -1 / 6))
_ONE_SIDED = ((0.0, -25 / 12), (1.0, 4.0), (2.0, -3.0), (3.0, 4 / 3), (4.0, -1 / 4))


def _like_a_step(values: Sequence[FloatArray], inner: BoolArray) -> tuple[BoolArray, FloatArray]:
    """Tell where the values (n, k) at the points of a stencil look like those of a step.

    A step makes the differences that vanish for a smooth function as large as the function's
    whole change over the stencil; for a kink they reach a quarter of it. Returns that, and the
    differences.
    """
    central = np.abs((values[3] - values[0]) - 2.0 * (values[2] - values[1]))
    beside = np.abs(values[0] - 2.0 * values[1] + values[2])
    if len(values) > len(_CENTRAL):
        beside = np.maximum(beside, np.abs(values[2] - 2.0 * values[3] + values[4]))
    rough = np.where(inner[:, None], central, beside)
    high, low = reduce(np.maximum, values), reduce(np.minimum, values)
    change = high - low
    largest = high.max(axis=0) - low.min(axis=0)
    noise = 1e-9 * np.maximum(np.abs(high), np.abs(low)).max(axis=0)
    return (rough > 0.5 * change) & (rough > 0.01 * largest) & (rough > noise), rough


def jacobian(function: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Differentiate a vector function of a few real numbers, shape (m,), to (k, m).

    Central differences at four step widths, extrapolated to the eighth order. The first step is
    one percent of the argument; where the function does not settle or leaves its domain, smaller
    ones are tried and the most settled is kept.

    Raises
    ------
    NumericalError
        Where no step gives a finite derivative.
    """
    typical = float(np.abs(at).max(initial=0.0)) or 1.0
    out: list[FloatArray] = []
    for j in range(len(at)):
        size = abs(float(at[j])) or typical
        best, least = None, np.inf
        for relative in (1e-2, 1e-3, 1e-4, 1e-5):
            slope, error = _extrapolated(function, at, j, relative * size)
            unsettled = float(np.abs(error).max()) if np.isfinite(slope).all() else np.inf
            if unsettled < least:
                best, least = slope, unsettled
            if best is not None and least <= SETTLED * np.abs(best).max():
                break
        if best is None:
            raise NumericalError(
                f"function: it has no finite derivative at the mean responses {at.tolist()}."
            )
        out.append(best)
    return np.stack(out, axis=-1)


def _extrapolated(
    function: Callable[[FloatArray], FloatArray], at: FloatArray, j: int, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return a derivative by argument j, and by how much the last extrapolation moved it."""

    def central(h: float) -> FloatArray:
        up, down = at.copy(), at.copy()
        up[j] += h
        down[j] -= h
        return (function(up) - function(down)) / (up[j] - down[j])

    table = [central(step / 2**i) for i in range(4)]
    last = table[-1]
    for order in (4.0, 16.0, 64.0):
        last = table[-1]
        table = [(order * b - a) / (order - 1.0) for a, b in pairwise(table)]
    return table[0], table[0] - last
