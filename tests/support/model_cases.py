"""The reference cases of `tests/oracle/models`: R's figures for regressions that statsmodels fits.

A case is a data set, a statsmodels call and R's parameters; a query is what api.md has words for,
put to a session and brought into the order of R's rows.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import FitWarning, Margins, Scenario
from pymargins.adapters.registry import adapter_for
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import offered

ORACLE = Path(__file__).resolve().parents[1] / "oracle" / "models"
CASES = tuple(sorted(path.stem for path in (ORACLE / "cases").glob("*.json")))
FIGURES = ["estimate", "std_error", "statistic", "df", "p_value", "ci_lower", "ci_upper"]
SCALES = {
    "difference": "identity",
    "ratio": "log",
    "log_ratio": "log",
    "odds_ratio": "logit",
    "log_odds_ratio": "logit",
}
#: Types of ships are clusters and fixed effects both: R's robust errors are 0, or a seventh of the
#: model's.
DETERMINED = {("poisson_ships_offset", query) for query in ("average", "type", "rate_type")}
CHANGING_SIGN = {
    ("ols_cps_splines", "eydx_experience"),
    *(("ols_interaction_x1x2", f"{verb}_{x}") for verb in ("eyex", "eydx") for x in ("x1", "x2")),
}


@dataclass(frozen=True, eq=False)
class ModelCase:
    """One model of one data set."""

    id: str
    json: Mapping[str, Any]

    @property
    def family(self) -> str:
        """The statsmodels class."""
        return self.json["class"]

    @property
    def columns(self) -> Mapping[str, Any]:
        """What each column is."""
        return self.json["data"]["columns"]

    @property
    def queries(self) -> Sequence[Mapping[str, Any]]:
        """The questions, with R's rows."""
        return self.json["queries"]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The file as a user would read it."""
        text = {k: str for k, v in self.columns.items() if v["dtype"] in ("category", "str")}
        frame = pd.read_csv(
            ORACLE / self.json["data"]["file"], dtype=text, keep_default_na=False, na_values=[""]
        )
        if self.json["data"].get("subset"):
            frame = frame.query(self.json["data"]["subset"])
        if not self.json["statsmodels"].get("missing"):
            frame = frame[list(self.columns)].dropna().reset_index(drop=True)
        for name, column in self.columns.items():
            if column["dtype"] == "category":
                frame[name] = pd.Categorical(frame[name], categories=column["levels"])
            elif column["dtype"] == "bool":
                frame[name] = frame[name].astype(str).str.lower().isin(["true", "1", "1.0"])
        return frame

    def fit(self, how: str = "model") -> Any:
        """Fit it with one of the covariances that statsmodels has."""
        names = {"np": np, "pd": pd, "sm": sm, "smf": smf, "df": self.frame}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = eval(self.json["statsmodels"]["model"], names)
            return eval(f"model.{self.json['statsmodels']['fit'][how]}", {**names, "model": model})

    @cached_property
    def fitted(self) -> Any:
        """The fit that reports R's `model` covariance."""
        return self.fit()

    @property
    def cluster(self) -> str | None:
        """The column that holds the clusters of its cluster-robust covariances."""
        found = re.search(
            r"'groups': df\['(\w+)'\]", self.json["statsmodels"]["fit"].get("cluster", "")
        )
        return found.group(1) if found else None

    @cached_property
    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        """R's estimates and their `model` covariance, in statsmodels' order."""
        found = self.json["parameters"]
        return np.array(found["estimate"]), np.array(found["vcov"]["model"])

    @cached_property
    def given(self) -> GivenParameters:
        """R's parameters and covariance on the design of the fit."""
        return GivenParameters(self)

    def given_with(self, covariance: str) -> GivenParameters:
        """Return R's parameters with another covariance of R's."""
        return GivenParameters(self, covariance)


