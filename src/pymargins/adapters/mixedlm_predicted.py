"""A MixedLM whose rows keep their own clusters, at their predicted random effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pymargins.adapters.mixedlm_clusters import Clusters, seen_values
from pymargins.adapters.mixedlm_levels import variance_notes
from pymargins.facts import CovarianceFacts, Distribution, RandomEffects, ReferenceFacts
from pymargins.mixed import CovarianceParameters, MixedData, gls, random_effects
from pymargins.mixed.prediction.columns import joined
from pymargins.mixed.prediction.prediction import Prediction, predict_clusters
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.models.clusters import EFFECTS
from pymargins.models.fitted import Fitted, Refits
from pymargins.models.parameters import Parameters
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.uncertainty import (
    Covariance,
    CovarianceOffer,
    Reference,
    ReferenceOffer,
    Replicates,
    Request,
)
from pymargins.models.variables import Variable
from pymargins.options import Bootstrap, Kind

#: What a prediction's degrees of freedom are known of.
COVERS = ("beta", EFFECTS)


@dataclass(frozen=True, eq=False)
class Predictions:
    """The uncertainty of predictions of a fit, formed when first asked for.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
    derivatives : callable
        Returns the derivatives at `params`.
    compared : callable
        Adds to a `Reference` what is to be told where the fit stopped short of its optimum.
    """

    data: MixedData
    params: CovarianceParameters
    derivatives: Callable[[], VarianceDerivatives]
    compared: Callable[[Reference, str], Reference]
    _memo: dict[tuple[str, str], Prediction] = field(default_factory=dict, repr=False)

    def found(self, method: str, information: str = "expected") -> Prediction:
        """Return the uncertainty by a method."""
        if (method, information) not in self._memo:
            kept: Any = information  # checked by the option that carries it
            pieces = self.derivatives()
            made = predict_clusters(self.data, self.params, pieces, method, kept)
            self._memo[method, information] = made
        return self._memo[method, information]

    def covariances(
        self, population: Mapping[str, CovarianceOffer]
    ) -> Mapping[str, CovarianceOffer]:
        """Offer the covariances of prediction errors, and the population's of parameters alone."""
        gls, adjusted = population["gls"], population["kenward-roger"]
        return {
            "gls": CovarianceOffer(OfEffects(self._gls, gls)),
            "kenward-roger": CovarianceOffer(
                OfEffects(self._kenward_roger, adjusted), ("information",)
            ),
        }

    def references(self) -> Mapping[str, ReferenceOffer]:
        """Offer the degrees of freedom of predictions."""
        both = ("gls", "kenward-roger")
        return {
            "satterthwaite": ReferenceOffer(self._satterthwaite_reference, both),
            "kenward-roger": ReferenceOffer(self._kenward_roger_reference, both),
        }

    def _gls(self, request: Request) -> Covariance:
        facts = CovarianceFacts("gls", of_prediction=True)
        return Covariance(self.found("satterthwaite"), facts)

    def _kenward_roger(self, request: Request) -> Covariance:
        found = self.found("kenward-roger", request.information)
        facts = CovarianceFacts(
            "kenward-roger", information=request.information, of_prediction=True
        )
        reference = self._kenward_roger_reference(request.information)
        return Covariance(found, facts, reference, {"kenward-roger": reference})

    def _satterthwaite_reference(self, information: str) -> Reference:
        found = self.found("satterthwaite")
        facts = ReferenceFacts(Distribution.SATTERTHWAITE)
        return self._reference(facts, found, "satterthwaite")

    def _kenward_roger_reference(self, information: str) -> Reference:
        found = self.found("kenward-roger", information)
        facts = ReferenceFacts(Distribution.KENWARD_ROGER, information=information)
        return self._reference(facts, found, "kenward-roger")

    def _reference(self, facts: ReferenceFacts, found: Prediction, method: str) -> Reference:
        notes = variance_notes(found.variance_of_gamma)
        plain = Reference(
            facts,
            method=found,
            covers=COVERS,
            notes=notes,
            may_lack=True,
            total=found.total_df,
        )
        return self.compared(plain, method)


@dataclass(frozen=True, slots=True, eq=False)
class OfEffects:
    """A covariance of predicted effects, and of parameters where these alone are asked for.

    Parameters
    ----------
    predicted : callable
    population : CovarianceOffer
    """

    predicted: Callable[[Request], Covariance]
    population: CovarianceOffer

    def __call__(self, request: Request) -> Covariance:
        """Make the one that the blocks ask for."""
        if EFFECTS in request.blocks:
            return self.predicted(request)
        return self.population.make(request)


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRefits:
    """Refits of a model whose figures are of its own clusters.

    Parameters
    ----------
    draw : callable
        From the option to replicates that scatter by errors of prediction.
    refits : Refits
        For figures of the population.
    """

    draw: Callable[[Bootstrap], Replicates]
    refits: Refits

    @property
    def kind(self) -> Kind:
        """Whose replicates have random effects that are known."""
        return "parametric"

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Draw, refit and predict."""
        return self.draw(option.of_kind(self.kind))

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Bootstrap the likelihood ratio, in which known clusters play no part."""
        return self.refits.likelihood_ratio(columns, option)


def predicted(
    fitted: Fitted,
    clusters: Clusters,
    part: RandomPart,
    predictions: Predictions,
    draw: Callable[[Bootstrap], Replicates],
) -> Fitted:
    """Return the model whose rows keep their own clusters.

    Parameters
    ----------
    fitted : Fitted
        With random effects integrated out.
    clusters : Clusters
    part : RandomPart
    predictions : Predictions
    draw : callable
        Bootstraps their errors.

    Raises
    ------
    UnsupportedError
        Where no column of the data tells the clusters.
    """
    data, params = predictions.data, predictions.params
    names = fitted.facts.random[0].effects if part.effects else ()
    mean = clusters.mean(data, part, names)
    effects = joined(random_effects(data, params, gls(data, params)))
    own = {name: fitted.parameters[name] for name in fitted.parameters.blocks}
    wider = fitted.with_design(RANDOM, part.design, part.values)
    keys = {
        key: cluster_variable(key, fitted.frame[key])
        for key in mean.keys
        if key not in wider.variables
    }
    assert fitted.refits is not None
    return replace(
        wider,
        parameters=Parameters.of_blocks(**own, **{EFFECTS: effects}),
        mean=mean,
        variables={**wider.variables, **keys},
        covariances=predictions.covariances(fitted.covariances),
        references=predictions.references(),
        facts=replace(fitted.facts, random_effects=RandomEffects.PREDICTED),
        refits=ClusterRefits(draw, fitted.refits),
        responses={},
        polish=None,
        predicted=None,
    )


def cluster_variable(name: str, column: Any) -> Variable:
    """Describe a grouping variable: a category that may have levels the fit has not seen."""
    levels = seen_values(column)
    return Variable(name, "categorical", levels, levels[0], dtype=column.dtype, open=True)
