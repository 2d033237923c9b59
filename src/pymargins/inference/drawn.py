"""Inference from draws of the parameters: simulation and the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.estimands.jacobians import Jacobian, at_fit
from pymargins.estimands.nodes import Estimand
from pymargins.facts import BootstrapDraws, Note, SimulatedDraws
from pymargins.inference import distributions
from pymargins.inference.delta import new_key
from pymargins.inference.reference import Joint
from pymargins.inference.studentized import require_limits, studentized
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates, Seen

#: 1000 shares of 0.025 are 25 draws, whatever 1 - 0.95 is in binary.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class DrawsInference:
    """Turns estimands into standard errors, intervals and p-values by their draws.

    Parameters
    ----------
    point : Point
        The fitted parameters.
    replicates : Replicates
        Over the same parameters.
    interval_kind : str
        One of `pymargins.options.INTERVALS`.
    facts : SimulatedDraws or BootstrapDraws
    notes : tuple
    """

    point: Point
    replicates: Replicates
    interval_kind: str
    facts: SimulatedDraws | BootstrapDraws
    notes: tuple[Note, ...] = ()
    key: str = field(default_factory=new_key)
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def seen(self) -> Seen | None:
        """How much of a variance the replicates can show, where it may be little."""
        return self.replicates.seen

    @property
    def n_draws(self) -> int:
        """The number of draws."""
        return len(self.replicates.point)

    def value(self, estimand: Estimand) -> FloatArray:
        """Return the estimates (k,)."""
        return estimand.at(self.point)[0][0]

    def jacobian(self, estimand: Estimand) -> Jacobian:
        """Return their derivatives by the parameters (k, P), sparse where these are very many."""
        jac = estimand.at(self.point, True)[1]
        assert jac is not None
        return at_fit(jac)

    def draws(self, estimand: Estimand) -> FloatArray:
        """Return the estimand at every draw, (B, k)."""
        return self._remember("draws", estimand, self._draws)

    def _draws(self, estimand: Estimand) -> FloatArray:
        values = estimand.at(self.replicates.point)[0]
        if not np.isfinite(values).all():
            bad = estimand.labels[int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])]
            raise NumericalError(f"{bad!r} is not finite in some replicates.")
        return values

    def _remember(self, key: str, estimand: Estimand, compute: Callable[[Estimand], Any]) -> Any:
        # the figures of one table are asked for one after the other
        kept = self._memo.get(key)
        if kept is None or kept[0] is not estimand:
            kept = (estimand, compute(estimand))
            self._memo[key] = kept
        return kept[1]

    def at_center(self, estimand: Estimand) -> FloatArray:
        """Return the estimand of the fit that draws scatter around, (k,)."""
        center = Point(self.replicates.center[None, :], self.point.blocks)
        return estimand.at(center)[0][0]

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the covariance of the draws, (k, k)."""
        return np.atleast_2d(np.cov(self.draws(estimand), rowvar=False, ddof=1))

    def factor(self, estimand: Estimand) -> FloatArray:
        """Return the centred draws as a factor of their covariance, (k, B)."""
        draws = self.draws(estimand)
        return (draws - draws.mean(axis=0)).T / np.sqrt(len(draws) - 1)

    def joint_factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor of the covariance that rows are tested together with: the same."""
        return self.factor(estimand)

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return the standard deviation of the draws, (k,)."""
        return self.draws(estimand).std(axis=0, ddof=1)

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return infinity: no reference distribution is used."""
        return np.full(len(estimand), np.inf)

    def joint_reference(self, rows: FloatArray) -> Joint:
        """Return the chi-square."""
        return Joint(1.0, np.inf)

    def standardised_draws(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return every draw's distance from its centre in standard errors, and standard errors.

        Studentized sessions divide each replicate by its own standard error, others by the
        standard deviation of the draws.
        """
        if self.interval_kind == "studentized":
            return self.studentized(estimand)
        error = self.std_error(estimand)
        away = self.draws(estimand) - self.at_center(estimand)
        return distributions.ratio(away, error), error

    def studentized(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return t* = (theta* - theta) / SE* of every draw (B, k), and the original SE (k,)."""
        return self._remember("studentized", estimand, self._studentized)

    def _studentized(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        return studentized(self.point, self.replicates, estimand)

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return intervals of the session's kind."""
        tail = (1.0 - level) / 2.0
        value = self.value(estimand)
        if self.interval_kind == "studentized":
            t, error = self.studentized(estimand)
            low, high = ends(t, tail, 1.0 - tail)
            require_limits(np.maximum(np.abs(low), np.abs(high)), estimand.labels)
            return value - high * error, value - low * error
        if self.interval_kind == "normal":
            half = distributions.quantile(1.0 - tail, np.full(len(estimand), np.inf))
            half = half * self.std_error(estimand)
            return value - half, value + half
        draws = self.draws(estimand)
        if self.interval_kind == "bca":
            shares = self._bca_levels(estimand, np.array([tail, 1.0 - tail]))
            bounds = [ends(draws[:, j], *shares[:, j]) for j in range(len(estimand))]
            low, high = np.array(bounds).T
            return low, high
        low, high = ends(draws, tail, 1.0 - tail)
        if self.interval_kind == "basic":
            return 2.0 * value - high, 2.0 * value - low
        return low, high

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return the level at which the interval of the session's kind just reaches the null.

        Never zero: with B replicates the smallest is 1 / (B + 1) on one side.
        """
        value = self.value(estimand)
        if self.interval_kind == "normal":
            statistic = distributions.ratio(value - null, self.std_error(estimand))
            return distributions.p_value(statistic, np.full(len(estimand), np.inf), alternative)
        if self.interval_kind == "studentized":
            t, error = self.studentized(estimand)
            observed = distributions.ratio(value - null, error)
            upper, lower = _share(t >= observed), _share(t <= observed)
        else:
            draws = self.draws(estimand)
            if self.interval_kind == "basic":
                draws = 2.0 * value - draws
            upper, lower = _share(draws <= null), _share(draws >= null)
            if self.interval_kind == "bca":
                upper, lower = self._bca_shares(estimand, null)
        if alternative == "greater":
            return upper
        if alternative == "less":
            return lower
        return np.minimum(2.0 * np.minimum(upper, lower), 1.0)

    def portable(self, estimand: Estimand) -> Estimand:
        """Return the estimand itself: its draws may still be asked for."""
        return estimand

    # --- BCa (Efron 1987, doi:10.1080/01621459.1987.10478410) -----------------------------------

    def _bca_constants(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return the bias correction z0 and the acceleration a of each row."""
        from scipy import special

        if self.replicates.jackknife is None:
            raise UnsupportedError('interval: "bca" is not available for these refits.')
        values = self.draws(estimand)
        value = self.value(estimand)
        below = (values < value).mean(axis=0)
        ties = (values == value).mean(axis=0)
        share = np.clip(below + ties / 2.0, 0.5 / len(values), 1.0 - 0.5 / len(values))
        left_out = estimand.at(self.replicates.jackknife())[0]
        away = left_out.mean(axis=0) - left_out
        spread = (away**2).sum(axis=0) ** 1.5
        acceleration = distributions.ratio((away**3).sum(axis=0), 6.0 * spread)
        return np.asarray(special.ndtri(share)), acceleration

    def _bca_levels(self, estimand: Estimand, ends: FloatArray) -> FloatArray:
        from scipy import special

        bias, acceleration = self._remember("bca", estimand, self._bca_constants)
        z = bias + special.ndtri(ends)[:, None]
        return np.asarray(special.ndtr(bias + z / (1.0 - acceleration * z)))

    def _bca_shares(self, estimand: Estimand, null: FloatArray) -> tuple[FloatArray, FloatArray]:
        from scipy import special

        bias, acceleration = self._remember("bca", estimand, self._bca_constants)
        values = self.draws(estimand)
        least = 1.0 / (len(values) + 1.0)
        shares = np.array([_share(values <= null), 1.0 - _share(values >= null)])
        z = special.ndtri(np.clip(shares, least, 1.0 - least)) - bias
        z = z / (1.0 + acceleration * z) - bias
        return np.asarray(special.ndtr(z[0])), np.asarray(special.ndtr(-z[1]))


def ends(draws: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Return the draws between which an interval lies: in order, the (B + 1)p-th.

    Where that is no whole number, the next one outward: p-values count the observed figure among
    the draws, so that an interval holds the null if and only if its p-value is above 1 - level.

    Parameters
    ----------
    draws : ndarray, shape (B,) or (B, k)
    low, high : float
        The shares of the draws below the ends.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997). *Bootstrap Methods and their Application*, section
    5.2. doi:10.1017/CBO9780511802843
    """
    count = len(draws)
    first = math.floor((count + 1) * low + ROUNDING)
    last = math.ceil((count + 1) * high - ROUNDING)
    places = [min(max(place, 1), count) - 1 for place in (first, last)]
    found = np.partition(draws, places, axis=0)[places]
    found = np.where(np.isnan(draws).any(axis=0), np.nan, found)  # these are last in order
    return found[0], found[1]


def _share(hit: Any) -> FloatArray:
    """Return the share of replicates, the observed one counted among them."""
    return (1.0 + hit.sum(axis=0)) / (len(hit) + 1.0)
