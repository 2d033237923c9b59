"""What tables and messages name of a fitted model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

#: With fewer groups than this the normal distribution is worth a note.
FEW_GROUPS = 20


class RandomEffects(Enum):
    """What figures do with random effects."""

    NONE = auto()
    INTEGRATED = auto()
    ZERO = auto()
    PREDICTED = auto()


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
class NotAMean:
    """Predictions are of another location than the mean.

    Parameters
    ----------
    location : str
        ``"quantile"`` or ``"M-location"``.
    which : str
        The quantile, or the norm.
    """

    location: str
    which: str


@dataclass(frozen=True, slots=True)
class FitWeights:
    """Rows weigh differently in the fit, and equally in averages.

    Parameters
    ----------
    kind : str
        ``"weights"``, ``"var_weights"`` or ``"trials"``.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class ResponseOf:
    """Figures are of another response than the default: ``"link"``, ``"zero"``, ..."""

    name: str


@dataclass(frozen=True, slots=True)
class Retransformed:
    """Figures are of the outcome itself, where a transform of it was modelled.

    Parameters
    ----------
    response : str
        As the formula has it.
    column : str
        The outcome itself.
    what : {"mean", "median"}
    random : bool
        Whether a mean is integrated over the random effects too.
    residuals : int
        How many residuals of the fit a mean is averaged over, instead of normal ones; 0 for those.
    """

    response: str
    column: str
    what: str
    random: bool
    residuals: int = 0


#: What every table of a fit must say.
ModelNote: TypeAlias = (
    Remark | TransformedResponse | Polished | NotAMean | FitWeights | ResponseOf | Retransformed
)


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """One part of the random effects.

    Parameters
    ----------
    name : str
        Of the groups, or of a variance component; empty where it is not known.
    effects : tuple of str
        What varies: ``("Intercept", "Days")``; empty for a component, which is one variance.
    levels : int
        How many groups, or levels of the component, there are.
    """

    name: str
    effects: tuple[str, ...]
    levels: int


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
    random : tuple of RandomTerm
        What varies between groups.
    incomplete : bool
        Whether the fit holds the columns of its formula only, so that others must be given.
    notes : tuple
        What every table of this fit must say.
    response_variables : tuple of str
        The columns that the outcome is made of: ``score`` where it is ``np.log(score)``.
    log_of : str
        What figures are the logarithm of, where they are on the log scale already: ``"hazard"``.
    probabilities : bool
        Whether means are probabilities of outcomes.
    """

    kind: str
    response: str
    n: int
    groups: int | None = None
    group_name: str | None = None
    estimation: str = ""
    random_effects: RandomEffects = RandomEffects.NONE
    random: tuple[RandomTerm, ...] = ()
    incomplete: bool = False
    notes: tuple[ModelNote, ...] = ()
    response_variables: tuple[str, ...] = ()
    log_of: str = ""
    probabilities: bool = False

    @property
    def fewest(self) -> RandomTerm | None:
        """The part of the random effects with the fewest levels; None where none is known."""
        return min(self.random, key=lambda term: term.levels, default=None)
