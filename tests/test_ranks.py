"""One rule for the rank of a design: what is redundant, and what the data do not determine."""

import numpy as np
import pytest

from pymargins.mixed import MixedData
from pymargins.ranks import ROWS_AT_A_TIME, column_rank

ROUNDING = 1e-9


def dummies(n=60, levels=4, seed=0):
    return np.eye(levels)[np.random.default_rng(seed).integers(0, levels, n)]


def years(powers, n=400):
    year = np.random.default_rng(1).integers(1995, 2020, n).astype(float)
    return np.column_stack([year**k for k in range(powers + 1)])


def designs():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 3))
    one = np.ones((60, 1))
    yield "sound", np.hstack([one, x]), [0, 1, 2, 3]
    yield "raw calendar years", years(2), [0, 1, 2]
    yield "all levels", np.hstack([one, dummies()]), [0, 1, 2, 3]
    yield "twice in other units", np.hstack([one, x, 1e6 * x[:, :1]]), [0, 1, 2, 3]
    yield "a sum of two", np.hstack([x, x[:, :1] - 1e4 * x[:, 2:], one]), [0, 1, 2, 4]
    yield "a column of zeros", np.hstack([one, 0 * one, x]), [0, 2, 3, 4]
    yield "two redundant in years", np.hstack([years(2), years(2)[:, :2] + 1]), [0, 1, 2]
    yield "fewer rows than columns", rng.normal(size=(2, 4)), [0, 1]
    yield "no columns", np.empty((5, 0)), []


@pytest.mark.parametrize(
    ("name", "x", "kept"), list(designs()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_redundant_columns_are_found_from_left_to_right(name, x, kept):
    found = column_rank(x)
    assert found.kept.tolist() == kept
    assert found.null_space.shape == (x.shape[1], x.shape[1] - len(kept))
    size = np.abs(x) @ np.abs(found.null_space)
    assert (np.abs(x @ found.null_space) <= ROUNDING * size.max(initial=0.0)).all()
    assert np.linalg.det(found.null_space.T @ found.null_space) > 0  # independent columns


def test_a_coefficient_that_takes_no_part_is_exactly_zero():
    x = np.hstack([np.ones((60, 1)), dummies(), np.random.default_rng(3).normal(size=(60, 1))])
    direction = column_rank(x).null_space[:, 0]
    assert direction[5] == 0
    np.testing.assert_allclose(direction[1:5] / direction[0], -1.0, rtol=ROUNDING)


def test_rows_are_taken_some_at_a_time():
    x = np.tile(years(2, n=1000), (ROWS_AT_A_TIME // 900, 1))
    assert len(x) > ROWS_AT_A_TIME
    more = np.column_stack([x, x[:, 1] + x[:, 2]])
    assert column_rank(x).kept.tolist() == [0, 1, 2]
    assert column_rank(more).kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "x", "kept"), list(designs())[:7], ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_engine_drops_the_same_columns(name, x, kept):
    n = len(x)
    y = np.random.default_rng(4).normal(size=n)
    assert MixedData.from_arrays(y, x, np.arange(n) % 5, np.ones((n, 1))).kept.tolist() == kept
