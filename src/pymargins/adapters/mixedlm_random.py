"""What the random effects of a MixedLM are made of, as functions of the data's variables.

statsmodels keeps their matrices, and the names of the columns, but neither `re_formula` nor
`vc_formula`. A column is found by its name and confirmed by its values: in the design of the
fixed effects, by reading the name as a formula, or among the columns of the data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.equations import SAME, read_formula, read_users_formula, unknown_equation
from pymargins.adapters.mixedlm_rows import Arrays
from pymargins.adapters.regression_rows import FittedRows
from pymargins.adapters.training import evaluate_factors
from pymargins.errors import ArgumentError, listing
from pymargins.models.derivative import Dual
from pymargins.models.design import Block, Design
from pymargins.models.factors import Columns, Factor, numeric_variable
from pymargins.models.random_part import RANDOM, RandomPart

INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True, eq=False)
class Needed:
    """The columns that vary between groups, on the rows of the fit.

    Parameters
    ----------
    names : tuple of str
    matrix : ndarray, shape (n, c)
    effects : int
        How many vary together; the others belong to components.
    owners : tuple of int
    """

    names: tuple[str, ...]
    matrix: FloatArray
    effects: int
    owners: tuple[int, ...]


def random_part(arrays: Arrays, codes: AnyArray, rows: FittedRows, formula: str | None) -> Any:
    """Find out what the random effects of a fit are made of.

    Parameters
    ----------
    arrays : Arrays
    codes : ndarray, shape (n,)
        The group of each row.
    rows : FittedRows
        Of the fixed effects.
    formula : str, optional
        That the user gave for all columns that vary.

    Returns
    -------
    RandomPart
        Where some column is not found, of a design that is known on the rows of the fit only and
        says what to do when it is asked for others.

    Raises
    ------
    ArgumentError
        Where the formula given does not make these columns.
    """
    needed = needed_columns(arrays, codes)
    design, values = random_design(needed, rows, formula)
    return RandomPart(design, values, needed.effects, needed.owners, len(arrays.components))


# --- which columns there are ---------------------------------------------------------------------


def needed_columns(arrays: Arrays, codes: AnyArray) -> Needed:
    """List the columns that vary: those of `exog_re`, then what each component multiplies."""
    parts: list[FloatArray] = []
    names: list[str] = []
    if arrays.exog_re is not None:
        parts.append(np.asarray(arrays.exog_re, dtype=float))
        names += arrays.effect_names
    effects, owners = len(names), []
    for c, matrices in enumerate(arrays.components):
        found, own = _of_component(matrices, codes, arrays.component_columns[c])
        parts.append(found)
        names += [own_name or arrays.component_names[c] for own_name in own]
        owners += [c] * len(own)
    matrix = np.hstack(parts) if parts else np.zeros((len(codes), 0))
    return Needed(tuple(names), matrix, effects, tuple(owners))


def _of_component(
    matrices: Sequence[Any], codes: AnyArray, columns: Sequence[Sequence[str]]
) -> tuple[FloatArray, list[str]]:
    """Return what a component multiplies in each row, (n, k), and how the fit names it.

    With one level a row (``0 + C(batch)``, ``0 + C(batch):x``, ``0 + x``) that is one column: 1
    or x. With more of them in a row, the same in every group, each is a column of its own.
    """
    dense = [np.asarray(m.toarray() if hasattr(m, "toarray") else m, dtype=float) for m in matrices]
    places = [np.flatnonzero(codes == g) for g in range(len(dense))]
    if all(((own != 0.0).sum(axis=1) <= 1).all() for own in dense):
        out = np.zeros((len(codes), 1))
        for rows, own in zip(places, dense, strict=True):
            out[rows, 0] = own.sum(axis=1)
        shared = {without_levels(str(name)) for own in columns for name in own}
        return out, [shared.pop() if len(shared) == 1 else ""]
    if len({tuple(own) for own in columns}) == 1:
        out = np.zeros((len(codes), dense[0].shape[1]))
        for rows, own in zip(places, dense, strict=True):
            out[rows] = own
        return out, [str(name) for name in columns[0]]
    out = np.zeros((len(codes), 1))
    for rows, own in zip(places, dense, strict=True):
        out[rows, 0] = np.sqrt(np.square(own).sum(axis=1))
    return out, [""]


def without_levels(name: str) -> str:
    """Return what a level's effect multiplies: ``x`` of ``C(batch)[3]:x``."""
    return ":".join(part for part in _parts(name) if not re.search(r"\[[^\]]*\]$", part))


def _parts(name: str) -> list[str]:
    """Split the name of a column where factors are multiplied."""
    return re.findall(r"(?:[^:(\[]|\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])+", name)


# --- what each is made of ------------------------------------------------------------------------


def random_design(
    needed: Needed, rows: FittedRows, formula: str | None
) -> tuple[Design, tuple[AnyArray, ...]]:
    """Build the design of columns that are needed, and its factors on the rows of the fit.

    Where one of them is not found, they are known on these rows only.
    """
    design = _design(needed, rows, formula)
    if design is None:
        return unknown_equation(RANDOM, needed.names, rows), (needed.matrix,)
    return design, evaluate_factors(design, rows.frame)


