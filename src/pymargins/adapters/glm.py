"""statsmodels' generalised linear models: every family and link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.batch_refits import batch_refitter
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.links import inverse_link
from pymargins.adapters.names import Names
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.regression_health import Equations, Step, pearson
from pymargins.adapters.response_draws import Family, FamilyDraw, NegativeBinomialDraw
from pymargins.adapters.surveys import survey_offer
from pymargins.errors import UnsupportedError
from pymargins.facts import FitHealth, FitWeights, ModelNote
from pymargins.models.design import chunks
from pymargins.models.fitted import Fitted
from pymargins.models.means import InverseLink
from pymargins.models.responses import link_response
from pymargins.models.uncertainty import CovarianceOffer
from pymargins.regression.estimating import Estimating, Working, inverse_information
from pymargins.regression.refits.refitter import BatchRefitter, Refitter
from pymargins.regression.refits.row_models import RowModel

#: The families that responses are drawn from, by statsmodels' names; None is drawn as a mixture.
DISTRIBUTIONS: dict[str, Family | None] = {
    "Gaussian": "Gaussian",
    "Poisson": "Poisson",
    "Binomial": "Binomial",
    "Gamma": "Gamma",
    "InverseGaussian": "InverseGaussian",
    "Tweedie": "Tweedie",
    "NegativeBinomial": None,
}
#: Families and links whose variance is the derivative of the mean.
CANONICAL = (("Gaussian", "identity"), ("Poisson", "log"), ("Binomial", "logit"))
#: So few that a block of the design stays in the cache.
CACHED_ROWS = 8192


class GlmAdapter(RegressionAdapter):
    """Reads a fitted ``GLM``."""

    classes: ClassVar = {"GLM": Names("generalised linear model", "maximum likelihood")}

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link of the family."""
        return inverse_link(self.source.family.link)

    @cached_property
    def counts(self) -> FloatArray | None:
        """The frequency weights."""
        counts = np.broadcast_to(
            np.asarray(self.source.freq_weights, dtype=float), (len(self.rows.exog),)
        )
        return None if (counts == 1.0).all() else np.array(counts)

    @cached_property
    def weights(self) -> FloatArray:
        """How much one observation of each row weighs: variance weights and trials, (n,)."""
        weights = np.asarray(self.source.var_weights, dtype=float) * self.source.n_trials
        return np.array(np.broadcast_to(weights, (len(self.rows.exog),)))

    @property
    def _survey(self) -> dict[str, CovarianceOffer]:
        """The covariance by a survey's design."""
        if not self.kinds:
            return {}
        weights = np.asarray(self.source.var_weights, dtype=float) * self.source.freq_weights
        weights = np.array(np.broadcast_to(weights, (len(self.rows.exog),)), dtype=float)
        return survey_offer(self, weights, "smf.glm(formula, data, family=..., var_weights=...)")

    def _polished_offers(self) -> dict[str, CovarianceOffer]:
        return {**super()._polished_offers(), **self._survey}

    @cached_property
    def dispersion(self) -> float:
        """The dispersion, estimated as the fit did it, at the coefficients that are used."""
        if not self.polished:
            return float(self.results.scale)
        return float(self.source.estimate_scale(self._means))

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell of weights that weight the fit and not the averages."""
        weighted = bool((np.asarray(self.source.var_weights) != 1.0).any())
        trials = bool((np.asarray(self.source.n_trials) != 1.0).any())
        return (
            *((FitWeights("var_weights"),) if weighted else ()),
            *((FitWeights("trials"),) if trials else ()),
        )

    def _read(self) -> Fitted:
        fitted = link_response(super()._read())
        return replace(fitted, covariances={**fitted.covariances, **self._survey})

    def _names(self) -> Names:
        family, link = self.source.family, self.source.family.link
        words = f"{type(family).__name__} family, {type(link).__name__} link"
        names = super()._names()
        binary = type(family).__name__ == "Binomial"
        return Names(f"{names.kind}, {words}", names.estimation, binary)

    def _predictor(self, params: FloatArray) -> FloatArray:
        eta = self.rows.exog @ params
        return eta if self.rows.offset is None else eta + self.rows.offset

    @property
    def _means(self) -> FloatArray:
        return self._derivatives(self.params, 0)[0]

    def _derivatives(self, params: FloatArray, order: int) -> FloatArray:
        """Return the mean of each row and its derivatives by the predictor, (order + 1, n)."""
        eta = self._predictor(params)
        found = np.empty((order + 1, len(eta)))
        for some in chunks(len(eta), CACHED_ROWS):
            for out, part in zip(found, self.link.derivatives(eta[some], order), strict=True):
                out[some] = part
        return found

    def at(self, params: FloatArray) -> AtRows:
        """Return what every row adds to the likelihood equations at some coefficients."""
        variance = self.source.family.variance
        mean, first, second = self._derivatives(params, 2)
        spread = np.asarray(variance(mean), dtype=float)
        spread = np.where(spread > 0, spread, 1.0)  # a certain row has no weight
        residual = np.asarray(self.source.endog, dtype=float) - mean
        expected = self.weights * first**2 / spread
        curvature = second / spread - first**2 * np.asarray(variance.deriv(mean)) / spread**2
        return AtRows(
            mean=mean,
            variance=spread,
            residual=residual,
            score=self.weights * residual * first / spread,
            working=residual * np.sqrt(self.weights / spread) * np.sign(first),
            expected=expected,
            observed=expected - self.weights * residual * curvature,
        )

    # --- refits --------------------------------------------------------------------------------

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        return {**super().bootstraps, "parametric": self._no_distribution()}

    def _no_distribution(self) -> str:
        """Tell why the fit has no distribution that responses could be drawn from, or nothing."""
        family, scale = self.source.family, float(self.results.scale)
        name = type(family).__name__
        if name not in DISTRIBUTIONS:
            return f"there is nothing to draw responses of the {name} family from"
        discrete = name in ("Poisson", "Binomial", "NegativeBinomial")
        if discrete and scale != 1.0:
            return "with an estimated dispersion it has no distribution to draw responses from"
        if discrete and bool((np.asarray(self.source.var_weights) != 1.0).any()):
            return "var_weights of counts and proportions have no distribution"
        if name == "Tweedie" and not 1.0 < float(family.var_power) < 2.0:
            return "Tweedie's distribution is drawn from for powers between 1 and 2"
        return ""

    @cached_property
    def row_model(self) -> RowModel:
        """The model on arrays."""
        family = self.source.family
        kinds = type(family).__name__, type(family.link).__name__.lower()
        weights = None if (self.weights == 1.0).all() else self.weights
        return RowModel(
            design=self.rows.exog,
            response=np.asarray(self.source.endog, dtype=float),
            params=self.params,
            link=self.link,
            variance=family.variance,
            variance_slope=family.variance.deriv,
            canonical=kinds in CANONICAL,
            offset=self.rows.offset,
            weights=weights,
            counts=self.counts,
            dispersion=self._known_dispersion,
            df=self.residual_df,
            observed=self.results.method == "newton",
        )

    @property
    def _known_dispersion(self) -> float | None:
        """The dispersion, where it is not estimated by Pearson's chi-square."""
        kind = self.source.scaletype
        name = type(self.source.family).__name__
        if kind is None:
            return 1.0 if name in ("Poisson", "Binomial", "NegativeBinomial") else None
        if isinstance(kind, str) and kind.lower() == "x2":
            return None
        if isinstance(kind, str):
            raise UnsupportedError(
                f"bootstrap: the dispersion of this fit was estimated with scale={kind!r}; refits "
                'estimate it by Pearson\'s chi-square. Fit with scale="X2", or without `scale`.'
            )
        return float(kind)

    def refitter(self, drawing: Drawing) -> BatchRefitter:
        """Refit all replicates together."""
        return batch_refitter(self.row_model, drawing)

    def response_draw(self, refitter: Refitter) -> FamilyDraw | NegativeBinomialDraw:
        """Draw responses of the family."""
        assert isinstance(refitter, BatchRefitter)
        family, centre = self.source.family, refitter.original
        mean = centre.mean
        name = DISTRIBUTIONS[type(family).__name__]
        if name is None:
            return NegativeBinomialDraw(mean, float(family.alpha))
        weight = np.ones_like(mean) if centre.weights is None else centre.weights
        power = float(family.var_power) if name == "Tweedie" else 1.5
        return FamilyDraw(name, mean, weight, float(self.results.scale), power)

    # --- covariances ---------------------------------------------------------------------------

    def _information(self, weights: FloatArray) -> FloatArray:
        counted = weights if self.counts is None else weights * self.counts
        exog = self.rows.exog
        found = np.zeros((exog.shape[1], exog.shape[1]))
        for some in chunks(len(exog), CACHED_ROWS):
            found += (exog[some] * counted[some, None]).T @ exog[some]
        return found

    @cached_property
    def estimating(self) -> Estimating:
        """The likelihood equations at dispersion one, with the observed information as bread."""
        design, here = self.rows.exog, self.at(self.params)
        return Estimating(
            scores=design * here.score[:, None],
            bread=inverse_information(self._information(here.observed)),
            rank=len(self.rank.kept),
            counts=self.counts,
            working=Working(design * np.sqrt(here.expected)[:, None], here.working),
        )

    @cached_property
    def under_the_model(self) -> FloatArray:
        """The inverse information that the fit used, times the dispersion."""
        if self.polished:
            information = self._information(self.at(self.params).expected)
            return inverse_information(information) * self.dispersion
        return np.asarray(self.results.normalized_cov_params) * self.dispersion

    def score_and_information(self, params: FloatArray) -> Equations:
        """Return the likelihood equations at dispersion one."""
        return self._equations(self.at(params))

    def _equations(self, here: AtRows) -> Equations:
        score = here.score if self.counts is None else here.score * self.counts
        return Equations(self.rows.exog.T @ score, self._information(here.observed))

    def log_likelihood(self, params: FloatArray) -> float:
        """Return the log-likelihood at the dispersion of the fit."""
        return float(self.source.loglike(params, scale=float(self.results.scale)))

    def step(self) -> Step:
        """Return what is left to the optimum."""
        return self._equations(self.at(self.params)).newton(self.dispersion)

    @property
    def separable(self) -> bool:
        """Whether means have an end that they tend to as their predictor runs off."""
        return separable(self.source.family)

    def variance(self) -> FloatArray:
        """Return the variance of each row's outcome."""
        return np.asarray(self.source.family.variance(self._means), dtype=float)

    def examine(self) -> FitHealth:
        """Tell convergence, distance, separation and overdispersion."""
        family = type(self.source.family).__name__
        found = super().examine()
        fixed = self.dispersion == 1.0
        single = family == "Binomial" and bool((self.weights <= 1.0).all())
        if not fixed or single or family not in ("Poisson", "Binomial", "NegativeBinomial"):
            return found
        here = self.at(self.params)
        times = self.weights if self.counts is None else self.weights * self.counts
        ratio, p = pearson(here.residual, here.variance, times, self.residual_df)
        return replace(found, dispersion=ratio, dispersion_p=p)


def separable(family: Any) -> bool:
    """Tell whether a family's means have an end that they tend to as their predictor runs off."""
    name, link = type(family).__name__, type(family.link).__name__
    return name == "Binomial" or (name in ("Poisson", "NegativeBinomial") and link == "Log")


@dataclass(frozen=True, slots=True, eq=False)
class AtRows:
    """What every row adds to the likelihood equations, (n,) each.

    Parameters
    ----------
    mean, variance, residual : ndarray
    score : ndarray
        By the linear predictor.
    working : ndarray
        The residual of the working least squares.
    expected, observed : ndarray
        Minus its second derivative.
    """

    mean: FloatArray
    variance: FloatArray
    residual: FloatArray
    score: FloatArray
    working: FloatArray
    expected: FloatArray
    observed: FloatArray
