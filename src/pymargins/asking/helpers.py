"""Helpers that write scenarios and contrasts: pairs, trends, differences in differences.

Those of one variable may be called without levels, ``pairwise("school")``: all of them, which the
session fills in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import combinations, product
from typing import Any, cast

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.scenarios import Difference, Scenario, ScenarioSet, is_several
from pymargins.asking.unfilled import Unfilled, levels_optional
from pymargins.errors import ArgumentError, ArgumentTypeError, unknown_name
from pymargins.values import value_texts


@levels_optional
def levels(var: str, values: Sequence[Any] | None = None) -> list[Scenario]:
    """Make one scenario for each value of a variable.

    Examples
    --------
    >>> from pymargins import levels
    >>> [s.label for s in levels("dose", [0, 10])]
    ['dose=0', 'dose=10']
    """
    values = _values("levels", var, values)
    texts = value_texts(values)
    return [Scenario({var: v}, f"{var}={text}") for v, text in zip(values, texts, strict=True)]


def grid(**variables: Any) -> list[Scenario]:
    """Make one scenario for each combination of values, the last variable fastest.

    ``...`` stands for all values of a variable; the session fills them in.

    Examples
    --------
    >>> from pymargins import grid
    >>> len(grid(dose=[0, 10], female=[0, 1]))
    4
    """
    if not variables:
        raise ArgumentError("grid: name at least one variable, as in grid(treated=[0, 1]).")
    missing = tuple(name for name, given in variables.items() if given is ...)
    if missing:
        return cast("list[Scenario]", Unfilled("grid", missing, _filled_grid, variables))
    values = [_values("grid", name, _as_list(given)) for name, given in variables.items()]
    return [Scenario(dict(zip(variables, point, strict=True))) for point in product(*values)]


def _filled_grid(levels: Mapping[str, Sequence[Any]], **variables: Any) -> list[Scenario]:
    return grid(**{**variables, **levels})


@levels_optional
def pairwise(var: str, values: Sequence[Any] | None = None) -> ScenarioSet:
    """Contrast every pair of levels, the earlier minus the later.

    Examples
    --------
    >>> from pymargins import pairwise
    >>> scenarios, weights = pairwise("treated", [1, 0])
    >>> {name: w.tolist() for name, w in weights.items()}
    {'treated: 1 - 0': [1.0, -1.0]}
    """
    values = _values("pairwise", var, values, least=2)
    named = _differences(var, values)
    weights: dict[str, FloatArray] = {
        named(i, j): _unit(len(values), {i: 1.0, j: -1.0})
        for i, j in combinations(range(len(values)), 2)
    }
    return ScenarioSet(levels(var, values), weights)


@levels_optional
def all_pairwise(var: str, values: Sequence[Any] | None = None) -> ScenarioSet:
    """Contrast every pair of levels, as `pairwise`: k levels give k(k - 1)/2 contrasts."""
    return pairwise(var, values)


FIRST_LEVEL = object()


@levels_optional
def reference(
    var: str, values: Sequence[Any] | None = None, ref_level: Any = FIRST_LEVEL
) -> ScenarioSet:
    """Contrast each level with a reference: the level minus the reference.

    Parameters
    ----------
    var : str
    values : sequence
        The levels, the reference among them.
    ref_level : value, default the first of `values`
        Without levels, the one from which the coding of the fit takes them.

    Examples
    --------
    >>> from pymargins import reference
    >>> list(reference("school", ["A", "B", "C"], ref_level="A").weights)
    ['B - A', 'C - A']
    """
    values = _values("reference", var, values, least=2)
    ref = values[0] if ref_level is FIRST_LEVEL else ref_level
    if ref not in values:
        raise unknown_name("ref_level", ref, values, f"among the levels given for {var!r}")
    base, named = values.index(ref), _differences(var, values)
    weights: dict[str, FloatArray] = {
        named(i, base): _unit(len(values), {i: 1.0, base: -1.0})
        for i in range(len(values))
        if i != base
    }
    return ScenarioSet(levels(var, values), weights)


@levels_optional
def sequential(var: str, values: Sequence[Any] | None = None) -> ScenarioSet:
    """Contrast each level with the one before it: the later minus the earlier.

    Examples
    --------
    >>> from pymargins import sequential
    >>> list(sequential("wave", [1, 2, 3]).weights)
    ['wave: 2 - 1', 'wave: 3 - 2']
    """
    values = _values("sequential", var, values, least=2)
    named = _differences(var, values)
    weights: dict[str, FloatArray] = {
        named(i, i - 1): _unit(len(values), {i: 1.0, i - 1: -1.0}) for i in range(1, len(values))
    }
    return ScenarioSet(levels(var, values), weights)


@levels_optional
def helmert(var: str, values: Sequence[Any] | None = None) -> ScenarioSet:
    """Contrast each level with the mean of those before it.

    Examples
    --------
    >>> from pymargins import helmert
    >>> list(helmert("dose", ["low", "mid", "high"]).weights)
    ['mid - low', 'high - mean(low, mid)']
    """
    values = _values("helmert", var, values, least=2)
    prefix = f"{var}: " if _is_numeric(values[0]) else ""
    texts = value_texts(values)
    weights: dict[str, FloatArray] = {}
    for i in range(1, len(values)):
        earlier = ", ".join(texts[:i])
        name = Difference(
            f"{prefix}{texts[i]} - {earlier if i == 1 else f'mean({earlier})'}",
            f"{prefix}{texts[i]} / {earlier if i == 1 else f'geometric mean({earlier})'}",
        )
        weights[name] = _unit(len(values), {i: 1.0, **dict.fromkeys(range(i), -1.0 / i)})
    return ScenarioSet(levels(var, values), weights)


_DEGREES = ("linear", "quadratic", "cubic", "quartic", "quintic")


@levels_optional
def polynomial(
    var: str, values: Sequence[Any] | None = None, degree: int | None = None
) -> ScenarioSet:
    """Contrast levels by orthogonal polynomials.

    Levels that are numbers are their own scores, others are taken as equally spaced. With equal
    spacing the weights are the tabled integers (``-1, 0, 1`` and ``1, -2, 1`` for three levels),
    as in emmeans; otherwise they have unit length.

    Parameters
    ----------
    var : str
    values : sequence
    degree : int, optional
        The highest degree; by default one less than the number of levels, at most five.

    Examples
    --------
    >>> from pymargins import polynomial
    >>> {name: w.tolist() for name, w in polynomial("dose", [0, 10, 20]).weights.items()}
    {'dose: linear': [-1.0, 0.0, 1.0], 'dose: quadratic': [1.0, -2.0, 1.0]}
    """
    values = _values("polynomial", var, values, least=2)
    k = len(values)
    degree = min(k - 1, len(_DEGREES)) if degree is None else degree
    whole = isinstance(degree, (int, np.integer)) and not isinstance(degree, bool)
    if not whole or not 1 <= degree <= min(k - 1, len(_DEGREES)):
        raise ArgumentError(
            f"degree: got {degree!r}; allowed are 1 to {min(k - 1, len(_DEGREES))} for {k} levels."
        )
    numeric = all(_is_numeric(v) and not isinstance(v, (bool, np.bool_)) for v in values)
    scores = np.array(values, dtype=float) if numeric else np.arange(k, dtype=float)
    gaps = np.diff(scores)
    equal = np.allclose(gaps, gaps[0], rtol=1e-9, atol=0.0)
    scores = np.arange(k, dtype=float) if equal else (scores - scores.mean()) / np.ptp(scores)
    q, r = np.linalg.qr(np.vander(scores - scores.mean(), degree + 1, increasing=True))
    q = q * np.sign(np.diag(r))
    if equal and gaps[0] < 0:
        q = q * (-1.0) ** np.arange(degree + 1)
    weights = {
        f"{var}: {_DEGREES[d - 1]}": _integers(q[:, d]) if equal else q[:, d]
        for d in range(1, degree + 1)
    }
    return ScenarioSet(levels(var, values), weights)


def did(
    treatment: str,
    time: str,
    treatment_levels: Sequence[Any] = (1, 0),
    time_levels: Sequence[Any] = (1, 0),
) -> ScenarioSet:
    """Difference in differences: the change over time of the treated minus that of the others.

    Parameters
    ----------
    treatment, time : str
        The two variables.
    treatment_levels : two values
        The treated level, then the untreated one.
    time_levels : two values
        The later time, then the earlier one.

    Examples
    --------
    >>> from pymargins import did
    >>> {name: w.tolist() for name, w in did("treated", "post").weights.items()}
    {'did(treated: 1 - 0, post: 1 - 0)': [1.0, -1.0, -1.0, 1.0]}
    """
    if treatment == time:
        raise ArgumentError(f"did: treatment and time must be two variables, got {time!r} twice.")
    first = _values("did", treatment, treatment_levels, exactly=2)
    second = _values("did", time, time_levels, exactly=2)
    points = [Scenario({treatment: a, time: b}) for a, b in product(first, second)]
    name = Difference(*(_did_name(treatment, first, time, second, sign) for sign in "-/"))
    return ScenarioSet(points, {name: np.array([1.0, -1.0, -1.0, 1.0])})


def _did_name(
    treatment: str, first: Sequence[Any], time: str, second: Sequence[Any], by: str
) -> str:
    changes = [f" {by} ".join(value_texts(values)) for values in (first, second)]
    return f"did({treatment}: {changes[0]}, {time}: {changes[1]})"


def _as_list(values: Any) -> Sequence[Any]:
    return values if is_several(values) else [values]


def _values(
    helper: str, var: Any, values: Any, least: int = 1, exactly: int | None = None
) -> list[Any]:
    if not isinstance(var, str):
        raise ArgumentTypeError(
            f"{helper}: the variable must be a name, got {var!r} ({type(var).__name__})."
        )
    if isinstance(values, (str, bytes, Mapping, Set)) or not isinstance(values, Iterable):
        raise ArgumentTypeError(f"{helper}: the levels of {var!r} must be a list, got {values!r}.")
    found = [v.item() if isinstance(v, np.generic) else v for v in values]
    for value in found:
        if is_several(value):
            raise ArgumentError(
                f"{helper}: the levels of {var!r} must be a flat list; {value!r} is among them."
            )
        if pd.isna(value) or (isinstance(value, float) and np.isinf(value)):
            raise ArgumentError(f"{helper}: a level of {var!r} is missing or infinite.")
    if len(found) < least or (exactly is not None and len(found) != exactly):
        need = f"exactly {exactly}" if exactly is not None else f"at least {least}"
        raise ArgumentError(f"{helper}: {var!r} was given {len(found)} level(s); needs {need}.")
    for i, value in enumerate(found):
        if value in found[:i]:
            raise ArgumentError(f"{helper}: the level {value!r} of {var!r} is given twice.")
    return found


def _unit(size: int, weights: Mapping[int, float]) -> FloatArray:
    out = np.zeros(size)
    for position, weight in weights.items():
        out[position] = weight
    return out


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_))


def _differences(var: str, values: Sequence[Any]) -> Callable[[int, int], Difference]:
    """Return what names the difference of two of the values, by their positions."""
    texts = value_texts(values)

    def named(i: int, j: int) -> Difference:
        prefix = f"{var}: " if _is_numeric(values[i]) or _is_numeric(values[j]) else ""
        return Difference(f"{prefix}{texts[i]} - {texts[j]}", f"{prefix}{texts[i]} / {texts[j]}")

    return named


def _integers(weights: FloatArray) -> FloatArray:
    """Scale to the smallest integers that keep the ratios."""
    base = weights / np.abs(weights[np.abs(weights) > 1e-9]).min()
    for factor in range(1, 1000):
        if np.allclose(base * factor, np.round(base * factor), atol=1e-6 * factor):
            return np.round(base * factor) + 0.0  # no -0.0
    return weights
