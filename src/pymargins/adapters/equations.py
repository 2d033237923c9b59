"""A second equation of a fit, of which statsmodels keeps the matrix and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.formulas import design_of_spec
from pymargins.adapters.regression_rows import FittedRows
from pymargins.adapters.training import evaluate_factors, match_columns
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    ModelError,
    PymarginsError,
    listing,
    unknown_name,
    users_frame,
)
from pymargins.models.design import Block, Design
from pymargins.models.factors import Columns, Factor
from pymargins.ranks import column_rank

#: Columns with equal values, relative to the largest.
SAME = 1e-8


class TakesEquations:
    """An adapter of models with equations whose formula statsmodels does not keep."""

    #: Their names, as `equations=` calls them.
    second: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Equation:
    """A linear predictor beside that of the mean.

    Parameters
    ----------
    design : Design
    values : tuple of ndarray
        Each factor of the design on the rows of the fit.
    null_space : ndarray
        Directions of its coefficients that the data do not determine.
    """

    design: Design
    values: tuple[AnyArray, ...]
    null_space: FloatArray


def check_equations(equations: Any, known: Sequence[str]) -> Mapping[str, str]:
    """Return the formulas that a user gave, by the name of the equation.

    Raises
    ------
    UnknownNameError
        For an equation that the model does not have.
    """
    if equations is None:
        return {}
    if not isinstance(equations, Mapping):
        raise ArgumentTypeError(
            f'equations: expected a mapping such as {{"{known[0]}": "~ x"}}, got '
            f"{type(equations).__name__}."
        )
    for name, formula in equations.items():
        if name not in known:
            raise unknown_name("equations", name, known, "a second equation of this model")
        if not isinstance(formula, str) or not formula.strip():
            raise ArgumentTypeError(
                f"equations: {name!r} needs a formula such as '~ x', got {formula!r}."
            )
    return equations


def second_equation(
    role: str, exog: Any, names: Sequence[str], formula: str | None, rows: FittedRows
) -> Equation:
    """Find out what the matrix of a second equation is made of.

    By the formula that the user gave; otherwise, where every column is the constant or a column
    of the data, by value. Of any other matrix nothing is known: it serves as it is for the rows of
    the fit, and no variable can be moved.

    Parameters
    ----------
    role : str
        What the equation is called: ``"inflation"``.
    exog : ndarray, shape (n, k)
    names : sequence of str
        The columns as the fit names them.
    formula : str, optional
    rows : FittedRows
        Of the equation of the mean.
    """
    exog = np.asarray(exog, dtype=float)
    missing = column_rank(exog).null_space
    if formula is not None:
        design, values = _by_formula(role, exog, names, formula, rows)
        return Equation(design, values, missing)
    if exog.shape[1] == 1 and (exog == exog[0]).all():
        block = Block(names[0], (), (), (0,), float(exog[0, 0]))
        return Equation(Design(tuple(names), (), (block,)), (), missing)
    try:
        columns = match_columns(names, exog, rows.frame)
        called = [column or name for column, name in zip(columns, names, strict=True)]
        design = Design.from_columns(called, columns)
    except ArgumentError:
        return Equation(unknown_equation(role, names, rows), (exog,), missing)
    return Equation(design, evaluate_factors(design, rows.frame), missing)


# --- from a formula ------------------------------------------------------------------------------


def _by_formula(
    role: str, exog: FloatArray, names: Sequence[str], formula: str, rows: FittedRows
) -> tuple[Design, tuple[AnyArray, ...]]:
    design, values = read_users_formula(formula, f"{role} equation", rows)
    return _arranged(role, design, design.rows(values, len(exog)), exog, names), values


def read_users_formula(
    formula: str, part: str, rows: FittedRows
) -> tuple[Design, tuple[AnyArray, ...]]:
    """Read the formula that a user gave for a part of the model, as `read_formula` does.

    Raises
    ------
    ArgumentError
        For one that cannot be read.
    """
    try:
        return read_formula(formula.rpartition("~")[2], rows.frame, rows.engine)
    except PymarginsError:
        raise
    except Exception as error:  # a formula engine refuses in many ways
        raise ArgumentError(
            f"equations: the formula {formula!r} of the {part} cannot be read with the "
            f"data of the fit: {type(error).__name__}: {error}"
        ) from error


def read_formula(
    right: str, frame: pd.DataFrame, engine: str
) -> tuple[Design, tuple[AnyArray, ...]]:
    """Return the design of a right-hand side, and its factors on the rows of the fit."""
    design = design_of_spec(_spec_of(right, frame, engine), frame)
    return design, evaluate_factors(design, frame)


def _spec_of(right: str, frame: pd.DataFrame, engine: str) -> Any:
    """Let the engine of the fit read the right-hand side of a formula."""
    local, outer = _callers_names()
    if engine == "formulaic":
        from formulaic import model_matrix

        read: Any = model_matrix(right, frame, context={**outer, **local})
        return read.model_spec
    from patsy.eval import EvalEnvironment
    from patsy.highlevel import dmatrix

    from pymargins.adapters.patsy_design import as_fitted

    columns = as_fitted({name: frame[name] for name in frame.columns})
    environment = EvalEnvironment([local, outer])
    build: Any = dmatrix
    return build(right, pd.DataFrame(columns), eval_env=environment).design_info


def _callers_names() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the names that the user's own code sees where it called."""
    frame, _ = users_frame()
    return ({}, {}) if frame is None else (dict(frame.f_locals), frame.f_globals)


