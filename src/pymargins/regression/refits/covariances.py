r"""The covariance of each replicate's coefficients, for studentizing.

``"model"`` is the inverse information times the dispersion, estimated as that of the fit. The
others are sandwiches :math:`B M B` with B the inverse of the observed information: M the sum of
squared scores of rows (HC0; divided by one less their leverages HC2), or of clusters (CR0, within
the strata that they are drawn in; CR2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.regression.refits.centre import Centre
from pymargins.regression.refits.drawn_rows import DrawnRows
from pymargins.regression.refits.iterations import inverses, square
from pymargins.regression.refits.products import weighted_product

#: The score of a replicate is zero where the step it asks for is shorter, in standard errors.
ZERO = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Studentizer:
    """Which covariance each replicate has.

    Parameters
    ----------
    kind : {"model", "rows", "clusters"}
    factor : ndarray, shape (m, 1), optional
        Of rows: what multiplies each squared score.
    design : ndarray, shape (m, k), optional
        Of clusters: what scores are made of instead of the design, which leverages adjust.
    codes : ndarray, shape (m,), optional
        The cluster of each row, in ascending order.
    sampling : ClusterSampling, optional
        Of clusters: how they are drawn; None where they are all there once.
    """

    kind: Literal["model", "rows", "clusters"]
    factor: FloatArray | None = None
    design: FloatArray | None = None
    codes: IntArray | None = None
    sampling: ClusterSampling | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """Coordinates of replicates after a last step, whether it was short (b,), their covariance."""

    gamma: FloatArray
    optimal: BoolArray
    cov: FloatArray | None


def finish(
    centre: Centre,
    drawn: DrawnRows,
    gamma: FloatArray,
    studentizer: Studentizer | None,
    once: DrawnRows | None = None,
    times: FloatArray | None = None,
) -> Finished:
    """Check the score of replicates at coordinates (b, k), and form their covariances there.

    Parameters
    ----------
    studentizer : Studentizer, optional
        None where no covariance is needed.
    once : DrawnRows, optional
        The rows of each cluster as it is, however often it was drawn; by default `drawn`.
    times : ndarray, shape (C, b), optional
        How often each cluster was drawn.
    """
    sums = _Sums(centre, drawn, studentizer, drawn if once is None else once)
    for rows in centre.blocks(drawn.count):
        sums.add(rows, gamma)
    k = centre.width
    bread, fine = inverses(square(sums.expected - sums.bend, k))
    step = np.einsum("bij,jb->bi", bread, sums.score)
    optimal = fine & (np.abs(step).max(axis=1) < ZERO * centre.spread)
    last = gamma + np.where(optimal[:, None], step, 0.0)
    if studentizer is None:
        return Finished(last, optimal, None)
    if studentizer.kind == "model":
        dispersion = centre.model.dispersion
        spread = sums.chi2 / centre.model.df if dispersion is None else dispersion
        under = bread
        if sums.fisher:
            under = np.linalg.pinv(square(sums.expected, k), hermitian=True)
        return Finished(last, optimal, under * np.reshape(spread, (-1, 1, 1)))
    if studentizer.kind == "rows":
        return Finished(last, optimal, bread @ square(sums.meat, k) @ bread)
    influence = sums.clusters.transpose(2, 0, 1) @ bread
    if studentizer.sampling is None:
        return Finished(last, optimal, influence.transpose(0, 2, 1) @ influence)
    return Finished(last, optimal, studentizer.sampling.variance(influence, times))


class _Sums:
    """What is summed over the rows: score, informations, and what the covariance is made of."""

    def __init__(
        self,
        centre: Centre,
        drawn: DrawnRows,
        studentizer: Studentizer | None,
        once: DrawnRows,
    ) -> None:
        k, count = centre.width, drawn.count
        self.centre, self.drawn, self.studentizer, self.once = centre, drawn, studentizer, once
        model = centre.model
        under = studentizer is not None and studentizer.kind == "model"
        self.fisher = under and not model.canonical and not model.observed
        self.score = np.zeros((k, count))
        self.bend, self.expected, self.meat = np.zeros((3, k * (k + 1) // 2, count))
        self.chi2 = np.zeros(count)
        codes = None if studentizer is None else studentizer.codes
        self.clusters = np.zeros((0 if codes is None else int(codes[-1]) + 1, k, count))

    def add(self, rows: slice, gamma: FloatArray) -> None:
        """Add some rows."""
        centre = self.centre
        columns, products = centre.columns(rows)
        terms = centre.terms(rows, gamma)
        weight, residual = self.drawn.sums(rows, terms.mean)
        self.score += weighted_product(columns, terms.slope, residual)
        self.expected += weighted_product(products, terms.expected, weight)
        if terms.curvature is not None:
            self.bend += weighted_product(products, terms.curvature, residual)
        chosen = self.studentizer
        if chosen is None:
            return
        if chosen.kind == "model":
            weights = None if centre.weights is None else centre.weights[rows]
            precision = centre.model.precision(terms.mean, weights)
            self.chi2 += (precision * self.drawn.squares(rows, terms.mean)).sum(axis=0)
        elif chosen.kind == "rows":
            factor = 1.0 if chosen.factor is None else chosen.factor[rows]
            squares = self.drawn.squares(rows, terms.mean)
            self.meat += weighted_product(products, np.square(terms.slope) * factor, squares)
        else:
            self._add_clusters(rows, terms.slope * self.once.sums(rows, terms.mean)[1], chosen)

    def _add_clusters(self, rows: slice, score: FloatArray, chosen: Studentizer) -> None:
        """Add the scores of rows, once each, to their clusters'."""
        assert chosen.codes is not None
        present, starts = np.unique(chosen.codes[rows], return_index=True)
        design = self.centre.design if chosen.design is None else chosen.design
        for j, column in enumerate(design[rows].T):
            self.clusters[present, j] += np.add.reduceat(score * column[:, None], starts, axis=0)
