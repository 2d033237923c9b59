"""Cluster-robust covariances of a batch of replicates, from group sums alone.

With ``T_i = X_i'V_i^-1 X_i``, ``g_i = X_i'V_i^-1 e_i``, ``M = (sum T_i)^-1 = L L'``, the covariance
is
``sum_i w_i a_i a_i'`` with

``a_i = M g_i``  (CR0),   ``a_i = L (I - L'T_i L)^-1/2 L'g_i``  (CR2, whitened),
``a_i = L (I - L'T_i L)^-1 L'g_i``  (CR3).

CR3 is that of Pustejovsky & Tipton 2018 (doi:10.1080/07350015.2016.1247004).  The CR2 here is
that of the whitened data, ``A_i = V^1/2 (I - V^-1/2 X M X'V^-1/2)^-1/2 V^-1/2``, hence its name
"cr2-whitened": it is not the "CR2" of `pymargins.mixed.small_samples.robust`, from which standard
errors differ in the third digit.  Both solve the equation that defines CR2, ``A_i (V_i - X_i M
X_i') A_i' = V_i``, and are equal where V_i is a multiple of I; this one needs no n_i x n_i matrix:
``A_i e_i = e_i + X_i K_i X_i'V_i^-1 e_i`` with the r x r matrix K_i of `adjustment`.  Directions
that a group determines alone (eigenvalue 1 of L'T_i L) drop out, as with their pseudo-inverse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.criterion import Criterion, State
from pymargins.mixed.likelihood.factors import FactorBlock, GroupFactors
from pymargins.mixed.likelihood.layers import Layered
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.responses import Responses
from pymargins.mixed.likelihood.scaling import to_relative
from pymargins.mixed.refits.leverage import (
    BlockLeverage,
    FormLeverage,
    Leverage,
    adjusted,
    multiplier,
)
from pymargins.mixed.refits.sampling import ClusterSampling

CovarianceKind = Literal["model", "cr0", "cr2-whitened", "cr3"]
POWERS = {"cr2-whitened": 0.5, "cr3": 1.0}  # of 1 / (1 - leverage)


def covariances(
    kind: CovarianceKind,
    factors: GroupFactors,
    criterion: Criterion,
    state: State,
    weights: FloatArray | None = None,
    responses: Responses | None = None,
    sampling: ClusterSampling | None = None,
) -> FloatArray:
    """Return the working covariances (B, rank, rank) of a batch.

    Parameters
    ----------
    kind : {"model", "cr0", "cr2-whitened", "cr3"}
        ``sigma2 Phi``, or a cluster-robust one.
    weights : (G, B) array, optional
        Group weights of a cluster bootstrap.
    responses : Responses, optional
        New responses.
    sampling : ClusterSampling, optional
        How groups were drawn: CR0 is then the variance over its clusters, within its strata.
    """
    beta, phi, sigma2 = criterion.solve(state)
    model = np.moveaxis(phi, -1, 0)
    if kind == "model":
        return model * sigma2[:, None, None]
    sampled = sampling if kind == "cr0" else None
    total = np.zeros_like(model)
    every = None if sampled is None else np.empty((len(model), factors.data.n_groups, len(beta)))
    contrast = np.concatenate([-beta, np.ones((1, beta.shape[1]))])
    for groups, scores, leverage in _group_sums(factors, state, contrast, responses):
        if kind == "cr0":
            influence = scores @ model
        else:
            influence = adjusted(scores, leverage(), model, POWERS[kind])
        if every is not None:
            every[:, groups] = influence
            continue
        w = influence if weights is None else influence * weights[groups].T[:, :, None]
        total += w.transpose(0, 2, 1) @ influence
    return total if sampled is None or every is None else sampled.variance(every, weights)


def covariance_at(
    kind: CovarianceKind,
    batches: Batches,
    params: CovarianceParameters,
    sampling: ClusterSampling | None = None,
) -> FloatArray:
    """Return the covariance (p, p) of the data themselves at given variance parameters."""
    criterion = batches.observed()
    state = criterion.evaluate(to_relative(batches.factors, params)[:, None])
    found = covariances(kind, batches.factors, criterion, state, sampling=sampling)
    return batches.factors.data.covariance(found[0])


def adjustment(leverage: FloatArray, model: FloatArray, kind: CovarianceKind) -> FloatArray:
    """Return K_i (G, rank, rank) with ``A_i e_i = e_i + X_i K_i X_i'V_i^-1 e_i``.

    ``leverage`` holds T_i (G, rank, rank) and ``model`` M (rank, rank), both with true variances.
    ``K = L E diag((f(s) - 1) / s) E'L'`` with ``L'T_i L = E diag(s) E'`` and f as in the module's
    formulas.
    """
    root = np.linalg.cholesky(model)
    values, vectors = np.linalg.eigh(root.T @ leverage @ root)
    values = np.clip(values, 0.0, 1.0)
    small = values < 1e-6
    power = POWERS[kind]
    ratio = (multiplier(values, power) - 1) / np.where(small, 1.0, values)
    half = root @ vectors
    return (half * np.where(small, power, ratio)[:, None, :]) @ half.transpose(0, 2, 1)


def inverse_blocks(block: FactorBlock, psi: FloatArray) -> FloatArray:
    """Return ``N^-1`` (B, S, rho, rho) at relative covariances psi (r, B)."""
    d, s, rho, _ = block.derivatives.shape
    matrix = (psi.T @ block.derivatives.reshape(d, -1)).reshape(-1, s, rho, rho)
    matrix = matrix + np.eye(rho)
    return 1 / matrix if rho == 1 else np.linalg.inv(matrix)


def leverages(factors: GroupFactors, psi: FloatArray) -> FloatArray:
    """Return ``T_i sigma2`` (G, rank, rank) at one psi (r,)."""
    rank = factors.data.rank
    out = np.empty((factors.data.n_groups, rank, rank))
    for block in factors.blocks:
        n = inverse_blocks(block, psi[:, None])
        out[block.groups] = BlockLeverage.of_block(block, n).matrices()[0]
    for cells in factors.cells:
        at = Layered.from_block(cells, np.ones((1, len(cells.groups)))).at(psi[:, None])
        out[cells.groups] = at.forms[0, :, :-1, :-1]
    return out


def _group_sums(
    factors: GroupFactors, state: State, contrast: FloatArray, responses: Responses | None
) -> Iterator[tuple[IntArray, FloatArray, Callable[[], Leverage]]]:
    """Yield groups, their ``g_i sigma2`` (B, G, rank), and a function for ``T_i sigma2``."""
    for block in factors.blocks:
        n = inverse_blocks(block, state.psi)
        own = None if responses is None else _response_sums(factors, block, responses)
        leverage = partial(BlockLeverage.of_block, block, n)
        yield block.groups, _scores(block, n, contrast, own), leverage
    for cells, at in zip(factors.cells, state.caches[len(factors.blocks) :], strict=True):
        scores = np.einsum("bgij,jb->bgi", at.forms[:, :, :-1], contrast)
        yield cells.groups, scores, partial(FormLeverage, at.forms[:, :, :-1, :-1])


def _scores(
    block: FactorBlock,
    n: FloatArray,
    contrast: FloatArray,
    responses: tuple[FloatArray, FloatArray] | None,
) -> FloatArray:
    """Return ``g_i sigma2`` (B, G, rank): W_x. c + u_x'n u c, with c = (-beta, 1)."""
    groups, rho, d = block.u.shape
    c = contrast.T
    if responses is None:
        flat = block.u.transpose(2, 0, 1).reshape(d, -1)
        reduced = (c @ flat).reshape(-1, groups, rho)
        within = block.within[:, :, :-1].transpose(1, 0, 2).reshape(d, -1)
        left = (c @ within).reshape(-1, groups, d - 1)
    else:
        u_y, xy = responses
        flat = block.u[:, :, :-1].transpose(2, 0, 1).reshape(d - 1, -1)
        reduced = (c[:, :-1] @ flat).reshape(-1, groups, rho) + u_y
        within = block.within[:, :-1, :-1].transpose(1, 0, 2).reshape(d - 1, -1)
        left = (c[:, :-1] @ within).reshape(-1, groups, d - 1) + xy
    u_x = block.u[:, :, :-1]
    if rho == 1:
        solved = n[:, block.classes, 0, 0] * reduced[:, :, 0]
        left += solved[:, :, None] * u_x[:, 0]
        return left
    solved = (n[:, block.classes] @ reduced[..., None])[..., 0]
    return left + np.einsum("bgj,gjr->bgr", solved, u_x)


def _response_sums(
    factors: GroupFactors, block: FactorBlock, responses: Responses
) -> tuple[FloatArray, FloatArray]:
    """Return ``u_y`` (B, G, rho) and ``W_xy`` (B, G, rank) of each group under new responses."""
    data = factors.data
    u_y = responses.reduced(block).transpose(2, 1, 0)
    xy = responses.by_group(block, data.rows[:, data.q : data.q + data.rank])
    xy -= np.einsum("bgj,gjr->bgr", u_y, block.u[:, :, :-1])
    return u_y, xy
