"""Whatever the formula does to a variable, figures follow the fit's own design.

Predictions are compared with the fit's own `predict`, standard errors with L V L' from patsy's own
design matrices, slopes with closed forms, with SciPy's splines, and with extrapolated differences.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.formula.api as smf
from scipy.interpolate import BSpline, CubicSpline

from pymargins import ArgumentError, NumericalError, PymarginsWarning, UnsupportedError
from support.small_models import (
    CALLERS_NAMES,
    ROUNDING,
    FixedModel,
    fit,
    quietly,
    session,
    study,
)

#: Central differences of patsy's rows over 2e-3 of the range, extrapolated to the fourth order.
DIFFERENCES = 1e-7
#: Slopes of splines are taken by the engine's own differences: rounding over a step of 1e-4.
SPLINE = 1e-9
K = 2.5


def bent(z):
    return np.sin(z / 10) + K


def piecewise(z):
    return np.where(z > 47.3, z - 47.3, 0.0)


ENVIRONMENT = {"K": K, "bent": bent, "piecewise": piecewise}


def patsy_reads_nullable():
    """Whether this patsy, with this NumPy, takes pandas' nullable numbers."""
    try:
        patsy.dmatrix("x", pd.DataFrame({"x": pd.array([1, 2], dtype="Int64")}))
    except TypeError:
        return False
    return True


NULLABLE = ["nullable", "floating"] if patsy_reads_nullable() else []

FORMULAS = [
    # one variable, by NumPy
    "age",
    "np.log(age)",
    "np.exp(dose)",
    "np.sqrt(dose)",
    "np.log1p(dose) + np.expm1(dose / 9)",
    "np.power(dose, 1.5)",
    "np.sqrt(dose) / dose",
    "np.column_stack([dose, dose**2])",
    "I(dose**2)",
    "dose + I(dose**2) + I(dose**3)",
    "I(1 / dose)",
    "age.clip(30.5, 60.5)",
    "np.clip(age, 30.5, 60.5)",
    "np.maximum(age - 40.5, 0)",
    "abs(age - 40.5)",
    # user functions and constants
    "bent(age)",
    "I(age * K)",
    "piecewise(age)",
    # two variables in one factor
    "I(age * dose)",
    "I(dose / age)",
    "I(dose**(age / 50))",
    "np.log(age + dose)",
    # stateful
    "center(age)",
    "standardize(age)",
    "scale(age)",
    "center(age) * standardize(dose)",
    "bs(dose, df=4)",
    "bs(dose, df=5, degree=2)",
    "bs(dose, knots=[1, 2], lower_bound=0, upper_bound=5)",
    "bs(age, df=4) * treated",
    "cr(dose, df=4) - 1",
    "cc(dose, df=4) - 1",
    "te(cr(age, df=3), cr(dose, df=3)) - 1",
    # odd names
    'Q("odd name") * age',
    'np.log(Q("odd name"))',
    "estimate + label + group",
    "age + label:estimate",
    # categories and codings
    "C(wave)",
    "C(wave, Sum) * age",
    "C(school, Sum)",
    "C(school, Helmert)",
    "C(school, Poly)",
    "C(school, Diff)",
    "C(school, Treatment(reference='C'))",
    "C(school, Treatment('C')) * age",
    "C(school, levels=['D', 'C', 'B', 'A'])",
    "C(treated)",
    "C(smoker) : age",
    "grade",
    "C(grade, Poly) * age",
    "smoker * age",
    "text",
    "objects * age",
    "category",
    "numbered * age",
    "np.log(dose) * school",
    # expressions that are categories
    "C(age > 40)",
    "age > 40",
    "school.str.lower()",
    "pd.cut(age, [0, 40, 100])",
    "C(np.round(dose))",
    # interactions and no intercept
    "age * treated",
    "age:dose",
    "age * dose * treated",
    "(age + dose)**2",
    "(school + grade + smoker)**2",
    "school * smoker * treated",
    "C(treated) * smoker * C(female) * age",
    "0 + age",
    "0 + school",
    "0 + school:age",
    "0 + age + school",
    "-1 + school * smoker",
    "C(treated) - 1",
    "1",
    # other types of numbers
    *NULLABLE,
    "small",
]


