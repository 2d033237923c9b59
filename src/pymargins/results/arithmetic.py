"""Rows of estimands picked, paired, added and divided, with labels that read as what was done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    NumericalError,
    RowError,
    UnknownNameError,
    listing,
    unknown_name,
)
from pymargins.estimands.columns import in_common_of_pairs, shared, with_contrast
from pymargins.estimands.nodes import Estimand, Quotient, Scaled, Sum
from pymargins.facts import Operation, Quantity, ScaleFacts
from pymargins.inference.uncertainty import Uncertainty


def positions(labels: Sequence[str], rows: Any) -> IntArray:
    """Return the positions of rows named by a label, a position, a slice or a list of them."""
    if isinstance(rows, str):
        if rows not in labels:
            raise _no_row(labels, rows)
        if labels.count(rows) > 1:
            raise ArgumentError(f"row: {rows!r} names several rows; use their positions.")
        return np.array([labels.index(rows)])
    if isinstance(rows, (bool, np.bool_)) or (
        not isinstance(rows, (int, np.integer, slice)) and not isinstance(rows, Iterable)
    ):
        raise ArgumentTypeError(
            f"row: expected a label, a position, a slice or a list of them, got {rows!r}."
        )
    if isinstance(rows, (int, np.integer)):
        if not -len(labels) <= rows < len(labels):
            raise RowError(
                f"row: there is no row {rows}; this result has {len(labels)}, 0 to "
                f"{len(labels) - 1}."
            )
        return np.array([int(rows) % len(labels)])
    if isinstance(rows, slice):
        picked = np.arange(len(labels))[rows]
    else:
        values = list(rows)
        if values and all(isinstance(v, (bool, np.bool_)) for v in values):
            if len(values) != len(labels):
                raise ArgumentError(f"row: {len(values)} booleans for {len(labels)} rows.")
            picked = np.flatnonzero(values)
        else:
            picked = np.concatenate([positions(labels, v) for v in values] or [np.array([], int)])
    if len(picked) == 0:
        raise ArgumentError("row: the selection is empty.")
    return picked


def _no_row(labels: Sequence[str], name: str) -> UnknownNameError:
    parts = [label for label in labels if name in re.findall(r"[^=,\s]+", label)]
    what = "a label of this result (where(variable=value) picks rows by their columns)"
    if not parts:
        return unknown_name("row", name, labels, what)
    return UnknownNameError(
        f"row: {name!r} is not {what}. Known: {listing(labels)}. Did you mean {listing(parts, 3)}?"
    )


def pairs(estimand: Estimand, minus: str = "-") -> Estimand:
    """Return the difference of every pair of rows, the earlier minus the later."""
    first, second = np.triu_indices(len(estimand), 1)
    short = [operand(label) for label in _short_labels(estimand.labels)]
    names = tuple(f"{short[i]} {minus} {short[j]}" for i, j in zip(first, second, strict=True))
    columns = with_contrast(in_common_of_pairs(estimand.columns, first, second), names)
    return Sum(estimand[first], estimand[second], names, (1.0, -1.0), columns)


def added(a: Estimand, b: Estimand, sign: float, symbol: str) -> Estimand:
    """Return ``a + b`` or ``a - b``, row by row."""
    names = tuple(
        f"{operand(x)} {symbol} {operand(y)}" for x, y in zip(a.labels, b.labels, strict=True)
    )
    columns = with_contrast(shared(a.columns, b.columns), names)
    return Sum(a, b, names, (1.0, sign), columns)


def scaled(estimand: Estimand, factor: float) -> Estimand:
    """Return every row times a number."""
    if not np.isfinite(factor):
        raise ArgumentError("a result can be multiplied by a finite number only.")
    names = tuple(f"{factor:g} * {operand(name)}" for name in estimand.labels)
    return Scaled(estimand, factor, names, estimand.columns)


def divided(a: Estimand, b: Estimand, inference: Uncertainty) -> Estimand:
    """Return the quotients of two estimands, row by row."""
    bottom = inference.value(b)
    if (bottom == 0).any():
        raise NumericalError(f"division by {b.labels[int(np.argmin(np.abs(bottom)))]!r} = 0.")
    names = [f"{operand(x)} / {operand(y)}" for x, y in zip(a.labels, b.labels, strict=True)]
    return Quotient(a, b, tuple(names), shared(a.columns, b.columns))


def combination(quantity: Quantity, weights: FloatArray, scale: ScaleFacts) -> Quantity:
    """Tell what linear combinations of a quantity are, formed on a scale."""
    if quantity.operations and quantity.outermost is not Operation.COMBINATION:
        return quantity
    if not np.allclose(weights.sum(axis=1), 0.0, atol=1e-9 * np.abs(weights).max()):
        return quantity if quantity.operations else quantity.after(Operation.COMBINATION)
    if scale.gives_odds_ratios:
        return quantity.after(Operation.ODDS_RATIO)
    return quantity.after(Operation.RATIO if scale.gives_ratios else Operation.CONTRAST)


def aligned(a: Estimand, b: Estimand) -> tuple[Estimand, Estimand]:
    """Repeat a single row to the length of the other; otherwise lengths must agree."""
    k = max(len(a), len(b))
    if len(a) not in (1, k) or len(b) not in (1, k):
        raise ArgumentError(f"results with {len(a)} and {len(b)} rows do not match.")
    every, first = np.arange(k), np.zeros(k, int)
    return a[first if len(a) == 1 else every], b[first if len(b) == 1 else every]


def _short_labels(labels: Sequence[str]) -> list[str]:
    """Drop a common ``"variable="`` where every label is one level that is a word."""
    parts = [label.partition("=") for label in labels]
    one_variable = len({name for name, _, _ in parts}) == 1 and all(sep for _, sep, _ in parts)
    plain = all("," not in value and not _looks_numeric(value) for _, _, value in parts)
    return [value for _, _, value in parts] if one_variable and plain else list(labels)


def operand(label: str) -> str:
    """Put a label that is itself a sum, difference, product or quotient into brackets."""
    composed = any(sign in label for sign in (" - ", " + ", " * ", " / "))
    return f"({label})" if composed else label


def _looks_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("True", "False")
    return True
