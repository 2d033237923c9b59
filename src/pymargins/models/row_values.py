"""Functions of rows with their gradients, as sums over rows need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from pymargins._typing import FloatArray, IntArray


def weighted_sum(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Add values (m, B, J) with weights (m, 1) or (m, B): (B, J)."""
    if weights.shape[1] == 1:
        flat = values.reshape(len(values), -1)
        return (weights[:, 0] @ flat).reshape(values.shape[1:])
    return np.einsum("mb,mbj->bj", weights, values)


@dataclass(frozen=True, slots=True, eq=False)
class OnDesign:
    """A part of a gradient: design rows times a factor.

    Parameters
    ----------
    block : str
        The parameters it is by.
    factor : ndarray, shape (m, B, J)
    design : ndarray, shape (m, c)
    role : str
        Whose rows they are.
    variable : str, optional
        By which they are differentiated.
    """

    block: str
    factor: FloatArray
    design: FloatArray
    role: str = "mean"
    variable: str | None = None

    def times(self, factor: FloatArray) -> OnDesign:
        """Multiply each row's gradient by a number, (m, B, J)."""
        return replace(self, factor=self.factor * factor)

    def total(self, weights: FloatArray, rows: slice | IntArray) -> FloatArray:
        """Add the gradients of some rows, weights (m, 1) or (m, B): (B, J, c)."""
        factor, design = self.factor[rows], self.design[rows]
        if weights.shape[1] == 1:  # the design has fewer numbers than the factors
            design = weights[rows] * design
        else:
            factor = weights[rows][:, :, None] * factor
        flat = factor.reshape(len(factor), -1).T @ design
        return flat.reshape(*factor.shape[1:], -1)


@dataclass(frozen=True, slots=True, eq=False)
class Outright:
    """A part of a gradient that is not on a design: (m, B, J, R) by a block of R parameters."""

    block: str
    gradient: FloatArray

    def times(self, factor: FloatArray) -> Outright:
        """Multiply each row's gradient by a number, (m, B, J)."""
        return replace(self, gradient=self.gradient * factor[..., None])

    def total(self, weights: FloatArray, rows: slice | IntArray) -> FloatArray:
        """Add the gradients of some rows, weights (m, 1) or (m, B): (B, J, R)."""
        weighted = np.broadcast_to(weights[rows], self.gradient[rows].shape[:2])
        return np.einsum("mb,mbjr->bjr", weighted, self.gradient[rows])


@dataclass(frozen=True, slots=True, eq=False)
class OnRows:
    """A part of a gradient: a factor (m, B, J) times R numbers of each row, (m or 1, B or 1, R)."""

    block: str
    factor: FloatArray
    rows: FloatArray

    def times(self, factor: FloatArray) -> OnRows:
        """Multiply each row's gradient by a number, (m, B, J)."""
        return replace(self, factor=self.factor * factor)

    def total(self, weights: FloatArray, rows: slice | IntArray) -> FloatArray:
        """Add the gradients of some rows, weights (m, 1) or (m, B): (B, J, R)."""
        if len(self.rows) == 1:
            total = weighted_sum(weights[rows], self.factor[rows])
            return total[:, :, None] * self.rows[0][:, None, :]
        weighted = weights[rows][:, :, None] * self.factor[rows]
        own = self.rows[rows]
        own = np.broadcast_to(own, (len(own), weighted.shape[1], own.shape[2]))
        return np.einsum("mbj,mbr->bjr", weighted, own)


#: A part of the gradient of a function of rows.
GradientPart: TypeAlias = OnDesign | Outright | OnRows


@dataclass(frozen=True, slots=True, eq=False)
class RowValues:
    """A function of rows, (m, B, J), and the parts of its gradient; none where it was not asked."""

    value: FloatArray
    gradient: tuple[GradientPart, ...] = ()
