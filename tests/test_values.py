"""How values are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest

from pymargins.values import value_text, value_texts


def shift(x: Any) -> Any:
    return x + 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (np.False_, "False"),
        (np.int64(3), "3"),
        (400.0, "400"),
        (-0.5, "-0.5"),
        (1 / 3, "0.333333"),
        (1e20, "1e+20"),
        (float("nan"), "nan"),
        ("A", "A"),
        (datetime(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1, 12), "2024-05-01 12:00:00"),
        (shift, "shift"),
        (lambda x: x, "shifted"),
    ],
)
def test_one_value(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_values_have_the_digits_that_tell_them_apart() -> None:
    assert value_texts([0.1, 0.2]) == ["0.1", "0.2"]
    assert value_texts([1.00000001, 1.00000002]) == ["1.00000001", "1.00000002"]
    assert value_texts(["A", 1, 1]) == ["A", "1", "1"]
