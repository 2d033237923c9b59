"""Populations that are samples: influence functions of coefficients and averages together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel

from pymargins import (
    ArgumentError,
    Bootstrap,
    Margins,
    Simulation,
    UnsupportedError,
    pairwise,
)
from support.small_models import quietly

N, GROUPS = 240, 24


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Outcomes of several types on a number and two categories, in clusters."""
    rng = np.random.default_rng(5)
    g = np.arange(N) % GROUPS
    x, z = rng.normal(size=N), rng.permutation(np.arange(N) % 2)
    eta = 0.3 + 0.5 * x - 0.4 * z + 0.3 * rng.normal(size=GROUPS)[g]
    p = 1 / (1 + np.exp(-eta))
    y = 3 + eta + rng.normal(size=N)
    return pd.DataFrame(
        {
            "x": x,
            "z": z,
            "g": g,
            "y": y,
            "count": rng.poisson(np.exp(eta)),
            "binary": rng.binomial(1, p),
            "share": rng.beta(4 * p, 4 * (1 - p)),
            "grade": np.digitize(y, [2.8, 3.8]),
            "times": 1 + np.arange(N) % 3,
        }
    )


def sampled(fit, **options) -> Margins:
    with quietly():
        return Margins(fit, population="sampled", **options)


def test_the_average_of_least_squares_is_the_mean_of_the_outcome(frame):
    fit = smf.ols("y ~ x * z", frame).fit()
    away = frame.y - frame.y.mean()
    expected = np.sqrt((away**2).sum() / N**2 * N / (N - 4))
    np.testing.assert_allclose(sampled(fit).predict().std_error, expected, rtol=1e-12)
    sums = away.groupby(frame.g).sum()
    factor = GROUPS / (GROUPS - 1) * (N - 1) / (N - 4)
    found = sampled(fit, cluster="g").predict()
    np.testing.assert_allclose(found.std_error, np.sqrt(factor * (sums**2).sum()) / N, rtol=1e-12)
    assert found.df[0] == GROUPS - 1


def test_the_average_of_a_logit_model_is_the_share(frame):
    p = frame.binary.mean()
    found = sampled(smf.logit("binary ~ x * z", frame).fit(disp=0)).predict()
    np.testing.assert_allclose(found.std_error, np.sqrt(p * (1 - p) / (N - 1)), rtol=1e-7)
    assert np.isinf(found.df[0])


CLASSES = {
    "GLM": lambda d: smf.glm("count ~ x * z", d, family=sm.families.Poisson()).fit(),
    "NegativeBinomial": lambda d: smf.negativebinomial("count ~ x * z", d).fit(disp=0),
    "MNLogit": lambda d: smf.mnlogit("grade ~ x + z", d).fit(disp=0, maxiter=200),
    "OrderedModel": lambda d: OrderedModel.from_formula("grade ~ x + z", d, distr="logit").fit(
        method="bfgs", disp=0
    ),
    "BetaModel": lambda d: BetaModel.from_formula("share ~ x + z", d).fit(disp=0),
    "GEE": lambda d: smf.gee("count ~ x * z", "g", d, family=sm.families.Poisson()).fit(),
    "MixedLM": lambda d: smf.mixedlm("y ~ x * z", d, groups="g").fit(),
}


@pytest.mark.parametrize("name", CLASSES)
def test_units_add_up_to_nothing_and_vary_as_the_sample_does(frame, name):
    """The influence of all units together is none, and slopes in several ways agree."""
    with quietly():
        fit = CLASSES[name](frame)
    m = sampled(fit)
    for result in (m.predict("z"), m.dydx("all"), m.eyex("x"), m.predict(over="z")):
        moved = m._inference.cov._moved(m._inference.jacobian(result.estimand))
        total, size = np.abs(moved.sum(axis=1)), np.abs(moved).sum(axis=1)
        assert (total <= 1e-4 * size).all()
        assert (result.std_error > 0).all()
    together, alone = m.dydx("all"), m.dydx("x")
    own = [i for i, label in enumerate(together.labels) if label.startswith("x")]
    np.testing.assert_allclose(together.std_error[own], alone.std_error, rtol=1e-10)


