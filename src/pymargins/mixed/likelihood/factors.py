"""Groups reduced to what the profiled likelihood needs: one QR factorisation per group.

With ``[Z_i C_i] = Q_i R_i`` (R_i of shape (rho, m), rho = min(n_i, m)) and the relative covariance
``Psi`` of all random effects of a group, ``V_i = sigma2 (I + Q_i R_i Psi R_i' Q_i')``, so that

``[X y]'V_i^-1 [X y] = (W_i + u_i' N_i^-1 u_i) / sigma2``,   ``log|V_i / sigma2| = log|N_i|``,
``N_i = I + R_i Psi R_i'``,  ``u_i = Q_i'[X y]``,  ``W_i = [X y]'(I - Q_i Q_i')[X y]``.

Nothing is inverted but N_i, which is at least I: Psi may be singular, R_i may have any rank, and no
digits cancel when Psi is large.  N_i is linear in the entries of Psi, ``N = I + sum_r psi_r D_r``
with ``D_r = R B_r R'``, which makes first and second derivatives as cheap as the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.cells import CellBlock, cell_block
from pymargins.mixed.likelihood.rotation import common_rotation
from pymargins.mixed.likelihood.structure import GroupBlock, MixedData

NARROW = 4  # at most so many random effects per group are handled by vector operations
WIDE = 8  # groups of fewer random effects are not split into cells
WIDER = 3  # groups in cells share a block while none is wider than so many times another
SAME_ROOT = 1e-12  # relative; groups whose R agree to this share a class


@dataclass(frozen=True, slots=True, eq=False)
class RowFactor:
    """``Q_i`` of the groups of one size, for reducing new responses.

    ``index`` (g, n_i) are sorted row numbers, ``q`` is (g, n_i, rho) and ``place`` (g,) the groups'
    places in their `FactorBlock`.
    """

    index: IntArray
    q: FloatArray
    place: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class FactorBlock:
    """Reduced groups of equal numbers of random-effects columns.

    Attributes
    ----------
    groups : (G,) int array
    u : (G, rho, d) array
        ``Q_i'[X y]``, d = rank + 1.
    within : (G, d, d) array
        ``W_i``.
    classes : (G,) int array
        Class of each group: groups of a class have the same R, hence the same N.
    roots : (S, rho, m) array
        R of each class.
    derivatives : (r, S, rho, rho) array
        ``D_r`` of each class.
    rotation : (S, rho, rho) array or None
        E of each class with ``E'D_r E`` diagonal, if there is one.
    rows : tuple of RowFactor
    """

    groups: IntArray
    u: FloatArray
    within: FloatArray
    classes: IntArray
    roots: FloatArray
    derivatives: FloatArray
    rotation: FloatArray | None
    rows: tuple[RowFactor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupFactors:
    """All groups of a model, reduced, with the scaling of its random effects.

    Random effects are rescaled, so that one starting value and one step size suit every model:
    Z to orthogonal columns of mean square one (``b_w = scale b``, an unstructured Psi stays one),
    a component to mean row length one.

    Attributes
    ----------
    data : MixedData
    blocks : tuple of FactorBlock
        Groups of few random effects, of balanced designs, or of no structure.
    cells : tuple of CellBlock
        The others; together they hold every group once.
    z_scale : (q, q) array
        ``Psi_w = z_scale Psi z_scale'``, upper triangular.
    component_scale : (k,) array
        ``tau_w = component_scale^2 tau``.
    """

    data: MixedData
    blocks: tuple[FactorBlock, ...]
    cells: tuple[CellBlock, ...]
    z_scale: FloatArray
    component_scale: FloatArray

    @classmethod
    def from_data(cls, data: MixedData) -> GroupFactors:
        """Factorise every group, those of equal size together."""
        z_scale = _z_scale(data)
        component_scale = _component_scale(data)
        inverse = np.linalg.solve(z_scale, np.eye(data.q))
        blocks: list[FactorBlock] = []
        cells: list[CellBlock] = []
        for some in _similar(data.blocks):
            for one in _reduced(data, some, inverse, component_scale):
                if isinstance(one, CellBlock):
                    cells.append(one)
                else:
                    blocks.append(one)
        return cls(data, tuple(blocks), tuple(cells), z_scale, component_scale)

    @property
    def n_parameters(self) -> int:
        """Number of relative variance parameters."""
        return self.data.q * (self.data.q + 1) // 2 + self.data.n_components


def _similar(blocks: Sequence[GroupBlock]) -> Iterator[list[GroupBlock]]:
    """Yield blocks together whose widths, which grow from one to the next, are not far apart."""
    some: list[GroupBlock] = []
    for block in blocks:
        if some and block.layout.m > WIDER * max(some[0].layout.m, NARROW):
            yield some
            some = []
        some.append(block)
    yield some


def _reduced(
    data: MixedData, blocks: Sequence[GroupBlock], z_inverse: FloatArray, scale: FloatArray
) -> Sequence[FactorBlock | CellBlock]:
    """Reduce groups cell by cell where that makes them narrower, and no rotation does better."""
    narrow = data.n_components == 0 or blocks[-1].layout.m < WIDE
    if narrow or all(_even(block) for block in blocks):
        wholes = [_factor_block(data, block, z_inverse, scale) for block in blocks]
        if narrow or all(whole.rotation is not None for whole in wholes):
            return wholes
    groups = np.concatenate([block.groups for block in blocks])
    cells = cell_block(data, groups, z_inverse, scale)
    if cells is not None:
        return [cells]
    return [_factor_block(data, block, z_inverse, scale) for block in blocks]


def _even(block: GroupBlock) -> bool:
    """Tell whether the columns of each component are equally long, as balanced ones are."""
    squares = np.diagonal(block.cross, axis1=1, axis2=2)
    parts = [squares[:, block.layout.component(v)] for v in range(len(block.layout.widths))]
    return all(np.ptp(part) <= SAME_ROOT * part.max(initial=0.0) for part in parts if part.size)


def _z_scale(data: MixedData) -> FloatArray:
    q = data.q
    z = data.rows[:, :q]
    _, upper = np.linalg.qr(z)
    lengths = np.sqrt(np.einsum("ij,ij->j", z, z) / data.n_rows)
    lengths[lengths == 0] = 1.0
    if q == 0 or data.n_rows < q:
        return np.diag(lengths)
    upper = np.asarray(upper / np.sqrt(data.n_rows), dtype=float)
    if (np.abs(np.diagonal(upper)) < 1e-10 * lengths).any():  # dependent columns: only lengths
        return np.diag(lengths)
    return upper


def _component_scale(data: MixedData) -> FloatArray:
    squares = np.zeros(data.n_components)
    for block in data.blocks:
        diagonal = np.einsum("gii->i", block.cross)
        squares += [diagonal[block.layout.component(v)].sum() for v in range(data.n_components)]
    return np.sqrt(np.where(squares > 0, squares / data.n_rows, 1.0))


def _factor_block(
    data: MixedData, wide: GroupBlock, z_inverse: FloatArray, component_scale: FloatArray
) -> FactorBlock:
    groups, widths = wide.groups, wide.layout.widths
    q, m, d = data.q, data.q + sum(widths), data.rank + 1
    rho = min(m, int(data.sizes[groups].max()))
    place = np.empty(data.n_groups, dtype=np.intp)
    place[groups] = np.arange(len(groups))
    roots = np.zeros((len(groups), rho, m))
    u = np.zeros((len(groups), rho, d))
    within = np.zeros((len(groups), d, d))
    rows: list[RowFactor] = []
    offsets = q + np.concatenate([[0], np.cumsum(widths)]).astype(int)
    for block in data.row_blocks(groups):
        random = np.zeros((*block.rows.shape[:2], m))
        random[:, :, :q] = block.rows[:, :, :q] @ z_inverse
        for v, scale in enumerate(component_scale):
            columns = block.layout.component(v)
            width = columns.stop - columns.start
            random[:, :, offsets[v] : offsets[v] + width] = block.rows[:, :, columns] / scale
        fixed = block.rows[:, :, block.layout.fixed]
        own_q, own_root = np.linalg.qr(random)
        sign = np.where(np.diagonal(own_root, axis1=1, axis2=2) < 0, -1.0, 1.0)
        own_q = own_q * sign[:, None, :]
        where, some = place[block.groups], slice(0, own_q.shape[2])
        roots[where, some] = own_root * sign[:, :, None]
        own_u = own_q.transpose(0, 2, 1) @ fixed
        u[where, some] = own_u
        left = fixed - own_q @ own_u
        within[where] = left.transpose(0, 2, 1) @ left
        index = data.starts[block.groups][:, None] + np.arange(block.rows.shape[1])
        rows.append(RowFactor(index, own_q, where))
    classes, first = _classes(roots)
    derivatives = _derivatives(roots[first], q, offsets)
    return FactorBlock(
        groups=groups,
        u=u,
        within=within,
        classes=classes,
        roots=roots[first],
        derivatives=derivatives,
        rotation=common_rotation(derivatives) if rho > 1 else None,
        rows=tuple(rows),
    )


def _classes(roots: FloatArray) -> tuple[IntArray, IntArray]:
    """Return each group's class and the first group of each class."""
    size = np.abs(roots).max(initial=0.0) or 1.0
    keys = np.round(roots.reshape(len(roots), -1) / (size * SAME_ROOT)) + 0.0  # no minus zero
    raw = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1] * 8))).reshape(-1)
    _, first, inverse = np.unique(raw, return_index=True, return_inverse=True)
    return inverse.reshape(-1), first


def _derivatives(roots: FloatArray, q: int, offsets: IntArray) -> FloatArray:
    """Return ``R B_r R'``: Psi's lower triangle by rows, then one identity block per component."""
    found: list[FloatArray] = []
    for i in range(q):
        for j in range(i + 1):
            outer = roots[:, :, i, None] * roots[:, None, :, j]
            found.append(outer if i == j else outer + outer.transpose(0, 2, 1))
    for v in range(len(offsets) - 1):
        part = roots[:, :, offsets[v] : offsets[v + 1]]
        found.append(part @ part.transpose(0, 2, 1))
    if not found:
        return np.zeros((0, len(roots), roots.shape[1], roots.shape[1]))
    return np.stack(found)
