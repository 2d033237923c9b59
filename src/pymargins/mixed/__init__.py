"""Linear mixed models on arrays alone: cross-products, likelihood, fits and refits."""

from pymargins.mixed.likelihood.blups import RandomEffects, random_effects
from pymargins.mixed.likelihood.estimation import MixedFit, fit, fit_at
from pymargins.mixed.likelihood.least_squares import GlsFit, gls, score
from pymargins.mixed.likelihood.optimum import OptimumDistance, distance_from_optimum
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.profile import profiled_deviance
from pymargins.mixed.likelihood.structure import ColumnLayout, GroupBlock, MixedData, RowBlock
from pymargins.mixed.refits.bootstraps import (
    LikelihoodRatio,
    bootstrap,
    jackknife,
    likelihood_ratio,
)
from pymargins.mixed.refits.refitter import Refits, refit_responses, refit_weights
from pymargins.mixed.refits.sampling import ClusterSampling

__all__ = [
    "ClusterSampling",
    "ColumnLayout",
    "CovarianceParameters",
    "GlsFit",
    "GroupBlock",
    "LikelihoodRatio",
    "MixedData",
    "MixedFit",
    "OptimumDistance",
    "RandomEffects",
    "Refits",
    "RowBlock",
    "bootstrap",
    "distance_from_optimum",
    "fit",
    "fit_at",
    "gls",
    "jackknife",
    "likelihood_ratio",
    "profiled_deviance",
    "random_effects",
    "refit_responses",
    "refit_weights",
    "score",
]
