"""The three representations of group sums, and the small linear algebra under them."""

import numpy as np
import pytest

from mixed.cases import oracle_case, simulated
from pymargins.mixed import MixedData
from pymargins.mixed.likelihood import batches, frames, stacks
from pymargins.mixed.likelihood.decoupling import View
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.moments import Collapsed, Spread, Wide
from pymargins.mixed.likelihood.responses import RowResponses

RTOL = 1e-9


@pytest.mark.parametrize("rank", [2, 3, 20])
def test_stacks_equal_one_at_a_time(rank):
    rng = np.random.default_rng(rank)
    root = rng.normal(size=(rank, rank, 5))
    other = rng.normal(size=(rank, rank, 5))
    matrix = np.einsum("ikb,jkb->ijb", root, root) + np.eye(rank)[:, :, None]
    factor = stacks.cholesky(matrix)
    inverse, log_det = stacks.inverse_and_log_det(matrix)
    product = stacks.product(root, other)
    lower = stacks.lower_inverse(factor)
    for b in range(5):
        one = matrix[:, :, b]
        assert np.allclose(factor[:, :, b], np.linalg.cholesky(one), rtol=RTOL)
        assert np.allclose(inverse[:, :, b], np.linalg.inv(one), rtol=RTOL, atol=1e-12)
        assert log_det[b] == pytest.approx(np.linalg.slogdet(one)[1], rel=RTOL)
        assert np.allclose(product[:, :, b], root[:, :, b] @ other[:, :, b], rtol=RTOL, atol=1e-12)
        assert np.allclose(lower[:, :, b] @ factor[:, :, b], np.eye(rank), atol=1e-10)


def test_an_indefinite_matrix_becomes_nan():
    matrix = np.stack([np.eye(2), -np.eye(2)], axis=-1)
    factor = stacks.cholesky(matrix)
    assert np.isfinite(factor[..., 0]).all()
    assert np.isnan(factor[..., 1]).any()


@pytest.mark.parametrize("q", [0, 1, 2, 3])
def test_frames_return_the_covariance_they_came_from(q):
    rng = np.random.default_rng(q)
    root = rng.normal(size=(q, q, 4))
    root[:, -1:, :2] = 0  # two of them singular
    rows, cols = np.tril_indices(q)
    psi = np.concatenate([np.einsum("ikb,jkb->ijb", root, root)[rows, cols], rng.random((2, 4))])
    t, frame = frames.open_frame(psi, q)
    assert np.allclose(frames.covariances(t, frame), psi, rtol=RTOL, atol=1e-12)
    places = frames.variance_places(q, 2)
    assert (t[places] >= 0).all()
    assert np.allclose(np.delete(t, places, axis=0), 0)


