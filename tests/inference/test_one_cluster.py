"""Directions that one cluster determines: no cluster-robust or wild figure shows their variance."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pymargins import Bootstrap, FitWarning, Margins, NumericalError, Simulation, pairwise
from support.small_models import fit, quietly

ROBUST = ("CR0", "CR1", "CR2", "CR3")


def trial(treated: int, seed: int = 5, clusters: int = 12, size: int = 10) -> pd.DataFrame:
    """Return clusters of which some are treated, without any effect."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(clusters), size)
    frame = pd.DataFrame({"village": village, "x": rng.normal(size=len(village))})
    frame["treated"] = (village < treated).astype(int)
    frame["post"] = np.arange(len(village)) % 2
    frame["y"] = rng.normal(0, 1, clusters)[village] + rng.normal(0, 1, len(village))
    return frame


@pytest.fixture(scope="module")
def one():
    return fit("y ~ treated + x", trial(1), groups="village")


def open_quietly(model, **options):
    with quietly():
        return Margins(model, **options)


def asked(m):
    """Return the result, and the warnings of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = m.contrasts(pairwise("treated", [1, 0]))
    return found, [w for w in caught if issubclass(w.category, FitWarning)]


@pytest.mark.parametrize("kind", ROBUST)
def test_one_treated_cluster_is_warned_of_by_every_kind(one, kind):
    found, told = asked(open_quietly(one, vcov=kind))
    assert len(told) == 1
    for part in ("'treated: 1 - 0'", "one cluster determines", "too small by a factor", "kenward"):
        assert part in str(told[0].message)
    text = " ".join(str(found).split())
    assert "NOT TO BE TRUSTED: 'treated: 1 - 0'" in text
    assert told[0].filename == __file__


def test_the_share_that_clusters_show_is_that_of_the_working_model(one):
    m = open_quietly(one, vcov="CR2")
    rows = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    share = m._inference.seen.share(rows)
    assert share[0] < 0.15  # the eleven others show their part
    assert share[1] == pytest.approx(1.0, abs=1e-8)


def test_other_rows_of_the_same_session_are_quiet(one):
    m = open_quietly(one, vcov="CR2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "TRUSTED" not in str(m.dydx("x"))


@pytest.mark.parametrize("treated", [2, 6])
@pytest.mark.parametrize("kind", ["CR1", "CR2", "CR3"])
def test_with_more_treated_clusters_all_is_quiet(treated, kind):
    found, told = asked(
        open_quietly(fit("y ~ treated + x", trial(treated), groups="village"), vcov=kind)
    )
    assert told == []
    assert "TRUSTED" not in str(found)


def test_sums_and_differences_are_told_of_too(one):
    m = open_quietly(one, vcov="CR2")
    with quietly():
        gap = m.contrasts(pairwise("treated", [1, 0]))
    with pytest.warns(FitWarning, match="one cluster determines"):
        sum_of_both = gap + m.dydx("x")
    assert str(sum_of_both).count("NOT TO BE TRUSTED") == 1


def test_the_mean_of_one_cluster_is_refused(one):
    with pytest.raises(NumericalError, match="'treated=1': a single cluster determines it"):
        open_quietly(one, vcov="CR2").predict({"treated": [0, 1]})


def test_the_wild_bootstrap_shows_no_more(one):
    option = Bootstrap(99, kind="wild", rng=1)
    _, told = asked(open_quietly(one, method=option))
    assert len(told) == 1
    half = fit("y ~ treated + x", trial(6), groups="village")
    assert asked(open_quietly(half, method=option))[1] == []


def test_draws_of_a_robust_covariance_show_no_more(one):
    option = Simulation(200, rng=1)
    assert len(asked(open_quietly(one, vcov="CR2", method=option))[1]) == 1


def test_a_bootstrap_of_clusters_shows_no_more():
    """One village with a dose of its own: every replicate has some, and hardly any varies."""
    frame = trial(1)
    frame["dose"] = np.where(frame["treated"] == 1, 50.0, frame["village"] % 3)
    model = fit("y ~ dose + x", frame, groups="village")
    m = open_quietly(model, method=Bootstrap(49, rng=1, interval="percentile"))
    with pytest.warns(FitWarning, match="'dose': hardly more than one cluster determines it"):
        m.dydx("dose")
    half = fit("y ~ treated + x", trial(6), groups="village")
    m = open_quietly(half, method=Bootstrap(49, rng=1, interval="percentile"))
    assert asked(m)[1] == []


def test_a_bootstrap_without_one_treated_cluster_fails_with_words(one):
    with pytest.raises(NumericalError, match=r'not identified.*kind="parametric"'):
        open_quietly(one, method=Bootstrap(49, rng=1))


def test_tests_of_terms_say_it_too(one):
    m = open_quietly(one, vcov="CR2")
    with pytest.warns(FitWarning, match="'treated': hardly more than one cluster"):
        tests = m.joint_tests().set_index("term")
    assert tests.loc["treated", "note"].startswith("NOT TO BE TRUSTED")
    assert tests.loc["x", "note"] == ""


def test_a_cluster_that_is_a_fixed_effect_too_is_refused():
    frame = trial(1)
    frame["first"] = (frame["village"] == 0).astype(int)
    model = fit("y ~ first * post + x", frame[frame["village"] < 8], groups="village")
    alone = fit("y ~ C(village) + x", trial(2, clusters=4), groups="village")
    with pytest.raises(NumericalError) as caught:
        open_quietly(alone, vcov="CR2").contrasts(pairwise("village", [0, 1]))
    for part in ("village: 0 - 1", "a single cluster determines", "kenward-roger"):
        assert part in str(caught.value)
    with pytest.warns(FitWarning, match="one cluster determines"):
        open_quietly(model, vcov="CR2").dydx("first")


def test_shocks_by_cluster_and_period_are_told_of_in_the_same_words():
    frame = trial(1)
    parts = {"shock": "0 + C(post)"}
    model = fit("y ~ treated * post", frame, groups="village", vc_formula=parts, re_formula="1")
    for kind in ROBUST:
        m = open_quietly(model, vcov=kind)
        with pytest.warns(FitWarning, match="one cluster determines"):
            m.dydx("treated", atexog={"post": [0, 1]})


def test_very_few_clusters_have_a_note():
    model = fit("y ~ x", trial(1, clusters=3, size=30), groups="village")
    text = " ".join(str(open_quietly(model, vcov="CR2").dydx("x")).split())
    assert "Only 3 clusters: CR2 standard errors themselves vary a great deal" in text
    twelve = fit("y ~ x", trial(1), groups="village")
    assert "themselves vary" not in str(open_quietly(twelve, vcov="CR2").dydx("x"))


def test_kenward_roger_needs_no_warning(one):
    assert asked(open_quietly(one, vcov="kenward-roger"))[1] == []
