"""Residual and between-within degrees of freedom, counted by hand."""

import numpy as np
import pytest

from mixed.small_sample_cases import small_sample_case
from pymargins.mixed import MixedData
from pymargins.mixed.small_samples.between_within import between_within_split, residual_df


def trial(coding):
    """12 subjects at 4 times; an arm by subject, time within."""
    subjects = np.repeat(np.arange(12), 4)
    time = np.tile(np.arange(4), 12)
    arm = (subjects % 2).astype(float)
    one = np.ones(48)
    dummies = np.eye(4)[time]
    if coding == "treatment":
        x = np.column_stack([one, arm, dummies[:, 1:], arm[:, None] * dummies[:, 1:]])
    elif coding == "cells":
        x = np.column_stack([(1 - arm)[:, None] * dummies, arm[:, None] * dummies])
    else:
        x = np.column_stack([one, arm, one - arm, dummies, arm[:, None] * dummies])
    y = np.random.default_rng(0).normal(size=48)
    return MixedData.from_arrays(y, x, subjects, one[:, None]), x


@pytest.mark.parametrize("coding", ["treatment", "cells", "overparametrised"])
def test_split_does_not_depend_on_the_coding(coding):
    data, x = trial(coding)
    found = between_within_split(data)
    # 12 subjects less intercept and arm; 36 within, less 3 times and 3 interactions
    assert (found.between, found.within) == (10, 30)
    assert residual_df(data) == 40
    cell = {(a, t): x[4 * a + t] for a in (0, 1) for t in range(4)}
    arms = sum(cell[1, t] - cell[0, t] for t in range(4))
    times = cell[0, 3] - cell[0, 0]
    interaction = times - (cell[1, 3] - cell[1, 0])
    rows = np.array([cell[0, 1], arms, cell[1, 2] - cell[0, 2], times, interaction])
    assert found.df(rows).tolist() == [10, 10, 10, 30, 30]
    assert found.joint(rows[3:]) == (1.0, 30)
    assert found.joint(rows[1:]) == (1.0, 10)


def test_effects_are_within_where_they_change_within_a_group():
    case = small_sample_case("sleep_missing")
    found = between_within_split(case.data)
    n, groups, p = case.data.n_rows, case.data.n_groups, case.data.rank
    within = found.df(np.eye(p)) == found.within
    names = ["Intercept", "shift", "shift", "Days", "Days:shift", "Days:shift"]
    assert p == len(names)
    assert within.tolist() == [name.startswith("Days") for name in names]
    assert found.between == groups - 3
    assert found.between + found.within == n - p == residual_df(case.data)


def test_no_degrees_of_freedom_is_not_a_number():
    y = np.random.default_rng(0).normal(size=5)
    data = MixedData.from_arrays(y, np.ones((5, 1)), np.arange(5), np.ones((5, 1)))
    found = between_within_split(data)
    assert found.between == 4
    assert np.isnan(found.within)
    assert found.df(np.ones((1, 1))).tolist() == [4]
    assert found.joint(np.ones((1, 1))) == (1.0, 4)
