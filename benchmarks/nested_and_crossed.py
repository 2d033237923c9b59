"""Time fits and sessions of nested and crossed random effects, beside lme4's `lmer`.

Run ``python benchmarks/nested_and_crossed.py`` with ``OMP_NUM_THREADS=1`` for figures per core.
Both sides start from the data and fit by REML; the log-likelihoods are compared, lmer's after a
second fit with tighter tolerances, which is not timed.  A session is opened with Kenward-Roger
degrees of freedom and ``polish=True`` and answers one question.  Where Rscript or lme4 is missing
those columns stay empty; ``--no-r`` leaves them out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins import Margins
from pymargins.mixed import MixedData, MixedFit, fit

DATA = Path(__file__).parents[1] / "tests" / "oracle" / "data"
REPEATS = 7
R_REPEATS = 3

R_PROGRAM = """
suppressMessages({library(lme4)})
tasks <- list(%s)
out <- lapply(names(tasks), function(name) {
  d <- read.csv(file.path("%s", paste0(name, ".csv")), stringsAsFactors = TRUE)
  for (v in intersect(names(d), c("school", "child", "row", "column"))) d[[v]] <- factor(d[[v]])
  times <- replicate(%d, system.time(suppressMessages(m <<- lmer(tasks[[name]], d)))[["elapsed"]])
  tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9))
  suppressMessages(m <- lmer(tasks[[name]], d, control = tight))
  list(seconds = min(times), loglik = sprintf("%%.10f", logLik(m)))
})
names(out) <- names(tasks)
fields <- sapply(names(out), function(n)
  sprintf('"%%s": [%%.6f, %%s]', n, out[[n]]$seconds, out[[n]]$loglik))
cat("{", paste(fields, collapse = ", "), "}")
"""


@dataclass(frozen=True)
class Task:
    """One model in the words of statsmodels and of lme4, and the seconds allowed a session."""

    frame: pd.DataFrame
    formula: str
    groups: str
    re_formula: str | None
    components: dict[str, str]
    lmer: str
    question: dict[str, Any]
    limit: float | None = None

    def model(self) -> Any:
        return smf.mixedlm(
            self.formula,
            self.frame,
            groups=self.groups,
            re_formula=self.re_formula,
            vc_formula=self.components,
        )


def three_levels(schools: int = 60, children: int = 1721, rows: int = 7230) -> pd.DataFrame:
    """Children in schools, measured some times each, with slopes of time at both levels."""
    rng = np.random.default_rng(0)
    of_child = np.sort(
        np.concatenate([np.arange(schools), rng.integers(0, schools, children - schools)])
    )
    times = 2 + rng.multinomial(rows - 2 * children, np.full(children, 1 / children))
    child = np.repeat(np.arange(children), times)
    school = of_child[child]
    time_ = rng.integers(-5, 6, rows) / 2.0
    treated, girl = school % 2, rng.integers(0, 2, children)[child]
    y = 1 + 0.5 * time_ + 0.2 * treated * time_ + 0.3 * girl + 0.6 * rng.normal(size=rows)
    y += (0.4 * rng.normal(size=schools))[school] + (0.1 * rng.normal(size=schools))[school] * time_
    y += (0.9 * rng.normal(size=children))[child] + (0.3 * rng.normal(size=children))[child] * time_
    columns = (y, time_, treated, girl, school, child)
    names = ("y", "time", "treated", "girl", "school", "child")
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def crossing(rows: int = 50, columns: int = 30, n: int = 1000) -> pd.DataFrame:
    """Rows and columns that meet at random."""
    rng = np.random.default_rng(0)
    row, column, x = rng.integers(0, rows, n), rng.integers(0, columns, n), rng.normal(size=n)
    y = 1 + 0.5 * x + (0.7 * rng.normal(size=rows))[row] + rng.normal(size=n)
    y += (0.5 * rng.normal(size=columns))[column]
    return pd.DataFrame({"y": y, "x": x, "row": row, "column": column, "all": 1})


def tasks() -> dict[str, Task]:
    penicillin = pd.read_csv(DATA / "Penicillin.csv").assign(all=1)
    pastes = pd.read_csv(DATA / "Pastes.csv")
    return {
        "three_levels": Task(
            three_levels(),
            "y ~ time * treated + girl",
            "school",
            "~ time",
            {"child": "0 + C(child)", "slope": "0 + C(child):time"},
            "y ~ time * treated + girl + (time | school) + (time || child)",
            {"time": [0, 1]},
            limit=1.5,
        ),
        "crossed_50x30": Task(
            crossing(),
            "y ~ x",
            "all",
            None,
            {"row": "0 + C(row)", "column": "0 + C(column)"},
            "y ~ x + (1 | row) + (1 | column)",
            {"x": [0, 1]},
            limit=0.3,
        ),
        "penicillin": Task(
            penicillin,
            "diameter ~ 1",
            "all",
            None,
            {"plate": "0 + C(plate)", "sample": "0 + C(sample)"},
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            {},
        ),
        "pastes": Task(
            pastes,
            "strength ~ C(cask)",
            "batch",
            "1",
            {"cask": "0 + C(cask)"},
            "strength ~ cask + (1 | batch) + (1 | batch:cask)",
            {"cask": ["a", "b"]},
        ),
    }


def arrays(model: Any) -> dict[str, Any]:
    """Return what the engine takes, in the order of the model's groups."""
    return {
        "y": np.concatenate(model.endog_li),
        "X": np.concatenate(model.exog_li),
        "groups": np.repeat(np.arange(len(model.endog_li)), [len(y) for y in model.endog_li]),
        "Z": np.concatenate(model.exog_re_li) if model.k_re else None,
        "components": tuple(model.exog_vc.mats),
    }


