"""Verbs about the random part: what they say, refuse, and that derivatives are exact."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Bootstrap, Margins, UnsupportedError, pairwise
from pymargins.models.derivative import jacobian
from pymargins.models.parameters import Point


@pytest.fixture(scope="module")
def children():
    rng = np.random.default_rng(12)
    child = np.repeat(np.arange(30), rng.integers(4, 8, 30))
    age = rng.uniform(-1, 1, len(child))
    own = rng.normal(0, 1, (30, 2)) @ np.array([[1.5, 0.4], [0.0, 0.8]])
    y = 2 + 1.5 * age + own[child, 0] + own[child, 1] * age + rng.normal(0, 1, len(child))
    arm = np.where(child % 2 == 0, "new", "old")
    return pd.DataFrame({"y": y + (arm == "new"), "age": age, "arm": arm, "child": child})


@pytest.fixture(scope="module")
def fit(children):
    return smf.mixedlm("y ~ age * arm", children, groups="child", re_formula="~age").fit()


@pytest.fixture(scope="module")
def m(fit):
    return Margins(fit, vcov="gls")


def test_rows_have_names_and_columns(m, fit):
    table = m.variance_components().to_frame()
    assert list(table["label"]) == [
        "child: sd(Intercept)",
        "child: sd(age)",
        "child: cor(Intercept, age)",
        "residual: sd",
    ]
    assert list(table["parameter"]) == ["sd", "sd", "cor", "sd"]
    assert table["estimate"].iloc[0] == pytest.approx(np.sqrt(fit.cov_re.iloc[0, 0]))
    assert table["estimate"].iloc[3] == pytest.approx(np.sqrt(fit.scale))
    variances = m.variance_components("variance")
    assert variances["child: cov(Intercept, age)"].estimate[0] == pytest.approx(
        fit.cov_re.iloc[0, 1]
    )


def test_intervals_are_symmetric_on_the_scale_of_each(m):
    table = m.variance_components()
    ends = table.conf_int().to_numpy()
    assert np.sqrt(ends[0].prod()) == pytest.approx(table.estimate[0])
    assert np.arctanh(ends[2]).mean() == pytest.approx(np.arctanh(table.estimate[2]))


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.variance_components(),
        lambda m: m.variance_components("variance"),
        lambda m: m.icc(),
        lambda m: m.r_squared(),
        lambda m: m.slope_share("age", 0.5, over="arm"),
        lambda m: m.slope_quantiles("age", [0.1, 0.9], atexog={"arm": ["new", "old"]}),
        lambda m: m.dydx("age").effect_size("total"),
        lambda m: m.contrasts(pairwise("arm")).effect_size(),
    ],
)
def test_derivatives_are_exact(m, ask):
    result = ask(m)
    point = result.inference.point
    exact = result.estimand.at(point, True)[1][0]

    def at(theta):
        return result.estimand.at(Point(theta[None], point.blocks))[0][0]

    assert np.allclose(exact, jacobian(at, point.theta[0]), rtol=1e-6, atol=1e-9)


def test_there_is_no_test_of_a_variance_against_its_bound(m):
    table = m.variance_components()
    assert table.to_frame()["p_value"].isna().all()
    assert " p " not in str(table)
    tested = table.test()
    assert np.isnan(tested["p_value"].iloc[0])
    assert np.isfinite(tested["p_value"].iloc[2])  # a correlation of 0 is no bound


def test_shares_come_from_variances(m, children, fit):
    z = np.column_stack([np.ones(len(children)), children["age"]])
    psi = fit.cov_re.to_numpy()
    r = np.einsum("ni,ij,nj->n", z, psi, z).mean()
    f = np.var(fit.model.exog @ fit.fe_params.to_numpy(), ddof=1)
    total = f + r + fit.scale
    assert m.icc().estimate == pytest.approx([r / (r + fit.scale), r / total])
    assert m.r_squared().estimate == pytest.approx([f / total, (f + r) / total])


def test_slopes_of_clusters(m, fit):
    from scipy import special

    slope = m.dydx("age", atexog={"arm": "old"}).estimate[0]
    sd = np.sqrt(fit.cov_re.iloc[1, 1])
    share = m.slope_share("age", atexog={"arm": "old"})
    assert share.estimate[0] == pytest.approx(special.ndtr(slope / sd))
    assert m.slope_quantiles("age", 0.975, atexog={"arm": "old"}).estimate[0] == pytest.approx(
        slope + special.ndtri(0.975) * sd
    )


def test_effect_sizes_carry_the_uncertainty_of_the_deviation(fit):
    m = Margins(fit, df="kenward-roger")
    slope = m.dydx("age")
    d, known = slope.effect_size(), slope.effect_size(np.sqrt(fit.scale))
    assert d.estimate == pytest.approx(known.estimate)
    assert d.std_error[0] > known.std_error[0]
    assert d.df == pytest.approx(slope.df)
    sigma = m.variance_components()["residual: sd"]
    relative = np.hypot(
        slope.std_error[0] / slope.estimate[0], sigma.std_error[0] / sigma.estimate[0]
    )
    assert d.std_error[0] / d.estimate[0] == pytest.approx(relative, rel=1e-9)
    assert "residual standard deviation" in str(d)
    assert "Effect size of average slopes" in str(d)


def test_refusals(m, fit, children):
    with pytest.raises(UnsupportedError, match="divides differences and slopes"):
        m.predict().effect_size()
    with pytest.raises(ArgumentError, match="residual"):
        m.dydx("age").effect_size("residuals")
    with pytest.raises(ArgumentError, match="must be positive"):
        m.dydx("age").effect_size(0.0)
    with pytest.raises(UnsupportedError, match="travelled without its session"):
        pickle.loads(pickle.dumps(m.dydx("age"))).effect_size()
    with pytest.raises(ArgumentError, match="profile"):
        m.icc(method="profil")
    with pytest.raises(ArgumentError, match="variance"):
        m.variance_components("var")
    with pytest.raises(UnsupportedError, match="coefficients alone"):
        Margins(fit, vcov="CR2").icc()
    with pytest.raises(UnsupportedError, match="normal distribution"):
        Margins(fit, method="simulation").icc()
    plain = smf.mixedlm("y ~ age", children, groups="child").fit()
    with pytest.raises(ArgumentError, match="no random slope"):
        Margins(plain).slope_share("age")
    ols = Margins(smf.ols("y ~ age", children).fit())
    with pytest.raises(UnsupportedError, match="has no random effects"):
        ols.variance_components()
    with pytest.raises(UnsupportedError, match="has no random effects"):
        ols.dydx("age").effect_size()


def test_profiles_are_of_parameters_only(m):
    table = m.variance_components(method="profile")
    assert "Profile likelihood" in str(table)
    with pytest.raises(UnsupportedError, match="limits of the parameters themselves"):
        (table[0] - table[1]).conf_int()
    squares = m.variance_components("variance", method="profile").conf_int().to_numpy()
    assert squares[0] == pytest.approx(table.conf_int().to_numpy()[0] ** 2)
    assert np.isnan(squares[2]).all()
    narrow = m.icc(method="profile").conf_int(0.5).to_numpy()[0]
    wide = m.icc(method="profile").conf_int(0.95).to_numpy()[0]
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_bootstraps_give_percentiles_of_their_draws(fit):
    m = Margins(fit, method=Bootstrap(60, kind="parametric", rng=2))
    table = m.variance_components()
    draws = np.sqrt(m._choice.whole.replicates.point.block("gamma")[:, -1])
    low, high = table["residual: sd"].conf_int().to_numpy()[0]
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert table["residual: sd"].std_error[0] == pytest.approx(draws.std(ddof=1))
    assert m.dydx("age").effect_size().std_error[0] > 0
    assert "percentile intervals" in str(m.icc())


def test_a_variance_at_its_bound_is_told_of(children):
    flat = children.assign(y=np.random.default_rng(3).normal(size=len(children)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = Margins(smf.mixedlm("y ~ age", flat, groups="child").fit(), vcov="gls")
    table = m.variance_components()
    assert np.isnan(table.std_error[0])
    assert np.isfinite(table.std_error[1])
    assert "AT THE BOUND" in str(table)
    assert "–" in str(table)
    assert "nan" not in str(table)
    low, high = m.icc(method="profile").conf_int().to_numpy()[0]
    assert low == 0
    assert 0 < high < 0.5


def test_sessions_about_clusters_have_the_same_variances(fit, m):
    own = Margins(fit, vcov="gls", random_effects="predicted")
    for ask in (lambda m: m.icc(), lambda m: m.variance_components()):
        assert ask(own).std_error == pytest.approx(ask(m).std_error)
    with pytest.raises(UnsupportedError, match="averaged over clusters"):
        own.dydx("age").effect_size()


def test_results_travel(m):
    for result in (m.icc(), m.variance_components(method="profile"), m.dydx("age").effect_size()):
        sent = pickle.loads(pickle.dumps(result))
        pd.testing.assert_frame_equal(sent.to_frame(), result.to_frame())
    far = pickle.loads(pickle.dumps(m))
    pd.testing.assert_frame_equal(far.icc().to_frame(), m.icc().to_frame())
