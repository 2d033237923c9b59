"""Sandwiches on arrays alone, against the formulas written out densely."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from pymargins.errors import ArgumentError, NumericalError
from pymargins.regression.clusters import Clusters, bell_mccaffrey, clustered
from pymargins.regression.estimating import (
    Estimating,
    Working,
    inverse_information,
    of_categories,
)
from pymargins.regression.sandwich import autocorrelated, heteroscedastic


def weighted(n=40, p=4, seed=0):
    """Return the estimating equations of a logit at its estimate, and its parts."""
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    mean = 1 / (1 + np.exp(-design @ rng.normal(size=p) / 2))
    residual = rng.binomial(1, mean) - mean
    weight = mean * (1 - mean)
    bread = np.linalg.inv(design.T @ (design * weight[:, None]))
    working = Working(design * np.sqrt(weight)[:, None], residual / np.sqrt(weight))
    scores = design * residual[:, None]
    return Estimating(scores, bread, p, working=working), design, residual, weight


@pytest.mark.parametrize(("kind", "power"), [("HC0", 0), ("HC1", 0), ("HC2", 1), ("HC3", 2)])
def test_heteroscedastic(kind, power):
    fit, design, residual, weight = weighted()
    n, p = design.shape
    hat = np.diagonal(design @ fit.bread @ (design * weight[:, None]).T)
    meat = sum(
        np.outer(x, x) * e**2 / (1 - h) ** power
        for x, e, h in zip(design, residual, hat, strict=True)
    )
    expected = fit.bread @ meat @ fit.bread * (n / (n - p) if kind == "HC1" else 1)
    np.testing.assert_allclose(heteroscedastic(fit, kind), expected, rtol=1e-10)


def dense_cr(fit, codes, power):
    x, e = fit.working.design, fit.working.residual
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    meat, influence = 0.0, np.zeros((len(x), x.shape[1]))
    for g in np.unique(codes):
        rows = codes == g
        values, vectors = np.linalg.eigh(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        adjust = (vectors * values**-power) @ vectors.T
        score = x[rows].T @ adjust @ e[rows]
        influence[rows] = adjust @ x[rows]
        meat = meat + np.outer(score, score)
    return fit.bread @ meat @ fit.bread, hat, influence


@pytest.mark.parametrize(
    ("kind", "power"), [("CR0", 0.0), ("CR1", 0.0), ("CR2", 0.5), ("CR3", 1.0)]
)
def test_clustered_and_their_degrees_of_freedom(kind, power):
    fit, *_ = weighted()
    codes = np.random.default_rng(5).integers(0, 9, 40)
    clusters = Clusters.of(codes)
    dense, hat, influence = dense_cr(fit, codes, power)
    expected = dense * (9 / 8 if kind == "CR1" else 1)
    found = clustered(fit, kind, clusters)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    # Satterthwaite's: the eigenvalues of the quadratic form in normal errors of variance one
    row = np.array([0.0, 1.0, -1.0, 0.5])
    u = influence @ fit.bread @ row
    parts = [(np.eye(40) - hat)[:, codes == g] @ u[codes == g] for g in np.unique(codes)]
    gram = np.array([[a @ b for b in parts] for a in parts])
    df = np.trace(gram) ** 2 / np.sum(gram**2)
    small = bell_mccaffrey(fit, kind, clusters, found)
    np.testing.assert_allclose(small.df(row[None])[0], df, rtol=1e-9)


def categories(n=50, p=2, seed=2):
    """Return a multinomial logit at made-up coefficients, and its parts by the formulas."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    eta = np.column_stack([np.zeros(n), x @ rng.normal(size=(p, 2)) / 2])
    mean = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    observed = np.array([rng.choice(3, p=row) for row in mean])
    by_eta = mean[:, :, None] * (np.eye(3)[:, 1:] - mean[:, None, 1:])
    gradient = (by_eta[..., None] * x[:, None, None, :]).reshape(n, 3, -1)
    working = of_categories(mean, gradient, observed)
    scores = (working.design * working.residual[:, None]).reshape(n, 3, -1).sum(axis=1)
    bread = np.linalg.inv(working.design.T @ working.design)
    return Estimating(scores, bread, 4, working=working), mean, gradient, observed


