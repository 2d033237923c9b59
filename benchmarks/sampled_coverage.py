"""Simulate how often 95 % intervals of averages hold the truth where the covariates are a sample.

Each sample draws its covariate anew. What is asked is the average over the population that it is
drawn from: of the predictions, and of the slopes. ``population="fixed"`` takes the rows at hand
for that population; ``population="sampled"`` counts that they are a sample of it.

``python benchmarks/sampled_coverage.py`` takes a minute or two; ``--sims 1000 --csv
docs/data/sampled-coverage.csv`` makes the file that the documentation reads.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins import Margins

ROWS, GROUPS = 200, 40
#: Nodes of the covariate's distribution, by which the truth is integrated.
NODES, HEIGHTS = np.polynomial.hermite_e.hermegauss(80)
SHARES = HEIGHTS / HEIGHTS.sum()


def logit(eta: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-eta))


def line(x: Any) -> Any:
    return 1.0 + 0.6 * x + 0.4 * x**2


def curve(x: Any) -> Any:
    return logit(-0.5 + 1.5 * x)


def ols(rng: np.random.Generator) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Draw rows of a parabola."""
    x = rng.normal(size=ROWS)
    frame = pd.DataFrame({"x": x, "y": line(x) + rng.normal(size=ROWS)})
    return frame, smf.ols("y ~ x + I(x ** 2)", frame).fit(), {}


def binary(rng: np.random.Generator) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Draw rows of a logit model."""
    x = rng.normal(size=ROWS)
    frame = pd.DataFrame({"x": x, "y": rng.binomial(1, curve(x))})
    return frame, smf.logit("y ~ x", frame).fit(disp=0), {}


def clustered(rng: np.random.Generator) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Draw clusters that share half of the covariate's variance, and of the noise's."""
    g = np.repeat(np.arange(GROUPS), 5)
    x, e = (np.sqrt(0.5) * (rng.normal(size=GROUPS)[g] + rng.normal(size=len(g))) for _ in range(2))
    frame = pd.DataFrame({"x": x, "g": g, "y": line(x) + e})
    return frame, smf.ols("y ~ x + I(x ** 2)", frame).fit(), {"cluster": "g"}


STUDIES: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "least squares, 200 rows": (ols, line),
    "logit, 200 rows": (binary, curve),
    "least squares, 40 clusters of 5": (clustered, line),
}


def truth(mean: Callable[[Any], Any]) -> dict[str, float]:
    """Integrate over the covariate's distribution; the slope by Stein's identity, E f' = E x f."""
    values = mean(NODES)
    return {"prediction": float(SHARES @ values), "slope": float(SHARES @ (NODES * values))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    sims = given.sims
    rows: list[tuple[str, ...]] = []
    warnings.simplefilter("ignore")
    print(f"{'study':34}{'average':12}{'fixed':>8}{'sampled':>10}", flush=True)
    for name, (draw, mean) in STUDIES.items():
        right, held = truth(mean), Counter[tuple[str, str]]()
        for sim in range(sims):
            _, fit, clusters = draw(np.random.default_rng([sim, len(name)]))
            ways: dict[str, dict[str, Any]] = {
                "fixed": {"vcov": "CR1" if clusters else "HC1", **clusters},
                "sampled": {"population": "sampled", **clusters},
            }
            for how, options in ways.items():
                m = Margins(fit, **options)
                for asked, found in (("prediction", m.predict()), ("slope", m.dydx("x"))):
                    low, high = found.conf_int().to_numpy()[0]
                    inside = low <= right[asked] <= high
                    held[how, asked] += int(inside)
        for asked in right:
            shares = [100 * held[how, asked] / sims for how in ("fixed", "sampled")]
            print(f"{name:34}{asked:12}{shares[0]:7.1f}%{shares[1]:9.1f}%", flush=True)
            rows.append((name, asked, *(f"{share:.1f}" for share in shares)))
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([("study", "average of", "fixed", "sampled"), *rows])


if __name__ == "__main__":
    main()
