r"""The wild bootstrap of least squares: residuals times random numbers, the design as it is.

.. math::

    y^* = X\hat\beta + v_g \, A_g \hat e_g

with one multiplier :math:`v_g` a row or cluster, and :math:`A_g` what makes up for leverage: of a
row :math:`(1 - h)^{-1/2}` (CR2, which is HC2) or :math:`(1 - h)^{-1}` (CR3), of a cluster
:math:`(I - H_g)^{+1/2}` or :math:`(I - H_g)^{+}` (Wu 1986, doi:10.1214/aos/1176350142; Cameron,
Gelbach and Miller 2008, doi:10.1162/rest.90.3.414).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.refits.response_draws import WILD_POINTS, WildWeights
from pymargins.regression.clusters import Clusters, adjusted_rows
from pymargins.regression.refits.centre import Centre
from pymargins.regression.refits.covariances import Studentizer

Leverage = Literal["CR2", "CR3"]
#: One less a leverage below this: the row alone determines a coefficient, and has no residual.
ALONE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class WildDraw:
    """Draws responses of least squares.

    Parameters
    ----------
    mean : ndarray, shape (n, 1)
        Fitted.
    residual : ndarray, shape (n, 1)
        Adjusted for leverage.
    codes : ndarray, shape (n,), optional
        The cluster of each row.
    multiplier : {"rademacher", "webb", "mammen"}
    """

    mean: FloatArray
    residual: FloatArray
    codes: IntArray | None
    multiplier: WildWeights

    @classmethod
    def of(
        cls, centre: Centre, clusters: Clusters | None, leverage: Leverage, multiplier: WildWeights
    ) -> WildDraw:
        """Adjust the residuals of a least-squares fit."""
        residual = centre.response - centre.mean
        if clusters is None:
            residual = residual * _kept(centre) ** (-0.5 if leverage == "CR2" else -1.0)
            return cls(centre.mean, residual, None, multiplier)
        adjusted = np.empty_like(residual)
        for rows in clusters.blocks():
            own = residual[rows]
            adjusted[rows] = adjusted_rows(centre.design[rows], own, leverage)
        return cls(centre.mean, adjusted, clusters.codes, multiplier)

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw responses (n, count)."""
        points, chances = WILD_POINTS[self.multiplier]
        units = len(self.mean) if self.codes is None else int(self.codes.max()) + 1
        place = np.searchsorted(np.cumsum(chances)[:-1], rng.random((units, count)))
        times = points[place]
        return self.mean + self.residual * (times if self.codes is None else times[self.codes])


def leveraged(centre: Centre, clusters: Clusters | None) -> Studentizer:
    """Studentize with HC2, or with CR2 of clusters."""
    if clusters is None:
        return Studentizer("rows", factor=1.0 / _kept(centre))
    design = np.empty_like(centre.design)
    for rows in clusters.blocks():
        design[rows] = adjusted_rows(centre.design[rows], centre.design[rows], "CR2")
    return Studentizer("clusters", design=design, codes=clusters.codes)


def _kept(centre: Centre) -> FloatArray:
    """Return one less the leverages (n, 1); one where a row has no residual to be adjusted."""
    left = 1.0 - np.square(centre.design).sum(axis=1, keepdims=True)
    return np.where(left < ALONE, 1.0, left)
