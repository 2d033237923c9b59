"""Run the same work with the `marginaleffects` package, and one design at a time with NumPy.

Run ``python benchmarks/against_marginaleffects.py``.  The package needs an older polars than the
tests do, so it gets an environment of its own in a cache folder (``--cache``), made once with pip.
Every figure is the best of three runs (one for marginaleffects at n = 100,000) in a process of its
own, after a warm-up on a small model.  For pymargins each run is the first call of a new session,
whose making is left out in one row and counted in the next.  Memory is how far the peak resident
size rises above what the process held before; small arrays may fit in what it held.  If the
package cannot be installed the script says so and ends well.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
SIZES = (1_000, 10_000, 100_000)
LIBRARIES = ("pymargins", "session included", "numpy", "marginaleffects")
TASKS = ("grid", "slope", "slopes")
WORDS = {"grid": "averaged grid, 56 points", "slope": "one slope", "slopes": "all slopes"}
PACKAGES = ("marginaleffects", "polars<2", "numpy", "pandas", "scipy", "statsmodels", "narwhals")
WARM_UP = 400
FEW_RUNS = 100_000  # from this many rows on, the slow ways run once
AGREE = 1e-6  # of a standard error; standard errors by numerical derivatives differ by more


class NotInstalled(Exception):
    """The package could not be installed."""


def environment(cache: Path) -> Path:
    """Return the Python of the environment, made when first asked for."""
    python = cache / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = cache / ".ready"
    if ready.exists():
        return python
    try:
        venv.create(cache, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True, check=False)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode:
        raise NotInstalled(done.stderr.strip()[-400:])
    ready.touch()
    return python


def measure(python: Path | str, library: str, task: str, n: int) -> dict[str, Any]:
    """Do one piece of work in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1] / "src")])}
    request = json.dumps({"library": library, "task": task, "n": n})
    done = subprocess.run(
        [str(python), str(HERE), "--work"],
        input=request,
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"exit code {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


# --- the work, in the environment ----------------------------------------------------------------


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Time one task of one library; estimates and standard errors come back for comparison."""
    import numpy as np

    from models import fitted

    warnings.simplefilter("ignore")
    library, task, n = request["library"], request["task"], request["n"]
    prepared(library, task, fitted(WARM_UP, categories=True))()  # imports are not the work
    fit = fitted(n, categories=True)
    times: list[float] = []
    extra = 0
    for _ in range(1 if n >= FEW_RUNS and library == "marginaleffects" else 3):
        call = prepared(library, task, fit)  # a new session: one remembers what it has averaged
        gc.collect()
        forget_peak()
        before = peak_memory()
        start = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - start)
        extra = max(extra, peak_memory() - before)
    estimate, error = (np.asarray(x, dtype=float).tolist() for x in found)
    return {
        "seconds": min(times),
        "extra_mb": extra / 1e6,
        "estimate": estimate,
        "std_error": error,
    }


def forget_peak() -> None:
    """Let the peak start again from what is in use, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the peak resident size in bytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def prepared(library: str, task: str, fit: Any) -> Callable[[], Any]:
    """Return the call that is timed."""
    if library == "pymargins":
        return by_pymargins(task, fit)
    if library == "session included":
        return lambda: by_pymargins(task, fit)()
    return (by_numpy if library == "numpy" else by_marginaleffects)(task, fit)


def by_pymargins(task: str, fit: Any) -> Callable[[], Any]:
    from models import GRID
    from pymargins import Margins

    m = Margins(fit)

    def call() -> Any:
        if task == "grid":
            result = m.predict(atexog=GRID)
        else:
            result = m.dydx("age" if task == "slope" else "all")
        return result.estimate, result.std_error

    return call


def by_numpy(task: str, fit: Any) -> Callable[[], Any]:
    """Fill one design matrix a scenario and average it, as one would by hand for this model."""
    import numpy as np

    from models import GRID

    exog = np.asarray(fit.model.exog)
    beta = np.asarray(fit.fe_params, dtype=float)
    cov = np.asarray(fit.cov_params(), dtype=float)[: len(beta), : len(beta)]
    at = {name: i for i, name in enumerate(fit.model.exog_names)}
    schools = [f"C(school)[T.{s}]" for s in "BCD"]

    def mean_row(**columns: Any) -> Any:
        X = exog.copy()
        for name, value in columns.items():
            if name == "school":
                X[:, [at[s] for s in schools]] = [s == value for s in schools]
            else:
                X[:, at[name]] = value
        X[:, at["age:treated"]] = X[:, at["age"]] * X[:, at["treated"]]
        return X.mean(axis=0)

    def slopes(name: str) -> list[Any]:
        if name == "school":
            return [mean_row(school=s) - mean_row(school=None) for s in schools]
        return [mean_row(**{name: exog[:, at[name]] + 1}) - mean_row()]

    def call() -> Any:
        if task == "grid":
            rows = [mean_row(age=a, treated=t) for a in GRID["age"] for t in GRID["treated"]]
        else:
            names = ["age"] if task == "slope" else ["age", "treated", "female", "school"]
            rows = [row for name in names for row in slopes(name)]
        L = np.stack(rows)
        return L @ beta, np.sqrt(np.einsum("ij,jk,ik->i", L, cov, L))

    return call


def by_marginaleffects(task: str, fit: Any) -> Callable[[], Any]:
    import marginaleffects as me

    from models import GRID

    order = {"age": 0, "treated": 1, "female": 2, "school": 3}

    def call() -> Any:
        if task == "grid":
            table = me.avg_predictions(fit, variables=GRID, by=list(GRID))
        elif task == "slope":
            table = me.avg_slopes(fit, variables="age")
        else:
            table = me.avg_slopes(fit)
        rows = getattr(table, "data", table).to_dicts()
        if task == "grid":
            rows.sort(key=lambda r: (r["age"], r["treated"]))
        else:
            rows.sort(key=lambda r: (order[r["term"]], r["contrast"]))
        return [r["estimate"] for r in rows], [r["std_error"] for r in rows]

    return call


# --- the table ------------------------------------------------------------------------------------


def agreement(found: dict[str, Any], ours: dict[str, Any]) -> str:
    """Say how far estimates and standard errors are from ours, in standard errors."""
    import numpy as np

    se = np.asarray(ours["std_error"])
    if len(found["estimate"]) != len(se):
        return f"{len(found['estimate'])} rows, expected {len(se)}"
    gap = np.abs(np.subtract(found["estimate"], ours["estimate"]) / se).max()
    error = np.abs(np.divide(found["std_error"], se) - 1).max()
    verdict = "estimates agree" if gap <= AGREE else "ESTIMATES DIFFER"
    return f"{verdict} ({gap:.0e} SE); SEs within {100 * error:.1g} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(tempfile.gettempdir()) / "pymargins-benchmark-env"
    parser.add_argument("--cache", type=Path, default=default, help="folder of the environment")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="rows")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="questions")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(json.loads(sys.stdin.read()))))
        return
    try:
        python: Path | str = environment(options.cache)
    except NotInstalled as reason:
        print(f"marginaleffects could not be installed, so nothing is compared: {reason}")
        return
    print(f"{'work':26}{'n':>9}  {'way':17}{'time':>11}{'ratio':>10}{'memory':>11}  agreement")
    for n in options.sizes:
        for task in options.tasks:
            ours: dict[str, Any] = {}
            for library in LIBRARIES:
                found = measure(python, library, task, n)
                head = f"{WORDS[task]:26}{n:>9,}  {library:17}"
                if "error" in found:
                    print(f"{head} failed: {found['error']}", flush=True)
                    continue
                if library == "pymargins":
                    ours = found
                ratio = found["seconds"] / ours["seconds"] if ours else float("nan")
                same = agreement(found, ours) if ours and found is not ours else ""
                print(
                    f"{head}{found['seconds'] * 1e3:>8.1f} ms{ratio:>9,.1f}x"
                    f"{found['extra_mb']:>8.0f} MB  {same}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
