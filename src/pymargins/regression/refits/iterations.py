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
from pymargins.regression.refits.centre import Centre, triangle
from pymargins.regression.refits.drawn_rows import DrawnRows
from pymargins.regression.refits.products import weighted_product

#: A step shorter than this, in standard errors, is taken and ends the iterations: by Newton's
#: quadratic convergence the next, which is taken when the score is checked, is its square.
SETTLED = 1e-4
#: As does one shorter than the first, where the next must be shorter than the second.
NEAR, NEXT = 1e-2, 1e-7
#: Steps of the differences that the derivative of the information is formed from.
APART = 1e-2
#: A matrix that is a multiple of the identity but for this has an inverse without more ado.
NEARLY_ONE = 0.9
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
    score = np.zeros((k, count))
    bend, expected = np.zeros((2, k * (k + 1) // 2, count))
    canonical = centre.model.canonical
    for rows in centre.blocks(count):
        columns, products = centre.columns(rows)
        terms = centre.terms(rows, gamma)
        weight, residual = drawn.sums(rows, terms.mean)
        score += weighted_product(columns, terms.slope, residual)
        expected += weighted_product(products, terms.expected, weight)
        if terms.curvature is not None:
            bend += weighted_product(products, terms.curvature, residual)
    fisher = square(expected, k)
    return Totals(score.T, fisher if canonical else square(expected - bend, k), fisher)


def square(upper: FloatArray, k: int) -> FloatArray:
    """Make symmetric matrices (b, k, k) from their upper triangles (k (k + 1) / 2, b)."""
    left, right = triangle(k)
    out = np.empty((upper.shape[1], k, k))
    out[:, left, right] = upper.T
    out[:, right, left] = upper.T
    return out


def newton(centre: Centre, drawn: DrawnRows, turn: FloatArray) -> Solutions:
    """Solve the equations of all replicates, each from the centre.

    Parameters
    ----------
    centre : Centre
    drawn : DrawnRows
    turn : ndarray, shape (k, k, k)
        `turning` of the data as they are.
    """
    count, k = drawn.count, centre.width
    found = np.zeros((count, k))
    outcome = np.full(count, NOT_CONVERGED)
    active = np.arange(count)
    at, step = np.zeros((2, count, k))
    length, last, first = np.full(count, np.inf), np.full(count, 1e-100), True
    sums = totals(centre, drawn, None)
    for _ in range(MOST_STEPS):
        new = np.linalg.norm(sums.score, axis=1)
        better = (new <= length) & np.isfinite(sums.observed).all(axis=(1, 2))
        at = np.where(better[:, None], at + step, at)
        length = np.where(better, new, length)
        steps, left, identified = newton_steps(sums, better, turn)
        if first:
            steps = bent(steps, left)
        step = np.where(better[:, None], steps, step / 2.0)
        size, after = (np.abs(part).max(axis=1) / centre.spread for part in (step, left))
        settled = better & identified & short(size, np.maximum(after, size**3 / last**2))
        last, first = size, False
        found[active[settled]] = (at + step)[settled]
        outcome[active[settled]] = FOUND
        outcome[active[better & ~identified]] = NOT_IDENTIFIED
        going = ~settled & (identified | ~better)
        if not going.any():
            break
        if not going.all():
            active, at, step = active[going], at[going], step[going]
            length, last = length[going], last[going]
            drawn = drawn.some(going)
        sums = totals(centre, drawn, at + step)
    return Solutions(found, outcome)


def short(size: FloatArray, after: FloatArray) -> BoolArray:
    """Tell whether steps of some size, in standard errors, leave nothing.

    Parameters
    ----------
    size : ndarray, shape (b,)
    after : ndarray, shape (b,)
        What is expected of the next steps: the larger of what the turning of the information
        leaves, and of a share of this step as large as this is of the one before it.
    """
    return (size < SETTLED) | ((size < NEAR) & (after < NEXT))


def bent(steps: FloatArray, left: FloatArray) -> FloatArray:
    """Return first steps less what they would leave (Chebyshev's method), where that is little."""
    little = np.linalg.norm(left, axis=1) < np.linalg.norm(steps, axis=1) / 4.0
    return steps - np.where(little[:, None], left, 0.0)


def turning(centre: Centre, once: DrawnRows) -> FloatArray:
    """Return the derivative of the information of the data as they are, (k, k, k)."""
    k = centre.width
    apart = APART * np.eye(k)
    ends = totals(centre, once.some(np.zeros(2 * k, np.intp)), np.vstack([apart, -apart])).observed
    return (ends[:k] - ends[k:]) / (2.0 * APART)


def newton_steps(
    sums: Totals, wanted: BoolArray, turn: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return each replicate's Newton step, what it leaves, and whether there is one.

    What is left (b, k) is by the `turning` of the data as they are (k, k, k), to second order.
    """
    steps, left = np.zeros_like(sums.score), np.zeros_like(sums.score)
    identified = np.zeros(len(steps), bool)
    todo = np.flatnonzero(wanted)
    for information in (sums.observed, sums.expected):
        if not len(todo):
            break
        inverse, fine = inverses(information[todo])
        own, rows = inverse[fine], todo[fine]
        step = np.einsum("bij,bj->bi", own, sums.score[rows])
        change = np.einsum("kij,bk,bj->bi", turn, step, step, optimize=True)
        steps[rows], left[rows] = step, np.einsum("bij,bj->bi", own, change) / 2.0
        identified[rows] = True
        todo = todo[~fine]
    return steps, left, identified


def inverses(information: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return inverses (b, k, k), and whether the matrices are positive definite (b,)."""
    k = information.shape[1]
    size = np.trace(information, axis1=1, axis2=2)[:, None, None] / max(k, 1)
    with np.errstate(all="ignore"):
        away = np.linalg.norm(information / size - np.eye(k), axis=(1, 2))
    near = (away < NEARLY_ONE) & (size[:, 0, 0] > 0)
    out, fine = np.zeros_like(information), near.copy()
    out[near] = np.linalg.inv(information[near])
    values, vectors = np.linalg.eigh(information[~near])
    definite = values[:, 0] > SINGULAR * np.abs(values[:, -1])
    own, values = vectors[definite], values[definite]
    fine[~near] = definite
    out[np.flatnonzero(~near)[definite]] = (own / values[:, None, :]) @ own.transpose(0, 2, 1)
    return out, fine
