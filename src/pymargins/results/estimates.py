"""The figures of a result: estimates, standard errors, intervals, p-values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, UnsupportedError, not_one_of
from pymargins.estimands.nodes import Estimand
from pymargins.estimands.scales import Scale
from pymargins.facts import ResultFacts
from pymargins.families.adjustment import Adjustment, simultaneous_interval
from pymargins.inference import distributions
from pymargins.inference.distributions import check_level
from pymargins.inference.uncertainty import Uncertainty
from pymargins.inference.whole import Whole

R = TypeVar("R", bound="Estimates")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Estimates:
    """Labelled estimates with their joint covariance.

    Parameters
    ----------
    estimand : Estimand
        The quantities on the session's scale.
    inference : Uncertainty
        The session's covariance, degrees of freedom or draws: shared by all its results.
    scale : Scale
    level : float
        Default confidence level.
    facts : ResultFacts
        What the rows are, and on what they rest.
    adjustment : Adjustment, optional
        Of p-values and intervals, made by `adjust`.
    whole : Whole, optional
        What the session knows of parameters that the rows do not depend on.
    """

    estimand: Estimand
    inference: Uncertainty
    scale: Scale
    level: float
    facts: ResultFacts
    adjustment: Adjustment | None = None
    whole: Whole | None = None
    _cache: dict[str, Any] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.estimand)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.estimand.labels

    @property
    def estimate(self) -> FloatArray:
        """Estimates in the units of the outcome, shape (k,)."""
        return np.array(self.scale.inverse(self._value), dtype=float)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors of the reported estimates, shape (k,).

        By the delta method from the session's scale; with draws, their standard deviation.
        """
        draws = None if self.scale.is_identity else self.draws
        if draws is not None:
            return draws.std(axis=0, ddof=1)
        return self._scale_se / np.abs(self.scale.derivative(self.estimate))

    @property
    def cov(self) -> FloatArray:
        """Joint covariance on the session's scale, shape (k, k)."""
        if "cov" not in self._cache:
            self._cache["cov"] = self.inference.covariance(self.estimand)
        return self._cache["cov"].copy()

    @property
    def draws(self) -> FloatArray | None:
        """Draws in the units of the outcome, shape (B, k); None for the delta method."""
        values = self.inference.draws(self.estimand)
        return None if values is None else np.array(self.scale.inverse(values), dtype=float)

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of each row; infinite for the normal distribution."""
        if "df" not in self._cache:
            self._cache["df"] = self.inference.degrees_of_freedom(self.estimand)
        return self._cache["df"].copy()

    @property
    def statistic(self) -> FloatArray:
        """Estimate over standard error, on the session's scale."""
        return distributions.ratio(self._value, self._scale_se)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p-values against no effect, which is 0, or 1 for a ratio; as adjusted.

        Of a posterior the probabilities of direction.
        """
        if "p" not in self._cache:
            self._cache["p"] = self._p_value(np.zeros(len(self)), "two-sided")
        return self._cache["p"].copy()

    def _p_value(self, null: FloatArray, alternative: str) -> FloatArray:
        if self.adjustment is not None:
            return self.adjustment.p_value(null, alternative)
        return self.inference.p_value(self.estimand, null, alternative)

    def _refuse_of_posterior(self, what: str) -> None:
        """Raise for what has a meaning where there are p-values only."""
        if self.facts.session.of_posterior:
            raise UnsupportedError(
                f"{what}: these figures summarise a posterior, which has no p-values and no levels "
                "to hold. Ask its draws, result.draws (draws, rows): the share of them in which "
                "something is true is its probability."
            )

    @property
    def _value(self) -> FloatArray:
        """The estimates on the session's scale."""
        return self.inference.value(self.estimand)

    @property
    def _scale_se(self) -> FloatArray:
        if "se" not in self._cache:
            self._cache["se"] = self.inference.std_error(self.estimand)
        return self._cache["se"]

    def conf_int(self, level: float | None = None, simultaneous: bool = False) -> pd.DataFrame:
        """Return confidence intervals.

        Parameters
        ----------
        level : float, optional
            Coverage; the session's by default.
        simultaneous : bool
            Whether all intervals hold together with that coverage: those of ``adjust("mvt")``.
            The critical value is the quantile of the largest ``|t|`` under the joint distribution
            of all rows (Hothorn, Bretz and Westfall 2008, doi:10.1002/bimj.200810425).

        Returns
        -------
        DataFrame
            Columns `ci_lower` and `ci_upper`, indexed by label.
        """
        level = self.level if level is None else check_level(level)
        if simultaneous not in (True, False):
            raise not_one_of("simultaneous", simultaneous, [True, False])
        if simultaneous:
            self._refuse_of_posterior("simultaneous")
        if simultaneous and self.adjustment is not None:
            raise ArgumentError(
                f'simultaneous: the intervals are adjusted already, by "{self.adjustment.method}". '
                "Ask the result that was adjusted."
            )
        if simultaneous:
            bounds = simultaneous_interval(self.inference, self.estimand, level)
        else:
            bounds = self._scale_bounds(level)
        low, high = self._back_transformed(bounds)
        return pd.DataFrame({"ci_lower": low, "ci_upper": high}, index=self._index)

    def _scale_bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return intervals on the session's scale; as adjusted."""
        if self.adjustment is not None:
            return self.adjustment.interval(level)
        return self.inference.interval(self.estimand, level)

    def _back_transformed(
        self, bounds: tuple[FloatArray, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        low, high = (np.asarray(self.scale.inverse(b), dtype=float) for b in bounds)
        return np.minimum(low, high), np.maximum(low, high)

    @property
    def _index(self) -> pd.Index:
        return pd.Index(self.labels, name="label")

    def _unadjusted(self: R) -> R:
        return self if self.adjustment is None else replace(self, adjustment=None, _cache={})
