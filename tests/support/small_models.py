"""Small data, small fits, and a model that needs no fit at all.

`FixedModel` gives a formula, a frame and made-up coefficients to the engine through the public
adapter protocol, so that tests of the algebra cost no optimiser. `fit` is a real MixedLM fit on
tiny data, whose complaints about convergence are no concern of the tests that use it.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import patsy
import statsmodels.formula
import statsmodels.formula.api as smf

from pymargins import FitWarning, Margins
from pymargins.adapters.patsy_design import design_from_patsy
from pymargins.adapters.training import evaluate_factors
from pymargins.asking.frames import snapshot
from pymargins.facts import ModelFacts
from pymargins.models.describe import make_variables
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.means import LinearMean
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import offered
from pymargins.ranks import column_rank

#: statsmodels 0.14's `mixedlm` looks for a formula's functions one frame short of the caller.
CALLERS_NAMES = {} if hasattr(statsmodels.formula, "options") else {"eval_env": 2}

#: Two float64 routes to the same average differ by the order of their sums.
ROUNDING = 1e-10


def study(n: int = 96, groups: int = 12, seed: int = 7) -> pd.DataFrame:
    """Return a small clustered study with a variable of every kind."""
    rng = np.random.default_rng(seed)
    student = np.repeat(np.arange(groups), n // groups)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "dose": rng.uniform(0.5, 4.0, n),
            "income": rng.normal(6e4, 9e3, n),
            "female": rng.permutation(np.arange(n) % 2),
            "treated": rng.permutation((np.arange(n) % 5 < 2).astype(int)),
            "wave": rng.permutation(np.array([1, 2, 4, 5])[np.arange(n) % 4]),
            "school": rng.permutation(np.array(list("ABCD"), dtype=object)[np.arange(n) % 4]),
            "smoker": rng.permutation(np.arange(n) % 3 == 0),
            "student": student,
            "note": [f"row {i}" for i in range(n)],
        }
    )
    grade = rng.permutation(np.array(["low", "mid", "high"])[np.arange(n) % 3])
    frame["grade"] = pd.Categorical(grade, ["low", "mid", "high"], ordered=True)
    frame["score"] = (
        50
        + 0.3 * frame["age"]
        - 2.0 * frame["female"]
        + 3.0 * frame["treated"]
        + (frame["school"] == "B")
        + 2 * rng.standard_normal(groups)[student]
        + rng.normal(0, 3, n)
    )
    return frame


@contextmanager
def quietly():
    """Silence optimisers, and the warning that a fit on tiny data is a poor fit."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="statsmodels")
        warnings.filterwarnings("ignore", category=UserWarning, message=".*MixedLM.*")
        warnings.filterwarnings("ignore", message=".*(MLE may be|Hessian|singular|Gradient).*")
        warnings.filterwarnings("ignore", message=".*(Retrying|divide by zero|invalid value).*")
        warnings.filterwarnings("ignore", category=FitWarning)
        yield


def fit(formula: str, frame: pd.DataFrame, groups: Any = "student", how=None, **options: Any):
    """Fit a MixedLM; `how` are arguments of its `fit`."""
    with quietly():
        return smf.mixedlm(formula, frame, groups=groups, **options).fit(**(how or {}))


def session(model: Any, **options: Any) -> Margins:
    """Open a session without the warning that a tiny fit deserves."""
    with quietly():
        return Margins(model, **options)


class FixedModel:
    """A formula, a frame, and coefficients that nobody had to fit.

    Parameters
    ----------
    formula : str
        The right-hand side.
    frame : DataFrame
    params, cov : array_like, optional
        By default pseudo-random, from `seed`; the covariance is positive definite.
    response : str, optional
        The name that is refused as a pin.
    """

    def __init__(
        self,
        formula,
        frame,
        *,
        params=None,
        cov=None,
        seed=0,
        response="score",
        env=None,
        reference_df=np.inf,
    ):
        names = {"np": np, "pd": pd} | (env or {})
        self.exog = patsy.dmatrix(
            formula,
            frame,
            eval_env=patsy.EvalEnvironment([names]),
            NA_action="raise",
        )
        info = self.exog.design_info
        design = design_from_patsy(info, list(frame.columns))
        rng = np.random.default_rng(seed)
        p = len(design.names)
        self.beta = rng.normal(size=p) if params is None else np.array(params, dtype=float)
        root = rng.normal(size=(p, p)) / 10 if cov is None else None
        self.cov = root @ root.T + np.eye(p) / 100 if cov is None else np.array(cov, dtype=float)
        rows = snapshot(frame)
        missing = column_rank(np.asarray(self.exog)).null_space
        self.model = self
        self.fitted = Fitted(
            parameters=Parameters.of_blocks(beta=self.beta),
            mean=LinearMean(),
            designs={MEAN: design},
            variables=make_variables(design, rows),
            frame=rows,
            facts=ModelFacts("fixed", response, len(rows)),
            covariances={"model": offered("model", self.cov)},
            reference_df=reference_df,
            residual_df=len(rows) - p + missing.shape[1],
            factor_values={MEAN: evaluate_factors(design, rows)},
            null_spaces={"beta": missing},
        )

    @classmethod
    def accepts(cls, model):
        return isinstance(model, cls)

    def rows(self, frame):
        """The design rows of any frame, by patsy alone."""
        return np.asarray(
            patsy.build_design_matrices([self.exog.design_info], frame, NA_action="raise")[0]
        )

    def mean(self, frame, weights=None):
        """The averaged design row of a frame: what `predict` must multiply by β."""
        return np.average(self.rows(frame), axis=0, weights=weights)
