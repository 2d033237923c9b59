"""Minimise the profiled deviance of many replicates at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood import frames
from pymargins.mixed.likelihood.criterion import Criterion, State

MAX_ITERATIONS = 100
DECREMENT = 1e-12  # deviance still to be gained when the last, quadratically convergent step is due
STALLED = 1e-6  # the same where rounding stops the line search before that
NOISE = 1e-11  # relative rounding of a deviance
CURVATURE_FLOOR = 1e-8  # of the largest curvature
SMALL = 1e-2  # a relative standard deviation below this is compared with zero
RESTART = 0.1  # a relative standard deviation to start from where the guess is zero
FAR = 1.0


@dataclass(slots=True)
class Minimum:
    """Where the minimisation ended: psi (r, B), deviance, whether converged, steps taken."""

    psi: FloatArray
    deviance: FloatArray
    converged: BoolArray
    iterations: IntArray


def minimise(criterion: Criterion, start: FloatArray) -> Minimum:
    """Minimise over the relative covariances psi (r, B), the boundary included.

    The deviance is even in each relative standard deviation, so that zero is a stationary point
    that no descent method would ever leave, and a minimum there an ordinary one (see
    `pymargins.mixed.likelihood.frames`).  Replicates therefore start away from zero, and at their
    end each variance is compared with zero: where that costs nothing it becomes exactly zero; where
    it gains, the replicate starts again from near there; one that ends at zero starts again from
    far away, and the better end is kept.
    """
    places = frames.variance_places(criterion.q, criterion.n_components)
    t, frame = frames.open_frame(start, criterion.q)
    t[places] = np.maximum(t[places], RESTART)
    found = _settled(criterion, frames.covariances(t, frame))
    t, frame = frames.open_frame(found.psi, criterion.q)
    at_zero = np.flatnonzero((t[places] < SMALL).any(axis=0))
    if len(at_zero):
        t[places] = np.where(t[places] < SMALL, FAR, t[places])
        far = frames.covariances(t, frame)[:, at_zero]
        _keep_better(found, _settled(criterion.take(at_zero), far), at_zero)
    return found


def descend(criterion: Criterion, start: FloatArray) -> Minimum:
    """Damped Newton steps, all replicates together; those that have converged drop out.

    The Hessian is exact; its eigenvalues are replaced by their absolute values, so that every step
    descends, and steps are shortened until the deviance falls (Armijo).  The Newton decrement,
    half of ``g'H^-1 g``, estimates the deviance still to be gained.
    """
    count = start.shape[1]
    found = Minimum(
        start.copy(), np.full(count, np.inf), np.zeros(count, bool), np.zeros(count, np.intp)
    )
    active = np.arange(count)
    state = criterion.evaluate(start)
    for iteration in range(1, MAX_ITERATIONS + 1):
        t, frame = frames.open_frame(state.psi, criterion.q)
        gradient, hessian = frames.derivatives(t, frame, *criterion.derivatives(state))
        step, decrement = _step(gradient, hessian, t)
        last = decrement < DECREMENT
        slope = np.where(last, 0.0, np.einsum("tb,tb->b", gradient, step))
        state, stuck = _search(criterion, state, t, frame, step, slope)
        found.iterations[active] = iteration
        ended = last | stuck
        found.psi[:, active] = state.psi
        found.deviance[active] = state.deviance
        found.converged[active[ended]] = (last | (decrement < STALLED))[ended]
        if ended.all():
            break
        if ended.any():
            left = np.flatnonzero(~ended)
            active = active[left]
            state = criterion.take_state(state, left)
            criterion = criterion.take(left)
    found.converged &= np.isfinite(found.deviance)
    return found


def _step(
    gradient: FloatArray, hessian: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return Newton steps with absolute curvatures, limited in length, and the decrements."""
    if len(gradient) == 1:
        curvature = np.maximum(np.abs(hessian[0, 0]), np.finfo(float).tiny)
        step = -gradient / curvature
    else:
        finite = np.isfinite(hessian).all(axis=(0, 1))
        safe = np.where(finite, hessian, np.eye(len(gradient))[:, :, None])
        values, vectors = np.linalg.eigh(np.moveaxis(safe, -1, 0))
        values = np.abs(values)
        floor = CURVATURE_FLOOR * values.max(axis=1, keepdims=True)
        values = np.maximum(values, np.maximum(floor, np.finfo(float).tiny))
        inner = np.einsum("btk,tb->bk", vectors, gradient) / values
        step = -np.einsum("btk,bk->tb", vectors, inner)
    decrement = -0.5 * np.einsum("tb,tb->b", gradient, step)
    length = np.sqrt(np.einsum("tb,tb->b", step, step))
    limit = np.maximum(1.0, 0.5 * np.sqrt(np.einsum("tb,tb->b", t, t)))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = step * np.where(length > limit, limit / length, 1.0)
    return step, decrement


