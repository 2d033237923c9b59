"""Populations: the weighted rows that a mean response is averaged over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.averages import Rows, Strata
from pymargins.design import encode
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownNameError,
    listing,
    near_miss,
    not_one_of,
    unknown_name,
)
from pymargins.model import ModelView, Variable

Rule = Literal["mean", "median", "mode", "min", "max"]
NAMED = ("overall", "typical", "mean", "balanced")
MAXIMUM_GRID = 1_000_000

DESCRIPTIONS = {
    "overall": "averaged over the {n:,} rows of the fit",
    "typical": "at one typical row (median of numeric variables, mode of the others)",
    "mean": "at one row (mean of numeric variables, mode of the others)",
    "balanced": "averaged over every combination of the categorical variables, equally "
    "weighted, numeric variables at their mean",
}


@dataclass(frozen=True, slots=True)
class Population:
    """What a session averages over.

    Parameters
    ----------
    view : ModelView
    frame : DataFrame
        The rows that `over` and rules look at.
    rows : Rows or None
        The rows to average over; None where they depend on the subgroup (one summary row each).
    rules : mapping of str to rule, or None
        For one summary row: how each variable is set.
    weights : ndarray or None
    description : str
        In words, for tables.
    """

    view: ModelView
    frame: pd.DataFrame
    rows: Rows | None
    rules: Mapping[str, Any] | None
    weights: FloatArray | None
    description: str

    def stratify(self, over: Sequence[str]) -> tuple[Rows, Strata | None, pd.DataFrame]:
        """Return rows, their subgroups by the `over` columns, and one row of labels a subgroup."""
        strata, labels = _strata(self.frame, over)
        if strata is not None and self.weights is not None:
            empty = np.bincount(strata.codes, self.weights, strata.size) == 0
            if empty.any():
                raise ArgumentError(
                    f"over: the subgroup {labels[empty].iloc[0].to_dict()} has zero total weight."
                )
        if self.rows is not None:
            return self.rows, strata, labels
        assert self.rules is not None
        if strata is None:
            return summary_rows(self.view, self.frame, self.rules, self.weights, None), None, labels
        rows = summary_rows(self.view, self.frame, self.rules, self.weights, strata)
        return rows, Strata(np.arange(strata.size), strata.size), labels


def make_population(view: ModelView, at: Any, weights: Any) -> Population:
    """Parse `at` and `weights`.

    Raises
    ------
    ArgumentError, UnknownNameError
        Naming the rule, variable or row that cannot be used.
    """
    if isinstance(at, str):
        if at not in NAMED:
            raise not_one_of("at", at, [*NAMED, "a mapping", "a data frame"])
        frame = view.frame
        weight = parse_weights(weights, frame, view.info.lacks)
        if at == "overall":
            return Population(
                view,
                frame,
                _fit_rows(view, weight),
                None,
                weight,
                _described("overall", view.info.n, weight),
            )
        if at == "balanced":
            if weight is not None:
                raise ArgumentError(
                    'weights: at="balanced" weights every combination equally; leave `weights` out '
                    'or use at="overall".'
                )
            grid = balanced_frame(view)
            return Population(
                view, grid, rows_of(view, grid, None), None, None, DESCRIPTIONS["balanced"]
            )
        rules = {v.name: _default_rule(v, at) for v in view.variables.values()}
        if at == "typical":
            rules = {k: _two_valued(view, k, rule) for k, rule in rules.items()}
        return Population(view, frame, None, rules, weight, _described(at, view.info.n, weight))
    if isinstance(at, Mapping):
        return _from_mapping(view, at, parse_weights(weights, view.frame, view.info.lacks))
    frame = as_frame(at)
    if frame is None:
        raise ArgumentTypeError(
            f"at: expected one of {listing(NAMED)}, a mapping or a data frame, got "
            f"{type(at).__name__}."
        )
    weight = parse_weights(weights, frame)
    columns = check_frame(view, frame, "at")
    frame = snapshot(frame)
    rows = Rows(view.design, view.variables, columns, len(frame), weight)
    return Population(
        view,
        frame,
        rows,
        None,
        weight,
        f"averaged over the {len(frame):,} rows of the data frame given"
        + (", weighted" if weight is not None else ""),
    )


def _described(at: str, n: int, weights: FloatArray | None) -> str:
    return DESCRIPTIONS[at].format(n=n) + (", weighted" if weights is not None else "")


def _fit_rows(view: ModelView, weights: FloatArray | None) -> Rows:
    columns = {v: view.frame[v] for v in view.variables}
    known = dict(enumerate(view.factor_values))
    clusters = None
    if view.groups is not None:
        clusters = Strata(view.groups, view.info.groups or int(view.groups.max()) + 1)
    return Rows(view.design, view.variables, columns, view.info.n, weights, known, clusters)


def rows_of(view: ModelView, frame: pd.DataFrame, weights: FloatArray | None) -> Rows:
    """Build population rows from a frame that already has the fit's column types."""
    columns = {v: frame[v] for v in view.variables}
    return Rows(view.design, view.variables, columns, len(frame), weights)


