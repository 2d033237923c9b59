"""Comparison arrows: which pairs they must tell, on the examples of emmeans' documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import studentized_range

from pymargins.families.arrows import arrow_lengths

MEANS = np.array([6.1, 4.5, 5.4, 6.3, 5.5, 6.7])
ERRORS = np.array([0.3, 0.4, 0.37, 0.41, 0.23, 0.48])
#: Pairs with Tukey-adjusted p below 0.05 by pairs(foo) of emmeans 1.8.4, at each correlation.
SIGNIFICANT = {0.0: 3, 0.3: 3, 0.6: 4, 0.8: 7}


def told(means: Any, lengths: Any, first: Any, second: Any) -> Any:
    """Tell which pairs the arrows say to differ."""
    low, high = means - lengths.left, means + lengths.right
    lower = np.where(means[first] <= means[second], first, second)
    upper = first + second - lower
    return high[lower] < low[upper]


def pairs_of(covariance: Any) -> Any:
    first, second = np.triu_indices(len(covariance), 1)
    variance = np.diag(covariance)
    return (
        first,
        second,
        np.sqrt(variance[first] + variance[second] - 2 * covariance[first, second]),
    )


@pytest.mark.parametrize("rho", SIGNIFICANT)
def test_examples_of_emmeans(rho: float) -> None:
    """At 0.6 emmeans warns of arrows that tell pairs wrong, at 0.8 its lengths are negative.

    No lengths tell all pairs at 0.8: two sums of distances are equal, and decided differently.
    """
    covariance = np.diag(ERRORS**2)
    for block in ([0, 1, 2], [3, 4, 5]):
        sd = ERRORS[block]
        covariance[np.ix_(block, block)] = (1 - rho) * np.diag(sd**2) + rho * np.outer(sd, sd)
    first, second, error = pairs_of(covariance)
    margin = studentized_range.ppf(0.95, 6, np.inf) / np.sqrt(2) * error
    differ = np.abs(MEANS[first] - MEANS[second]) > margin
    assert differ.sum() == SIGNIFICANT[rho]
    found = arrow_lengths(MEANS, first, second, margin, differ)
    wrong = told(MEANS, found, first, second) != differ
    assert found.wrong == wrong.sum() == (1 if rho == 0.8 else 0)
    assert np.nanmin(found.left) >= 0
    assert np.nanmin(found.right) >= 0
    assert np.isnan(found.left[1])  # the least has nothing to its left, the largest to its right
    assert np.isnan(found.right[5])


def test_equal_margins_have_arrows_of_half_their_length() -> None:
    first, second = np.triu_indices(4, 1)
    margin = np.full(6, 0.8)
    means = np.array([1.0, 2.0, 2.5, 4.0])
    found = arrow_lengths(means, first, second, margin, np.abs(means[first] - means[second]) > 0.8)
    np.testing.assert_allclose(found.left, [np.nan, 0.4, 0.4, 0.4])
    np.testing.assert_allclose(found.right, [0.4, 0.4, 0.4, np.nan])


def test_margins_that_are_sums_are_met_exactly() -> None:
    first, second = np.triu_indices(4, 1)
    half = np.array([0.2, 0.5, 0.3, 0.9])
    means = np.arange(4.0) * 3
    margin = half[first] + half[second]
    found = arrow_lengths(means, first, second, margin, np.ones(6, bool))
    np.testing.assert_allclose(found.right[first] + found.left[second], margin)


def test_pairs_that_no_arrows_tell_are_counted() -> None:
    """R0 + L2 >= 2 and R1 + L3 >= 2, but R0 + L3 < 3 and R1 + L2 < 1: the sums contradict."""
    means = np.arange(4.0)
    first, second = np.triu_indices(4, 1)  # 01, 02, 03, 12, 13, 23
    differ = np.array([False, False, True, True, False, False])
    margin = np.where(differ, 0.5, 9.0)
    assert arrow_lengths(means, first, second, margin, differ).wrong == 1


@given(st.integers(2, 7), st.integers(0, 10**6))
def test_independent_means_are_told_right(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=size)
    first, second, error = pairs_of(np.diag(rng.uniform(0.3, 0.5, size) ** 2))
    differ = np.abs(means[first] - means[second]) > 2 * error
    found = arrow_lengths(means, first, second, 2 * error, differ)
    assert (told(means, found, first, second) != differ).sum() == found.wrong
