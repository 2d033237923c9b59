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

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.design import Block, Columns, Design, Factor, block_rows, chunks
from pymargins.errors import ArgumentError, PymarginsError
from pymargins.model import Variable

#: A row factor in a moment: numbers (n, k), or codes (n,) with their coding (K, k).
Part: TypeAlias = "tuple[AnyArray, FloatArray | None]"


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


@dataclass(frozen=True, slots=True)
class Strata:
    """Subgroups of the rows: `codes` (n,) in 0..size-1."""

    codes: IntArray
    size: int


class Rows:
    """The rows of a population: their columns, weights, and what was computed on them once.

    Parameters
    ----------
    design : Design
    variables : mapping of str to Variable
    columns : mapping of str to column
        At least the variables of the design; n values each.
    n : int
    weights : ndarray, shape (n,), or None
    values : dict
        Factor values already known, by position in `design.factors`.
    clusters : Strata, optional
        The groups of the fit that the rows belong to, where they are the rows of the fit.
    """

    __slots__ = (
        "_moments",
        "_values",
        "clusters",
        "columns",
        "design",
        "n",
        "variables",
        "weights",
    )

    def __init__(
        self,
        design: Design,
        variables: Mapping[str, Variable],
        columns: Columns,
        n: int,
        weights: FloatArray | None = None,
        values: Mapping[int, AnyArray] | None = None,
        clusters: Strata | None = None,
    ) -> None:
        self.design = design
        self.variables = variables
        self.columns = columns
        self.n = n
        self.weights = weights
        self.clusters = clusters
        self._values: dict[int, AnyArray] = dict(values or {})
        self._moments: dict[Any, FloatArray] = {}

    def with_weights(self, weights: FloatArray) -> Rows:
        """Return the same rows with other weights."""
        return Rows(
            self.design, self.variables, self.columns, self.n, weights, self._values, self.clusters
        )

    def value(self, i: int) -> AnyArray:
        """Return factor i on the rows, evaluated when first asked for."""
        if i not in self._values:
            factor = self.design.factors[i]
            columns = {v: self.columns[v] for v in factor.variables}
            with no_value(factor, self.variables):
                self._values[i] = repeat_constant(factor.evaluate(columns), self.n)
        return self._values[i]

    def totals(self, strata: Strata | None) -> FloatArray:
        """Return the weight of each stratum."""
        if strata is None:
            return np.array([self.n if self.weights is None else self.weights.sum()], dtype=float)
        return np.bincount(strata.codes, self.weights, strata.size).astype(float)

    def moment(self, parts: Sequence[Part], strata: Strata | None, key: Any = None) -> FloatArray:
        """Average the product of row factors within strata: (R, k_1, ..., k_j).

        With a hashable `key` the result over all rows is remembered.
        """
        if key is not None and strata is None and key in self._moments:
            return self._moments[key]
        out = _moment(parts, self.weights, strata, self.n) / self.totals(strata).reshape(
            (-1,) + (1,) * len(parts)
        )
        if key is not None and strata is None:
            self._moments[key] = out
        return out


@contextmanager
def no_value(factor: Factor, variables: Mapping[str, Variable]) -> Generator[None]:
    """Say which factor has no value where it was asked: a spline beyond its boundary knots."""
    try:
        with np.errstate(all="ignore"):
            yield
    except PymarginsError:
        raise
    except Exception as error:
        fitted = [
            f"{name} from {variables[name].low:.6g} to {variables[name].high:.6g}"
            for name in factor.variables
            if name in variables and variables[name].kind == "numeric"
        ]
        raise ArgumentError(
            f"the factor {factor.name!r} of the formula has no value at some of what was asked"
            + (f" (it was fitted with {', '.join(fitted)})" if fitted else "")
            + f": {str(error).splitlines()[0] if str(error) else type(error).__name__}. "
            "Ask within these values; a spline reaches further where the formula gives it "
            "lower_bound= and upper_bound=."
        ) from error


def repeat_constant(values: AnyArray, n: int) -> AnyArray:
    """Repeat the value of a factor that depends on no variable."""
    return values if len(values) == n else np.repeat(values, n, axis=0)


