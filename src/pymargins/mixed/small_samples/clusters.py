"""Clusters of whole groups, each reduced to the few dimensions in which its rows matter.

Within a group, V is ``sigma2 I`` outside the span of ``[Z X]``.  With ``[Z X] = E R`` (one QR
factorisation a group, E orthonormal) a group of n_i rows becomes one of rho = min(n_i, m + rank)
rows: design ``R_x``, covariance ``sigma2 (I + R_z Psi R_z')``, residuals ``E'e``.  What is lost has
design zero.  Of several groups in one cluster the rows beyond Z, of covariance ``sigma2 I``, are
reduced once more, together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.mixed.likelihood.least_squares import block_factor
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData, RowBlock


@dataclass(frozen=True, slots=True, eq=False)
class ClusterBlock:
    """Clusters of d reduced rows each.

    Attributes
    ----------
    design : (g, d, rank) array
        ``D^-1 X`` with ``V = D D'``: the whitened working design.
    residuals : (g, d) array
        ``D^-1 (y - X beta)``.
    root : (g, d, d) array
        D, lower triangular.
    """

    design: FloatArray
    residuals: FloatArray
    root: FloatArray


def cluster_codes(
    data: MixedData, cluster: ArrayLike | None, group_names: Sequence[object] | None = None
) -> IntArray:
    """Return the cluster 0..K-1 of each group.

    Parameters
    ----------
    data : MixedData
    cluster : (n,) array or None
        A label per row, in the order of the model's rows; None for the model's own groups.
    group_names : sequence, optional
        How messages call the groups; their codes by default.

    Raises
    ------
    ArgumentError
        Where a cluster holds a part of a group, where a label is missing, or where there are fewer
        than two clusters.
    """
    if cluster is None:
        codes = np.arange(data.n_groups)
    else:
        codes = _whole_groups(data, np.asarray(cluster), group_names)
    n_clusters = int(codes.max()) + 1
    if n_clusters < 2:
        raise ArgumentError(
            "cluster: a cluster-robust covariance needs at least 2 clusters of whole groups; the "
            f"{data.n_rows} rows are in {n_clusters}. Crossed random effects tie all rows together."
        )
    return codes


def cluster_blocks(
    data: MixedData, params: CovarianceParameters, beta: FloatArray, codes: IntArray
) -> Iterator[ClusterBlock]:
    """Yield the reduced clusters, those of equal size together.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
    beta : (rank,) array
        Working coefficients.
    codes : (G,) int array
        The cluster of each group.
    """
    alone = np.bincount(codes)[codes] == 1
    for _, block in group_blocks(data, params, beta, np.flatnonzero(alone)):
        yield block
    if not alone.all():
        yield from _merged(data, data.working(params), beta, codes, np.flatnonzero(~alone))


def group_blocks(
    data: MixedData, params: CovarianceParameters, beta: FloatArray, groups: IntArray
) -> Iterator[tuple[IntArray, ClusterBlock]]:
    """Yield reduced groups, those of equal size together, and which they are."""
    if not len(groups):
        return
    working = data.working(params)
    for block in data.row_blocks(groups):
        yield block.groups, _whitened(*_reduced(block, working, beta))


def _whole_groups(
    data: MixedData, labels: AnyArray, group_names: Sequence[object] | None
) -> IntArray:
    if labels.shape != (data.n_rows,):
        raise ArgumentError(
            f"cluster: must hold one label per row, shape ({data.n_rows},); got {labels.shape}."
        )
    codes, distinct = pd.factorize(labels)
    if (codes < 0).any():
        raise ArgumentError(f"cluster: is missing in {int((codes < 0).sum())} rows of the model.")
    by_row = np.asarray(codes, dtype=np.intp)[data.order]
    by_group = by_row[data.starts]
    groups = data.sorted_groups
    cut = np.flatnonzero(by_row != by_group[groups])
    if len(cut):
        group = int(groups[cut[0]])
        first, second = distinct[by_group[group]], distinct[by_row[cut[0]]]
        name = group if group_names is None else group_names[group]
        raise ArgumentError(
            f"cluster: cuts across group {_plain(name)!r}, which has rows in clusters "
            f"{_plain(first)!r} and {_plain(second)!r}. A cluster must hold whole groups."
        )
    return by_group


def _plain(label: object) -> object:
    return label.item() if isinstance(label, np.generic) else label


def _reduced(
    block: RowBlock, params: CovarianceParameters, beta: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return reduced design (g, rho, rank), residuals (g, rho) and V (g, rho, rho)."""
    layout = block.layout
    design = slice(0, layout.m + layout.rank)
    residuals = block.rows[:, :, layout.y] - block.rows[:, :, layout.x] @ beta
    q, r = np.linalg.qr(block.rows[:, :, design])
    half = r[:, :, layout.random] @ (block_factor(layout, params) * np.sqrt(params.sigma2))
    v = half @ half.transpose(0, 2, 1) + params.sigma2 * np.eye(r.shape[1])
    return r[:, :, layout.x], (residuals[:, None, :] @ q)[:, 0], v


def _whitened(design: FloatArray, residuals: FloatArray, v: FloatArray) -> ClusterBlock:
    root = np.linalg.cholesky(v)
    both = np.linalg.solve(root, np.concatenate([design, residuals[:, :, None]], axis=2))
    return ClusterBlock(both[:, :, :-1], both[:, :, -1], root)


def _merged(
    data: MixedData,
    params: CovarianceParameters,
    beta: FloatArray,
    codes: IntArray,
    groups: IntArray,
) -> Iterator[ClusterBlock]:
    """Yield clusters of several groups: all their rows within Z, and at most rank rows beyond."""
    parts: dict[int, list[tuple[FloatArray, FloatArray, FloatArray, int]]] = {}
    for block in data.row_blocks(groups):
        design, residuals, v = _reduced(block, params, beta)
        within = min(block.layout.m, v.shape[1])
        for k, group in enumerate(block.groups):
            part = (design[k], residuals[k], v[k], within)
            parts.setdefault(int(codes[group]), []).append(part)
    sizes: dict[int, list[tuple[FloatArray, FloatArray, FloatArray]]] = {}
    for members in parts.values():
        merged = _merge(members, params.sigma2)
        sizes.setdefault(len(merged[1]), []).append(merged)
    for same in sizes.values():
        design, residuals, v = (np.stack(pieces) for pieces in zip(*same, strict=True))
        yield _whitened(design, residuals, v)


def _merge(
    members: list[tuple[FloatArray, FloatArray, FloatArray, int]], sigma2: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    inside = [design[:within] for design, _, _, within in members]
    beyond = np.concatenate([design[within:] for design, _, _, within in members])
    left = np.concatenate([residuals[within:] for _, residuals, _, within in members])
    q, r = np.linalg.qr(beyond)
    design = np.concatenate([*inside, r])
    residuals = np.concatenate([*(e[:within] for _, e, _, within in members), q.T @ left])
    v = sigma2 * np.eye(len(design))
    start = 0
    for _, _, own, within in members:
        v[start : start + within, start : start + within] = own[:within, :within]
        start += within
    return design, residuals, v
