"""From an option to draws: simulate the parameters, or refit the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.facts import (
    BootstrapDraws,
    FailedReplicates,
    Note,
    RandomEffects,
    SimulatedDraws,
    SingularReplicates,
)
from pymargins.inference.drawn import DrawsInference
from pymargins.inference.propagation import propagation
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates, ReplicateVariances, RowCovariance, Seen
from pymargins.options import Bootstrap, Simulation


def simulate(
    option: Simulation,
    point: Point,
    cov: FloatArray | RowCovariance,
    seen: Seen | None = None,
) -> DrawsInference:
    """Draw parameters from N(point, cov); `seen` is what `cov` shows."""
    rng = np.random.default_rng(option.rng)
    root = _root(cov, point)
    center = point.theta[0]
    drawn = center + rng.standard_normal((option.n_sim, root.shape[1])) @ root.T
    replicates = Replicates(Point(drawn, point.blocks), center, seen=seen)
    return DrawsInference(point, replicates, "percentile", SimulatedDraws(option.n_sim))


def _root(cov: FloatArray | RowCovariance, point: Point) -> FloatArray:
    if isinstance(cov, np.ndarray):
        spectrum, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(np.maximum(spectrum, 0.0))
    from scipy import sparse

    return propagation(cov).factor(sparse.csr_array(sparse.identity(point.width)), ())


def bootstrap(option: Bootstrap, fitted: Fitted) -> tuple[DrawsInference, Replicates]:
    """Refit the model to resampled data.

    Returns
    -------
    tuple
        The inference about what the mean depends on, and the replicates of every parameter.

    Raises
    ------
    UnsupportedError
        Where the model cannot be refitted.
    NumericalError
        Where more replicates failed than `max_failures` allows.
    """
    if fitted.refits is None:
        raise UnsupportedError(
            'method: "bootstrap" needs an adapter that can refit its model; this one cannot.'
        )
    found = fitted.refits.bootstrap(option)
    missing = [name for name in fitted.mean.blocks if name not in found.point.blocks]
    if missing:
        raise UnsupportedError(
            f"bootstrap: the refits of a {fitted.facts.kind} do not give {', '.join(missing)}, "
            'which these figures depend on. Use method="delta" or "simulation".'
        )
    failed = sum(found.failures.values())
    if failed > option.max_failures * option.n_boot or len(found.point) < 2:
        tally = "; ".join(f"{count} x {text}" for text, count in found.failures.items())
        raise NumericalError(
            f"bootstrap: {failed} of {option.n_boot} replicates failed, more than the share of "
            f"{option.max_failures:g} allowed by max_failures. {tally}. Look at m.diagnose() of a "
            'session without the bootstrap; a simpler model, kind="parametric" (where rows or '
            "clusters are few), or a larger max_failures= may do."
        )
    notes: list[Note] = list(found.notes)
    if failed:
        notes.append(FailedReplicates(failed, option.n_boot, found.failures))
    if found.singular:
        dispersion = fitted.variances is None
        notes.append(SingularReplicates(found.singular, option.n_boot, dispersion))
    facts = BootstrapDraws(
        str(option.kind),
        option.n_boot,
        option.interval,
        found.point.weights is not None,
        found.strata,
        found.clusters,
        found.refitted_by,
        found.rows,
        fitted.facts.random_effects is RandomEffects.PREDICTED,
    )
    point = fitted.point
    replicates = of_blocks(found, tuple(point.blocks))
    return DrawsInference(point, replicates, option.interval, facts, tuple(notes)), found


def of_blocks(found: Replicates, blocks: tuple[str, ...]) -> Replicates:
    """Keep the parameters that a mean depends on, in its order."""
    if blocks == tuple(found.point.blocks):
        return found
    picked = _Picked(found, blocks)
    covered = tuple(name for name in blocks if name in found.covers)
    places = places_among(covered, found)
    return replace(
        found,
        cov=_among(found.cov, found.covers, covered, places),
        base_cov=_among(found.base_cov, found.covers, covered, places),
        covers=covered,
        point=picked.of(found.point),
        center=picked.of(Point(found.center[None, :], found.point.blocks)).theta[0],
        jackknife=None if found.jackknife is None else picked,
        seen=None if found.seen is None else _seen_among(found.seen, blocks, found),
    )


def _seen_among(seen: Seen, blocks: tuple[str, ...], found: Replicates) -> Seen:
    """Return what is seen of rows over some of the blocks; they do not depend on the others."""
    widths = {name: found.point.block(name).shape[1] for name in seen.blocks}
    ends = dict(zip(widths, np.cumsum(list(widths.values())).tolist(), strict=True))
    kept = tuple(name for name in blocks if name in widths)
    places = np.concatenate([np.arange(ends[b] - widths[b], ends[b]) for b in kept])
    share = _Widened(seen.share, places, sum(widths.values()))
    return replace(seen, share=share, blocks=kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Widened:
    """A function of rows over all parameters, of rows over some."""

    share: Callable[[FloatArray], FloatArray]
    places: IntArray
    width: int

    def __call__(self, rows: FloatArray) -> FloatArray:
        wide = np.zeros((len(rows), self.width))
        wide[:, self.places] = rows
        return self.share(wide)


def _among(
    cov: FloatArray | ReplicateVariances | None,
    known: tuple[str, ...],
    wanted: tuple[str, ...],
    places: IntArray,
) -> FloatArray | ReplicateVariances | None:
    """Return covariances of some of the parameters that they are known of."""
    if isinstance(cov, np.ndarray):
        return cov[..., places[:, None], places]
    return cov if known == wanted else None  # it knows rows over all of its blocks


def places_among(blocks: tuple[str, ...], found: Replicates) -> IntArray:
    """Return where the parameters of some blocks are in the covariances of replicates."""
    widths = [found.point.block(name).shape[1] for name in found.covers]
    ends = np.cumsum(widths).tolist()
    every = np.arange(sum(widths), dtype=np.intp)
    own = {
        name: every[end - width : end]
        for name, width, end in zip(found.covers, widths, ends, strict=True)
    }
    return np.concatenate([every[:0], *(own[name] for name in blocks)])


class _Picked:
    """Some blocks of replicates' parameters."""

    def __init__(self, found: Replicates, blocks: tuple[str, ...]) -> None:
        self.found = found
        self.blocks = blocks

    def of(self, point: Point) -> Point:
        """Return the same points with these blocks only."""
        parts = {name: point.block(name) for name in self.blocks}
        ends = np.cumsum([part.shape[1] for part in parts.values()]).tolist()
        where = {
            name: slice(end - part.shape[1], end)
            for (name, part), end in zip(parts.items(), ends, strict=True)
        }
        return Point(np.concatenate(list(parts.values()), axis=1), where, point.weights)

    def __call__(self) -> Point:
        """Return the fits that leave out one cluster each."""
        assert self.found.jackknife is not None
        return self.of(self.found.jackknife())
