"""Factors: what the columns of a design are products of, as functions of the variables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, BoolArray, FloatArray, IntArray
from pymargins.errors import (
    ModelError,
    NumericalError,
    PymarginsWarning,
    UnsupportedError,
    callers_level,
)
from pymargins.models.dates import days, is_date, of_days
from pymargins.models.derivative import Dual
from pymargins.models.differences import OfRows, difference_quotient, whole_steps
from pymargins.models.domain import require_values

#: Columns of data by variable name: what a factor is evaluated on.
Columns: TypeAlias = Mapping[str, Any]

#: A change that is none but for rounding, relative to the change over the whole range.
FLAT = 1e-9
#: Rows, and values of a variable, among which a step function is told from a flat stretch.
STEP_ROWS = 16
STEP_PLACES = 33
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of the formula, evaluated as the fit would evaluate it on new data.

    Parameters
    ----------
    name : str
        Its text in the formula.
    variables : tuple of str
        The columns of data it depends on.
    evaluate : callable
        From columns of n rows to (n, k) numbers, or for a categorical factor to (n,) codes into
        `levels`.
    width : int
        k, for a numeric factor.
    levels : tuple or None
        The levels of a categorical factor in the order of the codes; None for a numeric one.
    direct : bool
        Whether the factor is a variable itself: its value, or its levels as they are.
    opaque : bool
        Whether its values are known of the rows of the fit only, not as a function of variables.
    """

    name: str
    variables: tuple[str, ...]
    evaluate: Callable[[Columns], AnyArray]
    width: int = 1
    levels: tuple[Any, ...] | None = None
    direct: bool = False
    opaque: bool = False

    def derivative(self, columns: Columns, variable: str, low: float, high: float) -> FloatArray:
        """Differentiate a numeric factor with respect to `variable`, row by row: (n, k).

        With respect to a date or a span of time the slope is that of one day.
        """
        if self.levels is not None:
            raise UnsupportedError(
                f"dydx: {variable!r} enters the model through {self.name!r}, which jumps from "
                "level to level and has no slope. Contrast two of its values with "
                f"m.contrasts(pairwise({variable!r}, [a, b])) instead."
            )
        column = columns[variable]
        dates = is_date(getattr(column, "dtype", None))
        at = days(column) if dates else np.asarray(column, dtype=float)
        if self.direct:
            return np.ones((len(at), 1))
        try:
            if dates:
                raise TypeError("dates are differentiated by differences")
            plain = {name: _for_ufuncs(column) for name, column in columns.items()}
            result = self.evaluate({**plain, variable: Dual(at, np.ones_like(at))})
        except Exception:  # user code and stateful transforms refuse in many ways
            result = None
        if isinstance(result, Dual):
            require_values(np.isfinite(np.broadcast_to(result.value, at.shape)), columns)
            slope = np.broadcast_to(result.slope, at.shape)[:, None]
            bent = np.broadcast_to(result.bent, at.shape)
        else:
            slope, bent = self._by_differences(columns, variable, at, low, high)
        if not np.isfinite(slope).all():
            where = at[~np.isfinite(slope).all(axis=1)][0]
            raise NumericalError(
                f"dydx: {self.name!r} has no finite slope at {variable} = {where:.6g}."
            )
        flat = np.all(slope == 0.0, axis=0)
        if flat.any():
            self._require_no_step(columns, variable, low, high, flat)
        if bent.any():
            warnings.warn(self._at_a_kink(variable, at, bent), PymarginsWarning, callers_level())
        return slope

    def _by_differences(
        self, columns: Columns, variable: str, at: FloatArray, low: float, high: float
    ) -> tuple[FloatArray, BoolArray]:
        dtype = getattr(columns[variable], "dtype", None)
        back: Any = slice(None)
        if len(self.variables) == 1:
            at, back = np.unique(at, return_inverse=True)

        others = {name: column for name, column in columns.items() if name != variable}

        def shifted(values: FloatArray, rows: IntArray | None) -> FloatArray:
            beside = others if rows is None else _taken(others, rows)
            return self.evaluate({**beside, variable: _column(values, dtype)})

        try:
            slope, bent = difference_quotient(shifted, at, low, high)
        except NumericalError as error:
            if is_date(dtype) and np.all(at % 1.0 == 0.0):
                slope = self._by_whole_days(shifted, variable, at, low, high)
                return slope[back], np.zeros(len(slope[back]), dtype=bool)
            raise self._no_slope(variable, str(error)) from None
        except Exception as error:
            self.evaluate(columns)  # has it a value at all? it says itself why not
            raise self._no_slope(
                variable, "it has a value at what was asked but none beside it."
            ) from error
        return slope[back], bent[back]

    def _by_whole_days(
        self,
        shifted: OfRows,
        variable: str,
        at: FloatArray,
        low: float,
        high: float,
    ) -> FloatArray:
        """Differentiate code that counts days, such as ``(when - start).dt.days``.

        It jumps at every midnight, but between dates without a time of day it changes smoothly.
        """
        try:
            return whole_steps(shifted, at, low, high)
        except NumericalError as error:
            raise self._no_slope(variable, str(error)) from None

    def _require_no_step(
        self, columns: Columns, variable: str, low: float, high: float, flat: BoolArray
    ) -> None:
        """Refuse a factor that changes with a variable, but from step to step only.

        Asked of the columns that are `flat` where a slope was asked for. Some rows are taken
        through the variable's range: a step function has no slope anywhere in it.
        """
        n = len(columns[variable])
        rows = np.unique(np.linspace(0, n - 1, STEP_ROWS).astype(int))
        places = low + (high - low) * ((np.arange(1, STEP_PLACES + 1) * GOLDEN) % 1.0)
        short = 1e-6 * (high - low)
        picked = np.repeat(rows, len(places))
        along = np.tile(places, len(rows))
        others = {
            name: column.iloc[picked].reset_index(drop=True)
            for name, column in columns.items()
            if name != variable
        }

        def through(shift: float) -> FloatArray:
            moved = _column(along + shift, getattr(columns[variable], "dtype", None))
            values = self.evaluate({**others, variable: moved})
            return values[:, flat].reshape(len(rows), len(places), -1)

        try:
            below, above = through(-short), through(short)
        except Exception:  # elsewhere in its range it need not have a value
            return
        course = np.ptp(below, axis=1).max(axis=0)
        change = np.abs(above - below).max(axis=(0, 1))
        if ((course > 0) & (change <= FLAT * course)).any():
            raise self._no_slope(variable, "it is a step function of it.")

    def _at_a_kink(self, variable: str, at: FloatArray, bent: BoolArray) -> str:
        where = at[bent][0] + 0.0  # no minus zero
        return (
            f"dydx: {self.name!r} has a kink at {variable} = {where:.6g}, where "
            f"{int(bent.sum())} of {len(at)} slopes were asked; each is the mean of the slopes "
            f"to both sides. For one side ask beside it: atexog={{{variable!r}: ...}}."
        )

    def _no_slope(self, variable: str, why: str) -> NumericalError:
        return NumericalError(
            f"dydx: {variable!r} enters the model through {self.name!r}, and {why} Contrast two of "
            f"its values with m.contrasts(pairwise({variable!r}, [a, b])) instead."
        )


