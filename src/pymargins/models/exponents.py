r"""Means that are the exponential of a linear predictor, which scenarios multiply.

.. math::

    \mu = \ell\,e^{r\eta + r^2 v / 2} + c

are means of a logged outcome (r = log 10 where it was the decimal logarithm, c = -1 where it was
log1p) and those of a log link. What does not depend on the scenario is a factor of the first term.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins.models.integrals import Exponential, Smoothing
from pymargins.models.links import LOG
from pymargins.models.means import Mean, Predictor, PredictorMean
from pymargins.models.spread import IntegratedMean, Spread
from pymargins.models.transforms import Rescaled


@dataclass(frozen=True, slots=True)
class Exponent:
    """A mean in that form.

    Parameters
    ----------
    predictor : Predictor
    spread : Spread, optional
        Of the variance v; None where there is none.
    rate, constant : float
    """

    predictor: Predictor
    spread: Spread | None = None
    rate: float = 1.0
    constant: float = 0.0


def exponent_of(mean: Mean) -> Exponent | None:
    """Return a mean in that form; None where it has another."""
    if isinstance(mean, PredictorMean):
        return Exponent(mean.predictors[0]) if mean.outcome == LOG else None
    if isinstance(mean, IntegratedMean):
        found = _smoothed(mean.smoothing)
        return None if found is None else Exponent(mean.predictor, mean.spread, *found)
    return None


def _smoothed(smoothing: Smoothing) -> tuple[float, float] | None:
    """Return rate and constant."""
    if isinstance(smoothing, Exponential):
        return 1.0, smoothing.constant
    if not isinstance(smoothing, Rescaled):
        return None
    inner = _smoothed(smoothing.smoothing)
    if inner is None:
        return None
    rate, constant = inner
    undone = float(smoothing.after.undone(np.array(constant)))
    return rate / smoothing.before.scale, undone
