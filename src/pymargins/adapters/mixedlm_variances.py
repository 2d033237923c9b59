"""The covariance of a MixedLM's coefficients together with its variance parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pymargins.errors import UnsupportedError
from pymargins.mixed import CovarianceParameters, MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.mixed.small_samples.joint import gamma_covariance, joint_observed
from pymargins.models.uncertainty import Covariance, Request

#: The block of the variance parameters.
GAMMA = "gamma"


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
