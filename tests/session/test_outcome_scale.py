"""Sessions on the outcome's own scale, where a transform of it was modelled."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Margins,
    ModelError,
    Response,
    UnsupportedError,
    pairwise,
)
from support.small_models import quietly


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Growth of forty plants of two kinds."""
    rng = np.random.default_rng(3)
    plant = np.repeat(np.arange(40), 6)
    frame = pd.DataFrame({"plant": plant, "week": np.tile(np.arange(6.0), 40)})
    frame["kind"] = np.where(plant % 2, "a", "b")
    own = rng.normal(0, [0.3, 0.08], (40, 2))
    z = 1 + 0.2 * frame["week"] + 0.3 * (plant % 2) + own[plant, 0]
    z += own[plant, 1] * frame["week"] + rng.normal(0, 0.25, 240)
    frame["height"], frame["share"] = np.exp(z), 1 / (1 + np.exp(1.5 - z))
    frame["label"] = [f"p{k}" for k in plant]
    return frame


@pytest.fixture(scope="module")
def mixed(data):
    with quietly():
        model = smf.mixedlm(
            "np.log(height) ~ week * kind", data, groups="plant", re_formula="~week"
        )
        return model.fit(method="powell")


@pytest.fixture(scope="module")
def plain(data):
    return smf.ols("np.log(height) ~ week * kind", data).fit()


def session(model, **options) -> Margins:
    with quietly():
        return Margins(model, **options)


# --- closed forms --------------------------------------------------------------------------------


def test_the_mean_of_a_lognormal_outcome(mixed):
    psi, sigma2 = np.asarray(mixed.cov_re), float(mixed.scale)
    eta = session(mixed).predict({"week": 4, "kind": "a"}).estimate[0]
    z = np.array([1.0, 4.0])
    found = session(mixed, response="mean", at={"week": 4, "kind": "a"}).predict()
    np.testing.assert_allclose(found.estimate, np.exp(eta + (z @ psi @ z + sigma2) / 2))
    zero = session(mixed, response="mean", random_effects="zero").predict({"week": 4, "kind": "a"})
    np.testing.assert_allclose(zero.estimate, np.exp(eta + sigma2 / 2))
    median = session(mixed, response="median").predict({"week": 4, "kind": "a"})
    np.testing.assert_allclose(median.estimate, np.exp(eta))


def test_least_squares_of_a_logarithm(plain, data):
    found = session(plain, response="mean").predict("kind")
    rows = {k: np.asarray(plain.predict(data.assign(kind=k))) for k in ("a", "b")}
    means = [np.exp(rows[k] + plain.scale / 2).mean() for k in ("a", "b")]
    np.testing.assert_allclose(found.estimate, means)
    # delta method by hand, with the variance of s2
    design = plain.model.exog.copy()
    design[:, 1], design[:, 3] = 0.0, 0.0  # kind a
    e = np.exp(rows["a"] + plain.scale / 2)[:, None]
    by_beta = (e * design).mean(axis=0)
    variance = by_beta @ plain.cov_params() @ by_beta
    variance += (means[0] / 2) ** 2 * 2 * plain.scale**2 / plain.df_resid
    np.testing.assert_allclose(found.std_error[0] ** 2, variance)
    assert found.df[0] == plain.df_resid


def test_smearing_is_the_mean_of_the_residuals(plain):
    asked = Response("mean", residuals="empirical")
    smeared = session(plain, response=asked).predict("kind").estimate
    median = session(plain, response="median").predict("kind").estimate
    np.testing.assert_allclose(smeared / median, np.exp(plain.resid).mean())


def test_slopes_follow_random_slopes(mixed):
    m = session(mixed, response="mean", at={"week": 3, "kind": "a"})
    up, down = (m.predict({"week": 3 + h}).estimate[0] for h in (1e-4, -1e-4))
    np.testing.assert_allclose(m.dydx("week").estimate[0], (up - down) / 2e-4, rtol=1e-6)


@pytest.mark.parametrize("model", ["mixed", "plain"])
def test_gradients_are_those_of_the_figures(model, request, data):
    """Move every parameter, and see the figures move."""
    m = session(request.getfixturevalue(model), response="mean")
    inference = m._inference
    for result in (m.predict("kind"), m.dydx("week"), m.eyex("week"), m.predict(over="kind")):
        point, jacobian = inference.point, inference.jacobian(result.estimand)
        for j in range(point.width):
            step = 1e-6 * max(abs(point.theta[0, j]), 1e-2)
            moved = []
            for h in (step, -step):
                theta = point.theta.copy()
                theta[0, j] += h
                moved.append(result.estimand.at(type(point)(theta, point.blocks))[0][0])
            rise = (moved[0] - moved[1]) / (2 * step)
            np.testing.assert_allclose(jacobian[:, j], rise, rtol=1e-5, atol=1e-6)


