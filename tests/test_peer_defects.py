"""Ways to get it wrong, each met in a published library; here with the right figure.

Rows 1 to 28 come from a library with the same interface, P1 to P11 from the most used general one.
The right figures are recomputed: design rows L by patsy, then L β and L V L'.
"""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

import pymargins
from pymargins import (
    ArgumentError,
    Margins,
    NumericalError,
    Scenario,
    UnknownNameError,
    UnsupportedError,
    all_pairwise,
    pairwise,
)
from support.small_models import CALLERS_NAMES, ROUNDING, FixedModel, fit, quietly, session

#: Elasticities against gradients formed row by row: the same algebra in another order.
ELASTICITY = 1e-9


@pytest.fixture(scope="module")
def data():
    """The data of the defects' own snippets."""
    rng = np.random.default_rng(42)
    n, groups = 160, 16
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "female": rng.binomial(1, 0.52, n),
            "treated": rng.binomial(1, 0.4, n),
            "school": rng.choice(list("ABCD"), n),
            "student": np.repeat(np.arange(groups), n // groups),
        }
    )
    frame["score"] = (
        50
        + 0.3 * frame.age
        - 2 * frame.female
        + 3 * frame.treated
        + rng.standard_normal(groups)[frame.student]
        + rng.normal(0, 5, n)
    )
    frame["z"] = rng.uniform(0, 6, n)
    frame["bp"] = rng.normal(120, 15, n)
    frame["inc"] = rng.normal(6e4, 2e4, n)
    frame["year"] = rng.integers(2000, 2020, n)
    frame["wave"] = rng.choice([1, 2, 4, 5], n)
    return frame


@pytest.fixture(scope="module")
def model(data):
    return fit("score ~ age*treated + C(school)", data)


@pytest.fixture(scope="module")
def m(model):
    return session(model)


class ByHand:
    """A fit's rows, coefficients and covariance, without pymargins."""

    def __init__(self, model):
        data = model.model.data
        self.info = getattr(data, "model_spec", None) or data.design_info
        self.beta = np.asarray(model.fe_params)
        self.cov = np.asarray(model.cov_params())[: len(self.beta), : len(self.beta)]

    def rows(self, frame):
        return np.asarray(patsy.build_design_matrices([self.info], frame)[0])

    def mean(self, frame, weights=None):
        return np.average(self.rows(frame), axis=0, weights=weights)

    def slopes(self, frame, name):
        """Derivatives of the rows, for designs that are at most cubic in the variable."""
        h = 1e-2 * np.ptp(frame[name].to_numpy(dtype=float))

        def central(h):
            x = frame[name].astype(float)
            return (
                self.rows(frame.assign(**{name: x + h})) - self.rows(frame.assign(**{name: x - h}))
            ) / (2 * h)

        return (4 * central(h / 2) - central(h)) / 3

    def agrees(self, result, matrix, rtol=ROUNDING):
        matrix = np.atleast_2d(matrix)
        np.testing.assert_allclose(result.estimate, matrix @ self.beta, rtol=rtol)
        np.testing.assert_allclose(
            result.std_error**2, np.diagonal(matrix @ self.cov @ matrix.T), rtol=rtol
        )


@pytest.fixture(scope="module")
def hand(model):
    return ByHand(model)


# --- wrong numbers -------------------------------------------------------------------------------


def test_1_2_3_slopes_of_linear_terms_are_the_coefficients(data):
    """Variables of any size; an income's slope is 1e-6, not 0."""
    model = fit("score ~ age + z + bp + inc", data)
    result = session(model).dydx("all")
    names = ["age", "z", "bp", "inc"]
    assert result.labels == tuple(names)
    np.testing.assert_allclose(result.estimate, model.fe_params[names], rtol=1e-10)
    np.testing.assert_allclose(result.std_error, model.bse_fe[names], rtol=1e-8)
    assert 0 < abs(result["inc"].estimate[0]) < 1e-4


