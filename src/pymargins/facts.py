"""Facts: what a table may say of its figures, as numbers and names; the words are in `report`.

Every step hands on what it knows as one of these small values, to the last: nothing is read back
from a sentence. A test of a fact compares values; a test of a table compares text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TypeAlias

import numpy as np

from pymargins._typing import FloatArray

#: With fewer groups than this the normal distribution is worth a note.
FEW_GROUPS = 20
#: A deviance this far above the optimum changes figures in the third digit or earlier.
DEVIANCE_GAP = 0.01
#: "model" standard errors further than this from "gls" are worth a warning.
STANDARD_ERROR_RATIO = 0.10


class Kind(Enum):
    """What a verb estimates."""

    MEAN = auto()
    SLOPE = auto()
    CHANGE = auto()
    SLOPE_OR_CHANGE = auto()
    EYEX = auto()
    EYDX = auto()
    DYEX = auto()
    FUNCTION = auto()


class Operation(Enum):
    """What was done with rows of a kind."""

    CONTRAST = auto()
    RATIO = auto()
    COMBINATION = auto()
    QUOTIENT = auto()


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a result's rows are.

    Parameters
    ----------
    kind : Kind
        What the verb estimated.
    operations : tuple of Operation
        What was done with it, the last first: (QUOTIENT, CONTRAST) are quotients of contrasts.
    """

    kind: Kind
    operations: tuple[Operation, ...] = ()

    def after(self, operation: Operation) -> Quantity:
        """Return what rows are once something more was done with them."""
        return replace(self, operations=(operation, *self.operations))

    @property
    def outermost(self) -> Operation | None:
        """The last thing that was done; None for what a verb gave."""
        return self.operations[0] if self.operations else None

    @property
    def compares(self) -> bool:
        """Whether rows are differences or ratios of others, of which one value means no effect."""
        return self.outermost in (Operation.CONTRAST, Operation.RATIO)

    @property
    def is_effect(self) -> bool:
        """Whether rows are slopes, changes or elasticities as a verb gave them."""
        return not self.operations and self.kind not in (Kind.MEAN, Kind.FUNCTION)


# --- the model -----------------------------------------------------------------------------------


class RandomEffects(Enum):
    """What figures do with random effects."""

    NONE = auto()
    INTEGRATED = auto()


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of an adapter's author, to be repeated under every table."""

    text: str


@dataclass(frozen=True, slots=True)
class TransformedResponse:
    """The formula transforms the response: means are those of `response`, not of `column`."""

    response: str
    column: str


@dataclass(frozen=True, slots=True)
class Polished:
    """The session works at the optimum, whose deviance is `gap` below that of the fit."""

    gap: float


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What tables and messages name of a fit.

    Parameters
    ----------
    kind : str
        The class of model as its field calls it: ``"linear mixed model (statsmodels MixedLM)"``.
    response : str
        The name of the outcome.
    n : int
        Rows that were fitted.
    groups : int, optional
        The number of groups.
    group_name : str, optional
        The column that holds them.
    estimation : str
        For example ``"REML"``.
    random_effects : RandomEffects
    incomplete : bool
        Whether the fit holds the columns of its formula only, so that others must be given.
    notes : tuple
        What every table of this fit must say.
    """

    kind: str
    response: str
    n: int
    groups: int | None = None
    group_name: str | None = None
    estimation: str = ""
    random_effects: RandomEffects = RandomEffects.NONE
    incomplete: bool = False
    notes: tuple[Remark | TransformedResponse | Polished, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """What was found out about a mixed-model fit.

    Parameters
    ----------
    converged : bool
        What the fit says of itself.
    deviance_gap : float
        -2 log-likelihood of the fit less that of the optimum; 0 is at the optimum.
    se_shift : float
        The largest relative change of a GLS standard error between the fit and the optimum.
    boundary : bool
        Whether a variance is zero or the random-effects covariance singular.
    se_ratio : ndarray or None
        Standard errors the fit reports over GLS standard errors, one a coefficient; None where
        the fit reports none.
    names : tuple of str
        The coefficients.
    rank_deficient : bool
    groups : int
    group_sizes : tuple
        Smallest, median and largest number of rows in a group.
    """

    converged: bool
    deviance_gap: float
    se_shift: float
    boundary: bool
    se_ratio: FloatArray | None
    names: tuple[str, ...]
    rank_deficient: bool
    groups: int
    group_sizes: tuple[int, float, int]

    @property
    def at_optimum(self) -> bool:
        """Whether the fit's deviance is the optimum's, to `DEVIANCE_GAP`."""
        return self.deviance_gap < DEVIANCE_GAP

    @property
    def differs_from_gls(self) -> bool:
        """Whether the standard errors it reports are not GLS ones, to `STANDARD_ERROR_RATIO`."""
        if self.se_ratio is None:
            return False
        return bool(np.abs(self.se_ratio - 1.0).max() > STANDARD_ERROR_RATIO)

    @property
    def has_few_groups(self) -> bool:
        """Whether the normal distribution is worth a note, by `FEW_GROUPS`."""
        return self.groups < FEW_GROUPS


# --- the population ------------------------------------------------------------------------------


class Where(Enum):
    """What is averaged over."""

    OVERALL = auto()
    TYPICAL = auto()
    MEAN = auto()
    BALANCED = auto()
    MAPPING = auto()
    FRAME = auto()


@dataclass(frozen=True, slots=True)
class PopulationFacts:
    """What is averaged over.

    Parameters
    ----------
    where : Where
    n : int
        Rows that are averaged over; 1 for a summary row.
    weighted : bool
    settings : tuple of (variable, rule or value)
        How a mapping sets the variables it names.
    """

    where: Where
    n: int
    weighted: bool = False
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """A value beyond those that were observed."""

    variable: str
    value: float
    low: float
    high: float


# --- inference -----------------------------------------------------------------------------------


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
    """

    kind: str
    clusters: int | None = None
    information: str | None = None
    aligned: bool = False


