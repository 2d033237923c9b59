"""The influence of rows, or of clusters, on the parameters of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pymargins.adapters.robust_offers import Estimated
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError, UnsupportedError
from pymargins.facts import Distribution
from pymargins.models.influences import Influences, of_clusters, of_rows
from pymargins.models.uncertainty import Reference
from pymargins.regression.clusters import Clusters


def influences_of(source: Estimated, kinds: Sequence[str], cluster: Any) -> Influences:
    """Return how rows, or clusters where there are any, move the parameters.

    Parameters
    ----------
    source : Estimated
    kinds : sequence of str
        The covariances that it has by name.
    cluster : str or array, optional

    Raises
    ------
    UnsupportedError
        For a class whose estimating equations are not known row by row.
    ArgumentError
        For clusters that the fit has, but not by row.
    """
    if "CR0" not in kinds:
        raise UnsupportedError(
            'population: "sampled" needs the influence of each row on the estimates, which is not '
            f"known for this {source.fitted.facts.kind}. Use "
            'method="bootstrap", which draws rows anew.'
        )
    labels = source.clusters if cluster is None else cluster_labels(source.fitted, cluster)
    fit = source.estimating
    influence, rank = fit.scores @ fit.bread, fit.rank
    if labels is None:
        k = rank if source.linear else None
        return of_rows(influence, fit.counts, k, source.named_reference)
    if len(np.asarray(labels)) != len(influence):
        raise ArgumentError("cluster: give one label for each row of the fit.")
    clusters = Clusters.of(np.asarray(labels))
    source.require_apart(clusters)
    if fit.counts is not None:
        influence = influence * fit.counts[:, None]
    small = (fit.n, rank) if source.linear else None
    reference = Reference.constant(clusters.size - 1.0, Distribution.CLUSTERS)
    return of_clusters(influence, clusters.codes, clusters.size, small, reference)
