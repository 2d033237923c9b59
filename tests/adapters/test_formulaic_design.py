"""Fits whose formula formulaic read: the same figures as by patsy, and as the fit's own predict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula
import statsmodels.formula.api as smf

from pymargins import pairwise
from support.small_models import ROUNDING, quietly, session, study

pytest.importorskip("formulaic")
if not hasattr(statsmodels.formula, "options"):
    pytest.skip("statsmodels 0.14 reads formulas by patsy alone", allow_module_level=True)

#: Two fits of one model, one by each engine: the optimiser stops where it stops.
SAME_MODEL = 1e-5
#: Differences with Richardson extrapolation through a spline.
SLOPE = 1e-6

#: (formula for formulaic, formula for patsy, or None where patsy has no such thing)
FORMULAS = {
    "numbers": ("age + dose", "age + dose"),
    "interaction": ("age * treated + dose", "age * treated + dose"),
    "three ways": ("age * treated * school", "age * treated * school"),
    "text": ("age * school", "age * school"),
    "boolean": ("age * smoker", "age * smoker"),
    "ordered": ("age + grade", "age + grade"),
    "number as category": ("age + C(wave)", "age + C(wave)"),
    "treatment": (
        "C(school, contr.treatment(base='B')) + age",
        "C(school, Treatment(reference='B')) + age",
    ),
    "sum": ("C(school, contr.sum) * age", "C(school, Sum) * age"),
    "helmert": ("C(school, contr.helmert) + age", "C(school, Helmert) + age"),
    "polynomial coding": ("C(wave, contr.poly) + age", "C(wave, Poly) + age"),
    "log": ("np.log(dose) * treated", "np.log(dose) * treated"),
    "arithmetic": ("age + I(age**2) + I(age * dose)", "age + I(age**2) + I(age * dose)"),
    "spline": ("bs(dose, df=4) * treated", "bs(dose, df=4) * treated"),
    "natural spline": ("cr(dose, df=4) + age", None),
    "center": ("center(age) * treated", "center(age) * treated"),
    "scale": ("scale(dose) + age", "standardize(dose, ddof=1) + age"),
    "poly": ("poly(age, degree=2) + treated", None),
    "spline of an interaction alone": ("bs(dose, df=4):treated", "bs(dose, df=4):treated"),
    "spline by category": ("bs(dose, df=4) * school", "bs(dose, df=4) * school"),
    "odd name": ("Q('odd name') + age", "Q('odd name') + age"),
    "odd name, quoted": ("{`odd name`} + age", "Q('odd name') + age"),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return study(n=96).assign(**{"odd name": np.linspace(-1, 2, 96) ** 2})


def fitted(formula: str, frame: pd.DataFrame, engine: str):
    before = statsmodels.formula.options.formula_engine
    statsmodels.formula.options.formula_engine = engine
    try:
        with quietly():
            model = smf.mixedlm(f"score ~ {formula}", frame, groups="student")
            return model.fit(method="bfgs", gtol=1e-8)
    finally:
        statsmodels.formula.options.formula_engine = before


def own_prediction(fit, frame: pd.DataFrame) -> float:
    """The fit's own fixed-effects prediction, averaged."""
    spec = fit.model.data.model_spec
    with quietly():
        rows = np.asarray(spec.get_model_matrix(frame), dtype=float)
    return float((rows @ np.asarray(fit.fe_params)).mean())


PINS = {"age": 41.0, "dose": 2.2, "treated": 1, "school": "C", "wave": 4, "smoker": True,
        "grade": "mid", "odd name": 0.7}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_figures_are_the_fit_s_own_and_patsy_s(name: str, data: pd.DataFrame):
    formula, same_by_patsy = FORMULAS[name]
    fit = fitted(formula, data, "formulaic")
    assert not hasattr(fit.model.data.model_spec, "factor_infos")
    m = session(fit, vcov="gls")
    assert m.predict().estimate[0] == pytest.approx(own_prediction(fit, data), rel=ROUNDING)
    for variable in m._fitted.variables:
        pinned = data.assign(**{variable: PINS[variable]})
        if isinstance(data[variable].dtype, pd.CategoricalDtype):
            pinned[variable] = pd.Categorical(pinned[variable], dtype=data[variable].dtype)
        found = m.predict({variable: PINS[variable]}).estimate[0]
        assert found == pytest.approx(own_prediction(fit, pinned), rel=ROUNDING)
    if same_by_patsy is None:
        return
    other = session(fitted(same_by_patsy, data, "patsy"), vcov="gls")
    assert list(m._fitted.variables) == list(other._fitted.variables)
    a, b = m.dydx("all"), other.dydx("all")
    assert a.labels == b.labels
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=SAME_MODEL, atol=SAME_MODEL)
    np.testing.assert_allclose(a.std_error, b.std_error, rtol=SAME_MODEL)


@pytest.mark.parametrize("name", ["natural spline", "poly", "spline", "scale"])
def test_slopes_follow_transforms(name: str, data: pd.DataFrame):
    fit = fitted(FORMULAS[name][0], data, "formulaic")
    m = session(fit, vcov="gls")
    variable = {"poly": "age"}.get(name, "dose")
    at = float(data[variable].median())
    step = 1e-4 * at
    ends = [own_prediction(fit, data.assign(**{variable: at + s * step})) for s in (1, -1)]
    slope = m.dydx(variable, atexog={variable: at}).estimate[0]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=SLOPE, abs=1e-6)


def test_the_formula_s_order_is_kept(data: pd.DataFrame):
    """statsmodels hands categories to formulaic first."""
    m = session(fitted("age * treated + C(school) + np.log(dose)", data, "formulaic"))
    assert list(m._fitted.variables) == ["age", "treated", "school", "dose"]


def test_contrasts_and_joint_tests(data: pd.DataFrame):
    m = session(fitted("age * school", data, "formulaic"), vcov="gls")
    other = session(fitted("age * school", data, "patsy"), vcov="gls")
    made = pairwise("school", ["A", "B", "C"])
    np.testing.assert_allclose(
        m.contrasts(made).estimate, other.contrasts(made).estimate, rtol=1e-4, atol=1e-5
    )
    a, b = m.joint_tests(), other.joint_tests()
    assert sorted(a["term"]) == sorted(b["term"])
