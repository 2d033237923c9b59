"""Clusters drawn within strata, and the variance that studentizes them."""

import numpy as np
import pytest

from mixed.cases import dense_pieces, simulated
from pymargins.errors import ArgumentError, ModelError
from pymargins.mixed import ClusterSampling, MixedData, bootstrap, fit, jackknife, refit_weights

SIGMAS = 5.0
SE_SCALED = 1e-6  # coefficients of two separate optimisations, in standard errors
COVARIANCE = 1e-5  # relative to the standard errors


def test_draws_keep_the_strata():
    strata = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2])
    weights = ClusterSampling.of_groups(9, strata)(np.random.default_rng(0), 500)
    for s, size in ((0, 2), (1, 3), (2, 4)):
        assert (weights[strata == s].sum(axis=0) == size).all()
    free = ClusterSampling.of_groups(9)(np.random.default_rng(0), 4000)
    assert (free.sum(axis=0) == 9).all()
    # Multinomial: mean 1, variance 8/9.
    assert abs(free.mean() - 1) < 1e-12
    spread = free.var(axis=1)
    assert np.abs(spread - 8 / 9).max() < SIGMAS * np.sqrt(2.6 / 4000)


def test_draws_keep_clusters_whole():
    clusters = np.array([0, 1, 1, 2, 3, 0])
    strata = np.array([7, 7, 7, 3, 3, 7])
    sampling = ClusterSampling.of_groups(6, strata, clusters)
    assert sampling.n_clusters == 4
    weights = sampling(np.random.default_rng(0), 200)
    assert (weights[0] == weights[5]).all()
    assert (weights[1] == weights[2]).all()
    assert (weights[3] + weights[4] == 2).all()
    assert (weights[0] + weights[1] == 2).all()
    assert weights[0].min() == 0
    assert weights[0].max() == 2
    np.testing.assert_array_equal(sampling.left_out(1, 2)[:, 0], [1, 0, 0, 1, 1, 1])


def test_a_replicate_is_written_out_as_new_clusters():
    clusters = np.array([0, 1, 1, 2])
    sampling = ClusterSampling.of_groups(4, np.array([0, 1, 1, 1]), clusters)
    groups, drawn = sampling.replicate(np.array([1, 2, 2, 0]))
    assert groups.tolist() == [0, 1, 1, 2, 2]
    assert drawn.strata[drawn.clusters].tolist() == [0, 1, 1, 1, 1]
    copies = drawn.clusters
    assert len(set(copies)) == 3
    assert copies[1] == copies[3] != copies[2] == copies[4]


def naive_variance(influence, clusters, strata):
    """Of one replicate, group by group."""
    total = np.zeros((influence.shape[1],) * 2)
    for h in np.unique(strata):
        own = [influence[clusters == c].sum(axis=0) for c in np.flatnonzero(strata == h)]
        n = len(own)
        away = np.array(own) - np.mean(own, axis=0)
        total += away.T @ away * (n / (n - 1) if n > 1 else 1)
    return total


@pytest.mark.parametrize("strata", [np.zeros(5, int), np.array([1, 0, 1, 0, 1]), np.arange(5) // 4])
def test_variance_is_that_of_a_stratified_cluster_sample(strata):
    rng = np.random.default_rng(3)
    clusters = np.array([0, 3, 1, 1, 2, 4, 0, 2])
    sampling = ClusterSampling.of_groups(8, strata[clusters], clusters)
    times = sampling(rng, 6)
    influence = rng.normal(size=(6, 8, 3))
    found = sampling.variance(influence, times)
    for b in range(6):
        groups, drawn = sampling.replicate(times[:, b].astype(int))
        expected = naive_variance(influence[b, groups], drawn.clusters, drawn.strata)
        np.testing.assert_allclose(found[b], expected, rtol=1e-10, atol=1e-10)
    plain = sampling.variance(influence, None)
    expected = naive_variance(influence[0], clusters, sampling.strata)
    np.testing.assert_allclose(plain[0], expected, rtol=1e-10, atol=1e-10)


def dense_variance(arrays, params, sampling):
    """The stratified sandwich of data written out, with n x n matrices."""
    v, _ = dense_pieces(arrays, params)
    x, y, groups = arrays["X"], arrays["y"], arrays["groups"]
    m = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    weighted = np.linalg.solve(v, y - x @ (m @ x.T @ np.linalg.solve(v, y)))
    influence = [m @ x[groups == g].T @ weighted[groups == g] for g in np.unique(groups)]
    return naive_variance(np.array(influence), sampling.clusters, sampling.strata)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("structure", ["intercept", "slope", "nested"])
def test_replicates_carry_the_variance_of_their_own_data(structure, merged):
    arrays, _ = simulated(structure, seed=4, n_groups=18)
    clusters = np.arange(18) // 2 if merged else None
    strata = (np.arange(18) < 8).astype(int)
    sampling = ClusterSampling.of_groups(18, strata, clusters)
    data = MixedData.from_arrays(**arrays)
    fitted = fit(data)
    done = bootstrap(data, fitted, "cluster", 8, seed=11, sampling=sampling)
    expected = dense_variance(arrays, fitted.params, sampling)
    se = np.sqrt(np.diagonal(expected))
    assert np.abs((done.reference_cov - expected) / np.outer(se, se)).max() < 1e-8
    for b in range(8):
        groups, drawn = sampling.replicate(done.weights[b])
        rows = [np.flatnonzero(arrays["groups"] == g) for g in groups]
        index = np.concatenate(rows)
        own = {
            "y": arrays["y"][index],
            "X": arrays["X"][index],
            "groups": np.repeat(np.arange(len(groups)), [len(r) for r in rows]),
            "Z": arrays["Z"][index],
            "components": tuple([part[g] for g in groups] for part in arrays["components"]),
        }
        found = fit(MixedData.from_arrays(**own))
        expected = dense_variance(own, found.params, drawn)
        se = np.sqrt(np.diagonal(expected))
        assert np.abs((done.beta[b] - found.beta) / se).max() < SE_SCALED
        assert np.abs((done.cov[b] - expected) / np.outer(se, se)).max() < COVARIANCE


def test_the_jackknife_leaves_out_whole_clusters():
    arrays, _ = simulated("slope", n_groups=12)
    data = MixedData.from_arrays(**arrays)
    fitted = fit(data)
    sampling = ClusterSampling.of_groups(12, clusters=np.arange(12) // 3)
    found = jackknife(data, fitted, sampling)
    weights = np.ones((4, 12))
    for c in range(4):
        weights[c, 3 * c : 3 * c + 3] = 0
    np.testing.assert_array_equal(found.weights, weights)
    again = refit_weights(data, fitted, weights, cov=None)
    np.testing.assert_allclose(found.beta, again.beta, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ClusterSampling.of_groups(1), ModelError, "only one group"),
        (
            lambda: ClusterSampling.of_groups(3, clusters=np.zeros(3, int)),
            ModelError,
            "only one cluster",
        ),
        (
            lambda: ClusterSampling.of_groups(20, np.zeros(3)),
            ArgumentError,
            r"strata: .* shape \(20,\); got \(3,\)",
        ),
        (
            lambda: ClusterSampling.of_groups(4, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])),
            ArgumentError,
            "strata: a cluster lies in more than one",
        ),
    ],
)
def test_bad_samplings_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
