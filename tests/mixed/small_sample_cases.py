"""Oracle queries as rows over the columns of statsmodels' design, with R's variance parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import patsy

from mixed.cases import oracle_case, read_frame
from pymargins.mixed import CovarianceParameters, MixedData, fit

SINGLE, JOINT = "single", "joint"


@dataclass(frozen=True)
class SmallSampleCase:
    """A fitted model and R's answers; `reml_*` is the model itself or its REML refit."""

    figures: dict
    data: MixedData
    params: CovarianceParameters
    reml_data: MixedData
    reml_params: CovarianceParameters

    def robust_covariance(self, kind: str) -> np.ndarray:
        """clubSandwich's covariance, over statsmodels' columns."""
        transform = np.array(self.figures["statsmodels_fit"]["to_statsmodels"]["T"])
        return transform @ self.figures["fixed_effects"]["vcov_robust"][kind] @ transform.T

    @property
    def is_clustered(self) -> bool:
        return "vcov_robust" in self.figures["fixed_effects"]

    def rows(self, kind: str) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Rows L (or gradients) of the single or of the joint queries, with R's figures."""
        found = []
        for query in self.figures["queries"]:
            if (query["kind"] == "joint_test") != (kind == JOINT):
                continue
            for row in query["rows"]:
                key = "L_statsmodels" if "L_statsmodels" in row else "gradient_statsmodels"
                found.append((np.atleast_2d(np.array(row[key], dtype=float)), row))
        return found

    def stacked(self) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """All single rows together."""
        rows = self.rows(SINGLE)
        return np.concatenate([row for row, _ in rows]), [figures for _, figures in rows]


@cache
def small_sample_case(name: str) -> SmallSampleCase:
    case = oracle_case(name)
    frame = read_frame(case.figures)
    _, x = patsy.dmatrices(case.figures["statsmodels"]["formula"], frame, return_type="dataframe")
    arrays = case.arrays | {"X": np.asarray(x)}
    data = MixedData.from_arrays(**arrays)
    if data.reml:
        return SmallSampleCase(case.figures, data, case.params, data, case.params)
    refit = MixedData.from_arrays(**arrays | {"reml": True})
    return SmallSampleCase(case.figures, data, case.params, refit, fit(refit).params)


def relative(found: Any, expected: Any) -> float:
    """Largest relative deviation; NaN is a failure."""
    found = np.asarray(found, dtype=float)
    out = np.abs(found / np.asarray(expected, dtype=float) - 1).max(initial=0.0)
    return float("inf") if np.isnan(out) else float(out)


def std_error(cov: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ka,ab,kb->k", rows, cov, rows))


def wald_f(beta: np.ndarray, cov: np.ndarray, rows: np.ndarray) -> float:
    """F of independent rows."""
    value = rows @ beta
    return float(value @ np.linalg.solve(rows @ cov @ rows.T, value) / len(rows))


def independent(rows: np.ndarray) -> np.ndarray:
    """Rows that span the same hypothesis: the given ones if they are independent."""
    rank = int(np.linalg.matrix_rank(rows))
    return rows if rank == len(rows) else np.linalg.svd(rows)[2][:rank]
