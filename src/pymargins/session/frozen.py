"""What a session holds, and what it says of itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from pymargins.asking.outcome import on_log_scale
from pymargins.asking.population import AnyPopulation
from pymargins.diagnosis import Diagnosis, FitDiagnosis, diagnosis_of, fit_warning
from pymargins.errors import (
    ArgumentError,
    FitWarning,
    callers_level,
)
from pymargins.estimands.estimability import estimable_only
from pymargins.estimands.nodes import Estimand, on_scale
from pymargins.estimands.scales import Scale
from pymargins.facts import (
    FEW_SANDWICHED,
    Distribution,
    FewSandwiched,
    Kind,
    Note,
    Omitted,
    Quantity,
    ResultFacts,
    SessionFacts,
    ShiftedDf,
    few_groups,
)
from pymargins.inference.choice import Choice
from pymargins.inference.known_clusters import cluster_notes
from pymargins.inference.leverage import hardly_seen
from pymargins.inference.propagation import overflow
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.describe import variables_frame
from pymargins.models.fitted import Fitted
from pymargins.report.methods import session_summary
from pymargins.report.summary import Summary, Tabled
from pymargins.results.printed import PrintedFrame
from pymargins.results.result import MarginsResult

S = TypeVar("S", bound="Session")


class Session(Tabled):
    """How inference is done, fixed once; nothing of it can be changed."""

    __slots__ = ("_choice", "_fitted", "_level", "_omit", "_population", "_scale")

    _choice: Choice
    _fitted: Fitted
    _level: float
    _omit: bool
    _population: AnyPopulation
    _scale: Scale

    def _warn(self, stand_in: bool) -> None:
        """Give one warning where the state of the fit would change a conclusion."""
        if self._fitted.health is None:
            return
        used = self._choice.covariance.kind
        own = used in (next(iter(self._fitted.covariances)), "draws")
        stand_in = stand_in and not own and not self._population.facts.sampled
        shifted = [n for n in self._choice.inference.notes if isinstance(n, ShiftedDf)]
        text = fit_warning(
            self._fitted.health(),
            self._choice.covariance,
            stand_in,
            shifted[0] if shifted else None,
        )
        if text:
            warnings.warn(text, FitWarning, stacklevel=callers_level())

    @property
    def _inference(self) -> Uncertainty:
        return self._choice.inference

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"a session is frozen; make a new one: Margins(model, {name.lstrip('_')}=...)."
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a session is frozen; nothing can be removed from it.")

    def __copy__(self: S) -> S:
        return self  # frozen: there is nothing that a copy would protect

    def __deepcopy__(self: S, memo: Any) -> S:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Session.__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    # --- what verbs share ----------------------------------------------------------------------

    def _result(
        self,
        estimand: Estimand,
        notes: Sequence[Note],
        quantity: Quantity,
        scale: Scale | None = None,
    ) -> MarginsResult:
        """Put what was asked on a scale."""
        scale = scale or self._scale
        estimand, omitted = self._estimable(estimand)
        means = quantity.kind is Kind.MEAN
        formed = self._means_on(estimand, scale) if means else on_scale(estimand, scale)
        return self._finished(formed, (*notes, *omitted), quantity, scale)

    def _means_on(self, means: Estimand, scale: Scale) -> Estimand:
        """Put means on a scale, where log hazards are already."""
        return means if on_log_scale(self._fitted.facts, scale) else on_scale(means, scale)

    def _estimable(self, estimand: Estimand) -> tuple[Estimand, tuple[Note, ...]]:
        """Return the rows that can be estimated, and a note of others where these are omitted."""
        spaces, omit = self._fitted.null_spaces, self._omit
        kept, others = estimable_only(estimand, self._inference.point, spaces, omit)
        return kept, (Omitted(others),) if others else ()

    def _finished(
        self, estimand: Estimand, notes: Sequence[Note], quantity: Quantity, scale: Scale
    ) -> MarginsResult:
        """Make a result, evaluated here and now so that what cannot be is told at once."""
        lost = np.flatnonzero(~np.isfinite(self._inference.value(estimand)))
        if len(lost):
            raise overflow(estimand.labels[int(lost[0])])
        notes = (*notes, *hardly_seen(self._inference, estimand))
        notes = (*notes, *cluster_notes(self._inference, estimand, self._fitted.mean))
        facts = ResultFacts(self.facts, quantity, scale.facts, notes)
        whole = self._choice.whole
        return MarginsResult(estimand, self._inference, scale, self._level, facts, whole=whole)

    # --- what the session says of itself -------------------------------------------------------

    @property
    def facts(self) -> SessionFacts:
        """The session's commitments."""
        model, choice = self._fitted.facts, self._choice
        notes: list[Note] = [*model.notes, *choice.inference.notes]
        normal = choice.reference.distribution is Distribution.NORMAL
        if normal and model.groups is not None:
            notes += few_groups(model, self._fitted.references)
        clusters = choice.covariance.clusters
        if clusters is not None and clusters < FEW_SANDWICHED:
            notes.append(FewSandwiched(clusters, choice.covariance.kind))
        return SessionFacts(
            model=model,
            variables=tuple(self._fitted.variables),
            population=self._population.facts,
            scale=self._scale.facts,
            covariance=choice.covariance,
            reference=choice.reference,
            method=choice.inference.facts,
            level=self._level,
            notes=tuple(notes),
            categories=tuple(v.name for v in self._fitted.variables.values() if v.levels),
        )

    @property
    def variables(self) -> pd.DataFrame:
        """The variables of the model that can be set, one row each.

        Columns: `kind`, `levels` of a category, `low` and `high` of a number, `reference` (the
        level that discrete changes are taken from), `missing` (values missing in the rows of the
        fit), and `enters`, what the variable enters the formula through.
        """
        fitted = self._fitted
        found = variables_frame(fitted.variables, fitted.designs, fitted.frame)
        return PrintedFrame.of(found, "Variables of the model")

    def summary(self) -> Summary:
        """State every commitment of the session in words fit for a methods section.

        Returns
        -------
        Summary
            Prints in a terminal, renders in a notebook, exports.
        """
        return session_summary(self.facts)

    def diagnose(self) -> Diagnosis | FitDiagnosis:
        """Report what a reviewer should know about the fit.

        Returns
        -------
        Diagnosis
            Convergence, distance from the optimum, rank; of a mixed model the boundary, standard
            errors against GLS ones, number and sizes of groups; of a regression separation and
            overdispersion.
        """
        if self._fitted.health is None:
            raise ArgumentError("diagnose: the adapter of this model offers no diagnosis.")
        return diagnosis_of(self._fitted.health())
