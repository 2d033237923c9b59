"""statsmodels' linear mixed models, from a formula or from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.equations import TakesEquations, check_equations
from pymargins.adapters.formulas import (
    formula_engine,
    formula_order,
    stored_spec,
    unwrapped,
)
from pymargins.adapters.mixedlm_health import examine_mixed
from pymargins.adapters.mixedlm_random import random_part
from pymargins.adapters.mixedlm_rows import Arrays, design_and_frame
from pymargins.adapters.mixedlm_structure import fitted_variances, mixed_facts, mixed_outcome
from pymargins.adapters.mixedlm_uncertainty import SAME_POINT, MixedUncertainty
from pymargins.adapters.mixedlm_variances import (
    limits_by_profile,
    variance_structure,
)
from pymargins.adapters.regression_rows import FittedRows
from pymargins.adapters.training import (
    check_design,
    evaluate_factors,
)
from pymargins.asking.frames import snapshot
from pymargins.errors import (
    ModelError,
    NumericalError,
    UnsupportedError,
    UnsupportedModelError,
)
from pymargins.facts import (
    Health,
    Polished,
)
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit, fit, gls
from pymargins.models.describe import make_variables
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.means import LinearMean
from pymargins.models.parameters import Parameters
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.uncertainty import (
    Replicates,
)
from pymargins.models.variances import VarianceParameter, VarianceStructure
from pymargins.options import Bootstrap, Kind
from pymargins.ranks import column_rank


class StatsmodelsMixedLMAdapter(MixedUncertainty, TakesEquations):
    """Reads a fitted `statsmodels` ``MixedLM``.

    Only the data, the design and the variance parameters are taken from the fit; everything that
    is singular-safe is rebuilt from them.

    Parameters
    ----------
    fit : MixedLMResults
        From ``smf.mixedlm(...).fit()`` or ``sm.MixedLM(...).fit()``.
    training_data : data frame, optional
        Needed for array fits, whose columns are matched to the model's names; for formula fits
        only where the data frame was changed after fitting. It must reproduce the fitted design.
    equations : mapping of str to str, optional
        ``{"random": "~ Days"}``: the formula of the columns that vary between groups, which
        statsmodels does not keep. Needed where they are no columns of the data, nor named as a
        formula makes them.

    Attributes
    ----------
    fitted : Fitted

    Raises
    ------
    ModelError
        Where the data do not reproduce the fitted design.
    ArgumentError
        Where training data are needed, or do not match.
    """

    second: ClassVar[tuple[str, ...]] = (RANDOM,)

    def __init__(self, fit: Any, training_data: Any = None, equations: Any = None) -> None:
        if not self.accepts(fit):
            raise UnsupportedModelError(
                f"StatsmodelsMixedLMAdapter: expected a fitted MixedLM, got {type(fit).__name__}."
            )
        self.formulas = check_equations(equations, self.second)
        self.model = fit
        self.reml = bool(fit.reml)  # the model's own attribute changes with its next fit
        self.arrays = Arrays.of(fit.model)
        self.groups = np.asarray(pd.factorize(fit.model.groups, sort=True)[0], dtype=np.intp)
        self.polished = False
        self.fitted = self._read(training_data)

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fitted MixedLM."""
        from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults

        results = unwrapped(model)
        return isinstance(results, MixedLMResults) and isinstance(results.model, MixedLM)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the fit: its formula could not be read again elsewhere, and is not needed."""
        for name in ("data", "estimates", "constrained", "converged", "_cov_params"):
            getattr(self, name)
        return {**self.__dict__, "model": None}

    # --- what is read from the fit -------------------------------------------------------------

    def _read(self, training_data: Any) -> Fitted:
        source = self.model.model
        exog = np.asarray(source.exog)
        params = np.array(self.model.fe_params, dtype=float)
        if not np.isfinite(params).all():
            raise ModelError("model: the fit has coefficients that are not finite.")
        spec = stored_spec(source.data)
        design, frame = design_and_frame(source, spec, training_data)
        index = frame.index
        frame = snapshot(frame)
        values = evaluate_factors(design, frame)
        check_design(design, values, exog)
        missing = column_rank(exog).null_space
        order = formula_order(source, spec)
        self.rows = FittedRows(frame, design, values, exog, None, formula_engine(spec), order)
        return Fitted(
            parameters=Parameters.of_blocks(beta=params, gamma=self.estimates.gamma),
            mean=LinearMean(),
            designs={MEAN: design},
            variables=make_variables(design, frame, order),
            frame=frame,
            facts=mixed_facts(source, frame, self.reml),
            covariances=self._covariances(("model", "gls")),
            references=self._references(),
            residual_df=float(len(exog) - len(params) + missing.shape[1]),
            factor_values={MEAN: values},
            null_spaces={"beta": missing},
            index=index,
            groups=self.groups,
            refits=self,
            health=self.examine,
            polish=self.polish,
            influences=self.influences,
            random=self.random,
            predicted=self.predicted,
            variances=self.variance_structure,
            outcome_scale=mixed_outcome(source, frame),
        )

    def random(self) -> RandomPart:
        """Find out what the random effects are made of."""
        return random_part(self.arrays, self.groups, self.rows, self.formulas.get(RANDOM))

    def predicted(self) -> Fitted:
        """Return the model whose rows keep their own clusters."""
        from pymargins.adapters.mixedlm_clusters import Clusters
        from pymargins.adapters.mixedlm_predicted import Predictions, predicted

        frame, name = self.fitted.frame, self.fitted.facts.group_name
        clusters = Clusters(self.arrays, self.groups, frame, name)
        errors = Predictions(self.data, self.parameters, self._pieces, self._compared)
        return predicted(self.fitted, clusters, self.random(), errors, self._of_clusters)

    def _of_clusters(self, option: Bootstrap) -> Replicates:
        """Bootstrap the errors of predicting the clusters."""
        from pymargins.adapters.mixedlm_bootstrap import bootstrap_of_clusters

        self._require_free("bootstrap", ", so that replicates cannot be fitted alike")
        return bootstrap_of_clusters(self.data, self.optimum, option)

    @cached_property
    def data(self) -> MixedData:
        """The model's rows and cross-products, formed when first needed."""
        return self._mixed_data(self.arrays.exog, self.reml)

    def _likelihood_data(self, without: list[int] | None) -> MixedData:
        """Return the model's rows for ML, without some columns of the design."""
        exog = self.arrays.exog
        return self._mixed_data(exog if without is None else np.delete(exog, without, 1), False)

    def _mixed_data(self, exog: AnyArray, reml: bool) -> MixedData:
        arrays = self.arrays
        return MixedData.from_arrays(
            arrays.endog,
            exog,
            self.groups,
            Z=arrays.exog_re,
            components=arrays.components,
            reml=reml,
        )

    @cached_property
    def estimates(self) -> CovarianceParameters:
        """The variance parameters where the fit stopped."""
        return fitted_variances(self.model)

    @cached_property
    def optimum(self) -> MixedFit:
        """The optimum of the likelihood, found once, from the fit's estimates among others."""
        return fit(self.data, start=self.estimates)

    @property
    def parameters(self) -> CovarianceParameters:
        """The variance parameters: the fitted ones, or those of the optimum once polished."""
        return self.optimum.params if self.polished else self.estimates

    @cached_property
    def constrained(self) -> bool:
        """Whether parameters were held fixed or penalised, so that the optimum is another one."""
        results = unwrapped(self.model)
        parts = (getattr(results, "freepat", None), getattr(results, "cov_pen", None))
        if any(part is not None for part in parts):
            return True
        # a penalty of coefficients is kept by the model alone, which its next fit changes: a result
        # at the likelihood's own optimum had none
        if getattr(self.model.model, "fe_pen", None) is None:
            return False
        return self._gap > SAME_POINT

    @cached_property
    def _gap(self) -> float:
        """How far the deviance of the fit is above that of the optimum.

        Infinite where the fit's variances are so large that nothing is left in floating point.
        """
        try:
            here = gls(self.data, self.estimates).loglik
        except NumericalError:
            return float("inf")
        return 2.0 * (self.optimum.loglik - here)

    @cached_property
    def converged(self) -> bool:
        """What the fit says of itself."""
        return bool(self.model.converged)

    # --- refits and health ---------------------------------------------------------------------

    def polish(self) -> Fitted:
        """Return the same model at the optimum of its likelihood.

        The covariance that the fit reports belongs to the point where it stopped, so only GLS and
        what builds on it is left.
        """
        if self.constrained:
            raise UnsupportedError(
                "polish: this fit holds parameters fixed or penalises them; its optimum is another "
                "one than the likelihood's."
            )
        return PolishedMixedLM(self).fitted

    @property
    def kind(self) -> Kind:
        """Whole groups are drawn where no kind of bootstrap is asked for."""
        return "cluster"

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Refit the model to resampled data."""
        from pymargins.adapters.mixedlm_bootstrap import bootstrap_mixed

        option = option.of_kind(self.kind)
        if option.engine == "refit":
            from pymargins.adapters.mixedlm_refit import bootstrap_by_refits

            return bootstrap_by_refits(self, option)
        self._require_free(
            "bootstrap", ', which the engine does not cover. Use Bootstrap(engine="refit")'
        )
        return bootstrap_mixed(self.fitted, self.data, self.optimum, option)

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Bootstrap the likelihood ratio of a null model without these columns of the design."""
        from pymargins.adapters.mixedlm_bootstrap import likelihood_ratio_test

        self._require_free("likelihood_ratio_test")
        full = self._likelihood_data(None)
        return likelihood_ratio_test(self._likelihood_data(columns), full, option)

    def _require_free(self, what: str, more: str = "") -> None:
        if self.constrained:
            raise UnsupportedError(
                f"{what}: this fit holds parameters fixed or penalises them{more}."
            )

    def variance_structure(self) -> VarianceStructure:
        """Return what the variance parameters are."""
        return variance_structure(self.arrays, self.fitted.facts.random, self._limits)

    def _limits(self, wanted: Sequence[VarianceParameter], level: float) -> FloatArray:
        """Return profile-likelihood limits (k, 2)."""
        self._require_free('method: "profile"')
        return limits_by_profile(self.data, self.optimum, wanted, level)

    def examine(self) -> Health:
        """Tell convergence, boundary, distance from the optimum, `"model"` against `"gls"`."""
        try:
            reported = self._reported()
        except (NumericalError, UnsupportedError):
            reported = None
        health = examine_mixed(
            self.data,
            self.parameters,
            None if self.constrained else self.optimum,
            reported,
            self.optimum.converged if self.polished else self.converged,
            self.fitted.design.names,
            self.fitted.null_spaces["beta"].size > 0,
        )
        return replace(health, random=self.fitted.facts.random, polished=self.polished)


class PolishedMixedLM(StatsmodelsMixedLMAdapter):
    """The same model at the optimum of its likelihood."""

    def __init__(self, stopped: StatsmodelsMixedLMAdapter) -> None:
        self.model, self.reml, self.groups = stopped.model, stopped.reml, stopped.groups
        self.arrays, self.rows, self.formulas = stopped.arrays, stopped.rows, stopped.formulas
        self.polished = True
        self.data, self.estimates, self.optimum = stopped.data, stopped.estimates, stopped.optimum
        best, gap = self.optimum, max(0.0, stopped._gap)
        fitted = stopped.fitted
        self.fitted = replace(
            fitted,
            parameters=Parameters.of_blocks(beta=best.beta, gamma=best.params.gamma),
            covariances=self._covariances(("gls",)),
            references=self._references(),
            facts=replace(fitted.facts, notes=(*fitted.facts.notes, Polished(gap))),
            refits=self,
            health=self.examine,
            polish=None,
            influences=self.influences,
            predicted=self.predicted,
            variances=self.variance_structure,
        )
