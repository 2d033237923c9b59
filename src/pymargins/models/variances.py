"""What the variance parameters of a mixed model are, as estimands about them need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pymargins._typing import FloatArray, IntArray

#: The block of parameters that holds them.
GAMMA = "gamma"


@dataclass(frozen=True, slots=True, eq=False)
class VarianceTerm:
    """Random effects of one grouping factor that share a covariance matrix.

    Parameters
    ----------
    group : str
        The grouping factor.
    effects : tuple of str
        What varies: ``"Intercept"``, names of slopes; empty names where they are not known.
    places : ndarray, shape (q, q)
        Where each entry of the covariance matrix lies in the block gamma.
    products : ndarray, shape (q, q)
        The mean over the rows of the fit of z z', z the random-effects columns of a row.
    """

    group: str
    effects: tuple[str, ...]
    places: IntArray
    products: FloatArray


@dataclass(frozen=True, slots=True)
class VarianceParameter:
    """A parameter that has a profile likelihood.

    Parameters
    ----------
    kind : {"sd", "cor", "icc"}
        Of an effect, of two effects, or of all random effects together.
    term : int
        The position of its term; one past the last is the residual.
    first, second : int
        The effects within the term.
    """

    kind: Literal["sd", "cor", "icc"]
    term: int = 0
    first: int = 0
    second: int = 0


#: From parameters and a level to their limits (k, 2).
Limits: TypeAlias = "Callable[[Sequence[VarianceParameter], float], FloatArray]"


@dataclass(frozen=True, slots=True, eq=False)
class VarianceStructure:
    """The random part of a model, in terms of its variance parameters.

    Parameters
    ----------
    terms : tuple of VarianceTerm
    residual : int
        Where the residual variance lies in the block gamma.
    size : int
        How many variance parameters there are.
    fixed : ndarray, shape (p, p)
        The covariance, with n - 1, of the columns of the design of the mean over the rows.
    limits : callable
        Profile-likelihood limits of the fit's own criterion.
    """

    terms: tuple[VarianceTerm, ...]
    residual: int
    size: int
    fixed: FloatArray
    limits: Limits
