"""pyfixest's regressions with absorbed effects: `feols` and `fepois`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pymargins._typing import AnyArray
from pymargins.adapters.absorbing import (
    Estimated,
    absorbs,
    changed,
    fitted_of,
    places_by_names,
)
from pymargins.adapters.formulaic_design import design_from_formulaic
from pymargins.adapters.formulas import response_columns, transformed_response
from pymargins.adapters.training import evaluate_factors
from pymargins.asking.frames import snapshot
from pymargins.errors import ArgumentError, ModelError, UnsupportedModelError
from pymargins.facts import FitWeights, ModelFacts, ModelNote, NotAMean, Remark
from pymargins.models.design import Design
from pymargins.models.fitted import Fitted

#: How closely effects are swept out, by alternating projections.
SWEPT = 1e-5

KINDS = {
    "Feols": ("linear regression", "least squares"),
    "Fepois": ("Poisson regression", "maximum likelihood"),
}


class FixestAdapter:
    """Reads a fitted `feols` or `fepois` of pyfixest, with its own covariance.

    Figures are of what does not need the absorbed effects: slopes and contrasts of a linear model;
    of a Poisson model the logarithm of the mean, whose differences are ratios of means on the log
    scale.

    Parameters
    ----------
    fit : Feols or Fepois
    data : None
        The fit brings its own.

    Attributes
    ----------
    fitted : Fitted
    """

    def __init__(self, fit: Any, data: Any = None) -> None:
        if data is not None:
            raise ArgumentError("data: a pyfixest fit brings its own; leave `data` out.")
        self.model = fit
        self.name = type(fit).__name__
        _require_usable(fit, self.name)
        self.fitted = self._read()

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is one regression of pyfixest that it reads."""
        kind = type(model)
        return kind.__module__.split(".")[0] == "pyfixest" and kind.__name__ in KINDS

    def _read(self) -> Fitted:
        fit = self.model
        frame = snapshot(fit._data.reset_index(drop=True))
        spec = fit._model_spec.second_stage.rhs
        _require_plain_terms(spec)
        design = design_from_formulaic(spec, list(frame.columns))
        more: dict[str, Any] = {"groups": np.arange(len(frame))}
        if fit._weights_type == "fweights" and fit._weights_name:
            more["row_weights"] = np.asarray(frame[fit._weights_name], dtype=float)
        found = self._estimated()
        values = evaluate_factors(design, frame)
        _require_unchanged(fit, design, values)
        return fitted_of(
            found,
            design,
            values,
            places_by_names(design, found.names),
            frame,
            self._facts(frame, found.absorbed),
            **more,
        )

    def _estimated(self) -> Estimated:
        fit = self.model
        absorbed = tuple(name.strip() for name in str(fit._fixef).split("+"))
        residual = float(fit._N - len(fit._beta_hat))
        return Estimated(
            names=tuple(str(name) for name in fit._coefnames),
            params=np.asarray(fit._beta_hat, dtype=float),
            cov=np.asarray(fit._vcov, dtype=float),
            called=_called(fit),
            absorbed=absorbed if fit._has_fixef else (),
            df=float(fit._df_t) if self.name == "Feols" else np.inf,
            residual_df=residual,
        )

    def _facts(self, frame: Any, absorbed: tuple[str, ...]) -> ModelFacts:
        fit, (kind, estimation) = self.model, KINDS[self.name]
        response = str(fit._depvar)
        notes: tuple[ModelNote, ...] = transformed_response(response, frame)
        if fit._weights_name and fit._weights_type == "aweights":
            notes = (*notes, FitWeights("weights"))
        if absorbed:
            notes = (*notes, Remark(absorbs(absorbed)))
        log_of = ""
        if self.name == "Fepois":
            notes = (*notes, NotAMean("log mean", "of the model's linear predictor"))
            log_of = "mean"
        return ModelFacts(
            kind=f"{kind} (pyfixest {self.name.lower()})",
            response=f"log mean of {response}" if log_of else response,
            n=len(frame),
            estimation=estimation,
            notes=notes,
            response_variables=response_columns(response, frame),
            log_of=log_of,
        )


def _require_usable(fit: Any, name: str) -> None:
    """Refuse fits that lack what is needed, and say how they are fitted with it."""
    if getattr(fit, "_is_iv", False):
        raise UnsupportedModelError(
            f"model: instrumental variables of pyfixest's {name} are not read; fit them with "
            "linearmodels' IV2SLS."
        )
    if getattr(fit, "_data", None) is None or len(fit._data) != fit._N:
        raise ModelError("model: the fit did not keep its data; fit it with store_data=True.")
    if getattr(fit, "_offset_name", None):
        raise UnsupportedModelError(
            f"model: {name} with an offset is not read; statsmodels' Poisson with dummies is."
        )
    if len(getattr(fit, "_vcov", ())) == 0:
        raise ModelError("model: the fit has no covariance yet; call its vcov() first.")


def _require_plain_terms(spec: Any) -> None:
    """Refuse pyfixest's own ``i(...)``, whose columns do not tell how they are made."""
    for factor in map(str, spec.factors):
        if factor.startswith("i("):
            raise UnsupportedModelError(
                f"model: {factor!r} of the formula is pyfixest's own way of writing dummies, which "
                "is not read. Write C(group):x for i(group, x), and "
                'C(group, contr.treatment("b")) for i(group, ref="b").'
            )


def _require_unchanged(fit: Any, design: Design, values: tuple[AnyArray, ...]) -> None:
    """Raise where the data give another design: what was swept out is orthogonal to what is left.

    With P the projection that absorbs effects (or nothing), ``(x - Px)'W x = (x - Px)'W (x - Px)``.
    """
    if fit._method != "feols":
        return  # the weights of a Poisson fit are those of its last step
    swept = np.asarray(fit._X, dtype=float)
    built = design.rows(values, len(swept))
    root = np.sqrt(np.asarray(fit._weights, dtype=float).reshape(-1, 1))
    for j, name in enumerate(fit._coefnames):
        own = swept[:, [j]]
        whole = root * built[:, [design.names.index(str(name))]]
        if abs(np.sum(own * whole) - np.sum(own**2)) > SWEPT * np.sum(own**2):
            raise changed(str(name))


def _called(fit: Any) -> str:
    """Name the covariance as pyfixest does, with its clusters."""
    clusters = getattr(fit, "_clustervar", None) or []
    detail = str(fit._vcov_type_detail)
    return f"{detail} by {' and '.join(clusters)}" if clusters else detail
