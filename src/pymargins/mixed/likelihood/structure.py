"""Rows, groups and per-group cross-products of a linear mixed model.

A linear mixed model depends on its data only through the cross-products
``S_i = [Z_i C_i X_i y_i]'[Z_i C_i X_i y_i]`` of its groups (Bates, Maechler, Bolker & Walker 2015,
doi:10.18637/jss.v067.i01).  They are formed once, here, and everything else works on them.

Fixed effects are kept in a *working basis*: ``Q = (X T)`` has orthonormal columns and the response
is replaced by its least-squares residual ``y - X origin``.  Cross-products of the raw columns would
lose twice the digits that X'X is ill-conditioned by; those of Q lose none.  A rank-deficient X is
settled at the same place: columns that depend on earlier ones get zero rows in ``T`` and a zero
coefficient, as in lme4.  A working result (b, Phi) becomes ``beta = origin + T b`` and ``T Phi
T'``; a row L over beta becomes ``L T`` over b.

Random effects are kept in working columns ``Z B`` likewise: centred, where the constant is among
the combinations of Z.  Their covariance is that of Z for ``psi = B psi_w B'``, of which psi loses
the digits that the columns are far from zero by (`MixedData.working`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.mixed.likelihood.centring import centring_change
from pymargins.mixed.likelihood.parameters import CovarianceParameters, eigen_root
from pymargins.ranks import column_rank

# Groups share a block while its width is below this multiple of the narrowest one's.
PADDING_FACTOR = 1.25


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Where the columns ``[Z | C_1 .. C_k | Q | y]`` of a cross-product stand.

    Parameters
    ----------
    q : int
        Number of correlated random-effects columns (Z).
    widths : tuple of int
        Number of columns of each variance component, after padding.
    rank : int
        Number of working fixed-effects columns.
    """

    q: int
    widths: tuple[int, ...]
    rank: int

    @property
    def m(self) -> int:
        """Number of random-effects columns, Z and components together."""
        return self.q + sum(self.widths)

    @property
    def size(self) -> int:
        """Total number of columns."""
        return self.m + self.rank + 1

    @property
    def random(self) -> slice:
        """All random-effects columns."""
        return slice(0, self.m)

    @property
    def z(self) -> slice:
        """The correlated random-effects columns."""
        return slice(0, self.q)

    @property
    def x(self) -> slice:
        """The working fixed-effects columns."""
        return slice(self.m, self.m + self.rank)

    @property
    def y(self) -> int:
        """The working response."""
        return self.m + self.rank

    @property
    def fixed(self) -> slice:
        """Fixed effects and response together."""
        return slice(self.m, self.size)

    def component(self, v: int) -> slice:
        """Return the columns of variance component `v`."""
        start = self.q + sum(self.widths[:v])
        return slice(start, start + self.widths[v])


@dataclass(frozen=True, slots=True, eq=False)
class GroupBlock:
    """Cross-products of groups that share a column layout.

    Parameters
    ----------
    groups : (G_b,) int array
        Group codes.
    cross : (G_b, D, D) array
        ``[Z C Q y]'[Z C Q y]`` per group; padded columns are zero, which changes nothing:
        they leave ``I + Lambda'S_zz Lambda`` with a one on the diagonal.
    layout : ColumnLayout
    """

    groups: IntArray
    cross: FloatArray
    layout: ColumnLayout


@dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """Rows of the groups of one size: ``rows[g]`` is ``[Z C Q y]`` of group ``groups[g]``.

    Parameters
    ----------
    groups : (G_b,) int array
    rows : (G_b, n_i, D) array
        A view of the sorted rows where the model has no variance components.
    positions : (G_b, n_i) int array
        Row numbers in the order of the caller's `y`.
    layout : ColumnLayout
    """

    groups: IntArray
    rows: FloatArray
    positions: IntArray
    layout: ColumnLayout


