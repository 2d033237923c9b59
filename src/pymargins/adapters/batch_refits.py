"""Least squares and generalised linear models, all replicates together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pymargins.adapters.drawing import Drawing, whole_counts
from pymargins.regression.refits.refitter import BatchRefitter, optimum_of
from pymargins.regression.refits.row_models import RowModel
from pymargins.regression.refits.wild import leveraged


def batch_refitter(model: RowModel, drawing: Drawing) -> BatchRefitter:
    """Refit a model from its optimum, all replicates of a chunk together."""
    if not drawing.by_weights and model.counts is not None:
        model = observations(model)
    centre = optimum_of(model)
    if drawing.kind == "wild":
        chosen = leveraged(centre, drawing.clusters) if drawing.studentized else None
    else:
        chosen = drawing.studentizer
    clustered = chosen is not None and chosen.kind == "clusters"
    codes = drawing.clusters.codes if clustered and drawing.clusters is not None else None
    return BatchRefitter.of(centre, chosen, codes, join=drawing.by_weights)


def observations(model: RowModel) -> RowModel:
    """Write rows that stand for several observations out, one row each."""
    assert model.counts is not None
    times = whole_counts(model.counts)
    each = np.repeat(np.arange(len(times)), times.astype(int))
    offset, weights = (None if x is None else x[each] for x in (model.offset, model.weights))
    return replace(
        model,
        design=model.design[each],
        response=model.response[each],
        offset=offset,
        weights=weights,
        counts=None,
    )
