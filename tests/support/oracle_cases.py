"""The reference cases of `tests/oracle`: their data, their queries, R's coefficients as a model.

`FixedAdapter` is a fitted model without a fit: the coefficients and the covariance are R's,
carried over to the columns of statsmodels' design. Whatever a session then gets wrong is its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import patsy

from pymargins import Margins
from pymargins.adapters.patsy_design import design_from_patsy
from pymargins.adapters.training import (
    check_design,
    evaluate_factors,
)
from pymargins.asking.frames import snapshot
from pymargins.facts import ModelFacts
from pymargins.models.describe import make_variables
from pymargins.models.design import Design
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.means import LinearMean
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import offered
from pymargins.models.variables import Variable
from pymargins.ranks import column_rank

ORACLE = Path(__file__).resolve().parents[1] / "oracle"

CASES = tuple(sorted(path.stem for path in (ORACLE / "cases").glob("*.json")))


@dataclass(frozen=True, eq=False)
class Query:
    """One question of a case, and R's answer to it."""

    case: str
    id: str
    kind: str
    spec: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """How tests and reports call it."""
        return f"{self.case}-{self.id}"

    @property
    def labels(self) -> list[Mapping[str, Any]]:
        """Per row, what R's row stands for: ``{"Sex": "Male", "age": 8}``."""
        return [row["label"] for row in self.rows]

    @property
    def names(self) -> list[str]:
        """One name a row, for contrasts that the test has to name."""
        return [
            ", ".join(v if k == "contrast" else f"{k}={v}" for k, v in label.items())
            for label in self.labels
        ]


@dataclass(frozen=True, eq=False)
class Case:
    """One model of one data set."""

    id: str
    json: Mapping[str, Any]

    @cached_property
    def queries(self) -> dict[str, Query]:
        return {
            q["id"]: Query(self.id, q["id"], q["kind"], q.get("spec") or {}, q["rows"])
            for q in self.json["queries"]
        }

    # --- the data ------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> dict[str, Mapping[str, Any]]:
        """Column -> its type, role and levels, of the columns that the model uses."""
        return self.json["data"]["columns"]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The file as a user would read it, missing rows included."""
        text = {k: str for k, v in self.columns.items() if v["type"] != "numeric"}
        frame = pd.read_csv(
            ORACLE / self.json["data"]["file"], dtype=text, keep_default_na=False, na_values=[""]
        )
        for name, column in self.columns.items():
            if column["type"] == "category":
                frame[name] = pd.Categorical(frame[name], categories=column["levels"])
        for name, expression in (self.json["statsmodels"]["new_columns"] or {}).items():
            frame[name] = frame.eval(expression)
        assert len(frame) == self.json["data"]["rows_in_file"]
        return frame

    @cached_property
    def used(self) -> pd.DataFrame:
        """The rows the model is fitted to."""
        used = self.frame.dropna(subset=list(self.columns)).reset_index(drop=True)
        assert len(used) == self.json["data"]["rows_used"]
        return used

    def _fixed(self, *types: str) -> list[str]:
        return [k for k, v in self.columns.items() if v["role"] == "fixed" and v["type"] in types]

    @cached_property
    def factors(self) -> dict[str, list[str]]:
        """The categorical variables of the fixed part, and their levels."""
        return {name: list(self.columns[name]["levels"]) for name in self._fixed("category")}

    @cached_property
    def means(self) -> dict[str, float]:
        """The numeric variables of the fixed part, and their means over the rows used."""
        return {name: float(self.used[name].mean()) for name in self._fixed("numeric")}

    # --- the model -----------------------------------------------------------------------------

    @cached_property
    def to_statsmodels(self) -> np.ndarray:
        """T with ``beta_statsmodels = T @ beta_lme4``."""
        return np.array(self.json["statsmodels_fit"]["to_statsmodels"]["T"], dtype=float)

    def coefficients(self, estimate: Sequence[float]) -> np.ndarray:
        """Carry lme4's coefficients over to the columns of statsmodels' design."""
        return self.to_statsmodels @ np.array(estimate, dtype=float)

    def covariance(self, vcov: Sequence[Sequence[float]]) -> np.ndarray:
        """Carry a covariance of lme4's coefficients over likewise."""
        return self.to_statsmodels @ np.array(vcov, dtype=float) @ self.to_statsmodels.T

    @cached_property
    def robust(self) -> dict[str, np.ndarray]:
        """clubSandwich's covariances, where the case has them: ``{"CR0": ...}``."""
        kinds = self.json["fixed_effects"].get("vcov_robust") or {}
        return {k: self.covariance(v) for k, v in kinds.items() if k.startswith("CR")}

    @cached_property
    def adapter(self) -> FixedAdapter:
        return FixedAdapter(self)

    @cached_property
    def columns_adapter(self) -> ColumnsAdapter:
        return ColumnsAdapter(self.adapter)


