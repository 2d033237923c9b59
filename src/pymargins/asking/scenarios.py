"""Scenarios: points at which a model is asked, and the contrasts between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isfunction
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, unknown_name
from pymargins.values import value_text

Weights: TypeAlias = Sequence[float] | NDArray[Any]
#: One contrast, several, or several by name.
Contrasts: TypeAlias = Mapping[str, Weights] | Weights | Sequence[Weights]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One point at which the mean response is asked.

    Parameters
    ----------
    atexog : mapping of str to value or callable
        Variables and the value each is set to; a callable shifts the column.
    label : str, optional
        How tables name it; by default its values, ``"treated=1"``.

    Examples
    --------
    >>> from pymargins import Scenario
    >>> Scenario({"treated": 1}).label
    'treated=1'
    """

    atexog: Mapping[str, Any]
    label: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.atexog, Mapping):
            raise ArgumentTypeError(
                f"Scenario: `atexog` must be a mapping of variable to value, got "
                f"{type(self.atexog).__name__}."
            )
        object.__setattr__(self, "atexog", dict(self.atexog))
        if not isinstance(self.label, str):
            raise ArgumentTypeError(
                f"Scenario: `label` must be text, got {type(self.label).__name__}."
            )
        if not self.label:
            object.__setattr__(self, "label", label_of(self.atexog))


class ScenarioSet(NamedTuple):
    """Scenarios and named weights over them; unpacks as ``scenarios, weights``."""

    scenarios: list[Scenario]
    weights: dict[str, FloatArray]


class Difference(str):
    """The name of a difference, which knows how it reads where differences are ratios.

    Parameters
    ----------
    difference : str
        ``"B - A"``.
    ratio : str
        ``"B / A"``; the same as `difference` by default.
    """

    __slots__ = ("ratio",)

    ratio: str

    def __new__(cls, difference: str, ratio: str | None = None) -> Difference:
        """Make the name."""
        self = super().__new__(cls, difference)
        self.ratio = difference if ratio is None else ratio
        return self

    def __reduce__(self) -> tuple[type[Difference], tuple[str, str]]:
        return Difference, (str(self), self.ratio)


def label_of(atexog: Mapping[str, Any]) -> str:
    """Name a scenario by its values."""
    return ", ".join(f"{k}={value_text(v)}" for k, v in atexog.items()) or "mean response"


def as_scenario(scenario: Any, position: int) -> Scenario:
    """Accept a `Scenario` or a mapping with exactly its keys.

    Raises
    ------
    ArgumentError
        For a flat mapping such as ``{"treated": 1}``, which would otherwise be ignored, and for a
        list of values: a scenario is one point.
    """
    if not isinstance(scenario, Scenario):
        if not isinstance(scenario, Mapping):
            raise ArgumentTypeError(
                f"scenarios: item {position} is {type(scenario).__name__}; expected "
                'Scenario({"treated": 1}) or {"atexog": {"treated": 1}, "label": "..."}.'
            )
        for key in scenario:
            if key not in ("atexog", "label"):
                raise unknown_name(
                    "scenarios",
                    key,
                    ["atexog", "label"],
                    f"a key of a scenario (item {position}); write "
                    f"{{'atexog': {{{key!r}: ...}}}} or Scenario({{{key!r}: ...}})",
                )
        if "atexog" not in scenario:
            raise ArgumentError(f"scenarios: item {position} has no 'atexog'.")
        scenario = Scenario(scenario["atexog"], scenario.get("label") or "")
    for name, value in scenario.atexog.items():
        if not callable(value) and is_several(value):
            raise ArgumentError(
                f"scenarios: item {position} gives {name!r} several values; a scenario is one "
                f"point. Use levels({name!r}, [...]), or predict(atexog=...) for a grid."
            )
    return scenario


