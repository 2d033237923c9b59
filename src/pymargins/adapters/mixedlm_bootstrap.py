"""Bootstrap a fitted MixedLM: all replicates at once, in the mixed-model engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import IntArray
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError, ModelError
from pymargins.facts import FewClusters
from pymargins.inference.progress import progress_bar
from pymargins.mixed import (
    MixedData,
    MixedFit,
    bootstrap,
    jackknife,
    likelihood_ratio,
)
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.mixed.small_samples.robust import robust_fit
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point, slices
from pymargins.models.uncertainty import Replicates
from pymargins.options import Bootstrap

LEAST_IN_STRATUM = 2
#: Fewer clusters, or fewer in an arm, leave a bootstrap little to draw from.
FEW_CLUSTERS = 8
FEW_IN_ARM = 4


def bootstrap_mixed(
    fitted: Fitted, data: MixedData, best: MixedFit, option: Bootstrap
) -> Replicates:
    """Draw and refit the replicates that `option` asks for.

    Random effects, ML or REML and fixed effects are those of the fit; the replicates are refitted
    from its estimates.
    """
    if option.kind == "cluster":
        return _clusters(fitted, data, best, option)
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            data,
            best,
            option.kind,
            option.n_boot,
            option.rng,
            leverage="cr3" if option.leverage == "CR3" else "cr2-whitened",
            weights=option.multiplier or "rademacher",
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )
    if option.kind != "wild":
        return _replicates(found, best)
    notes = few_clusters(ClusterSampling.of_groups(data.n_groups))
    seen = robust_fit(data, best.params, "CR2").seen
    return replace(_replicates(found, best, notes=notes), seen=seen)


def likelihood_ratio_test(null: MixedData, full: MixedData, option: Bootstrap) -> pd.Series:
    """Test by maximum likelihood that the coefficients that `null` lacks are zero."""
    from scipy import special

    if null.rank == full.rank:
        raise ArgumentError(
            "likelihood_ratio_test: the other terms of the model span the same columns, so there "
            "is nothing to test. Leave out the interactions that contain the term too."
        )
    with progress_bar(2 * option.n_boot, option.progress) as advance:
        found = likelihood_ratio(null, full, option.n_boot, option.rng, progress=advance)
    df1 = full.rank - null.rank
    return pd.Series(
        {
            "statistic": found.statistic,
            "df1": df1,
            "p_value": found.p_value,
            "p_chi2": float(special.chdtrc(df1, max(found.statistic, 0.0))),
            "n_boot": int(found.converged.sum()),
        }
    )


def _clusters(fitted: Fitted, data: MixedData, best: MixedFit, option: Bootstrap) -> Replicates:
    drawn = cluster_sampling(fitted, option)
    sampling = drawn.sampling
    resampled = option.population == "resampled"
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            data,
            best,
            "cluster",
            option.n_boot,
            option.rng,
            sampling=sampling,
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )

    return replace(
        _replicates(found, best, resampled, few_clusters(sampling)),
        jackknife=Jackknife(data, best, sampling, resampled),
        strata=drawn.strata,
        clusters=drawn.clusters,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Jackknife:
    """The fits that leave out one cluster each."""

    data: MixedData
    best: MixedFit
    sampling: ClusterSampling
    resampled: bool

    def __call__(self) -> Point:
        """Fit them."""
        fits = jackknife(self.data, self.best, self.sampling)
        if not fits.usable.all():
            raise ModelError(
                f"bca: {int((~fits.usable).sum())} of the fits that leave out one cluster do not "
                "identify every coefficient, so the acceleration is not defined. Use "
                '"studentized".'
            )
        return _point(fits, self.best, fits.usable, self.resampled)


def _replicates(
    found: Any, best: MixedFit, resampled: bool = False, notes: tuple[FewClusters, ...] = ()
) -> Replicates:
    keep = found.usable
    return Replicates(
        point=_point(found, best, keep, resampled),
        center=np.concatenate([found.reference_beta, best.params.gamma]),
        cov=None if found.cov is None else found.cov[keep],
        base_cov=found.reference_cov,
        failures=found.failures,
        singular=int(found.singular[keep].sum()),
        notes=notes,
    )


def _point(found: Any, best: MixedFit, keep: Any, resampled: bool) -> Point:
    """Return the parameters of replicates: coefficients, then variances."""
    weights = None
    if resampled and found.weights is not None:
        weights = np.asarray(found.weights[keep], dtype=float)
    rows, cols = np.tril_indices(best.params.psi.shape[0])
    psi = found.psi[keep][:, rows, cols]
    gamma = np.column_stack([psi, found.components[keep], found.sigma2[keep]])
    where = slices({"beta": best.beta, "gamma": best.params.gamma})
    return Point(np.column_stack([found.beta[keep], gamma]), where, weights)


def _threads(n_jobs: int) -> int:
    import os

    return n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)


# --- strata and larger clusters ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the cluster kind draws.

    Parameters
    ----------
    sampling : ClusterSampling
    strata : tuple of str
        The variables within whose arms it draws.
    clusters : int, optional
        How many larger clusters there are, where these are drawn.
    """

    sampling: ClusterSampling
    strata: tuple[str, ...] = ()
    clusters: int | None = None


