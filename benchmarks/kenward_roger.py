"""Time the small-sample methods against pbkrtest, lmerTest and clubSandwich.

Run ``python benchmarks/kenward_roger.py`` with ``OMP_NUM_THREADS=1`` for figures per core.  Both
sides start from a fitted model and give standard errors and degrees of freedom of the same rows.
Ratios are taken within one run on one machine.  Where Rscript or one of the R packages is missing
that column stays empty; ``--no-r`` leaves it out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from pymargins.mixed import CovarianceParameters, MixedData, fit
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit
from pymargins.mixed.small_samples.robust import robust_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit

DATA = Path(__file__).parents[1] / "tests" / "oracle" / "data"
ROWS = 56
REPEATS = 15
R_REPEATS = 3
MEGABYTE = 1e6

R_PROGRAM = """
suppressMessages({library(lmerTest); library(pbkrtest); library(clubSandwich); library(jsonlite)})
time <- function(f) median(replicate(%d, system.time(f())[["elapsed"]]))
all_of <- function(fit, cluster) {
  set.seed(1); p <- length(fixef(fit)); L <- matrix(rnorm(%d * p), ncol = p)
  kr <- function() { A <- vcovAdj(fit); V <- vcov(fit)
    apply(L, 1, function(l) c(sqrt(sum(l * as.vector(as.matrix(A) %%*%% l))), Lb_ddf(l, V, A))) }
  bare <- as(fit, "lmerMod")
  cr <- function() linear_contrast(bare, vcovCR(bare, cluster = cluster, type = "CR2"),
                                   contrasts = L, test = "Satterthwaite")
  start <- as(fit, "lmerMod")
  sw <- function() { m <- as_lmerModLmerTest(start); apply(L, 1, function(l) contest1D(m, l)$df) }
  list(kenward_roger = time(kr), satterthwaite = time(sw), CR2 = time(cr))
}
page <- read.csv("%s/seed.csv")
sleep <- read.csv("%s/sleepstudy.csv")
cat(toJSON(list(
  page = all_of(lmer(score ~ age + female + treated + school + (1 | student), page), page$student),
  sleepstudy = all_of(lmer(Reaction ~ Days + (Days | Subject), sleep), sleep$Subject)
), auto_unbox = TRUE, digits = 9))
"""


def page_data() -> MixedData:
    frame = pd.read_csv(DATA / "seed.csv")
    school = pd.get_dummies(frame["school"], drop_first=True).to_numpy(float)
    x = np.column_stack([np.ones(len(frame)), frame[["age", "female", "treated"]], school])
    codes, _ = pd.factorize(frame["student"])
    return MixedData.from_arrays(frame["score"].to_numpy(), x, codes, x[:, :1])


def sleepstudy_data() -> MixedData:
    frame = pd.read_csv(DATA / "sleepstudy.csv")
    x = np.column_stack([np.ones(len(frame)), frame["Days"]])
    codes, _ = pd.factorize(frame["Subject"])
    return MixedData.from_arrays(frame["Reaction"].to_numpy(float), x, codes, x)


def large_arrays(n_groups: int = 10_000, size: int = 10) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    n = n_groups * size
    groups = np.repeat(np.arange(n_groups), size)
    time_ = np.tile(np.arange(float(size)), n_groups)
    arm = (groups % 2).astype(float)
    x = np.column_stack([np.ones(n), time_, arm, arm * time_, rng.normal(size=n)])
    effects = rng.normal(size=(n_groups, 2)) * [1.0, 0.3]
    y = x.sum(axis=1) + effects[groups, 0] + effects[groups, 1] * time_ + rng.normal(size=n)
    return y, x, groups, x[:, :2]


def seconds(once: Callable[[], object], repeats: int = REPEATS) -> float:
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    return median(times)


def methods(
    data: MixedData, params: CovarianceParameters, rows: np.ndarray
) -> dict[str, Callable[[], object]]:
    """What is timed: covariance and degrees of freedom, from nothing but the fit."""

    def answer(found: object) -> object:
        np.einsum("ka,ab,kb->k", rows, found.cov, rows)  # type: ignore[attr-defined]
        return found.df(rows)  # type: ignore[attr-defined]

    return {
        "kenward_roger": lambda: answer(kenward_roger_fit(data, params)),
        "satterthwaite": lambda: answer(satterthwaite_fit(data, params)),
        "CR2": lambda: answer(robust_fit(data, params, "CR2")),
    }


def r_seconds() -> dict[str, dict[str, float]]:
    if shutil.which("Rscript") is None:
        return {}
    program = R_PROGRAM % (R_REPEATS, ROWS, DATA, DATA)
    done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if done.returncode:
        print("R: " + done.stderr.strip().splitlines()[-1])
        return {}
    return json.loads(done.stdout)


def report_models(with_r: bool) -> None:
    reference = r_seconds() if with_r else {}
    print(f"{ROWS} rows: standard errors and degrees of freedom, ms")
    print(f"{'model':12}{'method':16}{'pymargins':>10}{'R':>10}{'ratio':>8}")
    for name, data in {"page": page_data(), "sleepstudy": sleepstudy_data()}.items():
        params = fit(data).params
        rows = np.random.default_rng(1).normal(size=(ROWS, data.n_fixed))
        for method, once in methods(data, params, rows).items():
            own = seconds(once)
            theirs = reference.get(name, {}).get(method)
            line = f"{name:12}{method:16}{1e3 * own:10.2f}"
            print(line + (f"{1e3 * theirs:10.1f}{theirs / own:8.0f}" if theirs else ""))


def report_large() -> None:
    arrays = large_arrays()
    params = CovarianceParameters([[1.0, 0.0], [0.0, 0.09]], [], 1.0)
    rows = np.random.default_rng(1).normal(size=(ROWS, arrays[1].shape[1]))
    print("100,000 rows, 10,000 groups, random slope, from arrays to degrees of freedom")
    for method in ("kenward_roger", "satterthwaite", "CR2"):

        def once(method: str = method) -> None:
            methods(MixedData.from_arrays(*arrays), params, rows)[method]()

        own = seconds(once, 3)
        tracemalloc.start()
        once()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{'large':12}{method:16}{own:10.3f} s {peak / MEGABYTE:8.0f} MB at the peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-r", action="store_true")
    report_models(with_r=not parser.parse_args().no_r)
    report_large()


if __name__ == "__main__":
    main()
