"""Models with several outcomes or equations: what a session makes of statsmodels' fits."""

import pickle
import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel

from pymargins import (
    ArgumentError,
    FitWarning,
    Margins,
    ModelError,
    UnknownNameError,
    UnsupportedError,
    levels,
    pairwise,
)
from pymargins.adapters.registry import adapter_for
from pymargins.testing import check_adapter

N = 400
#: statsmodels' own predictions, averaged.
SAME = {"rtol": 1e-10}
INFLATION = {"inflation": "~ x + group"}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"x": rng.normal(size=N), "z": rng.uniform(0.5, 2.0, N)})
    frame["group"] = rng.choice(["a", "b", "c"], N)
    latent = frame["x"] + (frame["group"] == "b") + rng.logistic(size=N)
    cuts = pd.cut(latent, [-np.inf, -0.5, 1.0, np.inf], labels=["low", "middle", "high"])
    frame["level"] = pd.Categorical(cuts, ["low", "middle", "high"], ordered=True)
    frame["code"] = frame["level"].cat.codes.astype(int)
    mean = np.exp(0.6 + 0.3 * frame["x"])
    count = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, N))
    frame["count"] = np.where(rng.random(N) < 0.25, 0, count)
    share = stats.logistic.cdf(0.4 * frame["x"] - 0.3)
    frame["share"] = rng.beta(share * 8, (1 - share) * 8)
    return frame


def quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


@pytest.fixture(scope="module")
def ordered(frame):
    model = OrderedModel.from_formula("level ~ x * group", frame, distr="logit")
    return quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=500, gtol=1e-8))


@pytest.fixture(scope="module")
def multinomial(frame):
    return smf.mnlogit("code ~ x * group", frame).fit(disp=0, tol=1e-12)


ZERO_INFLATED = {
    "Poisson, logit": (sm.ZeroInflatedPoisson, {}),
    "Poisson, probit": (sm.ZeroInflatedPoisson, {"inflation": "probit"}),
    "NB-2": (sm.ZeroInflatedNegativeBinomialP, {"p": 2}),
    "NB-1": (sm.ZeroInflatedNegativeBinomialP, {"p": 1}),
    "GP-1": (sm.ZeroInflatedGeneralizedPoisson, {"p": 1}),
    "GP-2": (sm.ZeroInflatedGeneralizedPoisson, {"p": 2}),
}


@pytest.fixture(scope="module", params=ZERO_INFLATED)
def zero_inflated(request, frame):
    kind, options = ZERO_INFLATED[request.param]
    exog = patsy.dmatrix(INFLATION["inflation"], frame)
    model = kind.from_formula(
        "count ~ x * group", frame, exog_infl=exog, exposure=frame["z"], **options
    )
    return quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=3000, gtol=1e-7))


@pytest.fixture(scope="module")
def beta(frame):
    model = BetaModel.from_formula("share ~ x + group", frame, exog_precision_formula="~ x")
    return quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=500))


def session(fit, **options):
    return quietly(lambda: Margins(fit, **options))


# --- adapters keep their promises ----------------------------------------------------------------


def every_response(adapter):
    """Yield the adapter, and one for each response that it offers."""
    yield adapter
    for make in adapter.fitted.responses.values():

        class Other:
            model = adapter.model
            fitted = make(adapter.fitted)

            @classmethod
            def accepts(cls, model):
                return False

        yield Other()


@pytest.mark.parametrize("name", ["ordered", "multinomial", "beta"])
def test_adapters_pass_the_conformance_suite(name, request):
    equations = {"precision": "~ x"} if name == "beta" else None
    adapter = adapter_for(request.getfixturevalue(name), None, None, equations)
    for one in every_response(adapter):
        check_adapter(one)


def test_zero_inflated_adapters_pass_the_conformance_suite(zero_inflated):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        for one in every_response(adapter_for(zero_inflated, None, None, INFLATION)):
            check_adapter(one)


def test_sessions_travel(ordered, multinomial, beta):
    for fit in (ordered, multinomial, beta):
        m = session(fit)
        there = pickle.loads(pickle.dumps(m))
        np.testing.assert_array_equal(there.predict("group").cov, m.predict("group").cov)


# --- rows and outcomes ---------------------------------------------------------------------------


