r"""Replicates of the data as sums over rows that share a linear predictor.

The equations of a `RowModel` need three sums of each such set of rows: of the weights, of the
residuals, and of their squares, :math:`\sum w,\ \sum w (y - \mu),\ \sum w (y - \mu)^2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pymargins._typing import AnyArray, FloatArray


class DrawnRows(Protocol):
    """Some replicates of the data."""

    @property
    def count(self) -> int:
        """b, the number of replicates."""
        ...

    def some(self, which: AnyArray) -> DrawnRows:
        """Return some of the replicates."""
        ...

    def sums(self, rows: slice, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights and weighted residuals, (m, b) or (m, 1)."""
        ...

    def squares(self, rows: slice, mean: FloatArray) -> FloatArray:
        """Return weighted squared residuals, (m, b)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of the fit, with weights or responses that differ by replicate.

    Parameters
    ----------
    weight : ndarray, shape (n, b) or (n, 1)
        How many observations each row stands for; whole numbers in as few bytes as they need.
    response : ndarray, shape (n, 1) or (n, b)
    """

    weight: AnyArray
    response: FloatArray

    @property
    def count(self) -> int:
        """b, the number of replicates."""
        return max(self.weight.shape[1], self.response.shape[1])

    def some(self, which: AnyArray) -> Rows:
        """Return some of the replicates."""
        if self.weight.shape[1] == self.count:
            return Rows(self.weight[:, which], self.response)
        return Rows(self.weight, self.response[:, which])

    def sums(self, rows: slice, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights and weighted residuals."""
        weight = np.asarray(self.weight[rows], dtype=float)
        return weight, times(self.response[rows] - mean, weight)

    def squares(self, rows: slice, mean: FloatArray) -> FloatArray:
        """Return weighted squared residuals."""
        residual = self.response[rows] - mean
        residual *= residual
        return times(residual, np.asarray(self.weight[rows], dtype=float))


def times(residual: FloatArray, weight: FloatArray) -> FloatArray:
    """Multiply, where there is room for the product in place."""
    if residual.shape[1] < weight.shape[1]:
        return residual * weight
    residual *= weight
    return residual


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Sums over cells of rows with one design row each.

    Parameters
    ----------
    weight, first, second : ndarray, shape (cells, b)
        Sums of the weights, and of residuals about `mean` and their squares.
    mean : ndarray, shape (cells, 1)
        Near the means of replicates, so that no digits are lost.
    """

    weight: FloatArray
    first: FloatArray
    second: FloatArray
    mean: FloatArray

    @property
    def count(self) -> int:
        """b, the number of replicates."""
        return self.weight.shape[1]

    def some(self, which: AnyArray) -> Joined:
        """Return some of the replicates."""
        weight, first, second = (p[:, which] for p in (self.weight, self.first, self.second))
        return Joined(weight, first, second, self.mean)

    def sums(self, rows: slice, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights and weighted residuals."""
        weight = self.weight[rows]
        return weight, self.first[rows] - weight * (mean - self.mean[rows])

    def squares(self, rows: slice, mean: FloatArray) -> FloatArray:
        """Return weighted squared residuals."""
        shift = mean - self.mean[rows]
        cross = 2.0 * self.first[rows] - self.weight[rows] * shift
        return self.second[rows] - shift * cross
