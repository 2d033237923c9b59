"""Simulate how often 95 % intervals about the random part of a mixed model hold the truth.

Data have a random intercept and one covariate; 6, 10 and 20 clusters of six rows, an intraclass
correlation of 0.05 and 0.3.  Every model is fitted by REML in the engine, and intervals come from
the code that a session uses.

Each entry of `QUANTITIES` is a function from a sample to its intervals, one or several of a kind
(one for each cluster): another quantity adds itself there.  ``python benchmarks/mixed_coverage.py``
takes two minutes; the documentation's table is made by ``--sims 300 --out
docs/data/mixed-coverage.csv``.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from pymargins.estimands.variances import VarianceRows, shares, variance_rows
from pymargins.inference.distributions import quantile
from pymargins.inference.prediction import BOUND, FEWEST_DF, mixture_quantiles
from pymargins.inference.studentized import NO_LIMIT, NO_VARIANCE, t_ratios
from pymargins.inference.variances import OwnScales
from pymargins.mixed import MixedData, MixedFit, bootstrap, fit, random_effects
from pymargins.mixed.prediction.columns import joined
from pymargins.mixed.prediction.prediction import predict_clusters
from pymargins.mixed.prediction.replicate_errors import ReplicateErrors
from pymargins.mixed.prediction.replicates import bootstrap_predictions
from pymargins.mixed.prediction.shrinkage import Shrinkage
from pymargins.mixed.profiles.limits import profile_limits
from pymargins.mixed.profiles.setup import Target
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives, variance_derivatives
from pymargins.mixed.small_samples.joint import gamma_covariance
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit
from pymargins.mixed.small_samples.total import TotalVariance
from pymargins.models.parameters import Point, slices
from pymargins.models.uncertainty import Reference
from pymargins.models.variances import VarianceStructure, VarianceTerm

LEVEL = 0.95
UPPER = (1 + LEVEL) / 2
ENDS = (1 - UPPER, UPPER)
GROUPS = (6, 10, 20)
CORRELATIONS = (0.05, 0.3)
ROWS = 6
COEFFICIENTS = np.array([1.0, 0.5])
REPLICATES = 199
#: Standard normal quantiles that stand for new observations.
NOISE = quantile((np.arange(39) + 0.5) / 39, np.full(39, np.inf))
FIELDS = (
    "quantity",
    "groups",
    "icc",
    "method",
    "coverage",
    "mc_error",
    "absent",
    "width",
    "n_sims",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One data set, fitted.

    Attributes
    ----------
    correlation : float
        The true intraclass correlation; the total variance is one.
    effects : (G,) array
        The true random effects.
    data : MixedData
    fit : MixedFit
    exog : (n, 2) array
    """

    correlation: float
    effects: np.ndarray
    data: MixedData
    fit: MixedFit
    exog: np.ndarray

    @property
    def pieces(self) -> VarianceDerivatives:
        """The derivatives at the estimates."""
        return variance_derivatives(self.data, self.fit.params)


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval, or none (NaN), and the truth that it should hold."""

    quantity: str
    method: str
    truth: float
    low: float
    high: float


def draw(groups: int, correlation: float, rng: np.random.Generator) -> Sample:
    """Draw responses and fit the model."""
    cluster = np.repeat(np.arange(groups), ROWS)
    exog = np.column_stack([np.ones(len(cluster)), np.tile(np.linspace(-1, 1, ROWS), groups)])
    own = rng.normal(0, np.sqrt(correlation), groups)
    noise = rng.normal(0, np.sqrt(1 - correlation), len(cluster))
    y = exog @ COEFFICIENTS + own[cluster] + noise
    data = MixedData.from_arrays(y, exog, cluster, Z=np.ones((len(cluster), 1)))
    return Sample(correlation, own, data, fit(data), exog)


# --- what is covered -----------------------------------------------------------------------------


def variances(sample: Sample) -> Iterator[Interval]:
    """Standard deviations and the intraclass correlation, by the delta method and by profile."""
    targets = {
        "sd of clusters": (Target("effect"), np.sqrt(sample.correlation)),
        "sd of residuals": (Target("residual"), np.sqrt(1 - sample.correlation)),
        "icc": (Target("icc"), sample.correlation),
    }
    wald = _wald(sample)
    limits = profile_limits(sample.data, sample.fit, [t for t, _ in targets.values()], LEVEL)
    for (name, (_, truth)), ends in zip(targets.items(), limits, strict=True):
        yield Interval(name, "delta", truth, *wald[name])
        yield Interval(name, "profile", truth, *ends)


def _wald(sample: Sample) -> dict[str, tuple[float, float]]:
    """Return the intervals of a session by the delta method."""
    best, structure = sample.fit, _structure(sample)
    parts = {"beta": best.beta, "gamma": best.params.gamma}
    point = Point(np.concatenate(list(parts.values()))[None], slices(parts))
    cov = np.zeros((point.width, point.width))
    where = point.blocks["gamma"]
    cov[where, where] = gamma_covariance(sample.pieces, best.params).matrix
    cov[: where.start, : where.start] = best.cov

    def ends(rows: VarianceRows) -> np.ndarray:
        inference = OwnScales(point, cov, Reference.constant(np.inf), scales=rows.scales)
        return np.stack(inference.interval(rows.estimand, LEVEL), axis=1)

    first, last = ends(variance_rows(structure, best.params.gamma, "sd"))
    (icc,) = ends(shares(structure, point, {"adjusted": ("R", "RE")}))
    return {"sd of clusters": first, "sd of residuals": last, "icc": icc}


def _structure(sample: Sample) -> VarianceStructure:
    place, one = np.zeros((1, 1), dtype=int), np.ones((1, 1))
    term = VarianceTerm("cluster", ("Intercept",), place, one)
    fixed = np.cov(sample.exog, rowvar=False)
    return VarianceStructure((term,), 1, 2, fixed, lambda wanted, level: np.empty((0, 2)))


def known_clusters(sample: Sample) -> Iterator[Interval]:
    """Every cluster at the covariate's mean, and differences of neighbours.

    Henderson's errors with the normal distribution are the default of a session.
    """
    data, best, groups = sample.data, sample.fit, sample.data.n_groups
    one = np.hstack([np.tile([1.0, 0.0], (groups, 1)), np.eye(groups)])
    rows = np.concatenate([one, one[:-1] - one[1:]])
    names = ["known cluster"] * groups + ["difference of known clusters"] * (groups - 1)
    truth = rows @ np.concatenate([COEFFICIENTS, sample.effects])
    effects = joined(random_effects(data, best.params, best.gls))
    found = rows @ np.concatenate([best.beta, effects])
    for method, ends in _known(sample, sparse.csr_array(rows), found).items():
        for name, held, low, high in zip(names, truth, *ends, strict=True):
            yield Interval(name, method, float(held), float(low), float(high))


def _known(sample: Sample, rows: Any, found: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
    data, params, pieces = sample.data, sample.fit.params, sample.pieces
    henderson = predict_clusters(data, params, pieces, "satterthwaite")
    adjusted = predict_clusters(data, params, pieces, "kenward-roger")
    error = np.sqrt(henderson.variance(rows))
    wider = np.sqrt(adjusted.variance(rows))
    half = {
        "z": quantile(UPPER, np.full(len(error), np.inf)) * error,
        "satterthwaite": quantile(UPPER, henderson.df(rows)) * error,
        "kenward-roger": quantile(UPPER, adjusted.df(rows)) * wider,
    }
    out = {method: (found - width, found + width) for method, width in half.items()}
    return {**out, **_bootstrapped(sample, rows, found, error)}


def _bootstrapped(
    sample: Sample, rows: Any, found: np.ndarray, error: np.ndarray
) -> dict[str, tuple[np.ndarray, ...]]:
    """Return percentile and studentized intervals of the parametric bootstrap.

    There are no studentized ones (NaN) where replicates leave a row no standard error.
    """
    data, best = sample.data, sample.fit
    drawn = bootstrap_predictions(data, best, "parametric", REPLICATES, 1)
    refits, kept = drawn.refits, drawn.refits.usable
    own = ReplicateErrors(data, Shrinkage.of_refits(data, refits, kept), refits.cov[kept])
    away = np.hstack([refits.beta - best.beta, drawn.errors])[kept] @ rows.toarray().T
    ends = np.quantile(away, ENDS, axis=0)
    low, high = np.quantile(t_ratios(away, own.variances(rows), error**2), ENDS, axis=0)
    lost = np.maximum(np.abs(low), np.abs(high)) >= NO_LIMIT / 2
    limits = np.where(lost, np.nan, [found - high * error, found - low * error])
    return {"bootstrap, percentile": tuple(found + ends), "bootstrap-t": tuple(limits)}


def log_means(sample: Sample) -> Iterator[Interval]:
    """The mean of ``exp(y)`` at the covariate's mean, where y is what was modelled.

    ``exp(x'beta + v/2)``, v the whole variance; the standard error carries that of v.
    """
    best, params, x = sample.fit, sample.fit.params, np.array([1.0, 0.0])
    truth = float(np.exp(x @ COEFFICIENTS + 0.5))
    link = float(x @ best.beta + params.gamma.sum() / 2)
    gamma = gamma_covariance(sample.pieces, params).matrix
    z = float(quantile(UPPER, np.array([np.inf]))[0])
    half = float(z * np.sqrt(x @ best.cov @ x + gamma.sum() / 4))
    mean = float(np.exp(link))
    yield Interval("mean of a logged outcome", "z", truth, mean * (1 - half), mean * (1 + half))
    ends = np.exp([link - half, link + half]).tolist()
    yield Interval("mean of a logged outcome", "z, log scale", truth, *ends)


def new_observations(sample: Sample) -> Iterator[Interval]:
    """A new observation of a new cluster, and the mean of a new cluster, at the covariate's mean.

    What an interval should hold is a distribution: its quantiles stand for new observations.
    """
    best, row, pieces = sample.fit, np.array([[1.0, 0.0]]), sample.pieces
    spreads = {
        "new observation": (1.0, np.array([[1.0, 1.0]])),
        "mean of a new cluster": (sample.correlation, np.array([[1.0, 0.0]])),
    }
    adjusted = kenward_roger_fit(sample.data, best.params, "expected", pieces)
    found = satterthwaite_fit(sample.data, best.params, pieces)
    drawn = bootstrap(sample.data, best, "parametric", REPLICATES, 1)
    value, gamma = float((row @ best.beta)[0]), best.params.gamma
    for name, (variance, forms) in spreads.items():
        added = float((forms @ gamma)[0])
        error = np.sqrt((row @ best.cov @ row.T)[0, 0] + added)
        wider = np.sqrt((row @ adjusted.cov @ row.T)[0, 0] + added)
        half = {"z": _half(np.inf, error)}
        for method, one, width in (
            ("satterthwaite", found, error),
            ("kenward-roger", adjusted, wider),
        ):
            df = TotalVariance(one, pieces.to_gamma).df(row, forms, gamma)
            half[method] = _half(float(df[0]), width)
        ends = {method: (value - width, value + width) for method, width in half.items()}
        ends |= _drawn_limits(best, drawn, forms, value, error)
        if forms[0, 1] == 0 and gamma[0] <= BOUND * gamma[1]:  # which a session refuses
            ends = dict.fromkeys(ends, (float("nan"), float("nan")))
        held = float((row @ COEFFICIENTS)[0]) + np.sqrt(variance) * NOISE
        for method, (low, high) in ends.items():
            for one in held:
                yield Interval(name, method, float(one), float(low), float(high))


def _half(df: float, error: float) -> float:
    """Return half of an interval; none (NaN) where a session refuses so few degrees of freedom."""
    return float(quantile(UPPER, np.array([df]))[0]) * error if df >= FEWEST_DF else float("nan")


def _drawn_limits(
    best: MixedFit, drawn: Any, forms: np.ndarray, value: float, error: float
) -> dict[str, tuple[float, float]]:
    """Return studentized and percentile limits of the parametric bootstrap."""
    kept = drawn.usable
    away = drawn.beta[kept, :1] - best.beta[0]
    there = np.stack([drawn.psi[kept, 0, 0], drawn.sigma2[kept]], axis=1) @ forms.T
    own = np.sqrt(np.maximum(drawn.cov[kept, :1, 0] + there, NO_VARIANCE * error**2))
    at_center = np.sqrt(float((forms @ best.params.gamma)[0]))
    tails = np.array(ENDS)
    low, high = mixture_quantiles(-away / own, at_center / own, tails)[:, 0] * error + value
    ends = mixture_quantiles(value + away, np.sqrt(there), tails)[:, 0]
    return {"bootstrap-t": (low, high), "bootstrap, percentile": (ends[0], ends[1])}


def observations_of_known_clusters(sample: Sample) -> Iterator[Interval]:
    """A new observation of every cluster at the covariate's mean."""
    data, params, groups = sample.data, sample.fit.params, sample.data.n_groups
    rows = sparse.csr_array(np.hstack([np.tile([1.0, 0.0], (groups, 1)), np.eye(groups)]))
    effects = joined(random_effects(data, params, sample.fit.gls))
    found = rows @ np.concatenate([sample.fit.beta, effects])
    forms = np.tile([0.0, 1.0], (groups, 1))
    noise = np.sqrt(1 - sample.correlation) * NOISE
    pieces = sample.pieces
    for method in ("z", "satterthwaite", "kenward-roger"):
        made = predict_clusters(
            data, params, pieces, "kenward-roger" if method == "kenward-roger" else "satterthwaite"
        )
        df = made.total_df(rows, forms, params.gamma)
        df = np.full(groups, np.inf) if method == "z" else df
        half = quantile(UPPER, df) * np.sqrt(made.variance(rows) + params.sigma2)
        for cluster in range(groups):
            mean = COEFFICIENTS[0] + sample.effects[cluster]
            low, high = found[cluster] - half[cluster], found[cluster] + half[cluster]
            for one in mean + noise:
                yield Interval(
                    "observation of a known cluster", method, float(one), float(low), float(high)
                )


#: What is simulated: from a sample to its intervals.
QUANTITIES: tuple[Callable[[Sample], Iterator[Interval]], ...] = (
    variances,
    known_clusters,
    log_means,
    new_observations,
    observations_of_known_clusters,
)


# --- the study -----------------------------------------------------------------------------------


def study(sims: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield a row for each quantity, number of clusters, correlation and method."""
    for groups in GROUPS:
        for correlation in CORRELATIONS:
            rng = np.random.default_rng([seed, groups, int(100 * correlation)])
            found: dict[tuple[str, str], list[tuple[int, Interval]]] = defaultdict(list)
            for place in range(sims):
                sample = draw(groups, correlation, rng)
                for quantity in QUANTITIES:
                    for one in quantity(sample):
                        found[one.quantity, one.method].append((place, one))
            for (name, method), every in found.items():
                yield {
                    "quantity": name,
                    "groups": groups,
                    "icc": correlation,
                    "method": method,
                    **summary(every, sims),
                }


def summary(every: list[tuple[int, Interval]], sims: int) -> dict[str, object]:
    """Count how many of the intervals that there are hold the truth, and how many are absent.

    Intervals of one sample depend on each other: it is samples that the Monte-Carlo error counts.
    """
    ends = np.array([(one.low, one.high) for _, one in every])
    truth = np.array([one.truth for _, one in every])
    there = ~np.isnan(ends).any(axis=1)
    holds = (ends[there, 0] <= truth[there]) & (truth[there] <= ends[there, 1])
    count = int(there.sum())
    if count == 0:
        return {"coverage": "", "mc_error": "", "absent": "1.000", "width": "", "n_sims": sims}
    share = float(holds.mean())
    sample = np.array([place for place, _ in every])[there]
    away = np.bincount(sample, holds - share, minlength=sims)
    return {
        "coverage": f"{share:.3f}",
        "mc_error": f"{np.sqrt((away**2).sum()) / count:.4f}",
        "absent": f"{1 - there.mean():.3f}",
        "width": f"{np.median(np.diff(ends[there])):.3f}",
        "n_sims": sims,
    }


def main() -> None:
    """Run the study and print or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sims", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = list(study(options.sims, options.seed))
    if options.out is not None:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    for row in rows:
        print("  ".join(f"{row[name]!s:>16}" for name in FIELDS))


if __name__ == "__main__":
    main()
