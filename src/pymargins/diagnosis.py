"""What a reviewer should know about a fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any

from pymargins.facts import CovarianceFacts, FitHealth, Health, ShiftedDf
from pymargins.report.fit_health import fit_lines, fit_short_warning
from pymargins.report.health import diagnosis_summary, health_lines, short_warning
from pymargins.report.summary import Summary, Tabled


class Reported(Tabled, ABC):
    """The health of a fit, which prints."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a diagnosis is frozen; {name!r} cannot be set.")

    @abstractmethod
    def lines(self) -> list[tuple[str, str]]:
        """Return what is reported, as pairs of subject and finding."""

    def summary(self) -> Summary:
        """Return the report as a table."""
        return diagnosis_summary(self.lines())


class Diagnosis(Reported, Health):
    """The health of the fit of a mixed model, which prints."""

    __slots__ = ()

    def lines(self) -> list[tuple[str, str]]:
        """Return what is reported, as pairs of subject and finding."""
        return health_lines(self)


class FitDiagnosis(Reported, FitHealth):
    """The health of a regression, which prints."""

    __slots__ = ()

    def lines(self) -> list[tuple[str, str]]:
        """Return what is reported, as pairs of subject and finding."""
        return fit_lines(self)


def diagnosis_of(health: Health | FitHealth) -> Diagnosis | FitDiagnosis:
    """Give the health of any fit its words."""
    made = FitDiagnosis if isinstance(health, FitHealth) else Diagnosis
    return made(**{one.name: getattr(health, one.name) for one in fields(health)})


def fit_warning(
    health: Health | FitHealth,
    covariance: CovarianceFacts,
    stand_in: bool = False,
    shifted: ShiftedDf | None = None,
) -> str:
    """Write the one warning given at construction, or nothing where conclusions stand."""
    if isinstance(health, FitHealth):
        return fit_short_warning(health, covariance)
    return short_warning(health, covariance.kind, stand_in, shifted)
