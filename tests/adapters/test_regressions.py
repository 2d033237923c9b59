"""Every class of regression: averages, slopes, codings, rows, offsets, weights, what is refused."""

import pickle
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula
import statsmodels.formula.api as smf

from pymargins import (
    HAC,
    ArgumentError,
    ArgumentTypeError,
    Margins,
    ModelError,
    UnsupportedError,
    UnsupportedModelError,
    pairwise,
)
from pymargins.testing import check_adapter

LINKS = sm.families.links


def data(n=160, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.uniform(0.5, 3.0, n),
            "z": rng.normal(size=n),
            "g": rng.choice(list("abc"), n),
            "school": np.arange(n) % 16,
            "time": rng.uniform(1.0, 5.0, n),
            "w": rng.integers(1, 4, n),
        }
    )
    eta = -0.4 + 0.3 * frame["x"] + 0.2 * frame["z"] + 0.3 * (frame["g"] == "b")
    frame["count"] = rng.poisson(np.exp(eta) * frame["time"])
    frame["yes"] = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    frame["size"] = rng.gamma(2.0, np.exp(eta) / 2.0) + 0.05
    frame["trials"] = rng.integers(2, 9, n)
    frame["hits"] = rng.binomial(frame["trials"], 0.8 / (1 + np.exp(-eta)))
    frame["misses"] = frame["trials"] - frame["hits"]
    return frame


DF = data()
RHS = "np.log(x) + I(x**2) + z * g"
TIME = np.log(DF["time"])


def glm(response, family, **options):
    return smf.glm(f"{response} ~ {RHS}", DF, family=family, **options).fit()


FITS = {
    "OLS": lambda: smf.ols(f"size ~ {RHS}", DF).fit(),
    "WLS": lambda: smf.wls(f"size ~ {RHS}", DF, weights=DF["w"]).fit(),
    "GLS": lambda: smf.gls(f"size ~ {RHS}", DF, sigma=DF["w"]).fit(),
    "RLM": lambda: smf.rlm(f"size ~ {RHS}", DF).fit(),
    "QuantReg": lambda: smf.quantreg(f"size ~ {RHS}", DF).fit(q=0.6),
    "Logit": lambda: smf.logit(f"yes ~ {RHS}", DF).fit(disp=0),
    "Logit offset": lambda: smf.logit(f"yes ~ {RHS}", DF, offset=TIME).fit(disp=0),
    "Probit": lambda: smf.probit(f"yes ~ {RHS}", DF).fit(disp=0),
    "Poisson": lambda: smf.poisson(f"count ~ {RHS}", DF, exposure=DF["time"]).fit(disp=0),
    "NB2": lambda: smf.negativebinomial(f"count ~ {RHS}", DF, exposure=DF["time"]).fit(disp=0),
    "NB1": lambda: smf.negativebinomial(f"count ~ {RHS}", DF, loglike_method="nb1").fit(disp=0),
    "geometric": lambda: smf.negativebinomial(f"count ~ {RHS}", DF, loglike_method="geometric").fit(
        disp=0
    ),
    "GP": lambda: sm.GeneralizedPoisson.from_formula(f"count ~ {RHS}", DF, offset=TIME).fit(disp=0),
    "GLM gaussian": lambda: glm("size", sm.families.Gaussian()),
    "GLM gaussian log": lambda: glm("size", sm.families.Gaussian(LINKS.Log())),
    "GLM gamma": lambda: glm("size", sm.families.Gamma(LINKS.Log())),
    "GLM inverse gaussian": lambda: glm("size", sm.families.InverseGaussian(LINKS.Log())),
    "GLM tweedie": lambda: glm("size", sm.families.Tweedie(var_power=1.5)),
    "GLM poisson": lambda: glm("count", sm.families.Poisson(), exposure=DF["time"]),
    "GLM poisson sqrt": lambda: glm("count", sm.families.Poisson(LINKS.Sqrt())),
    "GLM negbin": lambda: glm("count", sm.families.NegativeBinomial(alpha=0.5), offset=TIME),
    "GLM cloglog": lambda: glm("yes", sm.families.Binomial(LINKS.CLogLog())),
    "GLM loglog": lambda: glm("yes", sm.families.Binomial(LINKS.LogLog())),
    "GLM cauchit": lambda: glm("yes", sm.families.Binomial(LINKS.Cauchy())),
    "GLM trials": lambda: glm("hits + misses", sm.families.Binomial()),
    "GLM counted": lambda: glm("yes", sm.families.Binomial(), freq_weights=DF["w"]),
    "GEE": lambda: smf.gee(
        f"count ~ {RHS}", "school", DF, family=sm.families.Poisson(), exposure=DF["time"]
    ).fit(),
    "formulaic": lambda: with_formulaic(f"yes ~ {RHS}"),
}


