"""What the adapters of statsmodels' regressions share: one row an observation, one outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.adapters.formulas import response_columns, transformed_response, unwrapped
from pymargins.adapters.names import Names
from pymargins.adapters.refitted import Refitted
from pymargins.adapters.regression_health import (
    Equations,
    PlacedDesign,
    Step,
    no_covariance,
    optimum,
    said_of_convergence,
    saturated,
)
from pymargins.adapters.regression_rows import FittedRows, fitted_rows
from pymargins.adapters.reported_robust import shown_as_fitted
from pymargins.adapters.robust_offers import KINDS, named_offers, over, seen_over
from pymargins.errors import (
    ModelError,
    NumericalError,
    PymarginsError,
    UnsupportedError,
    UnsupportedModelError,
)
from pymargins.facts import (
    CovarianceFacts,
    Distribution,
    FitHealth,
    ModelFacts,
    ModelNote,
    Polished,
)
from pymargins.models.describe import make_variables
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.links import IDENTITY
from pymargins.models.means import InverseLink, LinearMean, PredictorMean
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import (
    Covariance,
    CovarianceOffer,
    Reference,
    Request,
)
from pymargins.ranks import ColumnRank, column_rank
from pymargins.regression.sandwich import HETEROSCEDASTIC, heteroscedastic
from pymargins.regression.shown import Shown

#: What is computed at the estimate, and anew at another.
COMPUTED = ("estimating", "under_the_model", "health", "dispersion", "equations", "working")
#: What stands in at the optimum for a robust covariance that a fit reports where it stopped;
#: statsmodels' HC1 to HC3 are HC0 for every class that can be polished.
STAND_IN = {**dict.fromkeys(HETEROSCEDASTIC, "HC0"), "cluster": "CR1", "HAC": "HAC"}


def class_name(model: Any) -> str:
    """Return the class of a fitted statsmodels model; nothing for anything else."""
    kind = type(getattr(unwrapped(model), "model", None))
    return kind.__name__ if kind.__module__.split(".")[0] == "statsmodels" else ""


class RegressionAdapter(Refitted):
    """Reads a fitted regression of statsmodels with one outcome.

    A family of classes says what its mean, its names and its estimating equations are; reading
    rows, designs, offsets and weights, and offering covariances by name, is done here.

    Parameters
    ----------
    fit : results of statsmodels
    training_data : data frame, optional
        The rows that were fitted, where the fit does not bring them: other columns of an array
        fit, or the original of a data frame that was changed.

    Attributes
    ----------
    fitted : Fitted
    """

    #: The classes it reads, and how tables name them.
    classes: ClassVar[Mapping[str, Names]]
    #: What is computed before the fit itself is left behind.
    kept: ClassVar[tuple[str, ...]] = (
        *("reported", "reported_kind", "estimating", "under_the_model", "shown", "health"),
    )

    def __init__(self, fit: Any, training_data: Any = None) -> None:
        if not self.accepts(fit):
            raise UnsupportedModelError(
                f"{type(self).__name__}: expected a fitted {', '.join(self.classes)}, got "
                f"{type(fit).__name__}."
            )
        self.model = fit
        self.results = unwrapped(fit)
        self.source = self.results.model
        self.name = class_name(fit)
        self.params = _coefficients(self.results)
        self.polished = False
        self.rows = self._fitted_rows(training_data)
        self.fitted = self._read()

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fit of one of the classes it reads."""
        return class_name(model) in cls.classes and hasattr(model, "params")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the fit: its formula could not be read again elsewhere, and is not needed."""
        for name in self.kept:
            try:
                getattr(self, name)
            except (PymarginsError, NotImplementedError):
                continue  # what cannot be had here is refused there
        return {**self.__dict__, "model": None, "results": None, "source": None}

    # --- what a family says of itself ----------------------------------------------------------

    @cached_property
    def link(self) -> InverseLink:
        """The inverse link."""
        return IDENTITY

    @cached_property
    def counts(self) -> FloatArray | None:
        """How many observations each row stands for; None where each is one."""
        return None

    @property
    def notes(self) -> tuple[ModelNote, ...]:
        """What every table of this fit must say."""
        return ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The covariances that it has by name, beside the fit's own."""
        if self.constrained:
            return ()  # the estimating equations of a constrained fit do not add up to zero
        return tuple(kind for kind in KINDS if kind not in self.undefined)

    @property
    def constrained(self) -> bool:
        """Whether it was fitted under constraints: its optimum is not the likelihood's."""
        return int(getattr(self.results, "k_constr", 0) or 0) > 0

    @property
    def undefined(self) -> tuple[str, ...]:
        """The kinds that nobody has defined for the class: beside a dispersion, by clusters."""
        return ("CR2", "CR3") if len(self.params) > self.rows.exog.shape[1] else ()

    def score_and_information(self, params: FloatArray) -> Equations:
        """Return the likelihood equations at some parameters."""
        raise NotImplementedError

    def log_likelihood(self, params: FloatArray) -> float:
        """Return the log-likelihood at some parameters."""
        raise NotImplementedError

    def best(self) -> FloatArray:
        """Return the optimum of the likelihood, which refits scatter around.

        Raises
        ------
        NumericalError
            Where Newton's method finds none from where the fit stopped.
        """
        nowhere = NumericalError(
            "bootstrap: Newton's method finds no optimum from where this fit stopped, for "
            "replicates to scatter around; refit with another method or a better start."
        )
        try:
            return optimum(self.params, self.score_and_information, self.log_likelihood, self.floor)
        except NumericalError as error:
            raise nowhere from error

    # --- health --------------------------------------------------------------------------------

    @property
    def floor(self) -> FloatArray:
        """The end of the range of each parameter, (P,)."""
        return np.full(len(self.params), -np.inf)

    @cached_property
    def equations(self) -> Equations:
        """The likelihood equations at the estimate."""
        return self.score_and_information(self.params)

    @property
    def held(self) -> BoolArray:
        """The parameters that are at the end of their range, (P,)."""
        return self.equations.held(self.params, self.floor)

    def step(self) -> Step | None:
        """Return what is left to the optimum; None where the class has no equations for it."""
        return None

    @property
    def separable(self) -> bool:
        """Whether predictors can run off to infinity: outcomes with an end that they tend to."""
        return False

    @property
    def predictors(self) -> list[PlacedDesign]:
        """Its linear predictors."""
        return [(self.rows.exog, slice(0, self.rows.exog.shape[1]))]

    def variance(self) -> FloatArray | None:
        """Return how much each row's outcome varies, or nothing where that is not used."""
        return None

    def examine(self) -> FitHealth:
        """Tell convergence, the distance from the optimum, separation, and redundant columns."""
        step = None if self.constrained else self.step()
        return FitHealth(
            converged=True if self.polished else said_of_convergence(self.results),
            distance=None if step is None else step.distance,
            separated=0 if step is None or not self.separable else self._separated(step),
            rank_deficient=self.rank.null_space.size > 0,
            polishable=self._has_likelihood and bool(self.kinds),
        )

    @property
    def _has_likelihood(self) -> bool:
        return type(self).score_and_information is not RegressionAdapter.score_and_information

    def _separated(self, step: Step) -> int:
        found, variance = step.runs_off(self.predictors), self.variance()
        if variance is not None:
            found |= saturated(self.rows.exog, variance)
        return int(found.sum())

    @cached_property
    def health(self) -> FitHealth:
        """What a reviewer should know of the fit, found once."""
        with np.errstate(all="ignore"):  # where groups are separated, probabilities are 0 and 1
            return self.examine()

    def _health(self) -> FitHealth:
        return self.health

    def polish(self) -> Fitted:
        """Return the same model at the optimum of its likelihood.

        The covariance that the fit reports belongs to where it stopped, so that only those by name
        are left: of the same kind by default.
        """
        if not self._has_likelihood:
            raise UnsupportedError(
                f"polish: {self.name} has no likelihood whose optimum could be looked for; leave "
                "it out."
            )
        if not self.kinds:
            raise UnsupportedError(
                "polish: this fit is constrained; its optimum is another one than the likelihood's."
            )
        best = optimum(self.params, self.score_and_information, self.log_likelihood, self.floor)
        gap = 2.0 * (self.log_likelihood(best) - self.log_likelihood(self.params))
        there = object.__new__(type(self))  # a copy would leave out the fit
        vars(there).update({k: v for k, v in vars(self).items() if k not in COMPUTED})
        there.params, there.polished = best, True
        fitted = there._read()
        notes = (*fitted.facts.notes, Polished(max(0.0, gap)))
        there.fitted = replace(
            fitted,
            covariances=there._polished_offers(),
            facts=replace(fitted.facts, notes=notes),
            polish=None,
        )
        return there.fitted

    def _polished_offers(self) -> dict[str, CovarianceOffer]:
        offers = named_offers(self, self.kinds)
        first = STAND_IN.get(self.reported_kind, "nonrobust")
        return {first: offers.pop(first), **offers}

    # --- what is read from the fit -------------------------------------------------------------

    def _fitted_rows(self, training_data: Any) -> FittedRows:
        return fitted_rows(self.source, training_data)

    def _read(self) -> Fitted:
        rows = self.rows
        own = {"model": CovarianceOffer(self._own)}
        return Fitted(
            parameters=self._parameters(),
            mean=LinearMean()
            if self.link is IDENTITY and rows.offset is None
            else PredictorMean(self.link),
            designs={MEAN: rows.design},
            variables=make_variables(rows.design, rows.frame, rows.order),
            frame=rows.frame,
            facts=self._facts(),
            covariances={**own, **named_offers(self, self.kinds)},
            reference_df=self.own_df,
            residual_df=self.residual_df,
            factor_values={MEAN: rows.values},
            offsets={} if rows.offset is None else {MEAN: rows.offset},
            null_spaces={"beta": self.rank.null_space},
            row_weights=self.counts,
            index=rows.index,
            groups=np.arange(len(rows.frame)),
            refits=self,
            health=self._health,
            polish=self.polish,
            influences=self.influences,
        )

    def _parameters(self) -> Parameters:
        k = self.rows.exog.shape[1]
        more = {"alpha": self.params[k:]} if len(self.params) > k else {}
        return Parameters.of_blocks(beta=self.params[:k], **more)

    def _names(self) -> Names:
        return self.classes[self.name]

    def _facts(self) -> ModelFacts:
        names, response = self._names(), self.source.endog_names
        notes: tuple[ModelNote, ...] = ()
        columns = response_columns(response, self.rows.frame) if isinstance(response, str) else ()
        if not isinstance(response, str):  # successes and failures
            columns = tuple(str(name) for name in response)
            response = f"{response[0]} / ({' + '.join(response)})"
        elif self.rows.engine:
            notes = transformed_response(response, self.rows.frame)
        return ModelFacts(
            kind=f"{names.kind} (statsmodels {self.name})",
            response=response,
            n=len(self.rows.frame),
            estimation=names.estimation,
            notes=(*notes, *self.notes),
            response_variables=columns,
            probabilities=names.probabilities,
        )

    @cached_property
    def rank(self) -> ColumnRank:
        """The independent columns of the design."""
        return column_rank(self.rows.exog)

    @cached_property
    def residual_df(self) -> float:
        """Observations less coefficients."""
        df = getattr(self.results, "df_resid", None)
        return float(len(self.rows.frame) - len(self.rank.kept) if df is None else df)

    @cached_property
    def own_df(self) -> float:
        """The degrees of freedom that the fit itself uses; infinite for the normal."""
        if not getattr(self.results, "use_t", False):
            return np.inf
        inference = getattr(self.results, "df_resid_inference", None)
        return self.residual_df if inference is None else float(inference)

    # --- covariances ---------------------------------------------------------------------------

    @cached_property
    def reported(self) -> FloatArray:
        """The covariance of all parameters that the fit reports."""
        try:
            cov = np.asarray(self.results.cov_params(), dtype=float)
        except ValueError:  # statsmodels' own where it has none
            cov = np.array(np.nan)
        if not np.isfinite(cov).all():
            raise no_covariance(self.residual_df)
        return cov

    @cached_property
    def reported_kind(self) -> str:
        """What the covariance that the fit reports is."""
        return str(getattr(self.results, "cov_type", "") or "")

    @cached_property
    def computed_as(self) -> str:
        """HC0, where that is what the fit calls HC1 to HC3: statsmodels has those of OLS only."""
        if self.linear or self.reported_kind not in HETEROSCEDASTIC[1:] or not self.kinds:
            return ""
        plain, scaled = (heteroscedastic(self.estimating, kind) for kind in HETEROSCEDASTIC[:2])
        nearer = np.abs(self.reported - plain).max() < np.abs(self.reported - scaled).max()
        return HETEROSCEDASTIC[0] if nearer else ""

    @cached_property
    def clusters(self) -> Any:
        """The clusters that the fit itself was given, where there is one set of them."""
        groups = (getattr(self.results, "cov_kwds", None) or {}).get("groups")
        labels = None if groups is None else np.asarray(groups)
        return labels if labels is not None and labels.shape == (len(self.rows.frame),) else None

    @cached_property
    def shown(self) -> tuple[Shown, str] | None:
        """What the covariance that the fit reports shows of a variance; None where it is whole."""
        if self.reported_kind in ("", "nonrobust") or not self.kinds:
            return None
        options = getattr(self.results, "cov_kwds", None) or {}
        groups = options.get("groups", self.clusters)
        labels = None if groups is None else np.asarray(groups)
        kind = self.computed_as or self.reported_kind
        return shown_as_fitted(self.estimating, kind, labels, options)

    def _own(self, request: Request) -> Covariance:
        cov = over(self.with_variance(self.reported, request), self.fitted.parameters, request)
        called, computed = self.reported_kind, self.computed_as
        facts = CovarianceFacts("model", fitted_as=called, computed_as=computed)
        seen = None
        if self.shown is not None:
            seen = seen_over(self.shown[0], self.fitted.parameters, request, self.shown[1])
        return Covariance(cov, facts, self.own_reference, seen=seen)

    @cached_property
    def own_reference(self) -> Reference:
        """The distribution that the fit itself uses."""
        residual = self.own_df == self.residual_df
        how = Distribution.RESIDUAL if residual else Distribution.CLUSTERS
        return Reference.constant(self.own_df, how)

    @cached_property
    def named_reference(self) -> Reference:
        """What statistics with a covariance asked for by name are referred to."""
        if self.linear or getattr(self.results, "use_t", False):
            return Reference.constant(self.residual_df, Distribution.RESIDUAL)
        return Reference.constant(np.inf)


def _coefficients(results: Any) -> FloatArray:
    """Return the parameters of a fit that was not penalised."""
    kind = type(results).__name__
    if kind.startswith(("L1", "Regularized")) or not hasattr(results, "cov_params"):
        raise UnsupportedModelError(
            f"model: {kind} comes from fit_regularized, whose estimates are shrunk and have no "
            "covariance of their own. Pass the result of fit()."
        )
    params = np.array(results.params, dtype=float).ravel()
    if not np.isfinite(params).all():
        raise ModelError("model: the fit has coefficients that are not finite.")
    return params
