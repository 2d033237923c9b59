r"""Shrinkage at many variance parameters at once: ``Psi F`` of each group and replicate.

With relative Psi ``= Lambda Lambda'`` over the working columns of Z and the components',
``Psi F = Lambda (I + Lambda'S Lambda)^-1 Lambda'``, ``S = Z'Z``, which holds for a singular Psi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters, eigen_root
from pymargins.mixed.likelihood.structure import ColumnLayout, GroupBlock, MixedData
from pymargins.mixed.refits.refitter import Refits


@dataclass(frozen=True, slots=True, eq=False)
class Shrinkage:
    """Roots of the relative variance parameters of B replicates.

    Parameters
    ----------
    root : (B, q, q) array
        ``Lambda`` of the correlated effects, over the working columns of Z.
    spreads : (B, k) array
        The same of one effect of each component.
    sigma2 : (B,) array
    """

    root: FloatArray
    spreads: FloatArray
    sigma2: FloatArray

    @classmethod
    def of_refits(cls, data: MixedData, refits: Refits, kept: BoolArray) -> Shrinkage:
        """Take the variance parameters of some replicates."""
        sigma2, psi = refits.sigma2[kept], refits.psi[kept]
        values, vectors = np.linalg.eigh(psi)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))[:, None, :]
        root = np.linalg.solve(data.z_basis, root) if data.q else root
        spreads = np.sqrt(np.clip(refits.components[kept], 0.0, None) / sigma2[:, None])
        return cls(root / np.sqrt(sigma2)[:, None, None], spreads, sigma2)

    @classmethod
    def of_params(cls, data: MixedData, params: CovarianceParameters) -> Shrinkage:
        """Take one set of variance parameters."""
        root = eigen_root(data.working(params).psi / params.sigma2) if data.q else params.psi
        spreads = np.sqrt(params.components / params.sigma2)
        return cls(root[None], spreads[None], np.array([params.sigma2]))

    def __len__(self) -> int:
        return len(self.sigma2)

    def part(self, replicates: slice) -> Shrinkage:
        """Return that of some of the replicates."""
        return Shrinkage(self.root[replicates], self.spreads[replicates], self.sigma2[replicates])

    def roots(self, layout: ColumnLayout) -> FloatArray:
        """Return ``Lambda`` over all random-effects columns of a block: (B, m, m)."""
        out = np.zeros((len(self), layout.m, layout.m))
        out[:, layout.z, layout.z] = self.root
        for v in range(self.spreads.shape[1]):
            columns = np.arange(layout.m)[layout.component(v)]
            out[:, columns, columns] = self.spreads[:, v, None]
        return out

    def of_groups(self, block: GroupBlock, groups: IntArray | slice = slice(None)) -> FloatArray:
        """Return relative ``Psi F`` of some groups of a block, by their places: (B, g, m, m)."""
        random = block.layout.random
        root = self.roots(block.layout)[:, None]
        turned = root.swapaxes(-1, -2)
        inner = turned @ block.cross[groups, random, random] @ root
        inner += np.eye(block.layout.m)
        return root @ np.linalg.solve(inner, np.broadcast_to(turned, inner.shape))
