r"""Bootstrap of prediction errors: replicates whose random effects are known.

A replicate draws random effects u* and a response from the fitted model, refits it, and predicts
u^* from its own estimates.  The error of predicting ``k'beta + m'u`` is then

``k'(beta^* - beta^) + m'(u^* - u*)``,

in which coefficients, shrinkage and variance parameters are estimated anew (Hall & Maiti 2006,
doi:10.1111/j.1467-9868.2006.00541.x; in units of each replicate's own standard error: Chatterjee,
Lahiri & Li 2008, doi:10.1214/07-AOS512).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.estimation import MixedFit
from pymargins.mixed.likelihood.structure import MixedData, RowBlock
from pymargins.mixed.prediction.columns import EffectColumns
from pymargins.mixed.prediction.shrinkage import Shrinkage
from pymargins.mixed.refits.bootstraps import bootstrap
from pymargins.mixed.refits.refitter import MEMORY, Progress, Refits
from pymargins.mixed.refits.response_draws import (
    DrawnEffects,
    EffectsDraw,
    ParametricDraw,
    ResidualDraw,
    Seed,
    seed_sequence,
    streams,
)

#: The kinds whose replicates have random effects that are known.
PredictionKind = Literal["parametric", "residual"]


@dataclass(frozen=True, slots=True, eq=False)
class PredictionRefits:
    """Refits with the errors of predicting the random effects of each replicate.

    Attributes
    ----------
    refits : Refits
    errors : (B, W) array
        ``u^* - u*``, in the order of `EffectColumns`; NaN where a replicate is not usable.
    """

    refits: Refits
    errors: FloatArray


def bootstrap_predictions(
    data: MixedData,
    fit: MixedFit,
    kind: PredictionKind,
    n_boot: int,
    seed: Seed = None,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> PredictionRefits:
    """Draw and refit replicates, and predict their random effects.

    Parameters
    ----------
    data : MixedData
    fit : MixedFit
        The estimates to draw from.
    kind : {"parametric", "residual"}
        See `pymargins.mixed.refits.response_draws`.
    n_boot : int
    seed : int, SeedSequence, Generator, optional
    n_jobs : int
        Threads of the refits.
    progress : callable, optional
    """
    same = seed_sequence(seed)  # so that what the refits drew can be drawn again
    refits = bootstrap(data, fit, kind, n_boot, same, n_jobs=n_jobs, progress=progress)
    draw: EffectsDraw = (ParametricDraw if kind == "parametric" else ResidualDraw).from_fit(
        data, fit
    )
    predictor = _Predictor(data, EffectColumns.of(data), tuple(data.row_blocks()))
    usable = refits.usable
    shrinkage = Shrinkage.of_refits(data, refits, usable)
    errors = np.full((n_boot, predictor.columns.size), np.nan)
    change = np.linalg.solve(data.basis[data.kept], (refits.beta - fit.beta)[:, data.kept].T)
    first = 0
    for rng, count in streams(same, n_boot):
        drawn, own = draw.effects(rng, count), usable[first : first + count]
        which = np.flatnonzero(own) + first
        if len(which):
            drawn = DrawnEffects(
                drawn.b[:, :, own],
                tuple(u[:, own] for u in drawn.components),
                drawn.residuals[:, own],
            )
            start = int(usable[:first].sum())
            part = shrinkage.part(slice(start, start + len(which)))
            errors[which] = predictor.errors(drawn, change[:, which], part)
        first += count
    return PredictionRefits(refits, errors)


@dataclass(frozen=True, slots=True, eq=False)
class _Predictor:
    """Predicts the random effects of replicates.

    Parameters
    ----------
    data : MixedData
    columns : EffectColumns
    rows : tuple of RowBlock
    """

    data: MixedData
    columns: EffectColumns
    rows: tuple[RowBlock, ...]

    def errors(self, drawn: DrawnEffects, change: FloatArray, shrinkage: Shrinkage) -> FloatArray:
        """Return predicted less drawn effects of replicates, (B, W).

        Parameters
        ----------
        drawn : DrawnEffects
        change : (rank, B) array
            How far their working coefficients are from those that they were drawn with.
        shrinkage : Shrinkage
            At their variance parameters.
        """
        data, q = self.data, self.data.q
        x = data.rows[:, q : q + data.rank]
        cross = self._cross(drawn.responses(data) - x @ change)
        found = np.empty_like(cross)
        for block in data.blocks:
            places = self.columns.of_block(block)
            right = np.where((places >= 0)[:, :, None], cross[places], 0.0).transpose(2, 0, 1)
            size = max(1, MEMORY // (4 * places.size * places.shape[1]))
            for first in range(0, len(shrinkage), size):
                some = slice(first, first + size)
                by = shrinkage.part(some).of_groups(block)
                own = (by @ right[some, :, :, None])[..., 0].transpose(1, 2, 0)
                found[places[places >= 0], some] = own[places >= 0]
        count = data.n_groups * q
        away = found - np.concatenate([drawn.b.reshape(count, len(shrinkage)), *drawn.components])
        correlated = away[:count].reshape(data.n_groups, q, len(shrinkage))
        away[:count] = np.einsum("jk,gkb->gjb", data.z_basis, correlated).reshape(
            count, len(shrinkage)
        )
        return away.T

    def _cross(self, residuals: FloatArray) -> FloatArray:
        """Return ``Z'r`` of residuals (n, B), over the working columns: (W, B)."""
        out = np.zeros((self.columns.size, residuals.shape[1]))
        for block in self.rows:
            groups, size, _ = block.rows.shape
            index = self.data.starts[block.groups][:, None] + np.arange(size)
            own = block.rows[:, :, block.layout.random].transpose(0, 2, 1) @ residuals[index]
            out[self.columns.of_block(block).ravel()] = own.reshape(groups * own.shape[1], -1)
        return out
