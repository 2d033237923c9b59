"""Ordered, multinomial, zero-inflated and beta models against R (and Stata)."""

import numpy as np
import pytest

from support.outcome_cases import CASES, EXCLUDED, ask, deviations, load, options_of

QUERIES = [
    (case, name)
    for case in CASES
    for name, query in load(case).queries.items()
    if query["spec"]["quantity"] not in EXCLUDED
]
#: Given R's parameters and covariance: estimates in standard errors, standard errors relative.
GIVEN = 1e-6
#: Through whole fits of statsmodels.
FITTED = 1e-4
#: statsmodels' Hessian of OrderedModel is numerical: 1e-5, on badly scaled data 7e-4.
NUMERICAL_HESSIAN = 1e-3


@pytest.mark.parametrize(("name", "query"), QUERIES)
def test_rows_are_rs_given_its_parameters(name, query):
    case = load(name)
    asked = case.queries[query]
    for covariance in case.json["vcov"]:
        result = ask(case, asked, case.given(covariance, **options_of(case, asked)))
        estimate, se = deviations(case, asked, result, covariance)
        assert estimate < GIVEN
        assert se < GIVEN


@pytest.mark.parametrize(("name", "query"), QUERIES)
def test_rows_are_rs_through_whole_fits(name, query):
    case = load(name)
    asked = case.queries[query]
    truth = "OIM" if "OIM" in case.json["vcov"] else "model"
    result = ask(case, asked, case.session(**options_of(case, asked)))
    estimate, se = deviations(case, asked, result, truth)
    assert estimate < FITTED
    assert se < (NUMERICAL_HESSIAN if case.json["class"] == "OrderedModel" else FITTED)


@pytest.mark.parametrize("name", CASES)
def test_covariances_by_name_are_rs(name):
    case = load(name)
    asked = next(iter(case.queries.values()))
    names = {"nonrobust": "OIM" if "OIM" in case.json["vcov"] else "model", "HC0": "HC0"}
    if "HC0_OIM" in case.json["vcov"]:
        names["HC0"] = "HC0_OIM"
    for ours, theirs in names.items():
        if theirs in case.json["vcov"]:
            result = ask(case, asked, case.session(vcov=ours, **options_of(case, asked)))
            assert deviations(case, asked, result, theirs)[1] < FITTED


def test_joint_tests_over_outcomes_have_the_rank_of_all_but_one():
    case = load("ologit_housing")
    query = case.queries["pairs_infl"]
    result = ask(case, query, case.given("model", **options_of(case, query)))
    found = result.joint_test()
    assert found["df1"] == query["joint"]["df1"] == 4  # two differences, two of three outcomes
    np.testing.assert_allclose(found["statistic"], query["joint"]["chi2"], rtol=1e-5)
