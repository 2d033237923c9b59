"""Covariances of estimating equations: statsmodels' own, and the formulas written out."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins, UnsupportedError

G, T = 24, 5


def make_data():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=G * T), "g": np.repeat(np.arange(G), T)})
    frame["t"] = np.tile(np.arange(T), G)
    eta = 0.3 + 0.5 * frame["x"] + rng.normal(0, 0.7, G)[frame["g"]]
    frame["yes"] = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    frame["count"] = rng.poisson(np.exp(eta))
    frame["size"] = eta + rng.normal(size=G * T)
    frame["region"] = frame["g"] // 3
    return frame.sample(frac=1.0, random_state=1).reset_index(drop=True)


DF = make_data()
STRUCTURES = {
    "independent": sm.cov_struct.Independence,
    "exchangeable": sm.cov_struct.Exchangeable,
    "autoregressive": lambda: sm.cov_struct.Autoregressive(grid=True),
    "unstructured": sm.cov_struct.Unstructured,
}
FAMILIES = {
    "yes": sm.families.Binomial,
    "count": sm.families.Poisson,
    "size": sm.families.Gaussian,
}


def gee(response="yes", structure="exchangeable", frame=DF, how=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.gee(
            f"{response} ~ x + I(x**2)",
            "g",
            frame,
            family=FAMILIES[response](),
            cov_struct=STRUCTURES[structure](),
            time=frame["t"],
            **options,
        ).fit(**(how or {}))


def covariance(fit, **options):
    return Margins(fit, **options)._choice.inference.cov


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("response", FAMILIES)
def test_covariances_are_those_of_statsmodels(response, structure):
    fit = gee(response, structure, how={"cov_type": "bias_reduced"})
    close = {"rtol": 1e-9, "atol": 1e-14}
    np.testing.assert_allclose(covariance(fit, vcov="nonrobust"), fit.cov_naive, **close)
    np.testing.assert_allclose(covariance(fit, vcov="CR0"), fit.cov_robust, **close)
    np.testing.assert_allclose(covariance(fit, vcov="CR3"), fit.cov_robust_bc, **close)
    np.testing.assert_allclose(covariance(fit, vcov="CR1"), fit.cov_robust * G / (G - 1), **close)
    # Mancl and DeRouen's needs no other fit
    plain = gee(response, structure)
    np.testing.assert_allclose(covariance(plain, vcov="CR3"), fit.cov_robust_bc, rtol=1e-7)


def test_cr2_is_kauermann_and_carrolls():
    """Their formula, with the square root of the matrix that is not symmetric."""
    fit = gee()
    model, bread = fit.model, fit.cov_naive / fit.scale
    total = 0.0
    for i, label in enumerate(model.group_labels):
        rows = model.group_indices[label]
        mean = np.asarray(fit.fittedvalues)[rows]
        spread = mean * (1 - mean)
        rise = model.exog[rows] * spread[:, None]
        solve = model.cov_struct.covariance_matrix_solve
        (inverse,) = solve(mean, i, np.sqrt(spread), (np.eye(len(rows)),))
        left = np.eye(len(rows)) - rise @ bread @ rise.T @ inverse
        values, vectors = np.linalg.eig(left)
        half = (vectors * values**-0.5) @ np.linalg.inv(vectors)
        score = rise.T @ inverse @ half.real @ (model.endog[rows] - mean)
        total = total + np.outer(score, score)
    np.testing.assert_allclose(covariance(fit, vcov="CR2"), bread @ total @ bread, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "words"),
    [("naive", 'vcov="nonrobust"'), ("bias_reduced", 'vcov="CR3"'), ("robust", 'vcov="CR2"')],
)
def test_statsmodels_names_lead_to_those_here(name, words):
    with pytest.raises(ArgumentError, match=words):
        Margins(gee(), vcov=name)
    with pytest.raises(UnsupportedError, match="'CR0' comes nearest"):
        Margins(gee(), vcov="HC1")


def test_clusters_hold_whole_groups():
    fit = gee()
    assert covariance(fit, vcov="CR2", cluster="region").shape == (3, 3)
    with pytest.raises(UnsupportedError, match="splits groups of this GEE fit"):
        Margins(fit, vcov="CR2", cluster=np.arange(len(DF)) % 4)
    assert Margins(fit, vcov="CR2").dydx("x").to_frame()["df"].tolist() == [G - 1.0]


def test_what_weighted_and_constrained_equations_have():
    weighted = gee(weights=1.0 + DF["g"] % 2)
    with pytest.raises(UnsupportedError, match="Supported: 'model', 'nonrobust', 'CR0'"):
        Margins(weighted, vcov="CR2")
    held = gee(constraint=(np.array([[0.0, 0.0, 1.0]]), np.array([0.0])))
    with pytest.raises(UnsupportedError, match="Supported: 'model', 'nonrobust', 'CR0'"):
        Margins(held, vcov="CR2")
