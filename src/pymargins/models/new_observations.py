r"""What varies in a new observation, or in the mean of a new cluster, beside its estimate.

Of an outcome that is normal around its predictor, with variances :math:`\gamma`: a new observation
of a new cluster adds :math:`z'\Psi z + \sigma^2`, one of a known cluster, or of a model without
random effects, :math:`\sigma^2/w`; the mean of a new cluster adds :math:`z'\Psi z`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import UnsupportedError, not_one_of
from pymargins.facts import NotAMean, RandomEffects, Retransformed
from pymargins.models.fitted import Fitted
from pymargins.models.random_part import RandomPart
from pymargins.models.variances import GAMMA

OBSERVATION, CLUSTER = "observation", "cluster"
QUANTILE = "quantile"


@dataclass(frozen=True, slots=True, eq=False)
class Varying:
    """A variance of each row that is linear in the variance parameters.

    Parameters
    ----------
    forms : ndarray, shape (k, R)
        What each variance parameter counts for.
    gamma : ndarray, shape (R,)
        Their estimates.
    """

    forms: FloatArray
    gamma: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Its estimate, (k,)."""
        return self.forms @ self.gamma


def require_normal(fitted: Fitted, of: str) -> None:
    """Raise where a model says nothing of new observations, or of new clusters.

    Raises
    ------
    ArgumentError
        For something else than an observation or a cluster.
    UnsupportedError
        For a class of models whose outcome is not normal around its predictor, and for a cluster
        that the session's figures are not of.
    """
    if of not in (OBSERVATION, CLUSTER):
        raise not_one_of("of", of, [OBSERVATION, CLUSTER])
    if fitted.outcome_scale is None or GAMMA not in fitted.parameters.blocks:
        raise UnsupportedError(
            f"prediction_interval: not known for this model, a {fitted.facts.kind}. "
            f"{_instead(fitted)}"
        )
    effects = fitted.facts.random_effects
    if effects is RandomEffects.ZERO:
        raise UnsupportedError(
            'prediction_interval: random_effects="zero" is a cluster that nobody meets. A session '
            'with "integrated" has the interval of an observation of a new cluster, one with '
            '"predicted" that of an observation of a known one.'
        )
    if of == CLUSTER:
        _require_new_clusters(fitted, effects)


def _require_new_clusters(fitted: Fitted, effects: RandomEffects) -> None:
    if effects is RandomEffects.NONE:
        raise UnsupportedError(
            f'of: "cluster" needs random effects, and a {fitted.facts.kind} has none. Leave `of` '
            "out for a new observation."
        )
    if effects is RandomEffects.PREDICTED:
        raise UnsupportedError(
            'of: "cluster" is the mean of a new cluster, and with random_effects="predicted" rows '
            "are the means of the clusters themselves: their intervals are result.conf_int()."
        )
    if any(isinstance(n, Retransformed) and n.what == "mean" for n in fitted.facts.notes):
        raise UnsupportedError(
            'of: "cluster" is not known with response="mean": the limits of a cluster are those '
            'of its median. Ask a session with response="median".'
        )


def _instead(fitted: Fitted) -> str:
    """Say what to ask instead."""
    facts = fitted.facts
    location = [note.location for note in facts.notes if isinstance(note, NotAMean)]
    if facts.log_of:
        return (
            "It compares hazards and says nothing of when an event happens; the fit's own "
            "fit.get_distribution() estimates that."
        )
    if location:
        return (
            "Fit the quantiles that bound it, such as 0.025 and 0.975: their predictions are its "
            "limits."
            if location[0] == QUANTILE
            else "It models no distribution of the outcome. Fit OLS or WLS, or quantile "
            "regressions at its two ends."
        )
    if len(fitted.mean.outcomes) > 1:
        return "What a new outcome may be is told by the probabilities of all, m.predict()."
    return (
        "It is there for OLS, WLS, GLS and MixedLM of statsmodels, whose outcome is normal around "
        "its mean. Of an event its probability says all; for a count or another outcome take "
        "quantiles of its distribution at the predicted mean (scipy.stats)."
    )


def random_part_of(fitted: Fitted) -> RandomPart | None:
    """Return what varies between new clusters; None where clusters are known, or there are none."""
    if fitted.facts.random_effects is not RandomEffects.INTEGRATED or fitted.random is None:
        return None
    return fitted.random()


def varying(gamma: FloatArray, of: str, clusters: FloatArray, weights: FloatArray) -> Varying:
    """Return what varies beside the estimates of k rows.

    Parameters
    ----------
    gamma : ndarray, shape (R,)
        The variance parameters, that of the residual last.
    of : {"observation", "cluster"}
    clusters : ndarray, shape (k, R)
        What each variance parameter counts for in the effects of new clusters.
    weights : ndarray, shape (1,) or (k,)
        How much an observation weighs in the fit.
    """
    forms = np.array(clusters)
    forms[:, -1] = 1.0 / weights if of == OBSERVATION else 0.0
    return Varying(forms, gamma)
