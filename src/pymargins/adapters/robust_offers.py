"""Covariances of a regression by name: under the model, and robust ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError
from pymargins.facts import CovarianceFacts, Distribution, ReferenceFacts
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request
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
    heteroscedastic,
)

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

    def require_apart(self, clusters: Clusters) -> None:
        """Raise where the model ties rows of different clusters together; here it never does."""


def named_offers(source: Estimated, kinds: Sequence[str]) -> dict[str, CovarianceOffer]:
    """Offer covariances by name."""
    options = {**dict.fromkeys(CLUSTERED, ("cluster",)), "HAC": ("option",)}
    return {
        kind: CovarianceOffer(Named(source, kind), options.get(kind, ()), options.get(kind, ()))
        for kind in kinds
    }


def over(cov: FloatArray, parameters: Parameters, request: Request) -> FloatArray:
    """Return the part of a covariance over all parameters that was asked for."""
    places = parameters.places(request.blocks)
    return cov[np.ix_(places, places)]


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A covariance of a fit by name, made when it is asked for."""

    source: Estimated
    kind: str

    def __call__(self, request: Request) -> Covariance:
        """Make the part that is asked for."""
        if self.kind in CLUSTERED:
            return self._clustered(self.kind, request)
        facts = CovarianceFacts(self.kind)
        if self.kind == "nonrobust":
            cov = self.source.under_the_model
        elif self.kind == "HAC":
            lags = _lags(request)
            cov = autocorrelated(self.source.estimating, lags)
            facts = CovarianceFacts("HAC", lags=lags)
        else:
            cov = heteroscedastic(self.source.estimating, cast(HeteroscedasticKind, self.kind))
        return Covariance(self._over(cov, request), facts, self.source.named_reference)

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
        return Covariance(self._over(cov, request), facts, own, by_name)

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
