"""What is drawn of a layout: points, panels, legends, data underneath, densities, arrows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba
from report_cases import CONTRAST, GLS, IDENTITY, LOG, MEAN, SLOPE, made_figures, over_all

from pymargins import ArgumentError, UnknownNameError
from pymargins.facts import (
    Adjusted,
    Asked,
    Computation,
    Computed,
    Kind,
    ModelFacts,
    Quantity,
    ResponseOf,
    ResultFacts,
    Retransformed,
)
from pymargins.report import Figures
from pymargins.report.figures import Arrows
from pymargins.report.plots import PALETTE, plot
from pymargins.report.plots.observed import MOST_POINTS
from pymargins.report.plots.style import balanced, wrapped

MODEL = replace(GLS.model, response_variables=("score",))
SCORES = ResultFacts(replace(GLS, model=MODEL), MEAN, IDENTITY)
SLOPES_OF_FIT = ResultFacts(GLS, SLOPE, IDENTITY)
LONG = "Less than secondary school", "University degree or equivalent", "Vocational training"


def grid(variables: dict[str, Any], facts: ResultFacts = SCORES) -> Figures:
    return over_all(variables, facts)


def intervals(ax: Any) -> list[Any]:
    """Return the segments of the intervals of each series of points."""
    return [np.array(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection)]


def marked(ax: Any, marker: str) -> list[Any]:
    return [line for line in ax.lines if line.get_marker() == marker]


def named(ax: Any) -> tuple[list[str], str]:
    """Return the names of rows from top to bottom, and what they are values of."""
    return [t.get_text() for t in ax.get_yticklabels()], ax.get_ylabel()


def box(artist: Any) -> Any:
    return artist.get_window_extent()


# --- points side by side -------------------------------------------------------------------------


def test_points_stand_side_by_side_and_are_joined() -> None:
    figures = grid({"arm": ["a", "b", "c"], "sex": ["f", "m"]})
    ax = plot(figures)
    for i, (marker, segments) in enumerate(zip("os", intervals(ax), strict=True)):
        (points,) = marked(ax, marker)
        assert points.get_ydata().tolist() == figures.estimate[i::2].tolist()
        assert to_hex(points.get_color()).upper() == PALETTE[i]
        np.testing.assert_allclose(points.get_xdata(), [-0.07, 0.93, 1.93] + 0.14 * np.float64(i))
        np.testing.assert_allclose(segments[:, 0, 1], figures.ci_lower[i::2])
        np.testing.assert_allclose(segments[:, 1, 1], figures.ci_upper[i::2])
        (joined,) = [
            line for line in ax.lines if line.get_alpha() == 0.6 and line.get_color() == PALETTE[i]
        ]
        assert joined.get_ydata().tolist() == points.get_ydata().tolist()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    legend: Any = ax.get_legend()
    assert legend.get_title().get_text() == "sex"
    assert [t.get_text() for t in legend.get_texts()] == ["f", "m"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("arm", "Mean score (95 % CI)")


def test_a_missing_cell_leaves_its_place_free() -> None:
    figures = grid({"arm": ["a", "b", "c"], "sex": ["f", "m"]})
    some = made_figures(
        figures.estimate[:5], SCORES, columns={k: v[:5] for k, v in figures.columns.items()}
    )
    (points,) = marked(plot(some), "s")
    np.testing.assert_allclose(points.get_xdata(), [0.07, 1.07])


# --- panels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[1, 2, 3, 4], ["a", "b", "c", "d"]])
def test_panels_share_scales_and_name_axes_once(x: Any) -> None:
    figures = grid({"dose": x, "sex": ["f", "m"], "arm": ["p", "q"]})
    axes = plot(figures, x="dose", facet="arm")
    assert [ax.get_title() for ax in axes] == ["arm = p", "arm = q"]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert [ax.get_ylabel() for ax in axes] == ["Mean score (95 % CI)", ""]
    assert [ax.get_xlabel() for ax in axes] == ["dose", "dose"]
    assert axes[0].get_legend() is None
    assert axes[1].get_legend().get_title().get_text() == "sex"


def test_a_series_has_one_colour_in_all_panels() -> None:
    columns = {"x": [1, 2, 3] * 3, "by": ["a"] * 3 + ["b"] * 6, "at": ["p"] * 6 + ["q"] * 3}
    axes = plot(made_figures(range(9), SCORES, columns=columns), x="x", facet="at", by="by")
    colors = [[to_hex(line.get_color()).upper() for line in ax.lines] for ax in axes]
    assert colors == [[PALETTE[0], PALETTE[1]], [PALETTE[1]]]


def test_the_lowest_panels_of_each_column_have_their_labels() -> None:
    figures = grid({"age": range(4), "site": [f"site {i}" for i in range(5)], "sex": "fm"})
    axes = plot(figures, by="sex", facet="site")  # three in a row
    assert [ax.get_xlabel() for ax in axes] == ["", "", "age", "age", "age"]
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False]
    axes[0].figure.canvas.draw()
    labelled = [any(t.get_visible() for t in ax.get_xticklabels()) for ax in axes]
    assert labelled == [False, False, True, True, True]


def test_288_rows_fit_a_page() -> None:
    figures = grid({"age": range(12), "site": [f"site {i}" for i in range(12)], "sex": "fm"})
    axes = plot(figures)
    assert len(axes) == 12
    assert axes[0].figure.get_figwidth() <= 12
    assert axes[0].figure.get_figheight() <= 12
    lists = plot(grid({"row": [f"row {i}" for i in range(288)]}, ResultFacts(GLS, SLOPE, IDENTITY)))
    assert sum(len(ax.get_yticklabels()) for ax in lists) == 288
    assert lists[0].figure.get_figheight() <= 24


def test_lists_of_the_same_rows_name_them_once() -> None:
    figures = grid(
        {"site": list("abcdefghijklmno"), "sex": ["f", "m"]}, ResultFacts(GLS, SLOPE, IDENTITY)
    )
    left, right = plot(figures)
    assert [t.get_text() for t in left.get_yticklabels()] == list("abcdefghijklmno")
    assert (left.get_ylabel(), right.get_ylabel()) == ("site", "")
    assert not any(t.get_visible() for t in right.get_yticklabels())
    assert left.get_xlim() == right.get_xlim()


@pytest.mark.parametrize(
    ("labels", "given", "shown", "title"),
    [
        (["arm=a", "arm=b"], ["arm"], ["a", "b"], "arm"),
        (["school=1", "school=2"], ["school"], ["1", "2"], "school"),
        (["arm=a"], ["arm"], ["arm=a"], ""),
        (["arm=a, sex=f - arm=b, sex=f", "arm=a, sex=f - arm=b, sex=m"], ["arm", "sex"],
            ["a, f - b, f", "a, f - b, m"], "arm, sex"),
        (["age=30 - age=60", "age=30 - age=90"], ["age"],
            ["age=30 - age=60", "age=30 - age=90"], ""),
        (["arm=a", "arm=b - arm=a"], ["arm"], ["arm=a", "arm=b - arm=a"], ""),
        (["farm=a, arm=b", "farm=b, arm=b"], ["arm"], ["farm=a, b", "farm=b, b"], "arm"),
    ],
)  # fmt: skip
def test_names_that_all_rows_have_are_written_once(
    labels: list[str], given: list[str], shown: list[str], title: str
) -> None:
    facts = ResultFacts(GLS, SLOPE, IDENTITY).noting(Asked(given=tuple(given)))
    assert named(plot(made_figures(range(len(labels)), facts, labels))) == (shown, title)


def test_the_axis_says_what_all_rows_are_slopes_of() -> None:
    columns = {"term": ["dose"] * 2, "contrast": [""] * 2, "arm": ["a", "b"]}
    labels = ["dose, arm=a", "dose, arm=b"]
    ax = plot(made_figures(range(2), ResultFacts(GLS, SLOPE, IDENTITY), labels, columns))
    assert named(ax) == (["a", "b"], "arm")
    assert ax.get_xlabel() == "Average slope: score, dose (95 % CI)"


def test_names_of_variables_stay_behind_different_effects() -> None:
    columns = {"term": ["age", "dose"], "contrast": ["", ""], "arm": ["a", "b"]}
    labels = ["age, arm=a", "dose, arm=b"]
    facts = ResultFacts(GLS, SLOPE, IDENTITY).noting(Asked(over=("arm",)))
    assert named(plot(made_figures(range(2), facts, labels, columns))) == (labels, "")


def test_long_lists_have_lines_from_names_to_intervals() -> None:
    for size, lines in ((8, False), (9, True)):
        ax = plot(made_figures(range(size), ResultFacts(GLS, SLOPE, IDENTITY)))
        assert any(line.get_visible() for line in ax.get_ygridlines()) is lines


def test_labels_of_several_lines_are_about_as_long() -> None:
    label = "Average discrete change: bwt, smoke: yes - no (95 % CI)"
    assert balanced(label, 42).split("\n") == [
        "Average discrete change: bwt,",
        "smoke: yes - no (95 % CI)",
    ]
    assert balanced("short", 42) == "short"
    assert balanced("", 42) == ""
    assert balanced("one long_long_long_long (95 % CI)", 24).split("\n")[0] == (
        "one long_long_long_long"
    )


def test_long_names_break_at_underscores_and_else_where_they_must() -> None:
    assert wrapped("Mean a_long_name_of_an_outcome (95 % CI)", 12).split("\n") == [
        "Mean a_long_", "name_of_an_", "outcome (95", "% CI)"
    ]  # fmt: skip
    assert wrapped("abcdefghijklm x", 5) == "abcde\nfghij\nklm x"
    assert wrapped("__________", 4) == "____\n____\n__"
    assert wrapped(" _name  of\nit", 20) == " _name of it"


def test_levels_without_a_name_are_in_the_legend() -> None:
    ax = plot(grid({"age": [1, 2, 3], "arm": ["", " ", "a"]}))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["''", "' '", "a"]


def test_slopes_by_different_variables_have_their_own_scales() -> None:
    columns = {"term": ["age"] * 15 + ["dose"] * 15, "site": list("abcdefghijklmno") * 2}
    figures = made_figures(range(30), ResultFacts(GLS, SLOPE, IDENTITY), columns=columns)
    left, right = plot(figures, facet="term")
    assert (left.get_title(), right.get_title()) == ("term = age", "term = dose")
    assert left.get_xlim() != right.get_xlim()


# --- nothing covers, nothing is clipped ----------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [
        {"age": [1, 2, 3], "school": LONG},
        {"school": LONG, "sex": ["f", "m"]},
        {"age": [1, 2, 3], "school": LONG, "sex": ["f", "m"], "arm": ["p", "q"]},
        {"school": LONG, "sex": ["f", "m"], "arm": ["p", "q"], "site": ["x" * 12, "y" * 12]},
    ],
)
@pytest.mark.parametrize("kind", [None, "forest"])
def test_all_labels_lie_within_the_figure(variables: Any, kind: Any) -> None:
    axes = np.ravel(plot(grid(variables), kind=kind))
    figure = axes[0].figure
    figure.canvas.draw()
    whole = figure.bbox.padded(1)
    legends = [ax.get_legend() for ax in axes if ax.get_legend()]
    for found in (*map(box, figure.texts), *(ax.get_tightbbox() for ax in axes)):
        assert whole.contains(found.x0, found.y0)
        assert whole.contains(found.x1, found.y1)
    for ax in axes:
        for legend in legends:
            assert not box(legend).overlaps(ax.get_window_extent())


def test_labels_beside_each_other_do_not_overlap() -> None:
    for levels in (LONG, ["short", "names"], [f"Institute{i}" for i in range(14)]):
        ax = plot(grid({"school": levels, "sex": ["f", "m"]}))
        ax.figure.canvas.draw()
        labels = [t for t in ax.get_xticklabels() if t.get_text()]
        if labels[0].get_rotation() == 0:
            for one, two in pairwise(labels):
                assert box(one).x1 < box(two).x0
        else:
            assert len(levels) > 10


def test_a_legend_within_given_axes_stands_above_the_data() -> None:
    _, ax = plt.subplots()
    figures = grid({"age": [1, 2, 3], "arm": ["old", "new"]})
    plot(figures, ax)
    ax.figure.canvas.draw()
    top = ax.transData.transform((0, figures.ci_upper.max()))[1]
    assert box(ax.get_legend()).y0 > top
    assert box(ax.get_legend()).y1 <= ax.get_window_extent().y1


# --- colours -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colors", "expected"),
    [
        (["red", "blue"], ["red", "blue"]),
        ({"new": "red"}, [PALETTE[0], "red"]),
        ("black", ["black", "black"]),
        ((0.1, 0.2, 0.3), [(0.1, 0.2, 0.3)] * 2),
        (np.array([[1.0, 0, 0, 1], [0, 0, 1, 1]]), ["red", "blue"]),
    ],
)
def test_colours_that_are_asked_for(colors: Any, expected: Any) -> None:
    ax = plot(grid({"age": [1, 2, 3], "arm": ["old", "new"]}), colors=colors)
    assert [to_hex(line.get_color()) for line in ax.lines] == [to_hex(c) for c in expected]


def test_colours_by_numbers_and_by_several_levels() -> None:
    ax = plot(grid({"age": [1, 2, 3], "dose": [0.0, 5.0]}), by="dose", colors={5.0: "red"})
    assert [to_hex(line.get_color()) for line in ax.lines] == [PALETTE[0].lower(), "#ff0000"]
    figures = grid({"age": [1, 2, 3], "arm": "ab", "sex": "fm"})
    ax = plot(figures, x="age", by=["arm", "sex"], colors={("b", "f"): "red"})
    assert to_hex(ax.lines[2].get_color()) == "#ff0000"


def test_one_colour_tells_lines_apart_by_their_dashes() -> None:
    ax = plot(grid({"age": [1, 2, 3], "arm": ["old", "new"]}), colors="black")
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]


def test_a_dark_background_hides_no_line() -> None:
    with plt.style.context("dark_background"):
        ax = plot(grid({"age": [1, 2, 3], "arm": list("abcdefg")}))
    assert to_hex(ax.lines[6].get_color()) == "#ffffff"


# --- captions ------------------------------------------------------------------------------------


def small_print(axes: Any) -> str:
    return " ".join(" ".join(t.get_text() for t in np.ravel(axes)[0].figure.texts).split())


def test_small_print_says_on_what_figures_rest() -> None:
    adjusted = ResultFacts(replace(GLS, scale=LOG), CONTRAST, LOG).noting(
        Adjusted("tukey", (), 1, 3, 3, (Computed(Computation.MEANS, 3),))
    )
    ax = plot(made_figures([1.0, 2.0, 3.0], adjusted))
    assert small_print(ax) == (
        "Averaged over the 200 rows of the fit; random effects integrated out (population "
        "average). Intervals formed on the log scale. P-values and intervals adjusted for a family "
        "of 3 tests: Tukey; 3 means."
    )
    assert "adjusted 95 % CI" in ax.get_xlabel()
    together = plot(made_figures([1.0, 2.0]), simultaneous=True)
    assert "Intervals hold together for all 2 rows." in small_print(together)
    assert small_print(plot(made_figures([1.0]), show_caption=False)) == ""
    _, given = plt.subplots()
    assert small_print(plot(made_figures([1.0]), given)) == ""


def test_intervals_that_no_adjustment_widens_are_not_called_adjusted() -> None:
    facts = SLOPES_OF_FIT.noting(
        Adjusted("fdr_bh", (), 1, 3, 3, (Computed(Computation.NO_INTERVALS),))
    )
    ax = plot(made_figures([1.0, 2.0, 3.0], facts))
    assert "adjusted" not in ax.get_xlabel()
    assert "P-values adjusted for a family of 3 tests" in small_print(ax)
    assert "those shown are pointwise" in small_print(ax)


def test_small_print_of_parameters_names_the_model() -> None:
    facts = ResultFacts(GLS, Quantity(Kind.VARIANCE), IDENTITY)
    assert small_print(plot(made_figures([1.0, 2.0], facts))) == (
        "Linear mixed model (statsmodels MixedLM), REML. Delta method."
    )


def test_small_print_fits_whatever_it_says() -> None:
    ax = plot(grid({"age": [1, 2, 3]}, SCORES.noting(Asked(given=tuple("MWMWMWMW" * 9)))))
    ax.figure.canvas.draw()
    (text,) = ax.figure.texts
    assert text.get_window_extent().x1 <= ax.figure.bbox.x1


# --- data underneath -----------------------------------------------------------------------------


def data_of(ax: Any, gid: str = "data") -> list[Any]:
    return [line for line in ax.lines if line.get_gid() == gid]


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 60
    return pd.DataFrame(
        {
            "age": rng.integers(1, 5, n),
            "arm": rng.choice(["old", "new", "other"], n),
            "person": np.repeat(np.arange(12), 5),
            "score": rng.normal(5, 1, n),
        }
    )


def test_points_of_the_data_have_the_colours_of_their_lines(rows: pd.DataFrame) -> None:
    ax = plot(grid({"age": [1, 2, 3], "arm": ["old", "new"]}), data=rows)
    for i, (level, points) in enumerate(zip(["old", "new"], data_of(ax), strict=True)):
        part = rows[rows["arm"] == level]
        assert points.get_xdata().tolist() == part["age"].tolist()
        assert points.get_ydata().tolist() == part["score"].tolist()
        assert to_hex(points.get_color()).upper() == PALETTE[i]
        assert points.get_zorder() < ax.lines[-1].get_zorder()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["old", "new"]


def test_points_of_categories_stand_beside_their_estimates(rows: pd.DataFrame) -> None:
    figures = grid({"arm": ["new", "old"], "age": [1, 2]})
    ax = plot(figures, x="arm", data=rows)
    for value, points in zip([1, 2], data_of(ax), strict=True):
        part = rows[(rows["age"] == value) & rows["arm"].isin(["new", "old"])]
        assert points.get_ydata().tolist() == part["score"].tolist()
        place = (part["arm"] == "old") + (-0.07 if value == 1 else 0.07)
        np.testing.assert_allclose(points.get_xdata(), place, atol=0.05 + 1e-9)


def test_means_of_clusters(rows: pd.DataFrame) -> None:
    ax = plot(grid({"age": [1, 2, 3]}), data=rows, cluster="person")
    (points,) = data_of(ax)
    means = rows.groupby(["person", "age"])["score"].mean()
    np.testing.assert_allclose(sorted(points.get_ydata()), sorted(means))


def test_a_rug_marks_the_observed_values(rows: pd.DataFrame) -> None:
    figures = grid({"age": [1, 2, 3]})
    (marks,) = data_of(plot(figures, data=rows, rug=True), "rug")
    assert sorted(marks.get_xdata()) == [1, 2, 3, 4]
    plt.close("all")
    with pytest.raises(ArgumentError, match="'arm' is a category"):
        plot(grid({"arm": ["old", "new"], "age": [1, 2]}), x="arm", data=rows, rug=True)
    assert plt.get_fignums() == []


def test_very_many_points_are_thinned_and_said_so() -> None:
    size = 4 * MOST_POINTS
    rng = np.random.default_rng(1)
    many = pd.DataFrame({"age": rng.uniform(1, 3, size), "score": rng.normal(size=size)})
    ax, again = (plot(grid({"age": [1, 2, 3]}), data=many) for _ in range(2))
    (points,) = data_of(ax)
    assert len(points.get_xdata()) == MOST_POINTS
    assert points.get_alpha() < 0.4
    (fewer,) = data_of(plot(grid({"age": [1, 2, 3]}), data=many[:200]))
    assert points.get_markersize() < fewer.get_markersize() <= 8
    assert "3,000 of 12,000 points of the data are shown." in small_print(ax)
    assert data_of(again)[0].get_xdata().tolist() == points.get_xdata().tolist()


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (ResultFacts(GLS, SLOPE, IDENTITY), "data: rows of data belong underneath mean responses"),
        (ResultFacts(GLS, CONTRAST, IDENTITY), "Draw m.predict"),
        (SCORES.noting(ResponseOf("link")), "figures are of 'link', which is not observed"),
        (
            ResultFacts(
                replace(GLS, model=replace(MODEL, response="np.log(score)")), MEAN, IDENTITY
            ),
            "on the scale of 'np.log\\(score\\)'",
        ),
    ],
)
def test_data_that_are_not_what_figures_are_of(
    facts: ResultFacts, message: str, rows: pd.DataFrame
) -> None:
    with pytest.raises(ArgumentError, match=message):
        plot(grid({"age": [1, 2, 3]}, facts), data=rows)


def test_data_without_the_values_of_the_picture(rows: pd.DataFrame) -> None:
    with pytest.raises(ArgumentError, match=r"data: no complete row .*\(arm = x, y\)"):
        plot(grid({"age": [1, 2, 3], "arm": ["x", "y"]}), data=rows)
    some = plot(grid({"age": [1, 2, 3], "arm": ["old", "y"]}), data=rows)
    assert len(data_of(some)) == 1
    with pytest.raises(ArgumentError, match="no rows at all"):
        plot(grid({"age": [1, 2, 3]}), data=rows.assign(score=np.nan))


def test_only_points_that_belong_to_lines_are_counted() -> None:
    size = 2 * MOST_POINTS
    many = pd.DataFrame({"age": 1, "arm": ["old", "other"] * size, "score": 1.0})
    ax = plot(grid({"age": [1, 2, 3], "arm": ["old", "new"]}), data=many)
    assert "3,000 of 6,000 points" in small_print(ax)


def test_data_of_another_library(rows: pd.DataFrame) -> None:
    polars = pytest.importorskip("polars")
    ax = plot(grid({"age": [1, 2, 3]}), data=polars.from_pandas(rows))
    assert data_of(ax)[0].get_ydata().tolist() == rows["score"].tolist()


def test_columns_that_the_data_lack(rows: pd.DataFrame) -> None:
    figures = grid({"age": [1, 2, 3], "arm": ["old", "new"]})
    with pytest.raises(UnknownNameError, match="data: 'arm' is not a column of the data"):
        plot(figures, data=rows.rename(columns={"arm": "Arm"}))
    with pytest.raises(UnknownNameError, match=r"cluster: 'persn' .* Did you mean 'person'"):
        plot(figures, data=rows, cluster="persn")


def test_figures_carried_back_are_of_the_outcome_itself(rows: pd.DataFrame) -> None:
    model: ModelFacts = replace(MODEL, response="score", response_variables=("score",))
    facts = ResultFacts(replace(GLS, model=model), MEAN, IDENTITY).noting(
        Retransformed("np.log(score)", "score", "median", random=False)
    )
    assert len(data_of(plot(grid({"age": [1, 2, 3]}, facts), data=rows))) == 1


# --- densities -----------------------------------------------------------------------------------


def test_densities_of_draws_stand_above_their_rows() -> None:
    figures = grid({"arm": ["a", "b"]})
    draws = np.random.default_rng(1).normal([0.0, 3.0], [1.0, 2.0], (4000, 2))
    ax = plot(figures, kind="density", draws=draws)
    curves = [c.get_paths()[0].vertices for c in ax.collections if isinstance(c, PolyCollection)]
    for place, (curve, center) in enumerate(zip(curves, [0.0, 3.0], strict=True)):
        assert curve[:, 1].max() == place
        assert curve[curve[:, 1].argmin(), 0] == pytest.approx(center, abs=0.3)
    heights = [place - curve[:, 1].min() for place, curve in enumerate(curves)]
    assert heights[0] / heights[1] == pytest.approx(2.0, rel=0.1)  # areas are equal
    assert named(ax) == (["a", "b"], "arm")


def test_draws_that_are_all_the_same_have_no_curve() -> None:
    ax = plot(grid({"arm": ["a"]}), kind="density", draws=np.ones((50, 1)))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["arm=a"]


# --- arrows --------------------------------------------------------------------------------------


def test_arrows_end_where_they_are_told_to() -> None:
    figures = grid({"arm": ["a", "b", "c"]})
    asked: list[list[int]] = []

    def compare(rows: Any) -> Arrows:
        asked.append(rows.tolist())
        return Arrows(np.array([np.nan, 2.0, 5.0]), np.array([1.0, 4.0, np.nan]), 1, "adjusted: X")

    ax = plot(figures, arrows=compare)
    assert asked == [[0, 1, 2]]
    assert marked(ax, "<")[0].get_xdata().tolist() == [2.0, 5.0]
    assert marked(ax, ">")[0].get_xdata().tolist() == [1.0, 4.0]
    assert marked(ax, ">")[0].get_ydata().tolist() == [0.0, 1.0]
    assert "Arrows that do not overlap: a difference at 5 % (adjusted: X)" in small_print(ax)
    assert "of 1 pair arrows cannot tell" in small_print(ax)
    (bars,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert bars.get_colors()[0].tolist() == list(to_rgba(PALETTE[0], 0.25))


def test_arrows_are_of_points() -> None:
    with pytest.raises(ArgumentError, match="arrows: they compare two rows, and there are no two"):
        plot(made_figures([1.0]), arrows=lambda rows: Arrows(rows, rows))
    with pytest.raises(ArgumentError, match="a line plot has none"):
        plot(grid({"age": [1, 2, 3]}), arrows=lambda rows: Arrows(rows, rows))
