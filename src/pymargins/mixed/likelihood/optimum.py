"""How far given variance parameters are from the optimum, and what that does to the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.estimation import MixedFit
from pymargins.mixed.likelihood.least_squares import gls, score
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData


@dataclass(frozen=True, slots=True, eq=False)
class OptimumDistance:
    """A fit's distance from the optimum of its likelihood.

    Attributes
    ----------
    deviance_gap : float
        Deviance at the given parameters less that at the optimum.
    gradient : array
        Of the deviance in the logarithm of each variance (covariances: in units of the root of the
        product of the variances), in the order of `CovarianceParameters.gamma`.
    beta_shift : (p,) array
        Difference of the fixed effects in standard errors of the optimum.
    se_ratio : (p,) array
        Standard errors at the given parameters over those at the optimum.
    optimum : MixedFit
    """

    deviance_gap: float
    gradient: FloatArray
    beta_shift: FloatArray
    se_ratio: FloatArray
    optimum: MixedFit


def distance_from_optimum(
    data: MixedData, params: CovarianceParameters, best: MixedFit
) -> OptimumDistance:
    """Compare given parameters with the optimum, ``best = fit(data, start=params)``.

    Columns of X that depend on earlier ones have shift 0 and ratio 1.
    """
    given = gls(data, params)
    kept = data.kept
    se = np.sqrt(np.diagonal(best.cov))
    shift, ratio = np.zeros(data.n_fixed), np.ones(data.n_fixed)
    shift[kept] = (given.beta - best.beta)[kept] / se[kept]
    ratio[kept] = np.sqrt(np.diagonal(given.cov))[kept] / se[kept]
    rows, cols = np.tril_indices(data.q)
    spread = np.sqrt(np.diagonal(params.psi))
    scale = np.concatenate([spread[rows] * spread[cols], params.components, [params.sigma2]])
    return OptimumDistance(
        deviance_gap=given.deviance - best.deviance,
        gradient=score(data, params, given) * scale,
        beta_shift=shift,
        se_ratio=ratio,
        optimum=best,
    )
