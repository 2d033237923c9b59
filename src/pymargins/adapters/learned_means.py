"""What scikit-learn's learners predict of rows, as the mean of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import UnsupportedError
from pymargins.models.factors import encode
from pymargins.models.fitted import MEAN
from pymargins.models.means import Predictor, RowValues, SceneRows
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Request

#: The block of parameters: which of the fitted learners.
REPLICATE = "replicate"
HOW = 'method=Bootstrap(interval="percentile")'


@dataclass(frozen=True, eq=False)
class Coded:
    """Turns features into numbers and back: categories into the places of their levels.

    Parameters
    ----------
    features : tuple of str
    frame : DataFrame
        The rows that were fitted.
    """

    features: tuple[str, ...]
    frame: pd.DataFrame

    @cached_property
    def levels(self) -> dict[str, list[Any] | None]:
        """The levels of each category; None of a numeric feature."""
        return {name: self._levels(name) for name in self.features}

    def _levels(self, name: str) -> list[Any] | None:
        column = self.frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            return list(column.cat.categories)
        if pd.api.types.is_numeric_dtype(column.dtype):
            return None
        return sorted(column.dropna().unique())

    def __call__(self, frame: pd.DataFrame) -> FloatArray:
        """Return the features of some rows as numbers, (n, p)."""
        out = np.empty((len(frame), len(self.features)))
        for j, name in enumerate(self.features):
            levels = self.levels[name]
            out[:, j] = frame[name] if levels is None else encode(frame[name], levels)
        return out

    def decoded(self, numbers: FloatArray) -> pd.DataFrame:
        """Return rows as the learner was fitted to them."""
        columns: dict[str, Any] = {}
        for j, name in enumerate(self.features):
            levels, kind = self.levels[name], self.frame[name].dtype
            if levels is None:
                columns[name] = numbers[:, j] if kind.kind == "f" else _whole(numbers[:, j], kind)
                continue
            codes = numbers[:, j].astype(np.intp)
            if isinstance(kind, pd.CategoricalDtype):
                columns[name] = pd.Categorical.from_codes(codes, dtype=kind)
            else:
                columns[name] = pd.Series(np.array(levels, dtype=object)[codes], dtype=kind)
        return pd.DataFrame(columns)


def _whole(numbers: FloatArray, kind: Any) -> AnyArray:
    """Return whole numbers and booleans as such, and others as they are."""
    rounded = np.rint(numbers)
    return rounded.astype(kind) if np.array_equal(rounded, numbers) else numbers


@dataclass(frozen=True, slots=True, eq=False)
class LearnedMean:
    """What learners predict.

    Parameters
    ----------
    learners : list
        The one that was given, and those that were fitted to resampled rows.
    coded : Coded
    outcomes : tuple
    probabilities : bool
        Whether figures are probabilities of classes.
    """

    learners: list[Any]
    coded: Coded
    outcomes: tuple[Any, ...]
    probabilities: bool

    @property
    def blocks(self) -> tuple[str, ...]:
        """Which learner it is."""
        return (REPLICATE,)

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """There are none."""
        return ()

    def at(self, rows: SceneRows, point: Point, gradient: bool) -> RowValues:
        """Return what each learner predicts of rows."""
        if gradient:
            no_covariance()
        numbers = rows.columns(MEAN)
        which = np.rint(point.block(REPLICATE)[:, 0]).astype(np.intp)
        same = self.coded.decoded(numbers[:, 0]) if numbers.shape[1] == 1 else None
        values = [
            self._predicted(k, self.coded.decoded(numbers[:, b]) if same is None else same)
            for b, k in enumerate(which.tolist())
        ]
        stacked = np.stack(values, axis=1)
        shape = (rows.size, len(which), len(self.outcomes))
        return RowValues(np.array(np.broadcast_to(stacked, shape)))

    def _predicted(self, which: int, frame: pd.DataFrame) -> FloatArray:
        """Return the predictions of one learner, (m, J)."""
        learner = self.learners[which]
        if not self.probabilities:
            return np.asarray(learner.predict(frame), dtype=float).reshape(len(frame), 1)
        found = np.asarray(learner.predict_proba(frame), dtype=float)
        return found if len(self.outcomes) > 1 else found[:, [1]]

    def slope(self, rows: SceneRows, point: Point, variable: str, gradient: bool) -> RowValues:
        """Refuse: a learner need not be smooth."""
        raise UnsupportedError(
            f"slopes: a learner need not be smooth, so that it has no slope by {variable!r}. Ask "
            f"for predictions at several values, m.predict({{{variable!r}: [...]}}), and their "
            "differences, .pairwise()."
        )


def no_covariance(request: Request | None = None) -> NoReturn:
    """Refuse: what varies is the learner."""
    raise UnsupportedError(
        f"method: a learner has no covariance, so that its uncertainty is that of refits: {HOW}."
    )
