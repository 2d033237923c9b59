"""Read the design of a fit from formulaic's stored `ModelSpec`."""

from __future__ import annotations

import ast
import copy
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.environment import Environment, as_python, names_read
from pymargins.adapters.patsy_design import formula_variables
from pymargins.errors import listing
from pymargins.models.derivative import Dual
from pymargins.models.design import Block, Design
from pymargins.models.domain import require_values, whole_numbers
from pymargins.models.factors import Columns, Factor, categorical_variable, encode, numeric_variable


def design_from_formulaic(spec: Any, columns: Sequence[str]) -> Design:
    """Translate a formulaic `ModelSpec`.

    Formulaic does not store the environment of a formula. User functions are looked up in the
    main module; the design they give is compared with the fitted one, so a wrong one is noticed.

    Parameters
    ----------
    spec : formulaic.ModelSpec
        The stored spec of the right-hand side, with the state of its transforms.
    columns : sequence of str
        The names that count as data.
    """
    spec = copy.deepcopy(spec)  # evaluating writes to a spec's state; the fit's stays untouched
    known = set(columns)
    contrasts = {factor.expr: state for factor, state in spec.factor_contrasts.items()}
    factors: list[Factor] = []
    position: dict[Any, int] = {}
    blocks: list[Block] = []
    column = 0
    for structure in spec.structure:
        for scoped in structure.scoped_terms:
            used: list[int] = []
            codings: list[FloatArray | None] = []
            scale = float(scoped.scale if scoped.scale is not None else 1.0)
            for part in scoped.factors:
                expr, reduced = part.factor.expr, bool(part.reduced)
                if _is_literal(part.factor):
                    scale *= float(ast.literal_eval(expr))
                    continue
                state = contrasts.get(expr)
                key = (expr, state is None and reduced)
                if key not in position:
                    position[key] = len(factors)
                    named = structure.columns
                    factors.append(_factor(spec, part.factor, reduced, state, known, named))
                used.append(position[key])
                codings.append(None if state is None else _coding(state, reduced))
            width = _width(factors, used, codings)
            taken = tuple(range(column, column + width))
            blocks.append(Block(str(structure.term), tuple(used), tuple(codings), taken, scale))
            column += width
    names = tuple(str(name) for name in spec.column_names)
    return Design(names, tuple(factors), tuple(blocks))


def _is_literal(factor: Any) -> bool:
    return getattr(factor.factor, "eval_method", None) is not None and (
        factor.factor.eval_method.value == "literal"
    )


def _coding(state: Any, reduced: bool) -> FloatArray:
    if not reduced:
        return np.eye(len(state.levels))
    matrix = state.contrasts.get_coding_matrix(list(state.levels), reduced_rank=True)
    return np.asarray(matrix, dtype=float)


def _width(factors: Sequence[Factor], used: Sequence[int], codings: Sequence[Any]) -> int:
    widths = [
        factors[i].width if coding is None else coding.shape[1]
        for i, coding in zip(used, codings, strict=True)
    ]
    return int(np.prod(widths, dtype=int)) if widths else 1


def _factor(
    spec: Any, factor: Any, reduced: bool, state: Any, known: set[str], names: Sequence[str]
) -> Factor:
    """Translate a factor; `names` are the columns of a term that it is part of."""
    expr = factor.expr
    # formulaic's own list lacks what stands in parentheses: when in (when - start).dt.days
    found = [str(v).split(".")[0] for v in (factor.variables or ())]
    found += [] if expr in known else formula_variables(as_python(expr), known)
    variables = tuple(v for v in _in_order(expr, found) if v in known)
    itself = _direct(expr, known)
    if state is not None:
        levels = tuple(state.levels)
        if itself is not None:
            return categorical_variable(expr, itself, levels)
        evaluate = FormulaicCategorical(_code(spec, factor, variables), levels)
        return Factor(expr, variables, evaluate, levels=levels)
    if expr in known:
        return Factor(expr, (expr,), numeric_variable(expr).evaluate, direct=True)
    evaluate = FormulaicNumeric(_code(spec, factor, variables), reduced)
    own = re.compile(re.escape(expr) + r"\[([^\]]*)\]")
    parts = {found for name in names for found in own.findall(str(name))}
    return Factor(expr, variables, evaluate, width=max(len(parts), 1))