@pytest.fixture(scope="module")
def data():
    frame = study(96)
    frame["odd name"] = frame.dose * 2 + 1
    frame["estimate"] = frame.dose
    frame["label"] = frame.school
    frame["group"] = frame.age / 10.0
    frame["text"] = frame.school.astype("string")
    frame["objects"] = frame.school.astype(object)
    frame["category"] = pd.Categorical(frame.school)
    frame["numbered"] = pd.Categorical(frame.wave)
    frame["nullable"] = frame.age.astype("Int64")
    frame["floating"] = frame.dose.astype("Float64")
    frame["small"] = frame.female.astype("uint8")
    return frame


@pytest.fixture(scope="module")
def newdata(data):
    """Other rows than those fitted, in another order and number."""
    rng = np.random.default_rng(3)
    new = data.sample(41, replace=True, random_state=5).reset_index(drop=True)
    new["age"] = rng.integers(25, 70, len(new))
    new["dose"] = rng.uniform(data.dose.min(), data.dose.max(), len(new))
    new["odd name"] = new.dose * 2 + 1
    new["estimate"] = new.dose
    new["group"] = new.age / 10.0
    new["nullable"] = new.age.astype("Int64")
    new["floating"] = new.dose.astype("Float64")
    return new


_MODELS: dict[str, FixedModel] = {}


def model_of(formula, data):
    if formula not in _MODELS:
        _MODELS[formula] = FixedModel(formula, data, env=ENVIRONMENT)
    return _MODELS[formula]


def pinned(frame, variable, value):
    """The frame with one column constant, of the type it had."""
    return frame.assign(**{variable: pd.Series([value] * len(frame), dtype=frame[variable].dtype)})


def two_values(variable, dtype):
    if variable.kind != "numeric":
        return list(variable.levels)
    values = [variable.low, (variable.low + 2 * variable.high) / 3]
    return [int(v) for v in values] if pd.api.types.is_integer_dtype(dtype) else values


# --- predictions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
def test_predict_equals_the_fits_own(formula, data, newdata):
    with quietly():  # here, where the formula's functions and constants are known
        model = smf.mixedlm(f"score ~ {formula}", data, groups="student", **CALLERS_NAMES).fit()
    frame = data if formula == "C(np.round(dose))" else newdata
    own = model.predict(frame)
    average = session(model, at=frame, vcov="gls").predict()
    assert average.estimate[0] == pytest.approx(np.mean(own), rel=ROUNDING)
    assert session(model, vcov="gls").predict().estimate[0] == pytest.approx(
        np.mean(model.predict(data)), rel=ROUNDING
    )


@pytest.mark.parametrize("formula", FORMULAS)
def test_rows_and_pins_follow_the_stored_design(formula, data, newdata):
    model = model_of(formula, data)
    frame = data if formula == "C(np.round(dose))" else newdata
    m = session(model)
    row = model.mean(data)
    overall = m.predict()
    assert overall.estimate[0] == pytest.approx(row @ model.beta, rel=ROUNDING)
    assert overall.std_error[0] == pytest.approx(np.sqrt(row @ model.cov @ row), rel=ROUNDING)
    there = session(model, at=frame)
    for name, variable in model.fitted.variables.items():
        values = two_values(variable, data[name].dtype)
        result = there.predict({name: values})
        matrix = np.stack([model.mean(pinned(frame, name, v)) for v in values])
        np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=ROUNDING)
        np.testing.assert_allclose(
            result.cov, matrix @ model.cov @ matrix.T, rtol=ROUNDING, atol=1e-14
        )


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("at", ["typical", "mean", "balanced"])
def test_every_population_can_be_formed(formula, at, data):
    model = model_of(formula, data)
    result = session(model, at=at).predict()
    assert np.isfinite(result.estimate).all()
    assert (result.std_error > 0).all()


def test_a_rank_deficient_spline_predicts(data):
    model = model_of("cr(age, df=4) + treated", data)
    assert model.fitted.null_spaces["beta"].shape[1] == 1
    m = session(model)
    matrix = np.stack([model.mean(pinned(data, "age", v)) for v in (25, 60)])
    result = m.predict({"age": [25, 60]})
    np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=ROUNDING)
    np.testing.assert_allclose(
        result.std_error**2, np.diagonal(matrix @ model.cov @ matrix.T), rtol=ROUNDING
    )


