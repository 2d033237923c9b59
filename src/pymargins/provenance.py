"""What a table says about where its figures come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.inference.freedom import NORMAL
from pymargins.model import ModelInfo
from pymargins.scale import SCALES, Scale

#: Below this many groups the normal distribution is worth a note.
FEW_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a table says about where its figures come from."""

    quantity: str
    response: str
    population: str
    random_effects: str
    vcov: str
    df: str
    method: str
    n: int
    groups: str
    model: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, info: ModelInfo, population: str, vcov: str, df: str, inference: Any) -> Provenance:
        """State the commitments of a session, before anything is asked."""
        groups = "" if info.groups is None else f"{info.groups:,} groups"
        if groups and info.group_name:
            groups += f" ({info.group_name})"
        return cls(
            quantity="",
            response=info.response,
            population=population,
            random_effects=info.random_effects,
            vcov=vcov,
            df=df,
            method=inference.words,
            n=info.n,
            groups=groups,
            model=f"{info.kind}{', ' + info.estimation if info.estimation else ''}",
            notes=(*info.notes, *inference.notes, *_small_sample_note(info.groups, df)),
        )


def _small_sample_note(groups: int | None, df: str) -> list[str]:
    if groups is None or groups >= FEW_GROUPS or df != NORMAL:
        return []
    return [
        f"only {groups} groups: intervals from the normal distribution are too short for "
        'effects between groups; df="kenward-roger" or "satterthwaite" allows for it'
    ]


def ratio_scale(scale: Scale) -> bool:
    """Tell whether differences on a scale are ratios of the means."""
    return scale is SCALES["log"]


def combination(quantity: str, weights: FloatArray, scale: Scale) -> str:
    """Name linear combinations of a quantity, formed on a scale."""
    if quantity.startswith(("contrast", "ratio", "combination", "quotient")):
        return quantity
    if not np.allclose(weights.sum(axis=1), 0.0, atol=1e-9 * np.abs(weights).max()):
        return f"combination of {_plural(quantity)}"
    return f"{'ratio' if ratio_scale(scale) else 'contrast'} of {_plural(quantity)}"


def quotient(quantity: str) -> str:
    """Name a quantity divided by another."""
    return f"quotient of {_plural(quantity)}"


def _plural(quantity: str) -> str:
    word, _, rest = quantity.partition(" (")
    word = re.sub(r"^(contrast|ratio|combination|quotient)\b", r"\1s", word)
    if not word.endswith("s"):
        word = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return word + (f" ({rest}" if rest else "")
