"""Whole statsmodels fits, read by the MixedLM adapter, against lme4's figures.

lme4 and statsmodels maximise the same likelihood, so that with `vcov="gls"` every figure agrees as
far as the optimisers do. The options of each fit are those with which statsmodels reached the
optimum when the cases were made (`figures_from`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import statsmodels.formula.api as smf
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from pymargins import FitWarning, Margins
from pymargins.adapters import StatsmodelsMixedLMAdapter
from pymargins.facts import DEVIANCE_GAP, STANDARD_ERROR_RATIO
from pymargins.models.uncertainty import Request
from support.oracle_agreement import joint_deviations, require, row_deviations, worst
from support.oracle_cases import CASES, Case, Sessions, load
from support.oracle_sentences import JOINT_KIND, translate

#: In standard errors for estimates, relative for standard errors; statsmodels stops within 2e-5
#: (cg, cbpp_proportion), elsewhere within 1e-7.
FIT_TOLERANCE = 1e-4
#: Log-likelihoods at the same parameters, R's against statsmodels'.
LIKELIHOOD_TOLERANCE = 1e-5

by_case = pytest.mark.parametrize("name", CASES)

#: The fits that ran to an end without reaching the optimum, or without saying that they did.
POOR = [
    (name, attempt["name"])
    for name in CASES
    for attempt in load(name).json["statsmodels_fit"]["attempts"]
    if not attempt["good"] and "error" not in attempt
]


def fit_mixedlm(case: Case, options: Mapping[str, Any]) -> Any:
    """Fit a case as its description says, with these options of `fit`."""
    model = case.json["statsmodels"]
    with warnings.catch_warnings():
        # statsmodels complains on the way to good optima too; the tests ask where the fit ended
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Random effects covariance is singular")
        return smf.mixedlm(
            model["formula"],
            case.frame,
            groups=model["groups"],
            **case.json["statsmodels_fit"]["call_kwargs"],
        ).fit(reml=case.json["r"]["REML"], **options)


@pytest.fixture(scope="session")
def fitted():
    """Return the best fit of a case; each is made once."""
    fits: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in fits:
            options = load(name).json["statsmodels_fit"]["figures_from"]["fit_options"]
            fits[name] = fit_mixedlm(load(name), options)
        return fits[name]

    return get


@by_case
def test_verbs_give_lme4_figures(name: str, fitted):
    """One sentence a query: that all of them say the same is shown without a fit."""
    case = load(name)
    assert fitted(name).converged
    ask = Sessions(fitted(name), vcov="gls")  # a warning here would be an error: the fits are good
    for query in case.queries.values():
        for sentence in translate(query)[:1]:
            result = sentence(ask)
            if query.kind == JOINT_KIND:
                found = joint_deviations(result.joint_test(), query.rows[0]["asymptotic"])
            else:
                found = row_deviations(result, query.rows, [r["asymptotic"] for r in query.rows])
            require(found, FIT_TOLERANCE, query.name)


@by_case
def test_model_covariance_is_the_fit_s_own(name: str, fitted):
    recorded = load(name).json["statsmodels_fit"]
    offer = StatsmodelsMixedLMAdapter(fitted(name)).fitted.covariances["model"]
    cov = offer.make(Request(("beta",))).matrix
    expected = np.array(recorded["fe_cov_params"], dtype=float)
    se = np.sqrt(np.diagonal(expected))
    assert worst((cov - expected) / np.outer(se, se)) <= FIT_TOLERANCE
    assert (
        worst(fitted(name).fe_params - np.array(recorded["fe_params"])) <= FIT_TOLERANCE * se.max()
    )


@by_case
def test_model_covariance_is_warned_of_where_it_misleads(name: str, fitted):
    """Where its standard errors are far from GLS, and where a variance is zero."""
    case = load(name)
    ratio = np.array(case.json["statsmodels_fit"]["relative_differences"]["own_se_over_lme4_se"])
    misleads = case.json["singular"] or np.abs(ratio - 1.0).max() > STANDARD_ERROR_RATIO
    assert misleads == (name in ("cbpp_proportion", "dyestuff2_singular"))
    if misleads:
        with pytest.warns(FitWarning):
            Margins(fitted(name), vcov="model")
    else:
        Margins(fitted(name), vcov="model")


@pytest.mark.parametrize(("name", "attempt"), POOR)
def test_poor_fits_are_found_out(name: str, attempt: str):
    """The diagnosis finds lme4's optimum by itself, and says how far the fit is from it."""
    case, recorded = load(name), load(name).json["statsmodels_fit"]
    (options,) = (a["fit_options"] for a in recorded["attempts"] if a["name"] == attempt)
    fit = fit_mixedlm(case, options)
    short = case.json["loglik"] - (fit.llf - recorded["reml_llf_shift"])
    if fit.converged and short < DEVIANCE_GAP / 2:
        pytest.skip("another release of statsmodels reaches the optimum by these options")
    with pytest.warns(FitWarning):
        session = Margins(fit, vcov="gls")
    diagnosis = session.diagnose()
    assert diagnosis.deviance_gap == pytest.approx(2.0 * short, abs=2 * LIKELIHOOD_TOLERANCE)
    assert diagnosis.at_optimum == (2.0 * short < DEVIANCE_GAP)
