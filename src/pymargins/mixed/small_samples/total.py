"""Degrees of freedom of the variance of a new observation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.small_samples.kenward_roger import KenwardRogerFit
from pymargins.mixed.small_samples.satterthwaite import (
    SatterthwaiteFit,
    contrast_variance,
    variance_df,
)


@dataclass(frozen=True, slots=True, eq=False)
class TotalVariance:
    """The variance ``T = l'Phi l + c'gamma`` of the error of predicting a new observation.

    Parameters
    ----------
    found : SatterthwaiteFit or KenwardRogerFit
        Of the coefficients, with the covariance W of the variance parameters.
    to_gamma : (R, R) array
        As `VarianceDerivatives` has it.
    """

    found: SatterthwaiteFit | KenwardRogerFit
    to_gamma: FloatArray

    def df(self, rows: FloatArray, forms: FloatArray, gamma: FloatArray) -> FloatArray:
        """Return ``2 T^2 / (h'W h)``, h the gradient of T by the variance parameters: (k,).

        Phi is the unadjusted covariance, as in Kenward and Roger's own degrees of freedom.

        Parameters
        ----------
        rows : (k, p) array
            l, over the coefficients of X.
        forms : (k, R) array
            c, what each variance parameter counts for.
        gamma : (R,) array
            Where `found` was formed.
        """
        found = self.found
        working = np.atleast_2d(rows) @ found.basis
        variance, slope = contrast_variance(working, found.working_cov, found.gradients)
        slope = slope + forms @ self.to_gamma
        return variance_df(variance + forms @ gamma, slope, found.variance.changed)
