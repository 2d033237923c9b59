"""Compact letter displays: what letters must say, and that none says nothing."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymargins.families.letters import letter, letter_columns


def matrix_of(size: int, pairs: Any) -> Any:
    out = np.zeros((size, size), dtype=bool)
    for i, j in pairs:
        out[i, j] = out[j, i] = True
    return out


@st.composite
def differences(draw: Any) -> Any:
    size = draw(st.integers(1, 7))
    pairs = list(combinations(range(size), 2))
    return matrix_of(size, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else [])


@given(differences())
def test_rows_share_a_letter_if_and_only_if_they_do_not_differ(differs: Any) -> None:
    columns = letter_columns(differs)
    shared = (columns[:, None, :] & columns[None, :, :]).any(axis=2)
    np.testing.assert_array_equal(shared, ~differs)


@given(differences())
def test_no_letter_can_be_taken_away(differs: Any) -> None:
    columns = letter_columns(differs)
    for row, column in np.argwhere(columns):
        fewer = columns.copy()
        fewer[row, column] = False
        shared = (fewer[:, None, :] & fewer[None, :, :]).any(axis=2)
        assert not np.array_equal(shared, ~differs)


def test_in_a_line_of_means_letters_are_runs() -> None:
    # the first differs from the last two, the second from the last
    columns = letter_columns(matrix_of(4, [(0, 2), (0, 3), (1, 3)]))
    assert columns.astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_a_letter_that_says_nothing_new_is_swept() -> None:
    """In Piepho's words redundant: the pair (1, 2) is told twice before the sweep."""
    differs = matrix_of(5, [(0, 2), (0, 4), (1, 3), (3, 4)])
    columns = letter_columns(differs)
    assert columns.sum() < 2 * 5 + 1


@pytest.mark.parametrize(("size", "expected"), [(1, [[1]]), (3, [[1]] * 3)])
def test_where_nothing_differs_there_is_one_letter(size: int, expected: Any) -> None:
    assert letter_columns(matrix_of(size, [])).astype(int).tolist() == expected


def test_names_of_letters() -> None:
    assert [letter(k) for k in (0, 25, 26, 51, 52, 53)] == ["a", "z", "A", "Z", "a1", "b1"]
