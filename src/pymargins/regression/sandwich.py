r"""Sandwich covariances of independent or serially correlated rows.

With scores :math:`s_i`, leverages :math:`h_i`, n observations and k parameters, the meat is
:math:`\sum_i s_i s_i' / (1 - h_i)^d`:

========  =======  ==================
kind      d        factor
========  =======  ==================
HC0       0        1
HC1       0        n / (n - k)
HC2       1        1
HC3       2        1
========  =======  ==================

Where an observation has several working rows (categories), :math:`1 - h_i` is a matrix, as of a
cluster of one.

References
----------
MacKinnon, J. G. and White, H. (1985). Some heteroskedasticity-consistent covariance matrix
estimators with improved finite sample properties. *Journal of Econometrics* 29, 305-325.
doi:10.1016/0304-4076(85)90158-7. Newey, W. K. and West, K. D. (1987). *Econometrica* 55, 703-708.
doi:10.2307/1913610
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError
from pymargins.regression.clusters import Clusters, adjusted_sums
from pymargins.regression.estimating import Estimating

HeteroscedasticKind = Literal["HC0", "HC1", "HC2", "HC3"]
HETEROSCEDASTIC: tuple[HeteroscedasticKind, ...] = ("HC0", "HC1", "HC2", "HC3")


def heteroscedastic(fit: Estimating, kind: HeteroscedasticKind) -> FloatArray:
    """Return a covariance that holds whatever the variance of each row."""
    scores = fit.scores
    if kind in ("HC2", "HC3"):
        scores = _corrected(fit, kind)
    counted = scores if fit.counts is None else scores * fit.counts[:, None]
    factor = fit.n / (fit.n - fit.rank) if kind == "HC1" else 1.0
    return _sandwich(fit.bread, factor * (counted.T @ scores))


def _corrected(fit: Estimating, kind: Literal["HC2", "HC3"]) -> FloatArray:
    """Return the scores of rows, corrected for leverage, (n, P)."""
    assert fit.working is not None
    left = 1.0 - fit.leverages
    if fit.working.size > 1:
        alone = Clusters(np.arange(len(left)), len(left))
        return adjusted_sums(fit, "CR2" if kind == "HC2" else "CR3", alone)
    return fit.scores / (np.sqrt(left) if kind == "HC2" else left)[:, None]


def autocorrelated(fit: Estimating, lags: int) -> FloatArray:
    """Return Newey and West's covariance with Bartlett weights, for rows in the order of time.

    Raises
    ------
    ArgumentError
        For as many lags as there are rows, and for rows that count as several.
    """
    if fit.counts is not None:
        raise ArgumentError(
            "vcov: HAC needs rows in the order of time, and rows with frequency weights have none."
        )
    if lags >= len(fit.scores):
        raise ArgumentError(
            f"vcov: HAC({lags}) reaches back {lags} rows, and the fit has {len(fit.scores)}. Give "
            "fewer lags."
        )
    meat = fit.scores.T @ fit.scores
    for lag, weight in enumerate(bartlett(lags), start=1):
        shared = fit.scores[lag:].T @ fit.scores[:-lag]
        meat += weight * (shared + shared.T)
    return _sandwich(fit.bread, meat)


def bartlett(lags: int) -> list[float]:
    """Return the weights of the first lags."""
    return [1.0 - lag / (lags + 1.0) for lag in range(1, lags + 1)]


def _sandwich(bread: FloatArray, meat: FloatArray) -> FloatArray:
    out = bread @ meat @ bread
    return (out + out.T) / 2.0
