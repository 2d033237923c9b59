"""Simple effects: contrasts at each point of a grid, and within each subgroup."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pymargins import (
    ArgumentError,
    Margins,
    Scenario,
    did,
    helmert,
    levels,
    pairwise,
    polynomial,
    reference,
    sequential,
)
from support.oracle_cases import load
from support.small_models import ROUNDING, FixedModel, fit, session, study

#: emmeans 1.8.4, ``pairs(emmeans(m, ~ Variety | nitro_f))`` of lme4's split plot of oats, with
#: Kenward-Roger: estimate, t, and the p-value by Tukey within each dose.
OATS = [
    (-6.666666667, -0.6862222802, 0.7732503537),
    (8.500000000, 0.8749334072, 0.6599570762),
    (15.166666667, 1.5611556874, 0.2776849580),
    (-10.000000000, -1.0293334202, 0.5644694890),
    (8.833333333, 0.9092445212, 0.6387324862),
    (18.833333333, 1.9385779414, 0.1453276360),
    (-2.500000000, -0.2573333551, 0.9641968406),
    (3.833333333, 0.3945778111, 0.9179936649),
    (6.333333333, 0.6519111661, 0.7927126549),
    (-2.000000000, -0.2058666840, 0.9769247455),
    (6.333333333, 0.6519111661, 0.7927126549),
    (8.333333333, 0.8577778502, 0.6705352699),
]
#: The limits of its first row, and ``joint_tests(m, by = "nitro_f")``: F and p.
FIRST_LIMITS = (-30.607443408, 17.27411007)
OATS_JOINT = [
    (1.225, 0.3080592127),
    (1.881, 0.1697814388),
    (0.216, 0.8072597398),
    (0.401, 0.6731261541),
]


@pytest.fixture(scope="module")
def oats():
    frame = load("oats_splitplot").frame
    made = fit(
        "Q('yield') ~ Variety * nitro_f",
        frame,
        groups="Block",
        vc_formula={"variety": "0 + C(Variety)"},
        re_formula="1",
        how={"method": "bfgs", "gtol": 1e-9},
    )
    return Margins(made, vcov="kenward-roger", polish=True)


def test_pairs_within_a_factor_are_those_of_emmeans(oats):
    found = oats.contrasts(pairwise("Variety"), atexog="nitro_f").adjust("tukey", by="nitro_f")
    estimate, statistic, p = np.array(OATS).T
    np.testing.assert_allclose(found.estimate, estimate, rtol=1e-8)
    np.testing.assert_allclose(found.statistic, statistic, rtol=2e-5)
    np.testing.assert_allclose(found.p_value, p, rtol=2e-5)
    np.testing.assert_allclose(found.df, 30.23078045, rtol=1e-5)
    np.testing.assert_allclose(found.conf_int().iloc[0], FIRST_LIMITS, rtol=2e-5)


def test_joint_tests_within_a_factor_are_those_of_emmeans(oats):
    found = oats.joint_tests(by="nitro_f")
    assert list(found.columns[:3]) == ["nitro_f", "term", "statistic"]
    assert found["term"].tolist() == ["Variety"] * 4
    assert found["nitro_f"].tolist() == ["N0.0", "N0.2", "N0.4", "N0.6"]
    # emmeans rounds F to three decimals, and takes no scaling of F
    np.testing.assert_allclose(found["statistic"], [f for f, _ in OATS_JOINT], atol=2e-3)
    np.testing.assert_allclose(found["p_value"], [p for _, p in OATS_JOINT], rtol=2e-3)


@pytest.fixture
def m():
    return session(FixedModel("age * C(school) + treated * female + dose", study(), seed=3))


def test_contrasts_at_points_are_differences_of_predictions(m):
    found = m.contrasts(pairwise("treated", [1, 0]), atexog={"age": [30, 50], "female": [0, 1]})
    assert found.labels == (
        "treated: 1 - 0, age=30, female=0",
        "treated: 1 - 0, age=30, female=1",
        "treated: 1 - 0, age=50, female=0",
        "treated: 1 - 0, age=50, female=1",
    )
    grid = {"age": [30, 50], "female": [0, 1]}
    apart = m.predict({**grid, "treated": 1}) - m.predict({**grid, "treated": 0})
    np.testing.assert_allclose(found.estimate, apart.estimate, rtol=ROUNDING)
    np.testing.assert_allclose(found.cov, apart.cov, rtol=1e-9, atol=1e-12)
    frame = found.to_frame()
    assert list(frame.columns[:4]) == ["label", "age", "female", "contrast"]
    assert frame["contrast"].tolist() == ["treated: 1 - 0"] * 4


def test_contrasts_within_subgroups_average_each_over_its_own_rows(m):
    found = m.contrasts(pairwise("treated", [1, 0]), over="school")
    one, none = (m.predict({"treated": t}, over="school") for t in (1, 0))
    np.testing.assert_allclose(found.estimate, (one - none).estimate, rtol=ROUNDING)
    assert found.labels == tuple(f"treated: 1 - 0, school={s}" for s in "ABCD")


def test_subgroups_are_outermost_then_points_then_contrasts(m):
    found = m.contrasts(
        reference("school", ["A", "B", "C"]), atexog={"age": [30, 50]}, over="female"
    )
    assert found.labels[:4] == (
        "B - A, female=0, age=30",
        "C - A, female=0, age=30",
        "B - A, female=0, age=50",
        "C - A, female=0, age=50",
    )
    by_hand = [
        m.predict({"school": s, "age": age}, over="female")[g].estimate[0]
        - m.predict({"school": "A", "age": age}, over="female")[g].estimate[0]
        for g in (0, 1)
        for age in (30, 50)
        for s in "BC"
    ]
    np.testing.assert_allclose(found.estimate, by_hand, rtol=1e-9)


def test_scenarios_that_set_different_variables_keep_their_places(m):
    points = [Scenario({"age": 30}), Scenario({"dose": 1.0}), Scenario({"age": 50})]
    found = m.contrasts(points, {"mixed": [1, -2, 1]}, atexog={"treated": [0, 1]})
    plain = m.contrasts(points, atexog={"treated": [0, 1]})
    assert plain.labels[:3] == ("age=30, treated=0", "dose=1, treated=0", "age=50, treated=0")
    expected = plain.estimate.reshape(2, 3) @ [1, -2, 1]
    np.testing.assert_allclose(found.estimate, expected, rtol=ROUNDING)


def test_what_the_scenarios_set_cannot_be_a_point_too(m):
    with pytest.raises(ArgumentError, match="atexog: 'treated' is set by the scenarios too"):
        m.contrasts(pairwise("treated", [1, 0]), atexog={"treated": [0]})


def test_helpers_without_levels_take_all(m):
    every = m.contrasts(pairwise("school"))
    assert every.labels == ("A - B", "A - C", "A - D", "B - C", "B - D", "C - D")
    assert m.contrasts(sequential("female")).labels == ("female: 1 - 0",)
    assert m.contrasts(helmert("school")).labels[-1] == "D - mean(A, B, C)"
    assert m.contrasts(polynomial("school", degree=1)).labels == ("school: linear",)
    assert m.contrasts(levels("treated")).labels == ("treated=0", "treated=1")
    assert len(m.contrasts(levels("age"))) == 25


def test_reference_without_levels_takes_that_of_the_fit():
    model = FixedModel("C(school, Treatment(reference='C'))", study())
    assert session(model).contrasts(reference("school")).labels == ("A - C", "B - C", "D - C")
    other = session(model).contrasts(reference("school", ref_level="A"))
    assert other.labels == ("B - A", "C - A", "D - A")


def test_a_helper_without_levels_cannot_be_unpacked():
    with pytest.raises(ArgumentError) as caught:
        _, _ = pairwise("school")
    for part in ("pairwise", "'school'", "m.contrasts(pairwise('school'))", "[a, b]"):
        assert part in str(caught.value)
    with pytest.raises(ArgumentError, match="Pass it whole"):
        _ = reference("school").weights
    with pytest.raises(ArgumentError, match="Pass it whole"):
        _ = list(levels("school"))


def test_a_number_with_many_values_has_no_pairs(m):
    with pytest.raises(ArgumentError) as caught:
        m.contrasts(pairwise("age"))
    assert "more than 10 observed values" in str(caught.value)
    assert "pairwise('age', [" in str(caught.value)


def test_did_names_levels_and_direction():
    named = list(did("treated", "post", time_levels=("after", "before")).weights)
    assert named == ["did(treated: 1 - 0, post: after - before)"]


POSITIVE = {"params": [40.0, 2.0, -1.0, 3.0, 0.1]}


def test_differences_on_the_log_scale_are_named_as_ratios():
    model = FixedModel("school + age", study(), **POSITIVE)
    m = session(model, scale="log")
    found = m.contrasts(reference("school", ["A", "B", "C"]))
    assert found.labels == ("B / A", "C / A")
    rows = m.predict("school")
    assert (rows[1] - rows[0]).labels == ("school=B / school=A",)
    assert rows[:2].pairwise().labels == ("A / B",)
    assert rows[:2].contrast([1, -1]).labels == ("school=A / school=B",)
    assert m.contrasts(helmert("school", list("ABC"))).labels[1] == "C / geometric mean(A, B)"
    mine = m.contrasts(levels("school", ["A", "B"]), {"my own": [-1, 1]})
    assert mine.labels == ("my own",)
    scenarios, weights = reference("school", ["A", "B"])
    assert m.contrasts(scenarios, weights).labels == ("B / A",)


def test_on_the_logit_scale_a_contrast_is_an_odds_ratio():
    frame = study()
    model = FixedModel("school + age", frame, params=[0.2, 0.1, -0.05, 0.2, 0.004])
    m = session(model, scale="logit")
    found = m.contrasts(reference("school", ["A", "B"]))
    a, b = m.predict({"school": ["A", "B"]}).estimate
    odds_ratio = (b / (1 - b)) / (a / (1 - a))
    assert found.labels == ("B / A",)
    assert found.estimate[0] == pytest.approx(odds_ratio, rel=1e-12)
    # the delta method on the logarithm
    assert found.std_error[0] == pytest.approx(odds_ratio * np.sqrt(found.cov[0, 0]), rel=1e-12)
    low, high = found.conf_int().iloc[0]
    assert np.log(low) + np.log(high) == pytest.approx(2 * np.log(odds_ratio), rel=1e-9)
    at_one = found.test(null=1.0)
    assert at_one["p_value"].iloc[0] == pytest.approx(found.p_value[0], rel=1e-12)
    text = str(found.summary())
    for part in ("Odds ratio", "compare with 1", "Odds ratios back-transformed from the logit"):
        assert part in text
    rows = m.predict({"school": ["A", "B"]})
    assert (rows[1] - rows[0]).estimate[0] == pytest.approx(odds_ratio, rel=1e-12)
    assert rows.pairwise().estimate[0] == pytest.approx(1 / odds_ratio, rel=1e-12)
    assert "Odds ratio" in str(rows.pairwise().summary())
    mean = rows.contrast([0.5, 0.5])  # no contrast: a mean on the logit scale
    assert 0 < mean.estimate[0] < 1


def test_frames_of_points_carry_other_columns_along(m):
    points = pd.DataFrame({"age": [30, 50], "site": ["x", "y"]})
    found = m.contrasts(pairwise("treated", [1, 0]), atexog=points).to_frame()
    assert found["site"].tolist() == ["x", "y"]
    assert found["label"].tolist() == ["treated: 1 - 0, age=30", "treated: 1 - 0, age=50"]
