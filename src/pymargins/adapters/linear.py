"""statsmodels' linear models: least squares, M-estimation, quantile regression."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.batch_refits import batch_refitter
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.formulas import response_columns
from pymargins.adapters.fresh_refits import FreshRefitter, QuantileFit, RobustFit
from pymargins.adapters.names import Names
from pymargins.adapters.outcome_transform import outcome_scale
from pymargins.adapters.refitted import NO_DISTRIBUTION, NOT_WILD
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.response_draws import FamilyDraw
from pymargins.adapters.robust_offers import refuse_variance
from pymargins.adapters.surveys import survey_offer
from pymargins.errors import UnsupportedError
from pymargins.facts import FitWeights, ModelNote, NotAMean
from pymargins.models.fitted import Fitted
from pymargins.models.links import IDENTITY
from pymargins.models.parameters import Parameters
from pymargins.models.spread import GAMMA
from pymargins.models.uncertainty import CovarianceOffer, Request
from pymargins.regression.clusters import Clusters
from pymargins.regression.estimating import Estimating, Working, inverse_root
from pymargins.regression.refits.refitter import BatchRefitter, Refitter
from pymargins.regression.refits.row_models import RowModel


class LeastSquaresAdapter(RegressionAdapter):
    """Reads fitted ``OLS``, ``WLS`` and ``GLS``."""

    classes: ClassVar = {
        "OLS": Names("linear regression", "ordinary least squares"),
        "WLS": Names("linear regression", "weighted least squares"),
        "GLS": Names("linear regression", "generalised least squares"),
    }
    kept = (*RegressionAdapter.kept, "ties")

    @property
    def linear(self) -> bool:
        """Least squares have t(n - k) with every covariance, and Bell-McCaffrey df."""
        return True

    def _read(self) -> Fitted:
        response, frame = self.source.endog_names, self.rows.frame
        made_of = response_columns(response, frame)
        scale = outcome_scale(response, made_of, list(frame.columns), self.source.endog)
        fitted = super()._read()
        offers = {**fitted.covariances, **self._survey}
        return replace(fitted, outcome_scale=scale, covariances=offers)

    @property
    def _survey(self) -> dict[str, CovarianceOffer]:
        """The covariance by a survey's design, of fits that are weighted row by row."""
        if self.name == "GLS" or not self.kinds:
            return {}
        n = len(self.rows.exog)
        weights = np.array(np.broadcast_to(self.source.weights, (n,)), dtype=float)
        return survey_offer(self, weights, "smf.wls(formula, data, weights=...)")

    def _parameters(self) -> Parameters:
        """Return the coefficients, and the variance of an observation of weight one."""
        return Parameters.of_blocks(beta=self.params, gamma=[float(self.results.scale)])

    def with_variance(self, cov: FloatArray, request: Request) -> FloatArray:
        r"""Add the variance of s², :math:`2 s^4 / (n - k)` of normal residuals."""
        if GAMMA not in request.blocks:
            return cov
        if self.reported_kind != "nonrobust":
            refuse_variance(self.reported_kind, request)
        own = 2.0 * self.fitted.parameters[GAMMA] ** 2 / self.residual_df
        p = len(cov)
        return np.block([[cov, np.zeros((p, 1))], [np.zeros((1, p)), own[None, :]]])

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell of weights, which weight the fit and not the averages."""
        return (FitWeights("weights"),) if self.name == "WLS" else ()

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        tied = "its sigma correlates rows, which drawing single ones would break up"
        return {
            **super().bootstraps,
            "rows": "" if self.ties is None else tied,
            "wild": NOT_WILD if self.name == "GLS" else "",
        }

    @cached_property
    def row_model(self) -> RowModel:
        """Least squares of the whitened rows."""
        return RowModel(
            design=np.asarray(self.source.wexog, dtype=float),
            response=np.asarray(self.source.wendog, dtype=float),
            params=self.params,
            link=IDENTITY,
            df=self.residual_df,
        )

    def refitter(self, drawing: Drawing) -> BatchRefitter:
        """Refit all replicates together."""
        return batch_refitter(self.row_model, drawing)

    def response_draw(self, refitter: Refitter) -> FamilyDraw:
        """Draw normal responses of the whitened rows."""
        assert isinstance(refitter, BatchRefitter)
        mean = refitter.original.mean
        return FamilyDraw("Gaussian", mean, np.ones_like(mean), float(self.results.scale))

    @cached_property
    def estimating(self) -> Estimating:
        """The normal equations of the whitened rows."""
        design = np.asarray(self.source.wexog, dtype=float)
        residual = np.asarray(self.source.wendog, dtype=float) - design @ self.params
        root = inverse_root(design)
        return Estimating(
            scores=design * residual[:, None],
            bread=root @ root.T,
            rank=root.shape[1],
            working=Working(design, residual),
        )

    @cached_property
    def under_the_model(self) -> FloatArray:
        """s² (X'X)^-1 of the whitened rows."""
        return self.estimating.bread * float(self.results.scale)

    @cached_property
    def ties(self) -> Any:
        """The whitening matrix where it ties rows together: that of GLS with a whole covariance."""
        found = getattr(self.source, "cholsigmainv", None)
        return found if found is not None and np.ndim(found) == 2 else None

    def require_apart(self, clusters: Clusters) -> None:
        """Raise where the covariance of GLS ties rows of different clusters together."""
        if self.ties is None:
            return
        across = clusters.codes[:, None] != clusters.codes[None, :]
        if np.asarray(self.ties)[across].any():
            raise UnsupportedError(
                "cluster: the sigma of this GLS fit correlates rows of different clusters, so that "
                "no sum over clusters is independent of the others. Give clusters that hold whole "
                "blocks of sigma."
            )


class LocationAdapter(RegressionAdapter):
    """Reads fitted ``RLM`` and ``QuantReg``: their figures are not means."""

    classes: ClassVar = {
        "RLM": Names("robust linear regression", "M-estimation"),
        "QuantReg": Names("quantile regression", "least absolute deviations"),
    }

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        return {**super().bootstraps, "parametric": NO_DISTRIBUTION}

    def refitter(self, drawing: Drawing) -> FreshRefitter:
        """Refit a fresh model of the class to each replicate."""
        fresh = RobustFit.of(self) if self.name == "RLM" else QuantileFit.of(self)
        return FreshRefitter.of(fresh, drawing)

    @property
    def kinds(self) -> tuple[str, ...]:
        """They have the covariance that they were fitted with, no other."""
        return ()

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell what figures are of."""
        if self.name == "QuantReg":
            return (NotAMean("quantile", f"{float(self.results.q):g}"),)
        return (NotAMean("M-location", type(self.source.M).__name__),)

    @cached_property
    def reported_kind(self) -> str:
        """What the covariance is: H1, H2 or H3 of an M-estimate, that of a quantile fit unknown."""
        return str(getattr(self.results, "cov", "") or "") if self.name == "RLM" else ""