class FixedAdapter:
    """R's coefficients and covariance on the design of the case's statsmodels formula."""

    def __init__(self, case: Case) -> None:
        frame = snapshot(case.used)
        # the formula's own names (np) are found here, as they are where a user calls mixedlm
        exog = patsy.dmatrices(case.json["statsmodels"]["formula"], frame)[1]
        design = design_from_patsy(exog.design_info, list(frame.columns))
        assert list(design.names) == case.json["statsmodels_fit"]["fe_names"]
        values = evaluate_factors(design, frame)
        check_design(design, values, np.asarray(exog))
        effects = case.json["fixed_effects"]
        self._cov = case.covariance(effects["vcov"])
        self.model = self
        self.fitted = Fitted(
            parameters=Parameters.of_blocks(beta=case.coefficients(effects["estimate"])),
            mean=LinearMean(),
            designs={MEAN: design},
            variables=make_variables(design, frame),
            frame=frame,
            facts=ModelFacts("R's figures", case.json["r"]["formula"].split(" ~ ")[0], len(frame)),
            covariances={"gls": offered("gls", self._cov)},
            factor_values={MEAN: values},
            null_spaces={"beta": column_rank(np.asarray(exog)).null_space},
        )

    @classmethod
    def accepts(cls, model: Any) -> bool:
        return False  # there is no fitted object; the adapter itself is what `Margins` is given


class ColumnsAdapter(FixedAdapter):
    """The same model as an array fit: every column of the design is a variable of its own.

    To predict at a data frame of rows of coefficients is then to estimate exactly those linear
    combinations: no formula, no average and no derivative is between R's rows and the inference.
    """

    def __init__(self, model: FixedAdapter) -> None:
        fitted = model.fitted
        names = fitted.design.names
        rows = fitted.design.rows(fitted.factor_values[MEAN], len(fitted.frame))
        frame = pd.DataFrame(rows, columns=names)
        design = Design.from_columns(names, names)
        self.model = self
        self.fitted = replace(
            fitted,
            designs={MEAN: design},
            variables={name: Variable(name, "numeric") for name in names},
            frame=frame,
            factor_values={MEAN: evaluate_factors(design, frame)},
        )


class Sessions:
    """What opens the sessions of one model: ``ask()``, ``ask("balanced")``, ``ask(at=frame)``.

    Those that words alone describe are opened once and shared.
    """

    def __init__(self, model: Any, **options: Any) -> None:
        self.model = model
        self.options = options
        self._opened: dict[Any, Margins] = {}

    def __call__(self, at: Any = "overall", **options: Any) -> Margins:
        words = (at, *options.values())
        if not all(isinstance(word, str) for word in words):
            return Margins(self.model, at=at, **(self.options | options))
        if words not in self._opened:
            self._opened[words] = Margins(self.model, at=at, **(self.options | options))
        return self._opened[words]


@cache
def load(case: str) -> Case:
    """Return a case by name, read once."""
    return Case(case, json.loads((ORACLE / "cases" / f"{case}.json").read_text("utf-8")))


def every_query() -> list[Query]:
    """Return all queries of all cases."""
    return [query for case in CASES for query in load(case).queries.values()]
