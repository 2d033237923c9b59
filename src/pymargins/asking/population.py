"""Populations: the weighted rows that a mean response is averaged over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.balance import balanced_frame, grid_weights, scheme_of
from pymargins.asking.extrapolation import beyond_observed
from pymargins.asking.frames import as_frame, check_frame, snapshot
from pymargins.asking.offsets import (
    fixed_offset,
    offset_rule,
    offsets_of,
    summary_offsets,
)
from pymargins.asking.recognised import source_of
from pymargins.asking.rules import default_rule, parse_rule, rule_text, summary_rows, two_valued
from pymargins.asking.sources import Source
from pymargins.asking.streamed import StreamedPopulation, make_streamed
from pymargins.asking.subgroups import parse_over, subgroups_of
from pymargins.asking.weights import row_weights
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnsupportedError,
    listing,
    not_one_of,
    unknown_name,
)
from pymargins.estimands.chunks import Chunk, Held
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.sampled import SampledRows
from pymargins.facts import Extrapolation, PopulationFacts, Where
from pymargins.models.clusters import ClusterMean
from pymargins.models.fitted import Fitted

NAMED = {
    "overall": Where.OVERALL,
    "typical": Where.TYPICAL,
    "mean": Where.MEAN,
    "balanced": Where.BALANCED,
}


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
    offset : float, optional
        Of summary rows, where it was given; otherwise their rows' own, summarised.
    own_levels : bool
        Whether scenarios are averaged over the rows that have the levels they set.
    units : Strata, optional
        Of a sample: the unit of each row.
    beyond : tuple of Extrapolation
        Where rows that were given leave what was observed.
    """

    fitted: Fitted
    frame: pd.DataFrame
    rows: Rows | None
    rules: Mapping[str, Any] | None
    weights: FloatArray | None
    facts: PopulationFacts
    offset: float | None = None
    own_levels: bool = False
    units: Strata | None = None
    beyond: tuple[Extrapolation, ...] = ()

    def sampled(self, units: Strata) -> Population:
        """Return the same rows taken for a sample, whose units these are."""
        return replace(self, units=units, facts=replace(self.facts, sampled=True))

    def stratify(self, over: Any) -> tuple[Held, pd.DataFrame]:
        """Return rows with their subgroups by the `over` columns, and a row of labels for each."""
        names = parse_over(over, self.frame, self.fitted)
        strata, labels = subgroups_of(self.frame, names)
        if strata is not None and self.weights is not None:
            empty = np.bincount(strata.codes, self.weights, strata.size) == 0
            if empty.any():
                raise ArgumentError(
                    f"over: the subgroup {labels[empty].iloc[0].to_dict()} has zero total weight."
                )
        if self.rows is not None:
            chunk = Chunk(self.rows, strata, self.own_levels)
            return Held(chunk) if self.units is None else SampledRows(chunk, self.units), labels
        assert self.rules is not None
        offsets = summary_offsets(
            self.fitted,
            1 if strata is None else strata.size,
            self.facts.offset_rule,
            self.offset,
            self.weights,
            strata,
        )
        rows = summary_rows(self.fitted, self.frame, self.rules, self.weights, strata, offsets)
        own = None if strata is None else Strata(np.arange(strata.size), strata.size)
        return Held(Chunk(rows, own)), labels


AnyPopulation: TypeAlias = Population | StreamedPopulation


def make_population(
    fitted: Fitted,
    at: Any,
    weights: Any,
    resampled: bool = False,
    offset: Any = "observed",
    progress: bool | None = None,
) -> AnyPopulation:
    """Parse `at`, `weights` and `offset`.

    Parameters
    ----------
    resampled : bool
        Whether replicates resample the rows of the fit with its groups.
    offset : "observed" or float
        What is added to the linear predictor of each row.
    progress : bool, optional
        Whether passes over rows that are read in pieces show it.

    Raises
    ------
    ArgumentError, UnknownNameError
        Naming the rule, variable or row that cannot be used.
    """
    fixed = fixed_offset(fitted, offset)
    at = parse_at(at)
    if isinstance(at, str):
        found = _named(fitted, at, weights, resampled, fixed)
    elif isinstance(at, Source):
        found = make_streamed(fitted, at, weights, fixed, progress)
    elif isinstance(at, pd.DataFrame):
        found = _from_frame(fitted, at, weights, fixed)
    else:
        weight, counted = fit_weights(fitted, weights)
        found = _from_mapping(fitted, at, weight, counted, fixed)
    return replace(found, facts=replace(found.facts, offset=fixed))


