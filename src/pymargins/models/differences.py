"""Slopes of functions that have no known derivative: differences that settle their own step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.errors import NumericalError

#: Step of the difference quotient, relative to the variable's range ...
RANGE_STEP = 1e-4
#: ... and to its value, so that a logarithm near zero is not stepped over.
VALUE_STEP = 1e-3
MINIMUM_STEP = 1e-6
#: Rounding of a function's values, of which a difference takes a multiple.
ROUNDING = 64 * np.finfo(float).eps
#: The smallest jump that is refused, relative to the function's whole change over the range:
#: a smooth function's third difference over a step of `RANGE_STEP` is far below it.
SMALLEST_JUMP = 1e-5
COURSE_POINTS = 9
#: A slope whose two widths agree to this needs no shorter step: its error is about the square.
SCREENED = 1e-6
#: One whose best two widths disagree by more is refused.
UNSETTLED = 1e-3
REFINEMENTS = 8
REFINED = 8.0
#: Both sides of a kink differ by more; and by at least half of that over a step this much shorter.
KINK = 1e-2
NEARER = 64.0

#: From values (m,) of some rows, and which they are (None for all), to columns (m, k).
OfRows: TypeAlias = Callable[[FloatArray, "IntArray | None"], FloatArray]

_CENTRAL = (-1.0, -0.5, 0.5, 1.0)
_ONE_SIDED = (0.0, 1.0, 2.0, 3.0, 4.0)


def difference_quotient(
    function: OfRows, at: FloatArray, low: float, high: float
) -> tuple[FloatArray, BoolArray]:
    """Differentiate `function` row by row with respect to its argument.

    Richardson-extrapolated central differences: with ``c(h) = (f(x+h) - f(x-h)) / 2h`` the
    derivative is ``(4 c(h/2) - c(h)) / 3``, exact for polynomials up to the fourth degree, so
    also within every piece of a cubic spline and at its knots. Where a step would leave the
    observed range, the five-point one-sided formula of the same order is used, because a spline
    is not defined beyond its boundary knots. Where the two widths disagree (a logarithm near
    zero in a heavy-tailed variable), shorter steps are taken until they agree, by these rows alone.

    Parameters
    ----------
    function : callable
        From values (m,), and the rows that they are of (None for all n), to columns (m, k).
    at : ndarray, shape (n,)
        Where to differentiate.
    low, high : float
        The observed range of the variable.

    Returns
    -------
    slope : ndarray, shape (n, k)
    bent : ndarray of bool, shape (n,)
        Where the function has a kink, and the slope is the mean of both sides.

    Raises
    ------
    NumericalError
        Where the function jumps, or its slope does not settle.

    References
    ----------
    Fornberg, B. (1988). Generation of finite difference formulas on arbitrarily spaced grids.
    *Mathematics of Computation* 51, 699-706, Table 3. doi:10.1090/S0025-5718-1988-0935077-0
    """
    spread = (high - low) or abs(high) or 1.0
    step = np.clip(VALUE_STEP * np.abs(at), MINIMUM_STEP * spread, RANGE_STEP * spread)
    side = np.where(at - step < low, 1.0, np.where(at + step > high, -1.0, 0.0))
    best = _Stencil.of(function, at, step, side)
    for _ in range(REFINEMENTS):
        rows = np.flatnonzero(best.unsettled(SCREENED))
        if not len(rows):
            break
        step[rows] /= REFINED
        best = best.or_better(_Stencil.of(function, at, step, side, rows), rows)
    if best.unsettled(UNSETTLED).any():
        # where the slope vanishes nothing settles relative to it, but the course tells its scale
        places = low + (high - low) * (np.arange(COURSE_POINTS) + 0.5) / COURSE_POINTS
        course = [function(np.full(len(at), x), None) for x in places]
        change = np.ptp(np.stack([*best.values, *course]), axis=(0, 1))
        _require_settled(best, at, change, spread)
    return best.slope, _bent(function, at, best, side)


def whole_steps(function: OfRows, at: FloatArray, low: float, high: float) -> FloatArray:
    """Differentiate a function of whole numbers by differences of one and two of them.

    Raises
    ------
    NumericalError
        Where it jumps, or its slope does not settle.
    """
    step = np.full(len(at), 2.0)
    side = np.where(at - step < low, 1.0, np.where(at + step > high, -1.0, 0.0))
    found = _Stencil.of(function, at, step, side)
    if found.unsettled(UNSETTLED).any():
        change = np.ptp(np.stack(found.values), axis=(0, 1))
        _require_settled(found, at, change, high - low)
    return found.slope


@dataclass(frozen=True)
class _Stencil:
    """Differences around each row.

    Attributes
    ----------
    slope : ndarray, shape (n, k)
    doubt : ndarray, shape (n, k)
        By how much two widths disagree.
    noise : ndarray, shape (n, k)
        What rounding alone may add to the doubt.
    values : tuple of ndarray
        The function at the points of the stencil; a fifth where some row is one-sided.
    step : ndarray, shape (n,)
        Negative where it leads down from the upper end.
    inner : ndarray of bool, shape (n,)
        Whether the stencil is central.
    """

    slope: FloatArray
    doubt: FloatArray
    noise: FloatArray
    values: tuple[FloatArray, ...]
    step: FloatArray
    inner: BoolArray

    @classmethod
    def of(
        cls,
        function: OfRows,
        at: FloatArray,
        step: FloatArray,
        side: FloatArray,
        rows: IntArray | None = None,
    ) -> _Stencil:
        points = len(_CENTRAL) if (side == 0.0).all() else len(_ONE_SIDED)
        if rows is not None:
            at, step, side = at[rows], step[rows], side[rows]
        inner = side == 0.0
        # the step that the floating-point numbers really make
        step = ((at + step) - at) * np.where(inner, 1.0, side)
        step = np.where(step == 0.0, np.spacing(at), step)
        values = tuple(
            np.asarray(function(at + np.where(inner, offset, beside) * step, rows))
            for offset, beside in zip([*_CENTRAL, 0.0][:points], _ONE_SIDED[:points], strict=True)
        )
        width = step[:, None]
        # differences first: equal values give exactly zero
        wide, narrow = (values[3] - values[0]) / (2 * width), (values[2] - values[1]) / width
        doubt = np.abs(wide - narrow)
        slope = (4 * narrow - wide) / 3
        if points > len(_CENTRAL):
            edge = np.flatnonzero(~inner)
            one, two, three, four = (v[edge] - values[0][edge] for v in values[1:])
            slope[edge] = (4 * one - 3 * two + 4 / 3 * three - four / 4) / width[edge]
            doubt[edge] = np.abs(slope[edge] - (2 * one - two / 2) / width[edge])
        # columns made together (a spline basis) share the rounding of the largest of them
        largest = np.maximum(np.abs(values[0]), np.abs(values[3])).max(axis=1, keepdims=True)
        noise = np.broadcast_to(largest * (ROUNDING / np.abs(width)), slope.shape)
        return cls(slope, doubt, noise, values, step, inner)

    def unsettled(self, tolerance: float) -> BoolArray:
        """Tell which rows' widths disagree by more, relative to their slope or the mean one."""
        each = np.abs(self.slope)
        size = np.maximum(each, each.mean(axis=0))
        return np.any(self.doubt > tolerance * size + self.noise, axis=1)

    def or_better(self, other: _Stencil, rows: IntArray) -> _Stencil:
        """Take for each of some rows whichever stencil leaves less doubt."""
        size = np.maximum(np.abs(self.slope[rows]), np.abs(other.slope))
        size = np.where(size > 0, size, 1.0)
        mine, its = self.doubt[rows] + self.noise[rows], other.doubt + other.noise
        better = (its / size).max(axis=1) < (mine / size).max(axis=1)
        places = rows[better]

        def pick(mine: FloatArray, its: FloatArray) -> FloatArray:
            out = mine.copy()
            out[places] = its[better]
            return out

        return _Stencil(
            pick(self.slope, other.slope),
            pick(self.doubt, other.doubt),
            pick(self.noise, other.noise),
            tuple(pick(a, b) for a, b in zip(self.values, other.values, strict=True)),
            pick(self.step, other.step),
            self.inner,
        )


