"""What is to be said of variance parameters, and of effects in units of a standard deviation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AtTheBound:
    """Rows at a bound of the parameter space: estimates without a standard error.

    Parameters
    ----------
    labels : tuple of str
    profiled : bool
        Whether profile-likelihood limits would tell their uncertainty.
    limited : bool
        Whether these rows have limits already.
    """

    labels: tuple[str, ...]
    profiled: bool
    limited: bool = False


@dataclass(frozen=True, slots=True)
class NoProfile:
    """Rows that the profile likelihood has no limits of."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndefinedReplicates:
    """Replicates in which a variance is zero, so that a correlation is not defined."""

    undefined: int
    n_boot: int


@dataclass(frozen=True, slots=True)
class Standardised:
    """Effects are in units of a standard deviation.

    Parameters
    ----------
    by : str
        ``"residual"``, ``"total"``, or empty for one that was given.
    size : float
    """

    by: str
    size: float
