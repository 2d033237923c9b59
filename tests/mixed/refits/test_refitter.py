"""Every replicate equals a refit of its own data, made and fitted on its own."""

import numpy as np
import pytest

from mixed.cases import oracle_case, simulated
from pymargins.errors import ArgumentError
from pymargins.mixed import MixedData, bootstrap, fit, refit_responses, refit_weights
from pymargins.mixed.refits.refitter import Refitter
from pymargins.mixed.refits.response_draws import ParametricDraw, ResidualDraw, WildDraw, streams

SE_SCALED = 1e-6  # coefficients, in standard errors of the refit
COVARIANCE = 1e-5  # relative; moves with the square root of what the deviance can resolve
DEVIANCE = 1e-8  # relative
N_EACH = 200

# Small enough for 200 separate refits: unbalanced intercepts, correlated slopes of one and of many
# classes of groups, nested and crossed components, fixed effects of several kinds.
MODELS = {
    "intercept": 80,
    "slope": 60,
    "nested": 30,
    "slope_and_nested": 20,
    "sleepstudy_slope": 10,
}
CROSSED = {"penicillin_crossed": 20, "crossed": 30}


def arrays_of(name):
    if name in ("intercept", "slope", "nested", "slope_and_nested", "crossed"):
        return simulated(name, seed=4, n_groups=16)[0]
    return oracle_case(name).arrays


def drawn_twice_is_two_groups(arrays, weights):
    """Write out the data of a cluster replicate."""
    rows, codes, parts = [], [], [[] for _ in arrays["components"]]
    code = 0
    for group, times in enumerate(weights):
        own = np.flatnonzero(arrays["groups"] == group)
        for _ in range(int(times)):
            rows.append(own)
            codes.append(np.full(len(own), code))
            for part, given in zip(parts, arrays["components"], strict=True):
                part.append(given[group])
            code += 1
    index = np.concatenate(rows)
    return {
        "y": arrays["y"][index],
        "X": arrays["X"][index],
        "groups": np.concatenate(codes),
        "Z": arrays["Z"][index] if arrays["Z"] is not None else None,
        "components": tuple(parts),
        "reml": arrays.get("reml", True),
    }


def separate(arrays, cov):
    """Fit one replicate's data from scratch."""
    data = MixedData.from_arrays(**arrays)
    found = fit(data)
    return found, Refitter.from_fit(data, found, cov).reference(found)


def assert_same(replicates, b, found, cov):
    se = np.sqrt(np.diagonal(found.cov))
    assert replicates.converged[b]
    assert replicates.deviance[b] == pytest.approx(found.deviance, rel=DEVIANCE)
    assert np.abs((replicates.beta[b] - found.beta) / se).max() < SE_SCALED
    robust = np.sqrt(np.diagonal(cov))
    scale = np.outer(robust, robust)
    assert np.abs((replicates.cov[b] - cov) / scale).max() < COVARIANCE
    params = found.params
    assert replicates.sigma2[b] == pytest.approx(params.sigma2, rel=COVARIANCE)
    size = params.sigma2 + np.abs(params.psi).max(initial=0)
    assert np.allclose(replicates.psi[b], params.psi, rtol=COVARIANCE, atol=COVARIANCE * size)
    assert np.allclose(
        replicates.components[b], params.components, rtol=COVARIANCE, atol=COVARIANCE * size
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), MODELS.items())
def test_cluster_replicates(name, count):
    arrays = arrays_of(name)
    data = MixedData.from_arrays(**arrays)
    done = bootstrap(data, fit(data), "cluster", count, seed=11)
    assert done.cov_kind == "cr0"
    assert done.full_rank.all()
    share = data.n_groups / (data.n_groups - 1)  # of variance, lost by drawing from a sample
    for b in range(count):
        found, cov = separate(drawn_twice_is_two_groups(arrays, done.weights[b]), "cr0")
        assert_same(done, b, found, share * cov)


def draws_of(kind, data, fitted):
    """Rebuild the responses (n, B) of a bootstrap, rows sorted."""
    draw = {
        "parametric": ParametricDraw.from_fit,
        "residual": ResidualDraw.from_fit,
        "wild": WildDraw.from_fit,
    }[kind](data, fitted)

    def responses(seed, count):
        drawn = np.concatenate([draw(rng, n) for rng, n in streams(seed, count)], axis=1)
        if kind == "wild":
            return draw.residuals[:, None] * drawn[data.sorted_groups]
        return drawn

    return responses