def test_4_standard_errors_of_badly_scaled_designs(data):
    """Raw years: 0.0 and 19.4 were shown; here the same as about their middle."""
    raw = fit("score ~ inc + year + I(year**2)", data)
    centred = fit("score ~ inc + I(year - 2010) + I((year - 2010)**2)", data)
    for ask in (lambda m: m.predict(), lambda m: m.dydx("year"), lambda m: m.dydx("inc")):
        found, wanted = (ask(session(x, vcov="gls")) for x in (raw, centred))
        # the optimisers stop at slightly different variances
        np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=1e-3)
    row = ByHand(centred).mean(data)
    cov = session(centred, vcov="gls")._inference.cov
    assert session(centred, vcov="gls").predict().std_error[0] == pytest.approx(
        np.sqrt(row @ cov @ row), rel=ROUNDING
    )


def test_5_a_rank_deficient_spline_has_standard_errors(data):
    model = FixedModel("cr(age, df=4)", data)
    result = session(model).predict({"age": [25, 60]})
    matrix = np.stack([model.mean(data.assign(age=a)) for a in (25, 60)])
    np.testing.assert_allclose(
        result.std_error**2, np.diagonal(matrix @ model.cov @ matrix.T), rtol=ROUNDING
    )


def test_6_a_slope_at_each_point_of_a_grid(m, hand, data):
    result = m.dydx("age", atexog={"treated": [0, 1]})
    assert result.labels == ("age, treated=0", "age, treated=1")
    rows = [hand.slopes(data.assign(treated=t), "age").mean(axis=0) for t in (0, 1)]
    hand.agrees(result, rows, rtol=1e-9)


def elasticity(hand, frame, name):
    """Average of x d/μ over rows and its gradient, row by row."""
    rows, slopes = hand.rows(frame), hand.slopes(frame, name)
    x, mean, slope = frame[name].to_numpy(dtype=float), rows @ hand.beta, slopes @ hand.beta
    value = np.mean(x * slope / mean)
    gradient = np.mean((x / mean)[:, None] * (slopes - (slope / mean)[:, None] * rows), axis=0)
    return value, np.sqrt(gradient @ hand.cov @ gradient)


@pytest.mark.parametrize("over", ["treated", "school"])
def test_7_elasticities_within_subgroups(over, m, hand, data):
    result = m.eyex("age", over=over)
    wanted = [elasticity(hand, part, "age") for _, part in data.groupby(over)]
    np.testing.assert_allclose(result.estimate, [w[0] for w in wanted], rtol=ELASTICITY)
    np.testing.assert_allclose(result.std_error, [w[1] for w in wanted], rtol=ELASTICITY)


def test_8_an_elasticity_at_the_pinned_value(m, hand, data):
    result = m.eyex("age", atexog={"age": 30, "treated": 1})
    frame = data.assign(age=30.0, treated=1)
    slopes = hand.slopes(data.assign(treated=1), "age")
    rows = hand.rows(frame)
    mean, slope = rows @ hand.beta, slopes @ hand.beta
    value = np.mean(30 * slope / mean)
    gradient = np.mean((30 / mean)[:, None] * (slopes - (slope / mean)[:, None] * rows), axis=0)
    error = np.sqrt(gradient @ hand.cov @ gradient)
    assert result.estimate[0] == pytest.approx(value, rel=ELASTICITY)
    assert result.std_error[0] == pytest.approx(error, rel=ELASTICITY)
    at_mean_age = np.mean(data.age.mean() * slope / mean)
    assert abs(value - at_mean_age) > 0.05  # what was shown instead


def test_9_weights_count_in_contrasts_and_functions(model, hand, data):
    w = np.where(data.treated == 1, 5.0, 1.0)
    made = pairwise("age", [40, 30])
    row = hand.mean(data.assign(age=40), w) - hand.mean(data.assign(age=30), w)
    weighted = session(model, weights=w)
    hand.agrees(weighted.contrasts(made), row, rtol=1e-9)
    hand.agrees(weighted.evaluate(made, lambda x: x[0] - x[1]), row, rtol=1e-7)
    plain = session(model).contrasts(made)
    assert abs(weighted.contrasts(made).estimate[0] - plain.estimate[0]) > 1e-3


def test_10_joint_tests_of_pairwise_contrasts(m, hand, data):
    p = m.predict(over="school")
    six = p.pairwise().joint_test()
    three = p.contrast(np.eye(4)[1:] - np.eye(4)[0]).joint_test()
    assert six.df1 == three.df1 == 3
    assert six.statistic == pytest.approx(three.statistic, rel=1e-8)
    rows = np.stack([hand.mean(part) for _, part in data.groupby("school")])
    matrix = rows[1:] - rows[0]
    wald = (matrix @ hand.beta) @ np.linalg.solve(matrix @ hand.cov @ matrix.T, matrix @ hand.beta)
    assert six.statistic == pytest.approx(wald, rel=1e-8)
    assert six.p_value == pytest.approx(stats.chi2.sf(wald, 3), rel=1e-8)