def parse_at(at: Any) -> str | Mapping[Any, Any] | pd.DataFrame | Source:
    """Tell what kind of population `at` is: a name, a mapping, a data frame or a source of rows.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For anything else, and for a stream that can be read once.
    """
    if isinstance(at, (Mapping, Source)) or (isinstance(at, str) and at in NAMED):
        return at
    found = as_frame(at)
    found = source_of(at) if found is None else found
    if found is not None:
        return found
    if isinstance(at, str):
        raise not_one_of("at", at, [*NAMED, "a mapping", "a data frame", "a Parquet file"])
    raise ArgumentTypeError(
        f"at: expected one of {listing(NAMED)}, a mapping, a data frame, or what is read in pieces "
        "(the path of a Parquet file, a pyarrow dataset, a DuckDB relation, a polars LazyFrame, "
        "a Dask data frame), "
        f"got {type(at).__name__}."
    )


def _from_frame(
    fitted: Fitted, frame: pd.DataFrame, weights: Any, offset: float | None
) -> Population:
    weight = row_weights(weights, frame, frame.index)
    columns = check_frame(fitted, frame, "at")
    frame = snapshot(frame)
    offsets = offsets_of(fitted, len(frame), offset)
    rows = Rows(fitted.designs, fitted.variables, columns, len(frame), weight, offsets=offsets)
    facts = PopulationFacts(Where.FRAME, len(frame), weight is not None)
    beyond = tuple(beyond_observed(fitted, columns))
    return Population(fitted, frame, rows, None, weight, facts, beyond=beyond)


def _named(
    fitted: Fitted, at: str, weights: Any, resampled: bool, offset: float | None
) -> Population:
    if at == "balanced":
        if isinstance(fitted.mean, ClusterMean):
            raise UnsupportedError(
                'at: "balanced" crosses the levels of categories, and with '
                'random_effects="predicted" these include the clusters. Use "typical" or '
                '"overall" and set the clusters in atexog=, or give a data frame.'
            )
        return _balanced(fitted, weights, offset)
    frame, n = fitted.frame, fitted.facts.n
    weight, counted = fit_weights(fitted, weights)
    facts = PopulationFacts(NAMED[at], n, weight is not None, counted=counted)
    if at == "overall":
        offsets = None if offset is None else offsets_of(fitted, n, offset)
        rows = fit_rows(fitted, weight, resampled, offsets)
        return Population(fitted, frame, rows, None, weight, facts)
    rules = {v.name: default_rule(v, at) for v in fitted.variables.values()}
    if at == "typical":
        rules = {k: two_valued(fitted, k, rule) for k, rule in rules.items()}
    rule = offset_rule(fitted, "mean" if at == "mean" else "median", offset)
    return Population(fitted, frame, None, rules, weight, replace(facts, offset_rule=rule), offset)


def _balanced(fitted: Fitted, weights: Any, offset: float | None) -> Population:
    scheme = scheme_of(weights)
    grid, weight = balanced_frame(fitted), grid_weights(fitted, scheme)
    if weight is not None and scheme == "cells":  # combinations without rows have no part
        grid = grid.iloc[np.flatnonzero(weight)].reset_index(drop=True)
        weight = weight[weight > 0]
    rule = offset_rule(fitted, "mean", offset)
    facts = PopulationFacts(Where.BALANCED, len(grid), scheme=scheme, offset_rule=rule)
    offsets = summary_offsets(fitted, len(grid), rule, offset, fitted.row_weights)
    rows = rows_of(fitted, grid, weight, offsets)
    own = scheme == "cells"
    return Population(fitted, grid, rows, None, weight, facts, own_levels=own)


def _from_mapping(
    fitted: Fitted,
    at: Mapping[Any, Any],
    weights: FloatArray | None,
    counted: bool,
    offset: float | None,
) -> Population:
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
    row = summary_rows(fitted, fitted.frame, rules, weights, None)  # tells of a bad function
    settings = tuple((str(k), rule_text(v)) for k, v in at.items())
    facts = PopulationFacts(
        Where.MAPPING,
        fitted.facts.n,
        weights is not None,
        settings,
        counted,
        offset_rule=offset_rule(fitted, "median", offset),
    )
    beyond = tuple(beyond_observed(fitted, row.columns))
    return Population(fitted, fitted.frame, None, rules, weights, facts, offset, beyond=beyond)


def fit_weights(fitted: Fitted, weights: Any) -> tuple[FloatArray | None, bool]:
    """Return the weights of the rows of the fit, and whether they are its frequency weights."""
    if weights is None and fitted.row_weights is not None:
        return fitted.row_weights, True
    return row_weights(weights, fitted.frame, fitted.index, fitted.facts.incomplete), False


def fit_rows(
    fitted: Fitted,
    weights: FloatArray | None,
    resampled: bool = False,
    offsets: Mapping[str, FloatArray] | None = None,
) -> Rows:
    """Return the rows of the fit, with their own offsets or with others."""
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
        fitted.offsets if offsets is None else offsets,
    )


def rows_of(
    fitted: Fitted,
    frame: pd.DataFrame,
    weights: FloatArray | None,
    offsets: Mapping[str, FloatArray] | None = None,
) -> Rows:
    """Build population rows from a frame that already has the fit's column types."""
    columns = {v: frame[v] for v in fitted.variables}
    return Rows(fitted.designs, fitted.variables, columns, len(frame), weights, offsets=offsets)