def with_formulaic(formula):
    if not hasattr(statsmodels.formula, "options"):
        pytest.skip("this statsmodels knows patsy only")
    with engine("formulaic"):
        return smf.logit(formula, DF).fit(disp=0)


@contextmanager
def engine(name):
    """Read formulas with one of the engines; statsmodels predicts with that which is set."""
    options = getattr(statsmodels.formula, "options", None)
    before = getattr(options, "formula_engine", None)
    if options is not None:
        options.formula_engine = name
    try:
        yield
    finally:
        if options is not None:
            options.formula_engine = before


@pytest.fixture(scope="module")
def fits():
    """Fits by name, each made once."""
    return {}


@pytest.fixture(params=FITS)
def fit(request, fits):
    if request.param not in fits:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fits[request.param] = FITS[request.param]()
    return fits[request.param]


def predict(fit, frame):
    """Return statsmodels' predictions of the rows of a changed frame, with their own offset."""
    model = fit.model
    more = {}
    for name in ("offset", "exposure"):
        value = getattr(model, name, None)
        if value is not None and np.shape(value) == (len(frame),):
            more[name] = np.exp(value) if name == "exposure" else value
    with engine("patsy" if hasattr(spec(fit), "factor_infos") else "formulaic"):
        return np.asarray(fit.predict(frame, **more))


def spec(fit):
    data = fit.model.data
    return getattr(data, "model_spec", None) or data.design_info


def weights(fit):
    return getattr(fit.model, "freq_weights", np.ones(len(DF)))


