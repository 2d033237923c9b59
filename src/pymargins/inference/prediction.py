r"""Intervals of new observations, and of the means of new clusters.

With M the variance of an estimate's error and v that of what varies beside it, :math:`T = M + v`,

.. math::

    \hat\eta \pm t_\nu \sqrt{T}, \qquad \nu = \frac{2 T^2}{h'Wh}, \quad
    h = \partial T/\partial\gamma,

where degrees of freedom are Satterthwaite's or Kenward and Roger's (M alone is adjusted by the
latter, the degrees of freedom are of the unadjusted T); otherwise the session's own. A bootstrap
takes the place of t: with
:math:`\eta^*_b, v^*_b` of the replicates, :math:`\eta_0, v_0` of the fit that they are drawn from,
and y a new observation of that fit,

.. math::

    \text{studentized: } \frac{y - \eta^*_b}{\sqrt{M^*_b + v^*_b}}, \qquad
    \text{basic: } y - \eta^*_b, \qquad
    \text{percentile: } N(\eta^*_b, v^*_b).

Their distributions over y *and* replicates are mixtures of normal ones, whose quantiles are found,
not drawn.

References
----------
Chatterjee, S., Lahiri, P. and Li, H. (2008). Parametric bootstrap approximation to the distribution
of EBLUP and related prediction intervals in linear mixed models. *Annals of Statistics* 36(3),
1221-1245. doi:10.1214/07-AOS512

Stine, R. A. (1985). Bootstrap prediction intervals for regression. *Journal of the American
Statistical Association* 80(392), 1026-1031. doi:10.1080/01621459.1985.10478220
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError, UnsupportedError, listing
from pymargins.estimands.nodes import Estimand
from pymargins.facts import Distribution, ReferenceFacts
from pymargins.inference import distributions
from pymargins.inference.delta import DeltaInference
from pymargins.inference.drawn import DrawsInference
from pymargins.inference.reference import total_df
from pymargins.inference.studentized import NO_VARIANCE, in_replicates
from pymargins.models.new_observations import CLUSTER, OBSERVATION, Varying
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates
from pymargins.models.variances import GAMMA

#: With fewer degrees of freedom the limits of t say nothing: it has no variance.
FEWEST_DF = 2.0
#: A variance between clusters below this share of the residual one is at its bound.
BOUND = 1e-6
#: Halvings of the bracket of a quantile: to the last digit.
HALVINGS = 100
#: Numbers held at once while quantiles are found.
CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Prediction intervals on the scale of the predictor.

    Parameters
    ----------
    error : ndarray, shape (k,)
        The standard deviation of the error of prediction, the root of T.
    df : ndarray, shape (k,)
        Infinite for the normal distribution, and where draws take its place.
    low, high : ndarray, shape (k,)
    reference : ReferenceFacts
        What they are quantiles of.
    """

    error: FloatArray
    df: FloatArray
    low: FloatArray
    high: FloatArray
    reference: ReferenceFacts


def require_clusters_vary(varying: Varying, labels: tuple[str, ...]) -> None:
    """Raise where the mean of a new cluster would have the interval of the mean of all.

    Raises
    ------
    NumericalError
        For rows at which the variance between clusters is estimated as zero.
    """
    none = np.flatnonzero(varying.variance <= BOUND * varying.gamma[-1])
    if len(none):
        raise NumericalError(
            f'of: "cluster" has no interval at {listing((labels[i] for i in none), 3)}: there the '
            "variance between clusters is estimated as zero, which says that the data cannot tell "
            'it, not that all clusters are alike. m.variance_components(method="profile") shows '
            f'how large it may be; a new observation, of="{OBSERVATION}", has an interval.'
        )


def by_delta(
    inference: DeltaInference, predictor: Estimand, varying: Varying, level: float, of: str
) -> Limits:
    """Return intervals by a t or normal distribution.

    Parameters
    ----------
    inference : DeltaInference
    predictor : Estimand
        k linear predictors.
    varying : Varying
    level : float
    of : {"observation", "cluster"}
        What they are intervals of, for messages.

    Raises
    ------
    NumericalError
        Where T has fewer than two degrees of freedom.
    """
    error = np.sqrt(np.square(inference.std_error(predictor)) + varying.variance)
    rows, reference = inference.jacobian(predictor), inference.reference
    df = total_df(reference, rows, inference.point.blocks, varying.forms, varying.gamma)
    if reference.method is not None:
        _require_df(df, predictor.labels, of)
    half = distributions.quantile((1 + level) / 2, df) * error
    value = inference.value(predictor)
    return Limits(error, df, value - half, value + half, reference.facts)