@pytest.fixture(scope="module")
def slopes_differ(data):
    rng = np.random.default_rng(7)
    x, s = rng.normal(size=len(data)), data.student
    y = 1 + 2 * x + rng.normal(0, 3, 16)[s] + rng.normal(0, 2, 16)[s] * x
    return data.assign(x=x, y=y + rng.normal(size=len(data)))


def test_11_the_bootstrap_refits_the_users_model(slopes_differ):
    """Without the random slope the standard error was .15 by rows; the model's is near .5."""
    model = fit("y ~ x", slopes_differ, re_formula="~x")
    own = session(model, vcov="gls").dydx("x")
    boot = session(model, method="bootstrap", n_boot=80, rng=1).dydx("x")
    assert 0.6 < boot.std_error[0] / own.std_error[0] < 1.5  # 80 replicates: ± 8 %
    assert own.std_error[0] > 0.3


def test_12_the_null_of_a_ratio_is_one(model):
    r = session(model, scale="log").contrasts(all_pairwise("school", list("ABC")))
    z = np.log(r.estimate) / np.sqrt(np.diagonal(r.cov))
    wanted = 2 * stats.norm.sf(np.abs(z))
    np.testing.assert_allclose(r.test().p_value, wanted, rtol=1e-9)
    np.testing.assert_allclose(r.test(null=1.0).p_value, wanted, rtol=1e-9)
    adjusted = r.adjust("bonferroni").p_value
    np.testing.assert_allclose(adjusted, np.minimum(3 * wanted, 1), rtol=1e-9)
    assert np.isfinite(r.statistic).all()


def test_13_a_ratio_is_not_doubled(model):
    r = session(model, scale="log").contrasts(pairwise("treated", [1, 0]))
    with pytest.raises(UnsupportedError, match="log scale has no clear meaning"):
        r * 2


def test_14_all_pairs(m):
    result = m.contrasts(all_pairwise("school", list("ABCD")))
    assert result.labels == ("A - B", "A - C", "A - D", "B - C", "B - D", "C - D")


def test_15_options_that_do_not_exist_are_errors(model):
    assert not hasattr(pymargins, "trim")
    with pytest.raises(TypeError, match="trim"):
        Margins(model, trim=0.05)
    with pytest.raises(ArgumentError, match="n_sim"):
        Margins(model, n_sim=100)


def test_17_a_frame_changed_after_the_fit(data):
    frame = data.copy()
    model = fit("score ~ age*treated + C(school)", frame)
    m = session(model)
    frame["age"] = 0
    assert m.predict().estimate[0] == pytest.approx(model.predict().mean(), rel=ROUNDING)
    with pytest.raises(pymargins.ModelError, match="do not reproduce"):
        session(model)


# --- unusable or refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    ["np.log(age)", "bs(age, df=4)", "cr(age, df=4) - 1", "center(age)", "standardize(age)",
     'Q("age")', "I(age**2)"],
)  # fmt: skip
def test_18_variables_inside_transforms_have_slopes(term, data):
    model = FixedModel(f"treated + {term}", data)
    result = session(model).dydx("age")
    assert result.labels == ("age",)
    assert result.std_error[0] > 0


def test_18_a_part_of_a_name_is_no_variable(data):
    model = fit("score ~ age:female", data.assign(fe=1.0))
    with pytest.raises(UnknownNameError, match="'fe' is a column of the data but not a variable"):
        session(model).dydx("fe")


def test_18_19_numbers_that_are_categories(data):
    model = fit("score ~ C(wave) + age", data)
    m, hand = session(model), ByHand(model)
    result = m.dydx("wave")
    assert result.labels == ("wave: 2 - 1", "wave: 4 - 1", "wave: 5 - 1")
    base = hand.mean(data.assign(wave=1))
    hand.agrees(result, [hand.mean(data.assign(wave=w)) - base for w in (2, 4, 5)], rtol=1e-9)
    row = {"wave": [int(data.wave.mode()[0])], "age": [data.age.mean()]}
    hand.agrees(session(model, at="mean").predict(), hand.rows(pd.DataFrame(row)))
    row["age"] = [data.age.median()]
    hand.agrees(session(model, at="typical").predict(), hand.rows(pd.DataFrame(row)))


