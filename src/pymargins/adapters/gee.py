"""statsmodels' generalised estimating equations: marginal models of clustered rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.adapters.links import inverse_link
from pymargins.adapters.regression import Names, RegressionAdapter
from pymargins.adapters.robust_offers import over
from pymargins.facts import CovarianceFacts, Distribution, FitWeights, ModelNote
from pymargins.models.fitted import Fitted
from pymargins.models.means import InverseLink
from pymargins.models.responses import link_response
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request

#: What statsmodels calls the covariances of the equations; CR3 (Mancl and DeRouen's) only after
#: ``fit(cov_type="bias_reduced")``.
ATTRIBUTES = {"nonrobust": "cov_naive", "CR0": "cov_robust", "CR3": "cov_robust_bc"}


class GeeAdapter(RegressionAdapter):
    """Reads a fitted ``GEE``."""

    classes: ClassVar = {"GEE": Names("marginal model", "generalised estimating equations")}
    kept = ("reported", "reported_kind", "by_name", "health")

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link of the family."""
        return inverse_link(self.source.family.link)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Its covariances are those of its own equations."""
        return ()

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell of weights, which weight the fit and not the averages."""
        return () if self.source.weights is None else (FitWeights("weights"),)

    def _names(self) -> Names:
        family = self.source.family
        words = f"{type(family).__name__} family, {type(family.link).__name__} link"
        working = type(self.source.cov_struct).__name__
        names = super()._names()
        return Names(f"{names.kind}, {words}", f"{names.estimation}, {working} working correlation")

    def _read(self) -> Fitted:
        fitted = super()._read()
        codes, present = pd.factorize(np.asarray(self.source.groups))
        facts = replace(fitted.facts, groups=len(present), group_name=self._group_name())
        offers = {kind: CovarianceOffer(Equations(self, kind)) for kind in self.by_name}
        found = replace(
            fitted,
            facts=facts,
            groups=np.asarray(codes, dtype=np.intp),
            covariances={**fitted.covariances, **offers},
        )
        return link_response(found)

    def _group_name(self) -> str | None:
        groups = np.asarray(self.source.groups)
        for name, column in self.rows.frame.items():
            if np.array_equal(np.asarray(column), groups):
                return str(name)
        return None

    @cached_property
    def by_name(self) -> dict[str, FloatArray]:
        """The covariances that the fit worked out, by name."""
        found = {k: getattr(self.results, v, None) for k, v in ATTRIBUTES.items()}
        return {k: np.asarray(v, dtype=float) for k, v in found.items() if v is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """A covariance of the estimating equations by name."""

    source: Any
    kind: str

    def __call__(self, request: Request) -> Covariance:
        """Return the part that is asked for."""
        fitted: Fitted = self.source.fitted
        cov = over(self.source.by_name[self.kind], fitted.parameters, request)
        if self.kind == "nonrobust":
            return Covariance(cov, CovarianceFacts(self.kind), self.source.own_reference)
        clusters = int(fitted.facts.groups or 0)
        reference = Reference.constant(clusters - 1.0, Distribution.CLUSTERS)
        return Covariance(cov, CovarianceFacts(self.kind, clusters=clusters), reference)
