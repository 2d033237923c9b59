"""Inference about variance parameters: each row on the scale that suits it, bounds told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import UnsupportedError
from pymargins.estimands.nodes import Estimand
from pymargins.estimands.scales import SCALES, Scale
from pymargins.facts import ProfileMethod
from pymargins.inference import distributions
from pymargins.inference.delta import DeltaInference
from pymargins.inference.drawn import DrawsInference


@dataclass(frozen=True, slots=True, eq=False)
class OwnScales(DeltaInference):
    """The delta method with intervals symmetric on the scale of each row.

    A row whose derivative is NaN is at a bound: it has no standard error, no interval and no
    p-value, and whoever makes the result says so.

    Parameters
    ----------
    scales : mapping of str to Scale
        By label; rows made of several have none, and are symmetric on their own.
    """

    scales: Mapping[str, Scale] = field(default_factory=dict)

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,), NaN at a bound."""
        jac = self.jacobian(estimand)
        return np.sqrt(np.maximum(np.einsum("kp,kp->k", jac @ self.cov, jac), 0.0))

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance (k, k), NaN where a row is at a bound."""
        jac = self.jacobian(estimand)
        return jac @ self.cov @ jac.T

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return the degrees of freedom of each row; those at a bound have none to speak of."""
        return np.full(len(estimand), self.reference.df)

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return intervals, each symmetric on its scale."""
        z = distributions.quantile((1 + level) / 2, self.degrees_of_freedom(estimand))
        value, error = self.value(estimand), self.std_error(estimand)
        low, high = value.copy(), value.copy()
        for k, label in enumerate(estimand.labels):
            scale = self.scales.get(label, SCALES["identity"])
            if np.isnan(error[k]):
                low[k] = high[k] = np.nan
                continue
            at, slope = scale.transform(value[k : k + 1], (label,))
            half = z[k] * error[k] * np.abs(slope)
            with np.errstate(over="ignore"):  # next to a bound an interval may have no end
                low[k], high[k] = (float(scale.inverse(end)[0]) for end in (at - half, at + half))
        return low, high

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return Wald p-values on each row's scale; NaN against a bound, where there is no test."""
        value, error = self.value(estimand), self.std_error(estimand)
        null = np.broadcast_to(np.asarray(null, dtype=float), value.shape)
        statistic = np.full(len(value), np.nan)
        for k, label in enumerate(estimand.labels):
            scale = self.scales.get(label, SCALES["identity"])
            with np.errstate(all="ignore"):
                at, there = scale.forward(value[k : k + 1]), scale.forward(null[k : k + 1])
                error_there = error[k] * np.abs(scale.derivative(value[k : k + 1]))
                if np.isfinite(there[0]) and error_there[0] > 0:
                    statistic[k] = (at[0] - there[0]) / error_there[0]
        return distributions.p_value(statistic, self.degrees_of_freedom(estimand), alternative)


def _unlimited(labels: tuple[str, ...], level: float) -> FloatArray:
    """Return no limits."""
    return np.full((len(labels), 2), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class ProfileLimits(OwnScales):
    """Intervals where the likelihood, maximised over all else, has fallen by a given amount.

    Standard errors are those of the delta method.

    Parameters
    ----------
    limits : callable
        From labels and a level to limits (k, 2).
    """

    limits: Callable[[tuple[str, ...], float], FloatArray] = _unlimited

    @property
    def facts(self) -> ProfileMethod:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The method, for tables."""
        return ProfileMethod()

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return profile-likelihood limits."""
        other = [label for label in estimand.labels if label not in self.scales]
        if other:
            raise UnsupportedError(
                f'method: "profile" has limits of the parameters themselves, not of {other[0]!r}. '
                "Ask without it for differences and quotients."
            )
        found = self.limits(estimand.labels, level)
        return found[:, 0], found[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class VarianceDraws(DrawsInference):
    """Draws of variance parameters: a correlation has none where a variance is zero (NaN)."""

    def _draws(self, estimand: Estimand) -> FloatArray:
        return estimand.at(self.replicates.point)[0]

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return the standard deviation of the draws that exist, (k,)."""
        return np.nanstd(self.draws(estimand), axis=0, ddof=1)

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the covariance of the draws in which every row exists, (k, k)."""
        draws = self.draws(estimand)
        whole = draws[np.isfinite(draws).all(axis=1)]
        return np.atleast_2d(np.cov(whole, rowvar=False, ddof=1))

    def undefined(self, estimand: Estimand) -> int:
        """Return the number of replicates in which some row does not exist."""
        return int((~np.isfinite(self.draws(estimand)).all(axis=1)).sum())

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return percentiles of the draws that exist."""
        tail = (1.0 - level) / 2.0
        low, high = np.nanquantile(self.draws(estimand), [tail, 1.0 - tail], axis=0)
        return low, high
