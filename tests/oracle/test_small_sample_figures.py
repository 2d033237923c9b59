"""Kenward-Roger, Satterthwaite and cluster-robust inference of every verb, against R.

Twice: at R's own variance parameters, where only the formulas can differ, and through whole
statsmodels fits, where the optimisers do too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import statsmodels.formula.api as smf
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from pymargins import Margins, ModelError
from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.mixed import CovarianceParameters
from pymargins.models.parameters import Parameters
from support.oracle_agreement import p_deviation, require, row_deviations, table_of, worst
from support.oracle_cases import CASES, Case, Query, Sessions, load
from support.oracle_sentences import JOINT_KIND, translate

#: At R's variances: standard errors, and degrees of freedom by analytic derivatives.
SE_TOLERANCE = 1e-6
KENWARD_ROGER_DF = 1e-5
#: lmerTest and clubSandwich: numerical derivatives, and R's rounding in a singular fit.
SATTERTHWAITE_DF = 1e-4
ROBUST_DF = 1e-4
JOINT_TOLERANCE = 1e-5
#: Through statsmodels' optimum.
FIT_TOLERANCE = 1e-3

ROBUST = [name for name in CASES if load(name).robust]
METHODS: dict[str, Mapping[str, Any]] = {
    "satterthwaite": {"df": "satterthwaite"},
    "kenward_roger": {"df": "kenward-roger"},
}
ROBUST_METHODS = [
    (kind, df) for kind in ("CR0", "CR1", "CR2", "CR3") for df in ("satterthwaite", "t_g_minus_1")
]


def r_variances(case: Case) -> CovarianceParameters:
    """Return R's variance parameters in the places statsmodels has for them."""
    model = case.json["statsmodels"]
    found = {
        "|".join([c["group"], c["var1"] or "", c["var2"] or ""]): c["vcov"]
        for c in case.json["variance_components"]
    }
    places = model["variances"]
    size = 1 + max((int(p[-2]) for p in places.values() if p.startswith("cov_re")), default=-1)
    psi = np.zeros((size, size))
    names = sorted(model["vc_formula"] or {})
    components = np.zeros(len(names))
    for key, place in places.items():
        index = place[place.index("[") + 1 : -1]
        if place.startswith("cov_re"):
            i, j = (int(x) for x in index.split(","))
            psi[i, j] = psi[j, i] = found[key]
        else:
            components[names.index(index)] = found[key]
    return CovarianceParameters(psi, components, float(case.json["sigma"]) ** 2)


class AtRsEstimates(StatsmodelsMixedLMAdapter):
    """A statsmodels fit with R's coefficients and variance parameters in place of its own.

    R's fit is at its optimum; what statsmodels says of its own does not matter.
    """

    def __init__(self, fit: Any, case: Case) -> None:
        super().__init__(fit)
        self.estimates = r_variances(case)
        beta = case.coefficients(case.json["fixed_effects"]["estimate"])
        self.fitted = replace(
            self.fitted,
            parameters=Parameters.of_blocks(beta=beta, gamma=self.estimates.gamma),
            covariances=self._covariances(("gls",)),
            health=None,
        )


@pytest.fixture(scope="session")
def fitted():
    """Return the best fit of a case; each is made once."""
    fits: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in fits:
            case = load(name)
            model, recorded = case.json["statsmodels"], case.json["statsmodels_fit"]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.filterwarnings("ignore", "Random effects covariance is singular")
                fits[name] = smf.mixedlm(
                    model["formula"], case.frame, groups=model["groups"], **recorded["call_kwargs"]
                ).fit(reml=case.json["r"]["REML"], **recorded["figures_from"]["fit_options"])
        return fits[name]

    return get


def rows_of(case: Case) -> list[Query]:
    return [q for q in case.queries.values() if q.kind != JOINT_KIND]


def df_deviation(results: Any, expected: Sequence[Mapping[str, Any]]) -> float:
    found = table_of(results)["df"].to_numpy()
    return worst(found / np.array([float(m["df"]) for m in expected]) - 1.0)


