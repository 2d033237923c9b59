"""What was written elsewhere, or nearly right, is answered with what to write here."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    EstimabilityError,
    Margins,
    UnknownNameError,
    UnsupportedError,
    grid,
    levels,
    pairwise,
)
from pymargins.asking.outcome import refuse_log_of_log
from pymargins.estimands.scales import SCALES
from pymargins.facts import ModelFacts, TransformedResponse
from support.small_models import FixedModel, fit, session, study


@pytest.fixture(scope="module")
def data():
    return study()


@pytest.fixture(scope="module")
def model(data):
    return FixedModel("age * school + treated", data, seed=3)


@pytest.fixture(scope="module")
def m(model):
    return session(model)


@pytest.fixture(scope="module")
def mixed(data):
    return fit("score ~ age * treated + school", data)


MESSAGES = [
    # words of other programs
    (lambda m, f: Margins(f, df="kr"), ArgumentError, ['"kenward-roger"']),
    (lambda m, f: Margins(f, vcov="robust"), ArgumentError, ['vcov="CR2"', 'vcov="HC3"']),
    (lambda m, f: Margins(f, scale="odds"), ArgumentError, ["'fisher_z'", 'scale="logit"']),
    (lambda m, f: Margins(f, exposure=1), ArgumentTypeError, ["'exposure'", "offset=0 for rates"]),
    (lambda m, f: Margins(f, at="emmeans"), ArgumentError, ['at="balanced"']),
    (lambda m, f: m.dydx("school").adjust("bonf"), ArgumentError, ['"bonferroni"']),
    (lambda m, f: m.dydx("school").adjust("BH"), ArgumentError, ['"fdr_bh"']),
    (lambda m, f: m.dydx("school").adjust("none"), ArgumentError, ["not adjusted unless you ask"]),
    (lambda m, f: m.dydx("*"), ArgumentError, ['m.dydx("all")']),
    # keywords
    (lambda m, f: m.predict(age=50), ArgumentTypeError, ["'age'", "predict(atexog={'age': 50})"]),
    (lambda m, f: m.dydx("age", by="school"), ArgumentTypeError, ["'by'", "over=", "atexog="]),
    (lambda m, f: m.predict(newdata=1), ArgumentTypeError, ["newdata", "m.predict(frame)"]),
    (lambda m, f: Margins(f, alpha=0.1), ArgumentTypeError, ["Margins", "'alpha'", "level="]),
    (lambda m, f: Margins(f, seed=1), ArgumentTypeError, ["'seed'", "rng="]),
    (lambda m, f: Margins(f, vcv="gls"), ArgumentTypeError, ["'vcv'", "Did you mean 'vcov'?"]),
    (lambda m, f: m.dydx("age").conf_int(alpha=0.1), ArgumentTypeError, ["conf_int", "level="]),
    (
        lambda m, f: m.dydx("age", treated=1),
        ArgumentTypeError,
        ["dydx(..., atexog={'treated': 1})"],
    ),
    # scenarios
    (lambda m, f: m.contrasts("school"), ArgumentTypeError, ["pairwise('school')"]),
    (lambda m, f: m.contrasts({"treated": 1}), ArgumentTypeError, ["Scenario({'treated': 1})"]),
    (lambda m, f: m.dydx(5), ArgumentTypeError, ["5", "int"]),
    (lambda m, f: pairwise(5), ArgumentTypeError, ["5", "int"]),
    # rows
    (lambda m, f: m.predict("school")["A"], UnknownNameError, ["'school=A'", "where("]),
    (lambda m, f: m.predict("school")[99], IndexError, ["no row 99", "0 to 3"]),
]


@pytest.mark.parametrize(("call", "error", "parts"), MESSAGES)
def test_what_is_meant_is_said(call, error, parts, m, mixed):
    with pytest.raises(error) as caught:
        call(m, mixed)
    for part in parts:
        assert part in str(caught.value)


def test_mistakes_come_without_the_frames_inside(m):
    with pytest.raises(ArgumentError) as caught:
        m.predict({"school": "Z"})
    inside = [e for e in caught.traceback if "pymargins" in str(e.path)]
    assert len(inside) == 1


def test_signatures_are_kept():
    import inspect

    assert list(inspect.signature(Margins.predict).parameters) == [
        *("self", "atexog", "over", "outcome"),
    ]
    assert Margins.predict.__doc__.startswith("Estimate mean responses")


def test_results_are_frozen(m):
    result = m.predict()
    with pytest.raises(AttributeError, match="a result is frozen; 'foo' cannot be set"):
        result.foo = 1
    with pytest.raises(AttributeError, match="a result is frozen"):
        del result.estimand


def test_means_off_a_scale_are_not_blamed_on_slopes(model):
    with pytest.raises(ArithmeticError) as caught:
        session(model, scale="logit").predict()
    assert "slopes" not in str(caught.value)
    assert "Margins.linear_scale" in str(caught.value)


def test_frames_of_polars_need_no_pyarrow(m, monkeypatch):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"age": [30, 50], "school": ["A", "B"], "site": ["x", None]})
    right = m.predict(frame.to_pandas())

    def missing(*_):
        raise ModuleNotFoundError("No module named 'pyarrow'")

    monkeypatch.setattr(polars.DataFrame, "to_pandas", missing)
    found = m.predict(frame)
    np.testing.assert_array_equal(found.estimate, right.estimate)
    assert found.to_frame()["site"].tolist()[0] == "x"
    assert found.to_frame()["site"].isna().tolist() == [False, True]


# --- logarithms of logarithms --------------------------------------------------------------------


@pytest.fixture(scope="module")
def logged(data):
    return fit("np.log(score) ~ age * treated + school", data)


def test_ratios_of_logarithms_are_refused(logged):
    with pytest.raises(UnsupportedError) as caught:
        Margins.log_scale(logged)
    for part in ("np.log(score)", "two logarithms", 'response="mean", scale="log"'):
        assert part in str(caught.value)
    with pytest.raises(UnsupportedError, match=r"eyex.*m.dyex\(...\) is that of score"):
        session(logged).eyex("age")
    with pytest.raises(UnsupportedError, match=r"eydx.*m.dydx\(...\) is that of score"):
        session(logged).eydx("age")
    assert session(logged).dyex("age").labels == ("age",)


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("I(np.log(score))", "ratios of score: m = Margins(fit); np.exp("),
        ("np.log10(score)", "ratios of score: m = Margins(fit); 10 ** m.contrasts(...).estimate"),
        ("np.log2(score + 1)", "ratios of score + 1: m = Margins(fit); 2 ** m.contrasts("),
        ("np.log1p(score)", "ratios of 1 + score: m = Margins(fit); np.exp("),
        ("I(100 * np.log(score))", "that of two logarithms."),
        ("I(np.log(score) - np.log(age))", "that of two logarithms."),
        ("I(-np.log(score) / 2)", "that of two logarithms."),
    ],
)
def test_a_logarithm_is_known_however_it_is_written(data, outcome, sentence):
    model = fit(f"{outcome} ~ treated + school", data)
    with pytest.raises(UnsupportedError) as caught:
        session(model, scale="log")
    assert sentence in str(caught.value)
    with pytest.raises(UnsupportedError, match="eydx"):
        session(model).eydx("treated")


@pytest.mark.parametrize("outcome", ["np.sqrt(score)", "I(score / np.log(age))", "score"])
def test_other_outcomes_are_no_logarithms(data, outcome):
    found = session(fit(f"{outcome} ~ treated + school", data), scale="log").predict()
    assert np.isfinite(found.estimate).all()


def test_a_logarithm_in_formulaics_words():
    for outcome in ("np.log(`my score`)", "{np.log(score)}", "log(score)"):
        noted = (TransformedResponse(outcome, "score"),)
        model = ModelFacts("model", outcome, 10, notes=noted)
        with pytest.raises(UnsupportedError, match="two logarithms"):
            refuse_log_of_log(model, SCALES["log"])


def test_the_sentence_that_is_given_works(logged, data):
    m = session(logged)
    ratio = np.exp(m.contrasts(pairwise("treated", [1, 0])).estimate)
    by_hand = m.predict({"treated": [1, 0]}).estimate
    assert ratio[0] == pytest.approx(np.exp(by_hand[0] - by_hand[1]))


# --- rows that the data do not determine ---------------------------------------------------------


@pytest.fixture(scope="module")
def hollow(data):
    frame = data[~((data["school"] == "D") & data["smoker"])]
    return FixedModel("school * smoker + age", frame)


def test_all_inestimable_rows_are_named(hollow):
    with pytest.raises(EstimabilityError) as caught:
        session(hollow).predict(["school", "smoker"])
    for part in ("'school=D, smoker=True' is not", "1 of 8", 'inestimable="omit"'):
        assert part in str(caught.value)


def test_the_others_may_be_kept_and_tables_name_what_is_left_out(hollow):
    found = session(hollow, inestimable="omit").predict(["school", "smoker"])
    assert len(found) == 7
    text = " ".join(str(found).split())
    assert "1 left out because the data do not determine them: 'school=D, smoker=True'" in text
    every = session(hollow, inestimable="omit").contrasts(pairwise("smoker"), atexog="school")
    assert len(every) == 3
    with pytest.raises(EstimabilityError, match="Ask where the data have rows"):
        session(hollow, inestimable="omit").predict({"school": "D", "smoker": True})
    with pytest.raises(ArgumentError, match="inestimable: got 'drop'"):
        session(hollow, inestimable="drop")


# --- functions of means --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function", [np.round, lambda p: (p[0] > p[1]) * 1.0, lambda p: np.array([p[0], 3.0])]
)
def test_steps_have_no_standard_error(m, function):
    with pytest.raises(ArgumentError, match="does not change with the mean responses"):
        m.evaluate(levels("school", ["A", "B"]), function)


def test_functions_of_each_mean_keep_labels_and_columns(m):
    points = grid(school=["A", "B"], age=[30, 50])
    found = m.evaluate(points, np.exp)
    assert found.labels[0] == "exp(school=A, age=30)"
    assert found.to_frame()["age"].tolist() == [30, 50, 30, 50]
    assert m.evaluate(points, lambda p: 100 * p).labels[1] == "school=A, age=50"
    assert m.evaluate(points[:2], lambda p: p[::-1] + p).labels == ("function[0]", "function[1]")


# --- plots and titles ----------------------------------------------------------------------------


def test_levels_that_are_numbers_are_no_axis(data):
    from pymargins.report.plots.choosing import choose_layout
    from pymargins.report.plots.variables import Variables

    coded = session(FixedModel("C(wave) + age", data)).predict("wave")
    assert choose_layout(Variables(coded.figures())).kind == "forest"
    plain = session(FixedModel("wave + age", data)).predict("wave")
    assert choose_layout(Variables(plain.figures())).kind == "line"


def test_a_users_scale_called_log_is_their_own():
    from pymargins import Scale

    mine = Scale(lambda x: np.log(x) / 2, lambda z: np.exp(2 * z), lambda x: 0.5 / x, name="log")
    model = FixedModel("school + age", study(), params=[40.0, 2.0, -1.0, 3.0, 0.1])
    found = session(model, scale=mine).contrasts(pairwise("school", ["B", "A"]))
    text = str(found)
    assert "Contrast of mean responses" in text
    assert "Ratio" not in text
    assert found.labels == ("B - A",)


# --- subgroups that are the groups ---------------------------------------------------------------


def test_groups_as_subgroups_are_told_apart_from_predictions_for_groups(mixed):
    text = " ".join(str(session(mixed, vcov="gls").predict(over="student")).split())
    assert "these are not predictions for the groups themselves" in text
    with pytest.raises(UnknownNameError) as caught:
        session(mixed).predict({"student": [1]})
    for part in ('ts="predicted"', "no effect of its own"):
        assert part in str(caught.value)


# --- the random part, and few draws --------------------------------------------------------------


def test_summaries_state_the_random_part(data):
    slopes = fit("score ~ age + treated", data, re_formula="~treated")
    text = " ".join(str(session(slopes, vcov="gls").summary()).split())
    assert "random intercept and slope of treated by student (12 groups, correlated)" in text


@pytest.fixture(scope="module")
def crossed(data):
    frame = data.assign(one=1, rater=np.arange(len(data)) % 6)
    parts = {"student": "0 + C(student)", "rater": "0 + C(rater)"}
    return fit("score ~ age + treated", frame, groups="one", vc_formula=parts)


def test_crossed_fits_count_what_their_components_count(crossed):
    m = session(crossed, vcov="gls")
    text = " ".join(str(m.summary()).split())
    assert "crossed rater (6), student (12)" in text
    assert "Only 6 levels of rater" in text
    assert "1 groups" not in text
    report = " ".join(str(m.diagnose()).split())
    assert "crossed rater (6), student (12)" in report
    assert "1 groups" not in report


def test_few_draws_at_extreme_levels_say_so(m, model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few = session(model, method="simulation", n_sim=200, rng=1, level=0.9999).predict()
    text = " ".join(str(few).split())
    assert "200 draws cannot show the limits of intervals at 99.99 %" in text
    assert "at least 20,000" in text
    assert "cannot show" not in str(few.summary(level=0.95))
    assert "cannot show" not in str(m.predict().summary(level=0.9999))


def test_pairs_beyond_number_are_refused(m):
    rows = m.predict(pd.DataFrame({"age": np.linspace(20, 70, 1500), "school": "A"}))
    with pytest.raises(ArgumentError) as caught:
        rows.pairwise()
    for part in ("1,500 rows make 1,124,250 pairs", "where(...)", "contrast(matrix)"):
        assert part in str(caught.value)
