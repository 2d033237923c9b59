"""Regressions against R's figures: through R's own parameters, and through whole fits."""

import numpy as np
import pytest

from support.model_agreement import fits, named, worst
from support.model_cases import CASES, all_queries, ask, deviations, load, methods

#: In standard errors, and relative to them.
GIVEN = {"OLS": 1e-8, "WLS": 1e-8, "GLS": 1e-8, "RLM": 1e-8, "QuantReg": 1e-8}
NONLINEAR = 1e-6
FITTED = 1e-4


def query_of(case, name):
    return next(q for q in load(case).queries if q["id"] == name)


@pytest.mark.parametrize(("case", "name"), all_queries(), ids=lambda x: x)
def test_given_the_parameters(case, name):
    made, query = load(case), query_of(case, name)
    table, _ = ask(made, query, made.given)
    tolerance = GIVEN.get(made.family, NONLINEAR)
    found = deviations(query, table, methods(query)["asymptotic"])
    assert max(found) <= tolerance, found


WAYS = [(case, way) for case in CASES for way in (*fits(load(case)), *named(load(case)))]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "way"), WAYS, ids=lambda x: getattr(x, "label", x))
def test_whole_fits(case, way):
    found = worst(load(case), way)
    assert max(found) <= FITTED, found


JOINT = [(c, q) for c, q in all_queries() if "joint" in query_of(c, q)]


@pytest.mark.parametrize(("case", "name"), JOINT, ids=lambda x: x)
def test_joint_tests_of_contrasts(case, name):
    made, query = load(case), query_of(case, name)
    _, result = ask(made, query, made.given)
    found, joint = result.joint_test(), query["joint"]
    assert found["df1"] == joint["df1"]
    kind = ("F", "p_F") if found["test"] == "F" else ("chi2", "p_chi2")
    np.testing.assert_allclose(found["statistic"], joint[kind[0]], rtol=1e-6)
    np.testing.assert_allclose(found["p_value"], joint[kind[1]], rtol=1e-5)
