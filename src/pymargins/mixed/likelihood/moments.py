"""Sums over groups that the profiled likelihood of a batch of replicates needs.

A replicate differs from the fitted data by group weights (cluster bootstrap) or by its response.
Four representations of the same sums, with the same methods, cover what models ask for:

`Collapsed`
    groups with the same N summed beforehand: balanced designs, random intercepts.
`Spread`
    one term per group and few random effects in each: unbalanced random slopes.
`Wide`
    many random effects per group, of no structure;
`pymargins.mixed.likelihood.layers.Layered`
    many random effects per group, most of them in small cells: nested and crossed designs.

Notation as in `pymargins.mixed.likelihood.factors`; B replicates stand last, d = rank + 1,
symmetric d x d matrices are packed as lower triangles by rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.stacks import inverse_and_log_det, pack_index


class Moments(Protocol):
    """What the criterion asks of one block of groups."""

    def evaluate(self, psi: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
        """Return a cache, ``sum w log|N|`` (B,) and ``sum w u'N^-1 u`` (packed, B)."""
        ...

    def curvature(
        self, cache: Any, factor: FloatArray, form: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gradient, part of the Hessian and the matrices P_r.

        With ``n = N^-1`` and the symmetric form F (d, d, B), given packed and as its root
        ``factor`` (d, d, B), ``F = factor' factor``,

        ``g_r = sum_i w tr(n D_r) - tr(F P_r)``,  ``P_r = sum_i w u'n D_r n u``,
        ``h_rs = sum_i w [2 tr(F u'n D_r n D_s n u) - tr(n D_r n D_s)]``.
        """
        ...

    def take(self, index: IntArray) -> Moments:
        """Return the moments of some of the replicates."""
        ...

    def take_cache(self, cache: Any, index: IntArray) -> Any:
        """Return the cache of some of the replicates."""
        ...


class _Narrow:
    """Shared algebra of `Collapsed` and `Spread`; N is held as (rho, rho, S, B)."""

    derivatives: FloatArray
    counts: FloatArray

    def contract(self, y: FloatArray) -> FloatArray:
        """Return ``sum w u'Y u`` (packed, B) of Y (rho, rho, S, B)."""
        raise NotImplementedError

    def project(self, form: FloatArray) -> FloatArray:
        """Return ``w u F u'`` (rho, rho, S, B) of a packed form F."""
        raise NotImplementedError

    def take_cache(self, cache: FloatArray, index: IntArray) -> FloatArray:
        """See `Moments`."""
        return cache[..., index]

    def evaluate(self, psi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Moments`."""
        matrix = np.tensordot(self.derivatives, psi, axes=(0, 0))
        k = np.arange(matrix.shape[0])
        matrix[k, k] += 1.0
        n, log_det = inverse_and_log_det(matrix)
        return n, (self.counts * log_det).sum(axis=0), self.contract(n)

    def curvature(
        self, cache: FloatArray, factor: FloatArray, form: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Moments`."""
        n, d = cache, self.derivatives
        omega = _sandwich(n, self.project(form), n)
        gradient = np.tensordot(d, self.counts * n - omega, axes=([1, 2, 3], [0, 1, 2]))
        hessian = np.empty((len(d), len(d), n.shape[-1]))
        matrices: list[FloatArray] = []
        for r in range(len(d)):
            right = np.einsum("jks,klsb->jlsb", d[r], n)
            y = np.einsum("ijsb,jlsb->ilsb", n, right)
            z = np.einsum("ijsb,jlsb->ilsb", omega, right)
            inner = z + z.transpose(1, 0, 2, 3) - self.counts * y
            hessian[r] = np.tensordot(d, inner, axes=([1, 2, 3], [0, 1, 2]))
            matrices.append(self.contract(y))
        return gradient, hessian, np.stack(matrices)


@dataclass(frozen=True, slots=True, eq=False)
class Collapsed(_Narrow):
    """Sums over each class of groups with the same N.

    ``sums`` (pairs, S, packed, B) holds ``sum_i w u_j (x) u_k``, symmetrised, for j >= k.
    """

    derivatives: FloatArray
    counts: FloatArray
    sums: FloatArray

    def contract(self, y: FloatArray) -> FloatArray:
        """Return ``sum w u'Y u`` (packed, B) of Y (rho, rho, S, B)."""
        rows, cols = pack_index(y.shape[0])
        return np.einsum("jsdb,jsb->db", self.sums, y[rows, cols])

    def project(self, form: FloatArray) -> FloatArray:
        """Return ``w u F u'`` (rho, rho, S, B) of a packed form F."""
        return _unpack_pairs(np.einsum("jsdb,db->jsb", self.sums, form), self.derivatives.shape[1])

    def take(self, index: IntArray) -> Collapsed:
        """See `Moments`."""
        return replace(self, counts=_pick(self.counts, index), sums=_pick(self.sums, index))


@dataclass(frozen=True, slots=True, eq=False)
class Spread(_Narrow):
    """One term per group: what does not change between replicates is stored once.

    ``pairs`` (pairs * G, packed over X) holds ``u_j (x) u_k`` over X alone, ``u_x`` is (rho * G,
    rank), ``u_y`` (rho, G, B or 1), ``counts`` (G, B or 1) the weights.
    """

    derivatives: FloatArray
    counts: FloatArray
    pairs: FloatArray
    u_x: FloatArray
    u_y: FloatArray

    def contract(self, y: FloatArray) -> FloatArray:
        """Return ``sum w u'Y u`` (packed, B) of Y (rho, rho, S, B)."""
        rows, cols = pack_index(y.shape[0])
        y = self.counts * y
        replicates = y.shape[-1]
        xx = self.pairs.T @ y[rows, cols].reshape(-1, replicates)
        t = np.einsum("jkgb,kgb->jgb", y, np.broadcast_to(self.u_y, y.shape[1:]))
        xy = self.u_x.T @ t.reshape(-1, replicates)
        yy = np.einsum("jgb,jgb->b", t, np.broadcast_to(self.u_y, t.shape))
        return np.concatenate([xx, xy, yy[None]])

    def project(self, form: FloatArray) -> FloatArray:
        """Return ``w u F u'`` (rho, rho, S, B) of a packed form F."""
        rho, groups, _ = self.u_y.shape
        rank = self.u_x.shape[1]
        size = self.pairs.shape[1]
        packed = (self.pairs @ form[:size]).reshape(-1, groups, form.shape[-1])
        # `form` counts an off-diagonal entry twice, so its row for y gives 2 F_xy.
        v = (self.u_x @ (form[size : size + rank] / 2)).reshape(rho, groups, -1)
        v = v + form[-1] * self.u_y / 2
        cross = v[:, None] * self.u_y[None]
        whole = _unpack_pairs(packed, rho) + cross + cross.transpose(1, 0, 2, 3)
        return self.counts * whole

    def take(self, index: IntArray) -> Spread:
        """See `Moments`."""
        return replace(self, counts=_pick(self.counts, index), u_y=_pick(self.u_y, index))


@dataclass(frozen=True, slots=True, eq=False)
class Wide:
    """Many random effects per group: LAPACK on one N at a time, replicates first.

    ``derivatives`` (r, S, rho, rho), ``classes`` (G,), ``u`` (B or 1, G, rho, d), ``weights``
    (B or 1, G).
    """

    derivatives: FloatArray
    classes: IntArray
    u: FloatArray
    weights: FloatArray

    def evaluate(self, psi: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
        """See `Moments`."""
        d, s, rho, _ = self.derivatives.shape
        matrix = (psi.T @ self.derivatives.reshape(d, -1)).reshape(-1, s, rho, rho)
        k = np.arange(rho)
        matrix[:, :, k, k] += 1.0
        bad = ~np.isfinite(matrix).all(axis=(1, 2, 3))
        matrix[bad] = np.eye(rho)
        n = np.linalg.inv(matrix)
        log_det = np.linalg.slogdet(matrix)[1]
        log_det[bad] = np.nan
        solved = n[:, self.classes] @ self.u
        total = _gram(self.u * self.weights[:, :, None, None], solved)
        rows, cols = pack_index(total.shape[-1])
        sums = (self.weights * log_det[:, self.classes]).sum(axis=1)
        return (n, solved), sums, np.ascontiguousarray(total[:, rows, cols].T)

    def curvature(
        self, cache: Any, factor: FloatArray, form: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Moments`."""
        n, solved = cache
        weights = self.weights[:, :, None, None]
        root = np.moveaxis(factor, -1, 0)[:, None].transpose(0, 1, 3, 2)
        scaled = solved @ root
        omega = self._by_class((scaled * weights) @ scaled.transpose(0, 1, 3, 2))
        counts = self._by_class(np.broadcast_to(weights, (*weights.shape[:2], 1, 1)))
        d = len(self.derivatives)
        flat = self.derivatives.reshape(d, -1)
        gradient = flat @ (counts * n - omega).reshape(len(n), -1).T
        hessian = np.empty((d, d, len(n)))
        rows, cols = pack_index(factor.shape[0])
        matrices: list[FloatArray] = []
        for r in range(d):
            right = self.derivatives[r] @ n
            z = omega @ right
            inner = z + z.transpose(0, 1, 3, 2) - counts * (n @ right)
            hessian[r] = flat @ inner.reshape(len(n), -1).T
            p = _gram(solved * weights, self.derivatives[r][self.classes] @ solved)
            matrices.append(p[:, rows, cols].T)
        return gradient, hessian, np.stack(matrices)

    def _by_class(self, terms: FloatArray) -> FloatArray:
        """Sum terms (B, G, ...) over the groups of each class."""
        s = self.derivatives.shape[1]
        if s == terms.shape[1] and np.array_equal(self.classes, np.arange(s)):
            return terms
        sums = np.zeros((terms.shape[0], s, *terms.shape[2:]))
        for k in range(s):
            sums[:, k] = terms[:, self.classes == k].sum(axis=1)
        return sums

    def take(self, index: IntArray) -> Wide:
        """See `Moments`."""
        u = self.u if len(self.u) == 1 else self.u[index]
        weights = self.weights if len(self.weights) == 1 else self.weights[index]
        return replace(self, u=u, weights=weights)

    def take_cache(self, cache: Any, index: IntArray) -> Any:
        """See `Moments`."""
        return cache[0][index], cache[1][index]


def pair_products(u: FloatArray) -> FloatArray:
    """Return ``u_j (x) u_k``, symmetrised and packed, for j >= k: (pairs, G, packed)."""
    rows, cols = pack_index(u.shape[1])
    a, b = pack_index(u.shape[2])
    out = np.empty((len(rows), len(u), len(a)))
    for place, (j, k) in enumerate(zip(rows, cols, strict=True)):
        out[place] = u[:, j, a] * u[:, k, b]
        if j != k:
            out[place] += u[:, k, a] * u[:, j, b]
    return out


def _gram(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``sum_g left_g' right_g`` of (B, G, rho, d) arrays."""
    flat = (left.shape[0], -1, left.shape[-1])
    other = (right.shape[0], -1, right.shape[-1])
    return left.reshape(flat).transpose(0, 2, 1) @ right.reshape(other)


def _sandwich(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    return np.einsum("ijsb,jlsb->ilsb", np.einsum("ijsb,jlsb->ilsb", a, b), c)


def _unpack_pairs(packed: FloatArray, rho: int) -> FloatArray:
    """Spread pair sums (pairs, S, B) over (rho, rho, S, B); off the diagonal each gets half."""
    rows, cols = pack_index(rho)
    full = np.empty((rho, rho, *packed.shape[1:]))
    for place, (j, k) in enumerate(zip(rows, cols, strict=True)):
        full[j, k] = full[k, j] = packed[place] if j == k else packed[place] / 2
    return full


def _pick(array: FloatArray, index: IntArray) -> FloatArray:
    return array if array.shape[-1] == 1 else array[..., index]
