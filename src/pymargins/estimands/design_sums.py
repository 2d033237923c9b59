"""Sums of design rows over a population, and the averages they make."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.estimands.chunks import Chunk
from pymargins.estimands.rows import Rows, Strata
from pymargins.estimands.scenes import Grid, average


class DesignSums:
    """Weighted sums of the rows of a design under the scenarios of a grid.

    Parameters
    ----------
    grid : Grid
    role : str
        Of the design.
    slope : str, optional
        The variable to differentiate by.
    """

    def __init__(self, grid: Grid, role: str, slope: str | None = None) -> None:
        self.grid = grid
        self.role = role
        self.slope = slope
        self.total: FloatArray = np.zeros((1, 1, 1))
        self.weight: FloatArray = np.zeros((1, 1, 1))

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        mass = chunk.rows.totals(chunk.strata)[:, None, None]
        self.total = self.total + mass * self.means(chunk.rows, chunk.strata)
        self.weight = self.weight + mass

    def empty(self) -> DesignSums:
        """Return the same of no rows."""
        return DesignSums(self.grid, self.role, self.slope)

    def join(self, other: DesignSums) -> None:
        """Add the sums over other rows."""
        self.total = self.total + other.total
        self.weight = self.weight + other.weight

    def means(self, rows: Rows, strata: Strata | None) -> FloatArray:
        """Average over some rows, (R, S, p); a subgroup without rows among them has 0."""
        return average(rows, self.grid, strata, self.slope, self.role)

    @property
    def averages(self) -> FloatArray:
        """The averaged design rows, subgroups outermost, (k, p)."""
        return (self.total / self.weight).reshape(-1, self.total.shape[2])
