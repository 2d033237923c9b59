"""Degrees of freedom that only count: residual, and between and within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.mixed.likelihood.structure import MixedData

# Share of a unit-length direction that must vary within groups, or remain between them.
VARIES = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class BetweenWithin:
    """Between-within degrees of freedom.

    The n - rank(X) residual degrees of freedom are split into ``G - b`` between and ``n - G - w``
    within groups, where w is the rank of X less its group means and ``b = rank(X) - w``.  A
    function of the coefficients is *within* if the rows of X less their group means determine it,
    else *between*.

    This is SAS's DDFM=BETWITHIN (Schluchter & Elashoff 1990), which asks of each effect whether
    it changes within any subject, put such that it depends neither on the coding of the effects
    nor on which function of them is asked for: the two agree for every effect that is constant in
    all groups, or can be estimated within groups; predictions and other sums that involve a
    between effect count as between.  SAS's further split of the within part by
    classification effects is not made.  Stata's ``dfmethod(repeated)`` is the same split, and
    offered for balanced two-level designs only.

    Attributes
    ----------
    between, within : float
        Degrees of freedom; NaN where there are none (not positive).
    basis : (p, rank) array
    between_directions : (rank, b) array
        Working directions that do not vary within groups, orthonormal.
    """

    between: float
    within: float
    basis: FloatArray
    between_directions: FloatArray

    def df(self, rows: FloatArray) -> FloatArray:
        """Return the degrees of freedom (k,) of rows (k, p) over the coefficients of X."""
        return np.where(self._is_between(rows), self.between, self.within)

    def joint(self, rows: FloatArray) -> tuple[float, float]:
        """Return scale 1 and the denominator df: within if every row (k, p) is, else between."""
        return 1.0, self.between if self._is_between(rows).any() else self.within

    def _is_between(self, rows: FloatArray) -> BoolArray:
        working = np.atleast_2d(rows) @ self.basis
        outside = np.linalg.norm(working @ self.between_directions, axis=1)
        return outside > VARIES * np.linalg.norm(working, axis=1)


def residual_df(data: MixedData) -> float:
    """Return ``n - rank(X)``, as SAS's DDFM=RESIDUAL and Stata's ``dfmethod(residual)``."""
    return float(data.n_rows - data.rank)


def between_within_split(data: MixedData) -> BetweenWithin:
    """Split the residual degrees of freedom between and within the model's groups."""
    starts = np.sort(data.starts)
    x = data.rows[:, data.q : data.q + data.rank]
    sums = np.add.reduceat(x, starts, axis=0)
    sizes = np.diff(np.append(starts, data.n_rows))
    centred = x - np.repeat(sums / sizes[:, None], sizes, axis=0)
    _, lengths, directions = np.linalg.svd(np.linalg.qr(centred, mode="r"))
    w = int((lengths > VARIES).sum())
    return BetweenWithin(
        between=_positive(data.n_groups - (data.rank - w)),
        within=_positive(data.n_rows - data.n_groups - w),
        basis=data.basis,
        between_directions=directions[w:].T,
    )


def _positive(count: int) -> float:
    return float(count) if count > 0 else float("nan")
