"""The reference cases of `tests/oracle/beyond`: data, fits, adapters at R's estimates."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.mixed import CovarianceParameters, gls
from pymargins.models.parameters import Parameters

BEYOND = Path(__file__).resolve().parents[1] / "oracle" / "beyond"
CASES = tuple(sorted(path.stem for path in (BEYOND / "cases").glob("*.json")))


@dataclass(frozen=True)
class Deviation:
    """How far a figure is from R's.

    Attributes
    ----------
    query : str
        ``"case: id"``.
    row : str
    figure : str
        What was compared: ``"estimate"``, ``"std_error"``, ``"profile"``, ...
    size : float
        In the units of the goal of that figure.
    """

    query: str
    row: str
    figure: str
    size: float


@dataclass(frozen=True)
class Excluded:
    """A row that is not compared, and why."""

    query: str
    row: str
    reason: str


Compared = Deviation | Excluded


@dataclass(frozen=True, eq=False)
class Case:
    """One model of one data set."""

    id: str
    json: Mapping[str, Any]

    def queries(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """Return R's answers to one kind of question, none where it was not asked."""
        path = BEYOND / kind / f"{self.id}.json"
        return json.loads(path.read_text()) if path.exists() else []

    @property
    def reml(self) -> bool:
        return self.json["r"]["REML"]

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """Column -> its type, role and levels, of the columns that the model uses."""
        return self.json["data"]["columns"]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows that are fitted."""
        text = {k: str for k, v in self.columns.items() if v["type"] in ("category", "group")}
        path = BEYOND / self.json["data"]["file"]
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
        for name, expression in (self.json["statsmodels"]["new_columns"] or {}).items():
            frame[name] = frame.eval(expression)
        frame = frame.dropna(subset=[c for c in self.columns if c in frame]).reset_index(drop=True)
        for name, column in self.columns.items():
            if column["type"] == "category":
                frame[name] = pd.Categorical(frame[name], categories=column["levels"])
        return frame

    @cached_property
    def fit(self) -> Any:
        """statsmodels' own fit, by the options that reach the optimum."""
        words = self.json["statsmodels"]
        model = smf.mixedlm(
            words["formula"],
            self.frame,
            groups=words["groups"],
            re_formula=words["re_formula"],
            vc_formula=words["vc_formula"],
        )
        options = self.json["statsmodels_fit"]["figures_from"]["fit_options"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(reml=self.reml, **options)

    @property
    def places(self) -> Mapping[str, str]:
        """R's name of a variance parameter -> where statsmodels keeps it."""
        return self.json["statsmodels"]["variances"]

    @property
    def variances(self) -> Mapping[str, float]:
        """R's name of a variance parameter -> its estimate."""
        own = self.json["variance_parameters"]
        return dict(zip(own["names"], own["estimate"], strict=True))

    @property
    def sigma(self) -> float:
        """R's residual standard deviation."""
        return float(np.sqrt(self.variances["Residual||"]))

    def parameters(self, adapter: StatsmodelsMixedLMAdapter) -> CovarianceParameters:
        """Return R's variance parameters in statsmodels' order."""
        psi = np.zeros_like(adapter.estimates.psi)
        components = np.zeros_like(adapter.estimates.components)
        names = list(self.json["statsmodels"]["vc_formula"] or {})
        for name, place in self.places.items():
            inside = place.partition("[")[2].rstrip("]")
            if place.startswith("cov_re"):
                i, j = map(int, inside.split(","))
                psi[i, j] = psi[j, i] = self.variances[name]
            else:
                components[names.index(inside)] = self.variances[name]
        return CovarianceParameters(psi, components, self.variances["Residual||"])

    @cached_property
    def at_r(self) -> StatsmodelsMixedLMAdapter:
        """An adapter whose estimates are R's, whatever statsmodels found."""
        adapter = StatsmodelsMixedLMAdapter(self.fit)
        params = self.parameters(adapter)
        vars(adapter)["estimates"] = params
        beta = gls(adapter.data, params).beta
        own = Parameters.of_blocks(beta=beta, gamma=params.gamma)
        adapter.fitted = replace(adapter.fitted, parameters=own)
        return adapter


@cache
def beyond_case(name: str) -> Case:
    """Read a case, once."""
    return Case(name, json.loads((BEYOND / "cases" / f"{name}.json").read_text()))
