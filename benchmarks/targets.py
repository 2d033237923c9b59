"""Measure the speed targets of the first release and say which are met.

Run ``python benchmarks/targets.py``; it takes a few minutes.  Times are the best of several, and
ratios are taken within one run, so that a busy machine does less harm.  A first call of a session
is measured on a new session each time.  Memory is the tracemalloc peak of a call of its own, as a
multiple of the design matrix.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import patsy

from models import GRID, POINT, design_bytes, fitted, spec_of
from pymargins import Margins

HEAVY = ("statsmodels", "matplotlib", "scipy.stats")
HEAD = ("work", "best (median)", "target", "verdict")
WIDTHS = (50, 20, 24, 8)


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that one call takes."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extra_memory(work: Callable[[], Any]) -> int:
    """Return the bytes that a call needs at its peak beyond what was there."""
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def first_calls(
    fit: Any, verb: Callable[[Margins], Any], repeats: int
) -> tuple[float, float, float]:
    """Return the best and median time of a session's first call, and its memory in designs."""
    times: list[float] = []
    for _ in range(repeats):
        m = Margins(fit)
        times.append(timed(lambda m=m: verb(m)))
    m = Margins(fit)
    return min(times), median(times), extra_memory(lambda: verb(m)) / design_bytes(fit)


def report(work: str, took: str, target: str, met: bool) -> bool:
    """Print one row of the table."""
    show(work, took, target, "met" if met else "NOT MET")
    return met


def show(*cells: str) -> None:
    """Print the cells of a row."""
    print("  ".join(c.ljust(w) for c, w in zip(cells, WIDTHS, strict=True)).rstrip(), flush=True)


def memory_row(memory: float) -> bool:
    """Print the memory of the row above."""
    return report("  extra memory", f"{memory:.4f} designs", "<= 0.5 designs", memory <= 0.5)


def verbs(repeats: int, large: int) -> list[bool]:
    """Measure the session's verbs."""
    out: list[bool] = []
    for n, limit in ((400, 3e-3), (100_000, 10e-3), (large, 25e-3)):
        fit = fitted(n)
        best, middle, memory = first_calls(fit, lambda m: m.predict(atexog=GRID), repeats)
        took, target = f"{best * 1e3:.2f} ms ({middle * 1e3:.2f})", f"<= {limit * 1e3:.0f} ms"
        met = best <= limit
        if n == large:
            point, _, _ = first_calls(fit, lambda m: m.predict(atexog=POINT), repeats)
            took += f" {best / point:.2f} x"
            target += " or <= 1.5 x point"
            met = met or best <= 1.5 * point
        out.append(report(f"grid of 56 points, n = {n:,}, first call", took, target, met))
        if n > 400:
            out.append(memory_row(memory))
        if n == 100_000:
            best, middle, memory = first_calls(fit, lambda m: m.dydx("all"), repeats)
            took = f"{best * 1e3:.2f} ms ({middle * 1e3:.2f})"
            out.append(report(f"all slopes, n = {n:,}", took, "<= 10 ms", best <= 10e-3))
            out.append(memory_row(memory))
    return out


def construction(large: int, repeats: int = 3) -> bool:
    """Compare making a session with one run of patsy over the same rows."""
    fit = fitted(large)
    spec, frame = spec_of(fit), fit.model.data.frame
    ours: list[float] = []
    patsys: list[float] = []
    for _ in range(repeats):  # in turn, so that both see the same machine
        patsys.append(timed(lambda: patsy.build_design_matrices([spec], frame)))
        ours.append(timed(lambda: Margins(fit)))
    a, b = median(ours), median(patsys)
    took = f"{a:.2f} s / {b:.2f} s"
    work = f"making the session, n = {large:,}: {a / b:.2f} x patsy"
    return report(work, took, "<= 1 x patsy", a <= b)


def run(code: str) -> str:
    """Run Python in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def imports(repeats: int = 7) -> list[bool]:
    """Time the import after NumPy's and pandas', and see what it brings along.

    Both are timed in one process: the difference between two processes is lost in the noise of a
    busy machine, which can make it negative.
    """
    code = (
        "import time; a = time.perf_counter(); import numpy, pandas; b = time.perf_counter(); "
        "import pymargins; c = time.perf_counter(); pymargins.Margins; "
        "print(b - a, c - b, time.perf_counter() - b)"
    )
    pairs = [tuple(map(float, run(code).split())) for _ in range(repeats)]
    base, extra, used = (min(x) * 1e3 for x in zip(*pairs, strict=True))
    _, middle, middle_used = (median(x) * 1e3 for x in zip(*pairs, strict=True))
    took = f"{extra:.0f} ms ({middle:.0f})"
    work = f"import pymargins after NumPy and pandas ({base:.0f} ms)"
    seen = f"print(*[m for m in {HEAVY} if m in sys.modules])"
    loaded = run(f"import sys, pymargins; pymargins.Margins; {seen}")
    met = report(work, took, "<= 50 ms", extra <= 50)
    # names load when first asked for: whoever uses the package pays this much
    show("  the same and Margins loaded", f"{used:.0f} ms ({middle_used:.0f})", "none set", "")
    return [
        met,
        report("  heavy modules imported", loaded or "none", "none", not loaded),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="sessions per figure")
    parser.add_argument("--large", type=int, default=1_000_000, help="rows of the large model")
    options = parser.parse_args()
    show(*HEAD)
    rows = [*imports(), *verbs(options.repeats, options.large), construction(options.large)]
    print(f"\n{sum(rows)} of {len(rows)} targets met.")


if __name__ == "__main__":
    main()
