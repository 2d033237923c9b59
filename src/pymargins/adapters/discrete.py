"""statsmodels' discrete models with one outcome: binary responses and counts."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.batch_refits import batch_refitter
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.likelihood_refits import ModelScores, likelihood_refitter
from pymargins.adapters.names import Names
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.regression_health import Equations, Step, bread_of, pearson
from pymargins.adapters.response_draws import CountDraw, FamilyDraw, count_draw
from pymargins.facts import FitHealth
from pymargins.models.fitted import Fitted
from pymargins.models.links import LOG, LOGIT, PROBIT
from pymargins.models.means import InverseLink
from pymargins.models.responses import link_response
from pymargins.regression.estimating import Estimating, Working
from pymargins.regression.refits.likelihoods import LikelihoodRefitter
from pymargins.regression.refits.refitter import BatchRefitter, Refitter
from pymargins.regression.refits.row_models import (
    Elementwise,
    RowModel,
    binomial_variance,
    binomial_variance_slope,
    poisson_variance,
)

LIKELIHOOD = "maximum likelihood"
#: A dispersion that adds less to the variance, relative to the mean, is none.
NO_DISPERSION = 1e-4

#: The classes with one design and no dispersion: their variance and its derivative.
VARIANCES: dict[str, tuple[Elementwise, Elementwise]] = {
    "Logit": (binomial_variance, binomial_variance_slope),
    "Probit": (binomial_variance, binomial_variance_slope),
    "Poisson": (poisson_variance, np.ones_like),
}


class DiscreteAdapter(RegressionAdapter):
    """Reads fitted ``Logit``, ``Probit``, ``Poisson``, negative binomial models and the like."""

    classes: ClassVar = {
        "Logit": Names("logistic regression", LIKELIHOOD, probabilities=True),
        "Probit": Names("probit regression", LIKELIHOOD, probabilities=True),
        "Poisson": Names("Poisson regression", LIKELIHOOD),
        "NegativeBinomial": Names("negative binomial regression", LIKELIHOOD),
        "NegativeBinomialP": Names("negative binomial regression", LIKELIHOOD),
        "GeneralizedPoisson": Names("generalised Poisson regression", LIKELIHOOD),
    }

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link of the class."""
        return {"Logit": LOGIT, "Probit": PROBIT}.get(self.name, LOG)

    def _read(self) -> Fitted:
        return link_response(super()._read())

    def _names(self) -> Names:
        names = super()._names()
        variant = getattr(self.source, "loglike_method", "")
        if self.name == "NegativeBinomialP":
            variant = f"P = {self.source.parameterization:g}"
        if self.name == "GeneralizedPoisson":
            variant = f"P = {self.source.parameterization + 1:g}"
        return replace(names, kind=f"{names.kind} {variant}".strip())

    @cached_property
    def estimating(self) -> Estimating:
        """The likelihood equations of all parameters, with the observed information as bread."""
        with np.errstate(over="ignore"):
            scores = np.asarray(self.source.score_obs(self.params), dtype=float)
        scores = scores.reshape(len(self.rows.exog), -1)
        return Estimating(
            scores=scores,
            bread=bread_of(self.equations.within(self.params, self.floor), self.held),
            rank=len(self.rank.kept) + len(self.params) - self.rows.exog.shape[1],
            working=self._working(),
        )

    # --- refits --------------------------------------------------------------------------------

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        response = np.asarray(self.source.endog, dtype=float)
        why = ""
        if self.name in ("Logit", "Probit") and not np.isin(response, (0.0, 1.0)).all():
            why = "its response is not 0 or 1, and has no distribution"
        if self.name == "GeneralizedPoisson" and self.params[-1] < 0:
            why = "an underdispersed generalised Poisson distribution cannot be drawn from exactly"
        return {**super().bootstraps, "parametric": why}

    def refitter(self, drawing: Drawing) -> BatchRefitter | LikelihoodRefitter:
        """Refit all replicates together; those of a class with a dispersion one by one."""
        variance = VARIANCES.get(self.name)
        if variance is not None:
            return batch_refitter(self._row_model(*variance), drawing)
        best = self.best()
        there, rows = self.score_and_information(best), ModelScores.of(self.source)
        return likelihood_refitter(rows, best, there, self.floor, drawing)

    def _row_model(self, variance: Elementwise, variance_slope: Elementwise) -> RowModel:
        return RowModel(
            design=self.rows.exog,
            response=np.asarray(self.source.endog, dtype=float),
            params=self.params,
            link=self.link,
            variance=variance,
            variance_slope=variance_slope,
            canonical=self.name != "Probit",
            offset=self.rows.offset,
            dispersion=1.0,
            observed=True,
        )

    def response_draw(self, refitter: Refitter) -> CountDraw:
        """Draw responses of the class."""
        if isinstance(refitter, BatchRefitter):
            mean = refitter.original.mean
            family = "Poisson" if self.name == "Poisson" else "Binomial"
            return FamilyDraw(family, mean, np.ones_like(mean))
        k, offset = self.rows.exog.shape[1], self.rows.offset
        eta = self.rows.exog @ refitter.params[:k] + (0.0 if offset is None else offset)
        return count_draw(self.source, self.name, self.link.inverse(eta)[:, None], refitter.params)

    def score_and_information(self, params: FloatArray) -> Equations:
        """Return the likelihood equations."""
        with np.errstate(over="ignore"):  # a probability of 0 or 1 all the same
            gradient = np.asarray(self.source.score(params), dtype=float).ravel()
            return Equations(gradient, -np.asarray(self.source.hessian(params), dtype=float))

    def log_likelihood(self, params: FloatArray) -> float:
        """Return the log-likelihood."""
        return float(self.source.loglike(params))

    @property
    def floor(self) -> FloatArray:
        """Of a negative binomial dispersion: where it is that of a Poisson model."""
        found = super().floor
        if self.name.startswith("NegativeBinomial") and len(found) > self.rows.exog.shape[1]:
            found[-1] = no_dispersion(self.source.endog)
        return found

    def step(self) -> Step:
        """Return what is left to the optimum."""
        return self.equations.within(self.params, self.floor).newton()

    @property
    def separable(self) -> bool:
        """Means tend to 0, or to 1, as their predictor runs off."""
        return True

    def variance(self) -> FloatArray:
        """Return the variance of each row's outcome."""
        return self._variance(self._mean_and_slope()[0])

    def examine(self) -> FitHealth:
        """Tell convergence, distance, separation and overdispersion."""
        found = replace(super().examine(), boundary=bool(self.held.any()))
        if self.name != "Poisson":
            return found
        mean, _ = self._mean_and_slope()
        residual = np.asarray(self.source.endog, dtype=float) - mean
        ratio, p = pearson(residual, mean, 1.0, self.residual_df)
        return replace(found, dispersion=ratio, dispersion_p=p)

    def _mean_and_slope(self) -> tuple[FloatArray, FloatArray]:
        """Return the fitted means, and their derivative by the linear predictor."""
        design, offset = self.rows.exog, self.rows.offset
        eta = design @ self.params[: design.shape[1]] + (0.0 if offset is None else offset)
        return self.link.inverse(eta), self.link.first(eta)

    def _working(self) -> Working:
        """Weight rows by the variance that the model gives them: as of a GLM with it."""
        design = self.rows.exog
        mean, first = self._mean_and_slope()
        deviation = np.sqrt(self._variance(mean))
        deviation = np.where(deviation > 0, deviation, 1.0)  # a certain row has no weight
        residual = np.asarray(self.source.endog, dtype=float) - mean
        return Working(design * (first / deviation)[:, None], residual / deviation)

    def _variance(self, mean: FloatArray) -> FloatArray:
        alpha = float(self.params[-1])
        match self.name:
            case "Logit" | "Probit":
                return mean * (1.0 - mean)
            case "NegativeBinomial":
                method = self.source.loglike_method
                if method == "geometric":
                    return mean + mean**2
                return mean + alpha * mean ** (1.0 if method == "nb1" else 2.0)
            case "NegativeBinomialP":
                return mean + alpha * mean ** float(self.source.parameterization)
            case "GeneralizedPoisson":
                return mean * (1.0 + alpha * mean ** float(self.source.parameterization)) ** 2
            case _:
                return mean


def no_dispersion(counts: Any) -> float:
    """Return a negative binomial dispersion so small that counts vary as Poisson's do."""
    return NO_DISPERSION / max(1.0, float(np.mean(counts)))
