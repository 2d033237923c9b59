"""Equivalence by two one-sided tests, and non-inferiority."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pymargins import ArgumentError, Margins, MarginsResult, Scale, pairwise
from pymargins.families.pvalues import BY_P_VALUES
from support.small_models import FixedModel, study

BETA = [3.0, 0.05, -0.02, 0.3]
COV = np.array([[2, 1, 1, 1], [1, 2, 1, 1], [1, 1, 3, 1], [1, 1, 1, 2]]) / 400.0


def model(**options) -> FixedModel:
    return FixedModel("school", study(), params=BETA, cov=COV, **options)


@pytest.fixture(scope="module")
def pairs() -> MarginsResult:
    return Margins(model(), df=9.0).contrasts(pairwise("school", list("ABCD")))


def test_two_one_sided_tests(pairs: MarginsResult):
    table = pairs.equivalence(-0.25, 0.2)
    assert list(table.columns) == [
        "low",
        "high",
        "statistic_lower",
        "statistic_upper",
        "df",
        "p_lower",
        "p_upper",
        "p_value",
        "ci_lower",
        "ci_upper",
    ]
    assert list(table.index) == list(pairs.labels)
    assert table.index.name == "label"
    lower = (pairs.estimate + 0.25) / pairs.std_error
    upper = (pairs.estimate - 0.2) / pairs.std_error
    np.testing.assert_allclose(table["statistic_lower"], lower)
    np.testing.assert_allclose(table["statistic_upper"], upper)
    np.testing.assert_allclose(table["p_lower"], stats.t.sf(lower, 9))
    np.testing.assert_allclose(table["p_upper"], stats.t.cdf(upper, 9))
    np.testing.assert_array_equal(table["p_value"], table[["p_lower", "p_upper"]].max(axis=1))
    ninety = pairs.conf_int(0.9)
    np.testing.assert_allclose(table[["ci_lower", "ci_upper"]], ninety)


def test_the_interval_decides_as_the_p_value(pairs: MarginsResult):
    for high in np.linspace(0.05, 0.6, 12):
        table = pairs.equivalence(-high, high)
        inside = (table["ci_lower"] > -high) & (table["ci_upper"] < high)
        np.testing.assert_array_equal(inside, table["p_value"] < 0.05)


def test_the_level_is_the_result_s():
    result = Margins(model(), level=0.9).contrasts(pairwise("school", ["A", "B"]))
    table = result.equivalence(-1, 1)
    np.testing.assert_allclose(table[["ci_lower", "ci_upper"]], result.conf_int(0.8))


def test_bounds_of_each_row(pairs: MarginsResult):
    high = np.linspace(0.1, 0.6, 6)
    table = pairs.equivalence(-high, high)
    for i in range(6):
        one = pairs[i].equivalence(-high[i], high[i])
        pd.testing.assert_frame_equal(table.iloc[[i]], pd.DataFrame(one))


def test_ratios_on_the_log_scale():
    result = Margins.log_scale(model()).contrasts(pairwise("school", list("ABCD")))
    table = result.equivalence(0.8, 1.25)
    se = result.std_error / result.estimate
    np.testing.assert_allclose(table["statistic_lower"], np.log(result.estimate / 0.8) / se)
    np.testing.assert_allclose(table["statistic_upper"], np.log(result.estimate / 1.25) / se)
    np.testing.assert_allclose(table[["ci_lower", "ci_upper"]], result.conf_int(0.9))
    assert (table[["low", "high"]] == [0.8, 1.25]).all().all()


def test_a_falling_scale_keeps_the_sides_of_the_outcome():
    falling = Scale(np.reciprocal, np.reciprocal, lambda mean: -1.0 / mean**2, name="reciprocal")
    result = Margins(model(), scale=falling).predict({"school": ["A", "B"]})
    table = result.equivalence(2.8, 3.3)
    value = 1.0 / result.estimate
    se = result.std_error / result.estimate**2
    np.testing.assert_allclose(table["statistic_lower"], (value - 1 / 2.8) / se)
    np.testing.assert_allclose(table["p_lower"], stats.norm.cdf((value - 1 / 2.8) / se))
    np.testing.assert_allclose(table["p_upper"], stats.norm.sf((value - 1 / 3.3) / se))
    assert (table["ci_lower"] < table["ci_upper"]).all()


def test_adjusted_equivalence(pairs: MarginsResult):
    plain = pairs.equivalence(-0.3, 0.3)
    for method, how in BY_P_VALUES.items():
        table = pairs.adjust(method).equivalence(-0.3, 0.3)
        np.testing.assert_allclose(table["p_value"], how.adjust(plain["p_value"].to_numpy()))
        level = 1.0 - 2.0 * how.share(0.05, 6)
        np.testing.assert_allclose(table[["ci_lower", "ci_upper"]], pairs.conf_int(level))
    for method in ("tukey", "mvt", "scheffe"):
        with pytest.raises(ArgumentError, match=f'"{method}" adjusts two-sided tests .*"holm"'):
            pairs.adjust(method).equivalence(-0.3, 0.3)
    with pytest.raises(ArgumentError, match="2 of 6 rows that were adjusted together"):
        pairs.adjust("holm")[:2].equivalence(-0.3, 0.3)


def test_equivalence_from_draws():
    session = Margins(model(), method="simulation", n_sim=999, rng=3)
    result = session.contrasts(pairwise("school", ["A", "B"]))
    table = result.equivalence(-0.3, 0.3)
    values = result.draws[:, 0]
    assert table["p_lower"].iloc[0] == (1 + (values <= -0.3).sum()) / 1000
    assert table["p_upper"].iloc[0] == (1 + (values >= 0.3).sum()) / 1000


def test_non_inferiority_is_a_one_sided_test(pairs: MarginsResult):
    found = pairs.test(null=-0.25, alternative="greater")["p_value"]
    np.testing.assert_allclose(found, pairs.equivalence(-0.25, 9.0)["p_lower"])


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0.2, -0.2, "low must be below high, got 0.2 and -0.2"),
        (0.2, 0.2, "low must be below high"),
        (-np.inf, 0.2, "low: must be finite"),
        (-0.1, np.nan, "high: must be finite"),
        (None, 0.2, "low: must be finite|low: expected a number"),
        (-0.1, "wide", "high: expected a number or 6 numbers, got 'wide'"),
        ([0.1, 0.2], 1.0, "low: expected a number or 6 numbers"),
    ],
)
def test_bounds_that_cannot_be_used(pairs: MarginsResult, low, high, message: str):
    with pytest.raises(ArgumentError, match=message):
        pairs.equivalence(low, high)


def test_a_bound_outside_the_scale():
    result = Margins.log_scale(model()).contrasts(pairwise("school", ["A", "B"]))
    with pytest.raises(ArgumentError, match=r"low: .*No effect is 1 here"):
        result.equivalence(-0.2, 0.2)


def test_a_level_that_leaves_no_interval():
    result = Margins(model(), level=0.5).contrasts(pairwise("school", ["A", "B"]))
    with pytest.raises(ArgumentError, match="does not leave"):
        result.equivalence(-1, 1)
