r"""Sums of groups in two layers: cells within groups, and outer effects over them.

With ``W = I + C T C'`` of the inner effects and ``V = W + Z Psi Z'``, the cells give
``S = B'W^-1 B`` of ``B = [Z F]``, ``F = [X y]``, and then

``H = Z'V^-1 Z = (I + S_zz Psi)^-1 S_zz``,   ``A = Z'V^-1 F = (I + S_zz Psi)^-1 S_zF``,
``F'V^-1 F = S_FF - S_Fz Psi A``,   ``log|V| = log|W| + log|I + S_zz Psi|``,

which inverts neither Psi nor S.  Derivatives need, besides, for inner components v and w with
``b_v = C_v'W^-1 B`` and ``h_vw = C_v'W^-1 C_w``, both block diagonal over cells, the sums ``G_v =
b_v'b_v`` and ``J_vw = b_v'h_vw b_w``: with ``K = (-Psi A; I)``, ``V^-1 F = W^-1 B K``, and ``O =
Psi - Psi H Psi``, ``D = I - Psi H``,

``P_v = K'G_v K``,   ``Q_vw = K'(J_vw - G_v,.z O G_w,z.) K``,
``P_r = A'B_r A``,   ``Q_rs = A'B_r H B_s A``,   ``Q_vr = (G_v K)_z' D B_r A``,
``tr V^-1 G_v = tr h_vv - tr O G_v,zz``,   ``tr V^-1 G_r = tr B_r H``,
``tr V^-1 G_v V^-1 G_w = |h_vw|^2 - 2 tr O J_vw,zz + tr O G_v,zz O G_w,zz``,
``tr V^-1 G_v V^-1 G_r = tr B_r D'G_v,zz D``,   ``tr V^-1 G_r V^-1 G_s = tr B_r H B_s H``

with ``B_r = dPsi/dpsi_r``.  Nothing is as wide as all effects of a group.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.cells import CellBlock
from pymargins.mixed.likelihood.stacks import inverse_and_log_det, pack_index


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """V of each group at one psi a replicate, seen from its two layers; letters as above.

    Arrays are (B, G, ...), but for ``psi`` (B, m, m); ``n`` is N^-1 of each cell, ``solved`` is
    ``N^-1 u``, ``forms`` is ``F'V^-1 F``.
    """

    psi: FloatArray
    n: FloatArray
    solved: FloatArray
    h: FloatArray
    a: FloatArray
    forms: FloatArray
    log_det: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """The `Moments` of a `CellBlock`; ``u``, ``rest`` and ``weights`` are (B or 1, G, ...)."""

    block: CellBlock
    derivatives: FloatArray
    u: FloatArray
    rest: FloatArray
    weights: FloatArray

    @classmethod
    def from_block(cls, block: CellBlock, weights: FloatArray) -> Layered:
        """Take the responses of the data, and weights (B, G)."""
        parts = [block.roots[..., columns] for columns in block.inner.values()]
        products = np.stack([part @ np.swapaxes(part, -1, -2) for part in parts])
        derivatives = np.ascontiguousarray(np.moveaxis(products, (-2, -1), (1, 2)))
        return cls(block, derivatives, block.u[None], block.rest[None], weights)

    def responded(self, u_y: FloatArray, left_y: FloatArray, yy: FloatArray) -> Layered:
        """Return the moments of other responses.

        Parameters
        ----------
        u_y : (B, G, c, rho) array
            ``Q'y``.
        left_y : (B, G, w - 1) array
            ``[Z_outer X]'(I - QQ')y``.
        yy : (B, G) array
            ``y'(I - QQ')y``.
        """
        u = np.empty((len(u_y), *self.block.u.shape))
        u[..., :-1], u[..., -1] = self.block.u[..., :-1], u_y
        rest = np.empty((len(u_y), *self.block.rest.shape))
        rest[..., :-1, :-1] = self.block.rest[:, :-1, :-1]
        rest[..., :-1, -1] = rest[..., -1, :-1] = left_y
        rest[..., -1, -1] = yy
        return replace(self, u=u, rest=rest)

    def at(self, psi: FloatArray) -> Layers:
        """Solve both layers at psi (r, B); where psi is not finite so is nothing."""
        m = self.block.n_outer
        n, log_det = self._cells(psi)
        solved = n @ self.u
        s = self.rest + _across(_rows(self.u), _rows(solved))
        matrix = self._outer_covariance(psi)
        near = np.eye(m) + s[..., :m, :m] @ matrix[:, None]
        both = np.linalg.solve(near, s[..., :m, :])
        h, a = both[..., :m], both[..., m:]
        return Layers(
            psi=matrix,
            n=n,
            solved=solved,
            h=(h + np.swapaxes(h, -1, -2)) / 2,
            a=a,
            forms=s[..., m:, m:] - s[..., m:, :m] @ (matrix[:, None] @ a),
            log_det=log_det + np.linalg.slogdet(near)[1],
        )

    def evaluate(self, psi: FloatArray) -> tuple[Layers, FloatArray, FloatArray]:
        """See `Moments`."""
        bad = ~np.isfinite(psi).all(axis=0)
        at = self.at(np.where(bad, 0.0, psi))
        rows, cols = pack_index(at.forms.shape[-1])
        total = np.einsum("bg,bgij->ijb", self._weights(at), at.forms)[rows, cols]
        log_det = (self.weights * at.log_det).sum(axis=1)
        return at, np.where(bad, np.nan, log_det), total

    def curvature(
        self, cache: Layers, factor: FloatArray, form: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Moments`."""
        found = LayerDerivatives(self, cache, self._weights(cache))
        size = len(self.block.inner) + len(self.block.outer)
        whole = np.einsum("kib,kjb->bij", factor, factor)
        rows, cols = pack_index(len(factor))
        first = np.stack([found.first(r) for r in range(size)])
        gradient = np.stack([found.trace(r) for r in range(size)])
        gradient = gradient - np.einsum("bij,rbij->rb", whole, first)
        hessian = np.empty((size, size, len(whole)))
        for r in range(size):
            for s in range(r + 1):
                inner = np.einsum("bij,bij->b", whole, found.second(r, s))
                hessian[r, s] = hessian[s, r] = 2 * inner - found.traces(r, s)
        return gradient, hessian, np.moveaxis(first[:, :, rows, cols], 1, 2)

    def take(self, index: IntArray) -> Layered:
        """See `Moments`."""
        one = {name: getattr(self, name) for name in ("u", "rest", "weights")}
        return replace(self, **{k: v if len(v) == 1 else v[index] for k, v in one.items()})

    def take_cache(self, cache: Layers, index: IntArray) -> Layers:
        """See `Moments`."""
        return Layers(*(getattr(cache, one.name)[index] for one in fields(cache)))

    def _weights(self, at: Layers) -> FloatArray:
        return np.broadcast_to(self.weights, at.log_det.shape)

    def _cells(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return N^-1 (B, G, c, rho, rho) and log|W| (B, G)."""
        own = psi[list(self.block.inner)]
        matrix = np.tensordot(own, self.derivatives, axes=(0, 0))
        matrix = np.moveaxis(matrix, 0, 2)
        k = np.arange(matrix.shape[0])
        matrix[k, k] += 1.0
        n, log_det = inverse_and_log_det(matrix)
        return np.ascontiguousarray(np.moveaxis(n, (0, 1), (-2, -1))), log_det.sum(axis=-1)

    def _outer_covariance(self, psi: FloatArray) -> FloatArray:
        m = self.block.n_outer
        matrix = np.zeros((psi.shape[1], m, m))
        for r, pairs in self.block.outer.items():
            for a, b in pairs:
                matrix[:, np.arange(m)[a], np.arange(m)[b]] = psi[r][:, None]
        return matrix


class LayerDerivatives:
    """Sums over groups of P_r, Q_rs and the traces, weighted; letters of the module."""

    def __init__(self, moments: Layered, at: Layers, weights: FloatArray) -> None:
        block = moments.block
        self.at, self.weights, self.m = at, weights, block.n_outer
        self.inner, self.outer = block.inner, block.outer
        over = np.swapaxes(block.roots, -1, -2)
        self.b = over @ at.solved
        self.cells = over @ at.n @ block.roots
        identity = np.broadcast_to(
            np.eye(at.forms.shape[-1]), (*at.forms.shape[:2], *[at.forms.shape[-1]] * 2)
        )
        spread = at.psi[:, None]
        self.k = np.concatenate([-spread @ at.a, identity], axis=2)
        self.d = np.eye(self.m) - spread @ at.h
        self.o = spread @ np.swapaxes(self.d, -1, -2)
        self.joint: dict[tuple[int, int], FloatArray] = {}
        self.g = {v: _across(self._b(v), self._b(v)) for v in self.inner}
        self.x = {v: g @ self.k for v, g in self.g.items()}
        self.y = {v: x[..., : self.m, :] for v, x in self.x.items()}
        self.z = {v: np.swapaxes(self.d, -1, -2) @ y for v, y in self.y.items()}
        self.lifted = {r: self._lift(r, at.a) for r in self.outer}
        self.bh = {r: self._lift(r, at.h) for r in self.outer}

    def first(self, r: int) -> FloatArray:
        """Return P_r (B, d, d)."""
        if r in self.inner:
            return self._sum(self.k, self.x[r])
        return self._sum(self.at.a, self.lifted[r])

    def second(self, r: int, s: int) -> FloatArray:
        """Return Q_rs (B, d, d)."""
        if r in self.inner and s in self.inner:
            near = self._sum(self.k, self._joint(r, s) @ self.k)
            return near - self._sum(self.y[r], self.o @ self.y[s])
        if r in self.inner:
            return self._sum(self.z[r], self.lifted[s])
        if s in self.inner:
            return self._sum(self.lifted[r], self.z[s])
        return self._sum(self.lifted[r], self.at.h @ self.lifted[s])

    def trace(self, r: int) -> FloatArray:
        """Return ``tr V^-1 G_r`` (B,)."""
        if r in self.inner:
            own = np.einsum("bgcii->bg", self.cells[..., self.inner[r], self.inner[r]])
            return self._total(own - _dot(self.o, self._zz(self.g[r])))
        return self._total(np.einsum("bgii->bg", self.bh[r]))

    def traces(self, r: int, s: int) -> FloatArray:
        """Return ``tr V^-1 G_r V^-1 G_s`` (B,)."""
        if r in self.inner and s in self.inner:
            own = self.cells[..., self.inner[r], self.inner[s]]
            near = np.einsum("bgcij,bgcij->bg", own, own)
            crossed = self.o @ self._zz(self.g[r]) @ self.o
            joint = self._zz(self._joint(r, s))
            return self._total(near - 2 * _dot(self.o, joint) + _dot(crossed, self._zz(self.g[s])))
        if r in self.inner or s in self.inner:
            v, outer = (r, s) if r in self.inner else (s, r)
            turned = np.swapaxes(self.d, -1, -2) @ self._zz(self.g[v]) @ self.d
            return self._total(np.einsum("bgii->bg", self._lift(outer, turned)))
        return self._total(_dot(self.bh[r], np.swapaxes(self.bh[s], -1, -2)))

    def _b(self, v: int) -> FloatArray:
        return _rows(self.b[..., self.inner[v], :])

    def _joint(self, v: int, w: int) -> FloatArray:
        """Return J_vw (B, G, w, w)."""
        if (v, w) in self.joint:
            return self.joint[v, w]
        own = self.cells[..., self.inner[v], self.inner[w]] @ self.b[..., self.inner[w], :]
        self.joint[v, w] = _across(self._b(v), _rows(own))
        return self.joint[v, w]

    def _zz(self, matrix: FloatArray) -> FloatArray:
        return matrix[..., : self.m, : self.m]

    def _lift(self, r: int, matrix: FloatArray) -> FloatArray:
        """Return ``B_r matrix``."""
        out = np.zeros_like(matrix)
        for a, b in self.outer[r]:
            out[..., a, :] += matrix[..., b, :]
        return out

    def _sum(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return the weighted sum over groups of ``left'right``."""
        return _across(_rows(left * self.weights[:, :, None, None], 1), _rows(right, 1))

    def _total(self, each: FloatArray) -> FloatArray:
        return (self.weights * each).sum(axis=1)


def _rows(matrices: FloatArray, keep: int = 2) -> FloatArray:
    """Stack matrices (.., c, rho, w) upon one another, behind `keep` axes."""
    return matrices.reshape(*matrices.shape[:keep], -1, matrices.shape[-1])


def _across(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.swapaxes(left, -1, -2) @ right


def _dot(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``tr left'right`` (B, G)."""
    return np.einsum("bgij,bgij->bg", left, right)
