"""What is to be said of figures of known clusters: new ones among them, and no variance."""

from __future__ import annotations

import numpy as np

from pymargins.errors import UnsupportedError, listing
from pymargins.estimands.jacobians import used
from pymargins.estimands.nodes import Estimand
from pymargins.facts import NewClusters, NoPredictionVariance, Note
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
    if inference.n_draws is None:
        lacking = np.flatnonzero(np.isnan(inference.degrees_of_freedom(estimand)))
        if len(lacking):
            labels = estimand.labels
            notes.append(NoPredictionVariance(tuple(labels[i] for i in lacking)))
    return tuple(notes)
