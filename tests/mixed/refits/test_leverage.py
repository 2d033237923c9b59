"""Scores adjusted for leverage without decomposing, against decomposed matrices."""

import numpy as np
import pytest

from pymargins.mixed import MixedData, bootstrap, fit
from pymargins.mixed.refits import leverage as module
from pymargins.mixed.refits.leverage import SUMS, BlockLeverage, FormLeverage, adjusted

REPLICATES, RANK = 3, 4


def made(most, groups=9, rho=2, seed=0):
    """Return M and the leverage of groups whose leverages add up to shares of `most`."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(REPLICATES, RANK, RANK)) + 3 * np.eye(RANK)
    model = half @ half.transpose(0, 2, 1)
    wide = rng.normal(size=(groups, RANK, RANK + 2))
    within = wide @ wide.transpose(0, 2, 1)
    u = rng.normal(size=(groups, rho, RANK))
    root = rng.normal(size=(REPLICATES, groups, rho, rho))
    n = root @ root.transpose(0, 1, 3, 2) / 10
    sums = BlockLeverage(within, u, n).traces(model).max(axis=0)
    share = most * rng.uniform(0.5, 1.0, groups) / sums
    return model, BlockLeverage(within * share[:, None, None], u * np.sqrt(share)[:, None, None], n)


def decomposed(scores, leverage, model, power):
    """Return ``L (I - L'T L)^-power L'g`` of each group and replicate."""
    out = np.empty_like(scores)
    matrices = leverage.matrices()
    for b, g in np.ndindex(out.shape[:2]):
        root = np.linalg.cholesky(model[b])
        values, vectors = np.linalg.eigh(root.T @ matrices[b, g] @ root)
        half = root @ vectors
        out[b, g] = half @ ((1 - values) ** -power * (half.T @ scores[b, g]))
    return out


@pytest.mark.parametrize("most", [1e-9, 0.02, 0.1, 0.4, 0.89, 1.0])
@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize("rho", [1, 2])
def test_influences_are_exact_at_every_leverage(most, power, rho):
    model, leverage = made(most, rho=rho)
    scores = np.random.default_rng(1).normal(size=(REPLICATES, 9, RANK))
    expected = decomposed(scores, leverage, model, power)
    size = np.abs(expected).max()
    for one in (leverage, FormLeverage(leverage.matrices())):
        found = adjusted(scores, one, model, power)
        assert np.abs(found - expected).max() < 1e-12 * size


def test_traces_products_and_parts():
    model, leverage = made(0.5)
    x = np.random.default_rng(2).normal(size=(REPLICATES, 9, RANK))
    matrices = leverage.matrices()
    form = FormLeverage(matrices)
    traces = np.einsum("bgij,bji->bg", matrices, model)
    for one in (leverage, form):
        assert np.allclose(one.traces(model), traces)
        assert np.allclose(one.times(x), np.einsum("bgi,bgij->bgj", x, matrices))
        some = one.take(np.array([4, 1]))
        assert np.allclose(some.matrices(), matrices[:, [4, 1]])
        assert np.allclose(some.traces(model), traces[:, [4, 1]])


def test_only_groups_of_high_leverage_are_decomposed(monkeypatch):
    """At most p / c groups have leverages that add up to more than c."""
    decomposed_groups = []
    own = module._decomposed
    monkeypatch.setattr(
        module, "_decomposed", lambda *args: decomposed_groups.append(1) or own(*args)
    )
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    alone = (groups == 7).astype(float)
    x = np.column_stack([np.ones(200), rng.normal(size=(200, 2)), alone])
    y = rng.normal(size=40)[groups] + rng.normal(size=200)
    data = MixedData.from_arrays(y, x, groups, Z=np.ones((200, 1)))
    done = bootstrap(data, fit(data), "wild", 8, seed=1)
    assert done.usable.all()
    assert len(decomposed_groups) == 2  # one chunk and the data themselves, of group 7
    assert len(decomposed_groups) < 2 * x.shape[1] / SUMS[-1]