@pytest.fixture
def margins(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Margins(fit)


def test_average_prediction_is_that_of_the_fit(fit, margins):
    expected = np.average(fit.predict(), weights=weights(fit))
    np.testing.assert_allclose(margins.predict().estimate, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["x", "z"])
def test_slopes_are_differences_of_the_fit(fit, margins, name):
    step = 1e-4
    up, down = (predict(fit, DF.assign(**{name: DF[name] + h})) for h in (step, -step))
    slope = np.average((up - down) / (2 * step), weights=weights(fit))
    np.testing.assert_allclose(margins.dydx(name).estimate, slope, rtol=1e-6, atol=1e-9)


def test_changes_and_grids_are_those_of_the_fit(fit, margins):
    at = {g: np.average(predict(fit, DF.assign(g=g)), weights=weights(fit)) for g in "abc"}
    found = margins.predict({"g": list("abc")}).estimate
    np.testing.assert_allclose(found, list(at.values()), rtol=1e-12)
    change = margins.dydx("g")
    assert change.labels == ("g: b - a", "g: c - a")
    np.testing.assert_allclose(change.estimate, [at["b"] - at["a"], at["c"] - at["a"]], atol=1e-12)
    contrast = margins.contrasts(pairwise("g", ["b", "a"]))
    np.testing.assert_allclose(contrast.std_error, change.std_error[:1], rtol=1e-9)


def test_standard_errors_follow_the_gradient(fit, margins):
    """The delta method by differences in the parameters of the fit."""
    params = np.asarray(fit.params, dtype=float)
    cov = np.asarray(fit.cov_params(), dtype=float)
    k = fit.model.exog.shape[1]
    exog = fit.model.exog
    link = margins._fitted.mean
    offset = margins._fitted.offsets.get("mean", 0.0)

    def average(beta):
        eta = exog @ beta + offset
        inverse = getattr(getattr(link, "outcome", None), "inverse", lambda x: x)
        return np.average(inverse(eta), weights=weights(fit))

    gradient = []
    for j in range(k):
        step = np.zeros(k)
        step[j] = 1e-3 * np.sqrt(cov[j, j])
        wide, narrow = (
            (average(params[:k] + s * step) - average(params[:k] - s * step)) / (2 * s * step[j])
            for s in (1.0, 0.5)
        )
        gradient.append((4 * narrow - wide) / 3)
    se = np.sqrt(gradient @ cov[:k, :k] @ gradient)
    np.testing.assert_allclose(margins.predict().std_error, se, rtol=1e-7)


def test_the_adapter_keeps_its_promises(margins, fit):
    from pymargins.adapters.registry import adapter_for

    assert check_adapter(adapter_for(fit, None, None))


def test_sessions_travel(margins):
    again = pickle.loads(pickle.dumps(margins))
    np.testing.assert_array_equal(again.dydx("x").std_error, margins.dydx("x").std_error)


# --- codings, units, rows ------------------------------------------------------------------------


def test_neither_coding_nor_units_matter():
    plain = Margins(smf.logit("yes ~ x + z * C(g)", DF).fit(disp=0))
    moved = DF.assign(x=1000.0 * DF["x"])
    other = Margins(smf.logit("yes ~ x + z * C(g, Sum)", moved).fit(disp=0))
    slope, scaled = plain.dydx("x"), other.dydx("x")
    np.testing.assert_allclose(scaled.estimate * 1000, slope.estimate, rtol=1e-9)
    np.testing.assert_allclose(scaled.std_error * 1000, slope.std_error, rtol=1e-8)
    for verb in ("predict", "dydx"):
        asked = {"g": list("abc")} if verb == "predict" else "z"
        a, b = getattr(plain, verb)(asked), getattr(other, verb)(asked)
        np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-9)
        np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-8)


def test_rows_with_missing_values_are_left_out_with_their_exposure():
    holes = DF.copy()
    holes.loc[[3, 40, 77], "z"] = np.nan
    fit = smf.poisson("count ~ x + z", holes, exposure=holes["time"]).fit(disp=0)
    m = Margins(fit)
    np.testing.assert_allclose(m.predict().estimate, holes["count"].drop([3, 40, 77]).mean())
    again = Margins(fit, data=holes)
    np.testing.assert_array_equal(again.predict(over="g").estimate, m.predict(over="g").estimate)


def test_a_frame_that_was_changed_is_told_of():
    frame = DF.copy()
    fit = smf.ols("size ~ x + z", frame).fit()
    frame["x"] = frame["x"] * 2
    with pytest.raises(ModelError, match="do not reproduce the fitted design in 'x'"):
        Margins(fit)
    assert Margins(fit, data=DF).dydx("x").estimate == pytest.approx(fit.params["x"])


def test_array_fits_have_columns_as_variables():
    exog = sm.add_constant(DF[["x", "z"]])
    m = Margins(sm.Logit(DF["yes"], exog).fit(disp=0))
    formula = Margins(smf.logit("yes ~ x + z", DF).fit(disp=0))
    np.testing.assert_allclose(m.dydx("all").estimate, formula.dydx("all").estimate, rtol=1e-10)
    bare = Margins(sm.OLS(DF["size"].to_numpy(), exog.to_numpy()).fit())
    assert bare.dydx("all").labels == ("x1", "x2")
    given = Margins(sm.OLS(DF["size"].to_numpy(), exog.to_numpy()).fit(), data=DF)
    assert given.predict(over="g").labels == ("g=a", "g=b", "g=c")