class Distribution(Enum):
    """What statistics are referred to."""

    NORMAL = auto()
    GIVEN = auto()
    RESIDUAL = auto()
    CLUSTERS = auto()
    KENWARD_ROGER = auto()
    SATTERTHWAITE = auto()
    BELL_MCCAFFREY = auto()
    BETWEEN_WITHIN = auto()
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
class SimulatedDraws:
    """Uncertainty is carried by draws of the parameters from a normal distribution."""

    n_sim: int


@dataclass(frozen=True, slots=True)
class BootstrapDraws:
    """Uncertainty is carried by refits.

    Parameters
    ----------
    kind : str
        ``"cluster"``, ``"parametric"``, ``"residual"``, ``"wild"``, ...
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
    """

    kind: str
    n_boot: int
    interval: str
    resampled: bool
    strata: tuple[str, ...] = ()
    clusters: int | None = None
    refitted_by: str = ""


Method: TypeAlias = DeltaMethod | SimulatedDraws | BootstrapDraws


@dataclass(frozen=True, slots=True)
class FewGroups:
    """Intervals from the normal distribution are too short with so few groups."""

    groups: int


@dataclass(frozen=True, slots=True)
class FewClusters:
    """A bootstrap has little to draw from: so few clusters, or so few in the smallest arm."""

    clusters: int
    in_arm: bool = False


@dataclass(frozen=True, slots=True)
class FailedReplicates:
    """Replicates that failed and were left out, by reason."""

    failed: int
    n_boot: int
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SingularReplicates:
    """Replicates on the boundary, which are kept."""

    singular: int
    n_boot: int


@dataclass(frozen=True, slots=True)
class BoundaryParameters:
    """Variance parameters at the boundary that count as known in the degrees of freedom."""

    dropped: int


@dataclass(frozen=True, slots=True)
class IndefiniteInformation:
    """The likelihood has no maximum in the variance parameters here."""


# --- what was asked ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlopesOnIdentity:
    """Slopes are on the identity scale, though the session is on another one."""


@dataclass(frozen=True, slots=True)
class QuotientNull:
    """The p-values of a quotient compare with 0."""


class Computation(Enum):
    """How the figures of an adjustment were computed."""

    PLAIN = auto()
    MEANS = auto()  # `number` means
    RANK = auto()  # `number` independent rows
    QUADRATURE = auto()
    MONTE_CARLO = auto()  # `number` is the error of a p-value near alpha
    DRAWS = auto()  # `number` draws
    BONFERRONI_INTERVALS = auto()
    SIDAK_INTERVALS = auto()
    NO_INTERVALS = auto()


@dataclass(frozen=True, slots=True)
class Computed:
    """How one family was computed; `alpha` is where a Monte-Carlo error is stated."""

    how: Computation
    number: float = 0.0
    alpha: float = 0.05


@dataclass(frozen=True, slots=True)
class Adjusted:
    """P-values and intervals are adjusted for the number of tests.

    Parameters
    ----------
    method : str
    by : tuple of str
        The columns whose values make families.
    families : int
    smallest, largest : int
        Tests in a family.
    computed : tuple of Computed
        Each way once.
    """

    method: str
    by: tuple[str, ...]
    families: int
    smallest: int
    largest: int
    computed: tuple[Computed, ...]


Note: TypeAlias = (
    Remark
    | TransformedResponse
    | Polished
    | Extrapolation
    | FewGroups
    | FewClusters
    | FailedReplicates
    | SingularReplicates
    | BoundaryParameters
    | IndefiniteInformation
    | SlopesOnIdentity
    | QuotientNull
    | Adjusted
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
    method : DeltaMethod, SimulatedDraws or BootstrapDraws
    level : float
    notes : tuple
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

    def noting(self, *notes: Note) -> ResultFacts:
        """Return the same with more to say."""
        return replace(self, notes=(*self.notes, *notes))
