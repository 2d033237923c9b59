"""Plots: which kind, what is drawn where, labels, the null line, and what is refused."""

from __future__ import annotations

import pickle
import sys
import warnings
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Margins,
    Scenario,
    UnknownNameError,
    UnsupportedError,
    pairwise,
    reference,
)
from pymargins.report.plots import MOST_LINES, PALETTE

AGES = [20, 30, 40, 50]


@pytest.fixture(scope="module")
def fit() -> Any:
    rng = np.random.default_rng(5)
    n = 200
    df = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "dose": rng.uniform(0, 4, n),
            "female": rng.integers(0, 2, n),
            "school": rng.choice(["A", "B", "_C"], n),
            "student": np.repeat(np.arange(40), 5),
        }
    )
    df["score"] = 50 + 0.3 * df["age"] - 2 * df["female"] + rng.normal(0, 5, n)
    df["score"] += rng.normal(0, 3, 40)[df["student"]]
    return smf.mixedlm("score ~ age*female + dose + C(school)", df, groups="student").fit()


@pytest.fixture(scope="module")
def m(fit: Any) -> Margins:
    return Margins(fit, vcov="gls")


@pytest.fixture(scope="module")
def curves(m: Margins) -> Any:
    return m.predict(atexog={"age": AGES, "female": [0, 1]})


def bands(ax: Any) -> list[Any]:
    return [c for c in ax.collections if isinstance(c, PolyCollection)]


