r"""Cluster-robust covariances of the fixed effects, with small-sample tests.

For clusters i with marginal covariance V_i, ``M = (sum X_i'V_i^-1 X_i)^-1`` and residuals e_i,

``cov = M [sum_i X_i'V_i^-1 A_i e_i e_i'A_i'V_i^-1 X_i] M``,

where with K clusters, n rows, rank p and D_i any root ``D_i'D_i = V_i``

* CR0: ``A_i = I``;
* CR1: ``A_i = sqrt(K / (K-1)) I``;
* CR1S: ``A_i = sqrt(K (n-1) / ((K-1) (n-p))) I``;
* CR2: ``A_i = D_i'[D_i (V_i - X_i M X_i') D_i']^{+1/2} D_i``, a pseudo-inverse root, as in
  clubSandwich (bootstraps studentize by another CR2, `pymargins.mixed.refits.sandwich`);
* CR3: ``A_i = (I - X_i M X_i'V_i^-1)^-1``

(Bell & McCaffrey 2002; Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004).  A_i does not
depend on which root D_i is.  V is the model's, at its estimates.

Degrees of freedom treat V as true.  For a row l, ``u_i = A_i'V_i^-1 X_i M l`` and
``p_i = (I - H)_i'u_i`` have ``p_i'V p_j = delta_ij u_i'V_i u_i - (X_i'u_i)'M (X_j'u_j)``, so that
the K x K sums of squares reduce to p x p matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from pymargins._typing import FloatArray
from pymargins.errors import not_one_of
from pymargins.mixed.likelihood.least_squares import GlsFit, gls
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.clusters import (
    ClusterBlock,
    cluster_blocks,
    cluster_codes,
    group_blocks,
)

RobustKind = Literal["CR0", "CR1", "CR1S", "CR2", "CR3"]
ROBUST_KINDS: tuple[RobustKind, ...] = ("CR0", "CR1", "CR1S", "CR2", "CR3")

# One less a leverage below this: the cluster alone determines the direction.
ALONE = 1e-9
# A hypothesis' expected covariance with smaller eigenvalues, relatively, is singular.
RANK_TOLERANCE = 1e-10
# Floats that the clusters worked on together may take.
CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RobustFit:
    """A cluster-robust covariance and its degrees of freedom.

    Attributes
    ----------
    cov : (p, p) array
        Over the coefficients of X.
    kind : {"CR0", "CR1", "CR1S", "CR2", "CR3"}
    n_clusters : int
    basis : (p, rank) array
    root : (rank, rank) array
        Lower root of M.
    influence : tuple of (g, d, rank) arrays
        ``D_i^-1 u_i`` is ``influence @ (M l)``.
    leverage : tuple of (g, d, rank) arrays
        ``D_i^-1 X_i root``.
    """

    cov: FloatArray
    kind: RobustKind
    n_clusters: int
    basis: FloatArray
    root: FloatArray
    influence: tuple[FloatArray, ...]
    leverage: tuple[FloatArray, ...]

    @property
    def cluster_df(self) -> int:
        """Clusters less one: the usual degrees of freedom where nothing better is asked for."""
        return self.n_clusters - 1

    def df(self, rows: FloatArray) -> FloatArray:
        """Return Satterthwaite degrees of freedom (k,) of rows (k, p) over the coefficients of X.

        ``(sum_i p_i'V p_i)^2 / sum_ij (p_i'V p_j)^2`` (Bell & McCaffrey 2002; Pustejovsky & Tipton
        2018, eq. 11).  Infinite where the variance is zero.
        """
        directions = self._directions(rows)
        rank, k = directions.shape
        own = np.zeros((3, k))
        shared = np.zeros((k, rank, rank))
        for influence, leverage in self._chunks(k):
            u = influence @ directions
            w = leverage.transpose(0, 2, 1) @ u
            s = np.einsum("gdk,gdk->gk", u, u)
            h = np.einsum("gpk,gpk->gk", w, w)
            own += [(s - h).sum(axis=0), (s * s).sum(axis=0), (s * h).sum(axis=0)]
            by_row = np.ascontiguousarray(w.transpose(2, 1, 0))
            shared += by_row @ by_row.transpose(0, 2, 1)
        expected = own[0]
        spread = own[1] - 2 * own[2] + np.einsum("kab,kab->k", shared, shared)
        some = (spread > 0) & (expected > 0)
        return np.where(some, expected**2 / np.where(some, spread, 1.0), np.inf)

    def seen(self, rows: FloatArray) -> FloatArray:
        r"""Return the share (k,) of the variance of rows (k, p) that the clusters show.

        .. math::

            E[l'\hat V l] / l'(X'V^{-1}X)^{-1}l

        at the working variances. It is one for CR2, about one for the other kinds with many
        clusters. Where a single cluster determines a row, its residuals are zero whatever the
        data, and hardly anything of the variance is left to be seen.
        """
        directions = self._directions(rows)
        expected = np.zeros(directions.shape[1])
        for influence, leverage in self._chunks(directions.shape[1]):
            u = influence @ directions
            w = leverage.transpose(0, 2, 1) @ u
            expected += np.einsum("gdk,gdk->k", u, u) - np.einsum("gpk,gpk->k", w, w)
        gls = ((self.root.T @ (np.atleast_2d(rows) @ self.basis).T) ** 2).sum(axis=0)
        return np.where(gls > 0, expected / np.where(gls > 0, gls, 1.0), 1.0)

    def joint(self, rows: FloatArray) -> tuple[float, float]:
        r"""Return scale and denominator df of the joint test of q independent rows (q, p).

        The HTZ test of Pustejovsky & Tipton (2018, eqs. 12-13): ``C cov C'``, standardised by its
        expectation Omega, is taken for a Wishart matrix of
        ``eta = q (q+1) / sum_st Var[(Omega^-1/2 C cov C' Omega^-1/2)_st]`` degrees of freedom, and
        ``(eta - q + 1) / eta F ~ F(q, eta - q + 1)`` for the Wald F statistic.  Both numbers are
        NaN where that is not defined: as many rows as clusters, or ``eta <= q - 1``.
        """
        directions = self._directions(rows)
        rank, q = directions.shape
        omega = np.zeros((q, q))
        for influence, leverage in self._chunks(q * rank):
            u = influence @ directions
            w = leverage.transpose(0, 2, 1) @ u
            omega += np.tensordot(u, u, ([0, 1], [0, 1])) - np.tensordot(w, w, ([0, 1], [0, 1]))
        values, vectors = np.linalg.eigh(omega)
        if q >= self.n_clusters or values[0] <= RANK_TOLERANCE * values[-1]:
            return float("nan"), float("nan")
        directions = directions @ (vectors / np.sqrt(values))
        eta = q * (q + 1) / self._wishart_spread(directions)
        df2 = eta - q + 1
        return (df2 / eta, df2) if df2 > 0 else (float("nan"), float("nan"))

    def _wishart_spread(self, directions: FloatArray) -> float:
        """Return ``sum_ij (tr Pi_ij)^2 + tr Pi_ij^2`` with ``Pi_ij = p_i'V p_j`` (q, q)."""
        rank, q = directions.shape
        own = 0.0
        shared = np.zeros((rank * q, rank * q))
        for influence, leverage in self._chunks(q * rank):
            u = influence @ directions
            w = leverage.transpose(0, 2, 1) @ u
            s, h = u.transpose(0, 2, 1) @ u, w.transpose(0, 2, 1) @ w
            traces_s, traces_h = np.einsum("gaa->g", s), np.einsum("gaa->g", h)
            own += float(np.sum(traces_s * (traces_s - 2 * traces_h)) + np.sum(s * (s - 2 * h)))
            flat = w.reshape(len(w), rank * q)
            shared += flat.T @ flat
        four = shared.reshape(rank, q, rank, q)
        crossed = np.einsum("asbt,atbs->", four, four)
        return own + float(np.sum(shared * shared) + crossed)

    def _directions(self, rows: FloatArray) -> FloatArray:
        """Return ``M l`` (rank, k) of rows l."""
        return self.root @ (self.root.T @ (np.atleast_2d(rows) @ self.basis).T)

    def _chunks(self, width: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        for influence, leverage in zip(self.influence, self.leverage, strict=True):
            _, d, rank = influence.shape
            step = max(1, CHUNK // max(1, (d + 2 * rank) * width))
            for start in range(0, len(influence), step):
                yield influence[start : start + step], leverage[start : start + step]


def robust_fit(
    data: MixedData,
    params: CovarianceParameters,
    kind: RobustKind = "CR2",
    cluster: ArrayLike | None = None,
    group_names: Sequence[object] | None = None,
    fit: GlsFit | None = None,
) -> RobustFit:
    """Compute a cluster-robust covariance at given variance parameters.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
    kind : {"CR0", "CR1", "CR1S", "CR2", "CR3"}
        See the module's formulas.
    cluster : (n,) array, optional
        A label per row, in the order of the model's rows; the model's groups by default.  A
        cluster must hold whole groups.
    group_names : sequence, optional
        How messages call the groups.
    fit : GlsFit, optional
        At the same data and parameters.

    Raises
    ------
    ArgumentError
        For an unknown kind, a cluster that holds a part of a group, or fewer than two clusters.
    """
    if kind not in ROBUST_KINDS:
        raise not_one_of("vcov", kind, ROBUST_KINDS)
    codes = cluster_codes(data, cluster, group_names)
    fit = gls(data, params) if fit is None else fit
    root = np.linalg.cholesky(fit.working_cov)
    n_clusters = int(codes.max()) + 1
    factor = _factor(kind, n_clusters, data.n_rows, data.rank)
    meat = np.zeros_like(root)
    influences: list[FloatArray] = []
    leverages: list[FloatArray] = []
    for block in cluster_blocks(data, params, fit.working_beta, codes):
        leverage = block.design @ root
        influence = factor * _influence(kind, block, leverage, root)
        scores = (block.residuals[:, None, :] @ influence)[:, 0]
        meat += scores.T @ scores
        influences.append(influence)
        leverages.append(leverage)
    working = fit.working_cov @ meat @ fit.working_cov
    return RobustFit(
        cov=data.covariance((working + working.T) / 2),
        kind=kind,
        n_clusters=n_clusters,
        basis=data.basis,
        root=root,
        influence=tuple(influences),
        leverage=tuple(leverages),
    )


def group_influences(data: MixedData, params: CovarianceParameters) -> FloatArray:
    r"""Return how much each group moves the coefficients, :math:`M X_i'V_i^{-1}e_i`, (G, p)."""
    fit = gls(data, params)
    codes = np.arange(data.n_groups)
    scores = np.zeros((data.n_groups, data.rank))
    for groups, block in group_blocks(data, params, fit.working_beta, codes):
        scores[groups] = (block.residuals[:, None, :] @ block.design)[:, 0]
    return scores @ fit.working_cov @ data.basis.T


def _factor(kind: RobustKind, n_clusters: int, n_rows: int, rank: int) -> float:
    if kind == "CR1":
        return float(np.sqrt(n_clusters / (n_clusters - 1)))
    if kind == "CR1S":
        share = n_clusters * (n_rows - 1) / ((n_clusters - 1) * (n_rows - rank))
        return float(np.sqrt(share))
    return 1.0


def _influence(
    kind: RobustKind, block: ClusterBlock, leverage: FloatArray, root: FloatArray
) -> FloatArray:
    """Return ``D_i^-1 A_i'V_i^-1 X_i`` up to the whitening: (g, d, rank), to meet D_i^-1 e_i."""
    if kind == "CR2":
        return _bell_mccaffrey(block, leverage)
    if kind == "CR3":
        return _jackknife(leverage, root)
    return block.design


def _bell_mccaffrey(block: ClusterBlock, leverage: FloatArray) -> FloatArray:
    """Return ``D'D B^{+1/2} D^-1 X`` where ``V = D D'``, ``B = D'(V - X M X') D``.

    With ``I - H = N diag(s) N'`` in whitened rows, B is F F' for ``F = D'D N diag(s)^1/2``; the
    singular values of F give the root of B with the digits that squaring would cost.
    """
    square = block.root.transpose(0, 2, 1) @ block.root
    n, s, _ = np.linalg.svd(leverage, full_matrices=True)
    left = np.ones(n.shape[:2])
    left[:, : s.shape[1]] = np.clip(1 - s * s, 0.0, 1.0)
    alone = left < ALONE
    f = square @ (n * np.sqrt(np.where(alone, 0.0, left))[:, None, :])
    vectors, sizes, _ = np.linalg.svd(f)
    kept = np.arange(sizes.shape[1]) < (~alone).sum(axis=1)[:, None]
    inverse = np.where(kept, 1 / np.where(kept, sizes, 1.0), 0.0)
    turned = vectors.transpose(0, 2, 1) @ block.design
    return square @ ((vectors * inverse[:, None, :]) @ turned)


def _jackknife(leverage: FloatArray, root: FloatArray) -> FloatArray:
    """Return ``(I - D^-1 X M X'D^-T)^-1 D^-1 X``, pseudo-inverse where a leverage is 1."""
    n, s, across = np.linalg.svd(leverage, full_matrices=False)
    left = np.clip(1 - s * s, 0.0, 1.0)
    ratio = np.where(left < ALONE, 0.0, s / np.where(left < ALONE, 1.0, left))
    scaled = (n * ratio[:, None, :]) @ across
    return np.linalg.solve(root.T, scaled.reshape(-1, len(root)).T).T.reshape(scaled.shape)
