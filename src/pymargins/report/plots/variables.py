"""What the rows of a result vary by, as a picture has to know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError, ArgumentTypeError, listing, near_miss, unknown_name
from pymargins.facts import Kind
from pymargins.report.figures import Figures
from pymargins.report.row_names import CONTRAST, OUTCOME, TERM
from pymargins.values import value_text, value_texts

#: What `order` may say instead of levels.
BY_ESTIMATE = "estimate"
Order: TypeAlias = Mapping[str, Sequence[Any]] | Literal["estimate"]


class Variables:
    """The columns of a result: which make an axis, which levels they have, in which order.

    Parameters
    ----------
    figures : Figures
    order : mapping of str to sequence, or "estimate", optional
        The levels that come first, by variable; or all levels by their mean estimate.
    """

    def __init__(self, figures: Figures, order: Order | None = None) -> None:
        self.figures = figures
        self.by_estimate = isinstance(order, str) and order == BY_ESTIMATE
        self._first = {} if self.by_estimate else self._checked(order)
        self._levels: dict[str, tuple[Any, ...]] = {}
        facts = figures.facts
        # columns that the model does not have are labels of subgroups, whatever numbers they are
        self._groups = frozenset(facts.asked.over) - frozenset(facts.session.variables)

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The columns of the result."""
        return self.figures.columns

    @property
    def effects(self) -> list[str]:
        """The columns that say what rows are, instead of where."""
        facts = self.figures.facts
        found = [CONTRAST] if facts.quantity.compares else []
        if facts.quantity.kind not in (Kind.MEAN, Kind.FUNCTION):
            effect = facts.quantity.is_effect or facts.quantity.compares
            found = [TERM, CONTRAST] if effect and facts.quantity.kind in SLOPES else found
        return [name for name in found if name in self.columns]

    @property
    def varying(self) -> list[str]:
        """The variables that take several values."""
        effects = self.effects
        return [n for n in self.columns if n not in effects and len(self.levels(n)) > 1]

    def levels(self, name: str) -> tuple[Any, ...]:
        """Return the values of a column, in the order in which a picture has them."""
        if name not in self._levels:
            found = list(dict.fromkeys(self.columns[name]))
            if self.by_estimate and not self.is_continuous(name):
                found.sort(key=lambda level: self._mean(name, level))
            first = self._first.get(name, ())
            self._levels[name] = (*first, *(v for v in found if v not in first))
        return self._levels[name]

    def say_the_same(self, one: str, other: str) -> bool:
        """Tell whether each level of one variable goes with one level of the other."""
        pairs = set(zip(self.columns[one], self.columns[other], strict=True))
        return len(pairs) == len(self.levels(one)) == len(self.levels(other))

    def texts(self, name: str) -> dict[Any, str]:
        """Return how each value of a column is written."""
        levels = self.levels(name)
        return dict(zip(levels, value_texts(levels), strict=True))

    def is_continuous(self, name: str) -> bool:
        """Tell whether a column makes an axis: numbers and dates, not levels written as numbers."""
        if name == OUTCOME and name not in self.figures.facts.session.variables:
            return False
        if name.removeprefix("at_") in self.figures.facts.session.categories:
            return False
        if name in self._groups:
            return False
        values = self.columns[name]
        return all(map(_is_number, values)) or all(isinstance(v, date) for v in values)

    def is_curve(self, name: str, fewest: int) -> bool:
        """Tell whether a column has values enough for a curve, and is no indicator."""
        levels = self.levels(name)
        return self.is_continuous(name) and len(levels) >= fewest and not is_indicator(levels)

    def widest(self, taken: Iterable[str], fewest: int) -> str | None:
        """Return the continuous variable with the most values, the first of several."""
        taken = list(taken)
        found = [n for n in self.varying if n not in taken and self.is_curve(n, fewest)]
        return max(found, key=lambda name: len(self.levels(name)), default=None)

    def places(self, name: str) -> AnyArray:
        """Return where along an axis each row stands: a number, or a date."""
        return places_of(self.columns[name])

    def effect_texts(self, leave_out: Sequence[str] = ()) -> list[str]:
        """Return what each row is: ``"school: B - A"``; empty where it is a mean."""
        names = [name for name in self.effects if name not in leave_out]
        rows = zip(*(self.columns[name] for name in names), strict=True)
        texts = [": ".join(str(part) for part in row if part) for row in rows]
        return texts or [""] * len(self.figures)

    def effect_order(self, leave_out: Sequence[str] = ()) -> list[str]:
        """Return the distinct texts of effects, in the order of their levels."""
        names = [name for name in self.effects if name not in leave_out]
        texts = self.effect_texts(leave_out)
        ranks = {
            text: [self.levels(name).index(self.columns[name][i]) for name in names]
            for i, text in reversed(list(enumerate(texts)))
        }
        return sorted(ranks, key=lambda text: ranks[text])

    def check(self, argument: str, names: Sequence[Any]) -> None:
        """Refuse what names no column, or one twice."""
        for i, name in enumerate(names):
            if not isinstance(name, str):
                raise ArgumentTypeError(
                    f"{argument}: expected the name of a variable of this result, got {name!r}. "
                    f"Known: {listing(self.columns) or 'none'}."
                )
            if name not in self.columns:
                raise unknown_name(argument, name, self.columns, "a variable of this result")
            if name in names[:i]:
                raise ArgumentError(f"{argument}: {name!r} is named twice.")

    def check_order(self, x: str) -> None:
        """Refuse an order of the numbers along an axis, which have their own."""
        if x in self._first:
            raise ArgumentError(
                f"order: {x!r} is a number along the axis here, which has its own order. Leave it "
                'out, or make categories of its values, kind="points".'
            )

    def sorted(self, rows: IntArray) -> IntArray:
        """Return rows of a list in the order asked for."""
        if self.by_estimate:
            return rows[np.argsort(self.figures.estimate[rows], kind="stable")]
        keys = [
            np.array([self.levels(n).index(self.columns[n][i]) for i in rows])
            for n in reversed(list(self._first))
        ]
        return rows[np.lexsort(keys)] if keys else rows

    def _mean(self, name: str, level: Any) -> float:
        rows = [i for i, value in enumerate(self.columns[name]) if value == level]
        return float(np.mean(self.figures.estimate[rows]))

    def _checked(self, order: Order | None) -> dict[str, tuple[Any, ...]]:
        if order is None:
            return {}
        if not isinstance(order, Mapping):
            raise ArgumentTypeError(
                'order: expected a mapping of variables to their levels, or "estimate"; got '
                f"{order!r}."
            )
        self.check("order", list(order))
        out: dict[str, tuple[Any, ...]] = {}
        for name, given in order.items():
            listed = isinstance(given, Iterable) and not isinstance(given, str)
            levels = tuple(given) if listed else (given,)
            known = list(dict.fromkeys(self.columns[name]))
            for level in levels:
                if level not in known:
                    raise ArgumentError(
                        f"order: no row has {name} = {level!r}. Values: "
                        f"{listing(map(value_text, known))}.{near_miss(level, known)}"
                    )
            out[name] = tuple(dict.fromkeys(levels))
        return out


