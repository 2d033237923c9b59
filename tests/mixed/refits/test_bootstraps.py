"""Draws, seeds, kinds and their errors."""

import numpy as np
import pytest

from mixed.cases import dense_fit, dense_pieces, oracle_case, simulated
from pymargins.errors import ArgumentError, ModelError
from pymargins.mixed import (
    ClusterSampling,
    CovarianceParameters,
    MixedData,
    bootstrap,
    fit,
    fit_at,
    gls,
    jackknife,
    likelihood_ratio,
    random_effects,
    refit_weights,
)
from pymargins.mixed.refits import refitter as refitter_module
from pymargins.mixed.refits.response_draws import (
    WILD_POINTS,
    ParametricDraw,
    ResidualDraw,
    reflate,
    streams,
)

KINDS = ("cluster", "parametric", "residual", "wild")
CHUNKS = 1e-9  # how far sums in another order may move a figure, relative
EXACT = 1e-10
SIGMAS = 4.5  # Monte-Carlo standard errors; about 1e-5 of false alarms, and the seeds are fixed


def made(name="slope", n_groups=20, **changes):
    arrays = simulated(name, seed=1, n_groups=n_groups)[0] | changes
    data = MixedData.from_arrays(**arrays)
    return arrays, data, fit(data)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_alone_decides(kind, monkeypatch):
    _, data, fitted = made()
    one = bootstrap(data, fitted, kind, 45, seed=3)
    assert np.array_equal(bootstrap(data, fitted, kind, 45, seed=3).beta, one.beta)
    assert not np.array_equal(bootstrap(data, fitted, kind, 45, seed=4).beta, one.beta)
    sequence = np.random.SeedSequence(3)
    for _ in range(2):
        assert np.array_equal(bootstrap(data, fitted, kind, 45, seed=sequence).beta, one.beta)
    monkeypatch.setattr(refitter_module, "MEMORY", 20_000)
    small = bootstrap(data, fitted, kind, 45, seed=3)
    threads = bootstrap(data, fitted, kind, 45, seed=3, n_jobs=3)
    assert np.array_equal(small.beta, threads.beta)
    assert np.array_equal(small.cov, threads.cov)
    assert np.allclose(small.beta, one.beta, rtol=CHUNKS)
    longer = bootstrap(data, fitted, kind, 60, seed=3)
    assert np.allclose(longer.beta[:40], one.beta[:40], rtol=CHUNKS)


def test_a_generator_moves_on():
    _, data, fitted = made()
    rng = np.random.default_rng(0)
    one, two = (bootstrap(data, fitted, "wild", 8, seed=rng).beta for _ in range(2))
    assert not np.array_equal(one, two)
    rng = np.random.default_rng(0)
    assert np.array_equal(bootstrap(data, fitted, "wild", 8, seed=rng).beta, one)


def test_progress_counts_every_replicate(monkeypatch):
    _, data, fitted = made()
    monkeypatch.setattr(refitter_module, "MEMORY", 20_000)
    seen = []
    bootstrap(data, fitted, "parametric", 45, seed=3, progress=seen.append)
    assert sum(seen) == 45
    assert len(seen) > 1


def test_strata_keep_an_arm():
    arrays, data, fitted = made("intercept", n_groups=8)
    arm = (arrays["groups"] < 2).astype(float)
    arrays, data, fitted = made(
        "intercept", n_groups=8, X=np.column_stack([arrays["X"][:, :2], arm])
    )
    strata = (np.arange(8) < 2).astype(int)
    assert bootstrap(data, fitted, "cluster", 100, seed=0).failures
    sampling = ClusterSampling.of_groups(8, strata)
    assert not bootstrap(data, fitted, "cluster", 100, seed=0, sampling=sampling).failures


@pytest.mark.parametrize("name", ["sleepstudy_slope", "pixel_nested_slope", "penicillin_crossed"])
def test_parametric_responses_have_the_fitted_covariance(name):
    case = oracle_case(name)
    draw = ParametricDraw.from_fit(case.data, fit_at(case.data, case.params))
    count = 4000
    y = draw(np.random.default_rng(1), count)[np.argsort(case.data.order)]
    v, _ = dense_pieces(case.arrays, case.params)
    rows = slice(0, 40)
    found = y[rows] @ y[rows].T / count
    d = np.diagonal(v)[rows]
    error = np.sqrt((np.outer(d, d) + v[rows, rows] ** 2) / count)
    assert np.abs((found - v[rows, rows]) / error).max() < SIGMAS + 0.5


