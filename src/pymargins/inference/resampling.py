"""Inference from draws of the coefficients: simulation and the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.estimand import Draws, Estimand
from pymargins.inference import distributions
from pymargins.inference.options import Bootstrap, Simulation

#: Numbers held at once while replicates' standard errors are formed.
CHUNK_CELLS = 4_000_000
#: A replicate's variance below this share of the fit's is none: it drew one cluster over and over.
NO_VARIANCE = 1e-16
#: What stands for the t* of such a replicate: beyond any other.
NO_LIMIT = 1e100


@dataclass(frozen=True, slots=True)
class Replicates:
    """Refits of a model.

    Parameters
    ----------
    draws : Draws
        Coefficients of each replicate (B, p), with the group weights where rows were resampled.
    cov : ndarray, shape (B, p, p), or None
        A covariance of each, for studentizing.
    center : ndarray, shape (p,)
        The coefficients that replicates scatter around: those of the fit at its optimum.
    base_cov : ndarray, shape (p, p), or None
        The same kind of covariance for them.
    failures : dict of str to int
        How many replicates failed, by message.
    singular : int
        How many are on the boundary (they are kept: a singular fit is an answer).
    jackknife : callable or None
        Returns the fits that leave out one cluster each.
    words : str
    notes : tuple of str
        What a reader of a table should know of them.
    """

    draws: Draws
    cov: FloatArray | None
    center: FloatArray
    base_cov: FloatArray | None
    failures: dict[str, int]
    singular: int
    jackknife: Callable[[], Draws] | None
    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class DrawsInference:
    """Turns estimands into standard errors, intervals and p-values by their draws.

    Parameters
    ----------
    replicates : Replicates
    interval_kind : str
        One of `pymargins.inference.options.INTERVALS`.
    words : str
    """

    replicates: Replicates
    interval_kind: str
    words: str
    notes: tuple[str, ...] = ()
    _memo: dict[str, Any] = field(default_factory=dict)

    @property
    def draws(self) -> FloatArray:
        """The drawn coefficients, shape (B, p)."""
        return self.replicates.draws.params

    def values(self, estimand: Estimand) -> FloatArray:
        """Return the estimand at every draw, (B, k), on the session's scale."""
        return self._remember("values", estimand, self._values)

    def _values(self, estimand: Estimand) -> FloatArray:
        values = estimand.function(self.replicates.draws, False)[0]
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

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the covariance of the draws, (k, k)."""
        return np.atleast_2d(np.cov(self.values(estimand), rowvar=False, ddof=1))

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return the standard deviation of the draws, (k,)."""
        return self.values(estimand).std(axis=0, ddof=1)

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return infinity: no reference distribution is used."""
        return np.full(len(estimand), np.inf)

    def studentized(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return t* = (theta* - theta) / SE* of every draw (B, k), and the original SE (k,)."""
        return self._remember("studentized", estimand, self._studentized)

    def _studentized(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        cov, base = self.replicates.cov, self.replicates.base_cov
        if cov is None or base is None:
            raise UnsupportedError(
                'interval: "studentized" needs a standard error of each replicate, which these '
                'refits do not give. Use Bootstrap(interval="percentile").'
            )
        params, weights = self.replicates.draws.params, self.replicates.draws.weights
        count = len(params)
        own = np.einsum("kp,kp->k", estimand.jacobian @ base, estimand.jacobian)
        own = np.maximum(own, 0.0)
        size = max(1, CHUNK_CELLS // (len(estimand) * params.shape[1]))
        t = np.empty((count, len(estimand)))
        center = estimand.function(Draws(self.replicates.center[None, :]), False)[0][0]
        for start in range(0, count, size):
            part = slice(start, start + size)
            draws = Draws(params[part], None if weights is None else weights[part])
            value, jac = estimand.function(draws, True)
            assert jac is not None
            variance = np.einsum("bkp,bkp->bk", jac @ cov[part], jac)
            away = value - center
            alone = variance <= NO_VARIANCE * own
            still = alone & (np.abs(away) <= np.sqrt(NO_VARIANCE * own))
            error = np.sqrt(np.where(alone, 1.0, variance))
            t[part] = np.where(alone, np.sign(away) * NO_LIMIT, away / error)
            t[part][still] = 0.0
        return t, np.sqrt(own)

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return intervals of the session's kind."""
        tail = (1.0 - level) / 2.0
        ends = np.array([tail, 1.0 - tail])
        if self.interval_kind == "studentized":
            t, error = self.studentized(estimand)
            low, high = np.quantile(t, ends, axis=0)
            require_limits(np.maximum(np.abs(low), np.abs(high)), estimand.labels)
            return estimand.value - high * error, estimand.value - low * error
        if self.interval_kind == "normal":
            half = distributions.quantile(1.0 - tail, np.full(len(estimand), np.inf))
            half = half * self.std_error(estimand)
            return estimand.value - half, estimand.value + half
        values = self.values(estimand)
        if self.interval_kind == "bca":
            probabilities = self._bca_levels(estimand, ends)
            bounds = [np.quantile(values[:, j], probabilities[:, j]) for j in range(len(estimand))]
            low, high = np.stack(bounds, axis=1)
            return low, high
        low, high = np.quantile(values, ends, axis=0)
        if self.interval_kind == "basic":
            return 2.0 * estimand.value - high, 2.0 * estimand.value - low
        return low, high

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return the level at which the interval of the session's kind just reaches the null.

        Never zero: with B replicates the smallest is 1 / (B + 1) on one side.
        """
        if self.interval_kind == "normal":
            statistic = distributions.ratio(estimand.value - null, self.std_error(estimand))
            return distributions.p_value(statistic, np.full(len(estimand), np.inf), alternative)
        if self.interval_kind == "studentized":
            t, error = self.studentized(estimand)
            observed = distributions.ratio(estimand.value - null, error)
            upper, lower = _share(t >= observed), _share(t <= observed)
        else:
            values = self.values(estimand)
            if self.interval_kind == "basic":
                values = 2.0 * estimand.value - values
            upper, lower = _share(values <= null), _share(values >= null)
            if self.interval_kind == "bca":
                upper, lower = self._bca_shares(estimand, null)
        if alternative == "greater":
            return upper
        if alternative == "less":
            return lower
        return np.minimum(2.0 * np.minimum(upper, lower), 1.0)

    # --- BCa (Efron 1987, doi:10.1080/01621459.1987.10478410) -----------------------------------

    def _bca_constants(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return the bias correction z0 and the acceleration a of each row."""
        from scipy import special

        if self.replicates.jackknife is None:
            raise UnsupportedError('interval: "bca" is not available for these refits.')
        values = self.values(estimand)
        below = (values < estimand.value).mean(axis=0)
        ties = (values == estimand.value).mean(axis=0)
        share = np.clip(below + ties / 2.0, 0.5 / len(values), 1.0 - 0.5 / len(values))
        left_out = estimand.function(self.replicates.jackknife(), False)[0]
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
        values = self.values(estimand)
        count = len(values)
        share = np.clip((values <= null).mean(axis=0), 1 / (count + 1), count / (count + 1))
        z = special.ndtri(share) - bias
        z = z / (1.0 + acceleration * z) - bias
        return np.asarray(special.ndtr(z)), np.asarray(special.ndtr(-z))


def require_limits(reach: FloatArray, labels: Sequence[str]) -> None:
    """Raise where so many replicates have no standard error that a row has no limits left.

    Parameters
    ----------
    reach : ndarray, shape (k,)
        The quantile of each row's ``|t*|`` that an interval is made of.
    labels : sequence of str
    """
    lost = np.flatnonzero(reach >= NO_LIMIT / 2)
    if len(lost):
        raise NumericalError(
            f'interval: "studentized" has no limits for {labels[int(lost[0])]!r}: too many '
            "replicates draw so few different clusters that they leave it no standard error. With "
            'so few clusters use vcov="kenward-roger" without a bootstrap, or '
            'Bootstrap(kind="parametric").'
        )


def _share(hit: Any) -> FloatArray:
    """Return the share of replicates, the observed one counted among them."""
    return (1.0 + hit.sum(axis=0)) / (len(hit) + 1.0)


def simulate(option: Simulation, params: FloatArray, cov: FloatArray) -> DrawsInference:
    """Draw coefficients from N(params, cov)."""
    rng = np.random.default_rng(option.rng)
    spectrum, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.maximum(spectrum, 0.0))
    drawn = params + rng.standard_normal((option.n_sim, len(params))) @ root.T
    words = f"simulation, {option.n_sim:,} draws, percentile intervals"
    replicates = Replicates(Draws(drawn), None, params, None, {}, 0, None, words)
    return DrawsInference(replicates, "percentile", words)


def bootstrap(option: Bootstrap, adapter: Any) -> DrawsInference:
    """Refit the model to resampled data.

    Raises
    ------
    UnsupportedError
        Where the adapter cannot refit its model.
    NumericalError
        Where more replicates failed than `max_failures` allows.
    """
    if not hasattr(adapter, "bootstrap"):
        raise UnsupportedError(
            'method: "bootstrap" needs an adapter that can refit its model; this one cannot.'
        )
    replicates: Replicates = adapter.bootstrap(option)
    failed = sum(replicates.failures.values())
    tally = "; ".join(f"{count} x {text}" for text, count in replicates.failures.items())
    if failed > option.max_failures * option.n_boot or len(replicates.draws.params) < 2:
        raise NumericalError(
            f"bootstrap: {failed} of {option.n_boot} replicates failed, more than the share of "
            f"{option.max_failures:g} allowed by max_failures. {tally}."
        )
    notes = list(replicates.notes)
    if failed:
        notes.append(f"{failed} of {option.n_boot} replicates failed and were left out: {tally}")
    if replicates.singular:
        some = (
            "replicate is a singular fit"
            if replicates.singular == 1
            else "replicates are singular fits"
        )
        notes.append(f"{replicates.singular} of {option.n_boot} {some}, kept")
    population = (
        "population resampled with the groups"
        if replicates.draws.weights is not None
        else "population held fixed"
    )
    words = (
        f"{replicates.words}, {option.n_boot:,} replicates, {option.interval} intervals; "
        f"{population}"
    )
    return DrawsInference(replicates, option.interval, words, tuple(notes))
