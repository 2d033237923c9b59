"""The balanced grid with emmeans' weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins
from support.oracle_cases import load
from support.small_models import FixedModel, fit, session, study

SCHEMES = ("equal", "proportional", "outer", "cells")

#: emmeans 1.8.4 of ``y ~ a * b + z + (1 | g)`` on data/unbalanced_two_way.csv, Kenward-Roger:
#: the means of a, of b and over both, with standard errors.
EMMEANS = {
    "equal": (
        [1.30709500, 3.47576324, 2.23226969, 0.785461145, 3.891290812, 2.33837598],
        [0.434647770, 0.482357087, 0.496166034, 0.408598413, 0.458702436, 0.397733273],
    ),
    "proportional": (
        [0.894590087, 3.060750605, 1.633640968, 0.749187821, 3.772184337, 1.78480244],
        [0.435834823, 0.458007466, 0.482857354, 0.408246402, 0.452623397, 0.390557482],
    ),
    "outer": (
        [0.894590087, 3.060750605, 1.633640968, 0.749187821, 3.772184337, 1.79798253],
        [0.435834823, 0.458007466, 0.482857354, 0.408246402, 0.452623397, 0.391863081],
    ),
    "cells": (
        [1.17234339, 2.79790927, 1.48014642, 0.858961709, 3.527561467, 1.78480244],
        [0.433507013, 0.452904210, 0.482755575, 0.407186043, 0.448490802, 0.390557482],
    ),
}


@pytest.fixture(scope="module")
def two_way():
    frame = pd.read_csv(Path(__file__).parents[1] / "data" / "unbalanced_two_way.csv")
    return fit("y ~ a * b + z", frame, groups="g", how={"method": "bfgs", "gtol": 1e-9})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_means_are_those_of_emmeans(two_way, scheme):
    m = Margins(two_way, at="balanced", weights=scheme, vcov="kenward-roger", polish=True)
    found = [m.predict("a"), m.predict("b"), m.predict()]
    estimate, error = EMMEANS[scheme]
    np.testing.assert_allclose(np.concatenate([r.estimate for r in found]), estimate, rtol=2e-5)
    np.testing.assert_allclose(np.concatenate([r.std_error for r in found]), error, rtol=2e-5)


@pytest.mark.parametrize("case", ["machines_unbalanced", "sleep_missing"])
@pytest.mark.parametrize("scheme", ["equal", "proportional"])
def test_overall_means_are_those_of_the_oracle(case, scheme):
    query = load(case).queries[f"overall_{scheme}"]
    found = Margins(load(case).adapter, at="balanced", weights=scheme).predict()
    assert found.estimate[0] == pytest.approx(query.rows[0]["estimate"], rel=1e-8)
    assert found.std_error[0] == pytest.approx(query.rows[0]["asymptotic"]["se"], rel=1e-8)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_row_counts_as_often_as_its_frequency_weight_says(scheme):
    rng = np.random.default_rng(5)
    rows = study().assign(often=rng.integers(1, 6, 96), passed=rng.integers(0, 2, 96))
    each = rows.loc[rows.index.repeat(rows["often"])].reset_index(drop=True)
    formula, family = "passed ~ age * school + smoker", sm.families.Binomial()
    counted = smf.glm(formula, rows, family=family, freq_weights=rows["often"]).fit()
    repeated = smf.glm(formula, each, family=family).fit()
    found, right = (Margins(f, at="balanced", weights=scheme) for f in (counted, repeated))
    for atexog in (None, "school", "smoker"):
        one, other = found.predict(atexog), right.predict(atexog)
        np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-10)
        np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-10)


def test_percentiles_count_a_row_as_often_too():
    rng = np.random.default_rng(6)
    rows = study().assign(often=rng.integers(0, 6, 96), passed=rng.integers(0, 2, 96))
    each = rows.loc[rows.index.repeat(rows["often"])].reset_index(drop=True)
    family = sm.families.Binomial()
    counted = smf.glm("passed ~ age", rows, family=family, freq_weights=rows["often"]).fit()
    for rule, q in {"p0": 0.0, "p12.5": 0.125, "p25": 0.25, "median": 0.5, "p100": 1.0}.items():
        found = Margins(counted, at={"age": rule}).predict()
        right = Margins(counted).predict({"age": float(np.quantile(each["age"], q))})
        assert found.estimate[0] == pytest.approx(right.estimate[0], rel=1e-10)


def test_within_subgroups_combinations_count_by_their_own_cells():
    model = FixedModel("school * smoker + age", study())
    m = session(model, at="balanced", weights="cells")
    np.testing.assert_allclose(
        m.predict("school").estimate, m.predict(over="school").estimate, rtol=1e-10
    )
    slopes = session(FixedModel("school * age + smoker", study()), at="balanced", weights="cells")
    assert slopes.dydx("age", atexog="school").labels[1] == "age, school=B"
    changes = m.dydx("smoker")  # each level over the rows that have it
    levels = m.predict("smoker").estimate
    assert changes.estimate[0] == pytest.approx(levels[1] - levels[0], rel=1e-10)


def test_cells_without_rows_are_named():
    frame = study()
    frame = frame[~((frame["school"] == "A") & frame["smoker"])]
    m = session(FixedModel("school + smoker", frame), at="balanced", weights="cells")
    with pytest.raises(ArgumentError) as caught:
        m.predict({"school": ["A", "B"], "smoker": [True]})
    for part in ("weights", '"cells"', "school=A, smoker=True", "1 of 2", '"equal"'):
        assert part in str(caught.value)


def test_tables_say_how_combinations_are_weighted():
    model = FixedModel("school * smoker + age", study())
    words = {
        "equal": "equally weighted",
        "proportional": "weighted by their share of the rows",
        "outer": "product of their levels' shares",
        "cells": "that have the levels asked for",
    }
    for scheme, said in words.items():
        found = session(model, at="balanced", weights=scheme).predict("school").summary()
        assert said in " ".join(str(found).split())


def test_schemes_are_checked():
    model = FixedModel("school + age", study())
    with pytest.raises(ArgumentError) as caught:
        session(model, at="balanced", weights="proportionally")
    for part in ("weights", "'cells'", "Did you mean 'proportional'?", 'at="overall"'):
        assert part in str(caught.value)
    with pytest.raises(ArgumentError, match="weights: got 'ndarray'"):
        session(model, at="balanced", weights=np.ones(96))
