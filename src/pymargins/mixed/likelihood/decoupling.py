"""Balanced designs split into independent strata.

Where the matrices D_r of a group commute (equal numbers of rows in every cell, crossed or nested),
one orthogonal rotation makes them all diagonal: each group of rho random effects becomes rho groups
of one, and those with the same diagonal entries, the strata of a classical analysis of variance,
are summed beforehand.  A thousand replicates of a crossed design then cost no more than those of a
random intercept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.factors import FactorBlock

SAME_STRATUM = 1e-10  # relative difference of diagonal entries within a stratum


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A block as the moments see it: as it is, or rotated and split.

    Attributes
    ----------
    block : FactorBlock
    rotation : (S, rho, rho) array or None
        E of each class of the original block: ``E'D_r E`` is diagonal.
    classes : (G,) int array
        Classes of the original block.
    """

    block: FactorBlock
    rotation: FloatArray | None
    classes: IntArray

    def reduced(self, u_y: FloatArray) -> FloatArray:
        """Turn reduced responses (rho, G, B) of the original block into those of this view."""
        if self.rotation is None:
            return u_y
        turned = self.rotation[self.classes].transpose(0, 2, 1) @ u_y.transpose(1, 0, 2)
        return turned.reshape(1, -1, u_y.shape[2])


def view(block: FactorBlock) -> View:
    """Split a block where its derivatives commute, else leave it."""
    rho, rotation = block.derivatives.shape[2], block.rotation
    if rotation is None:
        return View(block, None, block.classes)
    turned = rotation.transpose(0, 2, 1) @ block.derivatives @ rotation
    entries = np.maximum(np.einsum("rsjj->sjr", turned), 0.0)
    by_group = entries[block.classes].reshape(-1, entries.shape[2])
    u = rotation[block.classes].transpose(0, 2, 1) @ block.u
    classes, first = _strata(by_group)
    split = FactorBlock(
        groups=np.repeat(block.groups, rho),
        u=u.reshape(-1, 1, u.shape[2]),
        within=block.within,
        classes=classes,
        roots=np.sqrt(by_group[first].sum(axis=1))[:, None, None],
        derivatives=np.ascontiguousarray(by_group[first].T)[:, :, None, None],
        rotation=None,
        rows=(),
    )
    return View(split, rotation, block.classes)


def _strata(entries: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the stratum of each row of diagonal entries, and the first row of each stratum."""
    size = np.where(entries.max(axis=0) > 0, entries.max(axis=0), 1.0)
    keys = np.round(entries / (size * SAME_STRATUM)) + 0.0
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return inverse.reshape(-1), first
