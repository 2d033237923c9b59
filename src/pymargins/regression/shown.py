r"""How much of a variance the residuals of a regression can show.

Least squares fits a row, or a cluster, that alone determines a direction exactly: its residuals are
zero there whatever the data, and a robust covariance, which is made of residuals, misses its share
of the variance. With the rows :math:`r_i = \tilde x_i R` of the working least squares, where
:math:`R R' = (\tilde X'\tilde X)^{-1}` and their hat matrix is :math:`H = r r'`, the meat that is
expected while the model's own variances hold is, in the coordinates of R,

* of rows: :math:`F = \sum_i f(h_i)\, r_i r_i' / h_i`, f(h) being h(1 - h), h, h / (1 - h) for HC0,
  HC2, HC3;
* of clusters: :math:`F = \sum_g f(r_g' r_g)`, the same f of a matrix, for CR0, CR2, CR3;
* of rows in the order of time: :math:`F = \sum_{ts} w_{|t-s|} (\delta_{ts} - h_{ts}) r_t r_s'`;

and the share of a direction l that is shown is :math:`l'R F R'l / l'R R'l`. Directions with
leverage one are left out of HC2, HC3, CR2 and CR3, as their pseudo-inverse does.

In a class without a working least squares the scores, whose squares estimate the information,
stand for the rows. Where they tell next to nothing of a direction, as of a row that is fitted
exactly, its variance is that of the bread, and nothing of it is shown.

References
----------
Bell, R. M. and McCaffrey, D. F. (2002). *Survey Methodology* 28, 169-181. Pustejovsky, J. E. and
Tipton, E. (2018). doi:10.1080/07350015.2016.1247004
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.regression.clusters import ClusterKind, Clusters
from pymargins.regression.estimating import ALONE, Estimating
from pymargins.regression.sandwich import HeteroscedasticKind

#: Scores tell nothing of a direction where the information in them is less than this share of the
#: typical one.
HIDDEN = 0.05
#: Numbers held at once while clusters are gone through.
CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The share of the variance of a direction that residuals can show.

    Parameters
    ----------
    root : ndarray, shape (P, r)
        R, one row a parameter.
    part : ndarray, shape (r, r)
        F.
    """

    root: FloatArray
    part: FloatArray

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the share (k,) of rows (k, P) over the parameters; one where nothing varies."""
        along = rows @ self.root
        whole = np.square(along).sum(axis=1)
        shown = ((along @ self.part) * along).sum(axis=1)
        return np.where(whole > 0, shown / np.where(whole > 0, whole, 1.0), 1.0)

    def of(self, places: IntArray) -> Shown:
        """Return the same of some parameters."""
        return replace(self, root=self.root[places])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Observations in coordinates in which their squares add up to one.

    Parameters
    ----------
    root : ndarray, shape (P, r)
    each : ndarray, shape (n, d, r)
        Of an observation d rows: of categories several, otherwise one.
    counts : ndarray, shape (n,)
    """

    root: FloatArray
    each: FloatArray
    counts: FloatArray

    def information(self) -> Iterator[FloatArray]:
        """Yield that of observations, some at a time: (m, r, r)."""
        rank = self.each.shape[2]
        step = max(1, CHUNK // max(1, rank * rank))
        for start in range(0, len(self.each), step):
            some = self.each[start : start + step]
            yield some.transpose(0, 2, 1) @ some

    @classmethod
    def of(cls, fit: Estimating) -> _Rows:
        counts = np.ones(len(fit.scores)) if fit.counts is None else fit.counts
        if fit.working is not None and fit.working.design.shape[1] == fit.scores.shape[1]:
            root = fit.root[:, fit.root.any(axis=0)]
            turned = fit.working.design @ root
            return cls(root, turned.reshape(len(counts), fit.working.size, -1), counts)
        root = _root_of(fit.bread)
        each = fit.scores @ root
        size, turn = np.linalg.eigh((each * counts[:, None]).T @ each)
        told = size > HIDDEN * np.median(size)
        scaled = each @ turn / np.sqrt(np.where(told, size, 1.0))
        return cls(root @ turn, np.where(told, scaled, 0.0)[:, None, :], counts)


def _root_of(cov: FloatArray) -> FloatArray:
    """Return R with R R' a covariance; what rounding made negative of it is nothing."""
    size = np.sqrt(np.maximum(np.diagonal(cov), 0.0))
    safe = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(cov / np.outer(safe, safe))
    return size[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))


