"""Stata's own figures of every class: estimates, and standard errors of the covariance it used."""

from support.stata_agreement import STATA, compared

#: Of standard errors that count the rows as a sample, where both are closed forms.
UNCONDITIONAL = 1e-6


def test_every_row_is_statas():
    found = list(compared())
    assert sum(one.rows for one in found) >= 375
    for one in found:
        assert one.estimate < STATA[0], one
        assert one.error is None or one.error < STATA[1], one
    sampled = [one for one in found if one.case.endswith("_unconditional")]
    assert sum(one.rows for one in sampled) == 36
    assert all(one.error is not None and one.error < UNCONDITIONAL for one in sampled)
