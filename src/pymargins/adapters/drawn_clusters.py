"""Which clusters a bootstrap draws: groups or larger clusters, within the arms of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import IntArray
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError
from pymargins.facts import FewClusters
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.models.fitted import Fitted
from pymargins.options import Bootstrap

LEAST_IN_STRATUM = 2
#: Fewer clusters, or fewer in an arm, leave a bootstrap little to draw from.
FEW_CLUSTERS = 8
FEW_IN_ARM = 4


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
    groups = _groups(fitted)
    strata, named = group_strata(fitted, groups) if option.stratify else (None, [])
    size = int(groups.max()) + 1
    clusters, count = None, None
    if option.cluster is not None:
        clusters = larger_clusters(fitted, option.cluster)
        count = int(clusters.max()) + 1
        if strata is not None and not _hold(strata, clusters):
            strata, named = None, []
    sampling = ClusterSampling.of_groups(size, strata, clusters)
    return Drawn(sampling, tuple(named), count)


def few_clusters(
    sampling: ClusterSampling, remedies: tuple[str, ...] = ("kenward-roger",)
) -> tuple[FewClusters, ...]:
    """Tell where there is little to draw from; `remedies` are the df that allow for it."""
    least = int(np.bincount(sampling.strata).min())
    if sampling.n_clusters < FEW_CLUSTERS:
        return (FewClusters(sampling.n_clusters, remedies=remedies),)
    few = least < FEW_IN_ARM
    return (FewClusters(least, in_arm=True, remedies=remedies),) if few else ()


def _groups(fitted: Fitted) -> IntArray:
    assert fitted.groups is not None
    return fitted.groups


def _hold(strata: IntArray, clusters: IntArray) -> bool:
    """Tell whether each stratum consists of at least two whole clusters."""
    of_cluster = np.full(int(clusters.max()) + 1, -1)
    of_cluster[clusters] = strata
    whole = np.array_equal(of_cluster[clusters], strata)
    return whole and bool(np.bincount(of_cluster).min() >= LEAST_IN_STRATUM)


def group_strata(fitted: Fitted, groups: IntArray) -> tuple[IntArray | None, list[str]]:
    """Return a code per group for the arms that are constant within groups, and their names.

    Arms are the categorical and two-valued variables of the model. One that would leave a stratum
    with a single group, which could then not vary, is left out.

    Parameters
    ----------
    fitted : Fitted
    groups : ndarray, shape (n,)
        The group of each row, 0..G-1.
    """
    size = int(groups.max()) + 1
    first = np.full(size, -1)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    strata = np.zeros(size, dtype=np.intp)
    named: list[str] = []
    for name, variable in fitted.variables.items():
        codes = pd.factorize(fitted.frame[name])[0]
        if variable.kind == "numeric" and codes.max() != 1:
            continue
        if codes.max() == 0 or not np.array_equal(codes, codes[first[groups]]):
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
    groups = _groups(fitted)
    labels = cluster_labels(fitted, cluster)
    codes, found = pd.factorize(labels)
    if (codes < 0).any():
        raise ArgumentError(f"cluster: {int((codes < 0).sum())} rows have a missing cluster.")
    of_group = np.full(int(groups.max()) + 1, -1)
    of_group[groups] = codes
    cut = of_group[groups] != codes
    if cut.any():
        raise ArgumentError(
            f"cluster: it cuts {len(np.unique(groups[cut]))} of the model's groups; a "
            "cluster must hold whole groups."
        )
    if len(found) < LEAST_IN_STRATUM:
        raise ArgumentError("cluster: there is one cluster only; nothing can be resampled.")
    return of_group
