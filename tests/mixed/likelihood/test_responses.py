"""One value per row, times a number per group, against the responses written out."""

import numpy as np
import pytest

from mixed.cases import simulated
from pymargins.mixed import MixedData
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.responses import GroupMultiples, RowResponses

STRUCTURES = ["intercept", "slope", "nested", "slope_and_nested", "uneven_components"]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_group_multiples_equal_the_rows_written_out(structure):
    data = MixedData.from_arrays(**simulated(structure, n_groups=20)[0])
    rng = np.random.default_rng(5)
    values, multiples = rng.normal(size=data.n_rows), rng.normal(size=(data.n_groups, 7))
    short = GroupMultiples(values, multiples)
    long = RowResponses(values[:, None] * multiples[data.sorted_groups])
    factors = GroupFactors.from_data(data)
    psi = rng.random((factors.n_parameters, 7))
    if data.q == 2:
        psi[1] *= 0.3
    batches = Batches.from_factors(factors)
    for index in (np.arange(7), np.array([5, 2])):
        found = []
        for responses in (short, long):
            some = responses.take(index)
            criterion = batches.responded(some)
            state = criterion.evaluate(psi[:, index])
            found.append((some.n_replicates, state.deviance, *criterion.solve(state)))
        for one, other in zip(*found, strict=True):
            assert np.allclose(one, other, rtol=1e-10, atol=1e-10)


def test_products_with_the_rows_of_each_group():
    data = MixedData.from_arrays(**simulated("slope")[0])
    rng = np.random.default_rng(6)
    values, multiples = rng.normal(size=data.n_rows), rng.normal(size=(data.n_groups, 3))
    short, left = GroupMultiples(values, multiples), rng.normal(size=(data.n_rows, 2))
    long = values[:, None] * multiples[data.sorted_groups]
    (block,) = GroupFactors.from_data(data).blocks
    assert np.allclose(short.cross(data, left), left.T @ long)
    assert np.allclose(short.squares(data), (long**2).sum(axis=0))
    by_group = short.by_group(block, left)
    for place, group in enumerate(block.groups):
        rows = data.sorted_groups == group
        assert np.allclose(by_group[:, place], long[rows].T @ left[rows])
    assert np.allclose(short.without(data, np.arange(data.n_groups)).squares(data), 0)
