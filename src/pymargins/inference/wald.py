"""Intervals and p-values from an estimate, its standard error and degrees of freedom."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pymargins._typing import FloatArray
from pymargins.estimands.nodes import Estimand
from pymargins.inference import distributions


class Wald(ABC):
    """Inference that refers an estimate over its standard error to t, or to the normal."""

    __slots__ = ()

    @abstractmethod
    def value(self, estimand: Estimand) -> FloatArray:
        """Return the estimates (k,)."""

    @abstractmethod
    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,)."""

    @abstractmethod
    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return the degrees of freedom of each row."""

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return symmetric pointwise intervals."""
        half = distributions.quantile((1 + level) / 2, self.degrees_of_freedom(estimand))
        half = half * self.std_error(estimand)
        value = self.value(estimand)
        return value - half, value + half

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return Wald p-values against a null value."""
        statistic = distributions.ratio(self.value(estimand) - null, self.std_error(estimand))
        return distributions.p_value(statistic, self.degrees_of_freedom(estimand), alternative)
