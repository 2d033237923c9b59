"""Prediction intervals, and how far they are from R's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pymargins import Margins
from support.beyond_cases import Case, Compared, Deviation, Excluded
from support.small_models import quietly

#: R's reference distribution -> what a session says.
REFERENCES = {
    "normal": {"vcov": "gls"},
    "satterthwaite": {"df": "satterthwaite"},
    "kenward_roger": {"df": "kenward-roger"},
}
#: A level that no data set has.
NEW = "a new level"
FEWEST_DF = 2.0


def compare(case: Case, model: Any, **options: Any) -> Iterator[Compared]:
    """Compare every interval of a case, by every reference distribution that both have.

    Parameters
    ----------
    case : Case
    model : fitted result or adapter
    **options
        Of the sessions.
    """
    for query in case.queries("prediction_interval"):
        reason = _not_asked(case, query["spec"])
        for way, session in REFERENCES.items():
            name = f"{case.id}: {query['id']} {way}"
            if reason:
                yield Excluded(name, "", reason)
            elif way == "kenward_roger" and not case.reml:
                yield Excluded(name, "", "Kenward-Roger of a fit by ML, which R refits")
            elif query["rows"][0][way] is None:
                yield Excluded(name, "", "R has no observed information of a singular fit")
            else:
                yield from _query(name, query, way, model, {**options, **session})


def _not_asked(case: Case, spec: Mapping[str, Any]) -> str:
    """Say why a question has no words here; nothing where it has."""
    if spec["target"] == "slope":
        return "slopes of new clusters: m.slope_quantiles has their spread"
    if spec.get("observations", 1) > 1:
        return "the mean of several observations: not offered"
    if "combine" in spec or spec["average"] != "none":
        return "differences and averages of a new cluster: refused"
    fixed = [name for name, info in case.columns.items() if info["role"] == "fixed"]
    partly = [key for group in spec["new"] for key in group.split(":") if key in fixed]
    if spec["known"] and partly:
        return "a new level of a factor that the fixed part has too: no word for it"
    return ""


def _query(
    name: str, query: Mapping[str, Any], way: str, model: Any, options: Mapping[str, Any]
) -> Iterator[Compared]:
    spec, rows = query["spec"], query["rows"]
    few = [float(row[way]["df"] or np.inf) < FEWEST_DF for row in rows]
    if any(few):
        yield Excluded(name, "", "fewer than two degrees of freedom: refused")
        return
    points = pd.DataFrame([_point(point, spec) for point in spec["points"]])
    if points.shape[1] == 0:
        points = None
    known = bool(spec["known"])
    with quietly():
        m = Margins(model, **options, **({"random_effects": "predicted"} if known else {}))
    result = m.predict(points)
    single = "observations" in spec
    if known and not single:
        ends, error, df = result.conf_int().to_numpy(), result.std_error, result.df
    else:
        found = result.prediction_interval(of="observation" if single else "cluster").to_frame()
        ends = found[["pi_lower", "pi_upper"]].to_numpy()
        error, df = found["prediction_error"], found["df"]
    for i, row in enumerate(rows):
        theirs = row[way]
        limits = np.array([theirs["lower"], theirs["upper"]])
        label = ", ".join(map(str, row["label"].values()))
        size = abs(row["estimate"]) + theirs["se"]
        yield Deviation(name, label, "estimate", abs(result.estimate[i] - row["estimate"]) / size)
        yield Deviation(name, label, "error", abs(error[i] / theirs["se"] - 1.0))
        yield Deviation(name, label, "limits", _far(ends[i], limits))
        if way != "normal":
            yield Deviation(name, label, "df", abs(df[i] / float(theirs["df"]) - 1.0))
    if "response_scale" in rows[0] and not known:
        yield from _on_response_scale(name, query, way, points, model, options)


def _on_response_scale(
    name: str,
    query: Mapping[str, Any],
    way: str,
    points: Any,
    model: Any,
    options: Mapping[str, Any],
) -> Iterator[Compared]:
    """Compare limits that were carried to the outcome's own scale."""
    with quietly():
        m = Margins(model, response="median", **options)
    found = m.predict(points).prediction_interval().to_frame()
    for i, row in enumerate(query["rows"]):
        theirs = row["response_scale"]
        limits = np.array([theirs[way]["lower"], theirs[way]["upper"]])
        label = ", ".join(map(str, row["label"].values()))
        median = abs(found["estimate"][i] / theirs["median"] - 1.0)
        yield Deviation(name, label, "estimate", median)
        ends = found[["pi_lower", "pi_upper"]].to_numpy()[i]
        yield Deviation(name, label, "limits", _far(ends, limits))


def _point(point: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a point; those of new clusters have levels that nobody has seen."""
    out = {**point["set"], **point["cluster"]}
    if spec["known"]:
        for group in spec["new"]:
            out |= {key: NEW for key in group.split(":") if key not in out}
    return out


def _far(ends: Any, limits: Any) -> float:
    return float(np.abs(np.asarray(ends) - limits).max() / np.ptp(limits))