@pytest.mark.parametrize("q", [1, 2, 3])
def test_frame_derivatives_are_those_of_the_composition(q):
    rng = np.random.default_rng(q)
    size = q * (q + 1) // 2 + 1
    a, b = rng.normal(size=(size, size)), rng.normal(size=size)
    a = a + a.T

    def value(t, frame):
        psi = frames.covariances(t[:, None], frame)[:, 0]
        return b @ psi + 0.5 * psi @ a @ psi

    root = rng.normal(size=(q, q))
    rows, cols = np.tril_indices(q)
    psi = np.concatenate([(root @ root.T)[rows, cols], [0.3]])[:, None]
    t, frame = frames.open_frame(psi, q)
    gradient, hessian = frames.derivatives(t, frame, (b + a @ psi[:, 0])[:, None], a[:, :, None])
    h = 1e-5
    for k in range(size):
        e = h * np.eye(size)[k]
        slope = (value(t[:, 0] + e, frame) - value(t[:, 0] - e, frame)) / (2 * h)
        assert gradient[k, 0] == pytest.approx(slope, rel=1e-6, abs=1e-6)
        for j in range(size):
            f = h * 100 * np.eye(size)[j]
            g = h * 100 * np.eye(size)[k]
            at = t[:, 0]
            second = (
                value(at + f + g, frame)
                - value(at + f - g, frame)
                - value(at - f + g, frame)
                + value(at - f - g, frame)
            ) / (4 * (100 * h) ** 2)
            assert hessian[j, k, 0] == pytest.approx(second, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("by", ["weights", "responses"])
@pytest.mark.parametrize("structure", ["intercept", "slope", "nested", "slope_and_nested"])
def test_representations_agree(structure, by, monkeypatch):
    arrays, _ = simulated(structure)
    data = MixedData.from_arrays(**arrays)
    rng = np.random.default_rng(3)
    factors = GroupFactors.from_data(data)
    drawn = (
        rng.integers(0, 3, (data.n_groups, 5)).astype(float)
        if by == "weights"
        else rng.normal(size=(data.n_rows, 5))
    )
    psi = rng.random((factors.n_parameters, 5))
    if data.q == 2:
        psi[1] *= 0.3
    results = []
    for kind in (Collapsed, Spread, Wide):
        monkeypatch.setattr(batches, "_kind", lambda block, kind=kind: kind)
        made = batches.Batches.from_factors(factors)
        criterion = made.weighted(drawn) if by == "weights" else made.responded(RowResponses(drawn))
        assert all(type(part) is kind for part in criterion.parts)
        for some in (np.arange(5), np.array([4, 1])):
            part = criterion.take(some)
            state = part.evaluate(psi[:, some])
            results.append((state.deviance, *part.derivatives(state), *part.solve(state)))
    for other in (2, 4):
        for offset in (0, 1):
            for one, same in zip(results[offset], results[other + offset], strict=True):
                assert np.allclose(one, same, rtol=RTOL, atol=1e-10)
    for whole, some in zip(results[0], results[1], strict=True):
        assert np.allclose(whole[..., [4, 1]], some, rtol=RTOL)


def crossed_in_groups():
    """Several groups, each a complete crossing of its own rows and columns."""
    rng = np.random.default_rng(6)
    sizes = [(2, 3), (2, 3), (3, 4), (2, 3)]
    groups = np.concatenate([np.full(a * b, i) for i, (a, b) in enumerate(sizes)])
    rows = [np.repeat(np.eye(a), b, axis=0) for a, b in sizes]
    columns = [np.tile(np.eye(b), (a, 1)) for a, b in sizes]
    n = len(groups)
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    return MixedData.from_arrays(rng.normal(size=n), x, groups, np.ones((n, 1)), (rows, columns))


BALANCED = {
    "penicillin": lambda: oracle_case("penicillin_crossed_fixed").data,
    "pastes": lambda: oracle_case("pastes_nested").data,
    "oats": lambda: oracle_case("oats_splitplot").data,
    "crossed in groups": crossed_in_groups,
}


@pytest.mark.parametrize("by", ["weights", "responses"])
@pytest.mark.parametrize("name", BALANCED)
def test_strata_of_a_balanced_design_give_the_same_sums(name, by, monkeypatch):
    data = BALANCED[name]()
    factors = GroupFactors.from_data(data)
    rng = np.random.default_rng(3)
    drawn = (
        rng.integers(1, 3, (data.n_groups, 5)).astype(float)
        if by == "weights"
        else rng.normal(size=(data.n_rows, 5))
    )
    psi = rng.random((factors.n_parameters, 5))

    def figures():
        made = batches.Batches.from_factors(factors)
        criterion = made.weighted(drawn) if by == "weights" else made.responded(RowResponses(drawn))
        state = criterion.evaluate(psi)
        return made.views, (state.deviance, *criterion.derivatives(state), *criterion.solve(state))

    views, split = figures()
    assert all(view.rotation is not None for view in views)
    assert all(view.block.u.shape[1] == 1 for view in views)
    monkeypatch.setattr(batches, "view", lambda block: View(block, None, block.classes))
    views, whole = figures()
    assert all(view.rotation is None for view in views)
    for one, other in zip(split, whole, strict=True):
        assert np.allclose(one, other, rtol=RTOL, atol=1e-9)


def test_unbalanced_designs_are_left_whole():
    arrays, _ = simulated("nested")
    made = batches.Batches.from_factors(GroupFactors.from_data(MixedData.from_arrays(**arrays)))
    assert any(view.rotation is None for view in made.views)
