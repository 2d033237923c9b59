"""The design of a survey, read for a fit: its columns, and that the fit was weighted by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.robust_offers import Estimated, over
from pymargins.adapters.training import one_a_row
from pymargins.errors import ArgumentError, ArgumentTypeError
from pymargins.facts import CovarianceFacts, Distribution
from pymargins.models.fitted import Fitted
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request
from pymargins.options import Survey
from pymargins.regression.survey import SampleDesign, linearised

NAME = "Survey"
#: Weights of one survey are the same but for their scale, to so many digits.
SAME = 1e-8


def survey_offer(source: Estimated, weights: FloatArray, how: str) -> dict[str, CovarianceOffer]:
    """Offer the linearised covariance of a survey.

    Parameters
    ----------
    source : Estimated
        The fit.
    weights : ndarray, shape (n,)
        What each row weighed in it.
    how : str
        How such a fit is given weights, for messages.
    """
    return {NAME: CovarianceOffer(SurveyCovariance(source, weights, how), ("option",), ("option",))}


@dataclass(frozen=True, slots=True, eq=False)
class SurveyCovariance:
    """The covariance of a fit by the design of its sample."""

    source: Estimated
    weights: FloatArray
    how: str

    def __call__(self, request: Request) -> Covariance:
        """Read the design, and linearise.

        Raises
        ------
        ArgumentError
            For columns that are no design, and for other weights than those of the fit.
        """
        option = request.option
        if not isinstance(option, Survey):
            raise ArgumentError(
                'vcov: "Survey" needs the design of the sample: vcov=Survey(weights=, strata=, '
                "psu=), from pymargins."
            )
        fitted = self.source.fitted
        n = fitted.facts.n
        if option.weights is not None:
            self._require_same(_numbers(fitted, "weights", option.weights))
        strata, psu = (
            None if given is None else one_a_row(fitted, given, name)
            for name, given in (("strata", option.strata), ("psu", option.psu))
        )
        fpc = None if option.fpc is None else _numbers(fitted, "fpc", option.fpc)
        design = SampleDesign.of(n, strata, psu, fpc, option.lonely)
        cov = linearised(self.source.estimating, design)
        facts = CovarianceFacts(
            NAME,
            clusters=len(design.stratum),
            strata=len(design.fraction),
            of_finite=fpc is not None,
        )
        reference = Reference.constant(design.df, Distribution.DESIGN)
        return Covariance(over(cov, fitted.parameters, request), facts, reference)

    def _require_same(self, weights: FloatArray) -> None:
        """Raise where the fit was weighted otherwise: its estimates are of another population."""
        used = self.weights
        if (weights < 0).any() or not weights.any():
            raise ArgumentError("weights: they must not be negative, nor all zero.")
        if np.allclose(weights / weights.sum(), used / used.sum(), rtol=SAME, atol=0.0):
            return
        plain = bool((used == used[0]).all())
        raise ArgumentError(
            f"weights: the fit {'is not weighted' if plain else 'was weighted by others'}, so its "
            f"estimates are not those of this survey. Fit with {self.how}, or leave "
            "`weights` out for those of the fit."
        )


def _numbers(fitted: Fitted, argument: str, given: Any) -> FloatArray:
    found: AnyArray = one_a_row(fitted, given, argument)
    try:
        numbers = np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{argument}: expected numbers, got {found.dtype}.") from None
    if np.isnan(numbers).any():
        raise ArgumentError(f"{argument}: it is missing in {int(np.isnan(numbers).sum())} rows.")
    return numbers
