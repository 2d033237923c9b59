"""From figures to a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.report import words
from pymargins.report.figures import Arrows, Figures, Wider
from pymargins.report.plots.axes import (
    SINGLE,
    add_caption,
    add_legend,
    is_outer,
    make_axes,
    panel_axes,
    require_matplotlib,
    set_categories,
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
from pymargins.report.plots.lists import LONG, NARROW_LABEL, list_axes, row_labels
from pymargins.report.plots.observed import Observed
from pymargins.report.plots.style import (
    AXIS_WIDTH,
    LABEL_WIDTH,
    Colors,
    balanced,
    looks,
    palette_of,
    wrapped,
)
from pymargins.report.plots.variables import Order, Variables

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
    if ax is not None and not hasattr(ax, "fill_between"):
        raise ArgumentTypeError(f"ax: expected a matplotlib Axes, got {type(ax).__name__}.")
    require_matplotlib()
    variables = Variables(figures, order)
    layout = choose_layout(variables, kind, x, by, facet, single=ax is not None)
    _check_options(layout, data, cluster, rug, arrows)
    if layout.kind == "density" and wider is not None:
        raise ArgumentError("prediction: a density plot shows draws of estimates; leave it out.")
    if layout.kind == "density" and draws is None:
        raise ArgumentError(
            'kind: "density" shows the distribution of draws, and these figures have none. Ask a '
            'session with method="simulation" or method="bootstrap".'
        )
    observed = None if data is None else Observed(data, layout, variables, cluster)
    ends = None if arrows is None else _ends(layout, figures, arrows)
    palette = palette_of(layout.series, colors)
    picture = Picture(variables, layout, palette, simultaneous, ends, draws, wider)
    axes = picture.drawn(ax, observed, rug)
    if ax is None and show_caption:
        parts = [
            caption(figures, simultaneous),
            arrow_caption(figures, ends) if ends else "",
            observed.words if observed else "",
        ]
        add_caption(axes[0], " ".join(part for part in parts if part))
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def _check_options(
    layout: Layout, data: Any, cluster: Any, rug: bool, arrows: Compare | None
) -> None:
    if layout.is_list and data is not None:
        raise ArgumentError(
            f"data: a {layout.kind} plot has one row for each estimate, and no axis for the data. "
            'Name a variable along the axis, x="...".'
        )
    if data is None and (rug or cluster is not None):
        name = "rug" if rug else "cluster"
        raise ArgumentError(f"{name}: it is drawn of rows of data; give data= too.")
    if arrows is not None and layout.kind not in ("forest", "points"):
        raise ArgumentError(
            f"arrows: they compare points one by one; a {layout.kind} plot has none. Use "
            'kind="forest" or kind="points".'
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
    """A layout with all that is drawn of it."""

    variables: Variables
    layout: Layout
    palette: Sequence[Any]
    simultaneous: bool
    arrows: Arrows | None
    draws: FloatArray | None
    wider: Wider | None

    @property
    def figures(self) -> Figures:
        """What is drawn."""
        return self.variables.figures

    def drawn(self, ax: Axes | None, observed: Observed | None, rug: bool) -> list[Axes]:
        """Draw into the axes given, or into those of a new figure, and return them."""
        effect = self.layout.effect
        label = axis_label(self.figures, effect, self.simultaneous, self.wider)
        if self.layout.is_list:
            return self._lists(ax, label)
        count = len(self.layout.panels)
        own = ax is None
        if ax is not None:
            axes = [ax]
        else:
            axes = [make_axes(SINGLE)[0, 0]] if count == 1 else panel_axes(count)
        look = looks(self.layout.series, self.palette, axes[0])
        null = words.null_of(self.figures.facts.quantity, self.figures.facts.scale)
        places = self._places()
        for one, panel in zip(axes, self.layout.panels, strict=True):
            draw_null(one, null, upright=False)
            if observed is not None:
                observed.draw(one, panel, look)
                if rug:
                    observed.draw_rug(one, panel)
            if self.layout.kind == "line":
                draw_bands(one, panel.series, places, self.figures, look, self.wider)
            else:
                draw_points(one, panel.series, places, self.figures, look, self.arrows, self.wider)
        self._name_axes(axes, label, own)
        return axes

    def _places(self) -> AnyArray:
        if self.layout.kind == "line":
            return self.variables.places(self.layout.x)
        levels = self.variables.levels(self.layout.x)
        return np.array([levels.index(v) for v in self.figures.columns[self.layout.x]], dtype=float)

    def _name_axes(self, axes: Sequence[Axes], label: str, own: bool) -> None:
        """Write titles, labels and the legend."""
        several = len(axes) > 1
        if self.layout.kind == "points":
            width = axes[0].get_window_extent().width / axes[0].figure.dpi
            set_categories(axes, list(self.variables.texts(self.layout.x).values()), width)
        for one, panel in zip(axes, self.layout.panels, strict=True):
            if panel.title:
                one.set_title(wrapped(panel.title, 30), fontsize="medium")
            left, bottom = is_outer(one, len(axes)) if several else (True, True)
            if left:
                one.set_ylabel(balanced(label, 30 if several else LABEL_WIDTH))
            if bottom:
                one.set_xlabel(wrapped(self.layout.x, AXIS_WIDTH))
        add_legend(axes, ", ".join(self.layout.by), own)

    def _lists(self, ax: Axes | None, label: str) -> list[Axes]:
        """Draw rows one below the other."""
        labels, title = row_labels(self.variables, self.layout)
        axes = [ax] if ax is not None else list_axes(self.layout, labels)
        color = looks([""], self.palette, axes[0])[""].color
        null = words.null_of(self.figures.facts.quantity, self.figures.facts.scale)
        for one, panel, names in zip(axes, self.layout.panels, labels, strict=True):
            rows = panel.series[""]
            draw_null(one, null, upright=True)
            if self.draws is not None:
                draw_densities(one, rows, names, self.figures, self.draws, color)
            else:
                draw_forest(one, rows, names, self.figures, color, self.arrows, self.wider)
            if panel.title:
                one.set_title(wrapped(panel.title, 40), fontsize="medium")
            if len(names) > LONG:
                one.tick_params(axis="y", labelsize="x-small")
        for one in axes:
            if len(axes) == 1 or is_outer(one, len(axes))[1]:
                one.set_xlabel(balanced(label, AXIS_WIDTH if len(axes) == 1 else NARROW_LABEL))
        axes[0].set_ylabel(balanced(title, LABEL_WIDTH))
        return axes
