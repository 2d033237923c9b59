"""Time the mixed-model refit engine against statsmodels' refits and lme4's bootMer.

Run ``python benchmarks/refit_engine.py`` with ``OMP_NUM_THREADS=1`` for figures per core.  Ratios
are taken within one run on one machine.  Where Rscript or lme4 is missing that column stays empty;
``--no-r`` and ``--no-statsmodels`` leave a column out.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from pymargins.mixed import MixedData, bootstrap, fit
from pymargins.mixed.refits.response_draws import ParametricDraw
from pymargins.mixed.refits.sampling import ClusterSampling

DATA = Path(__file__).parents[1] / "tests" / "oracle" / "data"
REPLICATES = 1000
R_REPLICATES = 100  # bootMer's time is proportional to their number
STATSMODELS_REFITS = 5

R_PROGRAM = """
suppressMessages(library(lme4)); library(jsonlite)
time <- function(fit) {
  once <- function(n) system.time(suppressWarnings(suppressMessages(
    bootMer(fit, fixef, nsim = n, seed = 1))))[["elapsed"]]
  once(5); once(%d) / %d
}
page <- read.csv("%s/seed.csv")
sleep <- read.csv("%s/sleepstudy.csv")
pen <- read.csv("%s/Penicillin.csv")
cat(toJSON(list(
  page = time(lmer(score ~ age + female + treated + school + (1 | student), page)),
  sleepstudy = time(lmer(Reaction ~ Days + (Days | Subject), sleep)),
  penicillin = time(lmer(diameter ~ 1 + (1 | plate) + (1 | sample), pen))
), auto_unbox = TRUE, digits = 9))
"""


LME_PYTHON_PROGRAM = """
import sys, time, polars, lme_python
formula = "Reaction ~ Days + (Days | Subject)"
data = polars.read_csv(sys.argv[1])
fit = lme_python.lmer(formula, data)
def once(n):
    start = time.perf_counter()
    lme_python.boot_lmer(formula, data, fit, nsim=n, seed=1, n_jobs=1)
    return time.perf_counter() - start
once(20)
print(min(once(200) for _ in range(3)) / 200)
"""


def page_model() -> Any:
    import statsmodels.formula.api as smf

    frame = pd.read_csv(DATA / "seed.csv")
    return smf.mixedlm("score ~ age + female + treated + C(school)", frame, groups="student")


def sleepstudy_model() -> Any:
    import statsmodels.formula.api as smf

    frame = pd.read_csv(DATA / "sleepstudy.csv")
    return smf.mixedlm("Reaction ~ Days", frame, groups="Subject", re_formula="~Days")


def penicillin_model() -> Any:
    import statsmodels.formula.api as smf

    frame = pd.read_csv(DATA / "Penicillin.csv").assign(all=1)
    parts = {"plate": "0 + C(plate)", "sample": "0 + C(sample)"}
    return smf.mixedlm("diameter ~ 1", frame, groups="all", vc_formula=parts)


def arrays_of(model: Any) -> MixedData:
    """Take the arrays of a statsmodels model without variance components."""
    _, codes = np.unique(model.groups, return_inverse=True)
    return MixedData.from_arrays(model.endog, model.exog, codes, model.exog_re)


def penicillin_data() -> MixedData:
    frame = pd.read_csv(DATA / "Penicillin.csv")
    parts = tuple(
        [np.asarray(pd.get_dummies(frame[name]), dtype=float)] for name in ("plate", "sample")
    )
    n = len(frame)
    return MixedData.from_arrays(
        frame["diameter"].to_numpy(), np.ones((n, 1)), np.zeros(n, int), None, parts
    )


def large_data(n_groups: int = 10_000, size: int = 10) -> MixedData:
    rng = np.random.default_rng(0)
    n = n_groups * size
    groups = np.repeat(np.arange(n_groups), size)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 5)), groups % 2])
    y = x.sum(axis=1) + rng.normal(size=n_groups)[groups] + rng.normal(size=n)
    return MixedData.from_arrays(y, x, groups, np.ones((n, 1)))


def engine_seconds(data: MixedData, kind: Any, repeats: int) -> tuple[float, str]:
    """Return the median time of a studentised bootstrap, the fit not included, and its health."""
    fitted = fit(data)
    times: list[float] = []
    done = None
    for _ in range(repeats):
        start = time.perf_counter()
        done = bootstrap(data, fitted, kind, REPLICATES, seed=1)
        times.append(time.perf_counter() - start)
    assert done is not None
    assert done.cov is not None
    return median(times), f"{done.usable.mean():.1%} usable"


def statsmodels_seconds(make: Callable[[], Any], data: MixedData, kind: str) -> float:
    """Return the median time of one default refit, to the data that the engine would draw."""
    model, fitted = make(), fit(data)
    labels = np.unique(model.groups)
    rows = [np.flatnonzero(model.groups == label) for label in labels]
    by_weights = kind == "cluster"
    draw = (
        ClusterSampling.of_groups(len(rows))
        if by_weights
        else ParametricDraw.from_fit(data, fitted)
    )
    drawn = draw(np.random.default_rng(0), STATSMODELS_REFITS)
    times: list[float] = []
    for b in range(STATSMODELS_REFITS):
        if by_weights:
            chosen = np.repeat(np.arange(len(rows)), drawn[:, b].astype(int))
            index = np.concatenate([rows[i] for i in chosen])
            codes = np.concatenate([np.full(len(rows[i]), k) for k, i in enumerate(chosen)])
            response = model.endog[index]
        else:
            index, codes = np.arange(len(model.endog)), model.groups
            response = model.exog @ fitted.beta
            response[data.order] += drawn[:, b]
        parts = {"exog_vc": model.exog_vc} if model.k_vc else {"exog_re": model.exog_re[index]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            type(model)(response, model.exog[index], codes, **parts).fit()
            times.append(time.perf_counter() - start)
    return median(times)


def r_seconds() -> dict[str, float]:
    """Return bootMer's time per replicate, parametric, or nothing where R or lme4 is missing."""
    program = shutil.which("Rscript")
    if program is None:
        return {}
    text = R_PROGRAM % (R_REPLICATES, R_REPLICATES, DATA, DATA, DATA)
    run = subprocess.run([program, "-e", text], capture_output=True, text=True, check=False)
    if run.returncode:
        print("R:", run.stderr.strip().splitlines()[-1], file=sys.stderr)
        return {}
    return json.loads(run.stdout)