# --- slopes --------------------------------------------------------------------------------------

JUMPS = {"C(age > 40)", "age > 40", "pd.cut(age, [0, 40, 100])", "C(np.round(dose))"}
#: Splines end at their boundary knots or bend there; SciPy's are compared with below.
SPLINES = {f for f in FORMULAS if f.startswith(("bs(", "cr(", "cc("))}


def difference_rows(model, frame, name, spread):
    """Average derivative of patsy's rows, from differences of two widths."""

    def central(h):
        up = model.mean(frame.assign(**{name: frame[name].astype(float) + h}))
        down = model.mean(frame.assign(**{name: frame[name].astype(float) - h}))
        return (up - down) / (2 * h)

    h = 2e-3 * spread
    return (4 * central(h / 2) - central(h)) / 3


@pytest.mark.parametrize("formula", [f for f in FORMULAS if f not in JUMPS | SPLINES])
def test_slopes_agree_with_differences(formula, data):
    model = model_of(formula, data)
    m = session(model)
    for name, variable in model.fitted.variables.items():
        if variable.kind != "numeric":
            continue
        result = m.dydx(name)
        row = difference_rows(model, data, name, variable.high - variable.low)
        assert result.estimate[0] == pytest.approx(row @ model.beta, rel=DIFFERENCES)
        assert result.std_error[0] == pytest.approx(np.sqrt(row @ model.cov @ row), rel=DIFFERENCES)


@pytest.mark.parametrize("formula", FORMULAS)
def test_discrete_changes_are_differences_of_predictions(formula, data):
    model = model_of(formula, data)
    m = session(model)
    for name, variable in model.fitted.variables.items():
        if variable.kind == "numeric":
            continue
        result = m.dydx(name)
        others = [level for level in variable.levels if level != variable.reference]
        base = model.mean(pinned(data, name, variable.reference))
        matrix = np.stack([model.mean(pinned(data, name, v)) - base for v in others])
        assert list(result.labels) == [f"{name}: {v} - {variable.reference}" for v in others]
        np.testing.assert_allclose(result.estimate, matrix @ model.beta, rtol=ROUNDING)
        np.testing.assert_allclose(
            result.cov, matrix @ model.cov @ matrix.T, rtol=ROUNDING, atol=1e-14
        )


