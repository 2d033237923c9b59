"""Cells within groups: nested and crossed effects, against matrices written out."""

import numpy as np
import pytest
from scipy import sparse

from mixed.cases import dense_fit
from pymargins.mixed import CovarianceParameters, MixedData, bootstrap, fit
from pymargins.mixed.likelihood import factors as factors_module
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.layers import Layered
from pymargins.mixed.likelihood.responses import RowResponses
from pymargins.mixed.likelihood.scaling import to_relative
from pymargins.mixed.refits.refitter import Refitter
from pymargins.mixed.refits.response_draws import ParametricDraw, adjusted_residuals

DENSE = 1e-9  # deviance, relative to dense matrices
SAME = 1e-9  # figures of the same groups, reduced in another way
SLOPE = 1e-7  # central differences with Richardson extrapolation


def by_group(matrix, groups):
    parts = [matrix[groups == i] for i in range(groups.max() + 1)]
    return [part[:, np.any(part != 0, axis=0)] for part in parts]


def arrays_of(structure, seed=0):
    """Unbalanced data in shuffled order."""
    rng = np.random.default_rng(seed)
    n, n_groups = (70, 1) if structure.startswith("crossed") else (160, 7)
    groups = rng.permutation(np.arange(n) % n_groups) if n_groups > 1 else np.zeros(n, int)
    child = 7 * groups + rng.integers(0, 7, n) if n_groups > 1 else rng.integers(0, 14, n)
    time = rng.integers(-2, 3, n) / 2.0  # zero for some children throughout
    of_child = np.eye(child.max() + 1)[child]
    school = rng.normal(size=n_groups)
    y = school[groups] + rng.normal(size=child.max() + 1)[child] + time + rng.normal(size=n)
    x = np.column_stack([np.ones(n), time, groups % 2 + rng.normal(size=n)])
    z = np.column_stack([np.ones(n), time])
    children, slopes = by_group(of_child, groups), by_group(of_child * time[:, None], groups)
    item = by_group(np.eye(6)[rng.integers(0, 6, n)], groups)
    rater = by_group(np.eye(4)[rng.integers(0, 4, n)], groups)
    classes = by_group(np.eye(2)[child % 2], groups)
    parts = {
        "nested": (z[:, :1], (children,)),
        "slopes at both levels": (z, (children, slopes)),
        "slopes given first": (z, (slopes, children)),
        "children in classes": (z, (classes, children)),
        "children and items": (z[:, :1], (item, children)),
        "crossed": (z[:, :0], (item, children)),
        "crossed with slopes": (z[:, :0], (children, item, slopes)),
        "crossed thrice": (z[:, :0], (item, rater, children)),
    }
    z, components = parts[structure]
    return {"y": y, "X": x, "groups": groups, "Z": z, "components": components}


STRUCTURES = (
    "nested",
    "slopes at both levels",
    "slopes given first",
    "children in classes",
    "children and items",
    "crossed",
    "crossed with slopes",
    "crossed thrice",
)


def parameters_of(arrays):
    q, k = arrays["Z"].shape[1], len(arrays["components"])
    psi = np.array([[0.9, 0.2], [0.2, 0.5]])[:q, :q]
    return CovarianceParameters(psi, [0.4, 0.25, 0.7][:k], 1.3)


def in_cells(data):
    made = Batches.from_factors(GroupFactors.from_data(data))
    assert len(made.factors.cells) == len(data.blocks)
    return made