def test_ratios_and_elasticities_have_a_meaning_now(mixed):
    with pytest.raises(UnsupportedError, match='response="mean"'):
        session(mixed, scale="log")
    m = session(mixed, response="mean", scale="log")
    ratio = m.contrasts(pairwise("kind", ["a", "b"]), atexog={"week": 2})
    means = m.predict({"week": 2, "kind": ["a", "b"]}).estimate
    np.testing.assert_allclose(ratio.estimate[0], means[0] / means[1])
    with pytest.raises(UnsupportedError, match="eydx"):
        session(mixed).eydx("week")
    assert session(mixed, response="mean").eydx("week").estimate[0] > 0


def test_variables_of_random_effects_alone_are_variables_then(data):
    with quietly():
        fit = smf.mixedlm("np.log(height) ~ kind", data, groups="plant", re_formula="~week").fit()
    assert "week" not in session(fit, response="median").facts.variables
    m = session(fit, response="mean")
    assert "week" in m.facts.variables
    assert m.dydx("week").estimate[0] > 0


def test_draws_carry_the_variance_parameters(mixed):
    delta = session(mixed, response="mean").predict("kind")
    drawn = session(mixed, response="mean", method="simulation", rng=1).predict("kind")
    np.testing.assert_allclose(drawn.std_error, delta.std_error, rtol=0.1)
    boot = session(mixed, response="mean", method="bootstrap", n_boot=50, rng=1)
    assert np.isfinite(boot.predict("kind").std_error).all()


def test_refits_without_variances_are_refused(plain):
    with pytest.raises(UnsupportedError, match="do not give gamma"):
        session(plain, response="mean", method="bootstrap", n_boot=20, rng=1)
    assert session(plain, response="median", method="bootstrap", n_boot=20, rng=1).predict()


def test_degrees_of_freedom_of_coefficients_are_not_those_of_means(mixed):
    mean = session(mixed, response="mean", vcov="kenward-roger").predict("kind")
    assert np.isinf(mean.df).all()
    median = session(mixed, response="median", vcov="kenward-roger").predict("kind")
    assert np.isfinite(median.df).all()
    with pytest.raises(UnsupportedError, match="gamma"):
        session(mixed, response="mean", vcov="gls", df="satterthwaite").predict("kind").df  # noqa: B018


def test_many_equal_rows_are_averaged_as_all_rows(plain, data):
    crowd = pd.concat([data] * 20, ignore_index=True)
    found = session(plain, response="mean", at=crowd).predict({"week": [1, 5]})
    expected = session(plain, response="mean").predict({"week": [1, 5]})
    np.testing.assert_allclose(found.estimate, expected.estimate)
    np.testing.assert_allclose(found.cov, expected.cov)


# --- which transform -----------------------------------------------------------------------------

READ = {
    "np.log1p(height)": np.log1p,
    "np.log2(height)": np.log2,
    "np.log10(height + 1)": lambda y: np.log10(y + 1),
    "I(100 * np.log(height))": lambda y: 100 * np.log(y),
    "np.sqrt(height)": np.sqrt,
    "I(height ** 0.5)": np.sqrt,
    "I(height ** 2)": np.square,
    "np.power(height, 1 / 3)": np.cbrt,
    "np.cbrt(height)": np.cbrt,
    "np.arcsinh(height / 2)": lambda y: np.arcsinh(y / 2),
    "np.log(share / (1 - share))": lambda y: np.log(y / (1 - y)),
    "np.arcsin(np.sqrt(share))": lambda y: np.arcsin(np.sqrt(y)),
    "I(height / 10)": lambda y: y / 10,
    "np.log(Q('height'))": np.log,
}


@pytest.mark.parametrize("code", READ)
def test_transforms_are_read_from_the_formula(data, code):
    fit = smf.ols(f"{code} ~ kind", data).fit()
    column = "share" if "share" in code else "height"
    median = session(fit, response="median")
    found = median.predict("kind").estimate
    z = session(fit).predict("kind").estimate
    np.testing.assert_allclose(READ[code](found), z)
    assert median.facts.model.response == column
    # the mean, by draws of the outcome
    mean = session(fit, response="mean").predict("kind").estimate
    grid = np.linspace(-8, 8, 4001)
    weights = np.exp(-0.5 * grid**2)
    inverse = median._fitted.outcome_scale.transform.back
    draws = inverse(z[:, None] + np.sqrt(fit.scale) * grid)
    np.testing.assert_allclose(mean, draws @ weights / weights.sum(), rtol=2e-5)


def test_inverses_of_the_users_own(data):
    frame = data.assign(logged=np.log(data["height"]))
    fit = smf.ols("logged ~ week", frame).fit()
    known = smf.ols("np.log(height) ~ week", frame).fit()
    for asked, name in (
        (Response(np.exp), "mean"),
        (Response("median", inverse=np.exp), "median"),
    ):
        found = session(fit, response=asked).dydx("week")
        expected = session(known, response=name).dydx("week")
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-8)
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-6)


