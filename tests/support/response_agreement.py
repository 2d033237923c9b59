"""Means and medians of transformed outcomes, and how far they are from R's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pymargins import Margins, MarginsResult, Response
from support.beyond_cases import Case, Deviation, Excluded
from support.small_models import quietly

#: R's way to a covariance: the session's `vcov`.
COVARIANCES = {"observed": "gls", "kenward_roger": "kenward-roger", "joint_observed": "model"}

NOT_OFFERED = {
    "beta_only": "standard errors for known variances: sessions carry the variances' own",
    "expected": "expected information beside GLS: it goes with Kenward-Roger in sessions",
}
KNOWN_CLUSTER = "the untransformed outcome of a known cluster: refused"


def compare(case: Case, model: Any, way: str, **options: Any) -> list[Deviation]:
    """Compare every mean and median, by one of R's ways to their standard errors."""
    found: list[Deviation] = []
    for query in case.queries("response"):
        if way not in query["rows"][0]:
            continue
        session = {**options, "vcov": COVARIANCES[way], "df": np.inf}  # R's are normal
        result = answer(query["spec"], model, query["spec"]["quantity"], session)
        name = f"{case.id}: {query['id']} {way}"
        for place, row in enumerate(query["rows"]):
            found += _row(name, result, place, row["estimate"], row[way], query["spec"])
    return found


def compare_smearing(case: Case, model: Any, **options: Any) -> list[Deviation]:
    """Compare Duan's smearing estimates."""
    found: list[Deviation] = []
    for query in case.queries("smearing"):
        asked = Response("mean", residuals="empirical")
        result = answer(query["spec"], model, asked, options)
        for place, row in enumerate(query["rows"]):
            size = abs(result.estimate[place] / row["estimate"] - 1.0)
            found.append(Deviation(f"{case.id}: {query['id']}", str(place), "estimate", size))
    return found


def excluded(case: Case) -> Iterator[Excluded]:
    """Name R's figures that no session is asked for."""
    for query in case.queries("response"):
        for way in (way for way in NOT_OFFERED if way in query["rows"][0]):
            for place in range(len(query["rows"])):
                name = f"{case.id}: {query['id']} {way}"
                yield Excluded(name, str(place), NOT_OFFERED[way])
    for query in case.queries("known_cluster_response"):
        for place in range(len(query["rows"])):
            yield Excluded(f"{case.id}: {query['id']}", str(place), KNOWN_CLUSTER)


def answer(
    spec: Mapping[str, Any], model: Any, response: Any, options: Mapping[str, Any]
) -> MarginsResult:
    """Ask the question that R was asked."""
    ratio = spec.get("ratio")
    interval = "log" if ratio else "identity"
    with quietly():
        m = Margins(model, response=response, scale=interval, **options)
    points = [point["set"] for point in spec["points"]]
    slope = spec.get("slope_of")
    if spec["average"] == "none":
        frame = pd.DataFrame(points)
        result = m.predict(frame) if slope is None else m.dydx(slope, atexog=frame)
    else:
        one = [_at(m, slope, point) for point in points]
        result = one[0]
        if len(one) > 1:
            keys = list(points[0])
            result = _on_grid(m, slope, keys, points)
    if ratio:
        return result.contrast(_pairs(ratio, len(points)))
    if "combine" in spec:
        return result.contrast(np.array(spec["combine"], dtype=float))
    return result


def _at(m: Margins, slope: str | None, point: Mapping[str, Any]) -> MarginsResult:
    return m.predict(point or None) if slope is None else m.dydx(slope, atexog=point or None)


def _on_grid(m: Margins, slope: str | None, keys: list[str], points: list[Any]) -> MarginsResult:
    frame = pd.DataFrame(points)[keys]
    return m.predict(frame) if slope is None else m.dydx(slope, atexog=frame)


def _pairs(ratio: Any, size: int) -> np.ndarray:
    out = np.zeros((len(ratio), size))
    for row, (top, bottom) in zip(out, ratio, strict=True):
        row[top], row[bottom] = 1.0, -1.0
    return out


def _row(
    name: str,
    result: MarginsResult,
    place: int,
    estimate: float,
    expected: Mapping[str, Any],
    spec: Mapping[str, Any],
) -> Iterator[Deviation]:
    scale = abs(estimate) + abs(expected["se"])
    yield Deviation(name, str(place), "estimate", abs(result.estimate[place] - estimate) / scale)
    yield Deviation(
        name, str(place), "std_error", abs(result.std_error[place] / expected["se"] - 1.0)
    )
    limits = expected.get("interval_log") if spec.get("ratio") else expected
    if limits:
        got = result.conf_int().iloc[place].to_numpy()
        width = limits["upper"] - limits["lower"]
        size = max(abs(got[0] - limits["lower"]), abs(got[1] - limits["upper"])) / width
        yield Deviation(name, str(place), "interval", size)
