"""What a bootstrap of a regression draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import UnsupportedError
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.options import Kind
from pymargins.regression.clusters import Clusters
from pymargins.regression.refits.covariances import Studentizer
from pymargins.regression.refits.row_weights import RowWeights


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What a bootstrap of a regression draws, and what of each replicate is asked for.

    Parameters
    ----------
    kind : {"rows", "cluster", "parametric", "wild"}
    studentized : bool
        Whether each replicate needs a covariance.
    clusters : Clusters, optional
        Where rows are drawn, or have multipliers, by cluster.
    sampling : ClusterSampling, optional
        How clusters are drawn.
    strata : tuple of str
        The variables within whose arms they are.
    """

    kind: Kind
    studentized: bool
    clusters: Clusters | None = None
    sampling: ClusterSampling | None = None
    strata: tuple[str, ...] = ()

    @property
    def by_weights(self) -> bool:
        """Whether rows are drawn, rather than responses."""
        return self.kind in ("rows", "cluster")

    def row_weights(self, n: int, counts: FloatArray | None) -> RowWeights:
        """Return what draws the rows, `counts` of them each where they stand for several."""
        if self.clusters is not None and self.sampling is not None:
            return RowWeights(self.sampling, self.clusters.codes)
        return RowWeights.of_rows(n, None if counts is None else whole_counts(counts))

    @property
    def studentizer(self) -> Studentizer | None:
        """What covariance each replicate has, of the kinds that leverages play no part in."""
        if not self.studentized:
            return None
        if self.kind == "cluster" and self.clusters is not None:
            return Studentizer("clusters", codes=self.clusters.codes, sampling=self.sampling)
        return Studentizer("rows" if self.kind == "rows" else "model")


def whole_counts(counts: FloatArray) -> FloatArray:
    """Return frequency weights.

    Raises
    ------
    UnsupportedError
        Where they are not whole numbers.
    """
    if (counts != np.rint(counts)).any():
        raise UnsupportedError(
            "bootstrap: the frequency weights of this fit are not whole numbers, so that there "
            'are no observations to draw. Use kind="cluster" with cluster=, or fit with '
            "var_weights if they are precisions."
        )
    return counts