@pytest.mark.parametrize("name", ["sleepstudy_slope", "pixel_nested_slope", "penicillin_crossed"])
def test_residual_draws_are_reflated_at_both_levels(name):
    case = oracle_case(name)
    draw = ResidualDraw.from_fit(case.data, fit_at(case.data, case.params))
    params = case.params
    covariance = draw.b.T @ draw.b / len(draw.b)  # over the working columns
    assert np.allclose(covariance, case.data.working(params).psi, rtol=EXACT, atol=EXACT)
    assert np.allclose(draw.b.mean(axis=0), 0, atol=1e-9)
    for u, tau in zip(draw.components, params.components, strict=True):
        assert u.var() == pytest.approx(tau, rel=EXACT)
        assert u.mean() == pytest.approx(0, abs=1e-9)
    assert draw.residuals.var() == pytest.approx(params.sigma2, rel=EXACT)
    assert draw.residuals.mean() == pytest.approx(0, abs=1e-9)


def test_reflating_within_a_singular_range():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(12, 1)) @ np.array([[2.0, 1.0]])
    target = np.array([[4.0, 2.0], [2.0, 1.0]]) * 0.7
    out = reflate(line, target)
    assert np.allclose(out.T @ out / 12, target, rtol=1e-9)
    assert np.allclose(reflate(np.zeros((5, 2)), np.zeros((2, 2))), 0)


@pytest.mark.parametrize("name", WILD_POINTS)
def test_wild_weights_have_mean_zero_and_variance_one(name):
    points, chances = WILD_POINTS[name]
    assert chances.sum() == pytest.approx(1)
    assert points @ chances == pytest.approx(0, abs=1e-12)
    assert points**2 @ chances == pytest.approx(1)
    if name == "mammen":
        assert points**3 @ chances == pytest.approx(1)


@pytest.mark.parametrize("weights", WILD_POINTS)
@pytest.mark.parametrize("leverage", ["cr2-whitened", "cr3"])
def test_wild_options_reach_the_draws(weights, leverage):
    _, data, fitted = made()
    done = bootstrap(data, fitted, "wild", 20, seed=0, weights=weights, leverage=leverage)
    assert done.usable.all()
    assert done.cov_kind == "cr2-whitened"


@pytest.mark.parametrize("kind", ["parametric", "residual"])
def test_standard_errors_agree_with_the_model(kind):
    """GLS is exact for given variances: their estimation adds a per cent or two."""
    case = oracle_case("sleepstudy_slope")
    fitted = fit(case.data)
    count = 1500
    done = bootstrap(case.data, fitted, kind, count, seed=5)
    ratio = done.beta.std(axis=0, ddof=1) / np.sqrt(np.diagonal(fitted.cov))
    assert np.abs(ratio - 1).max() < SIGMAS / np.sqrt(2 * count) + 0.01
    assert np.abs(
        (done.beta.mean(axis=0) - fitted.beta) / np.sqrt(np.diagonal(fitted.cov))
    ).max() < SIGMAS / np.sqrt(count)


def test_cluster_standard_errors_agree_with_the_sandwich():
    _, data, fitted = made("intercept", n_groups=120)
    done = bootstrap(data, fitted, "cluster", 1000, seed=5)
    ratio = done.beta.std(axis=0, ddof=1) / np.sqrt(np.diagonal(done.reference_cov))
    assert np.abs(ratio - 1).max() < 0.12  # Monte Carlo 7 %, second order in 1/G the rest


def test_the_jackknife_leaves_one_group_out():
    arrays, data, fitted = made("slope", n_groups=9)
    done = jackknife(data, fitted)
    assert done.cov is None
    assert done.beta.shape == (9, 3)
    for out in (0, 5):
        rows = arrays["groups"] != out
        left = {k: arrays[k][rows] for k in ("y", "X", "Z")}
        _, left["groups"] = np.unique(arrays["groups"][rows], return_inverse=True)
        found = fit(MixedData.from_arrays(**left))
        se = np.sqrt(np.diagonal(found.cov))
        assert np.abs((done.beta[out] - found.beta) / se).max() < 1e-6


def test_random_effects_are_the_dense_ones():
    arrays, params = simulated("slope_and_nested")
    data = MixedData.from_arrays(**arrays)
    found = random_effects(data, params, gls(data, params))
    v, _ = dense_pieces(arrays, params)
    beta, *_ = dense_fit(arrays, params)
    e = arrays["y"] - arrays["X"] @ beta
    weighted = np.linalg.solve(v, e)
    for code in range(data.n_groups):
        rows = arrays["groups"] == code
        b = params.psi @ arrays["Z"][rows].T @ weighted[rows]
        assert np.allclose(found.b[code], b, rtol=1e-8, atol=1e-10)
        u = params.components[0] * arrays["components"][0][code].T @ weighted[rows]
        assert np.allclose(found.components[0][found.owners[0] == code], u, rtol=1e-8, atol=1e-10)
    conditional = np.empty(data.n_rows)
    conditional[data.order] = found.conditional
    assert np.allclose(conditional, params.sigma2 * weighted, rtol=1e-8, atol=1e-10)