def intervals(ax: Any) -> Any:
    """Return the ends of a forest plot's intervals, (k, 2)."""
    (bars,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    return np.array([segment[:, 0] for segment in bars.get_segments()])


def curves_of(ax: Any) -> list[Any]:
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def null_lines(ax: Any) -> list[float]:
    """Return where lines across the whole axes stand."""
    out: list[float] = []
    for line in ax.lines:
        x, y = list(line.get_xdata()), list(line.get_ydata())
        if x == [0, 1] and y[0] == y[1]:
            out.append(float(y[0]))
        elif y == [0, 1] and x[0] == x[1]:
            out.append(float(x[0]))
    return out


# --- lines with bands ----------------------------------------------------------------------------


def test_lines_with_bands_over_a_numeric_variable(curves: Any) -> None:
    ax = curves.plot()
    lines = curves_of(ax)
    assert len(lines) == len(bands(ax)) == 2
    frame = curves.to_frame()
    for value, line, band in zip([0, 1], lines, bands(ax), strict=True):
        part = frame[frame["female"] == value]
        assert list(line.get_xdata()) == AGES
        np.testing.assert_allclose(line.get_ydata(), part["estimate"], rtol=1e-12)
        height = band.get_paths()[0].vertices[:, 1]
        assert height.min() == pytest.approx(part["ci_lower"].min())
        assert height.max() == pytest.approx(part["ci_upper"].max())
    assert ax.get_xlabel() == "age"
    assert ax.get_ylabel() == "Mean score (95 % CI)"
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "female"
    assert [t.get_text() for t in legend.get_texts()] == ["0", "1"]
    assert null_lines(ax) == []


def test_colours_are_told_apart_with_every_kind_of_colour_vision(curves: Any) -> None:
    ax = curves.plot()
    assert [to_hex(line.get_color()).upper() for line in curves_of(ax)] == list(PALETTE[:2])
    assert len(set(PALETTE)) == 8


def test_one_line_needs_no_legend(m: Margins) -> None:
    ax = m.predict(atexog={"age": AGES, "female": 1}).plot()
    assert len(curves_of(ax)) == 1
    assert ax.get_legend() is None


def test_lines_follow_the_variable_whatever_the_order_of_rows(m: Margins) -> None:
    ax = m.predict(atexog={"age": [50, 20, 30]}).plot()
    assert list(curves_of(ax)[0].get_xdata()) == [20, 30, 50]


def test_slopes_over_a_grid_have_a_line_at_zero_and_one_curve_an_effect(m: Margins) -> None:
    ax = m.dydx("school", atexog={"age": AGES}).plot()
    assert null_lines(ax) == [0.0]
    assert len(curves_of(ax)) == 2
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == ["school: B - A", "school: _C - A"]
    one = m.dydx("female", atexog={"age": AGES}).plot()
    assert "female" in one.get_ylabel()
    assert "Average slope" in one.get_ylabel()


def test_a_level_with_an_underscore_stays_in_the_legend(m: Margins) -> None:
    ax = m.predict(atexog={"age": AGES, "school": ["A", "_C"]}).plot()
    assert [t.get_text().strip() for t in ax.get_legend().get_texts()] == ["A", "_C"]


def test_subgroups_are_lines(m: Margins) -> None:
    result = m.predict(atexog={"age": AGES}, over=["school", "female"])
    panels = result.plot()
    assert [ax.get_title() for ax in panels] == ["female = 0", "female = 1"]
    assert [len(curves_of(ax)) for ax in panels] == [3, 3]
    ax = result.plot(by=["school", "female"])
    assert len(curves_of(ax)) == 6
    assert ax.get_legend().get_title().get_text() == "school, female"
    assert ax.get_legend().get_texts()[0].get_text() == "A, 0"


def test_the_variable_along_the_axis_can_be_chosen(m: Margins) -> None:
    result = m.predict(atexog={"age": AGES, "dose": [1, 2, 3], "female": [0, 1]})
    assert [ax.get_xlabel() for ax in result.plot()] == ["age", "age"]
    ax = result.plot(x="dose")
    assert ax.get_xlabel() == "dose"
    assert len(curves_of(ax)) == 8
    turned = result.plot(x="dose", by=["female", "age"])
    assert turned.get_legend().get_title().get_text() == "female, age"
    assert result.plot(by=["age", "female"]).get_xlabel() == "dose"


def test_two_values_make_a_line_where_asked_for(m: Margins) -> None:
    result = m.predict(atexog={"age": [20, 70], "female": [0, 1]})
    assert curves_of(result.plot(kind="line")) == []
    ax = result.plot(kind="line")
    assert [list(line.get_xdata()) for line in ax.lines] == [[20, 70], [20, 70]]


# --- forest plots --------------------------------------------------------------------------------


def test_forest_plot_of_contrasts(m: Margins) -> None:
    result = m.contrasts(reference("school", ["A", "B", "_C"], ref_level="A"))
    ax = result.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["B - A", "_C - A"]
    assert ax.yaxis_inverted()
    np.testing.assert_allclose(intervals(ax), result.conf_int().to_numpy(), rtol=1e-10)
    (points,) = [x for x in ax.lines if x.get_marker() == "o"]
    np.testing.assert_allclose(points.get_xdata(), result.estimate, rtol=1e-12)
    assert list(points.get_ydata()) == [0, 1]
    assert null_lines(ax) == [0.0]
    assert ax.get_xlabel() == "Contrast of mean responses: score (95 % CI)"


def test_the_null_is_one_for_ratios(fit: Any) -> None:
    m = Margins.log_scale(fit, vcov="gls")
    ax = m.contrasts(pairwise("female", [1, 0])).plot()
    assert null_lines(ax) == [1.0]
    assert ax.get_xlabel().startswith("Ratio of mean responses: score")


def test_means_have_no_null_line(m: Margins, fit: Any) -> None:
    points = [Scenario({"school": s}) for s in "AB"]
    for result in (
        m.predict(atexog={"school": ["A", "B"]}),
        m.evaluate(points, lambda y: y[0] / y[1]),
        Margins.log_scale(fit, vcov="gls").predict(over="school"),
    ):
        assert null_lines(result.plot()) == []


def test_a_single_row(m: Margins) -> None:
    ax = m.dydx("age").plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["age"]
    assert null_lines(ax) == [0.0]


def test_many_lines_become_panels_unless_asked_for(m: Margins) -> None:
    doses = list(range(MOST_LINES + 1))
    result = m.predict(atexog={"age": list(range(20, 20 + len(doses) + 1)), "dose": doses})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(result.plot()) == len(doses)
        assert len(curves_of(result.plot(kind="line"))) == len(doses)
        assert len(result.plot(kind="forest", facet=[]).get_yticklabels()) == len(result)


def test_points_without_a_grid_become_a_forest_plot(m: Margins) -> None:
    frame = pd.DataFrame({"age": [20, 30, 40, 20], "dose": [1.0, 2.0, 2.5, 3.0]})
    result = m.predict(atexog=frame)
    assert len(result.plot().get_yticklabels()) == 4
    with pytest.raises(ArgumentError, match="dose"):
        result.plot(x="age", by=[])


def test_long_labels_and_dollars_are_shown_as_they_are(m: Margins) -> None:
    label = "a label that costs $5 and $6 and goes on well past the width that is kept for labels"
    ax = m.contrasts([Scenario({"age": 30}, label), Scenario({"age": 40}, "short")]).plot()
    shown = ax.get_yticklabels()[0].get_text()
    assert shown.replace("\n", " ").replace(r"\$", "$") == label
    assert "\n" in shown
    ax.figure.canvas.draw()


# --- options -------------------------------------------------------------------------------------


def test_given_axes_are_used_and_nothing_else_is_touched(curves: Any, m: Margins) -> None:
    before = dict(mpl.rcParams)
    _, (left, right) = plt.subplots(1, 2)
    spines = left.spines["top"].get_visible()
    assert curves.plot(ax=left) is left
    assert m.dydx("all").plot(right) is right
    assert len(plt.get_fignums()) == 1
    assert left.spines["top"].get_visible() == spines
    assert dict(mpl.rcParams) == before
    own = curves.plot()
    assert not own.spines["top"].get_visible()
    assert dict(mpl.rcParams) == before


def test_levels_and_simultaneous_intervals(m: Margins) -> None:
    result = m.contrasts(reference("school", ["A", "B", "_C"], ref_level="A"))
    ax = result.plot(level=0.9)
    np.testing.assert_allclose(intervals(ax), result.conf_int(0.9).to_numpy(), rtol=1e-10)
    assert "90 % CI" in ax.get_xlabel()
    together = result.plot(simultaneous=True)
    expected = result.conf_int(simultaneous=True).to_numpy()
    np.testing.assert_allclose(intervals(together), expected, rtol=1e-10)
    assert "simultaneous 95 % CI" in together.get_xlabel()


def test_nothing_is_shown(curves: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("plt.show was called"))
    curves.plot()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"x": "agee"}, UnknownNameError, "Did you mean 'age'"),
        ({"by": "femal"}, UnknownNameError, "Did you mean 'female'"),
        ({"by": "age", "x": "age"}, ArgumentError, "along the axis already"),
        ({"by": []}, ArgumentError, "add 'female'"),
        ({"kind": "lines"}, ArgumentError, "Did you mean 'line'"),
        ({"kind": "forest", "x": "age"}, ArgumentError, "leave it out"),
        ({"kind": "forest", "by": "female"}, ArgumentError, "leave it out"),
        ({"level": 95}, ArgumentError, "level"),
        ({"ax": "left"}, ArgumentTypeError, "matplotlib Axes"),
        ({"colour": "red"}, TypeError, "Did you mean 'colors'"),
    ],
)
def test_what_is_refused(
    curves: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        curves.plot(**options)
    assert plt.get_fignums() == []


def test_lines_need_numbers(m: Margins) -> None:
    result = m.predict(atexog={"school": ["A", "B", "_C"]})
    with pytest.raises(ArgumentError, match="numeric"):
        result.plot(x="school", kind="line")
    with pytest.raises(ArgumentError, match="varies 'school'"):
        result.plot(kind="line")
    with pytest.raises(ArgumentError, match="no variable"):
        m.dydx("age").plot(kind="line")


def test_without_matplotlib_the_message_says_what_to_install(curves: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'pymargins\[plot\]'"):
        curves.plot()


# --- what results know beside their figures ------------------------------------------------------


def test_categories_make_an_interaction_plot(m: Margins) -> None:
    ax = m.predict(["school", "female"]).plot()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["A", "B", "_C"]
    assert ax.get_legend().get_title().get_text() == "female"
    single = m.predict("school").plot(x="school")
    assert single.get_legend() is None


def test_the_rows_of_the_fit_underneath(m: Margins, fit: Any) -> None:
    result = m.predict(atexog={"age": AGES, "female": [0, 1]})
    frame = fit.model.data.frame
    for data in (True, frame):
        points = [line for line in result.plot(data=data).lines if line.get_gid() == "data"]
        counts = frame["female"].value_counts().sort_index().tolist()
        assert [len(line.get_xdata()) for line in points] == counts
    travelled = pickle.loads(pickle.dumps(result))
    assert len(travelled.plot(data=frame).lines) == 4
    with pytest.raises(UnsupportedError, match="data: this result was pickled without the data"):
        travelled.plot(data=True)


def test_densities_need_draws(fit: Any, m: Margins) -> None:
    drawn = Margins(fit, vcov="gls", method="simulation", n_sim=100, rng=1)
    ax = drawn.predict("school").plot(kind="density")
    assert len(bands(ax)) == 3
    with pytest.raises(ArgumentError, match='method="simulation"'):
        m.predict("school").plot(kind="density")


def test_arrows_overlap_where_rows_do_not_differ(m: Margins) -> None:
    result = m.predict(atexog={"age": [20, 40, 60], "school": ...}, over="female")[::3]
    ax = result.plot(kind="forest", arrows=True)
    low, high = (dict(zip(*_ends(ax, sign), strict=True)) for sign in "<>")
    p = result.matrix().to_numpy()
    order = np.argsort(result.estimate, kind="stable")
    for k, i in enumerate(order):
        for j in order[k + 1 :]:
            assert (high[i] < low[j]) == (p[min(i, j), max(i, j)] < 0.05)
    assert "not adjusted" in ax_caption(result.plot(kind="forest", arrows="none"))
    assert "Bonferroni" in ax_caption(result.plot(kind="forest", arrows="bonferroni"))


def test_what_the_options_may_be(m: Margins) -> None:
    result = m.predict("school")
    with pytest.raises(ArgumentError, match=r"arrows: got 'tukeyy'.* Did you mean 'tukey'"):
        result.plot(arrows="tukeyy")
    with pytest.raises(ArgumentError, match=r"prediction: got 'obs'; allowed are True, False"):
        result.plot(prediction="obs")
    assert not [line for line in result.plot(data=False).lines if line.get_gid() == "data"]


def _ends(ax: Any, marker: str) -> tuple[Any, Any]:
    (line,) = [line for line in ax.lines if line.get_marker() == marker]
    return [int(y) for y in line.get_ydata()], line.get_xdata()


def ax_caption(ax: Any) -> str:
    return " ".join(" ".join(text.get_text() for text in ax.figure.texts).split())


def test_new_observations_lie_in_a_lighter_band(m: Margins) -> None:
    points = m.predict(pd.DataFrame({"age": AGES, "female": 0, "dose": 1.0, "school": "A"}))
    ax = points.plot(prediction=True)
    lighter, band = bands(ax)
    wide = points.prediction_interval().to_frame()
    heights = lighter.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(wide["pi_lower"].min())
    assert heights.max() == pytest.approx(wide["pi_upper"].max())
    assert lighter.get_alpha() < band.get_alpha()
    assert ax.get_ylabel().replace("\n", " ") == "Mean score (95 % CI, lighter: new observations)"
    forest = points.plot(kind="forest", prediction="cluster", level=0.9)
    thin, thick = [c for c in forest.collections if isinstance(c, LineCollection)]
    wide = points.prediction_interval(0.9, "cluster").to_frame()
    np.testing.assert_allclose(
        [s[:, 0] for s in thin.get_segments()], wide[["pi_lower", "pi_upper"]], rtol=1e-10
    )
    assert len(thick.get_segments()) == 4
    with pytest.raises(UnsupportedError, match="averages over several design points"):
        m.predict("age").plot(prediction=True)
    with pytest.raises(ArgumentError, match="a density plot shows draws"):
        points.plot(kind="density", prediction=True)
