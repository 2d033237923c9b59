r"""Averages of design rows over a population, for a whole grid of scenarios at once.

A scenario pins a few variables. In the product that makes a design column, the factors whose
variables are all pinned depend on the scenario alone, the others on the row alone, so

.. math::

    \frac{1}{W}\sum_i w_i \prod_f g_f = \Big(\prod_{f\ \text{pinned}} g_f(s)\Big)
        \cdot \frac{1}{W}\sum_i w_i \prod_{f\ \text{free}} g_f(x_i)

and the sum over rows, the *moment*, is taken once for the grid. A factor with both kinds of
variables, such as ``I(age * dose)``, is evaluated once per distinct pinned value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.estimands.rows import Part, Rows, Strata, no_value, repeat_constant
from pymargins.estimands.shifts import shifted
from pymargins.models.design import Block, Design, block_rows
from pymargins.models.factors import Columns
from pymargins.models.parameters import Point


@dataclass(frozen=True, slots=True)
class Grid:
    """Scenarios that pin the same variables.

    Parameters
    ----------
    size : int
        The number of scenarios, S.
    pins : mapping of str to Series
        The pinned variables; each column has S values, as the fit would have seen them.
    shifts : mapping of str to callable
        Variables whose column is replaced by a function of it.
    """

    size: int = 1
    pins: Columns = field(default_factory=dict)
    shifts: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def part(self, rows: slice) -> Grid:
        """Return some of the scenarios."""
        if rows == slice(0, self.size):
            return self
        pins = {k: c.iloc[rows].reset_index(drop=True) for k, c in self.pins.items()}
        return Grid(rows.stop - rows.start, pins, self.shifts)


# --- factors under a grid ------------------------------------------------------------------------


class DesignScenes:
    """The factors of the design of one role under a grid of scenarios."""

    def __init__(self, rows: Rows, grid: Grid, role: str) -> None:
        self.rows = rows
        self.grid = grid
        self.role = role
        self.design = rows.designs[role]
        self._constants: dict[Any, AnyArray] = {}
        self._shifted: dict[str, Any] = {}
        self._unchanged: dict[Any, AnyArray] = {}

    def state(self, i: int) -> str:
        """Tell whether factor i is `fixed` by the grid, `free` of it, `shifted`, or `mixed`."""
        variables = self.design.factors[i].variables
        pinned = sum(v in self.grid.pins for v in variables)
        if variables and pinned == len(variables):
            return "fixed"
        if pinned:
            return "mixed"
        return "shifted" if any(v in self.grid.shifts for v in variables) else "free"

    def shifted_column(self, variable: str) -> Any:
        """Return a variable that the grid shifts, shifted."""
        if variable not in self._shifted:
            self._shifted[variable] = shifted(self.rows, variable, self.grid.shifts[variable])
        return self._shifted[variable]

    def constant(self, i: int, slope: str | None) -> AnyArray:
        """Return a fixed factor over the scenarios: (S, k) or codes (S,)."""
        if (i, slope) not in self._constants:
            columns = {v: self.grid.pins[v] for v in self.design.factors[i].variables}
            self._constants[i, slope] = self.evaluate(i, columns, slope, self.grid.size)
        return self._constants[i, slope]

    def on_rows(self, i: int, slope: str | None, scenario: int | None = None) -> AnyArray:
        """Return a factor over the rows, under one scenario where it is mixed."""
        if slope is None and self.state(i) == "free":
            return self.rows.value(self.role, i)
        if self.state(i) == "mixed":
            return self._on_rows(i, slope, scenario)
        if (i, slope) not in self._unchanged:  # no scenario changes it
            self._unchanged[i, slope] = self._on_rows(i, slope, scenario)
        return self._unchanged[i, slope]

    def _on_rows(self, i: int, slope: str | None, scenario: int | None) -> AnyArray:
        columns: dict[str, Any] = {}
        for v in self.design.factors[i].variables:
            if v in self.grid.pins:
                pin = self.grid.pins[v].iloc[[scenario]]
                columns[v] = pin.iloc[np.zeros(self.rows.n, dtype=int)].reset_index(drop=True)
            elif v in self.grid.shifts:
                columns[v] = self.shifted_column(v)
            else:
                columns[v] = self.rows.columns[v]
        return self.evaluate(i, columns, slope, self.rows.n)

    def evaluate(self, i: int, columns: Columns, slope: str | None, n: int) -> AnyArray:
        """Return a factor, or its derivative, on columns of n rows."""
        factor = self.design.factors[i]
        with no_value(factor, self.rows.variables):
            if slope is None:
                return repeat_constant(factor.evaluate(columns), n)
            variable = self.rows.variables[slope]
            return factor.derivative(columns, slope, variable.low, variable.high)

    def pin_patterns(self, factors: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Find the scenarios that differ in the pins of these factors.

        Returns the first scenario of each pattern, and the pattern of each scenario.
        """
        names = {v for i in factors for v in self.design.factors[i].variables}
        pins = [self.grid.pins[v] for v in self.grid.pins if v in names]
        if not pins:
            return np.zeros(1, dtype=int), np.zeros(self.grid.size, dtype=int)
        codes = np.stack([pd.factorize(p)[0] for p in pins], axis=1)
        _, first, pattern = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        return first, pattern.ravel()

    def block(self, block: Block, modes: Sequence[str | None], strata: Strata | None) -> FloatArray:
        """Average one block's columns: (R, S, k) or (R, 1, k) where no scenario touches it."""
        states = [
            "one" if self.is_one(f, m) else self.state(f)
            for f, m in zip(block.factors, modes, strict=True)
        ]
        on_rows = [j for j, s in enumerate(states) if s not in ("fixed", "one")]
        mixed = [j for j in on_rows if states[j] == "mixed"]
        first, pattern = self.pin_patterns([block.factors[j] for j in mixed])
        moments: list[FloatArray] = []
        for scenario in first:
            parts: list[Part] = [
                (
                    self.on_rows(block.factors[j], modes[j], int(scenario)),
                    block.codings[j] if modes[j] is None else None,
                )
                for j in on_rows
            ]
            plain = all(states[j] == "free" and modes[j] is None for j in on_rows)
            key = (self.role, *((block.factors[j], id(block.codings[j])) for j in on_rows))
            moments.append(self.rows.moment(parts, strata, key if plain else None))
        out = np.stack(moments, axis=1)[:, pattern if len(first) > 1 else [0]]
        # lay every factor on its own axis, in the block's order
        shape = list(out.shape[:2])
        widths = iter(out.shape[2:])
        out = out.reshape(shape + [next(widths) if j in on_rows else 1 for j in range(len(states))])
        for j, state in enumerate(states):
            if state != "fixed":
                continue
            value = self.constant(block.factors[j], modes[j])
            coding = block.codings[j]
            if modes[j] is None and coding is not None:
                value = coding[value]
            axes = [1] * len(states)
            axes[j] = value.shape[1]
            out = out * value.reshape([1, len(value), *axes])
        out = np.transpose(out, [0, 1, *range(out.ndim - 1, 1, -1)])
        return out.reshape(out.shape[0], out.shape[1], -1) * block.scale

    def is_one(self, i: int, slope: str | None) -> bool:
        """Tell whether a factor is differentiated by the variable that it is itself."""
        return (
            slope is not None
            and self.design.factors[i].direct
            and (self.design.factors[i].levels is None)
        )


