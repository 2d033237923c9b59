"""How often statsmodels' plain ``.fit()`` misses the optimum, is warned of, and is mended.

``python benchmarks/convergence.py [data sets per structure]``: simulated data over ten structures.
A fit misses where its deviance is more than 0.01 above the best. The advice is followed wherever a
warning came: it mends where the session then opens without a warning, at the optimum. The first
advice is ``polish=True``, the second a refit by ``fit(method="powell")``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins import FitWarning, Margins, PymarginsError

BASE: dict[str, Any] = {"groups": "g"}
NESTED = {"groups": "g", "re_formula": "1", "vc_formula": {"h": "0 + C(h)"}}
#: Groups, rows in each, SDs (intercept, slope, nested), residual SD, formula, what the fit gets.
STRUCTURES: dict[str, tuple[int, int, tuple[float, float, float], float, str, dict[str, Any]]] = {
    "intercept": (20, 8, (2, 0, 0), 1, "y ~ x + arm", BASE),
    "intercept, few groups": (6, 10, (1, 0, 0), 1, "y ~ x + arm", BASE),
    "intercept, large": (40, 6, (30, 0, 0), 1, "y ~ x + arm", BASE),
    "intercept, near zero": (20, 6, (0.2, 0, 0), 1, "y ~ x + arm", BASE),
    "outcome in thousands": (20, 8, (2e3, 0, 0), 1e3, "y ~ x + arm", BASE),
    "slope": (25, 8, (2, 1, 0), 1, "y ~ x * arm", {**BASE, "re_formula": "~x"}),
    "slope, small": (25, 8, (2, 0.1, 0), 1, "y ~ x * arm", {**BASE, "re_formula": "~x"}),
    "slope on a year": (25, 8, (2, 0.3, 0), 1, "y ~ year * arm", {**BASE, "re_formula": "~year"}),
    "nested": (12, 12, (2, 0, 1), 1, "y ~ x + arm", NESTED),
    "nested, small": (12, 12, (1, 0, 0.2), 1, "y ~ x + arm", NESTED),
}


def simulate(name: str, seed: int) -> pd.DataFrame:
    """Return one data set of a structure."""
    groups, size, (sd, slope, nested), noise, *_ = STRUCTURES[name]
    rng = np.random.default_rng([seed, list(STRUCTURES).index(name)])
    g = np.repeat(np.arange(groups), size)
    frame = pd.DataFrame({"g": g, "arm": g % 2, "h": g * 3 + np.arange(len(g)) % 3})
    frame["year"] = 2010 + np.arange(len(g)) % size
    frame["x"] = rng.normal(size=len(g))
    moved = frame["year"] - 2013 if "year" in STRUCTURES[name][4] else frame["x"]
    own = rng.normal(0, sd, groups)[g] + rng.normal(0, 1, groups)[g] * slope * moved
    inner = rng.normal(0, nested, 3 * groups)[frame["h"]]
    frame["y"] = 5 + moved + own + inner + rng.normal(0, noise, len(g))
    return frame


def opened(fit: Any, **options: Any) -> tuple[Margins | None, bool]:
    """Return a session, and whether it gave a warning about its fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            m = Margins(fit, **options)
        except PymarginsError:
            return None, True
    return m, any(issubclass(w.category, FitWarning) for w in caught)


def fitted(name: str, seed: int, **options: Any) -> Any:
    """Return the fit of one data set; nothing where statsmodels cannot fit it."""
    *_, formula, how = STRUCTURES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return smf.mixedlm(formula, simulate(name, seed), **how).fit(**options)
        except (np.linalg.LinAlgError, ValueError):
            return None


def mends(fit: Any, **options: Any) -> bool:
    """Return whether a session is at the optimum, and says nothing."""
    if fit is None:
        return False
    m, warned = opened(fit, vcov="gls", **options)
    return m is not None and m.diagnose().at_optimum and not warned


def study(name: str, count: int) -> Iterator[tuple[bool, bool, bool, bool]]:
    """Yield whether each fit missed, was warned of, and was mended by either advice."""
    for seed in range(count):
        fit = fitted(name, seed)
        if fit is None:
            continue
        m, warned = opened(fit, vcov="gls")
        missed = m is None or m.diagnose().deviance_gap > 0.01
        again = warned and mends(fitted(name, seed, method="powell"))
        yield missed, warned, warned and mends(fit, polish=True), again


COLUMNS = ("fits", "missed", "warned", "missed, unwarned", "mended by polish", "by powell")


def print_row(name: str, figures: Any) -> None:
    cells = zip(COLUMNS, figures, strict=True)
    print(f"{name:24s}", *(f"{figure:{len(head)}d}" for head, figure in cells), flush=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    total = np.zeros(len(COLUMNS), dtype=int)
    print(f"{'structure':24s}", *COLUMNS)
    for name in STRUCTURES:
        found = np.array(list(study(name, count)), dtype=bool)
        missed, warned, polished, powell = found.T
        silent = (missed & ~warned).sum()
        row = [len(found), missed.sum(), warned.sum(), silent, polished.sum(), powell.sum()]
        total += row
        print_row(name, row)
    print_row("all", total)
