"""Time and peak memory of work whose size is in its rows: each piece in a process of its own.

``python benchmarks/memory_and_time.py [name ...]`` prints one line a piece: seconds, and megabytes
beyond what the session holds before. Linux only (``/proc`` tells the peak).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd


def study(n: int = 600, groups: int = 60, levels: int = 100, seed: int = 1) -> pd.DataFrame:
    """Return rows of groups, with a number and a factor of many levels."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % groups
    frame = pd.DataFrame({"group": group, "x": rng.uniform(1, 9, n), "z": rng.uniform(0, 1, n)})
    frame["level"] = [f"L{i:03d}" for i in rng.permutation(np.arange(n) % levels)]
    noise = rng.normal(0, 2, groups)[group] + rng.normal(0, 1, n)
    frame["y"] = 20 + np.sin(frame["x"]) + frame["z"] + noise
    return frame


def session(formula: str, frame: pd.DataFrame, **options):
    """Fit and open a session, without the complaints of quick fits."""
    import statsmodels.formula.api as smf

    from pymargins import Margins

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.mixedlm(formula, frame, groups="group").fit()
        return Margins(fit, **{"vcov": "gls", **options})


SPLINE = "y ~ bs(x, df=8, lower_bound=0, upper_bound=10) * z"


def rows_of(m, k: int):
    """Predict along a spline."""
    return m.predict(pd.DataFrame({"x": np.linspace(1.1, 8.9, k), "z": np.linspace(0, 1, k)}))


def joint_of_pairs():
    frame = study(1000)
    m = session("y ~ level + x", frame)
    pairs = m.predict({"level": sorted(frame["level"].unique())}).pairwise()
    return lambda: pairs.joint_test()


def joint_of_rows():
    rows = rows_of(session(SPLINE, study()), 20_000)
    return lambda: rows.joint_test()


def simultaneous():
    rows = rows_of(session(SPLINE, study()), 2_000)
    return lambda: rows.conf_int(simultaneous=True)


def difference():
    m = session(SPLINE, study())
    a, b = rows_of(m, 10_000), m.predict({"x": np.linspace(1.5, 8.5, 10_000)})
    return lambda: (a - b).std_error


def pairs_of_500():
    rows = rows_of(session(SPLINE, study()), 500)
    return lambda: rows.pairwise().p_value


def bca():
    from pymargins import Bootstrap

    frame = study(20_000, 10_000)
    option = Bootstrap(200, interval="bca", rng=1)
    m = session("y ~ x * z", frame, method=option, vcov=None)
    return lambda: m.predict().conf_int()


def resampled(kind: str):
    """Refit many groups with many coefficients, studentized."""
    from pymargins import Bootstrap

    frame = study(20_000, 400, 24)
    option = Bootstrap(1000, kind=kind, interval="studentized", rng=1)
    return lambda: session("y ~ level + x + z", frame, method=option, vcov=None).dydx("x")


def cluster_bootstrap():
    return resampled("cluster")


def wild_bootstrap():
    return resampled("wild")


def elasticity_of_replicates():
    from pymargins import Bootstrap

    m = session(SPLINE, study(), method=Bootstrap(100, rng=1), vcov=None)
    return lambda: m.eyex("x").std_error


def elasticity_of_many_rows():
    m = session(SPLINE, study(100_000, 500))
    return lambda: m.eyex("x", atexog={"z": [0.0, 0.5, 1.0]}).std_error


PIECES: dict[str, Callable] = {
    "joint_test of 4,950 pairs": joint_of_pairs,
    "joint_test of 20,000 rows": joint_of_rows,
    "simultaneous intervals of 2,000 rows": simultaneous,
    "a - b on 10,000 rows": difference,
    "pairwise() of 500 rows": pairs_of_500,
    "BCa intervals, 10,000 groups": bca,
    "cluster bootstrap, 20,000 rows, 400 groups": cluster_bootstrap,
    "wild bootstrap, 20,000 rows, 400 groups": wild_bootstrap,
    "eyex of a spline, 100 replicates": elasticity_of_replicates,
    "eyex of a spline at 3 points, 100,000 rows": elasticity_of_many_rows,
}


def peak() -> float:
    """Return the most memory held since the last reset, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(name: str) -> None:
    """Print what one piece takes."""
    work = PIECES[name]()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before, start = peak(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{name:45s} {seconds:8.2f} s {peak() - before:8.0f} MB", flush=True)


if __name__ == "__main__":
    if os.environ.get("PIECE"):
        measure(os.environ["PIECE"])
    else:
        for piece in sys.argv[1:] or PIECES:
            # one thread: a machine that others use, too, makes more of them slower
            env = {**os.environ, "PIECE": piece, "OPENBLAS_NUM_THREADS": "1"}
            done = subprocess.run([sys.executable, __file__], env=env, timeout=600, check=False)
            if done.returncode:
                print(f"{piece:45s} failed")