def average(
    rows: Rows,
    grid: Grid,
    strata: Strata | None = None,
    slope: str | None = None,
    role: str = "mean",
) -> FloatArray:
    """Average the design rows, or their derivative by a variable, over a population.

    Parameters
    ----------
    rows : Rows
        The population.
    grid : Grid
        S scenarios.
    strata : Strata, optional
        R subgroups; each is averaged over its own rows.
    slope : str, optional
        The variable to differentiate by.
    role : str
        Of the design.

    Returns
    -------
    ndarray, shape (R, S, p)
    """
    scenes = DesignScenes(rows, grid, role)
    out = np.zeros((strata.size if strata else 1, grid.size, len(scenes.design.names)))
    for block in scenes.design.blocks:
        columns = list(block.columns)
        for modes in factor_modes(scenes.design, block, slope):
            out[:, :, columns] += scenes.block(block, modes, strata)
    return out


def factor_modes(design: Design, block: Block, slope: str | None) -> list[list[str | None]]:
    """List which factor to differentiate: the terms of the product rule."""
    plain: list[str | None] = [None] * len(block.factors)
    if slope is None:
        return [plain]
    return [
        [slope if k == j else None for k in range(len(plain))]
        for j, f in enumerate(block.factors)
        if slope in design.factors[f].variables
    ]


# --- rows under one scenario ---------------------------------------------------------------------


class Scenes:
    """The rows of a population under the scenarios of a grid, for functions of rows."""

    def __init__(self, rows: Rows, grid: Grid) -> None:
        self.rows = rows
        self.grid = grid
        self._designs = {role: DesignScenes(rows, grid, role) for role in rows.designs}

    def scene(self, scenario: int) -> Scene:
        """Return the rows under one scenario."""
        return Scene(self.rows, self.grid, self._designs, scenario)


