"""How a formula transformed its outcome, read from the code of its left-hand side."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pymargins.adapters.environment import as_python
from pymargins.models import transforms
from pymargins.models.integrals import Monomial
from pymargins.models.links import IDENTITY
from pymargins.models.transforms import OutcomeScale, Transform, power_transform

#: What a call of this name does to its argument.
CALLED: dict[str, Transform] = {
    "log": transforms.LOG,
    "log1p": transforms.LOG1P,
    "log2": transforms.LOG2,
    "log10": transforms.LOG10,
    "sqrt": power_transform(0.5),
    "square": power_transform(2.0),
    "cbrt": power_transform(1.0 / 3.0),
    "reciprocal": power_transform(-1.0),
    "arcsinh": transforms.ARCSINH,
    "asinh": transforms.ARCSINH,
    "logit": transforms.LOGIT,
}
PLAIN = Transform("straight line", IDENTITY, Monomial(1))
ARCSINES = ("arcsin", "asin")


@dataclass(frozen=True, slots=True)
class Chain:
    """``scale * T(y) + shift``, with no T where y stands as it is."""

    column: str
    transform: Transform | None = None
    scale: float = 1.0
    shift: float = 0.0

    def apply(self, transform: Transform) -> Chain | None:
        """Return the transform of it; None where there is one already."""
        if self.transform is not None or self.scale == 0.0:
            return None
        return Chain(self.column, transform.of(self.scale, self.shift))

    def straight(self, scale: float, shift: float) -> Chain:
        """Return a straight line of it."""
        return replace(self, scale=self.scale * scale, shift=self.shift * scale + shift)

    @property
    def whole(self) -> Transform:
        """The way back from all of it."""
        return (self.transform or PLAIN).after(self.scale, self.shift)


def outcome_scale(
    response: str, columns: tuple[str, ...], data: Collection[str], values: Any
) -> OutcomeScale:
    """Tell on which scale an outcome was modelled.

    Parameters
    ----------
    response : str
        The left-hand side of the formula, or the name of an array.
    columns : tuple of str
        Those that it is made of.
    data : collection of str
        All columns of the data.
    values : ndarray, shape (n,)
        The outcome as it was modelled.
    """
    values = np.asarray(values, dtype=float)
    column = columns[0] if len(columns) == 1 else response
    if response in data or len(columns) != 1:
        return OutcomeScale(response, column, values)
    try:
        node = ast.parse(as_python(response), mode="eval").body
    except SyntaxError:
        return OutcomeScale(response, column, values)
    found = _chain(node, column)
    if found is not None and found == Chain(column):
        return OutcomeScale(column, column, values)
    usable = found is not None and found.scale != 0.0
    return OutcomeScale(response, column, values, found.whole if found and usable else None)


def _chain(node: ast.expr, column: str) -> Chain | None:
    """Read code as a transform of a column; None where it is not known."""
    if _is_column(node, column):
        return Chain(column)
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = _chain(inner, column)
            return found and found.straight(-1.0, 0.0)
        case ast.BinOp():
            return _operation(node, column)
        case ast.Call(args=[inner]) if not node.keywords:
            return _call(_name(node.func), inner, column)
        case ast.Call(args=[inner, power]) if _name(node.func) == "power":
            return _power(inner, _number(power), column)
        case _:
            return None


def _operation(node: ast.BinOp, column: str) -> Chain | None:
    left, right = _number(node.left), _number(node.right)
    if left is None and right is None:
        return None
    if isinstance(node.op, ast.Pow):
        return _power(node.left, right, column)
    if left is None:
        assert right is not None
        found = _chain(node.left, column)
        lines: dict[type[ast.operator], Callable[[], tuple[float, float]]] = {
            ast.Add: lambda: (1.0, right),
            ast.Sub: lambda: (1.0, -right),
            ast.Mult: lambda: (right, 0.0),
            ast.Div: lambda: (1.0 / right, 0.0),
        }
    else:
        found = _chain(node.right, column)
        if isinstance(node.op, ast.Div) and found is not None:
            found = found.apply(power_transform(-1.0))
        lines = {
            ast.Add: lambda: (1.0, left),
            ast.Sub: lambda: (-1.0, left),
            ast.Mult: lambda: (left, 0.0),
            ast.Div: lambda: (left, 0.0),
        }
    line = lines.get(type(node.op))
    if found is None or line is None or right == 0.0:
        return None
    return found.straight(*line())


def _call(name: str, inner: ast.expr, column: str) -> Chain | None:
    if name == "I":
        return _chain(inner, column)
    if name == "log" and _is_odds(inner, column):
        return Chain(column, transforms.LOGIT)
    if name in ARCSINES and isinstance(inner, ast.Call) and _name(inner.func) == "sqrt":
        found = _chain(inner.args[0], column)
        return found and found.apply(transforms.ARCSINE)
    transform, found = CALLED.get(name), _chain(inner, column)
    return None if transform is None or found is None else found.apply(transform)


def _power(inner: ast.expr, power: float | None, column: str) -> Chain | None:
    found = _chain(inner, column)
    if found is None or power is None or power == 0.0:
        return None
    return found if power == 1.0 else found.apply(power_transform(power))


def _is_odds(node: ast.expr, column: str) -> bool:
    """Tell whether code is ``p / (1 - p)``."""
    match node:
        case ast.BinOp(left=p, op=ast.Div(), right=ast.BinOp(left=one, op=ast.Sub(), right=q)):
            same = _is_column(p, column) and _is_column(q, column)
            return same and _number(one) == 1.0
        case _:
            return False


def _is_column(node: ast.expr, column: str) -> bool:
    match node:
        case ast.Name(id=name):
            return name == column
        case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=name)]):
            return name == column
        case _:
            return False


def _name(function: ast.expr) -> str:
    """Return the last name of what is called: ``log`` of ``np.log``."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _number(node: ast.expr) -> float | None:
    """Return a number that is written out, ``1 / 3`` and ``-0.5`` too."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = _number(inner)
            return None if found is None else -found
        case ast.BinOp(left=a, op=ast.Div(), right=b):
            top, bottom = _number(a), _number(b)
            return top / bottom if top is not None and bottom else None
        case _:
            return None
