"""The outcome as the formula's code names it: which columns it is made of, and whether as they are.

Fits keep no spec of the left-hand side, only its code; that is parsed, not searched for words.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from pymargins.adapters.environment import as_python
from pymargins.adapters.patsy_design import direct_variable, formula_variables


def response_variables(response: str, columns: Collection[str]) -> tuple[str, ...]:
    """Name the columns that a response such as ``np.log(Q("my score"))`` is made of."""
    if response in columns:
        return (response,)
    code = _code(response)
    return () if code is None else formula_variables(code, set(columns))


def is_transformed(response: str, columns: Collection[str]) -> bool:
    """Tell whether the formula transforms a column; ``Q("yield")`` and ``I(y)`` do not."""
    if response in columns or not response_variables(response, columns):
        return False
    code = _code(response)
    return code is not None and direct_variable(code, set(columns)) is None


def _code(response: str) -> str | None:
    """Return the code within ``I(...)``; None where it is none, as in a fit from arrays."""
    try:
        node = ast.parse(as_python(response), mode="eval").body
    except SyntaxError:
        return None
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "I":
        node = node.args[0]
    return ast.unparse(node)
