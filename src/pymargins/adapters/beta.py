"""statsmodels' beta regression."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from pymargins.adapters.equations import Equation, second_equation
from pymargins.adapters.likelihood import LIKELIHOOD, LikelihoodAdapter, joined
from pymargins.adapters.links import inverse_link
from pymargins.adapters.names import Names
from pymargins.adapters.response_draws import BetaDraw
from pymargins.models.fitted import Fitted
from pymargins.models.means import InverseLink, Predictor, PredictorMean
from pymargins.models.parameters import Parameters
from pymargins.models.responses import link_mean_of, with_responses
from pymargins.regression.refits.refitter import Refitter

PRECISION = "precision"


class BetaAdapter(LikelihoodAdapter):
    """Reads a fitted ``BetaModel``: the mean of a proportion, and its precision."""

    classes: ClassVar = {"BetaModel": Names("beta regression", LIKELIHOOD)}
    second: ClassVar[tuple[str, ...]] = (PRECISION,)

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link of the mean."""
        return inverse_link(self.source.link)

    @cached_property
    def equation(self) -> Equation:
        """The equation of the precision."""
        exog = np.asarray(self.source.exog_precision, dtype=float)
        names = [str(name) for name in self.source.exog_names[self.rows.exog.shape[1] :]]
        formula = self.formulas.get(PRECISION)
        return second_equation(PRECISION, exog, names, formula, self.rows)

    def _parameters(self) -> Parameters:
        k = self.rows.exog.shape[1]
        return Parameters.of_blocks(beta=self.params[:k], precision=self.params[k:])

    def _read(self) -> Fitted:
        fitted = joined(super()._read(), PRECISION, self.equation)
        precision = inverse_link(self.source.link_precision)
        means = {
            "link": link_mean_of(fitted),
            PRECISION: PredictorMean(precision, (Predictor(PRECISION, PRECISION),)),
        }
        return with_responses(fitted, means)

    def response_draw(self, refitter: Refitter) -> BetaDraw:
        """Draw proportions."""
        k, params = self.rows.exog.shape[1], refitter.params
        precision = inverse_link(self.source.link_precision)
        spread = np.asarray(self.source.exog_precision, dtype=float) @ params[k:]
        mean = self.link.inverse(self.rows.exog @ params[:k])
        return BetaDraw(mean[:, None], precision.inverse(spread)[:, None])

    @property
    def _undetermined(self) -> int:
        return super()._undetermined + self.equation.null_space.shape[1]