@pytest.mark.parametrize(
    ("kind", "power"), [("CR2", -0.5), ("CR3", -1.0), ("HC2", -0.5), ("HC3", -1.0)]
)
def test_categories_have_the_leverage_of_a_block(kind, power):
    """Kauermann-Carroll's and Mancl-DeRouen's corrections of indicators, one category left out."""
    fit, mean, gradient, observed = categories()
    n = len(mean)
    codes = np.arange(n) if kind[0] == "H" else np.random.default_rng(5).integers(0, 8, n)
    meat = 0.0
    for g in np.unique(codes):
        rows = np.flatnonzero(codes == g)
        rise = np.vstack([gradient[i, 1:] for i in rows])
        residual = np.concatenate([np.eye(3)[observed[i], 1:] - mean[i, 1:] for i in rows])
        inverse = block_diag(
            *[
                np.linalg.inv(np.diag(mean[i, 1:]) - np.outer(mean[i, 1:], mean[i, 1:]))
                for i in rows
            ]
        )
        left = np.eye(len(residual)) - rise @ fit.bread @ rise.T @ inverse
        values, vectors = np.linalg.eig(left)
        corrected = ((vectors * values**power) @ np.linalg.inv(vectors)).real @ residual
        score = rise.T @ inverse @ corrected
        meat = meat + np.outer(score, score)
    found = (
        heteroscedastic(fit, kind) if kind[0] == "H" else clustered(fit, kind, Clusters.of(codes))
    )
    np.testing.assert_allclose(found, fit.bread @ meat @ fit.bread, rtol=1e-9, atol=1e-13)


def test_an_outcome_that_one_row_alone_has_at_a_level():
    _, mean, gradient, observed = categories(n=12)
    alone = np.zeros((12, 3, 1))
    alone[0, :, 0] = [-mean[0, 0], mean[0, 0], 0.0]
    working = of_categories(mean, np.concatenate([gradient, alone], axis=2), observed)
    more = Estimating(np.zeros((12, 5)), np.eye(5), 5, working=working)
    with pytest.raises(NumericalError, match="at position 0, each determine a coefficient alone"):
        heteroscedastic(more, "HC3")


def test_autocorrelated():
    fit, *_ = weighted()
    meat = sum(
        max(0.0, 1 - abs(i - j) / 4) * np.outer(fit.scores[i], fit.scores[j])
        for i in range(40)
        for j in range(40)
    )
    np.testing.assert_allclose(autocorrelated(fit, 3), fit.bread @ meat @ fit.bread, rtol=1e-9)
    with pytest.raises(ArgumentError, match="fewer lags"):
        autocorrelated(fit, 40)
    counted = Estimating(fit.scores, fit.bread, 4, np.full(40, 2.0), fit.working)
    with pytest.raises(ArgumentError, match="frequency weights have none"):
        autocorrelated(counted, 2)


def test_a_row_alone_has_no_leverage_correction():
    design = np.column_stack([np.ones(6), np.eye(6)[0]])
    bread = np.linalg.inv(design.T @ design)
    residual = np.r_[0.0, 1.0, -1.0, 1.0, -1.0, 0.0]
    fit = Estimating(design * residual[:, None], bread, 2, working=Working(design, residual))
    with pytest.raises(NumericalError, match="at position 0, each determine a coefficient alone"):
        heteroscedastic(fit, "HC3")
    clusters = Clusters.of(np.array([0, 1, 1, 2, 2, 2]))
    assert np.isfinite(clustered(fit, "CR2", clusters)).all()


def test_units_do_not_matter_for_an_inverse():
    scale = np.array([1.0, 1e8, 1e-6])
    plain = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 3.0]])
    found = inverse_information(plain * np.outer(scale, scale))
    np.testing.assert_allclose(
        found * np.outer(scale, scale), np.linalg.inv(plain), rtol=1e-12, atol=1e-15
    )


def test_clusters():
    with pytest.raises(ArgumentError, match="missing in 1 rows"):
        Clusters.of(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ArgumentError, match="in one cluster"):
        Clusters.of(np.array(["a", "a"]))
