r"""Roots of covariances: estimates with the covariance :math:`J V J'` are J times a root of V.

Ranks of many rows are at most the number of parameters, so that their k by k covariance is never
needed: everything is read from its factor, k by P.
"""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray

#: Singular values of rows below this share of the largest are rounding ...
RANK_TOLERANCE = 1e-8
#: ... and so are eigenvalues of a covariance, squares of those of its factor.
SPECTRUM_TOLERANCE = 1e-13
#: A covariance with eigenvalues below this share of the largest has no root.
INDEFINITE = 1e-10


def root_of(cov: FloatArray) -> FloatArray | None:
    """Return a root (P, r) of a covariance, or None where it is indefinite beyond rounding.

    The covariance is put in correlation form first, so that units do not decide what is rounding.
    """
    sd = np.sqrt(np.maximum(np.diagonal(cov), 0.0))
    safe = np.where(sd > 0, sd, 1.0)
    spectrum, vectors = np.linalg.eigh(cov / np.outer(safe, safe))
    if len(spectrum) and spectrum[0] < -INDEFINITE * max(float(spectrum[-1]), 1.0):
        return None
    rounding = (
        4.0 * np.finfo(float).eps * len(spectrum) * max(float(spectrum.max(initial=0.0)), 1.0)
    )
    return safe[:, None] * vectors * np.sqrt(np.where(spectrum > rounding, spectrum, 0.0))


def independent_basis(factor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return an orthonormal basis (k, r) of a covariance's range and its spectrum (r,).

    The rows of the factor (k, q) are put to length one first, so that units do not decide the
    rank; the basis is for the standardised values.
    """
    left, sizes, _ = np.linalg.svd(standardised(factor), full_matrices=False)
    spectrum = sizes**2
    keep = spectrum > SPECTRUM_TOLERANCE * max(float(spectrum[0]), 1e-300) * min(factor.shape)
    return left[:, keep], spectrum[keep]


def standardised(factor: FloatArray) -> FloatArray:
    """Divide the rows of a factor by their standard deviations; leave those without any at zero."""
    return factor / lengths(factor)[:, None]


def lengths(factor: FloatArray) -> FloatArray:
    """Return the standard deviation of each row, one where it has none."""
    sd = np.sqrt(np.einsum("kq,kq->k", factor, factor))
    return np.where(sd > 0, sd, 1.0)