def test_19_other_columns_may_be_anything(data):
    frame = data.assign(note="text", when=pd.Timestamp("2024-01-01"), hole=np.nan)
    model = fit("score ~ age*treated + C(school)", frame)
    for at in ("overall", "typical", "mean", "balanced"):
        assert session(model, at=at).predict().std_error[0] > 0


def test_20_a_population_from_a_mapping(model, hand, data):
    row = pd.DataFrame(
        {
            "age": [30.0],
            "treated": [int(data.treated.mode()[0])],
            "school": [data.school.mode()[0]],
        }
    )
    hand.agrees(session(model, at={"age": 30}).predict(), hand.rows(row))
    hand.agrees(session(model, at={"age": lambda column: 30.0}).predict(), hand.rows(row))
    with pytest.raises(pymargins.ArgumentTypeError, match="function"):
        session(model, at=lambda frame: frame.iloc[[0]])


def test_21_weights_within_subgroups(model, hand, data):
    w = np.where(data.treated == 1, 5.0, 1.0)
    result = session(model, weights=w).predict(over="school")
    hand.agrees(result, [hand.mean(part, w[part.index]) for _, part in data.groupby("school")])
    with pytest.raises(ArgumentError, match="one weight for each of the 160 rows"):
        session(model, weights=w[:-1])


def test_22_joint_tests_of_one_row_and_of_ratios(model, m):
    one = m.dydx("age")
    assert one.joint_test().p_value == pytest.approx(one.p_value[0], rel=1e-8)
    ratios = session(model, scale="log").contrasts(all_pairwise("school", list("ABCD")))
    assert ratios.joint_test().df1 == 3


def test_23_a_covariance_given_as_an_array(model, hand, data):
    m = session(model, vcov=hand.cov)
    assert "given by the user" in str(m)
    assert "Groups" in str(m.diagnose())
    hand.agrees(m.predict(), hand.mean(data))
    with pytest.raises(ArgumentError, match=r"shape \(7, 7\).*got \(2, 2\)"):
        session(model, vcov=hand.cov[:2, :2])


def test_24_two_values_are_still_a_number(data):
    frame = data.assign(post=np.where(data.treated == 1, 2.5, 0.0))
    model = fit("score ~ age + post", frame)
    result = session(model).dydx("post")
    assert result.estimate[0] == pytest.approx(model.fe_params["post"], rel=1e-10)


def test_25_a_rare_level(slopes_differ):
    """Some replicates have no row of it: they are counted, and allowed for when asked."""
    frame = slopes_differ.assign(kind=np.where(np.arange(160) < 2, "rare", "common"))
    model = fit("y ~ x + kind", frame)
    with pytest.raises(NumericalError, match=r"\d+ of 20 replicates failed.*not identified"):
        session(model, method="bootstrap", n_boot=20, rng=3).dydx("kind")
    lenient = pymargins.Bootstrap(n_boot=20, rng=3, max_failures=0.6)
    result = session(model, method=lenient).dydx("x")
    assert np.isfinite(result.std_error).all()


def test_26_array_fits_bootstrap(data):
    x = sm.add_constant(data[["age", "treated"]])
    for endog, exog in ((data.score, x), (data.score.to_numpy(), x.to_numpy())):
        with quietly():
            model = sm.MixedLM(endog, exog, groups=data.student.to_numpy()).fit()
        result = session(model, data=data, method="bootstrap", n_boot=20, rng=1).dydx("age")
        assert result.std_error[0] > 0


def test_27_latex_has_as_many_columns_as_cells(data):
    frame = data.rename(columns={"age": "age_at_50%", "treated": "treat_ed"})
    model = fit('score ~ Q("age_at_50%") + treat_ed', frame)
    text = session(model).dydx("all").summary().to_latex()
    assert r"age\_at\_50\%" in text
    first = next(line for line in text.splitlines() if line.startswith(r"age\_at"))
    declared = text.split(r"\begin{tabular}{", 1)[1].split("\n")[0]
    columns = sum(declared.count(letter) for letter in "lrc")
    assert first.count("&") + 1 == columns


