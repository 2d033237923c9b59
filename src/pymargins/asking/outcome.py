"""What cannot be asked of a model whose outcome is a logarithm already."""

from __future__ import annotations

import re

from pymargins.errors import UnsupportedError
from pymargins.estimands.scales import SCALES, Scale
from pymargins.facts import ModelFacts, TransformedResponse

#: ``np.log(y)``, ``log(y)``, ``np.log10(y + 1)``: what their differences are is said of all.
LOGARITHM = re.compile(r"^(?:\w+\.)?log(?:2|10|1p)?\s*\(")
#: What a derivative of log y is, of y: the proportional change that was asked for.
INSTEAD = {"eyex": "dyex", "eydx": "dydx"}


def logged(model: ModelFacts) -> TransformedResponse | None:
    """Return what is known of an outcome that is a logarithm; None for any other."""
    for note in model.notes:
        if isinstance(note, TransformedResponse) and LOGARITHM.match(note.response):
            return note
    return None


def on_log_scale(model: ModelFacts, scale: Scale) -> bool:
    """Tell whether a model's means are on the log scale already, and that is the one asked for."""
    return bool(model.log_of) and scale == SCALES["log"]


def refuse_log_of_log(model: ModelFacts, scale: Scale) -> None:
    """Raise where ratios are asked of means of logarithms, or log hazards on no scale of theirs."""
    if model.log_of and scale not in (SCALES["identity"], SCALES["log"]):
        raise UnsupportedError(
            f"scale: got {scale.name!r}; figures of this model are logarithms of a {model.log_of}, "
            'and have a meaning on the scales "identity" (differences of logarithms) and "log" '
            f"({model.log_of} ratios)."
        )
    found = logged(model)
    if found is not None and scale == SCALES["log"]:
        raise UnsupportedError(
            f"scale: the model's outcome is {found.response}, so that its means are logarithms "
            'already, and on scale="log" their ratio is that of two logarithms. Differences on the '
            f"identity scale are logarithms of ratios of {found.column}: m = Margins(fit); "
            "np.exp(m.contrasts(...).estimate), and np.exp(m.contrasts(...).conf_int()) for the "
            "limits."
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
    natural = re.match(r"^(?:\w+\.)?log\s*\(", found.response) is not None
    instead = f"m.{INSTEAD[verb]}(...) is that of {found.column}."
    raise UnsupportedError(
        f"{verb}: the model's outcome is {found.response}, and a proportional change of a "
        f"logarithm has no meaning: its change is proportional already. "
        + (instead if natural else "Use dydx, or dyex, and the base of the logarithm.")
    )