class Scene:
    """The rows of a population under one scenario."""

    def __init__(
        self, rows: Rows, grid: Grid, designs: Mapping[str, DesignScenes], scenario: int
    ) -> None:
        self.rows = rows
        self.grid = grid
        self.designs = designs
        self.scenario = scenario
        self._factors: dict[Any, AnyArray] = {}

    def part(self, rows: slice) -> PartOfScene:
        """Return some of the rows."""
        return PartOfScene(self, rows)

    def factor(self, role: str, i: int, slope: str | None, part: slice) -> AnyArray:
        """Return a factor, or its derivative, on some of the rows."""
        scenes = self.designs[role]
        if scenes.state(i) == "fixed":
            constant = scenes.constant(i, slope)[self.scenario]
            return np.broadcast_to(constant, (part.stop - part.start, *np.shape(constant)))
        if (role, i, slope) not in self._factors:
            self._factors[role, i, slope] = scenes.on_rows(i, slope, self.scenario)
        return self._factors[role, i, slope][part]

    def column(self, variable: str) -> FloatArray:
        """Return a numeric variable on all rows; dates and spans of time in days."""
        described = self.rows.variables[variable]
        if variable in self.grid.pins:
            pin = self.grid.pins[variable].iloc[[self.scenario]]
            return np.full(self.rows.n, described.numbers(pin)[0])
        shift = self.grid.shifts.get(variable)
        column = (
            self.rows.columns[variable] if shift is None else shifted(self.rows, variable, shift)
        )
        return described.numbers(column)


class PartOfScene:
    """Some of the rows of a scene: what means of rows are formed on."""

    def __init__(self, scene: Scene, rows: slice) -> None:
        self._scene = scene
        self._rows = rows
        self._made: dict[Any, Any] = {}

    @property
    def size(self) -> int:
        """The number of rows."""
        return self._rows.stop - self._rows.start

    def design(self, role: str) -> FloatArray:
        """Return the rows of a design."""
        if role not in self._made:
            self._made[role] = self._build(role, None)
        return self._made[role]

    def slope(self, role: str, variable: str) -> FloatArray | None:
        """Return their derivative by a variable; None where it plays no part."""
        if (role, variable) not in self._made:
            takes_part = variable in self._scene.designs[role].design.variables
            self._made[role, variable] = self._build(role, variable) if takes_part else None
        return self._made[role, variable]

    def predictor(self, role: str, block: str, point: Point) -> FloatArray:
        """Return a linear predictor without its offset, (m, B)."""
        return self.design(role) @ point.block(block).T

    def rise(self, role: str, block: str, variable: str, point: Point) -> FloatArray | None:
        """Return its derivative by a variable, (m, B); None where that plays no part."""
        slope = self.slope(role, variable)
        return None if slope is None else slope @ point.block(block).T

    def values(self, variable: str) -> FloatArray:
        """Return a numeric variable, (m, 1)."""
        return self._scene.column(variable)[self._rows, None]

    def remembered(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what was computed on these rows before, or compute it."""
        if key not in self._made:
            self._made[key] = compute()
        return self._made[key]

    def offset(self, role: str) -> FloatArray | float:
        """Return what is added to the linear predictor."""
        known = self._scene.rows.offsets
        return known[role][self._rows] if role in known else 0.0

    def columns(self, role: str, variable: str | None = None) -> FloatArray:
        """Return the rows of a design, or their derivative by a variable, (m or 1, 1, c)."""
        found = self.design(role) if variable is None else self.slope(role, variable)
        assert found is not None
        scenes = self._scene.designs[role]
        states = [scenes.state(f) for block in scenes.design.blocks for f in block.factors]
        return (found if set(states) - {"fixed"} else found[:1])[:, None, :]

    def _build(self, role: str, slope: str | None) -> FloatArray:
        design = self._scene.designs[role].design
        out = np.zeros((self.size, len(design.names)))
        for block in design.blocks:
            for modes in factor_modes(design, block, slope):
                values: dict[int, AnyArray] = {
                    f: self._scene.factor(role, f, mode, self._rows)
                    for f, mode in zip(block.factors, modes, strict=True)
                }
                out[:, list(block.columns)] += block_rows(_uncoded(block, modes), values)
        return out


def _uncoded(block: Block, modes: Sequence[str | None]) -> Block:
    """Leave out the coding of the factor that is differentiated: its derivative is numbers."""
    if all(mode is None for mode in modes):
        return block
    codings = tuple(
        coding if mode is None else None for coding, mode in zip(block.codings, modes, strict=True)
    )
    return replace(block, codings=codings)
