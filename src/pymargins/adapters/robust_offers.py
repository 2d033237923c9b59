"""Covariances of a regression by name: under the model, and robust ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError, UnsupportedError
from pymargins.facts import CovarianceFacts, Distribution, ReferenceFacts
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request, Seen
from pymargins.options import HAC
from pymargins.regression.clusters import (
    CLUSTERED,
    ClusterKind,
    Clusters,
    bell_mccaffrey,
    clustered,
)
from pymargins.regression.estimating import Estimating
from pymargins.regression.sandwich import (
    HETEROSCEDASTIC,
    HeteroscedasticKind,
    autocorrelated,
    bartlett,
    heteroscedastic,
)
from pymargins.regression.shown import Shown, shown_by_clusters, shown_by_rows, shown_in_time

#: Every covariance with a name that a regression can have.
KINDS = ("nonrobust", *HETEROSCEDASTIC, *CLUSTERED, "HAC")


class Estimated:
    """A fitted regression, as robust covariances see it; its adapter fills it in.

    Attributes
    ----------
    fitted : Fitted
    """

    fitted: Fitted

    @cached_property
    def estimating(self) -> Estimating:
        """The fit's estimating equations at its estimate."""
        raise NotImplementedError

    @cached_property
    def under_the_model(self) -> FloatArray:
        """The covariance of all parameters if the model holds."""
        return self.estimating.bread

    @cached_property
    def named_reference(self) -> Reference:
        """What statistics with a covariance asked for by name are referred to."""
        return Reference.constant(np.inf)

    @property
    def linear(self) -> bool:
        """Whether it is least squares: t(n - k) with every covariance, Bell-McCaffrey df."""
        return False

    @cached_property
    def clusters(self) -> Any:
        """The clusters that the fit itself was given; None where there are none."""
        return None

    def with_variance(self, cov: FloatArray, request: Request) -> FloatArray:
        """Return the covariance of the coefficients with what else is asked for; here nothing."""
        return cov

    def require_apart(self, clusters: Clusters) -> None:
        """Raise where the model ties rows of different clusters together; here it never does."""


def named_offers(source: Estimated, kinds: Sequence[str]) -> dict[str, CovarianceOffer]:
    """Offer covariances by name."""
    options = {**dict.fromkeys(CLUSTERED, ("cluster",)), "HAC": ("option",)}
    return {
        kind: CovarianceOffer(Named(source, kind), options.get(kind, ()), options.get(kind, ()))
        for kind in kinds
    }


def refuse_variance(kind: str, request: Request) -> None:
    """Raise where a robust covariance is asked for the variance of the residuals."""
    if "gamma" in request.blocks:
        raise UnsupportedError(
            f"vcov: {kind!r} does not trust the model of the variance, and these figures are "
            "integrated over it. Leave `vcov` out, or ask for the median: "
            'response="median".'
        )


def over(cov: FloatArray, parameters: Parameters, request: Request) -> FloatArray:
    """Return the part of a covariance over all parameters that was asked for."""
    places = parameters.places(request.blocks)
    return cov[np.ix_(places, places)]


def seen_over(shown: Shown, parameters: Parameters, request: Request, unit: str) -> Seen:
    """Return what is shown of the parameters that were asked for."""
    share = shown.of(parameters.places(request.blocks))
    return Seen(share, unit, ("nonrobust",), request.blocks)


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A covariance of a fit by name, made when it is asked for."""

    source: Estimated
    kind: str

    def __call__(self, request: Request) -> Covariance:
        """Make the part that is asked for."""
        if self.kind != "nonrobust":
            refuse_variance(self.kind, request)
        if self.kind in CLUSTERED:
            return self._clustered(self.kind, request)
        if self.kind == "nonrobust":
            cov = self.source.with_variance(self.source.under_the_model, request)
            return self._made(cov, CovarianceFacts("nonrobust"), request)
        fit = self.source.estimating
        if self.kind == "HAC":
            lags = _lags(request)
            cov, facts = autocorrelated(fit, lags), CovarianceFacts("HAC", lags=lags)
            return self._made(cov, facts, request, shown_in_time(fit, bartlett(lags)))
        kind = cast(HeteroscedasticKind, self.kind)
        cov, facts = heteroscedastic(fit, kind), CovarianceFacts(kind)
        return self._made(cov, facts, request, shown_by_rows(fit, kind))

    def _made(
        self,
        cov: FloatArray,
        facts: CovarianceFacts,
        request: Request,
        shown: Shown | None = None,
    ) -> Covariance:
        seen = None if shown is None else self._seen(shown, request, "row")
        return Covariance(self._over(cov, request), facts, self.source.named_reference, seen=seen)

    def _seen(self, shown: Shown, request: Request, unit: str) -> Seen:
        return seen_over(shown, self.source.fitted.parameters, request, unit)

    def _over(self, cov: FloatArray, request: Request) -> FloatArray:
        return over(cov, self.source.fitted.parameters, request)

    def _clustered(self, kind: ClusterKind, request: Request) -> Covariance:
        source = self.source
        clusters = Clusters.of(self._labels(request))
        source.require_apart(clusters)
        cov = clustered(source.estimating, kind, clusters)
        by_name: dict[str, Reference] = {}
        if source.linear:
            found = bell_mccaffrey(source.estimating, kind, clusters, cov)
            facts = ReferenceFacts(Distribution.BELL_MCCAFFREY, covariance=kind)
            by_name["satterthwaite"] = Reference(facts, method=found)
        own = Reference.constant(clusters.size - 1.0, Distribution.CLUSTERS)
        facts = CovarianceFacts(kind, clusters=clusters.size)
        shown = shown_by_clusters(source.estimating, kind, clusters)
        seen = self._seen(shown, request, "cluster")
        return Covariance(self._over(cov, request), facts, own, by_name, seen)

    def _labels(self, request: Request) -> AnyArray:
        if request.cluster is not None:
            return cluster_labels(self.source.fitted, request.cluster)
        if self.source.clusters is not None:
            return np.asarray(self.source.clusters)
        raise ArgumentError(
            f"cluster: vcov={self.kind!r} needs to know the clusters; name a column of the data, "
            "or give one label for each row of the fit."
        )


def _lags(request: Request) -> int:
    if not isinstance(request.option, HAC):
        raise ArgumentError(
            'vcov: "HAC" needs the number of lags: vcov=HAC(maxlags), from pymargins.'
        )
    return request.option.maxlags