def _taken(columns: Columns, rows: IntArray) -> dict[str, Any]:
    """Return some rows of columns."""
    return {k: pd.Series(c).iloc[rows].reset_index(drop=True) for k, c in columns.items()}


def _column(values: FloatArray, dtype: Any) -> Any:
    return of_days(values, dtype) if is_date(dtype) else pd.Series(values)


def _for_ufuncs(column: Any) -> Any:
    """Return a numeric column as an array: a `Series` would not hand over to a `Dual`."""
    dtype = getattr(column, "dtype", None)
    if dtype is None or pd.api.types.is_bool_dtype(dtype):
        return column
    return np.asarray(column, dtype=float) if pd.api.types.is_numeric_dtype(dtype) else column


@dataclass(frozen=True, slots=True)
class NumericVariable:
    """Evaluates the factor that is a numeric variable itself: (n, 1)."""

    name: str

    def __call__(self, columns: Columns) -> FloatArray:
        """Evaluate on columns of data."""
        return np.asarray(columns[self.name], dtype=float)[:, None]


@dataclass(frozen=True, slots=True)
class CategoricalVariable:
    """Evaluates the factor that is a categorical variable itself: (n,) codes into `levels`."""

    name: str
    levels: tuple[Any, ...]

    def __call__(self, columns: Columns) -> AnyArray:
        """Evaluate on columns of data."""
        return encode(columns[self.name], self.levels)


@dataclass(frozen=True, slots=True)
class DesignFunction:
    """Evaluates a whole design by a function of a data frame: (n, width)."""

    function: Callable[[pd.DataFrame], Any]
    width: int

    def __call__(self, columns: Columns) -> FloatArray:
        """Evaluate on columns of data."""
        rows = np.asarray(self.function(pd.DataFrame(dict(columns))), dtype=float)
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ModelError(
                f"the design function returned shape {rows.shape}, expected (n, {self.width})."
            )
        return rows


def numeric_variable(name: str) -> Factor:
    """Build the factor that is a numeric variable itself."""
    return Factor(name, (name,), NumericVariable(name), direct=True)


def categorical_variable(text: str, name: str, levels: Sequence[Any]) -> Factor:
    """Build the factor that is a categorical variable itself, whatever its coding."""
    levels = tuple(levels)
    return Factor(text, (name,), CategoricalVariable(name, levels), levels=levels, direct=True)


def encode(values: Any, levels: Sequence[Any]) -> AnyArray:
    """Return the position of each value among `levels` as small integers; -1 where it is none."""
    if isinstance(values, pd.Series):
        values = (
            values.array if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy()
        )
    if isinstance(values, pd.Categorical):
        codes, uniques = np.asarray(values.codes), list(values.categories)
    else:
        stored = isinstance(values, pd.api.extensions.ExtensionArray)
        # pandas 2 factorizes its own wrapper of an array as a series only
        codes, found = pd.factorize(pd.Series(values) if stored else np.asarray(values))
        uniques = list(found)
    position = {level: i for i, level in enumerate(levels)}
    kind = np.int8 if len(levels) < 128 else np.int32
    table = np.array([position.get(u, -1) for u in uniques] + [-1], dtype=kind)
    return table[codes]
