"""Covariances of a MixedLM over coefficients and variance parameters."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.errors import UnsupportedError
from pymargins.models.uncertainty import Request
from pymargins.options import Bootstrap
from pymargins.report.words import covariance_words

BOTH = ("beta", "gamma")


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(4)
    person = np.repeat(np.arange(24), rng.integers(3, 9, 24))
    age = rng.uniform(0, 2, len(person))
    effects = rng.normal(0, 1, (24, 2)) * [1.5, 0.8]
    y = 1 + age + effects[person, 0] + effects[person, 1] * age + rng.normal(0, 1, len(person))
    return pd.DataFrame({"y": y, "age": age, "person": person})


def adapter(people, reml=True):
    fit = smf.mixedlm("y ~ age", people, groups="person", re_formula="~age").fit(reml=reml)
    return StatsmodelsMixedLMAdapter(fit)


def covariance(adapted, kind, blocks=BOTH, **more):
    return adapted.fitted.covariances[kind].make(Request(blocks, **more))


@pytest.mark.parametrize(
    ("kind", "information"), [("model", "observed"), ("gls", "observed"), ("kenward-roger", None)]
)
def test_reml_variances_are_apart_from_coefficients(people, kind, information):
    adapted = adapter(people)
    alone = covariance(adapted, kind, ("beta",)).matrix
    found = covariance(adapted, kind)
    assert np.array_equal(found.matrix[:2, :2], alone)
    assert not found.matrix[:2, 2:].any()
    assert found.facts.variances == (information or "expected")
    assert np.array_equal(
        covariance(adapted, kind, ("gamma", "beta")).matrix[:4, :4], found.matrix[2:, 2:]
    )


def test_kenward_roger_takes_the_information_it_was_asked_for(people):
    adapted = adapter(people)
    found = covariance(adapted, "kenward-roger", information="observed")
    assert found.facts.variances == "observed"
    assert np.array_equal(found.matrix[2:, 2:], covariance(adapted, "gls").matrix[2:, 2:])
    assert covariance_words(found.facts) == (
        "Kenward-Roger, observed information, of the variance parameters: inverse observed "
        "information"
    )


def test_the_covariance_of_an_ml_fit_is_its_whole_information(people):
    adapted = adapter(people, reml=False)
    found = covariance(adapted, "model").matrix
    assert np.abs(found[:2, 2:]).max() > 0
    reported = covariance(adapted, "model", ("beta",)).matrix
    assert np.allclose(found[:2, :2], reported, rtol=1e-4)
    assert not covariance(adapted, "gls").matrix[:2, 2:].any()


def test_cluster_robust_covariances_do_not_know_variances(people):
    with pytest.raises(UnsupportedError, match="'CR2' is a covariance of the coefficients alone"):
        covariance(adapter(people), "CR2")


def test_replicates_have_variances_but_no_standard_errors_of_them(people):
    adapted = adapter(people)
    found = adapted.fitted.refits.bootstrap(Bootstrap(8, rng=1))
    assert list(found.point.blocks) == list(BOTH)
    assert found.point.block("gamma").shape == (8, 4)
    assert len(found.center) == 6
    assert found.covers == ("beta",)
    assert found.cov is not None
    assert found.cov.shape[1:] == (2, 2)
