"""Simulate how often 95 % intervals of a mixed model hold the truth.

Data are drawn from a known model, fitted by REML, and every method puts its intervals around the
effect of a covariate that is constant in each group ("between": an arm) and of one that varies in
it ("within").  Intervals come from the code that a session uses.

Designs: a random intercept, or an intercept and a slope of the within covariate, correlated;
balanced (half the groups treated, all of one size, the same values of the within covariate) or
unbalanced (three groups of ten treated, sizes from 2 to 14, values at random).  The cluster
bootstrap draws within arms, as a session does.

``python benchmarks/coverage.py`` takes about a minute; the documentation's table is made in an hour
or two by ``--full --out docs/data/coverage.csv``.
With 0 bootstrapped data sets (the second number of ``--sims``) the bootstraps are left out.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pymargins.estimands.nodes import Linear
from pymargins.facts import BootstrapDraws, Distribution, ReferenceFacts
from pymargins.inference.delta import DeltaInference
from pymargins.inference.drawn import DrawsInference
from pymargins.mixed import MixedData, MixedFit, bootstrap, fit, jackknife
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.mixed.small_samples.between_within import between_within_split, residual_df
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit
from pymargins.mixed.small_samples.robust import robust_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Reference, Replicates

LEVEL = 0.95
TRUTH = np.array([1.0, 0.5, 0.3])  # intercept, arm, within covariate
COVARIATES = ("between", "within")
EFFECTS = np.eye(3)[1:]
ESTIMAND = Linear(EFFECTS, "beta", COVARIATES)
SIGMA2 = 1.0
PSI = np.array([[0.5, 0.15], [0.15, 0.25]])  # of intercept and slope
ROWS = 6  # of a group in a balanced design
SKEWED = (2, 2, 3, 3, 4, 4, 6, 8, 10, 14)  # sizes of every ten groups in an unbalanced one
KINDS = ("cluster", "parametric", "residual", "wild")
INTERVALS = ("studentized", "percentile", "basic", "normal")
NONE = "none"
FIELDS = (
    "design",
    "groups",
    "covariate",
    "method",
    "kind",
    "interval",
    "coverage",
    "mc_error",
    "width",
    "n_sims",
)
DEFAULT = ("bootstrap", "cluster", "studentized")
HOLDS = (0.92, 0.98)
REQUIRED_GROUPS = 10

# groups, data sets, of which bootstrapped
QUICK = ((10, 60, 60),)
FULL = ((6, 1000, 0), (10, 1000, 1000), (20, 1000, 400), (40, 1000, 0), (50, 1000, 250))


@dataclass(frozen=True, slots=True)
class Design:
    """One way to draw data."""

    slope: bool
    balanced: bool

    @property
    def name(self) -> str:
        effects = "random slope" if self.slope else "random intercept"
        return f"{'balanced' if self.balanced else 'unbalanced'}, {effects}"

    def sizes(self, n_groups: int, rng: np.random.Generator) -> np.ndarray:
        if self.balanced:
            return np.full(n_groups, ROWS)
        return rng.permutation(np.resize(rng.permutation(SKEWED), n_groups))

    def draw(
        self, n_groups: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return y, X, groups, Z and the arm of each group."""
        sizes = self.sizes(n_groups, rng)
        groups = np.repeat(np.arange(n_groups), sizes)
        treated = n_groups // 2 if self.balanced else round(0.3 * n_groups)
        arm = (np.arange(n_groups) < treated).astype(int)
        if self.balanced:
            x = np.tile(np.linspace(-1.5, 1.5, ROWS), n_groups)
        else:
            x = rng.normal(size=len(groups))
        design = np.column_stack([np.ones(len(groups)), arm[groups], x])
        z = design[:, [0, 2]] if self.slope else design[:, :1]
        q = z.shape[1]
        effects = rng.normal(size=(n_groups, q)) @ np.linalg.cholesky(PSI[:q, :q]).T
        noise = rng.normal(size=len(groups)) * np.sqrt(SIGMA2)
        y = design @ TRUTH + np.einsum("ij,ij->i", z, effects[groups]) + noise
        return y, design, groups, z, arm


Label = tuple[str, str, str]  # method, kind, interval
Bounds = tuple[np.ndarray, np.ndarray]


def point_of(beta: np.ndarray) -> Point:
    return Point(np.atleast_2d(beta), {"beta": slice(0, beta.shape[-1])})


def by_method(method: object) -> Reference:
    return Reference(ReferenceFacts(Distribution.SATTERTHWAITE), method=method)


def small_sample_intervals(data: MixedData, found: MixedFit) -> Iterator[tuple[Label, Bounds]]:
    """Yield the intervals of the methods that need no replicates."""
    p = found.params
    kr, cr2 = kenward_roger_fit(data, p), robust_fit(data, p, "CR2")
    residual = residual_df(data)
    for name, cov, df in (
        ("normal", found.cov, Reference.constant(np.inf)),
        ("t(n - p)", found.cov, Reference.constant(residual)),
        ("between-within", found.cov, by_method(between_within_split(data))),
        ("Satterthwaite", found.cov, by_method(satterthwaite_fit(data, p))),
        ("Kenward-Roger", kr.cov, by_method(kr)),
        ("CR2 + Satterthwaite", cr2.cov, by_method(cr2)),
    ):
        inference = DeltaInference(point_of(found.beta), cov, df)
        yield (name, NONE, NONE), inference.interval(ESTIMAND, LEVEL)


