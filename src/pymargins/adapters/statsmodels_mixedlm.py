"""statsmodels' linear mixed models, from a formula or from arrays."""

from __future__ import annotations

import copy
import re
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.training import (
    DATA,
    check_design,
    cluster_labels,
    evaluate_factors,
    make_variables,
    match_columns,
    null_space,
    rows_of_fit,
    snapshot,
    training_frame,
)
from pymargins.design import Design
from pymargins.diagnosis import Diagnosis, diagnose_mixed, short_warning
from pymargins.errors import (
    ArgumentError,
    FitWarning,
    ModelError,
    NumericalError,
    UnsupportedError,
    UnsupportedModelError,
    callers_level,
)
from pymargins.inference.options import Bootstrap
from pymargins.inference.resampling import Replicates
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit, fit, gls
from pymargins.mixed.between_within import BetweenWithin, between_within
from pymargins.mixed.kenward_roger import Information, kenward_roger
from pymargins.mixed.robust import RobustKind, robust
from pymargins.mixed.satterthwaite import satterthwaite
from pymargins.model import ModelInfo, ModelView

PSI_ROUNDING = 1e-8
#: What is said of a column that a fit does not hold: `missing="drop"` leaves only the formula's.
LACKS = 'A fit with missing="drop" keeps the columns of its formula only; data= brings the others.'


