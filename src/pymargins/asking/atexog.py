"""What a user writes in `atexog`, checked against the model and turned into grids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from pymargins.asking.extrapolation import beyond_observed
from pymargins.asking.filled import all_values, as_mapping
from pymargins.asking.frames import as_frame
from pymargins.asking.names import pinnable
from pymargins.asking.scenarios import Scenario
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownNameError,
    listing,
)
from pymargins.estimands.scenes import Grid
from pymargins.facts import Asked, Extrapolation, GroupsAsSubgroups, Note, RandomEffects
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable
from pymargins.values import value_text, value_texts

#: A larger grid is a mistake: its covariance alone would not fit into memory.
MAXIMUM_POINTS = 1_000_000
#: A column's name that is so close to a variable's (`difflib`) is taken for a slip.
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Points:
    """A grid, and how its scenarios are written in tables.

    Parameters
    ----------
    grid : Grid
    columns : mapping of str to list
        The values of each variable that the user set, one a scenario.
    carried : mapping of str to list
        Other columns of a data frame, which tables repeat.
    """

    grid: Grid
    columns: Mapping[str, Sequence[Any]]
    carried: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def table(
        self, subgroups: pd.DataFrame, suffix: bool = False
    ) -> tuple[list[str], dict[str, list[Any]]]:
        """Label rows and give their table columns: subgroups outermost, then scenarios.

        Parameters
        ----------
        subgroups : DataFrame
            One row a subgroup, its columns the `over` variables; no columns for a single one.
        suffix : bool
            Whether labels follow a slope's name: nothing, or ``", treated=0"``.
        """
        columns: dict[str, list[Any]] = {
            name: [v for v in subgroups[name].tolist() for _ in range(self.grid.size)]
            for name in subgroups.columns
        }
        for name, values in self.columns.items():
            column = f"at_{name}" if name in columns else name
            columns[column] = list(values) * len(subgroups)
        if not columns:
            return [""] if suffix else ["mean response"], {}
        parts = [_named(k, values) for k, values in columns.items()]
        labels = [", ".join(row) for row in zip(*parts, strict=True)]
        for name, values in self.carried.items():
            column = f"at_{name}" if name in columns else name
            columns[column] = list(values) * len(subgroups)
        return [f", {x}" for x in labels] if suffix else labels, columns


def _named(name: str, values: Sequence[Any]) -> list[str]:
    distinct = list(dict.fromkeys(values))
    text = dict(zip(distinct, value_texts(distinct), strict=True))
    return [f"{name}={text[v]}" for v in values]


def parse_atexog(fitted: Fitted, atexog: Any) -> Points:
    """Read `atexog`: names, a mapping of variables to values or functions, or a data frame.

    A name alone, and ``...`` in a mapping, stand for all values of the variable. Several values
    form the grid in mapping order, the last key fastest.
    """
    if atexog is None:
        return Points(Grid(), {})
    frame = as_frame(atexog)
    if frame is not None:
        return _from_frame(fitted, frame)
    atexog = as_mapping(atexog)
    if not isinstance(atexog, Mapping):
        raise ArgumentTypeError(
            "atexog: expected a variable name, a list of names, a mapping such as "
            f"{{'treated': [0, 1]}} or a data frame, got {type(atexog).__name__}."
        )
    values: dict[str, list[Any]] = {}
    shifts: dict[str, Any] = {}
    for name, given in atexog.items():
        variable = pinnable(fitted, name)
        if callable(given):
            shifts[name] = given
        else:
            given = all_values(fitted, variable) if given is ... else given
            values[name] = value_list(variable, given)
    sizes = [len(v) for v in values.values()]
    size = prod(sizes)
    if size > MAXIMUM_POINTS:
        raise ArgumentError(
            f"atexog: the grid has {size:,} points ({' x '.join(f'{n:,}' for n in sizes)}); the "
            f"limit is {MAXIMUM_POINTS:,}. Give fewer values, or a data frame of the points wanted."
        )
    pins: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    inner = size
    outer = 1
    for name, given in values.items():
        inner //= len(given)
        position = np.tile(np.repeat(np.arange(len(given)), inner), outer)
        outer *= len(given)
        pins[name] = fitted.variables[name].column(given).iloc[position].reset_index(drop=True)
        columns[name] = [given[i] for i in position]
    for name, function in shifts.items():
        columns[name] = [value_text(function)] * size
    return Points(Grid(size, pins, shifts), {name: columns[name] for name in atexog})


def _from_frame(fitted: Fitted, frame: pd.DataFrame) -> Points:
    """Set the model's variables, row by row; carry the other columns along."""
    if len(frame) == 0 or frame.shape[1] == 0:
        raise ArgumentError("atexog: the data frame has no rows or no columns.")
    if not frame.columns.is_unique:
        raise ArgumentError("atexog: column names of the data frame are not unique.")
    set_here = [c for c in frame.columns if c in fitted.variables]
    others = [c for c in frame.columns if c not in fitted.variables]
    _refuse_slips(fitted, others, [v for v in fitted.variables if v not in set_here])
    if not set_here:
        raise UnknownNameError(
            f"atexog: the data frame has none of the model's variables, {listing(fitted.variables)}"
            f"; its columns are {listing(frame.columns)}."
        )
    pins = {c: fitted.variables[c].of_frame(frame[c].array, "atexog") for c in set_here}
    return Points(
        Grid(len(frame), pins),
        {c: frame[c].tolist() for c in set_here},
        {str(c): frame[c].tolist() for c in others},
    )


