"""Nothing in a picture lies on top of another: legends, names of places and rows, dates, pages."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from report_cases import CONTRAST, GLS, IDENTITY, MEAN, SLOPE, made_figures, over_all

from pymargins.facts import ResultFacts
from pymargins.report import Figures
from pymargins.report.plots import plot
from pymargins.report.plots.axes import TALLEST
from pymargins.report.plots.choosing import choose_layout
from pymargins.report.plots.lists import list_sheet, row_labels
from pymargins.report.plots.variables import Variables

MEANS = ResultFacts(GLS, MEAN, IDENTITY)
SLOPES = ResultFacts(GLS, SLOPE, IDENTITY)
SENTENCE = "A level with a name of so many words that nobody would write it into a small picture"


def drawn(axes: Any) -> list[Any]:
    """Return the axes of a picture after it is drawn."""
    found = list(np.ravel(np.array(axes, dtype=object)))
    found[0].figure.canvas.draw()
    return found


def box(artist: Any) -> Any:
    return artist.get_window_extent()


def inside(artist: Any) -> bool:
    whole, one = artist.figure.bbox.padded(1), box(artist)
    return bool(whole.contains(one.x0, one.y0) and whole.contains(one.x1, one.y1))


def highest(ax: Any, figures: Figures) -> float:
    """Return how high the data reach, on the canvas."""
    return float(ax.transData.transform((0, figures.ci_upper.max()))[1])


# --- legends -------------------------------------------------------------------------------------


def test_long_legends_have_columns_and_long_names_a_wider_figure() -> None:
    many = over_all({"age": [1, 2, 3], "site": [f"Site {i}" for i in range(48)]})
    (ax,) = drawn(plot(many, kind="line"))
    assert inside(ax.get_legend())
    assert ax.figure.get_figheight() == 4.2
    long = over_all({"age": [1, 2, 3], "arm": [f"{SENTENCE} {i}" for i in "ab"]})
    (wide,) = drawn(plot(long))
    assert inside(wide.get_legend())
    assert box(wide).width / wide.figure.dpi > 4.0


def test_legends_of_rows_of_panels_are_no_higher_than_a_panel() -> None:
    figures = over_all({"age": [1, 2, 3], "site": range(5), "arm": "abcdefghijkl"})
    axes = drawn(plot(figures, x="age", by="arm", facet="site"))
    (legend,) = [ax.get_legend() for ax in axes if ax.get_legend()]
    assert inside(legend)
    heights = [box(ax).height for ax in axes]
    assert max(heights) == pytest.approx(min(heights), rel=0.01)
    assert min(heights) > box(legend).height * 0.8


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("size", [(3, 2), (6.4, 4.8)])
def test_legends_in_given_axes_cover_no_data(size: Any, scale: str) -> None:
    figures = over_all({"age": [1, 2, 3], "arm": ["drug A", "drug B", "placebo"]})
    figures = made_figures(figures.estimate + 5.0, MEANS, columns=figures.columns)
    _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set_yscale(scale)
    ax.yaxis.set_major_formatter("{x:g}")  # without powers of ten, that are set as mathematics
    ax.yaxis.set_minor_formatter("{x:g}")
    drawn(plot(figures, ax))
    assert inside(ax.get_legend())
    assert box(ax.get_legend()).y0 > highest(ax, figures)
    assert box(ax.get_legend()).x1 <= box(ax).x1
    assert box(ax).width > 0.5 * ax.figure.bbox.width


def test_what_is_drawn_later_leaves_the_legend_free() -> None:
    _, ax = plt.subplots()
    low = over_all({"age": [1, 2, 3], "arm": ["old", "new"]})
    high = made_figures(low.estimate + 20.0, MEANS, columns=low.columns)
    plot(low, ax)
    plot(high, ax)
    drawn(ax)
    assert box(ax.get_legend()).y0 > highest(ax, high)
    ax.plot([1, 3], [0, 30])
    drawn(ax)
    assert box(ax.get_legend()).y0 > highest(ax, high)


def test_limits_that_were_set_are_stretched_only() -> None:
    _, ax = plt.subplots()
    ax.set_ylim(-10, 40)
    plot(over_all({"age": [1, 2, 3], "arm": ["old", "new"]}), ax)
    low, high = ax.get_ylim()
    assert low == -10
    assert 40 < high < 60


def test_legends_of_effects_are_titled_by_what_tells_them_apart() -> None:
    ages = [20, 30, 40]
    contrasts = {"contrast": ["B - A"] * 3 + ["C - A"] * 3, "age": ages * 2}
    ax = plot(made_figures(range(6), ResultFacts(GLS, CONTRAST, IDENTITY), columns=contrasts))
    assert ax.get_legend().get_title().get_text() == "contrast"
    terms = {"term": ["dose"] * 3 + ["sex"] * 3, "contrast": [""] * 6, "age": ages * 2}
    ax = plot(made_figures(range(6), SLOPES, columns=terms))
    assert ax.get_legend().get_title().get_text() == "term"


@pytest.mark.parametrize("colors", ["black", ["red", "blue"], np.eye(4)[:3, :3]])
@pytest.mark.parametrize(("kind", "size"), [("line", 30), ("points", 8)])
def test_no_two_series_look_alike(kind: Any, size: int, colors: Any) -> None:
    figures = over_all({"age": range(13), "site": range(size)})
    ax = plot(figures, kind=kind, x="age", by="site", colors=colors)
    lines = [x for x in ax.lines if kind == "line" or x.get_linestyle() == "None"]
    seen = {(to_rgba(x.get_color()), x.get_linestyle(), x.get_marker()) for x in lines}
    assert len(lines) == len(seen) == size


# --- what stands beside axes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "levels",
    [
        [f"Site {i}" for i in range(12)],
        [f"{i + 20.08333}" for i in range(25)],
        ["WWWWWWWW", "MMMMMMMM", "WMWMWMWM", "mmmmmmmm", "wwwwwwww"],
        [f"{SENTENCE} {i}" for i in range(3)],
        [f"{SENTENCE} {i}" for i in range(20)],
    ],
)
@pytest.mark.parametrize("panels", [1, 3])
def test_names_of_places_do_not_overlap(levels: list[str], panels: int) -> None:
    figures = over_all({"school": levels, "sex": "fm", "site": range(panels)})
    axes = drawn(plot(figures, x="school", by="sex", facet="site"))
    labels = axes[-1].get_xticklabels()
    angle = labels[0].get_rotation()
    if angle == 0:
        assert all(box(one).x1 < box(two).x0 for one, two in pairwise(labels))
        return
    apart = box(axes[-1]).width / (len(levels) + 0.2)
    lines = max(label.get_text().count("\n") + 1 for label in labels)
    size = labels[0].get_fontsize() * axes[-1].figure.dpi / 72
    assert lines * size <= apart * np.sin(np.deg2rad(angle))
    assert all(map(inside, labels))


@pytest.mark.parametrize(
    ("step", "panels"),
    [("15min", 1), ("1D", 1), ("3650D", 1), ("15min", 4), ("20D", 4), ("100D", 4)],
)
def test_dates_do_not_overlap(step: str, panels: int) -> None:
    when = [pd.Timestamp("2021-03-05 10:00") + i * pd.Timedelta(step) for i in range(5)]
    axes = drawn(plot(over_all({"when": when, "site": range(panels)}), x="when", facet="site"))
    for ax in axes:
        low, high = ax.get_xlim()
        ticks = [t for t in ax.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
        labels = [t.label1 for t in ticks if t.label1.get_text()]
        assert len(labels) >= 1
        if labels[0].get_rotation() == 0:
            assert all(box(one).x1 < box(two).x0 for one, two in pairwise(labels))
        else:
            size = labels[0].get_fontsize() * ax.figure.dpi / 72
            places = [ax.transData.transform((t.get_loc(), 0))[0] for t in ticks]
            assert np.diff(places).min() * np.sin(np.deg2rad(35)) > size


def test_times_are_those_of_the_clock_and_spans_have_their_unit() -> None:
    when = list(pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin"))
    ax = plot(over_all({"when": when}))
    assert ax.lines[0].get_xdata()[0] == np.datetime64("2024-01-01")
    spans = plot(over_all({"after": [pd.Timedelta(days=d) for d in (1, 2, 4)]}))
    assert spans.get_xlabel() == "after (days)"
    assert spans.lines[0].get_xdata().tolist() == [1.0, 2.0, 4.0]


def test_titles_of_panels_are_no_wider_than_these() -> None:
    figures = over_all(
        {"age": [1, 2, 3], "site": range(2), "arm": [f"{SENTENCE} {i}" for i in "abc"]}
    )
    axes = drawn(plot(figures, x="age", facet=["site", "arm"]))
    assert all(inside(ax.title) for ax in axes)
    for one, two in pairwise(axes):
        assert not box(one.title).overlaps(box(two.title))
    assert axes[0].figure.get_figheight() <= TALLEST + 0.5


@pytest.mark.parametrize("size", [10, 40])
def test_long_names_of_rows_below_each_other_do_not_overlap(size: int) -> None:
    names = [f"{SENTENCE} {SENTENCE} {i}" if i < 2 else f"row {i}" for i in range(size)]
    for ax in drawn(plot(made_figures(range(size), SLOPES, names))):
        boxes = list(map(box, ax.get_yticklabels()))
        assert all(one.y0 >= two.y1 - 1 for one, two in pairwise(boxes))


def test_many_rows_in_given_axes_have_small_names() -> None:
    _, ax = plt.subplots()
    drawn(plot(made_figures(range(66), SLOPES), ax))
    labels = ax.get_yticklabels()
    assert all(one.y0 >= two.y1 - 1 for one, two in pairwise(map(box, labels)))


# --- pages and fonts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"row": [f"row {i}" for i in range(288)]}, "forest"),
        ({"row": [f"row {i}" for i in range(288)]}, "density"),
        ({"row": [f"row {i}" for i in range(24)]}, "density"),
        ({"age": range(12), "site": [f"site {i}" for i in range(12)], "sex": "fm"}, "forest"),
        ({"age": range(12), "site": [f"site {i}" for i in range(12)], "sex": "fm"}, "density"),
    ],
)
def test_lists_fit_a_page(variables: Any, kind: Any) -> None:
    found = Variables(over_all(variables))
    layout = choose_layout(found, kind)
    labels, _ = row_labels(found, layout)
    sheet = list_sheet(layout, labels)
    assert sheet.height <= TALLEST
    assert sheet.rows * sheet.columns >= len(labels)


@pytest.mark.parametrize("size", [6, 16])
@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"arm": [f"{SENTENCE} {i}" for i in "abc"]}, "forest"),
        ({"arm": ["a", "b", "c"], "sex": "fm"}, "points"),
        ({"age": [1, 2, 3], "sex": "fm", "arm": [f"{SENTENCE} {i}" for i in "abc"]}, "line"),
    ],
)
def test_fonts_of_any_size_have_room(size: float, variables: Any, kind: Any) -> None:
    with plt.rc_context({"font.size": size}):
        axes = drawn(plot(over_all(variables), kind=kind))
        whole = axes[0].figure.bbox.padded(1)
        for found in (*map(box, axes[0].figure.texts), *(ax.get_tightbbox() for ax in axes)):
            assert whole.contains(found.x0, found.y0)
            assert whole.contains(found.x1, found.y1)
        names = axes[0].get_yticklabels()
        if kind == "forest":
            assert not any(box(one).overlaps(box(two)) for one, two in pairwise(names))


def test_missing_and_unbounded_intervals_are_left_out() -> None:
    for kind, variables in (
        ("line", {"age": [1, 2, 3], "arm": "ab"}),
        ("points", {"arm": "abc", "sex": "fm"}),
        ("forest", {"arm": "abc", "sex": "fm"}),
    ):
        figures = over_all(variables)
        for values in (figures.ci_lower, figures.ci_upper):
            values[:2] = np.nan, np.inf * np.sign(values[1] - figures.estimate[1])
        (ax,) = drawn(plot(figures, kind=kind))  # a warning would be an error
        assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()