CLOSED_FORMS = [
    ("age", "age", lambda b, d: b[1]),
    ("np.log(age)", "age", lambda b, d: b[1] * np.mean(1 / d.age)),
    ("np.log2(dose) + np.log10(dose)", "dose",
     lambda b, d: np.mean((b[1] / np.log(2) + b[2] / np.log(10)) / d.dose)),
    ("np.exp(dose)", "dose", lambda b, d: b[1] * np.mean(np.exp(d.dose))),
    ("I(dose**2)", "dose", lambda b, d: 2 * b[1] * np.mean(d.dose)),
    ("age + I(age**2)", "age", lambda b, d: b[1] + 2 * b[2] * np.mean(d.age)),
    ("income + I(income**2)", "income", lambda b, d: b[1] + 2 * b[2] * np.mean(d.income)),
    ("I(dose**-1.5)", "dose", lambda b, d: -1.5 * b[1] * np.mean(d.dose**-2.5)),
    ("I(2.0**dose)", "dose", lambda b, d: b[1] * np.log(2) * np.mean(2**d.dose)),
    ("np.sqrt(dose)", "dose", lambda b, d: b[1] * np.mean(0.5 / np.sqrt(d.dose))),
    ("I(age * dose)", "age", lambda b, d: b[1] * np.mean(d.dose)),
    ("I(age * dose)", "dose", lambda b, d: b[1] * np.mean(d.age)),
    ("I(dose / age)", "dose", lambda b, d: b[1] * np.mean(1 / d.age)),
    ("I(dose / age)", "age", lambda b, d: -b[1] * np.mean(d.dose / d.age**2)),
    ("I(dose**(age / 50))", "age",
     lambda b, d: b[1] * np.mean(d.dose ** (d.age / 50) * np.log(d.dose) / 50)),
    ("np.log(age + dose)", "dose", lambda b, d: b[1] * np.mean(1 / (d.age + d.dose))),
    ("np.log(age) * dose", "dose", lambda b, d: b[2] + b[3] * np.mean(np.log(d.age))),
    ("np.log(age) * dose", "age", lambda b, d: np.mean((b[1] + b[3] * d.dose) / d.age)),
    ("age * dose * treated", "age",
     lambda b, d: b[1] + b[3] * np.mean(d.dose) + b[5] * np.mean(d.treated)
     + b[7] * np.mean(d.dose * d.treated)),
    ("center(age)", "age", lambda b, d: b[1]),
    ("standardize(age)", "age", lambda b, d: b[1] / np.std(d.age)),
    ("standardize(age, ddof=1)", "age", lambda b, d: b[1] / np.std(d.age, ddof=1)),
    ("scale(age, center=False)", "age",
     lambda b, d: b[1] / np.std(d.age)),
    ("bent(age)", "age", lambda b, d: b[1] * np.mean(np.cos(d.age / 10) / 10)),
    ("I(age * K)", "age", lambda b, d: b[1] * K),
    ("piecewise(age)", "age", lambda b, d: b[1] * np.mean(d.age > 47.3)),
    ('Q("odd name")', "odd name", lambda b, d: b[1]),
    ('np.log(Q("odd name"))', "odd name", lambda b, d: b[1] * np.mean(1 / d["odd name"])),
    ("np.maximum(age, 40.5)", "age", lambda b, d: b[1] * np.mean(d.age > 40.5)),
    ("np.minimum(age, 40.5)", "age", lambda b, d: b[1] * np.mean(d.age < 40.5)),
    ("abs(age - 40.5)", "age", lambda b, d: b[1] * np.mean(np.sign(d.age - 40.5))),
    ("np.tanh(dose) + np.arctan(dose)", "dose",
     lambda b, d: np.mean(b[1] / np.cosh(d.dose) ** 2 + b[2] / (1 + d.dose**2))),
    ("np.column_stack([dose, dose**2])", "dose",
     lambda b, d: b[1] + 2 * b[2] * np.mean(d.dose)),
    ("C(school) : age - 1", "age",
     lambda b, d: np.mean(b[["ABCD".index(s) for s in d.school]])),
]  # fmt: skip

#: Differences, where a function has no derivative that is known: rounding over the step.
BY_DIFFERENCES = 1e-9


@pytest.mark.parametrize(
    ("formula", "variable", "slope"), CLOSED_FORMS, ids=[f"{f}-{v}" for f, v, _ in CLOSED_FORMS]
)
def test_slopes_agree_with_closed_forms(formula, variable, slope, data):
    model = model_of(formula, data)
    result = session(model).dydx(variable)
    assert result.labels == (variable,)
    assert result.estimate[0] == pytest.approx(slope(model.beta, data), rel=BY_DIFFERENCES)


@pytest.mark.parametrize(
    ("formula", "at", "slope"),
    [
        ("np.log(age)", {"age": [25, 50]}, lambda b: b[1] / np.array([25, 50])),
        ("I(dose**2)", {"dose": [1.0, 3.0]}, lambda b: b[1] * np.array([2.0, 6.0])),
        ("I(age * dose)", {"dose": [1.0, 3.0]}, lambda b: b[1] * np.array([1.0, 3.0])),
    ],
)
def test_slopes_at_a_grid(formula, at, slope, data):
    model = model_of(formula, data)
    result = session(model).dydx("age" if "age" in formula else "dose", atexog=at)
    np.testing.assert_allclose(result.estimate, slope(model.beta), rtol=1e-12)


def test_kinks_give_the_mean_of_both_sides(data):
    """At a tie, as a central difference does and as Stata's and R's numerical slopes do."""
    on_kink = {"age": [40]}
    for formula, expected in (
        ("np.maximum(age, 40)", 0.5),
        ("np.minimum(age, 40)", 0.5),
        ("np.clip(age, 40, 60)", 0.5),
        ("abs(age - 40)", 0.0),
    ):
        model = FixedModel(formula, data, params=[0.0, 1.0])
        with pytest.warns(PymarginsWarning, match=r"kink at age = 40, .* mean of the slopes"):
            slope = session(model).dydx("age", atexog=on_kink).estimate[0]
        assert slope == pytest.approx(expected, abs=1e-9), formula


