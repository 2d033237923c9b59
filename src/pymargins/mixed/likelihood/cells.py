"""Groups whose random effects fall into small cells, reduced cell by cell.

In a three-level model the effects of a child touch the rows of that child alone; in a crossed one
this holds of each factor, though not of both together.  Such components are *inner*: with their
columns C, ``W = I + C T C'`` is block diagonal over cells of rows (a child, a level of the factor),
each with few columns.  Z and the other components are *outer*.  Of ``B = [Z_outer X y]`` each cell
keeps, by one QR factorisation ``C = Q R``, its ``u = Q'B`` and R; what is left of its rows is
summed over the group,

``B'W^-1 B = rest + sum u'N^-1 u``,  ``N = I + R T R'``,  ``log|W| = sum log|N|``.

What the outer effects make of that is in `pymargins.mixed.likelihood.layers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.structure import MixedData, dense

CELL_WIDTH = 8  # columns of a cell; more of them are not worth splitting off
CELLS_PER_GROUP = 2  # on average; fewer split nothing

Pairs = tuple[tuple[slice, slice], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CellRows:
    """Q of the cells of one size: ``index`` (s, size) sorted rows, ``q`` (s, size, rho)."""

    index: IntArray
    q: FloatArray
    group: IntArray
    cell: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class CellBlock:
    """Groups of up to c cells, of rho reduced rows each; w = outer columns + rank + 1.

    Attributes
    ----------
    groups : (G,) int array
    u : (G, c, rho, w) array
    rest : (G, w, w) array
        ``B'(I - QQ')B``.
    roots : (G, c, rho, k) array
        R, in the layout of `inner`.
    inner : dict of slices
        Columns of each inner component in a cell, by its place among the parameters.
    outer : dict of Pairs
        By parameter: ``dPsi/dpsi_r`` as pairs (a, b) of ranges of outer columns, the sum of
        ``e_a e_b'``.
    n_outer : int
    rows : tuple of CellRows
    left : (n, w - 1) array
        ``(I - QQ')[Z_outer X]``, rows as in `MixedData.rows`.
    """

    groups: IntArray
    u: FloatArray
    rest: FloatArray
    roots: FloatArray
    inner: dict[int, slice]
    outer: dict[int, Pairs]
    n_outer: int
    rows: tuple[CellRows, ...]
    left: FloatArray

    def reduced(
        self, data: MixedData, responses: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ``Q'y`` (B, G, c, rho), ``[Z_outer X]'(I - QQ')y`` and ``y'(I - QQ')y`` (B, G)."""
        u_y = np.zeros((responses.shape[1], *self.u.shape[:3]))
        for rows in self.rows:
            own = rows.q.transpose(0, 2, 1) @ responses[rows.index]
            u_y[:, rows.group, rows.cell, : own.shape[1]] = own.transpose(2, 0, 1)
        left_y = group_sums(data, self.groups, self.left, responses)
        whole = np.stack(
            [group_sums(data, self.groups, y[:, None], y[:, None])[:, 0, 0] for y in responses.T]
        )
        yy = whole - np.einsum("bgcj,bgcj->bg", u_y, u_y)
        return u_y, np.ascontiguousarray(left_y.transpose(2, 0, 1)), yy


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """Nonzero entries of one component: sorted rows, columns counted over groups, values."""

    rows: IntArray
    columns: IntArray
    values: FloatArray


def cell_block(
    data: MixedData, groups: IntArray, z_inverse: FloatArray, component_scale: FloatArray
) -> CellBlock | None:
    """Reduce groups cell by cell; None where their effects do not fall into cells.

    Parameters
    ----------
    data : MixedData
    groups : (G,) int array
    z_inverse, component_scale : arrays
        Scaling of the random effects, as in `pymargins.mixed.likelihood.factors.GroupFactors`.
    """
    entries = [
        _entries(parts, groups, data.starts, float(scale))
        for parts, scale in zip(data.components, component_scale, strict=True)
    ]
    chosen = _inner(entries, data.n_rows)
    if not chosen:
        return None
    cell_of_row = _cells([entries[v] for v in chosen], data.n_rows)[0]
    if cell_of_row.max() + 1 < CELLS_PER_GROUP * len(groups):
        return None
    place = np.full(data.n_groups, -1, dtype=np.intp)
    place[groups] = np.arange(len(groups))
    of_row = place[data.sorted_groups]
    others = [v for v in range(data.n_components) if v not in chosen]
    outer, pairs = _outer_rows(data, of_row, z_inverse, {v: entries[v] for v in others})
    size = data.q * (data.q + 1) // 2
    inner, columns = _inner_rows({v: entries[v] for v in chosen}, cell_of_row)
    return _reduced(
        data,
        groups,
        np.where(cell_of_row >= 0, of_row, -1),
        cell_of_row,
        inner,
        np.concatenate([outer, data.rows[:, data.q :]], axis=1),
        {size + v: where for v, where in columns.items()},
        pairs,
    )


def _entries(parts: Sequence[Any], groups: IntArray, starts: IntArray, scale: float) -> _Entries:
    rows: list[IntArray] = []
    columns: list[IntArray] = []
    values: list[FloatArray] = []
    offset = 0
    for group in groups.tolist():
        part = dense(parts[group])
        row, column = np.nonzero(part)
        rows.append(row + starts[group])
        columns.append(column + offset)
        values.append(part[row, column])
        offset += part.shape[1]
    return _Entries(np.concatenate(rows), np.concatenate(columns), np.concatenate(values) / scale)


def _inner(entries: list[_Entries], n_rows: int) -> list[int]:
    """Choose components, those of most columns first, as long as their cells stay narrow."""
    chosen: list[int] = []
    counts = [len(np.unique(one.columns)) for one in entries]
    for v in np.argsort(counts, kind="stable")[::-1].tolist():
        if counts[v] and _cells([entries[w] for w in (*chosen, v)], n_rows)[1] <= CELL_WIDTH:
            chosen.append(v)
    return sorted(chosen)


def _cells(entries: list[_Entries], n_rows: int) -> tuple[IntArray, int]:
    """Return the cell of each row (-1 for none), and the columns of the widest cell.

    A cell is a connected component of the graph that ties rows to the columns they are in.
    """
    ends = np.cumsum([0, *(int(one.columns.max(initial=-1)) + 1 for one in entries)])
    rows = np.concatenate([one.rows for one in entries])
    columns = np.concatenate(
        [one.columns + end for one, end in zip(entries, ends[:-1], strict=True)]
    )
    size = n_rows + int(ends[-1])
    # SciPy before 1.12 walks graphs of 32-bit indices alone.
    ties = rows.astype(np.int32), (n_rows + columns).astype(np.int32)
    graph = sparse.coo_array((np.ones(len(rows)), ties), shape=(size, size))
    _, labels = csgraph.connected_components(graph, directed=False)
    distinct, cells = np.unique(labels[rows], return_inverse=True)
    of_row = np.full(n_rows, -1, dtype=np.intp)
    of_row[rows] = cells.reshape(-1)
    used = labels[n_rows + np.unique(columns)]
    return of_row, int(np.bincount(np.searchsorted(distinct, used)).max(initial=0))


def _inner_rows(
    entries: dict[int, _Entries], cell_of_row: IntArray
) -> tuple[FloatArray, dict[int, slice]]:
    """Return each row of C within its cell (n, k), and the columns of each component there."""
    blocks: list[FloatArray] = []
    columns: dict[int, slice] = {}
    start = 0
    for v, one in entries.items():
        block = _within(one, cell_of_row)
        blocks.append(block)
        columns[v] = slice(start, start + block.shape[1])
        start += block.shape[1]
    return np.concatenate(blocks, axis=1), columns


def _within(entries: _Entries, owner_of_row: IntArray) -> FloatArray:
    """Return rows (n, k) with the columns of each owner (a cell or a group) numbered from 0."""
    _, first, which = np.unique(entries.columns, return_index=True, return_inverse=True)
    own = _places(owner_of_row[entries.rows[first]])
    out = np.zeros((len(owner_of_row), int(own.max(initial=-1)) + 1))
    out[entries.rows, own[which.reshape(-1)]] = entries.values
    return out


def _places(codes: IntArray) -> IntArray:
    """Return the number of each element among those of its code, from 0."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    out = np.empty(len(codes), dtype=np.intp)
    out[order] = np.arange(len(codes)) - np.searchsorted(ordered, ordered)
    return out


def _outer_rows(
    data: MixedData, of_row: IntArray, z_inverse: FloatArray, entries: dict[int, _Entries]
) -> tuple[FloatArray, dict[int, Pairs]]:
    q = data.q
    blocks: list[FloatArray] = [data.rows[:, :q] @ z_inverse]
    pairs: dict[int, Pairs] = {}
    for i in range(q):
        for j in range(i + 1):
            row, column = slice(i, i + 1), slice(j, j + 1)
            pairs[len(pairs)] = ((row, row),) if i == j else ((row, column), (column, row))
    start, size = q, len(pairs)
    for v, one in entries.items():
        blocks.append(_within(one, of_row))
        stop = start + blocks[-1].shape[1]
        pairs[size + v] = ((slice(start, stop), slice(start, stop)),)
        start = stop
    return np.concatenate(blocks, axis=1), pairs


def _reduced(
    data: MixedData,
    groups: IntArray,
    of_row: IntArray,
    cell_of_row: IntArray,
    inner: FloatArray,
    both: FloatArray,
    columns: dict[int, slice],
    pairs: dict[int, Pairs],
) -> CellBlock:
    count, k, w = int(cell_of_row.max()) + 1, inner.shape[1], both.shape[1]
    group = np.empty(count, dtype=np.intp)
    group[cell_of_row[cell_of_row >= 0]] = of_row[cell_of_row >= 0]
    place = _places(group)
    batches = list(_same_size(cell_of_row, count))
    rho = max(min(k, index.shape[1]) for _, index in batches)
    u = np.zeros((len(groups), int(place.max()) + 1, rho, w))
    roots = np.zeros((*u.shape[:3], k))
    left = both.copy()
    rows: list[CellRows] = []
    for cells, index in batches:
        q, root = np.linalg.qr(inner[index])
        own = q.transpose(0, 2, 1) @ both[index]
        where = group[cells], place[cells], slice(0, q.shape[2])
        u[where], roots[where] = own, root
        left[index] -= q @ own
        rows.append(CellRows(index, q, group[cells], place[cells]))
    return CellBlock(
        groups=groups,
        u=u,
        rest=group_sums(data, groups, left, left),
        roots=roots,
        inner=columns,
        outer=pairs,
        n_outer=w - data.rank - 1,
        rows=tuple(rows),
        left=left[:, :-1],
    )


def _same_size(cell_of_row: IntArray, count: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the cells of one size at a time, with their rows (s, size)."""
    rows = np.argsort(cell_of_row, kind="stable")
    rows = rows[np.count_nonzero(cell_of_row < 0) :]
    sizes = np.bincount(cell_of_row[cell_of_row >= 0], minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for size in np.unique(sizes).tolist():
        cells = np.flatnonzero(sizes == size)
        yield cells, rows[starts[cells][:, None] + np.arange(size)]


def group_sums(
    data: MixedData, groups: IntArray, left: FloatArray, right: FloatArray
) -> FloatArray:
    """Return ``left'right`` over the rows of each group, (G, a, b)."""
    out = np.empty((len(groups), left.shape[1], right.shape[1]))
    sizes = data.sizes[groups]
    for size in np.unique(sizes).tolist():
        some = np.flatnonzero(sizes == size)
        index = data.starts[groups[some]][:, None] + np.arange(size)
        out[some] = left[index].transpose(0, 2, 1) @ right[index]
    return out
