"""How rows are told apart in tables: by columns where these say all that labels do."""

from __future__ import annotations

from typing import Any

import pytest
from report_cases import CONTRAST, GLS, IDENTITY, MEAN, SLOPE

from pymargins.facts import Asked, Quantity, ResultFacts
from pymargins.report.row_names import row_names


def names(labels: Any, columns: Any, quantity: Quantity = MEAN, asked: Asked | None = None) -> Any:
    facts = ResultFacts(GLS, quantity, IDENTITY, (asked,) if asked else ())
    found = row_names(labels, columns, facts)
    return found.header, [list(cells) for cells in found.cells], found.align


def test_a_column_for_each_variable() -> None:
    columns = {"school": ["A", "A"], "age": [30, 50], "smoker": [True, False]}
    labels = ["school=A, age=30, smoker=True", "school=A, age=50, smoker=False"]
    assert names(labels, columns) == (
        ("school", "age", "smoker"),
        [["A", "A"], ["30", "50"], ["True", "False"]],
        "lrl",
    )


def test_effects_come_first_and_contrasts_last() -> None:
    slopes = {"wave": [1, 2], "term": ["age", "school"], "contrast": ["", "B - A"]}
    assert names(["age, wave=1", "school: B - A, wave=2"], slopes, SLOPE)[0] == (
        "term", "contrast", "wave"
    )  # fmt: skip
    contrasts = {"age": [30], "contrast": ["B - A"]}
    assert names(["B - A, age=30"], contrasts, CONTRAST)[0] == ("age", "contrast")


def test_outcomes_are_innermost() -> None:
    columns = {"outcome": ["low", "high"], "age": [30, 30]}
    assert names(["age=30, outcome=low", "age=30, outcome=high"], columns) == (
        ("age", "outcome"),
        [["30", "30"], ["low", "high"]],
        "rl",
    )


@pytest.mark.parametrize(
    ("labels", "columns", "quantity"),
    [
        (["young"], {"age": [30]}, MEAN),
        (["mean response"], {}, MEAN),
        (["2 * age=30"], {"age": [30]}, MEAN),
        (["person=1: Intercept"], {"group": ["person"], "term": ["Intercept"]}, MEAN),
    ],
)
def test_labels_that_say_more_stay(labels: Any, columns: Any, quantity: Quantity) -> None:
    assert names(labels, columns, quantity) == (("",), [labels], "l")


def test_effects_alone_need_no_heading() -> None:
    assert names(["age", "dose"], {"term": ["age", "dose"]}, SLOPE)[0] == ("",)
    assert names(["B - A"], {"contrast": ["B - A"]}, CONTRAST)[0] == ("",)


def test_columns_that_a_frame_carries_along_are_left_out() -> None:
    columns = {"age": [30, 50], "note": ["first", "second"]}
    asked = Asked(given=("age",))
    assert names(["age=30", "age=50"], columns, MEAN, asked) == (("age",), [["30", "50"]], "r")
