"""Option objects behind ``method=`` that fit nothing again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pymargins.errors import not_one_of
from pymargins.options.checks import Seed, check_rng, positive_integer

#: Intervals of a posterior: equal parts on both sides, or the shortest.
TAILS, HDI = "equal-tailed", "hdi"


@dataclass(frozen=True, slots=True)
class Delta:
    """The delta method; ``method=Delta()`` is ``method="delta"``."""


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
