"""One row that stands for a population: its variables by rule, value or function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, near_miss
from pymargins.estimands.rows import Rows, Strata
from pymargins.models.factors import encode
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable

Rule = Literal["mean", "median", "mode", "min", "max"]


def default_rule(variable: Variable, at: str) -> Rule:
    """Return how `at` sets a variable that was not named."""
    if variable.kind != "numeric":
        return "mode"
    return "mean" if at == "mean" else "median"


def two_valued(fitted: Fitted, name: str, rule: Any) -> Any:
    """Use the mode, not the median, for a variable with two values."""
    if rule != "median":
        return rule
    values = fitted.variables[name].numbers(fitted.frame[name])
    first = values[values != values[0]]
    return "mode" if len(first) == 0 or np.all(first == first[0]) else rule


def rule_text(rule: Any) -> str:
    """Write a rule for tables."""
    name = getattr(rule, "__name__", "function") if callable(rule) else str(rule)
    return "function" if name == "<lambda>" else name


def parse_rule(variable: Variable, rule: Any) -> Any:
    """Check a rule, value or function for a variable."""
    if callable(rule):
        return rule
    if not pd.api.types.is_scalar(rule):
        raise ArgumentError(
            f"at: {variable.name!r} was given {type(rule).__name__}; a population holds one value, "
            "a rule or a function. Several values belong in atexog=."
        )
    if variable.kind == "numeric" and isinstance(rule, str):
        if rule in ("mean", "median", "mode", "min", "max") or _percentile(rule) is not None:
            return rule
        raise ArgumentError(
            f"at: {rule!r} is not a rule for {variable.name!r}. Rules: 'mean', 'median', 'mode', "
            f"'min', 'max', 'p25' (any percentile).{near_miss(rule, ['mean', 'median', 'mode'])}"
        )
    if variable.kind != "numeric" and rule == "mode" and rule not in variable.levels:
        return "mode"
    if (
        variable.kind != "numeric"
        and isinstance(rule, str)
        and rule not in variable.levels
        and (rule in ("mean", "median", "min", "max") or _percentile(rule) is not None)
    ):
        raise ArgumentError(
            f"at: the rule {rule!r} needs numbers, and {variable.name!r} is {variable.kind}. "
            "Use 'mode' or one of its levels."
        )
    variable.column([rule], "at")
    return _Constant(rule)


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any

    def __str__(self) -> str:
        return str(self.value)


def _percentile(rule: str) -> float | None:
    if rule[:1] != "p":
        return None
    try:
        q = float(rule[1:])
    except ValueError:
        return None
    return q / 100.0 if 0.0 <= q <= 100.0 else None


def summary_rows(
    fitted: Fitted,
    frame: pd.DataFrame,
    rules: Mapping[str, Any],
    weights: FloatArray | None,
    strata: Strata | None,
    offsets: Mapping[str, FloatArray] | None = None,
) -> Rows:
    """Summarise each subgroup to one row, by rule and variable; `offsets` are of these rows."""
    size = strata.size if strata else 1
    members: list[Any] = [slice(None)]
    if strata is not None:
        order = np.argsort(strata.codes, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(strata.codes, minlength=size))[:-1])
    columns: dict[str, Any] = {}
    counted = weights is not None and weights is fitted.row_weights
    for name, variable in fitted.variables.items():
        column = frame[name]
        summaries = [
            _summarise(
                variable,
                rules[name],
                column.iloc[m],
                None if weights is None else weights[m],
                counted,
            )
            for m in members
        ]
        columns[name] = variable.column(summaries, "at")
    return Rows(fitted.designs, fitted.variables, columns, size, offsets=offsets)


def _summarise(
    variable: Variable, rule: Any, column: Any, weights: FloatArray | None, counted: bool
) -> Any:
    if isinstance(rule, _Constant):
        return rule.value
    if callable(rule):
        return _summarise_by_function(variable, rule, column)
    if variable.kind != "numeric":
        counts = np.bincount(encode(column, variable.levels), weights, len(variable.levels))
        return variable.levels[int(np.argmax(counts))]
    found = _summary(variable.numbers(column), rule, weights, counted)
    return variable.of_numbers(np.array([found])).iloc[0] if variable.is_date else found


def _summary(values: FloatArray, rule: Any, weights: FloatArray | None, counted: bool) -> float:
    if rule == "mean":
        return float(np.average(values, weights=weights))
    if rule in ("min", "max"):
        kept = values if weights is None else values[weights > 0]
        return float(kept.min() if rule == "min" else kept.max())
    if rule == "mode":
        unique, codes = np.unique(values, return_inverse=True)
        return float(unique[int(np.argmax(np.bincount(codes, weights)))])
    q = 0.5 if rule == "median" else _percentile(rule)
    assert q is not None
    if counted and weights is not None and (weights == np.rint(weights)).all():
        return _quantile_of_repeated(values, weights, q)
    if weights is None or (weights == weights[0]).all():
        return float(np.quantile(values, q))
    return weighted_quantile(values, weights, q)


def _summarise_by_function(variable: Variable, rule: Callable[[Any], Any], column: Any) -> Any:
    try:
        value = rule(column.copy())
    except Exception as error:
        raise ArgumentError(
            f"at: the function given for {variable.name!r} failed: {type(error).__name__}: {error}"
        ) from error
    if not pd.api.types.is_scalar(value):
        raise ArgumentError(
            f"at: the function given for {variable.name!r} returned {type(value).__name__}; a "
            "population of one row needs one value."
        )
    return value


def _quantile_of_repeated(values: FloatArray, counts: FloatArray, q: float) -> float:
    """Return NumPy's quantile of values that each come as often as counted."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(counts[order])
    place = q * (ends[-1] - 1.0)
    below = np.floor(place)
    around = np.searchsorted(ends, [below, min(below + 1.0, ends[-1] - 1.0)], side="right")
    low, high = values[order[around]]
    return float(low + (place - below) * (high - low))


def weighted_quantile(values: FloatArray, weights: FloatArray, q: float) -> float:
    """Return a quantile of a weighted sample.

    The smallest value whose cumulated weight exceeds the fraction q of the total, or midway
    to the next where it equals it; with equal weights the median is the usual one.
    """
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    below = np.cumsum(weights[order])
    target = q * below[-1]
    i = min(int(np.searchsorted(below, target * (1 - 1e-12), side="left")), len(order) - 1)
    if np.isclose(below[i], target, rtol=1e-12, atol=0.0) and i + 1 < len(order):
        return float((values[order[i]] + values[order[i + 1]]) / 2.0)
    return float(values[order[i]])
