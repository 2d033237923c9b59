"""Prediction intervals: against statsmodels, what they are of, and who has none."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import special, stats

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    NumericalError,
    Response,
    Scenario,
    UnsupportedError,
    pairwise,
)
from support.small_models import fit as mixed
from support.small_models import session, study

EXACT = 1e-10
POINTS = pd.DataFrame({"dose": [0.5, 2.0, 4.0], "school": ["A", "C", "D"]})


@pytest.fixture(scope="module")
def frame():
    out = study()
    rng = np.random.default_rng(3)
    out["weight"] = rng.uniform(0.5, 3.0, len(out))
    out["passed"] = (out["score"] > out["score"].median()).astype(int)
    out["count"] = rng.poisson(3, len(out))
    return out


@pytest.fixture(scope="module")
def ols(frame):
    return smf.ols("score ~ dose * school", frame).fit()


@pytest.fixture(scope="module")
def clusters(frame):
    return mixed("score ~ dose + school", frame, re_formula="~dose")


def ends(intervals):
    return intervals.to_frame()[["pi_lower", "pi_upper"]].to_numpy()


# --- linear regressions are statsmodels' ---------------------------------------------------------


def theirs(fit, exog, level=0.95, **more):
    found = fit.get_prediction(exog, **more).summary_frame(alpha=1 - level)
    return found[["obs_ci_lower", "obs_ci_upper"]].to_numpy()


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC3"])
def test_ols(frame, level, cov_type):
    fit = smf.ols("score ~ dose * school", frame).fit(cov_type=cov_type)
    found = Margins(fit).predict(POINTS).prediction_interval(level)
    np.testing.assert_allclose(ends(found), theirs(fit, POINTS, level), rtol=EXACT)


def test_wls_has_the_weight_of_the_new_observation(frame):
    fit = smf.wls("score ~ dose * school", frame, weights=frame["weight"]).fit()
    result = Margins(fit).predict(POINTS)
    np.testing.assert_allclose(ends(result.prediction_interval()), theirs(fit, POINTS), rtol=EXACT)
    weights = np.array([0.5, 1.0, 4.0])
    found = result.prediction_interval(weight=weights)
    np.testing.assert_allclose(ends(found), theirs(fit, POINTS, weights=weights), rtol=EXACT)
    assert "of the weight given" in str(found)
    one = result.prediction_interval(weight=2)
    np.testing.assert_allclose(ends(one), theirs(fit, POINTS, weights=np.full(3, 2.0)), rtol=EXACT)


def test_gls(frame):
    n = len(frame)
    sigma = 0.3 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    fit = smf.gls("score ~ dose * school", frame, sigma=sigma).fit()
    found = Margins(fit).predict(POINTS).prediction_interval()
    np.testing.assert_allclose(ends(found), theirs(fit, POINTS), rtol=EXACT)


def test_array_fits(frame):
    x = sm.add_constant(frame[["dose", "age"]])
    fit = sm.OLS(frame["score"], x).fit()
    points = pd.DataFrame({"dose": [1.0, 2.0], "age": [30, 60]})
    found = Margins(fit, data=frame).predict(points).prediction_interval()
    np.testing.assert_allclose(ends(found), theirs(fit, sm.add_constant(points)), rtol=EXACT)


def test_random_designs_are_the_textbooks():
    rng = np.random.default_rng(8)
    for n, p in [(7, 2), (12, 4), (30, 3)]:
        x = np.column_stack([np.ones(n), rng.normal(size=(n, p))])
        names = [f"x{j}" for j in range(p)]
        data = pd.DataFrame(x[:, 1:], columns=names).assign(y=rng.normal(3, 2, n))
        new = rng.normal(size=(4, p))
        m = Margins(smf.ols("y ~ " + " + ".join(names), data).fit())
        found = m.predict(pd.DataFrame(new, columns=names)).prediction_interval(0.9)
        inverse = np.linalg.inv(x.T @ x)
        beta = inverse @ x.T @ data["y"]
        s2 = np.square(data["y"] - x @ beta).sum() / (n - p - 1)
        rows = np.column_stack([np.ones(4), new])
        error = np.sqrt(s2 * (1 + np.einsum("ka,ab,kb->k", rows, inverse, rows)))
        half = stats.t.ppf(0.95, n - p - 1) * error
        wanted = np.stack([rows @ beta - half, rows @ beta + half], axis=1)
        np.testing.assert_allclose(ends(found), wanted, rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(found.figures.prediction_error, error, rtol=EXACT)


# --- mixed models --------------------------------------------------------------------------------


def test_a_new_observation_has_all_variances(clusters):
    result = session(clusters, vcov="gls").predict(POINTS)
    z = np.column_stack([np.ones(3), POINTS["dose"]])
    between = np.einsum("ka,ab,kb->k", z, np.asarray(clusters.cov_re), z)
    whole = np.sqrt(result.std_error**2 + between + clusters.scale)
    mean = np.sqrt(result.std_error**2 + between)
    for of, error in {"observation": whole, "cluster": mean}.items():
        found = result.prediction_interval(of=of).to_frame()
        np.testing.assert_allclose(found["prediction_error"], error, rtol=EXACT)
        half = special.ndtri(0.975) * error
        np.testing.assert_allclose(found["pi_upper"] - found["estimate"], half, rtol=EXACT)


def test_a_mean_of_observations_weighs_as_many(clusters, ols):
    result = session(clusters, vcov="gls").predict(POINTS)
    five = result.prediction_interval(weight=5).to_frame()["prediction_error"]
    cluster = result.prediction_interval(of="cluster").to_frame()["prediction_error"]
    np.testing.assert_allclose(five**2, cluster**2 + clusters.scale / 5, rtol=EXACT)
    plain = Margins(ols).predict(POINTS)
    four = plain.prediction_interval(weight=[4, 4, 4]).to_frame()["prediction_error"]
    np.testing.assert_allclose(four**2, plain.std_error**2 + ols.scale / 4, rtol=EXACT)


def test_a_known_cluster_has_its_error_of_prediction_and_the_residual(clusters, frame):
    m = session(clusters, random_effects="predicted", df="kenward-roger")
    result = m.predict(POINTS.assign(student=[0, 1, 2]))
    found = result.prediction_interval().to_frame()
    error = np.sqrt(result.std_error**2 + clusters.scale)
    np.testing.assert_allclose(found["prediction_error"], error, rtol=EXACT)
    assert (found["df"] > result.df).all()
    new = m.predict(POINTS.assign(student=99)).prediction_interval().to_frame()
    population = session(clusters, df="kenward-roger").predict(POINTS).prediction_interval()
    columns = ["estimate", "prediction_error", "df", "pi_lower", "pi_upper"]
    np.testing.assert_allclose(new[columns], population.to_frame()[columns], rtol=1e-8)


@pytest.mark.parametrize("at", ["typical", "mean", {"dose": 2.0}])
def test_a_population_of_one_row_is_a_design_point(clusters, at):
    result = session(clusters, at=at).predict({"school": ["A", "B"]})
    assert len(result.prediction_interval()) == 2
    one = result["school=B"].prediction_interval()
    np.testing.assert_array_equal(ends(one), ends(result.prediction_interval())[1:])


def test_subgroups_of_one_row_are_design_points(clusters):
    result = session(clusters, at="typical").predict(over="school")
    assert len(result.prediction_interval()) == 4


def test_scenarios_without_contrasts_are_design_points(clusters):
    points = [Scenario({"dose": 1.0, "school": s}, s) for s in "AB"]
    m = session(clusters)
    found = m.contrasts(points).prediction_interval()
    wanted = m.predict({"dose": 1.0, "school": ["A", "B"]}).prediction_interval()
    np.testing.assert_allclose(ends(found), ends(wanted), rtol=EXACT)


def test_a_population_in_pieces_does_where_rows_set_everything(clusters, frame, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "population.parquet"
    frame[["dose", "school", "student"]].to_parquet(path)
    m = session(clusters, at=path)
    wanted = session(clusters).predict(POINTS).prediction_interval()
    np.testing.assert_allclose(
        ends(m.predict(POINTS).prediction_interval()), ends(wanted), rtol=EXACT
    )
    with pytest.raises(UnsupportedError, match="averages over several"):
        m.predict({"school": ["A", "B"]}).prediction_interval()


def test_an_intercept_alone_is_a_design_point(frame):
    result = session(mixed("score ~ 1", frame)).predict()
    assert ends(result.prediction_interval()).shape == (1, 2)


def test_degrees_of_freedom_below_two_are_refused(frame):
    few = frame[frame["student"] < 3]
    fit = mixed("score ~ dose", few)
    m = session(fit, df="satterthwaite")
    with pytest.raises(NumericalError, match=r"degrees of freedom.*of=.observation"):
        m.predict({"dose": 1.0}).prediction_interval(of="cluster")
    assert np.isfinite(ends(session(fit).predict({"dose": 1.0}).prediction_interval())).all()


def test_clusters_without_variance_have_no_mean_of_a_new_one(frame):
    rng = np.random.default_rng(2)
    alike = frame.assign(score=50 + rng.normal(size=len(frame)))
    alike["score"] -= alike.groupby("student")["score"].transform("mean")
    fit = mixed("score ~ dose", alike, how={"method": "powell"})
    for options in ({}, {"df": "satterthwaite"}, {"df": "kenward-roger"}):
        result = session(fit, polish=True, **options).predict({"dose": 1.0})
        with pytest.raises(NumericalError, match=r"of: .cluster. has no interval at 'dose=1'"):
            result.prediction_interval(of="cluster")
        assert len(result.prediction_interval()) == 1


# --- bootstraps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(clusters):
    def of(interval):
        option = Bootstrap(n_boot=60, kind="parametric", interval=interval, rng=4)
        return session(clusters, method=option).predict({"dose": 2.0, "school": ["A", "B"]})

    return of


@pytest.mark.parametrize("of", ["observation", "cluster"])
@pytest.mark.parametrize("interval", ["studentized", "basic", "percentile", "normal"])
def test_bootstraps_hold_new_observations_of_the_fit_they_draw_from(drawn, clusters, interval, of):
    result = drawn(interval)
    found = result.prediction_interval(0.9, of=of)
    replicates = result.whole.replicates
    rows, z = result.inference.jacobian(result.estimand), np.array([1.0, 2.0])
    gamma = np.vstack([replicates.point.block("gamma"), replicates.center[-4:]])
    v = gamma[:, :3] @ [z[0] ** 2, 2 * z[0] * z[1], z[1] ** 2]
    v = v + (gamma[:, 3] if of == "observation" else 0.0)
    draws, center = replicates.point.block("beta") @ rows.T, replicates.center[:-4] @ rows.T
    low, high = ends(found).T
    value, error = result.estimate, found.figures.prediction_error

    def shares(limit):
        if interval == "percentile":
            return special.ndtr((limit - draws) / np.sqrt(v[:-1, None]))
        at = np.broadcast_to((limit - value)[None], draws.shape)
        if interval == "studentized":
            own = np.einsum("kp,bpq,kq->bk", rows, replicates.cov, rows) + v[:-1, None]
            at = at / error * np.sqrt(own)
        return special.ndtr((at - center + draws) / np.sqrt(v[-1]))

    if interval == "normal":
        fitted = np.r_[clusters.cov_re.to_numpy()[np.tril_indices(2)], clusters.scale]
        own = fitted[:3] @ [1.0, 4.0, 4.0] + (fitted[3] if of == "observation" else 0.0)
        np.testing.assert_allclose(error**2, draws.var(axis=0, ddof=1) + own)
        np.testing.assert_allclose(high - value, special.ndtri(0.95) * error)
        return
    np.testing.assert_allclose(shares(low).mean(axis=0), 0.05, atol=1e-9)
    np.testing.assert_allclose(shares(high).mean(axis=0), 0.95, atol=1e-9)


@pytest.mark.parametrize("interval", ["studentized", "percentile"])
def test_bootstraps_of_known_clusters_add_the_residual(clusters, interval):
    option = Bootstrap(n_boot=80, interval=interval, rng=4)
    m = session(clusters, random_effects="predicted", method=option)
    result = m.predict({"dose": 2.0, "school": "A", "student": [0, 1]})
    found = result.prediction_interval(0.9)
    replicates = result.whole.replicates
    draws, value = result.draws, result.estimate
    center = result.inference.at_center(result.estimand)
    gamma = replicates.point.blocks["gamma"]
    sigma2 = np.append(replicates.point.block("gamma")[:, -1], replicates.center[gamma][-1])
    for limit, share in zip(ends(found).T, (0.05, 0.95), strict=True):
        if interval == "percentile":
            shares = special.ndtr((limit - draws) / np.sqrt(sigma2[:-1, None]))
        else:
            rows = result.inference.jacobian(result.estimand)
            own = replicates.cov.variances(rows) + sigma2[:-1, None]
            at = (limit - value) / found.figures.prediction_error * np.sqrt(own)
            shares = special.ndtr((at + draws - center) / np.sqrt(sigma2[-1]))
        np.testing.assert_allclose(shares.mean(axis=0), share, atol=1e-9)


def test_bootstraps_say_where_limits_come_from(drawn):
    assert "own standard deviations" in str(drawn("studentized").prediction_interval()).replace(
        "\n", " "
    )


def test_bca_is_of_parameters(clusters):
    option = Bootstrap(n_boot=60, interval="bca", rng=1)
    result = session(clusters, method=option).predict({"dose": 2.0, "school": "A"})
    with pytest.raises(UnsupportedError, match="studentized"):
        result.prediction_interval()


# --- transformed outcomes ------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["observation", "cluster"])
def test_limits_of_a_logged_outcome_are_carried_back(frame, of):
    fit = mixed("np.log(score) ~ dose + school", frame)
    inside = session(fit, df="satterthwaite").predict(POINTS).prediction_interval(of=of)
    m = session(fit, df="satterthwaite", response="median")
    found = m.predict(POINTS).prediction_interval(of=of)
    np.testing.assert_allclose(ends(found), np.exp(ends(inside)), rtol=EXACT)
    assert found.figures.estimate == pytest.approx(np.exp(inside.figures.estimate))
    assert "carried back" in str(found)


def test_limits_are_the_same_around_a_mean(frame):
    fit = mixed("np.log(score) ~ dose + school", frame)
    options = {"vcov": "kenward-roger"}
    mean = session(fit, response="mean", **options).predict(POINTS).prediction_interval()
    median = session(fit, response="median", **options).predict(POINTS).prediction_interval()
    np.testing.assert_allclose(ends(mean), ends(median), rtol=EXACT)
    assert (mean.figures.estimate > median.figures.estimate).all()
    assert np.isfinite(mean.figures.df).all()
    with pytest.raises(UnsupportedError, match='response="median"'):
        session(fit, response="mean").predict(POINTS).prediction_interval(of="cluster")


def test_an_inverse_of_ones_own_carries_limits_too(frame):
    data = frame.assign(inverse=1.0 / frame["score"])
    fit = smf.ols("inverse ~ dose + school", data).fit()
    own = Margins(fit, response=Response("median", lambda z: 1.0 / z))
    low, high = ends(Margins(fit).predict(POINTS).prediction_interval()).T
    found = ends(own.predict(POINTS).prediction_interval())
    np.testing.assert_allclose(found, np.stack([1 / high, 1 / low], axis=1), rtol=EXACT)


# --- the table -----------------------------------------------------------------------------------


def test_columns_and_exports(ols):
    found = Margins(ols).predict(POINTS.assign(df=[1, 2, 3])).prediction_interval()
    names = ["label", "dose", "school", "df_", "estimate", "prediction_error", "df"]
    assert list(found.to_frame().columns) == [*names, "pi_lower", "pi_upper"]
    assert len(found) == 3
    assert "95 % PI" in str(found.summary())
    assert "<table" in found._repr_html_()
    assert found.to_polars().shape == (3, 9)


def test_summary_says_what_varies(clusters):
    m = session(clusters, df="satterthwaite", polish=True)
    text = str(m.predict(POINTS).prediction_interval()).replace("\n", " ")
    assert "one new observation of a new cluster" in text
    assert "Degrees of freedom are those of the whole variance." in text
    assert "Averaged over" not in text
    typical = session(clusters, at="typical").predict({"school": "A"}).prediction_interval()
    assert "At one typical row" in str(typical)
    text = str(m.predict(POINTS).prediction_interval(of="cluster")).replace("\n", " ")
    assert "the mean of a new cluster" in text


# --- who has none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: smf.logit("passed ~ dose", d), "logistic regression.*probability says all"),
        (lambda d: smf.poisson("count ~ dose", d), "Poisson regression.*quantiles"),
        (lambda d: smf.glm("score ~ dose", d), "generalised linear model"),
        (lambda d: smf.rlm("score ~ dose", d), "no distribution"),
        (lambda d: smf.quantreg("score ~ dose", d), "0.025 and 0.975"),
        (lambda d: smf.mnlogit("wave ~ dose", d), "probabilities of all"),
        (lambda d: smf.gee("score ~ dose", "student", d), "marginal model"),
        (lambda d: smf.phreg("age ~ dose", d), "hazards"),
    ],
)
def test_other_classes_are_refused_by_name(frame, make, words):
    model = make(frame)
    quiet = {"disp": 0} if "Logit" in type(model).__name__ or "Poisson" in str(model) else {}
    result = session(model.fit(**quiet)).predict({"dose": 1.0})
    with pytest.raises(UnsupportedError, match=words):
        result.prediction_interval()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m.predict(), "averages over several design points.*'dose', 'school'"),
        (lambda m: m.predict("school"), "'school=A', 'school=B', 'school=C' and 1 more average"),
        (lambda m: m.predict({"dose": lambda x: x + 1}), "averages over several"),
        (lambda m: m.dydx("dose"), "slope_quantiles"),
        (lambda m: m.contrasts(pairwise("school")), "point by point"),
        (lambda m: m.predict(POINTS).pairwise(), "point by point"),
        (lambda m: m.evaluate([Scenario({"dose": 1}, "a")], np.log), "point by point"),
        (lambda m: m.variance_components(), "without its session"),
    ],
)
def test_figures_that_are_no_design_point_are_refused(clusters, ask, words):
    for of in ("observation", "cluster"):
        with pytest.raises(UnsupportedError, match=words):
            ask(session(clusters)).prediction_interval(of=of)


@pytest.mark.parametrize(
    ("options", "asked", "error", "words"),
    [
        ({}, {"of": "clusters"}, ArgumentError, "Did you mean 'cluster'"),
        ({}, {"level": 95}, ArgumentError, "Did you mean 0.95"),
        ({}, {"lvel": 0.9}, ArgumentTypeError, "Did you mean 'level'"),
        ({}, {"weight": 2, "of": "cluster"}, ArgumentError, "no residual"),
        ({"random_effects": "zero"}, {}, UnsupportedError, "nobody meets"),
        ({"scale": "log"}, {}, UnsupportedError, "linear_scale"),
        ({"vcov": "CR2", "df": "satterthwaite"}, {}, UnsupportedError, "Bell-McCaffrey"),
        ({"df": "between-within"}, {}, UnsupportedError, 'df="satterthwaite"'),
        ({"method": "simulation"}, {}, UnsupportedError, 'method="delta"'),
    ],
)
def test_sessions_and_arguments_that_have_none(clusters, options, asked, error, words):
    result = session(clusters, **options).predict(POINTS)
    with pytest.raises(error, match=words):
        result.prediction_interval(**asked)


def test_known_clusters_need_one_cluster_a_row(clusters):
    m = session(clusters, random_effects="predicted")
    with pytest.raises(UnsupportedError, match="'student'"):
        m.predict(POINTS).prediction_interval()
    with pytest.raises(UnsupportedError, match="conf_int"):
        m.predict(POINTS.assign(student=1)).prediction_interval(of="cluster")


def test_regressions_have_no_clusters_and_no_drawn_residual_variance(ols):
    with pytest.raises(UnsupportedError, match="needs random effects"):
        Margins(ols).predict(POINTS).prediction_interval(of="cluster")
    m = Margins(ols, method=Bootstrap(n_boot=50, rng=1))
    with pytest.raises(UnsupportedError, match='method="delta"'):
        m.predict(POINTS).prediction_interval()


@pytest.mark.parametrize("weight", [0, -1.0, np.inf, np.nan, [1.0, 2.0]])
def test_weights_that_are_none(frame, weight):
    fit = smf.wls("score ~ dose * school", frame, weights=frame["weight"]).fit()
    with pytest.raises(ArgumentError, match="weight"):
        Margins(fit).predict(POINTS).prediction_interval(weight=weight)
    with pytest.raises(ArgumentTypeError, match="weight"):
        Margins(fit).predict(POINTS).prediction_interval(weight="heavy")


def test_what_clusters_vary_with_has_to_be_set(frame):
    fit = mixed("score ~ school", frame, re_formula="~dose")
    with pytest.raises(UnsupportedError, match=r"'dose'.*Add it to the formula"):
        session(fit).predict({"school": ["A"]}).prediction_interval()


def test_a_result_that_travelled_has_no_session(clusters):
    result = pickle.loads(pickle.dumps(session(clusters).predict(POINTS)))
    with pytest.raises(UnsupportedError, match="session of one fit"):
        result.prediction_interval()


def test_names_of_other_packages_are_answered(clusters):
    m = session(clusters)
    with pytest.raises(AttributeError, match="prediction_interval"):
        m.get_prediction(POINTS)
    with pytest.raises(AttributeError, match="prediction_interval"):
        _ = m.predict(POINTS).obs_ci_lower