def parse_scenarios(scenarios: Any) -> list[Scenario]:
    """Accept one scenario or a sequence of them, at least one."""
    if isinstance(scenarios, Mapping) and not {"atexog", "label"} & set(scenarios):
        raise ArgumentTypeError(
            f"scenarios: a mapping of variables, {dict(scenarios)!r}, is no list of scenarios. "
            f"Write [Scenario({dict(scenarios)!r}), ...] for points to contrast, or "
            f"m.predict({dict(scenarios)!r})."
        )
    if isinstance(scenarios, (Scenario, Mapping)):
        scenarios = [scenarios]
    if isinstance(scenarios, str):
        raise ArgumentTypeError(
            f"scenarios: got {scenarios!r} (str); say which contrasts of a variable are meant: "
            f"pairwise({scenarios!r}), reference({scenarios!r}), levels({scenarios!r}), ..."
        )
    if isfunction(scenarios):
        name = scenarios.__name__
        raise ArgumentTypeError(
            f'scenarios: {name} was not called; name its variable: {name}("school").'
        )
    if isinstance(scenarios, bytes) or not isinstance(scenarios, Sequence):
        raise ArgumentTypeError(
            f"scenarios: expected a list of scenarios, got {scenarios!r} "
            f"({type(scenarios).__name__})."
        )
    if len(scenarios) == 0:
        raise ArgumentError("scenarios: the list is empty; give at least one scenario.")
    return [as_scenario(s, i) for i, s in enumerate(scenarios)]


def contrast_weights(
    contrasts: Contrasts,
    labels: Sequence[str],
    argument: str = "contrasts",
    what: str = "scenarios",
    ratios: bool = False,
) -> dict[str, FloatArray]:
    """Turn a weight list, ``{name: weights}`` or a 2-D array into named weights.

    Parameters
    ----------
    contrasts : list, mapping or array
    labels : sequence of str
        What is weighted.
    argument, what : str
        How messages call the weights, and what they are over.
    ratios : bool
        Whether contrasts are reported as ratios, so that their names should read as such.
    """
    size = len(labels)
    if isinstance(contrasts, Mapping):
        if not contrasts:
            raise ArgumentError(f"{argument}: the mapping is empty; give at least one contrast.")
        names = [str(k) for k in contrasts]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise ArgumentError(f"{argument}: the name {twice[0]!r} is given twice.")
        return {
            _as_ratio(k) if ratios else str(k): _weights(v, size, argument, what, str(k))
            for k, v in contrasts.items()
        }
    array = _numbers(contrasts, argument)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ArgumentError(
            f"{argument}: got an array of shape {array.shape}; expected ({size},) or (k, {size})."
        )
    rows = [_weights(row, size, argument, what) for row in np.atleast_2d(array)]
    named: dict[str, FloatArray] = {}
    for row in rows:
        balanced = abs(row.sum()) <= 1e-9 * np.abs(row).max()
        name = _ratio_label(row, labels) if ratios and balanced else _contrast_label(row, labels)
        while name in named:
            name += "'"
        named[name] = row
    return named


def _numbers(weights: Any, argument: str) -> FloatArray:
    try:
        return np.array(weights, dtype=float)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{argument}: got {weights!r}; weights must be numbers: a list, {{name: list}} or a "
            "2-D array with rows of equal length. Helpers make them: "
            'm.contrasts(pairwise("school")).'
        ) from None


def _weights(
    weights: Any, size: int, argument: str, what: str, name: str | None = None
) -> FloatArray:
    array = _numbers(weights, argument)
    whose = argument if name is None else f"{argument}: {name!r}"
    if array.shape != (size,):
        raise ArgumentError(
            f"{whose} has {array.size} weights in shape {array.shape}; there are {size} {what}."
        )
    if not np.isfinite(array).all():
        raise ArgumentError(f"{whose} has a missing or infinite weight.")
    if not array.any():
        raise ArgumentError(f"{whose} has only zero weights; a difference is [1, -1].")
    return array


def _contrast_label(weights: FloatArray, labels: Sequence[str]) -> str:
    """Write a weighted sum of labels: ``"treated=1 - treated=0"``."""
    text = ""
    for weight, label in sorted(zip(weights, labels, strict=True), key=lambda x: x[0] < 0):
        if weight == 0:
            continue
        size = "" if abs(weight) == 1 else f"{abs(weight):.4g}*"
        sign = (" - " if weight < 0 else " + ") if text else ("-" if weight < 0 else "")
        text += f"{sign}{size}{label}"
    return text


def _as_ratio(name: Any) -> str:
    return name.ratio if isinstance(name, Difference) else str(name)


def _ratio_label(weights: FloatArray, labels: Sequence[str]) -> str:
    """Write a product of powers: ``"treated=1 / treated=0"``."""
    sides: list[str] = []
    for sign in (1.0, -1.0):
        factors = [
            label if abs(weight) == 1 else f"{label}^{abs(weight):.4g}"
            for weight, label in zip(weights, labels, strict=True)
            if weight * sign > 0
        ]
        text = " * ".join(factors)
        sides.append(f"({text})" if len(factors) > 1 else text)
    return " / ".join(sides)


def is_several(value: Any) -> bool:
    """Tell whether a value is a collection of values."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes))
