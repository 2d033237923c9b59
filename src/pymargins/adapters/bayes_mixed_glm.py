r"""statsmodels' mixed models of binary outcomes and counts, fitted by approximate Bayes.

.. math::

    g(\mathrm{E}[y \mid u]) = x'\beta + \sum_k z_k'u_k, \qquad
    u_k \sim N(0, e^{2 s_k} I).

Means are integrated over the random effects: what is expected of a member of a new cluster. The
coefficients and the log standard deviations :math:`s_k` are normal around their posterior modes or
means, as the fit approximates them: `fit_map` all together (Laplace), `fit_vb` each independent of
all others (mean-field variational Bayes).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from pymargins._typing import FloatArray
from pymargins.adapters.equations import TakesEquations, check_equations
from pymargins.adapters.formulas import response_columns
from pymargins.adapters.links import inverse_link
from pymargins.adapters.mixedlm_random import INTERCEPT, Needed, random_design, without_levels
from pymargins.adapters.regression_rows import FittedRows, fitted_rows
from pymargins.adapters.robust_offers import over
from pymargins.errors import ModelError, UnsupportedModelError
from pymargins.facts import (
    ApproximatePosterior,
    CovarianceFacts,
    FitHealth,
    ModelFacts,
    RandomEffects,
    RandomTerm,
)
from pymargins.models.describe import make_variables
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.integrals import smoothing_of
from pymargins.models.means import InverseLink, PredictorMean
from pymargins.models.parameters import Parameters
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.responses import link_response
from pymargins.models.spread import IntegratedMean, LogSdSpread
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Reference, Request
from pymargins.ranks import column_rank


class BayesMixedGlmAdapter(TakesEquations):
    """Reads a fitted ``BinomialBayesMixedGLM`` or ``PoissonBayesMixedGLM``.

    Parameters
    ----------
    fit : BayesMixedGLMResults
        From `fit_map` or `fit_vb`.
    training_data : data frame, optional
        As for other models.
    equations : mapping of str to str, optional
        ``{"random": "~ 1 + x"}``: what the random effects multiply, where it cannot be told from
        the names of their columns.

    Attributes
    ----------
    fitted : Fitted

    Raises
    ------
    ModelError
        Where estimates are not finite, or the posterior has no covariance.
    """

    second: ClassVar[tuple[str, ...]] = (RANDOM,)

    def __init__(self, fit: Any, training_data: Any = None, equations: Any = None) -> None:
        if not self.accepts(fit):
            raise UnsupportedModelError(
                f"BayesMixedGlmAdapter: expected a fitted BinomialBayesMixedGLM or "
                f"PoissonBayesMixedGLM, got {type(fit).__name__}."
            )
        self.formulas = check_equations(equations, self.second)
        self.model = fit
        self.source = fit.model
        self.rows: FittedRows = fitted_rows(self.source, training_data)
        self.fitted = self._read()

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fit of one of the two classes."""
        from statsmodels.genmod.bayes_mixed_glm import BayesMixedGLMResults

        return isinstance(model, BayesMixedGLMResults)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the fit: its formula could not be read again elsewhere, and is not needed."""
        for name in ("part", "cov", "together", "health"):
            getattr(self, name)
        return {**self.__dict__, "model": None, "source": None}

    # --- what is read from the fit -------------------------------------------------------------

    def _read(self) -> Fitted:
        rows, link = self.rows, inverse_link(self.source.family.link)
        beta = np.asarray(self.model.fe_mean, dtype=float)
        log_sd = np.asarray(self.model.vcp_mean, dtype=float)
        if not (np.isfinite(beta).all() and np.isfinite(log_sd).all()):
            raise ModelError("model: the fit has estimates that are not finite.")
        fitted = Fitted(
            parameters=Parameters.of_blocks(beta=beta, log_sd=log_sd),
            mean=self._integrated(link),
            designs={MEAN: rows.design, RANDOM: self.part.design},
            variables=make_variables(rows.design, rows.frame, rows.order),
            frame=rows.frame,
            facts=self._facts(),
            covariances={
                "model": CovarianceOffer(self._posterior),
                "laplace": CovarianceOffer(self._laplace),
            },
            factor_values={MEAN: rows.values, RANDOM: self.part.values},
            null_spaces={"beta": column_rank(rows.exog).null_space},
            index=rows.index,
            health=self._health,
            typical=PredictorMean(link),
        )
        return link_response(fitted)

    def _integrated(self, link: InverseLink) -> IntegratedMean:
        return IntegratedMean(smoothing_of(link), LogSdSpread(self.part))

    def _facts(self) -> ModelFacts:
        source, name = self.source, type(self.source).__name__
        family = type(source.family).__name__
        variational = self._variances.ndim == 1
        return ModelFacts(
            kind=f"mixed {family.lower()} model (statsmodels {name})",
            response=str(source.endog_names),
            n=len(self.rows.frame),
            groups=self._levels[0],
            group_name=str(source.vcp_names[0]),
            estimation="variational Bayes" if variational else "Laplace's approximation",
            random_effects=RandomEffects.INTEGRATED,
            random=tuple(
                RandomTerm(str(called), (), levels)
                for called, levels in zip(source.vcp_names, self._levels, strict=True)
            ),
            response_variables=response_columns(str(source.endog_names), self.rows.frame),
            probabilities=family == "Binomial",
        )

    @cached_property
    def _levels(self) -> tuple[int, ...]:
        """How many effects share each standard deviation."""
        return tuple(np.bincount(np.asarray(self.source.ident)).tolist())

    @cached_property
    def part(self) -> RandomPart:
        """What the random effects multiply, one column for each standard deviation."""
        needed = self._needed()
        design, values = random_design(needed, self.rows, self.formulas.get(RANDOM))
        return RandomPart(design, values, 0, needed.owners, len(needed.owners))

    def _needed(self) -> Needed:
        """Return the root of what each variance counts for in each row, and its name."""
        source = self.source
        columns, ident = source.exog_vc, np.asarray(source.ident)
        called = source.vc_names or [""] * len(ident)
        names: list[str] = []
        parts: list[FloatArray] = []
        for k, component in enumerate(source.vcp_names):
            own = columns[:, np.flatnonzero(ident == k)]
            single = (own != 0).sum(axis=1).max() <= 1
            # with one effect a row its sign counts, so that the column has a derivative
            found = own.sum(axis=1) if single else np.sqrt(own.multiply(own).sum(axis=1))
            parts.append(np.asarray(found, dtype=float).reshape(-1, 1))
            shared = {without_levels(str(called[j])) for j in np.flatnonzero(ident == k)}
            name = shared.pop() if single and len(shared) == 1 else ""
            names.append(name or (INTERCEPT if (parts[-1] == 1.0).all() else str(component)))
        return Needed(tuple(names), np.hstack(parts), 0, tuple(range(len(names))))

    # --- uncertainty ---------------------------------------------------------------------------

    @cached_property
    def _variances(self) -> FloatArray:
        """What the fit keeps: a covariance (Laplace), or variances (variational)."""
        return np.asarray(self.model.cov_params(), dtype=float)

    @cached_property
    def cov(self) -> FloatArray:
        """The posterior covariance of coefficients and log standard deviations."""
        size = len(self.fitted.parameters.value)
        found = self._variances[:size]
        out = np.diag(found) if found.ndim == 1 else found[:, :size]
        if not np.isfinite(out).all() or (np.diagonal(out) <= 0).any():
            raise ModelError(
                "model: the posterior has no covariance; the fit stopped where it is not a "
                "maximum. Fit it again with another start (rng=), or by fit_vb()."
            )
        return out

    def _posterior(self, request: Request) -> Covariance:
        variational = self._variances.ndim == 1
        how = "variational posterior" if variational else "Laplace posterior"
        cov = over(self.cov, self.fitted.parameters, request)
        normal = Reference.constant(np.inf)
        told = replace(normal, notes=(ApproximatePosterior(variational),))
        return Covariance(cov, CovarianceFacts("model", fitted_as=how), told)

    def _laplace(self, request: Request) -> Covariance:
        cov = over(self.together, self.fitted.parameters, request)
        return Covariance(cov, CovarianceFacts("laplace"))

    @cached_property
    def together(self) -> FloatArray:
        r"""The covariance with coefficients and random effects varying together.

        The block of the coefficients in the inverse of

        .. math::

            \begin{pmatrix} X'WX + \tau^{-2} I & X'WZ \\ Z'WX & Z'WZ + D^{-1} \end{pmatrix},

        the curvature of the posterior at its estimate, standard deviations held there (Breslow and
        Clayton 1993, doi:10.1080/01621459.1993.10594284). Log standard deviations keep the
        variances of the fit, independent of the coefficients.
        """
        source, (fe, log_sd) = self.source, (self.model.fe_mean, self.model.vcp_mean)
        x, z = self.rows.exog, sparse.csc_matrix(source.exog_vc)
        mean = source.family.link.inverse(x @ fe + z @ np.asarray(self.model.vc_mean))
        weights = source.family.variance(mean)  # both links are canonical
        heavy = sparse.diags(weights) @ z
        inner = (z.T @ heavy + sparse.diags(np.exp(-2.0 * log_sd[source.ident]))).tocsc()
        both = np.asarray(heavy.T @ x)
        curvature = (x * weights[:, None]).T @ x + np.eye(len(fe)) / source.fe_p**2
        out = np.diag(np.diagonal(self.cov)).copy()
        out[: len(fe), : len(fe)] = np.linalg.inv(curvature - both.T @ splu(inner).solve(both))
        return out

    @cached_property
    def health(self) -> FitHealth:
        """What a reviewer should know of the fit."""
        said = getattr(self.model.optim_retvals, "success", None)
        null = self.fitted.null_spaces["beta"]
        return FitHealth(
            converged=None if said is None else bool(said), rank_deficient=null.size > 0
        )

    def _health(self) -> FitHealth:
        return self.health
