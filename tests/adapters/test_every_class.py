"""What holds whatever the class: coding, units, order of rows, arrays, formula engines."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel

from pymargins import Margins

N = 160
FAMILIES, LINKS = sm.families, sm.families.links
#: At the optimum of a likelihood, or the exact solution of least squares.
EXACT = {"rtol": 1e-6, "atol": 1e-8}


def make_data():
    rng = np.random.default_rng(21)
    frame = pd.DataFrame({"x": rng.normal(size=N), "z": rng.uniform(0.5, 2.0, N)})
    frame["g"] = rng.choice(list("abc"), N)
    eta = 0.3 + 0.4 * frame["x"] + 0.3 * (frame["g"] == "b")
    latent = eta + rng.logistic(size=N)
    frame["code"] = np.digitize(latent, [-0.6, 1.2])
    frame["level"] = pd.Categorical(frame["code"], [0, 1, 2], ordered=True)
    frame["yes"] = (frame["code"] > 0).astype(int)
    count = rng.poisson(np.exp(eta) * rng.gamma(1.5, 1 / 1.5, N) * frame["z"])
    frame["count"], frame["some"] = count, np.where(rng.random(N) < 0.2, 0, count)
    share = 1 / (1 + np.exp(-eta))
    frame["share"] = rng.beta(6 * share, 6 * (1 - share))
    frame["size"] = rng.gamma(3.0, np.exp(eta) / 3.0) + 0.05
    frame["event"] = rng.binomial(1, 0.8, N)
    frame["w"], frame["unit"] = rng.integers(1, 4, N), np.arange(N) % 20
    return frame


DF = make_data()
BFGS = {"method": "bfgs", "maxiter": 500, "disp": 0}
NEWTON = {"disp": 0, "maxiter": 100}
ZERO = {"exog_infl": lambda d: np.column_stack([np.ones(len(d)), d["z"]])}
EXPOSURE = {"exposure": lambda d: d["z"].to_numpy()}
BINOMIAL = {"family": lambda d: FAMILIES.Binomial()}


def family(make):
    return {"family": lambda d: make()}


#: Class, response, arguments of the model by the frame, arguments of fit.
CLASSES = {
    "OLS": (sm.OLS, "size", {}, {}),
    "WLS": (sm.WLS, "size", {"weights": lambda d: d["w"].to_numpy()}, {}),
    "GLS": (sm.GLS, "size", {"sigma": lambda d: d["w"].to_numpy()}, {}),
    "RLM": (sm.RLM, "size", {}, {"conv": "coefs", "tol": 1e-12, "maxiter": 500}),
    "QuantReg": (sm.QuantReg, "size", {}, {"q": 0.5, "vcov": "iid", "p_tol": 1e-12}),
    "GLM gaussian": (sm.GLM, "size", family(lambda: FAMILIES.Gaussian(LINKS.Log())), {}),
    "GLM gamma": (sm.GLM, "size", family(lambda: FAMILIES.Gamma(LINKS.Log())), {}),
    "GLM inverse": (sm.GLM, "size", family(lambda: FAMILIES.InverseGaussian(LINKS.Log())), {}),
    "GLM tweedie": (sm.GLM, "size", family(lambda: FAMILIES.Tweedie(var_power=1.5)), {}),
    "GLM binomial": (sm.GLM, "yes", family(lambda: FAMILIES.Binomial(LINKS.CLogLog())), {}),
    "GLM poisson": (sm.GLM, "count", {**family(FAMILIES.Poisson), **EXPOSURE}, {}),
    "GLM negbin": (sm.GLM, "count", family(lambda: FAMILIES.NegativeBinomial(alpha=0.7)), {}),
    "Logit": (sm.Logit, "yes", {}, NEWTON),
    "Probit": (sm.Probit, "yes", {}, NEWTON),
    "Poisson": (sm.Poisson, "count", EXPOSURE, NEWTON),
    "NB2": (sm.NegativeBinomial, "count", EXPOSURE, BFGS),
    "NB1": (sm.NegativeBinomial, "count", {"loglike_method": lambda d: "nb1"}, BFGS),
    "geometric": (sm.NegativeBinomial, "count", {"loglike_method": lambda d: "geometric"}, BFGS),
    "NBP": (sm.NegativeBinomialP, "count", {"p": lambda d: 1}, BFGS),
    "GP1": (sm.GeneralizedPoisson, "count", {"p": lambda d: 1}, BFGS),
    "GP2": (sm.GeneralizedPoisson, "count", {"p": lambda d: 2}, BFGS),
    "MNLogit": (sm.MNLogit, "code", {}, NEWTON),
    "ordered logit": (OrderedModel, "level", {"distr": lambda d: "logit"}, BFGS),
    "ordered probit": (OrderedModel, "level", {"distr": lambda d: "probit"}, BFGS),
    "ZIP": (sm.ZeroInflatedPoisson, "some", ZERO, BFGS),
    "ZINB": (sm.ZeroInflatedNegativeBinomialP, "some", {**ZERO, "p": lambda d: 2}, BFGS),
    "ZIGP": (sm.ZeroInflatedGeneralizedPoisson, "some", {**ZERO, "p": lambda d: 1}, BFGS),
    "beta": (BetaModel, "share", {}, BFGS),
    "GEE": (GEE, "yes", {**BINOMIAL, "groups": lambda d: d["unit"].to_numpy()}, {"ctol": 1e-12}),
    "PHReg": (PHReg, "size", {"status": lambda d: d["event"].to_numpy()}, {"disp": 0}),
}
WITHOUT_POLISH = ("OLS", "WLS", "GLS", "RLM", "QuantReg", "GEE")
WITHOUT_CONSTANT = ("ordered logit", "ordered probit", "PHReg")


def by_formula(name, right, frame):
    kind, response, options, how = CLASSES[name]
    given = {key: make(frame) for key, make in options.items()}
    groups = [given.pop("groups")] if "groups" in given else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind.from_formula(f"{response} ~ {right}", *groups, data=frame, **given).fit(**how)


def by_arrays(name, frame):
    kind, response, options, how = CLASSES[name]
    given = {key: make(frame) for key, make in options.items()}
    exog = frame[["x", "z"]]
    exog = exog if name in WITHOUT_CONSTANT else sm.add_constant(exog)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(frame[response], exog, **given).fit(**how)


def session(name, fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Margins(fit, polish=name not in WITHOUT_POLISH)


def same(one, other, factor=1.0, **tolerance):
    np.testing.assert_allclose(one.estimate * factor, other.estimate, **tolerance)
    np.testing.assert_allclose(one.std_error * factor, other.std_error, **tolerance)


def close(name):
    return {"rtol": 1e-4, "atol": 1e-6} if name == "QuantReg" else EXACT  # it stops near its LP's


@pytest.mark.parametrize("name", CLASSES)
def test_neither_coding_nor_units_nor_order_matter(name):
    plain = session(name, by_formula(name, "x + z + C(g)", DF))
    moved = DF.sample(frac=1.0, random_state=3).assign(x=lambda d: 10.0 * d["x"] + 5.0)
    other = session(name, by_formula(name, "C(g, Sum) + z + x", moved))
    same(other.dydx("x"), plain.dydx("x"), 10.0, **close(name))
    same(other.dydx("g"), plain.dydx("g"), **close(name))
    if name != "PHReg":  # whose level is that of the baseline
        same(other.predict("g"), plain.predict("g"), **close(name))
        same(other.predict(over="unit"), plain.predict(over="unit"), **close(name))


@pytest.mark.parametrize("name", CLASSES)
def test_arrays_are_formulas_of_their_columns(name):
    array = session(name, by_arrays(name, DF))
    formula = session(name, by_formula(name, "x + z", DF))
    same(array.dydx("all"), formula.dydx("all"), **close(name))
    same(array.predict({"x": [-1, 1]}), formula.predict({"x": [-1, 1]}), **close(name))


@pytest.mark.parametrize("name", CLASSES)
def test_the_engine_of_the_formula_does_not_matter(name):
    options = getattr(statsmodels.formula, "options", None)
    if options is None:
        pytest.skip("this statsmodels knows patsy only")
    patsy = session(name, by_formula(name, "z * g + I(x**2)", DF))
    before = options.formula_engine
    options.formula_engine = "formulaic"
    try:
        formulaic = session(name, by_formula(name, "z * g + I(x**2)", DF))
    finally:
        options.formula_engine = before
    assert formulaic._fitted.variables.keys() == patsy._fitted.variables.keys()
    same(formulaic.dydx("all"), patsy.dydx("all"), **close(name))
    same(formulaic.predict({"g": list("abc")}), patsy.predict({"g": list("abc")}), **close(name))
