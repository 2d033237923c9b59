"""statsmodels' models of ordered outcomes."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.adapters.likelihood import LIKELIHOOD, LikelihoodAdapter
from pymargins.adapters.likelihood_refits import OrderedScores
from pymargins.adapters.names import Names
from pymargins.adapters.response_draws import OutcomeDraw
from pymargins.models.fitted import Fitted
from pymargins.models.links import LOGIT, PROBIT, distribution_link
from pymargins.models.means import Derivatives, InverseLink, PredictorMean
from pymargins.models.outcomes import Ordered
from pymargins.models.parameters import Parameters
from pymargins.models.responses import link_mean_of, with_responses
from pymargins.regression.estimating import Working, of_categories
from pymargins.regression.refits.refitter import Refitter

CUTPOINTS = "cutpoints"


class OrdinalAdapter(LikelihoodAdapter):
    """Reads a fitted ``OrderedModel``: probabilities of the outcomes, in their order.

    The cutpoints are statsmodels' parameters: the first threshold, then the logarithms of the
    increments.
    """

    classes: ClassVar = {"OrderedModel": Names("ordered regression", LIKELIHOOD)}

    @cached_property
    def labels(self) -> list[Any]:
        """The outcomes in their order, as fitted."""
        return np.asarray(self.source.labels).tolist()

    @cached_property
    def latent(self) -> InverseLink:
        """The distribution of the latent error."""
        distribution = self.source.distr
        known = {"norm": PROBIT, "logistic": LOGIT}
        return known.get(_standard(distribution)) or distribution_link(distribution)

    @cached_property
    def observed(self) -> IntArray:
        """The outcome of each row, 0..K-1."""
        return np.asarray(self.source.endog, dtype=np.intp)

    def _names(self) -> Names:
        variant = {"norm": " probit", "logistic": " logit"}.get(_standard(self.source.distr), "")
        return Names(f"ordered{variant} regression", LIKELIHOOD, probabilities=True)

    def _parameters(self) -> Parameters:
        k = self.rows.exog.shape[1]
        return Parameters.of_blocks(beta=self.params[:k], **{CUTPOINTS: self.params[k:]})

    def _mean(self, outcome: Ordered) -> PredictorMean:
        return PredictorMean(outcome, others=(CUTPOINTS,))

    def _read(self) -> Fitted:
        probabilities = Ordered.probabilities(self.latent, self.labels)
        fitted = replace(super()._read(), mean=self._mean(probabilities))
        means = {
            "cumulative": self._mean(Ordered.cumulative(self.latent, self.labels)),
            "mean": self._mean(Ordered.mean(self.latent, _scores(self.labels))),
            "link": link_mean_of(fitted),
        }
        return with_responses(fitted, means)

    @property
    def separable(self) -> bool:
        """Probabilities tend to 0 or 1 as the predictor runs off."""
        return True

    def probabilities(self, params: FloatArray, order: int) -> Derivatives:
        """Return the probabilities of all outcomes, (n, 1, K), and their derivatives."""
        return self.row_scores().at(params, order)

    def variance(self) -> FloatArray:
        """Return the probability that an outcome is not the most probable one."""
        return 1.0 - self.probabilities(self.params, 0).value[:, 0, :].max(axis=1)

    @cached_property
    def working(self) -> Working:
        """The least squares of the indicators of outcomes, cutpoints included."""
        exog, found = self.rows.exog, self.probabilities(self.params, 1)
        by_beta = found.first[0][:, 0, :, None] * exog[:, None, :]
        gradient = np.concatenate([by_beta, found.others[0][:, 0]], axis=2)
        return of_categories(found.value[:, 0], gradient, self.observed)

    def row_scores(self) -> OrderedScores:
        """Return the likelihood row by row."""
        outcome = Ordered.probabilities(self.latent, self.labels)
        return OrderedScores(self.rows.exog, self.rows.offset, outcome, self.observed)

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        return self.row_scores().scores(params)

    def response_draw(self, refitter: Refitter) -> OutcomeDraw:
        """Draw outcomes."""
        return OutcomeDraw(self.probabilities(refitter.params, 0).value[:, 0])


def _standard(distribution: Any) -> str:
    """Name a distribution of SciPy in its standard form; nothing for a frozen one or another."""
    return str(getattr(distribution, "name", "")) if not hasattr(distribution, "kwds") else ""


def _scores(labels: list[Any]) -> FloatArray:
    """Return the outcomes themselves where they are numbers, otherwise their ranks from 1."""
    if all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in labels):
        return np.array(labels, dtype=float)
    return np.arange(1.0, len(labels) + 1.0)
