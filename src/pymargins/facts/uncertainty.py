"""Which covariance, distribution and method carry the uncertainty."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from pymargins.facts.model import FEW_GROUPS, ModelFacts

#: With fewer clusters than this a cluster-robust covariance is worth a note.
FEW_SANDWICHED = 8


@dataclass(frozen=True, slots=True)
class CovarianceFacts:
    """Which covariance of the parameters is used.

    Parameters
    ----------
    kind : str
        ``"model"``, ``"gls"``, ``"kenward-roger"``, ``"CR2"``, ..., ``"matrix"`` for one that was
        given, ``"draws"`` for that of bootstrap draws.
    clusters : int, optional
    information : str, optional
        Of Kenward and Roger: ``"expected"`` or ``"observed"``.
    aligned : bool
        Whether a matrix that was given was aligned by the names of its rows.
    fitted_as : str
        Of ``"model"``: what the fit calls the covariance that it reports.
    computed_as : str
        Of ``"model"``: what that is in truth, where it is something else.
    lags : int, optional
        Of ``"HAC"``.
    of_prediction : bool
        Whether random effects of known clusters are covered too: these are prediction errors.
    variances : {"observed", "expected"}, optional
        Where the variance parameters of a mixed model are covered too: the information that their
        part is the inverse of.
    strata : int, optional
        Of a survey, whose `clusters` are its primary sampling units.
    of_finite : bool
        Whether a survey's population is finite: less varies where more of it was sampled.
    """

    kind: str
    clusters: int | None = None
    information: str | None = None
    aligned: bool = False
    fitted_as: str = ""
    computed_as: str = ""
    lags: int | None = None
    variances: str | None = None
    of_prediction: bool = False
    strata: int | None = None
    of_finite: bool = False


@dataclass(frozen=True, slots=True)
class ApproximatePosterior:
    """Estimates and covariance are those of an approximate posterior.

    Parameters
    ----------
    variational : bool
        Whether it holds every parameter independent of all others.
    """

    variational: bool


class Distribution(Enum):
    """What statistics are referred to."""

    NORMAL = auto()
    GIVEN = auto()
    RESIDUAL = auto()
    CLUSTERS = auto()
    DESIGN = auto()
    KENWARD_ROGER = auto()
    SATTERTHWAITE = auto()
    BELL_MCCAFFREY = auto()
    BETWEEN_WITHIN = auto()
    BARNARD_RUBIN = auto()
    DRAWS = auto()


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """Which distribution statistics are referred to.

    Parameters
    ----------
    distribution : Distribution
    df : float, optional
        Where it is the same for every row.
    information : str, optional
        Of Kenward and Roger.
    covariance : str, optional
        Of Bell and McCaffrey: the cluster-robust covariance whose degrees of freedom these are.
    """

    distribution: Distribution
    df: float | None = None
    information: str | None = None
    covariance: str | None = None


@dataclass(frozen=True, slots=True)
class DeltaMethod:
    """Uncertainty is carried by derivatives."""


@dataclass(frozen=True, slots=True)
class ProfileMethod:
    """Intervals are where the profile likelihood has fallen by so much."""


@dataclass(frozen=True, slots=True)
class SimulatedDraws:
    """Uncertainty is carried by draws of the parameters from a normal distribution."""

    n_sim: int


@dataclass(frozen=True, slots=True)
class PosteriorDraws:
    """Draws of the posterior of the parameters.

    Parameters
    ----------
    n_draws : int
    summary : {"median", "mean"}
    interval : {"equal-tailed", "hdi"}
    """

    n_draws: int
    summary: str
    interval: str


@dataclass(frozen=True, slots=True)
class Imputed:
    """Rubin's rules over several imputed data sets, each by the delta method."""

    imputations: int


@dataclass(frozen=True, slots=True)
class BootstrapDraws:
    """Uncertainty is carried by refits.

    Parameters
    ----------
    kind : str
        ``"rows"``, ``"cluster"``, ``"parametric"``, ``"residual"``, ``"wild"``, ...
    n_boot : int
    interval : str
    resampled : bool
        Whether the population was resampled with the groups.
    strata : tuple of str
        The variables whose arms were drawn within.
    clusters : int, optional
        How many larger clusters were drawn, where they are not the groups of the model.
    refitted_by : str
        The package that refitted, where it is not pymargins itself.
    rows : bool
        Whether single rows were drawn, or had multipliers of their own.
    of_prediction : bool
        Whether replicates are errors of predicting known clusters.
    """

    kind: str
    n_boot: int
    interval: str
    resampled: bool
    strata: tuple[str, ...] = ()
    clusters: int | None = None
    refitted_by: str = ""
    rows: bool = False
    of_prediction: bool = False


Method: TypeAlias = (
    DeltaMethod | ProfileMethod | SimulatedDraws | BootstrapDraws | Imputed | PosteriorDraws
)


@dataclass(frozen=True, slots=True)
class FewGroups:
    """Intervals from the normal distribution are too short with so few groups.

    Parameters
    ----------
    groups : int
    component : str
        Of crossed components: the one with so few levels.
    remedies : tuple of str
        The degrees of freedom by name that allow for it.
    """

    groups: int
    component: str = ""
    remedies: tuple[str, ...] = ("kenward-roger", "satterthwaite")


def few_groups(model: ModelFacts, known: Collection[str]) -> tuple[FewGroups, ...]:
    """Tell where groups, or levels of a crossed component, are so few that it is worth a note.

    `known` are the degrees of freedom that the model offers by name.
    """
    if model.groups is None:
        return ()
    fewest = model.fewest
    crossed = model.groups == 1 and fewest is not None
    count = fewest.levels if crossed and fewest is not None else model.groups
    name = fewest.name if crossed and fewest is not None else ""
    remedies = tuple(df for df in ("kenward-roger", "satterthwaite") if df in known)
    return (FewGroups(count, name, remedies),) if count < FEW_GROUPS else ()


@dataclass(frozen=True, slots=True)
class FewClusters:
    """A bootstrap has little to draw from: so few clusters, or so few in the smallest arm.

    Parameters
    ----------
    clusters : int
    in_arm : bool
    remedies : tuple of str
        The degrees of freedom by name that allow for it.
    """

    clusters: int
    in_arm: bool = False
    remedies: tuple[str, ...] = ("kenward-roger",)


@dataclass(frozen=True, slots=True)
class FailedReplicates:
    """Replicates that failed and were left out, by reason."""

    failed: int
    n_boot: int
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SingularReplicates:
    """Replicates on the boundary, which are kept.

    Parameters
    ----------
    singular, n_boot : int
    dispersion : bool
        Whether it is a dispersion that is at its end, rather than a variance of random effects.
    """

    singular: int
    n_boot: int
    dispersion: bool = False


@dataclass(frozen=True, slots=True)
class BoundaryParameters:
    """Variance parameters at the boundary that count as known in the degrees of freedom."""

    dropped: int


@dataclass(frozen=True, slots=True)
class IndefiniteInformation:
    """The likelihood has no maximum in the variance parameters here."""