def shown_by_rows(fit: Estimating, kind: HeteroscedasticKind) -> Shown:
    """Return what a covariance that holds whatever the variance of each row shows."""
    rows = _Rows.of(fit)
    factor = fit.n / (fit.n - fit.rank) if kind == "HC1" else 1.0
    if rows.each.shape[1] > 1:  # an observation is a cluster of its own rows
        found: dict[str, ClusterKind] = {"HC2": "CR2", "HC3": "CR3"}
        alike = found.get(kind, "CR0")
        parts = [_information_part(some, alike) for some in rows.information()]
        return Shown(rows.root, factor * np.sum(parts, axis=0))
    each = rows.each[:, 0]
    left = np.clip(1.0 - np.square(each).sum(axis=1), 0.0, 1.0)
    alone = left < ALONE
    power = {"HC0": 1.0, "HC1": 1.0, "HC2": 0.0, "HC3": -1.0}[kind]
    weight = np.where(alone, 0.0, np.where(alone, 1.0, left) ** power) * rows.counts
    return Shown(rows.root, factor * ((each * weight[:, None]).T @ each))


def shown_by_clusters(fit: Estimating, kind: ClusterKind, clusters: Clusters) -> Shown:
    """Return what a covariance that holds whatever the dependence within clusters shows."""
    rows = _Rows.of(fit)
    each = rows.each * np.sqrt(rows.counts)[:, None, None]
    rank = each.shape[2]
    part = np.zeros((rank, rank))
    for block in clusters.blocks():
        step = max(1, CHUNK // max(1, (block.shape[1] * each.shape[1] + rank) * rank))
        for start in range(0, len(block), step):
            found = block[start : start + step]
            some = each[found].reshape(len(found), -1, rank)
            part += _information_part(some.transpose(0, 2, 1) @ some, kind)
    factor = clusters.size / (clusters.size - 1.0) if kind == "CR1" else 1.0
    return Shown(rows.root, factor * part)


def shown_in_time(fit: Estimating, weights: Sequence[float]) -> Shown:
    """Return what a covariance with these weights of the first lags shows."""
    rows = _Rows.of(fit)
    each = rows.each
    part = np.sum([_information_part(some, "CR0") for some in rows.information()], axis=0)
    for lag, weight in enumerate(weights, start=1):
        now, before = each[lag:], each[:-lag]
        hat = now @ before.transpose(0, 2, 1)
        shared = np.einsum("nda,nde,neb->ab", now, hat, before, optimize=True)
        part -= weight * (shared + shared.T)
    return Shown(rows.root, part)


def _information_part(information: FloatArray, kind: ClusterKind) -> FloatArray:
    """Return the sum of f of the information (g, r, r) of clusters, a share of one each.

    No leverage is greater than the trace, and only few clusters have a trace of one.
    """
    large = np.trace(information, axis1=1, axis2=2) > 1.0 - ALONE
    part = _by_spectrum(information[large], kind)
    small = information[~large]
    if kind in ("CR0", "CR1"):
        part += small.sum(axis=0) - np.tensordot(small, small, ([0, 1], [0, 1]))
    elif kind == "CR2":
        part += small.sum(axis=0)
    else:
        part += np.linalg.solve(np.eye(len(part)) - small, small).sum(axis=0)
    return (part + part.T) / 2.0


def _by_spectrum(information: FloatArray, kind: ClusterKind) -> FloatArray:
    values, vectors = np.linalg.eigh(information)
    left = np.clip(1.0 - values, 0.0, 1.0)
    alone = left < ALONE
    power = {"CR0": 1.0, "CR1": 1.0, "CR2": 0.0, "CR3": -1.0}[kind]
    size = np.where(alone, 0.0, values * np.where(alone, 1.0, left) ** power)
    return np.asarray(np.einsum("gik,gk,gjk->ij", vectors, size, vectors))