def test_the_link_is_what_was_fitted(mixed):
    found = session(mixed, response="link").predict("kind")
    np.testing.assert_array_equal(found.estimate, session(mixed).predict("kind").estimate)


def test_terms_are_tested_by_the_coefficients(mixed):
    found, plain = session(mixed, response="mean").joint_tests(), session(mixed).joint_tests()
    pd.testing.assert_frame_equal(found, plain)


def test_sessions_travel(mixed):
    m = session(mixed, response="mean")
    found = pickle.loads(pickle.dumps(m)).dydx("week")
    np.testing.assert_array_equal(found.estimate, m.dydx("week").estimate)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"response": "mean"}, ["means of height", "random effects and residual"]),
        ({"response": "mean", "random_effects": "zero"}, ["of the residual", "set to zero"]),
        ({"response": "median"}, ["medians of height, carried back from np.log(height)"]),
        ({"response": Response("mean", residuals="empirical")}, ["240 residuals", "smearing"]),
        ({"response": "link"}, ["the linear predictor", "means of np.log(height)"]),
    ],
)
def test_tables_say_what_was_done(mixed, options, words):
    text = " ".join(str(session(mixed, **options).predict("kind").summary()).split())
    assert [word for word in words if word not in text] == []


def own(y):
    """Return a transform that no text tells."""
    return np.log(y + np.sqrt(y))


def wrong_log(data):
    """Return a fit whose `log` is another function than its name says."""
    log = own  # noqa: F841  the formula reads it
    return smf.ols("log(height) ~ week", data).fit()


BAD = [
    ("an outcome as it is", "height ~ week", {"response": "mean"}, UnsupportedError,
     ["'mean'", "height as it is", "Response(np.exp)"]),
    ("an unknown transform", "own(height) ~ week", {"response": "mean"}, UnsupportedError,
     ["own(height)", "Response(inverse)", "log1p"]),
    ("no mean", "I(1 / height) ~ week", {"response": "mean"}, UnsupportedError,
     ["no mean", 'response="median"']),
    ("a name that is none", "np.log(height) ~ week", {"response": "meen"}, ArgumentError,
     ["'meen'", "'mean', 'median', 'link'"]),
    ("no name at all", "np.log(height) ~ week", {"response": 3}, ArgumentTypeError, ["int"]),
    ("a wrong inverse", "np.log(height) ~ week", {"response": Response(np.square)}, ArgumentError,
     ["does not give height back", "should come back as"]),
    ("an inverse that fails", "np.log(height) ~ week", {"response": Response(lambda z: z[0, 0])},
     ArgumentTypeError, ["the inverse failed"]),
    ("no random effects", "np.log(height) ~ week", {"random_effects": "zero"}, UnsupportedError,
     ["random_effects", "has none"]),
    ("random effects of no name", "np.log(height) ~ week", {"random_effects": "none"},
     ArgumentError, ["'integrated', 'zero', 'predicted'"]),
    ("a robust covariance", "np.log(height) ~ week", {"response": "mean", "vcov": "HC3"},
     UnsupportedError, ["'HC3'", 'response="median"']),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "options", "error", "words"), [b[1:] for b in BAD],
                         ids=[b[0] for b in BAD])  # fmt: skip
def test_what_cannot_be_said(data, formula, options, error, words):
    with pytest.raises(error) as caught:
        session(smf.ols(formula, data).fit(), **options)
    assert [word for word in words if word not in str(caught.value)] == []


def test_known_clusters_stay_on_the_fitted_scale(mixed):
    with pytest.raises(UnsupportedError, match="the cluster's median"):
        session(mixed, response="mean", random_effects="predicted")
    assert session(mixed, response="link", random_effects="predicted").predict({"plant": 3})


def test_a_log_that_is_none(data):
    with pytest.raises(ModelError, match="does not hold what the model was fitted to"):
        session(wrong_log(data), response="mean")


def test_models_that_are_not_normal_have_their_own_mean(data):
    fit = smf.glm("height ~ week", data, family=sm.families.Gamma(sm.families.links.Log())).fit()
    with pytest.raises(UnsupportedError, match="modelled by its mean"):
        session(fit, response=Response(np.exp))
    assert session(fit, response="link").predict().estimate.shape == (1,)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Response("mode"), ArgumentError, "mode"),
        (lambda: Response(np.exp, inverse=np.exp), ArgumentError, "twice"),
        (lambda: Response("mean", inverse=3), ArgumentTypeError, "function"),
        (lambda: Response("mean", residuals="all"), ArgumentError, "'normal', 'empirical'"),
        (lambda: Response("median", residuals="empirical"), ArgumentError, "needs none"),
    ],
)
def test_options_check_themselves(make, error, words):
    with pytest.raises(error, match=words):
        make()
