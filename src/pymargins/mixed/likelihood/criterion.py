"""The profiled deviance of a batch of replicates, with exact first and second derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood.moments import Moments
from pymargins.mixed.likelihood.stacks import cholesky, lower_inverse, pack_index, product, unpack


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The criterion at one psi per replicate; ``root`` is the Cholesky factor of T."""

    psi: FloatArray
    deviance: FloatArray
    root: FloatArray
    caches: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Criterion:
    r"""Profiled ML or REML deviance, as lme4 and MixedModels.jl define it.

    With ``T = sum_i w_i (W_i + u_i'N_i^-1 u_i)``, partitioned into X and y, and its Cholesky
    factor, whose last diagonal entry is r,

    ``d(psi) = sum w log|N| [+ log|T_xx|] + n* [1 + log(2 pi r^2 / n*)]``,

    the bracket and ``n* = n - rank`` under REML, ``n* = n`` under ML (Bates, Maechler, Bolker &
    Walker 2015, doi:10.18637/jss.v067.i01, eqs. 34 and 41).  It is a function of the
    entries psi_r of the relative covariance, in which V is linear; with ``P_r``, ``Q_rs`` the
    derivative matrices of T (``dT = -P_r``, ``d2T = Q_rs + Q_sr``), ``Phi = T_xx^-1`` and ``c =
    (-beta, 1)``,

    ``d_r = sum w tr(n D_r) - [tr(Phi P_r)] - n* c'P_r c / r^2``,
    ``d_rs = [2 tr(Phi Q_rs) - tr(Phi P_r Phi P_s)] - sum w tr(n D_r n D_s)
    + n* {2 (c'Q_rs c - c'P_r Phi P_s c) / r^2 - (c'P_r c)(c'P_s c) / r^4}``.

    Attributes
    ----------
    parts : tuple of Moments
        One per block of groups.
    within : (packed, B or 1) array
        ``sum w W``.
    n_effective : (B or 1,) array
        ``n*`` of each replicate.
    q, n_components, rank : int
    reml : bool
    """

    parts: tuple[Moments, ...]
    within: FloatArray
    n_effective: FloatArray
    q: int
    n_components: int
    rank: int
    reml: bool

    def take(self, index: IntArray) -> Criterion:
        """Return the criterion of some of the replicates."""
        within = self.within if self.within.shape[1] == 1 else self.within[:, index]
        n_effective = self.n_effective if len(self.n_effective) == 1 else self.n_effective[index]
        parts = tuple(part.take(index) for part in self.parts)
        return replace(self, parts=parts, within=within, n_effective=n_effective)

    def take_state(self, state: State, index: IntArray) -> State:
        """Return the state of some of the replicates."""
        caches = [
            part.take_cache(cached, index)
            for part, cached in zip(self.parts, state.caches, strict=True)
        ]
        return State(
            state.psi[:, index], state.deviance[index], state.root[..., index], tuple(caches)
        )

    def evaluate(self, psi: FloatArray) -> State:
        """Return the deviance at psi (r, B); where it does not exist it is infinite."""
        total = self.within
        deviance = np.zeros(psi.shape[1])
        caches: list[Any] = []
        for part in self.parts:
            cached, log_det, between = part.evaluate(psi)
            caches.append(cached)
            total = total + between
            deviance = deviance + log_det
        root = cholesky(unpack(np.broadcast_to(total, (len(total), psi.shape[1])), self.rank + 1))
        logs = np.log(np.einsum("iib->ib", root))
        if self.reml:
            deviance = deviance + 2 * logs[:-1].sum(axis=0)
        n = self.n_effective
        deviance = deviance + n * (1 + np.log(2 * np.pi / n) + 2 * logs[-1])
        return State(psi, np.where(np.isfinite(deviance), deviance, np.inf), root, tuple(caches))

    def derivatives(self, state: State) -> tuple[FloatArray, FloatArray]:
        """Return gradient (r, B) and Hessian (r, r, B) in psi."""
        gradient, hessian, _ = self.weighted_derivatives(state, self.n_effective)
        return gradient, hessian

    def weighted_derivatives(
        self, state: State, n: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the same with ``log r^2`` weighted by n (B or 1,), and ``-d log r^2`` (r, B)."""
        inverse = lower_inverse(state.root)  # rows of X: a root of Phi; last row: c / r
        weight = np.full((self.rank + 1, 1), 1.0 if self.reml else 0.0) + np.zeros_like(n)
        weight[-1] = n
        factor = inverse * np.sqrt(weight)[:, None]
        rows, cols = pack_index(self.rank + 1)
        form = np.einsum("kib,kjb->ijb", factor, factor)[rows, cols]
        form *= np.where(rows == cols, 1.0, 2.0)[:, None]
        results = [
            part.curvature(cached, factor, form)
            for part, cached in zip(self.parts, state.caches, strict=True)
        ]
        gradient, hessian, packed = results[0]
        for more in results[1:]:
            gradient, hessian, packed = gradient + more[0], hessian + more[1], packed + more[2]
        across = inverse.transpose(1, 0, 2)
        p = np.stack(
            [product(product(inverse, unpack(one, self.rank + 1)), across) for one in packed]
        )
        if self.reml:
            xx = p[:, :-1, :-1]
            hessian = hessian - np.einsum("rijb,sijb->rsb", xx, xx)
        xy, yy = p[:, -1, :-1], p[:, -1, -1]
        hessian = hessian - n * (2 * np.einsum("rib,sib->rsb", xy, xy) + yy[:, None] * yy[None])
        return gradient, hessian, yy

    def solve(self, state: State) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return working coefficients (rank, B), ``Phi / sigma2`` (rank, rank, B), sigma2 (B,)."""
        inverse = lower_inverse(state.root)
        residual = state.root[-1, -1]
        beta = -inverse[-1, :-1] * residual
        half = inverse[:-1, :-1]
        return beta, np.einsum("kib,kjb->ijb", half, half), residual**2 / self.n_effective

    def full_rank(self, tolerance: float) -> BoolArray:
        """Tell which replicates identify every coefficient."""
        zero = np.zeros((self.q * (self.q + 1) // 2 + self.n_components, self.n_replicates))
        root = self.evaluate(zero).root
        smallest = np.einsum("iib->ib", root[:-1, :-1]).min(axis=0, initial=np.inf)
        return np.nan_to_num(smallest, nan=0.0) > tolerance

    @property
    def n_replicates(self) -> int:
        """Number of replicates."""
        return max(self.within.shape[1], len(self.n_effective))
