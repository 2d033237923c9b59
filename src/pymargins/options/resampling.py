"""The option object behind ``method="bootstrap"``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from pymargins.errors import ArgumentError, not_one_of
from pymargins.options.checks import Column, Seed, check_rng, positive_integer

Kind: TypeAlias = Literal["rows", "cluster", "parametric", "residual", "wild"]
Interval: TypeAlias = Literal["studentized", "percentile", "basic", "normal", "bca"]

KINDS = ("rows", "cluster", "parametric", "residual", "wild")
#: The kinds that draw rows, so that averages over the rows of the fit may be drawn with them.
RESAMPLING = ("rows", "cluster")
INTERVALS = ("studentized", "percentile", "basic", "normal", "bca")
MULTIPLIERS = ("rademacher", "webb", "mammen")
LEVERAGES = ("CR2", "CR3")


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
        parametric. ``"bca"`` is of the kinds that draw rows or clusters. Ends are draws, the
        (B + 1)p-th in order or the next one outward: an interval holds no effect if and only if
        its p-value is above 1 - level.
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
