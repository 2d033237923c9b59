"""Joint tests of model terms that do not depend on how factors are coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.asking.atexog import Points, parse_atexog
from pymargins.asking.balance import balanced_frame
from pymargins.asking.population import rows_of
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    NumericalError,
    UnknownNameError,
    UnsupportedError,
    listing,
)
from pymargins.estimands.nodes import Estimand, Linear, stacked
from pymargins.estimands.rows import Rows
from pymargins.estimands.scenes import Grid, average
from pymargins.facts import LostEffects, Note
from pymargins.inference.joint import wald
from pymargins.inference.leverage import hardly_seen
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.clusters import ClusterMean
from pymargins.models.design import Design
from pymargins.models.factors import Factor
from pymargins.models.fitted import Fitted
from pymargins.models.variables import Variable
from pymargins.report.notes import note_words

COLUMNS = ("term", "statistic", "df1", "df2", "p_value", "test")
ESTIMABLE_TOLERANCE = 1e-8
RANK_TOLERANCE = 1e-9
#: Observed values of a variable among which those are chosen that show its curve.
MOST_CANDIDATES = 400


def joint_tests(fitted: Fitted, inference: Uncertainty, by: Any = None) -> pd.DataFrame:
    """Test every term of the fixed part by its effects on the balanced grid.

    A term of the variables v, w, ... has the effects: all contrasts between the levels of its
    categorical variables, crossed with the changes of its numeric ones, averaged with equal
    weights over the levels of the other categorical variables, the other numeric variables at
    their mean. Terms with the same variables (``x`` and ``I(x ** 2)``) are one: their columns
    describe one curve. Where the model has no term for some of the variables of a term (b in
    ``a + a:b``), their effects belong to it. Of several equations, those of other outcomes or of a
    second part, a term is tested in all at once.

    Parameters
    ----------
    fitted : Fitted
    inference : Uncertainty
    by : str, list of str or mapping, optional
        Variables that are held at each of their values: at each, the terms of the other variables
        are tested.

    Returns
    -------
    DataFrame
        The variables of `by`, `term`, `statistic`, `df1`, `df2`, `p_value`, `test` ("F" or
        "chi2"); and `note` where there is something to say.
    """
    asked = asked_terms(fitted, by)
    rows, points = balanced_rows(fitted), telling_points(fitted)
    tests = [
        _test(one.name, effects_of(one, points, rows, fitted), fitted, inference) for one in asked
    ]
    return framed(asked, tests)


@dataclass(frozen=True, slots=True)
class AskedTerm:
    """A term that is tested: its name, its effects, and which variables are held where."""

    name: str
    effects: list[tuple[str, ...]]
    at: dict[str, Any]
    fixed: dict[str, Any]


def asked_terms(fitted: Fitted, by: Any) -> list[AskedTerm]:
    """Return the terms to be tested at each point of `by`, points outermost."""
    if isinstance(fitted.mean, ClusterMean):
        raise UnsupportedError(
            "joint_tests: it tests the terms of the fixed part, in which known clusters play no "
            'part. Ask a session without random_effects="predicted".'
        )
    if not fitted.mean.predictors:
        raise UnsupportedError(
            f"joint_tests: a {fitted.facts.kind} has no coefficients, so that there are no terms "
            "to test. Ask for the differences that matter and test them together: "
            "m.contrasts(pairwise(...)).joint_test()."
        )
    terms = term_variables(fitted)
    if not terms:
        raise ArgumentError("joint_tests: the model has no term besides the intercept.")
    held = held_points(fitted, by)
    terms = without(terms, list(held.columns))
    if not terms:
        raise ArgumentError(
            f"by: {listing(held.columns)} leaves no variable of the model whose effect could be "
            "tested."
        )
    asked: list[AskedTerm] = []
    for i in range(held.grid.size):
        fixed = {name: column.iloc[i] for name, column in held.grid.pins.items()}
        at = {name: values[i] for name, values in held.columns.items()}
        asked += [AskedTerm(name, owned(v, terms), at, fixed) for name, v in terms.items()]
    return asked


def balanced_rows(fitted: Fitted) -> Rows:
    """Return the balanced grid over which effects are averaged."""
    return rows_of(fitted, balanced_frame(fitted), None)


def telling_points(fitted: Fitted) -> dict[str, list[Any]]:
    """Return the values of each variable between which its effect shows."""
    return {name: _points(v, fitted) for name, v in fitted.variables.items()}


def effects_of(
    asked: AskedTerm, points: Mapping[str, Any], rows: Rows, fitted: Fitted
) -> dict[str, FloatArray]:
    """Return the effects of a term, by the role of the design whose coefficients make them."""
    return {
        role: _effects(asked.effects, points, rows, asked.fixed, role)
        for role in designs_of(fitted)
    }


def framed(asked: Sequence[AskedTerm], tests: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the tests of terms as a table, with notes where there are any."""
    rows = [{**one.at, "term": one.name, **test} for one, test in zip(asked, tests, strict=True)]
    columns = [*asked[0].at, *COLUMNS]
    noted = any(test["note"] for test in tests)
    return pd.DataFrame(rows, columns=[*columns, "note"] if noted else columns)