def _require_settled(stencil: _Stencil, at: FloatArray, change: FloatArray, spread: float) -> None:
    """Refuse slopes that no step settles; `change` is the function's over the range, (k,)."""
    size = np.maximum(np.abs(stencil.slope), change / spread)
    left = np.any(stencil.doubt > UNSETTLED * size + stencil.noise, axis=1)
    steps, rough = _like_a_step(stencil.values, stencil.inner)
    jumps = left & np.any(steps & (rough > SMALLEST_JUMP * change), axis=1)
    if jumps.any():
        raise NumericalError(f"it jumps at {float(at[jumps][0]):.6g}, where it has no slope.")
    if left.any():
        raise NumericalError(f"its slope does not settle at {float(at[left][0]):.6g}.")


def _bent(function: OfRows, at: FloatArray, stencil: _Stencil, side: FloatArray) -> BoolArray:
    """Find the rows at which the slopes of both sides differ, however near they are taken."""
    gap = _gap(stencil)
    size = np.maximum(np.abs(stencil.slope), np.abs(stencil.slope).mean(axis=0))
    out = stencil.inner & np.any(gap > KINK * size, axis=1)
    rows = np.flatnonzero(out)
    if not len(rows):
        return out
    near = _Stencil.of(function, at, np.abs(stencil.step) / NEARER, side, rows)
    gap = gap[rows]
    size = np.abs(near.slope) + gap / 2  # the steeper of both sides
    still = (_gap(near) > gap / 2) & (gap > KINK * size) & (gap > 2 * NEARER * near.noise)
    out[rows] = np.any(still, axis=1)
    return out


def _gap(stencil: _Stencil) -> FloatArray:
    """Return by how much the slopes of both sides differ."""
    first, second, third, last = stencil.values[:4]
    return np.abs((last - third) - (second - first)) * (2 / np.abs(stencil.step[:, None]))


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
    noise = 1e-9 * np.maximum(np.abs(high), np.abs(low)).max(axis=0)
    return (rough > 0.5 * change) & (rough > noise), rough
