"""Draws of a posterior: whatever is asked is formed in every draw, and summarised."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Margins,
    Posterior,
    UnknownNameError,
    UnsupportedError,
    load,
    pairwise,
)
from pymargins.inference.posterior import highest_density
from support.small_models import study

#: Sums in another order.
SUMS = 1e-10
B = 400


@pytest.fixture(scope="module")
def frame():
    data = study(96)
    data["passed"] = (data["score"] > data["score"].median()).astype(int)
    return data


@pytest.fixture(scope="module")
def logit(frame):
    return smf.logit("passed ~ age + school + treated", frame).fit(disp=0)


@pytest.fixture(scope="module")
def draws(logit):
    rng = np.random.default_rng(4)
    return rng.multivariate_normal(logit.params, logit.cov_params(), B)


def by_hand(logit, frame, draws, **settings):
    """Return the average probability with some variables set, in every draw."""
    import patsy

    built = patsy.dmatrix("age + school + treated", frame).design_info
    assert built.column_names == list(logit.params.index)
    (design,) = patsy.build_design_matrices([built], frame.assign(**settings))
    eta = np.asarray(design) @ draws.T
    return (1 / (1 + np.exp(-eta))).mean(axis=0)


@pytest.mark.parametrize("summary", ["median", "mean"])
@pytest.mark.parametrize("interval", ["equal-tailed", "hdi"])
def test_every_figure_is_one_of_the_draws(logit, frame, draws, summary, interval):
    m = Margins(logit, method=Posterior(draws, summary, interval))
    found = m.predict({"treated": [0, 1]})
    each = np.stack([by_hand(logit, frame, draws, treated=t) for t in (0, 1)], axis=1)
    np.testing.assert_allclose(found.draws, each, rtol=SUMS)
    centre = np.median if summary == "median" else np.mean
    np.testing.assert_allclose(found.estimate, centre(each, axis=0), rtol=SUMS)
    np.testing.assert_allclose(found.std_error, each.std(axis=0, ddof=1), rtol=SUMS)
    difference = each[:, 1] - each[:, 0]
    made = m.contrasts(pairwise("treated", [1, 0]))
    np.testing.assert_allclose(made.draws[:, 0], difference, rtol=1e-8)
    assert made.p_value[0] == max((difference > 0).mean(), (difference < 0).mean())
    assert made.test(0.1, "greater")["p_direction"].iloc[0] == (difference > 0.1).mean()
    np.testing.assert_allclose((found[1] - found[0]).draws, made.draws, rtol=1e-8)
    low, high = made.conf_int(0.8).iloc[0]
    if interval == "equal-tailed":
        np.testing.assert_allclose([low, high], np.quantile(difference, [0.1, 0.9]), rtol=1e-8)
    else:
        inside = (made.draws[:, 0] >= low) & (made.draws[:, 0] <= high)
        assert inside.sum() == int(0.8 * B) + 1


def test_the_shortest_interval_is_found_by_trying_all():
    draws = np.random.default_rng(1).gamma(2.0, 1.0, (201, 3))
    low, high = highest_density(draws, 0.9)
    inside = int(0.9 * 201)
    for j in range(3):
        x = np.sort(draws[:, j])
        best = min(range(201 - inside), key=lambda i: x[i + inside] - x[i])
        assert (low[j], high[j]) == (x[best], x[best + inside])
    equal = np.quantile(draws, [0.05, 0.95], axis=0)
    assert (high - low < equal[1] - equal[0]).all()


def test_slopes_of_a_linear_model(frame, draws):
    linear = smf.ols("score ~ age * treated", frame).fit()
    rng = np.random.default_rng(2)
    drawn = rng.multivariate_normal(linear.params, linear.cov_params(), B)
    found = Margins(linear, method=Posterior(drawn)).dydx("age")
    slope = drawn[:, 1] + drawn[:, 3] * frame["treated"].mean()
    np.testing.assert_allclose(found.draws[:, 0], slope, rtol=SUMS)


def test_ratios_are_formed_in_every_draw(logit, frame, draws):
    m = Margins(logit, scale="log", method=Posterior(draws))
    ratio = m.contrasts(pairwise("treated", [1, 0]))
    each = by_hand(logit, frame, draws, treated=1) / by_hand(logit, frame, draws, treated=0)
    assert ratio.estimate[0] == pytest.approx(np.median(each), rel=1e-3)  # B is even
    assert ratio.p_value[0] == max((each > 1).mean(), (each < 1).mean())
    np.testing.assert_allclose(ratio.draws[:, 0], each, rtol=1e-8)


# --- draws by name -------------------------------------------------------------------------------


def test_frames_are_read_by_name(logit, draws):
    named = pd.DataFrame(draws, columns=list(logit.params.index)).assign(sigma=1.0)
    shuffled = named[sorted(named, reverse=True)]
    found = Margins(logit, method=Posterior(shuffled)).predict()
    expected = Margins(logit, method=Posterior(draws)).predict()
    np.testing.assert_array_equal(found.draws, expected.draws)
    bambi = named.rename(columns=lambda name: name.replace("[T.", "["))
    found = Margins(logit, method=Posterior(bambi)).predict()
    np.testing.assert_array_equal(found.draws, expected.draws)


def test_groups_of_arviz_are_read(logit, draws):
    xarray = pytest.importorskip("xarray")
    chains = draws.reshape(4, B // 4, -1)
    names = list(logit.params.index)
    school = [i for i, name in enumerate(names) if name.startswith("school")]
    levels = [names[i][len("school[T.") : -1] for i in school]
    group = xarray.Dataset(
        {
            **{
                name: (("chain", "draw"), chains[:, :, i])
                for i, name in enumerate(names)
                if i not in school
            },
            "school": (("chain", "draw", "school_dim"), chains[:, :, school]),
            "1|g": (("chain", "draw", "a", "b"), np.zeros((4, B // 4, 2, 2))),
        },
        coords={"school_dim": levels},
    )
    expected = Margins(logit, method=Posterior(draws)).predict()
    tree = type("InferenceData", (), {"posterior": group})()
    for given in (group, tree):
        found = Margins(logit, method=Posterior(given)).predict()
        np.testing.assert_array_equal(found.draws, expected.draws)


def test_models_of_several_blocks_take_arrays(frame):
    frame = frame.assign(band=pd.cut(frame["score"], 3, labels=False))
    many = smf.mnlogit("band ~ age", frame).fit(disp=0)
    m = Margins(many)
    theta = m._inference.point.theta[0]
    rng = np.random.default_rng(5)
    draws = theta + rng.normal(0, 0.01, (B, len(theta)))
    found = Margins(many, method=Posterior(draws)).predict()
    np.testing.assert_allclose(found.estimate, m.predict().estimate, atol=0.02)
    np.testing.assert_allclose(found.draws.sum(axis=1), 1.0)


# --- tables and what else is there ---------------------------------------------------------------


def test_what_tables_say(logit, draws):
    m = Margins(logit, method=Posterior(draws, interval="hdi"))
    result = m.contrasts(pairwise("school", ["A", "B", "C"]))
    text = " ".join(str(result).split())
    assert "P(direction)" in text
    assert "Posterior, 400 draws: median, intervals of highest density" in text
    assert "covariance: of the posterior draws" in text
    assert "not adjusted" not in text
    assert "p-value" not in text
    assert "p_direction" in result.to_frame()
    assert "p_value" not in result.to_frame()
    assert "credible intervals" in " ".join(str(m).split())
    assert "doi:10.3389/fpsyg.2019.02767" in str(m)


def test_results_travel_and_are_saved(logit, draws, tmp_path):
    for summary, interval in (("median", "hdi"), ("mean", "equal-tailed")):
        m = Margins(logit, method=Posterior(draws, summary, interval))
        result = m.contrasts(pairwise("treated", [1, 0]))
        result.save(tmp_path / "result")
        for far in (pickle.loads(pickle.dumps(result)), load(tmp_path / "result")):
            pd.testing.assert_frame_equal(far.to_frame(), result.to_frame(), rtol=SUMS)
            assert str(far) == str(result)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.adjust("holm"),
        lambda r: r.joint_test(),
        lambda r: r.equivalence(-1, 1),
        lambda r: r.conf_int(simultaneous=True),
    ],
)
def test_what_needs_p_values_is_refused(logit, draws, ask):
    result = Margins(logit, method=Posterior(draws)).contrasts(pairwise("school", list("ABC")))
    with pytest.raises(UnsupportedError, match="summarise a posterior, which has no p-values"):
        ask(result)


def test_terms_are_not_tested(logit, draws):
    with pytest.raises(UnsupportedError, match="joint_tests: a posterior has no p-values"):
        Margins(logit, method=Posterior(draws)).joint_tests()


# --- draws that cannot be used -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda d: d[:, :-1], ArgumentError, r"draws: shape \(400, 5\); expected \(draws, 6\)"),
        (lambda d: d.T, ArgumentError, r"shape \(6, 400\).*Intercept, school"),
        (lambda d: d[0], ArgumentError, r"shape \(6,\)"),
        (lambda d: d[:5], ArgumentError, "5 draws are too few"),
        (lambda d: np.where(d > 0, np.nan, d), ArgumentError, "every draw must be finite"),
        (lambda d: d.astype(str), ArgumentTypeError, "draws: expected numbers"),
        (lambda d: 3, ArgumentTypeError, "draws: expected an array"),
        (
            lambda d: pd.DataFrame({"Intercept": d[:, 0], "ages": d[:, 1]}),
            UnknownNameError,
            "Known",
        ),
    ],
)
def test_draws_of_something_else(logit, draws, make, error, message):
    with pytest.raises(error, match=message):
        Margins(logit, method=Posterior(make(draws)))


def test_options(logit, draws):
    with pytest.raises(ArgumentError, match="summary: got 'mode'"):
        Posterior(draws, summary="mode")
    with pytest.raises(ArgumentError, match="interval: got 'hpd'"):
        Posterior(draws, interval="hpd")
    for options in ({"vcov": "HC1"}, {"df": 3}, {"cluster": "school"}):
        with pytest.raises(ArgumentError, match="a posterior has its uncertainty in its draws"):
            Margins(logit, method=Posterior(draws), **options)
    for options in ({"n_boot": 9}, {"rng": 1}, {"n_jobs": 2}):
        with pytest.raises(ArgumentError, match="a Posterior does not use it; leave it out"):
            Margins(logit, method=Posterior(draws), **options)
