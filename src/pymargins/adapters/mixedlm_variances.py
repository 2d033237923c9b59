"""What a MixedLM says of its variance parameters: their structure, their covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.mixedlm_rows import Arrays
from pymargins.adapters.mixedlm_structure import INTERCEPT
from pymargins.errors import UnsupportedError
from pymargins.facts import RandomTerm
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit
from pymargins.mixed.profiles.limits import profile_limits
from pymargins.mixed.profiles.setup import Target
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.mixed.small_samples.joint import gamma_covariance, joint_observed
from pymargins.models.uncertainty import Covariance, Request
from pymargins.models.variances import (
    GAMMA,
    Limits,
    VarianceParameter,
    VarianceStructure,
    VarianceTerm,
)


def with_variances(
    found: Covariance,
    request: Request,
    data: MixedData,
    params: CovarianceParameters,
    pieces: VarianceDerivatives,
) -> Covariance:
    """Extend a covariance of the coefficients to the blocks that were asked for.

    Coefficients and variance parameters are uncorrelated, but for the covariance that an ML fit
    reports: the inverse of their joint observed information.

    Parameters
    ----------
    found : Covariance
        Of the coefficients.
    request : Request
    data : MixedData
    params : CovarianceParameters
    pieces : VarianceDerivatives
        At `params`.
    """
    whole = found.facts.kind == "model" and not data.reml
    # Kenward and Roger's name the information that the coefficients are adjusted by
    variance = gamma_covariance(pieces, params, found.facts.information != "expected")
    beta = np.asarray(found.matrix)
    cross = np.zeros((len(beta), pieces.n_parameters))
    if whole and variance.information == "observed":
        beta, cross = joint_observed(data, pieces, variance)
    parts = {
        ("beta", "beta"): beta,
        ("beta", GAMMA): cross,
        (GAMMA, "beta"): cross.T,
        (GAMMA, GAMMA): variance.matrix,
    }
    matrix = np.block([[parts[a, b] for b in request.blocks] for a in request.blocks])
    facts = replace(found.facts, variances=variance.information)
    return replace(found, matrix=matrix, facts=facts)


def refuse_variances(kind: str, request: Request) -> None:
    """Raise where a covariance is asked for the variance parameters that knows none of them."""
    if GAMMA in request.blocks:
        raise UnsupportedError(
            f"vcov: {kind!r} is a covariance of the coefficients alone, and these figures depend "
            'on the variance parameters too. Use vcov="gls", "kenward-roger", or the cluster '
            'bootstrap, method="bootstrap".'
        )


def variance_structure(
    arrays: Arrays, random: Sequence[RandomTerm], limits: Limits
) -> VarianceStructure:
    """Describe the random part by its variance parameters, in the order of the block gamma.

    Parameters
    ----------
    arrays : Arrays
    random : sequence of RandomTerm
        The correlated effects first, where there are any, then the components.
    limits : callable
        Profile-likelihood limits.
    """
    terms: list[VarianceTerm] = []
    correlated = [term for term in random if term.effects]
    size = 0
    if arrays.exog_re is not None:
        q = arrays.exog_re.shape[1]
        places = np.zeros((q, q), dtype=np.intp)
        rows, cols = np.tril_indices(q)
        places[rows, cols] = places[cols, rows] = np.arange(len(rows))
        z = np.asarray(arrays.exog_re, dtype=float)
        products = z.T @ z / len(z)
        terms.append(VarianceTerm(correlated[0].name, correlated[0].effects, places, products))
        size = len(rows)
    named = [term.name for term in random if not term.effects]
    for name, mats in zip(named, arrays.components, strict=True):
        place, squares = np.array([[size]]), _mean_square(mats, len(arrays.endog))
        effect = INTERCEPT if _indicates(mats) else ""
        terms.append(VarianceTerm(name, (effect,), place, squares))
        size += 1
    exog = np.asarray(arrays.exog, dtype=float)
    fixed = np.atleast_2d(np.cov(exog, rowvar=False, ddof=1))
    return VarianceStructure(tuple(terms), size, size + 1, fixed, limits)


def _mean_square(mats: Sequence[AnyArray], n: int) -> FloatArray:
    """Return the mean over rows of the squared length of a component's row, (1, 1)."""
    return np.array([[sum(float((np.asarray(mat) ** 2).sum()) for mat in mats) / n]])


def _indicates(mats: Sequence[AnyArray]) -> bool:
    """Tell whether a component has one level a row: it varies like an intercept."""
    return all(
        bool(np.isin(mat, (0.0, 1.0)).all() and (np.asarray(mat).sum(axis=1) == 1).all())
        for mat in mats
    )


def limits_by_profile(
    data: MixedData, best: MixedFit, wanted: Sequence[VarianceParameter], level: float
) -> FloatArray:
    """Return profile-likelihood limits (k, 2) of variance parameters, in the order of `wanted`."""
    return profile_limits(data, best, [_target(data, one) for one in wanted], level)


def _target(data: MixedData, wanted: VarianceParameter) -> Target:
    """Name a parameter as the engine does: correlated effects come first, then the components."""
    if wanted.kind == "icc":
        return Target("icc")
    if wanted.kind == "cor":
        return Target("correlation", wanted.first, wanted.second)
    correlated = int(data.q > 0)
    if wanted.term == correlated + data.n_components:
        return Target("residual")
    if correlated and wanted.term == 0:
        return Target("effect", wanted.first)
    return Target("component", wanted.term - correlated)