RESPONSES = [
    (name, count, kind)
    for name, count in (MODELS | CROSSED).items()
    for kind in ("parametric", "residual", "wild")
    if not (name in CROSSED and kind == "wild")  # one group: nothing to weight
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count", "kind"), RESPONSES)
def test_response_replicates(name, count, kind):
    arrays = arrays_of(name)
    data = MixedData.from_arrays(**arrays)
    fitted = fit(data)
    done = bootstrap(data, fitted, kind, count, seed=12)
    responses = draws_of(kind, data, fitted)(12, count)
    for b in range(count):
        own = dict(arrays)
        own["y"] = arrays["X"] @ fitted.beta
        own["y"][data.order] += responses[:, b]
        assert_same(done, b, *separate(own, done.cov_kind))


def test_the_counts_reach_the_promised_number():
    assert sum(MODELS.values()) >= N_EACH


@pytest.mark.parametrize("name", ["slope", "nested"])
def test_given_weights_and_responses(name):
    arrays = arrays_of(name)
    data = MixedData.from_arrays(**arrays)
    fitted = fit(data)
    same = refit_weights(data, fitted, np.ones((2, data.n_groups)), cov="model")
    assert_same(same, 1, fitted, fitted.cov)
    again = refit_responses(data, fitted, np.stack([arrays["y"], 5 + 2 * arrays["y"]]))
    assert_same(again, 0, fitted, fitted.cov)
    assert np.allclose(again.beta[1] - [5, 0, 0], 2 * fitted.beta, rtol=1e-6)
    assert np.allclose(again.cov[1], 4 * fitted.cov, rtol=1e-5)
    assert np.allclose(again.reference_cov, fitted.cov)


def test_a_replicate_without_an_arm_is_set_aside():
    arrays, _ = simulated("intercept", n_groups=8)
    arm = (arrays["groups"] < 2).astype(float)
    arrays["X"] = np.column_stack([arrays["X"][:, :2], arm])
    data = MixedData.from_arrays(**arrays)
    weights = np.ones((3, 8))
    weights[1, :2] = 0
    done = refit_weights(data, fit(data), weights)
    assert done.full_rank.tolist() == [True, False, True]
    assert done.usable.tolist() == [True, False, True]
    assert np.isnan(done.beta[1]).all()
    assert np.isnan(done.cov[1]).all()
    assert np.isnan(done.psi[1]).all()
    assert done.failures == {"some coefficients are not identified": 1}
    assert np.allclose(done.beta[0], done.beta[2])


def test_a_replicate_without_residuals_is_set_aside():
    arrays = arrays_of("slope")
    data = MixedData.from_arrays(**arrays)
    exact = arrays["X"] @ np.array([1.0, 2.0, 3.0])
    done = refit_responses(data, fit(data), np.stack([arrays["y"], exact, 0 * exact]))
    assert done.usable.tolist() == [True, False, False]
    assert done.failures == {"the optimiser did not converge": 2}


def test_dependent_columns_stay_at_zero():
    arrays, _ = simulated("intercept")
    arrays["X"] = np.column_stack([arrays["X"], arrays["X"][:, 0] - arrays["X"][:, 1]])
    data = MixedData.from_arrays(**arrays)
    done = bootstrap(data, fit(data), "parametric", 5, seed=0)
    assert (done.beta[:, 3] == 0).all()
    assert (done.cov[:, 3] == 0).all()
    assert done.usable.all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d, f: refit_weights(d, f, np.ones((2, 3))), r"weights: must have shape \(B, 16\)"),
        (lambda d, f: refit_weights(d, f, -np.ones((2, 16))), "at least 0"),
        (lambda d, f: refit_responses(d, f, np.ones((2, 3))), "responses: must have shape"),
        (lambda d, f: refit_responses(d, f, np.full((1, d.n_rows), np.nan)), "must be finite"),
        (lambda d, f: refit_weights(d, f, np.ones((2, 16)), cov="cr9"), "cov: got 'cr9'"),
    ],
)
def test_bad_replicates_are_named(call, message):
    arrays = arrays_of("intercept")
    data = MixedData.from_arrays(**arrays)
    with pytest.raises(ArgumentError, match=message):
        call(data, fit(data))
