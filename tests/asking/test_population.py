"""Populations: what is averaged over, with which weights, within which subgroups.

Every figure is compared with rows that patsy builds from a frame that pandas made.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from pymargins import ArgumentError, EstimabilityError, NumericalError, UnknownNameError
from support.small_models import ROUNDING, FixedModel, session, study

FORMULA = "np.log(age) * treated + I(dose**2) + C(school, Sum) * smoker + C(wave) + grade + female"


@pytest.fixture(scope="module")
def data():
    frame = study(96)
    frame["two"] = np.where(frame.female == 1, 2.5, 0.0)
    frame["weight"] = np.arange(96) % 4
    frame["note"] = None
    frame["when"] = pd.Timestamp("2020-01-01")
    frame["region"] = pd.Categorical(
        np.array(["west", "east", "south"])[np.arange(96) % 3], ["west", "south", "north", "east"]
    )
    return frame


@pytest.fixture(scope="module")
def model(data):
    return FixedModel(FORMULA, data)


def agrees(result, model, matrix, atol=0.0):
    matrix = np.atleast_2d(matrix)
    np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=ROUNDING, atol=atol)
    np.testing.assert_allclose(result.cov, matrix @ model.cov @ matrix.T, rtol=ROUNDING, atol=1e-14)


def one_row(data, **values):
    """A frame of one row with the columns of the data, some of them set."""
    row = data.iloc[[0]].copy()
    for name, value in values.items():
        row[name] = pd.Series([value], index=row.index).astype(
            data[name].dtype if not isinstance(value, float) else float
        )
    return row


def mode(column):
    return column.mode(dropna=False).iloc[0]


def typical(data):
    return {
        "age": float(data.age.median()),
        "dose": data.dose.median(),
        "treated": int(mode(data.treated)),
        "female": int(mode(data.female)),
        "school": mode(data.school),
        "smoker": bool(mode(data.smoker)),
        "wave": int(mode(data.wave)),
        "grade": mode(data.grade),
    }


def means(data):
    return typical(data) | {
        name: data[name].mean() for name in ("age", "dose", "treated", "female")
    }


# --- at ------------------------------------------------------------------------------------------


def test_overall(model, data):
    agrees(session(model).predict(), model, model.mean(data))


def test_typical(model, data):
    result = session(model, at="typical").predict()
    agrees(result, model, model.mean(one_row(data, **typical(data))))


def test_typical_takes_the_mode_of_two_values(data):
    """Row 24: a variable with the values 0 and 2.5 is neither 1.25 nor refused a slope."""
    model = FixedModel("two + age", data.drop(index=data.index[data.female == 0][:5]))
    m = session(model, at="typical")
    assert m.predict().estimate[0] == pytest.approx(
        model.beta @ [1, 2.5, model.fitted.frame.age.median()], rel=ROUNDING
    )
    assert m.dydx("two").estimate[0] == model.beta[1]


def test_mean(model, data):
    agrees(session(model, at="mean").predict(), model, model.mean(one_row(data, **means(data))))


def test_unused_columns_matter_to_no_population(data):
    """Row 19: text, dates and missing values in columns outside the model."""
    frame = data.assign(income=np.nan, note=[None, "text"] * 48)
    model = FixedModel("age + school", frame)
    for at in ("overall", "typical", "mean", "balanced", {"age": 30}):
        assert session(model, at=at).predict().std_error[0] > 0


def test_balanced(model, data):
    levels = itertools.product(list("ABCD"), [False, True], [1, 2, 4, 5], ["low", "mid", "high"])
    numbers = {k: float(data[k].mean()) for k in ("age", "treated", "dose", "female")}
    grid = pd.concat(
        [one_row(data, school=s, smoker=b, wave=w, grade=g, **numbers) for s, b, w, g in levels]
    )
    agrees(session(model, at="balanced").predict(), model, model.mean(grid))
    by_school = session(model, at="balanced").predict(over="school")
    agrees(by_school, model, [model.mean(grid[grid.school == s]) for s in "ABCD"])
    pinned = session(model, at="balanced").predict({"school": list("ABCD")})
    agrees(pinned, model, [model.mean(grid[grid.school == s]) for s in "ABCD"])


def test_balanced_without_categories_is_the_mean(data):
    model = FixedModel("age * dose", data)
    wanted = session(model, at="mean").predict().estimate
    np.testing.assert_allclose(
        session(model, at="balanced").predict().estimate, wanted, rtol=ROUNDING
    )


def test_balanced_needs_every_combination(data):
    thin = data[~((data.school == "D") & (data.grade == "low"))]
    model = FixedModel("school * grade", thin)
    with pytest.raises(EstimabilityError, match="not estimable"):
        session(model, at="balanced").predict()
    assert session(model).predict().std_error[0] > 0


RULES = {
    "mean": lambda x: x.mean(),
    "median": lambda x: x.median(),
    "mode": mode,
    "min": lambda x: x.min(),
    "max": lambda x: x.max(),
    "p25": lambda x: x.quantile(0.25),
    "p2.5": lambda x: x.quantile(0.025),
    "p100": lambda x: x.max(),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules(rule, model, data):
    wanted = typical(data) | {"age": float(RULES[rule](data.age))}
    result = session(model, at={"age": rule}).predict()
    agrees(result, model, model.mean(one_row(data, **wanted)))


def test_constants_and_functions(model, data):
    """Row 20: a mapping of constants and functions of a column."""
    wanted = typical(data) | {"age": 30.0, "dose": float(data.dose.max() / 2), "school": "C"}
    at = {"age": 30, "dose": lambda column: column.max() / 2, "school": lambda c: "C"}
    agrees(session(model, at=at).predict(), model, model.mean(one_row(data, **wanted)))
    agrees(session(model, at={}).predict(), model, model.mean(one_row(data, **typical(data))))


def test_a_level_that_is_the_name_of_a_rule(data):
    frame = data.assign(kind=np.where(data.female == 1, "mode", "mean"))
    model = FixedModel("kind", frame, params=[0.0, 1.0])
    assert session(model, at={"kind": "mode"}).predict().estimate[0] == 1.0
    assert session(model, at={"kind": "mean"}).predict().estimate[0] == 0.0


def test_a_frame(model, data):
    new = data.iloc[::7].assign(age=33)
    agrees(session(model, at=new).predict(), model, model.mean(new))
    agrees(
        session(model, at=new).predict({"treated": [0, 1]}),
        model,
        [model.mean(new.assign(treated=t)) for t in (0, 1)],
    )


def test_a_frame_in_other_types(model, data):
    """Integers for floats, text for categories, 0/1 for booleans: what the fit would have seen."""
    new = data.iloc[:20].assign(
        dose=lambda d: d.dose.round(),
        grade=lambda d: d.grade.astype(object),
        smoker=lambda d: d.smoker.astype(int),
        school=lambda d: pd.Categorical(d.school),
        wave=lambda d: d.wave.astype(float),
    )
    agrees(
        session(model, at=new).predict(),
        model,
        model.mean(data.iloc[:20].assign(dose=data.dose.round())),
    )


def test_a_frame_with_its_own_levels(data):
    """The frame's categories may be fewer and in another order; the fit's decide."""
    model = FixedModel("region", data, params=[0.0, 1.0, 2.0, 3.0])
    new = pd.DataFrame({"region": pd.Categorical(["east", "west"], ["east", "west"])})
    assert session(model, at=new).predict().estimate[0] == 1.5


# --- weights -------------------------------------------------------------------------------------


def test_weights(model, data):
    """Rows 9 and 21: every verb takes the weights, in subgroups too."""
    w = data.weight.to_numpy(dtype=float)
    for weights in ("weight", w, list(w), data.weight):
        m = session(model, weights=weights)
        agrees(m.predict(), model, model.mean(data, w))
    agrees(
        m.predict(over="school"),
        model,
        [model.mean(data[data.school == s], w[data.school == s]) for s in "ABCD"],
    )
    slope = model.mean(data.assign(treated=1), w) - model.mean(data.assign(treated=0), w)
    agrees(m.dydx("treated"), model, slope)
    from pymargins import pairwise

    agrees(m.contrasts(pairwise("treated", [1, 0])), model, slope)
    ratio = m.evaluate(pairwise("treated", [1, 0]), lambda x: x[0] / x[1])
    one, zero = (model.mean(data.assign(treated=t), w) @ model.beta for t in (1, 0))
    assert ratio.estimate[0] == pytest.approx(one / zero, rel=ROUNDING)
    rows, slopes = model.rows(data), data.copy()
    d_rows = (
        model.rows(slopes.assign(age=data.age * (1 + 1e-6)))
        - model.rows(slopes.assign(age=data.age * (1 - 1e-6)))
    ) / 2e-6
    elasticity = np.average(d_rows @ model.beta / (rows @ model.beta), weights=w)
    if ((rows @ model.beta) > 0).all() or ((rows @ model.beta) < 0).all():
        assert m.eyex("age").estimate[0] == pytest.approx(elasticity, rel=1e-6)
    else:
        with pytest.raises(NumericalError):
            m.eyex("age")


@pytest.mark.parametrize("at", ["overall", "typical", "mean", {"age": "median", "dose": "mean"}])
def test_weights_count_rows(at, data):
    formula = "age * treated + dose + school + smoker"
    w = data.weight.to_numpy()
    repeated = data.loc[np.repeat(data.index, w)].reset_index(drop=True)
    weighted = FixedModel(formula, data, seed=1)
    plain = FixedModel(formula, repeated, seed=1)
    a = session(weighted, at=at, weights="weight").predict({"treated": [0, 1]})
    b = session(plain, at=at).predict({"treated": [0, 1]})
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=ROUNDING)
    np.testing.assert_allclose(a.cov, b.cov, rtol=ROUNDING)


def test_weights_of_a_frame(model, data):
    new = data.iloc[:30].assign(w=np.arange(30.0))
    agrees(session(model, at=new, weights="w").predict(), model, model.mean(new, new.w))


def test_boolean_and_zero_weights_choose_rows(model, data):
    kept = data.school == "A"
    agrees(session(model, weights=kept).predict(), model, model.mean(data[kept]))


# --- over ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "order"),
    [
        ("school", ["A", "B", "C", "D"]),
        ("grade", ["low", "mid", "high"]),  # categories in their order, not the alphabet's
        ("region", ["west", "south", "east"]),  # and only those that occur
        ("smoker", [False, True]),
        ("wave", [1, 2, 4, 5]),
        ("two", [0.0, 2.5]),
        ("student", list(range(12))),
        ("when", [pd.Timestamp("2020-01-01")]),
    ],
)
def test_over_one_column(over, order, model, data):
    result = session(model).predict(over=over)
    assert result.to_frame()[over].tolist() == order
    agrees(result, model, [model.mean(data[data[over] == v]) for v in order])


def test_over_two_columns_and_a_grid(model, data):
    result = session(model).predict({"age": [30, 60]}, over=["school", "smoker"])
    table = result.to_frame()
    combinations = [(s, b) for s in "ABCD" for b in (False, True)]
    combinations = [
        (s, b) for s, b in combinations if ((data.school == s) & (data.smoker == b)).any()
    ]
    assert list(table.columns[1:4]) == ["school", "smoker", "age"]
    assert list(zip(table.school, table.smoker, table.age, strict=True)) == [
        (s, b, a) for s, b in combinations for a in (30, 60)
    ]
    agrees(
        result,
        model,
        [
            model.mean(data[(data.school == s) & (data.smoker == b)].assign(age=a))
            for s, b in combinations
            for a in (30, 60)
        ],
    )


def test_over_a_variable_that_is_pinned(model, data):
    result = session(model).predict({"school": ["A", "B"]}, over="school")
    table = result.to_frame()
    assert list(table.columns[1:3]) == ["school", "at_school"]
    wanted = [
        model.mean(data[data.school == s].assign(school=p)) for s in "ABCD" for p in ("A", "B")
    ]
    agrees(result, model, wanted)


def test_over_averages_each_subgroup_at_its_own_mean(model, data):
    result = session(model, at="mean").predict(over="school")
    wanted = [
        model.mean(one_row(data, **means(data[data.school == s]) | {"school": s})) for s in "ABCD"
    ]
    agrees(result, model, wanted)


def test_over_slopes(model, data):
    """Row 7: slopes and elasticities within four subgroups."""
    m = session(model)
    result = m.dydx("dose", over="school")
    wanted = [2 * model.beta[list(model.exog.design_info.column_names).index("I(dose ** 2)")]
              * data.dose[data.school == s].mean() for s in "ABCD"]  # fmt: skip
    np.testing.assert_allclose(result.estimate, wanted, rtol=1e-12)
    assert result.labels == tuple(f"dose, school={s}" for s in "ABCD")


def test_over_takes_columns_outside_the_model(data):
    model = FixedModel("age", data)
    result = session(model).predict(over="income")
    assert len(result) == data.income.nunique()


def test_over_may_be_any_sequence_of_names(model):
    m = session(model)
    wanted = m.predict(over=["school", "smoker"]).estimate
    for over in (("school", "smoker"), np.array(["school", "smoker"]),
                 pd.Index(["school", "smoker"])):  # fmt: skip
        assert np.array_equal(m.predict(over=over).estimate, wanted)


# --- shifts --------------------------------------------------------------------------------------


def test_a_shift(model, data):
    result = session(model).predict({"age": lambda age: age + 1, "treated": [0, 1]})
    agrees(result, model, [model.mean(data.assign(age=data.age + 1, treated=t)) for t in (0, 1)])


def test_a_shift_within_subgroups(model, data):
    result = session(model).predict({"age": lambda age: age * 1.1}, over="school")
    agrees(
        result, model, [model.mean(data[data.school == s].assign(age=lambda d: d.age * 1.1))
                        for s in "ABCD"],
    )  # fmt: skip


def test_a_shift_of_a_category(model, data):
    swap = {"A": "B", "B": "A", "C": "C", "D": "D"}
    result = session(model).predict({"school": lambda s: s.map(swap)})
    agrees(result, model, model.mean(data.assign(school=data.school.map(swap))))


def test_a_shift_cannot_change_the_data(model):
    def spoil(column):
        column[:] = 30
        return column

    m = session(model)
    wanted = m.predict().estimate
    m.predict({"age": spoil})
    assert np.array_equal(m.predict().estimate, wanted)
    assert m.dydx("age").labels == ("age",)


def test_a_rule_cannot_change_the_data(model):
    def spoil(column):
        column[:] = 30
        return 30

    m = session(model, at={"age": spoil})
    assert (m._fitted.frame.age != 30).any()


@pytest.mark.parametrize("rule", ["p10", "p37.5", "median", "mean"])
def test_equal_weights_change_no_rule(model, data, rule):
    plain = session(model, at={"dose": rule})
    weighted = session(model, at={"dose": rule}, weights=np.full(len(data), 3.0))
    assert weighted.predict().estimate[0] == pytest.approx(plain.predict().estimate[0], rel=1e-12)


def test_a_function_that_cannot_see_the_weights_is_refused(model):
    with pytest.raises(ArgumentError, match=r"at: .*'age' cannot see the weights.*'mean'"):
        session(model, at={"age": np.mean}, weights="weight")


def test_text_weights_are_named(model):
    with pytest.raises(TypeError, match="the column 'school', which does not hold numbers"):
        session(model, weights="school")


def test_subgroups_that_a_population_does_not_hold(model):
    with pytest.raises(UnknownNameError, match="'student' is a column of the data, but the pop"):
        session(model, at="balanced").predict(over="student")
    bags = session(model, at=model.fitted.frame.assign(bag=[[i] for i in range(96)]))
    with pytest.raises(ArgumentError, match=r"over: column 'bag' holds values .*list"):
        bags.predict(over="bag")


def test_a_shift_does_not_overflow(data):
    narrow = data.assign(age=data.age.astype("int8"))
    model = FixedModel("age + treated", narrow)
    m = session(model)
    shifted = m.predict({"age": lambda age: age + 100}) - m.predict()
    assert shifted.estimate[0] == pytest.approx(100 * model.beta[1])


def test_a_function_may_sort_its_column(model, data):
    straight = session(model).predict({"age": lambda age: age + 1})
    turned = session(model).predict({"age": lambda age: (age + 1).sort_values()})
    np.testing.assert_array_equal(turned.estimate, straight.estimate)
