"""Plots of figures: which rows make lines, what is drawn, and what the axes say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PolyCollection
from report_cases import (
    CONTRAST,
    GLS,
    IDENTITY,
    LOG,
    MEAN,
    OWN_LOG,
    RATIO,
    SLOPE,
    made_figures,
    over_all,
)

from pymargins import ArgumentError, ArgumentTypeError, UnknownNameError
from pymargins.facts import Asked, Kind, NotAMean, Operation, Quantity, ResponseOf, ResultFacts
from pymargins.report import Figures
from pymargins.report.figures import title_of
from pymargins.report.plots import MOST_LINES, plot
from pymargins.report.plots.captions import axis_label
from pymargins.report.plots.choosing import MOST_PANELS, choose_layout
from pymargins.report.plots.layout import Layout
from pymargins.report.plots.variables import Variables


def facts_of(quantity: Quantity, scale: Any = IDENTITY) -> ResultFacts:
    return ResultFacts(GLS, quantity, scale)


#: Of a model in which schools are a category, whatever numbers stand for them.
COUNTED = ResultFacts(replace(GLS, categories=("school",)), MEAN, IDENTITY)


#: A model whose figures are logarithms already.
HAZARDS = {
    "response": "log hazard of score",
    "log_of": "hazard",
    "notes": (NotAMean("log hazard", "relative to the baseline"),),
}


def layout_of(figures: Figures, order: Any = None, **options: Any) -> Layout:
    return choose_layout(Variables(figures, order), **options)


def rows(figures: Figures, **options: Any) -> dict[str, list[int]]:
    """Return the rows of each series of a picture with one panel."""
    (panel,) = layout_of(figures, **options).panels
    return {k: v.tolist() for k, v in panel.series.items()}


def summary(figures: Figures, **options: Any) -> tuple[Any, ...]:
    """Return kind, axis, what tells series apart, and what tells panels apart."""
    layout = layout_of(figures, **options)
    return layout.kind, layout.x, layout.by, layout.facet


# --- which rows stand where ----------------------------------------------------------------------

MONTHS = [pd.Timestamp(f"2024-0{month}-01") for month in (1, 2, 3)]


def test_one_line_for_each_level_of_the_other_variable() -> None:
    figures = over_all({"age": [40, 20, 30], "arm": ["old", "new"]})
    assert rows(figures) == {"old": [2, 4, 0], "new": [3, 5, 1]}
    three = over_all({"age": [1, 2, 3], "arm": ["old", "new"], "sex": [0, 1]})
    assert list(rows(three, by=["sex", "arm"])) == ["0, old", "0, new", "1, old", "1, new"]
    assert list(rows(three, x="age")) == ["old, 0", "old, 1", "new, 0", "new, 1"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"age": [1, 2, 3]}, ("line", "age", (), ())),
        ({"dose": [1, 2, 3], "age": [1, 2, 3, 4]}, ("line", "age", ("dose",), ())),
        ({"when": MONTHS, "arm": "ab"}, ("line", "when", ("arm",), ())),
        ({"when": [pd.Timedelta(days=d) for d in (1, 2, 3)]}, ("line", "when", (), ())),
        ({"age": [1, 2, 3], "arm": "ab", "sex": "fm"}, ("line", "age", ("arm",), ("sex",))),
        (
            {"age": [1, 2, 3], "site": range(10), "sex": "fm"},
            ("line", "site", ("age",), ("sex",)),
        ),
        ({"age": [1, 2, 3], "site": list("abcdefghij"), "sex": "fm"},
            ("line", "age", ("sex",), ("site",))),
        ({"arm": "ab", "sex": "fm"}, ("points", "arm", ("sex",), ())),
        ({"arm": "ab", "site": "xyz"}, ("points", "site", ("arm",), ())),
        ({"smoker": [0, 1], "sex": "fm"}, ("points", "smoker", ("sex",), ())),
        ({"school": [1, 2, 3], "sex": "fm"}, ("points", "school", ("sex",), ())),
        ({"arm": "abc", "sex": "fm", "old": [0, 1]}, ("points", "arm", ("sex",), ("old",))),
    ],
)  # fmt: skip
def test_the_picture_that_rows_make(variables: Any, expected: Any) -> None:
    figures = over_all({name: list(values) for name, values in variables.items()}, COUNTED)
    assert summary(figures) == expected


def test_outcomes_are_told_apart_along_another_variable() -> None:
    figures = over_all({"outcome": ["low", "mid", "high"], "arm": ["a", "b"]})
    assert summary(figures) == ("points", "arm", ("outcome",), ())
    assert summary(figures, kind="points") == ("points", "arm", ("outcome",), ())
    assert summary(figures, x="outcome") == ("points", "outcome", ("arm",), ())
    own = ResultFacts(replace(GLS, variables=("outcome", "arm")), MEAN, IDENTITY)
    figures = over_all({"outcome": ["low", "mid", "high"], "arm": ["a", "b"]}, own)
    assert summary(figures) == ("points", "outcome", ("arm",), ())


def test_axes_that_are_given_have_one_panel() -> None:
    figures = over_all({"age": [1, 2, 3], "arm": ["a", "b"], "sex": ["f", "m"]})
    assert summary(figures, single=True) == ("line", "age", ("arm", "sex"), ())
    with pytest.raises(ArgumentError, match="facet: panels make a figure of their own"):
        layout_of(figures, facet="sex", single=True)


def test_panels_are_named_and_hold_their_own_rows() -> None:
    figures = over_all({"age": [1, 2, 3], "arm": ["a", "b"], "sex": ["f", "m"]})
    layout = layout_of(figures, facet="arm")
    assert [panel.title for panel in layout.panels] == ["arm = a", "arm = b"]
    assert {k: v.tolist() for k, v in layout.panels[1].series.items()} == {
        "f": [2, 6, 10], "m": [3, 7, 11]
    }  # fmt: skip
    assert layout.series == ["f", "m"]


def test_levels_come_in_the_order_asked_for() -> None:
    figures = over_all({"arm": ["a", "b", "c"], "sex": ["f", "m"]})
    order = {"arm": ["c", "a"], "sex": ["m"]}
    assert rows(figures, order=order) == {"m": [5, 1, 3], "f": [4, 0, 2]}
    falling = replace(figures, estimate=-figures.estimate)
    assert rows(falling, order="estimate") == {"m": [5, 3, 1], "f": [4, 2, 0]}
    contrasts = made_figures([3.0, 1.0, 2.0], facts_of(CONTRAST))
    assert rows(contrasts, order="estimate") == {"": [1, 2, 0]}


def test_long_lists_are_split_where_a_variable_has_few_levels() -> None:
    sites = [f"site {i}" for i in range(30)]
    figures = over_all({"site": sites, "sex": ["f", "m"]}, facts_of(SLOPE))
    layout = layout_of(figures)
    assert (layout.kind, layout.facet) == ("forest", ("sex",))
    assert [len(panel.rows) for panel in layout.panels] == [30, 30]
    few = over_all({"site": sites[:6], "sex": ["f", "m"]}, facts_of(SLOPE))
    assert layout_of(few).facet == ()
    within = {
        "contrast": ["B - A", "C - A", "C - B"] * 5,
        "sex": [s for s in "vwxyz" for _ in "ABC"],
    }
    contrasts = layout_of(made_figures(range(15), facts_of(CONTRAST), columns=within))
    assert [panel.title for panel in contrasts.panels] == [f"sex = {s}" for s in "vwxyz"]
    whole = layout_of(made_figures(range(288)))
    assert [len(panel.rows) for panel in whole.panels] == [58, 58, 58, 57, 57]
    assert np.concatenate([panel.rows for panel in whole.panels]).tolist() == list(range(288))


def test_contrasts_within_levels_have_a_panel_for_each() -> None:
    within = {"contrast": ["B - A", "C - A"] * 2, "sex": ["f", "f", "m", "m"]}
    layout = layout_of(made_figures(range(4), facts_of(CONTRAST), columns=within))
    assert [panel.title for panel in layout.panels] == ["sex = f", "sex = m"]
    whole = layout_of(made_figures(range(4), facts_of(CONTRAST), columns=within), facet=[])
    assert len(whole.panels) == 1
    one = {"contrast": ["B - A"] * 2, "sex": ["f", "m"]}
    single = layout_of(made_figures(range(2), facts_of(CONTRAST), columns=one))
    assert (single.facet, single.effect) == ((), "B - A")
    slopes = {"term": ["age", "dose"] * 2, "contrast": [""] * 4, "sex": ["f", "f", "m", "m"]}
    assert layout_of(made_figures(range(4), facts_of(SLOPE), columns=slopes)).facet == ()


@pytest.mark.parametrize(
    "variables",
    [
        {"age": [20, 30]},
        {"school": ["A", "B", "C"]},
        {"smoker": [True, False]},
        {"age": [20, 30, 40], "arm": ["old", "old"]},  # two rows at every place
    ],
)
def test_what_makes_no_picture_is_a_forest_plot(variables: dict[str, list[Any]]) -> None:
    assert layout_of(over_all(variables)).kind == "forest"


def test_points_need_most_combinations() -> None:
    columns = {"age": [20, 30, 40, 20], "dose": [1.0, 2.0, 2.5, 3.0]}
    assert layout_of(made_figures(range(4), columns=columns)).kind == "forest"


def test_many_lines_become_panels_unless_asked_for() -> None:
    many = over_all({"age": list(range(MOST_LINES + 2)), "dose": list(range(MOST_LINES + 1))})
    assert summary(many) == ("line", "age", (), ("dose",))
    assert len(rows(many, kind="line")) == MOST_LINES + 1
    more = over_all({"age": list(range(MOST_PANELS + 2)), "dose": list(range(MOST_PANELS + 1))})
    assert layout_of(more).kind == "forest"


def test_slopes_of_several_variables_are_lines_of_their_own() -> None:
    ages = [20, 30, 40]
    columns = {
        "term": ["dose"] * 3 + ["sex"] * 3,
        "contrast": [""] * 3 + ["1 - 0"] * 3,
        "age": ages * 2,
    }
    figures = made_figures(range(6), facts_of(SLOPE), columns=columns)
    assert list(rows(figures)) == ["dose", "sex: 1 - 0"]
    first = {name: values[:3] for name, values in columns.items()}
    one = layout_of(made_figures(range(3), facts_of(SLOPE), columns=first))
    assert (one.series, one.effect) == ([""], "dose")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"x": "agee"}, UnknownNameError, "Did you mean 'age'"),
        ({"by": "ar"}, UnknownNameError, "Did you mean 'arm'"),
        ({"by": "age", "x": "age"}, ArgumentError, "along the axis already"),
        ({"by": []}, ArgumentError, "add 'arm' to `by`"),
        ({"kind": "lines"}, ArgumentError, "Did you mean 'line'"),
        ({"facet": "arn"}, UnknownNameError, "facet: .* Did you mean 'arm'"),
        ({"facet": "age", "x": "age"}, ArgumentError, "facet: 'age' is along the axis already"),
        ({"facet": "arm", "by": "arm"}, ArgumentError, "facet: 'arm' tells lines apart already"),
        ({"kind": "density", "x": "age"}, ArgumentError, "x: a density plot has one row"),
        ({"kind": "density"}, ArgumentError, 'method="simulation"'),
        ({"order": ["old"]}, ArgumentTypeError, "order: expected a mapping"),
        ({"order": {"arn": ["old"]}}, UnknownNameError, "Did you mean 'arm'"),
        ({"order": {"arm": ["olds"]}}, ArgumentError, "Did you mean 'old'"),
        ({"colors": {"od": "red"}}, ArgumentError, "Did you mean 'old'"),
        ({"colors": ["red", "no"]}, ArgumentError, "'no' is no colour"),
        ({"colors": []}, ArgumentError, "colors: the list is empty"),
        ({"colors": 3}, ArgumentTypeError, "colors: expected a colour"),
        ({"rug": True}, ArgumentError, "rug: it is drawn of rows of data"),
        ({"cluster": "id"}, ArgumentError, "cluster: it is drawn of rows of data"),
        ({"data": 3}, ArgumentTypeError, "data: expected a data frame, got int"),
        ({"data": pd.DataFrame(), "kind": "forest"}, ArgumentError, "data: a forest plot"),
        ({"kind": "forest", "x": "age"}, ArgumentError, "x: a forest plot has one row"),
        ({"kind": "forest", "by": "arm"}, ArgumentError, "by: a forest plot has one row"),
        ({"x": "arm", "kind": "line"}, ArgumentError, "does not take several numeric values"),
        ({"ax": "left"}, ArgumentTypeError, "matplotlib Axes"),
        ({"ax": np.array([1, 2])}, ArgumentTypeError, "Pick one of several"),
        ({"x": ["age"]}, ArgumentTypeError, "x: expected the name of a variable"),
        ({"by": 3}, ArgumentTypeError, "by: expected the name of a variable, or several, got 3"),
        ({"facet": [3]}, ArgumentTypeError, "facet: expected the name of a variable"),
        ({"by": ["arm", "arm"]}, ArgumentError, "by: 'arm' is named twice"),
        ({"order": {"arm": 3}}, ArgumentError, "order: no row has arm = 3"),
        ({"order": {"age": [40]}}, ArgumentError, "order: 'age' is a number along the axis"),
        ({"order": {"age": [40]}, "x": "age"}, ArgumentError, "order: 'age' is a number"),
        ({"kind": "forest", "colors": ["red", "blue"]}, ArgumentError, "have one colour, got 2"),
        ({"kind": "forest", "colors": {"old": "red"}}, ArgumentError, "it has one; give one"),
        ({"facet": "arm", "by": [], "colors": {"old": "red"}}, ArgumentError, "it has one"),
    ],
)
def test_what_is_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plot(over_all({"age": [20, 30, 40], "arm": ["old", "new"]}), **options)
    assert plt.get_fignums() == []


def test_lines_need_a_variable() -> None:
    with pytest.raises(ArgumentError, match="this result varies 'school'"):
        plot(over_all({"school": ["A", "B"]}), kind="line")
    with pytest.raises(ArgumentError, match="varies no variable"):
        plot(made_figures([1.0]), kind="line")


# --- what is drawn -------------------------------------------------------------------------------


def null_lines(ax: Any) -> list[float]:
    """Return where lines across the whole axes stand."""
    across = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    return [y[0] for x, y in across if x == [0, 1] and y[0] == y[1]] + [
        x[0] for x, y in across if y == [0, 1] and x[0] == x[1]
    ]


def test_lines_have_their_bands() -> None:
    figures = over_all({"age": [20, 30, 40], "arm": ["old", "new"]})
    ax = plot(figures)
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    for first, line, band in zip((0, 1), ax.lines, bands, strict=True):
        assert line.get_xdata().tolist() == [20, 30, 40]
        assert line.get_ydata().tolist() == figures.estimate[first::2].tolist()
        height = band.get_paths()[0].vertices[:, 1]
        assert height.min() == figures.ci_lower[first::2].min()
        assert height.max() == figures.ci_upper[first::2].max()
    legend: Any = ax.get_legend()
    assert legend.get_title().get_text() == "arm"
    assert [t.get_text() for t in legend.get_texts()] == ["old", "new"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "Mean score (95 % CI)")


def test_rows_of_a_forest_plot_run_from_top_to_bottom() -> None:
    figures = made_figures([3.0, 5.0], facts_of(CONTRAST), ["B - A", "_C - A"])
    ax = plot(figures)
    (bars,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    assert ends == [[2.0, 4.0], [4.0, 6.0]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["B - A", "_C - A"]
    assert ax.yaxis_inverted()
    assert null_lines(ax) == [0.0]


def test_axes_that_are_given_are_drawn_into() -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert plot(over_all({"age": [1, 2, 3]}), left) is left
    assert plot(made_figures([1.0]), ax=right) is right
    assert left.spines["top"].get_visible()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("quantity", "scale", "null"),
    [
        (CONTRAST, IDENTITY, [0.0]),
        (RATIO, LOG, [1.0]),
        (CONTRAST, OWN_LOG, [1.0]),
        (SLOPE, IDENTITY, [0.0]),
        (MEAN, IDENTITY, []),
        (Quantity(Kind.FUNCTION), IDENTITY, []),
    ],
)
def test_the_line_at_no_effect(quantity: Quantity, scale: Any, null: list[float]) -> None:
    facts = facts_of(quantity, scale)
    assert null_lines(plot(made_figures([1.0, 2.0], facts))) == null
    assert null_lines(plot(over_all({"age": [20, 30, 40]}, facts))) == null


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "scale", "label"),
    [
        (MEAN, IDENTITY, "Mean score (95 % CI)"),
        (SLOPE, IDENTITY, "Average slope: score (95 % CI)"),
        (Quantity(Kind.EYEX), IDENTITY, "Average elasticity: score (95 % CI)"),
        (CONTRAST, IDENTITY, "Contrast of mean responses: score (95 % CI)"),
        (RATIO, LOG, "Ratio of mean responses: score (95 % CI)"),
        (CONTRAST, OWN_LOG, "Contrast of mean responses: score (95 % CI)"),
        (
            SLOPE.after(Operation.CONTRAST),
            IDENTITY,
            "Contrast of average slopes: score (95 % CI)",
        ),
    ],
)
def test_what_the_axis_says(quantity: Quantity, scale: Any, label: str) -> None:
    figures = made_figures([1.0], facts_of(quantity, scale))
    assert axis_label(figures, "", simultaneous=False) == label


def test_the_axis_names_effect_and_interval() -> None:
    figures = made_figures([1.0], facts_of(SLOPE), level=0.9)
    assert axis_label(figures, "dose", simultaneous=True) == (
        "Average slope: score, dose (simultaneous 90 % CI)"
    )


@pytest.mark.parametrize(
    ("model", "quantity", "scale", "label"),
    [
        ({"probabilities": True}, MEAN, IDENTITY, "Probability: score"),
        ({"notes": (NotAMean("quantile", "0.9"),)}, MEAN, IDENTITY, "0.9 quantile: score"),
        ({"notes": (ResponseOf("link"),)}, MEAN, IDENTITY, "Linear predictor: score"),
        (HAZARDS, MEAN, IDENTITY, "Log hazard: score"),
        (HAZARDS, RATIO, LOG, "Hazard ratio: score"),
    ],
)
def test_the_axis_says_what_the_title_of_the_table_says(
    model: Any, quantity: Quantity, scale: Any, label: str
) -> None:
    session = replace(GLS, model=replace(GLS.model, **model))
    facts = ResultFacts(session, quantity, scale)
    assert title_of(facts) == label
    assert axis_label(made_figures([1.0], facts), "", False) == f"{label} (95 % CI)"


def test_the_axis_without_a_response() -> None:
    session = replace(GLS, model=replace(GLS.model, response=""))
    figures = made_figures([1.0], ResultFacts(session, MEAN, IDENTITY))
    assert axis_label(figures, "", simultaneous=False) == "Mean response (95 % CI)"


def test_labels_are_wrapped_and_dollars_kept() -> None:
    label = "a label that costs $5 and $6 and goes on well past the width that is kept for labels"
    ax = plot(made_figures([1.0, 2.0], labels=[label, "short"]))
    shown = ax.get_yticklabels()[0].get_text()
    assert "\n" in shown
    assert shown.replace("\n", " ").replace(r"\$", "$") == label


# --- matplotlib ----------------------------------------------------------------------------------


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'pymargins\[plot\]'"):
        plot(made_figures([1.0]))


def test_matplotlib_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, pymargins.report.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- categories, orders and names that are told apart --------------------------------------------


def test_numbers_that_label_subgroups_are_categories() -> None:
    over = facts_of(MEAN).noting(Asked(over=("clinic", "age")))
    clinics = {"clinic": [3, 1, 2, 7]}
    assert summary(over_all(clinics, over)) == ("forest", "", (), ())
    assert summary(over_all(clinics)) == ("line", "clinic", (), ())  # carried along, not a subgroup
    assert summary(over_all({"age": [1, 2, 3]}, over)) == ("line", "age", (), ())  # of the model


def test_series_of_effects_come_in_the_order_asked_for() -> None:
    columns = {"contrast": ["B - A"] * 3 + ["C - A"] * 3, "age": [1, 2, 3] * 2}
    figures = made_figures(range(6), facts_of(CONTRAST), columns=columns)
    assert list(rows(figures)) == ["B - A", "C - A"]
    assert list(rows(figures, order={"contrast": ["C - A"]})) == ["C - A", "B - A"]
    falling = replace(figures, estimate=-figures.estimate)
    assert list(rows(falling, order="estimate")) == ["C - A", "B - A"]


def test_levels_with_commas_stay_apart() -> None:
    columns = {
        "age": [1, 2, 3] * 2,
        "arm": ["a, b"] * 3 + ["a"] * 3,
        "sex": ["c"] * 3 + ["b, c"] * 3,
    }
    figures = made_figures(range(6), columns=columns)
    found = rows(figures, x="age", by=["arm", "sex"])
    assert found == {"'a, b', 'c'": [0, 1, 2], "'a', 'b, c'": [3, 4, 5]}
    panels = layout_of(figures, x="age", facet=["arm", "sex"]).panels
    assert [panel.rows.tolist() for panel in panels] == [[0, 1, 2], [3, 4, 5]]


def test_long_lists_of_several_slopes_are_split_by_these() -> None:
    columns = {"term": ["age"] * 8 + ["dose"] * 8, "site": list("abcdefgh") * 2}
    assert layout_of(made_figures(range(16), facts_of(SLOPE), columns=columns)).facet == ("term",)


@pytest.mark.parametrize("projection", ["polar", "3d"])
def test_axes_that_are_not_straight(projection: str) -> None:
    ax = plt.figure().add_subplot(projection=projection)
    with pytest.raises(ArgumentError, match=f"ax: its axes are {projection}"):
        plot(over_all({"age": [1, 2, 3]}), ax)


def test_what_says_the_same_as_the_axis_tells_nothing_apart() -> None:
    columns = {
        "wave": [1, 2, 3] * 2,
        "when": MONTHS * 2,
        "arm": ["a"] * 3 + ["b"] * 3,
        "group": ["x"] * 3 + ["y"] * 3,
    }
    figures = made_figures(range(6), columns=columns)
    assert summary(figures) == ("line", "wave", ("arm",), ())
    assert summary(figures, x="when") == ("line", "when", ("arm",), ())
    assert summary(figures, x="when", by="group") == ("line", "when", ("group",), ())
    assert summary(figures, facet="group", x="when") == ("line", "when", (), ("group",))


def test_a_line_of_one_point_has_its_interval() -> None:
    columns = {"age": [1, 2, 3, 2], "arm": ["a", "a", "a", "b"]}
    ax = plot(made_figures(range(4), columns=columns), x="age")
    (interval,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert interval.get_segments()[0].tolist() == [[2.0, 2.0], [2.0, 4.0]]