class StatsmodelsMixedLMAdapter:
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

    Raises
    ------
    ModelError
        Where the data do not reproduce the fitted design.
    ArgumentError
        Where training data are needed, or do not match.
    """

    vcov_kinds: tuple[str, ...] = ("model", "gls")
    small_sample_kinds: tuple[str, ...] = (
        "kenward-roger",
        "satterthwaite",
        "CR0",
        "CR1",
        "CR2",
        "CR3",
    )

    def __init__(self, fit: Any, training_data: Any = None) -> None:
        if not self.accepts(fit):
            raise UnsupportedModelError(
                f"StatsmodelsMixedLMAdapter: expected a fitted MixedLM, got {type(fit).__name__}."
            )
        self.model = fit
        self._source = fit.model
        self._data: MixedData | None = None
        self._best: MixedFit | None = None
        self._view = self._make_view(training_data)

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fitted MixedLM."""
        from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults

        results = getattr(model, "_results", model)
        return isinstance(results, MixedLMResults) and isinstance(results.model, MixedLM)

    @property
    def view(self) -> ModelView:
        """The model as estimands see it."""
        return self._view

    # --- the fixed part ------------------------------------------------------------------------

    def _make_view(self, training_data: Any) -> ModelView:
        source = self._source
        exog = np.asarray(source.exog)
        params = np.array(self.model.fe_params, dtype=float)
        if not np.isfinite(params).all():
            raise ModelError("model: the fit has coefficients that are not finite.")
        spec = _stored_spec(source.data)
        if spec is None:
            if training_data is None:
                raise ArgumentError(
                    f"{DATA}: a fit from arrays does not carry its data frame; pass it: "
                    "Margins(fit, data=df) or StatsmodelsMixedLMAdapter(fit, training_data=df)."
                )
            frame = training_frame(training_data, len(exog))
            names = list(source.exog_names)
            design = Design.from_columns(names, match_columns(names, exog, frame))
        else:
            stored = source.data.frame
            given = stored
            if training_data is not None:
                given = rows_of_fit(training_data, stored, len(exog))
            frame = training_frame(given, len(exog))
            design = design_of_spec(spec, frame)
        frame = snapshot(frame)
        values = evaluate_factors(design, frame)
        check_design(design, values, exog)
        return ModelView(
            params=params,
            design=design,
            variables=make_variables(design, frame, _formula_of(source, spec)),
            frame=frame,
            factor_values=values,
            info=self._info(frame),
            null_space=null_space(exog),
            groups=np.asarray(pd.factorize(source.groups, sort=True)[0], dtype=np.intp),
        )

    def _info(self, frame: pd.DataFrame) -> ModelInfo:
        source = self._source
        group_name = _group_name(source, frame)
        return ModelInfo(
            kind="linear mixed model (statsmodels MixedLM)",
            response=str(source.endog_names),
            n=len(source.endog),
            groups=int(source.n_groups),
            group_name=group_name,
            estimation="REML" if source.reml else "ML",
            random_effects="integrated out (population average)",
            notes=_transformed(str(source.endog_names), frame),
            lacks="" if group_name is not None else LACKS,
        )

    # --- covariances ---------------------------------------------------------------------------

    def vcov(self, kind: str) -> FloatArray:
        """Return the covariance of the coefficients: ``"model"`` or ``"gls"``."""
        p = len(self._view.params)
        if kind == "gls":
            return gls(self.data, self.parameters).cov
        if self._best is not None:
            raise UnsupportedError(
                'vcov: "model" belongs to the fit as it stopped; with polish=True use "gls".'
            )
        if self._view.null_space.size:
            raise NumericalError(
                'vcov="model": the design has redundant columns, where the fit inverts a singular '
                'matrix and reports what rounding makes of it. Use vcov="gls".'
            )
        cov = np.asarray(self.model.cov_params(), dtype=float)[:p, :p]
        if not np.isfinite(cov).all() or (np.diagonal(cov) < 0).any():
            raise NumericalError(
                'vcov="model": the fit reports a covariance that is not finite or has a negative '
                'variance (a singular fit). Use vcov="gls".'
            )
        return cov

    @property
    def data(self) -> MixedData:
        """The model's rows and cross-products, formed when first needed."""
        if self._data is None:
            self._data = self._arrays(self._source.exog, bool(self._source.reml))
        return self._data

    def maximum_likelihood_data(self, without: list[int] | None) -> MixedData:
        """Return the model's rows for ML, without some columns of the design."""
        exog = np.asarray(self._source.exog)
        return self._arrays(exog if without is None else np.delete(exog, without, axis=1), False)

    def _arrays(self, exog: AnyArray, reml: bool) -> MixedData:
        source = self._source
        assert self._view.groups is not None
        return MixedData.from_arrays(
            source.endog,
            exog,
            self._view.groups,
            Z=source.exog_re if source.k_re else None,
            components=tuple(source.exog_vc.mats),
            reml=reml,
        )

    def polished(self) -> StatsmodelsMixedLMAdapter:
        """Return an adapter of the same model at the optimum of its likelihood.

        The covariance that the fit reports belongs to the point where it stopped, so only GLS and
        what builds on it is left.
        """
        if self.constrained:
            raise UnsupportedError(
                "polish: this fit holds parameters fixed or penalises them; its optimum is another "
                "one than the likelihood's."
            )
        best = fit(self.data, start=self.parameters)
        gap = max(0.0, best.loglik - gls(self.data, self.parameters).loglik) * 2.0
        other = copy.copy(self)
        other._best = best
        other.vcov_kinds = ("gls",)
        info = self._view.info
        note = f"polished: at the optimum of the likelihood, deviance {gap:.3g} below the fit's"
        other._view = replace(
            self._view, params=best.beta, info=replace(info, notes=(*info.notes, note))
        )
        return other

    @property
    def parameters(self) -> CovarianceParameters:
        """The variance parameters: the fitted ones, or those of the optimum once polished."""
        if self._best is not None:
            return self._best.params
        psi = np.array(self.model.cov_re, dtype=float)
        if psi.size:
            # the fit's own rounding can leave a singular matrix slightly indefinite
            spectrum, vectors = np.linalg.eigh((psi + psi.T) / 2)
            if spectrum[0] < 0 and spectrum[0] > -PSI_ROUNDING * max(spectrum[-1], 0.0) - 1e-300:
                psi = (vectors * np.maximum(spectrum, 0.0)) @ vectors.T
        components = np.maximum(np.array(self.model.vcomp, dtype=float), 0.0)
        return CovarianceParameters(psi, components, float(self.model.scale))

    def small_sample(
        self, kind: str, *, cluster: Any = None, information: Information = "expected"
    ) -> Any:
        """Return a small-sample method: covariance, degrees of freedom and joint tests.

        Parameters
        ----------
        kind : str
            One of `small_sample_kinds`.
        cluster : str or array, optional
            For the cluster-robust ones: larger clusters that hold whole groups.
        information : {"expected", "observed"}
            For Kenward-Roger.
        """
        if kind == "kenward-roger":
            return kenward_roger(self.data, self.parameters, information)
        if kind == "satterthwaite":
            return satterthwaite(self.data, self.parameters)
        labels = None if cluster is None else cluster_labels(self._view, cluster)
        kept: RobustKind = kind  # pyright: ignore[reportAssignmentType]
        return robust(self.data, self.parameters, kept, labels, self._source.group_labels)

    def between_within(self) -> BetweenWithin:
        """Return the between-within degrees of freedom of contrast rows."""
        return between_within(self.data)

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Refit the model to resampled data."""
        if option.engine == "refit":
            from pymargins.adapters.mixedlm_refit import bootstrap_by_refits

            return bootstrap_by_refits(self, option)
        from pymargins.adapters.mixedlm_bootstrap import bootstrap_mixed

        return bootstrap_mixed(self, option)

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Bootstrap the likelihood ratio of a null model without these columns of the design."""
        from pymargins.adapters.mixedlm_bootstrap import likelihood_ratio_test

        return likelihood_ratio_test(self, columns, option)

    # --- health of the fit ---------------------------------------------------------------------

    def diagnose(self) -> Diagnosis:
        """Report convergence, boundary, distance from the optimum, `"model"` against `"gls"`."""
        return diagnose_mixed(self)

    @property
    def constrained(self) -> bool:
        """Whether parameters were held fixed or penalised, so that the optimum is another one."""
        results = getattr(self.model, "_results", self.model)
        parts = (
            getattr(results, "freepat", None),
            getattr(results, "cov_pen", None),
            getattr(self._source, "fe_pen", None),
        )
        return any(part is not None for part in parts)

    @property
    def converged(self) -> bool:
        """What the fit, or its polishing, says of convergence."""
        return bool(self.model.converged) if self._best is None else self._best.converged

    def warn(self, vcov: str, stand_in: bool) -> None:
        """Give one warning where the state of the fit would change a conclusion.

        `stand_in`: whether `vcov` was taken because the fit reports no covariance.
        """
        text = short_warning(diagnose_mixed(self), vcov, stand_in)
        if text:
            warnings.warn(text, FitWarning, stacklevel=callers_level())