def _refuse_slips(fitted: Fitted, columns: Sequence[Any], lacking: Sequence[str]) -> None:
    """Raise where a column nearly bears the name of a variable that the frame lacks.

    Columns of the data that were fitted bear the names they are meant to have.
    """
    for column in columns:
        if column in fitted.frame.columns:
            continue
        close = get_close_matches(
            str(column).lower(), [v.lower() for v in lacking], n=1, cutoff=NEAR
        )
        if close:
            meant = next(v for v in lacking if v.lower() == close[0])
            raise UnknownNameError(
                f"atexog: the data frame's column {column!r} is not a variable of the model. Did "
                f"you mean {meant!r}? Rename it, or leave it out."
            )


def value_list(variable: Variable, given: Any) -> list[Any]:
    """Return the values a user gave for one variable as a list of at least one."""
    if isinstance(given, (Mapping, Set, pd.DataFrame)):
        kind = {True: "a mapping", False: "a set"}[isinstance(given, Mapping)]
        kind = "a data frame" if isinstance(given, pd.DataFrame) else kind
        raise ArgumentTypeError(
            f"atexog: {variable.name!r} was given {kind}; expected a value or a list of values."
        )
    if given is None:
        raise ArgumentError(f"atexog: {variable.name!r} was given None; expected values.")
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        values: list[Any] = [given]
    elif isinstance(given, np.ndarray) and given.ndim > 1:
        raise ArgumentError(
            f"atexog: {variable.name!r} was given an array of shape {given.shape}; expected 1-D."
        )
    else:
        values = (
            [given.item()] if isinstance(given, np.ndarray) and given.ndim == 0 else list(given)
        )
    if not values:
        raise ArgumentError(
            f"atexog: {variable.name!r} was given no values; list at least one, or leave it out."
        )
    for value in values:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            raise ArgumentError(
                f"atexog: {variable.name!r} was given {value!r} among its values; expected a flat "
                "list of numbers or levels."
            )
    return [_plain(v) for v in values]


def _plain(value: Any) -> Any:
    """Return NumPy's scalars as Python's; of dates in nanoseconds these would be integers."""
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    if isinstance(value, np.timedelta64):
        return pd.Timedelta(value)
    return value.item() if isinstance(value, np.generic) else value


def scenario_grids(fitted: Fitted, scenarios: Sequence[Scenario]) -> list[tuple[Grid, list[int]]]:
    """Gather scenarios that set the same variables into grids; keep their positions."""
    together: dict[Any, list[int]] = {}
    for i, scenario in enumerate(scenarios):
        for name in scenario.atexog:
            pinnable(fitted, name, "scenarios")
        pinned = tuple(sorted(k for k, v in scenario.atexog.items() if not callable(v)))
        shifted = tuple(sorted((k, id(v)) for k, v in scenario.atexog.items() if callable(v)))
        together.setdefault((pinned, shifted), []).append(i)
    out: list[tuple[Grid, list[int]]] = []
    for (pinned, _), positions in together.items():
        first = scenarios[positions[0]]
        pins = {
            name: fitted.variables[name].column(
                [_one(scenarios[i].atexog[name]) for i in positions], "scenarios"
            )
            for name in pinned
        }
        shifts = {k: v for k, v in first.atexog.items() if callable(v)}
        out.append((Grid(len(positions), pins, shifts), positions))
    return out


def _one(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value


def notes_of(
    fitted: Fitted, grid: Grid, subgroups: pd.DataFrame, beyond: Sequence[Extrapolation] = ()
) -> list[Note]:
    """Tell what a table should say of a grid, of subgroups, and of rows `beyond` those observed."""
    over = tuple(map(str, subgroups.columns))
    notes: list[Note] = [Asked(over, (*grid.pins, *grid.shifts))]
    predicted = fitted.facts.random_effects is RandomEffects.PREDICTED
    if fitted.facts.group_name in over and not predicted:
        notes.append(GroupsAsSubgroups(str(fitted.facts.group_name)))
    own = [note for note in beyond if note.variable not in grid.pins]
    return [*notes, *beyond_observed(fitted, grid.pins), *own]
