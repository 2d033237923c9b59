"""Adjusted predictions, slopes and contrasts from fitted models, with valid uncertainty."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymargins.adapters.registry import register_adapter
    from pymargins.asking.helpers import (
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
    from pymargins.asking.scenarios import Scenario, ScenarioSet
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
    from pymargins.estimands.scales import Scale
    from pymargins.options import (
        HAC,
        Bootstrap,
        Delta,
        KenwardRoger,
        Posterior,
        Response,
        Simulation,
        Survey,
    )
    from pymargins.results.compared import compare
    from pymargins.results.loaded import load
    from pymargins.results.result import MarginsResult
    from pymargins.session import Margins

__version__ = "0.1.0"

__all__ = [
    "HAC",
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
    "Posterior",
    "PymarginsError",
    "PymarginsWarning",
    "Response",
    "Scale",
    "Scenario",
    "ScenarioSet",
    "Simulation",
    "Survey",
    "UnknownNameError",
    "UnsupportedError",
    "UnsupportedModelError",
    "__version__",
    "all_pairwise",
    "compare",
    "did",
    "grid",
    "helmert",
    "levels",
    "load",
    "pairwise",
    "polynomial",
    "reference",
    "register_adapter",
    "sequential",
]

#: Where each name lives; it is loaded when first asked for, so that the import itself is quick.
_HOME = {
    "HAC": "pymargins.options",
    "ArgumentError": "pymargins.errors",
    "ArgumentTypeError": "pymargins.errors",
    "Bootstrap": "pymargins.options",
    "Delta": "pymargins.options",
    "EstimabilityError": "pymargins.errors",
    "FitWarning": "pymargins.errors",
    "KenwardRoger": "pymargins.options",
    "Margins": "pymargins.session",
    "MarginsResult": "pymargins.results.result",
    "ModelError": "pymargins.errors",
    "NumericalError": "pymargins.errors",
    "Posterior": "pymargins.options",
    "PymarginsError": "pymargins.errors",
    "PymarginsWarning": "pymargins.errors",
    "Response": "pymargins.options",
    "Scale": "pymargins.estimands.scales",
    "Scenario": "pymargins.asking.scenarios",
    "ScenarioSet": "pymargins.asking.scenarios",
    "Simulation": "pymargins.options",
    "Survey": "pymargins.options",
    "UnknownNameError": "pymargins.errors",
    "UnsupportedError": "pymargins.errors",
    "UnsupportedModelError": "pymargins.errors",
    "all_pairwise": "pymargins.asking.helpers",
    "compare": "pymargins.results.compared",
    "did": "pymargins.asking.helpers",
    "grid": "pymargins.asking.helpers",
    "helmert": "pymargins.asking.helpers",
    "levels": "pymargins.asking.helpers",
    "load": "pymargins.results.loaded",
    "pairwise": "pymargins.asking.helpers",
    "polynomial": "pymargins.asking.helpers",
    "reference": "pymargins.asking.helpers",
    "register_adapter": "pymargins.adapters.registry",
    "sequential": "pymargins.asking.helpers",
}
_MODULES = ("adapters", "errors", "mixed", "testing")


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"pymargins.{name}")
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pymargins.elsewhere import VERBS, name_hint
    from pymargins.errors import UnknownAttributeError, near_miss

    hint = name_hint(VERBS, name, ", with m = Margins(fit)") or near_miss(name, __all__)
    raise UnknownAttributeError(f"pymargins has no {name!r}.{hint}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_MODULES))
