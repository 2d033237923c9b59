"""The optimum of a mixed model's likelihood is found once, whatever a session is asked for."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Bootstrap, Margins
from pymargins.adapters import statsmodels_mixedlm


@pytest.fixture(scope="module")
def three_levels():
    rng = np.random.default_rng(2)
    school = np.repeat(np.arange(8), 12)
    child = np.repeat(np.arange(32), 3)
    x = rng.normal(size=96)
    y = x + rng.normal(size=8)[school] + rng.normal(size=32)[child] + rng.normal(size=96)
    frame = pd.DataFrame({"y": y, "x": x, "school": school, "child": child})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm(
            "y ~ x", frame, groups="school", vc_formula={"child": "0 + C(child)"}
        ).fit()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vcov": "gls"},
        {"polish": True},
        {"vcov": "kenward-roger", "df": "kenward-roger"},
        {"vcov": "gls", "df": "satterthwaite", "polish": True},
        {"method": Bootstrap(16, rng=1), "vcov": None},
    ],
)
def test_the_optimum_is_found_at_most_once(three_levels, options, monkeypatch):
    found = []
    own = statsmodels_mixedlm.fit
    monkeypatch.setattr(
        statsmodels_mixedlm, "fit", lambda *args, **more: found.append(1) or own(*args, **more)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = Margins(three_levels, **options)
        m.dydx("x").summary()
        m.diagnose()
    assert len(found) <= 1
