"""Read the design of a fit from patsy's stored `DesignInfo`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray
from pymargins.adapters.environment import Environment, names_read
from pymargins.errors import listing
from pymargins.models.derivative import Dual
from pymargins.models.design import Block, Design
from pymargins.models.domain import require_values, whole_numbers
from pymargins.models.factors import Columns, Factor, categorical_variable, encode, numeric_variable


def design_from_patsy(info: Any, columns: Sequence[str]) -> Design:
    """Translate a patsy `DesignInfo`.

    Parameters
    ----------
    info : patsy.DesignInfo
        The stored spec of the right-hand side, with its memorised transforms.
    columns : sequence of str
        The names that count as data; other names belong to the formula's environment.
    """
    known = set(columns)
    order = list(info.factor_infos)
    position = {factor: i for i, factor in enumerate(order)}
    factors = tuple(_factor(info.factor_infos[factor], known) for factor in order)
    blocks: list[Block] = []
    column = 0
    for term, subterms in info.term_codings.items():
        for subterm in subterms:
            codings = tuple(
                np.asarray(subterm.contrast_matrices[f].matrix, dtype=float)
                if f in subterm.contrast_matrices
                else None
                for f in subterm.factors
            )
            blocks.append(
                Block(
                    term.name(),
                    tuple(position[f] for f in subterm.factors),
                    codings,
                    tuple(range(column, column + subterm.num_columns)),
                )
            )
            column += subterm.num_columns
    return Design(tuple(info.column_names), factors, tuple(blocks))


def _factor(info: Any, known: set[str]) -> Factor:
    name = info.factor.name()
    variables = formula_variables(name, known)
    itself = direct_variable(name, known)
    if info.type == "numerical":
        if itself is not None and info.num_columns == 1 and itself == variables[0]:
            return Factor(name, variables, numeric_variable(itself).evaluate, direct=True)
        evaluate = PatsyNumeric(name, _code(info, variables))
        return Factor(name, variables, evaluate, width=info.num_columns)
    levels = tuple(info.categories)
    if itself is not None:
        return categorical_variable(name, itself, levels)
    evaluate = PatsyCategorical(name, _code(info, variables), levels)
    return Factor(name, variables, evaluate, levels=levels)


@dataclass(frozen=True, slots=True, eq=False)
class PatsyNumeric:
    """Evaluates a numeric factor: from columns of n rows to (n, k) numbers."""

    name: str
    code: PatsyCode | PatsyLookup

    def __call__(self, columns: Columns) -> Any:
        """Evaluate on columns of data."""
        value = self.code(columns)
        if isinstance(value, Dual):
            return value
        array = np.asarray(value, dtype=float)
        array = array.reshape(-1, 1) if array.ndim < 2 else array
        require_values(np.all(np.isfinite(array), axis=1), columns)
        return array


@dataclass(frozen=True, slots=True, eq=False)
class PatsyCategorical:
    """Evaluates an expression that is a category: from columns of n rows to (n,) codes."""

    name: str
    code: PatsyCode | PatsyLookup
    levels: tuple[Any, ...]

    def __call__(self, columns: Columns) -> AnyArray:
        """Evaluate on columns of data."""
        from patsy.builtins import C

        value = self.code(columns)
        codes = encode(value.data if isinstance(value, type(C([0]))) else value, self.levels)
        require_values(codes >= 0, columns, f"not in the fitted levels {listing(self.levels)}")
        return codes


@dataclass(frozen=True, slots=True, eq=False)
class PatsyCode:
    """The code of a factor, as patsy would evaluate it on new data, in a form that pickles.

    patsy forbids pickling of all it makes, so of its state only what evaluation needs is kept.

    Parameters
    ----------
    source : str
        The factor's text in the formula.
    code : str
        The same with stateful transforms replaced by their memorised objects.
    transforms : Environment
        Those objects.
    environment : Environment
        The other names that the code reads.
    flags : int
        The ``__future__`` flags it is compiled with.
    """

    source: str
    code: str
    transforms: Environment
    environment: Environment
    flags: int

    def __call__(self, columns: Columns) -> Any:
        """Evaluate on columns of data."""
        from patsy.eval import EvalEnvironment, EvalFactor

        state = {
            "transforms": self.transforms.names,
            "eval_env": EvalEnvironment([self.environment.names], self.flags),
            "eval_code": self.code,
        }
        factor = EvalFactor(self.source)
        return whole_numbers(lambda asked: factor.eval(state, asked), as_fitted(columns))


@dataclass(frozen=True, slots=True, eq=False)
class PatsyLookup:
    """A factor that is no code, such as patsy's `LookupFactor`, with its state."""

    parts: Environment

    def __call__(self, columns: Columns) -> Any:
        """Evaluate on columns of data."""
        parts = self.parts.names
        return parts["factor"].eval(parts["state"], as_fitted(columns))


def _code(info: Any, variables: Sequence[str]) -> PatsyCode | PatsyLookup:
    name, state = info.factor.name(), info.state
    if "eval_code" not in state:
        return PatsyLookup(Environment(name, {"factor": info.factor, "state": state}))
    code, outside = state["eval_code"], state["eval_env"]
    return PatsyCode(
        name,
        code,
        Environment(name, state["transforms"]),
        Environment(name, names_read(code, variables, outside.namespace)),
        outside.flags,
    )


def as_fitted(columns: Columns) -> dict[str, Any]:
    """Give patsy text columns as objects, as statsmodels does when it fits."""
    return {
        name: column.astype(object)
        if isinstance(column, pd.Series) and isinstance(column.dtype, pd.StringDtype)
        else column
        for name, column in columns.items()
    }


def formula_variables(code: str, known: set[str]) -> tuple[str, ...]:
    """List the columns of data that a factor's code reads, in its order, ``Q("odd name")`` too."""
    nodes = list(ast.walk(ast.parse(code, mode="eval")))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    found: dict[str, None] = {}
    for node in sorted(nodes, key=lambda node: getattr(node, "col_offset", 0)):
        name = None
        if isinstance(node, ast.Name) and id(node) not in called:
            name = node.id
        elif _is_call(node, "Q") and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
            name = node.args[0].value  # type: ignore[attr-defined]
        if name in known:
            found[str(name)] = None
    return tuple(found)


def direct_variable(code: str, known: set[str]) -> str | None:
    """Name the variable that a factor is itself: ``x``, ``Q("x")``, ``C(x, ...)``; else None."""
    node = ast.parse(code, mode="eval").body
    if _is_call(node, "C") and "C" not in known:
        node = node.args[0]  # type: ignore[attr-defined]
    if isinstance(node, ast.Name) and node.id in known:
        return node.id
    if _is_call(node, "Q") and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
        name = str(node.args[0].value)  # type: ignore[attr-defined]
        return name if name in known else None
    return None


def _is_call(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and len(node.args) > 0
    )
