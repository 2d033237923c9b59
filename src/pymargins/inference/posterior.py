"""Inference from draws of a posterior distribution of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, unknown_name
from pymargins.estimands.nodes import Estimand
from pymargins.facts import PosteriorDraws
from pymargins.inference.drawn import DrawsInference
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates
from pymargins.options import HDI, Posterior

BETA = "beta"
#: Fewer draws say nothing of the ends of an interval.
FEWEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorInference(DrawsInference):
    """Summaries of the draws of an estimand: nothing is drawn from, or referred to, besides."""

    facts: PosteriorDraws  # pyright: ignore[reportIncompatibleVariableOverride]

    def value(self, estimand: Estimand) -> FloatArray:
        """Return the median or mean of the draws, (k,)."""
        draws = self.draws(estimand)
        return np.median(draws, axis=0) if self.facts.summary == "median" else draws.mean(axis=0)

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the interval that holds so much of the posterior."""
        draws = self.draws(estimand)
        if self.facts.interval == HDI:
            return highest_density(draws, level)
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
        return low, high

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return the probability of direction: how much of the posterior is on one side of null.

        The side is that of the greater part, or the one that the alternative names.
        """
        draws = self.draws(estimand)
        above, below = (draws > null).mean(axis=0), (draws < null).mean(axis=0)
        if alternative == "greater":
            return above
        return below if alternative == "less" else np.maximum(above, below)


def highest_density(draws: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the shortest intervals that hold a share of the draws (B, k)."""
    ordered = np.sort(draws, axis=0)
    inside = min(int(np.floor(level * len(draws))), len(draws) - 1)
    width = ordered[inside:] - ordered[: len(draws) - inside]
    start = width.argmin(axis=0)
    every = np.arange(draws.shape[1])
    return ordered[start, every], ordered[start + inside, every]


def posterior(option: Posterior, fitted: Fitted) -> PosteriorInference:
    """Return the inference about what the mean depends on.

    Raises
    ------
    ArgumentError, ArgumentTypeError, UnknownNameError
        For draws that are not of these parameters.
    UnsupportedError
        For known clusters.
    """
    point = fitted.point
    drawn = draws_of(option.draws, fitted, point)
    facts = PosteriorDraws(len(drawn), option.summary, option.interval)
    replicates = Replicates(Point(drawn, point.blocks), drawn.mean(axis=0))
    return PosteriorInference(point, replicates, "percentile", facts)


def draws_of(draws: Any, fitted: Fitted, point: Point) -> FloatArray:
    """Return draws as an array over the parameters that the mean depends on, (B, P)."""
    if not isinstance(draws, (np.ndarray, list, tuple)):
        frame = _as_frame(draws)
        if list(point.blocks) != [BETA]:
            raise UnsupportedError(
                f"draws: this model's means depend on {', '.join(point.blocks)}, and not all of "
                f"these have names. Give an array (draws, {point.width}) in this order."
            )
        found = _by_name(frame, fitted.design.names)
    else:
        found = np.asarray(draws)
    if found.dtype.kind not in "fiu":
        raise ArgumentTypeError(f"draws: expected numbers, got {found.dtype}.")
    if found.ndim != 2 or found.shape[1] != point.width:
        names = f" ({', '.join(fitted.design.names)})" if list(point.blocks) == [BETA] else ""
        raise ArgumentError(
            f"draws: shape {found.shape}; expected (draws, {point.width}), a column for each "
            f"parameter{names}."
        )
    if len(found) < FEWEST:
        raise ArgumentError(f"draws: {len(found)} draws are too few for an interval.")
    if not np.isfinite(found).all():
        raise ArgumentError("draws: every draw must be finite.")
    return found.astype(float)


def _as_frame(draws: Any) -> pd.DataFrame:
    """Return named draws, one column a parameter, from a frame or a group of ArviZ."""
    if isinstance(draws, pd.DataFrame):
        return draws
    group = getattr(draws, "posterior", draws)  # ArviZ keeps its groups as attributes
    variables = getattr(group, "data_vars", None)
    if isinstance(variables, Mapping):
        return pd.DataFrame(
            {name: one for each in variables.values() for name, one in _columns(each).items()}
        )
    raise ArgumentTypeError(
        "draws: expected an array (draws, parameters), a data frame with a column a parameter, or "
        f"draws of ArviZ, got {type(draws).__name__}."
    )


def _columns(variable: Any) -> dict[str, FloatArray]:
    """Return the columns of one variable of ArviZ: a vector has one for each of its labels."""
    if not {"chain", "draw"} <= set(variable.dims):
        return {}
    others = [name for name in variable.dims if name not in ("chain", "draw")]
    values = np.asarray(variable.transpose("chain", "draw", *others))
    flat = values.reshape(values.shape[0] * values.shape[1], -1)
    if not others:
        return {str(variable.name): flat[:, 0]}
    if len(others) > 1:
        return {}  # effects of groups, and the like
    labels = np.asarray(variable[others[0]]).tolist()
    return {f"{variable.name}[{label}]": flat[:, i] for i, label in enumerate(labels)}


def _by_name(frame: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    """Return the columns of the coefficients; a level may lack the "T." that patsy writes."""
    found: list[Any] = []
    for name in names:
        column = next((c for c in (name, name.replace("[T.", "[")) if c in frame.columns), None)
        if column is None:
            raise unknown_name("draws", name, frame.columns, "a column of the draws")
        found.append(np.asarray(frame[column]))
    return np.column_stack(found)