def _in_order(expr: str, names: Sequence[str]) -> list[str]:
    return sorted(dict.fromkeys(names), key=lambda name: (expr.find(name), name))


def _direct(expr: str, known: set[str]) -> str | None:
    """Name the variable that a categorical factor is itself: ``x`` or ``C(x, ...)``."""
    if expr in known:
        return expr
    try:
        node = ast.parse(expr, mode="eval").body
    except SyntaxError:
        return None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
        return None
    inner = node.args[0]
    itself = node.func.id == "C" and isinstance(inner, ast.Name) and inner.id in known
    return inner.id if itself and isinstance(inner, ast.Name) else None


def _context() -> Mapping[str, Any]:
    return {"np": np, "pd": pd, **vars(sys.modules["__main__"])}


@dataclass(frozen=True, slots=True, eq=False)
class FormulaicCode:
    """The code of a factor and the spec that evaluates it, in a form that pickles.

    Parameters
    ----------
    spec : formulaic.ModelSpec
    factor : formulaic.parser.types.Factor
    environment : Environment
        The names of the user's that the code reads, as they were when the session was opened.
    """

    spec: Any
    factor: Any
    environment: Environment

    def evaluated(self, columns: Columns) -> tuple[Any, Any]:
        """Return formulaic's evaluator of these columns, and the factor without its coding."""

        def evaluate(asked: Columns) -> tuple[Any, Any]:
            frame = pd.DataFrame(dict(asked))
            maker = self.spec.get_materializer(frame, context=self.environment.names)
            return maker, maker._evaluate_factor(self.factor, self.spec, set())

        return whole_numbers(evaluate, columns)

    def exact(self, columns: Columns) -> Any:
        """Evaluate the plain code, on columns of which one is a `Dual`."""
        if self.factor.expr in self.spec.transform_state:
            raise TypeError("stateful transforms are differentiated by differences")
        names = {**self.environment.names, "I": lambda x: x}
        return eval(self.factor.expr, names, dict(columns))


@dataclass(frozen=True, slots=True, eq=False)
class FormulaicNumeric:
    """Evaluates a numeric factor: from columns of n rows to (n, k) numbers."""

    code: FormulaicCode
    reduced: bool

    def __call__(self, columns: Columns) -> Any:
        """Evaluate on columns of data."""
        if any(isinstance(column, Dual) for column in columns.values()):
            return self.code.exact(columns)
        maker, value = self.code.evaluated(columns)
        encoded = maker._encode_evaled_factor(value, self.code.spec, [], reduced_rank=self.reduced)
        array = np.stack([np.asarray(c, dtype=float) for c in encoded.values()], axis=1)
        require_values(np.all(np.isfinite(array), axis=1), columns)
        return array


@dataclass(frozen=True, slots=True, eq=False)
class FormulaicCategorical:
    """Evaluates an expression that is a category: from columns of n rows to (n,) codes."""

    code: FormulaicCode
    levels: tuple[Any, ...]

    def __call__(self, columns: Columns) -> AnyArray:
        """Evaluate on columns of data."""
        values = self.code.evaluated(columns)[1].values
        codes = encode(np.asarray(getattr(values, "__wrapped__", values)), self.levels)
        require_values(codes >= 0, columns, f"not in the fitted levels {listing(self.levels)}")
        return codes


def _code(spec: Any, factor: Any, variables: Sequence[str]) -> FormulaicCode:
    names = names_read(as_python(factor.expr), variables, _context())
    return FormulaicCode(spec, factor.factor, Environment(factor.expr, names))
