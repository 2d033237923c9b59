"""The reference cases of `tests/oracle/outcomes`, put to sessions in the words of the interface."""

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
import patsy
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel

from pymargins import FitWarning, Margins
from pymargins.adapters.registry import adapter_for
from pymargins.facts import CovarianceFacts
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import Covariance, CovarianceOffer

ORACLE = Path(__file__).resolve().parents[1] / "oracle" / "outcomes"
CASES = tuple(sorted(path.stem for path in (ORACLE / "cases").glob("*.json")))
RESPONSES = {
    "mean": None,
    "probability": None,
    "linear": "link",
    "cumulative": "cumulative",
    "mean_class": "mean",
    "count_mean": "count",
    "probability_zero": "zero",
    "probability_inflated": "inflation",
    "probability_main": "inflation",
    "precision": "precision",
}
SCALES = {"difference": "identity", "ratio": "log", "odds_ratio": "logit"}
#: What the interface has no words for.
EXCLUDED = {
    "mean_nonzero": "the mean of the counts that are not zero is no response of the interface",
}


@dataclass(frozen=True, eq=False)
class Case:
    """One model of one data set."""

    json: Mapping[str, Any]

    @property
    def queries(self) -> Mapping[str, Mapping[str, Any]]:
        """The questions, with R's rows, by name."""
        return {query["id"]: query for query in self.json["queries"]}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The data as the fit takes them."""
        columns = self.json["columns"]
        text = {k: str for k, v in columns.items() if v["dtype"] in ("category", "str")}
        path = ORACLE / "data" / self.json["file"]
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
        for name, column in columns.items():
            if column["dtype"] == "category":
                frame[name] = pd.Categorical(
                    frame[name], categories=column["levels"], ordered=column["ordered"]
                )
        for name, code in self.json["statsmodels"].get("new_columns", {}).items():
            frame[name] = eval(code, {"df": frame, "pd": pd, "np": np})
        return frame

    @cached_property
    def equations(self) -> dict[str, str] | None:
        """The formula of the second equation."""
        formula = self.json["statsmodels"].get("exog_infl")
        return None if formula is None else {"inflation": f"~ {formula}"}

    def fit(self, how: str = "model") -> Any:
        """Fit it with one of the covariances that statsmodels has, once."""
        return _fit(self, how)

    def session(self, **options: Any) -> Margins:
        """Open a session on statsmodels' own fit."""
        return quiet(self.fit(), equations=self.equations, **options)

    def given(self, covariance: str, **options: Any) -> Margins:
        """Open a session at R's parameters and covariance: what is off is not the fit's."""
        return quiet(GivenParameters(self, covariance), **options)


