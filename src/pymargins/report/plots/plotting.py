"""From figures to a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.report import words
from pymargins.report.figures import Arrows, Figures, Wider
from pymargins.report.plots.axes import (
    add_caption,
    check_axes,
    is_outer,
    panel_axes,
    require_matplotlib,
    settle,
)
from pymargins.report.plots.captions import arrow_caption, axis_label, caption
from pymargins.report.plots.choosing import choose_layout
from pymargins.report.plots.densities import draw_densities
from pymargins.report.plots.drawing import (
    draw_bands,
    draw_forest,
    draw_null,
    draw_points,
)
from pymargins.report.plots.layout import Layout, PlotKind
from pymargins.report.plots.legends import add_legend
from pymargins.report.plots.lists import list_axes, list_sheet, row_labels
from pymargins.report.plots.observed import Observed
from pymargins.report.plots.style import Colors, looks, palette_of
from pymargins.report.plots.ticks import (
    fit_rows,
    grow,
    places_in,
    set_categories,
    set_dates,
    set_labels,
    set_title,
)
from pymargins.report.plots.variables import Order, Variables, are_spans
from pymargins.report.row_names import TERM

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Finds the comparison arrows of some rows.
Compare: TypeAlias = "Callable[[IntArray], Arrows]"


def plot(
    figures: Figures,
    ax: Axes | None = None,
    *,
    kind: PlotKind | None = None,
    x: str | None = None,
    by: str | Sequence[str] | None = None,
    facet: str | Sequence[str] | None = None,
    order: Order | None = None,
    colors: Colors | None = None,
    data: pd.DataFrame | None = None,
    cluster: str | None = None,
    rug: bool = False,
    simultaneous: bool = False,
    wider: Wider | None = None,
    arrows: Compare | None = None,
    draws: FloatArray | None = None,
    show_caption: bool = True,
) -> Axes | AnyArray:
    """Draw estimates with their confidence intervals: `MarginsResult.plot` explains the options.

    Parameters
    ----------
    figures : Figures
        With the intervals, and the level, to be drawn.
    ax, kind, x, by, facet, order, colors, data, cluster, rug : optional
        As in `MarginsResult.plot`.
    simultaneous : bool
        Whether the intervals hold together with their level, for the axis to say so.
    wider : Wider, optional
        Intervals that are drawn lighter around these.
    arrows : callable, optional
        From positions of rows to their comparison arrows.
    draws : ndarray, shape (B, k), optional
        For densities.
    show_caption : bool
        Whether small print below says on what the figures rest.

    Returns
    -------
    matplotlib Axes, or ndarray of them
        To be labelled, limited and saved as usual; nothing is shown.
    """
    require_matplotlib()
    check_axes(ax)
    variables = Variables(figures, order)
    layout = choose_layout(variables, kind, x, by, facet, single=ax is not None)
    palette = palette_of(layout.series, colors)
    _check_data(layout, data, cluster, rug)
    _check_arrows(layout, arrows)
    if layout.is_list:
        _check_list(layout, wider, draws, colors, palette)
    observed = None if data is None else Observed(data, layout, variables, cluster)
    ends = None if arrows is None else _ends(layout, figures, arrows)
    rows, rows_of = row_labels(variables, layout) if layout.is_list else ([], "")
    picture = Picture(variables, layout, palette, simultaneous, ends, draws, wider, rows, rows_of)
    axes = picture.drawn(ax, observed, rug)
    if ax is None and show_caption:
        parts = [
            caption(figures, simultaneous),
            arrow_caption(figures, ends) if ends else "",
            observed.words if observed else "",
        ]
        add_caption(axes[0], " ".join(part for part in parts if part))
    picture.name(axes, own=ax is None)
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def _check_data(layout: Layout, data: Any, cluster: Any, rug: bool) -> None:
    if layout.is_list and data is not None:
        raise ArgumentError(
            f"data: a {layout.kind} plot has one row for each estimate, and no axis for the data. "
            'Name a variable along the axis, x="...".'
        )
    if data is None and (rug or cluster is not None):
        name = "rug" if rug else "cluster"
        raise ArgumentError(f"{name}: it is drawn of rows of data; give data= too.")


def _check_arrows(layout: Layout, arrows: Compare | None) -> None:
    if arrows is None:
        return
    if layout.kind not in ("forest", "points"):
        raise ArgumentError(
            f"arrows: they compare points one by one; a {layout.kind} plot has none. Use "
            'kind="forest" or kind="points".'
        )
    if all(len(panel.rows) < 2 for panel in layout.panels):
        each = " in any panel" if len(layout.panels) > 1 else ""
        raise ArgumentError(f"arrows: they compare two rows, and there are no two{each}.")


def _check_list(
    layout: Layout, wider: Wider | None, draws: Any, colors: Any, palette: Sequence[Any]
) -> None:
    if layout.kind == "density" and wider is not None:
        raise ArgumentError("prediction: a density plot shows draws of estimates; leave it out.")
    if layout.kind == "density" and draws is None:
        raise ArgumentError(
            'kind: "density" shows the distribution of draws, and these figures have none. Ask a '
            'session with method="simulation" or method="bootstrap".'
        )
    if colors is not None and len(palette) > 1:
        raise ArgumentError(
            f"colors: the rows of a {layout.kind} plot have one colour, got {len(palette)}. Give "
            "one."
        )


def _ends(layout: Layout, figures: Figures, arrows: Compare) -> Arrows:
    """Find comparison arrows within each panel."""
    low, high = np.full(len(figures), np.nan), np.full(len(figures), np.nan)
    wrong, told = 0, ""
    for panel in layout.panels:
        if len(panel.rows) > 1:
            found = arrows(panel.rows)
            low[panel.rows], high[panel.rows] = found.low, found.high
            wrong, told = wrong + found.wrong, found.words
    return Arrows(low, high, wrong, told)


@dataclass(frozen=True, slots=True)
class Picture:
    """A layout with all that is drawn of it; of a list the names of rows, and of what these are."""

    variables: Variables
    layout: Layout
    palette: Sequence[Any]
    simultaneous: bool
    arrows: Arrows | None
    draws: FloatArray | None
    wider: Wider | None
    rows: Sequence[Sequence[str]]
    rows_of: str

    @property
    def figures(self) -> Figures:
        """What is drawn."""
        return self.variables.figures

    def drawn(self, ax: Axes | None, observed: Observed | None, rug: bool) -> list[Axes]:
        """Draw into the axes given, or into those of a new figure, and return them."""
        if self.layout.is_list:
            return self._lists(ax)
        axes = (
            [ax]
            if ax is not None
            else panel_axes(len(self.layout.panels), places_in(self._names()))
        )
        look = looks(self.layout.series, self.palette, axes[0])
        places = self._places()
        for one, panel in zip(axes, self.layout.panels, strict=True):
            draw_null(one, self._null, upright=False)
            if observed is not None:
                observed.draw(one, panel, look)
                if rug:
                    observed.draw_rug(one, panel)
            if self.layout.kind == "line":
                draw_bands(one, panel.series, places, self.figures, look, self.wider)
            else:
                draw_points(one, panel.series, places, self.figures, look, self.arrows, self.wider)
        self._label(axes)
        add_legend(axes, ", ".join(self.layout.told_by), own=ax is None)
        return axes

    def name(self, axes: Sequence[Axes], own: bool) -> None:
        """Write titles, places and labels into the room that they have in the figure."""
        settle(axes[0])
        pairs = list(zip(axes, self.layout.panels, strict=True))
        lines = max(set_title(one, panel.title) for one, panel in pairs)
        if own:
            grow(axes, lines)
        if self.layout.kind == "points":
            set_categories(axes, self._names(), own)
            settle(axes[0])
        elif self.layout.is_list and not own:
            fit_rows(axes[0])
        elif self.layout.kind == "line" and self._places().dtype.kind == "M":
            set_dates(axes)
        self._label(axes)

    def _label(self, axes: Sequence[Axes]) -> None:
        """Say what stands along each axis: once in a row and once in a column."""
        effect = self.layout.effect
        along = axis_label(self.figures, effect, self.simultaneous, self.wider)
        x, y = self._x, along
        if self.layout.is_list:
            x, y = along, self.rows_of
        for one in axes:
            left, bottom = is_outer(one, len(axes)) if len(axes) > 1 else (True, True)
            set_labels(one, x if bottom else "", y if left else "")

    @property
    def _x(self) -> str:
        """The variable along the axis, with its unit where it is known."""
        spans = not self.layout.is_list and are_spans(self.figures.columns[self.layout.x])
        return f"{self.layout.x} (days)" if spans else self.layout.x

    @property
    def _null(self) -> float | None:
        return words.null_of(self.figures.facts.quantity, self.figures.facts.scale)

    def _names(self) -> list[str]:
        """Return the names of the places along the axis; none where it is one of numbers."""
        if self.layout.kind != "points":
            return []
        return list(self.variables.texts(self.layout.x).values())

    def _places(self) -> AnyArray:
        if self.layout.kind == "line":
            return self.variables.places(self.layout.x)
        levels = self.variables.levels(self.layout.x)
        return np.array([levels.index(v) for v in self.figures.columns[self.layout.x]], dtype=float)

    def _lists(self, ax: Axes | None) -> list[Axes]:
        """Draw rows one below the other."""
        sheet = list_sheet(self.layout, self.rows)
        axes = [ax] if ax is not None else list_axes(sheet, self.rows, TERM in self.layout.facet)
        color = looks([""], self.palette, axes[0])[""].color
        for one, panel, names in zip(axes, self.layout.panels, self.rows, strict=True):
            rows = panel.series[""]
            draw_null(one, self._null, upright=True)
            if self.draws is not None:
                draw_densities(one, rows, names, self.figures, self.draws, color)
            else:
                draw_forest(one, rows, names, self.figures, color, self.arrows, self.wider)
            if sheet.is_close:
                one.tick_params(axis="y", labelsize="x-small")
        self._label(axes)
        return axes