@dataclass(frozen=True, slots=True, eq=False)
class MixedData:
    """A linear mixed model's data; build it with `MixedData.from_arrays`.

    Attributes
    ----------
    n_rows, n_groups, n_fixed, rank, q : int
        Numbers of rows, groups, columns of X, independent columns of X, columns of Z.
    reml : bool
    sizes : (G,) int array
        Rows per group.
    blocks : tuple of GroupBlock
        Together they hold every group once; a single block, in the order of the codes, where there
        are no components or all groups have equally wide ones.
    basis : (p, rank) array
        ``T``: the working columns are ``X T``.
    origin : (p,) array
        Least-squares coefficients; the working response is ``y - X origin``.
    z_basis : (q, q) array
        ``B``: the working columns of the random effects are ``Z B``.
    kept : (rank,) int array
        Columns of X that are not combinations of earlier ones.
    log_det_basis : float
        ``log|X'V^-1 X| = log|Q'V^-1 Q| + log_det_basis`` over the kept columns.
    order : (n,) int array
        ``rows[k]`` belongs to row ``order[k]`` of the caller's `y`; rows are sorted by group size
        and group, so that groups of one size are one slice.
    rows : (n, q + rank + 1) array
        ``[Z B, Q, y]`` sorted.
    starts : (G,) int array
        First sorted row of each group.
    components : tuple
        As given, one sequence of per-group arrays per component.
    """

    n_rows: int
    n_groups: int
    n_fixed: int
    rank: int
    q: int
    reml: bool
    sizes: IntArray
    blocks: tuple[GroupBlock, ...]
    basis: FloatArray
    origin: FloatArray
    z_basis: FloatArray
    kept: IntArray
    log_det_basis: float
    order: IntArray
    rows: FloatArray
    starts: IntArray
    components: tuple[Sequence[Any], ...]

    @classmethod
    def from_arrays(
        cls,
        y: ArrayLike,
        X: ArrayLike,
        groups: ArrayLike,
        Z: ArrayLike | None = None,
        components: Sequence[Sequence[Any]] = (),
        reml: bool = True,
    ) -> MixedData:
        """Sort the rows by group and form the cross-products in one pass.

        Parameters
        ----------
        y : (n,) array
        X : (n, p) array
        groups : (n,) int array
            Codes 0..G-1, every one used, in any order of rows.
        Z : (n, q) array, optional
            Columns of the correlated random effects.
        components : sequence of sequences
            Per variance component one array (dense or scipy sparse) per group, of shape
            (n_i, k_i), its rows in the order in which the group's rows stand in `y`.
        reml : bool
            Restricted or full maximum likelihood.
        """
        y_, x_, z_, codes = _checked(y, X, Z, groups)
        sizes = np.bincount(codes)
        if (sizes == 0).any():
            raise ArgumentError(
                f"groups: code {int(np.argmin(sizes))} of 0..{len(sizes) - 1} has no rows."
            )
        parts = tuple(components)
        _check_components(parts, sizes)
        kept, basis, log_det, work = _working_columns(x_)
        origin = basis @ (work.T @ y_)
        residual = y_ - work @ (work.T @ y_)
        order = np.lexsort((codes, sizes[codes]))
        z_basis = centring_change(z_)
        rows = np.concatenate([z_ @ z_basis, work, residual[:, None]], axis=1)[order]
        by_size = np.argsort(sizes, kind="stable")
        starts = np.empty(len(sizes), dtype=np.intp)
        starts[by_size] = np.concatenate([[0], np.cumsum(sizes[by_size])[:-1]])
        data = cls(
            n_rows=len(y_),
            n_groups=len(sizes),
            n_fixed=x_.shape[1],
            rank=len(kept),
            q=z_.shape[1],
            reml=bool(reml),
            sizes=sizes,
            blocks=(),
            basis=basis,
            origin=origin,
            z_basis=z_basis,
            kept=kept,
            log_det_basis=log_det,
            order=order,
            rows=rows,
            starts=starts,
            components=parts,
        )
        object.__setattr__(data, "blocks", tuple(_cross_products(data)))
        return data

    @property
    def n_components(self) -> int:
        """Number of variance components."""
        return len(self.components)

    @property
    def n_effective(self) -> int:
        """Rows, less the rank of X under REML: the divisor of the residual quadratic form."""
        return self.n_rows - (self.rank if self.reml else 0)

    @property
    def sorted_groups(self) -> IntArray:
        """Group code of each row of `rows`."""
        by_size = np.argsort(self.sizes, kind="stable")
        return np.repeat(by_size, self.sizes[by_size])

    def row_blocks(self, groups: IntArray | None = None) -> Iterator[RowBlock]:
        """Yield the rows of groups of one size (and width) at a time, all of them by default."""
        wanted = np.arange(self.n_groups) if groups is None else groups
        widths = component_widths(self.components, self.n_groups)
        keys = np.column_stack([self.sizes, widths])[wanted]
        _, inverse = np.unique(keys, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        members = np.split(
            wanted[np.argsort(inverse, kind="stable")], np.cumsum(np.bincount(inverse))[:-1]
        )
        for some in members:
            yield _row_block(self, some, tuple(widths[some[0]].tolist()))

    def working(self, params: CovarianceParameters) -> CovarianceParameters:
        """Return parameters over Z as parameters over its working columns."""
        known = params.working
        if known is not None and np.array_equal(known.basis, self.z_basis):
            return CovarianceParameters(known.psi, params.components, params.sigma2)
        root = np.linalg.solve(self.z_basis, eigen_root(params.psi)) if self.q else params.psi
        return CovarianceParameters(root @ root.T, params.components, params.sigma2)

    def to_working(self, contrasts: FloatArray) -> FloatArray:
        """Turn rows over the coefficients of X into rows over the working ones: ``L T``."""
        return contrasts @ self.basis

    def coefficients(self, working: FloatArray) -> FloatArray:
        """Turn working coefficients (..., rank) into those of X: ``origin + T b``."""
        return self.origin + working @ self.basis.T

    def covariance(self, working: FloatArray) -> FloatArray:
        """Turn working covariances (..., rank, rank) into those of X: ``T Phi T'``."""
        return self.basis @ working @ self.basis.T


def component_widths(components: Sequence[Sequence[Any]], n_groups: int) -> IntArray:
    """Return the (G, k) numbers of columns of each component in each group."""
    widths = np.zeros((n_groups, len(components)), dtype=np.intp)
    for v, parts in enumerate(components):
        widths[:, v] = [part.shape[1] for part in parts]
    return widths


def dense(part: Any) -> FloatArray:
    """Return a component's array as a dense one."""
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=float)