def test_array_fits_without_their_missing_rows():
    exog = sm.add_constant(DF[["x", "z"]])
    exog.loc[3, "z"] = np.nan
    fit = sm.OLS(DF["size"], exog, missing="drop").fit()
    formula = smf.ols("size ~ x + z", DF.drop(3)).fit()
    np.testing.assert_allclose(Margins(fit).dydx("z").estimate, formula.params["z"])
    for data in (DF, DF.drop(3)):
        found = Margins(fit, data=data.assign(z=exog["z"])).predict(over="g")
        expected = Margins(formula).predict(over="g")
        np.testing.assert_allclose(found.estimate, expected.estimate)


def test_redundant_columns_leave_what_is_estimable():
    twice = DF.assign(again=2.0 * DF["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.ols("size ~ x + again + g", twice).fit()
    full = smf.ols("size ~ x + g", DF).fit()
    for kind in ("nonrobust", "HC1", "HC3"):
        a, b = Margins(fit, vcov=kind).predict(over="g"), Margins(full, vcov=kind).predict(over="g")
        np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-8)
    with pytest.raises(Exception, match=r"not determined|estimable"):
        Margins(fit).dydx("again")


# --- offsets -------------------------------------------------------------------------------------


def exposed():
    return smf.poisson("count ~ x + z * g", DF, exposure=DF["time"]).fit(disp=0)


def test_offset_as_a_number_is_on_the_scale_of_the_predictor():
    fit = exposed()
    for at in ("overall", "typical", "mean", "balanced", {"x": 2.0}, DF[["x", "z", "g"]]):
        rate = Margins(fit, at=at, offset=0).predict()
        ten = Margins(fit, at=at, offset=np.log(10.0)).predict()
        np.testing.assert_allclose(ten.estimate, 10 * rate.estimate, rtol=1e-12)
        np.testing.assert_allclose(ten.std_error, 10 * rate.std_error, rtol=1e-12)
    np.testing.assert_allclose(
        Margins(fit, offset=0).predict().estimate, np.mean(fit.predict(DF)), rtol=1e-12
    )
    assert "offset 0" in str(Margins(fit, offset=0).summary())


def test_one_row_has_the_mean_or_median_of_the_observed_offset():
    fit = exposed()
    log = TIME.to_numpy()
    for at, number in (("mean", log.mean()), ("typical", np.median(log)), ("balanced", log.mean())):
        one, other = Margins(fit, at=at), Margins(fit, at=at, offset=number)
        np.testing.assert_allclose(one.predict().estimate, other.predict().estimate, rtol=1e-12)
    within = Margins(fit, at="mean").predict(over="g")
    for level, estimate in zip("abc", within.estimate, strict=True):
        rows = (DF["g"] == level).to_numpy()
        one = Margins(
            fit,
            at={"x": DF["x"][rows].mean(), "z": DF["z"][rows].mean(), "g": level},
            offset=log[rows].mean(),
        )
        np.testing.assert_allclose(one.predict().estimate, estimate, rtol=1e-12)


def test_offsets_that_cannot_be():
    fit = exposed()
    with pytest.raises(ArgumentError, match="offset: this model was fitted with an offset"):
        Margins(fit, at=DF[["x", "z", "g"]])
    with pytest.raises(ArgumentError, match="offset: got 'none'; allowed are"):
        Margins(fit, offset="none")
    with pytest.raises(ArgumentTypeError, match="offset: expected"):
        Margins(fit, offset=[0.0])
    with pytest.raises(ArgumentError, match="offset: got nan"):
        Margins(fit, offset=np.nan)
    with pytest.raises(UnsupportedError, match="without offset or exposure"):
        Margins(smf.ols("size ~ x", DF).fit(), offset=0)


# --- weights -------------------------------------------------------------------------------------


def test_frequency_weights_are_rows():
    """A row that counts three times is three rows, in every covariance and population."""
    counted = smf.glm("yes ~ x + g", DF, family=sm.families.Binomial(), freq_weights=DF["w"]).fit()
    long = DF.loc[DF.index.repeat(DF["w"])].reset_index(drop=True)
    rows = smf.glm("yes ~ x + g", long, family=sm.families.Binomial()).fit()
    for kind in ("model", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2", "CR3"):
        cluster = "school" if kind[:2] == "CR" else None
        a, b = (Margins(f, vcov=kind, cluster=cluster) for f in (counted, rows))
        for ask in (lambda m: m.dydx("all"), lambda m: m.predict(over="g")):
            np.testing.assert_allclose(ask(a).estimate, ask(b).estimate, rtol=1e-8)
            np.testing.assert_allclose(ask(a).std_error, ask(b).std_error, rtol=1e-7)
    for at in ("typical", "mean", "balanced"):
        a, b = Margins(counted, at=at).predict(), Margins(rows, at=at).predict()
        np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-8)
    said = " ".join(str(Margins(counted).summary()).split())
    assert "as often as its frequency weight says" in said
    equal = Margins(counted, weights=np.ones(len(DF)))
    np.testing.assert_allclose(equal.predict().estimate, np.mean(counted.predict()), rtol=1e-12)


def test_other_weights_weight_the_fit_only():
    fit = smf.wls("size ~ x", DF, weights=DF["w"]).fit()
    m = Margins(fit)
    np.testing.assert_allclose(m.predict().estimate, np.mean(fit.predict()), rtol=1e-12)
    assert "weights of the fit do not weight averages" in str(m.predict())


# --- covariances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["HC1", "HC2", "HC3"])
def test_a_table_says_where_the_fit_computed_another_covariance(kind):
    """statsmodels takes HC0 for all of them, but for least squares."""
    for model in (smf.logit("yes ~ x", DF), smf.glm("count ~ x", DF, family=sm.families.Poisson())):
        fit = model.fit(disp=0, cov_type=kind)
        np.testing.assert_allclose(fit.bse, model.fit(disp=0, cov_type="HC0").bse)
        told = " ".join(str(Margins(fit).predict()).split())
        assert f"as the fit reports it (called {kind}, computed as HC0)" in told
        assert f"covariance: {kind}." in str(Margins(fit, vcov=kind).predict())
    linear = Margins(smf.ols("size ~ x", DF).fit(cov_type=kind)).predict()
    assert f"as the fit reports it ({kind})" in str(linear)


def test_leverages_are_real():
    """HC3 of a logit is not HC0, and is the jackknife to first order."""
    fit = smf.logit("yes ~ x + z", DF).fit(disp=0)
    se = {k: Margins(fit, vcov=k).dydx("x").std_error[0] for k in ("HC0", "HC1", "HC2", "HC3")}
    n, k = len(DF), 3
    assert se["HC1"] == pytest.approx(se["HC0"] * np.sqrt(n / (n - k)), rel=1e-9)
    assert se["HC0"] < se["HC2"] < se["HC3"]


def test_single_rows_as_clusters_are_heteroscedastic():
    fit = smf.poisson("count ~ x + z", DF).fit(disp=0)
    for cluster, plain in (("CR0", "HC0"), ("CR2", "HC2"), ("CR3", "HC3")):
        a = Margins(fit, vcov=cluster, cluster=np.arange(len(DF))).dydx("all")
        b = Margins(fit, vcov=plain).dydx("all")
        np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-9)


