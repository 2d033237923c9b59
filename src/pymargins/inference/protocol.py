"""What every method of inference can do."""

from __future__ import annotations

from typing import Protocol

from pymargins._typing import FloatArray
from pymargins.estimand import Estimand


class Inference(Protocol):
    """What a result asks of the method that produced it."""

    @property
    def draws(self) -> FloatArray | None:
        """Drawn coefficients (B, p), or None."""
        ...

    @property
    def words(self) -> str:
        """The method, for tables."""
        ...

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance (k, k)."""
        ...

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,)."""
        ...

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return degrees of freedom (k,)."""
        ...

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits (k,)."""
        ...

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return p-values (k,)."""
        ...
