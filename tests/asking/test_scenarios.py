"""Scenario helpers: points, weights and labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pymargins import (
    Scenario,
    ScenarioSet,
    all_pairwise,
    did,
    grid,
    helmert,
    levels,
    pairwise,
    polynomial,
    reference,
    sequential,
)
from support.small_models import ROUNDING, FixedModel, session, study


def weights(made):
    return {name: w.tolist() for name, w in made.weights.items()}


def values(scenarios):
    return [tuple(s.atexog.values()) for s in scenarios]


def test_a_helper_returns_a_named_pair():
    made = pairwise("treated", [1, 0])
    assert isinstance(made, ScenarioSet)
    scenarios, w = made
    assert scenarios is made.scenarios
    assert w is made.weights
    assert [s.label for s in scenarios] == ["treated=1", "treated=0"]


def test_pairwise_is_the_first_minus_the_second():
    assert weights(pairwise("treated", [1, 0])) == {"treated: 1 - 0": [1, -1]}
    assert weights(pairwise("school", ["B", "A"])) == {"B - A": [1, -1]}


def test_pairwise_of_more_is_every_pair():
    """Row 14: four levels give six contrasts, not three."""
    for helper in (pairwise, all_pairwise):
        made = helper("school", list("ABCD"))
        assert list(made.weights) == ["A - B", "A - C", "A - D", "B - C", "B - D", "C - D"]
        matrix = np.stack(list(made.weights.values()))
        assert np.linalg.matrix_rank(matrix) == 3
        assert (matrix.sum(axis=1) == 0).all()


def test_reference():
    assert weights(reference("school", ["A", "B", "C"])) == {
        "B - A": [-1, 1, 0],
        "C - A": [-1, 0, 1],
    }
    assert weights(reference("school", ["A", "B", "C"], ref_level="B")) == {
        "A - B": [1, -1, 0],
        "C - B": [0, -1, 1],
    }
    assert list(reference("wave", [1, 2, 4], ref_level=2).weights) == ["wave: 1 - 2", "wave: 4 - 2"]


def test_sequential():
    assert weights(sequential("school", ["A", "B", "C"])) == {
        "B - A": [-1, 1, 0],
        "C - B": [0, -1, 1],
    }


def test_helmert():
    assert weights(helmert("school", ["A", "B", "C"])) == {
        "B - A": [-1, 1, 0],
        "C - mean(A, B)": [-0.5, -0.5, 1],
    }
    assert list(helmert("wave", [1, 2, 4]).weights) == ["wave: 2 - 1", "wave: 4 - mean(1, 2)"]


TABLED = {
    3: [[-1, 0, 1], [1, -2, 1]],
    4: [[-3, -1, 1, 3], [1, -1, -1, 1], [-1, 3, -3, 1]],
    5: [[-2, -1, 0, 1, 2], [2, -1, -2, -1, 2], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1]],
    6: [
        [-5, -3, -1, 1, 3, 5],
        [5, -1, -4, -4, -1, 5],
        [-5, 7, 4, -4, -7, 5],
        [1, -3, 2, 2, -3, 1],
        [-1, 5, -10, 10, -5, 1],
    ],
}


@pytest.mark.parametrize("k", TABLED)
def test_polynomials_are_the_tabled_integers(k):
    for given in (range(k), np.linspace(0.1, 0.9, k), [f"level {i}" for i in range(k)]):
        made = polynomial("dose", list(given))
        np.testing.assert_array_equal(np.stack(list(made.weights.values())), TABLED[k])
    assert list(made.weights)[:2] == ["dose: linear", "dose: quadratic"]


def test_polynomials_of_unequal_spacing_are_orthonormal():
    scores = np.array([0.0, 1.0, 2.0, 5.0, 10.0])
    made = polynomial("dose", scores, degree=3)
    matrix = np.stack(list(made.weights.values()))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert matrix.sum(axis=1) == pytest.approx(0, abs=1e-12)
    assert matrix[1] @ scores == pytest.approx(0, abs=1e-12)  # no linear part in the quadratic
    assert matrix[2] @ scores**2 == pytest.approx(0, abs=1e-11)
    assert all(matrix[d] @ scores ** (d + 1) > 0 for d in range(3))


def test_a_polynomial_of_falling_levels_still_rises_with_the_variable():
    rising = polynomial("dose", [1, 2, 3]).weights["dose: linear"]
    falling = polynomial("dose", [3, 2, 1]).weights["dose: linear"]
    assert falling.tolist() == rising.tolist()[::-1]
    quadratic = polynomial("dose", [3, 2, 1]).weights["dose: quadratic"]
    assert quadratic.tolist() == [1, -2, 1]


def test_did():
    made = did("treated", "post", time_levels=("after", "before"))
    assert values(made.scenarios) == [(1, "after"), (1, "before"), (0, "after"), (0, "before")]
    assert weights(made) == {"did(treated: 1 - 0, post: after - before)": [1, -1, -1, 1]}


def test_grid_and_levels():
    made = grid(dose=[0, 10], school=["A", "B"], age=30)
    assert values(made) == [(0, "A", 30), (0, "B", 30), (10, "A", 30), (10, "B", 30)]
    assert made[1].label == "dose=0, school=B, age=30"
    assert values(levels("dose", pd.Series([1.5, 2.0], index=[7, 9]))) == [(1.5,), (2.0,)]


def test_labels():
    assert Scenario({}).label == "mean response"
    assert Scenario({"a": True, "b": np.int64(3), "c": 0.123456789}).label == (
        "a=True, b=3, c=0.123457"
    )
    assert Scenario({"a": 1}, label="mine").label == "mine"
    assert Scenario({"age": np.log}).label == "age=log"
    assert list(pairwise("smoker", [True, False]).weights) == ["smoker: True - False"]
    assert list(pairwise("grade", pd.Categorical(["mid", "low"])).weights) == ["mid - low"]


def test_a_scenario_keeps_its_own_values():
    given = {"treated": 1}
    scenario = Scenario(given)
    given["treated"] = 0
    assert scenario.atexog == {"treated": 1}
    with pytest.raises(AttributeError):
        scenario.label = "x"


# --- in a session --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return study(96)


@pytest.fixture(scope="module")
def model(data):
    return FixedModel("age * treated + school + smoker + C(wave)", data)


def row(model, data, **values):
    return model.mean(data.assign(**values))


@pytest.mark.parametrize(
    "helper",
    [
        pairwise("school", list("ABCD")),
        reference("school", list("ABCD"), ref_level="C"),
        sequential("school", list("DCBA")),
        helmert("school", list("ABCD")),
        polynomial("school", list("ABCD")),
    ],
    ids=["pairwise", "reference", "sequential", "helmert", "polynomial"],
)
def test_contrasts_are_combinations_of_predictions(helper, model, data):
    rows = np.stack([row(model, data, **s.atexog) for s in helper.scenarios])
    matrix = np.stack(list(helper.weights.values())) @ rows
    for result in (
        session(model).contrasts(helper),
        session(model).contrasts(*helper),
        session(model).contrasts(scenarios=helper.scenarios, contrasts=helper.weights),
    ):
        assert result.labels == tuple(helper.weights)
        np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.cov, matrix @ model.cov @ matrix.T, rtol=1e-9, atol=1e-14)


def test_scenarios_that_set_different_variables(model, data):
    """Grouped by what they set, and given back in the order they came."""
    scenarios = [
        Scenario({"age": 30}),
        Scenario({"treated": 1, "age": 50}),
        Scenario({}),
        Scenario({"age": 60}),
        Scenario({"age": lambda age: age + 2, "treated": 0}),
        Scenario({"age": 50, "treated": 0}),
        Scenario({"school": "D"}),
    ]
    wanted = [
        {"age": 30},
        {"age": 50, "treated": 1},
        {},
        {"age": 60},
        {"age": data.age + 2, "treated": 0},
        {"age": 50, "treated": 0},
        {"school": "D"},
    ]
    result = session(model).contrasts(scenarios)
    assert result.labels == tuple(s.label for s in scenarios)
    matrix = np.stack([row(model, data, **w) for w in wanted])
    np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=ROUNDING)
    np.testing.assert_allclose(result.cov, matrix @ model.cov @ matrix.T, rtol=ROUNDING)


def test_two_shifts_are_two_scenarios(model, data):
    shifts = [Scenario({"age": lambda a, k=k: a + k}, label=f"+{k}") for k in (1, 2, 3)]
    result = session(model).contrasts(shifts)
    wanted = [row(model, data, age=data.age + k) @ model.beta for k in (1, 2, 3)]
    np.testing.assert_allclose(result.estimate, wanted, rtol=ROUNDING)


def test_ways_to_write_weights(model):
    m = session(model)
    scenarios = levels("treated", [1, 0])
    wanted = m.contrasts(pairwise("treated", [1, 0]))
    for contrast in ([1, -1], (1.0, -1.0), np.array([1, -1]), [[1, -1]], pd.Series([1, -1]),
                     {"mine": [1, -1]}):  # fmt: skip
        result = m.contrasts(scenarios, contrast)
        assert result.estimate[0] == wanted.estimate[0]
        assert result.cov == wanted.cov
    assert m.contrasts(scenarios, {"mine": [1, -1]}).labels == ("mine",)
    assert m.contrasts(scenarios, [1, -1]).labels == ("treated=1 - treated=0",)
    assert m.contrasts(scenarios, [0.5, 0.5]).labels == ("0.5*treated=1 + 0.5*treated=0",)
    both = m.contrasts(scenarios, [[1, -1], [0.5, 0.5]])
    assert both.labels == ("treated=1 - treated=0", "0.5*treated=1 + 0.5*treated=0")
    assert m.contrasts(scenarios, [[1, -1], [1, -1]]).labels == (
        "treated=1 - treated=0",
        "treated=1 - treated=0'",
    )


def test_weights_need_not_sum_to_zero(model, data):
    result = session(model).contrasts(levels("treated", [1, 0]), {"mean": [0.25, 0.75]})
    wanted = 0.25 * row(model, data, treated=1) + 0.75 * row(model, data, treated=0)
    assert result.estimate[0] == pytest.approx(wanted @ model.beta, rel=ROUNDING)


def test_one_scenario_alone(model):
    m = session(model)
    for scenario in (Scenario({"age": 30}), {"atexog": {"age": 30}}, [Scenario({"age": 30})]):
        assert m.contrasts(scenario).estimate[0] == m.predict({"age": 30}).estimate[0]


def test_evaluate(model, data):
    m = session(model)
    scenarios = levels("treated", [1, 0])
    one, zero = (row(model, data, treated=t) for t in (1, 0))
    a, b = one @ model.beta, zero @ model.beta
    gradient = one / b - zero * a / b**2
    ratio = m.evaluate(scenarios, lambda x: x[0] / x[1], labels="ratio")
    assert ratio.labels == ("ratio",)
    assert ratio.estimate[0] == pytest.approx(a / b, rel=ROUNDING)
    assert ratio.std_error[0] == pytest.approx(np.sqrt(gradient @ model.cov @ gradient), rel=1e-8)

    def both(x):
        return np.array([x[0] * x[1], x.sum()])

    vector = m.evaluate(scenarios, both)
    assert vector.labels == ("both[0]", "both[1]")
    jacobian = np.stack([a * zero + b * one, one + zero])
    np.testing.assert_allclose(vector.estimate, [a * b, a + b], rtol=ROUNDING)
    np.testing.assert_allclose(vector.cov, jacobian @ model.cov @ jacobian.T, rtol=1e-8)
    total = vector[0] + vector[1]
    assert total.estimate[0] == pytest.approx(a * b + a + b, rel=ROUNDING)


def test_evaluate_a_linear_function_is_a_contrast(model):
    m = session(model)
    scenarios, w = reference("school", list("ABCD"))
    matrix = np.stack(list(w.values()))
    wanted = m.contrasts(scenarios, w)
    result = m.evaluate(scenarios, lambda x: matrix @ x, labels=list(w))
    np.testing.assert_allclose(result.estimate, wanted.estimate, rtol=1e-9)
    np.testing.assert_allclose(result.cov, wanted.cov, rtol=1e-7, atol=1e-12)


def test_evaluate_when_every_mean_is_zero(data):
    """The step of a difference must not depend on the size of the means alone."""
    model = FixedModel("treated", data, params=[0.0, 0.0], cov=np.eye(2))
    result = session(model).evaluate(levels("treated", [1, 0]), lambda x: np.exp(x[0]) + x[1] ** 3)
    assert result.estimate[0] == 1.0
    assert result.std_error[0] == pytest.approx(np.sqrt(2.0), rel=1e-8)


@pytest.mark.parametrize("helper", [pairwise, reference, sequential, helmert])
def test_close_numbers_keep_contrasts_of_their_own(helper):
    numbers = [1234567.5, 1234568.5, 1234569.5]
    made = helper("inc", numbers)
    assert len(made.weights) == (3 if helper is pairwise else 2)
    assert len({s.label for s in made.scenarios}) == 3


def test_labels_have_the_digits_that_tell_them_apart():
    assert [s.label for s in levels("x", [1 / 3, 2 / 3])] == ["x=0.333333", "x=0.666667"]
    assert [s.label for s in levels("x", [0.1234567, 0.1234568])] == ["x=0.1234567", "x=0.1234568"]
    assert [s.label for s in levels("x", [1e6, 2.0])] == ["x=1000000", "x=2"]
    assert levels("day", [pd.Timestamp("2020-01-02")])[0].label == "day=2020-01-02"
    m = session(FixedModel("income + treated", study(96)))
    assert m.predict({"income": [60000.01, 60000.02]}).labels == (
        "income=60000.01",
        "income=60000.02",
    )
