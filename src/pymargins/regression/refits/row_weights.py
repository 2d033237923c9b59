"""How often each row enters a replicate: rows, observations or clusters, drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.mixed.refits.sampling import MOST_LEFT_OUT, SEED, ClusterSampling

#: Equal rows are joined where that leaves this many times fewer.
GAIN = 4


class Sampling(Protocol):
    """Draws units, and leaves each of them out once."""

    @property
    def n_left_out(self) -> int:
        """How many times units are left out: one by one, or in blocks."""
        ...

    def times(self, rng: np.random.Generator, count: int) -> AnyArray:
        """Draw how often each unit enters `count` replicates, (count, U)."""
        ...

    def left_out(self, first: int, last: int) -> FloatArray:
        """Return how often each enters once some are left out, (U, last - first)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowWeights:
    """Rows that are drawn, on their own or by cluster.

    Parameters
    ----------
    sampling : Sampling
        Of rows, or of clusters.
    codes : ndarray, shape (n,), optional
        The cluster of each row, where clusters are drawn.
    """

    sampling: Sampling
    codes: IntArray | None = None

    @classmethod
    def of_rows(cls, n: int, counts: FloatArray | None = None) -> RowWeights:
        """Draw rows; observations, where rows stand for several each."""
        if counts is None:
            return cls(ClusterSampling.of_groups(n))
        return cls(ObservationSampling(counts))

    def __call__(self, rng: np.random.Generator, count: int) -> AnyArray:
        """Draw how often each row enters `count` replicates, (n, count)."""
        times = compact(self.sampling.times(rng, count))
        return (times if self.codes is None else times[:, self.codes]).T

    def left_out(self, first: int, last: int) -> FloatArray:
        """Return how often each row enters once some units are left out, (n, last - first)."""
        times = self.sampling.left_out(first, last)
        return times if self.codes is None else times[self.codes]


@dataclass(frozen=True, slots=True, eq=False)
class ObservationSampling:
    """Observations drawn where rows stand for several each.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        Whole numbers: how many observations each row stands for.
    """

    counts: FloatArray

    @property
    def n(self) -> int:
        """The number of observations."""
        return round(float(self.counts.sum()))

    @property
    def n_left_out(self) -> int:
        """How many times observations are left out: one by one, or in as many blocks at most."""
        return min(self.n, MOST_LEFT_OUT)

    def times(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw, relative to how many each row stands for, (count, n)."""
        drawn = rng.multinomial(self.n, self.counts / self.counts.sum(), size=count)
        return drawn / self._divisor

    def left_out(self, first: int, last: int) -> FloatArray:
        """Leave out blocks of observations, drawn with a fixed seed where there are many."""
        row = np.repeat(np.arange(len(self.counts)), np.rint(self.counts).astype(int))
        block = np.arange(self.n)
        if self.n > MOST_LEFT_OUT:
            block = np.random.default_rng(SEED).permutation(block) % MOST_LEFT_OUT
        out = np.zeros((len(self.counts), last - first))
        own = (block >= first) & (block < last)
        np.add.at(out, (row[own], block[own] - first), 1.0)
        return 1.0 - out / self._divisor[:, None]

    @property
    def _divisor(self) -> FloatArray:
        return np.where(self.counts > 0, self.counts, 1.0)


def compact(weights: AnyArray) -> AnyArray:
    """Keep whole numbers in as few bytes as they need."""
    if weights.dtype.kind == "f" and (weights != np.rint(weights)).any():
        return weights
    return weights.astype(np.min_scalar_type(int(weights.max(initial=0))), copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows that are equal: the cell of each row, and a row of each cell."""

    codes: IntArray
    first: IntArray


def equal_rows(columns: list[AnyArray]) -> Cells | None:
    """Find rows that are equal in all columns, the first sorted before the others.

    None where joining them would not pay.
    """
    n = len(columns[0])
    joint, size = np.zeros(n, dtype=np.intp), 1
    for column in columns:
        codes, levels = pd.factorize(column, sort=column is columns[0])
        joint = joint * max(len(levels), 1) + codes
        joint, present = pd.factorize(joint, sort=True)
        size = len(present)
        if size * GAIN > n:
            return None
    first = np.empty(size, dtype=np.intp)
    first[joint[::-1]] = np.arange(n)[::-1]
    return Cells(joint, first)
