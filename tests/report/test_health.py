"""The diagnosis of a fit in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_cases import WELL

from pymargins.facts import DEVIANCE_GAP, FEW_GROUPS, Health, Shift
from pymargins.report import Summary
from pymargins.report.health import diagnosis_summary, health_lines, short_warning


def test_a_healthy_fit() -> None:
    assert health_lines(WELL) == [
        ("Convergence", "the fit says yes"),
        ("Optimum", "reached"),
        ("Boundary", "no variance at zero"),
        ("Model against GLS standard errors", "the same"),
        ("Design", "full rank"),
        ("Groups", "1,040, 5 rows each"),
    ]


def test_an_unhealthy_fit() -> None:
    ill = Health(
        converged=False,
        deviance_gap=0.512,
        se_shift=0.1234,
        boundary=True,
        se_ratio=np.array([0.5, 1.3]),
        names=("Intercept", "age"),
        rank_deficient=True,
        groups=12,
        group_sizes=(2, 3.5, 9),
        coefficients=Shift("age", 0.5, 1.0),
        means=Shift("row 3", 1.0, 1.0),
    )
    assert health_lines(ill) == [
        ("Convergence", "the fit says NO"),
        (
            "Optimum",
            "0.51 above the best deviance found; standard errors are up to 2 times too small for "
            "coefficients and nearly right for mean responses of rows (worst: age)",
        ),
        ("Boundary", "a variance is zero, or effects are perfectly correlated (singular fit)"),
        ("Model against GLS standard errors", "0.500 to 1.300 times as large"),
        ("Design", "columns are redundant; only estimable quantities are reported"),
        ("Groups", "12, 2 to 9 rows each (median 3.5)"),
        (
            "Small sample",
            "12 groups: intervals from the normal distribution are too short for effects between "
            "them",
        ),
    ]
    assert short_warning(ill, "model") == (
        "Check this fit: the fit is not at its optimum (deviance 0.51 too high): standard errors "
        "are up to 2 times too small for coefficients and nearly right for mean responses of rows "
        "(worst: age). See m.diagnose(). Margins(fit, polish=True) works at the optimum. A refit "
        'reaches it less often: by fit(method="powell"), and with random slopes on centred '
        "variables."
    )


def test_a_fit_without_standard_errors() -> None:
    lines = dict(health_lines(replace(WELL, se_ratio=None)))
    assert lines["Model against GLS standard errors"] == (
        'the fit reports no valid standard errors; use vcov="gls"'
    )


@pytest.mark.parametrize(("groups", "told"), [(FEW_GROUPS - 1, True), (FEW_GROUPS, False)])
def test_few_groups_are_told_of(groups: int, told: bool) -> None:
    assert ("Small sample" in dict(health_lines(replace(WELL, groups=groups)))) == told


def test_the_report_is_a_table() -> None:
    table = diagnosis_summary(health_lines(WELL))
    assert isinstance(table, Summary)
    assert table.title == "Diagnosis of the fit"
    assert table.rows == tuple(health_lines(WELL))


@pytest.mark.parametrize(
    ("changes", "vcov", "stand_in", "words"),
    [
        ({}, "model", False, None),
        ({"converged": False}, "gls", False, "did not converge, though it is at the optimum"),
        ({"deviance_gap": 0.5}, "gls", False, "is not at its optimum (deviance 0.5 too high"),
        ({"se_ratio": np.array([1.05, 0.95])}, "model", False, None),
        ({"se_ratio": np.array([0.5, 1.6])}, "model", False, "up to 0.50 times those"),
        ({"se_ratio": np.array([0.5, 1.6])}, "gls", False, None),
        ({"se_ratio": None}, "model", False, None),
        ({"se_ratio": None}, "gls", True, 'no valid standard errors, so vcov="gls" is used'),
        ({"boundary": True}, "model", False, 'a variance is zero, where vcov="model" is not'),
        ({"boundary": True}, "gls", False, None),
    ],
)
def test_the_warning_of_a_session(
    changes: dict[str, Any], vcov: str, stand_in: bool, words: str | None
) -> None:
    found = short_warning(replace(WELL, **changes), vcov, stand_in)
    if words is None:
        assert found == ""
    else:
        assert found.startswith("Check this fit: ")
        assert words in found
        off = changes.get("deviance_gap", 0.0) > DEVIANCE_GAP or not changes.get("converged", True)
        assert ("polish=True" in found) == off
        assert ('Margins(fit, vcov="gls")' in found) == (vcov == "model")
