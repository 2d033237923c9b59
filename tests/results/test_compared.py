"""Results of several models side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import ArgumentError, ArgumentTypeError, Margins, compare


@pytest.fixture(scope="module")
def sessions() -> dict[str, Margins]:
    rng = np.random.default_rng(8)
    n = 120
    df = pd.DataFrame({"age": rng.integers(20, 60, n), "arm": rng.choice(["new", "old"], n)})
    df["sick"] = rng.normal(size=n)
    df["score"] = 100 + df["age"] + 2 * (df["arm"] == "new") + rng.normal(0, 4, n)
    return {
        "small": Margins(smf.ols("score ~ age + arm", df).fit()),
        "large": Margins(smf.ols("score ~ age * arm + sick", df).fit(), vcov="HC3", level=0.9),
        "log": Margins.log_scale(smf.ols("score ~ age + arm", df).fit()),
    }


def test_rows_of_one_label_stand_beside_each_other(sessions: Any) -> None:
    small, large = (sessions[name].dydx("all") for name in ("small", "large"))
    table = compare({"A": small, "B": large}).summary()
    assert table.title == "Average slope or discrete change (dydx): score"
    assert table.header == ("term", "contrast", "A", "B")
    assert [row[:2] for row in table.rows] == [("age", ""), ("arm", "old - new"), ("sick", "")]
    bounds = large.conf_int(0.95)
    age = f"{large.estimate[0]:.4f} [{bounds.iloc[0, 0]:.4f}, {bounds.iloc[0, 1]:.4f}]"
    assert table.rows[0][3] == age
    assert table.rows[2][2] == ""  # which the small model does not have
    assert table.notes[0] == "In brackets the 95 % interval."
    assert table.notes[1].startswith("A: Linear regression (statsmodels OLS)")
    assert "covariance: HC3" in table.notes[2]


def test_standard_errors_and_other_levels(sessions: Any) -> None:
    small, large = (sessions[name].predict("arm") for name in ("small", "large"))
    table = compare({"A": small, "B": large}, show="std_error").summary()
    assert table.header == ("arm", "A", "B")
    assert table.rows[0][1] == f"{small.estimate[0]:.3f} ({small.std_error[0]:.3f})"
    assert table.notes[0] == "In brackets the standard error."
    at_90 = compare({"A": small}, level=0.9).summary()
    assert f"{small.conf_int(0.9).iloc[0, 0]:.3f}" in at_90.rows[0][1]


def test_who_is_averaged_over_is_said_once_or_of_each(sessions: Any) -> None:
    small, large = (sessions[name].dydx("age") for name in ("small", "large"))
    once = compare({"A": small, "B": large}).summary()
    assert once.notes[3:] == ("Averaged over the 120 rows of the fit.",)
    df = pd.DataFrame({"x": [1.0, 2.0, 4.0, 3.0], "arm": list("abba"), "y": [1.0, 3.0, 2.0, 5.0]})
    fit = smf.ols("y ~ x + arm", df).fit()
    by_at = {at: Margins(fit, at=at).dydx("x") for at in ("overall", "balanced")}
    _, overall, balanced = compare(by_at).summary().notes
    assert overall.endswith("averaged over the 4 rows of the fit.")
    assert "averaged over every combination of the categorical variables" in balanced


def test_it_exports(sessions: Any) -> None:
    both = {name: sessions[name].predict("arm") for name in ("small", "large")}
    table = compare(both)
    frame = table.to_frame()
    assert frame["result"].tolist() == ["small", "small", "large", "large"]
    assert list(frame.columns[:3]) == ["result", "label", "arm"]
    assert str(table) == str(table.summary())
    assert "large" in table._repr_html_()
    assert r"\toprule" in table.summary().to_latex()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda s: {}, ArgumentError, "the mapping is empty"),
        (lambda s: [s["small"].predict()], ArgumentTypeError, "expected a mapping"),
        (lambda s: {"A": s["small"]}, ArgumentTypeError, "'A' is no result of a session"),
        (
            lambda s: {"A": s["small"].predict("arm"), "B": s["small"].dydx("age")},
            ArgumentError,
            "'A' holds mean response, 'B' average slope",
        ),
        (
            lambda s: {"A": s["small"].predict("arm"), "B": s["log"].predict("arm")},
            ArgumentError,
            "on the log scale",
        ),
        (
            lambda s: {"A": s["small"].dydx("age"), "B": s["large"].dydx("sick")},
            ArgumentError,
            "have no row in common: 'age' against 'sick'",
        ),
    ],
)
def test_what_is_refused(sessions: Any, ask: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        compare(ask(sessions))


@pytest.mark.parametrize("level", [0, 1.5, 95])
def test_levels_that_are_none(sessions: Any, level: float) -> None:
    with pytest.raises(ArgumentError, match="level"):
        compare({"A": sessions["small"].predict()}, level=level)


def test_names_that_are_written_alike(sessions: Any) -> None:
    means = sessions["small"].predict()
    with pytest.raises(ArgumentError, match="two names are written alike: 1, '1'"):
        compare({1: means, "1": means})  # type: ignore[dict-item]


def test_what_can_be_shown(sessions: Any) -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'interval'"):
        compare({"A": sessions["small"].predict()}, show="intervals")  # type: ignore[arg-type]