def _design(needed: Needed, rows: FittedRows, formula: str | None) -> Design | None:
    """Build the design of columns that are needed; None where one of them is not found."""
    made = _Made()
    if formula is not None:
        _require_all(made, needed, rows, formula)
    else:
        known = (rows.design, rows.design.rows(rows.values, len(needed.matrix)))
        for j, name in enumerate(needed.names):
            if not _find(made, j, name, needed.matrix[:, j], known, rows):
                return None
    return Design(needed.names, tuple(made.factors), tuple(made.blocks))


def _find(
    made: _Made,
    j: int,
    name: str,
    column: FloatArray,
    known: tuple[Design, FloatArray],
    rows: FittedRows,
) -> bool:
    """Add a column from wherever it is found."""
    if (column == column[0]).all():
        made.blocks.append(Block(name, (), (), (j,), float(column[0])))
        return True
    fixed, built = known
    same = [c for c in range(built.shape[1]) if _equal(built[:, c], column)]
    by_name = [c for c in same if fixed.names[c] == name]
    if by_name:
        made.add(fixed, by_name[0], j)
        return True
    found = _by_name(name, column, rows)
    if found is not None:
        made.add(*found, j)
        return True
    if len(same) == 1:
        made.add(fixed, same[0], j)
        return True
    return made.add_variable(_variable(name, column, rows), name, j)


def _by_name(name: str, column: FloatArray, rows: FittedRows) -> tuple[Design, int] | None:
    """Read the name of a column as the formula that made it."""
    term = ":".join(re.sub(r"\[[^\]]*\]$", "", part) for part in _parts(name))
    try:
        design, values = read_formula(f"0 + {term}", rows.frame, rows.engine)
    except Exception:  # a name need not be a formula
        return None
    built = design.rows(values, len(column))
    same = [c for c in range(built.shape[1]) if _equal(built[:, c], column)]
    return (design, same[0]) if same else None


def _variable(name: str, column: FloatArray, rows: FittedRows) -> str | None:
    """Find the numeric column of the data that has these values."""
    frame = rows.frame.select_dtypes(["number", "bool"])
    same = [c for c in frame.columns if _equal(np.asarray(frame[c], dtype=float), column)]
    if name in same:
        return name
    return str(same[0]) if len(same) == 1 else None


def _require_all(made: _Made, needed: Needed, rows: FittedRows, formula: str) -> None:
    """Add every column from the formula that the user gave."""
    design, values = read_users_formula(formula, "random effects", rows)
    built = design.rows(values, len(needed.matrix))
    for j, name in enumerate(needed.names):
        column = needed.matrix[:, j]
        same = [c for c in range(built.shape[1]) if _equal(built[:, c], column)]
        if not same:
            raise ArgumentError(
                f"equations: the formula of the random effects gives no column with the values of "
                f"{name!r}; it gives {listing(design.names)}, and the fit has "
                f"{listing(needed.names)}. Give the formula that they were made with."
            )
        made.add(design, next((c for c in same if design.names[c] == name), same[0]), j)


def _equal(built: FloatArray, column: FloatArray) -> bool:
    scale = np.abs(column).max(initial=0.0) + 1e-300
    return bool(np.abs(built - column).max(initial=0.0) <= SAME * scale)


class _Made:
    """Factors and blocks of single columns, taken from several designs."""

    def __init__(self) -> None:
        self.factors: list[Factor] = []
        self.blocks: list[Block] = []

    def add(self, design: Design, column: int, j: int) -> None:
        """Add a column of a design as column j."""
        (block,) = (b for b in design.blocks if column in b.columns)
        place = block.columns.index(column)
        used: list[int] = []
        codings: list[FloatArray | None] = []
        for f, coding in zip(block.factors, block.codings, strict=True):
            factor = design.factors[f]
            width = factor.width if coding is None else coding.shape[1]
            place, pick = divmod(place, width)  # the first factor varies fastest
            if coding is not None:
                coding = coding[:, [pick]]
            elif width > 1:
                evaluate = OneColumn(factor, pick)
                factor = replace(factor, evaluate=evaluate, width=1)
            used.append(self._place(factor))
            codings.append(coding)
        self.blocks.append(
            Block(design.names[column], tuple(used), tuple(codings), (j,), block.scale)
        )

    def add_variable(self, variable: str | None, name: str, j: int) -> bool:
        """Add a variable of the data as column j; tell whether there is one."""
        if variable is None:
            return False
        place = self._place(numeric_variable(variable))
        self.blocks.append(Block(name, (place,), (None,), (j,)))
        return True

    def _place(self, factor: Factor) -> int:
        if factor not in self.factors:
            self.factors.append(factor)
        return self.factors.index(factor)


@dataclass(frozen=True, slots=True)
class OneColumn:
    """Evaluates one column of a factor of several, such as a spline."""

    factor: Factor
    column: int

    def __call__(self, columns: Columns) -> Any:
        """Evaluate on columns of data."""
        found = self.factor.evaluate(columns)
        return found if isinstance(found, Dual) else found[:, [self.column]]
