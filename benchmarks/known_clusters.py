"""Time and memory of figures of known clusters.

Run ``python benchmarks/known_clusters.py``. Goals: predictions of 10,000 clusters with slopes, with
their errors, in 0.5 s and 200 MB; a table of 1,000,000 cells in 50 states averaged by state in 1 s.
"""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins import Margins


def clustered(clusters: int, rows: int, seed: int = 1) -> pd.DataFrame:
    """Return data with random intercepts and slopes."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(clusters), rows)
    x = rng.uniform(0, 4, len(group))
    own = rng.normal(size=(clusters, 2)) * [1.0, 0.4]
    y = 1 + own[group, 0] + (0.5 + own[group, 1]) * x + rng.normal(size=len(group))
    return pd.DataFrame({"cluster": group, "x": x, "y": y})


def polled(states: int = 50, n: int = 5_000) -> pd.DataFrame:
    """Return a poll of people in states."""
    rng = np.random.default_rng(2)
    state = rng.integers(states, size=n)
    frame = pd.DataFrame({"state": [f"state {k:02d}" for k in state]})
    frame["age"] = rng.choice(["18-29", "30-44", "45-64", "65+"], n)
    frame["sex"] = rng.choice(["f", "m"], n)
    frame["yes"] = rng.normal(size=states)[state] + (frame["sex"] == "f") + rng.normal(size=n)
    return frame


def cells(n: int, states: int = 50) -> pd.DataFrame:
    """Return a table of cells with the number of people in each."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"state": np.array([f"state {k:02d}" for k in range(states)])[rng.integers(states, size=n)]}
    )
    frame["age"] = rng.choice(["18-29", "30-44", "45-64", "65+"], n)
    frame["sex"] = rng.choice(["f", "m"], n)
    frame["people"] = rng.integers(1, 500, n)
    return frame


def measured(name: str, ask: Callable[[], Any]) -> None:
    """Print time and peak memory of one question, each measured on its own."""
    start = perf_counter()
    ask().to_frame()
    seconds = perf_counter() - start
    tracemalloc.start()
    ask().to_frame()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{name:60s} {seconds:7.3f} s {peak / 1e6:8.0f} MB")


def main() -> None:
    """Measure everything."""
    warnings.simplefilter("ignore")
    data = clustered(10_000, 8)
    model = smf.mixedlm("y ~ x", data, groups="cluster", re_formula="~x")
    fit = model.fit(method="lbfgs")
    for df in (None, "satterthwaite", "kenward-roger"):
        m = Margins(fit, random_effects="predicted", df=df)
        questions: dict[str, Callable[[], Any]] = {
            "over their rows": partial(m.predict, over="cluster"),
            "own slopes": partial(m.dydx, "x", over="cluster"),
            "random effects": m.random_effects,
        }
        for name, ask in questions.items():
            measured(f"10,000 clusters, {name}, df={df}", ask)
    poll = smf.mixedlm("yes ~ age + sex", polled(), groups="state").fit()
    table = cells(1_000_000)

    def session() -> Margins:
        options: dict[str, Any] = {"weights": "people", "df": "kenward-roger"}
        return Margins(poll, random_effects="predicted", at=table, **options)

    measured("1,000,000 cells, by state", partial(session().predict, over="state"))
    measured("1,000,000 cells, by state, session included", lambda: session().predict(over="state"))


if __name__ == "__main__":
    main()
