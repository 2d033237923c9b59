"""Adjusting single rows, and being told that nothing was adjusted."""

from __future__ import annotations

import pytest

from pymargins import pairwise, reference
from support.small_models import FixedModel, session, study


@pytest.fixture(scope="module")
def m():
    return session(FixedModel("age * school + treated", study(), seed=3))


@pytest.mark.parametrize("method", ["tukey", "holm", "mvt", "dunnett", "scheffe", "fdr_bh"])
def test_a_single_row_may_be_adjusted_and_nothing_changes(m, method):
    one = m.contrasts(pairwise("treated", [1, 0]))
    found = one.adjust(method)
    assert found.p_value[0] == one.p_value[0]
    assert found.conf_int().equals(one.conf_int())
    assert "a single test, so that nothing changes" in " ".join(str(found).split())


def test_families_of_one_among_larger_ones_stay_as_they_are(m):
    rows = m.contrasts(reference("school"), atexog={"treated": [0, 1]})[[0, 1, 3]]
    found = rows.adjust("holm", by="treated")
    assert found.p_value[2] == rows.p_value[2]
    assert found.adjustment.facts.smallest == 1


def said(result):
    return " ".join(str(result.summary()).split())


def test_several_differences_that_are_not_adjusted_say_so(m):
    every = m.contrasts(pairwise("school"))
    assert 'These 6 p-values are not adjusted for how many there are; .adjust("tukey")' in said(
        every
    )
    assert "not adjusted" not in said(every.adjust("tukey"))
    assert "not adjusted" not in said(every[0])
    assert "not adjusted" not in said(m.predict("school"))
    some = m.contrasts(reference("school"))
    assert '.adjust("holm")' in said(some)
    by = m.contrasts(pairwise("school"), atexog={"treated": [0, 1]})
    assert '.adjust("tukey", by="treated")' in said(by)
    assert '.adjust("holm")' in said(m.dydx("school"))  # changes from one level are differences


def test_the_call_that_is_named_works(m):
    by = m.contrasts(pairwise("school"), atexog={"treated": [0, 1]})
    assert by.adjust("tukey", by="treated").adjustment.facts.families == 2


def test_tables_tell_subgroups_from_counterfactuals(m):
    assert "each subgroup (school) over its own" in said(m.predict(over="school"))
    assert "with school set in every row" in said(m.predict("school"))
    both = said(m.contrasts(pairwise("treated", [1, 0]), over="school"))
    assert "each subgroup (school) over its own, with treated set in every row" in both
    assert "set in every row" not in said(m.predict())
    one = said(session(FixedModel("age * school", study()), at="typical").predict("school"))
    assert "with school set" in one
    assert "in every row" not in one
