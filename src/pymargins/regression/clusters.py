r"""Cluster-robust covariances of regressions, with the degrees of freedom of Bell and McCaffrey.

With :math:`\tilde X, \tilde e` the rows and residuals of the working least squares, in which the
model's variances are one, and :math:`H_g` the block of their hat matrix, the score of cluster g is
:math:`\tilde X_g' A_g \tilde e_g`:

* CR0: :math:`A_g = I`
* CR1: :math:`A_g = \sqrt{G/(G-1)}\, I`
* CR2: :math:`A_g = (I - H_g)^{+1/2}`
* CR3: :math:`A_g = (I - H_g)^{+}`

as in clubSandwich, with the fit's own variances as working model. CR2 and CR3 take a leverage of
one out of the sum (a pseudo-inverse).

References
----------
Bell, R. M. and McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression
with multi-stage samples. *Survey Methodology* 28, 169-181. Pustejovsky, J. E. and Tipton, E.
(2018). doi:10.1080/07350015.2016.1247004
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.mixed.small_samples.robust import RobustFit
from pymargins.regression.estimating import ALONE, Estimating

ClusterKind = Literal["CR0", "CR1", "CR2", "CR3"]
CLUSTERED: tuple[ClusterKind, ...] = ("CR0", "CR1", "CR2", "CR3")


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The cluster of each row: `codes` (n,) in 0..size-1."""

    codes: IntArray
    size: int

    @classmethod
    def of(cls, labels: AnyArray) -> Clusters:
        """Return clusters with a number each.

        Raises
        ------
        ArgumentError
            For missing labels, and for a single cluster.
        """
        codes, present = pd.factorize(labels)
        if (codes < 0).any():
            raise ArgumentError(f"cluster: it is missing in {int((codes < 0).sum())} rows.")
        if len(present) < 2:
            raise ArgumentError(
                "cluster: all rows are in one cluster; a cluster-robust covariance needs several."
            )
        return cls(np.asarray(codes, dtype=np.intp), len(present))

    def blocks(self) -> Iterator[IntArray]:
        """Yield the rows of the clusters, those of one size together: (g, d)."""
        order = np.argsort(self.codes, kind="stable")
        sizes = np.bincount(self.codes, minlength=self.size)
        starts = np.cumsum(sizes) - sizes
        for d in np.unique(sizes):
            yield order[starts[sizes == d][:, None] + np.arange(d)]


def clustered(fit: Estimating, kind: ClusterKind, clusters: Clusters) -> FloatArray:
    """Return a covariance that holds whatever the dependence within clusters."""
    if kind in ("CR2", "CR3"):
        sums = adjusted_sums(fit, kind, clusters)
    else:
        counted = fit.scores if fit.counts is None else fit.scores * fit.counts[:, None]
        sums = np.zeros((clusters.size, fit.scores.shape[1]))
        np.add.at(sums, clusters.codes, counted)
    factor = clusters.size / (clusters.size - 1.0) if kind == "CR1" else 1.0
    out = factor * (fit.bread @ (sums.T @ sums) @ fit.bread)
    return (out + out.T) / 2.0


def adjusted_sums(fit: Estimating, kind: ClusterKind, clusters: Clusters) -> FloatArray:
    """Return the scores of clusters, corrected for leverage, (G, p)."""
    design, residual = _whole_rows(fit)
    root = fit.root
    parts: list[FloatArray] = []
    assert fit.working is not None
    own = np.arange(fit.working.size)
    for found in clusters.blocks():
        rows = (found[:, :, None] * len(own) + own).reshape(len(found), -1)
        adjusted = _adjusted(design[rows], root, kind)
        parts.append(np.einsum("gdp,gd->gp", adjusted, residual[rows]))
    return np.concatenate(parts)


def _whole_rows(fit: Estimating) -> tuple[FloatArray, FloatArray]:
    """Return the working least squares in which a row that counts w times is one row.

    Its w observations share a design row, so that the hat matrix acts on their mean alone; what it
    leaves out of them, their spread about it, is zero.
    """
    assert fit.working is not None
    if fit.counts is None:
        return fit.working.design, fit.working.residual
    times = np.sqrt(fit.counts)
    return fit.working.design * times[:, None], fit.working.residual * times


def _adjusted(design: FloatArray, root: FloatArray, kind: ClusterKind) -> FloatArray:
    """Return ``A_g X_g`` (g, d, p) of clusters of one size."""
    return adjusted_rows(design @ root, design, kind)


def adjusted_rows(basis: FloatArray, rows: FloatArray, kind: ClusterKind) -> FloatArray:
    """Return ``A_g R_g`` (g, d, c) of clusters of one size, with ``H_g`` the basis' own product.

    Parameters
    ----------
    basis : ndarray, shape (g, d, k)
        The working design in coordinates in which its cross-product is one.
    rows : ndarray, shape (g, d, c)
        What is adjusted: the design, or residuals.
    kind : str
    """
    if kind not in ("CR2", "CR3"):
        return rows
    vectors, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    left = np.clip(1.0 - sizes**2, 0.0, 1.0)
    alone = left < ALONE
    power = 0.5 if kind == "CR2" else 1.0
    more = np.where(alone, 0.0, np.where(alone, 1.0, left) ** -power) - 1.0
    turned = vectors.transpose(0, 2, 1) @ rows
    return rows + vectors @ (more[:, :, None] * turned)


def bell_mccaffrey(
    fit: Estimating, kind: ClusterKind, clusters: Clusters, cov: FloatArray
) -> RobustFit:
    """Return the degrees of freedom of contrasts with a cluster-robust covariance.

    For linear models only: they take the fit's own variances as true, and the weights of any
    other class are estimated themselves.
    """
    design, _ = _whole_rows(fit)
    root = fit.root
    influences: list[FloatArray] = []
    leverages: list[FloatArray] = []
    factor = np.sqrt(clusters.size / (clusters.size - 1.0)) if kind == "CR1" else 1.0
    kept = root.any(axis=1)
    for rows in clusters.blocks():
        influences.append(factor * _adjusted(design[rows], root, kind)[:, :, kept])
        leverages.append(design[rows] @ root)
    return RobustFit(
        cov=cov,
        kind=kind,
        n_clusters=clusters.size,
        basis=np.eye(design.shape[1])[:, kept],
        root=root[kept],
        influence=tuple(influences),
        leverage=tuple(leverages),
    )