def test_a_row_an_outcome_first_after_the_label(ordered):
    m = session(ordered)
    table = m.predict({"x": [0, 1]}, over="group").to_frame()
    assert list(table.columns[:4]) == ["label", "outcome", "group", "x"]
    assert table["label"][0] == "group=a, x=0, outcome=low"
    assert table["outcome"].tolist() == ["low", "middle", "high"] * 6
    assert m.predict().labels == ("outcome=low", "outcome=middle", "outcome=high")
    assert m.dydx("x").labels == ("x, outcome=low", "x, outcome=middle", "x, outcome=high")
    assert m.dydx("group").labels[0] == "group: b - a, outcome=low"


def test_outcome_keeps_some(ordered):
    m = session(ordered)
    every = m.predict({"x": [0, 1]})
    np.testing.assert_array_equal(
        m.predict({"x": [0, 1]}, outcome="high").estimate, every.estimate[[2, 5]]
    )
    assert m.dydx("all", outcome=["high", "low"]).labels[:3] == (
        "x, outcome=high",  # in the formula's order
        "x, outcome=low",
        "group: b - a, outcome=high",
    )
    kept = m.eyex("x", outcome="low")
    assert kept.labels == ("x, outcome=low",)
    np.testing.assert_array_equal(kept.estimate, m.eyex("x").estimate[:1])


def test_contrasts_stay_within_an_outcome(ordered):
    m = session(ordered)
    result = m.contrasts(pairwise("group", ["b", "a"]))
    assert result.labels == tuple(f"b - a, outcome={o}" for o in ("low", "middle", "high"))
    np.testing.assert_allclose(result.estimate, m.dydx("group").estimate[:3], rtol=1e-12)
    one = m.contrasts(pairwise("group", ["b", "a"]), outcome="high")
    assert one.labels == ("b - a, outcome=high",)
    np.testing.assert_allclose(one.estimate, result.estimate[2:])
    at = m.contrasts(pairwise("group", ["b", "a"]), atexog={"x": [0, 1]}).to_frame()
    assert at["outcome"].tolist() == ["low", "middle", "high"] * 2
    assert at["x"].tolist() == [0, 0, 0, 1, 1, 1]
    odds = session(ordered, scale="logit").contrasts(pairwise("group", ["b", "a"]), outcome="low")
    p = m.predict("group", outcome="low").estimate
    np.testing.assert_allclose(odds.estimate, p[1] / (1 - p[1]) / (p[0] / (1 - p[0])))


