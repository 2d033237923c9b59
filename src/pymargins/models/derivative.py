"""Exact derivatives: of formula factors by NumPy's ufuncs, of users' functions of a few numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError

#: A derivative of a user's function is settled when a last extrapolation moves it by less.
SETTLED = 1e-9


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and its derivative with respect to one variable, carried through NumPy's ufuncs.

    A factor such as ``np.log(age)`` or ``I(age**2)`` evaluated on a `Dual` returns its exact
    derivative beside its value (forward-mode differentiation). Anything that is not a known
    ufunc asks for a plain array and gets a `TypeError`, which sends the caller to differences.
    `bent` tells where a kink was met, at which the slope is the mean of both sides.
    """

    __slots__ = ("bent", "slope", "value")

    def __init__(self, value: Any, slope: Any, bent: Any = False) -> None:
        self.value = np.asarray(value, dtype=float)
        self.slope = np.asarray(slope, dtype=float)
        self.bent = bent

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("this function is not differentiated exactly")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise TypeError("only plain calls of ufuncs are differentiated exactly")
        values = [x.value if isinstance(x, Dual) else np.asarray(x) for x in inputs]
        slopes = [x.slope if isinstance(x, Dual) else 0.0 for x in inputs]
        if ufunc in _LOCALLY_CONSTANT:
            if ufunc in _COMPARISONS and np.any(values[0] == values[1]):
                raise TypeError("at the threshold a comparison jumps, and may be a kink")
            return ufunc(*values)
        rule = _RULES.get(ufunc)
        if rule is None:
            raise TypeError(f"{ufunc.__name__} is not differentiated exactly")
        with np.errstate(all="ignore"):
            value = ufunc(*values)
            slope = rule(value, values, slopes)
        bent = reduce(np.logical_or, [x.bent for x in inputs if isinstance(x, Dual)])
        kink = _KINKS.get(ufunc)
        return Dual(value, slope, bent if kink is None else bent | kink(values, slopes))


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

# arguments x and their slopes d -> where the two sides have different slopes
_KINKS: dict[np.ufunc, Callable[[list[Any], list[Any]], Any]] = {
    np.absolute: lambda x, d: (x[0] == 0.0) & (d[0] != 0.0),
    np.maximum: lambda x, d: (x[0] == x[1]) & (d[0] != d[1]),
    np.minimum: lambda x, d: (x[0] == x[1]) & (d[0] != d[1]),
}

_COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}
_LOCALLY_CONSTANT = {*_COMPARISONS, np.isfinite, np.isnan}


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
