"""Means and medians of transformed outcomes against R: at R's estimates, and through fits."""

import pytest

from support.beyond_cases import BEYOND, beyond_case
from support.response_agreement import COVARIANCES, compare, compare_smearing

CASES = tuple(sorted(path.stem for path in (BEYOND / "response").glob("*.json")))
GOALS = {"estimate": 1e-8, "std_error": 1e-6, "interval": 1e-6}
THROUGH_FITS = 1e-4


@pytest.mark.parametrize("name", CASES)
def test_figures_at_the_estimates_of_r(name):
    case = beyond_case(name)
    found = [one for way in COVARIANCES for one in compare(case, case.fit, way, adapter=case.at_r)]
    found += compare_smearing(case, case.fit, adapter=case.at_r)
    assert len(found) > 20
    assert [one for one in found if not one.size < GOALS[one.figure]] == []


@pytest.mark.parametrize("name", CASES)
def test_figures_through_whole_fits(name):
    case = beyond_case(name)
    found = compare(case, case.fit, "observed", polish=True)
    assert [one for one in found if not one.size < THROUGH_FITS] == []
