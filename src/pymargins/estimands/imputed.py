"""Estimands of several imputed data sets, each at the parameters of its own fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from pymargins._typing import FloatArray
from pymargins.estimands.columns import Columns
from pymargins.estimands.nodes import Evaluated, Node
from pymargins.models.parameters import Point


@dataclass(frozen=True, eq=False)
class Each(Node):
    """Rows whose values and Jacobians are known of every imputation.

    It is evaluated at a point a fit: what is made of it is formed within each imputation.

    Parameters
    ----------
    values : ndarray, shape (M, k)
    jacobians : ndarray, shape (M, k, P)
        By the parameters of each fit.
    labels : tuple of str
    columns : mapping of str to sequence
    """

    values: FloatArray
    jacobians: FloatArray
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Return what is known."""
        return self.values, self.jacobians if gradient else None