class GivenParameters:
    """The fitted model at R's parameters, with R's covariance: whatever is off is not the fit's."""

    def __init__(self, case: ModelCase, covariance: str = "model") -> None:
        fitted = adapter_for(case.fitted, None, None).fitted
        estimate, cov = case.parameters[0], np.array(case.json["parameters"]["vcov"][covariance])
        k = len(fitted.parameters["beta"])
        more = {"alpha": estimate[k:]} if len(estimate) > k else {}
        self.model = self
        self.fitted = replace(
            fitted,
            parameters=Parameters.of_blocks(beta=estimate[:k], **more),
            covariances={"model": offered("model", cov[:k, :k])},
        )

    @classmethod
    def accepts(cls, model: Any) -> bool:
        return False


@cache
def load(case: str) -> ModelCase:
    """Return a case by name, read once."""
    return ModelCase(case, json.loads((ORACLE / "cases" / f"{case}.json").read_text("utf-8")))


def excluded(case: str, query: Mapping[str, Any]) -> str:
    """Return why a query is not asked here; nothing where it is."""
    if (case, query["id"]) in CHANGING_SIGN:
        return "an elasticity of a mean that changes sign over the rows, which is refused"
    return ""


def all_queries() -> list[tuple[str, str]]:
    """Return every query that is asked, by case."""
    return [(c, q["id"]) for c in CASES for q in load(c).queries if not excluded(c, q)]


# --- asking --------------------------------------------------------------------------------------


def ask(case: ModelCase, query: Mapping[str, Any], model: Any, **options: Any) -> Any:
    """Put a query to a session on `model`; figures in the order of R's rows."""
    return Asked(case, query, model, options).answer()


def session(model: Any, **options: Any) -> Margins:
    """Open a session without the warnings that some textbook fits deserve."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return Margins(model, **options)


class Asked:
    """One query, in the words of the public interface."""

    def __init__(self, case: ModelCase, query: Mapping[str, Any], model: Any, options: Any) -> None:
        self.case, self.spec, self.model = case, query["spec"], model
        self.options = {**self._population(), **options}
        self.over = self.spec.get("over")
        # R's first variable varies fastest, that of pymargins last
        self.sets = dict(reversed(list((self.spec.get("set") or {}).items())))

    def _population(self) -> dict[str, Any]:
        out: dict[str, Any] = {"at": self.spec["population"]}
        counted = "freq_weights" in self.case.json["statsmodels"]["model"]
        if self.spec.get("weights") and not counted:
            out["weights"] = self.spec["weights"]
        elif counted and not self.spec.get("weights") and out["at"] == "overall":
            out["weights"] = np.ones(self.case.json["nobs"])
        if self.spec["quantity"] == "linear":
            out["response"] = "link"
        if isinstance(self.spec.get("offset"), (int, float)):
            out["offset"] = self.spec["offset"]
        return out

    def answer(self) -> tuple[pd.DataFrame, Any]:
        """Return the figures, and the result where its rows can be tested together."""
        effect = self.spec["effect"]
        if self.spec.get("compare") and effect == "prediction":
            result = self._compared()
        elif effect == "prediction":
            result = self._session().predict(self._atexog(), over=self.over)
        elif effect == "change":
            return self._changes()
        else:
            verb = getattr(self._session(), effect)
            result = verb(self.spec["variable"], atexog=self._atexog(), over=self.over)
            if self.spec.get("combine"):
                result = result.contrast(self._weights(result))
        return result.to_frame()[FIGURES].reset_index(drop=True), result

    def _session(self, **options: Any) -> Margins:
        return session(self.model, **{**self.options, **options})

    def _value(self, name: str, value: Any) -> Any:
        column = self.case.columns[name]
        if isinstance(value, str) and value[:1] == "+" and column["type"] == "numeric":
            return lambda x: x + float(value[1:])
        if column["type"] == "boolean":
            return str(value).lower() == "true"
        if column["type"] == "category" and column.get("number"):
            return int(value)
        return value

    def _atexog(self) -> dict[str, Any] | None:
        if not self.sets:
            return None
        out = {k: [self._value(k, v) for v in values] for k, values in self.sets.items()}
        return {k: v[0] if len(v) == 1 and callable(v[0]) else v for k, v in out.items()}

    def _weights(self, result: Any) -> np.ndarray:
        """Return the weights of cells as weights of a result's rows."""
        table, matrix = result.to_frame(), np.zeros((len(self.spec["combine"]), len(result)))
        for j, cell in enumerate(self.spec["cells"]):
            match = np.ones(len(table), dtype=bool)
            for name, value in cell.items():
                if name != "variable":
                    match &= (table[name].astype(str) == str(value)).to_numpy()
            assert match.sum() == 1
            matrix[:, np.flatnonzero(match)[0]] = np.array(self.spec["combine"])[:, j]
        return matrix

    def _compared(self) -> Any:
        """Compare averaged predictions of cells."""
        compare = self.spec["compare"]
        points = [
            Scenario({k: self._value(k, v) for k, v in cell.items()}, str(cell))
            for cell in self.spec["cells"]
        ]
        rows = np.array(self.spec["combine"])
        up, down = (rows > 0).argmax(axis=1), (rows < 0).argmax(axis=1)
        if compare == "lift":
            return self._session().evaluate(points, lambda mean: mean[up] / mean[down] - 1.0)
        weights = {f"row {i}": w for i, w in enumerate(self.spec["combine"])}
        return self._session(scale=SCALES[compare]).contrasts(points, weights)

    def _changes(self) -> tuple[pd.DataFrame, Any]:
        """Ask for discrete changes, by dydx where it takes the same reference."""
        name = self.spec["variable"]
        column = self.case.columns[name]
        levels = self.spec.get("levels") or column.get("levels") or _levels(self.case, name)
        levels = [self._value(name, level) for level in levels]
        opened = self._session()
        variable = opened._fitted.variables[name]
        if variable.kind != "numeric" and variable.reference == levels[0]:
            result = opened.dydx(name, atexog=self._atexog(), over=self.over)
            table = result.to_frame()[FIGURES]
            contexts = len(table) // (len(levels) - 1)
            order = np.arange(len(table)).reshape(len(levels) - 1, contexts).T.ravel()
            return table.iloc[order].reset_index(drop=True), result
        grid = {**(self._atexog() or {}), name: levels}
        result = opened.predict(grid, over=self.over)
        blocks = len(result) // len(levels)
        change = np.diff(np.eye(len(levels)), axis=0).cumsum(axis=0)
        result = result.contrast(np.kron(np.eye(blocks), change))
        return result.to_frame()[FIGURES].reset_index(drop=True), result


