"""Stata's own figures of every class: estimates, and standard errors of the covariance it used."""

from support.stata_agreement import STATA, UNCONDITIONAL, compared


def test_every_row_is_statas():
    found = list(compared())
    assert sum(one.rows for one in found) >= 375
    for one in found:
        assert one.estimate < STATA[0], one
        assert one.error is None or one.error < STATA[1], one
    later = sum(one.rows for one in found if one.why_not == UNCONDITIONAL)
    assert later == 36  # the only standard errors of the interface that are left out
