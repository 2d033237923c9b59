"""The inference about all parameters of a model, where figures need more than those of its mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import UnsupportedError
from pymargins.estimands.nodes import Estimand
from pymargins.estimands.sampled import UNITS
from pymargins.estimands.scales import Scale
from pymargins.facts import BootstrapDraws, CovarianceFacts, Note, SimulatedDraws
from pymargins.inference.covariance import choose_covariance
from pymargins.inference.delta import DeltaInference, new_key
from pymargins.inference.drawn import DrawsInference
from pymargins.inference.prediction import (
    DrawnVariances,
    Limits,
    by_delta,
    by_draws,
    require_clusters_vary,
)
from pymargins.inference.reference import choose_reference
from pymargins.inference.resampling import of_blocks
from pymargins.inference.uncertainty import Uncertainty
from pymargins.inference.variances import OwnScales, ProfileLimits, VarianceDraws
from pymargins.models.fitted import Fitted
from pymargins.models.means import LinearMean
from pymargins.models.new_observations import CLUSTER, Varying
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Covariance, Reference, Replicates, SmallSample
from pymargins.models.variances import GAMMA, VarianceStructure

BLOCKS = ("beta", GAMMA)
#: What the covariance of bootstrap draws is called.
DRAWS = "draws"
STUDENTIZED, PERCENTILE = "studentized", "percentile"


class Whole:
    """What a session's inference becomes once variance parameters count; made when first needed.

    Parameters
    ----------
    fitted : Fitted
    inference : Uncertainty
        The session's own.
    vcov, cluster : optional
        What the session asked for.
    df : optional
        What it asked for, which may imply a covariance.
    replicates : Replicates, optional
        Of a bootstrap, over every parameter.
    """

    def __init__(
        self,
        fitted: Fitted,
        inference: Uncertainty,
        vcov: Any = None,
        df: Any = None,
        cluster: Any = None,
        replicates: Replicates | None = None,
    ) -> None:
        self.fitted = fitted
        self.inference = inference
        self.vcov, self.df, self.cluster = vcov, df, cluster
        self.replicates = replicates
        self.key = new_key()

    def structure(self, verb: str) -> VarianceStructure:
        """Return the random part of the model, or say that there is none."""
        self.require_fixed_rows(verb)
        if self.fitted.variances is None:
            raise UnsupportedError(
                f"{verb}: this model ({self.fitted.facts.kind}) has no random effects, so it has "
                "no variance components."
            )
        return self.fitted.variances()

    def require_fixed_rows(self, verb: str) -> None:
        """Raise where the session's rows are a sample, which these figures do not know of."""
        if UNITS in self.inference.point.blocks:
            raise UnsupportedError(
                f'{verb}: it does not know of population="sampled", the session\'s rows as a '
                "sample themselves. Ask a session without population=."
            )

    def require_fitted_scale(self, verb: str) -> None:
        """Raise where figures are not of the linear predictor, whose variances these are."""
        if not isinstance(self.fitted.mean, LinearMean):
            raise UnsupportedError(
                f"{verb}: variance parameters are those of the response as it was fitted, averaged "
                "over clusters; this session's figures are of something else. Ask a session "
                "without response= and random_effects=."
            )

    @property
    def point(self) -> Point:
        """The fitted coefficients and variance parameters."""
        used = self.fitted.parameters.only(BLOCKS)
        return Point(used.value[None, :], used.blocks)

    @cached_property
    def covariance(self) -> Covariance:
        """The covariance of both, of the kind that the session has."""
        return choose_covariance(self.fitted, self.vcov, self.df, self.cluster, BLOCKS)

    @property
    def covariance_facts(self) -> CovarianceFacts:
        """What tables say of it."""
        return self.covariance.facts if self.replicates is None else CovarianceFacts(DRAWS)

    @cached_property
    def _drawn(self) -> tuple[Replicates, SimulatedDraws | BootstrapDraws, tuple[Note, ...]]:
        """The session's draws of all parameters, their facts and notes.

        Intervals are percentiles where the session's are studentized: replicates have no standard
        error of their variance parameters.
        """
        own, found = self._bootstrapped
        facts = own.facts
        if isinstance(facts, BootstrapDraws) and facts.interval == STUDENTIZED:
            facts = replace(facts, interval=PERCENTILE)
        return of_blocks(found, BLOCKS), facts, own.notes

    @property
    def _bootstrapped(self) -> tuple[DrawsInference, Replicates]:
        """The session's draws, and its replicates of all parameters."""
        own = self.inference
        if self.replicates is None or not isinstance(own, DrawsInference):
            raise UnsupportedError(
                'method: "simulation" draws parameters from a normal distribution, which variances '
                'do not have. Use method="delta" or "bootstrap".'
            )
        return own, self.replicates

    # --- of new observations -------------------------------------------------------------------

    def limits(self, predictor: Estimand, varying: Varying, level: float, of: str) -> Limits:
        """Return prediction intervals on the scale of the linear predictor.

        Parameters
        ----------
        predictor : Estimand
            k linear predictors.
        varying : Varying
            What varies beside their estimates.
        level : float
        of : {"observation", "cluster"}
        """
        if of == CLUSTER:
            require_clusters_vary(varying, predictor.labels)
        own = self.inference
        if isinstance(own, DeltaInference):
            return by_delta(self._of_predictor(own), predictor, varying, level, of)
        drawn, found = self._bootstrapped
        if GAMMA not in found.point.blocks:
            raise UnsupportedError(
                "prediction_interval: the replicates of this bootstrap carry no variance of the "
                'residual. Use method="delta".'
            )
        return by_draws(drawn, DrawnVariances.of(found), predictor, varying, level)

    def _of_predictor(self, own: DeltaInference) -> DeltaInference:
        """Return the inference about the coefficients alone, whose degrees of freedom are known."""
        if GAMMA not in own.point.blocks:
            return own
        plain = replace(self.fitted, mean=LinearMean())
        covariance = choose_covariance(plain, self.vcov, self.df, self.cluster)
        reference = choose_reference(plain, self.df, covariance)
        return DeltaInference(plain.point, covariance.matrix, reference, None, self.key)

    # --- of variance parameters ----------------------------------------------------------------

    def of_variances(self, scales: Mapping[str, Scale]) -> OwnScales | VarianceDraws:
        """Return the inference about functions of variance parameters.

        Draws give percentile intervals, which are those of every scale; there is no standard error
        of a variance in each replicate to studentize by.
        """
        if not isinstance(self.inference, DeltaInference):
            replicates, facts, notes = self._drawn
            if isinstance(facts, BootstrapDraws):
                facts = replace(facts, interval=PERCENTILE)
            return VarianceDraws(self.point, replicates, PERCENTILE, facts, notes, self.key)
        normal = Reference.constant(np.inf)
        return OwnScales(self.point, self.covariance.matrix, normal, key=self.key, scales=scales)

    def by_profile(
        self,
        scales: Mapping[str, Scale],
        limits: Callable[[tuple[str, ...], float], FloatArray],
    ) -> ProfileLimits:
        """Return the inference whose intervals are profile-likelihood limits."""
        covariance = choose_covariance(self.fitted, None, None, None, BLOCKS)
        normal = Reference.constant(np.inf)
        return ProfileLimits(self.point, covariance.matrix, normal, scales=scales, limits=limits)

    # --- of effects in units of a standard deviation -------------------------------------------

    @cached_property
    def of_effects(self) -> Uncertainty:
        """The inference about coefficients over a standard deviation.

        Degrees of freedom are those of the effect itself: it is its standard error that is
        uncertain with few groups, not the standard deviation that it is divided by.
        """
        own = self.inference
        if not isinstance(own, DeltaInference):
            replicates, facts, notes = self._drawn
            kind = facts.interval if isinstance(facts, BootstrapDraws) else PERCENTILE
            return DrawsInference(self.point, replicates, kind, facts, notes, self.key)
        reference = own.reference
        if reference.method is not None and GAMMA not in reference.covers:
            where = self.point.blocks["beta"]
            method = OfCoefficients(reference.method, where)
            reference = replace(reference, method=method, covers=BLOCKS)
        return DeltaInference(self.point, self.covariance.matrix, reference, None, self.key)


@dataclass(frozen=True, slots=True, eq=False)
class OfCoefficients:
    """Degrees of freedom of rows by their part over the coefficients.

    Parameters
    ----------
    method : SmallSample
    where : slice
        The coefficients.
    """

    method: SmallSample
    where: slice

    def df(self, rows: FloatArray) -> FloatArray:
        """Return the degrees of freedom (k,) of rows over all parameters."""
        return self.method.df(rows[:, self.where])

    def joint(self, rows: FloatArray) -> tuple[float, float]:
        """Return the scale and denominator degrees of freedom of the joint F of rows."""
        return self.method.joint(rows[:, self.where])
