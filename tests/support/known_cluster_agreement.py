"""Predictions of known clusters, asked of sessions, and how far they are from R's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins import Margins, MarginsResult
from support.beyond_cases import Case, Compared, Deviation, Excluded
from support.small_models import quietly

#: R's ways to standard errors and degrees of freedom: the options of a session.
WAYS: dict[str, dict[str, Any]] = {
    "asymptotic": {"vcov": "gls", "df": np.inf},
    "satterthwaite": {"df": "satterthwaite"},
    "kenward_roger": {"df": "kenward-roger"},
}
NOT_OFFERED = {
    "satterthwaite_expected": "Satterthwaite by the expected information: not offered",
    "prasad_rao": "Prasad and Rao's g3 varies the shrinkage alone: recorded to compare",
    "prasad_rao_ml": "Prasad and Rao's g3 varies the shrinkage alone: recorded to compare",
    "realised": "glmmTMB's derivative at the data: recorded to compare",
}
AVERAGED_OUT = "another grouping factor is averaged out, which sessions count as new levels"
AFTER_ML = "Kenward-Roger after maximum likelihood, which is refused"
AT_BOUND = "a variance at its bound, where R has no observed information"
NO_VARIANCE = "variance of prediction estimated as 0, so no interval in R either"


def compare(case: Case, model: Any, **options: Any) -> Iterator[Compared]:
    """Compare every row, by every one of R's ways that a session offers."""
    for query in case.queries("known_cluster"):
        name, spec = f"{case.id}: {query['id']}", query["spec"]
        for way in (w for w in NOT_OFFERED if w in query["rows"][0]):
            yield from _excluded(name, way, query["rows"], NOT_OFFERED[way])
        for way, session in WAYS.items():
            if way == "kenward_roger" and not case.reml:
                yield from _excluded(name, way, query["rows"], AFTER_ML)
            elif not _every_factor(case, spec):
                yield from _excluded(name, way, query["rows"], AVERAGED_OUT)
            else:
                result = answer(case, spec, model, {**session, **options})
                yield from _rows(f"{name} {way}", result, query["rows"], way, case.sigma)


def answer(
    case: Case, spec: Mapping[str, Any], model: Any, options: Mapping[str, Any]
) -> MarginsResult:
    """Ask a session the question that R was asked."""
    with quietly():
        m = Margins(model, random_effects="predicted", **options)
    if spec["target"] == "random_effect":
        return _effects(case, m, spec)
    slope = spec.get("slope_of")
    points = pd.DataFrame([{**point["set"], **point["cluster"]} for point in spec["points"]])
    if spec["average"] == "own_rows":
        result = _of_own_rows(m, slope, points)
    elif points.columns.empty:
        result = m.predict() if slope is None else m.dydx(slope)
    else:
        result = m.predict(points) if slope is None else m.dydx(slope, atexog=points)
    return result.contrast(np.array(spec["combine"], float)) if "combine" in spec else result


def _of_own_rows(m: Margins, slope: str | None, points: pd.DataFrame) -> MarginsResult:
    keys = list(points)
    result = m.predict(over=keys) if slope is None else m.dydx(slope, over=keys)
    labels = list(result.to_frame()[keys].itertuples(index=False, name=None))
    return result[[labels.index(p) for p in points.itertuples(index=False, name=None)]]


def _effects(case: Case, m: Margins, spec: Mapping[str, Any]) -> MarginsResult:
    """Pick predicted random effects, by what statsmodels calls their term."""
    place = case.places[f"{spec['group']}|{spec['effect']}|"]
    inside = place.partition("[")[2].rstrip("]")
    group = case.json["statsmodels"]["groups"] if place.startswith("cov_re") else inside
    effect = "Intercept" if spec["effect"] == "(Intercept)" else spec["effect"]
    found = m.random_effects().where(group=group, term=effect)
    levels = list(found.to_frame()["level"])
    return found[[levels.index(level) for level in spec["levels"]]]


def _every_factor(case: Case, spec: Mapping[str, Any]) -> bool:
    factors = {term["group"] for term in case.json["random_terms"]}
    return spec["target"] == "random_effect" or set(spec["known"]) == factors


def _excluded(
    name: str, way: str, rows: Sequence[Mapping[str, Any]], reason: str
) -> Iterator[Excluded]:
    for row in rows:
        yield Excluded(f"{name} {way}", _label(row), reason)


def _rows(
    name: str, result: MarginsResult, rows: Sequence[Mapping[str, Any]], way: str, sigma: float
) -> Iterator[Compared]:
    limits = result.conf_int().to_numpy()
    for place, row in enumerate(rows):
        label, expected = _label(row), row[way]
        if expected is None:
            yield Excluded(name, label, AT_BOUND)
            continue
        scale = abs(row["estimate"]) + abs(expected["se"]) or sigma
        far = abs(result.estimate[place] - row["estimate"]) / scale
        yield Deviation(name, label, "estimate", float(far))
        error = abs(result.std_error[place] - expected["se"]) / (expected["se"] or sigma)
        yield Deviation(name, label, "std_error", float(error))
        if "lower" not in expected:
            yield Excluded(name, label, NO_VARIANCE)
            continue
        df = float(expected["df"])
        if np.isfinite(df):
            yield Deviation(name, label, "df", float(abs(result.df[place] / df - 1.0)))
        ends = np.array([expected["lower"], expected["upper"]])
        yield Deviation(
            name, label, "interval", float(np.abs(limits[place] - ends).max() / np.ptp(ends))
        )


def _label(row: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in row["label"].values())
