"""Numbers as tables write them."""

from __future__ import annotations

import numpy as np
import pytest

from pymargins.report import numbers


def figures(estimates: list[float], errors: list[float]) -> tuple[list[str], list[str]]:
    e, s = np.array(estimates), np.array(errors)
    places = numbers.decimals(e, s)
    return numbers.figures(e, places), numbers.figures(s, places)


def stripped(column: list[str]) -> list[str]:
    return [cell.strip() for cell in column]


@pytest.mark.parametrize(
    ("estimate", "error", "shown"),
    [
        (0.29008437, 0.01726143, ("0.2901", "0.0173")),
        (62.386588, 0.379861, ("62.387", "0.380")),
        (251.405, 6.8246, ("251.41", "6.82")),
        (123456.7, 5432.1, ("123457", "5432")),
        (-3.6e-6, 2.67e-5, ("-3.6e-6", "2.67e-5")),
        (1.23456e9, 2.5e7, ("1.2346e9", "2.50e7")),
        (-0.00001, 0.5, ("0.000", "0.500")),
        (3.14159, 0.0, ("3.142", "0.000")),
        (0.0, 0.0, ("0.000", "0.000")),
        (0.99999, 0.0999999, ("1.000", "0.100")),
    ],
)
def test_an_estimate_has_the_decimals_its_standard_error_supports(
    estimate: float, error: float, shown: tuple[str, str]
) -> None:
    e, s = figures([estimate], [error])
    assert (e[0].strip(), s[0].strip()) == shown


def test_rows_of_like_precision_have_the_same_decimals() -> None:
    e, _ = figures([0.2901, -2.0370, 62.4], [0.0173, 0.481, 0.9])
    assert stripped(e) == ["0.2901", "-2.0370", "62.4000"]


def test_a_row_that_needs_one_decimal_more_is_not_written_in_another_notation() -> None:
    e, s = figures([0.003704, 0.0035023], [0.000116, 0.0000761])
    assert stripped(e) == ["0.003704", "0.003502"]
    assert stripped(s) == ["0.000116", "0.000076"]


def test_rows_of_other_magnitude_keep_their_own_and_points_stand_in_line() -> None:
    e, _ = figures([0.29012, 5120.3, -3.6e-6], [0.0173, 412.0, 2.67e-5])
    assert stripped(e) == ["0.2901", "5120", "-3.6e-6"]
    ends = [len(cell) - cell.index(".") for cell in e if "." in cell]
    assert ends[0] == ends[1]
    assert len(e[1]) - len(e[1].strip()) == ends[0]


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0, "<0.001"), (0.00099, "<0.001"), (0.0316, "0.032"), (1.0, "1.000")]
)
def test_p_values(p: float, shown: str) -> None:
    assert numbers.p_values(np.array([p])) == [shown]


@pytest.mark.parametrize(
    ("df", "shown"),
    [([25.0, 24.9999999], ["25", "25"]), ([8.93, np.inf], ["8.9", "∞"])],
)
def test_degrees_of_freedom(df: list[float], shown: list[str]) -> None:
    assert stripped(numbers.degrees_of_freedom(np.array(df))) == shown


def test_statistics_that_are_not_finite_are_written() -> None:
    assert stripped(numbers.statistics(np.array([16.8053, np.inf, -np.inf, 3.2e6]))) == [
        "16.81",
        "∞",
        "-∞",
        "3.20e6",
    ]


@pytest.mark.parametrize(("level", "shown"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.9, "90 %")])
def test_percent(level: float, shown: str) -> None:
    assert numbers.percent(level) == shown


def test_powers_of_ten_stand_in_line_by_their_first_digits() -> None:
    cells = numbers.in_line(["-1.23e-13", "3e-15", "2"])
    assert [cell.translate({0x2007: "_", 0x2008: "."}) for cell in cells] == [
        "-1.23e-13",
        "3e-15.__",
        "2.______",
    ]


def test_shares_of_draws() -> None:
    assert stripped(numbers.shares(np.array([0.9995, 0.5, np.nan]))) == [">0.999", "0.500", "–"]