def dense_groups(data, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(factors_module, "cell_block", lambda *_: None)
        made = Batches.from_factors(GroupFactors.from_data(data))
    assert not made.factors.cells
    return made


def richardson(function, at, h=1e-3):
    found = []
    for k in range(len(at)):
        e = np.eye(len(at))[k]
        one, two = ((function(at + s * e) - function(at - s * e)) / (2 * s) for s in (h, 2 * h))
        found.append((4 * one - two) / 3)
    return np.array(found)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_deviance_is_that_of_dense_matrices(structure, reml):
    for seed in range(3):
        arrays = arrays_of(structure, seed)
        params = parameters_of(arrays)
        data = MixedData.from_arrays(**arrays, reml=reml)
        made = in_cells(data)
        state = made.observed().evaluate(to_relative(made.factors, params)[:, None])
        _, _, sigma2 = made.observed().solve(state)
        shift = data.log_det_basis if reml else 0.0
        profiled = CovarianceParameters(
            *(part * sigma2[0] / params.sigma2 for part in (params.psi, params.components)),
            sigma2[0],
        )
        expected = -2 * dense_fit(arrays, profiled, reml)[2]
        assert state.deviance[0] + shift == pytest.approx(expected, rel=DENSE)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_derivatives_are_those_of_the_deviance(structure, reml):
    data = MixedData.from_arrays(**arrays_of(structure), reml=reml)
    made = in_cells(data)
    criterion = made.observed()
    psi = to_relative(made.factors, parameters_of(arrays_of(structure)))

    def deviance(p):
        return criterion.evaluate(p[:, None]).deviance[0]

    def gradient(p):
        return criterion.derivatives(criterion.evaluate(p[:, None]))[0][:, 0]

    g, h = criterion.derivatives(criterion.evaluate(psi[:, None]))
    assert np.allclose(g[:, 0], richardson(deviance, psi), rtol=SLOPE, atol=SLOPE)
    assert np.allclose(h[:, :, 0], richardson(gradient, psi), rtol=10 * SLOPE, atol=10 * SLOPE)


@pytest.mark.parametrize("by", ["weights", "responses"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_replicates_equal_those_of_dense_groups(structure, by, monkeypatch):
    data = MixedData.from_arrays(**arrays_of(structure))
    rng = np.random.default_rng(3)
    drawn = (
        rng.integers(1, 3, (data.n_groups, 5)).astype(float)
        if by == "weights"
        else rng.normal(size=(data.n_rows, 5))
    )
    size = len(parameters_of(arrays_of(structure)).gamma) - 1
    psi = rng.random((size, 5))
    if data.q == 2:
        psi[1] *= 0.3
    results = []
    for made in (in_cells(data), dense_groups(data, monkeypatch)):
        whole = made.weighted(drawn) if by == "weights" else made.responded(RowResponses(drawn))
        for some in (np.arange(5), np.array([4, 1])):
            part = whole.take(some)
            state = part.evaluate(psi[:, some])
            results.append((state.deviance, *part.derivatives(state), *part.solve(state)))
            again = part.take_state(state, np.array([1]))
            one = part.take(np.array([1])).derivatives(again)
            assert np.allclose(one[0], results[-1][1][:, [1]], rtol=SAME, atol=SAME)
    for cells, dense in zip(results[:2], results[2:], strict=True):
        for one, other in zip(cells, dense, strict=True):
            assert np.allclose(one, other, rtol=SAME, atol=1e-8)


@pytest.mark.parametrize("kind", ["cluster", "parametric", "wild"])
def test_bootstraps_equal_those_of_dense_groups(kind, monkeypatch):
    data = MixedData.from_arrays(**arrays_of("slopes at both levels"))
    best = fit(data)
    cells = bootstrap(data, best, kind, 16, 1)
    left = adjusted_residuals(data, best, "cr3")
    with monkeypatch.context() as patch:
        patch.setattr(factors_module, "cell_block", lambda *_: None)
        dense = bootstrap(data, best, kind, 16, 1)
        other = adjusted_residuals(data, best, "cr3")
    assert np.allclose(left, other, rtol=SAME, atol=SAME)
    both = cells.usable & dense.usable
    assert both.sum() >= 14
    assert np.allclose(cells.reference_cov, dense.reference_cov, rtol=SAME)
    se = np.sqrt(np.diagonal(best.cov))
    assert (np.abs(cells.beta - dense.beta)[both] / se).max() < 1e-5
    assert np.allclose(cells.cov[both], dense.cov[both], rtol=1e-4, atol=1e-6 * se.max() ** 2)


def test_sandwiches_of_new_responses_equal_those_of_dense_groups(monkeypatch):
    data = MixedData.from_arrays(**arrays_of("children in classes"))
    best = fit(data)
    drawn = RowResponses(ParametricDraw.from_fit(data, best)(np.random.default_rng(0), 4))
    found = []
    for cell_block in (factors_module.cell_block, lambda *_: None):
        monkeypatch.setattr(factors_module, "cell_block", cell_block)
        found.append(
            [Refitter.from_fit(data, best, k).refit(None, drawn).cov for k in ("cr0", "cr3")]
        )
    assert np.allclose(found[0], found[1], rtol=1e-4, atol=1e-9)


def test_sparse_parts_are_the_same():
    arrays = arrays_of("crossed with slopes")
    parts = tuple([sparse.csr_matrix(part) for part in some] for some in arrays["components"])
    one, other = (
        fit(MixedData.from_arrays(**arrays | {"components": some}))
        for some in (arrays["components"], parts)
    )
    assert one.loglik == other.loglik


def test_wide_cells_are_left_to_dense_groups():
    arrays = arrays_of("crossed")
    mixing = np.random.default_rng(0).normal(size=(14, 14))
    children = [part @ mixing for part in arrays["components"][1]]
    both = (arrays["components"][0], children)
    made = Batches.from_factors(
        GroupFactors.from_data(MixedData.from_arrays(**arrays | {"components": both}))
    )
    # the items are cells; each child's effects spread over all columns, so they are outer
    assert made.factors.cells[0].n_outer == 14
    alone = MixedData.from_arrays(**arrays | {"components": (children,)})
    assert not GroupFactors.from_data(alone).cells


def test_the_moments_are_layered():
    made = in_cells(MixedData.from_arrays(**arrays_of("nested")))
    assert all(type(part) is Layered for part in made.observed().parts)


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_fits_equal_those_of_dense_groups(structure, noise, monkeypatch):
    """On the boundary, too: noise alone leaves variances at zero."""
    arrays = arrays_of(structure, seed=5)
    if noise:
        arrays["y"] = np.random.default_rng(6).normal(size=len(arrays["y"]))
    data = MixedData.from_arrays(**arrays)
    cells = fit(data)
    monkeypatch.setattr(factors_module, "cell_block", lambda *_: None)
    dense = fit(data)
    assert cells.converged
    assert cells.singular == dense.singular
    assert cells.loglik == pytest.approx(dense.loglik, abs=1e-8)
    assert np.allclose(cells.params.gamma, dense.params.gamma, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1e-8, 1e8])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_digits_are_lost_at_extreme_variances(structure, size, monkeypatch):
    data = MixedData.from_arrays(**arrays_of(structure))
    psi = size * to_relative(GroupFactors.from_data(data), parameters_of(arrays_of(structure)))
    cells = in_cells(data).observed().evaluate(psi[:, None])
    dense = dense_groups(data, monkeypatch).observed().evaluate(psi[:, None])
    assert np.allclose(cells.deviance, dense.deviance, rtol=1e-9)
