"""Refit regressions one by one: a fresh model of statsmodels for each replicate.

For classes whose estimates are no sum over rows with weights: those that rank or scale residuals,
correlate rows within groups, or compare rows at risk together. Replicates run through joblib, so
``joblib.parallel_config(backend=...)`` spreads them over a Dask or Ray cluster.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.regression_health import Equations, optimum
from pymargins.errors import NumericalError
from pymargins.mixed.refits.response_draws import STREAM
from pymargins.regression.estimating import inverse_information
from pymargins.regression.refits.iterations import (
    NOT_AN_OPTIMUM,
    NOT_CONVERGED,
    NOT_IDENTIFIED,
    REASONS,
)
from pymargins.regression.refits.refitter import Refits

MOST_ITERATIONS = 1000
#: A robust fit stops where coefficients move by less, in standard errors.
SETTLED = 1e-7
#: Steps that scores still ask for, in standard errors: of M-estimates, whose scale moves on.
NEAR = 1e-4
#: Residuals of a quantile fit below this share of their spread count as zero.
ON_THE_LINE = 1e-4
#: Smallest pivot of a replicate's design, relative to its largest.
SINGULAR = 1e-7


class FreshFit(Protocol):
    """Fits one replicate."""

    @property
    def arrays(self) -> Arrays:
        """What models are made of."""
        ...

    def __call__(
        self, rows: IntArray, clusters: IntArray | None
    ) -> tuple[FloatArray, FloatArray, str]:
        """Fit rows, some of them several times, with the cluster of each.

        Returns
        -------
        params : ndarray, shape (p,)
        cov : ndarray, shape (p, p)
        reason : str
            Why it failed, or nothing.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FreshRefitter:
    """Refits a class of statsmodels, one fresh model for each replicate.

    Parameters
    ----------
    fit : FreshFit
    params : ndarray, shape (p,)
        Of all rows once.
    base_cov : ndarray, shape (p, p), optional
        Where replicates have a covariance too.
    clusters : ndarray, shape (n,), optional
        The cluster of each row, where clusters are drawn.
    """

    fit: FreshFit
    params: FloatArray
    base_cov: FloatArray | None
    clusters: IntArray | None

    @classmethod
    def of(cls, fit: FreshFit, drawing: Drawing) -> FreshRefitter:
        """Refit all rows once, for what replicates are compared with.

        Raises
        ------
        NumericalError
            Where that fails.
        """
        clusters = None if drawing.clusters is None else drawing.clusters.codes
        params, cov, reason = fit(np.arange(len(fit.arrays.endog)), clusters)
        if reason:
            raise NumericalError(
                f"bootstrap: the fit itself cannot be refitted from its own rows: {reason}. Look "
                "at m.diagnose() of a session without the bootstrap."
            )
        return cls(fit, params, cov if drawing.studentized else None, clusters)

    @property
    def chunk(self) -> int:
        """How many replicates one worker takes at a time."""
        return STREAM

    def weighted(self, weights: AnyArray) -> Refits:
        """Refit with each row as often as the weights (n, b) say."""
        p = len(self.params)
        theta = np.full((weights.shape[1], p), np.nan)
        cov = np.full((weights.shape[1], p, p), np.nan)
        reasons: list[str] = []
        for b, column in enumerate(weights.T):
            rows, clusters = written_out(column, self.clusters)
            try:
                theta[b], cov[b], reason = self.fit(rows, clusters)
            except (np.linalg.LinAlgError, ValueError, NumericalError) as error:
                reason = f"{type(error).__name__}: {error}"
            reasons.append(reason)
        return Refits(theta, tuple(reasons), None if self.base_cov is None else cov)

    def responded(self, responses: FloatArray) -> Refits:
        """Refuse: these classes have no distribution that responses could be drawn from."""
        raise NotImplementedError


