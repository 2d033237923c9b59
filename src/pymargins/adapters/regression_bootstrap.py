"""Bootstrap a fitted regression of any class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.drawn_clusters import few_clusters, group_strata, larger_clusters
from pymargins.adapters.robust_offers import seen_over
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError, ModelError, UnsupportedError, listing
from pymargins.facts import FewClusters
from pymargins.mixed.refits.response_draws import STREAM, streams
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates, Request, Seen
from pymargins.options import Bootstrap, Kind
from pymargins.progress import progress_bar
from pymargins.regression.clusters import ClusterKind, Clusters
from pymargins.regression.estimating import Estimating
from pymargins.regression.refits.refitter import BatchRefitter, Refits, Refitter
from pymargins.regression.refits.row_weights import RowWeights, compact
from pymargins.regression.refits.wild import WildDraw
from pymargins.regression.sandwich import HeteroscedasticKind
from pymargins.regression.shown import shown_by_clusters, shown_by_rows

#: Draws replicates: weights or responses (n, count).
Draw = Callable[[np.random.Generator, int], AnyArray]
#: Replicates that some streams of random numbers draw.
Part = Sequence["tuple[np.random.Generator, int]"]


#: The robust covariances, of rows and of clusters, that see what a kind of bootstrap sees.
SHOWN_AS: Mapping[str, tuple[HeteroscedasticKind, ClusterKind]] = {
    "rows": ("HC0", "CR0"),
    "cluster": ("HC0", "CR0"),
    "wild": ("HC2", "CR2"),
}


class Bootstrapped(Protocol):
    """A fitted regression, as its bootstrap sees it."""

    @property
    def name(self) -> str:
        """The class of statsmodels."""
        ...

    @property
    def fitted(self) -> Fitted:
        """The model."""
        ...

    @property
    def kind(self) -> Kind:
        """The kind of bootstrap where none is asked for."""
        ...

    @property
    def bootstraps(self) -> Mapping[str, str]:
        """The kinds of bootstrap, each with why the class has it not, or nothing."""
        ...

    @property
    def clusters(self) -> Any:
        """The clusters that the fit itself was given, or None."""
        ...

    def sandwiched(self) -> Estimating | None:
        """Return its estimating equations; None of a class without robust covariances by name."""
        ...

    def require_apart(self, clusters: Clusters) -> None:
        """Raise where the model ties rows of different clusters together."""
        ...

    def refitter(self, drawing: Drawing) -> Refitter:
        """Return what refits the model."""
        ...

    def response_draw(self, refitter: Refitter) -> Draw:
        """Return what draws responses from the fitted model."""
        ...


def bootstrap_regression(source: Bootstrapped, option: Bootstrap) -> Replicates:
    """Draw and refit the replicates that `option` asks for.

    Raises
    ------
    UnsupportedError
        For a kind that the class of models has not.
    ArgumentError
        For clusters that are not known, or that cut the groups of the model.
    """
    option = option.of_kind(source.kind)
    _check(source, option)
    drawing = drawing_of(source, option)
    refitter = source.refitter(drawing)
    draw: Draw
    if drawing.by_weights:
        draw = drawing.row_weights(source.fitted.facts.n, source.fitted.row_weights)
    elif drawing.kind == "wild":
        assert isinstance(refitter, BatchRefitter)
        leverage, multiplier = option.leverage or "CR2", option.multiplier or "rademacher"
        draw = WildDraw.of(refitter.original, drawing.clusters, leverage, multiplier)
    else:
        draw = source.response_draw(refitter)
    groups = source.fitted.groups
    assert groups is not None
    first = np.unique(groups, return_index=True)[1] if option.population == "resampled" else None
    found = _Gathered(first)
    with progress_bar(option.n_boot, option.progress) as advance:
        for refits, weights in refitted(refitter, draw, drawing.by_weights, option):
            found.add(refits, weights)
            if advance is not None:
                advance(len(refits.reasons))
    made = found.replicates(source.fitted, refitter, drawing, draw)
    return replace(made, seen=_seen(source, drawing, made.covers))


def _seen(source: Bootstrapped, drawing: Drawing, covers: tuple[str, ...]) -> Seen | None:
    """Return what replicates show of a variance: what residuals, or rows drawn again, do."""
    fit = source.sandwiched()
    if fit is None or drawing.kind not in SHOWN_AS:  # a parametric bootstrap rests on the model
        return None
    by_rows, by_clusters = SHOWN_AS[drawing.kind]
    parameters, request = source.fitted.parameters, Request(covers)
    if drawing.clusters is None:
        return seen_over(shown_by_rows(fit, by_rows), parameters, request, "row")
    shown = shown_by_clusters(fit, by_clusters, drawing.clusters)
    return seen_over(shown, parameters, request, "cluster")


def _check(source: Bootstrapped, option: Bootstrap) -> None:
    """Refuse a kind that the class has not, and engines: regressions have one each."""
    kind = str(option.kind)
    offered = [name for name, why in source.bootstraps.items() if not why]
    if kind not in offered:
        why = source.bootstraps.get(kind) or "that kind belongs to mixed models"
        raise UnsupportedError(
            f"kind: {kind!r} is not available for this {source.name}: {why}. Supported: "
            f"{listing(offered)}."
        )
    if option.engine != "auto":
        raise UnsupportedError(
            f"engine: {option.engine!r} belongs to mixed models; regressions have one engine. "
            "Leave `engine` out."
        )


# --- what is drawn -------------------------------------------------------------------------------


def drawing_of(source: Bootstrapped, option: Bootstrap) -> Drawing:
    """Say what is drawn, with the clusters that the option or the fit names."""
    assert option.kind is not None
    studentized = option.interval == "studentized"
    clusters = _clusters(source, option)
    if clusters is None:
        return Drawing(option.kind, studentized)
    source.require_apart(clusters)
    if option.kind == "wild":
        return Drawing(option.kind, studentized, clusters)
    strata, named = None, []
    if option.stratify:
        strata, named = group_strata(source.fitted, clusters.codes)
    sampling = ClusterSampling.of_groups(clusters.size, strata)
    return Drawing(option.kind, studentized, clusters, sampling, tuple(named))


def _clusters(source: Bootstrapped, option: Bootstrap) -> Clusters | None:
    fitted = source.fitted
    if option.kind not in ("cluster", "wild"):
        return None
    if fitted.facts.groups is not None:
        assert fitted.groups is not None
        codes = fitted.groups
        if option.cluster is not None:
            codes = larger_clusters(fitted, option.cluster)[codes]
        return Clusters.of(codes)
    if option.cluster is not None:
        return Clusters.of(cluster_labels(fitted, option.cluster))
    if option.kind == "wild":
        return None
    if source.clusters is not None:
        return Clusters.of(np.asarray(source.clusters))
    raise ArgumentError(
        'cluster: kind="cluster" needs to know the clusters; name a column of the data, or give '
        "one label for each row of the fit."
    )


# --- refits --------------------------------------------------------------------------------------


def refitted(
    refitter: Refitter, draw: Draw, by_weights: bool, option: Bootstrap
) -> Iterator[tuple[Refits, AnyArray | None]]:
    """Yield refits chunk by chunk, with the weights of the rows where these are drawn.

    A replicate depends on the seed and its place alone, not on how chunks are distributed.
    """
    work = _Work(refitter, draw, by_weights)
    every = list(streams(option.rng, option.n_boot))
    step = max(1, refitter.chunk // STREAM)
    parts = [every[i : i + step] for i in range(0, len(every), step)]
    if not isinstance(refitter, BatchRefitter):
        import joblib

        # None leaves the number to joblib.parallel_config
        n_jobs = None if option.n_jobs == 1 else option.n_jobs
        found: Any = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
            joblib.delayed(work)(part) for part in parts
        )
        yield from found
    elif option.n_jobs == 1:
        yield from map(work, parts)
    else:
        with ThreadPoolExecutor(max_workers=option.n_jobs if option.n_jobs > 0 else None) as pool:
            yield from pool.map(work, parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """Draws and refits some replicates."""

    refitter: Refitter
    draw: Draw
    by_weights: bool

    def __call__(self, part: Part) -> tuple[Refits, AnyArray | None]:
        drawn = np.concatenate([self.draw(rng, count) for rng, count in part], axis=1)
        if not self.by_weights:
            return self.refitter.responded(drawn), None
        return self.refitter.weighted(drawn), drawn


class _Gathered:
    """Replicates as they come in: those that failed are counted and left out.

    Parameters
    ----------
    first : ndarray, optional
        A row of each group of the population, where that is resampled with them.
    """

    def __init__(self, first: IntArray | None) -> None:
        self.first = first
        self.theta: list[FloatArray] = []
        self.cov: list[FloatArray] = []
        self.weights: list[AnyArray] = []
        self.failures: Counter[str] = Counter()
        self.on_boundary = 0

    def add(self, refits: Refits, weights: AnyArray | None) -> None:
        """Take in a chunk."""
        self.failures.update(reason for reason in refits.reasons if reason)
        self.on_boundary += refits.on_boundary
        kept = np.array([not reason for reason in refits.reasons])
        self.theta.append(refits.theta[kept])
        if refits.cov is not None:
            self.cov.append(refits.cov[kept])
        if self.first is not None and weights is not None:
            own = weights.T[kept]
            alone = np.array_equal(self.first, np.arange(own.shape[1]))
            self.weights.append(compact(own if alone else own[:, self.first]))

    def replicates(
        self, fitted: Fitted, refitter: Refitter, drawing: Drawing, draw: Draw
    ) -> Replicates:
        """Put them together."""
        known = len(refitter.params)  # coefficients: refits have no variance of residuals
        blocks = {k: place for k, place in fitted.parameters.blocks.items() if place.stop <= known}
        weights = np.concatenate(self.weights) if self.weights else None
        notes: tuple[FewClusters, ...] = ()
        if drawing.clusters is not None:
            sampling = drawing.sampling or ClusterSampling.of_groups(drawing.clusters.size)
            notes = few_clusters(sampling, remedies=())
        grouped = fitted.facts.groups == (drawing.clusters.size if drawing.clusters else None)
        jackknife = None
        if isinstance(draw, RowWeights):
            jackknife = Jackknife(refitter, draw, blocks, self.first)
        return Replicates(
            point=Point(np.concatenate(self.theta), blocks, weights),
            center=refitter.params,
            cov=np.concatenate(self.cov) if self.cov else None,
            base_cov=refitter.base_cov,
            covers=tuple(blocks),
            failures=dict(self.failures),
            singular=self.on_boundary,
            jackknife=jackknife,
            strata=drawing.strata,
            clusters=None if drawing.clusters is None or grouped else drawing.clusters.size,
            rows=drawing.clusters is None and drawing.kind in ("rows", "wild"),
            notes=notes,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Jackknife:
    """The fits that leave out one row or cluster each; very many in blocks.

    Parameters
    ----------
    refitter : Refitter
    weights : RowWeights
    blocks : mapping of str to slice
        Of the parameters.
    first : ndarray, optional
        A row of each group of the population, where that leaves them out too.
    """

    refitter: Refitter
    weights: RowWeights
    blocks: Mapping[str, slice]
    first: IntArray | None

    def __call__(self) -> Point:
        """Fit them."""
        count, size = self.weights.sampling.n_left_out, self.refitter.chunk
        theta: list[FloatArray] = []
        drawn: list[AnyArray] = []
        for first in range(0, count, size):
            weights = self.weights.left_out(first, min(first + size, count))
            refits = self.refitter.weighted(weights)
            failed = [reason for reason in refits.reasons if reason]
            if failed:
                raise ModelError(
                    f"bca: a fit that leaves out one row or cluster fails ({failed[0]}), so the "
                    'acceleration is not defined. Use "studentized".'
                )
            theta.append(refits.theta)
            if self.first is not None:
                drawn.append(compact(weights[self.first].T))
        return Point(np.concatenate(theta), self.blocks, np.concatenate(drawn) if drawn else None)
