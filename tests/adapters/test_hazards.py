"""Proportional hazards: log hazards against the fit's own predictions and covariances."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, NumericalError, UnsupportedError, pairwise
from pymargins.adapters.hazards import HazardsAdapter
from pymargins.testing import check_adapter


def survival(n=150, seed=8):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.uniform(20, 70, n), "arm": rng.choice(["old", "new"], n)})
    frame["clinic"] = np.arange(n) % 12
    hazard = np.exp(0.02 * frame["age"] + 0.5 * (frame["arm"] == "old"))
    frame["months"] = rng.exponential(30.0 / hazard)
    frame["died"] = (frame["months"] < 40).astype(int)
    return frame


DF = survival()


@pytest.fixture(params=["plain", "stratified", "clustered"])
def fit(request):
    options = {"stratified": {"strata": DF["clinic"] % 3}}.get(request.param, {})
    groups = {"clustered": {"groups": DF["clinic"]}}.get(request.param, {})
    model = smf.phreg("months ~ age * arm + I(age**2)", DF, status=DF["died"], **options)
    return model.fit(**groups)


def test_log_hazards_are_those_of_the_fit(fit):
    m = Margins(fit)
    expected = fit.model.exog @ fit.params
    np.testing.assert_allclose(m.predict().estimate, expected.mean(), rtol=1e-12)
    contrast = m.contrasts(pairwise("arm", ["old", "new"]))
    names = fit.model.exog_names
    effect = np.array([(n == "arm[T.old]") + DF["age"].mean() * (":" in n) for n in names])
    np.testing.assert_allclose(contrast.estimate, effect @ fit.params, rtol=1e-10)
    se = np.sqrt(effect @ fit.cov_params() @ effect)
    np.testing.assert_allclose(contrast.std_error, se, rtol=1e-8)
    assert "log hazard (relative to the baseline)" in str(m.predict())


def test_robust_covariances_are_those_of_fits_with_groups():
    model = smf.phreg("months ~ age + arm", DF, status=DF["died"])
    plain = model.fit()
    named = Margins(plain, vcov="CR0", cluster="clinic").dydx("all").std_error
    every = Margins(plain, vcov="HC0").dydx("all").std_error
    clustered = smf.phreg("months ~ age + arm", DF, status=DF["died"]).fit(groups=DF["clinic"])
    rows = smf.phreg("months ~ age + arm", DF, status=DF["died"]).fit(groups=np.arange(len(DF)))
    np.testing.assert_allclose(named, Margins(clustered).dydx("all").std_error, rtol=1e-8)
    np.testing.assert_allclose(every, Margins(rows).dydx("all").std_error, rtol=1e-8)
    with pytest.raises(UnsupportedError, match="Supported: 'model', 'nonrobust', 'HC0'"):
        Margins(plain, vcov="HC3")


def test_contrasts_on_the_log_scale_are_hazard_ratios(fit):
    plain, ratios = Margins(fit), Margins.log_scale(fit)
    for asked in ({}, {"atexog": {"age": [30, 60]}}, {"over": "clinic"}):
        log = plain.contrasts(pairwise("arm", ["old", "new"]), **asked)
        found = ratios.contrasts(pairwise("arm", ["old", "new"]), **asked)
        np.testing.assert_allclose(found.estimate, np.exp(log.estimate), rtol=1e-12)
        np.testing.assert_allclose(found.std_error, found.estimate * log.std_error, rtol=1e-12)
        np.testing.assert_allclose(found.conf_int(), np.exp(log.conf_int()), rtol=1e-12)
        np.testing.assert_allclose(found.p_value, log.p_value, rtol=1e-12)
    np.testing.assert_allclose(
        ratios.contrasts(pairwise("arm")).test(null=1.0).p_value,
        plain.contrasts(pairwise("arm")).p_value,
    )
    text = str(ratios.contrasts(pairwise("arm")))
    assert text.startswith("Hazard ratio: months")
    assert "Hazard ratios back-transformed from the log scale" in text
    levels = ratios.predict("arm")
    np.testing.assert_allclose(levels.estimate, np.exp(plain.predict("arm").estimate))
    assert str(levels).startswith("Hazard: months")
    assert str(plain.predict("arm")).startswith("Log hazard: months")
    assert str(ratios.dydx("age")).startswith("Average slope (dydx): log hazard of months")


def test_the_hazard_ratio_of_a_coefficient():
    fit = smf.phreg("months ~ age + arm", DF, status=DF["died"]).fit()
    m = Margins(fit, scale="log")
    found = m.contrasts(pairwise("arm", ["old", "new"]))
    np.testing.assert_allclose(found.estimate, np.exp(fit.params[0]), rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(found.conf_int())[0], np.exp(fit.conf_int()[0]), rtol=1e-10
    )
    assert tuple(m.variables.index) == ("age", "arm")  # as the formula has them


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (
            lambda f: Margins(f, response="survival"),
            UnsupportedError,
            "averaged survival have none",
        ),
        (lambda f: Margins(f, scale="logit"), UnsupportedError, "hazard ratios"),
        (lambda f: Margins(f).eyex("age"), UnsupportedError, r"m\.dyex\(...\) is that of the haz"),
        (lambda f: Margins(f).eydx("age"), UnsupportedError, r"m\.dydx\(...\) is that of the haz"),
        (
            lambda f: Margins.log_scale(f).evaluate(
                [{"atexog": {"arm": "old"}}], lambda h: -np.abs(h) - 1
            ),
            NumericalError,
            "outside the positive numbers",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(ask, error, words):
    fit = smf.phreg("months ~ age + arm", DF, status=DF["died"]).fit()
    with pytest.raises(error, match=words):
        ask(fit)


def test_promises_and_travel(fit):
    assert check_adapter(HazardsAdapter(fit))
    m = Margins(fit)
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.dydx("all").std_error, m.dydx("all").std_error)
    polished = Margins(fit, polish=True)
    np.testing.assert_allclose(polished.dydx("all").estimate, m.dydx("all").estimate, rtol=1e-5)