def written_out(times: AnyArray, clusters: IntArray | None) -> tuple[IntArray, IntArray | None]:
    """Return the rows of a replicate, and their clusters: one drawn twice is two clusters."""
    count = np.rint(times).astype(np.intp)
    rows = np.repeat(np.arange(len(count)), count)
    if clusters is None:
        return rows, None
    copies = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    drawn = clusters[rows] * (int(count.max(initial=0)) + 1) + copies
    order = np.argsort(drawn, kind="stable")
    return rows[order], np.unique(drawn[order], return_inverse=True)[1].ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """What a fresh model is made of.

    Parameters
    ----------
    model : class of statsmodels
    endog, exog : ndarray
    by_row : mapping of str to ndarray
        Other arguments with one entry a row.
    others : mapping of str to object
    """

    model: Any
    endog: AnyArray
    exog: FloatArray
    by_row: Mapping[str, AnyArray]
    others: Mapping[str, Any]

    @classmethod
    def of(cls, source: Any, **others: Any) -> Arrays:
        """Read them off the model of a fit."""
        endog, exog = np.asarray(source.endog), np.asarray(source.exog, dtype=float)
        given = {
            k: np.asarray(v)
            for k, v in source._get_init_kwds().items()
            if k not in ("missing", "hasconst") and np.shape(v)[:1] == (len(endog),)
        }
        return cls(type(source), endog, exog, given, others)

    def __call__(self, rows: IntArray, **more: Any) -> Any:
        """Make a model of some rows."""
        by_row = {k: v[rows] for k, v in self.by_row.items() if k not in more}
        return self.model(self.endog[rows], self.exog[rows], **by_row, **self.others, **more)

    def identified(self, rows: IntArray, rank: int) -> bool:
        """Tell whether some rows determine as many coefficients as all of them."""
        pivots = np.linalg.svd(self.exog[rows], compute_uv=False)
        return bool((pivots > SINGULAR * pivots[0]).sum() >= rank)