def lme_python_seconds(interpreter: str) -> float:
    """Return the time per parametric replicate of sleepstudy in the Rust package lme-python."""
    command = [interpreter, "-c", LME_PYTHON_PROGRAM, str(DATA / "sleepstudy.csv")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def large_run() -> None:
    """Time the large case alone, so that its peak of memory is its own."""
    data = large_data()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, health = engine_seconds(data, "cluster", 1)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"s": seconds, "health": health, "mb": after / 1e3, "start": before / 1e3}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-r", action="store_true")
    parser.add_argument("--no-statsmodels", action="store_true")
    parser.add_argument(
        "--lme-python", metavar="INTERPRETER", help="a Python that has lme-python and polars"
    )
    parser.add_argument("--large-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large_only:
        large_run()
        return
    r = {} if options.no_r else r_seconds()
    work: list[tuple[str, str, MixedData, Any, Any]] = [
        ("page", "cluster", arrays_of(page_model()), "cluster", page_model),
        ("page", "parametric", arrays_of(page_model()), "parametric", page_model),
        ("page", "residual", arrays_of(page_model()), "residual", None),
        ("page", "wild", arrays_of(page_model()), "wild", None),
        ("sleepstudy", "parametric", arrays_of(sleepstudy_model()), "parametric", sleepstudy_model),
        ("sleepstudy", "cluster", arrays_of(sleepstudy_model()), "cluster", sleepstudy_model),
        ("penicillin", "parametric", penicillin_data(), "parametric", penicillin_model),
    ]
    print(f"{REPLICATES} replicates, studentised; statsmodels and bootMer: seconds per refit")
    print(
        f"{'model':12}{'kind':12}{'engine s':>10}{'statsmodels':>13}{'ratio':>9}"
        f"{'bootMer':>10}{'ratio':>8}  "
    )
    for name, label, data, kind, model in work:
        seconds, health = engine_seconds(data, kind, 7)
        line = f"{name:12}{label:12}{seconds:10.3f}"
        if model is not None and not options.no_statsmodels:
            one = statsmodels_seconds(model, data, kind)
            line += f"{one:13.4f}{one * REPLICATES / seconds:8.0f}x"
        else:
            line += " " * 22
        if name in r:
            line += f"{r[name]:10.4f}{r[name] * REPLICATES / seconds:7.0f}x"
        else:
            line += " " * 18
        print(line, " ", health, flush=True)
        if options.lme_python and (name, kind) == ("sleepstudy", "parametric"):
            other = lme_python_seconds(options.lme_python)
            print(
                f"{'':24}lme-python {other:.4f} s a replicate: {other * REPLICATES / seconds:.0f}x"
            )
    run = subprocess.run(
        [sys.executable, __file__, "--large-only"], capture_output=True, text=True, check=True
    )
    large = json.loads(run.stdout)
    print(
        f"{'10,000 x 10':12}{'cluster':12}{large['s']:10.3f}   peak {large['mb']:.0f} MB "
        f"({large['start']:.0f} MB before)   {large['health']}"
    )


if __name__ == "__main__":
    main()
