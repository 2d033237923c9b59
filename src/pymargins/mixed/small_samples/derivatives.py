r"""How the fixed effects and the likelihood depend on the variance parameters.

With ``V = sum_r gamma_r G_r`` linear in ``gamma = (lower triangle of Psi by rows, components,
sigma2)``, ``Phi = (X'V^-1 X)^-1`` and ``P = V^-1 - V^-1 X Phi X'V^-1``, small-sample methods need

``P_r = X'V^-1 G_r V^-1 X``,  ``Q_rs = X'V^-1 G_r V^-1 G_s V^-1 X``,
``t_rs = tr V^-1 G_r V^-1 G_s``

and ``y'P G_r P G_s P y``.  The derivative of Phi is ``Phi P_r Phi``.  Kenward & Roger
(doi:10.2307/2533558) write -P_r for our P_r; it enters everything twice.

Everything is a sum over groups of matrices as wide as a group's random effects.  With relative
``Psi`` (sigma2 = 1) and ``S = Z'Z``,

``H = Z'V^-1 Z = (I + S Psi)^-1 S``,  ``A = Z'V^-1 X = (I + S Psi)^-1 Z'X``,  and a further factor
``(I + S Psi)^-1`` for ``V^-2`` in place of ``V^-1``,

which inverts neither Psi nor S, and where no digits cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.least_squares import GlsFit, gls
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import ColumnLayout, GroupBlock, MixedData

# Columns of Z whose scaled cross-products have a smaller eigenvalue are dependent.
DEPENDENT = 1e-10
# An eigenvalue of Psi below this multiple of the largest is zero.
ZERO_VARIANCE = 1e-14
# Floats that the groups worked on together may take.
CHUNK = 2_000_000

#: A symmetric 0/1 matrix as pairs (a, b) of column ranges: the sum of ``e_a e_b'``.
Pairs: TypeAlias = "list[tuple[slice, slice]]"


@dataclass(frozen=True, slots=True, eq=False)
class VarianceDerivatives:
    """The pieces of every small-sample method, at given variance parameters.

    The R parameters here are `gamma` after a linear change: the columns of Z are made orthogonal,
    so that informations can be inverted however the slopes are coded.  `to_gamma` leads back.

    Attributes
    ----------
    fit : GlsFit
    reml : bool
    first : (R, rank, rank) array
        ``P_r`` over the working coefficients.
    second : (R, R, rank, rank) array
        ``Q_rs``.
    traces : (R, R) array
        ``t_rs``.
    quadratics : (R, R) array
        ``y'P G_r P G_s P y``.
    cross : (R, rank) array
        ``X'V^-1 G_r V^-1 (y - X beta)`` over the working coefficients: minus the derivative of the
        score of beta.
    score : (R,) array
        Gradient of minus twice the log-likelihood.
    root : (q, k) array
        A root of the changed Psi, k its rank.
    component_roots : (v,) array
        Square roots of the components.
    to_gamma : (R, R) array
        ``gamma = to_gamma changed``.
    """

    fit: GlsFit
    reml: bool
    first: FloatArray
    second: FloatArray
    traces: FloatArray
    quadratics: FloatArray
    cross: FloatArray
    score: FloatArray
    root: FloatArray
    component_roots: FloatArray
    to_gamma: FloatArray

    @property
    def n_parameters(self) -> int:
        """Number of variance parameters."""
        return len(self.score)

    @property
    def projected_traces(self) -> FloatArray:
        """``tr P G_r P G_s`` under REML, ``t_rs`` under ML, (R, R)."""
        if not self.reml:
            return self.traces
        phi = self.fit.working_cov
        once = phi @ self.first
        return (
            self.traces
            - 2 * np.einsum("ab,rsba->rs", phi, self.second)
            + np.einsum("rab,sba->rs", once, once)
        )

    @property
    def expected(self) -> FloatArray:
        """Expected information of the changed parameters, (R, R)."""
        return self.projected_traces / 2

    @property
    def observed(self) -> FloatArray:
        """Observed information of the changed parameters, (R, R)."""
        return self.quadratics - self.projected_traces / 2

    @property
    def gradients(self) -> FloatArray:
        """``Phi P_r Phi``, the derivatives of Phi, (R, rank, rank)."""
        phi = self.fit.working_cov
        return phi @ self.first @ phi


def variance_derivatives(data: MixedData, params: CovarianceParameters) -> VarianceDerivatives:
    """Sum the pieces over groups, in one pass over the cross-products."""
    fit = gls(data, params)
    params = data.working(params)
    scale = orthogonal_scale(data)
    size = data.q * (data.q + 1) // 2 + data.n_components + 1
    total = _Sums(size, data.rank + 1, float(data.n_rows))
    inverse = np.linalg.solve(scale, np.eye(data.q))
    psi = scale @ params.psi @ scale.T
    fixed = np.eye(data.rank + 1)
    fixed[:-1, -1] = -fit.working_beta
    for block in data.blocks:
        pairs = derivative_pairs(block.layout)
        relative = relative_covariance(block.layout, params, scale)
        for cross in _chunks(block, size):
            total.add(*in_orthogonal_basis(cross, block.layout, inverse, fixed), relative, pairs)
    to_gamma = np.eye(size)
    to_gamma[: size - 1 - data.n_components, : size - 1 - data.n_components] = _triangle_map(
        data.z_basis @ inverse
    )
    return total.derivatives(fit, data.reml, params, psi, to_gamma)


class _Sums:
    """Running sums over groups, for sigma2 = 1; the last index of each is sigma2's own.

    Letters are those of the module's docstring, with ``[X e]`` in place of X.
    """

    def __init__(self, size: int, width: int, n_rows: float) -> None:
        self.first = np.zeros((size, width, width))
        self.second = np.zeros((size, size, width, width))
        self.traces = np.zeros((size, size))
        self.linear = np.zeros(size)
        self.traces[-1, -1] = self.linear[-1] = n_rows

    def add(
        self,
        zz: FloatArray,
        zx: FloatArray,
        xx: FloatArray,
        psi: FloatArray,
        pairs: list[Pairs],
    ) -> None:
        g, m, width = zx.shape
        size = len(pairs)
        near = np.eye(m) + zz @ psi
        once = np.linalg.solve(near, np.concatenate([zz, zx], axis=2))
        h, a = (once[:, :, :m] + once[:, :, :m].transpose(0, 2, 1)) / 2, once[:, :, m:]
        twice = np.linalg.solve(near, np.concatenate([h, a], axis=2))
        h2, a2 = twice[:, :, :m], twice[:, :, m:]
        left = np.zeros((g, m, size, width))
        for r, places in enumerate(pairs):
            for i, j in places:
                left[:, i, r] += a[:, j]
        flat = left.reshape(g, m, size * width)
        right = np.concatenate([h @ flat, a2], axis=2).reshape(g * m, -1)
        flat = flat.reshape(g * m, -1)
        gram = (flat.T @ right).reshape(size, width, size + 1, width).transpose(0, 2, 1, 3)
        self.first[:-1] += (
            (a.reshape(g * m, width).T @ flat).reshape(width, size, width).swapaxes(0, 1)
        )
        self.second[:-1] += gram
        self.second[-1, :-1] += gram[:, -1].transpose(0, 2, 1)
        self._add_residual(xx, zx, a, a2, psi)
        self._add_traces(h, h2, psi, pairs)

    def _add_residual(
        self, xx: FloatArray, zx: FloatArray, a: FloatArray, a2: FloatArray, psi: FloatArray
    ) -> None:
        """Add ``X'V^-2 X`` and ``X'V^-3 X``, from ``V^-1 X = X - Z Psi A``."""
        explained = psi @ a
        stack = np.concatenate([zx + a, a2], axis=2).reshape(-1, 2 * zx.shape[2])
        taken = stack.T @ explained.reshape(-1, zx.shape[2])
        squared = xx.sum(axis=0) - taken[: zx.shape[2]]
        self.first[-1] += squared
        self.second[-1, -1] += squared - taken[zx.shape[2] :]

    def _add_traces(
        self, h: FloatArray, h2: FloatArray, psi: FloatArray, pairs: list[Pairs]
    ) -> None:
        for r, places in enumerate(pairs):
            for i, j in places:
                self.linear[r] += np.einsum("gii->", h[:, j, i])
                self.traces[r, -1] += np.einsum("gii->", h2[:, j, i])
            for s in range(r + 1):
                for i, j in places:
                    for k, l in pairs[s]:  # noqa: E741
                        self.traces[r, s] += np.einsum("gab,gab->", h[:, j, k], h[:, i, l])
        marginal = float(np.einsum("ab,gba->", psi, h))
        self.linear[-1] -= marginal
        self.traces[-1, -1] -= marginal + float(np.einsum("ab,gba->", psi, h2))

    def derivatives(
        self,
        fit: GlsFit,
        reml: bool,
        params: CovarianceParameters,
        psi: FloatArray,
        to_gamma: FloatArray,
    ) -> VarianceDerivatives:
        """Give the sums their scale, and split ``[X e]``."""
        sigma2, phi = params.sigma2, fit.working_cov
        first, second = self.first / sigma2**2, self.second / sigma2**3
        traces = np.tril(self.traces)
        traces[-1, :-1] = self.traces[:-1, -1]
        traces = (traces + np.tril(traces, -1).T) / sigma2**2
        mixed = first[:, :-1, -1]
        score = self.linear / sigma2 - first[:, -1, -1]
        if reml:
            score -= np.einsum("ab,rba->r", phi, first[:, :-1, :-1])
        return VarianceDerivatives(
            fit=fit,
            reml=reml,
            first=first[:, :-1, :-1],
            second=second[:, :, :-1, :-1],
            traces=traces,
            quadratics=second[:, :, -1, -1] - mixed @ phi @ mixed.T,
            cross=mixed,
            score=score,
            root=_root(psi),
            component_roots=np.sqrt(params.components),
            to_gamma=to_gamma,
        )


def orthogonal_scale(data: MixedData) -> FloatArray:
    """Return T with ``Z T^-1`` orthogonal of mean square one; only lengths if Z is dependent."""
    cross = np.zeros((data.q, data.q))
    for block in data.blocks:
        cross += block.cross[:, block.layout.z, block.layout.z].sum(axis=0)
    lengths = np.sqrt(np.diagonal(cross) / data.n_rows)
    lengths = np.where(lengths > 0, lengths, 1.0)
    unit = cross / data.n_rows / np.outer(lengths, lengths)
    if data.q and np.linalg.eigvalsh(unit)[0] > DEPENDENT:
        return np.linalg.cholesky(unit).T * lengths
    return np.diag(lengths)


def relative_covariance(
    layout: ColumnLayout, params: CovarianceParameters, scale: FloatArray
) -> FloatArray:
    """Return ``Psi / sigma2`` of a group's effects (m, m), Z in its orthogonal columns.

    Parameters are over the working columns of Z, and `scale` is of these.
    """
    relative = np.zeros((layout.m, layout.m))
    relative[layout.z, layout.z] = scale @ params.psi @ scale.T
    for v, variance in enumerate(params.components):
        columns = np.arange(layout.m)[layout.component(v)]
        relative[columns, columns] = variance
    return relative / params.sigma2


def _chunks(block: GroupBlock, size: int) -> Iterator[FloatArray]:
    m, width = block.layout.m, block.layout.rank + 1
    step = max(1, CHUNK // (6 * m * m + 4 * m * width * (size + 1) + 1))
    for start in range(0, len(block.groups), step):
        yield block.cross[start : start + step]


def in_orthogonal_basis(
    cross: FloatArray, layout: ColumnLayout, inverse: FloatArray, fixed: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``Z'Z``, ``Z'[X e]`` and ``[X e]'[X e]`` with Z in its orthogonal columns."""
    z = layout.z
    zz = cross[:, layout.random, layout.random]
    zx = cross[:, layout.random, layout.fixed] @ fixed
    if layout.q:
        zz = zz.copy()
        zz[:, z] = inverse.T @ zz[:, z]
        zz[:, :, z] = zz[:, :, z] @ inverse
        zx[:, z] = inverse.T @ zx[:, z]
    return zz, zx, fixed.T @ cross[:, layout.fixed, layout.fixed] @ fixed


def derivative_pairs(layout: ColumnLayout) -> list[Pairs]:
    """Return ``dPsi/dgamma_r`` as pairs (a, b) of column ranges: the sum of ``e_a e_b'``."""
    found: list[Pairs] = []
    for i in range(layout.q):
        row = slice(i, i + 1)
        for j in range(i):
            column = slice(j, j + 1)
            found.append([(row, column), (column, row)])
        found.append([(row, row)])
    for v in range(len(layout.widths)):
        found.append([(layout.component(v), layout.component(v))])
    return found


def _triangle_map(t: FloatArray) -> FloatArray:
    """Return the matrix of ``lower(S) -> lower(t S t')``."""
    q = len(t)
    rows, cols = np.tril_indices(q)
    out = np.empty((len(rows), len(rows)))
    for r, (i, j) in enumerate(zip(rows, cols, strict=True)):
        image = np.outer(t[:, i], t[:, j])
        image = image if i == j else image + image.T
        out[:, r] = image[rows, cols]
    return out


def _root(psi: FloatArray) -> FloatArray:
    """Return a root of full column rank."""
    values, vectors = np.linalg.eigh(psi)
    kept = values > ZERO_VARIANCE * np.abs(values).max(initial=0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
