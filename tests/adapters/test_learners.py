"""scikit-learn: a learner that is least squares gives what least squares give."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import (
    ArgumentError,
    Bootstrap,
    Margins,
    ModelError,
    UnsupportedError,
    UnsupportedModelError,
    pairwise,
)
from pymargins.adapters import LearnerAdapter

pytest.importorskip("sklearn")
EXACT = 1e-9
PERCENTILE = Bootstrap(40, interval="percentile", rng=1)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    n = 150
    frame = pd.DataFrame({"x": rng.normal(size=n), "k": rng.integers(0, 3, n)})
    frame["g"] = pd.Categorical(rng.choice(["a", "b", "c"], n), categories=["c", "a", "b"])
    frame["site"] = rng.choice(["north", "south"], n)
    shift = frame["g"].map({"a": 0.0, "b": 1.0, "c": 2.0}).astype(float)
    frame["y"] = frame["x"] + shift + (frame["site"] == "south") + rng.normal(size=n)
    frame["high"] = (frame["y"] > 1).astype(int)
    frame["class"] = np.where(frame["y"] > 2, "top", np.where(frame["y"] > 0, "middle", "low"))
    return frame


FEATURES = ["x", "k", "g", "site"]


def fitted(learner, data, outcome):
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    coded = make_column_transformer(
        (OneHotEncoder(drop="first"), ["g", "site"]), remainder="passthrough"
    )
    return make_pipeline(coded, learner).fit(data[FEATURES], data[outcome])


def rows(data, outcome):
    return data[[*FEATURES, outcome]]


@pytest.fixture(scope="module")
def least_squares(data):
    from sklearn.linear_model import LinearRegression

    learner = fitted(LinearRegression(), data, "y")
    return Margins(learner, data=rows(data, "y"), method=PERCENTILE)


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.predict(),
        lambda m: m.predict({"g": ["a", "c"], "x": [0.5]}),
        lambda m: m.predict({"x": lambda x: x + 1}, over="site"),
        lambda m: m.contrasts(pairwise("g")),
        lambda m: m.dydx(["g", "site"]),
        lambda m: m.predict("site").pairwise(),
    ],
)
def test_least_squares_are_least_squares(data, least_squares, ask):
    own = Margins(smf.ols("y ~ x + k + g + site", data).fit(), method=PERCENTILE)
    found, wanted = ask(least_squares), ask(own)
    assert found.labels == wanted.labels
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=EXACT)
    np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=1e-7)
    np.testing.assert_allclose(found.conf_int(), wanted.conf_int(), rtol=1e-7)


def test_clusters_are_drawn_whole(data):
    from sklearn.linear_model import LinearRegression

    frame = rows(data, "y").assign(village=np.arange(len(data)) // 5)
    learner = LearnerAdapter(fitted(LinearRegression(), data, "y"), frame, outcome="y")
    option = Bootstrap(30, kind="cluster", cluster="village", interval="percentile", rng=2)
    own = smf.ols("y ~ x + k + g + site", frame).fit()
    found = Margins(learner, method=option).predict("g")
    wanted = Margins(own, method=option).predict("g")
    np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=1e-7)


def test_probabilities_of_classes(data):
    from sklearn.linear_model import LogisticRegression

    learner = fitted(LogisticRegression(), data, "class")
    m = Margins(learner, data=rows(data, "class"), method=PERCENTILE)
    found = m.predict({"site": "north"})
    wanted = learner.predict_proba(data[FEATURES].assign(site="north")).mean(axis=0)
    np.testing.assert_allclose(found.estimate, wanted, rtol=EXACT)
    assert found.to_frame()["outcome"].tolist() == ["low", "middle", "top"]
    two = fitted(LogisticRegression(), data, "high")
    m = Margins(two, data=rows(data, "high"), method=PERCENTILE, scale="log")
    ratio = m.contrasts(pairwise("site", ["south", "north"]))
    south, north = (
        two.predict_proba(data[FEATURES].assign(site=s))[:, 1].mean() for s in ("south", "north")
    )
    np.testing.assert_allclose(ratio.estimate, south / north, rtol=EXACT)
    assert "high = 1" in str(ratio.summary())
    assert "Logistic regression (scikit-learn LogisticRegression" in str(ratio.summary())


def test_what_is_missing_is_said(data, least_squares):
    from sklearn.linear_model import LinearRegression, RidgeClassifier

    learner = fitted(LinearRegression(), data, "y")
    with pytest.raises(ArgumentError, match="give those that were fitted"):
        Margins(learner)
    with pytest.raises(ArgumentError, match=r"LearnerAdapter\(model, data, outcome="):
        Margins(learner, data=data)
    with pytest.raises(ArgumentError, match="there is no column 'site'"):
        Margins(learner, data=data.drop(columns="site"))
    with pytest.raises(ArgumentError, match="outcome: 'yy' is not a column"):
        LearnerAdapter(learner, data, outcome="yy")
    with pytest.raises(UnsupportedError, match='Bootstrap\\(interval="percentile"\\)'):
        Margins(learner, data=rows(data, "y"))
    with pytest.raises(UnsupportedError, match="no standard error of their own"):
        Margins(learner, data=rows(data, "y"), method="bootstrap")
    with pytest.raises(UnsupportedError, match="give n_jobs to the learner"):
        Margins(learner, data=rows(data, "y"), method=Bootstrap(9, interval="percentile", n_jobs=2))
    with pytest.raises(UnsupportedError, match="'wild' is not available"):
        Margins(
            learner, data=rows(data, "y"), method=Bootstrap(9, kind="wild", interval="percentile")
        )
    with pytest.raises(UnsupportedError, match="no slope by 'x'"):
        least_squares.dydx("x")
    with pytest.raises(UnsupportedError, match="no coefficients, so that there are no terms"):
        least_squares.joint_tests()
    with pytest.raises(UnsupportedModelError, match="is not fitted"):
        Margins(LinearRegression(), data=data)
    with pytest.raises(ModelError, match="fitted to an array"):
        Margins(LinearRegression().fit(data[["x"]].to_numpy(), data["y"]), data=data)
    with pytest.raises(UnsupportedModelError, match="CalibratedClassifierCV"):
        Margins(fitted(RidgeClassifier(), data, "high"), data=rows(data, "high"))
