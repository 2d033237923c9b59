"""What comes one a row is aligned by its index, never by position in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import ArgumentError, Bootstrap, Margins, Survey
from support.small_models import ROUNDING, fit, session, study


@pytest.fixture(scope="module")
def data():
    frame = study()
    frame.index = [f"r{i}" for i in range(len(frame))]
    frame["w"] = np.linspace(0.1, 3.0, len(frame)) ** 2
    return frame


@pytest.fixture(scope="module")
def model(data):
    return fit("score ~ age * treated + school", data)


def test_weights_in_another_order_are_brought_to_that_of_the_rows(model, data):
    right = session(model, weights="w").predict()
    shuffled = data["w"].sample(frac=1.0, random_state=1)
    found = session(model, weights=shuffled).predict()
    assert found.estimate[0] == pytest.approx(right.estimate[0], rel=ROUNDING)
    array = session(model, weights=shuffled.to_numpy()).predict()
    assert array.estimate[0] != pytest.approx(right.estimate[0], rel=1e-4)  # positions, as given


def test_an_index_that_does_not_match_is_an_error(model, data):
    with pytest.raises(ArgumentError) as caught:
        session(model, weights=data["w"].reset_index(drop=True))
    for part in ("weights", "index", "'r0'", "96 of them", "weights.to_numpy()"):
        assert part in str(caught.value)
    twice = pd.concat([data["w"], data["w"]])
    with pytest.raises(ArgumentError, match="names some rows twice"):
        session(model, weights=twice)


def test_rows_that_the_fit_dropped_may_be_among_the_weights(data):
    holed = data.copy()
    holed.loc[["r3", "r50"], "age"] = np.nan
    made = fit("score ~ age * treated + school", holed, missing="drop")
    found = session(made, weights=holed["w"], data=holed).predict()
    kept = holed.dropna(subset=["age"])
    assert found.estimate[0] == pytest.approx(
        session(made, weights=kept["w"].to_numpy(), data=holed).predict().estimate[0], rel=ROUNDING
    )


def test_weights_of_a_frame_given_are_aligned_with_it(model, data):
    part = data.iloc[20:60]
    right = session(model, at=part, weights="w").predict()
    found = session(model, at=part, weights=part["w"].iloc[::-1]).predict()
    assert found.estimate[0] == pytest.approx(right.estimate[0], rel=ROUNDING)
    with pytest.raises(ArgumentError, match="does not match that of the 40 rows"):
        session(model, at=part, weights=data["w"].iloc[:40])


def test_clusters_are_aligned_too(model, data):
    village = (data["student"] // 3).rename("village")
    right = Margins(model, vcov="CR1", cluster=village.to_numpy()).predict()
    found = Margins(model, vcov="CR1", cluster=village.sample(frac=1, random_state=2)).predict()
    assert found.std_error[0] == pytest.approx(right.std_error[0], rel=1e-12)
    with pytest.raises(ArgumentError, match="cluster: the index of this series"):
        Margins(model, vcov="CR1", cluster=village.reset_index(drop=True))


@pytest.fixture(scope="module")
def shuffled():
    """Whole numbers in another order as index, and two rows that a fit drops."""
    rng = np.random.default_rng(7)
    n = 80
    frame = pd.DataFrame({"x": rng.normal(size=n), "w": rng.uniform(0.2, 5.0, n)})
    frame["site"] = rng.integers(0, 8, n)
    frame["y"] = frame["x"] + frame["site"] / 4 + rng.normal(size=n)
    frame["high"] = (frame["y"] > 1).astype(int)
    frame.index = rng.permutation(n)
    frame.iloc[[3, 20], 0] = np.nan
    return frame


def regressions(frame):
    kept = frame.dropna()
    yield smf.ols("y ~ x", frame).fit()
    yield smf.ols("y ~ x", kept).fit()
    yield smf.logit("high ~ x", frame).fit(disp=0)
    yield smf.glm("high ~ x", frame, family=sm.families.Binomial()).fit()
    yield sm.OLS(frame["y"], sm.add_constant(frame[["x"]]), missing="drop").fit()
    yield sm.OLS(kept["y"], sm.add_constant(kept[["x"]])).fit()


def test_every_regression_knows_the_index_of_its_rows(shuffled):
    kept = shuffled.dropna()
    for made in regressions(shuffled):
        x = kept["x"].to_numpy() @ kept["w"].to_numpy() / kept["w"].sum()
        if isinstance(made.model, sm.OLS):  # the weighted mean of a line is the line at it
            found = Margins(made, weights=shuffled["w"]).predict()
            assert found.estimate[0] == pytest.approx(made.params.iloc[0] + made.params["x"] * x)
        for given in (shuffled, kept.iloc[::-1]):
            weighted = Margins(made, weights=given["w"]).predict()
            right = Margins(made, weights=kept["w"].to_numpy()).predict()
            assert weighted.estimate[0] == pytest.approx(right.estimate[0], rel=1e-12)
            robust = Margins(made, vcov="CR1", cluster=given["site"]).predict()
            right = Margins(made, vcov="CR1", cluster=kept["site"].to_numpy()).predict()
            assert robust.std_error[0] == pytest.approx(right.std_error[0], rel=1e-12)


def test_a_survey_is_matched_by_its_index(shuffled):
    kept = shuffled.dropna()
    made = smf.wls("y ~ x", kept, weights=kept["w"]).fit()
    found = Margins(made, vcov=Survey(weights=shuffled["w"], psu=shuffled["site"])).predict()
    right = Margins(made, vcov=Survey(weights="w", psu="site")).predict()
    assert found.std_error[0] == pytest.approx(right.std_error[0], rel=1e-12)


def test_a_panel_and_a_learner_know_theirs(shuffled):
    linear_model = pytest.importorskip("sklearn.linear_model")
    kept = shuffled.dropna()[["x", "y", "w"]]
    learned = linear_model.LinearRegression().fit(kept[["x"]], kept["y"])
    quick = Bootstrap(5, interval="percentile", rng=1)
    found = Margins(learned, data=kept[["x", "y"]], weights=shuffled["w"], method=quick).predict()
    line = smf.ols("y ~ x", kept).fit()
    right = Margins(line, weights=kept["w"].to_numpy()).predict().estimate[0]
    assert found.estimate[0] == pytest.approx(right, rel=1e-12)
    panel = pytest.importorskip("linearmodels")
    pairs = shuffled.dropna().assign(t=range(len(kept))).set_index(["site", "t"])
    pooled = panel.PooledOLS.from_formula("y ~ 1 + x", pairs).fit()
    found = Margins(pooled, data=pairs, weights=pairs["w"].iloc[::-1]).predict()
    assert found.estimate[0] == pytest.approx(right, rel=1e-12)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_without_an_index_a_series_is_not_matched_by_another(shuffled):
    pyfixest = pytest.importorskip("pyfixest")  # numbers the rows anew
    made = pyfixest.feols("y ~ x", shuffled)
    with pytest.raises(ArgumentError, match=r"does not keep the index .* pass weights\.to_numpy"):
        Margins(made, weights=shuffled["w"])
    kept = shuffled.dropna().reset_index(drop=True)
    found = Margins(pyfixest.feols("y ~ x", kept), weights=kept["w"]).predict()
    right = Margins(smf.ols("y ~ x", kept).fit(), weights="w").predict()
    assert found.estimate[0] == pytest.approx(right.estimate[0], rel=1e-9)
