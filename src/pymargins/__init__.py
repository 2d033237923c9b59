"""Adjusted predictions, slopes and contrasts from fitted models, with valid uncertainty."""

from __future__ import annotations

from pymargins.adapters.registry import register_adapter
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    EstimabilityError,
    FitWarning,
    ModelError,
    NumericalError,
    PymarginsError,
    PymarginsWarning,
    UnknownNameError,
    UnsupportedError,
    UnsupportedModelError,
)
from pymargins.inference.options import Bootstrap, Delta, KenwardRoger, Simulation
from pymargins.results import MarginsResult
from pymargins.scale import Scale
from pymargins.scenarios import (
    Scenario,
    ScenarioSet,
    all_pairwise,
    did,
    grid,
    helmert,
    levels,
    pairwise,
    polynomial,
    reference,
    sequential,
)
from pymargins.session import Margins

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Bootstrap",
    "Delta",
    "EstimabilityError",
    "FitWarning",
    "KenwardRoger",
    "Margins",
    "MarginsResult",
    "ModelError",
    "NumericalError",
    "PymarginsError",
    "PymarginsWarning",
    "Scale",
    "Scenario",
    "ScenarioSet",
    "Simulation",
    "UnknownNameError",
    "UnsupportedError",
    "UnsupportedModelError",
    "__version__",
    "all_pairwise",
    "did",
    "grid",
    "helmert",
    "levels",
    "pairwise",
    "polynomial",
    "reference",
    "register_adapter",
    "sequential",
]
