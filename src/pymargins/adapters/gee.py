"""statsmodels' generalised estimating equations: marginal models of clustered rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.fresh_refits import FreshRefitter, MarginalFit
from pymargins.adapters.glm import separable
from pymargins.adapters.links import inverse_link
from pymargins.adapters.names import Names
from pymargins.adapters.refitted import NO_DISTRIBUTION
from pymargins.adapters.regression import RegressionAdapter
from pymargins.adapters.regression_health import Step
from pymargins.adapters.robust_offers import over, seen_over
from pymargins.errors import UnsupportedError
from pymargins.facts import CovarianceFacts, Distribution, FitWeights, ModelNote
from pymargins.models.fitted import Fitted
from pymargins.models.means import InverseLink
from pymargins.models.responses import link_response
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request
from pymargins.options import Kind
from pymargins.regression.clusters import CLUSTERED, ClusterKind, Clusters
from pymargins.regression.estimating import Estimating, Working, inverse_root
from pymargins.regression.shown import Shown, shown_by_clusters

#: What statsmodels calls the covariances of the equations.
ATTRIBUTES = {"nonrobust": "cov_naive", "CR0": "cov_robust", "CR3": "cov_robust_bc"}
#: The robust ones, as a fit calls that which it reports.
REPORTED: dict[str, ClusterKind] = {"robust": "CR0", "bias_reduced": "CR3"}


class GeeAdapter(RegressionAdapter):
    """Reads a fitted ``GEE``."""

    classes: ClassVar = {"GEE": Names("marginal model", "generalised estimating equations")}
    kept = (*RegressionAdapter.kept, "reported_kind", "by_name", "clusters")

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link of the family."""
        return inverse_link(self.source.family.link)

    @property
    def plain(self) -> bool:
        """Whether its equations are those of whole rows, all counting alike, unconstrained."""
        source = self.source
        whole = source.weights is None and source.constraint is None
        return whole and float(source.scaling_factor) == 1.0

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why it has it not, or nothing."""
        alone = "its rows come in groups, which drawing single ones would break up"
        return {**super().bootstraps, "rows": alone, "parametric": NO_DISTRIBUTION}

    @property
    def kind(self) -> Kind:
        """Whole groups are drawn."""
        return "cluster"

    def refitter(self, drawing: Drawing) -> FreshRefitter:
        """Refit a fresh model of the class to each replicate."""
        if self.source.constraint is not None:
            raise UnsupportedError(
                "bootstrap: this fit is constrained, which refits would not be. Use "
                'method="delta" or "simulation".'
            )
        return FreshRefitter.of(MarginalFit.of(self), drawing)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The covariances by name: of clusters, which are its groups or hold whole ones."""
        return ("nonrobust", *CLUSTERED) if self.plain else ()

    @cached_property
    def clusters(self) -> AnyArray:
        """The groups of the fit."""
        return np.asarray(self.source.groups)

    def require_apart(self, clusters: Clusters) -> None:
        """Raise where rows of one group are in different clusters."""
        groups = pd.factorize(self.clusters)[0]
        pairs = len(np.unique(np.stack([groups, clusters.codes]), axis=1).T)
        if pairs > len(np.unique(groups)):
            raise UnsupportedError(
                "cluster: it splits groups of this GEE fit, whose working correlation ties their "
                "rows together. Give clusters that hold whole groups."
            )

    @cached_property
    def estimating(self) -> Estimating:
        r"""The equations, rows of a group made uncorrelated by the working covariance.

        With :math:`V_g^{-1} = L L'` the scores of group g are those of the least squares of
        :math:`L' e_g` on :math:`L' D_g`, so that the hat matrix of these is Mancl and DeRouen's
        and the corrections CR3 and CR2 are theirs and Kauermann and Carroll's.

        References
        ----------
        Mancl, L. A. and DeRouen, T. A. (2001). *Biometrics* 57, 126-134.
        doi:10.1111/j.0006-341X.2001.00126.x. Kauermann, G. and Carroll, R. J. (2001). *Journal of
        the American Statistical Association* 96, 1387-1396. doi:10.1198/016214501753382309
        """
        design, offset = self.rows.exog, self.rows.offset
        eta = design @ self.params + (0.0 if offset is None else offset)
        mean = self.link.inverse(eta)
        rise = design * self.link.first(eta)[:, None]
        residual = np.asarray(self.source.endog, dtype=float) - mean
        deviation = np.sqrt(np.asarray(self.source.family.variance(mean), dtype=float))
        groups = self.source.group_indices
        for i, label in enumerate(self.source.group_labels):
            rows = np.asarray(groups[label])
            root = self._root(i, mean[rows], deviation[rows])
            rise[rows], residual[rows] = root @ rise[rows], root @ residual[rows]
        inverse = inverse_root(rise)
        return Estimating(
            scores=rise * residual[:, None],
            bread=inverse @ inverse.T,
            rank=inverse.shape[1],
            working=Working(rise, residual),
        )

    def shown_by(self, kind: ClusterKind) -> Shown:
        """Return what a covariance that is robust to its groups shows of a variance."""
        return shown_by_clusters(self.estimating, kind, Clusters.of(self.clusters))

    @cached_property
    def shown(self) -> tuple[Shown, str] | None:
        """What the covariance that the fit reports shows of a variance; None where it is whole."""
        kind = REPORTED.get(self.reported_kind)
        if kind is None or self.source.constraint is not None:
            return None
        return self.shown_by(kind), "cluster"

    def _root(self, group: int, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        """Return L' with L L' the inverse of a group's working covariance."""
        one = (np.eye(len(mean)),)
        solved = self.source.cov_struct.covariance_matrix_solve(mean, group, deviation, one)
        inverse = np.asarray(solved[0], dtype=float)
        return np.linalg.cholesky((inverse + inverse.T) / 2.0).T

    @cached_property
    def under_the_model(self) -> FloatArray:
        """The covariance if the working correlation is right."""
        return self.by_name["nonrobust"]

    def step(self) -> Step | None:
        """Return what is left to the solution of the equations."""
        if not self.plain:
            return None
        equations = self.estimating
        move = equations.bread @ equations.scores.sum(axis=0)
        return Step(move, equations.bread * float(self.results.scale))

    @property
    def separable(self) -> bool:
        """Whether means have an end that they tend to as their predictor runs off."""
        return separable(self.source.family)

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """Tell of weights, which weight the fit and not the averages."""
        return () if self.source.weights is None else (FitWeights("weights"),)

    def _names(self) -> Names:
        family = self.source.family
        words = f"{type(family).__name__} family, {type(family.link).__name__} link"
        working = type(self.source.cov_struct).__name__
        names = super()._names()
        estimation = f"{names.estimation}, {working} working correlation"
        binary = type(family).__name__ == "Binomial"
        return Names(f"{names.kind}, {words}", estimation, binary)

    def _read(self) -> Fitted:
        fitted = super()._read()
        codes, present = pd.factorize(np.asarray(self.source.groups))
        facts = replace(fitted.facts, groups=len(present), group_name=self._group_name())
        more = [kind for kind in self.by_name if kind not in fitted.covariances]
        offers = {kind: CovarianceOffer(Equations(self, kind)) for kind in more}
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
        facts = CovarianceFacts(self.kind, clusters=clusters)
        if self.source.source.constraint is not None:
            return Covariance(cov, facts, reference)
        shown = self.source.shown_by("CR3" if self.kind == "CR3" else "CR0")
        seen = seen_over(shown, fitted.parameters, request, "cluster")
        return Covariance(cov, facts, reference, seen=seen)
