"""The uncertainty that a linear mixed model of statsmodels offers: covariances, reference df."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.adapters.mixedlm_levels import (
    kenward_roger_reference,
    refuse_other_levels,
    satterthwaite_reference,
    shifted_df,
)
from pymargins.adapters.mixedlm_rows import Arrays
from pymargins.adapters.mixedlm_variances import refuse_variances, with_variances
from pymargins.adapters.training import cluster_labels
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.facts import CovarianceFacts, Distribution, ReferenceFacts
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit, gls
from pymargins.mixed.small_samples.between_within import between_within_split
from pymargins.mixed.small_samples.clusters import cluster_codes
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives, variance_derivatives
from pymargins.mixed.small_samples.kenward_roger import KenwardRogerFit, kenward_roger_fit
from pymargins.mixed.small_samples.robust import RobustKind, group_influences, robust_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit
from pymargins.models.fitted import Fitted
from pymargins.models.influences import Influences, of_clusters
from pymargins.models.uncertainty import (
    Covariance,
    CovarianceOffer,
    Reference,
    ReferenceOffer,
    Request,
    Seen,
)
from pymargins.models.variances import GAMMA

#: A deviance this little above that of the optimum is where an optimiser stops.
SAME_POINT = 1e-6
ROBUST: tuple[RobustKind, ...] = ("CR0", "CR1", "CR2", "CR3")


class MixedUncertainty:
    """A fitted linear mixed model, as covariances see it; its adapter fills it in.

    Attributes
    ----------
    model : MixedLMResults
    fitted : Fitted
    arrays : Arrays
    reml, polished : bool
    """

    model: Any
    fitted: Fitted
    arrays: Arrays
    reml: bool
    polished: bool

    @cached_property
    def data(self) -> MixedData:
        """The model's rows and cross-products."""
        raise NotImplementedError

    @property
    def parameters(self) -> CovarianceParameters:
        """The variance parameters at which everything is formed."""
        raise NotImplementedError

    @cached_property
    def optimum(self) -> MixedFit:
        """The optimum of the likelihood."""
        raise NotImplementedError

    @cached_property
    def constrained(self) -> bool:
        """Whether the fit is at another optimum than the likelihood's."""
        raise NotImplementedError

    @cached_property
    def _gap(self) -> float:
        """How far the deviance of the fit is above that of the optimum."""
        raise NotImplementedError

    @cached_property
    def _cov_params(self) -> FloatArray:
        """The covariance of all parameters that the fit reports."""
        return np.asarray(self.model.cov_params(), dtype=float)

    def _covariances(self, plain: tuple[str, ...]) -> Mapping[str, CovarianceOffer]:
        """Offer the covariances of the fixed effects; the plain ones first."""
        offers = {kind: CovarianceOffer(partial(self._plain, kind)) for kind in plain}
        offers["kenward-roger"] = CovarianceOffer(self._kenward_roger, ("information",))
        for kind in ROBUST:
            offers[kind] = CovarianceOffer(partial(self._robust, kind), ("cluster",))
        return offers

    def _references(self) -> Mapping[str, ReferenceOffer]:
        return {
            "satterthwaite": ReferenceOffer(self._satterthwaite, ("gls", "kenward-roger")),
            "kenward-roger": ReferenceOffer(
                self._kenward_roger_reference, ("gls", "kenward-roger")
            ),
            "between-within": ReferenceOffer(self._between_within),
        }

    def _plain(self, kind: str, request: Request) -> Covariance:
        cov = gls(self.data, self.parameters).cov if kind == "gls" else self._reported()
        return self._covering(Covariance(cov, CovarianceFacts(kind)), request)

    def _covering(self, found: Covariance, request: Request) -> Covariance:
        """Extend a covariance of the coefficients to the variance parameters where these count."""
        if GAMMA not in request.blocks:
            return found
        return with_variances(found, request, self.data, self.parameters, self._derivatives)

    def _reported(self) -> FloatArray:
        """Return the covariance of the fixed effects that the fit reports."""
        if self.polished:
            raise UnsupportedError(
                'vcov: "model" belongs to the fit as it stopped; with polish=True use "gls".'
            )
        if self.fitted.null_spaces["beta"].size:
            raise NumericalError(
                'vcov="model": the design has redundant columns, where the fit inverts a singular '
                'matrix and reports what rounding makes of it. Use vcov="gls".'
            )
        p = len(self.fitted.parameters["beta"])
        cov = self._cov_params[:p, :p]
        if not np.isfinite(cov).all() or (np.diagonal(cov) < 0).any():
            raise NumericalError(
                'vcov="model": the fit reports a covariance that is not finite or has a negative '
                'variance (a singular fit). Use vcov="gls".'
            )
        return cov

    @cached_property
    def _derivatives(self) -> VarianceDerivatives:
        """What Kenward-Roger and Satterthwaite share."""
        return variance_derivatives(self.data, self.parameters)

    def _pieces(self) -> VarianceDerivatives:
        return self._derivatives

    def _kenward_roger_fit(self, information: str) -> KenwardRogerFit:
        kept: Any = information  # checked by the option that carries it
        if not self.reml:  # refused there, before the derivatives are formed
            return kenward_roger_fit(self.data, self.parameters, kept)
        return kenward_roger_fit(self.data, self.parameters, kept, self._derivatives)

    def _kenward_roger(self, request: Request) -> Covariance:
        found = self._kenward_roger_fit(request.information)
        reference = self._compared(
            kenward_roger_reference(found, self._derivatives), "kenward-roger"
        )
        facts = CovarianceFacts("kenward-roger", information=request.information)
        own = Covariance(found.cov, facts, reference, {"kenward-roger": reference})
        return self._covering(own, request)

    def _kenward_roger_reference(self, information: str) -> Reference:
        found = self._kenward_roger_fit(information)
        return self._compared(kenward_roger_reference(found, self._derivatives), "kenward-roger")

    def _compared(self, reference: Reference, method: str) -> Reference:
        """Tell where degrees of freedom are others at the optimum than where the fit stopped."""
        if self.polished or self.constrained:
            return reference
        if self._gap < SAME_POINT:
            return reference
        names = self.fitted.design.names
        found = shifted_df(self.data, names, reference, self.optimum.params, method)
        if found is None:
            return reference
        return replace(reference, notes=(*reference.notes, found))

    def _satterthwaite(self, information: str) -> Reference:
        found = satterthwaite_fit(self.data, self.parameters, self._derivatives)
        return self._compared(satterthwaite_reference(found, self._derivatives), "satterthwaite")

    def _between_within(self, information: str) -> Reference:
        refuse_other_levels(self.arrays.components, self.fitted.facts.random)
        facts = ReferenceFacts(Distribution.BETWEEN_WITHIN)
        return Reference(facts, method=between_within_split(self.data))

    def _robust(self, kind: RobustKind, request: Request) -> Covariance:
        refuse_variances(kind, request)
        cluster = request.cluster
        labels = None if cluster is None else cluster_labels(self.fitted, cluster)
        found = robust_fit(self.data, self.parameters, kind, labels, self.arrays.group_labels)
        own = Reference.constant(float(found.cluster_df), Distribution.CLUSTERS)
        facts = ReferenceFacts(Distribution.BELL_MCCAFFREY, covariance=kind)
        by_name = {"satterthwaite": Reference(facts, method=found)}
        facts = CovarianceFacts(kind, clusters=found.n_clusters)
        return Covariance(found.cov, facts, own, by_name, Seen(found.seen))

    def influences(self, cluster: Any) -> Influences:
        """Return how groups, or clusters of whole groups, move the coefficients."""
        labels = None if cluster is None else cluster_labels(self.fitted, cluster)
        codes = cluster_codes(self.data, labels, self.arrays.group_labels)
        groups = self.fitted.groups
        assert groups is not None
        by_group = group_influences(self.data, self.parameters)
        size = int(codes.max()) + 1
        reference = Reference.constant(size - 1.0, Distribution.CLUSTERS)
        found = of_clusters(by_group, codes, size, None, reference)
        return replace(found, unit=codes[groups])