def test_what_a_unit_moves_is_what_its_weight_does(frame):
    """One row a little heavier, refitted: the derivative of every figure by its weight."""

    def figures(weight):
        fit = smf.glm(
            "count ~ x * z", frame, family=sm.families.Poisson(), freq_weights=weight
        ).fit(tol=1e-14)
        with quietly():
            m = Margins.log_scale(fit)
            return np.log(m.contrasts(pairwise("z")).estimate), m.dydx("x").estimate

    fit = smf.glm("count ~ x * z", frame, family=sm.families.Poisson()).fit(tol=1e-14)
    m = sampled(fit, scale="log")
    step, rows = 1e-4, (0, 7, 100)
    for k, ask in enumerate((lambda: m.contrasts(pairwise("z")), lambda: m.dydx("x"))):
        moved = m._inference.cov._moved(m._inference.jacobian(ask().estimand))
        for row in rows:
            unit = np.eye(N)[row] * step
            change = (figures(1 + unit)[k] - figures(1 - unit)[k]) / (2 * step)
            np.testing.assert_allclose(moved[:, row], change, rtol=2e-5)


def test_rows_that_count_are_as_many_rows(frame):
    family = sm.families.Binomial()
    fit = smf.glm("binary ~ x * z", frame, family=family, freq_weights=frame.times).fit(tol=1e-12)
    long = frame.iloc[np.repeat(frame.index, frame.times)]
    each = smf.glm("binary ~ x * z", long, family=family).fit(tol=1e-12)
    for options in ({}, {"cluster": "g"}):
        short, whole = sampled(fit, **options), sampled(each, **options)
        for verb in (lambda m: m.predict("z"), lambda m: m.dydx("all")):
            np.testing.assert_allclose(verb(short).std_error, verb(whole).std_error, rtol=1e-7)


def test_slopes_that_rows_share_are_those_of_the_robust_covariance(frame):
    fit = smf.ols("y ~ x + z", frame).fit()
    robust = Margins(fit, vcov="HC1").dydx("x")
    np.testing.assert_allclose(sampled(fit).dydx("x").std_error, robust.std_error, rtol=1e-12)
    with quietly():
        mixed = smf.mixedlm("y ~ x + z", frame, groups="g").fit()
        clusters = frame.g // 2
        for cluster in (None, clusters):
            robust = Margins(mixed, vcov="CR1", cluster=cluster).dydx("x")
            found = sampled(mixed, cluster=cluster).dydx("x")
            np.testing.assert_allclose(found.std_error, robust.std_error, rtol=1e-8)
            assert found.df[0] == robust.df[0]


def test_results_combine_are_tested_and_travel(frame):
    m = sampled(smf.logit("binary ~ x * z", frame).fit(disp=0))
    levels = m.predict("z")
    difference = levels[1:] - levels[:1]
    np.testing.assert_allclose(difference.std_error, m.contrasts(pairwise("z")).std_error)
    assert np.isfinite(levels.joint_test().p_value)
    assert (m.joint_tests().p_value <= 1).all()
    assert np.isfinite(levels.to_frame()["std_error"]).all()
    text = str(levels)
    assert "a sample themselves" in text
    assert "unconditional" in text
    assert "24 clusters" in str(sampled(smf.ols("y ~ x", frame).fit(), cluster="g").predict())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"population": "sample"}, ArgumentError, "Did you mean 'sampled'"),
        ({"at": "typical"}, ArgumentError, "leave `at` out"),
        ({"vcov": "HC1"}, ArgumentError, "leave `vcov` out"),
        ({"method": Bootstrap(10)}, ArgumentError, "draws the population"),
        ({"method": Simulation(10)}, ArgumentError, "do not move the rows"),
        ({"cluster": "h"}, KeyError, "a column of the data"),
    ],
)
def test_what_cannot_be_is_refused(frame, options, error, words):
    fit = smf.ols("y ~ x", frame).fit()
    with pytest.raises(error, match=words):
        Margins(fit, **{"population": "sampled", **options})


def test_classes_without_influence_functions_say_so(frame):
    fit = smf.quantreg("y ~ x", frame).fit()
    with pytest.raises(UnsupportedError, match=r"QuantReg.*method=\"bootstrap\""):
        Margins(fit, population="sampled")
    logged = smf.ols("np.log(y + 9) ~ x", frame).fit()
    with pytest.raises(UnsupportedError, match="response="):
        Margins(logged, population="sampled", response="mean")


def test_figures_that_do_not_know_of_a_sample_say_so(frame):
    with quietly():
        m = sampled(smf.mixedlm("y ~ x", frame, groups="g").fit())
    for ask in (m.icc, m.r_squared, m.predict().prediction_interval):
        with pytest.raises(UnsupportedError, match="without population="):
            ask()


def test_a_polished_mixed_fit_is_not_told_of_a_covariance_that_is_not_used(frame):
    made = smf.mixedlm("y ~ x", frame, groups="g").fit()
    m = Margins(made, population="sampled", polish=True)  # no warning
    plain = sampled(made).predict()
    assert m.predict().std_error[0] == pytest.approx(plain.std_error[0], rel=1e-3)
