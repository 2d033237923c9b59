"""What figures of a mixed model do with its random effects."""

from __future__ import annotations

from dataclasses import replace

from pymargins.errors import ArgumentTypeError, UnsupportedError, not_one_of
from pymargins.facts import RandomEffects
from pymargins.models.fitted import Fitted

INTEGRATED, ZERO, PREDICTED = "integrated", "zero", "predicted"


def choose_random_effects(fitted: Fitted, asked: object) -> Fitted:
    """Return the model with its random effects as a session asked for them.

    Parameters
    ----------
    fitted : Fitted
    asked : {"integrated", "zero", "predicted"}
        Averaged over their distribution; 0, as in the typical cluster; as predicted of each.

    Raises
    ------
    ArgumentError
        For another name.
    UnsupportedError
        For a model without random effects, or one whose adapter does not predict them.
    """
    if not isinstance(asked, str):
        raise ArgumentTypeError(
            f"random_effects: expected a name, got {type(asked).__name__}. Allowed are "
            f'"{INTEGRATED}", "{ZERO}" and "{PREDICTED}".'
        )
    if asked not in (INTEGRATED, ZERO, PREDICTED):
        raise not_one_of("random_effects", asked, [INTEGRATED, ZERO, PREDICTED])
    if asked == INTEGRATED:
        return fitted
    if fitted.facts.random_effects is RandomEffects.NONE:
        raise UnsupportedError(
            f"random_effects: a {fitted.facts.kind} has none; leave `random_effects` out."
        )
    if asked == ZERO:
        mean = fitted.mean if fitted.typical is None else fitted.typical
        return replace(
            fitted, mean=mean, facts=replace(fitted.facts, random_effects=RandomEffects.ZERO)
        )
    if fitted.predicted is None:
        raise UnsupportedError(
            "random_effects: the adapter of this model does not predict its random effects."
        )
    return fitted.predicted()
