"""Cross-products, working basis and rows agree with the arrays they came from."""

import numpy as np
import pytest
from scipy import sparse

from mixed.cases import STRUCTURES, simulated
from pymargins.errors import ArgumentError
from pymargins.mixed import CovarianceParameters, MixedData

RTOL = 1e-10
ATOL = 1e-12


@pytest.mark.parametrize("structure", STRUCTURES)
def test_cross_products_are_those_of_the_rows(structure):
    arrays, _ = simulated(structure)
    data = MixedData.from_arrays(**arrays)
    q = arrays["X"] @ data.basis
    residual = arrays["y"] - arrays["X"] @ data.origin
    assert np.allclose(q.T @ q, np.eye(data.rank), rtol=0, atol=ATOL)
    seen = []
    for block in data.blocks:
        for k, code in enumerate(block.groups):
            rows = arrays["groups"] == code
            pieces = [arrays["Z"][rows] @ data.z_basis]
            for v, parts in enumerate(arrays["components"]):
                padded = np.zeros((rows.sum(), block.layout.widths[v]))
                padded[:, : parts[code].shape[1]] = parts[code]
                pieces.append(padded)
            full = np.column_stack([*pieces, q[rows], residual[rows]])
            assert np.allclose(block.cross[k], full.T @ full, rtol=RTOL, atol=ATOL)
            seen.append(code)
    assert sorted(seen) == list(range(data.n_groups))


def test_narrow_groups_do_not_share_a_block_with_wide_ones():
    arrays, _ = simulated("uneven_components", n_groups=30)
    data = MixedData.from_arrays(**arrays)
    assert len(data.blocks) > 1
    for block in data.blocks:
        widths = [sum(parts[i].shape[1] for parts in arrays["components"]) for i in block.groups]
        assert block.layout.m <= 1.25 * max(widths) + 2 + max(widths)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_row_blocks_return_every_row_once(structure):
    arrays, _ = simulated(structure)
    data = MixedData.from_arrays(**arrays)
    residual = arrays["y"] - arrays["X"] @ data.origin
    seen = np.zeros(data.n_rows, dtype=int)
    for block in data.row_blocks():
        seen[block.positions] += 1
        assert (arrays["groups"][block.positions] == block.groups[:, None]).all()
        response = block.rows[:, :, block.layout.y]
        assert np.allclose(response, residual[block.positions], rtol=RTOL, atol=ATOL)
        for k, code in enumerate(block.groups):
            own = np.sort(block.positions[k])
            assert np.array_equal(own, block.positions[k])  # so that components' rows line up
            for v, parts in enumerate(arrays["components"]):
                columns = block.layout.component(v)
                assert np.array_equal(block.rows[k][:, columns], parts[code])
    assert (seen == 1).all()


def test_sparse_components_equal_dense_ones():
    arrays, _ = simulated("nested")
    dense = MixedData.from_arrays(**arrays)
    arrays["components"] = tuple(
        [sparse.csr_array(part) for part in parts] for parts in arrays["components"]
    )
    for one, other in zip(dense.blocks, MixedData.from_arrays(**arrays).blocks, strict=True):
        assert np.array_equal(one.cross, other.cross)


def test_a_dependent_column_is_dropped_from_the_right():
    arrays, _ = simulated("intercept")
    x = arrays["X"]
    arrays["X"] = np.column_stack([x[:, :2], 2 * x[:, 0] - x[:, 1], x[:, 2], 0 * x[:, 0]])
    data = MixedData.from_arrays(**arrays)
    assert data.kept.tolist() == [0, 1, 3]
    assert data.rank == 3
    assert data.n_fixed == 5
    assert (data.origin[[2, 4]] == 0).all()


def test_badly_scaled_columns_keep_their_digits():
    arrays, _ = simulated("intercept")
    n = len(arrays["y"])
    year = 2000 + np.arange(n) % 17
    arrays["X"] = np.column_stack([np.ones(n), year, year**2.0, 1e9 * arrays["X"][:, 1]])
    data = MixedData.from_arrays(**arrays)
    q = arrays["X"] @ data.basis
    assert data.rank == 4
    assert np.allclose(q.T @ q, np.eye(4), rtol=0, atol=1e-5)  # forming X T itself loses the digits
    total = data.blocks[0].cross.sum(axis=0)[data.blocks[0].layout.x, data.blocks[0].layout.x]
    assert np.allclose(total, np.eye(4), rtol=0, atol=ATOL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": [0, 0, 2, 2]}, "code 1 of 0..2 has no rows"),
        ({"groups": [0.0, 0.0, 1.0, 1.0]}, "integer codes"),
        ({"groups": [-1, 0, 1, 1]}, "at least 0"),
        ({"y": [1.0, np.nan, 2.0, 3.0]}, "y: has missing or infinite"),
        ({"X": np.ones((3, 1))}, r"X: must have shape \(4, .\)"),
        ({"components": [[np.ones((2, 1))]]}, "component 0 has 1 arrays for 2 groups"),
        ({"components": [[np.ones((2, 1)), np.ones((3, 1))]]}, "component 0, group 1"),
    ],
)
def test_bad_arrays_are_named(change, message):
    arrays = {"y": [1.0, 2.0, 4.0, 3.0], "X": np.ones((4, 1)), "groups": [0, 0, 1, 1]} | change
    with pytest.raises(ArgumentError, match=message):
        MixedData.from_arrays(**arrays)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0], [2.0, 1.0]], [], 1.0), "positive semi-definite"),
        (([[1.0]], [-1.0], 1.0), "at least 0"),
        (([[1.0]], [], 0.0), "greater than 0"),
        (([[np.nan]], [], 1.0), "finite"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        CovarianceParameters(*arguments)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_factor_exists_for_singular_matrices(rank):
    root = np.random.default_rng(rank).normal(size=(3, rank))
    params = CovarianceParameters(root @ root.T, [], 2.0)
    factor = params.relative_factor
    assert np.allclose(2.0 * factor @ factor.T, params.psi, rtol=RTOL, atol=ATOL)
    assert np.allclose(factor, np.tril(factor))
    assert (np.diagonal(factor) >= 0).all()
