r"""The joint covariance of the coefficients and the variance parameters.

With A = X'V^-1 X, the observed information of (beta, gamma) under ML has the blocks

``A``,  ``B_r = X'V^-1 G_r V^-1 (y - X beta)``,  ``e'V^-1 G_r V^-1 G_s V^-1 e - 1/2 tr V^-1 G_r
V^-1 G_s``,

whose Schur complement is the information of gamma with beta profiled out.  B has expectation zero,
and the REML likelihood does not know beta at all: the covariance is then block-diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.mixed.small_samples.information import (
    expected_covariance,
    interior,
    inverse_observed,
)


@dataclass(frozen=True, slots=True, eq=False)
class GammaCovariance:
    """The covariance W of the estimates of gamma.

    Attributes
    ----------
    matrix : (R, R) array
        Over ``(lower triangle of Psi by rows, components, sigma2)``.
    information : {"observed", "expected"}
        What W is the inverse of.
    """

    matrix: FloatArray
    information: Literal["observed", "expected"]


def gamma_covariance(
    pieces: VarianceDerivatives, params: CovarianceParameters, observed: bool = True
) -> GammaCovariance:
    """Invert the observed information where it exists, otherwise the expected one.

    Parameters
    ----------
    pieces : VarianceDerivatives
    params : CovarianceParameters
        Where `pieces` were formed.
    observed : bool
        Whether the observed information is wanted at all.  It does not exist at a bound, and where
        the likelihood has no maximum.
    """
    found = inverse_observed(pieces) if observed and interior(pieces, params.sigma2) else None
    if found is not None:
        return GammaCovariance(found, "observed")
    return GammaCovariance(expected_covariance(pieces).gamma, "expected")


def joint_observed(
    data: MixedData, pieces: VarianceDerivatives, variance: GammaCovariance
) -> tuple[FloatArray, FloatArray]:
    """Return the blocks (p, p) of beta and (p, R) of beta with gamma, under ML.

    Parameters
    ----------
    data : MixedData
    pieces : VarianceDerivatives
        Of ML estimates.
    variance : GammaCovariance
        From the observed information.
    """
    changed = np.linalg.solve(pieces.to_gamma, np.eye(pieces.n_parameters))
    slope = pieces.fit.working_cov @ pieces.cross.T @ changed  # minus d beta / d gamma
    own = pieces.fit.working_cov + slope @ variance.matrix @ slope.T
    return data.covariance(own), -data.basis @ slope @ variance.matrix