def _search(
    criterion: Criterion,
    state: State,
    t: FloatArray,
    frame: FloatArray,
    step: FloatArray,
    slope: FloatArray,
) -> tuple[State, BoolArray]:
    """Shorten steps until the deviance falls; return the new state and who could not move."""
    slack = NOISE * np.maximum(1.0, np.abs(state.deviance))
    moved = criterion.evaluate(frames.covariances(t + step, frame))
    stuck = np.zeros(len(slope), bool)
    wrong = np.flatnonzero(~(moved.deviance <= state.deviance + 1e-4 * slope + slack))
    if len(wrong) == 0:
        return moved, stuck
    psi = moved.psi.copy()
    share = 1.0
    for _ in range(20):
        share *= 0.3
        trial = frames.covariances(t[:, wrong] + share * step[:, wrong], frame[..., wrong])
        deviance = criterion.take(wrong).evaluate(trial).deviance
        bound = state.deviance[wrong] + 1e-4 * share * slope[wrong] + slack[wrong]
        good = deviance <= bound
        psi[:, wrong[good]] = trial[:, good]
        wrong = wrong[~good]
        if len(wrong) == 0:
            break
    psi[:, wrong] = state.psi[:, wrong]
    stuck[wrong] = True
    return criterion.evaluate(psi), stuck


def _settled(criterion: Criterion, start: FloatArray) -> Minimum:
    """Minimise, then compare each variance with zero, the smallest of a frame first."""
    found = descend(criterion, start)
    everyone = np.arange(len(found.deviance))
    for place in frames.variance_places(criterion.q, criterion.n_components)[::-1]:
        gains = _snap(criterion, found, int(place))
        index = np.flatnonzero(gains)
        if len(index):
            t, frame = frames.open_frame(found.psi[:, index], criterion.q)
            t[place] = RESTART / 2
            part = criterion.take(index)
            other = descend(part, frames.covariances(t, frame))
            _snap(part, other, int(place))
            _keep_better(found, other, everyone[index])
    return found


def _snap(criterion: Criterion, found: Minimum, place: int) -> BoolArray:
    """Set a variance to exactly zero where that costs nothing; tell where it would gain."""
    t, frame = frames.open_frame(found.psi, criterion.q)
    size = t[place].copy()
    t[place] = 0.0
    trial = frames.covariances(t, frame)
    deviance = criterion.evaluate(trial).deviance
    with np.errstate(invalid="ignore"):
        slack = NOISE * np.maximum(1.0, np.abs(found.deviance))
        snap = (size < SMALL) & (deviance <= found.deviance + slack)
        gains = ~snap & (deviance < found.deviance - 1e3 * slack)
    found.psi[:, snap] = trial[:, snap]
    found.deviance[snap] = deviance[snap]
    return gains


def _keep_better(found: Minimum, other: Minimum, index: IntArray) -> None:
    """Take over the ends of `other` that are lower by more than rounding."""
    with np.errstate(invalid="ignore"):
        slack = 1e3 * NOISE * np.maximum(1.0, np.abs(found.deviance[index]))
        better = (other.deviance < found.deviance[index] - slack) & other.converged
    to = index[better]
    found.psi[:, to] = other.psi[:, better]
    found.deviance[to] = other.deviance[better]
    found.converged[to] = True
    found.iterations[index] += other.iterations
