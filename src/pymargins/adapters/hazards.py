"""statsmodels' proportional hazards regression: log hazards relative to the baseline."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.fresh_refits import FreshRefitter, HazardsFit
from pymargins.adapters.names import Names
from pymargins.adapters.refitted import NO_DISTRIBUTION
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.regression_health import Equations, Step
from pymargins.facts import ModelFacts, ModelNote, NotAMean
from pymargins.regression.estimating import Estimating, inverse_information


class HazardsAdapter(RegressionAdapter):
    """Reads a fitted ``PHReg``.

    The baseline hazard takes the place of an intercept, so that differences between log hazards
    have a meaning and their level has none. On the log scale, where they are already, differences
    are reported as hazard ratios.
    """

    classes: ClassVar = {"PHReg": Names("proportional hazards regression", "partial likelihood")}

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        return {**super().bootstraps, "parametric": NO_DISTRIBUTION}

    def refitter(self, drawing: Drawing) -> FreshRefitter:
        """Refit a fresh model of the class to each replicate."""
        return FreshRefitter.of(HazardsFit.of(self), drawing)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The covariances by name: rows have score residuals, and no leverages."""
        return ("nonrobust", "HC0", "CR0", "CR1")

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell what figures are of."""
        return (NotAMean("log hazard", "relative to the baseline"),)

    def _facts(self) -> ModelFacts:
        facts = super()._facts()
        return replace(facts, response=f"log hazard of {facts.response}", log_of="hazard")

    @cached_property
    def reported_kind(self) -> str:
        """What the covariance is: of clusters, where the fit was given groups."""
        return "nonrobust" if self.source.groups is None else "cluster"

    @cached_property
    def clusters(self) -> Any:
        """The groups that the fit was given."""
        return self.source.groups

    @cached_property
    def estimating(self) -> Estimating:
        """The partial likelihood equations; rows of strata without an event add nothing."""
        scores = np.nan_to_num(np.asarray(self.source.score_residuals(self.params), dtype=float))
        bread = inverse_information(self.score_and_information(self.params).information)
        return Estimating(scores, bread, len(self.rank.kept))

    def score_and_information(self, params: FloatArray) -> Equations:
        """Return the partial likelihood equations."""
        gradient = np.asarray(self.source.score(params), dtype=float)
        return Equations(gradient, -np.asarray(self.source.hessian(params), dtype=float))

    def log_likelihood(self, params: FloatArray) -> float:
        """Return the partial log-likelihood."""
        return float(self.source.loglike(params))

    def step(self) -> Step:
        """Return what is left to the optimum."""
        return self.score_and_information(self.params).newton()

    @property
    def separable(self) -> bool:
        """The likelihood rises without end where a group has no event."""
        return True
