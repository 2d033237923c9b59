"""Measure averages of nonlinear regressions: time, memory, and ratios to other ways.

Run ``python benchmarks/regressions.py``. Every figure is the best of several first calls of new
sessions, standard errors included, in one process, so that ratios hold on a busy machine too.
`numpy` is what one would write by hand: one design a scenario, exact derivatives. `get_margeff` is
statsmodels' own (of columns, not of variables). Where marginaleffects can be imported it is asked
as well. Memory is the tracemalloc peak of a call of its own.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import Bootstrap, Margins

FORMULA = "age * treated + female + school"
GRID = {"age": list(range(20, 75, 2)), "treated": [0, 1]}  # 56 points
HEAD = ("work", "time", "memory", "target", "ratios")
WIDTHS = (44, 12, 14, 26, 40)


def pupils(n: int, continuous: bool) -> pd.DataFrame:
    """Simulate binary and four-valued outcomes; ages in whole years, or not."""
    rng = np.random.default_rng(42)
    age = rng.uniform(20, 75, n) if continuous else rng.integers(20, 75, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "female": rng.binomial(1, 0.52, n),
            "treated": rng.binomial(1, 0.40, n),
            "school": pd.Categorical(rng.choice(["A", "B", "C", "D"], n)),  # marginaleffects' wish
        }
    )
    eta = -2.0 + 0.03 * frame["age"] + 0.4 * frame["treated"] - 0.3 * frame["female"]
    frame["passed"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    frame["score"] = 10.0 * eta + rng.normal(0.0, 5.0, n)
    etas = np.column_stack([0.0 * eta, eta, 0.3 * frame["treated"], 0.01 * frame["age"]])
    share = np.exp(etas).cumsum(axis=1)
    drawn = rng.random(n)[:, None] * share[:, [-1]]
    frame["track"] = (drawn > share).sum(axis=1)
    return frame


def best(make: Callable[[], Any], work: Callable[[Any], Any], times: int = 5) -> float:
    """Return the least seconds of several first calls."""
    found: list[float] = []
    for _ in range(times):
        made = make()
        gc.collect()
        start = time.perf_counter()
        work(made)
        found.append(time.perf_counter() - start)
    return min(found)


def peak(make: Callable[[], Any], work: Callable[[Any], Any]) -> int:
    """Return the bytes that a first call needs beyond what was there."""
    made = make()
    gc.collect()
    tracemalloc.start()
    work(made)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def by_hand(fit: Any) -> None:
    """Average a logit model over a grid: columns set in a copy of the design, exact gradients."""
    beta, cov = np.asarray(fit.params), np.asarray(fit.cov_params())
    at = {name: i for i, name in enumerate(fit.model.exog_names)}
    design = np.array(fit.model.exog)
    for age in GRID["age"]:
        for treated in GRID["treated"]:
            design[:, at["age"]], design[:, at["treated"]] = age, treated
            design[:, at["age:treated"]] = age * treated
            p = 1.0 / (1.0 + np.exp(-design @ beta))
            gradient = (p * (1.0 - p)) @ design / len(p)
            figures = p.mean(), np.sqrt(gradient @ cov @ gradient)
            assert np.isfinite(figures).all()


def line(*cells: str) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)))


def measured(
    name: str,
    fit: Any,
    verb: Callable[[Any], Any],
    target: float,
    others: dict[str, float],
    **options: Any,
) -> None:
    """Measure a verb and print its time, its memory in designs and its ratios."""

    def make() -> Any:
        return Margins(fit, **options)

    seconds, extra = best(make, verb), peak(make, verb)
    verdict = "met" if seconds <= target else "MISSED"
    ratios = ", ".join(f"{other} {took / seconds:,.0f} x" for other, took in others.items())
    line(
        name,
        f"{1e3 * seconds:.1f} ms",
        f"{extra / fit.model.exog.nbytes:.2f} designs",
        f"{1e3 * target:g} ms: {verdict}",
        ratios,
    )


def marginaleffects_times(fit: Any) -> tuple[float, float] | None:
    """Return the seconds that marginaleffects takes for the grid and the slopes."""
    try:
        import marginaleffects as me
    except ImportError:
        return None
    ages, treated = GRID["age"], GRID["treated"]
    grid = best(
        lambda: None,
        lambda _: me.avg_predictions(fit, variables={"age": ages, "treated": treated}),
        1,
    )
    return grid, best(lambda: None, lambda _: me.avg_slopes(fit), 1)


def refits(n: int = 10_000, p: int = 8, n_boot: int = 1_000, loop: int = 20) -> None:
    """Measure a bootstrap of rows, studentized, against a loop of refits of resampled arrays."""
    rng = np.random.default_rng(7)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    count = rng.poisson(np.exp(0.5 + design[:, 1:] @ rng.normal(0.0, 0.1, p - 1)))
    fit = sm.Poisson(count, design).fit(disp=0)
    option = Bootstrap(n_boot, rng=1)
    ours = best(lambda: None, lambda _: Margins(fit, method=option), 3)

    def one_by_one(model: Callable[[Any, Any], Any]) -> None:
        for _ in range(loop):
            rows = rng.integers(0, n, n)
            model(count[rows], design[rows]).fit(disp=0, cov_type="HC0")

    theirs = best(lambda: sm.Poisson, one_by_one, 2) * n_boot / loop
    as_glm = lambda y, x: sm.GLM(y, x, family=sm.families.Poisson())  # noqa: E731
    glm = best(lambda: as_glm, one_by_one, 2) * n_boot / loop
    verdict = "met" if ours <= 2.0 else "MISSED"
    line(
        f"Poisson, {n_boot:,} refits of {n:,} rows",
        f"{1e3 * ours:.0f} ms",
        "",
        f"2000 ms: {verdict}",
        f"Poisson {theirs / ours:,.0f} x, GLM {glm / ours:,.0f} x",
    )


def opening(n: int = 1_000_000) -> None:
    """Measure the making of a session on a GLM against one making of its design by patsy."""
    from patsy.build import build_design_matrices
    from patsy.highlevel import dmatrix

    frame = pupils(n, False)
    fit = smf.glm(f"passed ~ {FORMULA}", frame, family=sm.families.Binomial()).fit()
    info = dmatrix(FORMULA, frame).design_info
    ours = best(lambda: None, lambda _: Margins(fit), 3)
    theirs = best(lambda: None, lambda _: build_design_matrices([info], frame), 3)
    verdict = "met" if ours <= 1.5 * theirs else "MISSED"
    ratio = f"build_design_matrices {theirs / ours:.1f} x"
    line(f"GLM, {n:,} rows, session", f"{1e3 * ours:.0f} ms", "", f"1.5 patsy: {verdict}", ratio)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    n = parser.parse_args().rows
    warnings.simplefilter("ignore")
    line(*HEAD)
    for continuous in (False, True):
        kind = "ages anything" if continuous else "ages in years"
        frame = pupils(n, continuous)
        fit = smf.logit(f"passed ~ {FORMULA}", frame).fit(disp=0)
        theirs = best(lambda: None, lambda _, fit=fit: fit.get_margeff().summary_frame(), 3)
        grid = {"numpy": best(lambda: None, lambda _, f=fit: by_hand(f), 3)}
        slopes = {"get_margeff": theirs}
        other = marginaleffects_times(fit)
        if other is not None:
            grid["marginaleffects"], slopes["marginaleffects"] = other
        measured(f"Logit, grid, {kind}", fit, lambda m: m.predict(GRID).std_error, 0.080, grid)
        measured(f"Logit, slopes, {kind}", fit, lambda m: m.dydx("all").std_error, 0.025, slopes)
    for continuous in (False, True):
        kind = "ages anything" if continuous else "ages in years"
        frame = pupils(4 * n, continuous)
        fit = smf.mnlogit(f"track ~ {FORMULA}", frame).fit(disp=0)
        measured(f"MNLogit x 4, slopes, {kind}", fit, lambda m: m.dydx("all").std_error, 2.0, {})
    fit = smf.ols(f"score ~ {FORMULA}", pupils(n, False)).fit(cov_type="HC3")
    measured("OLS HC3, grid", fit, lambda m: m.predict(GRID).std_error, 0.005, {})
    refits()
    opening()


if __name__ == "__main__":
    main()
