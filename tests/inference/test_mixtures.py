"""Quantiles of mixtures of normal distributions."""

import numpy as np
import pytest
from scipy import optimize, special

from pymargins.inference.prediction import mixture_quantiles

TAILS = np.array([0.025, 0.5, 0.975])


def test_a_single_component_is_a_normal_distribution():
    found = mixture_quantiles(np.array([[1.0, -2.0]]), np.array([[2.0, 0.5]]), TAILS)
    wanted = special.ndtri(TAILS)[:, None] * [2.0, 0.5] + [1.0, -2.0]
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


def test_quantiles_are_where_the_mean_distribution_function_has_their_level():
    rng = np.random.default_rng(1)
    centers, spreads = rng.normal(5, 3, (40, 3)), rng.uniform(0.1, 4, (40, 3))
    found = mixture_quantiles(centers, spreads, TAILS)
    for j in range(3):
        for level, at in zip(TAILS, found[:, j], strict=True):

            def above(q, j=j, level=level):
                return special.ndtr((q - centers[:, j]) / spreads[:, j]).mean() - level

            assert at == pytest.approx(optimize.brentq(above, -50, 50, xtol=1e-13), abs=1e-11)


def test_components_without_spread_are_single_values():
    centers = np.arange(1.0, 101.0)[:, None]
    found = mixture_quantiles(centers, np.zeros_like(centers), np.array([0.025, 0.975]))
    np.testing.assert_allclose(found[:, 0], [3.0, 98.0])


def test_columns_are_found_in_pieces(monkeypatch):
    rng = np.random.default_rng(2)
    centers, spreads = rng.normal(size=(30, 7)), rng.uniform(0.1, 1, (30, 7))
    whole = mixture_quantiles(centers, spreads, TAILS)
    monkeypatch.setattr("pymargins.inference.prediction.CHUNK_CELLS", 60)
    found = mixture_quantiles(centers, spreads, TAILS)
    np.testing.assert_allclose(found, whole, rtol=1e-12, atol=1e-12)
