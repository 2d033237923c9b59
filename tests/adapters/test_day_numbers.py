"""Sessions of random slopes on day numbers: those of the centred variable, once polished."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Margins
from pymargins.errors import FitWarning

SAME = 1e-6


def trial():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(16), 7)
    days = np.tile(np.arange(7) * 10, 16) + rng.integers(0, 4, 112)
    arm = groups % 2
    effects = rng.normal(size=(16, 2)) * [2.0, 0.1]
    y = 20 + effects[groups, 0] + (0.1 + effects[groups, 1] + 0.1 * arm) * (days - 30) + arm
    y = y + rng.normal(size=112)
    return pd.DataFrame({"g": groups, "arm": arm, "day": days - 30.0, "y": y})


def fitted(offset):
    frame = trial()
    frame["day"] += offset
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm("y ~ day * arm", frame, groups="g", re_formula="~day").fit()


def figures(result):
    return np.concatenate([result.estimate, result.std_error, np.asarray(result.df, dtype=float)])


@pytest.mark.parametrize(
    "options",
    [
        {"vcov": "kenward-roger", "df": "kenward-roger"},
        {"vcov": "gls", "df": "satterthwaite"},
        {"vcov": "CR2", "df": "satterthwaite"},
    ],
)
@pytest.mark.parametrize("offset", [738_000.0, 1e9])
def test_slopes_and_their_differences_are_those_of_the_centred_variable(offset, options):
    found = []
    for start in (0.0, offset):
        m = Margins(fitted(start), polish=True, **options)
        slopes = m.dydx("day", over="arm")
        apart = slopes.pairwise()
        found.append(np.concatenate([figures(r) for r in (slopes, apart)]))
        assert not m.diagnose().boundary
    assert np.allclose(*found, rtol=SAME)


def test_means_are_those_of_the_centred_variable():
    found = [
        Margins(fitted(start), polish=True, vcov="gls", df="satterthwaite").predict(over="arm")
        for start in (0.0, 738_000.0)
    ]
    assert np.allclose(*(figures(r) for r in found), rtol=SAME)


def test_an_optimiser_that_day_numbers_led_astray_is_told_of():
    with pytest.warns(FitWarning, match="not at its optimum"):
        Margins(fitted(738_000.0), vcov="kenward-roger", df="kenward-roger")
