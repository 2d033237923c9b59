"""Colours, markers, wrapped labels: how pictures look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pymargins.errors import ArgumentError, ArgumentTypeError, listing, near_miss
from pymargins.values import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's colours, told apart with every kind of colour vision; the faint ones last.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442",
)  # fmt: skip
#: Of these two the one that the background hides gives way to the other.
BLACK, WHITE = "#000000", "#FFFFFF"
#: The sum of the parts of a background that is dark.
DARK = 1.5
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
#: Labels of rows, and in legends, are wrapped to this.
LABEL_WIDTH = 42
GREY = "0.45"
#: A colour as matplotlib knows it, several, or one for each level.
Colors: TypeAlias = str | Sequence[Any] | Mapping[Any, Any]


def wrapped(words: str, width: int) -> str:
    """Wrap words; keep their dollar signs from being read as mathematics."""
    lines = [""]
    for part in _parts(words, width):
        if lines[-1] and part != " " and len(lines[-1] + part) > width:
            lines.append("")
        if lines[-1] or part != " " or len(lines) == 1:  # no further line starts with a space
            lines[-1] += part
    return plain_dollars("\n".join(line.rstrip() for line in lines))


def _parts(words: str, width: int) -> Iterator[str]:
    """Split words at spaces, and those longer than a line after underscores, or anywhere."""
    for part in re.findall(r"\s+|\S+", words):
        if part.isspace():
            yield " "
        elif len(part) <= width:
            yield part
        else:
            yield from re.findall(rf"[^_]{{0,{width - 1}}}_|[^_]{{1,{width}}}", part)


def plain_dollars(words: str) -> str:
    """Keep dollar signs from being read as mathematics."""
    return re.sub(r"(?<!\\)\$", r"\$", words)


def balanced(words: str, width: int) -> str:
    """Wrap words into no more lines than needed, all about as long."""
    lines = wrapped(words, width).count("\n")
    narrowest = min(max(map(len, words.split()), default=1), width)  # no word is broken
    some = range(narrowest, width + 1)
    return wrapped(words, next(w for w in some if wrapped(words, w).count("\n") <= lines))


def in_legend(words: str) -> str:
    """Keep names that start with an underscore, or are blank, from being left out of the legend."""
    if not words.strip():
        return repr(words)
    return wrapped(f" {words}" if words.startswith("_") else words, LABEL_WIDTH)


@dataclass(frozen=True, slots=True)
class Look:
    """The colour, dashes and marker of a series."""

    color: Any
    dashes: str
    marker: str


def looks(series: Sequence[str], palette: Sequence[Any], ax: Axes) -> dict[str, Look]:
    """Give every series its look, the same in all panels.

    Parameters
    ----------
    series : sequence of str
        Their names in the legend.
    palette : sequence of colours
    ax : matplotlib Axes
        On whose background they must be seen.
    """
    from matplotlib.colors import to_rgb

    dark = sum(to_rgb(ax.get_facecolor())) < DARK
    seen = [WHITE if dark and color == BLACK else color for color in palette]
    return {
        name: Look(
            seen[i % len(seen)],
            DASHES[i // len(seen) % len(DASHES)],
            MARKERS[(i + i // len(MARKERS)) % len(MARKERS)],  # not in step with the dashes
        )
        for i, name in enumerate(series)
    }


def palette_of(series: Sequence[str], colors: Colors | None) -> Sequence[Any]:
    """Return the colours that were asked for, or those of everybody."""
    if colors is None:
        return PALETTE
    from matplotlib import colors as mcolors

    if isinstance(colors, Mapping):
        chosen = _by_level(series, colors)
    elif mcolors.is_color_like(colors):
        chosen = [colors]
    elif isinstance(colors, str) or not isinstance(colors, (Sequence, np.ndarray)):
        raise ArgumentTypeError(
            f"colors: expected a colour, a list of colours or a mapping of levels to colours, got "
            f"{colors!r}."
        )
    else:
        chosen = list(colors)
    wrong = [color for color in chosen if not mcolors.is_color_like(color)]
    if wrong or not chosen:
        raise ArgumentError(
            f"colors: {wrong[0]!r} is no colour that matplotlib knows."
            if wrong
            else "colors: the list is empty."
        )
    return chosen


def _by_level(series: Sequence[str], colors: Mapping[Any, Any]) -> list[Any]:
    """Return the colour of each series, given by level: a value, or several in a tuple."""
    by_text = {
        ", ".join(map(value_text, level if isinstance(level, tuple) else (level,))): color
        for level, color in colors.items()
    }
    unknown = [name for name in by_text if name not in series]
    if unknown:
        there = f"there are {listing(series)}" if any(series) else "it has one; give one colour"
        raise ArgumentError(
            f"colors: {listing(unknown)} is no line of this picture; {there}."
            f"{near_miss(unknown[0], series)}"
        )
    spare = iter([c for c in PALETTE if c not in by_text.values()] * len(series))
    return [by_text[name] if name in by_text else next(spare) for name in series]
