"""The design of the random effects: found, and asked at points that the fit has not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Margins, ModelError, UnknownNameError
from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.asking.population import fit_rows
from pymargins.estimands.scenes import Grid, average
from pymargins.models.random_part import RANDOM, RandomPart
from support.small_models import CALLERS_NAMES, quietly


def doubled(x):
    """Return a transform of the user's own."""
    return 2.0 * np.asarray(x)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Thirty subjects at several days, in sites."""
    rng = np.random.default_rng(5)
    subject = np.repeat(np.arange(30), 8)
    frame = pd.DataFrame({"subject": subject, "days": rng.uniform(1, 9, 240).round(2)})
    frame["arm"] = np.where(rng.integers(0, 2, 240), "a", "b")
    frame["dose"] = rng.uniform(1, 3, 240).round(2)
    frame["site"] = [f"s{k}" for k in np.tile([0, 1], 120)]
    own = rng.normal(size=(30, 2))
    frame["y"] = 5 + own[subject, 0] + (1 + own[subject, 1]) * frame["days"] + rng.normal(size=240)
    return frame


def fit(data, formula="y ~ days * arm", **options):
    with quietly():
        return smf.mixedlm(formula, data, groups="subject", **options, **CALLERS_NAMES).fit()


def part_of(model, **options) -> tuple[RandomPart, StatsmodelsMixedLMAdapter]:
    adapter = StatsmodelsMixedLMAdapter(model, **options)
    return adapter.random(), adapter


def rebuilt(part: RandomPart, frame: pd.DataFrame):
    """Return the design rows of a frame."""
    values = [f.evaluate({v: frame[v] for v in f.variables}) for f in part.design.factors]
    return part.design.rows(values, len(frame))


EVERY = {
    "intercept": (None, lambda d: [np.ones(len(d))]),
    "slope": ("~ days", lambda d: [np.ones(len(d)), d["days"]]),
    "slope alone": ("0 + days", lambda d: [d["days"]]),
    "not in the fixed part": ("~ dose", lambda d: [np.ones(len(d)), d["dose"]]),
    "expressions": (
        "~ I(days ** 2) + np.log(dose)",
        lambda d: [np.ones(len(d)), d["days"] ** 2, np.log(d["dose"])],
    ),
    "levels": ("0 + arm", lambda d: [(d["arm"] == "a") * 1.0, (d["arm"] == "b") * 1.0]),
    "a contrast": ("~ C(arm)", lambda d: [np.ones(len(d)), (d["arm"] == "b") * 1.0]),
    "a product": ("0 + days:dose", lambda d: [d["days"] * d["dose"]]),
    "levels times a slope": (
        "0 + arm:days",
        lambda d: [(d["arm"] == "a") * d["days"], (d["arm"] == "b") * d["days"]],
    ),
    "a function of the user's": ("0 + doubled(dose)", lambda d: [2.0 * d["dose"]]),
}


@pytest.mark.parametrize("name", EVERY)
def test_the_design_is_found_and_has_rows_elsewhere(data, name):
    formula, expected = EVERY[name]
    part, adapter = part_of(fit(data, re_formula=formula))
    np.testing.assert_array_equal(part.design.rows(part.values, 240), adapter.arrays.exog_re)
    elsewhere = data.sample(40, random_state=1).reset_index(drop=True)
    elsewhere["days"] += 0.25
    np.testing.assert_allclose(rebuilt(part, elsewhere), np.column_stack(expected(elsewhere)))
    assert part.effects == len(part.design.names)
    assert part.owners == ()


@pytest.mark.skipif(not hasattr(statsmodels.formula, "options"), reason="statsmodels 0.14")
@pytest.mark.parametrize("name", ["slope", "expressions", "levels", "levels times a slope"])
def test_formulaic_columns_are_found(data, name, monkeypatch):
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", "formulaic")
    formula, expected = EVERY[name]
    part, _ = part_of(fit(data, re_formula=formula))
    np.testing.assert_allclose(rebuilt(part, data), np.column_stack(expected(data)))


def test_columns_of_a_spline_are_found(data):
    part, _ = part_of(fit(data, re_formula="0 + bs(days, df=4)"))
    rows = rebuilt(part, data)
    assert rows.shape == (240, 4)
    np.testing.assert_allclose(rows.sum(axis=1).max(), 1.0, atol=1e-3)
    low, high = data["days"].min(), data["days"].max()
    slope = part.design.factors[2].derivative({"days": data["days"]}, "days", low, high)
    assert slope.shape == (240, 1)


COMPONENTS = {
    "levels": ({"site": "0 + C(site)"}, lambda d: [np.ones(len(d))]),
    "a slope": ({"slope": "0 + dose"}, lambda d: [d["dose"]]),
    "a slope by level": ({"site": "0 + C(site):dose"}, lambda d: [d["dose"]]),
    "two": ({"a": "0 + C(site)", "b": "0 + days"}, lambda d: [np.ones(len(d)), d["days"]]),
}


@pytest.mark.parametrize("name", COMPONENTS)
def test_components_have_columns_of_their_own(data, name):
    formulas, expected = COMPONENTS[name]
    part, _ = part_of(fit(data, re_formula="1", vc_formula=formulas))
    columns = [np.ones(len(data)), *expected(data)]
    np.testing.assert_allclose(rebuilt(part, data), np.column_stack(columns))
    assert part.effects == 1
    assert part.owners == tuple(range(len(formulas)))
    assert part.components == len(formulas)


def test_a_component_of_several_columns_has_one_variance(data):
    part, _ = part_of(fit(data, re_formula="1", vc_formula={"both": "0 + days + dose"}))
    assert part.owners == (0, 0)
    z = rebuilt(part, data)
    np.testing.assert_allclose(part.forms(z)[:, 1], data["days"] ** 2 + data["dose"] ** 2)


def test_the_variance_of_a_row_is_that_of_its_quadratic_form(data):
    part, adapter = part_of(fit(data, re_formula="~ days", vc_formula={"site": "0 + C(site):dose"}))
    variances = adapter.estimates
    z = rebuilt(part, data)
    got = part.forms(z) @ variances.gamma
    expected = np.einsum("ni,ij,nj->n", z[:, :2], variances.psi, z[:, :2])
    expected += variances.components[0] * data["dose"] ** 2 + variances.sigma2
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    step = 1e-6
    moved = (part.forms(z + step) - part.forms(z - step)) / (2 * step)
    np.testing.assert_allclose(part.moved_forms(z, np.ones_like(z)), moved, atol=1e-7)


def test_a_role_that_is_averaged_and_differentiated(data):
    plain = StatsmodelsMixedLMAdapter(fit(data, re_formula="~ days + dose")).fitted
    assert RANDOM not in plain.designs
    fitted = plain.with_random()
    assert list(plain.variables) == ["days", "arm"]
    assert list(fitted.variables) == ["days", "arm", "dose"]
    grid = Grid(2, {"days": pd.Series([2.0, 4.0])})
    rows = fit_rows(fitted, None)
    expected = [[1, 2, data["dose"].mean()], [1, 4, data["dose"].mean()]]
    np.testing.assert_allclose(average(rows, grid, role=RANDOM)[0], expected)
    slope = average(rows, grid, slope="days", role=RANDOM)[0]
    np.testing.assert_allclose(slope, [[0, 1, 0], [0, 1, 0]])


def test_array_fits_are_matched_to_their_data(data):
    exog = sm.add_constant(data[["days"]])
    with quietly():
        model = sm.MixedLM(data["y"], exog, data["subject"], exog_re=exog).fit()
        plain = sm.MixedLM(
            data["y"].to_numpy(),
            exog.to_numpy(),
            data["subject"].to_numpy(),
            exog_re=data[["dose"]].to_numpy(),
        ).fit()
    part, _ = part_of(model, training_data=data)
    np.testing.assert_array_equal(rebuilt(part, data), exog)
    part, _ = part_of(plain, training_data=data.rename(columns={"days": "x1"}))
    np.testing.assert_array_equal(rebuilt(part, data)[:, 0], data["dose"])


def hidden(data):
    """Return a fit whose varying column cannot be found."""
    exog_re = np.column_stack([np.ones(240), np.sqrt(data["days"] + 1)])
    exog = sm.add_constant(data[["days"]])
    with quietly():
        return sm.MixedLM(data["y"], exog, data["subject"], exog_re=exog_re).fit()


def test_what_cannot_be_found_is_asked_for(data):
    model = hidden(data)
    part, _ = part_of(model, training_data=data)
    assert part.design.factors[0].opaque
    with pytest.raises(ModelError, match=r'equations=\{"random": "~ ..."\}'):
        rebuilt(part, data)
    found, _ = part_of(model, training_data=data, equations={"random": "~ np.sqrt(days + 1)"})
    np.testing.assert_allclose(rebuilt(found, data)[:, 1], np.sqrt(data["days"] + 1))


@pytest.mark.parametrize(
    ("formula", "error", "words"),
    [
        ("~ days", ArgumentError, "gives no column with the values of"),
        ("~ nowhere", ArgumentError, "cannot be read"),
    ],
)
def test_a_wrong_formula_is_told_of(data, formula, error, words):
    with pytest.raises(error, match=words):
        part_of(hidden(data), training_data=data, equations={"random": formula})


def test_an_equation_that_it_does_not_have(data):
    with pytest.raises(UnknownNameError, match="random"):
        Margins(fit(data), equations={"inflation": "~ days"})


def test_a_session_takes_the_formula(data):
    with quietly():
        assert Margins(fit(data, re_formula="~ days"), equations={"random": "~ days"})
