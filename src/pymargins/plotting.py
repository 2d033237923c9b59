"""Plots of results with matplotlib, which is imported when first needed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of, unknown_name
from pymargins.scenarios import value_text
from pymargins.tables.numbers import percent
from pymargins.tables.wording import is_ratio, null_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pymargins.results import MarginsResult

Kind: TypeAlias = Literal["line", "forest"]

#: Okabe and Ito's colours, told apart with every kind of colour vision; the faint ones last.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442",
)  # fmt: skip
DASHES = ("-", "--", ":", "-.")
#: A variable with fewer values makes no curve.
FEWEST_VALUES = 3
#: More curves than this are not a picture; unasked, they become a forest plot.
MOST_LINES = 12
#: With no more points than this a curve shows where they are.
MOST_MARKERS = 12
#: Labels of rows and of the vertical axis, and of the horizontal one, are wrapped to these.
LABEL_WIDTH, AXIS_WIDTH = 42, 60
TALLEST = 40.0
GREY = "0.45"


def plot(
    result: MarginsResult,
    ax: Axes | None = None,
    *,
    kind: Kind | None = None,
    x: str | None = None,
    by: str | Sequence[str] | None = None,
    level: float | None = None,
    simultaneous: bool = False,
) -> Axes:
    """Draw estimates with their confidence intervals.

    A result over three or more values of a numeric variable is drawn as lines with bands, one
    line for each combination of the other variables; any other as a forest plot, its rows from
    top to bottom. Slopes and contrasts get a line at no effect: 0, or 1 for ratios.

    Parameters
    ----------
    result : MarginsResult
    ax : matplotlib Axes, optional
        Drawn into; by default a new figure is made.
    kind : {"line", "forest"}, optional
        By default whichever suits the result.
    x : str, optional
        The numeric variable along the axis; by default the one with the most values.
    by : str or list of str, optional
        The variables that tell lines apart, in the order of the legend; by default all others.
    level : float, optional
        Confidence level; the session's by default.
    simultaneous : bool
        Whether all intervals hold together with that level.

    Returns
    -------
    matplotlib Axes
        To be labelled, limited and saved as usual; nothing is shown.

    Raises
    ------
    ImportError
        Without matplotlib.
    UnknownNameError
        For a variable that the result does not have.
    ArgumentError
        Where the variables do not make lines.
    """
    if ax is not None and not hasattr(ax, "fill_between"):
        raise ArgumentTypeError(f"ax: expected a matplotlib Axes, got {type(ax).__name__}.")
    lines = _choose_lines(result, kind, x, by)
    bounds = result.conf_int(level, simultaneous).to_numpy()
    estimates = _Estimates(result.estimate, bounds[:, 0], bounds[:, 1])
    label = _axis_label(result, lines, result.level if level is None else level, simultaneous)
    null = null_of(result.provenance.quantity, result.scale)
    if lines is None:
        names = [_shown(name, LABEL_WIDTH) for name in result.labels]
        ax = _axes(ax, (6.4, min(1.1 + sum(map(_row_height, names)), TALLEST)))
        _forest(ax, names, estimates, null)
        ax.set_xlabel(_shown(label, AXIS_WIDTH))
    else:
        ax = _axes(ax, (6.4, 4.2))
        _bands(ax, lines, estimates, null)
        ax.set_ylabel(_shown(label, LABEL_WIDTH))
    return ax


@dataclass(frozen=True, slots=True)
class _Estimates:
    middle: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class _Lines:
    """Which rows make which line.

    Parameters
    ----------
    variable : str
        Along the axis.
    values : ndarray, shape (k,)
        Its value in each row.
    names : tuple of str
        The variables that tell lines apart.
    rows : dict of str to ndarray
        The rows of each line by its name in the legend, in the order of `values`.
    effect : str
        What all rows are slopes of; empty where they are not, or differ.
    """

    variable: str
    values: FloatArray
    names: tuple[str, ...]
    rows: dict[str, AnyArray]
    effect: str


# --- what to draw --------------------------------------------------------------------------------


def _choose_lines(
    result: MarginsResult, kind: Any, x: Any, by: str | Sequence[str] | None
) -> _Lines | None:
    """Arrange rows as lines, or return None for a forest plot."""
    if kind not in (None, "line", "forest"):
        raise not_one_of("kind", kind, ["line", "forest"])
    names = [by] if isinstance(by, str) else None if by is None else list(by)
    _check_names(result, kind, [] if x is None else [x], names or [])
    if kind == "forest":
        return None
    if kind is None and x is None and names is None:
        return _lines_unasked(result)
    variable = _widest(result, names or [], 2) if x is None else x
    if variable is None:
        raise ArgumentError(
            "kind: lines need a numeric variable with several values; this result varies "
            f'{listing(result.estimand.columns) or "no variable"}. Use kind="forest".'
        )
    lines = _arrange(result, variable, names)
    if _repeats(lines):
        left = [n for n in result.estimand.columns if n not in (variable, *lines.names)]
        raise ArgumentError(
            f"by: several rows have the same {variable!r} in one line"
            + (f"; add {listing(left)} to `by`." if left else '; use kind="forest".')
        )
    return lines


def _check_names(result: MarginsResult, kind: Any, x: Sequence[Any], by: Sequence[Any]) -> None:
    columns = result.estimand.columns
    for argument, asked in (("x", x), ("by", by)):
        if kind == "forest" and asked:
            raise ArgumentError(
                f"{argument}: a forest plot has one row for each estimate; leave it out."
            )
        for name in asked:
            if name not in columns:
                raise unknown_name(argument, name, columns, "a variable of this result")
        if x and argument == "by" and x[0] in asked:
            raise ArgumentError(f"by: {x[0]!r} is along the axis already.")


def _lines_unasked(result: MarginsResult) -> _Lines | None:
    """Arrange rows as lines where these make a picture."""
    variable = _widest(result, [], FEWEST_VALUES)
    if variable is None:
        return None
    lines = _arrange(result, variable, None)
    fewest = min(len(rows) for rows in lines.rows.values())
    few = len(lines.rows) <= MOST_LINES and fewest >= FEWEST_VALUES
    return lines if few and not _repeats(lines) else None


def _widest(result: MarginsResult, taken: Sequence[str], fewest: int) -> str | None:
    """Return the numeric variable with the most values, the first of several."""
    counts = {
        name: len(set(values))
        for name, values in result.estimand.columns.items()
        if name not in taken and _is_numeric(values)
    }
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] >= fewest else None


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(
        isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool)
        for v in values
    )


def _arrange(result: MarginsResult, variable: str, by: Sequence[str] | None) -> _Lines:
    columns = result.estimand.columns
    if not _is_numeric(columns[variable]) or len(set(columns[variable])) < 2:
        raise ArgumentError(
            f"x: {variable!r} does not take several numeric values here; lines need some. Use "
            'kind="forest".'
        )
    values = np.array(columns[variable], dtype=float)
    others = [n for n in columns if n != variable and len(set(columns[n])) > 1]
    names = others if by is None else list(by)
    parts = [[value_text(v) for v in columns[n]] for n in names]
    effects = _effects(result)
    same = len(set(effects)) == 1
    if not same:
        parts = [effects, *parts]
    keys = [", ".join(part) for part in zip(*parts, strict=True)] if parts else [""] * len(result)
    rows: dict[str, AnyArray] = {}
    for key in dict.fromkeys(keys):
        found = np.array([i for i, k in enumerate(keys) if k == key])
        rows[key] = found[np.argsort(values[found], kind="stable")]
    return _Lines(variable, values, tuple(names), rows, effects[0] if same else "")


def _effects(result: MarginsResult) -> list[str]:
    """Return each label without the scenario it is for: ``"age"`` of ``"age, treated=0"``."""
    columns = result.estimand.columns
    out: list[str] = []
    for i, label in enumerate(result.labels):
        scenario = ", ".join(f"{name}={value_text(values[i])}" for name, values in columns.items())
        out.append(label.removesuffix(scenario).removesuffix(", "))
    return out


def _repeats(lines: _Lines) -> bool:
    """Tell whether a line has two rows at one place."""
    return any(len(np.unique(lines.values[rows])) < len(rows) for rows in lines.rows.values())


# --- words ---------------------------------------------------------------------------------------


def _axis_label(
    result: MarginsResult, lines: _Lines | None, level: float, simultaneous: bool
) -> str:
    quantity = result.provenance.quantity.partition(" (")[0]
    response = result.provenance.response
    words = quantity[:1].upper() + quantity[1:]
    if is_ratio(quantity, result.scale):
        words = words.replace("Contrast", "Ratio", 1)
    if quantity == "mean response":
        words = f"Mean {response}" if response else words
    elif response:
        words += f": {response}"
    if lines is not None and lines.effect:
        words += f", {lines.effect}"
    return f"{words} ({'simultaneous ' if simultaneous else ''}{percent(level)} CI)"


def _shown(words: str, width: int) -> str:
    """Wrap words; keep their dollar signs from being read as mathematics."""
    return textwrap.fill(words, width).replace("$", r"\$")


def _in_legend(words: str) -> str:
    """Keep a name that starts with an underscore from being left out of the legend."""
    return _shown(f" {words}" if words.startswith("_") else words, LABEL_WIDTH)


# --- drawing -------------------------------------------------------------------------------------


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install 'pymargins[plot]'") from None
    _, new = pyplot.subplots(figsize=size, layout="constrained")
    new.spines[["top", "right"]].set_visible(False)
    new.spines[["left", "bottom"]].set_color(GREY)
    new.tick_params(color=GREY)
    return new


def _row_height(label: str) -> float:
    """Return the inches that a row of a forest plot needs."""
    return 0.32 + 0.19 * label.count("\n")


def _bands(ax: Axes, lines: _Lines, estimates: _Estimates, null: float | None) -> None:
    if null is not None:
        ax.axhline(null, color=GREY, linewidth=0.8, zorder=0)
    for i, (name, rows) in enumerate(lines.rows.items()):
        color = PALETTE[i % len(PALETTE)]
        at = lines.values[rows]
        ax.fill_between(
            at, estimates.low[rows], estimates.high[rows], color=color, alpha=0.18, linewidth=0
        )
        ax.plot(
            at,
            estimates.middle[rows],
            color=color,
            label=_in_legend(name) or None,
            linestyle=DASHES[i // len(PALETTE) % len(DASHES)],
            linewidth=1.6,
            marker="o" if len(rows) <= MOST_MARKERS else None,
            markersize=4,
        )
    ax.set_xlabel(_shown(lines.variable, AXIS_WIDTH))
    ax.margins(x=0.02)
    if len(lines.rows) > 1:
        ax.legend(
            title=_shown(", ".join(lines.names), LABEL_WIDTH) or None,
            frameon=False,
            alignment="left",
        )


def _forest(ax: Axes, labels: Sequence[str], estimates: _Estimates, null: float | None) -> None:
    places = np.arange(len(labels))
    if null is not None:
        ax.axvline(null, color=GREY, linewidth=0.8, zorder=0)
    reach = np.stack([estimates.middle - estimates.low, estimates.high - estimates.middle])
    ax.errorbar(
        estimates.middle,
        places,
        xerr=np.maximum(reach, 0.0),
        fmt="o",
        color=PALETTE[0],
        markersize=5,
        elinewidth=1.4,
        capsize=0,
    )
    ax.set_yticks(places, list(labels))
    ax.set_ylim(len(labels) - 0.5, -0.5)
