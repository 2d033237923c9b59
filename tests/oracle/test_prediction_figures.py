"""Prediction intervals against R: at R's estimates, and through whole fits."""

import pytest

from support.beyond_cases import BEYOND, Deviation, beyond_case
from support.prediction_agreement import compare

CASES = tuple(sorted(path.stem for path in (BEYOND / "prediction_interval").glob("*.json")))
GOALS = {"estimate": 1e-8, "error": 1e-6, "limits": 1e-6, "df": 1e-5}
THROUGH_FITS = 1e-4


def deviations(found):
    return [one for one in found if isinstance(one, Deviation)]


@pytest.mark.parametrize("name", CASES)
def test_figures_at_the_estimates_of_r(name):
    case = beyond_case(name)
    found = deviations(compare(case, case.fit, adapter=case.at_r))
    assert found
    assert [one for one in found if not one.size < GOALS[one.figure]] == []


@pytest.mark.parametrize("name", CASES)
def test_figures_through_whole_fits(name):
    case = beyond_case(name)
    found = deviations(compare(case, case.fit, polish=True))
    assert [one for one in found if not one.size < THROUGH_FITS] == []