def as_frame(data: Any) -> pd.DataFrame | None:
    """Return pandas' view of any data frame (polars, Arrow, ...), or None for other things."""
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, (str, bytes, Mapping, list, tuple, np.ndarray)) or callable(data):
        return None
    import narwhals as nw

    try:
        return nw.from_native(data, eager_only=True).to_pandas()
    except TypeError:
        return None


def snapshot(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that later changes of the user's frame cannot reach, with a plain index."""
    lazy = int(pd.__version__.split(".")[0]) >= 3  # copy-on-write: a shallow copy is private
    copy = frame.copy(deep=not lazy)
    copy.index = pd.RangeIndex(len(copy))
    return copy


def check_frame(view: ModelView, frame: pd.DataFrame, argument: str) -> dict[str, Any]:
    """Return a frame's model variables as the fit would have seen them; name what is wrong."""
    if not frame.columns.is_unique:
        raise ArgumentError(f"{argument}: column names of the data frame are not unique.")
    if len(frame) == 0:
        raise ArgumentError(f"{argument}: the data frame has no rows.")
    columns: dict[str, Any] = {}
    for name, variable in view.variables.items():
        if name not in frame.columns:
            raise unknown_name(
                argument, name, frame.columns, "a column of the data frame, but the model needs it"
            )
        missing = int(frame[name].isna().sum())
        if missing:
            raise ArgumentError(
                f"{argument}: column {name!r} has {missing} missing value(s); drop or fill them."
            )
        columns[name] = variable.column(frame[name].array, argument)
    return columns


# --- weights and subgroups -----------------------------------------------------------------------


def parse_weights(weights: Any, frame: pd.DataFrame, lacks: str = "") -> FloatArray | None:
    """Return weights as a checked array over the rows of a frame, or None."""
    if weights is None:
        return None
    what = type(weights).__name__
    if isinstance(weights, str):
        if weights not in frame.columns:
            raise _no_column("weights", weights, frame, lacks)
        what = f"the column {weights!r}, which does not hold numbers"
        weights = frame[weights]
    try:
        array = as_real(weights)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"weights: expected a column name or an array of numbers, got {what}."
        ) from None
    if array.shape != (len(frame),):
        raise ArgumentError(
            f"weights: shape {array.shape}; expected one weight for each of the {len(frame)} rows "
            "that are averaged over (rows the fit dropped as missing do not count)."
        )
    if not np.isfinite(array).all() or (array < 0).any():
        raise ArgumentError("weights: every weight must be finite and not negative.")
    if array.sum() <= 0:
        raise ArgumentError("weights: the total weight is zero.")
    return array


def as_real(values: Any) -> FloatArray:
    """Return an array of real numbers, or raise a `TypeError` or `ValueError`."""
    array = np.array(values)
    if array.dtype.kind in "cmMSU":
        raise TypeError
    return array.astype(float)


def _no_column(argument: str, name: Any, frame: pd.DataFrame, lacks: str) -> UnknownNameError:
    error = unknown_name(argument, name, frame.columns, "a column of the data")
    return UnknownNameError(f"{error} {lacks}") if lacks else error


def parse_over(over: Any, frame: pd.DataFrame, view: ModelView) -> list[str]:
    """Return the `over` columns as a list of names that exist and have no missing value."""
    if over is None:
        return []
    if isinstance(over, (Mapping, Set)) or not isinstance(over, Iterable):
        raise ArgumentTypeError(
            f"over: expected a column name or a list of names, got {type(over).__name__}."
        )
    names = [over] if isinstance(over, str) else list(over)
    if not names:
        raise ArgumentError("over: the list is empty; name one or more columns, or leave it out.")
    for name in names:
        if not isinstance(name, Hashable):
            raise ArgumentTypeError(f"over: a column is named by text, got {name!r}.")
        if name not in frame.columns and name in view.frame.columns:
            raise UnknownNameError(
                f"over: {name!r} is a column of the data, but the population of this session holds "
                f'{listing(frame.columns)} only. Use at="overall", or a data frame that has it.'
            )
        if name not in frame.columns:
            raise _no_column("over", name, frame, view.info.lacks if frame is view.frame else "")
        missing = int(frame[name].isna().sum())
        if missing:
            raise ArgumentError(
                f"over: column {name!r} has {missing} missing value(s) in {len(frame)} rows; fill "
                "them or leave those rows out of the population."
            )
    if len(set(names)) < len(names):
        raise ArgumentError(f"over: a column is named twice in {names}.")
    return names