def design_of_spec(spec: Any, frame: pd.DataFrame) -> Design:
    """Translate a stored formula spec of either engine."""
    columns = [c for c in frame.columns if isinstance(c, str)]
    if hasattr(spec, "factor_infos"):
        from pymargins.adapters.patsy_design import design_from_patsy

        return design_from_patsy(spec, columns)
    from pymargins.adapters.formulaic_design import design_from_formulaic

    return design_from_formulaic(spec, columns)


def _transformed(response: str, frame: pd.DataFrame) -> tuple[str, ...]:
    """Say so where the formula transforms the response: means do not transform back."""
    inside = [w for w in re.findall(r"\w+", response) if w in frame.columns]
    if response in frame.columns or not inside:
        return ()
    return (f"figures are means of {response}, as the model has it, not of {inside[0]}",)


def _formula_of(source: Any, spec: Any) -> str | None:
    """Return the text that tells the order of the variables, where the stored spec lost it.

    statsmodels puts formulaic's categories first, as patsy does with columns; patsy's own spec
    keeps the order of its factors.
    """
    if spec is None or hasattr(spec, "factor_infos"):
        return None
    return str(source.formula).partition("~")[2]


def _stored_spec(data: Any) -> Any:
    """Return the right-hand-side spec of a formula fit: 0.15 and 0.14 name it differently."""
    spec = getattr(data, "model_spec", None)
    return spec if spec is not None else getattr(data, "design_info", None)


def _group_name(source: Any, frame: pd.DataFrame) -> str | None:
    """Find the column of the data that holds the groups."""
    groups: AnyArray = np.asarray(source.groups)
    used = set(getattr(source.data, "exog_re_names", None) or ())
    for name in sorted(frame.columns, key=lambda c: c not in used):
        column = np.asarray(frame[name])
        if column[:1] == groups[:1] and np.array_equal(column, groups):
            return str(name)
    return None
