"""Effects in units of a standard deviation."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np

from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, not_one_of
from pymargins.estimands.nodes import Quotient, Scaled
from pymargins.estimands.variances import spread_of
from pymargins.facts import Kind, Operation, ResultFacts, Standardised
from pymargins.results.combined import Combined

E = TypeVar("E", bound="EffectSizes")

STANDARDS = ("residual", "total")
#: What can be divided by a standard deviation of the outcome.
SIZED = (Kind.SLOPE, Kind.CHANGE, Kind.SLOPE_OR_CHANGE)


class EffectSizes(Combined):
    """Estimates that can be divided by a standard deviation."""

    __slots__ = ()

    def effect_size(self: E, by: Literal["residual", "total"] | float = "residual") -> E:
        r"""Return differences or slopes in units of a standard deviation (Cohen's d).

        Parameters
        ----------
        by : {"residual", "total"} or float
            The residual standard deviation :math:`\sigma` of a mixed model; the total one of
            outcomes with the same covariates, :math:`\sqrt{R + \sigma^2}`, R the variance of the
            random part averaged over the rows of the fit; or a number that is taken as known, such
            as that of a norm sample.

        Returns
        -------
        MarginsResult
            With the delta method the uncertainty of an estimated standard deviation counts, and
            degrees of freedom are those of the effect; with the bootstrap each replicate is
            divided by its own (percentile intervals where the session's are studentized). A slope
            is per unit of its variable still.

        Raises
        ------
        UnsupportedError
            For mean responses, elasticities and functions; on a scale other than the identity; and
            for ``"residual"`` and ``"total"`` of models without random effects, or of a result
            that was pickled without its session.
        """
        self._refuse_off_identity("standardising")
        self._refuse_unsized()
        if isinstance(by, str):
            if by not in STANDARDS:
                raise not_one_of("by", by, [*STANDARDS, "a number"])
            return self._by_estimate(by)
        if isinstance(by, (bool, np.bool_)) or not isinstance(by, (int, float, np.number)):
            raise ArgumentTypeError(
                f'by: expected "residual", "total" or a number, got {type(by).__name__}.'
            )
        if not (np.isfinite(by) and by > 0):
            raise ArgumentError(f"by: a standard deviation must be positive, got {by!r}.")
        made = Scaled(self.estimand, 1.0 / float(by), self.labels, self.estimand.columns)
        return self._with(made, self._sized(Standardised("", float(by))))

    def _refuse_unsized(self) -> None:
        quantity = self.facts.quantity
        fits = quantity.outermost is Operation.CONTRAST or (
            not quantity.operations and quantity.kind in SIZED
        )
        if not fits:
            raise UnsupportedError(
                "effect_size: it divides differences and slopes by a standard deviation of the "
                "outcome, and these figures are neither. Ask a contrast, a difference of results, "
                "result.pairwise() or dydx for it."
            )

    def _sized(self, note: Standardised) -> ResultFacts:
        quantity = self.facts.quantity.after(Operation.EFFECT_SIZE)
        return replace(self.facts, quantity=quantity).noting(note)

    def _by_estimate(self: E, by: str) -> E:
        if self.whole is None:
            raise UnsupportedError(
                f"effect_size: this result travelled without its session, which knows the {by} "
                "standard deviation; ask before it is pickled, or give a number."
            )
        structure = self.whole.structure(f"effect_size(by={by!r})")
        self.whole.require_fitted_scale("effect_size")
        inference = self.whole.of_effects
        one = spread_of(structure, by)
        size = float(inference.value(one)[0])
        if size <= 0:
            raise UnsupportedError(f"effect_size: the {by} standard deviation is estimated as 0.")
        many = one[np.zeros(len(self), dtype=np.intp)]
        made = Quotient(self.estimand, many, self.labels, self.estimand.columns)
        facts = self._sized(Standardised(by, size))
        session = replace(
            facts.session, covariance=self.whole.covariance_facts, method=inference.facts
        )
        facts = replace(facts, session=session)
        return replace(self._with(made, facts), inference=inference, _cache={})
