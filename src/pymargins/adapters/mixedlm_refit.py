"""Bootstrap a MixedLM the slow way: one fresh statsmodels model for each replicate.

For fits that the engine does not cover. Replicates run through joblib, so
``joblib.parallel_config(backend=...)`` spreads them over a Dask or Ray cluster.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.adapters.drawn_clusters import cluster_sampling, few_clusters
from pymargins.errors import UnsupportedError
from pymargins.mixed import ClusterSampling, CovarianceParameters, MixedData, gls
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.refits.response_draws import streams
from pymargins.mixed.refits.sandwich import covariance_at
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates
from pymargins.options import Bootstrap
from pymargins.progress import progress_bar


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a fresh fit needs: arrays by group, structure and options of the original fit."""

    endog: tuple[FloatArray, ...]
    exog: tuple[FloatArray, ...]
    exog_re: tuple[FloatArray, ...] | None
    vc_names: tuple[str, ...]
    vc_mats: tuple[tuple[Any, ...], ...]
    reml: bool
    use_sqrt: bool
    start: Any
    free: Any
    cov_pen: Any
    fe_pen: Any

    @classmethod
    def of(cls, adapter: Any) -> Recipe:
        """Read the recipe off a fit; its arrays are copies, so the fit is never touched."""
        from statsmodels.regression.mixed_linear_model import MixedLMParams

        fit = adapter.model
        if fit is None:
            raise UnsupportedError(
                'engine: "refit" needs the fit itself, which does not travel with a session that '
                'was pickled. Use Bootstrap(engine="auto"), or make the session anew.'
            )
        source = fit.model
        results = getattr(fit, "_results", fit)
        relative = np.array(fit.cov_re_unscaled, dtype=float)
        # zero is a stationary point of the square-root parametrisation: start beside it
        relative = relative + 1e-2 * np.eye(len(relative))
        start = MixedLMParams.from_components(
            fe_params=np.array(fit.fe_params, dtype=float),  # pyright: ignore[reportArgumentType]
            cov_re=relative,
            vcomp=np.array(fit.vcomp, dtype=float) / float(fit.scale) + 1e-4,
        )
        return cls(
            endog=tuple(source.endog_li),
            exog=tuple(source.exog_li),
            exog_re=tuple(source.exog_re_li) if source.k_re else None,
            vc_names=tuple(source.exog_vc.names),
            vc_mats=tuple(tuple(mats) for mats in source.exog_vc.mats),
            reml=adapter.reml,
            use_sqrt=bool(source.use_sqrt),
            start=start,
            free=getattr(results, "freepat", None),
            cov_pen=getattr(results, "cov_pen", None),
            fe_pen=getattr(source, "fe_pen", None),
        )


@dataclass(frozen=True, slots=True)
class Refit:
    """One replicate: its parameters and its coefficients' covariance, or why it failed."""

    params: FloatArray | None
    cov: FloatArray | None
    singular: bool
    failure: str | None


def bootstrap_by_refits(adapter: Any, option: Bootstrap) -> Replicates:
    """Refit a fresh model to each replicate, by joblib."""
    import joblib

    if option.kind not in ("cluster", "parametric"):
        raise UnsupportedError(
            f'engine: "refit" offers the cluster and parametric kinds, not {option.kind!r}.'
        )
    recipe = Recipe.of(adapter)
    sampling, counts, drawn = None, None, None
    if option.kind == "cluster":
        drawn = cluster_sampling(adapter.fitted, option)
        sampling = drawn.sampling
        counts = _counts(sampling, option)
    seeds = np.random.SeedSequence(_entropy(option.rng)).spawn(option.n_boot)
    parameters = adapter.parameters
    jobs = (
        joblib.delayed(refit)(
            recipe, seeds[b], parameters, sampling, None if counts is None else counts[b]
        )
        for b in range(option.n_boot)
    )
    found: list[Refit] = []
    with progress_bar(option.n_boot, option.progress) as advance:
        n_jobs = None if option.n_jobs == 1 else option.n_jobs
        results: Any = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
        for result in results:
            found.append(result)
            if advance is not None:
                advance(1)
    kept = [i for i, r in enumerate(found) if r.params is not None]
    base = adapter.fitted.parameters
    weights = None
    if counts is not None and option.population == "resampled":
        weights = counts[kept].astype(float)
    theta = np.array([found[i].params for i in kept], dtype=float).reshape(-1, len(base.value))
    p = len(base["beta"])
    return Replicates(
        point=Point(theta, base.blocks, weights),
        center=base.value,
        cov=np.array([found[i].cov for i in kept], dtype=float).reshape(-1, p, p),
        base_cov=_covariance(adapter.data, parameters, sampling),
        failures=dict(Counter(r.failure for r in found if r.failure is not None)),
        singular=sum(found[i].singular for i in kept),
        strata=() if drawn is None else drawn.strata,
        clusters=None if drawn is None else drawn.clusters,
        refitted_by="statsmodels",
        notes=() if sampling is None else few_clusters(sampling),
    )


