r"""Averages of exponential means under a grid: one pass over the rows, whatever its size.

Where scenario s changes the exponent of a row by a number that is the same for all rows, or for all
rows of some groups g,

.. math::

    \sum_i w_i\mu_{is} = \sum_g e^{\delta_{sg}} \sum_{i \in g} w_i(\mu_{i1} - c) + c\sum_i w_i,

and the gradient likewise: rows are visited under the first scenario alone. Groups come from
categories that interact with what is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.estimands.coordinates import Batch, Coordinates
from pymargins.estimands.quantities import MeanOf, Quantity
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid
from pymargins.models.exponents import Exponent, exponent_of
from pymargins.models.parameters import Point
from pymargins.models.random_part import RANDOM
from pymargins.models.row_values import GradientPart, OnDesign

#: More groups than these are not worth their while.
MOST_GROUPS = 64
#: Exponents further than this from those of the first scenario could overflow where sums do not.
FURTHEST = 200.0


@dataclass(frozen=True, slots=True, eq=False)
class Multiples:
    """What every scenario multiplies the first one's values with.

    Parameters
    ----------
    batch : Batch
        All scenarios.
    first : Batch
        The first of them.
    exponent : Exponent
    groups : Strata
        K groups of rows.
    ratio : ndarray, shape (B, S, K)
    by_variance : ndarray, shape (B, S, R), or None
        The derivative of the exponent by the variance parameters where scenarios, but not rows,
        tell it; None where only rows do.
    """

    batch: Batch
    first: Batch
    exponent: Exponent
    groups: Strata
    ratio: FloatArray
    by_variance: FloatArray | None

    def values(self, value: FloatArray, mass: FloatArray, group: int) -> FloatArray:
        """Return sums (B, S) over rows of a group from those under the first scenario, (B,)."""
        constant = self.exponent.constant * mass[:, None]
        return self._scaled(value[:, None] - constant, group) + constant

    def gradient(
        self,
        term: GradientPart,
        total: FloatArray,
        value: FloatArray,
        mass: FloatArray,
        group: int,
    ) -> FloatArray:
        """Return derivatives (B, S, 1, c) by a block from those under the first scenario."""
        if isinstance(term, OnDesign):
            own = self._scaled(total, group)[:, :, None]
            own = own.reshape(-1, 1, own.shape[-1])
            return self.batch.gradient(term.role, term.variable, own)
        if self.by_variance is None:
            return self._scaled(total, group)[:, :, None]
        rising = self._scaled(value[:, None] - self.exponent.constant * mass[:, None], group)
        return (rising[:, :, None] * self.by_variance)[:, :, None]

    def _scaled(self, total: FloatArray, group: int) -> FloatArray:
        """Multiply (B, 1, ...) with the ratios of a group."""
        ratio = self.ratio[:, :, group]
        return total * ratio.reshape(*ratio.shape, *(1,) * (total.ndim - 2))


def multiples(rows: Rows, grid: Grid, point: Point, quantity: Quantity) -> Multiples | None:
    """Return what scenarios multiply with; None where they do more than that."""
    exponent = exponent_of(quantity.mean) if isinstance(quantity, MeanOf) else None
    if exponent is None or grid.size == 1:
        return None
    batch = Batch(rows, grid, (), point)
    predictor = exponent.predictor
    design = batch.designs[predictor.role]
    found = batch.coefficients(predictor.role, predictor.block, None)
    assert found is not None
    away = found.reshape(len(point), grid.size, -1)
    away = away - away[:, :1]
    moving = np.flatnonzero(away.any(axis=(0, 1)))
    grouped, spread = _groups(design, moving, rows), _of_spread(batch, exponent)
    if grouped is None or spread is None:
        return None
    groups, members = grouped
    by_variance, rise = spread
    levels = np.concatenate([design.rows(slice(i, i + 1))[:, moving] for i in members])
    change = exponent.rate * away[:, :, moving] @ levels.T + rise[:, :, None]
    if np.abs(change).max() > FURTHEST:
        return None
    first = Batch(rows, grid.part(slice(0, 1)), (), point)
    return Multiples(batch, first, exponent, groups, np.exp(change), by_variance)


def _groups(design: Coordinates, moving: IntArray, rows: Rows) -> tuple[Strata, list[int]] | None:
    """Split rows by the categories that tell the coordinates whose coefficients scenarios change.

    Returns one row of each group too; None where numbers tell them.
    """
    factors: dict[int, int] = {}
    for part in design.parts.values():
        if not ((moving >= part.start) & (moving < part.start + part.width)).any():
            continue
        for f, _, coding in part.factors:
            if coding is None:
                return None
            factors[f] = len(coding)
    size = int(np.prod(list(factors.values()), dtype=float))
    if size > MOST_GROUPS:
        return None
    codes = np.zeros(rows.n, dtype=np.intp)
    for f, count in factors.items():
        codes = codes * count + design.scenes.on_rows(f, None)
    member = np.full(size, -1, dtype=np.intp)
    member[codes] = np.arange(rows.n)
    present = np.flatnonzero(member >= 0)
    place = np.zeros(size, dtype=np.intp)
    place[present] = np.arange(len(present))
    return Strata(place[codes], len(present)), member[present].tolist()


def _of_spread(batch: Batch, exponent: Exponent) -> tuple[FloatArray | None, FloatArray] | None:
    """Return derivatives by the variance parameters, and how far exponents rise for them, (B, S).

    None where both rows and scenarios tell the variance.
    """
    spread, shape = exponent.spread, (len(batch.point), batch.grid.size)
    if spread is None:
        return None, np.zeros(shape)
    random = batch.designs.get(RANDOM)
    if random is not None and any(part.factors for part in random.parts.values()):
        terms = random.terms[None]
        assert terms is not None
        if (terms.weight != terms.weight[:1]).any():
            return None
        return None, np.zeros(shape)
    forms = spread.forms(batch.part(slice(0, 1)))[0, : batch.grid.size]
    variances, by = spread.variances(batch.point)
    v = np.maximum(variances @ forms.T, 0.0)
    half = 0.5 * exponent.rate**2
    by_variance = half * forms * by[:, None, :]
    return by_variance, np.broadcast_to(half * (v - v[:, :1]), shape)


def joined(strata: Strata | None, groups: Strata) -> Strata | None:
    """Split subgroups by groups."""
    if groups.size == 1:
        return strata
    if strata is None:
        return groups
    return Strata(strata.codes * groups.size + groups.codes, strata.size * groups.size)
