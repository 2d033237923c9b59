"""The share of a variance that robust covariances show, against statsmodels' own arithmetic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from pymargins.regression.clusters import Clusters
from pymargins.regression.estimating import Estimating, Working
from pymargins.regression.sandwich import bartlett
from pymargins.regression.shown import (
    shown_by_clusters,
    shown_by_rows,
    shown_in_time,
)

N, K = 30, 6
RNG = np.random.default_rng(11)
GROUP = np.repeat(np.arange(K), N // K)
X = np.column_stack([np.ones(N), RNG.normal(size=N) ** 3, GROUP == 0])
BREAD = np.linalg.inv(X.T @ X)
FIT = Estimating(X.copy(), BREAD, 3, working=Working(X, np.ones(N)))
ROWS = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.5, 1.0], [1.0, 0.0, 0.0]])


def expected(**robust) -> np.ndarray:
    """Return E[l'Vl] of uncorrelated errors of variance one: V is quadratic in the outcome."""
    total = np.zeros((3, 3))
    for unit in np.eye(N):
        total += sm.OLS(unit, X).fit().get_robustcov_results(**robust).cov_params()
    return np.einsum("kp,pq,kq->k", ROWS, total, ROWS)


def share(**robust) -> np.ndarray:
    return expected(**robust) / np.einsum("kp,pq,kq->k", ROWS, BREAD, ROWS)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_of_rows(kind):
    assert shown_by_rows(FIT, kind)(ROWS) == pytest.approx(share(cov_type=kind), rel=1e-9)


@pytest.mark.parametrize("lags", [1, 4])
def test_in_time(lags):
    right = share(cov_type="HAC", maxlags=lags)
    assert shown_in_time(FIT, bartlett(lags))(ROWS) == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize("kind", ["CR0", "CR1"])
def test_of_clusters(kind):
    # statsmodels multiplies by K / (K - 1) alone without its small-sample factor of rows
    factor = (N - 1) / (N - 3) * (K / (K - 1) if kind == "CR0" else 1.0)
    right = share(cov_type="cluster", groups=GROUP) / factor
    found = shown_by_clusters(FIT, kind, Clusters.of(GROUP))
    assert found(ROWS) == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize("kind", ["CR0", "CR2", "CR3"])
def test_of_clusters_by_their_definition(kind):
    def meat(residual):
        total = np.zeros((3, 3))
        for g in range(K):
            x = X[g == GROUP]
            values, vectors = np.linalg.eigh(np.eye(len(x)) - x @ BREAD @ x.T)
            power = {"CR0": 0.0, "CR2": -0.5, "CR3": -1.0}[kind]
            some = values > 1e-9
            root = vectors[:, some] * values[some] ** power @ vectors[:, some].T
            score = x.T @ (root @ residual[g == GROUP] if kind != "CR0" else residual[g == GROUP])
            total += np.outer(score, score)
        return total

    hat = X @ BREAD @ X.T
    cov = BREAD @ sum(meat(unit - hat @ unit) for unit in np.eye(N)) @ BREAD
    right = np.einsum("kp,pq,kq->k", ROWS, cov, ROWS)
    right = right / np.einsum("kp,pq,kq->k", ROWS, BREAD, ROWS)
    found = shown_by_clusters(FIT, kind, Clusters.of(GROUP))(ROWS)
    assert found == pytest.approx(right, rel=1e-8)


def test_equal_rows_may_be_counted():
    times = RNG.integers(1, 4, N).astype(float)
    counted = Estimating(X.copy(), BREAD, 3, counts=times, working=Working(X, np.ones(N)))
    long = np.repeat(X, times.astype(int), axis=0)
    whole = Estimating(long.copy(), BREAD, 3, working=Working(long, np.ones(len(long))))
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        found, right = shown_by_rows(counted, kind), shown_by_rows(whole, kind)
        assert found(ROWS) == pytest.approx(right(ROWS), rel=1e-9)
    labels = np.repeat(GROUP, times.astype(int))
    for kind in ("CR0", "CR2"):
        found = shown_by_clusters(counted, kind, Clusters.of(GROUP))
        right = shown_by_clusters(whole, kind, Clusters.of(labels))
        assert found(ROWS) == pytest.approx(right(ROWS), rel=1e-9)


def test_scores_stand_for_rows_where_there_is_no_least_squares():
    """A Poisson fit seen through its scores alone: of what one row determines nothing is shown."""
    rng = np.random.default_rng(3)
    n = 4000
    group = np.arange(n) % 12
    frame = pd.DataFrame({"one": group == 0, "half": group < 6, "single": np.arange(n) == 7})
    design = np.column_stack([np.ones(n), frame.to_numpy(dtype=float)])
    outcome = rng.poisson(np.exp(0.5 + 0.2 * design[:, 2]))
    outcome[7] = 3
    fit = sm.Poisson(outcome, design).fit(disp=0)
    bread = np.linalg.inv(-fit.model.hessian(fit.params))
    scores = Estimating(fit.model.score_obs(fit.params), bread, 4)
    mean = np.exp(design @ fit.params)
    root = np.sqrt(mean)[:, None]
    exact = Estimating(scores.scores, bread, 4, working=Working(design * root, np.ones(n)))
    rows = np.eye(4)
    for made in (
        lambda one: shown_by_clusters(one, "CR1", Clusters.of(group))(rows[1:3]),
        lambda one: shown_by_rows(one, "HC0")(rows),
    ):
        assert made(scores) == pytest.approx(made(exact), abs=0.05)
    assert shown_by_rows(scores, "HC0")(rows)[3] < 0.01
    assert shown_by_clusters(scores, "CR1", Clusters.of(group))(rows)[1] < 0.2


def test_an_observation_of_several_rows_counts_as_a_whole():
    """As of categories: an observation is a cluster of its rows, also in larger clusters."""
    pairs = Estimating(X[::2].copy(), BREAD, 3, working=Working(X, np.ones(N), 2))
    own = np.arange(N) // 2
    for kind, alike in (("HC0", "CR0"), ("HC2", "CR2"), ("HC3", "CR3")):
        found = shown_by_rows(pairs, kind)(ROWS)
        right = shown_by_clusters(FIT, alike, Clusters.of(own))(ROWS)
        assert found == pytest.approx(right, rel=1e-9)
    larger = np.arange(N) // 6
    for kind in ("CR0", "CR2", "CR3"):
        found = shown_by_clusters(pairs, kind, Clusters.of(larger[::2]))(ROWS)
        right = shown_by_clusters(FIT, kind, Clusters.of(larger))(ROWS)
        assert found == pytest.approx(right, rel=1e-9)
    assert shown_in_time(pairs, [])(ROWS) == pytest.approx(shown_by_rows(pairs, "HC0")(ROWS))
