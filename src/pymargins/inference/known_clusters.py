"""What is to be said of figures of known clusters: new ones among them, and no variance."""

from __future__ import annotations

import numpy as np

from pymargins.errors import UnsupportedError, listing
from pymargins.estimands.jacobians import used
from pymargins.estimands.nodes import Estimand
from pymargins.facts import NewClusters, NoPredictionVariance, Note
from pymargins.inference.delta import DeltaInference
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.clusters import ClusterMean
from pymargins.models.means import Mean


def cluster_notes(inference: Uncertainty, estimand: Estimand, mean: Mean) -> tuple[Note, ...]:
    """Name the clusters that the fit has not seen, and the rows without degrees of freedom.

    Raises
    ------
    UnsupportedError
        For new clusters where uncertainty is that of draws.
    """
    if not isinstance(mean, ClusterMean):
        return ()
    notes: list[Note] = []
    beyond = used(inference.jacobian(estimand)) - inference.point.width
    new = mean.newcomers.names(np.unique(beyond[beyond >= 0] // mean.stride).tolist())
    if new and inference.n_draws is not None:
        raise UnsupportedError(
            f"random_effects: the fit has not seen {listing(new)}, and there are no draws of the "
            'effects of new clusters. Use method="delta".'
        )
    if new:
        notes.append(NewClusters(new))
    return (*notes, *_without_variance(inference, estimand))


def _without_variance(inference: Uncertainty, estimand: Estimand) -> list[Note]:
    """Name the rows whose variance is estimated as zero, those with an interval apart."""
    if not isinstance(inference, DeltaInference) or isinstance(inference.cov, np.ndarray):
        return []
    rows = inference.jacobian(estimand)
    some = np.asarray(abs(rows).sum(axis=1)).ravel() > 0
    flat = inference.cov.without_variance(rows) & some
    lacking = np.isnan(inference.degrees_of_freedom(estimand))
    found: list[Note] = []
    for some, has_interval in ((lacking, False), (flat & ~lacking, True)):
        labels = tuple(estimand.labels[i] for i in np.flatnonzero(some))
        found += [NoPredictionVariance(labels, has_interval)] if labels else []
    return found
