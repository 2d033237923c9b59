"""How the slopes of clusters vary about the average slope."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError, UnsupportedError, listing
from pymargins.estimands.columns import Columns
from pymargins.estimands.nodes import Estimand, Evaluated, Linear, Node, Quotient, SameRows, Sum
from pymargins.estimands.scales import SCALES
from pymargins.estimands.variances import (
    INTERCEPT,
    AtBound,
    NormalShare,
    Root,
    VarianceRows,
    no_variance,
)
from pymargins.models.parameters import Point
from pymargins.models.variances import GAMMA, VarianceStructure
from pymargins.values import value_text


@dataclass(frozen=True, slots=True, eq=False)
class SlopeSpread:
    """Average slopes, and the standard deviation of the slopes of clusters.

    Parameters
    ----------
    slopes : Estimand
        k rows.
    deviation : Estimand
        The standard deviation, once for each of them.
    bounded : bool
        Whether it is zero.
    """

    slopes: Estimand
    deviation: Estimand
    bounded: bool


def slope_spread(
    structure: VarianceStructure,
    gamma: FloatArray,
    variable: str,
    slopes: Estimand,
    verb: str,
) -> SlopeSpread:
    """Find the variance of the random slope of a variable.

    Raises
    ------
    ArgumentError
        Where it has none.
    UnsupportedError
        Where random effects that are not plain slopes may change with it.
    """
    weights = np.zeros((1, structure.size))
    word = re.compile(rf"(?<!\w){re.escape(variable)}(?!\w)")
    bounded = True
    for term in structure.terms:
        for i, effect in enumerate(term.effects):
            if effect == variable:
                weights[0, term.places[i, i]] = 1.0
                bounded &= no_variance(structure, term, i, gamma)
            elif not effect or word.search(effect):
                name = f"{effect!r} of {term.group}" if effect else f"the component {term.group}"
                raise UnsupportedError(
                    f"{verb}: {name} may change with {variable!r} too, and is no plain slope of "
                    "it, so the slopes of clusters are not of one normal distribution."
                )
    if not weights.any():
        known = [e for t in structure.terms for e in t.effects if e not in ("", INTERCEPT)]
        has = f"; {listing(known)} {'has' if len(known) == 1 else 'have'} one" if known else ""
        raise ArgumentError(
            f"{verb}: {variable!r} has no random slope: every cluster has the same{has}."
        )
    one = Root(Linear(weights, GAMMA, (variable,)), (variable,))
    return SlopeSpread(slopes, one[np.zeros(len(slopes), dtype=np.intp)], bounded)


def share_above(spread: SlopeSpread, above: float) -> VarianceRows:
    """Return the share of clusters with slopes above a value."""
    labels = tuple(f"{name} > {value_text(above)}" for name in spread.slopes.labels)
    columns = spread.slopes.columns
    away: Estimand = spread.slopes if above == 0 else Less(spread.slopes, above)
    made = NormalShare(Quotient(away, spread.deviation, labels, columns), labels, columns)
    if spread.bounded:
        raise ArgumentError(
            "slope_share: the estimated variance of the slopes is zero, so that all clusters have "
            "the same: the share is 0 or 1, without a standard error."
        )
    return VarianceRows(made, dict.fromkeys(labels, SCALES["logit"]))


def quantiles(spread: SlopeSpread, probabilities: FloatArray) -> VarianceRows:
    """Return quantiles of the slopes of clusters, those of one row together."""
    from scipy import special

    k, m = len(spread.slopes), len(probabilities)
    rows: IntArray = np.repeat(np.arange(k), m)
    z = np.tile(np.asarray(special.ndtri(probabilities)), k)
    slopes, deviation = spread.slopes[rows], spread.deviation[rows]
    names = [f"{100 * p:.10g} %" for p in probabilities]
    labels = tuple(f"{label}, {name}" for label in spread.slopes.labels for name in names)
    columns = {**slopes.columns, "probability": list(np.tile(probabilities, k))}
    times = Times(deviation, z, labels)
    made = Sum(slopes, times, labels, (1.0, 1.0), columns)
    hit = np.full(len(labels), spread.bounded)
    return VarianceRows(
        AtBound(made, hit) if spread.bounded else made,
        dict.fromkeys(labels, SCALES["identity"]),
        labels if spread.bounded else (),
    )


@dataclass(frozen=True, eq=False)
class Less(SameRows):
    """Every row less a number."""

    inner: Estimand
    number: float

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Subtract."""
        value, jac = self.inner.at(point, gradient)
        return value - self.number, jac


@dataclass(frozen=True, eq=False)
class Times(Node):
    """Every row times a number of its own."""

    inner: Estimand
    factors: FloatArray
    labels: tuple[str, ...]

    @property
    def columns(self) -> Columns:
        """The variables of each row."""
        return self.inner.columns

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply."""
        value, jac = self.inner.at(point, gradient)
        return value * self.factors, None if jac is None else jac * self.factors[:, None]
