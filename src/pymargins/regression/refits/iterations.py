r"""Newton's method for all replicates together.

Steps are :math:`I(\gamma)^{-1} s(\gamma)` with the observed information, or with the expected one
where that is not positive definite; they are halved until the score is shorter (observed
information is minus the score's derivative, so that a small enough step always shortens it). The
sums over rows are matrix products: the score is the design times the rows' residuals, and the
information the products of its columns times the rows' weights, for all replicates at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.regression.refits.centre import Centre
from pymargins.regression.refits.drawn_rows import DrawnRows

#: A step shorter than this, in standard errors, is taken and ends the iterations: by Newton's
#: quadratic convergence the next, which is taken when the score is checked, is its square.
SETTLED = 1e-4
MOST_STEPS = 60
#: Smallest eigenvalue of a replicate's information, relative to its largest.
SINGULAR = 1e-7

FOUND, NOT_IDENTIFIED, NOT_CONVERGED, NOT_AN_OPTIMUM = range(4)
#: Why a replicate was not kept.
REASONS = {
    NOT_IDENTIFIED: "some coefficients are not identified",
    NOT_CONVERGED: "the optimiser did not converge",
    NOT_AN_OPTIMUM: "the score is not zero where the optimiser stopped",
}


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Score (b, k) and informations (b, k, k) of replicates, at dispersion one."""

    score: FloatArray
    observed: FloatArray
    expected: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Solutions:
    """Coordinates of replicates (b, k), and how each ended (b,)."""

    gamma: FloatArray
    outcome: IntArray


def totals(centre: Centre, drawn: DrawnRows, gamma: FloatArray | None) -> Totals:
    """Add up the equations of replicates at coordinates (b, k), by default at the centre."""
    k, count = centre.width, drawn.count
    left, right = np.triu_indices(k)
    score = np.zeros((k, count))
    observed, expected = np.zeros((2, len(left), count))
    canonical = centre.model.canonical
    for rows in centre.blocks(count):
        design = centre.design[rows]
        terms = centre.terms(rows, gamma)
        weight, residual = drawn.sums(rows, terms.mean)
        score += design.T @ (terms.slope * residual)
        products = (design[:, left] * design[:, right]).T
        curve = terms.expected * weight
        if terms.curvature is None:
            observed += products @ curve
            continue
        expected += products @ curve
        observed += products @ (curve - terms.curvature * residual)
    whole = square(observed, k)
    return Totals(score.T, whole, whole if canonical else square(expected, k))


def square(upper: FloatArray, k: int) -> FloatArray:
    """Make symmetric matrices (b, k, k) from their upper triangles (k (k + 1) / 2, b)."""
    left, right = np.triu_indices(k)
    out = np.empty((upper.shape[1], k, k))
    out[:, left, right] = upper.T
    out[:, right, left] = upper.T
    return out


def newton(centre: Centre, drawn: DrawnRows) -> Solutions:
    """Solve the equations of all replicates, each from the centre."""
    count, k = drawn.count, centre.width
    found = np.zeros((count, k))
    outcome = np.full(count, NOT_CONVERGED)
    active = np.arange(count)
    at, step = np.zeros((2, count, k))
    length = np.full(count, np.inf)
    sums = totals(centre, drawn, None)
    for _ in range(MOST_STEPS):
        new = np.linalg.norm(sums.score, axis=1)
        better = (new <= length) & np.isfinite(sums.observed).all(axis=(1, 2))
        at = np.where(better[:, None], at + step, at)
        length = np.where(better, new, length)
        steps, identified = newton_steps(sums, better)
        step = np.where(better[:, None], steps, step / 2.0)
        settled = better & identified & (np.abs(step).max(axis=1) < SETTLED * centre.spread)
        found[active[settled]] = (at + step)[settled]
        outcome[active[settled]] = FOUND
        outcome[active[better & ~identified]] = NOT_IDENTIFIED
        going = ~settled & (identified | ~better)
        if not going.any():
            break
        if not going.all():
            active, at, step, length = active[going], at[going], step[going], length[going]
            drawn = drawn.some(going)
        sums = totals(centre, drawn, at + step)
    return Solutions(found, outcome)


def newton_steps(sums: Totals, wanted: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Return the Newton step of each replicate (b, k), and whether its equations determine it."""
    steps = np.zeros_like(sums.score)
    identified = np.zeros(len(steps), bool)
    todo = np.flatnonzero(wanted)
    for information in (sums.observed, sums.expected):
        if not len(todo):
            break
        values, vectors = np.linalg.eigh(information[todo])
        fine = values[:, 0] > SINGULAR * np.abs(values[:, -1])
        own, rows = vectors[fine], todo[fine]
        along = np.einsum("bij,bi->bj", own, sums.score[rows]) / values[fine]
        steps[rows] = np.einsum("bij,bj->bi", own, along)
        identified[rows] = True
        todo = todo[~fine]
    return steps, identified
