"""From figures to a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.report.figures import Arrows, Figures, Wider
from pymargins.report.plots.axes import add_caption, check_axes, require_matplotlib
from pymargins.report.plots.captions import arrow_caption, caption
from pymargins.report.plots.choosing import choose_layout
from pymargins.report.plots.layout import Layout, PlotKind
from pymargins.report.plots.lists import row_labels
from pymargins.report.plots.observed import Observed
from pymargins.report.plots.picture import Picture
from pymargins.report.plots.refusals import check_arrows, check_data, check_list
from pymargins.report.plots.style import Colors, palette_of
from pymargins.report.plots.variables import Order, Variables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pymargins.asking.sources import ArrowStream

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
    data: pd.DataFrame | ArrowStream | None = None,
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
    check_data(layout, data, cluster, rug)
    check_arrows(layout, arrows)
    if layout.is_list:
        check_list(layout, wider, draws, colors, palette)
    observed = None if data is None else Observed(data, layout, variables, cluster)
    ends = None if arrows is None else _ends(layout, figures, arrows)
    rows, rows_of = row_labels(variables, layout) if layout.is_list else ([], "")
    picture = Picture(variables, layout, palette, simultaneous, ends, draws, wider, rows, rows_of)
    axes = picture.drawn(ax, observed, rug)
    if ax is None and show_caption:
        told = [caption(figures, simultaneous)]
        told += [arrow_caption(figures, ends)] if ends else []
        told += [observed.words] if observed else []
        add_caption(axes[0], " ".join(filter(None, told)))
    picture.name(axes, own=ax is None)
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


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
