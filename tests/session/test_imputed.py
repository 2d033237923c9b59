"""Fits of imputed data sets, pooled by Rubin's rules: closed form, and figures of R's mice."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    ModelError,
    PymarginsWarning,
    Scenario,
    UnsupportedError,
    pairwise,
)
from support.small_models import fit, quietly, study

MICE = Path(__file__).parents[1] / "data" / "mice"
#: R's figures have all digits; iterations of logit models end next to their optimum.
LINEAR, LOGIT = 1e-10, 1e-6


@pytest.fixture(scope="module")
def sets():
    long = pd.read_csv(MICE / "imputations.csv")
    long["high"] = (long["hyp"] == 2).astype(int)
    return [frame.reset_index(drop=True) for _, frame in long.groupby(".imp")]


@pytest.fixture(scope="module")
def figures():
    return json.loads((MICE / "figures.json").read_text())


@pytest.fixture(scope="module")
def linear(sets):
    return [smf.ols("chl ~ age + bmi + hyp", one).fit() for one in sets]


@pytest.fixture(scope="module")
def logit(sets):
    return [smf.logit("high ~ age + bmi", one).fit(disp=0, tol=1e-12) for one in sets]


def agrees(result, figures, rows, rtol):
    found = [figures["term"].index(name) for name in rows]
    np.testing.assert_allclose(result.estimate, np.array(figures["estimate"])[found], rtol=rtol)
    np.testing.assert_allclose(result.std_error**2, np.array(figures["t"])[found], rtol=rtol)
    np.testing.assert_allclose(result.df, np.array(figures["df"])[found], rtol=rtol)


def test_coefficients_are_those_of_mice(linear, figures):
    slopes = Margins.imputed(linear).dydx("all")
    assert slopes.labels == ("age", "bmi", "hyp")
    agrees(slopes, figures["ols"], slopes.labels, LINEAR)


def test_coefficients_of_a_logit_are_those_of_mice(logit, figures):
    slopes = Margins.imputed(logit, response="link").dydx("all")
    agrees(slopes, figures["logit"], slopes.labels, LOGIT)


def test_an_average_over_imputed_rows_is_that_of_mice(linear, figures):
    average = Margins.imputed(linear).predict({"age": 2})
    expected = figures["average"]
    assert average.estimate[0] == pytest.approx(expected["estimate"], rel=LINEAR)
    assert average.std_error[0] ** 2 == pytest.approx(expected["t"], rel=LINEAR)
    assert average.df[0] == pytest.approx(expected["df"], rel=LINEAR)


@pytest.mark.parametrize(
    ("name", "fits", "options", "rtol"),
    [
        ("ols_joint", "linear", {}, LINEAR),
        ("ols_joint_large", "linear", {"df": np.inf}, LINEAR),
        ("logit_joint", "logit", {"response": "link"}, LOGIT),
    ],
)
def test_joint_tests_are_those_of_mice(request, figures, name, fits, options, rtol):
    m = Margins.imputed(request.getfixturevalue(fits), **options)
    found, expected = m.dydx(["age", "bmi"]).joint_test(), figures[name]
    assert found["df1"] == expected["df1"]
    for here, there in (("statistic", "F"), ("df2", "df2"), ("p_value", "p")):
        assert found[here] == pytest.approx(expected[there], rel=rtol)


# --- closed form ---------------------------------------------------------------------------------


def by_hand(results):
    """Return estimates, T and df of Barnard and Rubin from one result a fit."""
    q = np.stack([one.inference.value(one.estimand) for one in results])
    within = np.mean([one.cov for one in results], axis=0)
    more = 1 + 1 / len(results)
    between = np.cov(q.T, ddof=1).reshape(q.shape[1], q.shape[1])
    total = within + more * between
    share = more * np.diag(between) / np.diag(total)
    old = (len(results) - 1) / share**2
    complete = np.mean([one.df for one in results], axis=0)
    with np.errstate(invalid="ignore"):
        observed = (complete + 1) / (complete + 3) * complete * (1 - share)
        df = np.where(np.isinf(complete), old, old * observed / (old + observed))
    return q.mean(axis=0), total, df


QUESTIONS = {
    "grid": lambda m: m.predict({"age": [1, 3], "bmi": [20.0, 30.0]}),
    "slopes": lambda m: m.dydx("all", atexog={"age": [1, 2]}),
    "contrast": lambda m: m.contrasts([Scenario({"age": 3}), Scenario({"age": 1})], [1, -1]),
    "function": lambda m: m.evaluate([Scenario({"age": 3}), Scenario({"age": 1})], np.sqrt),
    "elasticity": lambda m: m.eyex("bmi"),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("scale", ["identity", "log"])
@pytest.mark.parametrize("which", ["linear", "logit"])
def test_every_verb_is_pooled(request, which, scale, question):
    fits = request.getfixturevalue(which)
    found = question(Margins.imputed(fits, scale=scale))
    each = [question(Margins(one, scale=scale)) for one in fits]
    value, total, df = by_hand(each)
    np.testing.assert_allclose(found.inference.value(found.estimand), value, rtol=1e-12)
    np.testing.assert_allclose(found.cov, total, rtol=1e-10, atol=1e-16)
    np.testing.assert_allclose(found.df, df, rtol=1e-9)
    half = stats.t.ppf(0.975, df) * np.sqrt(np.diag(total))
    low = found.scale.inverse(value - half)
    np.testing.assert_allclose(found.conf_int()["ci_lower"], low, rtol=1e-9)


def test_results_combine(linear):
    m = Margins.imputed(linear)
    a, b = m.predict({"age": [3]}), m.predict({"age": [1]})
    asked = m.contrasts([Scenario({"age": 3}), Scenario({"age": 1})], [1, -1])
    for made in ((a - b), m.predict({"age": [3, 1]}).pairwise()):
        np.testing.assert_allclose(made.estimate, asked.estimate, rtol=1e-12)
        np.testing.assert_allclose(made.std_error, asked.std_error, rtol=1e-10)
        np.testing.assert_allclose(made.df, asked.df, rtol=1e-8)
    ratio = a / b
    each = [one.predict({"age": [3]}) / one.predict({"age": [1]}) for one in map(Margins, linear)]
    value, total, _ = by_hand(each)
    assert ratio.estimate[0] == pytest.approx(value[0])
    assert ratio.std_error[0] ** 2 == pytest.approx(total[0, 0])


def test_adjusted_families_and_joint_tests(sets):
    fits = [smf.ols("chl ~ C(age) + bmi", one).fit() for one in sets]
    every = Margins.imputed(fits).contrasts(pairwise("age"))
    assert len(every) == 3
    joint, two = every.joint_test(), every[:2].joint_test()
    assert joint["df1"] == 2  # the third is a combination of the others
    assert joint["statistic"] == pytest.approx(two["statistic"], rel=1e-9)
    assert joint["df2"] == pytest.approx(two["df2"], rel=1e-9)
    one = every[0].joint_test()
    assert one["statistic"] == pytest.approx(every.statistic[0] ** 2)
    assert one["p_value"] == pytest.approx(every.p_value[0])
    for method in ("tukey", "holm", "mvt"):
        assert (every.adjust(method).p_value >= every.p_value).all()


def test_equal_data_sets_change_nothing(linear):
    same, one = Margins.imputed([linear[0]] * 4), Margins(linear[0])
    found, expected = same.dydx("all"), one.dydx("all")
    np.testing.assert_allclose(found.cov, expected.cov, rtol=1e-10)
    # Barnard and Rubin's factor (v + 1)/(v + 3) stays
    np.testing.assert_allclose(found.df, 21 * 22 / 24, rtol=1e-10)
    assert found.joint_test()["statistic"] == pytest.approx(expected.joint_test()["statistic"])


def test_mixed_models_and_small_samples(sets):
    with quietly():
        fits = [fit("score ~ age + treated", study(seed=s)) for s in (1, 2, 3)]
        m = Margins.imputed(fits, df="satterthwaite")
        found = m.dydx("age")
        each = [Margins(one, df="satterthwaite").dydx("age") for one in fits]
    _, total, df = by_hand(each)
    assert found.std_error[0] ** 2 == pytest.approx(total[0, 0])
    assert found.df[0] == pytest.approx(df[0], rel=1e-8)


def test_what_tables_say(linear):
    m = Margins.imputed(linear)
    text = str(m.predict({"age": [1, 2]}))
    assert "pooled over 6 imputations by Rubin's rules" in text
    assert "Barnard-Rubin" in text
    assert "doi:10.1093/biomet/86.4.948" in str(m)
    assert len(m) == 6
    with pytest.raises(AttributeError, match="a session is frozen"):
        m.level = 0.9


def test_results_and_sessions_travel(linear):
    m = Margins.imputed(linear)
    result = m.predict({"age": [1, 2]})
    for sent in (
        pickle.loads(pickle.dumps(result)),
        pickle.loads(pickle.dumps(m)).predict({"age": [1, 2]}),
    ):
        pd.testing.assert_frame_equal(sent.to_frame(), result.to_frame())
    with pytest.raises(UnsupportedError, match="save: pooled results"):
        result.save("none")


# --- what cannot be pooled -----------------------------------------------------------------------


def test_fits_of_different_models_are_refused(linear, logit, sets):
    other = smf.ols("chl ~ age + bmi", sets[1]).fit()
    with pytest.raises(ModelError, match=r"fit 1 .* their columns differ: .*'hyp'"):
        Margins.imputed([linear[0], other])
    with pytest.raises(ModelError, match=r"fit 2 .* their class of model differ"):
        Margins.imputed([linear[0], linear[1], logit[0]])
    with pytest.raises(ModelError, match="their outcome differ: 'bmi' and 'chl'"):
        Margins.imputed([linear[0], smf.ols("bmi ~ age + chl + hyp", sets[1]).fit()])


@pytest.mark.parametrize("options", [{"method": Bootstrap(20, rng=1)}, {"method": "simulation"}])
def test_draws_are_refused(linear, options):
    with pytest.raises(UnsupportedError, match=r"draws, .* are not pooled"):
        Margins.imputed(linear, **options)


def test_what_is_no_list_of_fits(linear, sets):
    with pytest.raises(ArgumentTypeError, match="imputed: expected a list of fitted results"):
        Margins.imputed(linear[0])
    with pytest.raises(ArgumentError, match=r"imputed: got 1 fit\(s\)"):
        Margins.imputed(linear[:1])
    with pytest.raises(ArgumentError, match="data: 2 data sets given for 6 fits"):
        Margins.imputed(linear, data=sets[:2])


def test_rows_that_differ_between_imputations_are_told(sets):
    each = [one.assign(drawn=i) for i, one in enumerate(sets)]
    fits = [smf.ols("chl ~ age + bmi + hyp", one).fit() for one in each]
    with pytest.raises(ArgumentError, match=r"the rows of fit 1 .* name the values"):
        Margins.imputed(fits).predict(over="drawn")


def test_array_fits_have_a_data_set_each(sets, linear):
    import statsmodels.api as sm

    fits = [sm.OLS(one["chl"], sm.add_constant(one[["age", "bmi", "hyp"]])).fit() for one in sets]
    found = Margins.imputed(fits, data=sets).dydx("bmi")
    expected = Margins.imputed(linear).dydx("bmi")
    assert found.std_error[0] == pytest.approx(expected.std_error[0])


def agree(test, other):
    for name in ("statistic", "df1", "df2", "p_value"):
        assert test[name] == pytest.approx(other[name], rel=1e-8)


def test_terms_are_tested_by_d1(sets):
    """A test of a term is that of its own contrasts or slopes, whose D1 is that of mice."""
    plain = Margins.imputed([smf.ols("chl ~ age + bmi + hyp", one).fit() for one in sets])
    found = plain.joint_tests().set_index("term")
    for name in ("age", "bmi", "hyp"):
        agree(found.loc[name], plain.dydx(name).joint_test())
    crossed = Margins.imputed([smf.ols("chl ~ C(age) * bmi", one).fit() for one in sets])
    found = crossed.joint_tests(by={"bmi": 25}).set_index("term")
    agree(found.loc["C(age)"], crossed.contrasts(pairwise("age"), atexog={"bmi": 25}).joint_test())
    found = crossed.joint_tests().set_index("term")
    agree(found.loc["C(age):bmi"], crossed.dydx("bmi", atexog="age").pairwise().joint_test())
    assert list(found["df1"]) == [2, 1, 2]
    assert f"pooled over {len(sets)} imputations" in str(crossed.joint_tests())


#: mice 3.15: D1 of ``y ~ x * g + z`` against ``y ~ x + g + z`` in the data sets below.
MICE_INTERACTION = {"statistic": 0.2644725, "df1": 2, "df2": 35.98332, "p_value": 0.7690898}


def drawn():
    rng = np.random.default_rng(12)
    n = 120
    data = {"x": rng.normal(0, 1, n), "g": rng.choice(list("abc"), n), "z": rng.uniform(1, 3, n)}
    frame = pd.DataFrame(data)
    noise = rng.normal(0, 0.5, n)
    frame["y"] = 0.3 * frame["x"] + (frame["g"] == "b") * 0.2 + 0.4 * frame["z"] + noise
    missing = rng.random(n) < 0.3
    for _ in range(5):
        filled = frame.copy()
        filled.loc[missing, "x"] = (filled["y"] * 0.5 + rng.normal(0, 0.8, n))[missing]
        yield filled


def test_an_interaction_is_tested_as_mice_does():
    m = Margins.imputed([smf.ols("y ~ x * g + z", one).fit() for one in drawn()])
    found = m.joint_tests().set_index("term").loc["x:g"]
    for name, figure in MICE_INTERACTION.items():
        assert found[name] == pytest.approx(figure, rel=2e-7)


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
def test_an_imputation_that_lacks_a_combination_tests_no_term_of_it():
    sets = [one.assign(h=np.where(one["z"] > 2, "high", "low")) for one in drawn()]
    sets[1].loc[sets[1]["g"] == "c", "h"] = "low"
    with quietly():
        fits = [smf.ols("y ~ g * h", one).fit() for one in sets]
        found = Margins.imputed(fits).joint_tests().set_index("term")
    assert "do not determine" in found.loc["g:h", "note"]
    assert np.isnan(found.loc["g:h", "statistic"])


def test_what_is_not_pooled_is_told(linear):
    m = Margins.imputed(linear)
    with pytest.raises(AttributeError, match="Here it is not pooled; ask every fit"):
        m.diagnose()
    with pytest.raises(ArgumentTypeError, match="agge"):
        m.predict(agge=1)
    assert "bmi" in str(m.variables)


def test_fits_of_different_numbers_of_rows_are_told(linear, sets):
    fewer = smf.ols("chl ~ age + bmi + hyp", sets[1].iloc[:-3]).fit()
    with pytest.warns(PymarginsWarning, match=r"fit 0 has 25 rows, and fit 1 .* 22"):
        Margins.imputed([linear[0], fewer])
