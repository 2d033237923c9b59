"""Refit a model to many replicates of its data at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.criterion import Criterion
from pymargins.mixed.likelihood.estimation import MixedFit, check_fittable, singular
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.newton import minimise
from pymargins.mixed.likelihood.responses import Responses, RowResponses
from pymargins.mixed.likelihood.scaling import from_relative, to_relative
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.mixed.refits.sandwich import CovarianceKind, covariance_at, covariances

MEMORY = 6_000_000  # doubles that a chunk of replicates may hold at a time
RANK_TOLERANCE = 1e-7  # smallest pivot of a replicate's X'X, in the orthonormal working basis
VANISHED = 1e-18  # residual variance over the fit's: the replicate is explained without residuals
KINDS = ("model", "cr0", "cr2-whitened", "cr3")


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """Refits of one model to B replicates of its data.

    A replicate that lacks the data for a coefficient (`full_rank` false) has NaN throughout; one
    that did not converge, or whose likelihood is unbounded because no residual is left, keeps its
    last values, and `converged` says so.  `usable` is both.

    Attributes
    ----------
    beta : (B, p) array
    cov : (B, p, p) array or None
        Covariance of each replicate's coefficients, of kind `cov_kind`.
    psi, components, sigma2 : (B, q, q), (B, k), (B,) arrays
        Variance parameters.
    deviance : (B,) array
        ML or REML, all constants included.
    converged, full_rank, singular : (B,) bool arrays
    weights : (B, G) int array or None
        How often each group was drawn.
    reference_beta, reference_cov : (p,) and (p, p) arrays
        The fit that replicates are compared with, and its covariance of the same kind: the pair
        that a studentised interval needs.
    cov_kind : str or None
    """

    beta: FloatArray
    cov: FloatArray | None
    psi: FloatArray
    components: FloatArray
    sigma2: FloatArray
    deviance: FloatArray
    converged: BoolArray
    full_rank: BoolArray
    singular: BoolArray
    weights: IntArray | None
    reference_beta: FloatArray
    reference_cov: FloatArray
    cov_kind: CovarianceKind | None

    @property
    def usable(self) -> BoolArray:
        """Replicates that converged and identify every coefficient."""
        return self.converged & self.full_rank

    @property
    def failures(self) -> dict[str, int]:
        """Number of unusable replicates by reason."""
        counts = {
            "some coefficients are not identified": int((~self.full_rank).sum()),
            "the optimiser did not converge": int((self.full_rank & ~self.converged).sum()),
        }
        return {reason: count for reason, count in counts.items() if count}


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Figures of some replicates, in the working basis."""

    beta: FloatArray
    cov: FloatArray | None
    psi: FloatArray
    sigma2: FloatArray
    deviance: FloatArray
    converged: BoolArray
    full_rank: BoolArray
    weights: IntArray | None


