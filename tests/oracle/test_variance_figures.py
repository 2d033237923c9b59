"""Variance parameters against R: at R's estimates, and through whole fits."""

import pytest

from support.beyond_cases import CASES, Deviation, beyond_case
from support.variance_agreement import compare, compare_profiles

GOALS = {"estimate": 1e-8, "std_error": 1e-6, "interval": 1e-6, "profile": 1e-6}
THROUGH_FITS = 1e-4


def deviations(found):
    return [one for one in found if isinstance(one, Deviation)]


@pytest.mark.parametrize("name", CASES)
def test_figures_at_the_estimates_of_r(name):
    case = beyond_case(name)
    found = deviations(compare(case, case.fit, adapter=case.at_r, vcov="gls"))
    if case.reml:
        found += deviations(compare(case, case.fit, adapter=case.at_r, vcov="kenward-roger"))
    assert len(found) > 10
    assert [one for one in found if not one.size < GOALS[one.figure]] == []


@pytest.mark.parametrize("name", CASES)
def test_profile_limits(name):
    case = beyond_case(name)
    found = deviations(compare_profiles(case, case.fit))
    assert [one for one in found if not one.size < GOALS["profile"]] == []


@pytest.mark.parametrize("name", CASES)
def test_figures_through_whole_fits(name):
    case = beyond_case(name)
    found = deviations(compare(case, case.fit, vcov="gls", polish=True))
    assert [one for one in found if not one.size < THROUGH_FITS] == []