def best_of(once: Callable[[], Any]) -> tuple[float, Any]:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = once()
        times.append(time.perf_counter() - start)
    return min(times), result


def engine(model: Any) -> tuple[float, MixedFit]:
    parts = arrays(model)
    return best_of(lambda: fit(MixedData.from_arrays(**parts)))


def session(model: Any, question: dict[str, Any]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stops at once is what polish=True is for
        stopped = model.fit(maxiter=1, method="bfgs")
        seconds, _ = best_of(
            lambda: Margins(stopped, df="kenward-roger", polish=True).predict(question)
        )
    return seconds


def by_lmer(models: dict[str, Task]) -> dict[str, list[float]]:
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        for name, task in models.items():
            task.frame.to_csv(Path(folder) / f"{name}.csv", index=False, float_format="%.17g")
        formulas = ", ".join(f"{name} = {task.lmer}" for name, task in models.items())
        done = subprocess.run(
            ["Rscript", "-e", R_PROGRAM % (formulas, folder, R_REPEATS)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(f"R: {done.stderr.strip().splitlines()[-1]}")
        return {}
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-r", action="store_true")
    with_r = not parser.parse_args().no_r
    models = tasks()
    r = by_lmer(models) if with_r else {}
    print(
        f"{'':16}{'fit, ms':>9}{'lmer, ms':>10}{'ratio':>7}{'loglik apart':>14}{'session, ms':>13}"
    )
    for name, task in models.items():
        model = task.model()
        seconds, found = engine(model)
        whole = session(model, task.question)
        line = f"{name:16}{1e3 * seconds:9.1f}"
        if name in r:
            ours, theirs = found.loglik, r[name][1]
            line += f"{1e3 * r[name][0]:10.0f}{seconds / r[name][0]:7.2f}{ours - theirs:14.1e}"
        else:
            line += f"{'':10}{'':7}{'':14}"
        line += f"{1e3 * whole:13.0f}"
        if task.limit is not None:
            line += f"  (limit {1e3 * task.limit:.0f})"
        print(line)


if __name__ == "__main__":
    main()
