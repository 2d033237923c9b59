"""The parameters of a fitted model, in named blocks, and the points at which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """A vector of named blocks.

    Parameters
    ----------
    value : ndarray, shape (P,)
    blocks : mapping of str to slice
        ``"beta"``, the coefficients of the mean; ``"gamma"``, the variances of a mixed model;
        cutpoints, dispersions, the coefficients of a second equation.
    """

    value: FloatArray
    blocks: Mapping[str, slice]

    @classmethod
    def of_blocks(cls, **blocks: Any) -> Parameters:
        """Put blocks one after the other."""
        parts = {name: np.array(value, dtype=float).ravel() for name, value in blocks.items()}
        return cls(np.concatenate(list(parts.values())), slices(parts))

    def __getitem__(self, block: str) -> FloatArray:
        return self.value[self.blocks[block]]

    def only(self, blocks: Sequence[str]) -> Parameters:
        """Return the parameters of some blocks, in that order."""
        return Parameters.of_blocks(**{name: self[name] for name in blocks})

    def places(self, blocks: Sequence[str]) -> IntArray:
        """Return the positions of some blocks' parameters, in that order."""
        every = np.arange(len(self.value), dtype=np.intp)
        return np.concatenate([every[self.blocks[name]] for name in blocks])


def slices(parts: Mapping[str, Any]) -> dict[str, slice]:
    """Return where each part lies once all are put one after the other."""
    ends = np.cumsum([len(part) for part in parts.values()]).tolist()
    starts = [0, *ends[:-1]]
    return {name: slice(a, b) for name, a, b in zip(parts, starts, ends, strict=True)}


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters at which estimands are evaluated.

    Parameters
    ----------
    theta : ndarray, shape (B, P)
    blocks : mapping of str to slice
    weights : ndarray, shape (B, G), optional
        How often each group of the fit appears in each replicate, where the population was
        resampled with the groups: numbers of any type; None holds the population fixed.
    """

    theta: FloatArray
    blocks: Mapping[str, slice]
    weights: AnyArray | None = None
    _memo: WeakKeyDictionary[Any, dict[bool, Any]] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def width(self) -> int:
        """P, the number of parameters."""
        return self.theta.shape[1]

    def block(self, name: str) -> FloatArray:
        """Return one block of every point, (B, p)."""
        return self.theta[:, self.blocks[name]]

    def part(self, rows: slice) -> Point:
        """Return some of the points."""
        weights = None if self.weights is None else self.weights[rows]
        return Point(self.theta[rows], self.blocks, weights)

    def remembered(self, node: Any, gradient: bool, compute: Callable[[], T]) -> T:
        """Return what was computed for a node here, as long as the node lives."""
        kept = self._memo.setdefault(node, {})
        if gradient not in kept:
            kept[gradient] = compute()
        return kept[gradient]

    def __getstate__(self) -> dict[str, Any]:
        return {"theta": self.theta, "blocks": dict(self.blocks), "weights": self.weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_memo", WeakKeyDictionary())