def _checked(
    y: ArrayLike, x: ArrayLike, z: ArrayLike | None, groups: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    y_ = np.asarray(y, dtype=float)
    if y_.ndim != 1 or len(y_) == 0:
        raise ArgumentError(f"y: must be a non-empty vector; got shape {y_.shape}.")
    x_ = np.asarray(x, dtype=float)
    z_ = np.zeros((len(y_), 0)) if z is None else np.asarray(z, dtype=float)
    codes = np.asarray(groups)
    for name, array in (("X", x_), ("Z", z_)):
        if array.ndim != 2 or array.shape[0] != len(y_):
            raise ArgumentError(f"{name}: must have shape ({len(y_)}, .); got {array.shape}.")
    for name, array in (("y", y_), ("X", x_), ("Z", z_)):
        if not np.isfinite(array).all():
            raise ArgumentError(f"{name}: has missing or infinite values.")
    if codes.shape != y_.shape or codes.dtype.kind not in "iu":
        raise ArgumentError(
            f"groups: must be integer codes of shape {y_.shape}; got {codes.dtype} {codes.shape}."
        )
    if codes.min() < 0:
        raise ArgumentError("groups: codes must be at least 0.")
    return y_, x_, z_, codes.astype(np.intp, copy=False)


def _check_components(components: tuple[Sequence[Any], ...], sizes: IntArray) -> None:
    for v, parts in enumerate(components):
        if len(parts) != len(sizes):
            raise ArgumentError(
                f"components: component {v} has {len(parts)} arrays for {len(sizes)} groups."
            )
        for i, part in enumerate(parts):
            if len(part.shape) != 2 or part.shape[0] != sizes[i]:
                raise ArgumentError(
                    f"components: component {v}, group {i} must have shape ({sizes[i]}, k); "
                    f"got {part.shape}."
                )


def _working_columns(x: FloatArray) -> tuple[IntArray, FloatArray, float, FloatArray]:
    """Return kept columns, basis T, 2 log|det R| over the kept columns, and ``Q = X T``."""
    kept = column_rank(x).kept
    own = x[:, kept]
    change = centring_change(own)
    own = own @ change
    lengths = np.sqrt(np.einsum("ij,ij->j", own, own))
    q, r = np.linalg.qr(own / lengths)
    basis = np.zeros((x.shape[1], len(kept)))
    basis[kept] = change @ (np.linalg.solve(r, np.eye(len(kept))) / lengths[:, None])
    log_det = 2 * float(np.log(np.abs(np.diagonal(r))).sum() + np.log(lengths).sum())
    return kept, basis, log_det, q


def _row_block(data: MixedData, groups: IntArray, widths: tuple[int, ...]) -> RowBlock:
    size = int(data.sizes[groups[0]])
    layout = ColumnLayout(data.q, widths, data.rank)
    first = data.starts[groups]
    start, stop = int(first[0]), int(first[0]) + size * len(groups)
    if np.array_equal(first, np.arange(start, stop, size)):
        rows = data.rows[start:stop].reshape(len(groups), size, data.rows.shape[1])
        positions = data.order[start:stop].reshape(len(groups), size)
    else:
        index = first[:, None] + np.arange(size)
        rows, positions = data.rows[index], data.order[index]
    if widths:
        full = np.zeros((len(groups), size, layout.size))
        full[:, :, layout.z] = rows[:, :, : data.q]
        full[:, :, layout.fixed] = rows[:, :, data.q :]
        for v, parts in enumerate(data.components):
            columns = layout.component(v)
            for k, group in enumerate(groups):
                full[k, :, columns] = dense(parts[group])
        rows = full
    return RowBlock(groups, rows, positions, layout)


def _cross_products(data: MixedData) -> Iterator[GroupBlock]:
    widths = component_widths(data.components, data.n_groups)
    for members in _alike(widths):
        layout = ColumnLayout(data.q, tuple(widths[members].max(axis=0).tolist()), data.rank)
        cross = np.zeros((len(members), layout.size, layout.size))
        place = np.empty(data.n_groups, dtype=np.intp)
        place[members] = np.arange(len(members))
        for block in data.row_blocks(members):
            product = block.rows.transpose(0, 2, 1) @ block.rows
            target = _targets(block.layout, layout)
            cross[np.ix_(place[block.groups], target, target)] = product
        yield GroupBlock(members, cross, layout)


def _targets(source: ColumnLayout, padded: ColumnLayout) -> IntArray:
    """Return the places of the columns of an unpadded layout in a padded one."""
    random = [padded.component(v).start + np.arange(width) for v, width in enumerate(source.widths)]
    return np.concatenate(
        [np.arange(source.q), *random, np.arange(padded.m, padded.size)], dtype=np.intp
    )


def _alike(widths: IntArray) -> Iterator[IntArray]:
    """Split groups into blocks whose common width wastes little."""
    if widths.shape[1] == 0:
        yield np.arange(len(widths))
        return
    shapes, inverse = np.unique(widths, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    ranked = np.argsort(shapes.sum(axis=1), kind="stable")
    taken: list[int] = []
    for shape in ranked.tolist():
        together = shapes[[*taken, shape]]
        if taken and together.max(axis=0).sum() > PADDING_FACTOR * together.sum(axis=1).min() + 2:
            yield np.flatnonzero(np.isin(inverse, taken))
            taken = []
        taken.append(shape)
    yield np.flatnonzero(np.isin(inverse, taken))