def _require_df(df: FloatArray, labels: tuple[str, ...], of: str) -> None:
    few = np.flatnonzero(df < FEWEST_DF)
    if not len(few):
        return
    instead = "A session without `df` takes the normal distribution; it is too short here."
    if of == CLUSTER:
        instead = f'A new observation, of="{OBSERVATION}", has more. {instead}'
    raise NumericalError(
        f"prediction_interval: the variance behind {listing((labels[i] for i in few), 3)} has "
        f"{df[few].min():.2g} degrees of freedom, where t has no limits worth the name: the data "
        "tell hardly anything of how clusters vary (a variance estimated near zero, too few "
        f"clusters, or a fit short of its optimum; m.diagnose() tells). {instead}"
    )


# --- from draws ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class DrawnVariances:
    """The variance parameters of the replicates of a bootstrap.

    Parameters
    ----------
    gamma : ndarray, shape (B, R)
    center : ndarray, shape (R,)
        Of the fit that replicates are drawn from.
    """

    gamma: FloatArray
    center: FloatArray

    @classmethod
    def of(cls, replicates: Replicates) -> DrawnVariances:
        """Take them from replicates of all parameters."""
        center = Point(replicates.center[None, :], replicates.point.blocks)
        return cls(replicates.point.block(GAMMA), center.block(GAMMA)[0])


def by_draws(
    inference: DrawsInference,
    drawn: DrawnVariances,
    predictor: Estimand,
    varying: Varying,
    level: float,
) -> Limits:
    """Return intervals by the replicates of a bootstrap.

    Parameters
    ----------
    inference : DrawsInference
    drawn : DrawnVariances
        Of the same replicates.
    predictor : Estimand
        k linear predictors.
    varying : Varying
    level : float

    Raises
    ------
    UnsupportedError
        For BCa intervals, and where replicates have no standard errors to studentize by.
    """
    kind, value = inference.interval_kind, inference.value(predictor)
    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    at_center = np.sqrt(varying.forms @ drawn.center)
    there = drawn.gamma @ varying.forms.T
    if kind == "studentized":
        away, own, base = in_replicates(inference.point, inference.replicates, predictor)
        total = base + varying.variance
        error = np.sqrt(np.maximum(own + there, NO_VARIANCE * total))
        found = mixture_quantiles(-away / error, at_center / error, tails) * np.sqrt(total) + value
        return _drawn(total, found)
    total = np.square(inference.std_error(predictor)) + varying.variance
    if kind == "basic":
        away = inference.draws(predictor) - inference.at_center(predictor)
        spread = np.broadcast_to(at_center, away.shape)
        return _drawn(total, mixture_quantiles(-away, spread, tails) + value)
    if kind == "percentile":
        draws = inference.draws(predictor)
        return _drawn(total, mixture_quantiles(draws, np.sqrt(there), tails))
    if kind == "normal":
        z = distributions.quantile(tails, np.full(2, np.inf))
        return _drawn(total, value + np.outer(z, np.sqrt(total)))
    raise UnsupportedError(
        f"prediction_interval: interval={kind!r} corrects the interval of a parameter, not that of "
        'an observation. Use Bootstrap(interval="studentized") or "percentile".'
    )


def _drawn(total: FloatArray, ends: FloatArray) -> Limits:
    low, high = ends
    facts = ReferenceFacts(Distribution.DRAWS)
    return Limits(np.sqrt(total), np.full(len(total), np.inf), low, high, facts)


def mixture_quantiles(
    centers: FloatArray, spreads: FloatArray, probabilities: FloatArray
) -> FloatArray:
    """Return quantiles of equally weighted mixtures of normal distributions.

    Parameters
    ----------
    centers, spreads : ndarray, shape (B, k)
        Of each component; a spread of zero is a single value.
    probabilities : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (m, k)
    """
    out = np.empty((len(probabilities), centers.shape[1]))
    size = max(1, CHUNK_CELLS // len(centers))
    for start in range(0, centers.shape[1], size):
        part = slice(start, start + size)
        for i, probability in enumerate(probabilities.tolist()):
            out[i, part] = _mixture_quantile(centers[:, part], spreads[:, part], probability)
    return out


def _mixture_quantile(centers: FloatArray, spreads: FloatArray, probability: float) -> FloatArray:
    """Halve the bracket between the least and the greatest quantile of the components."""
    from scipy import special

    of_each = centers + special.ndtri(probability) * spreads
    low, high = of_each.min(axis=0), of_each.max(axis=0)
    varies = spreads > 0
    safe = np.where(varies, spreads, 1.0)
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2.0
        if ((middle == low) | (middle == high)).all():
            break
        z = middle - centers
        below = np.where(varies, special.ndtr(z / safe), z >= 0).mean(axis=0) < probability
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high
