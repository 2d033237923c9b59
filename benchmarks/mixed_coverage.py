"""Simulate how often 95 % intervals about the random part of a mixed model hold the truth.

Data have a random intercept and one covariate; 6, 10 and 20 clusters of six rows, an intraclass
correlation of 0.05 and 0.3.  Every model is fitted by REML in the engine, and intervals come from
the code that a session uses.

Each entry of `QUANTITIES` is a function from a sample to its intervals: another quantity adds
itself there.  ``python benchmarks/mixed_coverage.py`` takes a minute; the documentation's table is
made by ``--sims 300 --out docs/data/mixed-coverage.csv``.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pymargins.estimands.variances import VarianceRows, shares, variance_rows
from pymargins.inference.variances import OwnScales
from pymargins.mixed import MixedData, MixedFit, fit
from pymargins.mixed.profiles.limits import profile_limits
from pymargins.mixed.profiles.setup import Target
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.joint import gamma_covariance
from pymargins.models.parameters import Point, slices
from pymargins.models.uncertainty import Reference
from pymargins.models.variances import VarianceStructure, VarianceTerm

LEVEL = 0.95
GROUPS = (6, 10, 20)
CORRELATIONS = (0.05, 0.3)
ROWS = 6
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
    data : MixedData
    fit : MixedFit
    exog : (n, 2) array
    """

    correlation: float
    data: MixedData
    fit: MixedFit
    exog: np.ndarray


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
    own = rng.normal(0, np.sqrt(correlation), groups)[cluster]
    y = exog @ [1.0, 0.5] + own + rng.normal(0, np.sqrt(1 - correlation), len(cluster))
    data = MixedData.from_arrays(y, exog, cluster, Z=np.ones((len(cluster), 1)))
    return Sample(correlation, data, fit(data), exog)


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
    data, best = sample.data, sample.fit
    structure = _structure(sample)
    parts = {"beta": best.beta, "gamma": best.params.gamma}
    point = Point(np.concatenate(list(parts.values()))[None], slices(parts))
    cov = np.zeros((point.width, point.width))
    where = point.blocks["gamma"]
    cov[where, where] = gamma_covariance(
        variance_derivatives(data, best.params), best.params
    ).matrix
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


#: What is simulated: from a sample to its intervals.
QUANTITIES: tuple[Callable[[Sample], Iterator[Interval]], ...] = (variances,)


# --- the study -----------------------------------------------------------------------------------


def study(sims: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield a row for each quantity, number of clusters, correlation and method."""
    for groups in GROUPS:
        for correlation in CORRELATIONS:
            rng = np.random.default_rng([seed, groups, int(100 * correlation)])
            found: dict[tuple[str, str], list[Interval]] = defaultdict(list)
            for _ in range(sims):
                sample = draw(groups, correlation, rng)
                for quantity in QUANTITIES:
                    for one in quantity(sample):
                        found[one.quantity, one.method].append(one)
            for (name, method), every in found.items():
                yield {
                    "quantity": name,
                    "groups": groups,
                    "icc": correlation,
                    "method": method,
                    **summary(every),
                }


def summary(every: list[Interval]) -> dict[str, object]:
    """Count how many of the intervals that there are hold the truth, and how many are absent."""
    ends = np.array([(one.low, one.high) for one in every])
    truth = np.array([one.truth for one in every])
    there = ~np.isnan(ends).any(axis=1)
    holds = (ends[there, 0] <= truth[there]) & (truth[there] <= ends[there, 1])
    share, count = float(holds.mean()), int(there.sum())
    return {
        "coverage": f"{share:.3f}",
        "mc_error": f"{np.sqrt(share * (1 - share) / count):.4f}",
        "absent": f"{1 - there.mean():.3f}",
        "width": f"{np.median(np.diff(ends[there])):.3f}",
        "n_sims": len(every),
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
