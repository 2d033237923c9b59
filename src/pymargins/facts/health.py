"""How a fit stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts.findings import Flat, Shift
from pymargins.facts.model import FEW_GROUPS, RandomTerm

#: A deviance this far above the optimum changes figures in the third digit or earlier.
DEVIANCE_GAP = 0.01

#: "model" standard errors further than this from "gls" are worth a warning.
STANDARD_ERROR_RATIO = 0.10

#: A fit further from its optimum, in standard errors, gives other figures in the second digit.
OPTIMUM_DISTANCE = 0.02

#: Standard errors that do not allow for a larger dispersion are 20 % too short.
OVERDISPERSION = 1.5


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
    random : tuple of RandomTerm
        What varies between groups.
    coefficients, means : Shift, optional
        The worst standard error of a coefficient, and of a mean response of a row.
    flat : Flat, optional
        What the likelihood does not tell.
    polished : bool
        Whether the session works at the optimum, not where the fit stopped.
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
    random: tuple[RandomTerm, ...] = ()
    coefficients: Shift | None = None
    means: Shift | None = None
    flat: Flat | None = None
    polished: bool = False

    @property
    def crossed(self) -> bool:
        """Whether one group holds all levels of all components."""
        return self.groups == 1 and bool(self.random)

    @property
    def fewest(self) -> int:
        """The number of groups, or of levels of the crossed component that has the fewest."""
        return min(term.levels for term in self.random) if self.crossed else self.groups

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
        return self.fewest < FEW_GROUPS


@dataclass(frozen=True, slots=True)
class FitHealth:
    """What was found out about a regression.

    Parameters
    ----------
    converged : bool, optional
        What the fit says of itself; None where it says nothing.
    distance : float, optional
        How far the optimum is, by a Newton step: the largest over the parameters, in standard
        errors. None for a class without a likelihood, and where the optimum is exact.
    separated : int
        Rows whose linear predictor has no finite optimum: outcomes or groups are separated.
    dispersion : float, optional
        Pearson's chi-square over its degrees of freedom, of a class that fixes it at 1.
    dispersion_p : float, optional
        Its p-value.
    boundary : bool
        Whether the dispersion of a count is that of a Poisson model, the end of its range.
    rank_deficient : bool
    polishable : bool
        Whether the class has a likelihood whose optimum can be gone to.
    """

    converged: bool | None = None
    distance: float | None = None
    separated: int = 0
    dispersion: float | None = None
    dispersion_p: float | None = None
    boundary: bool = False
    rank_deficient: bool = False
    polishable: bool = False

    @property
    def at_optimum(self) -> bool:
        """Whether the fit is at the optimum, to `OPTIMUM_DISTANCE`."""
        return self.distance is None or self.distance < OPTIMUM_DISTANCE

    @property
    def overdispersed(self) -> bool:
        """Whether rows vary more than the class allows, by `OVERDISPERSION` and not by chance."""
        if self.dispersion is None or self.dispersion_p is None:
            return False
        return self.dispersion > OVERDISPERSION and self.dispersion_p < 0.001
