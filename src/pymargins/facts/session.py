"""What a session has fixed, and what its results rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from pymargins.facts.findings import (
    Asked,
    FewDraws,
    FewSandwiched,
    GroupsAsSubgroups,
    HardlySeen,
    LostEffects,
    Omitted,
    ShiftedDf,
    Unadjusted,
)
from pymargins.facts.model import (
    ModelFacts,
    ModelNote,
)
from pymargins.facts.population import Extrapolation, PopulationFacts
from pymargins.facts.quantities import Quantity
from pymargins.facts.rows import (
    Adjusted,
    NewClusters,
    NoPredictionVariance,
    QuotientNull,
    SlopesOnIdentity,
)
from pymargins.facts.uncertainty import (
    ApproximatePosterior,
    BoundaryParameters,
    CovarianceFacts,
    FailedReplicates,
    FewClusters,
    FewGroups,
    IndefiniteInformation,
    Method,
    PosteriorDraws,
    ReferenceFacts,
    SingularReplicates,
)
from pymargins.facts.variances import AtTheBound, NoProfile, Standardised, UndefinedReplicates

Note: TypeAlias = (
    ModelNote
    | ApproximatePosterior
    | Extrapolation
    | FewGroups
    | FewClusters
    | FewSandwiched
    | HardlySeen
    | LostEffects
    | FailedReplicates
    | SingularReplicates
    | BoundaryParameters
    | IndefiniteInformation
    | ShiftedDf
    | Asked
    | GroupsAsSubgroups
    | Omitted
    | FewDraws
    | SlopesOnIdentity
    | QuotientNull
    | NewClusters
    | NoPredictionVariance
    | Adjusted
    | Unadjusted
    | AtTheBound
    | NoProfile
    | Standardised
    | UndefinedReplicates
)


@dataclass(frozen=True, slots=True)
class ScaleFacts:
    """On which scale contrasts were formed.

    Parameters
    ----------
    name : str
    null : float, optional
        What 0 on the scale is in the units of the estimates; None where it is never reached.
    builtin : bool
        Whether it is one of the scales that pymargins names, not a user's own of the same name.
    """

    name: str
    null: float | None
    builtin: bool

    @property
    def is_identity(self) -> bool:
        """Whether it is the response's own."""
        return self.builtin and self.name == "identity"

    @property
    def gives_ratios(self) -> bool:
        """Whether differences on it are ratios of the means."""
        return self.builtin and self.name == "log"

    @property
    def gives_odds_ratios(self) -> bool:
        """Whether differences on it are logarithms of odds ratios."""
        return self.builtin and self.name == "logit"

    @property
    def divides(self) -> bool:
        """Whether differences on it are reported as quotients."""
        return self.gives_ratios or self.gives_odds_ratios


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a session has fixed.

    Parameters
    ----------
    model : ModelFacts
    variables : tuple of str
    population : PopulationFacts
    scale : ScaleFacts
    covariance : CovarianceFacts
    reference : ReferenceFacts
    method : DeltaMethod, ProfileMethod, SimulatedDraws or BootstrapDraws
    level : float
    notes : tuple
    categories : tuple of str
        Those of the variables that have levels, whatever numbers stand for them.
    """

    model: ModelFacts
    variables: tuple[str, ...]
    population: PopulationFacts
    scale: ScaleFacts
    covariance: CovarianceFacts
    reference: ReferenceFacts
    method: Method
    level: float
    notes: tuple[Note, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def of_posterior(self) -> bool:
        """Whether figures summarise a posterior: there are no p-values."""
        return isinstance(self.method, PosteriorDraws)


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """What the rows of a result are, and on what they rest.

    Parameters
    ----------
    session : SessionFacts
        Of the session that made it.
    quantity : Quantity
    scale : ScaleFacts
        Of these rows: slopes are on the identity scale in every session.
    notes : tuple
        What is to be said of these rows beside what the session says.
    """

    session: SessionFacts
    quantity: Quantity
    scale: ScaleFacts
    notes: tuple[Note, ...] = ()

    @property
    def asked(self) -> Asked:
        """Which rows estimates are averaged over."""
        found = [note for note in self.notes if isinstance(note, Asked)]
        over = dict.fromkeys(name for note in found for name in note.over)
        given = dict.fromkeys(name for note in found for name in note.given)
        return Asked(tuple(over), tuple(given))

    def noting(self, *notes: Note) -> ResultFacts:
        """Return the same with more to say."""
        return replace(self, notes=(*self.notes, *notes))
