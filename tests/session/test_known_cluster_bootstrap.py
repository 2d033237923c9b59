"""Bootstraps of prediction errors: what they draw, what they agree with, what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import Bootstrap, Margins, NumericalError, UnsupportedError, pairwise, reference
from support.small_models import quietly

KNOWN = {"random_effects": "predicted"}


def _data(seed, clusters, rows, spread=1.0):
    rng = np.random.default_rng(seed)
    town = np.repeat(np.arange(clusters), rows)
    x = rng.uniform(0, 2, len(town))
    own = rng.normal(size=clusters) * spread
    y = 10 + x + own[town] + rng.normal(size=len(town))
    return pd.DataFrame({"town": town, "x": x, "y": y}), own


def _fit(frame, **options):
    with quietly():
        return smf.mixedlm("y ~ x", frame, groups="town", **options).fit()


@pytest.fixture(scope="module")
def fit():
    return _fit(_data(1, 12, 6)[0])


def _session(fit, n_boot=200, rng=1, scale="identity", **options):
    method = Bootstrap(n_boot=n_boot, rng=rng, **options)
    return Margins(fit, method=method, scale=scale, **KNOWN)


def test_standard_errors_are_hendersons_in_a_large_design():
    clusters, draws = 250, 400
    fit = _fit(_data(2, clusters, 20)[0])
    exact = Margins(fit, vcov="gls", **KNOWN).predict(over="town").std_error
    drawn = _session(fit, draws).predict(over="town").std_error
    ratio = (drawn / exact) ** 2
    # variances of normal draws, from cluster to cluster all but independent
    assert abs(ratio.mean() - 1.0) < 4.0 * np.sqrt(2.0 / (draws * clusters)) + 1.0 / clusters
    assert np.abs(ratio - 1.0).max() < 5.0 * np.sqrt(2.0 / draws)


@pytest.mark.parametrize("interval", ["studentized", "percentile"])
def test_known_clusters_are_covered(interval):
    hit, asked, clusters = 0, 0, 10
    for seed in range(24):
        frame, own = _data(seed, clusters, 8)
        with quietly():
            m = _session(_fit(frame), 120, interval=interval)
            found = m.predict({"town": list(range(clusters)), "x": 1.0}).conf_int()
        low, high = found["ci_lower"].to_numpy(), found["ci_upper"].to_numpy()
        hit += int(((low <= 11 + own) & (own + 11 <= high)).sum())
        asked += clusters
    # clusters of one data set are not independent: their number counts for a third
    error = np.sqrt(0.95 * 0.05 / (asked / 3))
    assert 0.95 - 4 * error < hit / asked < 0.95 + 3 * error


def test_figures_depend_on_the_seed_alone(fit):
    one, two = _session(fit).predict(over="town"), _session(fit, n_jobs=2).predict(over="town")
    np.testing.assert_array_equal(one.draws, two.draws)
    generator = np.random.default_rng(3)
    first = _session(fit, rng=generator).predict(over="town")
    second = _session(fit, rng=generator).predict(over="town")
    assert (first.draws != second.draws).all()
    shares = np.abs(first.std_error / one.std_error - 1.0)
    assert shares.max() < 6.0 * np.sqrt(1.0 / 200)


def test_the_population_is_as_without_clusters(fit):
    known = _session(fit).contrasts(pairwise("x", [1, 0]))
    plain = Margins(fit, method=Bootstrap(n_boot=200, rng=1, kind="parametric"))
    wanted = plain.contrasts(pairwise("x", [1, 0]))
    np.testing.assert_allclose(known.draws, wanted.draws, rtol=1e-10)
    np.testing.assert_allclose(known.conf_int(), wanted.conf_int(), rtol=1e-8)


@pytest.mark.parametrize("interval", ["percentile", "basic", "normal"])
def test_other_intervals_are_made_of_the_same_draws(fit, interval):
    found = _session(fit, interval=interval).predict({"town": [0, 1]})
    ordered, outside = np.sort(found.draws, axis=0), int(0.025 * (len(found.draws) + 1))
    low, high = ordered[outside - 1], ordered[-outside]
    if interval == "basic":
        low, high = 2 * found.estimate - high, 2 * found.estimate - low
    if interval == "normal":
        half = 1.959964 * found.std_error
        low, high = found.estimate - half, found.estimate + half
    np.testing.assert_allclose(found.conf_int().to_numpy().T, [low, high], rtol=1e-6)


def test_every_verb_has_draws(fit):
    m = _session(fit)
    two = [{"atexog": {"town": k}, "label": str(k)} for k in (0, 1)]
    for found in (
        m.predict(),
        m.predict({"town": [0, 1], "x": [0.0, 1.0]}),
        m.predict(over="town"),
        m.dydx("x"),
        m.dydx("town"),
        m.contrasts(pairwise("town", [0, 1])),
        m.contrasts(reference("town")),
        m.evaluate(two, lambda y: y[0] / y[1]),
        m.random_effects(),
    ):
        low, high = found.conf_int().to_numpy().T
        assert (low < found.estimate).all()
        assert (found.estimate < high).all()
        assert found.draws.shape == (200, len(found))
    difference = m.predict({"town": [0, 1]})
    minus = difference[0] - difference[1]
    np.testing.assert_allclose(minus.draws, m.contrasts(pairwise("town", [0, 1])).draws, atol=1e-10)
    together = m.predict(over="town").conf_int(simultaneous=True)
    assert (together["ci_lower"] < m.predict(over="town").conf_int()["ci_lower"]).all()
    assert m.predict(over="town").joint_test()["df1"] == 12


def test_other_scales_are_studentized_on_themselves(fit):
    plain, logged = _session(fit), _session(fit, scale="log")
    a, b = plain.predict(over="town").conf_int(), logged.predict(over="town").conf_int()
    np.testing.assert_allclose(a, b, rtol=0.01)
    ratio = logged.contrasts(pairwise("town", [0, 1]))
    assert ratio.labels == ("town: 0 / 1",)


def test_the_kinds_whose_effects_are_known(fit):
    residual = _session(fit, kind="residual").predict(over="town")
    parametric = _session(fit).predict(over="town")
    np.testing.assert_allclose(residual.std_error, parametric.std_error, rtol=0.35)
    for kind in ("cluster", "wild"):
        with pytest.raises(UnsupportedError, match=f"{kind!r} .*Use kind=.parametric."):
            _session(fit, kind=kind)
    with pytest.raises(UnsupportedError, match=r"engine: .refit. keeps no random effects"):
        _session(fit, engine="refit")
    asked = pd.DataFrame({"town": [99], "x": [1.0]})
    with pytest.raises(UnsupportedError, match="no draws"):
        _session(fit).predict(asked)


def test_where_too_many_replicates_have_no_variance():
    frame, _ = _data(4, 6, 4, spread=0.3)
    m = _session(_fit(frame))
    with pytest.raises(NumericalError, match="variance between clusters as zero"):
        m.contrasts(pairwise("town", [0, 1])).conf_int()
    percentile = _session(_fit(frame), interval="percentile")
    low, high = percentile.contrasts(pairwise("town", [0, 1])).conf_int().to_numpy()[0]
    assert low < high


def test_where_the_fit_itself_has_no_variance():
    frame, _ = _data(4, 6, 4)
    frame["y"] -= frame.groupby("town")["y"].transform("mean")
    with quietly():
        m = Margins(
            smf.mixedlm("y ~ x", frame, groups="town").fit(method="powell"),
            method=Bootstrap(n_boot=60, rng=1),
            polish=True,
            **KNOWN,
        )
    with pytest.raises(NumericalError, match="no limits for 'town: 0 - 1': the fit"):
        m.contrasts(pairwise("town", [0, 1])).conf_int()


def test_tables_say_what_was_drawn(fit):
    found = _session(fit).predict(over="town")
    text = " ".join(str(found).split())
    assert "Parametric bootstrap of prediction errors, 200 replicates, studentized" in text
    assert "10.1214/07-AOS512" in str(_session(fit))
    copied = pickle.loads(pickle.dumps(found))
    np.testing.assert_allclose(copied.conf_int(), found.conf_int())
