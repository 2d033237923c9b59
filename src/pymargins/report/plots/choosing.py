"""Which picture a result makes, unasked and as asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of
from pymargins.report.plots.layout import (
    KINDS,
    Layout,
    Panel,
    PlotKind,
    arrange,
    panels_of,
    repeats,
)
from pymargins.report.plots.variables import Variables
from pymargins.report.row_names import CONTRAST, OUTCOME, TERM

#: A variable with fewer values makes no curve.
FEWEST_VALUES = 3
#: More curves than this in one panel are not a picture.
MOST_LINES = 12
#: More points side by side, and more panels, are not a picture either.
MOST_DODGED, MOST_PLACES, MOST_PANELS = 8, 24, 24
#: Points are of a grid where at least this share of its combinations are there.
GRID = 0.5
#: Lists with more rows, and of several contrasts, are split at a variable that has few levels.
LONG_LIST = 12
MOST_LISTS = 12
#: Numbers with more values do not split lists.
CURVE = 5
#: Panels of a list have at most so many rows; more are set side by side.
LONGEST_LIST = 60


def choose_layout(
    variables: Variables,
    kind: Any = None,
    x: Any = None,
    by: str | Sequence[str] | None = None,
    facet: str | Sequence[str] | None = None,
    *,
    single: bool = False,
) -> Layout:
    """Arrange rows as asked, or as they make the clearest picture.

    Parameters
    ----------
    variables : Variables
    kind, x, by, facet : optional
        What was asked.
    single : bool
        Whether there is room for one panel only.

    Raises
    ------
    UnknownNameError, ArgumentError
        Where what was asked names no variable, or makes no picture.
    """
    if kind is not None and kind not in KINDS:
        raise not_one_of("kind", kind, KINDS)
    names = None if by is None else _names("by", by)
    facets = None if facet is None else _names("facet", facet)
    _check(variables, kind, [] if x is None else [x], names or [], facets or [])
    if single and facets:
        raise ArgumentError("facet: panels make a figure of their own; leave `ax` out.")
    if kind in ("forest", "density"):
        return _list(variables, kind, facets, single)
    if kind is None and x is None and names is None:
        return _unasked(variables, facets, single)
    kind, x = _kind_and_x(variables, kind, x, [*(names or []), *(facets or [])])
    if names is None:
        names = _telling(variables, x, facets or [])
    layout = arrange(variables, kind, x, names, facets or [])
    _refuse_repeats(variables, layout)
    if kind == "line":
        variables.check_order(x)
    return layout


def _names(argument: str, given: Any) -> list[Any]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        raise ArgumentTypeError(
            f"{argument}: expected the name of a variable, or several, got {given!r}."
        )
    return list(given)


def _check(
    variables: Variables, kind: Any, x: Sequence[Any], by: Sequence[Any], facet: Sequence[Any]
) -> None:
    for argument, asked in (("x", x), ("by", by), ("facet", facet)):
        if kind in ("forest", "density") and asked and argument != "facet":
            raise ArgumentError(
                f"{argument}: a {kind} plot has one row for each estimate; leave it out."
            )
        variables.check(argument, asked)
    for argument, asked in (("by", by), ("facet", facet)):
        if x and x[0] in asked:
            raise ArgumentError(f"{argument}: {x[0]!r} is along the axis already.")
    both = [name for name in facet if name in by]
    if both:
        raise ArgumentError(f"facet: {listing(both)} tells lines apart already, by `by`.")


def _kind_and_x(
    variables: Variables, kind: PlotKind | None, x: str | None, taken: Sequence[str]
) -> tuple[PlotKind, str]:
    """Settle what is along the axis, and whether it makes curves."""
    if x is None and kind != "points":
        x = variables.widest(taken, 2)
    if x is None and kind != "line":
        left = [n for n in variables.varying if n not in taken]
        x = _most_levels(variables, left) if left else None
    if x is None:
        varying = listing([*variables.varying]) or "no variable"
        what, other = ("lines", "points") if kind == "line" else ("points", "forest")
        needs = "a numeric variable with several values" if kind == "line" else "a variable"
        raise ArgumentError(
            f"kind: {what} need {needs} along the axis; this result varies {varying}. Use "
            f'kind="{other if variables.varying else "forest"}".'
        )
    several = variables.is_continuous(x) and len(variables.levels(x)) > 1
    if kind == "line" and not several:
        raise ArgumentError(
            f"x: {x!r} does not take several numeric values here; lines need some. Use "
            'kind="points".'
        )
    return kind or ("line" if several and variables.is_curve(x, 2) else "points"), x


def _telling(variables: Variables, x: str, taken: Sequence[str]) -> list[str]:
    """Return the variables that tell rows apart beside those of the axis and the panels.

    One that says what another says already does not: a date beside its year, as the axis has it.
    """
    told, out = [x, *taken], list[str]()
    for name in variables.varying:
        if name not in told and not any(variables.say_the_same(name, other) for other in told):
            told.append(name)
            out.append(name)
    return out


def _most_levels(variables: Variables, names: Sequence[str]) -> str:
    """Return the variable for the axis: outcomes share probabilities, so they are told apart."""
    own = variables.figures.facts.session.variables
    some = [name for name in names if name != OUTCOME or name in own] or names
    return max(some, key=lambda name: len(variables.levels(name)))


def _refuse_repeats(variables: Variables, layout: Layout) -> None:
    if not repeats(variables, layout):
        return
    taken = (layout.x, *layout.by, *layout.facet)
    left = [n for n in variables.columns if n not in taken and n not in variables.effects]
    raise ArgumentError(
        f"by: several rows have the same {layout.x!r} in one line"
        + (f"; add {listing(left)} to `by`." if left else '; use kind="forest".')
    )


# --- unasked -------------------------------------------------------------------------------------


def _unasked(variables: Variables, facets: list[str] | None, single: bool) -> Layout:
    """Arrange rows as they make the clearest picture."""
    quantity = variables.figures.facts.quantity
    taken = facets or []
    x = variables.widest(taken, FEWEST_VALUES)
    means = not quantity.compares and quantity.is_averaged and not quantity.is_effect
    if x is not None and _are_responses(variables):
        for by, facet in _splits(variables, x, facets, single):
            layout = arrange(variables, "line", x, by, facet)
            if _is_picture(variables, layout):
                variables.check_order(x)
                return layout
    left = [n for n in variables.varying if n not in taken]
    if means and len(left) > 1 and _are_responses(variables):
        x = _most_levels(variables, left)
        for by, facet in _splits(variables, x, facets, single):
            layout = arrange(variables, "points", x, by, facet)
            if _is_picture(variables, layout):
                return layout
    return _list(variables, "forest", facets, single)


def _are_responses(variables: Variables) -> bool:
    """Tell whether rows are of the response at points, not parameters of the model."""
    return variables.figures.facts.quantity.is_averaged


def _splits(
    variables: Variables, x: str, facets: list[str] | None, single: bool
) -> list[tuple[list[str], list[str]]]:
    """List the ways to tell series and panels apart, the best first."""
    rest = _telling(variables, x, facets or [])
    if facets is not None or single:
        return [(rest, facets or [])]
    several = len(set(variables.effect_texts())) > 1
    if several:
        return [([], rest), (rest, [])]
    if len(rest) < 2:
        return [(rest, []), ([], rest)]
    few = [n for n in rest if len(variables.levels(n)) <= MOST_DODGED]
    by = (few or rest)[0]
    others = [n for n in rest if n != by]
    return [([by], others), ([], rest)]


def _is_picture(variables: Variables, layout: Layout) -> bool:
    """Tell whether these are few series and panels, with values enough for a curve each."""
    if len(layout.panels) > MOST_PANELS or repeats(variables, layout):
        return False
    counts = [len(panel.series) for panel in layout.panels]
    if layout.kind == "points" and not _is_grid(variables):
        return False
    if layout.kind == "points":
        return max(counts) <= MOST_DODGED and len(variables.levels(layout.x)) <= MOST_PLACES
    sizes = [len(rows) for panel in layout.panels for rows in panel.series.values()]
    return max(counts) <= MOST_LINES and min(sizes) >= FEWEST_VALUES


def _is_grid(variables: Variables) -> bool:
    """Tell whether most combinations of the variables are there."""
    cells = prod(len(variables.levels(name)) for name in variables.varying)
    return len(variables.figures) > GRID * cells


# --- lists ---------------------------------------------------------------------------------------


def _list(variables: Variables, kind: PlotKind, facets: list[str] | None, single: bool) -> Layout:
    """Set rows one below the other; long lists in several panels."""
    size = len(variables.figures)
    if facets is None and not single and (size > LONG_LIST or _several_contrasts(variables)):
        facets = _few_levels(variables)
    panels = tuple(
        Panel(title, {"": variables.sorted(rows)})
        for title, rows in panels_of(variables, facets or [])
    )
    effects = set(variables.effect_texts())
    effect = effects.pop() if len(effects) == 1 and (facets or variables.varying) else ""
    layout = Layout(kind, "", (), tuple(facets or []), panels, effect)
    if facets is not None or single or size <= LONGEST_LIST:
        return layout
    count = -(-size // LONGEST_LIST)
    parts = np.array_split(panels[0].rows, count)
    return replace(layout, panels=tuple(Panel("", {"": rows}) for rows in parts))


def _several_contrasts(variables: Variables) -> bool:
    """Tell whether rows are several contrasts of the same quantity, which are read together."""
    columns, effects = variables.columns, variables.effects
    several = CONTRAST in effects and len(set(columns[CONTRAST])) > 1
    return several and (TERM not in effects or len(set(columns[TERM])) == 1)


def _few_levels(variables: Variables) -> list[str] | None:
    """Return the variable at which a list is split: the one with the fewest levels."""
    found: dict[str, int] = {}
    terms = [name for name in variables.effects if name == TERM and len(variables.levels(name)) > 1]
    for name in (*terms, *variables.varying):
        counts = Counter(variables.columns[name]).values()
        short = min(counts) > 1 and max(counts) <= LONGEST_LIST
        if len(counts) <= MOST_LISTS and short and not variables.is_curve(name, CURVE):
            found[name] = len(counts)
    return [min(found, key=lambda name: found[name])] if found else None
