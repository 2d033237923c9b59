"""Joint tests of terms: curves and steps in full, terms without their margins, empty cells."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from pymargins import Margins, UnsupportedError
from pymargins.models.design import Design
from pymargins.results.terms import owned
from support.oracle_cases import Case, load
from support.small_models import FixedModel, quietly, study

#: The same test by two routes.
SAME = 1e-6
#: Squares of years, whose variances cancel to one part in 1e9.
RAW_POWERS = 1e-4
#: statsmodels' optimum against lme4's.
FIT_TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = study()
    # nine tenths of the range hold one tenth of the rows, as incomes do
    frame["income"] = np.exp(rng.normal(10.0, 1.5, len(frame)))
    frame["year"] = rng.integers(1995, 2020, len(frame))
    return frame


def table_of(formula: str, frame: pd.DataFrame, **options) -> pd.DataFrame:
    return Margins(FixedModel(formula, frame, **options)).joint_tests().set_index("term")


def wald_of_columns(model: FixedModel, columns) -> float:
    """The chi-square that some coefficients are zero."""
    beta = model.beta[columns]
    return float(beta @ np.linalg.solve(model.cov[np.ix_(columns, columns)], beta))


# --- one term, all its columns -------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [
        "bs(income, df=7)",
        "bs(age, df=5, degree=2)",
        "np.log(dose)",
        "pd.cut(age, [0, 30, 40, 50, 80])",
        "I(age > 40)",
        "income",
        "smoker",
        "C(wave)",
    ],
)
def test_a_term_alone_is_the_test_of_its_coefficients(frame: pd.DataFrame, term: str):
    """Knots among skewed incomes, bins of ages: no column escapes."""
    model = FixedModel(f"{term} + female", frame)
    names = list(model.fitted.design.names)
    columns = [i for i, n in enumerate(names) if n not in ("Intercept", "female")]
    row = Margins(model).joint_tests().set_index("term").loc[term]
    assert row["df1"] == len(columns)
    assert row["statistic"] == pytest.approx(wald_of_columns(model, columns), rel=SAME)


@pytest.mark.parametrize("zero", [2007.0, 1000.0, 0.0])
def test_powers_are_one_curve_wherever_it_is_centred(frame: pd.DataFrame, zero: float):
    """The same fit in years since 2007 and since any other: columns nearly collinear."""
    formula = "female + year + I(year ** 2)"
    near = frame.assign(year=frame["year"] - 2007.0)
    cov = np.linalg.inv(
        np.asarray(FixedModel(formula, near).exog.T @ FixedModel(formula, near).exog)
    )
    beta = np.array([50.0, -1.0, 0.03, 0.004])
    c = 2007.0 - zero
    change = np.eye(4)
    change[0, 2:], change[2, 3] = [-c, c * c], -2.0 * c
    model = FixedModel(
        formula,
        frame.assign(year=frame["year"] - zero),
        params=change @ beta,
        cov=change @ cov @ change.T,
    )
    row = Margins(model).joint_tests().set_index("term").loc["year + I(year ** 2)"]
    assert row["df1"] == 2
    expected = beta[2:] @ np.linalg.solve(cov[2:, 2:], beta[2:])
    assert row["statistic"] == pytest.approx(expected, rel=RAW_POWERS)


def test_an_interaction_of_numbers_is_its_coefficient(frame: pd.DataFrame):
    model = FixedModel("age * dose", frame)
    table = Margins(model).joint_tests().set_index("term")
    assert table.loc["age:dose", "statistic"] == pytest.approx(
        wald_of_columns(model, [3]), rel=SAME
    )
    slope = Margins(model, at="balanced").dydx("age")
    assert table.loc["age", "statistic"] == pytest.approx(slope.statistic[0] ** 2, rel=SAME)


def test_a_curve_by_a_factor(frame: pd.DataFrame):
    model = FixedModel("bs(income, df=5) * school", frame)
    table = Margins(model).joint_tests().set_index("term")
    assert table["df1"].to_dict() == {
        "school": 3,
        "bs(income, df=5)": 5,
        "bs(income, df=5):school": 15,
    }
    names = model.fitted.design.names
    columns = [i for i, n in enumerate(names) if ":" in n]
    found = table.loc["bs(income, df=5):school", "statistic"]
    assert found == pytest.approx(wald_of_columns(model, columns), rel=SAME)


def test_a_factor_of_several_variables(frame: pd.DataFrame):
    model = FixedModel("I(age * dose) + school", frame)
    row = Margins(model).joint_tests().set_index("term").loc["I(age * dose)"]
    assert row["df1"] == 1
    column = list(model.fitted.design.names).index("I(age * dose)")
    assert row["statistic"] == pytest.approx(wald_of_columns(model, [column]), rel=SAME)


def test_columns_are_those_of_the_interface(frame: pd.DataFrame):
    table = Margins(FixedModel("school + age", frame)).joint_tests()
    assert list(table.columns) == ["term", "statistic", "df1", "df2", "p_value", "test"]
    assert list(table["term"]) == ["school", "age"]
    assert (table["test"] == "chi2").all()
    assert np.isinf(table["df2"]).all()
    fixed = Margins(FixedModel("school + age", frame), df=12).joint_tests()
    assert (fixed["test"] == "F").all()
    np.testing.assert_allclose(fixed["statistic"] * fixed["df1"], table["statistic"])


def test_the_session_s_scale_and_population_play_no_part(frame: pd.DataFrame):
    model = FixedModel("school * age", frame, params=np.r_[90.0, np.zeros(7) + 0.1])
    expected = Margins(model).joint_tests()
    for other in (Margins.log_scale(model), Margins(model, at="typical")):
        pd.testing.assert_frame_equal(other.joint_tests(), expected)


# --- terms without their margins -----------------------------------------------------------------


def test_effects_belong_to_the_first_term_that_includes_them():
    full = {"a": ("a",), "b": ("b",), "a:b": ("a", "b")}
    assert owned(("a", "b"), full) == [("a", "b")]
    nested = {"a": ("a",), "a:b": ("a", "b")}
    assert owned(("a",), nested) == [("a",)]
    assert owned(("a", "b"), nested) == [("b",), ("a", "b")]
    assert owned(("a", "b"), {"a:b": ("a", "b")}) == [("a",), ("b",), ("a", "b")]


@pytest.mark.parametrize(
    ("formula", "df1"),
    [
        ("school + school:smoker", {"school": 3, "school:smoker": 4}),
        ("school:smoker", {"school:smoker": 7}),
        ("school + school:age", {"school": 3, "school:age": 4}),
        ("school * smoker", {"school": 3, "smoker": 1, "school:smoker": 3}),
        ("0 + school", {"school": 3}),
        ("1 + school", {"school": 3}),
    ],
)
def test_degrees_of_freedom_add_up(frame: pd.DataFrame, formula: str, df1: dict[str, int]):
    assert table_of(formula, frame)["df1"].to_dict() == df1


def test_the_same_model_written_in_two_ways(frame: pd.DataFrame):
    """The slopes within schools: all zero, whether or not an average slope has its own column."""
    nested = FixedModel("school + school:age", frame)
    crossed = FixedModel("school * age", frame)
    change = np.linalg.lstsq(np.asarray(crossed.exog), np.asarray(nested.exog), rcond=None)[0]
    crossed = FixedModel(
        "school * age", frame, params=change @ nested.beta, cov=change @ nested.cov @ change.T
    )
    within = Margins(nested).joint_tests().set_index("term").loc["school:age"]
    slopes = Margins(crossed).dydx("age", atexog={"school": list("ABCD")}).joint_test()
    assert within["df1"] == slopes["df1"] == 4
    assert within["statistic"] == pytest.approx(slopes["statistic"], rel=SAME)


# --- what cannot be tested -----------------------------------------------------------------------


def test_empty_cells_are_noted(frame: pd.DataFrame):
    holey = frame[~((frame["school"] == "D") & frame["smoker"])]
    table = table_of("school * smoker", holey)
    assert table["df1"].to_dict() == {"school": 2, "smoker": 0, "school:smoker": 2}
    assert table.loc["school:smoker", "note"] == "1 of 3 effects are not estimable"
    assert table.loc["smoker", "test"] == "not estimable"
    assert np.isnan(table.loc["smoker", ["statistic", "p_value"]].astype(float)).all()
    # what is left is what the other three schools say of it
    model = FixedModel("school * smoker", holey)
    contrasts = Margins(model).dydx("smoker", atexog={"school": list("ABC")}).pairwise()
    expected = contrasts.joint_test()["statistic"]
    assert table.loc["school:smoker", "statistic"] == pytest.approx(expected, rel=SAME)


def test_units_do_not_decide_what_is_estimable(frame: pd.DataFrame):
    holey = frame[~((frame["school"] == "D") & frame["smoker"])]
    large = holey.assign(income=holey["income"] * 1e6)
    for data in (holey, large):
        table = table_of("school * smoker + I(income ** 2)", data)
        assert table.loc["school:smoker", "df1"] == 2


def test_a_variable_that_does_not_vary(frame: pd.DataFrame):
    table = table_of("school + age", frame.assign(age=1.0))
    assert table.loc["age", "df1"] == 0
    assert table.loc["age", "note"] == "nothing varies"


def test_a_term_with_more_effects_than_clusters(frame: pd.DataFrame):
    """A robust covariance of rank two cannot test three differences; the others it can."""
    root = np.zeros((5, 2))
    root[:, 0], root[:, 1] = [1.0, 2.0, -1.0, 0.5, 0.1], [0.5, -1.0, 2.0, 1.0, 0.3]
    table = table_of("school + age", frame, cov=root @ root.T)
    assert table.loc["school", "test"] == "not available"
    assert table.loc["school", "note"].startswith("the rows make 3 independent constraints")
    assert np.isfinite(table.loc["age", "statistic"])


def test_designs_without_terms(frame: pd.DataFrame):
    model = FixedModel("age + dose", frame)
    design = Design.from_function(model.fitted.design.names, ["age", "dose"], model.rows)
    model.fitted = replace(model.fitted, designs={"mean": design}, factor_values={})
    with pytest.raises(UnsupportedError, match="gives its design as a whole, without terms"):
        Margins(model).joint_tests()


# --- small samples, through statsmodels ----------------------------------------------------------

FITS = {
    "oats_splitplot": ["Variety", "nitro_f", "Variety:nitro_f"],
    "machines_unbalanced": ["Machine"],
    "sleep_missing": ["Days:shift"],
    "sleepstudy_quadratic_ml": ["Days + I(Days ** 2)"],
}
QUERIES = {
    "Variety": "joint_variety",
    "nitro_f": "joint_nitro",
    "Variety:nitro_f": "joint_interaction",
    "Machine": "machine_joint",
    "Days:shift": "interaction_joint",
    "Days + I(Days ** 2)": "days_joint",
}


def fitted(case: Case):
    model, recorded = case.json["statsmodels"], case.json["statsmodels_fit"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return smf.mixedlm(
            model["formula"], case.frame, groups=model["groups"], **recorded["call_kwargs"]
        ).fit(reml=case.json["r"]["REML"], **recorded["figures_from"]["fit_options"])


@pytest.mark.parametrize("name", FITS)
def test_small_sample_tests_are_r_s(name: str):
    case = load(name)
    fit = fitted(case)
    methods = {"satterthwaite": "satterthwaite"}
    if case.json["r"]["REML"]:
        methods["kenward_roger"] = "kenward-roger"
    for method, df in methods.items():
        with quietly():
            table = Margins(fit, df=df).joint_tests()
        assert (table["test"] == "F").all()
        short = table["term"].str.replace(r"C\((\w+)[^)]*\)", r"\1", regex=True)
        for term in FITS[name]:
            (row,) = table[short == term].itertuples()
            expected = case.queries[QUERIES[term]].rows[0]
            figures = expected[method]
            assert row.df1 == expected["df1"]
            assert row.statistic == pytest.approx(figures["F"], rel=FIT_TOLERANCE)
            assert row.df2 == pytest.approx(float(figures["df2"]), rel=FIT_TOLERANCE)
            assert row.p_value == pytest.approx(figures["p"], rel=10 * FIT_TOLERANCE)
