"""Every class with a likelihood is told of where it stopped, and polished from there."""

import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel

from pymargins import ArgumentError, FitWarning, Margins, NumericalError

N = 300
LINKS = sm.families.links


def make_data():
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"x": rng.normal(size=N), "group": rng.choice(list("abc"), N)})
    latent = frame["x"] + (frame["group"] == "b") + rng.logistic(size=N)
    labels = ["low", "middle", "high"]
    cut = pd.cut(latent, [-np.inf, -0.5, 1.0, np.inf], labels=labels)
    frame["level"] = pd.Categorical(cut, labels, ordered=True)
    frame["code"] = frame["level"].cat.codes.astype(int)
    frame["yes"] = (frame["code"] > 0).astype(int)
    mean = np.exp(0.6 + 0.3 * frame["x"])
    frame["count"] = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, N))
    frame["some"] = np.where(rng.random(N) < 0.25, 0, frame["count"])
    frame["few"] = np.where(rng.random(N) < 0.25, 0, rng.poisson(mean))
    share = 1 / (1 + np.exp(0.3 - 0.4 * frame["x"]))
    frame["share"] = rng.beta(share * 8, (1 - share) * 8)
    frame["size"] = rng.gamma(2.0, mean / 2.0) + 0.05
    frame["clinic"] = np.arange(N) % 20
    return frame


DF = make_data()
RHS = "x + group"
EXCESS = patsy.dmatrix("x", DF)
ZERO = {"exog_infl": EXCESS}


def formula(kind, response, **options):
    return kind.from_formula(f"{response} ~ {RHS}", DF, **options)


MODELS = {
    "Logit": lambda: formula(sm.Logit, "yes"),
    "Probit": lambda: formula(sm.Probit, "yes"),
    "Poisson": lambda: formula(sm.Poisson, "few"),
    "NB2": lambda: formula(sm.NegativeBinomial, "count"),
    "NB1": lambda: formula(sm.NegativeBinomial, "count", loglike_method="nb1"),
    "geometric": lambda: formula(sm.NegativeBinomial, "count", loglike_method="geometric"),
    "NBP": lambda: formula(sm.NegativeBinomialP, "count", p=1),
    "GP1": lambda: formula(sm.GeneralizedPoisson, "count", p=1),
    "GP2": lambda: formula(sm.GeneralizedPoisson, "count", p=2),
    "MNLogit": lambda: formula(sm.MNLogit, "code"),
    "ordered logit": lambda: formula(OrderedModel, "level", distr="logit"),
    "ordered probit": lambda: formula(OrderedModel, "level"),
    "ZIP": lambda: formula(sm.ZeroInflatedPoisson, "few", **ZERO),
    "ZIP probit": lambda: formula(sm.ZeroInflatedPoisson, "few", inflation="probit", **ZERO),
    "ZINB": lambda: formula(sm.ZeroInflatedNegativeBinomialP, "some", **ZERO),
    "ZIGP": lambda: formula(sm.ZeroInflatedGeneralizedPoisson, "some", **ZERO),
    "beta": lambda: formula(BetaModel, "share", exog_precision_formula="~ x"),
    "GLM gamma": lambda: formula(sm.GLM, "size", family=sm.families.Gamma(LINKS.Log())),
    "GLM inverse": lambda: formula(sm.GLM, "size", family=sm.families.InverseGaussian(LINKS.Log())),
    "GLM cloglog": lambda: formula(sm.GLM, "yes", family=sm.families.Binomial(LINKS.CLogLog())),
}
EQUATIONS = {
    **{name: {"inflation": "~ x"} for name in ("ZIP", "ZIP probit", "ZINB", "ZIGP")},
    "beta": {"precision": "~ x"},
}


def quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def options_of(name):
    return {"equations": EQUATIONS[name]} if name in EQUATIONS else {}


def stop(name, steps):
    how = {"maxiter": steps} if "GLM" in name else {"method": "bfgs", "maxiter": steps, "disp": 0}
    return quietly(lambda: MODELS[name]().fit(**how))


@pytest.mark.parametrize("name", MODELS)
def test_whatever_stopped_early_is_polished_to_the_optimum(name):
    early, more = stop(name, 15 if name == "ZINB" else 2), options_of(name)
    with pytest.warns(FitWarning, match=r"standard errors away from its optimum.*polish=True"):
        stopped = Margins(early, vcov="nonrobust", **more)
    assert not stopped.diagnose().at_optimum
    polished = Margins(early, polish=True, **more)
    assert polished.diagnose().at_optimum
    # statsmodels' own optimiser, given time, gets no higher and to the same place
    best = stop(name, 2000)
    there = polished._fitted.parameters.value
    params = there.reshape(2, -1).T if name == "MNLogit" else there
    scale = {"scale": best.scale} if "GLM" in name else {}
    assert best.model.loglike(params, **scale) >= best.llf - 1e-8 * abs(best.llf)
    own = Margins(best, polish=True, **more).dydx("x")
    found = polished.dydx("x")
    np.testing.assert_allclose(found.estimate, own.estimate, rtol=1e-6)
    np.testing.assert_allclose(found.std_error, own.std_error, rtol=1e-6)
    unpolished = quietly(lambda: Margins(best, vcov="nonrobust", **more)).dydx("x")
    np.testing.assert_allclose(found.estimate, unpolished.estimate, rtol=1e-2)
    np.testing.assert_allclose(found.std_error, unpolished.std_error, rtol=1e-3)


def test_a_start_where_the_likelihood_curves_up():
    """Two steps of bfgs leave a zero-inflated model where Newton's own step would go downhill."""
    fit = stop("ZINB", 2)
    with pytest.raises(NumericalError, match=r"curves up where the fit stopped.*polish=True"):
        Margins(fit, vcov="nonrobust")
    found = Margins(fit, polish=True, equations={"inflation": "~ x"}).dydx("x")
    best = Margins(stop("ZINB", 2000), polish=True, equations={"inflation": "~ x"}).dydx("x")
    np.testing.assert_allclose(found.estimate, best.estimate, rtol=1e-7)


def test_a_polished_fit_keeps_its_kind_of_covariance():
    model = smf.poisson(f"few ~ {RHS}", DF)
    for options, name in (
        ({"cov_type": "HC0"}, {"vcov": "HC0"}),
        ({"cov_type": "HC1"}, {"vcov": "HC0"}),
        (
            {"cov_type": "cluster", "cov_kwds": {"groups": DF["clinic"]}},
            {"vcov": "CR1", "cluster": "clinic"},
        ),
    ):
        fit = quietly(lambda options=options: model.fit(disp=0, **options))
        found = Margins(fit, polish=True).dydx("x")
        expected = Margins(fit, **name).dydx("x")
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-7)
    lagged = quietly(lambda: model.fit(disp=0, cov_type="HAC", cov_kwds={"maxlags": 2}))
    with pytest.raises(ArgumentError, match="needs the number of lags"):
        Margins(lagged, polish=True)


def test_the_dispersion_is_that_of_the_optimum():
    fit = stop("GLM inverse", 2)
    best = quietly(lambda: MODELS["GLM inverse"]().fit(tol=1e-14, maxiter=200))
    found = Margins(fit, polish=True).dydx("all").std_error
    np.testing.assert_allclose(found, Margins(best).dydx("all").std_error, rtol=1e-8)