def nested_models(effect):
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(14), 5)
    arm = (groups % 2).astype(float)
    y = effect * arm + rng.normal(size=14)[groups] + rng.normal(size=70)
    z = np.ones((70, 1))
    null = MixedData.from_arrays(y, z, groups, z, reml=False)
    full = MixedData.from_arrays(y, np.column_stack([z, arm]), groups, z, reml=False)
    return null, full


def test_the_likelihood_ratio_and_its_null_distribution():
    null, full = nested_models(0.0)
    done = likelihood_ratio(null, full, 400, seed=1)
    assert done.statistic == pytest.approx(2 * (fit(full).loglik - fit(null).loglik), abs=1e-8)
    assert done.converged.all()
    assert done.draws.min() > -1e-8
    assert 0.6 < np.median(done.draws) / 0.4549 < 1.7  # about chi-square on 1 df
    assert 0.005 < done.p_value <= 1
    assert np.array_equal(likelihood_ratio(null, full, 400, seed=1).draws, done.draws)
    clear = likelihood_ratio(*nested_models(4.0), 199, seed=1)
    assert clear.p_value < 0.02


def test_streams_cover_every_replicate():
    assert sum(count for _, count in streams(0, 37)) == 37


@pytest.mark.parametrize("n_boot", [0, -1, 2.5, "10", True, None])
def test_bad_counts_are_named(n_boot):
    _, data, fitted = made()
    with pytest.raises(ArgumentError, match="n_boot: must be a whole number of at least 1"):
        bootstrap(data, fitted, "cluster", n_boot)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "clusters"}, "kind: got 'clusters'; allowed are.*Did you mean 'cluster'"),
        ({"kind": "wild", "weights": "webbs"}, "Did you mean 'webb'"),
        ({"kind": "wild", "leverage": "cr1"}, "leverage: got 'cr1'"),
        (
            {"kind": "wild", "sampling": ClusterSampling.of_groups(20)},
            "sampling: used by kind='cluster' only",
        ),
        ({"kind": "cluster", "cov": "robust"}, "cov: got 'robust'"),
    ],
)
def test_bad_options_are_named(changes, message):
    _, data, fitted = made()
    with pytest.raises(ArgumentError, match=message):
        bootstrap(data, fitted, n_boot=5, **changes)


@pytest.mark.parametrize("kind", ["cluster", "wild"])
def test_one_group_cannot_be_resampled(kind):
    case = oracle_case("penicillin_crossed")
    with pytest.raises(ModelError, match="the model has only one group"):
        bootstrap(case.data, fit_at(case.data, case.params), kind, 5)
    with pytest.raises(ModelError, match="the model has only one group"):
        jackknife(case.data, fit_at(case.data, case.params))


def test_likelihoods_of_different_x_need_ml():
    null, _ = nested_models(0.0)
    arrays, data, _ = made()
    with pytest.raises(ArgumentError, match="under ML alone"):
        likelihood_ratio(data, data, 5)
    other = MixedData.from_arrays(**{k: arrays[k] for k in ("y", "X", "groups", "Z")}, reml=False)
    with pytest.raises(ArgumentError, match="the same rows and groups"):
        likelihood_ratio(null, other, 5)


def test_a_singular_fit_bootstraps():
    data = oracle_case("dyestuff2_singular").data
    fitted = fit(data)
    for kind in KINDS:
        done = bootstrap(data, fitted, kind, 60, seed=2)
        assert done.usable.all()
        assert (done.psi[done.singular] == 0).all()
    assert bootstrap(data, fitted, "parametric", 60, seed=2).singular.mean() > 0.3


def test_the_start_does_not_matter():
    """Replicates start from the fit they are given; a poor one gives the same answers."""
    _, data, fitted = made()
    poor = fit_at(data, CovarianceParameters(np.diag([9.0, 9.0]), [], 0.3))
    weights = np.random.default_rng(0).integers(0, 3, (30, data.n_groups))
    one, other = refit_weights(data, fitted, weights), refit_weights(data, poor, weights)
    se = np.sqrt(np.diagonal(one.cov, axis1=1, axis2=2))
    assert np.abs((one.beta - other.beta) / se).max() < 1e-6
