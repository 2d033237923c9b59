"""What varies between the groups of a MixedLM, named and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins.adapters.formulas import response_columns, transformed_response
from pymargins.adapters.mixedlm_rows import effect_names, group_name_of
from pymargins.adapters.outcome_transform import outcome_scale
from pymargins.errors import NumericalError
from pymargins.facts import ModelFacts, RandomEffects, RandomTerm
from pymargins.mixed import CovarianceParameters
from pymargins.models.transforms import OutcomeScale

INTERCEPT = "Intercept"
PSI_ROUNDING = 1e-8
#: The fourth power of a variance must be a number.
LARGEST = 1e75


def mixed_facts(source: Any, frame: pd.DataFrame, reml: bool) -> ModelFacts:
    """Name a statsmodels model and its parts."""
    group_name, response = group_name_of(source, frame), str(source.endog_names)
    return ModelFacts(
        kind="linear mixed model (statsmodels MixedLM)",
        response=response,
        n=len(source.endog),
        groups=int(source.n_groups),
        group_name=group_name,
        estimation="REML" if reml else "ML",
        random_effects=RandomEffects.INTEGRATED,
        random=random_terms(source, group_name),
        incomplete=group_name is None,
        notes=transformed_response(response, frame),
        response_variables=response_columns(response, frame),
    )


def mixed_outcome(source: Any, frame: pd.DataFrame) -> OutcomeScale:
    """Tell on which scale the outcome was modelled."""
    response = str(source.endog_names)
    made_of = response_columns(response, frame)
    return outcome_scale(response, made_of, list(frame.columns), source.endog)


def random_terms(source: Any, group_name: str | None) -> tuple[RandomTerm, ...]:
    """Describe the random part of a statsmodels model.

    Parameters
    ----------
    source : MixedLM
    group_name : str or None
        The column of the groups.
    """
    groups = int(source.n_groups)
    terms: list[RandomTerm] = []
    if source.k_re:
        column = np.asarray(source.exog_re)
        effects = tuple(
            INTERCEPT if (column[:, j] == 1.0).all() or name == group_name else name
            for j, name in enumerate(effect_names(source))
        )
        terms.append(RandomTerm(group_name or "group", effects, groups))
    components = source.exog_vc
    for name, columns in zip(components.names, components.colnames, strict=True):
        # one group holds all levels of crossed components; nested ones have their own in each
        terms.append(RandomTerm(str(name), (), sum(len(own) for own in columns)))
    return tuple(terms)


def fitted_variances(fit: Any) -> CovarianceParameters:
    """Return the variance parameters where a fit stopped."""
    psi = np.array(fit.cov_re, dtype=float)
    if psi.size:
        # the fit's own rounding can leave a singular matrix slightly indefinite
        spectrum, vectors = np.linalg.eigh((psi + psi.T) / 2)
        if spectrum[0] < 0 and spectrum[0] > -PSI_ROUNDING * max(spectrum[-1], 0.0) - 1e-300:
            psi = (vectors * np.maximum(spectrum, 0.0)) @ vectors.T
    components = np.maximum(np.array(fit.vcomp, dtype=float), 0.0)
    sigma2 = float(fit.scale)
    _require_powers(sigma2)
    return CovarianceParameters(psi, components, sigma2)


def _require_powers(sigma2: float) -> None:
    """Raise where the powers of a variance that information is made of are no numbers."""
    if sigma2 > LARGEST or 0 < sigma2 < 1.0 / LARGEST:
        raise NumericalError(
            f"model: the residual variance is {sigma2:.3g}; its powers leave the range of "
            "floating-point numbers. Fit the outcome in other units, nearer to one."
        )