def require_rows(
    ask: Sessions, query: Query, method: Sequence[Any], se: float, df: float, what: str
) -> None:
    if any(m is None for m in method) or any("estimate" in m for m in method):
        return  # not given for this row, or (maximum likelihood) from another fit
    for sentence in translate(query)[:1]:
        result = sentence(ask)
        names = ("estimate", "std_error", "statistic")
        require(row_deviations(result, query.rows, method, names), se, f"{query.name} {what}")
        assert df_deviation(result, method) <= df, f"{query.name} {what} df"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_rows_at_r_s_variances(name: str, method: str, fitted):
    case = load(name)
    if method == "kenward_roger" and not case.json["r"]["REML"]:
        with pytest.raises(ModelError, match="REML"):
            Margins(AtRsEstimates(fitted(name), case), **METHODS[method])
        return
    tolerance = SATTERTHWAITE_DF if method == "satterthwaite" else KENWARD_ROGER_DF
    ask = Sessions(AtRsEstimates(fitted(name), case), **METHODS[method])
    for query in rows_of(case):
        given = [row.get(method) for row in query.rows]
        require_rows(ask, query, given, SE_TOLERANCE, tolerance, method)


@pytest.mark.parametrize("name", ROBUST)
@pytest.mark.parametrize(("kind", "df"), ROBUST_METHODS)
def test_robust_rows_at_r_s_variances(name: str, kind: str, df: str, fitted):
    case = load(name)
    options = {"vcov": kind} | ({"df": df} if df == "satterthwaite" else {})
    ask = Sessions(AtRsEstimates(fitted(name), case), **options)
    for query in rows_of(case):
        given = [row.get("robust", {}).get(kind, {}).get(df) for row in query.rows]
        require_rows(ask, query, given, SE_TOLERANCE, ROBUST_DF, f"{kind} {df}")


@pytest.mark.parametrize("name", CASES)
def test_rows_of_whole_fits(name: str, fitted):
    case = load(name)
    for method, options in METHODS.items():
        if method == "kenward_roger" and not case.json["r"]["REML"]:
            continue
        if case.json["singular"] and method == "satterthwaite":
            continue  # where statsmodels stops just beside the boundary, nothing is dropped
        ask = Sessions(fitted(name), **options)
        for query in rows_of(case):
            given = [row.get(method) for row in query.rows]
            require_rows(ask, query, given, FIT_TOLERANCE, FIT_TOLERANCE, method)


def require_joint(test: Any, expected: Mapping[str, Any], tolerance: float, what: str) -> None:
    assert test["df1"] == expected["df1"]
    size = 1.0 + expected["df1"] * expected["F"]
    deviations = {
        "F": worst(np.array(test["statistic"] / expected["F"] - 1.0)),
        "df2": worst(np.array(test["df2"] / float(expected["df2"]) - 1.0)),
        "p": p_deviation(np.array([test["p_value"]]), np.array([expected["p"]]), size),
    }
    require(deviations, tolerance, what)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("whole", "tolerance"), [(False, JOINT_TOLERANCE), (True, FIT_TOLERANCE)])
def test_joint_tests(name: str, whole: bool, tolerance: float, fitted):
    case = load(name)
    model = fitted(name) if whole else AtRsEstimates(fitted(name), case)
    for query in case.queries.values():
        if query.kind != JOINT_KIND:
            continue
        row = query.rows[0]
        if case.json["r"]["REML"]:
            ask = Sessions(model, df="kenward-roger")
            test = translate(query)[0](ask).joint_test()
            require_joint(test, row["kenward_roger"], tolerance, f"{query.name} KR")
        htz = row.get("robust", {}).get("CR2", {}).get("HTZ")
        if htz is not None and htz["p"] is not None:
            ask = Sessions(model, vcov="CR2", df="satterthwaite")
            test = translate(query)[0](ask).joint_test()
            require_joint(test, htz, tolerance, f"{query.name} HTZ")