def test_the_clusters_of_the_fit_are_the_default():
    fit = smf.ols("size ~ x", DF).fit(cov_type="cluster", cov_kwds={"groups": DF["school"]})
    a = Margins(fit, vcov="CR2")
    b = Margins(fit, vcov="CR2", cluster="school")
    np.testing.assert_array_equal(a.dydx("x").std_error, b.dydx("x").std_error)
    assert "cluster" in str(Margins(fit).summary())
    with_t = smf.ols("size ~ x", DF).fit(
        cov_type="cluster", cov_kwds={"groups": DF["school"]}, use_t=True
    )
    assert Margins(with_t).dydx("x").to_frame()["df"].tolist() == [15.0]


def test_gls_with_blocks_wants_clusters_that_hold_them():
    same = np.equal.outer(DF["school"].to_numpy(), DF["school"].to_numpy())
    fit = smf.gls("size ~ x", DF, sigma=np.where(same, 0.4, 0.0) + 0.6 * np.eye(len(DF))).fit()
    assert Margins(fit, vcov="CR2", cluster="school").dydx("x").std_error > 0
    with pytest.raises(UnsupportedError, match="correlates rows of different clusters"):
        Margins(fit, vcov="CR2", cluster="g")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vcov": "HAC"}, ArgumentError, "needs the number of lags"),
        ({"vcov": HAC(500)}, ArgumentError, "reaches back 500 rows"),
        ({"vcov": "CR2"}, ArgumentError, "needs to know the clusters"),
        ({"vcov": "HC3", "cluster": "school"}, ArgumentError, "does not use it"),
        ({"vcov": "CR0", "cluster": "schol"}, Exception, "Did you mean 'school'"),
        ({"vcov": "CR0", "cluster": np.ones(len(DF))}, ArgumentError, "in one cluster"),
        ({"vcov": "gls"}, UnsupportedError, "not available for this model"),
        ({"vcov": "HC9"}, ArgumentError, "Did you mean"),
        ({"df": "kenward-roger"}, Exception, "kenward-roger"),
        ({"vcov": "HC3", "df": "satterthwaite"}, UnsupportedError, 'goes with vcov="CR2"'),
    ],
)
def test_covariances_that_cannot_be(options, error, message):
    with pytest.raises(error, match=message):
        Margins(smf.ols("size ~ x", DF).fit(), **options)


