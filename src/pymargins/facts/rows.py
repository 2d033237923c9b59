"""What is to be said of the rows of a result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class SlopesOnIdentity:
    """Slopes are on the identity scale, though the session is on another one."""


@dataclass(frozen=True, slots=True)
class NewClusters:
    """Rows of clusters that the fit has not seen: their effects are 0 and vary.

    Parameters
    ----------
    names : tuple of str
    """

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoPredictionVariance:
    """Rows whose variance of prediction is estimated as zero.

    Parameters
    ----------
    labels : tuple of str
    has_interval : bool
        Whether they have an interval all the same, of no width: that of the normal distribution.
        There are no degrees of freedom otherwise.
    """

    labels: tuple[str, ...]
    has_interval: bool = False


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
