"""Bad input is refused by name: which argument, what came, what is allowed, the near miss.

Each row is one mistake. The error is one of pymargins' own, raised before pandas, patsy or NumPy
could raise theirs, and the session afterwards is what it was before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    ModelError,
    NumericalError,
    PymarginsError,
    Scale,
    Scenario,
    Simulation,
    UnknownNameError,
    UnsupportedError,
    UnsupportedModelError,
    all_pairwise,
    did,
    grid,
    helmert,
    levels,
    pairwise,
    polynomial,
    reference,
    register_adapter,
    sequential,
)
from pymargins.adapters import StatsmodelsMixedLMAdapter
from support.small_models import FixedModel, fit, session, study

FORMULA = "score ~ age*treated + C(school) + smoker + C(wave) + grade"
ROWS = 96


def rows(*cases):
    """Turn (name, call, error, parts of the message) into parameters."""
    return pytest.mark.parametrize(
        ("call", "error", "parts"), [pytest.param(*c[1:], id=c[0]) for c in cases]
    )


def refused(call, error, parts, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    assert isinstance(caught.value, PymarginsError)
    message = str(caught.value)
    for part in parts:
        assert part in message, f"{part!r} is not in {message!r}"


@pytest.fixture(scope="module")
def data():
    frame = study(ROWS)
    frame.loc[4, "note"] = None
    frame["hole"] = np.where(np.arange(ROWS) == 5, np.nan, 1.0)
    return frame


@pytest.fixture(scope="module")
def model(data):
    return fit(FORMULA, data)


@pytest.fixture(scope="module")
def other(data):
    return fit("score ~ age", data)


@pytest.fixture(scope="module")
def m(model):
    return session(model)


def fingerprint(m):
    """Everything a session would say, to the bit."""
    results = [
        m.predict(),
        m.predict({"age": [30, 60], "treated": [0, 1]}, over="school"),
        m.dydx("all"),
        m.contrasts(pairwise("treated", [1, 0])),
    ]
    return [x for r in results for x in (r.labels, r.estimate.tobytes(), r.cov.tobytes())]


@pytest.fixture(scope="module")
def before(m):
    return fingerprint(m)


SCENARIOS = [Scenario({"treated": 1}), Scenario({"treated": 0})]
KNOWN = "'age', 'treated', 'school', 'smoker', 'wave', 'grade'"


def shifted_out_of_text(column):
    return column.str.lower()


VERBS = rows(
    # --- names
    ("unknown pin", lambda m: m.predict({"agee": 1}), UnknownNameError,
     ["atexog", "'agee'", KNOWN, "Did you mean 'age'?"]),
    ("unknown over", lambda m: m.predict(over="schol"), UnknownNameError,
     ["over", "'schol'", "a column of the data", "Did you mean 'school'?"]),
    ("unknown dydx", lambda m: m.dydx("agee"), UnknownNameError,
     ["dydx", "'agee'", KNOWN, "Did you mean 'age'?"]),
    ("unknown in a list", lambda m: m.dydx(["age", "zz"]), UnknownNameError, ["dydx", "'zz'"]),
    ("unknown eyex", lambda m: m.eyex("zz"), UnknownNameError, ["eyex", "'zz'", KNOWN]),
    ("unknown scenario variable", lambda m: m.contrasts(pairwise("treatd", [1, 0])),
     UnknownNameError, ["scenarios", "'treatd'", "Did you mean 'treated'?"]),
    ("response pinned", lambda m: m.predict({"score": 1}), UnknownNameError,
     ["'score' is the response"]),
    ("group pinned", lambda m: m.predict({"student": 1}), UnknownNameError,
     ["'student' is the grouping variable", "over="]),
    ("column outside the model", lambda m: m.predict({"dose": 1}), UnknownNameError,
     ["'dose' is a column of the data but not a variable", KNOWN]),
    ("slope of a column outside", lambda m: m.dydx("dose"), UnknownNameError, ["dydx", "'dose'"]),
    ("slope of the response", lambda m: m.dydx("score"), UnknownNameError, ["response"]),
    ("part of a name", lambda m: m.dydx("ag"), UnknownNameError, ["'ag'", "Did you mean 'age'?"]),
    ("empty name", lambda m: m.dydx(""), UnknownNameError, ["''"]),
    ("number as name", lambda m: m.predict({1: 2}), UnknownNameError, ["atexog: 1"]),
    ("None as name", lambda m: m.predict({None: 2}), UnknownNameError, ["None"]),
    ("list as name", lambda m: m.dydx([["age"]]), ArgumentTypeError, ["dydx", "['age']"]),
    # --- levels
    ("unknown level", lambda m: m.predict({"school": "Z"}), ArgumentError,
     ["atexog: 'Z' is not a level of 'school'", "'A', 'B', 'C', 'D'"]),
    ("level in the wrong case", lambda m: m.predict({"grade": "Low"}), ArgumentError,
     ["'low', 'mid', 'high'", "Did you mean 'low'?"]),
    ("unknown level among known", lambda m: m.predict({"school": ["A", "Z"]}), ArgumentError,
     ["'Z'"]),
    ("number for a text", lambda m: m.predict({"school": 1}), ArgumentError, ["1 is not a level"]),
    ("text for a number level", lambda m: m.predict({"wave": "1"}), ArgumentError,
     ["'1' is not a level of 'wave'", "1, 2, 4, 5", "Did you mean 1?"]),
    ("number between levels", lambda m: m.predict({"wave": 3}), ArgumentError, ["3", "1, 2, 4, 5"]),
    ("text for a boolean", lambda m: m.predict({"smoker": "True"}), ArgumentError,
     ["'True' is not a level of 'smoker'", "False, True", "Did you mean True?"]),
    ("two for a boolean", lambda m: m.predict({"smoker": 2}), ArgumentError, ["False, True"]),
    ("missing level", lambda m: m.predict({"school": np.nan}), ArgumentError,
     ["'school' is missing"]),
    ("not a time", lambda m: m.predict({"school": pd.NaT}), ArgumentError, ["missing"]),
    # --- numbers
    ("5 for a 0/1 column", lambda m: m.predict({"treated": 5}), ArgumentError,
     ["'treated' is a 0/1 indicator; 5 lies outside"]),
    ("-1 for a 0/1 column", lambda m: m.predict({"treated": [0, -1]}), ArgumentError, ["-1"]),
    ("missing number", lambda m: m.predict({"age": np.nan}), ArgumentError,
     ["'age' is missing or infinite"]),
    ("missing among numbers", lambda m: m.predict({"age": [30, None]}), ArgumentError,
     ["missing"]),
    ("pandas' missing", lambda m: m.predict({"age": pd.NA}), ArgumentError, ["missing"]),
    ("no time for a number", lambda m: m.predict({"age": pd.NaT}), ArgumentError,
     ["'age' is numeric; NaT is not a number"]),
    ("infinite", lambda m: m.predict({"age": np.inf}), ArgumentError, ["infinite"]),
    ("text for a number", lambda m: m.predict({"age": "old"}), ArgumentError,
     ["'age' is numeric; 'old' is not a number", "20 to 74"]),
    ("digits as text", lambda m: m.predict({"age": ["30", 40]}), ArgumentError, ["'30'"]),
    ("bytes", lambda m: m.predict({"age": b"30"}), ArgumentError, ["b'30' is not a number"]),
    ("boolean for a number", lambda m: m.predict({"age": True}), ArgumentError,
     ["True is a boolean"]),
    ("complex", lambda m: m.predict({"age": 1 + 2j}), ArgumentError, ["(1+2j) is not a number"]),
    ("a date", lambda m: m.predict({"age": pd.Timestamp("2020-01-01")}), ArgumentError,
     ["Timestamp"]),
    ("dates", lambda m: m.predict({"age": pd.DatetimeIndex(["2020-01-01"])}), ArgumentError,
     ["'age'", "number"]),
    ("any object", lambda m: m.predict({"age": object()}), ArgumentError, ["not a number"]),
    ("None", lambda m: m.predict({"age": None}), ArgumentError, ["'age' was given None"]),
    ("a grid beyond memory", lambda m: m.predict({"age": np.arange(20, 70, 0.01),
     "treated": np.linspace(0, 1, 300)}), ArgumentError,
     ["atexog", "1,500,000 points (5,000 x 300)", "limit"]),
    ("a level of a scenario", lambda m: m.contrasts(pairwise("school", ["A", "Z"])),
     ArgumentError, ["scenarios: 'Z' is not a level of 'school'"]),
    ("a missing level of a helper", lambda m: m.contrasts(pairwise("school", ["A", pd.NA])),
     ArgumentError, ["pairwise", "missing"]),
    ("a complex function", lambda m: m.evaluate(SCENARIOS, lambda x: x[0] * 1j), ArgumentError,
     ["function", "complex"]),
    ("labels that are no list", lambda m: m.evaluate(SCENARIOS, lambda x: x[0], labels=3),
     ArgumentTypeError, ["labels", "int"]),
    ("weights of rows", lambda m: m.predict().contrast({"a": [1, 1]}), ArgumentError,
     ["matrix: 'a'", "there are 1 rows"]),
    ("a contrast named twice", lambda m: m.contrasts(SCENARIOS, {1: [1, -1], "1": [1, 1]}),
     ArgumentError, ["'1' is given twice"]),
    ("a term that is a number", lambda m: m.likelihood_ratio_test(3), ArgumentTypeError,
     ["likelihood_ratio_test", "int"]),
    ("no values", lambda m: m.predict({"age": []}), ArgumentError,
     ["'age' was given no values", "at least one"]),
    ("no values of an array", lambda m: m.predict({"age": np.array([])}), ArgumentError,
     ["no values"]),
    ("nested list", lambda m: m.predict({"age": [[30, 40], [50, 60]]}), ArgumentError,
     ["[30, 40]", "flat"]),
    ("ragged list", lambda m: m.predict({"age": [[30, 40], [50]]}), ArgumentError, ["flat"]),
    ("matrix", lambda m: m.predict({"age": np.ones((2, 2))}), ArgumentError, ["(2, 2)", "1-D"]),
    ("mapping of values", lambda m: m.predict({"age": {"a": 1}}), ArgumentTypeError, ["mapping"]),
    ("set of values", lambda m: m.predict({"age": {30, 40}}), ArgumentTypeError, ["a set"]),
    ("frame of values", lambda m: m.predict({"age": pd.DataFrame({"age": [1]})}),
     ArgumentTypeError, ["a data frame"]),
    # --- atexog itself
    ("list for atexog", lambda m: m.predict([1, 2]), ArgumentTypeError,
     ["atexog", "mapping", "list"]),
    ("text that is no name", lambda m: m.predict("agee"), UnknownNameError,
     ["atexog", "Did you mean 'age'?"]),
    ("function for atexog", lambda m: m.predict(lambda d: d), ArgumentTypeError, ["function"]),
    ("empty frame", lambda m: m.predict(pd.DataFrame()), ArgumentError, ["no rows or no columns"]),
    ("frame with no rows", lambda m: m.predict(pd.DataFrame({"age": [1]}).iloc[:0]), ArgumentError,
     ["no rows"]),
    ("frame with a missing value", lambda m: m.predict(pd.DataFrame({"age": [1.0, np.nan]})),
     ArgumentError, ["'age'", "missing"]),
    ("frame with a misspelt column", lambda m: m.predict(pd.DataFrame({"age": [30], "waves": [1]})),
     UnknownNameError, ["'waves'", "Did you mean 'wave'?"]),
    ("frame with a column twice",
     lambda m: m.predict(pd.DataFrame([[1, 2]], columns=["age", "age"])), ArgumentError,
     ["not unique"]),
    ("frame with numbered columns", lambda m: m.predict(pd.DataFrame({0: [1]})), UnknownNameError,
     ["none of the model's variables", "its columns are 0"]),
    # --- shifts
    ("shift that fails", lambda m: m.predict({"age": lambda a: a.foo}), ArgumentError,
     ["the function given for 'age' failed", "AttributeError"]),
    ("shift of other length", lambda m: m.predict({"age": lambda a: a[:3]}), ArgumentError,
     ["(3,)", "96"]),
    ("shift to missing", lambda m: m.predict({"age": lambda a: a * np.nan}), ArgumentError,
     ["'age' is missing"]),
    ("shift to text", lambda m: m.predict({"age": lambda a: "x"}), ArgumentError, ["'x'"]),
    ("shift to no level", lambda m: m.predict({"school": shifted_out_of_text}), ArgumentError,
     ["is not a level of 'school'"]),
    ("shift of an indicator", lambda m: m.predict({"treated": lambda t: t + 1}), ArgumentError,
     ["2 lies outside 0 to 1"]),
    # --- over
    ("no over", lambda m: m.predict(over=[]), ArgumentError, ["over: the list is empty"]),
    ("over with missing values", lambda m: m.predict(over=["school", "hole"]), ArgumentError,
     ["over", "'hole'", "1 missing", "96 rows"]),
    ("over twice", lambda m: m.predict(over=["school", "school"]), ArgumentError, ["twice"]),
    ("number for over", lambda m: m.predict(over=5), ArgumentTypeError, ["over", "int"]),
    ("mapping for over", lambda m: m.predict(over={"school": 1}), ArgumentTypeError,
     ["over", "dict"]),
    ("nested over", lambda m: m.predict(over=[["school"]]), ArgumentTypeError, ["over"]),
    # --- variables of a slope
    ("no variables", lambda m: m.dydx([]), ArgumentError, ["dydx: no variable"]),
    ("variable twice", lambda m: m.dydx(["age", "age"]), ArgumentError, ["twice"]),
    ("None for variables", lambda m: m.dydx(None), ArgumentTypeError, ["NoneType"]),
    ("mapping for variables", lambda m: m.dydx({"age": 1}), ArgumentTypeError, ["dict"]),
    ("set for variables", lambda m: m.dydx({"age", "treated"}), ArgumentTypeError, ["set"]),
    ("category pinned and changed", lambda m: m.dydx("school", atexog={"school": "A"}),
     ArgumentError, ["'school' is categorical", "atexog"]),
    ("elasticity of a category", lambda m: m.eyex("school"), ArgumentError,
     ["eyex: 'school' is categorical"]),
    ("elasticity of a boolean", lambda m: m.dyex("smoker"), ArgumentError, ["dyex: 'smoker'"]),
    ("elasticity at a mean of both signs", lambda m: m.eyex("age", atexog={"age": -180}),
     NumericalError, ["zero or changes sign", "'age'"]),
    # --- scenarios and contrasts
    ("no scenarios", lambda m: m.contrasts([]), ArgumentError, ["scenarios: the list is empty"]),
    ("no scenarios to evaluate", lambda m: m.evaluate([], np.sum), ArgumentError,
     ["scenarios: the list is empty"]),
    ("scenarios that are text", lambda m: m.contrasts("abc"), ArgumentTypeError, ["str"]),
    ("scenario that is text", lambda m: m.contrasts(["a", "b"], [1, -1]), ArgumentTypeError,
     ["item 0 is str", "Scenario"]),
    ("scenario that is None", lambda m: m.contrasts([None]), ArgumentTypeError, ["NoneType"]),
    ("flat scenario", lambda m: m.contrasts([{"treated": 1}, {"treated": 0}], [1, -1]),
     UnknownNameError, ["'treated' is not a key of a scenario", "Scenario({'treated': ...})"]),
    ("mistyped key", lambda m: m.contrasts([SCENARIOS[0], {"atexg": {"treated": 0}}], [1, -1]),
     UnknownNameError, ["item 1", "Did you mean 'atexog'?"]),
    ("mistyped label", lambda m: m.contrasts([{"atexog": {"treated": 1}, "lable": "x"}]),
     UnknownNameError, ["'lable'", "Did you mean 'label'?"]),
    ("scenario without a point", lambda m: m.contrasts([{"label": "x"}]), ArgumentError,
     ["item 0 has no 'atexog'"]),
    ("scenario with a number", lambda m: m.contrasts([{"atexog": 5}]), ArgumentTypeError,
     ["`atexog` must be a mapping", "int"]),
    ("scenario with a list", lambda m: m.contrasts([Scenario({"treated": [0, 1]})]), ArgumentError,
     ["item 0 gives 'treated' several values", "one point"]),
    ("scenario with a range", lambda m: m.contrasts([Scenario({"treated": range(2)})]),
     ArgumentError, ["several values"]),
    ("scenario with a Series", lambda m: m.contrasts([Scenario({"age": pd.Series([1, 2])})]),
     ArgumentError, ["several values"]),
    ("scenario with a set", lambda m: m.contrasts([Scenario({"treated": {0, 1}})]), ArgumentError,
     ["several values"]),
    ("scenario with a text", lambda m: m.contrasts([Scenario({"age": "x"})]), ArgumentError,
     ["'x' is not a number"]),
    ("scenario with a bad level", lambda m: m.contrasts([Scenario({"school": "Z"})]),
     ArgumentError, ["'Z' is not a level"]),
    ("helper out of range", lambda m: m.contrasts(pairwise("treated", [1, 9])), ArgumentError,
     ["9 lies outside 0 to 1"]),
    ("label that is no text", lambda m: m.contrasts([{"atexog": {}, "label": 5}]),
     ArgumentTypeError, ["label", "int"]),
    ("no contrasts", lambda m: m.contrasts(SCENARIOS, {}), ArgumentError,
     ["contrasts: the mapping is empty"]),
    ("no weights", lambda m: m.contrasts(SCENARIOS, []), ArgumentError, ["(0,)", "(2,)"]),
    ("too few weights", lambda m: m.contrasts(SCENARIOS, [1]), ArgumentError,
     ["1 weights", "2 scenarios"]),
    ("too many named weights", lambda m: m.contrasts(SCENARIOS, {"x": [1, -1, 0]}), ArgumentError,
     ["'x'", "3 weights", "2 scenarios"]),
    ("missing weight", lambda m: m.contrasts(SCENARIOS, [1, np.nan]), ArgumentError,
     ["missing or infinite weight"]),
    ("weight that is text", lambda m: m.contrasts(SCENARIOS, [1, "x"]), ArgumentError,
     ["weights must be numbers"]),
    ("ragged weights", lambda m: m.contrasts(SCENARIOS, [[1, -1], [1]]), ArgumentError,
     ["rows of equal length"]),
    ("weights that are zero", lambda m: m.contrasts(SCENARIOS, [0, 0]), ArgumentError,
     ["only zero weights"]),
    ("cube of weights", lambda m: m.contrasts(SCENARIOS, np.ones((1, 2, 1))), ArgumentError,
     ["(1, 2, 1)"]),
    ("weights twice", lambda m: m.contrasts(pairwise("treated", [1, 0]), [1, -1]), ArgumentError,
     ["already come with weights"]),
    # --- functions
    ("function that is none", lambda m: m.evaluate(SCENARIOS, 5), ArgumentTypeError,
     ["function: must be callable", "int"]),
    ("function that fails", lambda m: m.evaluate(SCENARIOS, lambda x: x[7]), ArgumentError,
     ["function: it failed", "IndexError"]),
    ("function that is missing", lambda m: m.evaluate(SCENARIOS, lambda x: np.nan), NumericalError,
     ["not finite"]),
    ("function of a matrix", lambda m: m.evaluate(SCENARIOS, lambda x: np.ones((2, 2))),
     ArgumentTypeError, ["(2, 2)", "1-D"]),
    ("function of nothing", lambda m: m.evaluate(SCENARIOS, lambda x: []), ArgumentTypeError,
     ["(0,)"]),
    ("function of text", lambda m: m.evaluate(SCENARIOS, lambda x: "a"), ArgumentError,
     ["function: it failed"]),
    ("function that decides", lambda m: m.evaluate(SCENARIOS, lambda x: x[0] > x[1]),
     ArgumentError, ["truth value"]),
    ("too few labels", lambda m: m.evaluate(SCENARIOS, lambda x: x, labels=["a"]), ArgumentError,
     ["labels: 1 given for 2 values"]),
)  # fmt: skip


def test_a_function_without_a_derivative_there(m):
    edge = m.contrasts(SCENARIOS).estimate[0]
    with pytest.raises(NumericalError, match="no finite derivative"):
        m.evaluate(SCENARIOS, lambda x: np.sqrt(edge - x[0]))


def test_a_function_near_the_end_of_its_domain(m):
    treated = m.contrasts(SCENARIOS)[0]
    gap = treated.estimate[0] * 1e-3
    logarithm = m.evaluate(SCENARIOS, lambda x: np.log(x[0] - (treated.estimate[0] - gap)))
    assert logarithm.std_error[0] == pytest.approx(treated.std_error[0] / gap, rel=1e-6)


@VERBS
def test_verb_refuses(m, before, call, error, parts):
    refused(call, error, parts, m)
    assert fingerprint(m) == before


def test_unknown_keywords_stay_type_errors(m, before):
    for call in (
        lambda: m.predict(scenarios=SCENARIOS),
        lambda: m.predict({"age": 30}, "school"),
        lambda: m.dydx("age", {"treated": 1}),
        lambda: m.contrasts(SCENARIOS, None, "school"),
    ):
        with pytest.raises(TypeError):
            call()
    assert fingerprint(m) == before


# --- opening a session ---------------------------------------------------------------------------


def cov(model):
    return pd.DataFrame(
        np.diag(np.arange(1.0, len(model.fe_params) + 1)),
        model.fe_params.index,
        model.fe_params.index,
    )


def values(model):
    return cov(model).to_numpy()


def asymmetric(model):
    out = values(model).copy()
    out[0, 1] = 0.5
    return out


def indefinite(model):
    out = values(model).copy()
    out[0, 1] = out[1, 0] = 5.0
    return out


def holed(model):
    out = values(model).copy()
    out[0, 0] = np.nan
    return out


SESSIONS = rows(
    # --- vcov
    ("vcov misspelt", lambda f, d: Margins(f, vcov="modle"), ArgumentError,
     ["vcov: got 'modle'", "'model', 'gls'", "Did you mean 'model'?"]),
    ("vcov of another class", lambda f, d: Margins(f, vcov="HC1"), UnsupportedError,
     ["vcov: 'HC1' is not available", "'model', 'gls'"]),
    ("vcov too small", lambda f, d: Margins(f, vcov=values(f)[:2, :2]), ArgumentError,
     ["shape (13, 13)", "'Intercept'", "got (2, 2)"]),
    ("vcov not square", lambda f, d: Margins(f, vcov=values(f)[:, :2]), ArgumentError,
     ["got (13, 2)"]),
    ("vcov asymmetric", lambda f, d: Margins(f, vcov=asymmetric(f)), ArgumentError,
     ["not symmetric"]),
    ("vcov indefinite", lambda f, d: Margins(f, vcov=indefinite(f)), ArgumentError,
     ["not positive semi-definite"]),
    ("vcov negative", lambda f, d: Margins(f, vcov=-values(f)), ArgumentError,
     ["not positive semi-definite"]),
    ("vcov with a hole", lambda f, d: Margins(f, vcov=holed(f)), ArgumentError, ["missing"]),
    ("vcov labels missing", lambda f, d: Margins(f, vcov=cov(f).iloc[1:, 1:]), ArgumentError,
     ["no row for 'Intercept'"]),
    ("vcov labels misspelt", lambda f, d: Margins(f, vcov=cov(f).rename(columns={"age": "Age"})),
     ArgumentError, ["no column for 'age'"]),
    ("vcov labels twice", lambda f, d: Margins(f, vcov=pd.concat([cov(f), cov(f)])),
     ArgumentError, ["labelled twice"]),
    ("vcov a number", lambda f, d: Margins(f, vcov=5), ArgumentError, ["got ()"]),
    ("vcov ragged", lambda f, d: Margins(f, vcov=[[1, 2], [3]]), ArgumentTypeError, ["vcov"]),
    ("vcov of text", lambda f, d: Margins(f, vcov=np.full((13, 13), "a")), ArgumentTypeError,
     ["real numbers"]),
    ("vcov complex", lambda f, d: Margins(f, vcov=values(f) * 1j), ArgumentTypeError, ["real"]),
    ("vcov a mapping", lambda f, d: Margins(f, vcov={"a": 1}), ArgumentTypeError, ["dict"]),
    ("vcov a function", lambda f, d: Margins(f, vcov=values), ArgumentTypeError, ["function"]),
    # --- df
    ("df negative", lambda f, d: Margins(f, df=-1), ArgumentError, ["df: got -1", "positive"]),
    ("df zero", lambda f, d: Margins(f, df=0), ArgumentError, ["df: got 0"]),
    ("df missing", lambda f, d: Margins(f, df=np.nan), ArgumentError, ["df: got nan"]),
    ("df unknown", lambda f, d: Margins(f, df="foo"), ArgumentError,
     ["df: got 'foo'", "'satterthwaite'"]),
    ("df misspelt", lambda f, d: Margins(f, df="satterthwait"), ArgumentError,
     ["Did you mean 'satterthwaite'?"]),
    ("df boolean", lambda f, d: Margins(f, df=True), ArgumentTypeError, ["df", "bool"]),
    ("df a list", lambda f, d: Margins(f, df=[5]), ArgumentTypeError, ["df", "list"]),
    # --- level
    ("level in percent", lambda f, d: Margins(f, level=95), ArgumentError,
     ["level: got 95", "Did you mean 0.95?"]),
    ("level one", lambda f, d: Margins(f, level=1), ArgumentError, ["between 0 and 1"]),
    ("level zero", lambda f, d: Margins(f, level=0), ArgumentError, ["between 0 and 1"]),
    ("level missing", lambda f, d: Margins(f, level=np.nan), ArgumentError, ["nan"]),
    ("level text", lambda f, d: Margins(f, level="0.95"), ArgumentTypeError, ["str"]),
    ("level None", lambda f, d: Margins(f, level=None), ArgumentTypeError, ["NoneType"]),
    ("level boolean", lambda f, d: Margins(f, level=True), ArgumentTypeError, ["bool"]),
    # --- scale
    ("scale misspelt", lambda f, d: Margins(f, scale="lgo"), ArgumentError,
     ["scale: got 'lgo'", "'identity', 'log', 'logit', 'fisher_z'", "Did you mean 'log'?"]),
    ("scale None", lambda f, d: Margins(f, scale=None), ArgumentTypeError, ["NoneType"]),
    ("scale a function", lambda f, d: Margins(f, scale=np.log), ArgumentTypeError, ["Scale"]),
    ("scale with a number", lambda f, d: Scale(np.log, np.exp, 5), ArgumentTypeError,
     ["`derivative` must be callable"]),
    ("scale twice", lambda f, d: Margins.log_scale(f, scale="log"), ArgumentError,
     ["names", "already"]),
    # --- at
    ("at misspelt", lambda f, d: Margins(f, at="overal"), ArgumentError,
     ["at: got 'overal'", "Did you mean 'overall'?"]),
    ("at None", lambda f, d: Margins(f, at=None), ArgumentTypeError, ["at", "NoneType"]),
    ("at a list", lambda f, d: Margins(f, at=["overall"]), ArgumentTypeError, ["list"]),
    ("at a matrix", lambda f, d: Margins(f, at=d.to_numpy()), ArgumentTypeError, ["ndarray"]),
    ("at a column", lambda f, d: Margins(f, at=d["age"]), ArgumentTypeError, ["Series"]),
    ("at unknown variable", lambda f, d: Margins(f, at={"agee": 1}), UnknownNameError,
     ["at: 'agee'", "Did you mean 'age'?"]),
    ("at several values", lambda f, d: Margins(f, at={"age": [30, 40]}), ArgumentError,
     ["at: 'age' was given list", "atexog"]),
    ("at a bad rule", lambda f, d: Margins(f, at={"age": "mea"}), ArgumentError,
     ["at: 'mea' is not a rule", "'median'", "Did you mean 'mean'?"]),
    ("at a bad percentile", lambda f, d: Margins(f, at={"age": "p250"}), ArgumentError, ["'p250'"]),
    ("at a rule for numbers", lambda f, d: Margins(f, at={"school": "mean"}), ArgumentError,
     ["the rule 'mean' needs numbers", "'school' is categorical"]),
    ("at a bad level", lambda f, d: Margins(f, at={"school": "Z"}), ArgumentError,
     ["at: 'Z' is not a level"]),
    ("at missing", lambda f, d: Margins(f, at={"age": np.nan}), ArgumentError, ["at", "missing"]),
    ("at None for a value", lambda f, d: Margins(f, at={"age": None}), ArgumentError, ["missing"]),
    ("at a boolean", lambda f, d: Margins(f, at={"age": True}), ArgumentError, ["boolean"]),
    ("at out of range", lambda f, d: Margins(f, at={"treated": 7}), ArgumentError, ["at", "7"]),
    ("at a function of text", lambda f, d: Margins(f, at={"age": lambda c: "x"}), ArgumentError,
     ["at: 'age' is numeric; 'x'"]),
    ("at a function that fails", lambda f, d: Margins(f, at={"age": lambda c: 1 / 0}),
     ArgumentError, ["ZeroDivisionError"]),
    ("at a function of a column", lambda f, d: Margins(f, at={"age": lambda c: c}), ArgumentError,
     ["returned Series", "one value"]),
    ("at a frame that lacks a column", lambda f, d: Margins(f, at=d.drop(columns="age")),
     UnknownNameError, ["at: 'age'", "the model needs it"]),
    ("at a frame with a hole",
     lambda f, d: Margins(f, at=d.assign(age=d.age.where(d.age < 50))), ArgumentError,
     ["at: column 'age' has", "missing"]),
    ("at no rows", lambda f, d: Margins(f, at=d.iloc[:0]), ArgumentError, ["no rows"]),
    ("at a frame with a bad level", lambda f, d: Margins(f, at=d.assign(school="Z")),
     ArgumentError, ["at: 'Z' is not a level of 'school'"]),
    ("at a frame with text", lambda f, d: Margins(f, at=d.assign(age="x")), ArgumentError,
     ["at: 'age' is numeric"]),
    ("at a frame out of range", lambda f, d: Margins(f, at=d.assign(treated=3)), ArgumentError,
     ["at: 'treated'", "3"]),
    ("at a frame with columns twice", lambda f, d: Margins(f, at=pd.concat([d, d], axis=1)),
     ArgumentError, ["not unique"]),
    # --- weights
    ("weights unknown", lambda f, d: Margins(f, weights="dos"), UnknownNameError,
     ["weights: 'dos'", "Did you mean 'dose'?"]),
    ("weights of text", lambda f, d: Margins(f, weights="school"), ArgumentTypeError, ["weights"]),
    ("weights with a hole", lambda f, d: Margins(f, weights="hole"), ArgumentError, ["finite"]),
    ("weights too few", lambda f, d: Margins(f, weights=[1, 2]), ArgumentError,
     ["(2,)", "96 rows"]),
    ("weights a column vector", lambda f, d: Margins(f, weights=np.ones((ROWS, 1))), ArgumentError,
     ["(96, 1)"]),
    ("weights a number", lambda f, d: Margins(f, weights=5), ArgumentError, ["()"]),
    ("weights negative", lambda f, d: Margins(f, weights=-np.ones(ROWS)), ArgumentError,
     ["not negative"]),
    ("weights zero", lambda f, d: Margins(f, weights=np.zeros(ROWS)), ArgumentError,
     ["total weight is zero"]),
    ("weights infinite", lambda f, d: Margins(f, weights=np.full(ROWS, np.inf)), ArgumentError,
     ["finite"]),
    ("weights complex", lambda f, d: Margins(f, weights=np.full(ROWS, 1j)), ArgumentTypeError,
     ["weights"]),
    ("weights balanced", lambda f, d: Margins(f, weights="dose", at="balanced"), ArgumentError,
     ["'dose'", "balanced", "'equal'", "'cells'", 'at="overall"']),
    ("weights of the fit for a frame",
     lambda f, d: Margins(f, weights=np.ones(ROWS), at=d.iloc[:5]), ArgumentError, ["5 rows"]),
    # --- method
    ("method misspelt", lambda f, d: Margins(f, method="bootstap"), ArgumentError,
     ["method", "Did you mean 'bootstrap'?"]),
    ("method a number", lambda f, d: Margins(f, method=5), ArgumentTypeError, ["method", "5"]),
    ("n_boot with delta", lambda f, d: Margins(f, n_boot=10), ArgumentError,
     ["n_boot", 'method="delta" does not use it', "'bootstrap'"]),
    ("n_sim with delta", lambda f, d: Margins(f, n_sim=10), ArgumentError, ["n_sim"]),
    ("rng with delta", lambda f, d: Margins(f, rng=1), ArgumentError, ["rng"]),
    ("n_jobs with delta", lambda f, d: Margins(f, n_jobs=2), ArgumentError, ["n_jobs"]),
    ("n_sim with bootstrap", lambda f, d: Margins(f, method="bootstrap", n_sim=5), ArgumentError,
     ["n_sim", 'method="bootstrap" does not use it']),
    ("n_boot with simulation", lambda f, d: Margins(f, method="simulation", n_boot=5),
     ArgumentError, ["n_boot"]),
    ("n_boot zero", lambda f, d: Margins(f, method="bootstrap", n_boot=0), ArgumentError,
     ["n_boot: got 0"]),
    ("n_boot a fraction", lambda f, d: Margins(f, method="bootstrap", n_boot=2.5),
     ArgumentTypeError, ["n_boot", "2.5"]),
    ("n_boot a boolean", lambda f, d: Margins(f, method="bootstrap", n_boot=True),
     ArgumentTypeError, ["n_boot", "bool"]),
    ("n_boot both ways", lambda f, d: Margins(f, method=Bootstrap(n_boot=5), n_boot=5),
     ArgumentError, ["n_boot", "Bootstrap(n_boot=...)"]),
    ("n_sim both ways", lambda f, d: Margins(f, method=Simulation(), n_sim=5), ArgumentError,
     ["n_sim"]),
    # --- model and data
    ("model not fitted", lambda f, d: Margins(f.model), UnsupportedModelError,
     ["MixedLM is not fitted", "fit()"]),
    ("another model not fitted", lambda f, d: Margins(sm.OLS(d.score, d[["age"]])),
     UnsupportedModelError, ["is not fitted"]),
    ("model of another class", lambda f, d: Margins(sm.GLSAR(d.score, d[["age"]]).fit()),
     UnsupportedModelError, ["no adapter knows", "MixedLM", "register_adapter"]),
    ("model None", lambda f, d: Margins(None), UnsupportedModelError, ["NoneType"]),
    ("model a formula", lambda f, d: Margins("score ~ age"), UnsupportedModelError, ["str"]),
    ("model a frame", lambda f, d: Margins(d), UnsupportedModelError, ["DataFrame"]),
    ("model a class", lambda f, d: Margins(StatsmodelsMixedLMAdapter), UnsupportedModelError,
     ["type"]),
    ("data of other length", lambda f, d: Margins(f, data=d.iloc[:5]), ArgumentError,
     ["5 rows", "fitted to 96"]),
    ("data that is none", lambda f, d: Margins(f, data=5), ArgumentTypeError,
     ["data frame", "int"]),
    ("data that differ", lambda f, d: Margins(f, data=d.assign(age=1)), ModelError,
     ["do not reproduce the fitted design in 'age'"]),
    ("data that lack a variable", lambda f, d: Margins(f, data=d.drop(columns="school")),
     ModelError, ["'C(school)'", "data=..."]),
    ("adapter a class", lambda f, d: Margins(f, adapter=StatsmodelsMixedLMAdapter),
     ArgumentTypeError, ["adapter", "StatsmodelsMixedLMAdapter(model, ...)"]),
    ("adapter a number", lambda f, d: Margins(f, adapter=5), ArgumentTypeError, ["adapter", "int"]),
    ("adapter and data",
     lambda f, d: Margins(f, adapter=StatsmodelsMixedLMAdapter(f), data=d), ArgumentError,
     ["data: the adapter brings its own"]),
    ("adapter of a number", lambda f, d: StatsmodelsMixedLMAdapter(5), UnsupportedModelError,
     ["int"]),
    ("registering a number", lambda f, d: register_adapter(5), ArgumentTypeError,
     ["register_adapter", "class"]),
    ("registering a class of another kind", lambda f, d: register_adapter(int), ArgumentTypeError,
     ["class"]),
    ("registering an instance",
     lambda f, d: register_adapter(StatsmodelsMixedLMAdapter(f)), ArgumentTypeError,
     ["class"]),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::pymargins.FitWarning")
@SESSIONS
def test_session_refuses(model, data, call, error, parts):
    refused(call, error, parts, model, data)


def test_adapter_of_another_model(model, other):
    with pytest.raises(ArgumentError, match="another fitted model"):
        Margins(model, adapter=StatsmodelsMixedLMAdapter(other))


def test_estimators_of_other_libraries():
    class Estimator:
        def fit(self):
            self.coef_ = 1.0
            return self

    with pytest.raises(UnsupportedModelError, match="is not fitted"):
        Margins(Estimator())
    with pytest.raises(UnsupportedModelError, match="no adapter knows"):
        Margins(Estimator().fit())


def test_unfitted_formula_function():
    with pytest.raises(UnsupportedModelError, match="expected a fitted model, got method"):
        Margins(smf.mixedlm)


def test_a_covariance_labelled_in_another_order_is_put_right(model):
    labelled = cov(model)
    shuffled = labelled.iloc[::-1].sample(frac=1.0, axis=1, random_state=1)
    straight = session(model, vcov=labelled).dydx("all")
    assert np.array_equal(session(model, vcov=shuffled).dydx("all").cov, straight.cov)
    assert np.array_equal(session(model, vcov=labelled.to_numpy()).dydx("all").cov, straight.cov)


def test_a_weightless_subgroup_is_named(model, data):
    m = session(model, weights=(data.school != "A").to_numpy())
    with pytest.raises(ArgumentError, match=r"subgroup \{'school': 'A'\} has zero total weight"):
        m.predict(over="school")


# --- helpers -------------------------------------------------------------------------------------

HELPERS = rows(
    ("one level", lambda: pairwise("treated", [1]), ArgumentError,
     ["pairwise: 'treated' was given 1 level(s)", "at least 2"]),
    ("no level", lambda: all_pairwise("treated", []), ArgumentError, ["0 level(s)"]),
    ("a number", lambda: pairwise("treated", 1), ArgumentTypeError, ["must be a list, got 1"]),
    ("a text", lambda: pairwise("school", "AB"), ArgumentTypeError, ["'AB'"]),
    ("a set", lambda: pairwise("treated", {0, 1}), ArgumentTypeError, ["must be a list"]),
    ("a mapping", lambda: pairwise("treated", {"a": 1}), ArgumentTypeError, ["must be a list"]),
    ("a level twice", lambda: pairwise("treated", [1, 1]), ArgumentError, ["1", "given twice"]),
    ("a level twice by value", lambda: pairwise("treated", [1, True]), ArgumentError, ["twice"]),
    ("a missing level", lambda: levels("age", [1, np.nan]), ArgumentError, ["missing"]),
    ("a nested level", lambda: pairwise("treated", [1, [2]]), ArgumentError, ["[2]", "flat"]),
    ("a matrix of levels", lambda: pairwise("treated", np.eye(2)), ArgumentError, ["flat"]),
    ("no name", lambda: pairwise(["treated"], [1, 0]), ArgumentTypeError, ["name", "list"]),
    ("unknown reference", lambda: reference("school", ["A", "B"], ref_level="b"), UnknownNameError,
     ["ref_level: 'b'", "Did you mean 'B'?"]),
    ("one level to refer", lambda: reference("school", ["A"]), ArgumentError, ["at least 2"]),
    ("one level in sequence", lambda: sequential("school", ["A"]), ArgumentError, ["at least 2"]),
    ("one level for helmert", lambda: helmert("school", ["A"]), ArgumentError, ["at least 2"]),
    ("degree too high", lambda: polynomial("age", [1, 2, 3], degree=5), ArgumentError,
     ["degree: got 5", "1 to 2"]),
    ("degree zero", lambda: polynomial("age", [1, 2, 3], degree=0), ArgumentError, ["got 0"]),
    ("degree boolean", lambda: polynomial("age", [1, 2, 3], degree=True), ArgumentError, ["True"]),
    ("three times", lambda: did("treated", "wave", time_levels=(1, 2, 3)), ArgumentError,
     ["'wave'", "exactly 2"]),
    ("one variable for two", lambda: did("treated", "treated"), ArgumentError, ["two variables"]),
    ("empty grid", lambda: grid(), ArgumentError, ["at least one variable"]),
    ("grid without values", lambda: grid(age=[]), ArgumentError, ["'age'", "0 level(s)"]),
    ("scenario of a number", lambda: Scenario(5), ArgumentTypeError, ["mapping", "int"]),
    ("scenario labelled 5", lambda: Scenario({}, label=5), ArgumentTypeError, ["label"]),
)  # fmt: skip


@HELPERS
def test_helper_refuses(call, error, parts):
    refused(call, error, parts)


# --- results -------------------------------------------------------------------------------------

RESULTS = rows(
    ("unknown row", lambda r: r["school: B - a"], UnknownNameError,
     ["row: 'school: B - a'", "Did you mean 'school: B - A'?"]),
    ("unknown among rows", lambda r: r[["school: B - A", "zz"]], UnknownNameError, ["'zz'"]),
    ("no rows", lambda r: r[[]], ArgumentError, ["selection is empty"]),
    ("empty slice", lambda r: r[5:], ArgumentError, ["selection is empty"]),
    ("too few booleans", lambda r: r[[True, False]], ArgumentError, ["2 booleans for 3 rows"]),
    ("a boolean", lambda r: r[True], ArgumentTypeError, ["row", "True"]),
    ("a fraction", lambda r: r[1.5], ArgumentTypeError, ["row", "1.5"]),
    ("nothing", lambda r: r[None], ArgumentTypeError, ["row", "None"]),
    ("level two", lambda r: r.conf_int(level=2), ArgumentError, ["level: got 2"]),
    ("level in percent", lambda r: r.conf_int(95), ArgumentError, ["Did you mean 0.95?"]),
    ("level of a table", lambda r: r.summary(level=3), ArgumentError, ["level: got 3"]),
    ("unknown alternative", lambda r: r.test(alternative="x"), ArgumentError,
     ["alternative: got 'x'", "'two-sided', 'greater', 'less'"]),
    ("alternative misspelt", lambda r: r.test(alternative="Greater"), ArgumentError,
     ["Did you mean 'greater'?"]),
    ("null that is text", lambda r: r.test(null="a"), ArgumentError, ["null", "3 numbers"]),
    ("nulls too few", lambda r: r.test(null=[1, 2]), ArgumentError, ["null", "3 numbers"]),
    ("null missing", lambda r: r.test(null=np.nan), ArgumentError, ["null: must be finite"]),
    ("joint nulls too many", lambda r: r.joint_test(null=[1, 2, 3, 4]), ArgumentError, ["null"]),
    ("contrast too short", lambda r: r.contrast([1, -1]), ArgumentError, ["2 weights"]),
    ("contrast of zeros", lambda r: r.contrast([0, 0, 0]), ArgumentError, ["zero"]),
    ("contrast labels", lambda r: r.contrast([1, -1, 0], labels=["a", "b"]), ArgumentError,
     ["labels: 2 given for 1"]),
    ("pairs of one", lambda r: r[0].pairwise(), ArgumentError, ["at least two rows"]),
    ("rows that do not match", lambda r: r[[0, 1]] - r, ArgumentError, ["2 and 3 rows"]),
    ("times infinity", lambda r: r * np.inf, ArgumentError, ["finite"]),
    ("by zero", lambda r: r / 0, ArgumentError, ["zero"]),
    ("by missing", lambda r: r / np.nan, ArgumentError, ["finite"]),
    ("by a zero result", lambda r: r / (r - r), NumericalError, ["division by", "= 0"]),
)  # fmt: skip


@RESULTS
def test_result_refuses(m, before, call, error, parts):
    refused(call, error, parts, m.dydx("school"))
    assert fingerprint(m) == before


def test_positions_out_of_range_are_index_errors(m):
    r = m.dydx("school")
    for position in (3, -4):
        with pytest.raises(IndexError, match="this result has 3"):
            r[position]


def test_arithmetic_with_other_things_is_a_type_error(m):
    r = m.dydx("school")
    for operation in (
        lambda: r + 1,
        lambda: 1 - r,
        lambda: r * r,
        lambda: r * "a",
        lambda: np.ones(3) * r,
        lambda: r / "a",
        lambda: 2 / r,
        lambda: float(r),
    ):
        with pytest.raises(TypeError):
            operation()


def test_results_of_different_sessions_do_not_combine(m, model):
    twin = session(model)
    for operation in (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a / b,
    ):
        with pytest.raises(ArgumentError, match="different sessions"):
            operation(m.predict(), twin.predict())


def test_results_outlive_their_session(model):
    a, b = session(model).predict({"age": [30, 60]})
    assert (b - a).std_error[0] > 0
    m = session(model)
    first = m.predict({"age": 30})
    second = m.predict({"age": 60})
    del m
    assert (second - first).estimate[0] == pytest.approx((b - a).estimate[0], rel=1e-12)


def test_ratios_test_against_one_and_say_so(model):
    r = session(model, scale="log").contrasts(pairwise("treated", [1, 0]))
    for null in (0, -1):
        with pytest.raises(ArgumentError, match=r"null.*No effect is 1 here"):
            r.test(null=null)
    for operation in (lambda: r * 2, lambda: r / 2, lambda: -r, lambda: r / r):
        with pytest.raises(UnsupportedError, match=r"m\.evaluate"):
            operation()


def test_a_session_is_frozen(m, before):
    for change in (
        lambda: setattr(m, "level", 0.9),
        lambda: setattr(m, "_level", 0.9),
        lambda: setattr(m, "anything", 1),
        lambda: delattr(m, "_level"),
    ):
        with pytest.raises(AttributeError, match="frozen"):
            change()
    assert fingerprint(m) == before


def test_a_result_is_frozen(m):
    r = m.dydx("school")
    with pytest.raises(AttributeError):
        r.level = 0.5
    r.cov[:] = 0.0
    r.estimate[:] = 0.0
    assert np.array_equal(r.cov, m.dydx("school").cov)
    assert np.array_equal(r.estimate, m.dydx("school").estimate)


def test_figures_of_a_result_cannot_be_changed_through_its_arrays(m):
    r = m.dydx("school")
    wanted = r.to_frame()
    for name in ("std_error", "statistic", "df", "p_value"):
        array = getattr(r, name)
        if array.flags.writeable:
            array[:] = -1.0
    pd.testing.assert_frame_equal(r.to_frame(), wanted)


def test_what_a_scale_cannot_hold_is_named(model):
    with pytest.raises(NumericalError, match=r"'age=-300' is -.*outside the positive numbers"):
        session(model, scale="log").contrasts([Scenario({"age": -300})])
    with pytest.raises(NumericalError, match=r"open interval \(0, 1\)"):
        session(model, scale="logit").predict()
    with pytest.raises(NumericalError, match=r"open interval \(-1, 1\)"):
        session(model, scale="fisher_z").predict()


@pytest.mark.parametrize(
    ("scale", "match"),
    [
        (Scale(np.log, np.sqrt, lambda x: 1 / x), "`inverse` does not undo `forward`"),
        (Scale(np.log, np.exp, lambda x: x), "`derivative` is .* where `forward` changes by"),
        (Scale(np.log, np.exp, lambda x: -1 / x), "`derivative` is -"),
        (Scale(np.square, lambda y: -np.sqrt(y), lambda x: 2 * x), "`inverse` does not undo"),
        (Scale(lambda x: x[:0], np.exp, lambda x: x), "`forward` failed"),
        (Scale(lambda x: "a", np.exp, lambda x: x), "`forward` failed"),
        (Scale(np.log, lambda y: 1 / 0, lambda x: 1 / x), "`inverse` failed.*ZeroDivisionError"),
    ],
)
def test_a_wrong_scale_is_detected(model, scale, match):
    m = session(model, scale=scale)
    with pytest.raises(ArgumentError, match=match):
        m.predict()


# --- a model that the data do not determine ------------------------------------------------------


@pytest.fixture(scope="module")
def deficient():
    frame = study(ROWS)
    frame["months"] = 12 * frame.age
    frame["ward"] = pd.Categorical(frame.school, list("ABCDE"))
    return FixedModel("age + months + ward", frame)


def test_what_cannot_be_estimated_is_named(deficient):
    m = session(deficient)
    with pytest.raises(ModelError.__mro__[1], match="'age' is not estimable"):
        m.dydx("age")
    with pytest.raises(PymarginsError, match="'ward=E' is not estimable"):
        m.predict({"ward": list("ABCDE")})
    with pytest.raises(PymarginsError, match="'age=30' is not estimable"):
        m.predict({"age": 30})


def test_what_can_be_estimated_still_is(deficient):
    m = session(deficient)
    frame = deficient.fitted.frame
    overall = m.predict()
    row = deficient.mean(frame)
    assert overall.estimate[0] == pytest.approx(row @ deficient.beta, rel=1e-12)
    at = frame.assign(ward=pd.Categorical(["B"] * ROWS, list("ABCDE")))
    assert m.predict({"ward": "B"}).estimate[0] == pytest.approx(
        deficient.mean(at) @ deficient.beta, rel=1e-12
    )
