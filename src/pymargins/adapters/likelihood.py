"""What adapters of models with other parameters beside one design's coefficients share."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.equations import Equation, TakesEquations, check_equations
from pymargins.adapters.likelihood_refits import (
    AnyScores,
    ModelScores,
    likelihood_refitter,
)
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.regression_health import Equations, Step, bread_of
from pymargins.errors import NumericalError
from pymargins.models.derivative import jacobian
from pymargins.models.fitted import Fitted
from pymargins.regression.estimating import Estimating, Working
from pymargins.regression.refits.likelihoods import LikelihoodRefitter

LIKELIHOOD = "maximum likelihood"
#: These need working least squares.
LEVERAGED = ("HC2", "HC3", "CR2", "CR3")


class LikelihoodAdapter(TakesEquations, RegressionAdapter):
    """Reads a fit by maximum likelihood whose parameters belong to several blocks.

    Parameters
    ----------
    fit : results of statsmodels
    training_data : data frame, optional
        As of `RegressionAdapter`.
    equations : mapping of str to str, optional
        The formula of each second equation, by its name.
    """

    def __init__(self, fit: Any, training_data: Any = None, equations: Any = None) -> None:
        self.formulas = check_equations(equations, self.second)
        super().__init__(fit, training_data)

    @property
    def undefined(self) -> tuple[str, ...]:
        """The kinds that nobody has defined for the class: they correct residuals for leverage."""
        return () if self.working is not None else LEVERAGED

    @cached_property
    def working(self) -> Working | None:
        """What leverages are taken of; None where parameters answer for more than residuals."""
        return None

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        return np.asarray(self.source.score_obs(params), dtype=float)

    def information(self, params: FloatArray) -> FloatArray:
        """Return minus the second derivative of the log-likelihood: that of the exact score."""
        found = -jacobian(lambda params: self.scores(params).sum(axis=0), params)
        return (found + found.T) / 2.0

    def score_and_information(self, params: FloatArray) -> Equations:
        """Return the likelihood equations at some parameters."""
        return Equations(self.scores(params).sum(axis=0), self.information(params))

    def log_likelihood(self, params: FloatArray) -> float:
        """Return the log-likelihood at some parameters."""
        return float(self.source.loglike(params))

    def row_scores(self) -> AnyScores:
        """Return the likelihood row by row, made of arrays."""
        return ModelScores.of(self.source)

    def refitter(self, drawing: Drawing) -> LikelihoodRefitter:
        """Refit one replicate after the other."""
        best = self.best()
        there = self.score_and_information(best)
        return likelihood_refitter(self.row_scores(), best, there, self.floor, drawing)

    def step(self) -> Step:
        """Return what is left to the optimum, by the covariance of the fit where it has one."""
        cov = np.asarray(getattr(self.results, "normalized_cov_params", None), dtype=float)
        fitting = cov.shape == (len(self.params),) * 2 and bool((np.diagonal(cov) > 0).all())
        if self.polished or not fitting or np.isfinite(self.floor).any():
            return self.equations.within(self.params, self.floor).newton()
        return Step(cov @ self.scores(self.params).sum(axis=0), cov)

    @cached_property
    def reported(self) -> FloatArray:
        """The covariance of all parameters that the fit reports."""
        try:
            return super().reported
        except ValueError as error:
            raise NumericalError(
                'vcov="model": the fit reports no covariance, because its Hessian could not be '
                'inverted. Use vcov="nonrobust", or refit with another method.'
            ) from error

    @cached_property
    def estimating(self) -> Estimating:
        """The likelihood equations of all parameters, with the observed information as bread."""
        return Estimating(
            scores=self.scores(self.params),
            bread=bread_of(self.equations.within(self.params, self.floor), self.held),
            rank=len(self.params) - self._undetermined,
            working=self.working,
        )

    @property
    def _undetermined(self) -> int:
        return self.rank.null_space.shape[1]


def joined(fitted: Fitted, role: str, equation: Equation) -> Fitted:
    """Add a second equation to a model: its design, and the variables that are only in it."""
    return replace(
        fitted.with_design(role, equation.design, equation.values),
        null_spaces={**fitted.null_spaces, role: equation.null_space},
    )