Source = Callable[[], tuple[FloatArray | None, Responses | None]]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Refitter:
    """Refits chunks of replicates, all from the same start."""

    data: MixedData
    factors: GroupFactors
    batches: Batches
    start: FloatArray
    sigma2: float
    cov_kind: CovarianceKind | None
    sampling: ClusterSampling | None = None

    @classmethod
    def from_fit(
        cls,
        data: MixedData,
        fit: MixedFit,
        cov_kind: CovarianceKind | None,
        sampling: ClusterSampling | None = None,
    ) -> Refitter:
        """Reduce the groups and take the fit's variances as the start."""
        check_fittable(data)
        if cov_kind is not None and cov_kind not in KINDS:
            raise ArgumentError(f"cov: got {cov_kind!r}; allowed are {', '.join(KINDS)} and None.")
        factors = GroupFactors.from_data(data)
        batches = Batches.from_factors(factors)
        start = to_relative(factors, fit.params)
        return cls(data, factors, batches, start, fit.params.sigma2, cov_kind, sampling)

    def chunk_size(self, by_groups: bool) -> int:
        """Return how many replicates fit into the memory allowed; depends on the model alone.

        A replicate is drawn `by_groups` where it has a number per group, else it has one per row.
        """
        rank = self.data.rank
        size = 12 * (rank + 1) ** 2
        size += self.data.n_groups if by_groups else 3 * self.data.n_rows
        for view in self.batches.views:
            block = view.block
            groups, rho, d = block.u.shape
            size += groups * rho * (1 if rho == 1 else d + len(block.derivatives) * rho)
        for cells in self.factors.cells:
            w = cells.u.shape[-1]
            size += 4 * cells.u.size + (4 + 3 * len(cells.inner) ** 2) * len(cells.groups) * w * w
        if self.cov_kind not in (None, "model"):
            size += (2 if self.sampling is None else 4) * self.data.n_groups * (rank + 1)
        if self.cov_kind in ("cr2-whitened", "cr3"):
            size += 6 * self.data.n_groups * (rank + 1) + 6 * rank**2
        return int(np.clip(MEMORY // size, 1, 1024))

    def reference(self, fit: MixedFit) -> FloatArray:
        """Return the fit's own covariance (p, p) of the same kind."""
        if self.cov_kind in (None, "model"):
            return fit.cov
        return covariance_at(self.cov_kind, self.batches, fit.params, self.sampling)

    def refit(self, weights: FloatArray | None, responses: Responses | None) -> _Chunk:
        """Refit replicates given by weights (G, B) or by responses."""
        if weights is not None:
            criterion = self.batches.weighted(weights)
        elif responses is not None:
            criterion = self.batches.responded(responses)
        else:
            raise ValueError("weights or responses")
        full_rank = criterion.full_rank(RANK_TOLERANCE) & (criterion.n_effective > 0)
        count = criterion.n_replicates
        full_rank = np.broadcast_to(full_rank, count).copy()
        if full_rank.all():
            return self._refit(criterion, weights, responses, full_rank)
        index = np.flatnonzero(full_rank)
        part = self._refit(
            criterion.take(index),
            None if weights is None else weights[:, index],
            None if responses is None else responses.take(index),
            full_rank[index],
        )
        return _Chunk(
            beta=_spread(part.beta, index, count),
            cov=None if part.cov is None else _spread(part.cov, index, count),
            psi=_spread(part.psi.T, index, count).T,
            sigma2=_spread(part.sigma2, index, count),
            deviance=_spread(part.deviance, index, count),
            converged=_spread(part.converged.astype(float), index, count) == 1,
            full_rank=full_rank,
            weights=None if weights is None else weights.T.astype(np.int32),
        )

    def _refit(
        self,
        criterion: Criterion,
        weights: FloatArray | None,
        responses: Responses | None,
        full_rank: BoolArray,
    ) -> _Chunk:
        count = len(full_rank)
        found = minimise(criterion, np.repeat(self.start[:, None], count, axis=1))
        state = criterion.evaluate(found.psi)
        beta, _, sigma2 = criterion.solve(state)
        cov = None
        if self.cov_kind is not None:
            cov = covariances(
                self.cov_kind, self.factors, criterion, state, weights, responses, self.sampling
            )
        return _Chunk(
            beta=np.ascontiguousarray(beta.T),
            cov=cov,
            psi=found.psi,
            sigma2=sigma2,
            deviance=found.deviance,
            converged=found.converged & (sigma2 > VANISHED * self.sigma2),
            full_rank=full_rank,
            weights=None if weights is None else weights.T.astype(np.int32),
        )

    def run(
        self,
        sources: Sequence[Source],
        fit: MixedFit,
        center: FloatArray,
        n_jobs: int = 1,
        progress: Progress | None = None,
    ) -> Refits:
        """Refit every chunk and join the results; `center` is added to each beta."""
        chunks: list[_Chunk] = []
        for chunk in _mapped(lambda source: self.refit(*source()), sources, n_jobs):
            chunks.append(chunk)
            if progress is not None:
                progress(len(chunk.sigma2))
        data = self.data
        psi = np.concatenate([c.psi for c in chunks], axis=1)
        sigma2 = np.concatenate([c.sigma2 for c in chunks])
        covariance, components = from_relative(self.factors, psi, sigma2)
        covs = [c.cov for c in chunks if c.cov is not None]
        drawn = [c.weights for c in chunks if c.weights is not None]
        shift = data.log_det_basis if data.reml else 0.0
        full_rank = np.concatenate([c.full_rank for c in chunks])
        at_zero = np.zeros(len(full_rank), bool)
        at_zero[full_rank] = singular(psi[:, full_rank], data.q)
        return Refits(
            beta=center + np.concatenate([c.beta for c in chunks]) @ data.basis.T,
            cov=data.covariance(np.concatenate(covs)) if covs else None,
            psi=covariance,
            components=components,
            sigma2=sigma2,
            deviance=np.concatenate([c.deviance for c in chunks]) + shift,
            converged=np.concatenate([c.converged for c in chunks]),
            full_rank=full_rank,
            singular=at_zero,
            weights=np.concatenate(drawn) if drawn else None,
            reference_beta=fit.beta,
            reference_cov=self.reference(fit),
            cov_kind=self.cov_kind,
        )


def refit_weights(
    data: MixedData,
    fit: MixedFit,
    weights: ArrayLike,
    cov: CovarianceKind | None = "cr0",
) -> Refits:
    """Refit with groups entering as often as `weights` (B, G) says."""
    w = np.asarray(weights, dtype=float)
    if w.ndim != 2 or w.shape[1] != data.n_groups or len(w) == 0:
        raise ArgumentError(f"weights: must have shape (B, {data.n_groups}); got {w.shape}.")
    if not np.isfinite(w).all() or (w < 0).any():
        raise ArgumentError("weights: must be finite and at least 0.")
    refitter = Refitter.from_fit(data, fit, cov)
    size = refitter.chunk_size(by_groups=True)
    parts = [np.ascontiguousarray(w[i : i + size].T) for i in range(0, len(w), size)]
    return refitter.run([lambda p=p: (p, None) for p in parts], fit, data.origin)


def refit_responses(
    data: MixedData,
    fit: MixedFit,
    responses: ArrayLike,
    cov: CovarianceKind | None = "model",
) -> Refits:
    """Refit with new responses (B, n), rows in the order of the caller's `y`."""
    y = np.asarray(responses, dtype=float)
    if y.ndim != 2 or y.shape[1] != data.n_rows or len(y) == 0:
        raise ArgumentError(f"responses: must have shape (B, {data.n_rows}); got {y.shape}.")
    if not np.isfinite(y).all():
        raise ArgumentError("responses: must be finite.")
    refitter = Refitter.from_fit(data, fit, cov)
    size = refitter.chunk_size(by_groups=False)
    x = data.rows[:, data.q : data.q + data.rank]
    sorted_y = y[:, data.order].T
    ordinary = x.T @ sorted_y
    residual = sorted_y - x @ ordinary  # least-squares residuals keep the digits of a large mean
    parts = [
        RowResponses(np.ascontiguousarray(residual[:, i : i + size]))
        for i in range(0, len(y), size)
    ]
    return refitter.run([lambda p=p: (None, p) for p in parts], fit, ordinary.T @ data.basis.T)


def _spread(values: FloatArray, index: IntArray, count: int) -> FloatArray:
    out = np.full((count, *values.shape[1:]), np.nan)
    out[index] = values
    return out


def _mapped(
    work: Callable[[Source], _Chunk], sources: Sequence[Source], n_jobs: int
) -> Iterator[_Chunk]:
    if n_jobs == 1 or len(sources) == 1:
        yield from map(work, sources)
        return
    with ThreadPoolExecutor(max_workers=n_jobs) as pool:
        yield from pool.map(work, sources)
