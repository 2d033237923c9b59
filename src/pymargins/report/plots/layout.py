"""Which rows of a result stand where in a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins._typing import IntArray
from pymargins.report.plots.variables import Variables, as_numbers

PlotKind: TypeAlias = Literal["line", "points", "forest", "density"]
KINDS: tuple[PlotKind, ...] = ("line", "points", "forest", "density")


@dataclass(frozen=True, slots=True)
class Panel:
    """One small picture: its title, and the rows of each series by its name in the legend."""

    title: str
    series: Mapping[str, IntArray]

    @property
    def rows(self) -> IntArray:
        """All its rows."""
        return np.concatenate(list(self.series.values()))


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rows stand where.

    Parameters
    ----------
    kind : {"line", "points", "forest", "density"}
    x : str
        The variable along the axis; empty for lists of rows.
    by : tuple of str
        The variables that tell series apart.
    facet : tuple of str
        Those that tell panels apart.
    panels : tuple of Panel
    effect : str
        What all rows are slopes or contrasts of; empty where they are not, or differ.
    told_by : tuple of str
        What tells series apart, for the title of the legend: where rows are slopes or contrasts of
        several things, the column that names these, and `by`.
    """

    kind: PlotKind
    x: str
    by: tuple[str, ...]
    facet: tuple[str, ...]
    panels: tuple[Panel, ...]
    effect: str = ""
    told_by: tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether rows stand one below the other."""
        return self.kind in ("forest", "density")

    @property
    def series(self) -> list[str]:
        """The names of the series of all panels, in the order of the legend."""
        return list(dict.fromkeys(name for panel in self.panels for name in panel.series))


def repeats(variables: Variables, layout: Layout) -> bool:
    """Tell whether a series has two rows at one place."""
    values = variables.columns[layout.x]
    return any(
        len({values[i] for i in rows}) < len(rows)
        for panel in layout.panels
        for rows in panel.series.values()
    )


# --- rows by series and panel --------------------------------------------------------------------


def arrange(
    variables: Variables, kind: PlotKind, x: str, by: Sequence[str], facet: Sequence[str]
) -> Layout:
    """Gather rows by panel and series, those of a series in the order of their places."""
    taken = [x, *by, *facet]
    effects = variables.effect_texts(leave_out=taken)
    several = variables.effect_order(leave_out=taken)
    keys, orders = _keys(variables, by), _orders(variables, by)
    told_by = list(by)
    if len(several) > 1:
        keys = [(effect, *key) for effect, key in zip(effects, keys, strict=True)]
        orders = [several, *orders]
        differing = [n for n in variables.effects if n not in taken and variables.levels(n)[1:]]
        told_by = [differing[0], *by]
    grouped = _in_order(keys, orders)
    named = dict(zip(_joined(list(grouped)), grouped.values(), strict=True))
    place = _places_along(variables, kind, x)
    panels: list[Panel] = []
    for title, members in panels_of(variables, facet):
        series: dict[str, IntArray] = {}
        for name, rows in named.items():
            found = np.intersect1d(rows, members)
            if len(found):
                series[name] = found[np.argsort(place[found], kind="stable")]
        panels.append(Panel(title, series))
    effect = effects[0] if len(several) == 1 else ""
    return Layout(kind, x, tuple(by), tuple(facet), tuple(panels), effect, tuple(told_by))


def _keys(variables: Variables, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return how the values of some variables are written, row by row."""
    parts = [[variables.texts(name)[value] for value in variables.columns[name]] for name in names]
    rows = list(zip(*parts, strict=True))
    return rows or [()] * len(variables.figures)


def _orders(variables: Variables, names: Sequence[str]) -> list[list[str]]:
    return [list(variables.texts(name).values()) for name in names]


def _in_order(
    keys: Sequence[tuple[str, ...]], orders: Sequence[Sequence[str]]
) -> dict[tuple[str, ...], IntArray]:
    """Return the rows of each key, keys in the order of their levels, the last fastest."""
    ranks = [{text: i for i, text in enumerate(order)} for order in orders]
    distinct = sorted(
        dict.fromkeys(keys),
        key=lambda key: [rank[text] for rank, text in zip(ranks, key, strict=True)],
    )
    rows: dict[tuple[str, ...], list[int]] = {key: [] for key in distinct}
    for i, key in enumerate(keys):
        rows[key].append(i)
    return {key: np.array(found, dtype=np.intp) for key, found in rows.items()}


def _joined(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Write keys as one text each, in quotes where levels with commas would make two the same."""
    names = [", ".join(key) for key in keys]
    return names if len(set(names)) == len(keys) else [", ".join(map(repr, key)) for key in keys]


def panels_of(variables: Variables, facet: Sequence[str]) -> list[tuple[str, IntArray]]:
    """Return the title and the rows of each panel."""
    if not facet:
        return [("", np.arange(len(variables.figures)))]
    return [
        (", ".join(f"{n} = {t}" for n, t in zip(facet, key, strict=True)), rows)
        for key, rows in _in_order(_keys(variables, facet), _orders(variables, facet)).items()
    ]


def _places_along(variables: Variables, kind: PlotKind, x: str) -> Any:
    if kind == "line":
        return as_numbers(variables.places(x))
    levels = variables.levels(x)
    return np.array([levels.index(value) for value in variables.columns[x]])
