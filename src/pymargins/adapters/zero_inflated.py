"""statsmodels' zero-inflated count models."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.discrete import no_dispersion
from pymargins.adapters.equations import Equation, second_equation
from pymargins.adapters.likelihood import LIKELIHOOD, LikelihoodAdapter, joined
from pymargins.adapters.likelihood_refits import InflatedScores, array_model
from pymargins.adapters.names import Names
from pymargins.adapters.regression_health import PlacedDesign, pearson
from pymargins.adapters.regression_rows import FittedRows, fitted_rows
from pymargins.adapters.response_draws import InflatedDraw, count_draw
from pymargins.adapters.robust_offers import over
from pymargins.errors import FitWarning, callers_level
from pymargins.facts import FitHealth
from pymargins.models.fitted import Fitted
from pymargins.models.links import LOG, LOGIT, PROBIT
from pymargins.models.means import InverseLink, Mean, Predictor, PredictorMean
from pymargins.models.outcomes import (
    CountZero,
    GeneralizedPoissonZero,
    NegativeBinomialZero,
    PoissonZero,
    ZeroInflatedMean,
    ZeroProbability,
)
from pymargins.models.parameters import Parameters
from pymargins.models.responses import link_mean_of, with_responses
from pymargins.models.uncertainty import Covariance, Request
from pymargins.regression.refits.refitter import Refitter

INFLATION = "inflation"
LOST_BLOCK = (
    "statsmodels' covariance of a zero-inflated Poisson model with logit inflation loses the block "
    "between its two equations, and its standard errors are mostly too small. The inverse of the "
    "whole observed information is used instead."
)


class ZeroInflatedAdapter(LikelihoodAdapter):
    """Reads fitted ``ZeroInflatedPoisson`` models and the like: the mean of the count.

    Blocks, in statsmodels' order: ``"inflation"``, ``"beta"``, and ``"alpha"`` where there is one.
    """

    classes: ClassVar = {
        "ZeroInflatedPoisson": Names("zero-inflated Poisson regression", LIKELIHOOD),
        "ZeroInflatedGeneralizedPoisson": Names(
            "zero-inflated generalised Poisson regression", LIKELIHOOD
        ),
        "ZeroInflatedNegativeBinomialP": Names(
            "zero-inflated negative binomial regression", LIKELIHOOD
        ),
    }
    second: ClassVar[tuple[str, ...]] = (INFLATION,)

    @property
    def inflation(self) -> InverseLink:
        """The probability of a structural zero."""
        return PROBIT if self.source.inflation == "probit" else LOGIT

    @property
    def count(self) -> CountZero:
        """The probability of zero of the count part."""
        power = getattr(self.source.model_main, "parameterization", 0)
        if self.name == "ZeroInflatedGeneralizedPoisson":
            return GeneralizedPoissonZero(float(power))
        if self.name == "ZeroInflatedNegativeBinomialP":
            return NegativeBinomialZero(float(power) - 1.0)
        return PoissonZero()

    @cached_property
    def equation(self) -> Equation:
        """The equation of the structural zeros."""
        k = self.source.k_inflate
        names = [str(name) for name in self.source.exog_names[:k]]
        names = [name.removeprefix("inflate_") for name in names]
        formula = self.formulas.get(INFLATION)
        return second_equation(INFLATION, self.source.exog_infl, names, formula, self.rows)

    def _fitted_rows(self, training_data: Any) -> FittedRows:
        source = self.source
        if getattr(source, "exog", None) is None:
            return fitted_rows(source, training_data)
        main = SimpleNamespace(
            exog=source.exog,
            exog_names=list(source.exog_names)[source.k_inflate :],
            data=source.data,
            offset=getattr(source, "offset", None),
            exposure=getattr(source, "exposure", None),
            formula=getattr(source, "formula", None),
        )
        return fitted_rows(main, training_data)

    def _parameters(self) -> Parameters:
        a, b = self.source.k_inflate, self.source.k_inflate + self.rows.exog.shape[1]
        more = {"alpha": self.params[b:]} if len(self.params) > b else {}
        blocks = {INFLATION: self.params[:a], "beta": self.params[a:b], **more}
        return Parameters.of_blocks(**blocks)

    def _read(self) -> Fitted:
        fitted = joined(super()._read(), INFLATION, self.equation)
        fitted = replace(fitted, mean=PredictorMean(ZeroInflatedMean(self.inflation), BOTH))
        return with_responses(fitted, self._other_means(fitted))

    def _other_means(self, fitted: Fitted) -> dict[str, Mean]:
        alpha = ("alpha",) if "alpha" in fitted.parameters.blocks else ()
        zero = ZeroProbability(self.inflation, self.count)
        return {
            "zero": PredictorMean(zero, BOTH, alpha),
            "inflation": PredictorMean(self.inflation, (BOTH[1],)),
            "count": PredictorMean(LOG),
            "link": link_mean_of(fitted),
        }

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        why = ""
        if self.name == "ZeroInflatedGeneralizedPoisson" and self.params[-1] < 0:
            why = "an underdispersed generalised Poisson distribution cannot be drawn from exactly"
        return {**super().bootstraps, "parametric": why}

    def response_draw(self, refitter: Refitter) -> InflatedDraw:
        """Draw counts, some of them structural zeros."""
        a, k, params = self.source.k_inflate, self.rows.exog.shape[1], refitter.params
        offset = 0.0 if self.rows.offset is None else self.rows.offset
        mean = np.exp(self.rows.exog @ params[a : a + k] + offset)[:, None]
        zero = self.inflation.inverse(np.asarray(self.source.exog_infl, float) @ params[:a])
        main = self.source.model_main
        return InflatedDraw(count_draw(main, type(main).__name__, mean, params), zero[:, None])

    @property
    def separable(self) -> bool:
        """Means and probabilities tend to 0, or to 1, as their predictor runs off."""
        return True

    @property
    def predictors(self) -> list[PlacedDesign]:
        """Those of the count and of its inflation."""
        a, b = self.source.k_inflate, self.source.k_inflate + self.rows.exog.shape[1]
        excess = np.asarray(self.source.exog_infl, dtype=float)
        return [(self.rows.exog, slice(a, b)), (excess, slice(0, a))]

    @property
    def floor(self) -> FloatArray:
        """Of a negative binomial dispersion: where it is that of a Poisson model."""
        found = super().floor
        if self.name == "ZeroInflatedNegativeBinomialP":
            found[-1] = no_dispersion(self.source.endog)
        return found

    def examine(self) -> FitHealth:
        """Tell convergence, distance, separation, and what there is of dispersion."""
        found = super().examine()
        if np.isfinite(self.floor).any():
            return replace(found, boundary=bool(self.held.any()))
        if self.name != "ZeroInflatedPoisson":
            return found
        (design, places), (excess, others) = self.predictors
        offset = self.rows.offset
        mu = np.exp(design @ self.params[places] + (0.0 if offset is None else offset))
        pi = self.inflation.inverse(excess @ self.params[others])
        mean = (1.0 - pi) * mu
        residual = np.asarray(self.source.endog, dtype=float) - mean
        df = float(len(mean) - len(self.params))
        ratio, p = pearson(residual, mean * (1.0 + pi * mu), 1.0, df)
        return replace(found, dispersion=ratio, dispersion_p=p)

    # --- the likelihood ------------------------------------------------------------------------

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P).

        Exact for both links of the inflation; statsmodels takes differences with the probit.
        """
        return InflatedScores(self.source, self.inflation).scores(params)

    def row_scores(self) -> InflatedScores:
        """Return the likelihood row by row, made of arrays."""
        return InflatedScores(array_model(self.source, self.source.endog), self.inflation)

    # --- the right information -----------------------------------------------------------------

    @property
    def loses_a_block(self) -> bool:
        """Whether statsmodels' Hessian has no block between the equations."""
        return self.name == "ZeroInflatedPoisson" and self.source.inflation == "logit"

    @cached_property
    def reported(self) -> FloatArray:
        """The covariance that the fit reports, with the whole information in its place."""
        if not self.loses_a_block:
            return super().reported
        warnings.warn(LOST_BLOCK, FitWarning, stacklevel=callers_level())
        right = self.estimating.bread
        if self.reported_kind == "nonrobust":
            return right
        # a sandwich: take the wrong bread off and put the right one on
        turn = right @ np.linalg.inv(np.asarray(self.results.normalized_cov_params, dtype=float))
        return turn @ super().reported @ turn.T

    def _own(self, request: Request) -> Covariance:
        found = super()._own(request)
        if not self.loses_a_block:
            return found
        cov = over(self.reported, self.fitted.parameters, request)
        return replace(found, matrix=cov, facts=replace(found.facts, kind="whole information"))

    @property
    def _undetermined(self) -> int:
        return super()._undetermined + self.equation.null_space.shape[1]


#: The count first, then its inflation.
BOTH = (Predictor(), Predictor(INFLATION, INFLATION))
