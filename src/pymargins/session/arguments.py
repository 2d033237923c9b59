"""What the arguments of a session and its verbs may be: for editors and type checkers.

At run time everything is checked by the modules that read it, and refused in words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeAlias, TypedDict, TypeVar

import pandas as pd
from numpy.typing import NDArray

from pymargins.asking.scenarios import Scenario, ScenarioSet
from pymargins.asking.sources import ArrowStream, Source
from pymargins.options import HAC, Column, KenwardRoger, Option, Response, Seed, Survey

P = ParamSpec("P")
R = TypeVar("R")

Table: TypeAlias = pd.DataFrame | ArrowStream
#: A name or several.
Names: TypeAlias = str | Sequence[str]
#: Variables and what they are set to: a value, several, ``...`` or a function of the column.
Settings: TypeAlias = Mapping[str, Any]
AtExog: TypeAlias = Names | Settings | Table | None
By: TypeAlias = Names | Settings | None
#: Which of several outcomes, by their labels.
Outcome: TypeAlias = str | int | float | Sequence[Any] | None
Scenarios: TypeAlias = ScenarioSet | Sequence[Scenario | Settings] | Scenario | Settings

ScaleName: TypeAlias = Literal["identity", "log", "logit", "fisher_z"]
#: Text besides the names is the path of a Parquet file; a source is what a session has read.
At: TypeAlias = (
    Literal["overall", "typical", "mean", "balanced"] | str | Path | Settings | Table | Source
)
Covariance: TypeAlias = (
    Literal["model", "gls", "kenward-roger", "nonrobust", "laplace"]
    | Literal["HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2", "CR3"]
    | KenwardRoger
    | HAC
    | Survey
    | NDArray[Any]
    | pd.DataFrame
)
Df: TypeAlias = Literal["residual", "between-within", "satterthwaite", "kenward-roger"] | float
Method: TypeAlias = Literal["delta", "simulation", "bootstrap"] | Option
RandomEffects: TypeAlias = Literal["integrated", "zero", "predicted"]
ResponseName: TypeAlias = Literal[
    "mean", "median", "link", "cumulative", "zero", "inflation", "count"
]
EquationName: TypeAlias = Literal["inflation", "precision"]


class CommonOptions(TypedDict, total=False):
    """Keywords of `Margins` that are the same for every fit of a model."""

    at: At
    vcov: Covariance | None
    df: Df | None
    level: float
    method: Method
    n_boot: int | None
    n_sim: int | None
    rng: Seed | None
    n_jobs: int | None
    progress: bool | None
    weights: str | Column | None
    offset: Literal["observed"] | float
    adapter: Any
    cluster: str | Column | None
    polish: bool
    random_effects: RandomEffects
    response: ResponseName | Response | None
    equations: Mapping[EquationName, str] | None
    inestimable: Literal["refuse", "omit"]
    population: Literal["fixed", "sampled"]


class SessionOptions(CommonOptions, total=False):
    """Keywords of `Margins` besides the model and the scale."""

    data: Table | None


def names_options(init: Callable[..., None]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a constructor: `help` and notebooks then show the keywords of `init` by name."""

    def decorate(constructor: Callable[P, R]) -> Callable[P, R]:
        own = inspect.signature(constructor)
        taken = {p.name: p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD}
        every = inspect.signature(init).parameters.values()
        others = [p for p in every if p.kind is p.KEYWORD_ONLY and p.name not in {*taken, "scale"}]
        signature = own.replace(parameters=[*taken.values(), *others])
        constructor.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
        return constructor

    return decorate