def bootstrap_intervals(
    data: MixedData,
    found: MixedFit,
    arm: np.ndarray,
    n_boot: int,
    seed: np.random.SeedSequence,
) -> Iterator[tuple[Label, Bounds]]:
    """Yield the intervals of every kind of bootstrap."""
    for kind in KINDS:
        within_arms = ClusterSampling.of_groups(len(arm), arm) if kind == "cluster" else None
        drawn = bootstrap(data, found, kind, n_boot, seed, sampling=within_arms)
        keep = drawn.usable
        replicates = Replicates(
            point=point_of(drawn.beta[keep]),
            cov=None if drawn.cov is None else drawn.cov[keep],
            center=drawn.reference_beta,
            base_cov=drawn.reference_cov,
            failures=drawn.failures,
            jackknife=lambda: point_of(jackknife(data, found).beta),
        )
        for interval in (*INTERVALS, "bca") if kind == "cluster" else INTERVALS:
            facts = BootstrapDraws(kind, n_boot, interval, resampled=False)
            inference = DrawsInference(point_of(found.beta), replicates, interval, facts)
            yield ("bootstrap", kind, interval), inference.interval(ESTIMAND, LEVEL)


def simulate(
    design: Design, n_groups: int, n_sims: int, n_bootstrapped: int, n_boot: int, seed: int
) -> list[dict[str, object]]:
    """Return the rows of one design and number of groups."""
    bounds: dict[Label, list[Bounds]] = defaultdict(list)
    place = (int(design.slope), int(design.balanced), n_groups)
    for number in range(n_sims):
        own = np.random.SeedSequence(seed, spawn_key=(*place, number))
        y, x, groups, z, arm = design.draw(n_groups, np.random.default_rng(own))
        data = MixedData.from_arrays(y, x, groups, z)
        found = fit(data)
        for label, ends in small_sample_intervals(data, found):
            bounds[label].append(ends)
        if number < n_bootstrapped:
            every = bootstrap_intervals(data, found, arm, n_boot, own)
            for label, ends in every:
                bounds[label].append(ends)
    return [
        row for label, ends in bounds.items() for row in summarise(design, n_groups, label, ends)
    ]


def summarise(
    design: Design, n_groups: int, label: Label, bounds: list[Bounds]
) -> Iterator[dict[str, object]]:
    low, high = np.array(bounds).transpose(1, 0, 2)
    truth = EFFECTS @ TRUTH
    coverage = ((low <= truth) & (truth <= high)).mean(axis=0)
    error = np.sqrt(coverage * (1 - coverage) / len(low))
    width = np.median(high - low, axis=0)
    for j, covariate in enumerate(COVARIATES):
        figures = (f"{v:.4f}" for v in (coverage[j], error[j], width[j]))
        values = (design.name, n_groups, covariate, *label, *figures, len(low))
        yield dict(zip(FIELDS, values, strict=True))


def write(rows: list[dict[str, object]], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def show(rows: list[dict[str, object]]) -> None:
    """Print one line a method, coverage of both covariates by design."""
    cells = list(dict.fromkeys((r["design"], r["groups"]) for r in rows))
    labels = list(dict.fromkeys((r["method"], r["kind"], r["interval"]) for r in rows))
    at = {
        (r["design"], r["groups"], r["method"], r["kind"], r["interval"], r["covariate"]): r
        for r in rows
    }
    for cell in cells:
        print(f"\n{cell[0]}, {cell[1]} groups")
        print(f"{'':40}{'between':>16}{'within':>18}")
        for label in labels:
            pair = [at.get((*cell, *label, covariate)) for covariate in COVARIATES]
            if None in pair:
                continue
            text = " ".join(part for part in label if part != NONE)
            cover = "".join(f"{r['coverage']:>10} ({r['mc_error']})" for r in pair if r)
            print(f"{text:36}{cover}")


def verdict(rows: list[dict[str, object]]) -> None:
    """Say whether the default bootstrap holds where it must."""
    print()
    for r in rows:
        if (r["method"], r["kind"], r["interval"]) == DEFAULT and r["groups"] == REQUIRED_GROUPS:
            fine = HOLDS[0] <= float(str(r["coverage"])) <= HOLDS[1]
            print(
                f"default bootstrap, {r['design']}, {r['covariate']}: {r['coverage']} "
                f"(MC error {r['mc_error']}): {'holds' if fine else 'does not hold'} "
                f"{HOLDS[0]}-{HOLDS[1]}"
            )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="the study behind the shipped table")
    parser.add_argument("--groups", type=int, nargs="+", help="numbers of groups")
    parser.add_argument(
        "--sims",
        type=int,
        nargs=2,
        default=(60, 60),
        metavar=("ALL", "BOOT"),
        help="data sets, and how many of them are bootstrapped",
    )
    parser.add_argument("--boot", type=int, default=399, help="replicates of a bootstrap")
    parser.add_argument("--only", help="designs whose name starts so, e.g. balanced")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    plan = FULL if options.full else QUICK
    if options.groups:
        plan = tuple((n, *options.sims) for n in options.groups)
    designs = [Design(s, b) for s, b in itertools.product((False, True), (True, False))]
    wanted = [d for d in designs if d.name.startswith(options.only or "")]
    rows: list[dict[str, object]] = []
    for design, (n_groups, n_sims, n_bootstrapped) in itertools.product(wanted, plan):
        start = time.perf_counter()
        rows += simulate(design, n_groups, n_sims, n_bootstrapped, options.boot, options.seed)
        print(f"{design.name}, {n_groups} groups: {time.perf_counter() - start:.0f} s", flush=True)
        if options.out:
            write(rows, options.out)
    show(rows)
    verdict(rows)


if __name__ == "__main__":
    main()
