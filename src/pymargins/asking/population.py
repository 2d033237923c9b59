"""Populations: the weighted rows that a mean response is averaged over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.asking.frames import as_frame, check_frame, snapshot
from pymargins.asking.rules import default_rule, parse_rule, rule_text, summary_rows, two_valued
from pymargins.asking.subgroups import subgroups_of
from pymargins.asking.weights import row_weights
from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of, unknown_name
from pymargins.estimands.averages import Chunk
from pymargins.estimands.rows import Rows, Strata
from pymargins.facts import PopulationFacts, Where
from pymargins.models.fitted import Fitted

NAMED = {
    "overall": Where.OVERALL,
    "typical": Where.TYPICAL,
    "mean": Where.MEAN,
    "balanced": Where.BALANCED,
}
MAXIMUM_GRID = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What a session averages over.

    Parameters
    ----------
    fitted : Fitted
    frame : DataFrame
        The rows that `over` and rules look at.
    rows : Rows or None
        The rows to average over; None where they depend on the subgroup (one summary row each).
    rules : mapping of str to rule, or None
        For one summary row: how each variable is set.
    weights : ndarray or None
    facts : PopulationFacts
    """

    fitted: Fitted
    frame: pd.DataFrame
    rows: Rows | None
    rules: Mapping[str, Any] | None
    weights: FloatArray | None
    facts: PopulationFacts

    def stratify(self, over: Sequence[str]) -> tuple[tuple[Chunk, ...], pd.DataFrame]:
        """Return rows with their subgroups by the `over` columns, and a row of labels for each."""
        strata, labels = subgroups_of(self.frame, over)
        if strata is not None and self.weights is not None:
            empty = np.bincount(strata.codes, self.weights, strata.size) == 0
            if empty.any():
                raise ArgumentError(
                    f"over: the subgroup {labels[empty].iloc[0].to_dict()} has zero total weight."
                )
        if self.rows is not None:
            return (Chunk(self.rows, strata),), labels
        assert self.rules is not None
        rows = summary_rows(self.fitted, self.frame, self.rules, self.weights, strata)
        own = None if strata is None else Strata(np.arange(strata.size), strata.size)
        return (Chunk(rows, own),), labels


def make_population(fitted: Fitted, at: Any, weights: Any, resampled: bool = False) -> Population:
    """Parse `at` and `weights`.

    Parameters
    ----------
    resampled : bool
        Whether replicates resample the rows of the fit with its groups.

    Raises
    ------
    ArgumentError, UnknownNameError
        Naming the rule, variable or row that cannot be used.
    """
    if isinstance(at, str):
        if at not in NAMED:
            raise not_one_of("at", at, [*NAMED, "a mapping", "a data frame"])
        return _named(fitted, at, weights, resampled)
    if isinstance(at, Mapping):
        weight = row_weights(weights, fitted.frame, fitted.facts.incomplete)
        return _from_mapping(fitted, at, weight)
    frame = as_frame(at)
    if frame is None:
        raise ArgumentTypeError(
            f"at: expected one of {listing(NAMED)}, a mapping or a data frame, got "
            f"{type(at).__name__}."
        )
    weight = row_weights(weights, frame)
    columns = check_frame(fitted, frame, "at")
    frame = snapshot(frame)
    rows = Rows(fitted.designs, fitted.variables, columns, len(frame), weight)
    facts = PopulationFacts(Where.FRAME, len(frame), weight is not None)
    return Population(fitted, frame, rows, None, weight, facts)


def _named(fitted: Fitted, at: str, weights: Any, resampled: bool) -> Population:
    frame, n = fitted.frame, fitted.facts.n
    weight = row_weights(weights, frame, fitted.facts.incomplete)
    facts = PopulationFacts(NAMED[at], n, weight is not None)
    if at == "overall":
        rows = fit_rows(fitted, weight, resampled)
        return Population(fitted, frame, rows, None, weight, facts)
    if at == "balanced":
        if weight is not None:
            raise ArgumentError(
                'weights: at="balanced" weights every combination equally; leave `weights` out '
                'or use at="overall".'
            )
        grid = balanced_frame(fitted)
        facts = PopulationFacts(Where.BALANCED, len(grid))
        return Population(fitted, grid, rows_of(fitted, grid, None), None, None, facts)
    rules = {v.name: default_rule(v, at) for v in fitted.variables.values()}
    if at == "typical":
        rules = {k: two_valued(fitted, k, rule) for k, rule in rules.items()}
    return Population(fitted, frame, None, rules, weight, facts)


def _from_mapping(fitted: Fitted, at: Mapping[Any, Any], weights: FloatArray | None) -> Population:
    rules: dict[str, Any] = {
        v.name: two_valued(fitted, v.name, default_rule(v, "typical"))
        for v in fitted.variables.values()
    }
    for name, rule in at.items():
        if name not in fitted.variables:
            raise unknown_name("at", name, fitted.variables, "a variable of the model")
        if callable(rule) and weights is not None:
            raise ArgumentError(
                f"at: the function given for {name!r} cannot see the weights. Give a rule such as "
                "'mean' or 'p25', or the value itself."
            )
        rules[name] = parse_rule(fitted.variables[name], rule)
    summary_rows(fitted, fitted.frame, rules, weights, None)  # a bad function is told of here
    settings = tuple((str(k), rule_text(v)) for k, v in at.items())
    facts = PopulationFacts(Where.MAPPING, fitted.facts.n, weights is not None, settings)
    return Population(fitted, fitted.frame, None, rules, weights, facts)


def fit_rows(fitted: Fitted, weights: FloatArray | None, resampled: bool = False) -> Rows:
    """Return the rows of the fit."""
    columns = {v: fitted.frame[v] for v in fitted.variables}
    clusters = None
    if resampled and fitted.groups is not None:
        clusters = Strata(fitted.groups, int(fitted.groups.max()) + 1)
    return Rows(
        fitted.designs,
        fitted.variables,
        columns,
        fitted.facts.n,
        weights,
        fitted.factor_values,
        clusters,
        fitted.offsets,
    )


def rows_of(fitted: Fitted, frame: pd.DataFrame, weights: FloatArray | None) -> Rows:
    """Build population rows from a frame that already has the fit's column types."""
    columns = {v: frame[v] for v in fitted.variables}
    return Rows(fitted.designs, fitted.variables, columns, len(frame), weights)


def balanced_frame(fitted: Fitted) -> pd.DataFrame:
    """Build the reference grid: all combinations of categorical levels, numeric at their mean."""
    factors = [v for v in fitted.variables.values() if v.kind != "numeric"]
    size = int(np.prod([len(v.levels) for v in factors], dtype=float))
    if size > MAXIMUM_GRID:
        raise ArgumentError(
            f'at: "balanced" would need {size:,} combinations of {[v.name for v in factors]}; the '
            f'limit is {MAXIMUM_GRID:,}. Use at="overall".'
        )
    codes: AnyArray = np.array(list(product(*(range(len(v.levels)) for v in factors))), dtype=int)
    columns: dict[str, Any] = {v.name: v.of_codes(codes[:, j]) for j, v in enumerate(factors)}
    for v in fitted.variables.values():
        if v.kind == "numeric":
            mean = float(np.mean(np.asarray(fitted.frame[v.name], dtype=float)))
            columns[v.name] = pd.Series(np.full(size, mean))
    return pd.DataFrame(columns) if columns else pd.DataFrame(index=range(size))
