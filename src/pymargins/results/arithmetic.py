"""Rows of estimands picked, paired, added and divided, with labels that read as what was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError, ArgumentTypeError, NumericalError, unknown_name
from pymargins.estimands.nodes import Estimand, Quotient, Scaled, Sum
from pymargins.facts import Operation, Quantity, ScaleFacts
from pymargins.inference.uncertainty import Uncertainty


def positions(labels: Sequence[str], rows: Any) -> IntArray:
    """Return the positions of rows named by a label, a position, a slice or a list of them."""
    if isinstance(rows, str):
        if rows not in labels:
            raise unknown_name("row", rows, labels, "a label of this result")
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
            raise IndexError(f"row {rows} of a result with {len(labels)} rows")
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


def pairs(estimand: Estimand) -> Estimand:
    """Return the difference of every pair of rows, the later minus the earlier."""
    first, second = np.triu_indices(len(estimand), 1)
    short = [operand(label) for label in _short_labels(estimand.labels)]
    names = tuple(f"{short[j]} - {short[i]}" for i, j in zip(first, second, strict=True))
    return Sum(estimand[second], estimand[first], names, (1.0, -1.0))


def added(a: Estimand, b: Estimand, sign: float) -> Estimand:
    """Return ``a + b`` or ``a - b``, row by row."""
    symbol = "-" if sign < 0 else "+"
    names = [f"{operand(x)} {symbol} {operand(y)}" for x, y in zip(a.labels, b.labels, strict=True)]
    return Sum(a, b, tuple(names), (1.0, sign))


def scaled(estimand: Estimand, factor: float) -> Estimand:
    """Return every row times a number."""
    if not np.isfinite(factor):
        raise ArgumentError("a result can be multiplied by a finite number only.")
    names = tuple(f"{factor:g} * {operand(name)}" for name in estimand.labels)
    return Scaled(estimand, factor, names)


def divided(a: Estimand, b: Estimand, inference: Uncertainty) -> Estimand:
    """Return the quotients of two estimands, row by row."""
    bottom = inference.value(b)
    if (bottom == 0).any():
        raise NumericalError(f"division by {b.labels[int(np.argmin(np.abs(bottom)))]!r} = 0.")
    names = [f"{operand(x)} / {operand(y)}" for x, y in zip(a.labels, b.labels, strict=True)]
    return Quotient(a, b, tuple(names))


def combination(quantity: Quantity, weights: FloatArray, scale: ScaleFacts) -> Quantity:
    """Tell what linear combinations of a quantity are, formed on a scale."""
    if quantity.operations:
        return quantity
    if not np.allclose(weights.sum(axis=1), 0.0, atol=1e-9 * np.abs(weights).max()):
        return quantity.after(Operation.COMBINATION)
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
