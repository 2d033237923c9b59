"""How each covariance of a reference case is asked for, and referred to what."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pymargins import HAC, NumericalError
from support.model_cases import ModelCase, ask, deviations, excluded, hardly_seen, methods

LEAST_SQUARES = ("OLS", "WLS", "GLS")
#: statsmodels' default covariance of a quantile fit depends on the sign of residuals that are zero.
NOISE = {("quantreg_engel_q75", "robust"), ("quantreg_mtcars_q25", "robust")}


@dataclass(frozen=True)
class Way:
    """A way to one of R's covariances.

    Parameters
    ----------
    label : str
    how : str
        Which call of fit makes the model.
    covariance, reference : str
        Which of R's figures it must give.
    options : mapping
        Of the session.
    factor : float
        R's standard errors over those of the session.
    """

    label: str
    how: str
    covariance: str
    reference: str
    options: Mapping[str, Any] = field(default_factory=dict)
    factor: float = 1.0


def fits(case: ModelCase) -> list[Way]:
    """Return the covariances that fits report themselves, whatever their `cov_type`."""
    out: list[Way] = []
    for how in case.json["statsmodels"]["fit"]:
        if (case.id, how) not in NOISE:
            t = case.family == "QuantReg" or (case.family in LEAST_SQUARES and how == "model")
            out.append(Way(f"fit({how})", how, how, "t_residual" if t else "asymptotic"))
    return out


def named(case: ModelCase) -> list[Way]:
    """Return the covariances that are asked for by name."""
    plain = "t_residual" if case.family in LEAST_SQUARES else "asymptotic"
    out: list[Way] = []
    if case.family in LEAST_SQUARES or case.family in ("GLM", "Logit", "Poisson"):
        out.append(Way("nonrobust", "model", "model", plain, {"vcov": "nonrobust"}))
    for name in case.json["parameters"]["covariances"]:
        if name in ("HC0", "HC1", "HC2", "HC3"):
            out.append(Way(name, "model", name, plain, {"vcov": name}))
        elif name in ("CR0", "CR2", "CR3"):
            out += _clustered(case, name)
        elif name == "cluster":
            n, k = case.json["nobs"], len(case.json["parameters"]["estimate"])
            factor = float(np.sqrt((n - 1) / (n - k)))
            options = {"vcov": "CR1", "cluster": case.cluster}
            out.append(Way("CR1", "model", name, "t_g_minus_1", options, factor))
        elif name == "HAC":
            out.append(Way(name, "model", name, plain, {"vcov": HAC(12)}))
        elif name == "naive":
            out.append(Way("nonrobust", "model", name, plain, {"vcov": "nonrobust"}))
            out.append(Way("CR0", "model", "model", "", {"vcov": "CR0"}))
        elif name == "bias_reduced":
            out.append(Way("CR3", "bias_reduced", name, "", {"vcov": "CR3"}))
    return out


def _clustered(case: ModelCase, name: str) -> list[Way]:
    options = {"vcov": name, "cluster": case.cluster}
    out = [Way(name, "model", name, "t_g_minus_1", options)]
    if name != "CR0":
        small = {**options, "df": "satterthwaite"}
        out.append(Way(f"{name}, Satterthwaite", "model", name, "satterthwaite", small))
    return out


def worst(case: ModelCase, way: Way) -> tuple[float, float]:
    """Return the largest deviations over all queries of a case; degrees of freedom must agree.

    What residuals show next to nothing of must be refused.
    """
    model = case.fit(way.how)
    estimate = error = 0.0
    for query in case.queries:
        if excluded(case.id, query):
            continue
        if hardly_seen(case.id, query, way.covariance):
            with pytest.raises(NumericalError, match="a single cluster determines it"):
                ask(case, query, model, **way.options)
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*hardly more than one")
            table, _ = ask(case, query, model, **way.options)
        table["std_error"] *= way.factor
        found = methods(query, way.covariance)
        method = found.get(way.reference, found["asymptotic"])
        more, other = deviations(query, table, method)
        estimate, error = max(estimate, more), max(error, other)
        if way.reference:
            df = np.array([float(row["df"]) for row in method])
            np.testing.assert_allclose(table["df"], df, rtol=1e-9)
    return estimate, error
