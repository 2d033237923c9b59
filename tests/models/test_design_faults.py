"""What the formula does to a variable, where that was once misread: by fault, on data made here."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula
from scipy import special, stats

from pymargins import (
    ArgumentError,
    ModelError,
    NumericalError,
    PymarginsWarning,
    UnknownNameError,
    UnsupportedError,
)
from support.small_models import FixedModel, fit, session

formulaic_there = hasattr(statsmodels.formula, "options")


def panel(seed, waves=3, people=20):
    """A balanced panel: every person at the same times."""
    rng = np.random.default_rng(seed)
    n = waves * people
    frame = pd.DataFrame(
        {
            "person": np.repeat(np.arange(people), waves),
            "time": np.tile(np.arange(waves, dtype=float), people),
            "x": np.round(rng.gamma(2.0, 10.0, n), 1),
            "group": np.tile(np.array(list("ab")), n)[:n],
        }
    )
    frame["z"] = rng.normal(3, 1, n)
    frame["score"] = 2 * frame.time + rng.normal(size=people)[frame.person] + rng.normal(size=n)
    return frame


# --- functions of the whole column ---------------------------------------------------------------

WHOLE = [
    "I(time - time.mean())",
    "I(time - np.median(time))",
    "I(time / time.max())",
    "I(time - time.min())",
    "I(time / time.sum())",
    "np.where(x > x.mean(), 1, 0)",
    "I((x > x.median()) * 1.0)",
    "C(x > x.mean())",
    "pd.qcut(x, 2)",
    "pd.cut(x, 3)",
    "x.rank()",
    "I(x - x.iloc[0])",
    "I((x - x.min()) / (x.max() - x.min()))",
    "I(x - x.groupby(group).transform('mean'))",
    "np.argsort(x)",
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("formula", WHOLE)
def test_functions_of_the_whole_column_are_refused_whatever_the_rows(formula, seed):
    frame = panel(seed, waves=3 + seed % 2, people=20 + seed)
    with pytest.raises(ModelError, match=r"depends on all rows at once"):
        FixedModel(formula, frame)


@pytest.mark.skipif(not formulaic_there, reason="statsmodels 0.14 reads by patsy alone")
@pytest.mark.parametrize("formula", ["I(time - time.mean())", "np.where(x > x.mean(), 1, 0)"])
def test_formulaic_s_too(formula):
    pytest.importorskip("formulaic")
    options = statsmodels.formula.options
    before, options.formula_engine = options.formula_engine, "formulaic"
    try:
        model = fit(f"score ~ {formula}", panel(1), groups="person")
    finally:
        options.formula_engine = before
    with pytest.raises(ModelError, match=r"depends on all rows at once"):
        session(model, vcov="gls")


@pytest.mark.parametrize(
    "formula",
    ["center(time)", "bs(x, df=4)", "np.where(x > 20, 1, 0)", "pd.cut(x, [-1, 20, 1000])",
     "I((x > 20) * z)", "C(x > 20)", "np.column_stack([x, x**2])", "cr(x, df=3) - 1"],
)  # fmt: skip
def test_functions_of_a_row_are_taken(formula):
    for seed in range(3):
        FixedModel(formula, panel(seed))


# --- steps in one variable, levels from another ----------------------------------------------

STEPS = [
    ("I((x > 30) * z)", "x"),
    ("np.where(x > 12.34, z, 0)", "x"),
    ("I((x > 20) * (z > 3) * 1.0)", "x"),
    ("I((x > 20) * (z > 3) * 1.0)", "z"),
    ("I(np.floor(x / 7.3) * z)", "x"),
    ("I(np.where(group == 'a', x > 15, z > 3) * 1.0)", "x"),
    ("np.column_stack([x, (x > 15) * z])", "x"),
    ("I(np.digitize(x, [5, 10, 20]) * 1.0)", "x"),
]


@pytest.mark.parametrize(("formula", "variable"), STEPS)
def test_steps_have_no_slope_whatever_gives_their_level(formula, variable):
    m = session(FixedModel(formula, panel(2)))
    with pytest.raises(NumericalError, match=rf"'{variable}' enters .*m\.contrasts\(pairwise"):
        m.dydx(variable)
    with pytest.raises(NumericalError, match=r"step function|jumps"):  # alone on a stretch too
        m.dydx(variable, atexog={variable: 3.21})


def test_the_level_has_a_slope_and_steps_can_be_contrasted():
    frame = panel(2)
    model = FixedModel("I((x > 30) * z)", frame, params=[1.0, 2.0])
    m = session(model)
    assert m.dydx("z").estimate[0] == pytest.approx(2 * np.mean(frame.x > 30), rel=1e-12)
    ends = m.predict({"x": [10, 40]}).estimate
    np.testing.assert_allclose(ends, [1.0, 1.0 + 2 * frame.z.mean()], rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "at", "slope"),
    [
        ("np.where(x > 12.34, x - 12.34, 0)", 3.0, 0.0),
        ("np.where(x > 12.34, x - 12.34, 0)", 20.0, 1.0),
        ("I(np.clip(x, 5, 30) * z)", 40.0, 0.0),
        ("I(np.clip(x, 5, 30) * z)", 10.0, "z"),
    ],
)
def test_a_flat_stretch_is_no_step(formula, at, slope):
    frame = panel(2)
    m = session(FixedModel(formula, frame, params=[0.0, 1.0]))
    expected = frame.z.mean() if slope == "z" else slope
    found = m.dydx("x", atexog={"x": at})
    assert found.estimate[0] == pytest.approx(expected, rel=1e-9, abs=0)


# --- kinks ---------------------------------------------------------------------------------------


def bend(x):
    return np.where(x > 20, 3 * (x - 20), 0.0)


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        ("np.maximum(x - 20, 0)", 0.5),
        ("np.clip(x, 20, 30)", 0.5),
        ("abs(x - 20)", 0.0),
        ("bend(x)", 1.5),
        ("I((x > 20) * (x - 20))", 0.5),
        ("np.log1p(np.maximum(x - 20, 0))", 0.5),
    ],
)
def test_a_slope_at_a_kink_says_so(formula, slope):
    m = session(FixedModel(formula, panel(3), params=[0.0, 1.0], env={"bend": bend}))
    with pytest.warns(PymarginsWarning, match=r"kink at x = 20.*1 of 1 .*mean of the slopes"):
        found = m.dydx("x", atexog={"x": 20})
    assert found.estimate[0] == pytest.approx(slope, abs=1e-6)
    beside = m.dydx("x", atexog={"x": [19.9999, 20.0001]})  # and is silent beside it
    assert beside.estimate.mean() == pytest.approx(slope, abs=1e-3)
    assert np.ptp(beside.estimate) > 0.99


def test_rows_at_a_kink_are_counted():
    frame = panel(3).assign(x=np.tile([10.0, 20.0, 30.0], 20))
    with pytest.warns(PymarginsWarning, match=r"20 of 60 slopes"):
        found = session(FixedModel("np.maximum(x, 20)", frame, params=[0, 1.0])).dydx("x")
    assert found.estimate[0] == pytest.approx(0.5, rel=1e-12)


# --- functions without a known derivative, heavy tails -------------------------------------------


def heavy(seed=3, n=96, width=3.0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"pop": np.exp(rng.normal(3, width, n)), "w": rng.uniform(1, 2, n)})


HEAVY = [
    ("gammaln(pop)", lambda x: special.digamma(x)),
    ("boxcox(pop, 0)", lambda x: 1 / x),
    ("boxcox(pop, 0.3)", lambda x: x ** (0.3 - 1)),
    ("slow_log(pop)", lambda x: 1 / x),
    ("slow_root(pop)", lambda x: 0.5 / np.sqrt(x)),
    ("slow_bump(pop)", lambda x: 1 / (1 + (x - 0.5) ** 2)),
    ("xlogy(pop, pop)", lambda x: np.log(x) + 1),
]
FUNCTIONS = {
    "gammaln": special.gammaln,
    "xlogy": special.xlogy,
    "boxcox": lambda x, power: stats.boxcox(x, power),
    "slow_log": lambda x: np.array([np.log(v) for v in x]),
    "slow_root": lambda x: np.array([v**0.5 for v in x]),
    "slow_bump": lambda x: np.array([np.arctan(v - 0.5) for v in x]),
}


@pytest.mark.parametrize("width", [1.0, 3.0, 4.0])
@pytest.mark.parametrize(("formula", "slope"), HEAVY, ids=[f for f, _ in HEAVY])
def test_slopes_through_any_function_of_a_heavy_tail(formula, slope, width):
    frame = heavy(width=width)
    model = FixedModel(formula, frame, params=[0.0, 1.0], env=FUNCTIONS)
    m = session(model)
    assert m.dydx("pop").estimate[0] == pytest.approx(np.mean(slope(frame["pop"])), rel=1e-7)
    at = np.quantile(frame["pop"], [0, 0.01, 0.1, 0.5, 0.9, 1])
    each = m.dydx("pop", atexog={"pop": at})
    np.testing.assert_allclose(each.estimate, slope(at), rtol=1e-7, atol=1e-13)


def test_two_variables_in_such_a_function():
    frame = heavy()
    model = FixedModel("betaln(pop, w)", frame, params=[0.0, 1.0], env={"betaln": special.betaln})
    expected = special.digamma(frame["pop"]) - special.digamma(frame["pop"] + frame.w)
    found = session(model).dydx("pop").estimate[0]
    assert found == pytest.approx(np.mean(expected), rel=1e-6)


def test_a_slope_that_does_not_settle_is_refused():
    rough = {"rough": lambda x: np.array([np.sin(1e13 * v) for v in x])}
    m = session(FixedModel("rough(x)", panel(1), env=rough))
    with pytest.raises(NumericalError, match=r"'x' enters .* (does not settle|jumps)"):
        m.dydx("x")


# --- values outside the domain of a transform ----------------------------------------------------

OUTSIDE = [
    ("np.log1p(x)", {"x": -3}, r"x = -3 .*x from [\d.]+ to [\d.]+\): it is not finite there"),
    ("np.arcsin(x / 100)", {"x": [10, 120]}, r"x = 120 .*not finite"),
    ("np.log(x - z)", {"x": 1}, r"x = 1, z = [\d.]+ .*x from .*z from"),
    ("pd.cut(x, [-1, 20, 1000])", {"x": 1001}, r"x = 1001 .*not in the fitted levels \(-1, 20\]"),
    ("C(np.round(x / 50))", {"x": 900}, r"x = 900 .*not in the fitted levels 0\.0, 1\.0"),
    ("np.where(group == 'a', np.log(x), 1.0)", {"x": -2}, r"group = a, x = -2 .*not finite"),
]


@pytest.mark.filterwarnings("ignore:invalid value|divide by zero")
@pytest.mark.parametrize(("formula", "atexog", "match"), OUTSIDE, ids=[f for f, *_ in OUTSIDE])
def test_a_value_outside_the_domain_is_named(formula, atexog, match):
    frame = panel(5).assign(x=lambda f: f.x.clip(0.5, 99.5) + 10 * ("z" in formula))
    m = session(FixedModel(formula, frame))
    with pytest.raises(ArgumentError, match=r"atexog or at: the factor .* no value at " + match):
        m.predict(atexog)
    if "pd.cut" not in formula and "C(" not in formula:
        with pytest.raises(ArgumentError, match=r"no value at " + match):
            m.dydx("x", atexog=atexog)
    there = session(
        FixedModel(formula, frame),
        at=frame.assign(x=np.max(np.abs(atexog["x"])) * np.sign(np.min(atexog["x"]))),
    )
    with pytest.raises(ArgumentError, match=r"atexog or at: .* no value at "):
        there.predict()


# --- integers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "column", "dtype"),
    [
        ("I(year**2)", "year", "int16"),
        ("I(year * 20)", "year", "int16"),
        ("I(low - 5)", "low", "uint8"),
        ("I(low * year * 3)", "year", "int16"),
        ("I(big**3)", "big", "int64"),
    ],
)
def test_an_overflowed_design_is_refused(formula, column, dtype):
    frame = panel(6)
    rng = np.random.default_rng(6)
    frame["year"] = rng.integers(1900, 2020, 60).astype("int16")
    frame["low"] = rng.integers(0, 10, 60).astype("uint8")
    frame["big"] = rng.integers(10**6, 10**7, 60)
    with pytest.raises(
        ModelError, match=rf"overflows the integers of .*{column}.*\({dtype}\).*astype\(float\)"
    ):
        FixedModel(formula, frame)
    FixedModel(formula, frame.astype({"year": float, "low": float, "big": float}))


def test_integers_that_do_not_overflow_are_taken():
    frame = panel(6).assign(year=lambda f: (f.time * 5).astype("int8"), small=np.uint8(3))
    for formula in ("I(year**2)", "I(year * small)", "year // 3", "C(year % 2)", "np.log1p(year)"):
        FixedModel(formula, frame)


TABLE = {"table": np.array([1.0, 5.0, 2.0]), "series": pd.Series([1.0, 5.0, 2.0]),
         "look": {0: 1.0, 1: 5.0, 2: 2.0}}  # fmt: skip
LOOKUPS = ["table[k]", "series[k].to_numpy()", "k.map(look)", "series.loc[k].to_numpy()"]


@pytest.mark.parametrize("formula", LOOKUPS)
def test_lookups_are_answered_where_they_have_values(formula):
    frame = panel(7).assign(k=lambda f: f.time.astype(int))
    m = session(FixedModel(formula, frame, params=[1.0, 2.0], env=TABLE))
    np.testing.assert_allclose(m.predict({"k": [0, 1, 2]}).estimate, [3.0, 11.0, 5.0], rtol=1e-12)
    np.testing.assert_allclose(m.predict({"k": lambda k: 2 - k}).estimate, 19 / 3, rtol=1e-12)
    for beyond in (1.5, 9):
        with pytest.raises(ArgumentError, match=r"no value at .*k from 0 to 2"):
            m.predict({"k": beyond})
    with pytest.raises(NumericalError, match=r"'k' enters .*none beside it.*pairwise\('k'"):
        m.dydx("k")


# --- the response, as the formula's code names it ------------------------------------------------

RESPONSES = [
    # response, the column it is made of, whether it is transformed
    ("score", "score", False),
    ('Q("yield")', "yield", False),
    ("I(score)", "score", False),
    ('np.log(Q("my score"))', "my score", True),
    ("np.log(score)", "score", True),
    ("np.sqrt(score - low)", "score", True),
    ("center(score)", "score", True),
    ('I(Q("yield") / 2)', "yield", True),
]


@pytest.mark.parametrize("engine", ["patsy", "formulaic"])
@pytest.mark.parametrize(("response", "column", "transformed"), RESPONSES)
def test_the_response_is_read_as_code(response, column, transformed, engine):
    if engine == "formulaic":
        pytest.importorskip("formulaic")
        if not formulaic_there:
            pytest.skip("statsmodels 0.14 reads by patsy alone")
    frame = panel(8).assign(score=lambda f: f.score + 100, log=1.5, sqrt=2.0, low=1.0)
    frame = frame.assign(**{"yield": frame.score, "my score": frame.score, "score2": 1.0})
    options = getattr(statsmodels.formula, "options", None)
    before = options.formula_engine if options else None
    try:
        if options:
            options.formula_engine = engine
        m = session(fit(f"{response} ~ x", frame, groups="person"), vcov="gls")
    finally:
        if options:
            options.formula_engine = before
    told = f"not of {column}"
    text = " ".join(str(m.predict().summary()).split())
    assert (told in text) == transformed
    with pytest.raises(UnknownNameError, match=rf"{column!r} is the response of the model"):
        m.predict({column: 1})
    for other in ("log", "sqrt", "score2"):  # words of the code, not columns of the outcome
        with pytest.raises(UnknownNameError, match=rf"{other!r} is a column of the data but not"):
            m.predict({other: 1})


# --- dates and spans of time are continuous ------------------------------------------------------

START = pd.Timestamp("2021-03-01")
DAY = pd.Timedelta("1D")


def dated(seed=9, unit="ns", zone=None, hours=False):
    frame = panel(seed)
    rng = np.random.default_rng(seed)
    frame["day"] = rng.integers(0, 700, 60) + (rng.integers(1, 23, 60) / 24 if hours else 0.0)
    when = START + pd.to_timedelta(frame.day, "D")
    frame["when"] = when.astype(f"datetime64[{unit}]").dt.tz_localize(zone)
    frame["since"] = (when - START).astype(f"timedelta64[{unit}]")
    return frame


def by_dates(formula, frame):
    start = START.tz_localize(frame.when.dt.tz)
    return FixedModel(formula, frame, env={"start": start, "DAY": DAY})


#: By dates, by the same number of days.
SAME = [
    ("I((when - start).dt.days)", "when", "day"),
    ("I((when - start) / DAY) * group", "when", "day * group"),
    ("bs((when - start) / DAY, df=4)", "when", "bs(day, df=4)"),
    ("I((when - start).dt.days**2)", "when", "I(day**2)"),
    ("I(since / DAY) * z", "since", "day * z"),
    ("np.log1p(since / DAY)", "since", "np.log1p(day)"),
]


def asked(name, numbers, frame):
    spans = pd.to_timedelta(numbers, "D")
    return list(spans if name == "since" else START.tz_localize(frame.when.dt.tz) + spans)


@pytest.mark.parametrize(("unit", "zone"), [("ns", None), ("s", None), ("us", "Asia/Kolkata")])
@pytest.mark.parametrize(("formula", "name", "plain"), SAME, ids=[f for f, *_ in SAME])
def test_dates_give_what_numbers_of_days_give(formula, name, plain, unit, zone):
    frame = dated(unit=unit, zone=zone if "days" not in formula else None)
    model, other = by_dates(formula, frame), FixedModel(plain, frame)
    assert model.fitted.variables[name].kind == "numeric"
    m, n = session(model), session(other)
    there = [3, 250, 600]
    for a, b in (
        (m.predict(), n.predict()),
        (m.predict({name: asked(name, there, frame)}), n.predict({"day": there})),
        (m.dydx(name), n.dydx("day")),
        (
            m.dydx(name, atexog={name: asked(name, there, frame)}),
            n.dydx("day", atexog={"day": there}),
        ),
    ):
        np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-7)
        np.testing.assert_allclose(a.std_error, b.std_error, rtol=1e-7)
    assert list(m.joint_tests().df1) == list(n.joint_tests().df1)
    np.testing.assert_allclose(m.joint_tests().statistic, n.joint_tests().statistic, rtol=1e-6)


def test_dates_beyond_those_observed_are_told_of():
    frame = dated()
    found = session(by_dates("I((when - start).dt.days)", frame)).predict({"when": "2031-07-01"})
    first, last = (f"{day:%Y-%m-%d}" for day in (frame.when.min(), frame.when.max()))
    assert f"when = 2031-07-01 lies outside the observed range {first} to {last}" in str(found)


@pytest.mark.parametrize("at", ["mean", "typical", "balanced"])
@pytest.mark.parametrize(("formula", "name", "plain"), [SAME[1], SAME[5]])
def test_populations_average_dates(formula, name, plain, at):
    frame = dated(hours=True)
    m, n = session(by_dates(formula, frame), at=at), session(FixedModel(plain, frame), at=at)
    np.testing.assert_allclose(m.predict().estimate, n.predict().estimate, rtol=1e-9)
    for rule in ("median", "min", "p25"):
        a = session(by_dates(formula, frame), at={name: rule}).predict()
        b = session(FixedModel(plain, frame), at={"day": rule}).predict()
        np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-9)


@pytest.mark.parametrize(
    "value",
    ["2021-07-01", pd.Timestamp("2021-07-01"), np.datetime64("2021-07-01"),
     np.datetime64("2021-07-01", "ns"), pd.Timestamp("2021-07-01").date(),
     lambda when: when + (pd.Timestamp("2021-07-01") - when)],
)  # fmt: skip
def test_a_date_may_be_given_in_every_way(value):
    frame = dated()
    expected = session(FixedModel("day", frame)).predict({"day": 122})
    found = session(by_dates("I((when - start).dt.days)", frame)).predict({"when": value})
    assert found.estimate[0] == pytest.approx(expected.estimate[0], rel=1e-12)


def test_dates_that_are_none_are_named():
    m = session(by_dates("I((when - start).dt.days)", dated()))
    for value, why in ((5, "5 is a number"), ("soon", "soon"), (pd.NaT, "missing")):
        with pytest.raises(ArgumentError, match=rf"'when' .*{why}.*Observed values run from 2021"):
            m.predict({"when": value})
    with pytest.raises(ArgumentError, match=r"time zone"):
        m.predict({"when": pd.Timestamp("2021-07-01", tz="UTC")})
    n = session(by_dates("since.dt.days", dated()))
    with pytest.raises(ArgumentError, match=r"'since' is not a span of time .*Observed"):
        n.predict({"since": "2021-07-01"})
    assert "2030-01-01 lies outside the observed range 2021-" in str(
        m.predict({"when": "2030-01-01"}).summary()
    )


def test_calendar_steps_have_no_slope_and_elasticities_no_meaning():
    frame = dated()
    for formula in ("I(when.dt.year)", "I(when.dt.month * z)", "C(when.dt.year)"):
        with pytest.raises((NumericalError, UnsupportedError), match=r"pairwise\('when', \[a, b\]"):
            session(by_dates(formula, frame)).dydx("when")
    with pytest.raises(NumericalError, match=r"step function"):  # with a time of day
        session(by_dates("I((when - start).dt.days)", dated(hours=True))).dydx("when")
    with pytest.raises(ArgumentError, match=r"eyex: 'when' is a date.*no meaning"):
        session(by_dates("I((when - start) / DAY)", frame)).eyex("when")


# --- arrays shared with the frame ----------------------------------------------------------------


def shared(seed=4):
    rng = np.random.default_rng(seed)
    array = np.column_stack([rng.uniform(1, 9, 60), rng.uniform(20, 70, 60)])
    return array, pd.DataFrame(array, columns=["dose", "age"], copy=False)


def figures(m):
    return [
        m.predict().estimate,
        m.predict({"age": [30, 40]}).estimate,
        m.eyex("dose").estimate,
        m.dydx("dose").estimate,
        m.predict(over="arm").estimate if "arm" in m._population.frame else [],
    ]


@pytest.mark.parametrize("where", ["fit", "at"])
def test_an_array_shared_with_the_frame_cannot_reach_a_session(where):
    array, frame = shared()
    other, there = shared(5)
    model = FixedModel("np.log(dose) * age", frame, params=[9.0, 1.0, 2.0, 0.1])
    m = session(model) if where == "fit" else session(model, at=there)
    before = figures(session(model) if where == "fit" else session(model, at=there))
    array[:] = 3.0
    other[:] = 4.0
    for found, expected in zip(figures(m), before, strict=True):
        assert np.array_equal(found, expected)


def test_a_weight_s_array_cannot_either():
    frame = panel(4)
    weights = np.linspace(1, 2, 60)
    m = session(FixedModel("x", frame), weights=weights)
    before = m.predict().estimate
    weights[:30] = 100.0
    assert np.array_equal(m.predict().estimate, before)


# --- extreme numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e300, 1e150, 1e-60, 1e-150])
@pytest.mark.parametrize("formula", ["bs(x, df=4)", "np.log1p(x) + slow(x)", "I(x * z)"])
def test_slopes_do_not_depend_on_the_size_of_the_coefficients(formula, size):
    frame = panel(5)
    slow = {"slow": lambda x: np.array([v**1.5 for v in x])}
    model = FixedModel(formula, frame, env=slow)
    large = FixedModel(formula, frame, env=slow, params=model.beta * size, cov=model.cov * 0)
    expected = session(model).dydx("x").estimate
    np.testing.assert_allclose(session(large).dydx("x").estimate / size, expected, rtol=1e-12)


@pytest.mark.parametrize("size", [1e100, 1e-100])
@pytest.mark.parametrize("function", [lambda x: np.array([v**1.5 for v in x]), np.abs])
def test_slopes_do_not_depend_on_the_size_of_the_values(function, size):
    frame = panel(5).assign(x=lambda f: f.x + 1)
    huge = frame.assign(x=frame.x * size)
    one = session(FixedModel("f(x)", frame, params=[0, 1.0], env={"f": function})).dydx("x")
    other = session(FixedModel("f(x)", huge, params=[0, 1.0], env={"f": function})).dydx("x")
    power = 0.5 if function is not np.abs else 0.0
    assert other.estimate[0] == pytest.approx(one.estimate[0] * size**power, rel=1e-7)


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        # beside a constant it would count as a multiple of it
        ("np.log(t) - 1", lambda t: 1 / t),
        ("slow(t)", lambda t: 0.5 / np.sqrt(t)),
        ("bs(t, df=4)", None),
        ("I((t - 1.7e9)**2)", lambda t: 2 * (t - 1.7e9)),
    ],
)
def test_slopes_far_from_zero(formula, slope):
    frame = panel(5).assign(t=lambda f: f.x + 1.7e9)
    model = FixedModel(formula, frame, env={"slow": lambda x: np.array([v**0.5 for v in x])})
    found = session(model).dydx("t").estimate[0]
    if slope is None:
        near = FixedModel("bs(x, df=4)", frame, params=model.beta)
        assert found == pytest.approx(session(near).dydx("x").estimate[0], rel=1e-4)
    else:
        assert found == pytest.approx(model.beta[-1] * np.mean(slope(frame.t)), rel=1e-4)


def test_weights_that_sum_past_the_largest_number():
    frame = panel(5)
    for scale in (1e307, 5e-324, 1e-310):
        weights = np.where(frame.group == "a", 2 * scale, scale)
        m = session(FixedModel("x * group", frame), weights=weights)
        n = session(FixedModel("x * group", frame), weights=np.where(frame.group == "a", 2.0, 1.0))
        for ask in (
            lambda m: m.predict(),
            lambda m: m.predict(over="person"),
            lambda m: m.dydx("x"),
            lambda m: m.eyex("x"),
        ):
            np.testing.assert_allclose(ask(m).estimate, ask(n).estimate, rtol=1e-10)


def test_formulaic_s_dates_too(monkeypatch):
    formulaic = pytest.importorskip("formulaic")
    from pymargins.adapters.formulaic_design import design_from_formulaic

    frame = dated()
    monkeypatch.setattr(sys.modules["__main__"], "start", START, raising=False)
    formula = "I((when - start).dt.days) + bs((when - start).dt.days, df=4)"
    spec = formulaic.model_matrix(formula, frame, context={"start": START}).model_spec
    design = design_from_formulaic(spec, list(frame.columns))
    assert design.variables == ("when",)
    found = design.factors[0].derivative({"when": frame.when}, "when", 18000.0, 20000.0)
    np.testing.assert_allclose(found, 1.0, rtol=1e-9)