#: Of these rows are effects of a variable, which a column names.
SLOPES = (
    Kind.SLOPE,
    Kind.CHANGE,
    Kind.SLOPE_OR_CHANGE,
    Kind.EYEX,
    Kind.EYDX,
    Kind.DYEX,
    Kind.CLUSTER_SHARE,
    Kind.SLOPE_QUANTILE,
)


def is_indicator(levels: Sequence[Any]) -> bool:
    """Tell whether these are 0 and 1, which are a category whatever their type."""
    return all(level in (0, 1) for level in levels)


def are_spans(values: Sequence[Any]) -> bool:
    """Tell whether these are spans of time, which stand along an axis in days."""
    return any(isinstance(v, (timedelta, np.timedelta64)) for v in values)


def places_of(values: Sequence[Any]) -> AnyArray:
    """Return numbers as they are, spans of time in days, and dates as clocks show them."""
    if are_spans(values):
        return np.array([pd.Timedelta(v) / pd.Timedelta(days=1) for v in values])
    if values and all(isinstance(v, date) for v in values):
        shown = [pd.Timestamp(v).tz_localize(None) for v in values]
        return np.asarray(pd.DatetimeIndex(shown), dtype="datetime64[ns]")
    return np.array(values, dtype=float)


def as_numbers(places: AnyArray) -> FloatArray:
    """Return places as numbers that can be compared."""
    return places.astype("int64").astype(float) if places.dtype.kind == "M" else places


def _is_number(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, (int, float, np.integer, np.floating, timedelta, np.timedelta64))
