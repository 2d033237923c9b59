"""Mixed GLMs: figures integrated over the random effects, against integrals one row at a time."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from statsmodels.genmod.bayes_mixed_glm import (
    BayesMixedGLMResults,
    BinomialBayesMixedGLM,
    PoissonBayesMixedGLM,
)

from pymargins import Margins, UnknownNameError, UnsupportedError, pairwise
from pymargins.testing import check_adapter

N, GROUPS = 240, 20
SLOPES = {"clinic": "0 + C(clinic)", "trend": "0 + C(clinic):dose"}


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    clinic = np.repeat(np.arange(GROUPS), N // GROUPS)
    frame = pd.DataFrame({"clinic": clinic, "dose": rng.integers(0, 4, N) / 2.0})
    frame["arm"] = rng.choice(["new", "old"], N)
    effect = rng.normal(0, 0.8, GROUPS)[clinic] + rng.normal(0, 0.4, GROUPS)[clinic] * frame["dose"]
    eta = -0.4 + 0.5 * frame["dose"] + 0.4 * (frame["arm"] == "old") + effect
    frame["cured"] = (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(int)
    frame["calls"] = rng.poisson(np.exp(eta))
    return frame


def variational(model: Any) -> Any:
    """Fit from one start, whatever the version of statsmodels makes of a seed."""
    size = model.k_fep + model.k_vcp + model.k_vc
    return model.fit_vb(mean=np.zeros(size), sd=np.full(size, 0.6))


@pytest.fixture(scope="module")
def cured(visits: pd.DataFrame) -> Any:
    return variational(BinomialBayesMixedGLM.from_formula("cured ~ dose * arm", SLOPES, visits))


@pytest.fixture(scope="module")
def laplace(visits: pd.DataFrame) -> Any:
    # the mode over effects and their standard deviation together lies where the latter is tiny
    # (statsmodels' own search does not end), so a posterior is made up
    model = BinomialBayesMixedGLM.from_formula("cured ~ dose * arm", SLOPES, visits)
    size = model.k_fep + model.k_vcp + model.k_vc
    rng = np.random.default_rng(8)
    root = rng.normal(size=(size, size)) / 40
    return BayesMixedGLMResults(model, rng.normal(0, 0.3, size), root @ root.T + np.eye(size) / 50)


@pytest.fixture(scope="module")
def calls(visits: pd.DataFrame) -> Any:
    return variational(PoissonBayesMixedGLM.from_formula("calls ~ dose + arm", SLOPES, visits))


def expit(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def integrated(inverse: Any, eta: float, v: float) -> float:
    """Return E h(N(eta, v)) by adaptive integration."""
    root = np.sqrt(v)

    def weighted(z: float) -> float:
        return float(inverse(eta + root * z)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    return quad(weighted, -14, 14, epsabs=1e-13, epsrel=1e-12, limit=400)[0]


def average(
    fit: Any, visits: pd.DataFrame, inverse: Any, beta: Any, log_sd: Any, dose: float | None
) -> float:
    """Return the average of rows, each integrated by itself."""
    rows = visits if dose is None else visits.assign(dose=dose)
    old = (rows["arm"] == "old").to_numpy(float)
    by_name = {
        "Intercept": np.ones(len(rows)),
        "dose": rows["dose"].to_numpy(float),
        "arm[T.old]": old,
        "dose:arm[T.old]": old * rows["dose"],
    }
    eta = sum(b * by_name[name] for b, name in zip(beta, fit.model.exog_names, strict=True))
    moments = np.column_stack([np.ones(N), rows["dose"] ** 2])[:, : len(log_sd)]
    v = moments @ np.exp(2 * log_sd)
    cells, counts = np.unique(np.column_stack([eta, v]), axis=0, return_counts=True)
    return float(sum(c * integrated(inverse, *x) for x, c in zip(cells, counts, strict=True)) / N)


@pytest.mark.parametrize(
    ("name", "inverse"), [("cured", expit), ("laplace", expit), ("calls", np.exp)]
)
def test_averages_are_integrals(
    name: str, inverse: Any, visits: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    fit = request.getfixturevalue(name)
    result = Margins(fit).predict({"dose": [0.0, 1.5]})
    theta = np.concatenate([fit.fe_mean, fit.vcp_mean])
    p = len(fit.fe_mean)

    def at(params: Any, dose: float) -> float:
        return average(fit, visits, inverse, params[:p], params[p:], dose)

    np.testing.assert_allclose(
        result.estimate, [at(theta, 0.0), at(theta, 1.5)], rtol=1e-10, atol=1e-12
    )
    cov = np.asarray(fit.cov_params())
    cov = np.diag(cov[: len(theta)]) if cov.ndim == 1 else cov[: len(theta), : len(theta)]
    steps = 1e-4 * np.eye(len(theta))
    for row, dose in enumerate([0.0, 1.5]):
        gradient = [(at(theta + s, dose) - at(theta - s, dose)) / 2e-4 for s in steps]
        se = np.sqrt(np.array(gradient) @ cov @ np.array(gradient))
        np.testing.assert_allclose(result.std_error[row], se, rtol=1e-6)


def test_slopes_follow_the_random_slope(cured: Any, visits: pd.DataFrame) -> None:
    slope = Margins(cured).dydx("dose", atexog={"dose": [1.0]})
    step = 1e-4
    high, low = (
        average(cured, visits, expit, cured.fe_mean, cured.vcp_mean, 1.0 + s) for s in (step, -step)
    )
    np.testing.assert_allclose(slope.estimate, (high - low) / (2 * step), rtol=1e-7)


def test_the_typical_cluster_is_what_statsmodels_predicts(cured: Any) -> None:
    typical = Margins(cured, random_effects="zero").predict()
    np.testing.assert_allclose(typical.estimate, cured.predict().mean(), rtol=1e-12)
    link = Margins(cured, response="link").predict()
    np.testing.assert_allclose(link.estimate, cured.predict(linear=True).mean(), rtol=1e-12)


def test_simulation_draws_standard_deviations(laplace: Any) -> None:
    delta = Margins(laplace).contrasts(pairwise("arm"))
    drawn = Margins(laplace, method="simulation", n_sim=2000, rng=3).contrasts(pairwise("arm"))
    assert np.isfinite(drawn.draws).all()
    np.testing.assert_allclose(drawn.std_error, delta.std_error, rtol=0.1)


def test_tables_say_which_posterior(cured: Any, laplace: Any) -> None:
    assert "laplace" in str(Margins(cured).predict().summary())
    assert "Laplace" in str(Margins(laplace).predict().summary())
    assert "effects of trend" in str(Margins(cured).summary())


def test_sessions_travel(cured: Any) -> None:
    m = Margins(cured)
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.predict("dose").std_error, m.predict("dose").std_error)


def test_the_adapter_keeps_its_promises(cured: Any) -> None:
    from pymargins.adapters.bayes_mixed_glm import BayesMixedGlmAdapter

    check_adapter(BayesMixedGlmAdapter(cured))


def test_what_has_no_meaning_is_refused(cured: Any, visits: pd.DataFrame) -> None:
    with pytest.raises(UnsupportedError, match="predict"):
        Margins(cured, random_effects="predicted")
    with pytest.raises(UnsupportedError, match="vcov"):
        Margins(cured, vcov="kenward-roger")
    hidden = visits.assign(hidden=visits["dose"] ** 1.5)
    vc = {"clinic": "0 + C(clinic)", "odd": "0 + C(clinic):I(dose ** 1.5)"}
    fit = variational(BinomialBayesMixedGLM.from_formula("cured ~ arm", vc, hidden))
    assert len(Margins(fit).predict("arm")) == 2
    with pytest.raises(UnknownNameError, match="Did you mean 'random'"):
        Margins(fit, equations={"randm": "~ dose"})


def test_coefficients_and_effects_vary_together(cured: Any) -> None:
    """The block of the coefficients of the inverse curvature, by the whole dense matrix."""
    model = cured.model
    x, z = np.asarray(model.exog), model.exog_vc.toarray()
    mean = expit(x @ cured.fe_mean + z @ cured.vc_mean)
    both = np.hstack([x, z])
    prior = np.concatenate(
        [np.full(x.shape[1], model.fe_p**-2.0), np.exp(-2 * cured.vcp_mean)[model.ident]]
    )
    dense = np.linalg.inv(both.T * (mean * (1 - mean)) @ both + np.diag(prior))
    link = Margins(cured, response="link", vcov="laplace").predict({"dose": [1.0]})
    row = np.array([1.0, 0.0, 1.0, 0.0])
    row[[1, 3]] = (cured.model.data.frame["arm"] == "old").mean()
    by_name = dict(zip(["Intercept", "arm[T.old]", "dose", "dose:arm[T.old]"], row, strict=True))
    row = np.array([by_name[name] for name in model.exog_names])
    expected = np.sqrt(row @ dense[:4, :4] @ row)
    np.testing.assert_allclose(link.std_error, expected, rtol=1e-9)