def _entropy(rng: Any) -> Any:
    if isinstance(rng, np.random.Generator):
        return rng.integers(0, 2**32, size=8).tolist()
    return rng.entropy if isinstance(rng, np.random.SeedSequence) else rng


def _counts(sampling: ClusterSampling, option: Bootstrap) -> IntArray:
    """Draw how often each group enters each replicate, (B, G)."""
    parts = [sampling(rng, count) for rng, count in streams(option.rng, option.n_boot)]
    return np.rint(np.concatenate(parts, axis=1).T).astype(int)


def _covariance(
    data: MixedData, parameters: CovarianceParameters, sampling: ClusterSampling | None
) -> FloatArray:
    """Return what studentizes: robust where clusters are drawn, otherwise the model's."""
    if sampling is None:
        return gls(data, parameters).cov
    return covariance_at(
        "cr0", Batches.from_factors(GroupFactors.from_data(data)), parameters, sampling
    )


def refit(
    recipe: Recipe,
    seed: Any,
    parameters: CovarianceParameters,
    sampling: ClusterSampling | None,
    counts: IntArray | None,
) -> Refit:
    """Fit one replicate: drawn groups as new groups, or new responses from the fitted model."""
    if sampling is not None and counts is not None:
        drawn, sampling = sampling.replicate(counts)
        endog = [recipe.endog[g] for g in drawn]
    else:
        drawn = np.arange(len(recipe.endog))
        endog = new_responses(recipe, parameters, np.random.default_rng(seed))
    groups = np.repeat(np.arange(len(drawn)), [len(y) for y in endog])
    exog = np.concatenate([recipe.exog[g] for g in drawn])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence is read off the result below
            result = _fit(recipe, np.concatenate(endog), exog, groups, drawn)
    except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
        return Refit(None, None, False, f"{type(error).__name__}: {error}")
    params = np.array(result.fe_params, dtype=float)
    if not result.converged or not np.isfinite(params).all():
        return Refit(None, None, False, "the optimiser did not converge")
    data = MixedData.from_arrays(
        np.concatenate(endog),
        exog,
        groups,
        Z=None if recipe.exog_re is None else np.concatenate([recipe.exog_re[g] for g in drawn]),
        components=tuple([part[g] for g in drawn] for part in recipe.vc_mats),
        reml=recipe.reml,
    )
    fitted, singular = _parameters(result)
    every = np.concatenate([params, fitted.gamma])
    return Refit(every, _covariance(data, fitted, sampling), singular, None)


def _fit(
    recipe: Recipe, endog: FloatArray, exog: FloatArray, groups: IntArray, drawn: IntArray
) -> Any:
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    components = None
    if recipe.vc_names:
        mats = [[part[g] for g in drawn] for part in recipe.vc_mats]
        names = [[[str(j) for j in range(m.shape[1])] for m in part] for part in mats]
        components = VCSpec(list(recipe.vc_names), names, mats)
    exog_re = None
    if recipe.exog_re is not None:
        exog_re = np.concatenate([recipe.exog_re[g] for g in drawn])
    model = MixedLM(
        endog, exog, groups, exog_re=exog_re, exog_vc=components, use_sqrt=recipe.use_sqrt
    )
    return model.fit(
        start_params=recipe.start.copy(),
        reml=recipe.reml,
        free=recipe.free,
        cov_pen=recipe.cov_pen,
        fe_pen=recipe.fe_pen,
    )


def _parameters(result: Any) -> tuple[CovarianceParameters, bool]:
    """Return a fit's variances, and whether one of them is zero."""
    psi = np.array(result.cov_re, dtype=float)
    spectrum, vectors = np.linalg.eigh(psi) if psi.size else (np.ones(1), psi)
    if psi.size:
        psi = (vectors * np.maximum(spectrum, 0.0)) @ vectors.T
    components = np.maximum(np.array(result.vcomp, dtype=float), 0.0)
    sigma2 = float(result.scale)
    return CovarianceParameters(psi, components, sigma2), bool(spectrum.min() <= 1e-8 * sigma2)


def new_responses(
    recipe: Recipe, parameters: CovarianceParameters, rng: np.random.Generator
) -> list[FloatArray]:
    """Draw responses of every group from the fitted model."""
    beta = np.asarray(recipe.start.fe_params, dtype=float)
    spectrum, vectors = np.linalg.eigh(parameters.psi) if parameters.psi.size else (None, None)
    out: list[FloatArray] = []
    for g, x in enumerate(recipe.exog):
        y = x @ beta + np.sqrt(parameters.sigma2) * rng.standard_normal(len(x))
        if recipe.exog_re is not None and spectrum is not None and vectors is not None:
            effects = vectors @ (
                np.sqrt(np.maximum(spectrum, 0.0)) * rng.standard_normal(len(vectors))
            )
            y = y + recipe.exog_re[g] @ effects
        for v, part in enumerate(recipe.vc_mats):
            spread = np.sqrt(parameters.components[v])
            y = y + part[g] @ (spread * rng.standard_normal(part[g].shape[1]))
        out.append(y)
    return out