@cache
def _fit(case: Case, how: str) -> Any:
    names = {"sm": sm, "smf": smf, "df": case.frame, "pd": pd, "np": np}
    names |= {"OrderedModel": OrderedModel, "BetaModel": BetaModel}
    if case.equations:
        names["exog_infl"] = patsy.dmatrix(case.equations["inflation"], case.frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = eval(case.json["statsmodels"]["model"], names)
        call = case.json["statsmodels"]["fit"][how]
        return eval(f"model.{call}", {"model": model, **names})


class GivenParameters:
    """The fitted model at R's parameters, with R's covariance."""

    def __init__(self, case: Case, covariance: str) -> None:
        adapter = adapter_for(case.fit(), None, None, case.equations)
        cov = np.array(case.json["vcov"][covariance])
        adapter.params = np.array(case.json["estimate"])
        parameters = Parameters(adapter.params, adapter.fitted.parameters.blocks)

        def make(request: Any) -> Covariance:
            places = parameters.places(request.blocks)
            return Covariance(cov[np.ix_(places, places)], CovarianceFacts("model"))

        at = {"parameters": parameters, "covariances": {"model": CovarianceOffer(make)}}
        self.model = self
        self.fitted = replace(adapter.fitted, **at)

    @classmethod
    def accepts(cls, model: Any) -> bool:
        return False


def quiet(model: Any, **options: Any) -> Margins:
    """Open a session without the warnings that some fits deserve."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return Margins(model, **options)


@cache
def load(name: str) -> Case:
    """Return a case by name, read once."""
    return Case(json.loads((ORACLE / "cases" / f"{name}.json").read_text("utf-8")))


# --- asking --------------------------------------------------------------------------------------


def options_of(case: Case, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a session commits itself to for a query."""
    spec = query["spec"]
    at = spec["population"]
    options = {"at": pd.DataFrame(at) if isinstance(at, list) else at}
    response = RESPONSES[spec["quantity"]]
    if _by_function(case, spec) is None or spec["quantity"] == "probability_main":
        options["response"] = response
    if spec.get("compare"):
        options["scale"] = SCALES[spec["compare"]]
    return options


def _by_function(case: Case, spec: Mapping[str, Any]) -> Any:
    """Return the function of mean responses that makes a quantity, where it is no response."""
    if spec["quantity"] == "probability_main":
        return lambda inflation: 1.0 - inflation
    if spec["quantity"] == "mean_class" and case.json["class"] == "MNLogit":
        return lambda p: p @ np.arange(len(p))  # R counts these outcomes from 0
    return None


def ask(case: Case, query: Mapping[str, Any], session: Margins) -> Any:
    """Put a query to a session: the rows in R's order."""
    spec = query["spec"]
    function = _by_function(case, spec)
    if function is not None:
        return session.evaluate([{"atexog": {}, "label": "all"}], function)
    grid = {k: [_value(case, k, v) for v in values] for k, values in spec.get("set", {}).items()}
    over = spec.get("over")
    if spec["effect"] == "prediction":
        result = session.predict(grid or None, over=over)
        return (
            result.contrast(_weights(case, spec, result))
            if spec.get("compare")
            else (result[_order(case, query, result)])
        )
    verb = session.dydx if spec["effect"] == "change" else getattr(session, spec["effect"])
    result = verb(spec["variable"], atexog=grid or None, over=over)
    return result[_order(case, query, result)]


def _value(case: Case, name: str, value: Any) -> Any:
    column = case.json["columns"].get(name, {})
    return int(value) if column.get("number") else value


def _outcomes(case: Case) -> dict[str, Any]:
    """Return R's names of the outcomes and those that were fitted."""
    for code in ("sat_code", "partic_code"):
        if code in case.frame:
            levels = case.frame[code.removesuffix("_code")].cat.categories
            return {str(level): i for i, level in enumerate(levels)}
    return {}


def _rows(case: Case, table: pd.DataFrame, label: Mapping[str, Any]) -> np.ndarray:
    """Find the rows of a table that R's label names."""
    match = np.ones(len(table), dtype=bool)
    for name, value in label.items():
        if name == "variable":
            continue
        if name == "contrast":
            match &= table["label"].str.contains(f": {value}(?:,|$)").to_numpy()
            continue
        value = _outcomes(case).get(str(value), value) if name == "outcome" else value
        own = table[name].astype(str).str.removeprefix("<= ")  # a cumulative probability
        match &= (own == str(value)).to_numpy()
    return np.flatnonzero(match)


def _order(case: Case, query: Mapping[str, Any], result: Any) -> list[int]:
    found = [_rows(case, result.to_frame(), row["label"]) for row in told(case, query)]
    assert all(len(rows) == 1 for rows in found), found
    return [int(rows[0]) for rows in found]


def _weights(case: Case, spec: Mapping[str, Any], result: Any) -> np.ndarray:
    """Return R's weights over cells as weights over the rows of a result."""
    combine = np.array(spec["combine"], dtype=float)
    out = np.zeros((len(combine), len(result)))
    for j, cell in enumerate(spec["cells"]):
        (row,) = _rows(case, result.to_frame(), cell)
        out[:, row] = combine[:, j]
    return out


def told(case: Case, query: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return R's rows; of log odds without the base outcome, which is 0 by definition."""
    rows = query["rows"]
    if query["spec"]["quantity"] == "linear" and case.json["class"] == "MNLogit":
        assert rows[0]["estimate"] == 0.0
        return rows[1:]
    return rows


def deviations(
    case: Case, query: Mapping[str, Any], result: Any, covariance: str
) -> tuple[float, float]:
    """Return the worst estimate in R's standard errors, and the worst standard error relative."""
    rows = told(case, query)
    estimate = np.array([row["estimate"] for row in rows])
    se = np.array([row["se"][covariance] for row in rows])
    off = np.abs(result.estimate - estimate) / se
    return float(off.max()), float(np.abs(result.std_error / se - 1.0).max())
