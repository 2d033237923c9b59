"""Option objects behind ``method=``, ``vcov=`` and ``response=``: they check themselves."""

from __future__ import annotations

from typing import TypeAlias

from pymargins.options.checks import Column, Seed
from pymargins.options.covariances import HAC, KenwardRoger, Survey
from pymargins.options.draws import HDI, Delta, Posterior, Simulation
from pymargins.options.resampling import Bootstrap, Kind
from pymargins.options.responses import Response

#: What ``method=`` may be once it has been read.
Option: TypeAlias = Delta | Simulation | Bootstrap | Posterior

__all__ = [
    "HAC",
    "HDI",
    "Bootstrap",
    "Column",
    "Delta",
    "KenwardRoger",
    "Kind",
    "Option",
    "Posterior",
    "Response",
    "Seed",
    "Simulation",
    "Survey",
]