def test_functions_take_scenarios_and_within_them_outcomes(ordered):
    m = session(ordered)
    made = m.evaluate(levels("x", [0, 1]), lambda p: p.reshape(2, 3) @ [1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        made.estimate, m.predict({"x": [0, 1]}).estimate.reshape(2, 3) @ [1, 2, 3]
    )
    mean = session(ordered, response="mean").predict({"x": [0, 1]})
    np.testing.assert_allclose(made.std_error, mean.std_error, rtol=1e-7)


@pytest.mark.parametrize("name", ["ordered", "multinomial"])
def test_probabilities_sum_to_one_and_slopes_to_zero(name, request):
    m = session(request.getfixturevalue(name))
    prediction = m.predict({"x": [-1, 2]}, over="group").estimate.reshape(-1, 3)
    np.testing.assert_allclose(prediction.sum(axis=1), 1.0, atol=1e-14)
    slopes = m.dydx("all")
    np.testing.assert_allclose(slopes.estimate.reshape(-1, 3).sum(axis=1), 0.0, atol=1e-14)
    assert m.dydx("x").joint_test()["df1"] == 2
    assert m.dydx("group").joint_test()["df1"] == 4
    assert m.contrasts(pairwise("group")).joint_test()["df1"] == 4


def test_slopes_agree_with_differences_of_statsmodels_predictions(ordered, multinomial, frame):
    for fit in (ordered, multinomial):
        up, down = (
            np.asarray(fit.predict(frame.assign(x=frame["x"] + step))).mean(axis=0)
            for step in (1e-5, -1e-5)
        )
        found = session(fit).dydx("x").estimate
        np.testing.assert_allclose(found, (up - down) / 2e-5, rtol=1e-6, atol=1e-8)


def test_averages_are_those_of_statsmodels(ordered, multinomial, beta):
    for fit in (ordered, multinomial, beta):
        mean = np.atleast_1d(np.asarray(fit.predict()).mean(axis=0))
        np.testing.assert_allclose(session(fit).predict().estimate, mean, **SAME)


def test_a_wrong_outcome_is_told(ordered, beta):
    m = session(ordered)
    with pytest.raises(UnknownNameError, match=r"outcome: 'hgih' is not an outcome.*Did you mean"):
        m.predict(outcome="hgih")
    with pytest.raises(ArgumentError, match="outcome: the list is empty"):
        m.predict(outcome=[])
    with pytest.raises(ArgumentError, match="named twice"):
        m.dydx("x", outcome=["low", "low"])
    with pytest.raises(ArgumentError, match="one outcome only"):
        session(beta).predict(outcome="high")
    precision = session(beta, response="precision", equations={"precision": "~ x"})
    assert precision.joint_tests()["term"].tolist() == ["x"]


# --- labels as fitted ----------------------------------------------------------------------------


def test_numbers_stay_numbers(multinomial):
    m = session(multinomial)
    table = m.predict().to_frame()
    assert table["outcome"].tolist() == [0, 1, 2]
    assert m.predict(outcome=2).labels == m.predict(outcome="2").labels == ("outcome=2",)


def test_array_fits_need_no_more_than_their_columns(frame):
    exog = frame[["x", "z"]]
    ordered = quietly(lambda: OrderedModel(frame["level"], exog).fit(disp=0, method="bfgs"))
    m = session(ordered)
    np.testing.assert_allclose(m.predict().estimate, ordered.predict().mean(axis=0), **SAME)
    assert session(ordered, data=frame).predict(over="group").labels[0] == "group=a, outcome=low"
    fit = sm.MNLogit(frame["level"].map(str).astype(object), sm.add_constant(exog)).fit(disp=0)
    table = session(fit).predict().to_frame()
    assert table["outcome"].tolist() == ["high", "low", "middle"]
    zero = sm.ZeroInflatedPoisson(
        frame["count"], sm.add_constant(exog), exog_infl=sm.add_constant(frame[["x"]])
    )
    zero = quietly(lambda: zero.fit(disp=0, method="bfgs", maxiter=500))
    assert session(zero).dydx("x").estimate.shape == (1,)  # its columns were found by value
    share = quietly(lambda: BetaModel(frame["share"], sm.add_constant(exog)).fit(disp=0))
    check_adapter(adapter_for(share, None, None))


def test_any_distribution_of_the_latent_error(frame):
    model = OrderedModel(frame["level"], frame[["x"]], distr=stats.gumbel_l)
    fit = quietly(lambda: model.fit(disp=0, method="bfgs"))
    check_adapter(adapter_for(fit, None, None))
    np.testing.assert_allclose(session(fit).predict().estimate, fit.predict().mean(axis=0), **SAME)


def test_offsets_are_those_of_the_rows(frame):
    model = OrderedModel(frame["level"], frame[["x"]], offset=np.log(frame["z"]), distr="logit")
    fit = quietly(lambda: model.fit(disp=0, method="bfgs"))
    m = session(fit)
    np.testing.assert_allclose(m.predict().estimate, fit.predict().mean(axis=0), **SAME)
    link = session(fit, response="link").predict().estimate
    np.testing.assert_allclose(link, (frame["x"] * fit.params.iloc[0] + np.log(frame["z"])).mean())


def test_a_response_of_another_programs_name_is_told(ordered):
    with pytest.raises(ArgumentError, match=r"'link'.*response=\"mean\".*Leave it out"):
        session(ordered, response="class")


# --- two equations -------------------------------------------------------------------------------


def test_zero_inflated_responses_are_statsmodels_own(zero_inflated):
    m = session(zero_inflated, equations=INFLATION)
    np.testing.assert_allclose(m.predict().estimate, zero_inflated.predict().mean(), **SAME)
    for response, which in {"zero": "prob-zero", "count": "mean-main", "link": "linear"}.items():
        found = session(zero_inflated, response=response).predict().estimate
        np.testing.assert_allclose(found, zero_inflated.predict(which=which).mean(), **SAME)
    found = session(zero_inflated, response="inflation").predict().estimate
    np.testing.assert_allclose(found, 1 - zero_inflated.predict(which="prob-main").mean(), **SAME)


def test_a_second_equation_is_read_from_its_formula(zero_inflated, frame):
    up, down = (
        zero_inflated.predict(
            frame.assign(x=frame["x"] + step),
            exog_infl=patsy.dmatrix(INFLATION["inflation"], frame.assign(x=frame["x"] + step)),
            exposure=frame["z"],
        ).mean()
        for step in (1e-5, -1e-5)
    )
    # np is a name of the user's own, which the formula of the mean does not read
    for formula in ("~ x + group", "~ 1 + group + I(2 * x / 2)", "np.asarray(x) + group"):
        m = session(zero_inflated, equations={"inflation": formula})
        np.testing.assert_allclose(m.dydx("x").estimate, (up - down) / 2e-5, rtol=1e-6)


def test_an_equation_nobody_named_moves_nothing_by_half(zero_inflated):
    m = session(zero_inflated)
    assert m.predict().std_error[0] > 0  # the rows of the fit are known
    assert m.predict(over="group").estimate.shape == (3,)
    for ask in (
        lambda: m.dydx("x"),
        lambda: m.predict({"x": [0, 1]}).estimate,
        lambda: m.contrasts(pairwise("group")),
        lambda: m.predict({"x": lambda x: x + 1}).estimate,
        lambda: session(zero_inflated, at="balanced").predict(),
    ):
        with pytest.raises(ModelError, match=r'equations=\{"inflation": "~ ..."\}'):
            ask()
    count = session(zero_inflated, response="count").dydx("x")  # that equation plays no part
    assert np.isfinite(count.std_error).all()


def test_a_wrong_equation_is_told(zero_inflated, beta, multinomial):
    with pytest.raises(UnknownNameError, match="Did you mean 'inflation'"):
        session(zero_inflated, equations={"inflaton": "~ x"})
    with pytest.raises(ArgumentError, match=r"no column with the values of 'x1'"):
        session(zero_inflated, equations={"inflation": "~ x"})
    with pytest.raises(ArgumentError, match=r"gives 'z', which the fit does not have"):
        session(zero_inflated, equations={"inflation": "~ x + group + z"})
    with pytest.raises(ArgumentError, match="cannot be read with the data"):
        session(zero_inflated, equations={"inflation": "~ x + nowhere"})
    with pytest.raises(ArgumentError, match="one equation"):
        session(multinomial, equations={"inflation": "~ x"})
    found = session(beta, response="precision", equations={"precision": "~ x"}).dydx("x")
    assert found.std_error[0] > 0


def test_statsmodels_lost_block_is_put_right_with_a_warning(frame):
    model = sm.ZeroInflatedPoisson.from_formula("count ~ x", frame, exog_infl=np.ones((N, 1)))
    fit = quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=500))
    with pytest.warns(FitWarning, match="loses the block") as caught:
        m = Margins(fit)
    assert caught[0].filename == __file__
    by_name = session(fit, vcov="nonrobust")
    np.testing.assert_allclose(m.predict().std_error, by_name.predict().std_error, rtol=1e-10)
    robust = quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=500, cov_type="HC0"))
    np.testing.assert_allclose(
        session(robust).predict().std_error,
        session(fit, vcov="HC0").predict().std_error,
        rtol=1e-5,
    )


