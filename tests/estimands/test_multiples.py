"""Exponential means under a grid in one pass, against the rows visited under each scenario."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import Bootstrap, Margins, Response
from pymargins.estimands import multiples, row_sums
from support.small_models import quietly

GRID = {"age": [20, 30, 45], "treated": [0, 1]}


def _data(n=240):
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(n // 6), 6)
    frame = pd.DataFrame({"person": person, "age": rng.uniform(20, 50, n)})
    frame["treated"] = rng.integers(0, 2, n)
    frame["x"] = rng.normal(size=n)
    frame["school"] = rng.choice(list("ABC"), n)
    frame["time"] = rng.uniform(1, 3, n)
    level = 0.5 + 0.01 * frame.age + 0.2 * frame.treated + 0.1 * frame.x
    frame["log_cost"] = level + rng.normal(size=n // 6)[person] * 0.3 + rng.normal(size=n) * 0.4
    frame["cost"] = np.exp(frame.log_cost)
    frame["visits"] = rng.poisson(frame.time * np.exp(0.3 * level))
    return frame


FRAME = _data()
MIXED = {
    "apart": ("np.log(cost) ~ age * treated + x + C(school)", None),
    "with categories": ("np.log(cost) ~ age * treated + treated * C(school) + x", None),
    "log1p": ("np.log1p(cost) ~ age * treated + x", None),
    "log10": ("np.log10(cost) ~ age * treated + x", None),
    "of a sum": ("np.log(cost + 1) ~ age * treated + x", None),
    "slopes that rows tell": ("np.log(cost) ~ age + treated + x", "~x"),
    "slopes that scenarios tell": ("np.log(cost) ~ age + treated + x", "~treated"),
}


def _mixed(name):
    formula, re_formula = MIXED[name]
    with quietly():
        return smf.mixedlm(formula, FRAME, groups="person", re_formula=re_formula).fit()


def _both(monkeypatch, ask):
    """Return what one pass gives, and what visiting every scenario gives."""
    used = []

    def watched(*args):
        used.append(multiples.multiples(*args))
        return used[-1]

    monkeypatch.setattr(row_sums, "multiples", watched)
    quick = ask()
    monkeypatch.setattr(row_sums, "multiples", lambda *args: None)
    return quick, ask(), any(one is not None for one in used)


def _same(quick, slow):
    np.testing.assert_allclose(quick.estimate, slow.estimate, rtol=1e-12)
    np.testing.assert_allclose(quick.std_error, slow.std_error, rtol=1e-11)
    np.testing.assert_allclose(quick.cov, slow.cov, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("over", [None, "school"])
def test_means_of_logged_outcomes(name, over, monkeypatch):
    fit = _mixed(name)
    weights = np.arange(1.0, len(FRAME) + 1)

    def ask():
        m = Margins(fit, response="mean", vcov="gls", weights=weights, polish=True)
        return m.predict(GRID, over=over)

    quick, slow, used = _both(monkeypatch, ask)
    assert used
    _same(quick, slow)


def test_medians_and_smearing(monkeypatch):
    fit = _mixed("apart")
    for response, wanted in (("median", True), (Response("mean", residuals="empirical"), False)):

        def ask(response=response):
            return Margins(fit, response=response).predict(GRID)

        quick, slow, used = _both(monkeypatch, ask)
        assert used is wanted
        _same(quick, slow)


def test_counts_with_exposure(monkeypatch):
    formula = "visits ~ age * treated + C(school) * treated + x"
    fit = smf.glm(formula, FRAME, family=sm.families.Poisson(), offset=np.log(FRAME["time"])).fit()

    def ask():
        return Margins(fit).predict(GRID, over="school")

    quick, slow, used = _both(monkeypatch, ask)
    assert used
    _same(quick, slow)


@pytest.mark.parametrize(
    ("formula", "re_formula"),
    [
        ("np.log(cost) ~ age * x + treated", None),
        ("np.log(cost) ~ age + x + treated", "~x:treated"),
        ("np.sqrt(cost) ~ age + x + treated", None),
    ],
)
def test_where_scenarios_do_more_than_multiply(formula, re_formula, monkeypatch):
    with quietly():
        fit = smf.mixedlm(formula, FRAME, groups="person", re_formula=re_formula).fit()

    def ask():
        return Margins(fit, response="mean", vcov="gls", polish=True).predict(GRID)

    quick, slow, used = _both(monkeypatch, ask)
    assert not used
    _same(quick, slow)


def test_exponents_that_are_far_apart_are_formed_one_by_one(monkeypatch):
    fit = _mixed("apart")

    def ask():
        with np.errstate(over="ignore"):
            return Margins(fit, response="median").predict({"age": [20, 50_000], "treated": 0})

    quick, slow, used = _both(monkeypatch, ask)
    assert not used
    np.testing.assert_array_equal(quick.estimate, slow.estimate)


@pytest.mark.parametrize("kind", ["cluster", "parametric"])
def test_replicates(kind, monkeypatch):
    fit = _mixed("with categories")

    def ask():
        method = Bootstrap(n_boot=30, kind=kind, rng=1, interval="percentile")
        return Margins(fit, response="mean", method=method).predict(GRID, over="school")

    quick, slow, used = _both(monkeypatch, ask)
    assert used
    np.testing.assert_allclose(quick.draws, slow.draws, rtol=1e-11)


def test_other_functions_of_rows_are_not_multiplied(monkeypatch):
    fit = _mixed("apart")

    def ask():
        m = Margins(fit, response="mean", vcov="gls", polish=True)
        return m.dydx("x", atexog=GRID)

    quick, slow, used = _both(monkeypatch, ask)
    assert not used
    _same(quick, slow)
