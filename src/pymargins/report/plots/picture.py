"""A layout drawn into axes, and named once there is room to be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.report import words
from pymargins.report.figures import Arrows, Figures, Wider
from pymargins.report.plots.axes import is_outer, panel_axes, settle
from pymargins.report.plots.captions import axis_label
from pymargins.report.plots.densities import draw_densities
from pymargins.report.plots.drawing import draw_bands, draw_forest, draw_null, draw_points
from pymargins.report.plots.layout import Layout
from pymargins.report.plots.legends import add_legend
from pymargins.report.plots.lists import list_axes, list_sheet
from pymargins.report.plots.observed import Observed
from pymargins.report.plots.style import looks
from pymargins.report.plots.ticks import (
    fit_rows,
    grow,
    places_in,
    set_categories,
    set_dates,
    set_labels,
    set_title,
)
from pymargins.report.plots.variables import Variables, are_spans
from pymargins.report.row_names import TERM

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
