"""Fits of scikit-learn's learners to resampled rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import UnsupportedModelError
from pymargins.mixed.refits.response_draws import STREAM
from pymargins.regression.refits.refitter import Refits


@dataclass(frozen=True, slots=True, eq=False)
class LearnerRefitter:
    """Fits a learner to resampled rows.

    Parameters
    ----------
    model : estimator
    features : DataFrame
    outcome : Series
    learners : list
        Takes those that were fitted; their place in it is their parameter.
    """

    model: Any
    features: pd.DataFrame
    outcome: pd.Series
    learners: list[Any]

    @property
    def chunk(self) -> int:
        """How many replicates it takes at a time."""
        return STREAM

    @property
    def params(self) -> FloatArray:
        """The learner that was given."""
        return np.zeros(1)

    @property
    def base_cov(self) -> None:
        """There is none."""
        return None

    def weighted(self, weights: AnyArray) -> Refits:
        """Refit with each row as often as the weights (n, b) say."""
        from sklearn.base import clone

        theta, reasons = np.full((weights.shape[1], 1), np.nan), list[str]()
        known = classes_of(self.model)
        for b, times in enumerate(weights.T):
            rows = np.repeat(np.arange(len(times)), np.rint(times).astype(np.intp))
            fresh: Any = clone(self.model)
            try:
                fresh.fit(self.features.iloc[rows], self.outcome.iloc[rows])
            except ValueError as error:
                reasons.append(f"{type(error).__name__}: {error}")
                continue
            lost = known is not None and list(classes_of(fresh) or ()) != list(known)
            reasons.append("a class of the outcome was not drawn" if lost else "")
            theta[b] = len(self.learners)
            self.learners.append(fresh)
        return Refits(theta, tuple(reasons), None)

    def responded(self, responses: FloatArray) -> Refits:
        """Refuse: a learner has no distribution that responses could be drawn from."""
        raise NotImplementedError


def classes_of(model: Any) -> list[Any] | None:
    """Return the classes of a classifier; None of a regressor."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return None
    if not hasattr(model, "predict_proba"):
        raise UnsupportedModelError(
            f"model: {type(model).__name__} gives no probabilities of classes; wrap it in "
            "CalibratedClassifierCV."
        )
    return np.asarray(classes).tolist()
