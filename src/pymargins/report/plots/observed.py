"""Rows of data underneath a picture: points, means of clusters, a rug."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.asking.frames import as_frame
from pymargins.errors import ArgumentError, ArgumentTypeError, listing, unknown_name
from pymargins.facts import Kind, ResponseOf, Retransformed
from pymargins.report.figures import Figures
from pymargins.report.plots.drawing import offsets
from pymargins.report.plots.layout import Layout, Panel
from pymargins.report.plots.style import GREY, Look
from pymargins.report.plots.variables import Variables, places_of
from pymargins.report.row_names import OUTCOME

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More points than this are thinned; which are kept does not change from one picture to the next.
MOST_POINTS = 3000
SEED = 20240101
#: Points of a category are spread so far to both sides.
SPREAD = 0.05
#: Points are as transparent as keeps about so many of them visible.
DENSE = 18.0
#: Few of them are larger: their size falls with the square root of how many there are.
SIZE, SMALLEST, LARGEST = 120.0, 4.5, 8.0


class Observed:
    """Rows of data, arranged as a picture is.

    Parameters
    ----------
    data : DataFrame
        With the outcome and the variables of the picture.
    layout : Layout
    variables : Variables
    cluster : str, optional
        The column whose values are averaged over, at each place of the picture.
    """

    def __init__(
        self, data: Any, layout: Layout, variables: Variables, cluster: str | None = None
    ) -> None:
        frame = as_frame(data)
        if frame is None:
            raise ArgumentTypeError(
                f"data: expected a data frame, got {type(data).__name__}. True takes the rows of "
                "the fit."
            )
        self.layout, self.variables = layout, variables
        self.outcome = outcome_column(variables.figures)
        self.frame = self._needed(frame, cluster)
        shown = np.zeros(len(self.frame), dtype=bool)
        for panel in layout.panels:
            for name in panel.series:
                shown |= self._belongs(panel, name)
        if not shown.any():
            raise self._nothing()
        self.size = int(shown.sum())
        kept = np.flatnonzero(shown)
        if self.size > MOST_POINTS:
            kept = np.random.default_rng(SEED).choice(kept, MOST_POINTS, replace=False)
        self.frame = self.frame.iloc[np.sort(kept)]

    def _needed(self, frame: pd.DataFrame, cluster: str | None) -> pd.DataFrame:
        """Return complete rows of the columns that are needed; of clusters their means."""
        names = [self.layout.x, *self.layout.by, *self.layout.facet]
        needed = [self.outcome, *names, *([] if cluster is None else [cluster])]
        for name in needed:
            if name not in frame.columns:
                argument = "cluster" if name == cluster else "data"
                raise unknown_name(argument, name, frame.columns, "a column of the data")
        kept: Any = frame[list(dict.fromkeys(needed))].dropna()
        if not pd.api.types.is_numeric_dtype(kept[self.outcome]):
            raise ArgumentError(f"data: column {self.outcome!r}, the outcome, is not numeric.")
        if cluster is None:
            return kept
        by = list(dict.fromkeys([cluster, *names]))
        return kept.groupby(by, sort=False, observed=True)[self.outcome].mean().reset_index()

    def _nothing(self) -> ArgumentError:
        """Build the error for data of which no row belongs to any line."""
        x = [self.layout.x] if self.layout.kind == "points" else []
        told = "; ".join(
            f"{name} = {', '.join(self.variables.texts(name).values())}"
            for name in (*self.layout.by, *self.layout.facet, *x)
        )
        return ArgumentError(
            f"data: no complete row has the values of this picture ({told or 'no rows at all'}); "
            "points are drawn where data have exactly these. Leave data= out, or predict at values "
            "that were observed."
        )

    def rows(self, panel: Panel, name: str) -> pd.DataFrame:
        """Return the rows of data that belong to a series of a panel."""
        return self.frame.loc[self._belongs(panel, name)]

    def _belongs(self, panel: Panel, name: str) -> AnyArray:
        row = int(panel.series[name][0])
        kept = np.ones(len(self.frame), dtype=bool)
        for column in (*self.layout.by, *self.layout.facet):
            value = self.variables.columns[column][row]
            kept &= (self.frame[column] == value).to_numpy(dtype=bool)
        if self.layout.kind == "points":
            levels = self.variables.levels(self.layout.x)
            kept &= np.array([value in levels for value in self.frame[self.layout.x]], dtype=bool)
        return kept

    def draw(self, ax: Axes, panel: Panel, looks: dict[str, Look]) -> None:
        """Draw points of each series in its colour."""
        shifts = dict(zip(looks, offsets(len(looks)), strict=True))
        root = np.sqrt(max(len(self.frame), 1))
        alpha = float(np.clip(DENSE / root, 0.12, 0.7))
        for name in panel.series:
            part = self.rows(panel, name)
            if not len(part):
                continue
            color = looks[name].color if len(looks) > 1 else GREY
            ax.plot(
                self._along(part, shifts[name]),
                part[self.outcome].to_numpy(dtype=float),
                linestyle="none",
                marker=".",
                markersize=float(np.clip(SIZE / root, SMALLEST, LARGEST)),
                markeredgewidth=0,
                color=color,
                alpha=alpha,
                zorder=0.5,
                gid="data",
            )

    def _along(self, part: pd.DataFrame, shift: float) -> Any:
        values = part[self.layout.x].tolist()
        if self.layout.kind != "points":
            return places_of(values)
        levels = self.variables.levels(self.layout.x)
        places = np.array([levels.index(value) for value in values], dtype=float)
        return places + shift + _spread(len(places))

    def draw_rug(self, ax: Axes, panel: Panel) -> None:
        """Mark the observed values of the variable along the axis at its foot."""
        parts = [self.rows(panel, name)[self.layout.x] for name in panel.series]
        values = pd.concat(parts).drop_duplicates().tolist()
        draw_rug(ax, places_of(values))

    @property
    def words(self) -> str:
        """Say how many points there are, where they are thinned."""
        if self.size <= MOST_POINTS:
            return ""
        return f"{MOST_POINTS:,} of {self.size:,} points of the data are shown."


def draw_rug(ax: Axes, places: Any) -> None:
    """Draw short marks at the foot of the axes."""
    transform = ax.get_xaxis_transform()
    ax.plot(
        places,
        np.zeros(len(places)),
        linestyle="none",
        marker="|",
        markersize=10,
        color=GREY,
        alpha=0.6,
        transform=transform,
        clip_on=False,
        gid="rug",
    )


def outcome_column(figures: Figures) -> str:
    """Return the column that figures are means of.

    Raises
    ------
    ArgumentError
        Where they are not of a column as it is observed.
    """
    facts, model = figures.facts, figures.facts.session.model
    if facts.quantity.kind is not Kind.MEAN or facts.quantity.operations:
        raise ArgumentError(
            "data: rows of data belong underneath mean responses; these are slopes, contrasts or "
            "functions of means. Draw m.predict(...) with them."
        )
    notes = (*facts.session.notes, *facts.notes)
    for note in notes:
        if isinstance(note, ResponseOf):
            raise ArgumentError(f"data: figures are of {note.name!r}, which is not observed.")
    back = [note.column for note in notes if isinstance(note, Retransformed)]
    columns = back or list(model.response_variables)
    if OUTCOME in figures.columns and OUTCOME not in facts.session.variables:
        raise ArgumentError("data: figures are probabilities of outcomes, which rows do not have.")
    if len(columns) != 1 or not (back or columns[0] == model.response):
        made = f" of {listing(columns)}" if columns else ""
        raise ArgumentError(
            f"data: figures are on the scale of {model.response!r}{made}, which no column of the "
            'data has. Ask a session with response="median" or "mean", or draw the points '
            "yourself."
        )
    return columns[0]


def _spread(count: int) -> FloatArray:
    """Return places to both sides of a category, the same each time."""
    return SPREAD * (2 * np.mod(np.arange(count) * 0.6180339887, 1.0) - 1)
