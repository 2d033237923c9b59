"""What is known of a fit: by its own result, at its optimum, and by what the data tell."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import FitWarning, Margins, NumericalError, PymarginsError, UnsupportedError
from pymargins.facts import Shift
from support.small_models import fit, quietly


def flowers(groups: int = 20, size: int = 6, seed: int = 2) -> pd.DataFrame:
    """Return groups of rows with a number that varies within them."""
    rng = np.random.default_rng(seed)
    pot = np.repeat(np.arange(groups), size)
    frame = pd.DataFrame({"pot": pot, "x": rng.normal(size=len(pot)), "bench": pot % 5})
    frame["warm"] = (pot % 2).astype(int)
    frame["y"] = 3 + frame["x"] + 2 * rng.normal(size=groups)[pot] + rng.normal(size=len(pot))
    return frame


def opened(model, **options):
    """Return a session and the warning that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m = Margins(model, **options)
    return m, " ".join(str(w.message) for w in caught if issubclass(w.category, FitWarning))


def report(m):
    return " ".join(str(m.diagnose()).split())


# --- facts belong to the result, not to its model ------------------------------------------------


def test_a_later_fit_of_the_same_model_changes_nothing():
    model = smf.mixedlm("y ~ x + warm", flowers(), groups="pot")
    with quietly():
        restricted = model.fit(reml=True)
        before = Margins(restricted, vcov="kenward-roger").dydx("warm").std_error[0]
        plain = model.fit(reml=False)
        assert Margins(restricted, vcov="kenward-roger").dydx("warm").std_error[0] == before
        with pytest.raises(PymarginsError, match="REML"):
            Margins(plain, vcov="kenward-roger")
        model.fit(reml=True)
        with pytest.raises(PymarginsError, match="REML"):
            Margins(plain, vcov="kenward-roger")


def test_a_later_penalised_fit_of_the_same_model_changes_nothing():
    from statsmodels.base._penalties import L2

    model = smf.mixedlm("y ~ x + warm", flowers(), groups="pot")
    with quietly():
        plain = model.fit(method="bfgs", gtol=1e-8)
        penalised = model.fit(fe_pen=L2(weights=50.0))
        assert len(Margins(plain, vcov="gls", polish=True).predict()) == 1
        with pytest.raises(UnsupportedError, match="penalises"):
            Margins(penalised, vcov="gls", polish=True)


# --- variances that the data do not tell ---------------------------------------------------------


def test_saturated_group_effects_are_told_of():
    model = fit("y ~ C(bench) + x", flowers(), groups="bench")
    m, told = opened(model, vcov="gls")
    assert "the data do not tell a combination of the variance parameters" in told
    assert "the optimiser's start decides" in told
    assert "'Intercept'" in told
    assert "Leave out the random effect" in told
    assert "the likelihood is flat" in report(m)


def test_groups_of_one_row_leave_the_fixed_part_right():
    frame = flowers()
    frame["row"] = np.arange(len(frame))
    m, told = opened(fit("y ~ x", frame, groups="row"), vcov="gls")
    assert "the data do not tell a combination" in told
    assert "the fixed part and its standard errors do not depend on it" in told
    exog = np.column_stack([np.ones(len(frame)), frame["x"]])
    residual = frame["y"] - exog @ np.linalg.lstsq(exog, frame["y"], rcond=None)[0]
    cov = np.linalg.inv(exog.T @ exog) * (residual @ residual) / (len(frame) - 2)
    assert m.dydx("x").std_error[0] == pytest.approx(np.sqrt(cov[1, 1]), rel=1e-3)


def test_as_many_effects_as_rows_leave_the_fixed_part_right():
    frame = flowers(size=2)
    frame["time"] = np.arange(len(frame)) % 2
    model = fit("y ~ time", frame, groups="pot", re_formula="~time")
    m, told = opened(model, vcov="kenward-roger", polish=True)
    assert "do not depend on it" in told
    gain = frame["y"].to_numpy().reshape(-1, 2) @ [-1, 1]
    found = m.dydx("time")
    assert found.estimate[0] == pytest.approx(gain.mean(), rel=1e-6)
    assert found.std_error[0] == pytest.approx(gain.std(ddof=1) / np.sqrt(len(gain)), rel=1e-3)
    assert found.df[0] == pytest.approx(len(gain) - 1, rel=1e-3)


