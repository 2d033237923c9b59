"""The outcome itself, where a model was fitted to a transform of it.

Of a normal variable around a linear predictor, carried back by the inverse of the transform: its
median is the inverse of the predictor, its mean an integral over all variation of one observation.

Duan, N. (1983). Smearing estimate: a nonparametric retransformation method. *Journal of the
American Statistical Association* 78(383), 605-610. doi:10.1080/01621459.1983.10478017
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    ModelError,
    UnsupportedError,
    not_one_of,
)
from pymargins.facts import RandomEffects, ResponseOf, Retransformed, TransformedResponse
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.integrals import Exponential, Smeared
from pymargins.models.means import InverseLink, Mean, PredictorMean
from pymargins.models.random_part import RandomPart
from pymargins.models.spread import GAMMA, IntegratedMean, RandomSpread, ResidualSpread, Spread
from pymargins.models.transforms import OutcomeScale, Transform, own_transform
from pymargins.options import Response

NAMES = ("mean", "median", "link")
#: The inverse gives back the outcome to so many digits.
SAME = 1e-6


def on_outcome_scale(fitted: Fitted, asked: Response) -> Fitted:
    """Return the model whose figures are of the outcome itself.

    Parameters
    ----------
    fitted : Fitted
        Of a model with an outcome that is normal around its predictor. Means are integrated over
        its random effects where its figures are.
    asked : Response

    Raises
    ------
    UnsupportedError
        For an outcome that was not transformed, a transform that is not known, and one whose
        inverse has no mean.
    ArgumentError
        For an inverse that does not give the outcome back.
    """
    if asked.of not in NAMES:
        raise not_one_of("response", asked.of, ["None (the default)", *NAMES, "a Response"])
    if asked.of == "link":
        notes = (*fitted.facts.notes, ResponseOf("link"))
        return replace(fitted, facts=replace(fitted.facts, notes=notes), responses={})
    if fitted.facts.random_effects is RandomEffects.PREDICTED:
        raise UnsupportedError(
            f'response: with random_effects="predicted" figures are of {fitted.facts.response}, as '
            "the model has it. Leave `response` out; the inverse of an estimate and of its limits "
            "is the cluster's median."
        )
    transform = transform_of(fitted, asked)
    integrated = fitted.facts.random_effects is RandomEffects.INTEGRATED
    part = fitted.random() if integrated and fitted.random is not None else None
    empirical = asked.residuals == "empirical"
    if asked.of == "median":
        mean: Mean = PredictorMean(transform.inverse)
    elif empirical:
        mean = _smeared(fitted, transform)
    else:
        mean = _integrated(fitted, transform, part)
        fitted = fitted if part is None else fitted.with_random()
    facts = _facts(fitted, asked, part is not None and not empirical)
    assert fitted.outcome_scale is not None
    scale = replace(fitted.outcome_scale, transform=transform)
    return replace(fitted, mean=mean, facts=facts, outcome_scale=scale, responses={})


def transform_of(fitted: Fitted, asked: Response) -> Transform:
    """Return the transform of the outcome, that of the formula or the user's own."""
    scale = fitted.outcome_scale
    assert scale is not None
    transform = own_transform(asked.inverse) if asked.inverse is not None else scale.transform
    if transform is None:
        raise _no_transform(scale, str(asked.of))
    column = fitted.frame.get(scale.column)
    known = scale.response != scale.column and column is not None
    if known and np.asarray(column).dtype.kind in "biuf":
        _require_undone(transform, scale, np.asarray(column, dtype=float), asked)
    return transform


def _integrated(fitted: Fitted, transform: Transform, part: RandomPart | None) -> IntegratedMean:
    if transform.smoothing is None:
        raise UnsupportedError(
            f"response: the inverse of the {transform.name} has no mean, because a normal "
            'distribution reaches zero. Ask for response="median".'
        )
    if GAMMA not in fitted.parameters.blocks:
        raise UnsupportedError(
            f"response: a {fitted.facts.kind} has no variance of residuals to integrate over. Ask "
            'for response="median".'
        )
    size = len(fitted.parameters[GAMMA])
    spread: Spread = ResidualSpread(size) if part is None else RandomSpread(part)
    return IntegratedMean(transform.smoothing, spread)


def _smeared(fitted: Fitted, transform: Transform) -> PredictorMean:
    """Average over the residuals of the fit, which count as known."""
    scale = fitted.outcome_scale
    assert scale is not None
    rows = fitted.design.rows(fitted.factor_values[MEAN], fitted.facts.n)
    residuals = scale.values - rows @ fitted.parameters["beta"]
    return PredictorMean(smeared_link(transform, residuals))


def smeared_link(transform: Transform, residuals: FloatArray) -> InverseLink:
    """Return the inverse of a transform averaged over residuals, with its derivatives."""
    own = transform.smoothing
    if isinstance(own, Exponential):
        level = float(np.log(np.mean(np.exp(residuals))))
        together: Any = partial(_shifted, own, level)
    else:
        together = Smeared(transform.inverse, residuals)
    return InverseLink(transform.inverse.inverse, np.exp, np.exp, together)


def _shifted(own: Exponential, level: float, eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    return own.derivatives(eta + level, np.zeros(()), order)


def _facts(fitted: Fitted, asked: Response, random: bool) -> Any:
    scale = fitted.outcome_scale
    assert scale is not None
    facts = fitted.facts
    residuals = len(scale.values) if asked.residuals == "empirical" else 0
    told = Retransformed(scale.response, scale.column, str(asked.of), random, residuals)
    kept = tuple(n for n in facts.notes if not isinstance(n, TransformedResponse))
    return replace(facts, response=scale.column, notes=(*kept, told))


# --- what is wrong -------------------------------------------------------------------------------


def _no_transform(scale: OutcomeScale, of: str) -> UnsupportedError:
    if scale.response == scale.column:
        return UnsupportedError(
            f"response: got {of!r}, but the model was fitted to {scale.column} as it is: figures "
            "are its means already. Leave `response` out; where the column was transformed before "
            "the fit, give the way back: response=Response(np.exp), from pymargins."
        )
    return UnsupportedError(
        f"response: got {of!r}, but it is not known how to come back from {scale.response}. Known "
        "are log, log1p, log2, log10, sqrt, powers, logit, arcsinh and arcsin of the square root, "
        "also of a + b * y; for any other give the inverse: response=Response(inverse), from "
        "pymargins."
    )


def _require_undone(
    transform: Transform, scale: OutcomeScale, column: FloatArray, asked: Response
) -> None:
    with np.errstate(all="ignore"):
        try:
            back = np.asarray(transform.back(scale.values), dtype=float)
        except Exception as error:  # a user's function
            raise ArgumentTypeError(
                f"response: the inverse failed on the outcome as it was modelled: "
                f"{type(error).__name__}: {error}"
            ) from error
    size = np.abs(column).max(initial=0.0)
    if back.shape == column.shape and bool((np.abs(back - column) <= SAME * size).all()):
        return
    where = int(np.argmax(np.abs(back - column))) if back.shape == column.shape else 0
    told = f"{scale.values[where]:.6g} should come back as {column[where]:.6g}"
    if asked.inverse is not None:
        raise ArgumentError(
            f"response: the inverse does not give {scale.column} back from {scale.response}: "
            f"{told}."
        )
    raise ModelError(
        f"response: {scale.response} in the data does not hold what the model was fitted to: "
        f"{told}. Where the data frame was changed after fitting, pass the original: "
        "Margins(fit, data=...); otherwise give the inverse: response=Response(inverse), from "
        "pymargins."
    )
