"""A model at its optimum, in coordinates in which its information is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.regression.estimating import inverse_root
from pymargins.regression.refits.products import product
from pymargins.regression.refits.row_models import RowModel, RowTerms

#: Numbers of a block of rows times replicates: few, to stay in the cache.
BLOCK = 32_768
FEWEST_ROWS = 64
#: Products of columns are kept if they are no more numbers than these.
KEPT = 4_000_000


@cache
def triangle(k: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the upper triangle of a matrix (k, k)."""
    return np.triu_indices(k)


@dataclass(frozen=True, eq=False)
class Centre:
    """What replicates are counted from: ``beta = params + root @ gamma``, gamma small.

    Parameters
    ----------
    model : RowModel
    params : ndarray, shape (p,)
    root : ndarray, shape (p, k)
        The root of the inverse of the expected information at dispersion one. Redundant columns of
        the design stay where they are: what is estimable does not depend on them.
    design : ndarray, shape (m, k)
        The design in these coordinates, of each row or of each set of equal rows.
    predictor, mean, response : ndarray, shape (m, 1)
    weights : ndarray, shape (m, 1), optional
    counts : ndarray, shape (m, 1)
    spread : float
        What a coordinate varies by: the root of the dispersion.
    """

    model: RowModel
    params: FloatArray
    root: FloatArray
    design: FloatArray
    predictor: FloatArray
    mean: FloatArray
    response: FloatArray
    weights: FloatArray | None
    counts: FloatArray
    spread: float

    @classmethod
    def at(cls, model: RowModel, params: FloatArray) -> Centre:
        """Put the centre at some coefficients."""
        predictor = model.predictor(params)[:, None]
        weights = None if model.weights is None else model.weights[:, None]
        counts = np.ones_like(predictor) if model.counts is None else model.counts[:, None]
        with np.errstate(all="ignore"):
            terms = model.terms(predictor, weights)
        response = model.response[:, None]
        root = inverse_root(model.design * np.sqrt(terms.expected * counts))
        precision = model.precision(terms.mean, weights)
        chi2 = float(np.nansum(precision * counts * (response - terms.mean) ** 2))
        known = model.dispersion
        dispersion = chi2 / max(model.df, 1.0) if known is None else known
        # of a perfect fit: where rounding begins
        least = 1e-6 * float(np.abs(np.linalg.pinv(root) @ params).max(initial=0.0))
        return cls(
            model=model,
            params=params,
            root=root,
            design=np.asfortranarray(model.design @ root),
            predictor=predictor,
            mean=terms.mean,
            response=response,
            weights=weights,
            counts=counts,
            spread=max(float(np.sqrt(dispersion)), least, float(np.finfo(float).tiny)),
        )

    def some(self, rows: AnyArray) -> Centre:
        """Return the same with some of its rows."""
        return replace(
            self,
            design=np.asfortranarray(self.design[rows]),
            predictor=self.predictor[rows],
            mean=self.mean[rows],
            response=self.response[rows],
            weights=None if self.weights is None else self.weights[rows],
            counts=self.counts[rows],
        )

    @property
    def width(self) -> int:
        """k, the number of coefficients that the data determine."""
        return self.root.shape[1]

    def coefficients(self, gamma: FloatArray) -> FloatArray:
        """Return coefficients (b, p) from coordinates (b, k)."""
        return self.params + gamma @ self.root.T

    def blocks(self, count: int) -> Iterator[slice]:
        """Yield blocks of rows for so many replicates."""
        size = max(FEWEST_ROWS, BLOCK // count)
        for start in range(0, len(self.design), size):
            yield slice(start, min(start + size, len(self.design)))

    def columns(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """Return columns of the design (k, m), and their products (k (k + 1) / 2, m)."""
        columns = self.design[rows].T
        left, right = triangle(self.width)
        if len(left) * len(self.design) > KEPT:
            return columns, columns[left] * columns[right]
        return columns, self._products[:, rows]

    @cached_property
    def _products(self) -> FloatArray:
        columns = self.design.T
        left, right = triangle(self.width)
        return columns[left] * columns[right]

    def terms(self, rows: slice, gamma: FloatArray | None) -> RowTerms:
        """Return what rows add at coordinates (b, k), or at the centre."""
        eta = self.predictor[rows]
        if gamma is not None:
            moved = product(self.design[rows], gamma.T)
            moved += eta
            eta = moved
        return self.model.terms(eta, None if self.weights is None else self.weights[rows])