def _arranged(
    role: str, design: Design, built: FloatArray, exog: FloatArray, names: Sequence[str]
) -> Design:
    """Put the columns of a design into the order of the matrix that was fitted, by their values."""
    place: dict[int, int] = {}
    for j in range(exog.shape[1]):
        scale = np.abs(exog[:, j]).max(initial=0.0) + 1e-300
        off = np.abs(built - exog[:, [j]]).max(axis=0)
        same = [c for c in np.flatnonzero(off <= SAME * scale).tolist() if c not in place]
        if not same:
            raise ArgumentError(
                f"equations: the formula of the {role} equation gives no column with the values of "
                f"{names[j]!r}; it gives {listing(design.names)}, and the fit has "
                f"{listing(names)}. Give the formula that the matrix was made with."
            )
        place[same[0]] = j
    extra = [name for c, name in enumerate(design.names) if c not in place]
    if extra:
        raise ArgumentError(
            f"equations: the formula of the {role} equation gives {listing(extra)}, which the fit "
            f"does not have (it has {listing(names)}). Give the formula that the matrix was made "
            "with; without a constant it ends in ' - 1'."
        )
    blocks = tuple(replace(b, columns=tuple(place[c] for c in b.columns)) for b in design.blocks)
    return Design(tuple(names), design.factors, blocks)


# --- nothing known -------------------------------------------------------------------------------


def unknown_equation(role: str, names: Sequence[str], rows: FittedRows) -> Design:
    """Build a design that has its rows and no formula: every variable may be part of it."""
    variables = rows.design.variables
    factor = Factor(
        f"{role} equation",
        variables,
        Unknown(role, variables),
        width=len(names),
        opaque=True,
    )
    block = Block(role, (0,), (None,), tuple(range(len(names))))
    return Design(tuple(names), (factor,), (block,))


@dataclass(frozen=True, slots=True)
class Unknown:
    """Refuses to evaluate an equation whose formula is not known."""

    role: str
    variables: tuple[str, ...]

    def __call__(self, columns: Columns) -> NoReturn:
        """Say what to do."""
        raise ModelError(
            f"equations: statsmodels keeps no formula of the {self.role} equation, and any of "
            f"{listing(self.variables)} may be part of it: what sets, shifts or differentiates a "
            "variable, or asks for other rows, would move the model by half. Name it: "
            f'Margins(fit, equations={{"{self.role}": "~ ..."}}).'
        )