@pytest.mark.parametrize("formula", sorted(JUMPS - {"C(np.round(dose))"}))
def test_categories_made_of_a_number_have_no_slope(formula, data):
    with pytest.raises(UnsupportedError, match=r"'age' enters .* jumps .*m\.contrasts\(pairwise"):
        session(model_of(formula, data)).dydx("age")


@pytest.mark.parametrize(
    ("formula", "variable"),
    [
        ("np.where(age > 40, 1, 0)", "age"),  # rows lie on the step
        ("np.where(age > 40.5, 1, 0)", "age"),  # none does
        ("age // 10", "age"),
        ("I(age % 7)", "age"),
        ("np.floor(dose)", "dose"),
        ("dose + np.sign(dose - 2)", "dose"),
    ],
)
def test_step_functions_have_no_slope(formula, variable, data):
    with pytest.raises(NumericalError, match=rf"'{variable}' enters .*m\.contrasts\(pairwise"):
        session(model_of(formula, data)).dydx(variable)


def test_infinite_slopes_are_refused(data):
    frame = data.assign(dose=data.dose - data.dose.min())
    with pytest.raises(NumericalError, match=r"no finite slope at dose = 0"):
        session(FixedModel("np.sqrt(dose)", frame)).dydx("dose")


# --- splines against SciPy -----------------------------------------------------------------------


@pytest.mark.parametrize(("df", "degree"), [(4, 3), (6, 3), (5, 2), (3, 1)])
def test_b_splines_agree_with_scipy(df, degree, data):
    model = model_of(f"bs(dose, df={df}, degree={degree})", data)
    low, high = data.dose.min(), data.dose.max()
    inner = np.quantile(data.dose, np.linspace(0, 1, df - degree + 2)[1:-1])
    knots = np.concatenate([[low] * (degree + 1), inner, [high] * (degree + 1)])
    spline = BSpline(knots, np.eye(df + 1), degree)
    at = np.concatenate([[low, high], np.linspace(low, high, 23)[1:-1]])  # with both ends
    m = session(model)
    rows = spline(at)[:, 1:]
    np.testing.assert_allclose(
        m.predict({"dose": at}).estimate, model.beta[0] + rows @ model.beta[1:], rtol=ROUNDING
    )
    slopes = spline.derivative()(at)[:, 1:]
    if degree == 1:
        slopes[1] = spline.derivative()(np.nextafter(high, low))[1:]
    result = m.dydx("dose", atexog={"dose": at})
    size = np.abs(slopes).max()
    np.testing.assert_allclose(
        result.estimate, slopes @ model.beta[1:], rtol=SPLINE, atol=SPLINE * size
    )
    np.testing.assert_allclose(
        result.std_error,
        np.sqrt(np.einsum("ij,jk,ik->i", slopes, model.cov[1:, 1:], slopes)),
        rtol=SPLINE,
        atol=SPLINE * size,
    )


@pytest.mark.parametrize(("kind", "bc_type"), [("cr", "natural"), ("cc", "periodic")])
def test_cubic_regression_splines_agree_with_scipy(kind, bc_type, data):
    model = model_of(f"{kind}(dose, df=4) - 1", data)
    low, high = data.dose.min(), data.dose.max()
    inner = np.quantile(np.unique(data.dose), np.linspace(0, 1, 4 + (kind == "cc"))[1:-1])
    knots = np.concatenate([[low], inner, [high]])
    values = np.eye(4) if kind == "cr" else np.vstack([np.eye(4), np.eye(4)[0]])
    spline = CubicSpline(knots, values, bc_type=bc_type)
    at = np.concatenate([[low, high], np.linspace(low, high, 19)[1:-1]])
    m = session(model)
    np.testing.assert_allclose(m.predict({"dose": at}).estimate, spline(at) @ model.beta, rtol=1e-9)
    slopes = spline(at, 1)
    np.testing.assert_allclose(
        m.dydx("dose", atexog={"dose": at}).estimate,
        slopes @ model.beta,
        rtol=SPLINE,
        atol=SPLINE * np.abs(slopes).max(),
    )