# --- linear models that are not least squares ----------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class RobustFit:
    """Fits an M-estimate with its scale.

    Parameters
    ----------
    arrays : Arrays
    params : ndarray, shape (p,)
    rank : int
    errors : ndarray, shape (p,)
        Standard errors of the fit, by which it is told when another has settled.
    options : mapping
        Of ``RLM.fit``.
    """

    arrays: Arrays
    params: FloatArray
    rank: int
    errors: FloatArray
    options: Mapping[str, Any]

    @classmethod
    def of(cls, source: Any) -> RobustFit:
        """Read norm and options off a fit."""
        given = source.results.fit_options
        options = {"cov": given["cov"], "scale_est": given["scale_est"]}
        if isinstance(given["scale_est"], str) and given["scale_est"] == "fixed":
            options = {"cov": given["cov"], "update_scale": False}
            options["start_scale"] = float(source.results.scale)
        arrays = Arrays.of(source.source, M=source.source.M)
        errors = np.sqrt(np.diagonal(source.reported))
        return cls(arrays, source.params, len(source.rank.kept), errors, options)

    def __call__(
        self, rows: IntArray, clusters: IntArray | None
    ) -> tuple[FloatArray, FloatArray, str]:
        """Fit until coefficients have settled, and look at the score."""
        if not self.arrays.identified(rows, self.rank):
            return self.params, np.diag(self.errors), REASONS[NOT_IDENTIFIED]
        model = self.arrays(rows)
        least = self.errors[self.errors > 0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is read off below
            found = model.fit(
                maxiter=MOST_ITERATIONS,
                tol=SETTLED * float(least.min(initial=1.0)),
                conv="coefs",
                **self.options,
            )
        params, cov = np.asarray(found.params), np.asarray(found.cov_params())
        reason = ""
        if found.fit_history["iteration"] >= MOST_ITERATIONS or not np.isfinite(cov).all():
            reason = REASONS[NOT_CONVERGED]
        else:
            scaled = (model.endog - model.exog @ params) / found.scale
            slope = float(np.mean(model.M.psi_deriv(scaled)))
            gram = np.linalg.pinv(model.exog.T @ model.exog, hermitian=True)
            step = gram @ (model.exog.T @ model.M.psi(scaled)) * found.scale / slope
            if not (np.abs(step) <= NEAR * np.sqrt(np.diagonal(cov))).all():
                reason = REASONS[NOT_AN_OPTIMUM]
        return params, cov, reason


@dataclass(frozen=True, slots=True, eq=False)
class QuantileFit:
    """Fits a quantile regression.

    Parameters
    ----------
    arrays : Arrays
    params : ndarray, shape (p,)
    rank : int
    q : float
    """

    arrays: Arrays
    params: FloatArray
    rank: int
    q: float

    @classmethod
    def of(cls, source: Any) -> QuantileFit:
        """Read the quantile off a fit."""
        arrays = Arrays.of(source.source)
        return cls(arrays, source.params, len(source.rank.kept), float(source.results.q))

    def __call__(
        self, rows: IntArray, clusters: IntArray | None
    ) -> tuple[FloatArray, FloatArray, str]:
        """Fit, and look at the subgradient: rows on the line make up for the others."""
        if not self.arrays.identified(rows, self.rank):
            return self.params, np.eye(len(self.params)), REASONS[NOT_IDENTIFIED]
        model = self.arrays(rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # iterations are counted below
            found = model.fit(q=self.q, max_iter=MOST_ITERATIONS)
        params, cov = np.asarray(found.params), np.asarray(found.cov_params())
        residual = model.endog - model.exog @ params
        on_line = np.abs(residual) <= ON_THE_LINE * float(residual.std())
        score = np.where(residual > 0, self.q, self.q - 1.0)[~on_line] @ model.exog[~on_line]
        room = np.abs(model.exog[on_line]).sum(axis=0) * max(self.q, 1.0 - self.q)
        reason = ""
        if found.iterations >= MOST_ITERATIONS or not np.isfinite(cov).all():
            reason = REASONS[NOT_CONVERGED]
        elif (np.abs(score) > room + 1e-9 * np.abs(model.exog).sum(axis=0)).any():
            reason = REASONS[NOT_AN_OPTIMUM]
        return params, cov, reason


# --- estimating equations, partial likelihood ----------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class MarginalFit:
    """Fits generalised estimating equations to clusters, each of one group or several.

    Parameters
    ----------
    arrays : Arrays
    params : ndarray, shape (p,)
    groups : ndarray, shape (n,)
        The groups of the model, 0..G-1.
    structure : working correlation of statsmodels
    options : mapping
        Of ``GEE.fit``.
    """

    arrays: Arrays
    params: FloatArray
    groups: IntArray
    structure: Any
    options: Mapping[str, Any]

    @classmethod
    def of(cls, source: Any) -> MarginalFit:
        """Read family, working correlation and options off a fit."""
        model, results = source.source, source.results
        structure = copy.copy(model.cov_struct)
        vars(structure).pop("model", None)
        arrays = Arrays.of(model, family=model.family, update_dep=model.update_dep)
        options = {
            "maxiter": max(int(results.maxiter), MOST_ITERATIONS // 5),
            "ctol": float(results.ctol),
            "params_niter": results.params_niter,
            "first_dep_update": results.first_dep_update,
            "cov_type": results.cov_type,
        }
        return cls(arrays, source.params, source.fitted.groups, structure, options)

    def __call__(
        self, rows: IntArray, clusters: IntArray | None
    ) -> tuple[FloatArray, FloatArray, str]:
        """Fit from the estimates of the fit itself."""
        assert clusters is not None
        groups = clusters * (int(self.groups.max()) + 1) + self.groups[rows]
        model = self.arrays(rows, groups=groups, cov_struct=copy.copy(self.structure))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence is read off below
            found = model.fit(start_params=self.params.copy(), **self.options)
        if found is None or not found.converged:
            return self.params, np.eye(len(self.params)), REASONS[NOT_CONVERGED]
        return np.asarray(found.params), np.asarray(found.cov_params()), ""


@dataclass(frozen=True, slots=True, eq=False)
class HazardsFit:
    """Fits proportional hazards.

    Parameters
    ----------
    arrays : Arrays
    params : ndarray, shape (p,)
    """

    arrays: Arrays
    params: FloatArray

    @classmethod
    def of(cls, source: Any) -> HazardsFit:
        """Read times, strata and ties off a fit."""
        return cls(Arrays.of(source.source, ties=source.source.ties), source.params)

    def __call__(
        self, rows: IntArray, clusters: IntArray | None
    ) -> tuple[FloatArray, FloatArray, str]:
        """Go to the optimum of the partial likelihood by Newton's method."""
        model = self.arrays(rows)

        def equations(params: FloatArray) -> Equations:
            gradient = np.asarray(model.score(params), dtype=float)
            return Equations(gradient, -np.asarray(model.hessian(params), dtype=float))

        start, free = self.params, np.full(len(self.params), -np.inf)
        try:
            params = optimum(start, equations, lambda at: float(model.loglike(at)), free)
        except NumericalError:
            return start, np.eye(len(start)), REASONS[NOT_CONVERGED]
        # rows of strata without an event add nothing, and have no number
        scores = np.nan_to_num(np.asarray(model.score_residuals(params), dtype=float))
        codes = np.arange(len(rows)) if clusters is None else clusters
        sums = np.zeros((int(codes.max()) + 1, scores.shape[1]))
        np.add.at(sums, codes, scores)
        influence = sums @ inverse_information(equations(params).information)
        return params, influence.T @ influence, ""
