"""Findings: what was found out about figures while they were made, for tables and warnings.

Like all facts they are numbers and names; the words are in `report`. `pymargins.facts` gives
them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Shift:
    """How far something at the optimum is from what the fit has.

    Parameters
    ----------
    name : str
        Of the coefficient, or of what else it is worst for.
    here, optimum : float
        Where the fit stopped, and at the optimum.
    """

    name: str
    here: float
    optimum: float

    @property
    def factor(self) -> float:
        """How many times too small or too large it is, at least 1."""
        ratio = self.optimum / self.here if self.here > 0 else np.inf
        return max(ratio, 1.0 / ratio) if ratio > 0 else np.inf

    @property
    def too_small(self) -> bool:
        """Whether the fit has too little."""
        return self.here < self.optimum


@dataclass(frozen=True, slots=True)
class ShiftedDf:
    """Degrees of freedom where the fit stopped, and those at the optimum."""

    shift: Shift


@dataclass(frozen=True, slots=True)
class Flat:
    """The likelihood does not tell some combinations of the variance parameters.

    Parameters
    ----------
    count : int
        How many.
    touched : tuple of str
        The coefficients whose standard errors depend on them.
    """

    count: int
    touched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HardlySeen:
    """Rows that hardly more than one cluster determines, or one row of the data.

    Residuals do not show how much these vary.

    Parameters
    ----------
    labels : tuple of str
    share : float
        The least share of a variance that can be seen.
    unit : {"cluster", "row"}
    instead : tuple of str
        The covariances by name that rest on the model's variances.
    """

    labels: tuple[str, ...]
    share: float
    unit: str = "cluster"
    instead: tuple[str, ...] = ("kenward-roger", "gls")


@dataclass(frozen=True, slots=True)
class LostEffects:
    """Effects of a term that the data do not determine: its test is of the others."""

    lost: int
    of: int


@dataclass(frozen=True, slots=True)
class FewSandwiched:
    """A cluster-robust covariance rests on very few clusters."""

    clusters: int
    kind: str


@dataclass(frozen=True, slots=True)
class FewDraws:
    """Intervals reach beyond what so few draws can show.

    Parameters
    ----------
    draws : int
    level : float
    """

    draws: int
    level: float

    @property
    def needed(self) -> int:
        """How many draws put one beyond each limit."""
        return int(np.ceil(2.0 / (1.0 - self.level) * (1.0 - 1e-9)))


@dataclass(frozen=True, slots=True)
class Omitted:
    """Rows that were asked for and left out: the data do not determine them."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unadjusted:
    """P-values of several differences, each as if it were the only one.

    Parameters
    ----------
    count : int
    method : str
        That would adjust them.
    by : tuple of str
        The columns whose values make families.
    """

    count: int
    method: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows each estimate is averaged over, and what they are set to.

    Parameters
    ----------
    over : tuple of str
        The columns that make subgroups, each averaged over its own rows.
    given : tuple of str
        The variables that are set in every row.
    """

    over: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupsAsSubgroups:
    """The subgroups are the groups of the model: averages over their rows, not their own means."""

    group_name: str
