"""Laws that hold whatever the data: what a change of the input must and must not change.

A change of coding, order or names is a change of the columns of X, so that coefficients and their
covariance move with it: ``beta -> A beta`` where ``X A' = X'``. The figures must stay.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymargins import Margins, Scenario, pairwise
from support.small_models import FixedModel

#: Two float64 routes to one figure; conditioning of the change of columns included.
SAME = 1e-9
FEW = settings(max_examples=25, deadline=None)
RHS = "age * school + np.log(dose) + treated"

seeds = st.integers(0, 2**32 - 1)


def study(seed: int, n: int = 40) -> pd.DataFrame:
    """Return random data in which every level and both arms occur."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 75, n),
            "dose": rng.uniform(0.5, 4, n),
            "treated": rng.permutation(np.arange(n) % 2),
            "school": rng.permutation(np.array(list("ABC"), dtype=object)[np.arange(n) % 3]),
        }
    )
    return frame


def moved(model: FixedModel, formula: str, frame: pd.DataFrame) -> FixedModel:
    """Return the same model written by another formula that spans the same columns."""
    other = FixedModel(formula, frame)
    change = np.linalg.lstsq(np.asarray(other.exog), np.asarray(model.exog), rcond=None)[0]
    return FixedModel(formula, frame, params=change @ model.beta, cov=change @ model.cov @ change.T)


def figures(session: Margins) -> dict[str, pd.DataFrame]:
    """Return a figure of every kind."""
    grid = {"age": [30, 50], "treated": [0, 1]}
    results = {
        "predictions": session.predict(grid),
        "subgroups": session.predict(over="school"),
        "slopes": session.dydx(["age", "dose", "treated"], atexog={"school": ["A", "C"]}),
        "contrast": session.contrasts(pairwise("school", ["A", "B", "C"])),
    }
    return {k: r.to_frame()[["estimate", "std_error"]] for k, r in results.items()}


def assert_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    for name, table in one.items():
        scale = table.abs().to_numpy().max()
        np.testing.assert_allclose(other[name], table, rtol=SAME, atol=SAME * scale, err_msg=name)


@FEW
@given(
    seeds,
    st.sampled_from(
        [
            "age * C(school, Sum) + np.log(dose) + treated",
            "age * C(school, Helmert) + np.log(dose) + treated",
            "age * C(school, Treatment('C')) + np.log(dose) + treated",
            "0 + school + age:school + np.log(dose) + treated",
            "treated + np.log(dose) + school * age",
            "center(age) * school + standardize(np.log(dose)) + treated",
        ]
    ),
)
def test_the_coding_changes_nothing(seed: int, formula: str):
    frame = study(seed)
    model = FixedModel(RHS, frame, seed=seed % 1000)
    assert_same(figures(Margins(model)), figures(Margins(moved(model, formula, frame))))


@FEW
@given(seeds, st.floats(0.01, 100))
def test_a_unit_rescales_slopes_alone(seed: int, unit: float):
    frame = study(seed)
    model = FixedModel("age * treated", frame, seed=seed % 1000)
    scaled = frame.assign(age=frame.age * unit)
    change = np.diag([unit if "age" in c else 1.0 for c in model.view.design.names])
    inverse = np.linalg.inv(change)
    other = FixedModel(
        "age * treated", scaled, params=inverse @ model.beta, cov=inverse @ model.cov @ inverse
    )
    slope, rescaled = Margins(model).dydx("age"), Margins(other).dydx("age")
    np.testing.assert_allclose(rescaled.estimate * unit, slope.estimate, rtol=SAME)
    np.testing.assert_allclose(rescaled.std_error * unit, slope.std_error, rtol=SAME)
    a, b = Margins(model).predict(over="school"), Margins(other).predict(over="school")
    np.testing.assert_allclose(b.estimate, a.estimate, rtol=1e-8)


@FEW
@given(seeds)
def test_the_order_of_rows_changes_nothing(seed: int):
    frame = study(seed)
    model = FixedModel(RHS, frame, seed=1)
    shuffled = frame.sample(frac=1.0, random_state=seed % 2**31)
    other = FixedModel(RHS, shuffled, params=model.beta, cov=model.cov)
    assert_same(figures(Margins(model)), figures(Margins(other)))


@FEW
@given(seeds)
def test_names_that_tables_use_change_nothing(seed: int):
    names = {"age": "estimate", "dose": "label", "treated": "group"}
    frame = study(seed)
    model = FixedModel("age * school + dose + treated", frame, seed=1)
    other = FixedModel(
        "estimate * school + label + group",
        frame.rename(columns=names),
        params=model.beta,
        cov=model.cov,
    )
    a = Margins(model).predict({"age": [30, 40], "treated": 1}).to_frame()
    b = Margins(other).predict({"estimate": [30, 40], "group": 1}).to_frame()
    np.testing.assert_allclose(b["estimate"], a["estimate"], rtol=SAME)
    assert list(b["estimate_"]) == [30, 40]


