"""Proportional hazards: log hazards against the fit's own predictions and covariances."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins, UnsupportedError, pairwise
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


def test_promises_and_travel(fit):
    assert check_adapter(HazardsAdapter(fit))
    m = Margins(fit)
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.dydx("all").std_error, m.dydx("all").std_error)
    polished = Margins(fit, polish=True)
    np.testing.assert_allclose(polished.dydx("all").estimate, m.dydx("all").estimate, rtol=1e-5)
