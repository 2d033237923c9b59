"""How far a result is from R's rows, in units that make one tolerance mean the same everywhere.

An error of `tolerance` standard errors in an estimate and of `tolerance` (relative) in its
standard error moves the statistic t by ``tolerance * (1 + |t|)``, the bounds of an interval of
half-width q standard errors by ``tolerance * (1 + q)`` standard errors, and a p-value by
``tolerance * (1 + |t|)**2`` relatively (its logarithm falls like t²/2). Deviations are given in
these units, so that each must be at most the tolerance itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins import MarginsResult

#: R writes a p-value below the smallest double as 0.
UNDERFLOW = 1e-300

Results = MarginsResult | Sequence[MarginsResult]


def table_of(results: Results) -> pd.DataFrame:
    """Return the table of a result; of several results, one below the other."""
    if isinstance(results, MarginsResult):
        return results.to_frame()
    return pd.concat([result.to_frame() for result in results], ignore_index=True)


def figures(rows: Iterable[Mapping[str, Any]], name: str) -> np.ndarray:
    """Return one figure of R's rows (``"Inf"`` is written as a string)."""
    return np.array([float(row[name]) for row in rows])


def row_deviations(
    results: Results,
    rows: Sequence[Mapping[str, Any]],
    method: Sequence[Mapping[str, Any]],
    names: Sequence[str] = ("estimate", "std_error", "statistic", "p_value", "interval"),
) -> dict[str, float]:
    """Return the largest deviation of each figure over the rows.

    Parameters
    ----------
    results : MarginsResult or several
    rows : sequence
        R's rows, for their estimates.
    method : sequence
        Per row R's inference by one method, with `se`, `statistic`, `p`, `lower`, `upper`.
    names : sequence of str
        What to compare.
    """
    table = table_of(results)
    assert len(table) == len(rows), f"{len(table)} rows, R has {len(rows)}"

    def column(name: str) -> np.ndarray:
        return table[name].to_numpy()

    se = figures(method, "se")
    out: dict[str, float] = {}
    if "estimate" in names:
        out["estimate"] = worst((column("estimate") - figures(rows, "estimate")) / se)
    if "std_error" in names:
        out["std_error"] = worst(column("std_error") / se - 1.0)
    if "statistic" in names:
        t = figures(method, "statistic")
        out["statistic"] = worst((column("statistic") - t) / (1.0 + np.abs(t)))
    if "p_value" in names:
        size = 1.0 + np.abs(figures(method, "statistic"))
        out["p_value"] = p_deviation(column("p_value"), figures(method, "p"), size**2)
    if "interval" in names:
        lower, upper = figures(method, "lower"), figures(method, "upper")
        unit = se + (upper - lower) / 2.0
        out["interval"] = max(
            worst((column("ci_lower") - lower) / unit),
            worst((column("ci_upper") - upper) / unit),
        )
    return out


def joint_deviations(test: Any, row: Mapping[str, Any]) -> dict[str, float]:
    """Return the deviations of a joint test, a chi-square where R's `df2` is infinite."""
    df1, df2 = row["df1"], float(row["df2"])
    assert test["df1"] == df1
    assert test["df2"] == df2
    assert test["test"] == ("F" if np.isfinite(df2) else "chi2")
    statistic = row["F"] * (1 if np.isfinite(df2) else df1)
    if "chi2" in row:
        assert np.isclose(row["chi2"], statistic, rtol=1e-12, atol=0.0)
    return {
        "statistic": worst(np.array(test["statistic"] / statistic - 1.0)),
        "p_value": p_deviation(
            np.array([test["p_value"]]), np.array([row["p"]]), 1.0 + df1 * row["F"]
        ),
    }


def p_deviation(p: np.ndarray, reference: np.ndarray, size: Any) -> float:
    """Return the largest relative deviation of p-values, by `size`."""
    gone = reference == 0.0
    assert (p[gone] < UNDERFLOW).all()
    with np.errstate(divide="ignore", invalid="ignore"):
        return worst(np.where(gone, 0.0, p / reference - 1.0) / size)


def worst(deviations: np.ndarray) -> float:
    """Return the largest in absolute value; a NaN is never passed over."""
    largest = float(np.max(np.abs(deviations)))
    return np.inf if np.isnan(largest) else largest


def require(deviations: Mapping[str, float], tolerance: float, what: str) -> None:
    """Fail, naming every figure that is off."""
    off = {k: f"{v:.2e}" for k, v in deviations.items() if not v <= tolerance}
    assert not off, f"{what}: off by {off}, allowed {tolerance:g}"