def cluster_sampling(fitted: Fitted, option: Bootstrap) -> Drawn:
    """Return what the cluster kind draws."""
    strata, named = group_strata(fitted) if option.stratify else (None, [])
    size = _n_groups(fitted)
    clusters, count = None, None
    if option.cluster is not None:
        clusters = larger_clusters(fitted, option.cluster)
        count = int(clusters.max()) + 1
        if strata is not None and not _hold(strata, clusters):
            strata, named = None, []
    sampling = ClusterSampling.of_groups(size, strata, clusters)
    return Drawn(sampling, tuple(named), count)


def few_clusters(sampling: ClusterSampling) -> tuple[FewClusters, ...]:
    """Tell where there is little to draw from."""
    least = int(np.bincount(sampling.strata).min())
    if sampling.n_clusters < FEW_CLUSTERS:
        return (FewClusters(sampling.n_clusters),)
    return (FewClusters(least, in_arm=True),) if least < FEW_IN_ARM else ()


def _n_groups(fitted: Fitted) -> int:
    assert fitted.groups is not None
    return int(fitted.groups.max()) + 1


def _hold(strata: IntArray, clusters: IntArray) -> bool:
    """Tell whether each stratum consists of at least two whole clusters."""
    of_cluster = np.full(int(clusters.max()) + 1, -1)
    of_cluster[clusters] = strata
    whole = np.array_equal(of_cluster[clusters], strata)
    return whole and bool(np.bincount(of_cluster).min() >= LEAST_IN_STRATUM)


def group_strata(fitted: Fitted) -> tuple[IntArray | None, list[str]]:
    """Return a code per group for the arms that are constant within groups, and their names.

    Arms are the categorical and two-valued variables of the model. One that would leave a stratum
    with a single group, which could then not vary, is left out.
    """
    assert fitted.groups is not None
    size = _n_groups(fitted)
    first = np.full(size, -1)
    first[fitted.groups[::-1]] = np.arange(len(fitted.groups))[::-1]
    strata = np.zeros(size, dtype=np.intp)
    named: list[str] = []
    for name, variable in fitted.variables.items():
        codes = pd.factorize(fitted.frame[name])[0]
        if variable.kind == "numeric" and codes.max() != 1:
            continue
        if codes.max() == 0 or not np.array_equal(codes, codes[first[fitted.groups]]):
            continue
        finer = pd.factorize(strata * (int(codes.max()) + 1) + codes[first])[0]
        if np.bincount(finer).min() >= LEAST_IN_STRATUM:
            strata = finer.astype(np.intp)
            named.append(name)
    return (strata, named) if named else (None, [])


def larger_clusters(fitted: Fitted, cluster: Any) -> IntArray:
    """Return the larger cluster (0..C-1) of every group.

    Raises
    ------
    ArgumentError, UnknownNameError
        Where the column does not exist, has the wrong length or missing values, or cuts a group.
    """
    assert fitted.groups is not None
    labels = cluster_labels(fitted, cluster)
    codes, found = pd.factorize(labels)
    if (codes < 0).any():
        raise ArgumentError(f"cluster: {int((codes < 0).sum())} rows have a missing cluster.")
    of_group = np.full(_n_groups(fitted), -1)
    of_group[fitted.groups] = codes
    cut = of_group[fitted.groups] != codes
    if cut.any():
        raise ArgumentError(
            f"cluster: it cuts {len(np.unique(fitted.groups[cut]))} of the model's groups; a "
            "cluster must hold whole groups."
        )
    if len(found) < LEAST_IN_STRATUM:
        raise ArgumentError("cluster: there is one cluster only; nothing can be resampled.")
    return of_group
