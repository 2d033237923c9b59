"""Variance parameters, shares of variance and slopes of clusters against R's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pymargins import Margins
from support.beyond_cases import Case, Compared, Deviation, Excluded

INTERVALS = {"interval_log": "log", "interval_logit": "logit", "interval_fisher": "fisher_z"}
#: What R calls a row -> the verb and its row.
SHARES = {
    "icc_adjusted": ("icc", "adjusted"),
    "icc_conditional": ("icc", "conditional"),
    "r2_marginal": ("r_squared", "marginal"),
    "r2_conditional": ("r_squared", "conditional"),
}
NOT_OFFERED = ("between_cluster_sd_at", "icc_at")
AT_BOUND = "at its bound, where pymargins gives no standard error"
PROFILED = ("sd", "correlation", "icc_adjusted")


def compare(case: Case, model: Any, **options: Any) -> Iterator[Compared]:
    """Compare every row of a case.

    Parameters
    ----------
    case : Case
    model : fitted result or adapter
    **options
        Of the session: ``vcov="gls"`` asks for the observed information.
    """
    session = Margins(model, **options)
    for query in case.queries("variance"):
        name = f"{case.id}: {query['id']}"
        for row in query["rows"]:
            label = " ".join(str(v) for v in row["label"].values())
            if row["label"]["parameter"] in NOT_OFFERED:
                yield Excluded(name, label, "at given values of covariates: not offered")
                continue
            yield from _row(case, session, name, label, row)


def _row(
    case: Case, session: Margins, name: str, label: str, row: Mapping[str, Any]
) -> Iterator[Compared]:
    result = found(case, session, row["label"])
    size = abs(row["estimate"]) or 1.0
    yield Deviation(name, label, "estimate", abs(result.estimate[0] - row["estimate"]) / size)
    expected = session.facts.covariance.information == "expected" or row["observed"] is None
    reference = row["expected" if expected else "observed"]
    error = result.std_error[0]
    if np.isnan(error):
        if reference is not None:
            yield Excluded(name, label, AT_BOUND)
        return
    if expected and row["observed"] is not None and any(row["gradient_beta"]):
        yield Excluded(name, label, "R's has GLS for the coefficients, not Kenward-Roger")
        return
    yield Deviation(name, label, "std_error", abs(error / reference["se"] - 1.0))
    ends = result.conf_int().to_numpy()[0]
    for kind in INTERVALS:
        if kind in reference:
            theirs = np.array([reference[kind]["lower"], reference[kind]["upper"]])
            far = np.abs(ends - theirs).max() / np.ptp(theirs)
            yield Deviation(name, label, "interval", float(far))


def compare_profiles(case: Case, model: Any) -> Iterator[Compared]:
    """Compare the profile-likelihood limits of a case, of its own criterion."""
    session = Margins(model, vcov="gls")
    kind = "profile_reml" if case.reml else "profile_ml"
    for query in case.queries("variance"):
        name = f"{case.id}: {query['id']}"
        for row in query["rows"]:
            if kind not in row:
                continue
            label = " ".join(str(v) for v in row["label"].values())
            theirs = np.array([row[kind]["lower"], row[kind]["upper"]])
            result = found(case, session, row["label"], method="profile")
            ends = result.conf_int().to_numpy()[0]
            far = np.abs(ends - theirs).max() / np.ptp(theirs)
            yield Deviation(name, label, "profile", float(far))


def found(case: Case, session: Margins, label: Mapping[str, Any], **method: Any) -> Any:
    """Return the result that answers a row of R's."""
    parameter = label["parameter"]
    if parameter in SHARES:
        verb, row = SHARES[parameter]
        return getattr(session, verb)(**method)[row]
    if parameter == "variance_share":
        return _share(case, session, label["name"])
    if parameter == "share_positive_slope":
        return session.slope_share(label["variable"], atexog=_set(label) or None)
    if parameter == "slope_quantile":
        variable = label["variable"]
        return session.slope_quantiles(variable, label["prob"], atexog=_set(label) or None)
    kind = "variance" if parameter == "variance" else "sd"
    return session.variance_components(kind, **method)[_row_of(case, label)]


def _set(label: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in label.items() if k not in ("parameter", "variable", "prob")}


def _row_of(case: Case, label: Mapping[str, Any]) -> str:
    """Return how pymargins labels a variance parameter of R's."""
    parameter = label["parameter"]
    word = {"sd": "sd", "correlation": "cor", "variance": "var"}[parameter]
    if label["name"] == "Residual||":
        return f"residual: {word}"
    group, first, second = label["name"].split("|")
    place = case.places[label["name"]]
    if place.startswith("vcomp"):
        group = place.partition("[")[2].rstrip("]")
    names = [n.replace("(Intercept)", "Intercept") for n in (first, second) if n]
    if word == "var" and second:
        word = "cov"
    return f"{_group(case, group, place)}: {word}({', '.join(names)})"


def _group(case: Case, group: str, place: str) -> str:
    return group if place.startswith("vcomp") else case.json["statsmodels"]["groups"]


def _share(case: Case, session: Margins, name: str) -> Any:
    result = session.icc()
    places = {k.split("|")[0]: v for k, v in case.places.items()}
    place = places[name]
    inside = place.partition("[")[2].rstrip("]")
    own = inside if place.startswith("vcomp") else case.json["statsmodels"]["groups"]
    label = f"adjusted, {own}"
    return result[label] if label in result else result["adjusted"]
