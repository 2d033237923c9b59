"""What a session says of a regression that is not well, and how it is polished."""

import pickle
import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel

from pymargins import FitWarning, Margins, NumericalError, UnsupportedError
from support import outcome_cases
from support.model_cases import load


def stopped(case="genpoisson1_biochemists"):
    """Return a fit as statsmodels leaves it by default: bfgs, 35 iterations."""
    made = load(case)
    names = {"sm": sm, "smf": smf, "df": made.frame, "np": np}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(made.json["statsmodels"]["model"], names).fit(disp=0)


def test_a_fit_that_stopped_early_is_told_of_and_polished():
    fit = stopped()
    with pytest.warns(FitWarning, match="standard errors away from its optimum.*polish=True"):
        m = Margins(fit)
    assert not m.diagnose().at_optimum
    assert "NOT reached" in str(m.diagnose())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polished = Margins(fit, polish=True)
    case = load("genpoisson1_biochemists")
    estimate, _ = case.parameters
    np.testing.assert_allclose(polished._fitted.parameters.value, estimate, rtol=1e-7)
    best = Margins(case.given).dydx("all")
    found = polished.dydx("all")
    np.testing.assert_allclose(found.estimate, best.estimate, rtol=1e-7)
    np.testing.assert_allclose(found.std_error, best.std_error, rtol=1e-6)
    assert "polished: at the optimum" in str(found).replace("Polished", "polished")
    assert polished.diagnose().converged
    again = pickle.loads(pickle.dumps(polished))
    np.testing.assert_array_equal(again.dydx("all").std_error, found.std_error)


@pytest.mark.parametrize("case", ["probit_swiss", "nb2_quine", "glm_gamma_cps", "glm_titanic_freq"])
def test_polishing_what_is_well_changes_nothing(case):
    made = load(case)
    m = Margins(made.fitted, vcov="nonrobust", polish=True)
    np.testing.assert_allclose(m._fitted.parameters.value, made.parameters[0], rtol=1e-6)
    se = np.sqrt(np.diagonal(made.parameters[1]))[: len(m._choice.inference.cov)]
    np.testing.assert_allclose(np.sqrt(np.diagonal(m._choice.inference.cov)), se, rtol=1e-5)


def test_polish_needs_a_likelihood():
    fit = load("rlm_stackloss_huber").fitted
    with pytest.raises(UnsupportedError, match="RLM has no likelihood"):
        Margins(fit, polish=True)
    with pytest.raises(UnsupportedError, match="'model' is not available"):
        Margins(load("probit_swiss").fitted, polish=True, vcov="model")


def overdispersed():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=200)})
    frame["y"] = rng.negative_binomial(1, 1 / (1 + np.exp(1 + 0.3 * frame["x"])))
    frame["more"] = 12
    return frame


@pytest.mark.parametrize("make", ["poisson", "glm"])
def test_overdispersion_is_told_of_where_errors_do_not_allow_for_it(make):
    frame = overdispersed()
    options = {"glm": {"family": sm.families.Poisson()}, "poisson": {}}[make]
    model = getattr(smf, make)("y ~ x", frame, **options)
    fit = model.fit(**({"disp": 0} if make == "poisson" else {}))
    with pytest.warns(FitWarning, match="times as much as the model allows"):
        Margins(fit)
    Margins(fit, vcov="HC1")
    robust = getattr(smf, make)("y ~ x", frame, **options).fit(
        cov_type="HC0", **({"disp": 0} if make == "poisson" else {})
    )
    Margins(robust)
    assert Margins(robust).diagnose().dispersion > 2
    if make == "glm":
        Margins(model.fit(scale="X2"))


def test_separation_is_told_of():
    frame = pd.DataFrame({"x": np.r_[np.zeros(20), np.ones(20)]})
    frame["y"] = np.r_[np.tile([0, 1], 10), np.ones(20)].astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.glm("y ~ x", frame, family=sm.families.Binomial()).fit(maxiter=50)
    with pytest.warns(FitWarning, match="20 rows.*separation"):
        Margins(fit)


def test_well_behaved_fits_are_quiet():
    for case in ("logit_birthwt_coding", "ols_mtcars_cyl", "gee_ohio_binomial", "glm_gamma_cps"):
        m = Margins(load(case).fitted)
        assert "full rank" in str(m.diagnose())


@pytest.mark.parametrize("case", ["ologit_housing", "mnlogit_womenlf", "zip_biochemists"])
def test_models_of_several_blocks_are_polished_too(case):
    """OrderedModel's Nelder-Mead stops several standard errors away, and says so."""
    made = outcome_cases.load(case)
    how = {"ologit_housing": "fit(disp=0)"}.get(case, made.json["statsmodels"]["fit"]["model"])
    names = {
        "sm": sm,
        "smf": smf,
        "df": made.frame,
        "np": np,
        "pd": pd,
        "OrderedModel": OrderedModel,
    }
    if made.equations:
        names["exog_infl"] = patsy.dmatrix(made.equations["inflation"], made.frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = eval(f"{made.json['statsmodels']['model']}.{how}", names)
        options = {"equations": made.equations} if made.equations else {}
        m = Margins(fit, vcov="nonrobust", polish=True, **options)
    np.testing.assert_allclose(m._fitted.parameters.value, made.json["estimate"], rtol=1e-6)
    if case == "ologit_housing":
        with pytest.warns(FitWarning, match="away from its optimum"):
            Margins(fit)


@pytest.mark.parametrize("fitted", [smf.poisson, smf.logit])
def test_a_constrained_fit_is_not_measured_by_the_optimum_without_constraints(fitted):
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=120), "z": rng.normal(size=120)})
    frame["y"] = rng.binomial(1, 1 / (1 + np.exp(-frame["x"] - frame["z"])))
    held = fitted("y ~ x + z", frame).fit_constrained("z = 0", disp=0)
    m = Margins(held)  # the z that was held at 0 matters: no warning all the same
    found = m.diagnose()
    assert found.converged
    assert found.distance is None
    free = Margins(fitted("y ~ x", frame).fit(disp=0)).predict({"x": 1})
    assert m.predict({"x": 1}).estimate[0] == pytest.approx(free.estimate[0], rel=1e-6)
    assert m.predict({"x": 1}).std_error[0] == pytest.approx(free.std_error[0], rel=1e-6)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_fit_without_a_residual_says_that_it_has_none():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 5.0]})
    with pytest.raises(NumericalError, match="as many coefficients as rows"):
        Margins(smf.ols("y ~ x", frame).fit()).predict()
