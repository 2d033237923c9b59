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
            why = reason or _not_alike(case, query, way)
            if why:
                yield from (Excluded(name, str(i), why) for i in range(len(query["rows"])))
            else:
                yield from _query(name, query, way, model, {**options, **session})


def _not_asked(case: Case, spec: Mapping[str, Any]) -> str:
    """Say why a question has no words here; nothing where it has."""
    if spec["target"] == "slope":
        return "of slopes of new clusters: m.slope_quantiles has their spread"
    if "combine" in spec or spec["average"] != "none":
        return "of differences and averages of a new cluster: refused"
    fixed = [name for name, info in case.columns.items() if info["role"] == "fixed"]
    partly = [key for group in spec["new"] for key in group.split(":") if key in fixed]
    if spec["known"] and partly:
        return "of a new level of a factor that the fixed part has too: no word for it"
    return ""


def _not_alike(case: Case, query: Mapping[str, Any], way: str) -> str:
    """Say why R's figures are of something else; nothing where they are not."""
    if way == "kenward_roger" and not case.reml:
        return "of Kenward and Roger after ML: R's are of the REML refit"
    if query["rows"][0][way] is None:
        return "of a singular fit, where R has no observed information"
    spec, between = query["spec"], [r["total_variance"]["new_clusters"] for r in query["rows"]]
    if spec["new"] and "observations" not in spec and not all(between):
        return "of the mean of a new cluster at a variance of zero: refused"
    if any(float(row[way]["df"] or np.inf) < FEWEST_DF for row in query["rows"]):
        return "with fewer than two degrees of freedom: refused"
    return ""


def _query(
    name: str, query: Mapping[str, Any], way: str, model: Any, options: Mapping[str, Any]
) -> Iterator[Compared]:
    spec, rows = query["spec"], query["rows"]
    points = pd.DataFrame([_point(point, spec) for point in spec["points"]])
    if points.shape[1] == 0:
        points = None
    known = bool(spec["known"])
    with quietly():
        m = Margins(model, **options, **({"random_effects": "predicted"} if known else {}))
    result = m.predict(points)
    if known and "observations" not in spec:
        ends, error, df = result.conf_int().to_numpy(), result.std_error, result.df
    else:
        found = result.prediction_interval(**_what(spec)).to_frame()
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


def _what(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an interval is asked of: a cluster, or the mean of so many observations."""
    return {"weight": spec["observations"]} if "observations" in spec else {"of": "cluster"}


def _point(point: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a point; those of new clusters have levels that nobody has seen."""
    out = {**point["set"], **point["cluster"]}
    if spec["known"]:
        for group in spec["new"]:
            out |= {key: NEW for key in group.split(":") if key not in out}
    return out


def _far(ends: Any, limits: Any) -> float:
    return float(np.abs(np.asarray(ends) - limits).max() / np.ptp(limits))
