"""statsmodels' multinomial logistic regression."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.adapters.likelihood import LIKELIHOOD, LikelihoodAdapter
from pymargins.adapters.likelihood_refits import ModelScores
from pymargins.adapters.names import Names
from pymargins.adapters.regression_health import PlacedDesign
from pymargins.adapters.response_draws import OutcomeDraw
from pymargins.models.fitted import Fitted
from pymargins.models.means import Predictor, PredictorMean
from pymargins.models.outcomes import LogOdds, Multinomial
from pymargins.models.parameters import Parameters
from pymargins.models.responses import with_responses
from pymargins.regression.estimating import Working, of_categories
from pymargins.regression.refits.refitter import Refitter


class MultinomialAdapter(LikelihoodAdapter):
    """Reads a fitted ``MNLogit``: probabilities of the outcomes, as fitted.

    The first outcome is the base; each other one has coefficients of its own, the block
    ``"beta:<label>"``, on one design.
    """

    classes: ClassVar = {"MNLogit": Names("multinomial logistic regression", LIKELIHOOD, True)}

    @cached_property
    def labels(self) -> list[Any]:
        """The outcomes as the data have them: statsmodels' own names are text."""
        names = list(self.source._ynames_map.values())
        response = str(self.source.endog_names)
        if response not in self.rows.frame.columns:
            return names
        own = {str(value): value for value in pd.unique(self.rows.frame[response]).tolist()}
        return [own.get(str(name), name) for name in names]

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """The coefficients of each outcome but the first."""
        return tuple(f"beta:{label}" for label in self.labels[1:])

    def _parameters(self) -> Parameters:
        columns = self.params.reshape(len(self.blocks), -1)
        return Parameters.of_blocks(**dict(zip(self.blocks, columns, strict=True)))

    def _read(self) -> Fitted:
        # a table of one column an equation: the covariance goes equation by equation
        if not self.polished:
            self.params = np.asarray(self.results.params, dtype=float).ravel(order="F")
        predictors = tuple(Predictor(block=block) for block in self.blocks)
        labels = tuple(self.labels)
        fitted = replace(
            super()._read(),
            mean=PredictorMean(Multinomial(labels), predictors),
            null_spaces=dict.fromkeys(self.blocks, self.rank.null_space),
        )
        return with_responses(fitted, {"link": PredictorMean(LogOdds(labels[1:]), predictors)})

    @property
    def separable(self) -> bool:
        """Probabilities tend to 0 or 1 as their predictors run off."""
        return True

    @property
    def predictors(self) -> list[PlacedDesign]:
        """One of each outcome but the first."""
        exog = self.rows.exog
        k = exog.shape[1]
        return [(exog, slice(j * k, (j + 1) * k)) for j in range(len(self.blocks))]

    def probabilities(self) -> FloatArray:
        """Return the fitted probabilities, (n, J)."""
        eta = [(exog @ self.params[places])[:, None] for exog, places in self.predictors]
        return Multinomial(tuple(self.labels)).at(eta, (), 0).value[:, 0, :]

    @cached_property
    def working(self) -> Working:
        """The least squares of the indicators of outcomes."""
        p, exog = self.probabilities(), self.rows.exog
        by_eta = p[:, :, None] * (np.eye(p.shape[1])[:, 1:] - p[:, None, 1:])
        gradient = by_eta[:, :, :, None] * exog[:, None, None, :]
        observed = np.asarray(self.source.endog, dtype=np.intp)
        return of_categories(p, gradient.reshape(*p.shape, -1), observed)

    def variance(self) -> FloatArray:
        """Return the probability that an outcome is not the most probable one."""
        return 1.0 - self.probabilities().max(axis=1)

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        found = np.asarray(self.source.score_obs(params), dtype=float)
        return found.reshape(len(self.rows.exog), -1)

    def information(self, params: FloatArray) -> FloatArray:
        """Return minus the second derivative of the log-likelihood."""
        return -np.asarray(self.source.hessian(params), dtype=float)

    def row_scores(self) -> ModelScores:
        """Return the likelihood row by row."""
        return ModelScores.of(self.source, len(self.labels))

    def response_draw(self, refitter: Refitter) -> OutcomeDraw:
        """Draw outcomes."""
        table = refitter.params.reshape(len(self.blocks), -1).T
        return OutcomeDraw(np.asarray(self.source.predict(table, self.rows.exog), dtype=float))

    @property
    def _undetermined(self) -> int:
        return super()._undetermined * len(self.blocks)
