"""Plots of figures: which rows make lines, what is drawn, and what the axes say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PolyCollection
from report_cases import CONTRAST, GLS, IDENTITY, LOG, MEAN, OWN_LOG, RATIO, SLOPE, made_figures

from pymargins import ArgumentError, ArgumentTypeError, UnknownNameError
from pymargins.facts import Kind, Operation, Quantity, ResultFacts
from pymargins.report import Figures
from pymargins.report.plots import MOST_LINES, plot
from pymargins.report.plots.lines import choose_lines
from pymargins.report.plots.plotting import axis_label


def grid(variables: dict[str, list[Any]], facts: ResultFacts | None = None) -> Figures:
    """Make figures over all combinations of some values."""
    rows = list(product(*variables.values()))
    labels = [", ".join(f"{k}={v}" for k, v in zip(variables, row, strict=True)) for row in rows]
    columns = {name: [row[j] for row in rows] for j, name in enumerate(variables)}
    facts = facts or ResultFacts(GLS, MEAN, IDENTITY)
    return made_figures(np.arange(len(rows)), facts, labels, columns)


def facts_of(quantity: Quantity, scale: Any = IDENTITY) -> ResultFacts:
    return ResultFacts(GLS, quantity, scale)


def rows(figures: Figures, **options: Any) -> dict[str, list[int]] | None:
    asked = {"kind": None, "x": None, "by": None, **options}
    lines = choose_lines(figures, **asked)
    return None if lines is None else {k: v.tolist() for k, v in lines.rows.items()}


# --- which rows make lines -----------------------------------------------------------------------


def test_one_line_for_each_combination_of_the_other_variables() -> None:
    figures = grid({"age": [40, 20, 30], "arm": ["old", "new"]})
    assert rows(figures) == {"old": [2, 4, 0], "new": [3, 5, 1]}
    three = grid({"age": [1, 2, 3], "arm": ["old", "new"], "sex": [0, 1]})
    assert list(rows(three) or {}) == ["old, 0", "old, 1", "new, 0", "new, 1"]
    assert list(rows(three, by=["sex", "arm"]) or {}) == ["0, old", "1, old", "0, new", "1, new"]


def test_the_variable_with_the_most_values_is_along_the_axis() -> None:
    lines = choose_lines(grid({"dose": [1, 2, 3], "age": [1, 2, 3, 4]}), None, None, None)
    assert lines is not None
    assert (lines.variable, lines.names) == ("age", ("dose",))


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
    assert rows(grid(variables)) is None


def test_many_lines_are_drawn_where_asked_for() -> None:
    many = grid({"age": list(range(MOST_LINES + 2)), "dose": list(range(MOST_LINES + 1))})
    assert rows(many) is None
    assert len(rows(many, kind="line") or {}) == MOST_LINES + 1


def test_slopes_of_several_variables_are_lines_of_their_own() -> None:
    ages = [20, 30, 40]
    labels = [f"{effect}, age={age}" for effect in ("dose", "sex: 1 - 0") for age in ages]
    figures = made_figures(range(6), facts_of(SLOPE), labels, {"age": ages * 2})
    lines = choose_lines(figures, None, None, None)
    assert lines is not None
    assert list(lines.rows) == ["dose", "sex: 1 - 0"]
    one = choose_lines(
        made_figures(range(3), facts_of(SLOPE), labels[:3], {"age": ages}), None, None, None
    )
    assert one is not None
    assert (list(one.rows), one.effect) == ([""], "dose")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"x": "agee"}, UnknownNameError, "Did you mean 'age'"),
        ({"by": "ar"}, UnknownNameError, "Did you mean 'arm'"),
        ({"by": "age", "x": "age"}, ArgumentError, "along the axis already"),
        ({"by": []}, ArgumentError, "add 'arm' to `by`"),
        ({"kind": "lines"}, ArgumentError, "Did you mean 'line'"),
        ({"kind": "forest", "x": "age"}, ArgumentError, "x: a forest plot has one row"),
        ({"kind": "forest", "by": "arm"}, ArgumentError, "by: a forest plot has one row"),
        ({"x": "arm"}, ArgumentError, "does not take several numeric values"),
        ({"ax": "left"}, ArgumentTypeError, "matplotlib Axes"),
    ],
)
def test_what_is_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plot(grid({"age": [20, 30, 40], "arm": ["old", "new"]}), **options)
    assert plt.get_fignums() == []


def test_lines_need_a_variable() -> None:
    with pytest.raises(ArgumentError, match="this result varies 'school'"):
        plot(grid({"school": ["A", "B"]}), kind="line")
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
    figures = grid({"age": [20, 30, 40], "arm": ["old", "new"]})
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
    assert plot(grid({"age": [1, 2, 3]}), left) is left
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
    assert null_lines(plot(grid({"age": [20, 30, 40]}, facts))) == null


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
