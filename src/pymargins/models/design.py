"""The fixed-effects design: what each column is made of, whichever engine built it.

A design column is a product of *factors*: ``age:C(school)[T.B]`` is the factor ``age`` times a
coded column of the factor ``C(school)``. Adapters translate a fit's stored formula spec into
`Factor` and `Block`; everything after that (rows, averages, derivatives) is algebra on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import ModelError
from pymargins.models.factors import DesignFunction, Factor, numeric_variable

ROWS_PER_CHUNK = 32_768
DESIGN_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of a design that are one product of factors (part or all of a term).

    Parameters
    ----------
    term : str
        The term of the formula they belong to.
    factors : tuple of int
        Positions in `Design.factors`; the first varies fastest over the columns.
    codings : tuple of ndarray or None
        Per factor: the contrast matrix (levels, columns) of a categorical one, None for a numeric.
    columns : tuple of int
        Which columns of the design they are, in order.
    scale : float
        A constant multiplier.
    """

    term: str
    factors: tuple[int, ...]
    codings: tuple[FloatArray | None, ...]
    columns: tuple[int, ...]
    scale: float = 1.0

    def product(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Multiply factor columns (n, k_j) into the block's columns (n, prod k_j)."""
        if not parts:
            raise ModelError(f"the term {self.term!r} has no factor to multiply.")
        out = parts[-1]
        for part in reversed(parts[:-1]):
            out = (out[:, :, None] * part[:, None, :]).reshape(len(out), -1)
        return out * self.scale if self.scale != 1.0 else out


@dataclass(frozen=True, slots=True)
class Design:
    """A fixed-effects design: its factors, its blocks, its column names.

    Parameters
    ----------
    names : tuple of str
        The columns, in the order of the coefficients.
    factors : tuple of Factor
    blocks : tuple of Block
    """

    names: tuple[str, ...]
    factors: tuple[Factor, ...]
    blocks: tuple[Block, ...]
    variables: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        order = dict.fromkeys(v for f in self.factors for v in f.variables)
        object.__setattr__(self, "variables", tuple(order))
        covered = sorted(c for block in self.blocks for c in block.columns)
        if covered != list(range(len(self.names))):
            raise ModelError(
                f"the blocks of the design cover columns {covered}, expected each of "
                f"0..{len(self.names) - 1} once."
            )

    @classmethod
    def from_columns(cls, names: Sequence[str], variables: Sequence[str | None]) -> Design:
        """Build the design of an array fit: every column is a variable, or (None) the constant."""
        factors = tuple(numeric_variable(v) for v in variables if v is not None)
        position = {f.name: i for i, f in enumerate(factors)}
        blocks = tuple(
            Block(name, () if v is None else (position[v],), () if v is None else (None,), (i,))
            for i, (name, v) in enumerate(zip(names, variables, strict=True))
        )
        return cls(tuple(names), factors, blocks)

    @classmethod
    def from_function(
        cls,
        names: Sequence[str],
        variables: Sequence[str],
        function: Callable[[pd.DataFrame], Any],
    ) -> Design:
        """Build a design from a function that returns the design rows of any data frame.

        For adapters whose model class keeps no factors. Right for every query, but each scenario
        costs a pass over the rows.
        """
        evaluate = DesignFunction(function, len(names))
        factor = Factor("design", tuple(variables), evaluate, width=len(names))
        block = Block("design", (0,), (None,), tuple(range(len(names))))
        return cls(tuple(names), (factor,), (block,))

    def terms(self) -> dict[str, list[int]]:
        """Return the columns of each term, in the formula's order."""
        out: dict[str, list[int]] = {}
        for block in self.blocks:
            out.setdefault(block.term, []).extend(block.columns)
        return out

    def rows(self, values: Sequence[AnyArray], n: int) -> FloatArray:
        """Form design rows (n, p) from the factor values of n rows."""
        out = np.empty((n, len(self.names)))
        for block in self.blocks:
            out[:, list(block.columns)] = block_rows(block, values)
        return out


def block_rows(
    block: Block, values: Sequence[AnyArray] | Mapping[int, AnyArray]
) -> FloatArray | float:
    """Form the columns of one block (n, k) from the values of its factors, by position."""
    if not block.factors:
        return block.scale
    return block.product(
        [
            values[f] if coding is None else coding[values[f]]
            for f, coding in zip(block.factors, block.codings, strict=True)
        ]
    )


def chunks(n: int, size: int = ROWS_PER_CHUNK) -> Iterator[slice]:
    """Cut n rows into slices of at most `size`."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def mismatch(design: Design, values: Sequence[AnyArray], exog: AnyArray) -> list[str]:
    """Name the columns in which factor values do not reproduce a stored design."""
    n = exog.shape[0]
    wrong: set[int] = set()
    for rows in chunks(n):
        part = [v[rows] for v in values]
        for block in design.blocks:
            columns = list(block.columns)
            together = columns == list(range(columns[0], columns[-1] + 1))  # a view will do
            some = exog[rows, columns[0] : columns[-1] + 1] if together else exog[rows][:, columns]
            stored = np.asarray(some, dtype=float)
            built = np.broadcast_to(block_rows(block, part), stored.shape)
            if np.array_equal(built, stored):
                continue
            scale = np.abs(stored).max(axis=0, initial=0.0) + 1e-300
            off = ~(np.abs(built - stored).max(axis=0) <= DESIGN_TOLERANCE * scale)
            wrong.update(np.asarray(columns)[off].tolist())
    return [design.names[i] for i in sorted(wrong)]
