"""Names, `...` and data frames for grids; what the variables are; rows by their columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Margins,
    UnknownNameError,
    grid,
    reference,
)
from support.small_models import ROUNDING, FixedModel, session, study


@pytest.fixture(scope="module")
def m():
    return session(FixedModel("age * C(school) + treated * wave + grade + smoker", study(), seed=3))


def test_a_category_takes_all_its_levels_in_their_order(m):
    assert m.predict("school").labels == tuple(f"school={s}" for s in "ABCD")
    assert m.predict("grade").labels == ("grade=low", "grade=mid", "grade=high")
    assert m.predict("smoker").labels == ("smoker=False", "smoker=True")


def test_a_number_takes_its_values_or_25(m):
    assert m.predict("wave").labels == ("wave=1", "wave=2", "wave=4", "wave=5")
    age = study()["age"]
    found = m.predict("age").to_frame()["age"]
    np.testing.assert_allclose(found, np.linspace(age.min(), age.max(), 25))


def test_names_in_a_list_make_the_grid_in_their_order(m):
    found = m.predict(["treated", "school"])
    same = m.predict({"treated": [0, 1], "school": list("ABCD")})
    assert found.labels == same.labels
    np.testing.assert_allclose(found.estimate, same.estimate, rtol=ROUNDING)


def test_an_ellipsis_says_the_same_of_one_variable(m):
    assert len(m.predict({"age": [30, 50], "school": ...})) == 8
    assert m.dydx("age", atexog={"school": ...}).labels[0] == "age, school=A"
    assert len(m.contrasts(grid(school=..., treated=[0, 1]))) == 8


def test_dydx_takes_names_too(m):
    assert m.dydx("age", atexog="school").labels == tuple(f"age, school={s}" for s in "ABCD")


@pytest.mark.parametrize(
    ("asked", "error", "parts"),
    [
        ("scool", UnknownNameError, ["atexog", "'scool'", "Did you mean 'school'?"]),
        (["school", "school"], ArgumentError, ["'school' is named twice"]),
        ([30, 50], ArgumentTypeError, ["30", "{'treated': [0, 1]}"]),
        ([], ArgumentError, ["the list is empty"]),
        ("score", UnknownNameError, ["response"]),
        (5, ArgumentTypeError, ["variable name", "mapping", "data frame", "int"]),
    ],
)
def test_what_is_no_name_is_refused(m, asked, error, parts):
    with pytest.raises(error) as caught:
        m.predict(asked)
    for part in parts:
        assert part in str(caught.value)


# --- data frames ---------------------------------------------------------------------------------


def test_a_frame_carries_its_other_columns_along(m):
    rows = study().iloc[[3, 40, 41]]
    found = m.predict(rows)
    pinned = rows[["age", "school", "treated", "wave", "grade", "smoker"]]
    np.testing.assert_allclose(found.estimate, m.predict(pinned).estimate, rtol=ROUNDING)
    frame = found.to_frame()
    assert frame["note"].tolist() == ["row 3", "row 40", "row 41"]
    assert frame["score"].tolist() == rows["score"].tolist()
    assert "note" not in found.labels[0]
    assert found.where(note="row 40").estimate[0] == found.estimate[1]


def test_a_frame_needs_a_variable_of_the_model(m):
    with pytest.raises(UnknownNameError) as caught:
        m.predict(pd.DataFrame({"note": ["a"]}))
    for part in ("none of the model's variables", "'age'", "'note'"):
        assert part in str(caught.value)


def test_a_column_that_nearly_bears_a_lacking_variables_name_is_a_slip(m):
    with pytest.raises(UnknownNameError, match=r"column 'Shcool'.*Did you mean 'school'\?"):
        m.predict(pd.DataFrame({"age": [30], "Shcool": ["A"]}))
    both = pd.DataFrame({"age": [30], "school": ["A"], "School": ["a school"]})
    assert m.predict(both).to_frame()["School"].tolist() == ["a school"]  # nothing is lacking
    known = m.predict(pd.DataFrame({"school": ["A"], "female": [1]}))  # a column of the data
    assert known.to_frame()["female"].tolist() == [1]


def test_carried_columns_never_hide_those_of_the_table(m):
    frame = pd.DataFrame({"age": [30, 50], "estimate": [1, 2], "school": ["A", "B"]})
    table = m.predict(frame, over="school").to_frame()
    assert table["estimate_"].tolist() == [1, 2] * 4
    assert table["at_school"].tolist() == ["A", "B"] * 4


# --- what the variables are ----------------------------------------------------------------------


def test_variables(m):
    table = m.variables
    assert list(table.index) == ["age", "school", "treated", "wave", "grade", "smoker"]
    assert table.index.name == "variable"
    assert table.loc["school", "levels"] == list("ABCD")
    assert table.loc["school", "reference"] == "A"
    assert table.loc["age", "kind"] == "numeric"
    assert (table.loc["age", "low"], table.loc["age", "high"]) == (20.0, 74.0)
    assert table.loc["school", "enters"] == "C(school)"
    assert (table["missing"] == 0).all()


def test_variables_name_every_way_into_the_model():
    table = session(FixedModel("age + I(age ** 2) + np.log(dose)", study())).variables
    assert table.loc["age", "enters"] == "age, I(age ** 2)"
    assert table.loc["dose", "enters"] == "np.log(dose)"


# --- rows by their columns -----------------------------------------------------------------------


def test_where_picks_rows_by_their_columns(m):
    found = m.predict({"age": [30, 50, 70], "school": list("AB")})
    assert found.where(school="A", age=[30, 50]).labels == ("age=30, school=A", "age=50, school=A")
    assert found.where(age=70.0).labels == ("age=70, school=A", "age=70, school=B")
    kept = found.where(school="B").to_frame()
    assert list(kept.columns[:3]) == ["label", "age", "school"]


def test_where_keeps_adjusted_figures(m):
    found = m.contrasts(reference("school"), atexog={"treated": [0, 1]}).adjust("holm")
    np.testing.assert_array_equal(found.where(treated=1).p_value, found.p_value[3:])
    assert found.where(contrast="B - A").labels == ("B - A, treated=0", "B - A, treated=1")


@pytest.mark.parametrize(
    ("asked", "error", "parts"),
    [
        ({"scool": "A"}, UnknownNameError, ["where", "'scool'", "Did you mean 'school'?"]),
        ({"school": "Aa"}, ArgumentError, ["where", "school = 'Aa'", "Values", "'A'"]),
        ({"school": "A", "age": 70}, ArgumentError, ["no row has", "together"]),
        ({"age": []}, ArgumentError, ["'age' was given no value"]),
        ({}, ArgumentError, ["at least one column", "where(school='A')"]),
    ],
)
def test_where_refuses_what_no_row_has(m, asked, error, parts):
    rows = m.predict(pd.DataFrame({"age": [30, 70], "school": ["A", "B"]}))
    with pytest.raises(error) as caught:
        rows.where(**asked)
    for part in parts:
        assert part in str(caught.value)


# --- what combined rows have in common -----------------------------------------------------------


def test_differences_keep_the_columns_in_common(m):
    found = m.predict({"treated": [0, 1], "school": list("AB")})
    one, none = found.where(treated=1), found.where(treated=0)
    table = (one - none).to_frame()
    assert table["school"].tolist() == ["A", "B"]
    assert "treated" not in table
    assert table["contrast"].tolist() == table["label"].tolist()
    pairs = found.where(school="A").pairwise().to_frame()
    assert pairs["school"].tolist() == ["A"]
    named = found.contrast({"treated in A": [-1, 0, 1, 0], "treated in B": [0, -1, 0, 1]})
    assert named.to_frame()["school"].tolist() == ["A", "B"]
    assert named.to_frame()["contrast"].tolist() == ["treated in A", "treated in B"]
    assert (2 * found).to_frame()["school"].tolist() == ["A", "B", "A", "B"]


def test_contrasts_of_differences_name_the_last(m):
    found = m.contrasts(reference("school"), atexog={"treated": [0, 1]})
    pairs = found.where(contrast=["B - A", "C - A"]).where(treated=1).pairwise()
    assert pairs.to_frame()["contrast"].tolist() == list(pairs.labels)
    assert pairs.to_frame()["treated"].tolist() == [1]
    by = found.adjust("holm", by="treated")
    assert by.adjustment.facts.families == 2


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (30, 25)])
def test_a_date_takes_its_values_or_25(count, expected):
    when = pd.date_range("2024-01-01", periods=count, freq="W").repeat(3)
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"when": when, "score": rng.normal(size=len(when))})

    def week(days):
        return (days - pd.Timestamp("2024-01-01")) / pd.Timedelta(days=7)

    found = Margins(smf.ols("score ~ week(when)", frame).fit()).predict("when").to_frame()["when"]
    assert len(found) == expected
    assert (found.iloc[0], found.iloc[-1]) == (when[0], when[-1])


def test_slopes_and_changes_have_columns_of_their_own(m):
    frame = m.dydx(["age", "school"], atexog={"wave": [1, 2]}).to_frame()
    assert list(frame.columns[1:4]) == ["wave", "term", "contrast"]
    assert frame["term"].tolist() == ["age"] * 2 + ["school"] * 6
    assert frame["contrast"].tolist()[1:4] == ["", "B - A", "B - A"]
    assert list(m.dydx("age").to_frame().columns[:3]) == ["label", "term", "estimate"]
    assert m.dydx(["age", "school"]).where(term="school").labels == (
        "school: B - A", "school: C - A", "school: D - A"
    )  # fmt: skip
