"""Linear mixed models on arrays alone: cross-products, likelihood, fits and refits."""

from pymargins.mixed.bootstrap import LikelihoodRatio, bootstrap, jackknife, likelihood_ratio
from pymargins.mixed.effects import RandomEffects, random_effects
from pymargins.mixed.fit import MixedFit, fit, fit_at
from pymargins.mixed.gls import GlsFit, gls, score
from pymargins.mixed.optimum import OptimumDistance, distance_from_optimum
from pymargins.mixed.parameters import CovarianceParameters
from pymargins.mixed.profile import profiled_deviance
from pymargins.mixed.replicates import Replicates, refit_responses, refit_weights
from pymargins.mixed.sampling import ClusterSampling
from pymargins.mixed.structure import ColumnLayout, GroupBlock, MixedData, RowBlock

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
    "Replicates",
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
