"""The likelihoods of statsmodels row by row, as refits need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from pymargins._typing import AnyArray, BoolArray, FloatArray, IntArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.regression_health import Equations
from pymargins.models.means import Derivatives, InverseLink
from pymargins.models.outcomes import Ordered
from pymargins.regression.refits.likelihoods import LikelihoodRefitter, RowScores, root_of


@dataclass(frozen=True, slots=True, eq=False)
class ModelScores:
    """The likelihood of a model of statsmodels; it is made of arrays, so that it travels.

    Parameters
    ----------
    model : model of statsmodels
    outcomes : int, optional
        How many there must be, of a class with several.
    """

    model: Any
    outcomes: int | None = None

    @classmethod
    def of(cls, source: Any, outcomes: int | None = None) -> ModelScores:
        """Make the model of a fit anew from its arrays."""
        return cls(array_model(source, source.endog), outcomes)

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        found = np.asarray(self.model.score_obs(params), dtype=float)
        return found.reshape(len(self.model.endog), -1)

    def log_likelihoods(self, params: FloatArray) -> FloatArray:
        """Return the log-likelihood of each row, (n,)."""
        found = np.asarray(self.model.loglikeobs(params), dtype=float)
        return found if found.ndim == 1 else found.sum(axis=1)  # multinomial: an outcome a column

    def of_responses(self, responses: FloatArray) -> ModelScores:
        """Return the likelihood of other responses.

        Raises
        ------
        ValueError
            Where one of several outcomes does not occur.
        """
        if self.outcomes is not None:
            require_outcomes(responses, self.outcomes)
        return replace(self, model=array_model(self.model, responses))


@dataclass(frozen=True, slots=True, eq=False)
class InflatedScores:
    """The likelihood of a count that is a structural zero with some probability.

    Parameters
    ----------
    model : model of statsmodels
    inflation : InverseLink
        The probability of a structural zero.
    """

    model: Any
    inflation: InverseLink

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        source = self.model
        k = source.k_inflate
        design, count = np.asarray(source.exog_infl, dtype=float), source.model_main
        excess = design @ params[:k]
        pi, rise = self.inflation.inverse(excess), self.inflation.first(excess)
        left = np.maximum(1.0 - pi, np.finfo(float).tiny)
        zero = np.asarray(source.endog) == 0
        by_count = np.asarray(count.score_obs(params[k:]), dtype=float)
        chance = np.exp(np.asarray(count.loglikeobs(params[k:]), dtype=float))
        both = np.where(zero, pi + left * chance, 1.0)
        share = np.where(zero, left * chance / both, 1.0)
        by_excess = np.where(zero, (1.0 - chance) * rise / both, -rise / left)
        return np.hstack([design * by_excess[:, None], by_count * share[:, None]])

    def log_likelihoods(self, params: FloatArray) -> FloatArray:
        """Return the log-likelihood of each row, (n,)."""
        return np.asarray(self.model.loglikeobs(params), dtype=float)

    def of_responses(self, responses: FloatArray) -> InflatedScores:
        """Return the likelihood of other responses."""
        return replace(self, model=array_model(self.model, responses))


def array_model(source: Any, endog: AnyArray) -> Any:
    """Make a model of a fit's class and options from its arrays."""
    kind = type(source)
    given = {k: v for k, v in source._get_init_kwds().items() if k != "missing"}
    power = {"nb1": 1, "nb2": 2}.get(given.get("loglike_method", ""))
    if power is not None:  # the same likelihood; there its score is written out
        from statsmodels.discrete.discrete_model import NegativeBinomialP

        del given["loglike_method"]
        kind, given["p"] = NegativeBinomialP, power
    return kind(np.asarray(endog), np.asarray(source.exog), **given)


def require_outcomes(responses: FloatArray, outcomes: int) -> None:
    """Raise where one of the outcomes 0..J-1 does not occur."""
    if len(np.unique(responses)) < outcomes:
        raise ValueError("an outcome does not occur")


@dataclass(frozen=True, slots=True, eq=False)
class OrderedScores:
    """The likelihood of ordered outcomes.

    Parameters
    ----------
    exog : ndarray, shape (n, k)
    offset : ndarray, shape (n,), optional
    outcome : Ordered
        The probabilities.
    observed : ndarray, shape (n,)
        0..K-1.
    """

    exog: FloatArray
    offset: FloatArray | None
    outcome: Ordered
    observed: IntArray

    def at(self, params: FloatArray, order: int) -> Derivatives:
        """Return the probabilities of all outcomes, (n, 1, K), and their derivatives."""
        k = self.exog.shape[1]
        eta = self.exog @ params[:k] + (0.0 if self.offset is None else self.offset)
        return self.outcome.at([eta[:, None]], [params[None, k:]], order)

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        found = self.at(params, 1)
        row, level = np.arange(len(self.exog)), self.observed
        inverse = 1.0 / found.value[row, 0, level]
        by_eta = found.first[0][row, 0, level] * inverse
        by_cutpoints = found.others[0][row, 0, level] * inverse[:, None]
        return np.hstack([self.exog * by_eta[:, None], by_cutpoints])

    def log_likelihoods(self, params: FloatArray) -> FloatArray:
        """Return the log-likelihood of each row, (n,)."""
        found = self.at(params, 0)
        return np.log(found.value[np.arange(len(self.exog)), 0, self.observed])

    def of_responses(self, responses: FloatArray) -> OrderedScores:
        """Return the likelihood of other responses.

        Raises
        ------
        ValueError
            Where one of the outcomes does not occur.
        """
        require_outcomes(responses, len(self.outcome.outcomes))
        return replace(self, observed=responses.astype(np.intp))


AnyScores: TypeAlias = ModelScores | OrderedScores | InflatedScores


def likelihood_refitter(
    rows: AnyScores, optimum: FloatArray, equations: Equations, floor: FloatArray, drawing: Drawing
) -> LikelihoodRefitter:
    """Refit a likelihood from its optimum, one replicate after the other.

    Parameters
    ----------
    rows : ModelScores, OrderedScores or InflatedScores
    optimum : ndarray, shape (P,)
    equations : Equations
        There.
    floor : ndarray, shape (P,)
        The end of the range of each parameter: what is held there stays there, and replicates
        whose optimum is there are kept.
    drawing : Drawing
    """
    held = equations.held(optimum, floor)
    scores: RowScores = rows

    def with_held(held: BoolArray, params: FloatArray) -> LikelihoodRefitter:
        return LikelihoodRefitter(
            rows=scores,
            params=params,
            root=root_of(np.where(held[:, None] | held, 0.0, equations.information)),
            respond=None if drawing.by_weights else rows.of_responses,
            studentizer=drawing.studentizer,
        )

    ends = np.isfinite(floor)
    if not (ends & ~held).any():
        return with_held(held, optimum)
    limit = with_held(held | ends, np.where(ends, floor, optimum))
    return replace(with_held(held, optimum), at_the_end=limit)