def _strata(frame: pd.DataFrame, over: Sequence[str]) -> tuple[Strata | None, pd.DataFrame]:
    if not over:
        return None, pd.DataFrame(index=[0])
    joint = np.zeros(len(frame), dtype=np.intp)
    levels: list[Any] = []
    for name in over:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes, values = np.asarray(column.cat.codes), column.cat.categories
        else:
            codes, values = _factorized(name, column)
        levels.append(values)
        joint = joint * len(values) + codes
    present, codes = np.unique(joint, return_inverse=True)
    labels: dict[str, Any] = {}
    rest = present
    for name, values in zip(reversed(over), reversed(levels), strict=True):
        rest, position = np.divmod(rest, len(values))
        labels[name] = np.asarray(values)[position]
    frame_of_labels = pd.DataFrame({name: labels[name] for name in over})
    return Strata(codes.astype(np.intp).ravel(), len(present)), frame_of_labels


def _factorized(name: str, column: Any) -> tuple[Any, Any]:
    try:
        return pd.factorize(column, sort=True)
    except TypeError:
        raise ArgumentError(
            f"over: column {name!r} holds values that cannot be told apart as subgroups "
            f"({type(column.iloc[0]).__name__})."
        ) from None


# --- one summary row -----------------------------------------------------------------------------


def _default_rule(variable: Variable, at: str) -> Rule:
    if variable.kind != "numeric":
        return "mode"
    return "mean" if at == "mean" else "median"


def _two_valued(view: ModelView, name: str, rule: Any) -> Any:
    """Use the mode, not the median, for a variable with two values."""
    if rule != "median":
        return rule
    values = np.asarray(view.frame[name], dtype=float)
    first = values[values != values[0]]
    return "mode" if len(first) == 0 or np.all(first == first[0]) else rule


def _from_mapping(view: ModelView, at: Mapping[Any, Any], weights: FloatArray | None) -> Population:
    rules: dict[str, Any] = {
        v.name: _two_valued(view, v.name, _default_rule(v, "typical"))
        for v in view.variables.values()
    }
    for name, rule in at.items():
        if name not in view.variables:
            raise unknown_name("at", name, view.variables, "a variable of the model")
        if callable(rule) and weights is not None:
            raise ArgumentError(
                f"at: the function given for {name!r} cannot see the weights. Give a rule such as "
                "'mean' or 'p25', or the value itself."
            )
        rules[name] = _parse_rule(view.variables[name], rule)
    summary_rows(view, view.frame, rules, weights, None)  # a bad function is told of here
    shown = ", ".join(f"{k}={_rule_text(v)}" for k, v in at.items())
    return Population(
        view,
        view.frame,
        None,
        rules,
        weights,
        (f"at one row ({shown}; the others typical)" if shown else "at one typical row")
        + (", weighted" if weights is not None else ""),
    )


def _rule_text(rule: Any) -> str:
    name = getattr(rule, "__name__", "function") if callable(rule) else str(rule)
    return "function" if name == "<lambda>" else name


def _parse_rule(variable: Variable, rule: Any) -> Any:
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
    view: ModelView,
    frame: pd.DataFrame,
    rules: Mapping[str, Any],
    weights: FloatArray | None,
    strata: Strata | None,
) -> Rows:
    """Summarise each subgroup to one row, by rule and variable."""
    size = strata.size if strata else 1
    members: list[Any] = [slice(None)]
    if strata is not None:
        order = np.argsort(strata.codes, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(strata.codes, minlength=size))[:-1])
    columns: dict[str, Any] = {}
    for name, variable in view.variables.items():
        column = frame[name]
        summaries = [
            _summarise(
                variable, rules[name], column.iloc[m], None if weights is None else weights[m]
            )
            for m in members
        ]
        columns[name] = variable.column(summaries, "at")
    return Rows(view.design, view.variables, columns, size)


def _summarise(variable: Variable, rule: Any, column: Any, weights: FloatArray | None) -> Any:
    if isinstance(rule, _Constant):
        return rule.value
    if callable(rule):
        return _summarise_by_function(variable, rule, column)
    if variable.kind != "numeric":
        counts = np.bincount(encode(column, variable.levels), weights, len(variable.levels))
        return variable.levels[int(np.argmax(counts))]
    values = np.asarray(column, dtype=float)
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


def balanced_frame(view: ModelView) -> pd.DataFrame:
    """Build the reference grid: all combinations of categorical levels, numeric at their mean."""
    factors = [v for v in view.variables.values() if v.kind != "numeric"]
    size = int(np.prod([len(v.levels) for v in factors], dtype=float))
    if size > MAXIMUM_GRID:
        raise ArgumentError(
            f'at: "balanced" would need {size:,} combinations of {[v.name for v in factors]}; the '
            f'limit is {MAXIMUM_GRID:,}. Use at="overall".'
        )
    codes: AnyArray = np.array(list(product(*(range(len(v.levels)) for v in factors))), dtype=int)
    columns: dict[str, Any] = {v.name: v.of_codes(codes[:, j]) for j, v in enumerate(factors)}
    for v in view.variables.values():
        if v.kind == "numeric":
            mean = float(np.mean(np.asarray(view.frame[v.name], dtype=float)))
            columns[v.name] = pd.Series(np.full(size, mean))
    return pd.DataFrame(columns) if columns else pd.DataFrame(index=range(size))