def test_a_row_that_determines_a_coefficient_alone():
    alone = DF.assign(first=(np.arange(len(DF)) == 0).astype(int))
    with pytest.raises(Exception, match="leverage 1"):
        Margins(smf.ols("size ~ x + first", alone).fit(), vcov="HC3")


def test_no_more_than_a_quantile_fit_has():
    fit = smf.quantreg("size ~ x", DF).fit(q=0.25)
    with pytest.raises(UnsupportedError, match="Supported: 'model'"):
        Margins(fit, vcov="HC0")
    assert "quantile (0.25), not of a mean" in str(Margins(fit).predict())


# --- what is not read ----------------------------------------------------------------------------


def test_what_is_not_read():
    with pytest.raises(UnsupportedModelError, match=r"of a GLSAR\. Supported are the results"):
        Margins(sm.GLSAR(DF["size"], DF[["x"]]).fit())
    with pytest.raises(UnsupportedModelError, match="expected a fitted model, got object"):
        Margins(object())
    with pytest.raises(UnsupportedModelError, match="not fitted"):
        Margins(smf.ols("size ~ x", DF))
    with pytest.raises(UnsupportedModelError, match="fit_regularized"):
        Margins(smf.logit("yes ~ x", DF).fit_regularized(alpha=1.0, disp=0))
    with pytest.raises(UnsupportedModelError, match="fit_regularized"):
        Margins(smf.ols("size ~ x", DF).fit_regularized(alpha=1.0))
    bare = smf.ols("size ~ x", DF).fit()
    bare.remove_data()
    with pytest.raises(ModelError, match="remove_data"):
        Margins(bare)


@pytest.mark.parametrize("p", [1, 2])
def test_negative_binomial_p_is_negative_binomial(p):
    exog = sm.add_constant(DF[["x", "z"]]).to_numpy()
    count = DF["count"].to_numpy()
    method = {1: "nb1", 2: "nb2"}[p]
    one = sm.NegativeBinomialP(count, exog, p=p).fit(disp=0, method="newton", maxiter=100)
    other = sm.NegativeBinomial(count, exog, loglike_method=method).fit(
        disp=0, method="newton", maxiter=100
    )
    for kind in ("model", "nonrobust", "HC0", "HC3", "CR1"):
        cluster = DF["school"].to_numpy() if kind == "CR1" else None
        a, b = (Margins(f, vcov=kind, cluster=cluster).dydx("all") for f in (one, other))
        np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-6)
        np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-5)