def _moment(
    parts: Sequence[Part], weights: FloatArray | None, strata: Strata | None, n: int
) -> FloatArray:
    """Sum the product of row factors within strata.

    Categorical parts and strata are counted, not expanded: their codes are joined into one code
    and the product of the numeric columns is added up per code.
    """
    numeric = [j for j, (_, coding) in enumerate(parts) if coding is None]
    categorical = [j for j, (_, coding) in enumerate(parts) if coding is not None]
    shape = [strata.size if strata else 1] + [len(parts[j][1]) for j in categorical]  # type: ignore[arg-type]
    code = _joint_code([strata.codes] if strata else [], [parts[j][0] for j in categorical], shape)
    widths = [parts[j][0].shape[1] for j in numeric]
    sums = np.empty((int(np.prod(shape)), int(np.prod(widths))))
    for column, picks in enumerate(product(*(range(w) for w in widths))):
        columns = [parts[j][0][:, k] for j, k in zip(numeric, picks, strict=True)]
        sums[:, column] = _sum_by_code(columns, weights, code, len(sums), n)
    out = sums.reshape(shape + widths)
    for axis, j in enumerate(categorical, start=1):
        out = np.moveaxis(np.tensordot(out, parts[j][1], axes=(axis, 0)), -1, axis)  # type: ignore[arg-type]
    order = categorical + numeric
    return np.moveaxis(out, range(1, out.ndim), [1 + j for j in order])


def _joint_code(
    strata: Sequence[IntArray], codes: Sequence[AnyArray], shape: Sequence[int]
) -> AnyArray | None:
    every = [*strata, *codes]
    sizes = shape if strata else shape[1:]
    if not every:
        return None
    joint = every[0]
    for code, size in zip(every[1:], sizes[1:], strict=True):
        joint = joint.astype(np.intp) * size + code
    return joint


def _sum_by_code(
    columns: Sequence[FloatArray],
    weights: FloatArray | None,
    code: AnyArray | None,
    size: int,
    n: int,
) -> FloatArray | float:
    terms = list(columns) + ([weights] if weights is not None else [])
    if code is None:
        if not terms:
            return float(n)
        if len(terms) == 1:
            return float(np.add.reduce(terms[0]))
        left = terms[0] if len(terms) == 2 else np.multiply.reduce(terms[:-1])
        return float(left @ terms[-1])
    total = None if not terms else terms[0] if len(terms) == 1 else np.multiply.reduce(terms)
    return np.bincount(code, total, size).astype(float)


# --- factors under a grid ------------------------------------------------------------------------