def test_28_what_a_scale_cannot_hold(data):
    falling = fit("score ~ female", data)
    assert falling.fe_params["female"] < 0
    slope = session(falling, scale="log").dydx("female")  # a slope is not on the means' scale
    assert slope.estimate[0] == pytest.approx(falling.fe_params["female"])
    assert np.isfinite(slope.to_frame()[["std_error", "p_value", "ci_lower"]].to_numpy()).all()
    with pytest.raises(NumericalError, match=r"outside the open interval \(0, 1\)"):
        session(falling, scale="logit").predict()


def test_labels_say_what_was_subtracted(m):
    """Confusing: a contrast labelled `treated=1`, a ratio labelled `treated=1`, a `+` without."""
    assert m.contrasts(pairwise("treated", [1, 0])).labels == ("treated: 1 - 0",)
    points = [Scenario({"treated": 1}), Scenario({"treated": 0})]
    assert m.evaluate(points, lambda x: x[0] / x[1]).labels == ("function",)
    two = m.contrasts(points, [(1, -1), (0.5, 0.5)])
    assert len(two.labels) == len(two) == 2
    both = m.predict(over="school")
    assert (both + both).labels[0] == "school=A + school=A"
    frame = m.dydx("age", over="school", atexog={"treated": [0, 1]}).to_frame()
    assert list(frame.columns[:3]) == ["label", "school", "treated"]
    assert all(np.isscalar(v) for v in frame["school"])


def test_results_outlive_their_session(model):
    slope = session(model).dydx("age", atexog={"treated": [0, 1]})
    gc.collect()
    difference = slope[1] - slope[0]
    i = list(model.fe_params.index).index("age:treated")
    assert difference.estimate[0] == pytest.approx(model.fe_params.iloc[i], rel=1e-8)
    assert difference.std_error[0] == pytest.approx(model.bse_fe.iloc[i], rel=1e-8)


# --- the other library ---------------------------------------------------------------------------


def test_p1_polars(model, data):
    polars = pytest.importorskip("polars")
    columns = {k: data[k].to_numpy() for k in ("age", "treated", "z")}
    frame = polars.DataFrame(columns | {"school": data.school.tolist()})
    m = session(model, at=frame)
    assert m.predict().estimate[0] == pytest.approx(model.predict(data).mean(), rel=ROUNDING)


def test_p2_joint_tests_are_of_the_named_coefficients(data):
    """Names were used as positions: F 15.87 where 113.76 is right."""
    rng = np.random.default_rng(3)
    frame = data.assign(x=rng.normal(size=160))
    frame["y"] = frame.x + frame.z + (frame.school == "B") + rng.normal(size=160)
    model = fit("y ~ C(school) * x + z", frame)
    names = ["x", "z"]
    b, v = model.fe_params[names], model.cov_params().loc[names, names]
    wanted = b @ np.linalg.solve(v, b)
    hand = ByHand(model)
    m = session(model)
    test = m.dydx(names, atexog={"school": "A"}).joint_test()
    assert test.statistic == pytest.approx(wanted, rel=1e-8)
    assert test.df1 == 2
    rows = np.stack([hand.slopes(frame.assign(school="A"), n).mean(axis=0) for n in names])
    hand.agrees(m.dydx(names, atexog={"school": "A"}), rows, rtol=1e-8)


@pytest.mark.parametrize("term", ["bs(z, df=4)", "standardize(z)", "scale(z)", "center(z)"])
def test_p3_stateful_transforms_on_new_grids(term, data):
    model = fit(f"score ~ {term}", data)
    hand = ByHand(model)
    at = [1.5, 3.0, 4.5]
    hand.agrees(session(model).predict({"z": at}), hand.rows(pd.DataFrame({"z": at})))


def test_p4_standard_errors_of_slopes_are_exact(data):
    """Differences of raw years were 9 % to 200 % off."""
    for formula, slope in (
        ("year + I(year**2)", lambda d: [0, 1, 2 * d.year.mean()]),
        ("age + I(age**2) + I(age**3)",
         lambda d: [0, 1, 2 * d.age.mean(), 3 * (d.age.astype(float) ** 2).mean()]),
    ):  # fmt: skip
        rng = np.random.default_rng(2)
        rows = np.asarray(patsy.dmatrix(formula, data))
        basis = np.linalg.qr(rows)[1]
        root = np.linalg.inv(basis)
        cov = root @ root.T
        model = FixedModel(formula, data, params=rng.normal(size=len(cov)), cov=cov)
        row = np.array(slope(data), dtype=float)
        wanted = np.linalg.norm(np.linalg.solve(basis.T, row))  # without forming V
        assert session(model).dydx(formula.split()[0]).std_error[0] == pytest.approx(
            wanted, rel=1e-6
        )  # V itself has lost that much to raw years


