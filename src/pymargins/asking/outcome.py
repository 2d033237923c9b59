"""What cannot be asked of a model whose outcome is a logarithm already."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from pymargins.errors import UnsupportedError
from pymargins.estimands.scales import SCALES, Scale
from pymargins.facts import ModelFacts, TransformedResponse

#: How a difference of logarithms becomes a ratio.
RATIO = {"log": "np.exp({})", "log1p": "np.exp({})", "log2": "2 ** {}", "log10": "10 ** {}"}
#: What a derivative of log y is, of y: the proportional change that was asked for.
INSTEAD = {"eyex": "dyex", "eydx": "dydx"}


@dataclass(frozen=True, slots=True)
class Logarithm:
    """An outcome that is a logarithm.

    Parameters
    ----------
    response : str
        As the formula has it: ``"np.log(cost)"``.
    name : str
        Which logarithm; empty where it is part of a sum, or multiplied: ``"100 * np.log(y)"``.
    of : str
        What it is the logarithm of.
    """

    response: str
    name: str
    of: str


def logged(model: ModelFacts) -> Logarithm | None:
    """Return what is known of an outcome that is a logarithm; None for any other."""
    for note in model.notes:
        if isinstance(note, TransformedResponse):
            return _read(note.response)
    return None


def on_log_scale(model: ModelFacts, scale: Scale) -> bool:
    """Tell whether a model's means are on the log scale already, and that is the one asked for."""
    return bool(model.log_of) and scale == SCALES["log"]


def _read(response: str) -> Logarithm | None:
    quoted = re.sub(r"`([^`]+)`", r'Q("\1")', response.strip())  # formulaic's way to quote
    try:
        found = _bare(ast.parse(quoted, mode="eval").body)
    except SyntaxError:  # a formula engine has words of its own
        return None
    name = _log_name(found)
    if name and isinstance(found, ast.Call) and len(found.args) == 1:
        of = ast.unparse(found.args[0])
        return Logarithm(response, name, f"1 + {of}" if name == "log1p" else of)
    return Logarithm(response, "", "") if _is_logarithm(found) else None


def _bare(node: ast.expr) -> ast.expr:
    """Take off what a formula wraps arithmetic in: ``I(...)``, and ``{...}`` in formulaic."""
    while True:
        match node:
            case ast.Call(func=ast.Name(id="I"), args=[inner]) | ast.Set(elts=[inner]):
                node = inner
            case _:
                return node


def _log_name(node: ast.expr) -> str:
    """Return ``"log"`` for ``np.log(y)`` and ``log(y)``; nothing for what is no logarithm."""
    if not isinstance(node, ast.Call):
        return ""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    return name if name in RATIO else ""


def _is_logarithm(node: ast.expr) -> bool:
    """Tell whether an expression is a logarithm, a multiple of one, or a sum with one."""
    node = _bare(node)
    if isinstance(node, ast.UnaryOp):
        return _is_logarithm(node.operand)
    if not isinstance(node, ast.BinOp):
        return bool(_log_name(node))
    if isinstance(node.op, (ast.Add, ast.Sub)):
        return _is_logarithm(node.left) or _is_logarithm(node.right)
    if isinstance(node.op, ast.Div):
        return _is_logarithm(node.left) and isinstance(node.right, ast.Constant)
    sides = (node.left, node.right)
    constant = any(isinstance(side, ast.Constant) for side in sides)
    return isinstance(node.op, ast.Mult) and constant and any(map(_is_logarithm, sides))


def refuse_log_of_log(model: ModelFacts, scale: Scale) -> None:
    """Raise where ratios are asked of means of logarithms, or log hazards on no scale of theirs."""
    if model.log_of and scale not in (SCALES["identity"], SCALES["log"]):
        raise UnsupportedError(
            f"scale: got {scale.name!r}; figures of this model are logarithms of a {model.log_of}, "
            'and have a meaning on the scales "identity" (differences of logarithms) and "log" '
            f"({model.log_of} ratios)."
        )
    found = logged(model)
    if found is None or scale != SCALES["log"]:
        return
    asked = ("m.contrasts(...).estimate", "m.contrasts(...).conf_int()")
    say = ""
    if found.name:
        ratio, limits = (RATIO[found.name].format(part) for part in asked)
        say = (
            f" Differences on the identity scale are logarithms of ratios of {found.of}: "
            f"m = Margins(fit); {ratio}, and {limits} for the limits. For ratios of means say "
            'Margins(fit, response="mean", scale="log"), for those of medians response="median".'
        )
    raise UnsupportedError(
        f"scale: the model's outcome is {found.response}, so that its means are logarithms "
        f'already, and on scale="log" their ratio is that of two logarithms.{say}'
    )


def refuse_elasticity_of_log(model: ModelFacts, verb: str) -> None:
    """Raise where a proportional change of a logarithm is asked for."""
    if model.log_of and verb in INSTEAD:
        raise UnsupportedError(
            f"{verb}: figures of this model are logarithms of a {model.log_of}, whose change is "
            f"proportional already: m.{INSTEAD[verb]}(...) is that of the {model.log_of}."
        )
    found = logged(model)
    if found is None or verb not in INSTEAD:
        return
    instead = (
        f"m.{INSTEAD[verb]}(...) is that of {found.of}; so is m.{verb}(...) of a session with "
        'response="mean".'
    )
    natural = found.name in ("log", "log1p")
    raise UnsupportedError(
        f"{verb}: the model's outcome is {found.response}, and a proportional change of a "
        f"logarithm has no meaning: its change is proportional already. "
        + (instead if natural else "Use dydx, or dyex, and the base of the logarithm.")
    )
