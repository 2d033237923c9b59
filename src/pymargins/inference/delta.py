"""The delta method: first-order uncertainty through the Jacobian."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from pymargins._typing import FloatArray
from pymargins.estimands.jacobians import Jacobian, at_fit
from pymargins.estimands.nodes import Estimand, Known
from pymargins.facts import DeltaMethod, Note
from pymargins.inference.propagation import propagation
from pymargins.inference.reference import Joint, joint_df, single_df
from pymargins.inference.wald import Wald
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Reference, RowCovariance, Seen


def new_key() -> str:
    """Return a key that no other session has."""
    return uuid4().hex


@dataclass(frozen=True, slots=True, eq=False)
class DeltaInference(Wald):
    """Turns estimands into covariances and intervals by the delta method.

    Parameters
    ----------
    point : Point
        The fitted parameters.
    cov : ndarray, shape (P, P), or RowCovariance
        Their covariance.
    reference : Reference
    seen : Seen, optional
        Of a covariance that is made of residuals.
    key : str
    """

    point: Point
    cov: FloatArray | RowCovariance
    reference: Reference
    seen: Seen | None = None
    key: str = field(default_factory=new_key)
    n_draws: None = None

    @property
    def facts(self) -> DeltaMethod:
        """The method, for tables."""
        return DeltaMethod()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader of a table should know of the degrees of freedom."""
        return self.reference.notes

    def value(self, estimand: Estimand) -> FloatArray:
        """Return the estimates (k,)."""
        return estimand.at(self.point, True)[0][0]

    def jacobian(self, estimand: Estimand) -> Jacobian:
        """Return their derivatives by the parameters (k, P), sparse where these are very many."""
        jac = estimand.at(self.point, True)[1]
        assert jac is not None
        return at_fit(jac)

    def draws(self, estimand: Estimand) -> None:
        """Return None: there are none."""

    def standardised_draws(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Refuse: there are none."""
        raise AssertionError("the delta method has no draws")

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance (k, k) of an estimand.

        Raises
        ------
        NumericalError
            Where a variance is negative beyond rounding.
        """
        return propagation(self.cov).covariance(self.jacobian(estimand), estimand.labels)

    def factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor (k, q) of the joint covariance, q at most the number of parameters."""
        return propagation(self.cov).factor(self.jacobian(estimand), estimand.labels)

    def joint_factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor of the covariance that rows are tested together with: the same."""
        return self.factor(estimand)

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,) without forming the whole covariance."""
        found = propagation(self.cov).variance(self.jacobian(estimand), estimand.labels)
        return np.sqrt(found)

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return the degrees of freedom of each row."""
        return single_df(self.reference, self.jacobian(estimand), self.point.blocks)

    def joint_reference(self, rows: Jacobian) -> Joint:
        """Return the reference of a joint test of independent Jacobian rows."""
        return joint_df(self.reference, rows, self.point.blocks)

    def portable(self, estimand: Estimand) -> Estimand:
        """Keep value and Jacobian: all that the delta method needs."""
        columns = {name: list(values) for name, values in estimand.columns.items()}
        value, jac = self.value(estimand), self.jacobian(estimand)
        return Known(np.array(value), jac.copy(), estimand.labels, columns)
