"""The profile deviance: all else at its best while each column holds its parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood.criterion import State
from pymargins.mixed.profiles.coordinates import Held
from pymargins.mixed.profiles.residual import FreeResidual

MAX_ITERATIONS = 100
DECREMENT = 1e-11  # deviance still to be gained
NOISE = 1e-12  # relative rounding of a deviance
CURVATURE_FLOOR = 1e-9  # of the largest curvature
NEAR = 0.3  # a decrement below this tells well what is still to be gained,
HOPE = 20.0  # within this factor
LONGEST = 2.0  # step, in relative standard deviations and in tau


@dataclass(slots=True)
class Profile:
    """Where columns ended: coordinates z (m, B), deviance, its derivative by v, convergence."""

    z: FloatArray
    deviance: FloatArray
    slope: FloatArray
    converged: BoolArray


def profile(
    deviance: FreeResidual,
    held: Held,
    v: FloatArray,
    start: FloatArray,
    tolerance: float = DECREMENT,
    hopeless: float = np.inf,
) -> Profile:
    """Minimise over z by damped Newton steps with absolute curvatures.

    Parameters
    ----------
    deviance : FreeResidual
    held : Held
    v : (B,) array
        What is held, and where.
    start : (m, B) array
    tolerance : float
        The deviance still to be gained at the end.
    hopeless : float
        Columns that will clearly not come below this deviance are left where they are.
    """
    count = len(v)
    out = Profile(start.copy(), np.full(count, np.inf), np.zeros(count), np.zeros(count, bool))
    active = np.arange(count)
    now = _Place.of(deviance, held, v, start)
    for _ in range(MAX_ITERATIONS):
        by_x = held.in_point(now.x, *deviance.derivatives(now.state, now.x[-1]))
        gradient, hessian, slope = held.free(v, now.z, now.x, *by_x)
        _hold_at_zero(held, now.z, gradient, hessian)
        step, decrement = _step(gradient, hessian)
        now, stuck = _search(deviance, held, v, now, step, gradient)
        last = decrement < tolerance
        out.z[:, active], out.deviance[active] = now.z, now.deviance
        out.slope[active], out.converged[active] = slope, last | (decrement < 1e-7)
        far = (decrement < NEAR) & (now.deviance - HOPE * decrement > hopeless)
        ended = last | stuck | far
        if ended.all():
            break
        if ended.any():
            left = np.flatnonzero(~ended)
            active, v, held = active[left], v[left], held.take(left)
            now = now.take(deviance, left)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where columns are: z, x, the state of the criterion there, the deviance."""

    z: FloatArray
    x: FloatArray
    state: State
    deviance: FloatArray

    @classmethod
    def of(cls, deviance: FreeResidual, held: Held, v: FloatArray, z: FloatArray) -> _Place:
        x = held.point(v, z)
        return cls(z, x, *deviance.evaluate(held.psi(x), x[-1]))

    def take(self, deviance: FreeResidual, index: IntArray) -> _Place:
        state = deviance.criterion.take_state(self.state, index)
        return _Place(self.z[:, index], self.x[:, index], state, self.deviance[index])


def _hold_at_zero(held: Held, z: FloatArray, gradient: FloatArray, hessian: FloatArray) -> None:
    """Leave alone coordinates at zero that only a step below it would improve."""
    stays = held.least_zero & (z <= 0) & (gradient >= 0)
    if not stays.any():
        return
    gradient[stays] = 0.0
    place, column = np.nonzero(stays)
    hessian[place, :, column] = 0.0
    hessian[:, place, column] = 0.0
    hessian[place, place, column] = 1.0


def _step(gradient: FloatArray, hessian: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return steps, limited in length, and half of ``g'H^-1 g``."""
    safe = np.where(np.isfinite(hessian), hessian, 0.0)
    values, vectors = np.linalg.eigh(np.moveaxis(safe, -1, 0))
    values = np.abs(values)
    floor = CURVATURE_FLOOR * values.max(axis=1, keepdims=True)
    values = np.maximum(values, np.maximum(floor, np.finfo(float).tiny))
    inner = np.einsum("btk,tb->bk", vectors, np.nan_to_num(gradient)) / values
    step = -np.einsum("btk,bk->tb", vectors, inner)
    decrement = -0.5 * np.einsum("tb,tb->b", np.nan_to_num(gradient), step)
    length = np.sqrt(np.einsum("tb,tb->b", step, step))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = step * np.where(length > LONGEST, LONGEST / length, 1.0)
    return step, decrement


def _search(
    deviance: FreeResidual,
    held: Held,
    v: FloatArray,
    now: _Place,
    step: FloatArray,
    gradient: FloatArray,
) -> tuple[_Place, BoolArray]:
    """Shorten steps until the deviance falls; tell who could not move."""
    d, z = now.deviance, now.z
    slack = NOISE * np.maximum(1.0, np.abs(d))
    slope = np.einsum("tb,tb->b", gradient, step)
    least = np.where(held.least_zero, 0.0, -np.inf)
    moved = _Place.of(deviance, held, v, np.maximum(z + step, least))
    stuck = np.zeros(len(d), bool)
    wrong = np.flatnonzero(~(moved.deviance <= d + 1e-4 * slope + slack))
    if len(wrong) == 0:
        return moved, stuck
    ends = moved.z.copy()
    share = 1.0
    for _ in range(25):
        share *= 0.3
        trial = np.maximum(z[:, wrong] + share * step[:, wrong], least[:, wrong])
        there = _Place.of(deviance, held.take(wrong), v[wrong], trial).deviance
        good = there <= d[wrong] + 1e-4 * share * slope[wrong] + slack[wrong]
        ends[:, wrong[good]] = trial[:, good]
        wrong = wrong[~good]
        if len(wrong) == 0:
            break
    ends[:, wrong] = z[:, wrong]
    stuck[wrong] = True
    return _Place.of(deviance, held, v, ends), stuck
