"""CPU time of the mean of a logged outcome: 56 scenarios, 100,000 rows of which none are equal.

Run ``python benchmarks/log_means.py``. The goal is 60 ms (on one thread:
``OMP_NUM_THREADS=1``). Where scenarios multiply what rows give,
rows are visited once; beside it is what visiting them under every scenario takes in the same run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins import Margins
from pymargins.estimands import row_sums

ROWS, REPEATS = 100_000, 7
GRID = {"age": list(range(20, 75, 2)), "treated": [0, 1]}
MODELS = {
    "number beside what is set": ("np.log(cost) ~ age * treated + x + C(school)", None),
    "category times what is set": ("np.log(cost) ~ age * treated + treated * C(school) + x", None),
    "random slope on a number": ("np.log(cost) ~ age * treated + x + C(school)", "~x"),
    "number times what is set": ("np.log(cost) ~ age * treated + x * age + C(school)", None),
}


def patients(n: int) -> pd.DataFrame:
    """Return costs of patients, ten rows each."""
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(n // 10), 10)
    frame = pd.DataFrame({"patient": patient, "age": rng.uniform(20, 75, n)})
    frame["treated"] = rng.integers(0, 2, n)
    frame["x"] = rng.normal(size=n)
    frame["school"] = rng.choice(list("ABCD"), n)
    level = 1 + 0.01 * frame["age"] + 0.1 * frame["treated"] + 0.2 * frame["x"]
    own = rng.normal(size=(n // 10, 2))[patient] * [0.3, 0.2]
    level += own[:, 0] + own[:, 1] * frame["x"] + 0.4 * rng.normal(size=n)
    return frame.assign(cost=np.exp(level))


def milliseconds(make: Callable[[], Any]) -> float:
    """Return the shortest time of asking a new session."""
    found: list[float] = []
    for _ in range(REPEATS):
        session = make()
        start = process_time()
        session.predict(GRID).to_frame()
        found.append(process_time() - start)
    return 1e3 * min(found)


def main() -> None:
    """Measure every model."""
    warnings.simplefilter("ignore")
    few, crowd = patients(2_000), patients(ROWS)
    print(f"{'':30}{'one pass':>12}{'by scenario':>14}{'ratio':>8}")
    for name, (formula, slopes) in MODELS.items():
        fit = smf.mixedlm(formula, few, groups="patient", re_formula=slopes).fit()

        def make(fit: Any = fit) -> Margins:
            return Margins(fit, response="mean", vcov="gls", at=crowd)

        quick = milliseconds(make)
        with patch.object(row_sums, "multiples", lambda *_: None):
            slow = milliseconds(make)
        print(f"{name:30}{quick:9.0f} ms{slow:11.0f} ms{slow / quick:8.1f}")


if __name__ == "__main__":
    main()
