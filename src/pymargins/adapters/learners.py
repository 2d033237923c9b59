"""scikit-learn's regressors and classifiers: averages of their predictions, bootstrapped.

A learner has no coefficients that a standard error could be carried from. What varies is the
learner itself: it is fitted anew to resampled rows, and the parameter of a replicate is its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.learned_means import HOW, Coded, LearnedMean, no_covariance
from pymargins.adapters.learner_refits import LearnerRefitter, classes_of
from pymargins.adapters.regression_bootstrap import bootstrap_regression
from pymargins.adapters.training import evaluate_factors
from pymargins.asking.frames import as_frame, snapshot
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    ModelError,
    UnsupportedError,
    listing,
    near_miss,
)
from pymargins.facts import ModelFacts
from pymargins.models.describe import make_variables
from pymargins.models.design import Design
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.means import ONE_OUTCOME
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import CovarianceOffer, Replicates
from pymargins.options import Bootstrap, Kind
from pymargins.regression.clusters import Clusters
from pymargins.regression.estimating import Estimating


class LearnerAdapter:
    """Reads a fitted regressor or classifier of scikit-learn, pipelines too.

    Figures are averages of what it predicts, or of the probabilities of classes. Their uncertainty
    is that of refits to resampled rows; slopes are refused, since a learner need not be smooth.

    Parameters
    ----------
    model : estimator of scikit-learn
        Fitted to a data frame, so that its features have names.
    data : data frame
        The rows that were fitted, with the outcome.
    outcome : str, optional
        The column of the outcome; by default the only one that is no feature.

    Attributes
    ----------
    fitted : Fitted
    """

    def __init__(self, model: Any, data: Any = None, outcome: str | None = None) -> None:
        self.model = model
        self.name = type(model).__name__
        features = getattr(model, "feature_names_in_", None)
        if features is None:
            raise ModelError(
                f"model: this {self.name} was fitted to an array, whose columns have no names; fit "
                "it to a data frame."
            )
        self.features = tuple(str(name) for name in features)
        given = _frame(data, self.features)
        self.index, self.frame = given.index, snapshot(given)
        self.outcome = _outcome(self.frame, self.features, outcome)
        self.learners: list[Any] = [model]
        self.fitted = self._read()

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fitted estimator that predicts."""
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(model)
        except (NotFittedError, TypeError):
            return False
        return hasattr(model, "predict")

    def _read(self) -> Fitted:
        frame = self.frame
        coded = Coded(self.features, frame)
        design = Design.from_function(self.features, self.features, coded)
        classes = classes_of(self.model)
        mean = LearnedMean(self.learners, coded, _outcomes(classes), classes is not None)
        named = (
            self.outcome
            if classes is None or len(classes) > 2
            else f"{self.outcome} = {classes[1]}"
        )
        return Fitted(
            parameters=Parameters.of_blocks(replicate=[0.0]),
            mean=mean,
            designs={MEAN: design},
            variables=make_variables(design, frame),
            frame=frame,
            facts=ModelFacts(
                _described(self.model),
                str(named),
                len(frame),
                response_variables=(self.outcome,),
                probabilities=classes is not None,
            ),
            covariances={"model": CovarianceOffer(no_covariance)},
            factor_values={MEAN: evaluate_factors(design, frame)},
            index=self.index,
            groups=np.arange(len(frame)),
            refits=self,
        )

    # --- as its bootstrap sees it --------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """The kind of bootstrap where none is asked for."""
        return "rows"

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, each with why a learner has it not, or nothing."""
        none = "a learner has no distribution, and no residuals that mean anything"
        return {"rows": "", "cluster": "", "parametric": none, "wild": none, "residual": none}

    @property
    def clusters(self) -> None:
        """The clusters that the fit itself was given: none."""
        return None

    def sandwiched(self) -> Estimating | None:
        """Return None: there are no estimating equations."""
        return None

    def require_apart(self, clusters: Clusters) -> None:
        """Nothing ties rows together."""

    def refitter(self, drawing: Drawing) -> LearnerRefitter:
        """Return what fits the learner anew."""
        features = self.frame.loc[:, list(self.features)]
        return LearnerRefitter(self.model, features, self.frame[self.outcome], self.learners)

    def response_draw(self, refitter: Any) -> Callable[..., FloatArray]:
        """Refuse: see `bootstraps`."""
        raise NotImplementedError

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Refit the learner to resampled rows."""
        if option.interval in ("studentized", "bca"):
            raise UnsupportedError(
                f"method: replicates of a learner have no standard error of their own, which "
                f'interval="{option.interval}" (the default is "studentized") takes. Use '
                'Bootstrap(interval="percentile"), "basic" or "normal".'
            )
        if option.n_jobs != 1:
            raise UnsupportedError(
                "n_jobs: learners are refitted one after the other here; give n_jobs to the "
                "learner itself where it takes it."
            )
        before = len(self.learners)
        found = bootstrap_regression(self, option)
        if len(self.learners) - before < len(found.point):
            raise UnsupportedError(
                "bootstrap: joblib sent the refits of this learner to other processes, which keep "
                "them. Leave joblib.parallel_config out."
            )
        return found

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Refuse: a learner has no likelihood."""
        raise UnsupportedError("likelihood_ratio_test: a learner has no likelihood.")


# --- what was given ------------------------------------------------------------------------------


def _frame(data: Any, features: Sequence[str]) -> pd.DataFrame:
    if data is None:
        raise ArgumentError(
            "data: a learner keeps no rows; give those that were fitted, with the outcome: "
            f"Margins(model, data=frame, {HOW})."
        )
    frame = as_frame(data)
    if frame is None:
        raise ArgumentTypeError(f"data: expected a data frame, got {type(data).__name__}.")
    for name in features:
        if name not in frame.columns:
            raise ArgumentError(
                f"data: there is no column {name!r}, a feature of the learner."
                f"{near_miss(name, frame.columns)}"
            )
    return frame


def _outcome(frame: pd.DataFrame, features: Sequence[str], outcome: str | None) -> str:
    others = [str(name) for name in frame.columns if name not in features]
    if outcome is None and len(others) == 1:
        return others[0]
    if outcome is None:
        raise ArgumentError(
            f"data: which column is the outcome is not clear; besides the features there are "
            f"{listing(others) or 'none'}. Name it: Margins(LearnerAdapter(model, data, "
            'outcome="...")), from pymargins.adapters.'
        )
    if outcome not in others:
        raise ArgumentError(
            f"outcome: {outcome!r} is not a column of the data besides the features; there are "
            f"{listing(others)}.{near_miss(outcome, others)}"
        )
    return outcome


def _outcomes(classes: list[Any] | None) -> tuple[Any, ...]:
    return ONE_OUTCOME if classes is None or len(classes) == 2 else tuple(classes)


def _described(model: Any) -> str:
    """Name a learner: ``RandomForestRegressor`` is a random forest regressor."""
    steps = getattr(model, "steps", None)
    name = type(steps[-1][1] if steps else model).__name__
    starts = [i for i, letter in enumerate(name) if letter.isupper() and i] + [len(name)]
    first = [0, *starts[:-1]]
    words = " ".join(name[a:b] for a, b in zip(first, starts, strict=True)).lower()
    return f"{words} (scikit-learn {name}{', in a pipeline' if steps else ''})"