def test_variances_that_the_data_tell_are_quiet():
    m, told = opened(
        fit("y ~ x + warm", flowers(), how={"method": "bfgs", "gtol": 1e-8}, groups="pot"),
        vcov="gls",
    )
    assert told == ""
    assert "likelihood is flat" not in report(m)


# --- fits off their optimum ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped():
    """A fit that stopped where it started."""
    frame = flowers()
    return fit("y ~ x + warm", frame, groups="pot", how={"method": "bfgs", "maxiter": 0})


def test_the_warning_says_factors_and_of_what(stopped):
    m, told = opened(stopped, vcov="gls")
    health = m.diagnose()
    assert health.coefficients.factor > 1.2
    assert re.search(r"up to [\d.]+ times too (small|large) for coefficients", told)
    assert "for mean responses of rows" in told
    assert "%" not in told
    polished = opened(stopped, vcov="gls", polish=True)[0]
    rows = [m.dydx(["x", "warm"]).std_error, polished.dydx(["x", "warm"]).std_error]
    worst = np.exp(np.abs(np.log(rows[0] / rows[1]))).max()
    assert worst <= health.coefficients.factor * (1 + 1e-6)


def test_the_advice_is_what_helps(stopped):
    _, told = opened(stopped)
    assert told.index("polish=True") < told.index("powell")
    assert 'vcov="gls"' not in told.partition("See m.diagnose()")[2]
    assert opened(stopped, vcov="gls", polish=True)[1] == ""


def test_factors_do_not_end_below_a_hundred_percent():
    assert Shift("x", 1.0, 13.3).factor == pytest.approx(13.3)
    assert Shift("x", 13.3, 1.0).factor == pytest.approx(13.3)
    assert Shift("x", 13.3, 1.0).too_small is False


def test_degrees_of_freedom_off_the_optimum_are_told_of(stopped):
    df = "satterthwaite"
    m, told = opened(stopped, df=df)
    found = re.search(r"stopped: ([\d.e+]+) for (\w+), which has ([\d.e+]+) at the optimum", told)
    assert found is not None
    right = opened(stopped, df=df, polish=True)[0]
    row = {"Intercept": lambda m: m.predict({"x": 0, "warm": 0})}.get(
        found[2], lambda m: m.dydx(found[2])
    )
    assert row(m).df[0] == pytest.approx(float(found[1]), rel=0.01)
    assert row(right).df[0] == pytest.approx(float(found[3]), rel=0.01)
    assert "polish=True takes those" in " ".join(str(m.dydx("x")).split())


def test_a_polished_session_speaks_of_itself(stopped):
    m, told = opened(stopped, vcov="gls", polish=True)
    assert told == ""
    text = report(m)
    assert "polished: at the optimum of the likelihood" in text
    assert "no valid standard errors" not in text
    assert "the fit says" not in text
    near = fit("y ~ x + warm", flowers(), groups="pot", how={"method": "bfgs", "gtol": 1e-8})
    table = " ".join(str(opened(near, vcov="gls", polish=True)[0].predict()).split())
    assert "where the fit was, too" in table
    assert "e-" not in table


# --- levels of groups ----------------------------------------------------------------------------


def test_between_and_within_are_words_for_one_level():
    frame = flowers(groups=24)
    nested = fit("y ~ x", frame, groups="bench", vc_formula={"pot": "0 + C(pot)"})
    with pytest.raises(UnsupportedError) as caught:
        Margins(nested, vcov="gls", df="between-within")
    for part in ("between-within", "nested or crossed", "'pot'", "kenward-roger"):
        assert part in str(caught.value)
    one = fit("y ~ x", frame, groups="pot")
    assert opened(one, vcov="gls", df="between-within")[0].dydx("x").df[0] == 24 * 6 - 24 - 1
    slopes = fit("y ~ x", frame, groups="pot", vc_formula={"slope": "0 + x"}, re_formula="1")
    assert opened(slopes, vcov="gls", df="between-within")[0].dydx("x").df[0] == 24 * 6 - 24 - 1


@pytest.mark.parametrize("size", [1e60, 1e-60])
def test_an_outcome_in_units_whose_powers_are_no_numbers_is_refused(size):
    data = flowers()
    with quietly():
        model = smf.mixedlm("y ~ x", data.assign(y=data["y"] * size), groups="pot").fit()
        with pytest.raises(NumericalError, match="in other units"):
            Margins(model, vcov="gls")
