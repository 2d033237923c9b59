"""Simultaneous inference: the distribution of the largest |t|."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.inference.distributions import quantile
from pymargins.inference.joint import independent_basis

#: Points of the quasi-Monte Carlo rule; the critical value is good to about three digits.
POINTS = 2**16
SEED = 20_240_229


def max_t_sample(cov: FloatArray, df: FloatArray) -> FloatArray:
    """Draw the largest ``|t|`` of jointly distributed estimates under no effect.

    Scrambled Sobol points with a fixed seed. With finite degrees of freedom that differ between
    rows the smallest is used for all, which is conservative.

    Parameters
    ----------
    cov : ndarray, shape (k, k)
    df : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (POINTS,)
    """
    from scipy import special

    basis, spectrum = independent_basis(cov)
    root = basis * np.sqrt(spectrum)
    common = float(np.min(df))
    finite = bool(np.isfinite(common))
    points = np.clip(_sobol(root.shape[1] + finite), 1e-12, 1 - 1e-12)
    largest = np.abs(special.ndtri(points[:, : root.shape[1]]) @ root.T).max(axis=1)
    if finite:
        largest /= np.sqrt(special.chdtri(common, points[:, -1]) / common)
    return largest


def _sobol(dimensions: int) -> FloatArray:
    from scipy.stats import qmc

    try:
        sampler = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(SEED))
    except TypeError:  # before SciPy 1.15 the argument was called seed
        sampler = qmc.Sobol(dimensions, scramble=True, seed=SEED)  # pyright: ignore[reportCallIssue]
    return sampler.random(POINTS)


def max_t_quantile(cov: FloatArray, df: FloatArray, level: float) -> float:
    """Return the critical value of simultaneous intervals at a level."""
    if len(cov) == 1:
        return float(quantile((1 + level) / 2, df)[0])
    return float(np.quantile(max_t_sample(cov, df), level))
