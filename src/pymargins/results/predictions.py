"""Prediction intervals of the rows of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, listing
from pymargins.estimands.points import DesignPoints
from pymargins.facts import (
    BootstrapDraws,
    Distribution,
    FewGroups,
    Kind,
    PredictionFacts,
    RandomEffects,
    ReferenceFacts,
    ResultFacts,
)
from pymargins.inference.distributions import check_level
from pymargins.models.clusters import ClusterMean
from pymargins.models.fitted import Fitted
from pymargins.models.means import LinearMean
from pymargins.models.new_observations import (
    CLUSTER,
    random_part_of,
    require_normal,
    varying,
)
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.variances import GAMMA
from pymargins.report.prediction import PredictionFigures
from pymargins.results.effect_sizes import EffectSizes
from pymargins.results.prediction_table import PredictionIntervals

#: Degrees of freedom of the whole variance of a new observation.
OF_TOTAL = (Distribution.SATTERTHWAITE, Distribution.KENWARD_ROGER)


class Predictions(EffectSizes):
    """Estimates that have intervals of new observations."""

    __slots__ = ()

    def prediction_interval(
        self,
        level: float | None = None,
        of: Literal["observation", "cluster"] = "observation",
        *,
        weight: float | Sequence[float] | FloatArray | None = None,
    ) -> PredictionIntervals:
        r"""Return the interval that holds a new observation with the given probability.

        A row must stand for one design point: every variable of the model is set, by `atexog` or a
        data frame in it, or the session's population is one row (``at="typical"``, ``"mean"``, a
        mapping).  With M the variance of the estimate's error, the interval is

        .. math:: \hat\eta \pm t_\nu\sqrt{T}

        with T of linear regressions :math:`M + s^2/w`, of mixed models :math:`M + z'\Psi z +
        \sigma^2/w` for an observation of a cluster that was not in the study, and with
        ``random_effects="predicted"`` :math:`M + \sigma^2/w` for one of the row's own cluster, M
        its error of prediction (of a cluster that the fit has not seen, with the variance of one).
        Random effects and residuals are normal.

        The distribution is the session's: t(n - k) of least squares, normal, or, with
        ``df="satterthwaite"`` or ``"kenward-roger"``, t with the degrees of freedom of T,
        :math:`2T^2/(h'Wh)` with h its gradient by the variance parameters and W their covariance.
        Kenward and Roger's method widens M, and takes the degrees of freedom of the unadjusted T. A
        bootstrap of a mixed model takes the quantiles of a new observation over its replicates, by
        the session's kind of interval (studentized: in standard deviations of each replicate).

        Parameters
        ----------
        level : float, optional
            The probability; the session's level by default.
        of : {"observation", "cluster"}
            ``"cluster"``: the mean of a new cluster, :math:`T = M + z'\Psi z`.
        weight : float or array of shape (k,), optional
            How much the new observation weighs, 1 by default: its residual has the variance
            :math:`\sigma^2/w`. In `WLS` as rows of the fit weigh; the mean of m new observations,
            of one cluster where there are clusters, weighs m.

        Returns
        -------
        PredictionIntervals
            With ``response="mean"`` or ``"median"`` the limits are those of the outcome as it was
            modelled, carried through the inverse of the transform: quantiles of the outcome.

        Raises
        ------
        UnsupportedError
            For rows that average several points; slopes, contrasts and functions; classes of models
            other than `OLS`, `WLS`, `GLS` and `MixedLM`; scales other than the identity; and
            degrees of freedom that are of coefficients alone.
        NumericalError
            Where T has fewer than 2 degrees of freedom, so that t has no limits worth printing, and
            for the mean of a new cluster where the variance between clusters is estimated as zero.

        References
        ----------
        Henderson, C. R. (1975). Best linear unbiased estimation and prediction under a selection
        model. *Biometrics* 31(2), 423-447. doi:10.2307/2529430

        Kackar, R. N. and Harville, D. A. (1984). Approximations for standard errors of estimators
        of fixed and random effects in mixed linear models. *Journal of the American Statistical
        Association* 79, 853-862. doi:10.1080/01621459.1984.10477102

        Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance
        components. *Biometrics Bulletin* 2(6), 110-114. doi:10.2307/3002019

        Chatterjee, S., Lahiri, P. and Li, H. (2008). Parametric bootstrap approximation to the
        distribution of EBLUP and related prediction intervals in linear mixed models. *Annals of
        Statistics* 36(3), 1221-1245. doi:10.1214/07-AOS512
        """
        level = self.level if level is None else check_level(level)
        fitted = self._predictable(of)
        weights = _weights(weight, of, len(self))
        part = random_part_of(fitted)
        points = self._points(fitted, part)
        gamma = fitted.parameters[GAMMA]
        clusters = np.zeros((len(self), len(gamma)))
        if part is not None:
            clusters = part.forms(points.design(RANDOM, part.design))
        assert self.whole is not None
        varies = varying(gamma, of, clusters, weights)
        found = self.whole.limits(points.predictor(), varies, level, of)
        low, high = _carried(fitted, found.low), _carried(fitted, found.high)
        figures = PredictionFigures(
            labels=self.labels,
            columns=self.estimand.columns,
            estimate=self.estimate,
            prediction_error=found.error,
            df=found.df,
            pi_lower=np.minimum(low, high),
            pi_upper=np.maximum(low, high),
            level=level,
            facts=self._on(found.reference),
            prediction=self._prediction_facts(fitted, of, weight is not None, found.reference),
        )
        return PredictionIntervals(figures)

    def _predictable(self, of: str) -> Fitted:
        """Return the model, or say why these rows have no prediction interval."""
        if self.whole is None:
            raise UnsupportedError(
                "prediction_interval: this result is without its session (pickled, kept in a file, "
                "or pooled over several fits), which knows the variances. Ask a session of one fit."
            )
        fitted = self.whole.fitted
        require_normal(fitted, of)
        quantity = self.facts.quantity
        self.whole.require_fixed_rows("prediction_interval")
        if quantity.kind is not Kind.MEAN or quantity.operations:
            raise UnsupportedError(_no_observation(quantity.is_effect, fitted))
        if not self.scale.is_identity:
            raise UnsupportedError(
                f"prediction_interval: this session is on the {self.scale.name} scale of means, on "
                "which no observation is made. Use Margins.linear_scale(...)."
            )
        return fitted

    def _points(self, fitted: Fitted, part: RandomPart | None) -> DesignPoints:
        """Return the design points that the rows stand for."""
        points = DesignPoints.of(self.estimand)
        if points is None:
            raise UnsupportedError(
                "prediction_interval: these rows are made of several mean responses, and a new "
                "observation is made at one design point. Ask m.predict for the points."
            )
        if part is not None:
            _require_settable(fitted, part)
        names = _variables(fitted, part)
        several = np.flatnonzero(points.averaged(names))
        if len(several):
            raise UnsupportedError(
                f"prediction_interval: {listing((self.labels[i] for i in several), 3)} averages "
                "over several design points, and an observation is made at one. Ask for points: "
                f"m.predict(atexog=...) with a mapping or a data frame that sets {listing(names)}, "
                'or a session with at="typical" or at="mean".'
            )
        return points

    def _on(self, reference: ReferenceFacts) -> ResultFacts:
        """Return the facts of the rows, with the reference of these intervals."""
        own = self.facts.session
        kept = own.notes
        if reference.distribution is not Distribution.NORMAL:
            kept = tuple(note for note in kept if not isinstance(note, FewGroups))
        return replace(self.facts, session=replace(own, reference=reference, notes=kept))

    def _prediction_facts(
        self, fitted: Fitted, of: str, weighted: bool, reference: ReferenceFacts
    ) -> PredictionFacts:
        effects = fitted.facts.random_effects
        clusters = {RandomEffects.INTEGRATED: "new", RandomEffects.PREDICTED: "own"}
        assert fitted.outcome_scale is not None
        method = self.facts.session.method
        return PredictionFacts(
            of=of,
            clusters=clusters.get(effects, ""),
            response=fitted.outcome_scale.response if _is_carried(fitted) else "",
            weighted=weighted,
            of_total=reference.distribution in OF_TOTAL,
            draws=method.interval if isinstance(method, BootstrapDraws) else "",
        )


def _no_observation(effect: bool, fitted: Fitted) -> str:
    if effect:
        words = "prediction_interval: a slope or change is no observation. "
        return words + (
            "How slopes vary between clusters is told by m.slope_quantiles(variable)."
            if fitted.random is not None
            else "Ask it of m.predict(...)."
        )
    return (
        "prediction_interval: these figures are made of mean responses (contrasts, ratios, "
        "functions), and no single observation has them. Ask it of m.predict(...), point by point."
    )


def _variables(fitted: Fitted, part: RandomPart | None) -> list[str]:
    """Return every variable that a design point has."""
    designs = list(fitted.designs.values())
    if part is not None:
        designs.append(part.design)
    keys = fitted.mean.keys if isinstance(fitted.mean, ClusterMean) else ()
    return list(dict.fromkeys([*(v for design in designs for v in design.variables), *keys]))


def _require_settable(fitted: Fitted, part: RandomPart) -> None:
    """Raise where clusters vary with something that no row of a result can be set to."""
    unset = [name for name in part.design.variables if name not in fitted.variables]
    if unset:
        raise UnsupportedError(
            f"prediction_interval: clusters vary with {listing(unset)}, which the fixed part of "
            "the formula does not have, so that no row says where it is. Add it to the formula."
        )


def _weights(weight: Any, of: str, size: int) -> FloatArray:
    """Return the weights of new observations, (1,) or (k,)."""
    if weight is None:
        return np.ones(1)
    if of == CLUSTER:
        raise ArgumentError(
            'weight: the mean of a new cluster, of="cluster", has no residual that could weigh '
            "more or less. Leave one of the two out."
        )
    try:
        given = np.asarray(weight, dtype=float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"weight: expected a number or one for each row, got {type(weight).__name__}."
        ) from None
    if given.shape not in ((), (1,), (size,)):
        raise ArgumentError(
            f"weight: expected a number or one for each of the {size} rows, got shape "
            f"{given.shape}."
        )
    if not (np.isfinite(given) & (given > 0)).all():
        raise ArgumentError(f"weight: must be positive and finite, got {weight!r}.")
    return np.atleast_1d(given)


def _is_carried(fitted: Fitted) -> bool:
    """Tell whether figures are of the outcome itself where a transform of it was modelled."""
    return not isinstance(fitted.mean, (LinearMean, ClusterMean))


def _carried(fitted: Fitted, limits: FloatArray) -> FloatArray:
    """Carry limits of the predictor to the outcome."""
    if not _is_carried(fitted):
        return limits
    assert fitted.outcome_scale is not None
    transform = fitted.outcome_scale.transform
    assert transform is not None
    with np.errstate(over="ignore", divide="ignore"):  # an interval may have no end
        return transform.back(limits)
