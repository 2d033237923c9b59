"""Option objects behind ``method=``: they check themselves when they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pymargins.errors import ArgumentError, ArgumentTypeError, not_one_of

#: One number or label a row.
Column: TypeAlias = Sequence[Any] | NDArray[Any] | pd.Series
Seed: TypeAlias = int | np.random.Generator | np.random.SeedSequence
Kind: TypeAlias = Literal["rows", "cluster", "parametric", "residual", "wild"]
Interval: TypeAlias = Literal["studentized", "percentile", "basic", "normal", "bca"]

KINDS = ("rows", "cluster", "parametric", "residual", "wild")
#: The kinds that draw rows, so that averages over the rows of the fit may be drawn with them.
RESAMPLING = ("rows", "cluster")
INTERVALS = ("studentized", "percentile", "basic", "normal", "bca")
#: Intervals of a posterior: equal parts on both sides, or the shortest.
TAILS, HDI = "equal-tailed", "hdi"
MULTIPLIERS = ("rademacher", "webb", "mammen")
LEVERAGES = ("CR2", "CR3")
LONELY = ("fail", "adjust", "average")


def positive_integer(argument: str, value: Any, least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError(
            f"{argument}: expected a whole number, got {value!r} ({type(value).__name__})."
        )
    if value < least:
        raise ArgumentError(f"{argument}: got {int(value)}; it must be at least {least}.")
    return int(value)


def check_rng(rng: Any) -> None:
    """Refuse what `numpy.random.default_rng` would not take."""
    if rng is None or isinstance(rng, (np.random.Generator, np.random.SeedSequence)):
        return
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise ArgumentTypeError(
            f"rng: expected a seed (a whole number, not negative) or a Generator, got {rng!r}."
        )


@dataclass(frozen=True, slots=True)
class Delta:
    """The delta method; ``method=Delta()`` is ``method="delta"``."""


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


@dataclass(frozen=True, slots=True)
class Simulation:
    """Draws of the coefficients from the normal distribution N(estimate, covariance).

    Parameters
    ----------
    n_sim : int
        Number of draws.
    rng : int or Generator, optional
        Seed.

    References
    ----------
    Krinsky, I. and Robb, A. L. (1986). On approximating the statistical properties of
    elasticities. *Review of Economics and Statistics* 68, 715-719. doi:10.2307/1924536
    """

    n_sim: int = 4000
    rng: Seed | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_sim", positive_integer("n_sim", self.n_sim, 2))
        check_rng(self.rng)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Draws of the posterior distribution of the coefficients, from wherever they come.

    Figures are formed in every draw. The estimate is their median or mean, the standard error their
    standard deviation, the interval holds `level` of them. In place of a p-value stands the
    probability of direction: the share of the draws on the greater side of no effect.

    Parameters
    ----------
    draws : array_like, shape (B, p), data frame, or draws of ArviZ
        Of the coefficients, in their order; of a frame the columns with their names (others are
        left out); of ArviZ the group ``posterior``, chains together.
    summary : {"median", "mean"}
        On the session's scale. The median is the same on every scale.
    interval : {"equal-tailed", "hdi"}
        With equal parts of the posterior on both sides, or the shortest (highest density).

    References
    ----------
    Makowski, D., Ben-Shachar, M. S., Chen, S. H. A. and Luedecke, D. (2019). Indices of effect
    existence and significance in the Bayesian framework. *Frontiers in Psychology* 10.
    doi:10.3389/fpsyg.2019.02767
    """

    draws: Any
    summary: Literal["median", "mean"] = "median"
    interval: Literal["equal-tailed", "hdi"] = "equal-tailed"

    def __post_init__(self) -> None:
        for name, allowed in (("summary", ("median", "mean")), ("interval", (TAILS, HDI))):
            if getattr(self, name) not in allowed:
                raise not_one_of(name, getattr(self, name), allowed)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Refits of the model to resampled data.

    Parameters
    ----------
    n_boot : int
        Number of replicates.
    kind : {"rows", "cluster", "parametric", "residual", "wild"}, optional
        ``"rows"``: rows are drawn with replacement; the default of regressions without groups.
        ``"cluster"``: whole groups are drawn with replacement, a group drawn twice is two groups;
        drawn within the arms that are constant within groups, so that no arm vanishes. The default
        of mixed models, of GEE, and wherever `cluster` is given.
        ``"parametric"``: new responses from the fitted model, of every class that has a
        distribution; the default with ``random_effects="predicted"``, where replicates are errors
        of predicting clusters, and may be ``"residual"`` besides. ``"residual"``: reflated
        residuals of both levels of a mixed model (Carpenter, Goldstein and Rasbash). ``"wild"``:
        residuals of OLS, WLS and mixed models, corrected for leverage, times a random multiplier
        for each row, cluster or group.
    interval : {"studentized", "percentile", "basic", "normal", "bca"}
        ``"studentized"`` (bootstrap-t) is the one that holds its level with few groups. Each
        replicate's standard error is that which its kind makes consistent: HC0 where rows are
        drawn, cluster-robust where clusters are, HC2 or CR2 of the wild kind, the model's of the
        parametric. ``"bca"`` is of the kinds that draw rows or clusters.
    population : {"resampled", "fixed"}, optional
        Whether averages over the rows of the fit are taken over the resampled rows (the
        population is uncertain too) or over the rows as they are. Only the kinds that draw rows or
        clusters resample them: their default is ``"resampled"``, that of the others ``"fixed"``.
    stratify : bool
        Cluster kind: draw within the arms.
    cluster : str or array, optional
        Cluster and wild kinds: a column, or one label a row, of clusters; where the model has
        groups, of larger ones that hold whole groups.
    multiplier : {"rademacher", "webb", "mammen"}, optional
        Wild kind: what residuals are multiplied by; ``"rademacher"`` by default.
    leverage : {"CR2", "CR3"}, optional
        Wild kind: how they are corrected for leverage; ``"CR2"`` by default, which is HC2 where
        rows are multiplied one by one.
    rng : int or Generator, optional
        Seed. The same seed gives the same numbers whatever `n_jobs`.
    n_jobs : int
        Processes of refits one by one: of a mixed model with `engine="refit"`, and of the classes
        of regressions that are neither least squares nor generalised linear models.
    progress : bool, optional
        Whether to show progress; by default where it takes over two seconds.
    max_failures : float
        The share of replicates that may fail before it is an error. Failed replicates are never
        kept, and always counted.
    engine : {"auto", "refit"}
        Of mixed models. ``"auto"``: all replicates together in pymargins' own mixed-model engine.
        ``"refit"``: one fresh model of the fitting package for each replicate, as the original was
        fitted.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997). *Bootstrap Methods and their Application*.
    doi:10.1017/CBO9780511802843. Carpenter, J. R., Goldstein, H. and Rasbash, J. (2003).
    doi:10.1111/1467-9876.00415
    """

    n_boot: int = 1000
    kind: Kind | None = None
    interval: Interval = "studentized"
    population: Literal["resampled", "fixed"] | None = None
    stratify: bool = True
    cluster: str | Column | None = None
    multiplier: Literal["rademacher", "webb", "mammen"] | None = None
    leverage: Literal["CR2", "CR3"] | None = None
    rng: Seed | None = None
    n_jobs: int = 1
    progress: bool | None = None
    max_failures: float = 0.05
    engine: Literal["auto", "refit"] = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_boot", positive_integer("n_boot", self.n_boot, 2))
        if not isinstance(self.n_jobs, (int, np.integer)) or self.n_jobs == 0:
            raise ArgumentError(f"n_jobs: got {self.n_jobs!r}; a whole number, -1 for all cores.")
        for name, allowed in (
            ("kind", (None, *KINDS)),
            ("interval", INTERVALS),
            ("population", (None, "resampled", "fixed")),
            ("multiplier", (None, *MULTIPLIERS)),
            ("leverage", (None, *LEVERAGES)),
            ("engine", ("auto", "refit")),
            ("stratify", (True, False)),
            ("progress", (None, True, False)),
        ):
            value = getattr(self, name)
            if not any(value is a or (isinstance(a, str) and value == a) for a in allowed):
                raise not_one_of(name, value, [a for a in allowed if a is not None])
        if not 0.0 <= float(self.max_failures) <= 1.0:
            raise ArgumentError(f"max_failures: got {self.max_failures!r}; a share from 0 to 1.")
        check_rng(self.rng)
        if self.kind is not None:
            self._settle(self.kind)
            return
        for name in ("multiplier", "leverage"):
            if getattr(self, name) is not None:
                raise ArgumentError(
                    f'{name}: it belongs to kind="wild", which is never the default; give '
                    'kind="wild" too.'
                )

    def of_kind(self, default: Kind) -> Bootstrap:
        """Return the same with its kind, where that was left open, and with what goes with it.

        Parameters
        ----------
        default : str
            The kind where none is asked for and no clusters are given.
        """
        if self.kind is not None:
            return self
        kind: Kind = default if self.cluster is None else "cluster"
        return replace(self, kind=kind)

    def _settle(self, kind: str) -> None:
        """Fill in what the kind decides, and refuse what it does not use."""
        self._refuse_unused(kind)
        drawn, wild = kind in RESAMPLING, kind == "wild"
        if self.interval == "bca" and not drawn:
            raise ArgumentError(
                f'interval: "bca" is defined for kind="rows" and kind="cluster" (its acceleration '
                f'is a jackknife over what is drawn); got kind="{kind}". Use "studentized".'
            )
        for name, default in (
            ("population", "resampled" if drawn else "fixed"),
            ("multiplier", "rademacher" if wild else None),
            ("leverage", "CR2" if wild else None),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)

    def _refuse_unused(self, kind: str) -> None:
        """Refuse an option that the kind does not use."""
        given = {
            "population": (self.population == "resampled", RESAMPLING),
            "stratify": (not self.stratify, ("cluster",)),
            "cluster": (self.cluster is not None, ("cluster", "wild")),
            "multiplier": (self.multiplier is not None, ("wild",)),
            "leverage": (self.leverage is not None, ("wild",)),
        }
        for name, (asked, owners) in given.items():
            if asked and kind not in owners:
                belongs = " or ".join(f'kind="{owner}"' for owner in owners)
                raise ArgumentError(
                    f'{name}: kind="{kind}" does not use it; it belongs to {belongs}.'
                )


@dataclass(frozen=True, slots=True)
class Response:
    r"""What figures are of, where a model was fitted to a transform of its outcome.

    Parameters
    ----------
    of : {"mean", "median"} or callable
        The mean or the median of the outcome itself. A function instead is the `inverse`, and
        the mean is meant: ``Response(np.exp)``.
    inverse : callable, optional
        From the transformed outcome back to the outcome, on arrays, smooth and increasing or
        decreasing; by default what the formula's text tells.
    residuals : {"normal", "empirical"}
        Whether a mean is integrated over a normal distribution (and, in a mixed model, over the
        random effects), or averaged over the residuals of the fit: Duan's smearing. Residuals
        count as known, so that standard errors are those of the coefficients alone; with random
        slopes or clusters of unequal size it is not an estimate of the mean at given x.

    References
    ----------
    Duan, N. (1983). Smearing estimate: a nonparametric retransformation method. *Journal of the
    American Statistical Association* 78(383), 605-610. doi:10.1080/01621459.1983.10478017

    Examples
    --------
    >>> import numpy as np
    >>> from pymargins import Response
    >>> Response(np.exp).of
    'mean'
    >>> Response("mean", residuals="empirical").residuals
    'empirical'
    """

    of: Literal["mean", "median", "link"] | Callable[..., Any] = "mean"
    inverse: Callable[..., Any] | None = None
    residuals: Literal["normal", "empirical"] = "normal"

    def __post_init__(self) -> None:
        if callable(self.of):
            if self.inverse is not None:
                raise ArgumentError("inverse: given twice; Response(inverse) or Response(of, ...).")
            object.__setattr__(self, "inverse", self.of)
            object.__setattr__(self, "of", "mean")
        if self.of not in ("mean", "median", "link"):
            raise not_one_of("response", self.of, ["mean", "median", "link"])
        if self.inverse is not None and not callable(self.inverse):
            raise ArgumentTypeError(
                f"inverse: expected a function, got {type(self.inverse).__name__}."
            )
        if self.residuals not in ("normal", "empirical"):
            raise not_one_of("residuals", self.residuals, ["normal", "empirical"])
        if self.residuals == "empirical" and self.of != "mean":
            raise ArgumentError(
                f"residuals: a {self.of} needs none; they are for means. Leave `residuals` out."
            )


#: What ``method=`` may be once it has been read.
Option: TypeAlias = Delta | Simulation | Bootstrap | Posterior
