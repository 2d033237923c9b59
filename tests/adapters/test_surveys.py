"""Covariances by the design of a survey: R's `survey`, closed forms, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins, Survey, UnknownNameError, UnsupportedError
from support.small_models import quietly

ORACLE = Path(__file__).resolve().parents[1] / "oracle" / "survey"
FOUND = json.loads((ORACLE / "survey.json").read_text())["cases"]
#: Estimates in standard errors, and standard errors relative, of closed forms.
SAME = 1e-6
FORMULAS = {
    "gaussian": "api00 ~ ell + meals + mobility",
    "binomial": "wide ~ ell + meals",
    "poisson": "enroll ~ ell + meals",
}
FAMILIES = {"binomial": sm.families.Binomial(), "poisson": sm.families.Poisson()}


def fitted(model: str, frame: pd.DataFrame):
    if model == "gaussian":
        return smf.wls(FORMULAS[model], frame, weights=frame.pw).fit()
    with quietly():
        return smf.glm(FORMULAS[model], frame, family=FAMILIES[model], var_weights=frame.pw).fit(
            tol=1e-13, maxiter=200
        )


def session(fit, option: Survey, **options) -> Margins:
    with quietly():
        return Margins(fit, vcov=option, **options)


@pytest.fixture(scope="module")
def schools() -> pd.DataFrame:
    return pd.read_csv(ORACLE / "apistrat.csv")


@pytest.mark.parametrize("model", FORMULAS)
@pytest.mark.parametrize("name", FOUND)
def test_the_figures_of_r(name, model):
    case = FOUND[name]
    frame = pd.read_csv(ORACLE / f"{case['file']}.csv")
    fit = fitted(model, frame)
    m = session(fit, Survey(**case["options"], lonely=case["lonely"]), weights="pw")
    expected = case["models"][model]
    cov = np.array(expected["vcov"])
    error = np.sqrt(np.diagonal(cov))
    np.testing.assert_array_less(np.abs(fit.params - expected["coef"]) / error, SAME)
    np.testing.assert_array_less(np.abs(m._inference.cov - cov) / np.outer(error, error), SAME)
    average = m.predict()
    assert abs(average.estimate[0] - expected["estimate"]) < SAME * expected["se"]
    np.testing.assert_allclose(average.std_error, expected["se"], rtol=SAME)
    assert average.df[0] == case["df"]


def test_one_stratum_of_rows_is_hc1_with_another_factor(schools):
    fit = fitted("gaussian", schools)
    found = session(fit, Survey("pw"))._inference.cov
    n = len(schools)
    np.testing.assert_allclose(found, session(fit, "HC0")._inference.cov * n / (n - 1), rtol=1e-10)
    without = session(fit, Survey(strata=np.ones(n)))
    np.testing.assert_allclose(without._inference.cov, found, rtol=1e-12)


def test_frequency_weights_are_weights_too(schools):
    fit = smf.glm(
        FORMULAS["binomial"], schools, family=FAMILIES["binomial"], freq_weights=schools.pw
    ).fit(tol=1e-13)
    weighted = fitted("binomial", schools)
    option = Survey("pw", strata="stype", psu="dnum_")
    frame = schools.assign(dnum_=schools.stype + schools.dnum.astype(str))
    counted = session(fit, option, data=frame)._inference.cov
    np.testing.assert_allclose(
        counted, session(weighted, option, data=frame)._inference.cov, rtol=1e-6
    )


def test_a_finite_population_sampled_whole_leaves_no_variance(schools):
    fit = fitted("gaussian", schools)
    m = session(fit, Survey("pw", strata="stype", fpc=np.ones(len(schools))))
    np.testing.assert_allclose(m._inference.cov, 0.0, atol=1e-20)


def test_tables_say_what_the_design_is(schools):
    text = " ".join(
        str(session(fitted("gaussian", schools), Survey("pw", strata="stype", fpc="fpc"))).split()
    )
    assert "200 primary units in 3 strata, finite population" in text
    assert "t with 197 df (primary units less strata)" in text


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"weights": "meals"}, "was weighted by others"),
        ({"weights": -np.ones(200)}, "must not be negative"),
        ({"strata": "half"}, r'A. has one PSU.*lonely="adjust"'),
        ({"psu": "dnum", "strata": "stype"}, "psu: .* is in the strata .* join the two"),
        ({"psu": np.zeros(200)}, "all rows are in one PSU"),
        ({"fpc": "meals"}, "finite and positive"),
        ({"strata": "stype", "fpc": np.arange(2.0, 202.0)}, "differs within the stratum"),
        ({"fpc": np.full(200, 150.0)}, "would have 150 PSUs, and 200 were sampled"),
        ({"fpc": np.repeat([0.5, 300.0], 100)}, "give one kind"),
        ({"psu": np.where(np.arange(200) == 3, np.nan, 1.0)}, "missing in 1 rows"),
    ],
)
def test_what_is_no_design_is_refused(schools, option, words):
    frame = schools.assign(half=np.where(np.arange(200) == 0, "A", "B"))
    with pytest.raises(ArgumentError, match=words):
        session(fitted("gaussian", frame), Survey(**option))


def test_other_fits_and_options_are_refused(schools):
    with pytest.raises(ArgumentError, match="Did you mean 'average'"):
        Survey("pw", lonely="averge")
    with pytest.raises(ArgumentError, match="HC1"):
        Survey()
    with pytest.raises(UnknownNameError, match=r"strata.*'stype'"):
        session(fitted("gaussian", schools), Survey(strata="stipe"))
    plain = smf.ols(FORMULAS["gaussian"], schools).fit()
    with pytest.raises(ArgumentError, match=r"not weighted.*wls"):
        session(plain, Survey("pw"))
    logit = smf.logit(FORMULAS["binomial"], schools).fit(disp=0)
    with pytest.raises(UnsupportedError, match="'Survey' is not available"):
        session(logit, Survey("pw"))
    with pytest.raises(ArgumentError, match=r"vcov=Survey\(weights="):
        session(plain, "Survey")
