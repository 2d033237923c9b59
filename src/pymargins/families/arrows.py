r"""Comparison arrows: of two rows they overlap if and only if these do not differ.

With estimates :math:`m_i \le m_j`, their distance :math:`d_{ij}` and its margin of error
:math:`e_{ij}`, the arrow that points right from i and the one that points left from j should have
:math:`R_i + L_j = e_{ij}`. Where the margins differ there are more equations than lengths: they are
solved by least squares that weight the pairs that are nearly decided (Lenth's documentation of
emmeans, "Comparison arrows"). Where these lengths tell a pair wrong, the nearest ones that tell all
pairs right are found by linear programming, and if there are none, those that tell the fewest wrong
by the least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray

#: A pair that is decided by less than this share of its margin weighs as if it were by as much.
NEARLY = 0.05
#: How much worse a pair told wrong is than an arrow as much longer.
WRONG = 1e4
#: Shares of what decides a pair by which arrows keep apart, or overlap: the first that all can.
GAPS = (0.25, 0.05, 1e-3)
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ArrowLengths:
    """How far the arrows of each row reach.

    Parameters
    ----------
    left, right : ndarray, shape (k,)
        NaN where there is nothing to point at.
    wrong : int
        Pairs that no lengths tell right.
    """

    left: FloatArray
    right: FloatArray
    wrong: int


def arrow_lengths(
    value: FloatArray, first: IntArray, second: IntArray, margin: FloatArray, differ: AnyArray
) -> ArrowLengths:
    """Find the lengths of comparison arrows.

    Parameters
    ----------
    value : ndarray, shape (k,)
    first, second : ndarray of int, shape (p,)
        The rows of each pair.
    margin : ndarray, shape (p,)
        Half the length of the interval of each difference.
    differ : ndarray of bool, shape (p,)
        Whether the rows differ significantly.
    """
    lower = np.where(value[first] <= value[second], first, second)
    upper = first + second - lower
    distance = value[upper] - value[lower]
    # methods that go step by step decide by other margins than their intervals have
    close = np.where(differ, np.minimum(margin, distance), np.maximum(margin, distance))
    size, pairs = len(value), np.arange(len(first))
    design = np.zeros((len(pairs), 2 * size))
    design[pairs, lower] = 1.0  # pointing right
    design[pairs, size + upper] = 1.0  # pointing left
    used = design.any(axis=0)
    design = design[:, used]
    lengths = _least_squares(design, distance, close)
    if (lengths < 0).any() or not _right(design @ lengths, distance, differ).all():
        some = [_nearest(design, lengths, distance, close, differ, gap) for gap in GAPS]
        lengths = min(some, key=lambda one: int((~_right(design @ one, distance, differ)).sum()))
    out = np.full(2 * size, np.nan)
    out[used] = lengths
    wrong = int((~_right(design @ lengths, distance, differ)).sum())
    return ArrowLengths(out[size:], out[:size], wrong)


def _least_squares(design: FloatArray, distance: FloatArray, margin: FloatArray) -> FloatArray:
    """Solve for lengths; where there are several solutions, that nearest to half the margins."""
    half = (design.T @ margin) / design.sum(axis=0) / 2
    undecided = np.abs(distance / np.where(margin > 0, margin, 1.0) - 1.0)
    weight = 1.0 / np.maximum(undecided, NEARLY)
    away = np.linalg.lstsq(weight[:, None] * design, weight * (margin - design @ half), rcond=None)
    return half + away[0]


def _right(reach: FloatArray, distance: FloatArray, differ: AnyArray) -> AnyArray:
    """Tell of which pairs arrows that reach so far together say the truth."""
    slack = ROUNDING * max(1.0, float(np.abs(distance).max(initial=0.0)))
    return np.where(differ, reach <= distance - slack, reach >= distance - slack)


def _nearest(
    design: FloatArray,
    wanted: FloatArray,
    distance: FloatArray,
    margin: FloatArray,
    differ: AnyArray,
    gap: float,
) -> FloatArray:
    """Return the lengths nearest to some that tell every pair, or as many as can be.

    Arrows keep apart, or overlap, by a share of what decides the pair: `gap`.
    """
    from scipy.optimize import linprog

    pairs, size = design.shape
    sign = np.where(differ, 1.0, -1.0)  # lengths together at most, or at least, the distance
    limit = distance + gap * (margin - distance)
    told = np.hstack([sign[:, None] * design, np.zeros((pairs, size)), -np.eye(pairs)])
    eye, none = np.eye(size), np.zeros((size, pairs))
    near = np.vstack([np.hstack([eye, -eye, none]), np.hstack([-eye, -eye, none])])
    found = linprog(
        np.concatenate([np.zeros(size), np.ones(size), np.full(pairs, WRONG)]),
        A_ub=np.vstack([told, near]),
        b_ub=np.concatenate([sign * limit, wanted, -wanted]),
        bounds=(0.0, None),
    )
    return np.asarray(found.x[:size], dtype=float)
