"""Outcomes or groups that are separated: told of in every class, and only where they are."""

import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel

from pymargins import FitWarning, Margins

N = 90
ARM = np.r_[np.zeros(60), np.ones(30)]


def make_data():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"arm": ARM, "z": rng.normal(size=N)})
    treated = frame["arm"] == 1
    frame["yes"] = np.where(treated, 1, np.tile([0, 1], 45))
    frame["above"] = (frame["z"] > 0).astype(int)
    frame["three"] = np.where(treated, rng.integers(0, 2, N), rng.integers(0, 3, N))
    top = np.where(treated, 2, rng.integers(0, 3, N))
    frame["level"] = pd.Categorical.from_codes(top, ["l", "m", "h"], ordered=True)
    steps = np.digitize(frame["z"], [-0.5, 0.5])
    frame["steps"] = pd.Categorical.from_codes(steps, ["l", "m", "h"], ordered=True)
    frame["count"] = np.where(treated, 0, rng.negative_binomial(2, 0.4, N))
    frame["never"] = np.where(treated, rng.poisson(5, N) + 1, rng.poisson(3, N) * (ARM[::-1] < 1))
    frame["time"] = rng.exponential(size=N)
    frame["event"] = np.where(treated, 0, 1)
    return frame


DF = make_data()
BINOMIAL, LINKS = sm.families.Binomial, sm.families.links
SEPARATED = {
    "logit": lambda: smf.logit("yes ~ arm + z", DF).fit(disp=0),
    "logit, stopped early": lambda: smf.logit("yes ~ arm + z", DF).fit(disp=0, method="bfgs"),
    "logit, all": lambda: smf.logit("above ~ z", DF).fit(disp=0, method="bfgs", maxiter=200),
    "probit": lambda: smf.probit("yes ~ arm + z", DF).fit(disp=0),
    "GLM": lambda: smf.glm("yes ~ arm + z", DF, family=BINOMIAL()).fit(),
    "GLM, all": lambda: smf.glm("above ~ z", DF, family=BINOMIAL()).fit(),
    "GLM cloglog": lambda: smf.glm("yes ~ arm", DF, family=BINOMIAL(LINKS.CLogLog())).fit(),
    "GLM poisson": lambda: smf.glm("count ~ arm + z", DF, family=sm.families.Poisson()).fit(),
    "GEE": lambda: smf.gee("yes ~ arm + z", np.arange(N) // 3, DF, family=BINOMIAL()).fit(),
    "poisson": lambda: smf.poisson("count ~ arm + z", DF).fit(disp=0, method="bfgs"),
    "negative binomial": lambda: smf.negativebinomial("count ~ arm + z", DF).fit(
        disp=0, maxiter=200
    ),
    "multinomial": lambda: smf.mnlogit("three ~ arm + z", DF).fit(disp=0),
    "multinomial, early": lambda: smf.mnlogit("three ~ arm + z", DF).fit(disp=0, method="bfgs"),
    "ordered": lambda: OrderedModel.from_formula("level ~ arm + z", DF, distr="logit").fit(
        disp=0, method="bfgs"
    ),
    "ordered probit": lambda: OrderedModel.from_formula("level ~ arm + z", DF).fit(
        disp=0, method="bfgs"
    ),
    "ordered, all": lambda: OrderedModel.from_formula("steps ~ z", DF, distr="logit").fit(
        disp=0, method="bfgs"
    ),
    "zero-inflated": lambda: sm.ZeroInflatedPoisson.from_formula(
        "never ~ z", DF, exog_infl=patsy.dmatrix("arm", DF)
    ).fit(disp=0, maxiter=300),
    "hazards": lambda: smf.phreg("time ~ arm + z", DF, status=DF["event"]).fit(),
}


def quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


@pytest.mark.parametrize("name", SEPARATED)
def test_separation_is_told_of(name):
    fit = quietly(SEPARATED[name])
    with pytest.warns(FitWarning, match=r"rises without end.*no finite estimate \(separation\)"):
        m = Margins(fit, vcov="nonrobust")
    expected = N if "all" in name else int(ARM.sum())
    assert m.diagnose().separated == expected
    assert f"predictor of {expected} rows" in str(m.diagnose())


def test_certain_rows_alone_are_no_separation():
    """Far from the middle probabilities are 0 and 1, and yet the slope is well determined."""
    rng = np.random.default_rng(1)
    x = np.r_[rng.normal(size=300), np.linspace(20, 200, 30)]
    frame = pd.DataFrame({"x": x, "y": (rng.logistic(size=330) < 2 * x).astype(int)})
    for fit in (
        smf.logit("y ~ x", frame).fit(disp=0),
        smf.glm("y ~ x", frame, family=BINOMIAL()).fit(),
    ):
        assert (np.asarray(fit.predict()) == 1.0).sum() > 20
        assert Margins(fit).diagnose().separated == 0


def test_rare_events_are_no_separation():
    frame = pd.DataFrame({"arm": np.repeat([0, 1], 50_000), "y": 0})
    frame.loc[[3, 9, 60_000], "y"] = 1
    fit = smf.logit("y ~ arm", frame).fit(disp=0, maxiter=100)
    assert Margins(fit).diagnose().separated == 0
    counts = smf.poisson("y ~ arm", frame).fit(disp=0, maxiter=100)
    assert Margins(counts).diagnose().separated == 0


def test_a_dispersion_of_zero_is_the_end_of_its_range():
    """Counts that vary no more than Poisson's: nothing is left to go to."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=400)})
    frame["count"] = rng.binomial(8, 1 / (1 + np.exp(-0.3 * frame["x"])))
    poisson = smf.poisson("count ~ x", frame).fit(disp=0)
    fit = quietly(lambda: smf.negativebinomial("count ~ x", frame).fit(disp=0, maxiter=200))
    m = Margins(fit, vcov="nonrobust")  # statsmodels 0.14 reports none there
    assert m.diagnose().boundary
    assert "no more than a Poisson model allows" in str(m.diagnose())
    expected = Margins(poisson).dydx("x")
    for found in (
        m.dydx("x"),
        Margins(fit, polish=True).dydx("x"),
    ):
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-4)
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-3)
    early = quietly(lambda: smf.negativebinomial("count ~ x", frame).fit(disp=0, maxiter=3))
    polished = Margins(early, polish=True)
    assert polished.diagnose().boundary
    np.testing.assert_allclose(polished.dydx("x").estimate, expected.estimate, rtol=1e-4)


def test_equations_that_were_left_early_are_told_of():
    """The flag of a GEE fit looks at the step before the working correlation moved."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=200), "g": np.repeat(np.arange(40), 5)})
    chance = 1 / (1 + np.exp(-frame["x"] - rng.normal(0, 2, 40)[frame["g"]]))
    frame["y"] = rng.binomial(1, chance)
    structure = sm.cov_struct.Exchangeable()
    fit = smf.gee("y ~ x", "g", frame, family=BINOMIAL(), cov_struct=structure).fit(maxiter=1)
    assert fit.converged
    with pytest.warns(FitWarning, match="away from its optimum") as told:
        Margins(fit)
    assert "polish" not in str(told[0].message)


def test_overdispersion_of_a_zero_inflated_poisson_model():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=300)})
    count = rng.negative_binomial(1, 1 / (1 + np.exp(1 + 0.3 * frame["x"])))
    frame["y"] = np.where(rng.random(300) < 0.2, 0, count)
    model = sm.ZeroInflatedPoisson.from_formula("y ~ x", frame, exog_infl=np.ones((300, 1)))
    fit = quietly(lambda: model.fit(disp=0, maxiter=300))
    with pytest.warns(FitWarning, match="times as much as the model allows"):
        Margins(fit, vcov="nonrobust")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Margins(fit, vcov="HC1")
