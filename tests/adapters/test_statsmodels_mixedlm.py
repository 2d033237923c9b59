"""Every kind of MixedLM fit: formula and arrays, any structure, any index, rows dropped as missing.

Each is compared with the fit's own predictions and with covariances formed here, group by group,
from the textbook's V = Z Ψ Z' + Σ τ² + σ² I.
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
    FitWarning,
    Margins,
    NumericalError,
    PymarginsError,
    UnknownNameError,
)
from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.models.uncertainty import Request
from support.small_models import ROUNDING, fit, quietly, session, study

#: Dense inverses group by group against the package's factorised ones, in standard errors.
DENSE = 1e-8
N = 96


@pytest.fixture(scope="module")
def data():
    return study(N)


def gls(model):
    """(X'V⁻¹X)⁻¹ by dense algebra."""
    source = model.model
    information = 0.0
    for g, label in enumerate(source.group_labels):
        x = source.exog_li[g]
        v = model.scale * np.eye(len(x))
        if source.k_re:
            z = source.exog_re_li[g]
            v = v + z @ np.asarray(model.cov_re) @ z.T
        for variance, mats in zip(np.atleast_1d(model.vcomp), source.exog_vc.mats, strict=False):
            if label in dict(zip(source.group_labels, mats, strict=True)):
                v = v + variance * mats[g] @ mats[g].T
        information = information + x.T @ np.linalg.solve(v, x)
    return np.linalg.inv(information)


STRUCTURES = {
    "random intercept": {},
    "random slope": {"re_formula": "~treated"},
    "slope alone": {"re_formula": "0 + treated"},
    "several slopes": {"re_formula": "~dose + female"},
    "component": {"vc_formula": {"wave": "0 + C(wave)"}, "re_formula": "1"},
    "component alone": {"vc_formula": {"wave": "0 + C(wave)"}, "re_formula": "0"},
    "nested": {"vc_formula": {"wave": "0 + C(wave)", "school": "0 + C(school)"}},
    "groups as text": {"groups": "name"},
    "groups as an array": {"groups": "array"},
    "groups as a series": {"groups": "series"},
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures(structure, reml, data):
    frame = data.assign(name=data.student.map("s{}".format))
    options = dict(STRUCTURES[structure])
    groups = options.pop("groups", "student")
    groups = {"array": frame.student.to_numpy(), "series": frame["student"]}.get(groups, groups)
    model = fit("score ~ age*treated + school", frame, groups, how={"reml": reml}, **options)
    m = session(model, vcov="gls")
    result = m.predict()
    assert result.estimate[0] == pytest.approx(model.predict(frame).mean(), rel=ROUNDING)
    cov = gls(model)
    row = model.model.exog.mean(axis=0)
    assert result.std_error[0] == pytest.approx(np.sqrt(row @ cov @ row), rel=DENSE)
    slope = m.dydx("dose" if "dose" in m._fitted.variables else "age")
    assert slope.std_error[0] > 0
    assert ("REML" if reml else "ML") in str(m)
    assert "12" in str(m)


def test_crossed_effects(data):
    frame = data.assign(one=1)
    crossed = {"student": "0 + C(student)", "wave": "0 + C(wave)"}
    model = fit("score ~ age", frame, "one", vc_formula=crossed)
    m = session(model, vcov="gls")
    assert m.predict().estimate[0] == pytest.approx(model.predict(frame).mean(), rel=ROUNDING)
    row = model.model.exog.mean(axis=0)
    assert m.predict().std_error[0] == pytest.approx(np.sqrt(row @ gls(model) @ row), rel=1e-6)


def test_the_slope_is_the_coefficient_and_its_error_the_fits(data):
    """Row 1: 0.2940 ± 0.0022 was shown where the fit says 0.2901 ± 0.01726."""
    rng = np.random.default_rng(42)
    n = 400
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "female": rng.binomial(1, 0.52, n),
            "treated": rng.binomial(1, 0.40, n),
            "school": rng.choice(["A", "B", "C", "D"], n),
            "student": np.repeat(np.arange(40), 10),
        }
    )
    effect = rng.standard_normal(40)[frame["student"].values]
    frame["score"] = (
        50
        + 0.3 * frame["age"]
        - 2.0 * frame["female"]
        + 3.0 * frame["treated"]
        + effect
        + rng.normal(0, 5, n)
    )
    model = smf.mixedlm(
        "score ~ age + female + treated + C(school)", groups="student", data=frame
    ).fit()
    m = Margins.linear_scale(model, at="overall")
    slope = m.dydx("age")
    assert slope.estimate[0] == pytest.approx(model.fe_params["age"], rel=1e-10)
    assert slope.std_error[0] == pytest.approx(model.bse_fe["age"], rel=1e-8)
    assert slope.estimate[0] == pytest.approx(0.2901, abs=5e-5)
    assert slope.std_error[0] == pytest.approx(0.01726, abs=5e-6)
    everything = m.dydx("all")
    names = ["age", "female", "treated", *(f"C(school)[T.{s}]" for s in "BCD")]
    np.testing.assert_allclose(everything.estimate, model.fe_params[names], rtol=1e-10)
    np.testing.assert_allclose(
        everything.cov, model.cov_params().loc[names, names], rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("vcov", ["model", "gls"])
def test_covariances_by_name(vcov, data):
    model = fit("score ~ age*treated + school", data)
    p = len(model.fe_params)
    wanted = np.asarray(model.cov_params())[:p, :p] if vcov == "model" else gls(model)
    offer = StatsmodelsMixedLMAdapter(model).fitted.covariances[vcov]
    sizes = np.sqrt(np.outer(np.diagonal(wanted), np.diagonal(wanted)))
    found = offer.make(Request(("beta",))).matrix
    np.testing.assert_allclose(found / sizes, wanted / sizes, atol=DENSE)


def test_a_singular_fit(data):
    """A variance at zero: the coefficients stand, GLS is least squares, and it is said."""
    rng = np.random.default_rng(11)
    frame = data.assign(score=data.age + rng.normal(size=N))
    model = fit("score ~ age + treated", frame)
    assert np.asarray(model.cov_re).item() == pytest.approx(0, abs=0.05)
    m = session(model, vcov="gls")
    assert m.dydx("age").estimate[0] == pytest.approx(model.fe_params["age"], rel=1e-10)
    assert np.isfinite(m.dydx("all").std_error).all()
    assert "zero" in str(m.diagnose())


def test_a_singular_random_slope(data):
    rng = np.random.default_rng(1)
    level = rng.normal(size=12)[data.student]
    frame = data.assign(score=level * (1 + data.dose) + rng.normal(size=N) / 5)
    model = fit("score ~ dose", frame, re_formula="~dose")
    m = session(model, vcov="gls")
    assert m.predict().estimate[0] == pytest.approx(model.predict(frame).mean(), rel=ROUNDING)
    assert (m.dydx("dose").std_error > 0).all()


# --- index, missing rows -------------------------------------------------------------------------

INDEXES = {
    "duplicate": lambda n: np.zeros(n, dtype=int),
    "shuffled": lambda n: np.random.default_rng(0).permutation(n),
    "text": lambda n: [f"row {i}" for i in range(n)],
    "dates": lambda n: pd.date_range("2020-01-01", periods=n),
    "two levels": lambda n: pd.MultiIndex.from_product([range(12), range(n // 12)]),
    "named like a variable": lambda n: pd.Index(range(n), name="age"),
}


@pytest.mark.parametrize("index", INDEXES)
def test_any_index(index, data):
    frame = data.copy()
    frame.index = INDEXES[index](N)
    plain = fit("score ~ age + bs(dose, df=4) + school", data)
    model = fit("score ~ age + bs(dose, df=4) + school", frame)
    wanted, found = session(plain, vcov="gls"), session(model, vcov="gls")
    for ask in (
        lambda m: m.predict({"age": [30, 60]}, over=["school", "grade"]),
        lambda m: m.dydx("all"),
        lambda m: m.eyex("dose", over="grade"),
    ):
        np.testing.assert_allclose(ask(found).estimate, ask(wanted).estimate, rtol=1e-6)
    assert found.predict().estimate[0] == pytest.approx(model.predict(frame).mean(), rel=ROUNDING)


def holed(data):
    frame = data.copy()
    frame.loc[[3, 50], "age"] = np.nan
    frame.loc[7, "score"] = np.nan
    frame.loc[11, "school"] = None
    return frame


def check_grades(m, model, kept):
    over = m.predict(over="grade")
    for label in ("low", "mid", "high"):
        own = model.predict(kept[kept.grade == label]).mean()
        assert over[f"grade={label}"].estimate[0] == pytest.approx(own, rel=ROUNDING)


@pytest.mark.parametrize("index", [None, "shuffled", "two levels", "duplicate"])
def test_rows_dropped_as_missing(index, data):
    frame = holed(data)
    kept = frame.dropna(subset=["age", "score", "school"])
    if index == "duplicate":
        frame = frame.reset_index(drop=True).rename(index=lambda i: i // 2 + 500)
    elif index is not None:
        frame.index = INDEXES[index](N)
    with quietly():
        try:
            model = smf.mixedlm("score ~ age*school", frame, groups="student", missing="drop").fit()
        except (ValueError, KeyError, IndexError):
            pytest.skip("statsmodels does not fit this")
    m = session(model, vcov="gls")
    result = m.predict()
    assert result.estimate[0] == pytest.approx(model.predict(kept).mean(), rel=ROUNDING)
    assert "92" in str(result.summary())
    with pytest.raises(
        UnknownNameError, match=r"'grade' is not a column .*data= brings the others"
    ):
        m.predict(over="grade")
    # the data bring the other columns, with or without the rows that were dropped
    for brought in (frame, kept):
        if len(frame) > len(kept) and not frame.index.is_unique:
            continue
        m = session(model, vcov="gls", data=brought)
        check_grades(m, model, kept)
    with pytest.raises(ArgumentError, match=r"each of the 92 rows .*dropped as missing"):
        session(model, weights=np.ones(N), vcov="gls")


def test_missing_groups_and_random_effects(data):
    frame = data.copy()
    frame["student"] = frame.student.astype(float)
    frame.loc[20, "student"] = np.nan
    frame.loc[30, "dose"] = np.nan
    model = fit("score ~ age", frame, re_formula="~dose", missing="drop")
    kept = frame.dropna(subset=["student", "dose"])
    m = session(model, vcov="gls")
    assert m.predict().estimate[0] == pytest.approx(model.predict(kept).mean(), rel=ROUNDING)
    check_grades(session(model, vcov="gls", data=frame), model, kept)


def test_missing_values_outside_the_model_do_no_harm(data):
    frame = data.assign(note=None, income=data.income.where(data.income > 6e4))
    for at in ("overall", "typical", "mean", "balanced"):
        m = session(fit("score ~ age + school", frame), at=at)
        assert (m.predict().std_error > 0).all()


# --- names ---------------------------------------------------------------------------------------


def test_reserved_names(data):
    names = {"age": "estimate", "school": "label", "treated": "p_value", "student": "group"}
    frame = data.rename(columns=names)
    model = fit("score ~ estimate*p_value + label", frame, "group")
    plain = fit("score ~ age*treated + school", data)
    m, wanted = session(model, vcov="gls"), session(plain, vcov="gls")
    table = m.predict({"estimate": [30, 60]}, over=["label", "df"] if "df" in frame else "label")
    assert list(table.to_frame().columns[:3]) == ["label", "label_", "estimate_"]
    assert table.to_frame()["estimate_"].tolist() == [30, 60] * 4
    np.testing.assert_allclose(
        table.estimate, wanted.predict({"age": [30, 60]}, over="school").estimate, rtol=1e-8
    )
    assert m.dydx("estimate").labels == ("estimate",)
    with pytest.raises(UnknownNameError, match="'group' is the grouping variable"):
        m.predict({"group": 1})


def test_columns_that_are_numbers_do_no_harm(data):
    frame = data.copy()
    frame[0] = 1.0
    frame[("a", "b")] = 2.0
    model = fit("score ~ age + school", frame)
    assert session(model).predict().estimate[0] == pytest.approx(
        model.predict(frame).mean(), rel=ROUNDING
    )


# --- arrays --------------------------------------------------------------------------------------


def design(data, how):
    """(endog, exog, groups) as a user of `sm.MixedLM` might give them."""
    frame = sm.add_constant(data[["age", "dose", "treated"]])
    if how == "ndarray":
        return data.score.to_numpy(), frame.to_numpy(), data.student.to_numpy()
    if how == "other names":
        return data.score, frame.rename(columns={"age": "AGE", "dose": "DOSE"}), data.student
    if how == "no constant":
        return data.score, frame.drop(columns="const"), data.student
    if how == "constant last":
        return data.score, frame[["age", "dose", "treated", "const"]], data.student
    return data.score, frame, data.student


def array_fit(data, how, **options):
    endog, exog, groups = design(data, how)
    with quietly():
        return sm.MixedLM(endog, exog, groups=groups, **options).fit()


@pytest.mark.parametrize("how", ["frame", "ndarray", "other names", "no constant", "constant last"])
def test_array_fits(how, data):
    model = array_fit(data, how)
    adapter = StatsmodelsMixedLMAdapter(model, training_data=data)
    with quietly():
        m = Margins.linear_scale(model, adapter=adapter, at="overall", vcov="gls")
    assert list(m._fitted.variables) == ["age", "dose", "treated"]
    exog = np.asarray(model.model.exog)
    assert m.predict().estimate[0] == pytest.approx((exog @ model.fe_params).mean(), rel=ROUNDING)
    start = 0 if how in ("no constant", "constant last") else 1
    np.testing.assert_allclose(
        m.dydx("all").estimate, np.asarray(model.fe_params)[start : start + 3], rtol=1e-12
    )
    assert m.predict({"age": [30]}, over="school").labels[0] == "school=A, age=30"
    assert session(model, data=data, vcov="gls").predict().cov == m.predict().cov


def test_array_fit_with_random_slopes_keeps_them(data):
    model = array_fit(data, "ndarray", exog_re=data[["dose"]].to_numpy())
    m = session(model, data=data, vcov="gls")
    row = np.asarray(model.model.exog).mean(axis=0)
    assert m.predict().std_error[0] == pytest.approx(np.sqrt(row @ gls(model) @ row), rel=DENSE)


ARRAY_ERRORS = [
    ("nothing", lambda d: None, ArgumentError, "does not carry its data frame; pass it"),
    ("more rows", lambda d: pd.concat([d, d]), ArgumentError, "192 rows, .* fitted to 96"),
    ("changed", lambda d: d.assign(age=d.age + 1), ArgumentError, "column 'age' differs"),
    ("shuffled", lambda d: d.iloc[::-1], ArgumentError, "column 'age' differs.*same order"),
    ("lacking", lambda d: d.drop(columns="dose"), ArgumentError, "no column 'dose'"),
    ("mapping", lambda d: dict(d), ArgumentTypeError, "expected a data frame, got dict"),
    ("matrix", lambda d: d.to_numpy(), ArgumentTypeError, "got ndarray"),
]


@pytest.mark.parametrize(
    ("frame", "error", "match"), [e[1:] for e in ARRAY_ERRORS], ids=[e[0] for e in ARRAY_ERRORS]
)
def test_training_data_must_be_the_fitted_rows(frame, error, match, data):
    model = array_fit(data, "frame")
    with pytest.raises(error, match=rf"training_data \(data= of a session\): .*{match}"):
        session(model, data=frame(data))


def test_two_columns_with_the_fitted_values(data):
    model = array_fit(data, "other names")
    with pytest.raises(ArgumentError, match="no column 'AGE', and 2 others have its values"):
        session(model, data=data.assign(years=data.age))


def test_a_product_column_of_an_array_fit_is_a_variable_of_its_own(data):
    """It cannot be known to be a product; pinning one part would be wrong, and is not guessed."""
    frame = data.assign(both=data.age * data.dose)
    with quietly():
        model = sm.MixedLM(frame.score, frame[["age", "dose", "both"]], groups=frame.student).fit()
    m = session(model, data=frame, vcov="gls")
    assert m.dydx("all").labels == ("age", "dose", "both")


def test_any_data_frame_library(data):
    polars = pytest.importorskip("polars")
    model = array_fit(data, "frame")
    frame = polars.DataFrame({k: data[k].to_numpy() for k in ("age", "dose", "treated", "wave")})
    m = session(model, data=frame, vcov="gls")
    assert m.predict(over="wave").labels == ("wave=1", "wave=2", "wave=4", "wave=5")
    population = session(model, data=data, at=frame.head(20), vcov="gls").predict()
    assert population.estimate[0] == pytest.approx(
        session(model, data=data, at=data.head(20), vcov="gls").predict().estimate[0], rel=1e-12
    )


def test_other_failures_are_named(data):
    model = fit("score ~ age", data)
    model_of_others = fit("score ~ age", data.assign(score=data.score + 1))
    with pytest.raises(ArgumentError, match="another fitted model"):
        session(model, adapter=StatsmodelsMixedLMAdapter(model_of_others))
    with pytest.raises(PymarginsError):
        StatsmodelsMixedLMAdapter(model.model)


def test_a_covariance_that_is_not_finite_is_refused(data, monkeypatch):
    model = fit("score ~ age", data)
    broken = np.full((3, 3), np.nan)
    monkeypatch.setattr(type(model), "cov_params", lambda self: broken)
    with pytest.raises((NumericalError, ArgumentError), match="vcov"):
        session(model, vcov="model")


def test_a_constant_that_the_data_hold_is_no_variable(data):
    exog = sm.add_constant(data[["age", "dose"]])
    with quietly():
        model = sm.MixedLM(data.score, exog, groups=data.student).fit()
    assert session(model, data=exog).dydx("all").labels == ("age", "dose")


def fit_with_redundant_columns():
    """A fit of cr(), which spans the intercept; whether statsmodels can is a matter of rounding."""
    for seed in range(40):
        frame = study(n=400, groups=40, seed=seed)
        try:
            model = fit("score ~ treated + cr(age, df=4)", frame)
            model.cov_params()
        except np.linalg.LinAlgError:
            continue
        return model, fit("score ~ treated + cr(age, df=3, constraints='center')", frame)
    raise AssertionError("no fit with redundant columns")


def test_redundant_columns_take_gls():
    """What such a fit reports is the inverse of a singular matrix."""
    deficient, full = fit_with_redundant_columns()
    with pytest.warns(FitWarning, match='no valid standard errors, so vcov="gls" is used'):
        m = Margins(deficient)
    assert "GLS" in str(m.summary())
    gls, one, other = (
        session(deficient, vcov="gls"),
        session(deficient, polish=True),
        session(full, polish=True),
    )
    for ask in (lambda m: m.dydx("age"), lambda m: m.predict({"age": [30, 60]})):
        np.testing.assert_array_equal(ask(m).std_error, ask(gls).std_error)
        np.testing.assert_allclose(ask(one).std_error, ask(other).std_error, rtol=1e-5)
    with pytest.raises(NumericalError, match=r'redundant columns.*vcov="gls"'):
        session(deficient, vcov="model")


def test_a_transformed_response_is_told_of(data):
    m = session(fit("np.log(score) ~ age", data), vcov="gls")
    assert "Figures are means of np.log(score), as the model has it, not of score." in " ".join(
        str(m.predict()).split()
    )
    with pytest.raises(UnknownNameError, match="'score' is the response of the model"):
        m.predict({"score": 3})
    assert "Figures are" not in str(session(fit("score ~ age", data), vcov="gls").predict())
