"""The benchmarks' model: ``score ~ age*treated + female + C(school)``, one intercept a student.

Fitting a million rows with statsmodels takes many minutes and is not what is measured.  Above
`REAL_FIT` rows the statsmodels model is built from its formula as ever, and its results object is
filled with the optimum that `pymargins.mixed.fit` finds; the session can then not tell it from a
fit that statsmodels made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.regression.mixed_linear_model import (
    MixedLMParams,
    MixedLMResults,
    MixedLMResultsWrapper,
)

from pymargins.mixed import MixedData, fit

FORMULA = "score ~ age * treated + female + C(school)"
ROWS_PER_STUDENT = 10
REAL_FIT = 1000
GRID = {"age": list(range(20, 75, 2)), "treated": [0, 1]}  # 56 points
POINT = {"age": [20], "treated": [1]}


def school_data(n: int) -> pd.DataFrame:
    """Simulate n scores as the tutorial does: age +0.3, treatment +3, girls -2."""
    rng = np.random.default_rng(42)
    students = n // ROWS_PER_STUDENT
    df = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "female": rng.binomial(1, 0.52, n),
            "treated": rng.binomial(1, 0.40, n),
            "school": rng.choice(["A", "B", "C", "D"], n),
            "student": np.repeat(np.arange(students), ROWS_PER_STUDENT),
        }
    )
    student_effect = rng.standard_normal(students)[df["student"].to_numpy()]
    df["score"] = (
        50
        + 0.3 * df["age"]
        - 2.0 * df["female"]
        + 3.0 * df["treated"]
        + student_effect
        + rng.normal(0, 5, n)
    )
    return df


@lru_cache(maxsize=1)
def fitted(n: int, categories: bool = False) -> Any:
    """Return a fitted MixedLM of n rows; the last one asked for is remembered.

    With `categories` the schools are a pandas categorical, which some packages insist on.
    """
    df = school_data(n)
    if categories:
        df["school"] = df["school"].astype("category")
    model = smf.mixedlm(FORMULA, df, groups="student")
    return model.fit() if n <= REAL_FIT else at_optimum(model)


def at_optimum(model: Any) -> Any:
    """Return the results of a MixedLM with random intercepts, optimised by pymargins."""
    codes = np.asarray(pd.factorize(model.groups, sort=True)[0])
    best = fit(MixedData.from_arrays(model.endog, model.exog, codes, Z=model.exog_re))
    psi, scale = np.asarray(best.params.psi), float(best.params.sigma2)
    parameters = MixedLMParams(model.k_fe, model.k_re, model.k_vc)
    parameters.fe_params = best.beta
    parameters.cov_re = psi
    parameters.vcomp = np.zeros(model.k_vc)
    packed = parameters.get_packed(use_sqrt=False, has_fe=True)
    cov = np.eye(len(packed)) * scale  # of the variance parameters nothing is asked
    cov[: model.k_fe, : model.k_fe] = best.cov
    model.reml, model.cov_pen, model.fe_pen = True, None, None
    results = MixedLMResults(model, packed, cov / scale)
    results.params_object = parameters
    results.fe_params = best.beta
    results.cov_re = psi
    results.cov_re_unscaled = psi / scale
    results.vcomp = np.zeros(model.k_vc)
    results.scale = scale
    results.converged = True
    results.hist = []
    results.method = "REML"
    results.reml, results.cov_pen, results.freepat = True, None, None
    results.use_sqrt = model.use_sqrt
    for name in ("k_fe", "k_re", "k_re2", "k_vc"):
        setattr(results, name, getattr(model, name))
    return MixedLMResultsWrapper(results)


def design_bytes(fit: Any) -> int:
    """Return the size of the model's design matrix."""
    return int(np.prod(fit.model.exog.shape)) * 8


def spec_of(fit: Any) -> Any:
    """Return the formula's stored right-hand side (0.14 and 0.15 name it differently)."""
    data = fit.model.data
    spec = getattr(data, "model_spec", None)
    return spec if spec is not None else data.design_info