def test_average_slope_of_a_spline(data):
    model = model_of("bs(dose, df=5)", data)
    inner = np.quantile(data.dose, [1 / 3, 2 / 3])
    low, high = data.dose.min(), data.dose.max()
    spline = BSpline(np.concatenate([[low] * 4, inner, [high] * 4]), np.eye(6), 3)
    row = spline.derivative()(data.dose.to_numpy())[:, 1:].mean(axis=0)
    result = session(model).dydx("dose")
    assert result.estimate[0] == pytest.approx(row @ model.beta[1:], rel=1e-8)
    assert result.std_error[0] == pytest.approx(np.sqrt(row @ model.cov[1:, 1:] @ row), rel=1e-8)


def test_a_spline_has_no_value_beyond_its_boundary_knots(data):
    m = session(model_of("bs(dose, df=5)", data))
    beyond = data.dose.max() + 1.0
    for ask in (
        lambda: m.predict({"dose": beyond}),
        lambda: m.predict({"dose": lambda dose: dose + 1.0}),
        lambda: m.dydx("dose", atexog={"dose": beyond}),
    ):
        with pytest.raises(
            ArgumentError, match=r"'bs\(dose, df=5\)'.*no value.*dose from 0\."
        ) as e:
            ask()
        assert "lower_bound" in str(e.value)


def test_tensor_products_follow_each_margin(data):
    model = model_of("te(cr(age, df=3), cr(dose, df=3)) - 1", data)
    m = session(model)
    row = {"age": 41.0, "dose": 2.2}
    value = model.rows(pd.DataFrame([row])) @ model.beta
    assert m.predict(row).estimate[0] == pytest.approx(value[0], rel=ROUNDING)

    def spline(x):
        knots = np.quantile(np.unique(x), [0, 0.5, 1])
        return CubicSpline(knots, np.eye(3), bc_type="natural")

    age, dose = spline(data.age), spline(data.dose)
    by_age = np.kron(age(41.0, 1), dose(2.2)) @ model.beta
    by_dose = np.kron(age(41.0), dose(2.2, 1)) @ model.beta
    assert m.dydx("age", atexog=row).estimate[0] == pytest.approx(by_age, rel=1e-8)
    assert m.dydx("dose", atexog=row).estimate[0] == pytest.approx(by_dose, rel=1e-8)


# --- what belongs to the formula and what to the data --------------------------------------------


def test_functions_named_like_a_column_are_not_variables(data):
    frame = data.assign(center=1.0, bs=2.0, K=3.0)
    model = FixedModel("center(age) + treated", frame)
    assert list(model.fitted.variables) == ["age", "treated"]
    assert session(model).dydx("all").labels == ("age", "treated")


def test_attributes_and_keywords_are_not_variables(data):
    frame = data.assign(df=1.0, knots=2.0, clip=3.0)
    model = FixedModel("bs(dose, df=4) + age.clip(30, 60)", frame)
    assert list(model.fitted.variables) == ["dose", "age"]


def test_only_variables_of_the_fixed_part_count(data):
    model = fit("score ~ age:female", data, re_formula="~dose")
    m = session(model, vcov="gls")
    assert m.dydx("all").labels == ("age", "female")


def test_variables_are_listed_in_the_order_of_the_formula(data):
    model = fit("score ~ np.log(dose) + school + age*smoker", data)
    m = session(model, vcov="gls")
    names = list(dict.fromkeys(label.split(":")[0] for label in m.dydx("all").labels))
    assert names == ["dose", "school", "age", "smoker"]
    nested = FixedModel("I(np.log(np.sqrt(income)) + age) * np.exp(dose)", data)
    assert list(nested.fitted.variables) == ["income", "age", "dose"]


def test_the_design_comes_from_the_fit_not_from_the_text(data):
    """The spline keeps the knots of the data that were fitted (P3)."""
    frame = data.assign(z=np.linspace(0, 6, len(data)))
    model = fit("score ~ bs(z, df=4)", frame)
    spec = getattr(model.model.data, "model_spec", None) or model.model.data.design_info
    at = [1.5, 3.0, 4.5]
    rows = patsy.build_design_matrices([spec], {"z": at})[0]
    result = session(model).predict({"z": at})
    np.testing.assert_allclose(result.estimate, rows @ np.asarray(model.fe_params), rtol=ROUNDING)
