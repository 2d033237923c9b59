"""Bootstrapped prediction errors against what one fit at a time gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mixed.prediction_cases import NAMES, design
from pymargins.mixed import CovarianceParameters, MixedData, fit, fit_at, gls, random_effects
from pymargins.mixed.prediction.columns import EffectColumns, joined
from pymargins.mixed.prediction.prediction import predict_clusters
from pymargins.mixed.prediction.replicate_errors import ReplicateErrors
from pymargins.mixed.prediction.replicates import bootstrap_predictions
from pymargins.mixed.prediction.shrinkage import Shrinkage
from pymargins.mixed.refits.response_draws import ParametricDraw, ResidualDraw, streams
from pymargins.mixed.small_samples.derivatives import variance_derivatives

DRAWS = {"parametric": ParametricDraw, "residual": ResidualDraw}


@pytest.fixture(params=NAMES)
def case(request):
    """A design of every structure, a fit of it, and how to fit other responses."""
    rng = np.random.default_rng(NAMES.index(request.param))
    arrays, params = design(request.param, rng)
    data = MixedData.from_arrays(**arrays)
    singular = "no " in request.param or "zero" in request.param or "singular" in request.param
    return arrays, data, fit_at(data, params) if singular else fit(data), rng


def _params(refits, b):
    return CovarianceParameters(refits.psi[b], refits.components[b], refits.sigma2[b])


@pytest.mark.parametrize("kind", list(DRAWS))
def test_errors_are_predictions_less_what_was_drawn(case, kind):
    arrays, data, best, _ = case
    found = bootstrap_predictions(data, best, kind, 11, 5)
    draw = DRAWS[kind].from_fit(data, best)
    b = 0
    for rng, count in streams(5, 11):
        drawn = draw.effects(rng, count)
        responses = np.empty((data.n_rows, count))
        responses[data.order] = drawn.responses(data)
        own = np.einsum("jk,gkb->gjb", data.z_basis, drawn.b).reshape(-1, count)
        truth = np.concatenate([own.reshape(data.n_groups * data.q, count), *drawn.components])
        for i in range(count):
            y = arrays["X"] @ best.beta + responses[:, i]
            again = MixedData.from_arrays(**{**arrays, "y": y})
            at = _params(found.refits, b)
            predicted = joined(random_effects(again, at, gls(again, at)))
            np.testing.assert_allclose(found.errors[b], predicted - truth[:, i], atol=1e-8)
            b += 1


def test_variances_are_those_of_each_replicate(case):
    _, data, best, rng = case
    found = bootstrap_predictions(data, best, "parametric", 9, 6)
    size = data.n_fixed + EffectColumns.of(data).size
    rows = rng.normal(size=(5, size)) * (rng.random((5, size)) < 0.4)
    keep = np.arange(9) != 4
    shrinkage = Shrinkage.of_refits(data, found.refits, keep)
    errors = ReplicateErrors(data, shrinkage, found.refits.cov[keep])
    shared = errors.variances(sparse.csr_array(rows))
    factors = rng.normal(size=(8, 5, 1))
    varied = errors.variances(factors * rows)
    np.testing.assert_allclose(varied, factors[..., 0] ** 2 * shared, rtol=1e-9)
    np.testing.assert_array_equal(
        errors.variances(sparse.csr_array(rows), slice(2, 4)), shared[2:4]
    )
    for place, b in enumerate(np.flatnonzero(keep)):
        params = _params(found.refits, b)
        one = predict_clusters(data, params, variance_derivatives(data, params), "satterthwaite")
        wanted = one.variance(sparse.csr_array(rows))
        np.testing.assert_allclose(shared[place], wanted, rtol=1e-7, atol=1e-10)


def test_the_fit_has_the_same_variances(case):
    _, data, best, rng = case
    rows = sparse.csr_array(rng.normal(size=(4, data.n_fixed + EffectColumns.of(data).size)))
    errors = ReplicateErrors(data, Shrinkage.of_params(data, best.params), best.cov[None])
    pieces = variance_derivatives(data, best.params)
    wanted = predict_clusters(data, best.params, pieces, "satterthwaite").variance(rows)
    np.testing.assert_allclose(errors.variances(rows)[0], wanted, rtol=1e-9)


def test_replicates_that_are_not_usable_have_no_errors(monkeypatch):
    arrays, _ = design("intercept", np.random.default_rng(1))
    data = MixedData.from_arrays(**arrays)
    best = fit(data)
    from pymargins.mixed.prediction import replicates

    every = replicates.bootstrap

    def some(*args, **options):
        found = every(*args, **options)
        converged = found.converged.copy()
        converged[[0, 9]] = False
        return replace(found, converged=converged)

    whole = bootstrap_predictions(data, best, "parametric", 12, 3)
    monkeypatch.setattr(replicates, "bootstrap", some)
    found = bootstrap_predictions(data, best, "parametric", 12, 3)
    assert np.isnan(found.errors[[0, 9]]).all()
    others = np.setdiff1d(np.arange(12), [0, 9])
    np.testing.assert_array_equal(found.errors[others], whole.errors[others])