def _levels(case: ModelCase, name: str) -> list[Any]:
    if case.columns[name]["type"] == "boolean":
        return [False, True]
    return sorted(case.frame[name].dropna().unique().tolist())


# --- comparing -----------------------------------------------------------------------------------


def deviations(
    query: Mapping[str, Any], table: pd.DataFrame, method: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    """Return the largest deviations: estimates in R's standard errors, relative of those."""
    estimate = np.array([row["estimate"] for row in query["rows"]], dtype=float)
    se = np.array([float(row["se"]) for row in method])
    found, error = table["estimate"].to_numpy(), table["std_error"].to_numpy()
    assert len(found) == len(estimate), f"{len(found)} rows, R has {len(estimate)}"
    compare = query["spec"].get("compare") or ""
    if compare.startswith("log_"):  # pymargins reports the ratio itself
        error, found = error / found, np.log(found)
    return _worst((found - estimate) / se), _worst((error - se) / se)


def hardly_seen(case: str, query: Mapping[str, Any], covariance: str) -> bool:
    """Tell whether clusters determine a row each, so that cluster-robust figures are refused."""
    return covariance == "cluster" and (case, query["id"]) in DETERMINED


def _worst(values: np.ndarray) -> float:
    largest = float(np.max(np.abs(values)))
    return np.inf if np.isnan(largest) else largest


def methods(query: Mapping[str, Any], covariance: str = "model") -> dict[str, list[Any]]:
    """Return R's inference of each row by reference distribution."""
    rows = query["rows"]
    if covariance == "model":
        return {name: [row[name] for row in rows] for name in ("asymptotic", "t_residual")}
    found = [row["robust"][covariance] for row in rows]
    return {name: [row[name] for row in found] for name in found[0]}
