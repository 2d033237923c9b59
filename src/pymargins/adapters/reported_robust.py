"""How much the robust covariance that a regression was fitted with can show of a variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray
from pymargins.regression.clusters import Clusters
from pymargins.regression.estimating import Estimating
from pymargins.regression.sandwich import HETEROSCEDASTIC
from pymargins.regression.shown import Shown, shown_by_clusters, shown_by_rows, shown_in_time


def shown_as_fitted(
    fit: Estimating, kind: str, groups: AnyArray | None, options: Mapping[str, Any]
) -> tuple[Shown, str] | None:
    """Return what the covariance of ``fit(cov_type=kind)`` shows, and by what unit.

    Parameters
    ----------
    fit : Estimating
    kind : str
        As statsmodels calls it.
    groups : ndarray, shape (n,) or (n, 2), optional
        The clusters that the fit was given, one way or two.
    options : mapping
        What else the fit was given: ``maxlags`` and ``weights_func`` of ``"HAC"``.

    Returns
    -------
    tuple or None
        None for a covariance that rests on the model's variances, or is of another kind.
    """
    if kind in HETEROSCEDASTIC:
        return shown_by_rows(fit, kind), "row"
    if kind == "HAC":
        weights = np.asarray(options["weights_func"](int(options["maxlags"])), dtype=float)
        return shown_in_time(fit, weights[1:].tolist()), "row"
    if kind == "cluster" and groups is not None:
        return _by_clusters(fit, groups), "cluster"
    return None


def _by_clusters(fit: Estimating, groups: AnyArray) -> Shown:
    """Of clusters in two ways what both show, less what their intersections do."""
    ways = groups.reshape(len(fit.scores), -1)
    both = [shown_by_clusters(fit, "CR1", Clusters.of(way)) for way in ways.T]
    if len(both) == 1:
        return both[0]
    crossed = pd.MultiIndex.from_arrays(list(ways.T)).to_flat_index()
    within = shown_by_clusters(fit, "CR1", Clusters.of(np.asarray(crossed)))
    part = sum(one.part for one in both) - within.part
    return Shown(within.root, part)