@FEW
@given(seeds)
def test_subgroups_add_up_to_the_whole(seed: int):
    frame = study(seed)
    session = Margins(FixedModel(RHS, frame, seed=2))
    share = frame.groupby("school").size().to_numpy() / len(frame)
    for ask in (session.predict, lambda **o: session.dydx("age", **o)):
        parts, whole = ask(over="school"), ask()
        joined = parts.contrast(share)
        np.testing.assert_allclose(joined.estimate, whole.estimate, rtol=SAME)
        np.testing.assert_allclose(joined.std_error, whole.std_error, rtol=SAME)


@FEW
@given(seeds)
def test_weights_are_repeated_rows(seed: int):
    frame = study(seed)
    model = FixedModel(RHS, frame, seed=3)
    times = np.random.default_rng(seed).integers(1, 4, len(frame))
    repeated = frame.loc[frame.index.repeat(times)].reset_index(drop=True)
    weighted = Margins(model, weights=times.astype(float))
    assert_same(figures(weighted), figures(Margins(model, at=repeated)))
    assert_same(figures(Margins(model, weights=np.ones(len(frame)))), figures(Margins(model)))


@FEW
@given(seeds)
def test_a_population_given_as_a_frame_is_its_rows(seed: int):
    frame = study(seed)
    model = FixedModel(RHS, frame, seed=4)
    assert_same(figures(Margins(model)), figures(Margins(model, at=frame)))
    half = len(frame) // 2
    first, second, whole = (
        Margins(model, at=part).predict({"age": 40}) for part in (frame[:half], frame[half:], frame)
    )
    mean = (first.estimate * half + second.estimate * (len(frame) - half)) / len(frame)
    np.testing.assert_allclose(mean, whole.estimate, rtol=SAME)


@FEW
@given(seeds, st.permutations(range(4)))
def test_the_order_of_scenarios_is_only_theirs(seed: int, order: list[int]):
    session = Margins(FixedModel(RHS, study(seed), seed=5))
    points = [Scenario({"age": a, "treated": t}) for a in (30, 60) for t in (0, 1)]
    weights = np.array([1.0, -1.0, -1.0, 1.0])
    straight = session.contrasts(points, weights)
    permuted = session.contrasts([points[i] for i in order], weights[order])
    np.testing.assert_allclose(permuted.estimate, straight.estimate, rtol=SAME, atol=1e-12)
    np.testing.assert_allclose(permuted.std_error, straight.std_error, rtol=SAME)


@FEW
@given(seeds)
def test_a_contrast_of_averages_is_the_average_of_contrasts(seed: int):
    frame = study(seed)
    model = FixedModel(RHS, frame, seed=6)
    session = Margins(model)
    whole = session.contrasts(pairwise("school", ["B", "A"])).estimate[0]
    rows = [
        Margins(model, at=frame.iloc[[i]]).contrasts(pairwise("school", ["B", "A"])).estimate[0]
        for i in range(0, len(frame), 8)
    ]
    some = Margins(model, at=frame.iloc[::8]).contrasts(pairwise("school", ["B", "A"]))
    assert np.mean(rows) == pytest.approx(some.estimate[0], rel=SAME)
    difference = session.predict({"school": ["A", "B"]})
    assert (difference[1] - difference[0]).estimate[0] == pytest.approx(whole, rel=SAME)


@FEW
@given(seeds)
def test_the_slope_of_a_linear_term_is_its_coefficient(seed: int):
    model = FixedModel("age + dose + school", study(seed), seed=seed % 1000)
    names = list(model.view.design.names)
    slopes = Margins(model).dydx(["age", "dose"])
    index = [names.index("age"), names.index("dose")]
    np.testing.assert_array_equal(slopes.estimate, model.beta[index])
    np.testing.assert_allclose(slopes.cov, model.cov[np.ix_(index, index)], rtol=1e-12)


@FEW
@given(seeds)
def test_a_shift_by_one_is_the_slope_of_a_linear_term(seed: int):
    session = Margins(FixedModel("age * school + treated", study(seed), seed=7))
    shifted = session.predict({"age": lambda age: age + 1.0}) - session.predict()
    slope = session.dydx("age")
    np.testing.assert_allclose(shifted.estimate, slope.estimate, rtol=1e-8)
    np.testing.assert_allclose(shifted.std_error, slope.std_error, rtol=1e-8)