def held_points(fitted: Fitted, by: Any) -> Points:
    """Return the points at which the variables of `by` are held."""
    try:
        points = parse_atexog(fitted, by)
    except (ArgumentError, ArgumentTypeError, UnknownNameError) as error:
        raise type(error)(str(error).replace("atexog:", "by:", 1)) from None
    if points.grid.shifts or points.carried:
        raise ArgumentError("by: expected names of variables, or a mapping to their values.")
    return points


def without(
    terms: Mapping[str, tuple[str, ...]], held: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Leave variables out of terms: those of the others, each once, by the name it has alone."""
    if not held:
        return terms
    names = {frozenset(variables): name for name, variables in terms.items()}
    left = [tuple(v for v in variables if v not in held) for variables in terms.values()]
    return {
        names.get(frozenset(variables), ":".join(variables)): variables
        for variables in dict.fromkeys(left)
        if variables
    }


def designs_of(fitted: Fitted) -> dict[str, Design]:
    """Return the designs of the response's predictors, by role."""
    return {p.role: fitted.designs[p.role] for p in fitted.mean.predictors}


def factors_of(fitted: Fitted) -> list[Factor]:
    """Return the factors of all of them."""
    return [factor for design in designs_of(fitted).values() for factor in design.factors]


def term_variables(fitted: Fitted) -> dict[str, tuple[str, ...]]:
    """Name the terms, and the variables of each; those with the same variables together."""
    if any(f.name == "design" and not f.direct for f in factors_of(fitted)):
        raise UnsupportedError(  # Design.from_function
            "joint_tests: the adapter of this model gives its design as a whole, without terms. "
            "Ask for contrasts or slopes, and joint_test() of them."
        )
    together: dict[frozenset[str], list[str]] = {}
    for design in designs_of(fitted).values():
        for variables, names in _terms(design).items():
            together.setdefault(variables, names)  # the first equation names what several have
    return {
        " + ".join(names): tuple(v for v in fitted.variables if v in variables)
        for variables, names in together.items()
        if variables
    }


def _terms(design: Design) -> dict[frozenset[str], list[str]]:
    """Name the terms of one design by their variables."""
    together: dict[frozenset[str], list[str]] = {}
    for block in design.blocks:
        found = [v for f in block.factors for v in design.factors[f].variables]
        names = together.setdefault(frozenset(found), [])
        if block.term not in names:
            names.append(block.term)
    return together


def owned(variables: Sequence[str], terms: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """List the effects that are tested with a term: its own, and lower ones without a term.

    An effect belongs to the first term, the smallest before the larger ones, whose variables
    include its own.
    """
    in_order = sorted(terms.values(), key=len)
    effects = [
        effect for size in range(1, len(variables) + 1) for effect in combinations(variables, size)
    ]
    return [
        effect
        for effect in effects
        if next(t for t in in_order if set(effect) <= set(t)) == tuple(variables)
    ]


def _effects(
    effects: Sequence[Sequence[str]],
    points: Mapping[str, Any],
    rows: Rows,
    fixed: Mapping[str, Any],
    role: str,
) -> FloatArray:
    """Return the differences that make effects, other variables fixed, by a role's coefficients."""
    parts: list[FloatArray] = []
    for variables in effects:
        values = [points[v] for v in variables]
        if min(len(v) for v in values) < 2:
            continue  # a variable that does not vary has no effect
        combos = list(product(*values))
        values_of = {v: [combo[j] for combo in combos] for j, v in enumerate(variables)}
        values_of |= {v: [value] * len(combos) for v, value in fixed.items()}
        pins = {v: rows.variables[v].column(found) for v, found in values_of.items()}
        means = average(rows, Grid(len(combos), pins), role=role)[0]
        differences = [np.diff(np.eye(len(v)), axis=0) for v in values]
        parts.append(reduce(np.kron, differences) @ means)
    return np.concatenate(parts) if parts else np.empty((0, len(rows.designs[role].names)))


# --- one test ------------------------------------------------------------------------------------


def _test(
    name: str, effects: Mapping[str, FloatArray], fitted: Fitted, inference: Uncertainty
) -> dict[str, Any]:
    """Test that effects of a term are zero in every equation, as far as the data tell them."""
    parts, full, left = determined(name, effects, fitted)
    notes: tuple[Note, ...] = () if left == full else (LostEffects(full - left, full),)
    if left == 0:
        return no_test("not estimable", _words(notes) or "nothing varies")
    return tested(stacked(parts), inference, notes)


def determined(
    name: str, effects: Mapping[str, FloatArray], fitted: Fitted
) -> tuple[list[Linear], int, int]:
    """Return what the data determine of effects, and how many there are, and are left."""
    parts: list[Linear] = []
    full = left = 0
    for predictor in fitted.mean.predictors:
        matrix, block = effects[predictor.role], predictor.block
        kept = _estimable(matrix, fitted.null_spaces.get(block, np.empty((0, 0))))
        full, left = full + _rank(matrix), left + _rank(kept)
        if kept.any():
            parts.append(Linear(kept, block, (name,) * len(kept)))
    return parts, full, left


def tested(estimand: Estimand, inference: Uncertainty, notes: tuple[Note, ...]) -> dict[str, Any]:
    """Test that all rows are zero, or say why they cannot be tested."""
    try:
        notes += hardly_seen(inference, estimand)
        found = wald(estimand, np.zeros(len(estimand)), inference)
    except (
        ArgumentError,
        NumericalError,
        UnsupportedError,
    ) as error:  # the other terms can still be tested
        return no_test("not available", str(error).removeprefix("joint_test: "))
    return {**found.to_dict(), "note": _words(notes)}


def _words(notes: Sequence[Note]) -> str:
    return "; ".join(note_words(note) for note in notes)


def no_test(why: str, note: str) -> dict[str, Any]:
    """Return a row of the table that has no test."""
    nothing = {"statistic": np.nan, "df1": 0, "df2": np.nan, "p_value": np.nan}
    return {**nothing, "test": why, "note": note}


def _rank(matrix: FloatArray) -> int:
    if not matrix.any():
        return 0
    sizes = np.linalg.svd(_unit_columns(matrix)[0], compute_uv=False)
    return int((sizes > RANK_TOLERANCE * sizes[0]).sum())


def _estimable(matrix: FloatArray, null_space: FloatArray) -> FloatArray:
    """Return combinations of the rows that span what the data determine of them."""
    if null_space.size == 0 or not matrix.any():
        return matrix
    unit, size = _unit_columns(matrix)
    away = null_space * size[:, None]
    length = np.linalg.norm(away, axis=0)
    left, leak, _ = np.linalg.svd(unit @ (away / np.where(length > 0, length, 1.0)))
    free = int((leak > ESTIMABLE_TOLERANCE * np.sqrt(len(unit))).sum())
    return matrix if free == 0 else left[:, free:].T @ matrix


def _unit_columns(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Divide columns by their largest entry, so that units play no part."""
    size = np.abs(matrix).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    return matrix / size, size


# --- where a variable's effect shows -------------------------------------------------------------


def _points(variable: Variable, fitted: Fitted) -> list[Any]:
    """Choose the values between which a variable's effect shows.

    All levels; both ends of a numeric variable that enters as it is; of one that enters through
    curves or steps, as many observed values as these have independent columns, and one: those
    that determine the columns best, whatever their basis.
    """
    if variable.kind != "numeric":
        return list(variable.levels)
    factors = factors_of(fitted)
    curves = [f for f in factors if variable.name in f.variables and not f.direct]
    if not curves:
        return list(variable.ends) if variable.high > variable.low else [variable.ends[0]]
    column = fitted.frame[variable.name].drop_duplicates().sort_values()
    some = np.unique(np.linspace(0, len(column) - 1, MOST_CANDIDATES).round().astype(int))
    column = column.iloc[some].reset_index(drop=True)
    parts = [variable.numbers(column)[:, None]]
    parts += [_columns(f, variable.name, column, fitted) for f in curves]
    direct = any(f.direct and f.variables == (variable.name,) for f in factors)
    chosen = _telling_rows(np.hstack(parts if direct else parts[1:]))
    if variable.is_date:
        return column.iloc[chosen].tolist()
    return variable.numbers(column)[chosen].tolist()


def _columns(factor: Factor, name: str, column: Any, fitted: Fitted) -> FloatArray:
    """Return a factor's columns along one variable, at both ends or all levels of the others."""
    others = [v for v in factor.variables if v != name]
    ends = [_ends(fitted.variables[v]) for v in others]
    parts: list[FloatArray] = []
    for values in product(*ends):
        held = {
            v: fitted.variables[v].column([value] * len(column))
            for v, value in zip(others, values, strict=True)
        }
        found = factor.evaluate({**held, name: column})
        if factor.levels is not None:
            found = np.eye(len(factor.levels))[found]
        parts.append(np.asarray(found, dtype=float))
    return np.hstack(parts)


def _ends(variable: Variable) -> Sequence[Any]:
    return variable.levels if variable.kind != "numeric" else variable.ends


def _telling_rows(columns: FloatArray) -> AnyArray:
    """Choose rows, in order, that have with a constant the full rank of the columns.

    By pivoting on an orthonormal basis: the choice does not depend on how the columns are coded.
    """
    from scipy.linalg import qr

    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    centred = centred[:, size > 0] / size[size > 0]
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    basis = left[:, sizes > RANK_TOLERANCE * sizes.max(initial=0.0)]
    basis = np.hstack([np.full((len(columns), 1), len(columns) ** -0.5), basis])
    pivots: Any = qr(basis.T, mode="r", pivoting=True)
    return np.sort(pivots[-1][: basis.shape[1]])
