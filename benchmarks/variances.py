"""Time profile-likelihood limits of all variance parameters, against lme4's ``confint``.

``python benchmarks/variances.py`` with ``OMP_NUM_THREADS=1``.  Data: sleepstudy, intercept and
slope correlated.  Times are of the CPU, so that a busy machine does less harm, lme4's those that R
reports as user and system.  Where Rscript or lme4 is missing that figure stays empty.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pandas as pd
import statsmodels.formula.api as smf

from pymargins import Margins
from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.mixed.profiles.limits import profile_limits
from pymargins.mixed.profiles.setup import Target

DATA = Path(__file__).parents[1] / "docs" / "data" / "sleepstudy.csv"
REPEATS = 15
TARGETS = (
    Target("effect", 0),
    Target("effect", 1),
    Target("correlation", 0, 1),
    Target("residual"),
)
GOAL = 0.050
R_PROGRAM = """
suppressMessages(library(lme4)); d <- read.csv("{path}")
fit <- lmer(Reaction ~ Days + (Days | Subject), d)
quiet <- function(x) suppressMessages(suppressWarnings(x))
ask <- function() quiet(confint(fit, parm = "theta_", method = "profile"))
cpu <- function() {{ t <- system.time(ask()); t[["user.self"]] + t[["sys.self"]] }}
invisible(ask()); cat(median(replicate(3, cpu())))
"""


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median CPU seconds of a call."""
    work()
    found: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return median(found)


def lme4() -> float | None:
    """Return the CPU seconds of lme4's profile, None where it cannot be run."""
    if shutil.which("Rscript") is None:
        return None
    program = R_PROGRAM.format(path=DATA.as_posix())
    run = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    return float(run.stdout.split()[-1]) if run.returncode == 0 else None


def main() -> None:
    """Print the times."""
    frame = pd.read_csv(DATA)
    fit = smf.mixedlm("Reaction ~ Days", frame, groups="Subject", re_formula="~Days").fit()
    adapter = StatsmodelsMixedLMAdapter(fit)
    data, best = adapter.data, adapter.optimum
    engine = seconds(lambda: profile_limits(data, best, TARGETS, 0.95))
    session = Margins(fit, vcov="gls")
    verb = seconds(lambda: session.variance_components(method="profile"))
    delta = seconds(lambda: session.variance_components().conf_int())
    theirs = lme4()
    print(f"profile limits, engine      {1e3 * engine:7.1f} ms   goal {1e3 * GOAL:.0f} ms")
    print(f"variance_components profile {1e3 * verb:7.1f} ms")
    print(f"variance_components delta   {1e3 * delta:7.1f} ms")
    if theirs is None:
        print("lme4 confint(profile)       not here")
    else:
        ratio = theirs / verb
        print(f"lme4 confint(profile)       {1e3 * theirs:7.1f} ms   {ratio:.0f} times as long")


if __name__ == "__main__":
    main()
