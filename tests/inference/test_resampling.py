"""Bootstrap and simulation sessions: options, intervals, populations, failures."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    FitWarning,
    KenwardRoger,
    Margins,
    NumericalError,
    PymarginsError,
    Simulation,
    UnknownNameError,
    UnsupportedError,
    pairwise,
)
from pymargins.adapters.drawn_clusters import group_strata

#: A bootstrap standard error of B replicates has a relative error of 1 / sqrt(2 B); four of them.
MONTE_CARLO = 4.0 / np.sqrt(2.0)
SAME_FIT = 1e-4
#: Distances from the estimate, in standard errors, about the ends of intervals.
NULLS = np.linspace(-3.0, 3.0, 61)
EXACT = 1e-10
KINDS = ("cluster", "parametric", "residual", "wild")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    groups, size = 24, 6
    frame = pd.DataFrame({"g": np.repeat(np.arange(groups), size)})
    frame["arm"] = (frame.g % 2).astype(float)
    frame["x"] = rng.normal(size=len(frame))
    frame["site"] = np.array(list("abc"))[frame.g % 3]
    frame["big"] = frame.g // 2
    noise = rng.normal(size=groups)[frame.g] + rng.normal(size=len(frame))
    frame["y"] = 10 + frame.arm + 0.5 * frame.x + noise
    return frame


@pytest.fixture(scope="module")
def fit(frame: pd.DataFrame):
    return smf.mixedlm("y ~ arm + x", groups="g", data=frame).fit(method="bfgs", gtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_standard_error_is_that_of_the_draws_and_near_the_model_s(kind: str, fit):
    count = 800
    result = Margins(fit, method=Bootstrap(count, kind=kind, rng=3, population="fixed")).dydx("x")
    assert result.draws is not None
    assert result.draws.shape == (count, 1)
    assert result.std_error == pytest.approx(result.draws.std(axis=0, ddof=1), rel=EXACT)
    model = Margins(fit, vcov="gls").dydx("x").std_error
    # cluster, wild and residual estimate another thing than the model does: the sampled groups'
    # own scatter, which itself varies by some 1 / sqrt(2 G)
    slack = MONTE_CARLO / np.sqrt(count) if kind == "parametric" else 0.4
    assert result.std_error == pytest.approx(model, rel=slack)


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_gives_the_same_numbers(kind: str, fit):
    one, two, other = (
        Margins(fit, method=Bootstrap(64, kind=kind, rng=seed, n_jobs=jobs)).dydx("x").draws
        for seed, jobs in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_session_has_one_set_of_draws(fit):
    m = Margins(fit, method="bootstrap", n_boot=50, rng=1)
    a, b = m.predict({"arm": 1}), m.predict({"arm": 0})
    difference = m.contrasts(pairwise("arm", [1, 0]))
    np.testing.assert_allclose((a - b).draws, difference.draws, rtol=EXACT)
    np.testing.assert_allclose(m.dydx("x").draws, m.dydx("x").draws, rtol=0)


def test_refits_of_statsmodels_agree_with_the_engine(fit):
    """The same groups are drawn, a group drawn twice is two groups, and REML is kept."""
    options = {"n_boot": 30, "rng": 5, "max_failures": 1.0, "interval": "percentile"}
    engine = Margins(fit, method=Bootstrap(**options))
    refits = Margins(fit, method=Bootstrap(engine="refit", **options))
    a, b = engine.dydx(["arm", "x"]), refits.dydx(["arm", "x"])
    assert refits.summary() is not None
    if len(a.draws) == len(b.draws):
        np.testing.assert_allclose(a.draws, b.draws, atol=SAME_FIT * a.std_error.max())
    np.testing.assert_allclose(a.std_error, b.std_error, rtol=0.1)


def test_maximum_likelihood_and_random_slopes_are_kept(frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ml = smf.mixedlm("y ~ arm + x", groups="g", re_formula="~x", data=frame).fit(
            reml=False, method="bfgs"
        )
    m = Margins(ml, method=Bootstrap(40, kind="parametric", rng=1), polish=True)
    assert m.dydx("x").std_error > 0
    model = m._fitted.refits
    assert not model.data.reml
    assert model.data.q == 2


def test_strata_are_the_arms_that_are_constant_within_groups(fit, frame: pd.DataFrame):
    strata, names = group_strata(Margins(fit)._fitted, Margins(fit)._fitted.groups)
    assert names == ["arm"]
    assert strata is not None
    np.testing.assert_array_equal(np.bincount(strata), [12, 12])
    drawn = Margins(fit, method="bootstrap", n_boot=30, rng=1)._inference.replicates.point
    weights = drawn.weights
    np.testing.assert_array_equal(weights[:, strata == 0].sum(axis=1), 12)


def test_population_is_resampled_with_the_groups_or_held(fit, frame: pd.DataFrame):
    resampled = Margins(fit, method=Bootstrap(60, rng=1))
    held = Margins(fit, method=Bootstrap(60, rng=1, population="fixed"))
    assert resampled.facts.method.resampled
    assert not held.facts.method.resampled
    # by hand: the average over the drawn rows at the drawn coefficients
    draws = resampled._inference.replicates.point
    x = fit.model.exog
    row_weights = draws.weights[:, frame.g]
    by_hand = np.einsum("bn,np,bp->b", row_weights, x, draws.block("beta")) / row_weights.sum(
        axis=1
    )
    np.testing.assert_allclose(resampled.predict().draws[:, 0], by_hand, rtol=EXACT)
    np.testing.assert_allclose(
        held.predict().draws[:, 0], draws.block("beta") @ x.mean(axis=0), rtol=EXACT
    )
    # a slope of a linear term does not depend on the population
    np.testing.assert_allclose(resampled.dydx("x").draws, held.dydx("x").draws, rtol=EXACT)


def test_subgroups_are_averaged_over_their_resampled_rows(fit, frame: pd.DataFrame):
    m = Margins(fit, method=Bootstrap(40, rng=1))
    draws = m._inference.replicates.point
    found = m.predict(over="site").draws
    for j, site in enumerate("abc"):
        rows = (frame.site == site).to_numpy()
        w = draws.weights[:, frame.g[rows]]
        by_hand = np.einsum("bn,np,bp->b", w, fit.model.exog[rows], draws.block("beta")) / w.sum(
            axis=1
        )
        np.testing.assert_allclose(found[:, j], by_hand, rtol=EXACT)


def test_elasticities_follow_the_resampled_rows(fit, frame: pd.DataFrame):
    m = Margins(fit, method=Bootstrap(12, rng=1))
    draws = m._inference.replicates.point
    found = m.eyex("x").draws[:, 0]
    names = list(fit.model.exog_names)
    mean = draws.block("beta") @ fit.model.exog.T
    each = draws.block("beta")[:, [names.index("x")]] * frame.x.to_numpy() / mean
    np.testing.assert_allclose(
        found, np.average(each, axis=1, weights=draws.weights[:, frame.g]), rtol=EXACT
    )


def test_intervals_are_those_of_their_definitions(fit):
    level = 0.9
    sessions = {
        kind: Margins(
            fit, method=Bootstrap(199, interval=kind, rng=1, population="fixed"), level=level
        )
        for kind in ("percentile", "basic", "normal", "studentized", "bca")
    }
    results = {kind: m.dydx("x") for kind, m in sessions.items()}
    draws = results["percentile"].draws[:, 0]
    estimate = results["percentile"].estimate[0]
    low, high = np.sort(draws)[[9, 189]]  # the 10th and the 190th: 200 times 0.05 and 0.95

    def bounds(kind: str) -> np.ndarray:
        return results[kind].conf_int().to_numpy()[0]

    np.testing.assert_allclose(bounds("percentile"), [low, high], rtol=EXACT)
    np.testing.assert_allclose(bounds("basic"), [2 * estimate - high, 2 * estimate - low])
    half = 1.6448536269514722 * draws.std(ddof=1)
    np.testing.assert_allclose(bounds("normal"), [estimate - half, estimate + half])
    replicates = sessions["studentized"]._inference.replicates
    j = list(fit.model.exog_names).index("x")
    t = (draws - replicates.center[j]) / np.sqrt(replicates.cov[:, j, j])
    error = np.sqrt(replicates.base_cov[j, j])
    np.testing.assert_allclose(
        bounds("studentized"), estimate - np.sort(t)[[189, 9]] * error, rtol=1e-8
    )
    assert bounds("bca")[0] < estimate < bounds("bca")[1]


@pytest.mark.parametrize("interval", ["percentile", "basic", "normal", "studentized", "bca"])
def test_p_values_agree_with_the_intervals(interval: str, fit):
    """The interval of level 1 - p ends at the null, up to the grid of replicates."""
    result = Margins(fit, method=Bootstrap(999, interval=interval, rng=1)).dydx("arm")
    null = float(result.estimate[0] - 1.3 * result.std_error[0])
    p = float(result.test(null=null)["p_value"].iloc[0])
    low = float(result.conf_int(level=1 - p)["ci_lower"].iloc[0])
    assert low == pytest.approx(null, abs=0.05 * result.std_error[0])
    one_sided = result.test(null=null, alternative="greater")["p_value"].iloc[0]
    assert one_sided == pytest.approx(p / 2, rel=1e-6)


@pytest.mark.parametrize("interval", ["percentile", "basic", "studentized", "bca"])
@pytest.mark.parametrize("n_boot", [99, 100, 130])
def test_an_interval_holds_what_its_test_does_not_reject(interval: str, n_boot: int, fit):
    """With few draws too, whatever the level: no p of 0.06 beside an interval without the null."""
    result = Margins(fit, method=Bootstrap(n_boot, interval=interval, rng=1)).dydx("arm")
    value, error = float(result.estimate[0]), float(result.std_error[0])
    for level in (0.8, 0.9, 0.95):
        low, high = result.conf_int(level=level).to_numpy()[0]
        nulls = np.concatenate([np.linspace(low, high, 5)[1:-1], value + error * NULLS])
        for null in nulls:
            p = float(result.test(null=null)["p_value"].iloc[0])
            assert (p <= 1 - level + 1e-12) == (not low < null < high)


def test_log_scale_draws_are_reported_back_transformed(fit):
    m = Margins.log_scale(fit, method="bootstrap", n_boot=80, rng=1)
    ratio = m.contrasts(pairwise("arm", [1, 0]))
    one, zero = m.predict({"arm": 1}).draws, m.predict({"arm": 0}).draws
    np.testing.assert_allclose(ratio.draws, one / zero, rtol=EXACT)
    assert ratio.std_error == pytest.approx((one / zero).std(ddof=1), rel=EXACT)


def test_simulation_is_normal_around_the_estimates(fit):
    m = Margins(fit, method=Simulation(20_000, rng=1))
    exact = Margins(fit)
    assert m.dydx("x").std_error == pytest.approx(exact.dydx("x").std_error, rel=0.03)
    np.testing.assert_allclose(
        m.dydx("x").conf_int(),
        exact.dydx("x").conf_int(),
        atol=0.1 * float(exact.dydx("x").std_error[0]),
    )
    assert m.dydx("x").p_value > 0


def test_larger_clusters(fit, frame: pd.DataFrame):
    by_name = Margins(fit, method=Bootstrap(50, cluster="big", rng=1)).dydx("x").draws
    by_array = Margins(fit, method=Bootstrap(50, cluster=frame.big, rng=1)).dydx("x").draws
    through_session = Margins(fit, method="bootstrap", n_boot=50, rng=1, cluster="big").dydx("x")
    np.testing.assert_array_equal(by_name, by_array)
    np.testing.assert_array_equal(by_name, through_session.draws)
    bca = Margins(fit, method=Bootstrap(50, cluster="big", interval="bca", rng=1)).dydx("x")
    assert np.isfinite(bca.conf_int().to_numpy()).all()


def test_one_group_cannot_be_resampled(frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        crossed = smf.mixedlm(
            "y ~ x", groups=np.ones(len(frame)), data=frame, vc_formula={"g": "0 + C(g)"}
        ).fit(method="bfgs")
    with pytest.raises(PymarginsError, match="one group"):
        Margins(crossed, method="bootstrap", n_boot=10)
    assert Margins(crossed, method=Bootstrap(20, kind="parametric", rng=1)).dydx("x").std_error > 0


def test_failures_are_counted_and_past_a_share_an_error(frame: pd.DataFrame):
    """A level that few groups have is missing from some replicates."""
    rare = frame.assign(rare=np.where(frame.g < 2, frame.index % 2, 0.0))
    fit = smf.mixedlm("y ~ x + rare", groups="g", data=rare).fit(method="bfgs", gtol=1e-8)
    with pytest.raises(NumericalError, match=r"of 100 replicates failed.*not identified"):
        Margins(fit, method=Bootstrap(100, rng=1))
    m = Margins(fit, method=Bootstrap(100, rng=1, max_failures=0.5))
    failed = sum(m._inference.replicates.failures.values())
    assert 0 < failed < 50
    assert len(m.dydx("x").draws) == 100 - failed
    assert f"{failed} of 100 replicates failed" in str(m.dydx("x").summary())


def test_constrained_fits_need_refits(frame: pd.DataFrame):
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    model = sm.MixedLM(
        frame.y,
        sm.add_constant(frame[["x"]]),
        groups=frame.g,
        exog_re=sm.add_constant(frame[["x"]]),
    )
    free = MixedLMParams.from_components(fe_params=np.ones(2), cov_re=np.eye(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(free=free, method="bfgs")
    with pytest.raises(UnsupportedError, match='engine="refit"'):
        Margins(fit, data=frame, vcov=None, method="bootstrap", n_boot=10)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Bootstrap(0), ArgumentError, "n_boot.*at least"),
        (lambda: Bootstrap(-5), ArgumentError, "n_boot"),
        (lambda: Bootstrap(10.5), ArgumentTypeError, "n_boot.*whole number"),
        (lambda: Bootstrap(True), ArgumentTypeError, "n_boot"),
        (lambda: Bootstrap(kind="clusters"), ArgumentError, "Did you mean 'cluster'"),
        (lambda: Bootstrap(interval="percentil"), ArgumentError, "Did you mean 'percentile'"),
        (lambda: Bootstrap(kind="wild", interval="bca"), ArgumentError, "bca.*cluster"),
        (lambda: Bootstrap(kind="parametric", cluster="g"), ArgumentError, "cluster: kind="),
        (lambda: Bootstrap(kind="rows", cluster="g"), ArgumentError, 'belongs to kind="cluster"'),
        (lambda: Bootstrap(kind="rows", stratify=False), ArgumentError, "stratify: kind="),
        (lambda: Bootstrap(population="none"), ArgumentError, "population"),
        (lambda: Bootstrap(multiplier="norm"), ArgumentError, "multiplier"),
        (lambda: Bootstrap(max_failures=2), ArgumentError, "max_failures"),
        (lambda: Bootstrap(n_jobs=0), ArgumentError, "n_jobs"),
        (lambda: Bootstrap(rng="1"), ArgumentTypeError, "rng"),
        (
            lambda: Bootstrap(kind="parametric", population="resampled"),
            ArgumentError,
            'population: kind="parametric" does not use it; it belongs to kind="rows" or',
        ),
        (lambda: Bootstrap(kind="residual", stratify=False), ArgumentError, "stratify: kind="),
        (lambda: Bootstrap(multiplier="webb"), ArgumentError, 'multiplier.*kind="wild"'),
        (lambda: Bootstrap(kind="parametric", leverage="CR3"), ArgumentError, "leverage: kind="),
        (lambda: Bootstrap(stratify="x"), ArgumentError, "stratify: got 'x'; allowed are True"),
        (lambda: Bootstrap(progress="x"), ArgumentError, "progress: got 'x'"),
        (lambda: Simulation(0), ArgumentError, "n_sim"),
        (lambda: Simulation(rng=-1), ArgumentTypeError, "rng"),
        (lambda: KenwardRoger("sas"), ArgumentError, "information"),
    ],
)
def test_options_check_themselves(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": Bootstrap(10), "n_boot": 10}, ArgumentError, "n_boot.*not to both"),
        ({"method": "delta", "n_boot": 10}, ArgumentError, "bootstrap"),
        ({"method": "simulation", "n_boot": 10}, ArgumentError, "n_boot"),
        ({"method": "bootstrp"}, ArgumentError, "Did you mean 'bootstrap'"),
        ({"method": Bootstrap}, ArgumentTypeError, "option object"),
        ({"method": "bootstrap", "df": 5}, ArgumentError, "df"),
        ({"method": "bootstrap", "vcov": "gls"}, ArgumentError, "vcov"),
        ({"method": Bootstrap(9, cluster="nobody")}, UnknownNameError, "cluster"),
        ({"method": Bootstrap(9, cluster=[1, 2, 3])}, ArgumentError, "one label for each"),
        ({"method": Bootstrap(9, cluster="x")}, ArgumentError, "cuts"),
        ({"method": Bootstrap(9, cluster=np.ones(144))}, ArgumentError, "one cluster only"),
        ({"method": Bootstrap(9, kind="wild", engine="refit")}, UnsupportedError, "refit"),
        ({"method": Bootstrap(9, kind="wild", cluster="big")}, UnsupportedError, "larger clusters"),
        ({"method": Bootstrap(9, kind="rows")}, UnsupportedError, "break up the groups"),
    ],
)
def test_sessions_refuse_options_that_do_not_fit(options, error, words, fit):
    with pytest.raises(error, match=words):
        Margins(fit, **options)


@pytest.mark.slow
def test_statsmodels_refits_run_on_a_dask_cluster(fit):
    import distributed
    import joblib

    option = Bootstrap(6, kind="parametric", engine="refit", rng=1)
    here = Margins(fit, method=option).dydx("x").draws
    assert len(here) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config(backend="dask"),
        ):
            there = Margins(fit, method=option).dydx("x").draws
    np.testing.assert_array_equal(here, there)


def test_progress_can_be_asked_for(fit, capsys):
    Margins(fit, method=Bootstrap(20, rng=1, progress=True))
    assert "20" in capsys.readouterr().err
    Margins(fit, method=Bootstrap(20, rng=1))
    assert capsys.readouterr().err == ""


def test_likelihood_ratio_of_terms_is_bootstrapped_under_the_null(fit, frame: pd.DataFrame):
    m = Margins(fit)
    test = m.likelihood_ratio_test("x", n_boot=199, rng=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        full, null = (
            smf.mixedlm(formula, groups="g", data=frame).fit(reml=False, method="bfgs", gtol=1e-8)
            for formula in ("y ~ arm + x", "y ~ arm")
        )
    assert test["statistic"] == pytest.approx(2 * (full.llf - null.llf), abs=1e-5)
    assert test["df1"] == 1
    assert 0 < test["p_value"] <= 0.05
    assert test["p_chi2"] < 0.01
    with pytest.raises(UnknownNameError, match="term"):
        m.likelihood_ratio_test("z")
    with pytest.raises(ArgumentError, match="n_boot"):
        m.likelihood_ratio_test("x", n_boot=0)


def of_few_groups(frame: pd.DataFrame, groups: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        some = frame.assign(g=np.arange(len(frame)) % groups)
        return smf.mixedlm("y ~ x", groups="g", data=some).fit()


@pytest.mark.parametrize("groups", [2, 3])
def test_too_few_clusters_for_a_studentized_interval_is_an_error(frame: pd.DataFrame, groups: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        m = Margins(of_few_groups(frame, groups), method=Bootstrap(400, rng=1))
    r = m.predict({"x": [0.0, 1.0]})
    for ask in (r.to_frame, lambda: r.conf_int(simultaneous=True), r.adjust("mvt").to_frame):
        with pytest.raises(
            NumericalError, match=r'"studentized" has no limits for .*kenward-roger'
        ):
            ask()


def test_few_clusters_are_told_of(frame: pd.DataFrame, fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        few = Margins(of_few_groups(frame, 6), method=Bootstrap(50, rng=1)).dydx("x")
        arm = smf.mixedlm("y ~ arm + x", groups="g", data=frame[frame.g < 15]).fit()
        lopsided = arm.model.data.frame.assign(arm=lambda d: (d.g < 3).astype(float))
        arm = smf.mixedlm("y ~ arm + x", groups="g", data=lopsided).fit()
        three = Margins(arm, method=Bootstrap(50, rng=1)).dydx("x")
    assert "Only 6 clusters: a bootstrap" in " ".join(str(few).split())
    assert "Only 3 clusters in an arm" in " ".join(str(three).split())
    assert "has little to draw from" not in str(Margins(fit, method=Bootstrap(50)).dydx("x"))
    wild = Margins(fit, method=Bootstrap(50, kind="wild")).dydx("x")
    assert "has little to draw from" not in str(wild)


def test_larger_clusters_studentize_by_their_own_scatter(fit):
    """Arms vary within the larger clusters, so that these are one stratum."""
    by_groups = Margins(fit, method=Bootstrap(200, rng=1))
    larger = Margins(fit, method=Bootstrap(200, rng=1, cluster="big"))
    a, b = (m._inference.replicates.base_cov for m in (by_groups, larger))
    robust = Margins(fit, vcov="CR1", cluster="big")._inference.cov
    np.testing.assert_allclose(b, robust, rtol=1e-3)  # at the optimum, the fit a bit beside it
    assert np.abs(a / b - 1).max() > 0.01


def test_statsmodels_refits_studentize_as_the_engine_does(fit):
    option = {"n_boot": 6, "rng": 1, "max_failures": 1.0, "progress": False}
    engine = Margins(fit, method=Bootstrap(**option))._inference.replicates
    refits = Margins(fit, method=Bootstrap(engine="refit", **option))._inference.replicates
    np.testing.assert_allclose(refits.base_cov, engine.base_cov, rtol=1e-3)
    for params, cov in zip(refits.point.block("beta"), refits.cov, strict=True):
        near = np.abs(engine.point.block("beta") - params).max(axis=1).argmin()
        np.testing.assert_allclose(cov, engine.cov[near], rtol=0.02, atol=1e-4)