class _Scenes:
    """The factors of a design under a grid of scenarios, for values and for one slope."""

    def __init__(self, rows: Rows, grid: Grid) -> None:
        self.rows = rows
        self.grid = grid
        self._constants: dict[Any, AnyArray] = {}
        self._shifted: dict[str, Any] = {}

    def state(self, i: int) -> str:
        """Tell whether factor i is `fixed` by the grid, `free` of it, `shifted`, or `mixed`."""
        variables = self.rows.design.factors[i].variables
        pinned = sum(v in self.grid.pins for v in variables)
        if variables and pinned == len(variables):
            return "fixed"
        if pinned:
            return "mixed"
        return "shifted" if any(v in self.grid.shifts for v in variables) else "free"

    def shifted_column(self, variable: str) -> Any:
        if variable not in self._shifted:
            column = self.rows.columns[variable]
            self._shifted[variable] = shift(
                self.rows.variables[variable], self.grid.shifts[variable], column, self.rows.n
            )
        return self._shifted[variable]

    def constant(self, i: int, slope: str | None) -> AnyArray:
        """Return a fixed factor over the scenarios: (S, k) or codes (S,)."""
        if (i, slope) not in self._constants:
            columns = {v: self.grid.pins[v] for v in self.rows.design.factors[i].variables}
            self._constants[i, slope] = self.evaluate(i, columns, slope, self.grid.size)
        return self._constants[i, slope]

    def on_rows(self, i: int, slope: str | None, scenario: int | None = None) -> AnyArray:
        """Return a factor over the rows, under one scenario where it is mixed."""
        if slope is None and self.state(i) == "free":
            return self.rows.value(i)
        columns: dict[str, Any] = {}
        for v in self.rows.design.factors[i].variables:
            if v in self.grid.pins:
                pin = self.grid.pins[v].iloc[[scenario]]
                columns[v] = pin.iloc[np.zeros(self.rows.n, dtype=int)].reset_index(drop=True)
            elif v in self.grid.shifts:
                columns[v] = self.shifted_column(v)
            else:
                columns[v] = self.rows.columns[v]
        return self.evaluate(i, columns, slope, self.rows.n)

    def evaluate(self, i: int, columns: Columns, slope: str | None, n: int) -> AnyArray:
        factor = self.rows.design.factors[i]
        with no_value(factor, self.rows.variables):
            if slope is None:
                return repeat_constant(factor.evaluate(columns), n)
            variable = self.rows.variables[slope]
            return factor.derivative(columns, slope, variable.low, variable.high)

    def pin_patterns(self, factors: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Find the scenarios that differ in the pins of these factors.

        Returns the first scenario of each pattern, and the pattern of each scenario.
        """
        names = {v for i in factors for v in self.rows.design.factors[i].variables}
        pins = [self.grid.pins[v] for v in self.grid.pins if v in names]
        if not pins:
            return np.zeros(1, dtype=int), np.zeros(self.grid.size, dtype=int)
        codes = np.stack([pd.factorize(p)[0] for p in pins], axis=1)
        _, first, pattern = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        return first, pattern.ravel()

    def block(self, block: Block, modes: Sequence[str | None], strata: Strata | None) -> FloatArray:
        """Average one block's columns: (R, S, k) or (R, 1, k) where no scenario touches it."""
        states = [
            "one" if self._is_one(f, m) else self.state(f)
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
            key = tuple((block.factors[j], id(block.codings[j])) for j in on_rows)
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

    def _is_one(self, i: int, slope: str | None) -> bool:
        return (
            slope is not None
            and self.rows.design.factors[i].direct
            and (self.rows.design.factors[i].levels is None)
        )


def average(
    rows: Rows, grid: Grid, strata: Strata | None = None, slope: str | None = None
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

    Returns
    -------
    ndarray, shape (R, S, p)
    """
    scenes = _Scenes(rows, grid)
    out = np.zeros((strata.size if strata else 1, grid.size, len(rows.design.names)))
    for block in rows.design.blocks:
        columns = list(block.columns)
        for modes in _modes(rows.design, block, slope):
            out[:, :, columns] += scenes.block(block, modes, strata)
    return out


def _modes(design: Design, block: Block, slope: str | None) -> list[list[str | None]]:
    """List which factor to differentiate: the terms of the product rule."""
    plain: list[str | None] = [None] * len(block.factors)
    if slope is None:
        return [plain]
    return [
        [slope if k == j else None for k in range(len(plain))]
        for j, f in enumerate(block.factors)
        if slope in design.factors[f].variables
    ]


def scenario_rows(
    rows: Rows, grid: Grid, scenario: int, slopes: Sequence[str | None]
) -> list[Callable[[slice], FloatArray]]:
    """Prepare the design rows under one scenario, for values (None) and for slopes.

    Returns one function per entry of `slopes`; each gives the (m, p) rows of a slice.
    """
    scenes = _Scenes(rows, grid)
    cache: dict[Any, AnyArray] = {}

    def values(i: int, mode: str | None, part: slice) -> AnyArray:
        if scenes.state(i) == "fixed":
            constant = scenes.constant(i, mode)[scenario]
            return np.broadcast_to(constant, (part.stop - part.start, *np.shape(constant)))
        if (i, mode) not in cache:
            cache[i, mode] = scenes.on_rows(i, mode, scenario)
        return cache[i, mode][part]

    def build(slope: str | None, part: slice) -> FloatArray:
        design = rows.design
        out = np.zeros((part.stop - part.start, len(design.names)))
        for block in design.blocks:
            for modes in _modes(design, block, slope):
                by_factor = {
                    f: values(f, m, part) for f, m in zip(block.factors, modes, strict=True)
                }
                coded = Block(
                    block.term,
                    block.factors,
                    tuple(
                        c if m is None else None for c, m in zip(block.codings, modes, strict=True)
                    ),
                    block.columns,
                    block.scale,
                )
                lookup = [by_factor.get(f) for f in range(len(design.factors))]
                out[:, list(block.columns)] += block_rows(coded, lookup)  # type: ignore[arg-type]
        return out

    return [lambda part, s=slope: build(s, part) for slope in slopes]  # type: ignore[misc]


def _in_order(result: Any, index: pd.Index) -> Any:
    """Bring a series that a function has sorted back to the order of the rows."""
    if result.index.equals(index) or not result.index.is_unique or len(result) != len(index):
        return result
    return result.reindex(index) if result.index.isin(index).all() else result


def shift(variable: Variable, function: Callable[[Any], Any], column: Any, n: int) -> Any:
    """Apply a user's function to a column, and check what comes back."""
    argument = column.copy() if hasattr(column, "copy") else column
    if pd.api.types.is_integer_dtype(getattr(column, "dtype", None)):
        argument = argument.astype(np.int64)  # a shift must not overflow a narrow column
    try:
        result = function(argument)
    except Exception as error:
        raise ArgumentError(
            f"atexog: the function given for {variable.name!r} failed: "
            f"{type(error).__name__}: {error}"
        ) from error
    if isinstance(result, pd.Series) and isinstance(argument, pd.Series):
        result = _in_order(result, argument.index)
    values = np.asarray(result)
    if values.ndim == 0:
        values = np.broadcast_to(values, (n,))
    if values.shape != (n,):
        raise ArgumentError(
            f"atexog: the function given for {variable.name!r} returned shape {values.shape}; "
            f"expected one value for each of the {n} rows."
        )
    return variable.column(result if isinstance(result, pd.Series) else values)


__all__ = ["Grid", "Rows", "Strata", "average", "chunks", "scenario_rows", "shift"]
