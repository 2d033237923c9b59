"""A session about several imputed data sets: each fit is asked, and the answers are pooled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.asking.keywords import explains_keywords, explains_names
from pymargins.asking.scenarios import Contrasts
from pymargins.elsewhere import VERBS
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    ModelError,
    PymarginsWarning,
    UnsupportedError,
    callers_level,
)
from pymargins.estimands.imputed import Each
from pymargins.facts import Distribution, ReferenceFacts, SessionFacts
from pymargins.inference.delta import DeltaInference
from pymargins.inference.rubin import RubinInference
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point
from pymargins.report.methods import session_summary
from pymargins.report.summary import Summary, Tabled
from pymargins.results.imputed_terms import imputed_joint_tests
from pymargins.results.result import MarginsResult
from pymargins.session.arguments import AtExog, By, Names, Outcome, Scenarios
from pymargins.session.terms import printed_tests
from pymargins.session.verbs import Verbs

#: What a session of one fit has, and Rubin's rules do not pool.
OF_ONE_FIT = dict.fromkeys(
    (
        *("diagnose", "likelihood_ratio_test", "random_effects", "variance_components", "icc"),
        *("r_squared", "slope_share", "slope_quantiles"),
    ),
    "not pooled; ask every fit on its own, Margins(fit), and compare",
)


@explains_names(VERBS | OF_ONE_FIT)
@explains_keywords(
    "predict", "dydx", "eyex", "eydx", "dyex", "contrasts", "evaluate", "joint_tests"
)
class ImputedMargins(Tabled):
    """A session about one model fitted to several imputed data sets.

    Made by `Margins.imputed`. A verb asks every fit, over its own rows, and pools the answers by
    Rubin's rules on the session's scale: estimates, their joint covariance, degrees of freedom of
    Barnard and Rubin, joint tests by D1. It is frozen, and its results combine with their joint
    uncertainty.

    Parameters
    ----------
    sessions : sequence of Margins
        One a fit, with equal options.
    fits : sequence of Fitted
        What they are about.
    inferences : sequence of Uncertainty
        Theirs.
    """

    __slots__ = ("_fits", "_inference", "_sessions")

    _fits: tuple[Fitted, ...]
    _inference: RubinInference
    _sessions: tuple[Verbs, ...]

    def __init__(
        self, sessions: Sequence[Verbs], fits: Sequence[Fitted], inferences: Sequence[Uncertainty]
    ) -> None:
        _require_one_model(fits)
        _warn_of_other_rows(fits)
        object.__setattr__(self, "_fits", tuple(fits))
        object.__setattr__(self, "_sessions", tuple(sessions))
        object.__setattr__(self, "_inference", _pooled(inferences))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a session is frozen; make a new one: Margins.imputed(fits, ...).")

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ImputedMargins.__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self._sessions)

    # --- verbs ---------------------------------------------------------------------------------

    def predict(
        self, atexog: AtExog = None, *, over: Names | None = None, outcome: Outcome = None
    ) -> MarginsResult:
        """Estimate mean responses; see `Margins.predict`."""
        return self._ask(lambda m: m.predict(atexog, over=over, outcome=outcome))

    def dydx(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average slopes; see `Margins.dydx`."""
        return self._ask(lambda m: m.dydx(variables, atexog=atexog, over=over, outcome=outcome))

    def eyex(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average elasticities; see `Margins.eyex`."""
        return self._ask(lambda m: m.eyex(variables, atexog=atexog, over=over, outcome=outcome))

    def eydx(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average semi-elasticities; see `Margins.eydx`."""
        return self._ask(lambda m: m.eydx(variables, atexog=atexog, over=over, outcome=outcome))

    def dyex(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average semi-elasticities; see `Margins.dyex`."""
        return self._ask(lambda m: m.dyex(variables, atexog=atexog, over=over, outcome=outcome))

    def contrasts(
        self,
        scenarios: Scenarios,
        contrasts: Contrasts | None = None,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate linear combinations of mean responses; see `Margins.contrasts`."""
        return self._ask(
            lambda m: m.contrasts(scenarios, contrasts, atexog=atexog, over=over, outcome=outcome)
        )

    def evaluate(
        self,
        scenarios: Scenarios,
        function: Callable[[FloatArray], Any],
        labels: Sequence[str] | None = None,
    ) -> MarginsResult:
        """Estimate any smooth function of mean responses; see `Margins.evaluate`.

        The function is evaluated in every imputation, and its values are pooled.
        """
        return self._ask(lambda m: m.evaluate(scenarios, function, labels))

    def joint_tests(self, *, by: By = None) -> pd.DataFrame:
        """Test every term of the model, one joint test each, by D1; see `Margins.joint_tests`.

        Effects are the same differences in every imputation, between the same values of the
        variables of a term; other numeric variables are at the mean of each imputation's own rows.
        """
        found = imputed_joint_tests(self._fits, self._inference, by)
        return printed_tests(found, self.facts)

    @property
    def variables(self) -> pd.DataFrame:
        """The variables that can be set, as the first fit has them; see `Margins.variables`."""
        return self._sessions[0].variables

    @property
    def _fitted(self) -> Fitted:
        """What names are looked up in: the first fit."""
        return self._fits[0]

    def _ask(self, question: Callable[[Verbs], MarginsResult]) -> MarginsResult:
        """Ask every fit, and pool the answers."""
        results = [question(one) for one in self._sessions]
        first = results[0]
        for i, other in enumerate(results[1:], start=1):
            _require_same_rows(first, other, i)
        values = np.stack([one.inference.value(one.estimand) for one in results])
        jacobians = np.stack([one.inference.jacobian(one.estimand) for one in results])
        notes = dict.fromkeys(note for one in results for note in one.facts.notes)
        facts = replace(first.facts, session=self.facts, notes=tuple(notes))
        estimand = Each(values, jacobians, first.labels, first.estimand.columns)
        return MarginsResult(estimand, self._inference, first.scale, first.level, facts)

    # --- what the session says of itself -------------------------------------------------------

    @property
    def facts(self) -> SessionFacts:
        """The session's commitments."""
        every = [one.facts for one in self._sessions]
        notes = dict.fromkeys(note for one in every for note in one.notes)
        return replace(
            every[0],
            reference=ReferenceFacts(Distribution.BARNARD_RUBIN),
            method=self._inference.facts,
            notes=tuple(notes),
        )

    def summary(self) -> Summary:
        """State every commitment of the session in words fit for a methods section."""
        return session_summary(self.facts)


def fits_of(fits: Any) -> list[Any]:
    """Return the fits that are to be pooled.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what is no list, or fewer than two.
    """
    if not isinstance(fits, (list, tuple)):
        raise ArgumentTypeError(
            "imputed: expected a list of fitted results, one for each imputed data set, got "
            f"{type(fits).__name__}."
        )
    if len(fits) < 2:
        raise ArgumentError(
            f"imputed: got {len(fits)} fit(s); what varies between imputations takes two at least "
            "to be seen, and some twenty to be known well."
        )
    return list(fits)


def _require_one_model(fits: Sequence[Fitted]) -> None:
    first = fits[0]
    for i, other in enumerate(fits[1:], start=1):
        told = [
            ("class of model", first.facts.kind, other.facts.kind),
            ("outcome", first.facts.response, other.facts.response),
            ("columns", _columns(first), _columns(other)),
            ("outcomes", first.mean.outcomes, other.mean.outcomes),
            ("levels", _levels(first), _levels(other)),
        ]
        for what, here, there in told:
            if here != there:
                raise ModelError(
                    f"imputed: fit {i} (counted from 0) is of another model than fit 0; their "
                    f"{what} differ: {there!r} and {here!r}. Fit one formula to every imputed data "
                    "set, with the same categories."
                )


def _warn_of_other_rows(fits: Sequence[Fitted]) -> None:
    """Warn where fits have different numbers of rows, which imputed data sets do not have."""
    sizes = [fitted.facts.n for fitted in fits]
    if len(set(sizes)) > 1:
        other = next(i for i, n in enumerate(sizes) if n != sizes[0])
        warnings.warn(
            f"imputed: fit 0 has {sizes[0]} rows, and fit {other} (counted from 0) {sizes[other]}. "
            "Imputed data sets are the same rows, filled in differently; see whether rows were "
            "dropped as missing. Each fit is averaged over its own.",
            PymarginsWarning,
            stacklevel=callers_level(),
        )


def _columns(fitted: Fitted) -> dict[str, tuple[str, ...]]:
    return {role: design.names for role, design in fitted.designs.items()}


def _levels(fitted: Fitted) -> dict[str, tuple[Any, ...]]:
    return {name: v.levels for name, v in fitted.variables.items() if v.levels}


def _pooled(inferences: Sequence[Uncertainty]) -> RubinInference:
    every = [one for one in inferences if isinstance(one, DeltaInference)]
    known = [one.cov for one in every if isinstance(one.cov, np.ndarray)]
    plain = all(type(one) is DeltaInference for one in inferences)
    if not plain or len(known) < len(inferences):
        raise UnsupportedError(
            "imputed: Rubin's rules pool estimates and covariances of coefficients, by "
            'method="delta" and with the rows held fixed; draws, random_effects="predicted" and '
            'population="sampled" are not pooled.'
        )
    point = Point(np.concatenate([one.point.theta for one in every]), every[0].point.blocks)
    return RubinInference(point, np.stack(known), tuple(one.reference for one in every))


def _require_same_rows(first: MarginsResult, other: MarginsResult, i: int) -> None:
    if first.labels == other.labels:
        return
    odd = sorted(set(first.labels) ^ set(other.labels)) or [*other.labels]
    raise ArgumentError(
        f"imputed: the rows of fit {i} (counted from 0) are not those of fit 0: {odd[0]!r} is not "
        "in both. Values and subgroups that are found in the data may differ between imputations; "
        'name the values, {"age": [30, 50]}, and split by columns that were not imputed.'
    )
