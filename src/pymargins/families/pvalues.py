"""Adjustments that need the p-values of a family alone.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. *Scandinavian Journal of
Statistics* 6, 65-70. https://www.jstor.org/stable/4615733

Sidak, Z. (1967). Rectangular confidence regions for the means of multivariate normal
distributions. *Journal of the American Statistical Association* 62, 626-633.
doi:10.1080/01621459.1967.10482935

Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. *Journal of the Royal
Statistical Society B* 57, 289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

Benjamini, Y. and Yekutieli, D. (2001). The control of the false discovery rate in multiple testing
under dependency. *Annals of Statistics* 29, 1165-1188. doi:10.1214/aos/1013699998
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import Computation


def bonferroni(p: FloatArray) -> FloatArray:
    """Multiply by the number of tests."""
    return np.minimum(len(p) * p, 1.0)


def sidak(p: FloatArray) -> FloatArray:
    """Return the chance of one so small among as many independent ones."""
    return _any_of(p, len(p))


def _any_of(p: FloatArray, size: Any) -> FloatArray:
    with np.errstate(divide="ignore"):
        return -np.expm1(size * np.log1p(-p))


def holm(p: FloatArray) -> FloatArray:
    """Step down from the smallest, each by Bonferroni among those left."""
    return _step_down(p, lambda value, left: np.minimum(left * value, 1.0))


def holm_sidak(p: FloatArray) -> FloatArray:
    """Step down from the smallest, each by Sidak among those left."""
    return _step_down(p, _any_of)


def _step_down(p: FloatArray, adjust: Callable[[FloatArray, Any], FloatArray]) -> FloatArray:
    order = np.argsort(p, kind="stable")
    left = len(p) - np.arange(len(p))
    out = np.empty(len(p))
    out[order] = np.maximum.accumulate(adjust(p[order], left))
    return out


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """Step up from the largest: the rate of false discoveries if all so small are reported."""
    order = np.argsort(-p, kind="stable")
    rank = len(p) - np.arange(len(p))
    out = np.empty(len(p))
    out[order] = np.minimum.accumulate(np.minimum(p[order] * len(p) / rank, 1.0))
    return out


def benjamini_yekutieli(p: FloatArray) -> FloatArray:
    """Do the same under any dependence, at the price of the sum of 1/i."""
    order = np.argsort(-p, kind="stable")
    rank = len(p) - np.arange(len(p))
    price = (1.0 / np.arange(1, len(p) + 1)).sum()
    out = np.empty(len(p))
    out[order] = np.minimum.accumulate(np.minimum(p[order] * price * len(p) / rank, 1.0))
    return out


def _share_bonferroni(alpha: float, size: int) -> float:
    return alpha / size


def _share_sidak(alpha: float, size: int) -> float:
    return -float(np.expm1(np.log1p(-alpha) / size))


def _share_pointwise(alpha: float, size: int) -> float:
    return alpha


@dataclass(frozen=True, slots=True)
class ByPValues:
    """A method that needs the p-values alone.

    Parameters
    ----------
    adjust : callable
        From the p-values of a family to the adjusted ones.
    share : callable
        From alpha and the size of the family to the alpha of each interval.
    intervals : Computation
        Which intervals belong to it, where they are not its own.
    """

    adjust: Callable[[FloatArray], FloatArray]
    share: Callable[[float, int], float]
    intervals: Computation = Computation.PLAIN


BY_P_VALUES: dict[str, ByPValues] = {
    "bonferroni": ByPValues(bonferroni, _share_bonferroni),
    "holm": ByPValues(holm, _share_bonferroni, Computation.BONFERRONI_INTERVALS),
    "sidak": ByPValues(sidak, _share_sidak),
    "holm-sidak": ByPValues(holm_sidak, _share_sidak, Computation.SIDAK_INTERVALS),
    "fdr_bh": ByPValues(benjamini_hochberg, _share_pointwise, Computation.NO_INTERVALS),
    "fdr_by": ByPValues(benjamini_yekutieli, _share_pointwise, Computation.NO_INTERVALS),
}
