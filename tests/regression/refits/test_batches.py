"""Batches of refits: few passes over the rows, and products that stay with the calling thread."""

from __future__ import annotations

import numpy as np
import pytest

from pymargins.models.links import exponential_together
from pymargins.regression.refits import iterations, products
from pymargins.regression.refits.drawn_rows import Rows
from pymargins.regression.refits.refitter import optimum_of
from pymargins.regression.refits.row_models import RowModel, poisson_variance
from pymargins.regression.refits.row_weights import RowWeights

RNG = np.random.default_rng(3)


class Exponential:
    def derivatives(self, eta, order):
        return exponential_together(eta, order)


@pytest.fixture(scope="module")
def centre():
    n = 3_000
    design = np.column_stack([np.ones(n), RNG.normal(size=(n, 3))])
    count = RNG.poisson(np.exp(0.3 + design[:, 1] / 4)).astype(float)
    return optimum_of(
        RowModel(design, count, np.zeros(4), Exponential(), poisson_variance, dispersion=1.0)
    )


def test_replicates_need_three_passes_and_the_check(centre, monkeypatch):
    weights = RowWeights.of_rows(len(centre.response))(np.random.default_rng(1), 20)
    assert weights.dtype == np.uint8
    drawn = Rows(np.ascontiguousarray(weights), centre.response)
    turn = iterations.turning(centre, Rows(centre.counts, centre.response))
    sizes: list[int] = []
    once = iterations.totals

    def counted(centre, drawn, gamma):
        sizes.append(drawn.count)
        return once(centre, drawn, gamma)

    monkeypatch.setattr(iterations, "totals", counted)
    found = iterations.newton(centre, drawn, turn)
    assert (found.outcome == iterations.FOUND).all()
    assert sum(sizes) <= 3 * 20
    left = once(centre, drawn, found.gamma)
    step = np.linalg.solve(left.observed, left.score[..., None])
    assert np.abs(step).max() < iterations.NEXT


def test_the_information_turns_as_its_third_derivative_says(centre):
    turn = iterations.turning(centre, Rows(centre.counts, centre.response))
    design, mean = centre.design, centre.mean[:, 0]
    np.testing.assert_allclose(
        turn, np.einsum("ni,nj,nk,n->ijk", design, design, design, mean), atol=1e-6
    )


def test_inverses_are_the_same_near_the_identity_and_far_from_it():
    root = RNG.normal(size=(5, 3, 3))
    far = root @ root.transpose(0, 2, 1)
    near = np.eye(3) + far / np.trace(far, axis1=1, axis2=2)[:, None, None] / 4
    for matrices in (near, far):
        inverse, fine = iterations.inverses(matrices)
        assert fine.all()
        np.testing.assert_allclose(inverse @ matrices, np.tile(np.eye(3), (5, 1, 1)), atol=1e-9)
    assert not iterations.inverses(np.stack([-np.eye(3), np.zeros((3, 3))]))[1].any()


@pytest.mark.parametrize("shared", [True, False])
def test_products_in_pieces_are_the_products(shared, monkeypatch):
    monkeypatch.setattr(products, "ALONE", 100)
    columns, rows = RNG.normal(size=(7, 20)), RNG.normal(size=(20, 6))
    factor = RNG.normal(size=(20, 1 if shared else 6))
    found = products.weighted_product(columns, factor, rows)
    np.testing.assert_allclose(found, columns @ (factor * rows), rtol=1e-12)
