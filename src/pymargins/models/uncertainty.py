"""What a class of models offers of uncertainty: covariances and reference distributions by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.facts import CovarianceFacts, Distribution, Note, ReferenceFacts
from pymargins.models.parameters import Point


class SmallSample(Protocol):
    """Degrees of freedom that belong to a contrast: each row of a Jacobian has its own."""

    def df(self, rows: Any) -> FloatArray:
        """Return the degrees of freedom (k,) of rows (k, p)."""
        ...

    def joint(self, rows: Any) -> tuple[float, float]:
        """Return the scale and denominator degrees of freedom of the joint F of rows."""
        ...


class RowCovariance(Protocol):
    """The covariance of parameters that are too many for a matrix: it answers for rows.

    Rows (k, P) are sparse, and may have further columns, of effects that are no parameters.
    """

    def covariance(self, rows: Any) -> FloatArray:
        """Return the covariance (k, k) of linear functions by their rows."""
        ...

    def variance(self, rows: Any) -> FloatArray:
        """Return its diagonal (k,)."""
        ...

    def without_variance(self, rows: Any) -> BoolArray:
        """Tell whose variance is estimated as zero, (k,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The distribution that statistics are referred to.

    Parameters
    ----------
    facts : ReferenceFacts
    df : float
        Of every row, where `method` is None; infinite for the normal distribution.
    method : SmallSample, optional
        What gives each row its own.
    covers : tuple of str
        The blocks of parameters that `method` knows; a row that depends on others is refused.
    notes : tuple
        What a reader of a table should know of them.
    may_lack : bool
        Whether `method` may find none of a row, NaN, because its variance is estimated as zero.
    total : callable, optional
        Returns degrees of freedom (k,) of the variance of rows (k, p) plus that of a new
        observation, ``c'gamma``: from rows, c (k, R) and gamma (R,).
    """

    facts: ReferenceFacts
    df: float = np.inf
    method: SmallSample | None = None
    covers: tuple[str, ...] = ("beta",)
    notes: tuple[Note, ...] = ()
    may_lack: bool = False
    total: Callable[[Any, FloatArray, FloatArray], FloatArray] | None = None

    @classmethod
    def constant(cls, df: float, distribution: Distribution = Distribution.GIVEN) -> Reference:
        """Use the same number for every contrast; infinity is the normal distribution."""
        if np.isinf(df):
            distribution = Distribution.NORMAL
        return cls(ReferenceFacts(distribution, df), df)


@dataclass(frozen=True, slots=True)
class Request:
    """A covariance as it was asked for.

    Parameters
    ----------
    blocks : tuple of str
        The parameters it is to cover, in that order.
    cluster : str or array, optional
        Of cluster-robust ones: larger clusters than the groups of the model.
    information : {"expected", "observed"}
        Of Kenward and Roger's.
    option : object, optional
        The option object that it was asked for by.
    """

    blocks: tuple[str, ...]
    cluster: Any = None
    information: str = "expected"
    option: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """How much of a variance the data can show to a covariance that is made of residuals.

    Parameters
    ----------
    share : callable
        From rows over the parameters of `blocks` (k, P) to the share (k,) of the variance of each
        that it can show, by the working model: about one where it can be trusted.
    unit : {"cluster", "row"}
        What residuals are taken together by.
    instead : tuple of str
        The covariances by name that rest on the model's variances.
    blocks : tuple of str
        The parameters whose variance is made of residuals.
    """

    share: Callable[[FloatArray], FloatArray]
    unit: str = "cluster"
    instead: tuple[str, ...] = ("kenward-roger", "gls")
    blocks: tuple[str, ...] = ("beta",)


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A covariance of the parameters.

    Parameters
    ----------
    matrix : ndarray, shape (P, P), or RowCovariance
    facts : CovarianceFacts
    reference : Reference, optional
        What statistics with it are referred to by default; otherwise the model's own.
    references : mapping of str to Reference
        Those that belong to it by name: ``"satterthwaite"`` of a cluster-robust one.
    seen : Seen, optional
        Of one that is made of residuals.
    """

    matrix: FloatArray | RowCovariance
    facts: CovarianceFacts
    reference: Reference | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CovarianceOffer:
    """A covariance that a model can give when asked.

    Parameters
    ----------
    make : callable
        From the `Request` to the `Covariance`.
    options : tuple of str
        Which options of a request it uses.
    needs : tuple of str
        Which of them it cannot do without.
    """

    make: Callable[[Request], Covariance]
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceOffer:
    """Degrees of freedom that a model can give when asked.

    Parameters
    ----------
    make : callable
        From the information matrix asked for, ``"expected"`` or ``"observed"``, to the `Reference`.
    goes_with : tuple of str
        The covariances they are derived for; empty for any.
    """

    make: Callable[[str], Reference]
    goes_with: tuple[str, ...] = ()


def offered(kind: str, covariance: Any) -> CovarianceOffer:
    """Wrap a matrix over all parameters, or a function that returns one, as an offer."""
    if isinstance(covariance, CovarianceOffer):
        return covariance
    return CovarianceOffer(_Plain(kind, covariance))


@dataclass(frozen=True, slots=True)
class _Plain:
    kind: str
    matrix: Any

    def __call__(self, request: Request) -> Covariance:
        found = self.matrix() if callable(self.matrix) else self.matrix
        return Covariance(np.asarray(found, dtype=float), CovarianceFacts(self.kind))


class ReplicateVariances(Protocol):
    """The covariances of replicates' parameters that are too many for matrices: by rows."""

    def variances(self, rows: Any, replicates: slice = slice(None)) -> FloatArray:
        """Return the variances (b, k) of linear functions in replicates.

        Rows are sparse (k, P), the same in each, or an array (b, k, P).
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """Refits of a model.

    Parameters
    ----------
    point : Point
        All parameters of each replicate, with the group weights where rows were resampled.
    center : ndarray, shape (P,)
        The parameters that replicates scatter around: those of the fit at its optimum.
    cov : ndarray, shape (B, q, q), ReplicateVariances, or None
        A covariance of the blocks `covers` in each, for studentizing.
    base_cov : ndarray, shape (q, q), ReplicateVariances of one, or None
        The same kind of covariance at the centre.
    covers : tuple of str
    failures : dict of str to int
        How many replicates failed, by message.
    singular : int
        How many are on the boundary (they are kept: a singular fit is an answer).
    jackknife : callable or None
        Returns the fits that leave out one cluster each.
    strata : tuple of str
        The variables within whose arms clusters were drawn.
    clusters : int, optional
        How many larger clusters were drawn.
    refitted_by : str
        The package that refitted, where it was not pymargins.
    rows : bool
        Whether single rows were drawn, or had multipliers of their own.
    notes : tuple
    seen : Seen, optional
        Of replicates that vary as residuals, or clusters, do.
    """

    point: Point
    center: FloatArray
    cov: FloatArray | ReplicateVariances | None = None
    base_cov: FloatArray | ReplicateVariances | None = None
    covers: tuple[str, ...] = ("beta",)
    failures: Mapping[str, int] = field(default_factory=dict)
    singular: int = 0
    jackknife: Callable[[], Point] | None = None
    strata: tuple[str, ...] = ()
    clusters: int | None = None
    refitted_by: str = ""
    rows: bool = False
    notes: tuple[Note, ...] = ()
    seen: Seen | None = None