# --- the fit itself ------------------------------------------------------------------------------


def test_a_fit_that_stopped_short_is_told_and_polished(frame):
    model = OrderedModel.from_formula("level ~ x + z + group", frame, distr="logit")
    stopped = quietly(lambda: model.fit(disp=0, maxiter=40))  # Nelder-Mead
    best = quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=500, gtol=1e-9))
    with pytest.warns(FitWarning):
        Margins(stopped)
    polished = session(stopped, polish=True)
    np.testing.assert_allclose(polished.predict().estimate, best.predict().mean(axis=0), rtol=1e-7)
    cumulative = session(stopped, polish=True, response="cumulative")
    assert "Polished" in str(cumulative)
    np.testing.assert_allclose(
        cumulative.predict().estimate, best.predict().mean(axis=0).cumsum()[:2], rtol=1e-7
    )


def test_multinomial_fits_are_polished(frame):
    model = smf.mnlogit("code ~ x + group", frame)
    stopped = quietly(lambda: model.fit(disp=0, method="bfgs", maxiter=8))
    best = model.fit(disp=0, tol=1e-12)
    found = session(stopped, polish=True, vcov="nonrobust").dydx("x")
    expected = session(best).dydx("x")
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-6)
    np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-6)


@pytest.mark.parametrize("kind", ["HC1", "HC2", "HC3", "CR0", "CR1", "CR2", "CR3"])
def test_two_outcomes_are_a_logit(frame, kind):
    two = frame.assign(y=(frame["code"] > 0).astype(int), g=np.arange(N) // 10)
    two["level"] = pd.Categorical(two["y"], ordered=True)
    cluster = {"cluster": "g"} if kind[0] == "C" else {}
    logit = Margins(smf.logit("y ~ x + group", two).fit(disp=0), vcov=kind, **cluster)
    fits = [smf.mnlogit("y ~ x + group", two).fit(disp=0, tol=1e-12)]
    model = OrderedModel.from_formula("level ~ x + group", two, distr="logit")
    fits.append(quietly(lambda: model.fit(disp=0, method="bfgs", gtol=1e-9)))
    for fit in fits:
        found = session(fit, vcov=kind, **cluster).dydx("all", outcome=1)
        np.testing.assert_allclose(found.std_error, logit.dydx("all").std_error, rtol=1e-5)


def test_corrections_that_nobody_defined_are_refused_with_what_comes_nearest(
    zero_inflated, beta, frame
):
    for fit in (zero_inflated, beta):
        with pytest.raises(UnsupportedError, match=r"'HC3' is not available.*'HC1' comes nearest"):
            session(fit, vcov="HC3")
        with pytest.raises(UnsupportedError, match=r"'CR2' is not available.*'CR1' comes nearest"):
            session(fit, vcov="CR2", cluster=np.arange(N) // 10)
    counts = smf.negativebinomial("count ~ x", frame).fit(disp=0, maxiter=200)
    with pytest.raises(UnsupportedError, match="'CR1' comes nearest"):
        session(counts, vcov="CR3", cluster=np.arange(N) // 10)


# --- responses -----------------------------------------------------------------------------------


def test_responses_of_a_class_are_listed(ordered, multinomial):
    with pytest.raises(
        ArgumentError, match=r"'cumulatve'; allowed are .*Did you mean 'cumulative'"
    ):
        session(ordered, response="cumulatve")
    with pytest.raises(ArgumentError, match="allowed are 'link'"):
        session(multinomial, response="mean")


def test_tables_say_what_the_response_is(ordered):
    assert str(session(ordered).predict()).startswith("Probability: ")
    text = " ".join(str(session(ordered, response="cumulative").predict()).split())
    assert text.startswith("Cumulative probability: ")
    assert "probability of each outcome or a lower one" in text
    assert "linear predictor" in str(session(ordered, response="link"))


def test_ordered_responses_are_made_of_the_probabilities(ordered):
    p = session(ordered).predict({"x": [0, 1]}).estimate.reshape(2, 3)
    cumulative = session(ordered, response="cumulative").predict({"x": [0, 1]})
    np.testing.assert_allclose(cumulative.estimate.reshape(2, 2), p.cumsum(axis=1)[:, :2])
    assert cumulative.labels[:2] == ("x=0, outcome <= low", "x=0, outcome <= middle")
    mean = session(ordered, response="mean").predict({"x": [0, 1]})
    np.testing.assert_allclose(mean.estimate, p @ [1.0, 2.0, 3.0])


def test_the_link_of_one_predictor(frame):
    high = frame.assign(y=(frame["code"] > 0).astype(int))
    fit = smf.logit("y ~ x + group", high).fit(disp=0)
    m = session(fit, response="link")
    np.testing.assert_allclose(m.dydx("x").estimate, fit.params["x"])
    np.testing.assert_allclose(m.dydx("x").std_error, fit.bse["x"])


def test_plots_draw_a_line_an_outcome(multinomial, ordered):
    pytest.importorskip("matplotlib").use("Agg")
    for fit, names in ((multinomial, ["0", "1", "2"]), (ordered, ["low", "middle", "high"])):
        axes = session(fit).predict({"x": [-1, 0, 1, 2]}).plot()
        assert [text.get_text() for text in axes.get_legend().get_texts()] == names
        assert axes.get_xlabel() == "x"
    assert session(multinomial).dydx("all").plot().get_legend() is None  # a forest plot


def test_rows_with_their_own_levels_have_every_outcome_and_slope(frame):
    fit = smf.mnlogit("code ~ x + z + group", frame).fit(disp=0)
    m = session(fit, at="balanced", weights="cells")
    both = m.dydx(["x", "z"], atexog="group")
    one = [m.dydx(name, atexog="group").estimate for name in ("x", "z")]
    np.testing.assert_allclose(both.estimate, np.concatenate(one), rtol=1e-12)
    assert len(both) == 2 * 3 * 3