def test_p5_pairs_within_groups_are_exact(m, hand, data):
    p = m.predict({"treated": [0, 1]}, over="school")
    matrix = np.kron(np.eye(4), [[-1, 1]])
    result = p.contrast(matrix, labels=list("ABCD"))
    rows = [
        hand.mean(part.assign(treated=1)) - hand.mean(part.assign(treated=0))
        for _, part in data.groupby("school")
    ]
    hand.agrees(result, rows, rtol=1e-9)
    again = p.contrast(matrix, labels=list("ABCD"))
    assert np.array_equal(again.std_error, result.std_error)


def test_p6_user_functions_and_constants(data):
    k = 2.0

    def bent(z):
        return np.tanh(z / k)

    with quietly():
        model = smf.mixedlm(
            "score ~ bent(z) + I(z * k)", data, groups="student", **CALLERS_NAMES
        ).fit()
    m = session(model)
    assert m.predict().estimate[0] == pytest.approx(model.predict(data).mean(), rel=ROUNDING)
    b = model.fe_params
    wanted = b.iloc[1] * np.mean((1 - np.tanh(data.z / k) ** 2) / k) + k * b.iloc[2]
    assert m.dydx("z").estimate[0] == pytest.approx(wanted, rel=1e-9)


def test_p7_categories_of_numbers_and_of_text(data):
    model = fit("score ~ C(wave) + school", data)
    result = session(model).dydx(["wave", "school"])
    assert result.labels == (
        "wave: 2 - 1", "wave: 4 - 1", "wave: 5 - 1",
        "school: B - A", "school: C - A", "school: D - A",
    )  # fmt: skip


def test_p8_the_reference_distribution_is_stated(model):
    for df, words in ((None, "normal"), (14, "t with 14 df")):
        result = session(model, df=df).dydx("age")
        assert words in str(result.summary()).replace("\n", " ")
        t = stats.norm() if df is None else stats.t(df)
        assert result.p_value[0] == pytest.approx(2 * t.sf(abs(result.statistic[0])), rel=1e-9)


def test_p9_only_the_fixed_part_is_reported(m):
    assert [x for x in m.dydx("all").labels if "Var" in x or "student" in x] == []


def test_p11_products_of_categories_beside_a_number(data):
    model = fit("score ~ C(wave):school + z", data)
    hand = ByHand(model)
    m = session(model, vcov=hand.cov)
    pinned = data.assign(school="B")
    hand.agrees(m.predict({"school": "B"}), hand.mean(pinned))
    frame = data[["wave", "school", "z"]]
    rows = m.predict(frame)
    assert np.corrcoef(rows.estimate, model.predict(data))[0, 1] == pytest.approx(1, abs=1e-9)


def test_columns_with_reserved_names_may_stand_about(data):
    frame = data.assign(group=1, type=2, term=3, estimate=4, label="x", df=5)
    model = fit("score ~ age + school", frame)
    assert (
        session(model).predict({"age": [30, 40]}, over="label").to_frame()["label_"].eq("x").all()
    )


def test_missing_values_are_counted_not_dropped(model, data):
    frame = data.assign(age=data.age.where(data.age > 25))
    holes = int(frame.age.isna().sum())
    with pytest.raises(ArgumentError, match=f"'age' has {holes} missing value"):
        session(model, at=frame)
    frame = data.assign(kind=np.where(data.age > 25, "old", None))
    refit = fit("score ~ age*treated + C(school)", frame)
    with pytest.raises(ArgumentError, match=f"'kind' has {holes} missing value"):
        session(refit).predict(over="kind")


def test_a_covariance_of_the_fixed_part_alone_is_enough(model, hand, data):
    hand.agrees(session(model, vcov=hand.cov).predict(), hand.mean(data))
    hand.agrees(session(model, vcov=model.cov_params()).predict(), hand.mean(data))
