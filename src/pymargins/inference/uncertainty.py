"""What every method of inference can do."""

from __future__ import annotations

from typing import Protocol

from pymargins._typing import FloatArray
from pymargins.estimands.jacobians import Jacobian
from pymargins.estimands.nodes import Estimand
from pymargins.facts import Method, Note
from pymargins.inference.reference import Joint
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Seen


class Uncertainty(Protocol):
    """What a result asks of the method that produced it."""

    @property
    def key(self) -> str:
        """What results must share to be combined: the same parameters, uncertainty and draws."""
        ...

    @property
    def point(self) -> Point:
        """The fitted parameters."""
        ...

    @property
    def facts(self) -> Method:
        """The method, for tables."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader of a table should know of it."""
        ...

    @property
    def seen(self) -> Seen | None:
        """How much of a variance the data can show, where it is made of residuals."""
        ...

    @property
    def n_draws(self) -> int | None:
        """The number of draws; None where there are none."""
        ...

    def value(self, estimand: Estimand) -> FloatArray:
        """Return the estimates (k,)."""
        ...

    def jacobian(self, estimand: Estimand) -> Jacobian:
        """Return their derivatives by the parameters (k, P), sparse where these are very many."""
        ...

    def draws(self, estimand: Estimand) -> FloatArray | None:
        """Return the estimand at every draw (B, k), or None."""
        ...

    def standardised_draws(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Return each draw's distance from its centre in standard errors (B, k), and these (k,)."""
        ...

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance (k, k)."""
        ...

    def factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor (k, q) of the joint covariance: its product with its transpose."""
        ...

    def joint_factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor of the covariance that rows are tested together with."""
        ...

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,)."""
        ...

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return degrees of freedom (k,)."""
        ...

    def joint_reference(self, rows: Jacobian) -> Joint:
        """Return the reference of a joint test of independent Jacobian rows (r, P)."""
        ...

    def interval(self, estimand: Estimand, level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits (k,)."""
        ...

    def p_value(self, estimand: Estimand, null: FloatArray, alternative: str) -> FloatArray:
        """Return p-values (k,)."""
        ...

    def portable(self, estimand: Estimand) -> Estimand:
        """Return an estimand that says the same and can be sent elsewhere without the data."""
        ...
