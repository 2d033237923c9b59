"""Tails of the range of means and of contrasts with one control, exact by quadrature.

Both are known up to one integral where the variance is known. Tabulated once, that function gives
every p-value and critical value, for any degrees of freedom, by a second integral over the
distribution of the estimated variance. Tails are formed as tails, so that a small p-value keeps
its digits where one minus a distribution function would be zero.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from pymargins._typing import FloatArray

#: The table reaches this far; beyond, the tail falls like that of one normal variable.
FARTHEST = 12.0
KNOTS_PER_UNIT = 60
#: Gauss-Legendre nodes of the inner integral, over +- `REACH`, and of the outer one.
NODES = 300
REACH = 15.0
MIXTURE_NODES = 400
#: Where the logarithm of the outer integrand has fallen by this much it no longer counts.
DECAY = 40.0
#: Loadings of a single factor this near to one make the inner integrand too steep.
LARGEST_LOADING = 0.995
LOADING_TOLERANCE = 1e-9


@cache
def legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes and weights on (-1, 1)."""
    return np.polynomial.legendre.leggauss(nodes)


class Tail:
    """P(M > x) of a statistic M, from its tail where the variance is known.

    Parameters
    ----------
    known : callable
        From points (n,) to the tail there at known variance.
    lowest : float
        Below it that tail is one.
    """

    exact = True

    def __init__(self, known: Callable[[FloatArray], FloatArray], lowest: float) -> None:
        from scipy.interpolate import CubicSpline

        knots = np.linspace(lowest, FARTHEST, int((FARTHEST - lowest) * KNOTS_PER_UNIT) + 1)
        self._lowest = lowest
        self._log = CubicSpline(knots, np.log(np.clip(known(knots), 1e-300, 1.0)))

    def sf(self, statistic: FloatArray, df: FloatArray) -> FloatArray:
        r"""Return P(M > statistic) row by row, each with its own degrees of freedom.

        The statistic is divided by one estimate s of the standard deviation, with
        :math:`\nu s^2 \sim \chi^2_\nu`; for infinite degrees of freedom s = 1.
        """
        with np.errstate(under="ignore"):
            rows = [
                self._known(np.array([c]))[0] if np.isinf(d) else self._mixed(float(c), float(d))
                for c, d in zip(statistic, df, strict=True)
            ]
        return np.clip(np.array(rows), 0.0, 1.0)

    def _known(self, x: FloatArray) -> FloatArray:
        from scipy import special

        inside = np.clip(x, self._lowest, FARTHEST)
        beyond = special.log_ndtr(-np.maximum(x, FARTHEST)) - special.log_ndtr(-FARTHEST)
        return np.exp(np.minimum(self._log(inside), 0.0) + beyond)

    def _mixed(self, c: float, df: float) -> float:
        r"""Average the known tail at c s over s = exp(u), whose density falls fast both ways.

        :math:`u` has density proportional to :math:`\exp(\nu(u - e^{2u}/2))`; times a normal tail
        at c the integrand peaks near :math:`\tfrac12\log(\nu/(\nu + c^2))`.
        """
        from scipy import special

        if np.isinf(c):
            return 0.0 if c > 0 else 1.0
        spread = DECAY / df
        peak = 0.5 * np.log(df / (df + max(c, 0.0) ** 2))
        low = peak - (1.6 * np.sqrt(spread) if spread < 1.0 else spread + 0.5)
        high = min(np.sqrt(spread), 0.5 * np.log1p(2.0 * spread) + 1.0)
        nodes, weights = legendre(MIXTURE_NODES)
        u = 0.5 * (high - low) * nodes + 0.5 * (high + low)
        half = df / 2.0
        constant = np.log(2.0) + half * np.log(half) - special.gammaln(half)
        density = np.exp(constant + df * u - half * np.exp(2.0 * u))
        return float(0.5 * (high - low) * (weights * density) @ self._known(c * np.exp(u)))


@cache
def studentized_range(means: int) -> Tail:
    """Return the distribution of the largest ``|t|`` between `means` independent means.

    It is the studentized range divided by the square root of two. `scipy.stats.studentized_range`
    agrees, but takes its tail as one minus the distribution function and needs a tenth of a second
    for a quantile.
    """
    from scipy import special

    nodes, weights = legendre(NODES)
    z = REACH * nodes[:, None]
    density = REACH * weights * means * np.exp(-0.5 * (REACH * nodes) ** 2) / np.sqrt(2 * np.pi)
    log_below = special.log_ndtr(z)

    def known(x: FloatArray) -> FloatArray:
        # the largest at z, and not all others within the range below it
        share = np.exp(special.log_ndtr(z - np.sqrt(2.0) * x) - log_below)
        with np.errstate(divide="ignore"):
            some = -np.expm1((means - 1) * np.log1p(-np.minimum(share, 1.0)))
        return density @ (np.exp((means - 1) * log_below) * some)

    return Tail(known, 0.0)


def one_factor(correlation: FloatArray, two_sided: bool) -> Tail | None:
    r"""Return the tail of the largest t (or ``|t|``) where one factor makes the correlations.

    With :math:`\rho_{ij} = \lambda_i\lambda_j`, as for contrasts of independent means with one
    control and for independent estimates, the variables are independent given the factor
    (Dunnett 1955, doi:10.1080/01621459.1955.10501294). None where that is not so.
    """
    from scipy import special

    loadings = single_factor(correlation)
    if loadings is None:
        return None
    nodes, weights = legendre(NODES)
    z = REACH * nodes[:, None]
    density = REACH * weights * np.exp(-0.5 * (REACH * nodes) ** 2) / np.sqrt(2 * np.pi)

    def known(x: FloatArray) -> FloatArray:
        log_none: Any = 0.0
        with np.errstate(divide="ignore"):
            for loading in loadings:
                rest = np.sqrt(1.0 - loading**2)
                outside = special.ndtr((loading * z - x) / rest)
                if two_sided:
                    outside = outside + special.ndtr((-loading * z - x) / rest)
                log_none = log_none + np.log1p(-np.minimum(outside, 1.0))
        return density @ -np.expm1(log_none)

    return Tail(known, 0.0 if two_sided else -FARTHEST)


def single_factor(correlation: FloatArray) -> FloatArray | None:
    """Return loadings whose products are the correlations, or None where there are none."""
    size = len(correlation)
    apart = np.where(np.eye(size, dtype=bool), 0.0, correlation)
    if np.abs(apart).max(initial=0.0) < LOADING_TOLERANCE:
        return np.zeros(size)
    a, b = np.unravel_index(int(np.argmax(np.abs(apart))), apart.shape)
    third = np.abs(apart[a] * apart[b])
    c = int(np.argmax(third))
    square = np.abs(apart[a, b]) if third[c] == 0.0 else apart[a, b] * apart[a, c] / apart[b, c]
    if not 0.0 < square <= 1.0:
        return None
    loadings = apart[a] / np.sqrt(square)
    loadings[a] = np.sqrt(square)
    products = np.outer(loadings, loadings)
    misfit = np.abs(np.where(np.eye(size, dtype=bool), 0.0, products - apart)).max()
    if misfit > LOADING_TOLERANCE or np.abs(loadings).max() > LARGEST_LOADING:
        return None
    return loadings
