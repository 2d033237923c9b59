"""The diagnosis of a regression in words."""

from __future__ import annotations

import pytest

from pymargins.facts import CovarianceFacts, FitHealth
from pymargins.report.fit_health import fit_lines, fit_short_warning

MODEL = CovarianceFacts("model", fitted_as="nonrobust")
WELL = FitHealth(converged=True, distance=1e-9, dispersion=1.1, dispersion_p=0.4)
SPREAD = FitHealth(converged=True, distance=0.0, dispersion=3.2, dispersion_p=1e-30)


def test_a_fit_that_is_well_gives_no_warning() -> None:
    assert fit_short_warning(WELL, MODEL) == ""
    assert fit_short_warning(FitHealth(), MODEL) == ""
    assert dict(fit_lines(FitHealth())) == {
        "Convergence": "the fit does not say",
        "Design": "full rank",
    }


@pytest.mark.parametrize(
    ("health", "covariance", "words"),
    [
        (FitHealth(converged=False, distance=8.3), MODEL, "8.3 standard errors away from its opt"),
        (FitHealth(converged=False), MODEL, "says that it did not converge"),
        (FitHealth(converged=False, distance=1e-6), MODEL, ""),
        (FitHealth(separated=12), MODEL, "linear predictor of 12 rows"),
        (SPREAD, MODEL, "3.2 times as much as the model allows"),
        (SPREAD, CovarianceFacts("nonrobust"), "3.2 times"),
        (SPREAD, CovarianceFacts("HC3"), ""),
        (SPREAD, CovarianceFacts("model", fitted_as="HC0"), ""),
        (SPREAD, CovarianceFacts("CR1", clusters=9), ""),
    ],
)
def test_warnings_where_conclusions_change(
    health: FitHealth, covariance: CovarianceFacts, words: str
) -> None:
    found = fit_short_warning(health, covariance)
    assert words in found
    assert bool(found) == bool(words)


def test_lines() -> None:
    lines = dict(fit_lines(FitHealth(False, 0.3, 4, 2.5, 1e-9, True, True)))
    assert lines == {
        "Convergence": "the fit says NO",
        "Optimum": "NOT reached: 0.3 standard errors away",
        "Separation": "the linear predictor of 4 rows has no finite optimum",
        "Dispersion": "2.50 times the model's: more than the model allows",
        "Boundary": "alpha is zero: rows vary no more than a Poisson model allows",
        "Design": "columns are redundant; only estimable quantities are reported",
    }
