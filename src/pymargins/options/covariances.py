"""Option objects behind ``vcov=``: they check themselves when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pymargins.errors import ArgumentError, not_one_of
from pymargins.options.checks import Column, positive_integer

LONELY = ("fail", "adjust", "average")


@dataclass(frozen=True, slots=True)
class KenwardRoger:
    """Kenward-Roger inference; ``vcov=KenwardRoger()`` is ``vcov="kenward-roger"``.

    Parameters
    ----------
    information : {"expected", "observed"}
        Which information matrix the covariance of the variance parameters comes from:
        ``"expected"`` as R's pbkrtest, which holds at a boundary too; ``"observed"`` as SAS.

    References
    ----------
    Kenward, M. G. and Roger, J. H. (1997). Small sample inference for fixed effects from
    restricted maximum likelihood. *Biometrics* 53, 983-997. doi:10.2307/2533558
    """

    information: Literal["expected", "observed"] = "expected"

    def __post_init__(self) -> None:
        if self.information not in ("expected", "observed"):
            raise not_one_of("information", self.information, ("expected", "observed"))


@dataclass(frozen=True, slots=True)
class HAC:
    """Covariance of rows in the order of time: ``vcov=HAC(maxlags)``.

    It allows for variances that differ and for correlation over as many rows (Bartlett weights).

    Parameters
    ----------
    maxlags : int
        How many rows apart errors may be correlated.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix. *Econometrica* 55, 703-708. doi:10.2307/1913610
    """

    maxlags: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "maxlags", positive_integer("maxlags", self.maxlags, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Covariance by the design of a survey: ``vcov=Survey(weights, strata, psu, fpc)``.

    For least squares and generalised linear models. The covariance is linearised (Binder), and
    statistics are referred to t(PSUs - strata). Columns are named, or given with one entry a row
    (a series is aligned by its index).

    Parameters
    ----------
    weights : str or array, optional
        The sampling weights, by which the fit must have been weighted; by default the fit's own.
        Averages are weighted by `weights=` of the session.
    strata : str or array, optional
        The stratum of each row; one stratum by default.
    psu : str or array, optional
        The primary sampling unit of each row; by default each row is one.
    fpc : str or array, optional
        How many primary units the stratum of each row has in the population, or (up to 1) the
        share of them that was sampled; by default very many.
    lonely : {"fail", "adjust", "average"}
        What becomes of a stratum with one primary unit: an error; its distance from the mean of
        all; the average of the other strata.

    References
    ----------
    Binder, D. A. (1983). On the variances of asymptotically normal estimators from complex surveys.
    *International Statistical Review* 51, 279-292. doi:10.2307/1402588

    Examples
    --------
    >>> from pymargins import Survey
    >>> Survey("pw", strata="stype", fpc="fpc").lonely
    'fail'
    """

    weights: str | Column | None = None
    strata: str | Column | None = None
    psu: str | Column | None = None
    fpc: str | Column | None = None
    lonely: Literal["fail", "adjust", "average"] = "fail"

    def __post_init__(self) -> None:
        if not isinstance(self.lonely, str) or self.lonely not in LONELY:
            raise not_one_of("lonely", self.lonely, LONELY)
        given = (self.weights, self.strata, self.psu, self.fpc)
        if all(part is None for part in given):
            raise ArgumentError(
                "Survey: name weights=, strata=, psu= or fpc=; without any of them the design is "
                'that of independent rows, vcov="HC1".'
            )
