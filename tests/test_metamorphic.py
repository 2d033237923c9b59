"""Metamorphic laws: what changes nothing, and what changes exactly one thing.

Formulas and data are drawn by hypothesis. Models are `FixedModel`s: coefficients and covariance are
made up, and where the design is written in another way (another coding, another unit) they are
carried over exactly, so that both describe one and the same mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pymargins import Scenario, pairwise, reference
from support.small_models import FixedModel, session

#: Sums in another order, on designs whose columns are of order one.
ORDER = 1e-9
#: Coefficients carried over to another basis: the condition number of small designs, squared.
BASIS = 1e-6

laws = settings(max_examples=25)
pytestmark = pytest.mark.slow

X_PARTS = ["x", "np.log(x)", "x + I(x**2)", "bs(x, df=4)", "center(x)", "np.exp(x / 5)"]
G_PARTS = ["g", "C(k)", "g * h", "C(g, Sum) + h", "C(k, Poly)", "h", "g:h + g + h"]
Z_PARTS = ["z", "standardize(z)", "I(z**2)", "np.sin(z)"]
POPULATIONS = ["overall", "typical", "mean", "balanced"]


def frame_of(seed, n):
    rng = np.random.default_rng(seed)
    i = np.arange(n)
    return pd.DataFrame(
        {
            "x": np.r_[0.5, 5.0, rng.uniform(0.5, 5.0, n - 2)],  # a spline reaches no further
            "z": rng.normal(1.0, 2.0, n),
            "g": np.array(list("abc"), dtype=object)[i % 3],
            "h": (i // 3) % 2 == 1,
            "k": np.array([1, 2, 5])[(i // 6) % 3],
            "u": rng.choice(["left", "right"], n),
            "w": rng.integers(0, 5, n),
        }
    ).sample(frac=1.0, random_state=seed, ignore_index=True)


@st.composite
def formulas(draw):
    signs = [draw(st.sampled_from([" + ", " * "])) for _ in range(2)]
    parts = [draw(st.sampled_from(pool)) for pool in (X_PARTS, G_PARTS, Z_PARTS)]
    return f"({parts[0]}){signs[0]}({parts[1]}){signs[1]}({parts[2]})"


frames = st.builds(frame_of, st.integers(0, 2**16), st.sampled_from([36, 54, 72]))
seeds = st.integers(0, 2**16)


def made_up(formula, frame, seed):
    """A model whose every coefficient the frame determines."""
    model = FixedModel(formula, frame, seed=seed)
    assume(model.fitted.null_spaces["beta"].size == 0)
    return model


def carried_over(model, formula, frame, env=None):
    """The model of the same mean, written in another way."""
    other = FixedModel(formula, frame, env=env)
    change = np.linalg.lstsq(np.asarray(other.exog), np.asarray(model.exog), rcond=None)[0]
    assert np.allclose(np.asarray(other.exog) @ change, np.asarray(model.exog), atol=1e-8)
    return FixedModel(
        formula, frame, params=change @ model.beta, cov=change @ model.cov @ change.T, env=env
    )


def same(a, b, rtol=ORDER):
    size = np.abs(a.estimate).max() + a.std_error.max()
    np.testing.assert_allclose(b.estimate, a.estimate, rtol=rtol, atol=rtol * size)
    np.testing.assert_allclose(b.std_error, a.std_error, rtol=rtol, atol=rtol * size)


def questions(m, numeric=("x", "z")):
    """One of each kind, about the variables that every formula may have."""
    names = m._fitted.variables
    yield m.predict()
    yield m.predict({"x": [1.0, 4.0]}, over="u" if "u" in m._population.frame else None)
    yield m.dydx("x", atexog={"z": [0.0, 2.0]})
    for name in names:
        if names[name].kind != "numeric":
            yield m.dydx(name)
            yield m.contrasts(reference(name, list(names[name].levels)))


@laws
@given(formulas(), frames, seeds, st.sampled_from(POPULATIONS))
def test_shuffling_rows(formula, frame, seed, at):
    model = made_up(formula, frame, seed)
    shuffled = frame.sample(frac=1.0, random_state=seed % 2**31)
    other = FixedModel(formula, shuffled, params=model.beta, cov=model.cov)
    for a, b in zip(
        questions(session(model, at=at)), questions(session(other, at=at)), strict=True
    ):
        assert a.labels == b.labels
        same(a, b, BASIS)  # the knots of a spline are quantiles, summed in another order


CODINGS = ["C(g)", "C(g, Sum)", "C(g, Helmert)", "C(g, Poly)", "C(g, Diff)",
           "C(g, Treatment('c'))"]  # fmt: skip


@laws
@given(
    st.sampled_from(["{} * x + z", "{} + np.log(x)", "{} * x * h", "{} : h + x * z", "{} * C(k)"]),
    st.sampled_from(CODINGS),
    st.sampled_from(CODINGS),
    frames,
    seeds,
    st.sampled_from(POPULATIONS),
)
def test_coding_a_category_otherwise(template, first, second, frame, seed, at):
    model = FixedModel(template.format(first), frame, seed=seed)
    other = carried_over(model, template.format(second), frame)
    a, b = session(model, at=at), session(other, at=at)
    same(a.predict({"g": list("abc")}), b.predict({"g": list("abc")}), BASIS)
    if "x" in model.fitted.variables:
        over = "h" if at == "overall" else None  # other populations have the model's columns
        same(a.dydx("x", over=over), b.dydx("x", over=over), BASIS)
    if "Treatment" not in first + second:
        same(a.dydx("g"), b.dydx("g"), BASIS)
    made = reference("g", list("abc"), ref_level="b")
    same(a.contrasts(made), b.contrasts(made), BASIS)
    assert a.contrasts(made).joint_test().df1 == b.contrasts(made).joint_test().df1 == 2


@laws
@given(st.sampled_from(["x", "x * z", "x * h", "C(k) * z"]), frames, seeds)
def test_without_an_intercept(rest, frame, seed):
    full = FixedModel(f"g + {rest}", frame, seed=seed)
    other = carried_over(full, f"0 + g + {rest}", frame)
    a, b = session(full), session(other)
    same(a.predict(over="g"), b.predict(over="g"), BASIS)
    same(a.dydx("all"), b.dydx("all"), BASIS)


@laws
@given(formulas(), frames, seeds)
def test_renaming_levels(formula, frame, seed):
    names = {"a": "zebra", "b": "yak", "c": "xerus"}
    renamed = frame.assign(
        g=pd.Categorical(frame.g.map(names), list(names.values()), ordered=False)
    )
    model = made_up(formula, frame, seed)
    other = FixedModel(formula, renamed, params=model.beta, cov=model.cov)
    a, b = session(model), session(other)
    same(a.predict(over="g"), b.predict(over="g"))
    if "g" in model.fitted.variables:
        same(a.predict({"g": list("abc")}), b.predict({"g": list(names.values())}))
        same(a.dydx("g"), b.dydx("g"))
        assert b.dydx("g").labels == ("g: yak - zebra", "g: xerus - zebra")


RESERVED = {"x": "estimate", "z": "label", "g": "p_value", "h": "df", "k": "group", "w": "term"}


@laws
@given(st.sampled_from(["x * z + g", "np.log(x) * g + h + z", "bs(x, df=4) + C(k) + z"]),
       frames, seeds)  # fmt: skip
def test_renaming_columns(formula, frame, seed):
    other_formula = formula
    for old, new in RESERVED.items():
        other_formula = pd.Series([other_formula]).replace(
            rf"\b{old}\b", new, regex=True
        )[0]  # fmt: skip
    model = made_up(formula, frame, seed)
    other = FixedModel(
        other_formula, frame.rename(columns=RESERVED), params=model.beta, cov=model.cov
    )
    a, b = session(model), session(other)
    same(a.predict({"x": [1, 4]}, over="g"), b.predict({"estimate": [1, 4]}, over="p_value"))
    same(a.dydx("all"), b.dydx("all"))
    table = b.predict({"estimate": [1, 4]}, over="p_value").to_frame()
    assert table["estimate_"].tolist() == [1, 4] * 3
    assert table["p_value_"].tolist() == [v for v in "abc" for _ in range(2)]


@laws
@given(frames, seeds, st.floats(-3, 3), st.floats(0.01, 100), st.sampled_from(["g", "h * g"]))
def test_centring_and_rescaling(frame, seed, centre, unit, rest):
    formula = f"x * z + I(x**2) + {rest} + x:g"
    model = made_up(formula, frame, seed)
    moved = frame.assign(x=(frame.x - centre) / unit)
    rows = FixedModel(formula, moved)
    change = np.linalg.lstsq(np.asarray(rows.exog), np.asarray(model.exog), rcond=None)[0]
    other = FixedModel(
        formula, moved, params=change @ model.beta, cov=change @ model.cov @ change.T
    )
    a, b = session(model), session(other)
    tolerance = BASIS * max(unit, 1 / unit)
    at = np.array([1.0, 3.0])
    same(a.predict({"x": at}), b.predict({"x": (at - centre) / unit}), tolerance)
    same(unit * a.dydx("x", over="g"), b.dydx("x", over="g"), tolerance)
    same(a.dydx("z"), b.dydx("z"), tolerance)
    same(a.dydx("g"), b.dydx("g"), tolerance)


@laws
@given(frames, seeds, st.floats(0.01, 100))
def test_elasticities_have_no_unit(frame, seed, unit):
    formula = "np.log(x) + g"
    model = FixedModel(formula, frame, params=[30.0, 1.0, 2.0, -3.0], seed=seed)
    change = np.eye(4)  # the same mean: the constant moves by -beta log(unit)
    change[0, model.fitted.design.names.index("np.log(x)")] = -np.log(unit)
    other = FixedModel(
        formula,
        frame.assign(x=frame.x * unit),
        params=change @ model.beta,
        cov=change @ model.cov @ change.T,
    )
    same(session(model).eyex("x"), session(other).eyex("x"), BASIS)
    same(session(model).dyex("x"), session(other).dyex("x"), BASIS)


@laws
@given(formulas(), frames, seeds, st.integers(1, 30))
def test_splitting_a_population(formula, frame, seed, cut):
    model = made_up(formula, frame, seed)
    parts = (frame.iloc[:cut], frame.iloc[cut:])
    at = {"x": [1.0, 4.0]}
    whole = session(model).predict(at)
    values = [session(model, at=part).predict(at).estimate for part in parts]
    shares = np.array([len(part) for part in parts]) / len(frame)
    np.testing.assert_allclose(shares @ np.stack(values), whole.estimate, rtol=ORDER, atol=ORDER)
    joined = session(model, at=pd.concat(parts)).predict(at)
    same(whole, joined)


@laws
@given(formulas(), frames, seeds, st.sampled_from(["g", "h", "k", "u", ["g", "u"], ["h", "k"]]))
def test_subgroups_weighted_back(formula, frame, seed, over):
    m = session(made_up(formula, frame, seed))
    counts = frame.groupby(over, observed=True).size().to_numpy()
    shares = counts / len(frame)
    for ask in (lambda **k: m.predict({"x": 2.0}, **k), lambda **k: m.dydx("x", **k)):
        same(ask(), ask(over=over).contrast(shares, labels="overall"))


@laws
@given(formulas(), frames, seeds, st.sampled_from(["overall", "mean", "typical"]))
def test_weights_as_repeated_rows(formula, frame, seed, at):
    if frame.w.groupby([frame.g, frame.h, frame.k]).sum().min() == 0:
        return  # a level would be lost
    model = made_up(formula, frame, seed)
    repeated = frame.loc[np.repeat(frame.index, frame.w)].reset_index(drop=True)
    weighted = session(model, at=at, weights="w")
    if at == "overall":
        plain = session(model, at=repeated)
    else:
        rule = {"mean": "mean", "typical": "median"}[at]
        row = {
            v: frame_rule(repeated[v], rule if variable.kind == "numeric" else "mode")
            for v, variable in model.fitted.variables.items()
        }
        plain = session(model, at=row)
    same(weighted.predict({"x": [1.0, 4.0]}), plain.predict({"x": [1.0, 4.0]}))
    same(weighted.dydx("z"), plain.dydx("z"))


def frame_rule(column, rule):
    if rule == "mode":
        counts = column.value_counts()
        return sorted(counts.index[counts == counts.max()])[0]
    return float(getattr(column, rule)())


@laws
@given(formulas(), frames, seeds, st.sampled_from(POPULATIONS[:3]), st.floats(0.001, 1000))
def test_equal_weights_are_none(formula, frame, seed, at, weight):
    model = made_up(formula, frame, seed)
    weights = np.full(len(frame), weight)
    for a, b in zip(
        questions(session(model, at=at)),
        questions(session(model, at=at, weights=weights)),
        strict=True,
    ):
        same(a, b)


@laws
@given(frames, seeds, st.sampled_from(["g", "g * h", "C(k):z", "np.log(z**2 + 1)"]))
def test_the_slope_of_a_linear_term_is_its_coefficient(frame, seed, rest):
    model = FixedModel(f"x + z + {rest}", frame, seed=seed)
    i = model.fitted.design.names.index("x")
    result = session(model).dydx("x")
    assert result.estimate[0] == pytest.approx(model.beta[i], rel=1e-12)
    assert result.std_error[0] == pytest.approx(np.sqrt(model.cov[i, i]), rel=1e-10)
    grid = session(model, at="mean").dydx("x", atexog={"z": [0.0, 1.0]}, over="u")
    np.testing.assert_allclose(grid.estimate, model.beta[i], rtol=1e-12)


@laws
@given(formulas(), frames, seeds, st.permutations(range(4)))
def test_permuting_scenarios(formula, frame, seed, order):
    m = session(made_up(formula, frame, seed))
    scenarios = [
        Scenario({"x": 1.0}),
        Scenario({"z": 2.0, "x": 3.0}),
        Scenario({"x": lambda x: x * 0.9 + 0.1}),
        Scenario({}),
    ]
    weights = np.array([0.2, -1.0, 0.5, 0.3])
    straight = m.contrasts(scenarios)
    permuted = m.contrasts([scenarios[i] for i in order])
    assert permuted.labels == tuple(straight.labels[i] for i in order)
    same(straight[list(order)], permuted)
    same(
        m.contrasts(scenarios, {"c": weights}),
        m.contrasts([scenarios[i] for i in order], {"c": weights[list(order)]}),
    )


@laws
@given(formulas(), frames, seeds)
def test_contrasts_of_averages_are_averages_of_contrasts(formula, frame, seed):
    model = made_up(formula, frame, seed)
    made = pairwise("z", [1.0, 0.0])
    together = session(model).contrasts(made)
    each = session(model).predict({"z": [1.0, 0.0]}, over="w")
    k = len(each) // 2
    shares = frame.w.value_counts().sort_index().to_numpy() / len(frame)
    matrix = np.zeros(2 * k)
    matrix[0::2], matrix[1::2] = shares, -shares
    same(together, each.contrast(matrix, labels="c"))
    predicted = session(model).predict({"z": [1.0, 0.0]})
    same(together, predicted[0] - predicted[1])


@laws
@given(
    formulas(),
    frames,
    seeds,
    st.lists(st.floats(0.6, 4.9), min_size=1, max_size=3, unique=True),
    st.lists(st.floats(-3, 3), min_size=1, max_size=3, unique=True),
)
def test_the_order_of_a_grid(formula, frame, seed, xs, zs):
    m = session(made_up(formula, frame, seed))
    result = m.predict({"x": xs, "z": zs})
    table = result.to_frame()
    assert list(zip(table.x, table.z, strict=True)) == [(x, z) for x in xs for z in zs]
    turned = m.predict({"z": zs, "x": xs})
    index = [j * len(xs) + i for i in range(len(xs)) for j in range(len(zs))]
    same(result, turned[index])
    for i in (0, len(result) - 1):
        one = m.predict({"x": table.x[i], "z": table.z[i]})
        same(one, result[i])
    frame_of_points = m.predict(table[["x", "z"]])
    same(result, frame_of_points)


@laws
@given(formulas(), frames, seeds)
def test_pinning_is_setting_a_column(formula, frame, seed):
    model = made_up(formula, frame, seed)
    same(
        session(model).predict({"x": 2.5, "z": 0.5}, over="u"),
        session(model, at=frame.assign(x=2.5, z=0.5)).predict(over="u"),
    )
    same(
        session(model).dydx("z", atexog={"x": 2.5}),
        session(model, at=frame.assign(x=2.5)).dydx("z"),
    )
    same(
        session(model).predict({"x": lambda x: x * 0.9 + 0.1}),
        session(model, at=frame.assign(x=frame.x * 0.9 + 0.1)).predict(),
        BASIS,
    )


@laws
@given(formulas(), frames, seeds)
def test_a_slope_is_the_limit_of_a_contrast(formula, frame, seed):
    m = session(made_up(formula, frame, seed))
    h = 1e-4

    def central(h):
        up = m.predict({"z": 1.0 + h})
        down = m.predict({"z": 1.0 - h})
        return (up - down) * (1 / (2 * h))

    slope = m.dydx("z", atexog={"z": 1.0})
    limit = (4 / 3) * central(h / 2) - (1 / 3) * central(h)
    same(slope, limit, 1e-6)


@laws
@given(formulas(), frames, seeds, st.integers(0, 2**16))
def test_joint_tests_do_not_depend_on_the_basis(formula, frame, seed, mix):
    m = session(made_up(formula, frame, seed), df=11)
    rows = m.predict({"x": [1.0, 2.0]}, over="u")
    sd = np.sqrt(np.diagonal(rows.cov))
    assume(np.linalg.eigvalsh(rows.cov / np.outer(sd, sd))[0] > 1e-4)
    k = len(rows)
    turned = np.linalg.qr(np.random.default_rng(mix).normal(size=(k, k)))[0]
    a = rows.joint_test()
    b = rows.contrast(turned * np.linspace(1.0, 3.0, k)).joint_test()
    assert a.df1 == b.df1
    assert b.statistic == pytest.approx(a.statistic, rel=1e-5)


@laws
@given(formulas(), frames, seeds)
def test_arithmetic_is_linear(formula, frame, seed):
    m = session(made_up(formula, frame, seed))
    a, b, c = m.predict({"x": [1.0, 2.0, 4.0]})
    same(a - b, -(b - a))
    same((a - b) + (b - c), a - c)
    same(2 * (a + b), 2 * a + 2 * b)
    same((a + b + c) / 3, m.predict({"x": [1.0, 2.0, 4.0]}).contrast([1 / 3] * 3, labels="x"))


@laws
@given(frames, seeds, st.sampled_from(["log", "logit", "fisher_z", "identity"]))
def test_a_scale_moves_no_prediction(frame, seed, scale):
    rng = np.random.default_rng(seed)
    params = np.concatenate([[0.5], rng.uniform(-0.1, 0.1, 3)])
    model = FixedModel("g + h", frame, params=params, cov=np.eye(4) / 1000)
    plain, scaled = session(model).predict(over="g"), session(model, scale=scale).predict(over="g")
    same(plain, scaled)
    bounds = scaled.conf_int()
    assert (bounds.ci_lower < scaled.estimate).all()
    assert (scaled.estimate < bounds.ci_upper).all()
    # a test of the estimate itself, in the units of the table, never rejects
    assert np.allclose(scaled.test(null=scaled.estimate).p_value, 1.0)


@laws
@given(frames, seeds)
def test_a_shift_by_one_is_the_slope_of_a_linear_term(frame, seed):
    m = session(FixedModel("x * g + h", frame, seed=seed))
    same(m.predict({"x": lambda x: x + 1.0}) - m.predict(), m.dydx("x"))


@laws
@given(formulas(), frames, seeds)
def test_an_average_contrast_is_the_average_of_single_rows(formula, frame, seed):
    model = made_up(formula, frame, seed)
    rows = [frame.iloc[[i]] for i in range(0, len(frame), 9)]
    made = pairwise("z", [1.0, 0.0])
    each = [session(model, at=row).contrasts(made).estimate[0] for row in rows]
    whole = session(model, at=pd.concat(rows)).contrasts(made)
    assert np.mean(each) == pytest.approx(whole.estimate[0], rel=BASIS, abs=ORDER)


def test_rows_beyond_a_chunk():
    """Elasticities and designs are formed in pieces of 32768 rows; nothing is lost between."""
    frame = frame_of(1, 72)
    model = FixedModel("np.log(x) * g + z", frame, params=[30, 1, 2, 0.5, 1, 0.3, 0.1])
    many = pd.concat([frame] * 1000, ignore_index=True)
    for ask in (lambda m: m.eyex("x", over="g"), lambda m: m.predict({"x": [1, 4]}),
                lambda m: m.dydx("x", over="u"), lambda m: m.eydx("g")):  # fmt: skip
        same(ask(session(model)), ask(session(model, at=many)))
