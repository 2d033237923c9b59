"""Bootstrap, jackknife and likelihood-ratio replicates of a linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.errors import ArgumentError, not_one_of
from pymargins.mixed.likelihood.estimation import MixedFit, fit
from pymargins.mixed.likelihood.responses import Responses
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.refits.refitter import Progress, Refits, Refitter, Source
from pymargins.mixed.refits.response_draws import (
    STREAM,
    Draw,
    ParametricDraw,
    ResidualDraw,
    Seed,
    WildDraw,
    WildWeights,
    seed_sequence,
    streams,
)
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.mixed.refits.sandwich import CovarianceKind

BootstrapKind = Literal["cluster", "parametric", "residual", "wild"]
COVARIANCE: dict[str, CovarianceKind] = {
    "cluster": "cr0",
    "parametric": "model",
    "residual": "model",
    "wild": "cr2-whitened",
}


def bootstrap(
    data: MixedData,
    fit: MixedFit,
    kind: BootstrapKind,
    n_boot: int,
    seed: Seed = None,
    *,
    sampling: ClusterSampling | None = None,
    cov: CovarianceKind | Literal["default"] | None = "default",
    leverage: Literal["cr2-whitened", "cr3"] = "cr2-whitened",
    weights: WildWeights = "rademacher",
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Refits:
    """Draw and refit bootstrap replicates.

    Parameters
    ----------
    data : MixedData
    fit : MixedFit
        The estimates to resample around, usually ``fit(data)``.
    kind : {"cluster", "parametric", "residual", "wild"}
        See `pymargins.mixed.refits.response_draws`.
    n_boot : int
    seed : int, SeedSequence, Generator, optional
        Figures depend on it alone, not on `n_jobs`.
    sampling : ClusterSampling, optional
        Which clusters are drawn, in which strata (cluster only); by default any group.
    cov : {"default", "model", "cr0", "cr2-whitened", "cr3"} or None
        Covariance stored with each replicate.  By default the one that makes a studentised interval
        valid: cluster-robust CR0 for whole groups (over the clusters drawn, within their strata),
        whitened CR2 for wild, the model's for parametric and residual.
    leverage, weights : str
        Of the wild bootstrap.
    n_jobs : int
        Threads.
    progress : callable, optional
        Called with the number of replicates done since the last call.
    """
    if kind not in COVARIANCE:
        raise not_one_of("kind", kind, COVARIANCE)
    if sampling is not None and kind != "cluster":
        raise ArgumentError(f"sampling: used by kind='cluster' only, not by {kind!r}.")
    _check_count("n_boot", n_boot)
    if kind == "cluster" and sampling is None:
        sampling = ClusterSampling.of_groups(data.n_groups)
    draw = sampling or _draw(data, fit, kind, leverage, weights)
    refitter = Refitter.from_fit(data, fit, COVARIANCE[kind] if cov == "default" else cov, sampling)
    size = refitter.chunk_size(by_groups=kind in ("cluster", "wild"))
    return refitter.run(
        _sources(draw, size, seed, n_boot),
        fit,
        fit.beta if sampling is None else data.origin,
        n_jobs,
        progress,
    )


def jackknife(
    data: MixedData,
    fit: MixedFit,
    sampling: ClusterSampling | None = None,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Refits:
    """Refit with each cluster (by default each group) left out in turn; very many in blocks."""
    if sampling is None:
        sampling = ClusterSampling.of_groups(data.n_groups)
    count, left_out = sampling.n_left_out, sampling.left_out
    refitter = Refitter.from_fit(data, fit, None)
    size = refitter.chunk_size(by_groups=True)

    def source(first: int) -> Source:
        return lambda: (left_out(first, min(first + size, count)), None)

    sources = [source(first) for first in range(0, count, size)]
    return refitter.run(sources, fit, data.origin, n_jobs, progress)


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRatio:
    """A likelihood ratio with its distribution under the null model.

    Attributes
    ----------
    statistic : float
        Twice the difference of the ML log-likelihoods.
    draws : (B,) array
        The same for responses drawn from the fitted null model.
    converged : (B,) bool array
        Both refits converged.
    """

    statistic: float
    draws: FloatArray
    converged: BoolArray

    @property
    def p_value(self) -> float:
        """``(1 + #{draws >= statistic}) / (1 + B)`` over the replicates that converged."""
        draws = self.draws[self.converged]
        return float((1 + (draws >= self.statistic).sum()) / (1 + len(draws)))


def likelihood_ratio(
    null: MixedData,
    full: MixedData,
    n_boot: int,
    seed: Seed = None,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> LikelihoodRatio:
    """Parametric bootstrap of the likelihood-ratio test of nested fixed effects.

    Responses are drawn from the fitted null model and both models are refitted to each by ML
    (Halekoh & Hojsgaard 2014, doi:10.18637/jss.v059.i09).

    Parameters
    ----------
    null, full : MixedData
        The same rows and groups, both with ``reml=False``; the columns of the null model's X are
        combinations of those of the full one.
    """
    _check_count("n_boot", n_boot)
    if null.reml or full.reml:
        raise ArgumentError("null, full: likelihoods of different X compare under ML alone.")
    if null.n_rows != full.n_rows or not np.array_equal(null.order, full.order):
        raise ArgumentError("null, full: must have the same rows and groups.")
    small, large = fit(null), fit(full)
    same = seed_sequence(seed)  # so that both models see the same responses
    draw = ParametricDraw.from_fit(null, small)
    deviances: list[FloatArray] = []
    converged = np.ones(n_boot, bool)
    for data, fitted in ((null, small), (full, large)):
        refitter = Refitter.from_fit(data, fitted, None)
        sources = _sources(draw, refitter.chunk_size(by_groups=False), same, n_boot)
        found = refitter.run(sources, fitted, fitted.beta, n_jobs, progress)
        deviances.append(found.deviance)
        converged &= found.usable
    return LikelihoodRatio(small.deviance - large.deviance, deviances[0] - deviances[1], converged)


def _draw(
    data: MixedData,
    fit: MixedFit,
    kind: str,
    leverage: Literal["cr2-whitened", "cr3"],
    weights: WildWeights,
) -> Draw:
    if kind == "parametric":
        return ParametricDraw.from_fit(data, fit)
    if kind == "residual":
        return ResidualDraw.from_fit(data, fit)
    return WildDraw.from_fit(data, fit, leverage, weights)


def _sources(
    draw: Draw | ClusterSampling, chunk_size: int, seed: Seed, n_boot: int
) -> list[Source]:
    """Return one function per chunk that draws its replicates, some whole streams."""
    parts = list(streams(seed, n_boot))
    step = max(1, chunk_size // STREAM)

    def source(some: list[tuple[np.random.Generator, int]]) -> Source:
        def make() -> tuple[FloatArray | None, Responses | None]:
            drawn = np.concatenate([draw(rng, count) for rng, count in some], axis=1)
            if isinstance(draw, ClusterSampling):
                return drawn, None
            return None, draw.responses(drawn)

        return make

    return [source(parts[i : i + step]) for i in range(0, len(parts), step)]


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name}: must be a whole number of at least 1; got {value!r}.")
