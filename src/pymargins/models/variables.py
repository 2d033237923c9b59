"""The variables of a model, as its fit saw them."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import ArgumentError, listing, near_miss
from pymargins.models.dates import as_dates, days, is_date, of_days
from pymargins.models.factors import encode

Kind = Literal["numeric", "boolean", "categorical"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the model's fixed part, as the fit saw it.

    Parameters
    ----------
    name : str
    kind : {"numeric", "boolean", "categorical"}
    levels : tuple
        Of a boolean or categorical variable, in the fit's order; empty for a numeric one.
    reference : object
        The level that discrete changes are taken from: the one the coding names, otherwise the
        first.
    low, high : float
        The observed range of a numeric variable; of dates and spans of time in days, since 1970.
    indicator : bool
        Whether a numeric variable takes the values 0 and 1 and no others.
    dtype : object
        The pandas dtype of the column that was fitted.
    open : bool
        Whether a data frame may hold levels that the fit has not seen: a grouping variable.
    """

    name: str
    kind: Kind
    levels: tuple[Any, ...] = ()
    reference: Any = None
    low: float = -np.inf
    high: float = np.inf
    indicator: bool = False
    dtype: Any = None
    open: bool = False

    def of_frame(self, values: Any, argument: str) -> Any:
        """Turn a column of a data frame into one as the fit would have seen it.

        As `column`, but a grouping variable may have new levels.
        """
        if not self.open:
            return self.column(values, argument)
        codes = self._codes(values)
        if (codes >= 0).all():
            return self.of_codes(codes)
        objects = _as_objects(values)
        new = objects[codes < 0]
        if pd.isna(new).any():
            return self.column(values, argument)
        alike = [v for v in new if str(v) in set(map(str, self.levels))]
        if alike:
            raise ArgumentError(
                f"{argument}: {alike[0]!r} ({type(alike[0]).__name__}) is no level of "
                f"{self.name!r}, whose levels are {type(self.levels[0]).__name__}; one of them "
                "reads the same. Give the column the type that it had in the fit."
            )
        return pd.Series(objects)

    def column(self, values: Any, argument: str = "atexog") -> Any:
        """Turn values a user gave into a column as the fit would have seen it.

        Parameters
        ----------
        values : sequence
        argument : str
            Where they were given, for error messages.

        Raises
        ------
        ArgumentError
            For a level that does not exist, a text, boolean or missing value for a number, a
            value outside 0..1 for a 0/1 indicator.
        """
        if self.is_date:
            return self._dates(values, argument)
        if self.kind == "numeric":
            return pd.Series(self._numbers(values, argument))
        codes = self._codes(values)
        if (codes < 0).any():
            bad = _as_objects(values)[int(np.flatnonzero(codes < 0)[0])]
            if pd.api.types.is_scalar(bad) and pd.isna(bad):
                raise ArgumentError(f"{argument}: the value for {self.name!r} is missing (NaN).")
            bad = bad.item() if isinstance(bad, np.generic) else bad
            raise ArgumentError(
                f"{argument}: {bad!r} is not a level of {self.name!r}. Levels: "
                f"{listing(self.levels)}."
                f"{near_miss(bad, self.levels)}"
            )
        return self.of_codes(codes)

    def _codes(self, values: Any) -> AnyArray:
        """Return the places of values among the levels, -1 for others."""
        stored = isinstance(values, pd.api.extensions.ExtensionArray)  # whose values have one type
        return encode(values if stored else _as_objects(values), self.levels)

    @property
    def is_date(self) -> bool:
        """Whether it is continuous, in dates or spans of time."""
        return self.kind == "numeric" and is_date(self.dtype)

    @property
    def ends(self) -> tuple[Any, Any]:
        """The observed range of a numeric variable, as values of its own type."""
        if not self.is_date:
            return self.low, self.high
        low, high = self.of_numbers(np.array([self.low, self.high]))
        return low, high

    def numbers(self, column: Any) -> FloatArray:
        """Return a column of this variable as numbers; dates and spans in days."""
        return days(column) if self.is_date else np.asarray(column, dtype=float)

    def of_numbers(self, numbers: FloatArray) -> Any:
        """Return numbers as a column of this variable."""
        return of_days(numbers, self.dtype) if self.is_date else pd.Series(numbers)

    def _dates(self, values: Any, argument: str) -> Any:
        what = "a date" if self.dtype.kind == "M" else "a span of time"
        seen = f"Observed values run from {self.ends[0]} to {self.ends[1]}."
        try:
            column = as_dates(values, self.dtype)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{argument}: a value for {self.name!r} is not {what} "
                f"({str(error).splitlines()[0]}). {seen}"
            ) from error
        if column.isna().any():
            raise ArgumentError(f"{argument}: a value for {self.name!r} is missing. {seen}")
        return column

    def of_codes(self, codes: AnyArray) -> Any:
        """Return the column whose values are the levels at `codes`."""
        if isinstance(self.dtype, pd.CategoricalDtype):
            position = {level: i for i, level in enumerate(self.dtype.categories)}
            table = np.array([position.get(level, -1) for level in self.levels])
            return pd.Series(pd.Categorical.from_codes(table[codes], dtype=self.dtype))
        levels = np.array(self.levels, dtype=bool if self.kind == "boolean" else None)
        if levels.dtype.kind in "US":
            levels = _as_objects(self.levels)
        return pd.Series(levels[codes], dtype=levels.dtype)

    def _no_number(self, argument: str, value: Any) -> ArgumentError:
        what = "a boolean" if isinstance(value, (bool, np.bool_)) else "not a number"
        rule = value in ("mean", "median", "min", "max") if isinstance(value, str) else False
        example = f"Margins(fit, at={{{self.name!r}: {value!r}}})"
        return ArgumentError(
            f"{argument}: {self.name!r} is numeric; {value!r} is {what}. Observed values run from "
            f"{self.low:g} to {self.high:g}."
            + (f" Rules belong to the session: {example}." if rule else "")
        )

    def _numbers(self, values: Any, argument: str) -> FloatArray:
        raw = _as_objects(values) if isinstance(values, (list, tuple)) else np.asarray(values)
        if raw.dtype.kind in "mM":
            raise ArgumentError(
                f"{argument}: {self.name!r} is numeric; got dates. Give the numbers the model was "
                "fitted to."
            )
        if raw.dtype.kind not in "iuf":
            odd = [v for v in raw.ravel().tolist() if not self._is_number(v)]
            if odd:
                raise self._no_number(argument, odd[0])
            raw = np.array([np.nan if v is None or v is pd.NA else v for v in raw.tolist()])
        found = raw.astype(float)
        if not np.isfinite(found).all():
            raise ArgumentError(
                f"{argument}: a value for {self.name!r} is missing or infinite; give finite "
                "numbers."
            )
        if self.indicator and found.size and (found.min() < 0 or found.max() > 1):
            bad = found[(found < 0) | (found > 1)][0]
            raise ArgumentError(
                f"{argument}: {self.name!r} is a 0/1 indicator; {bad:g} lies outside 0 to 1. If it "
                "were a category, fit it as C(...)."
            )
        return found

    def _is_number(self, value: Any) -> bool:
        """Accept real numbers, missing ones, and for a 0/1 indicator booleans."""
        if isinstance(value, (bool, np.bool_)):
            return self.indicator
        return isinstance(value, numbers.Real) or value is None or value is pd.NA


def _as_objects(values: Any) -> AnyArray:
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return np.asarray(values, dtype=object)
    values = list(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
