r"""Inference where the covariates are a sample too (Stata's ``vce(unconditional)``).

The units of the sample (rows, or clusters) move an average through the parameters and by being
averaged over. With :math:`\psi_u` the sum of both, the variance is

.. math::

    c \sum_u \psi_u \psi_u'

with c = n/(n - k) after least squares, n/(n - 1) after maximum likelihood; of G clusters
G/(G - 1), after least squares times (n - 1)/(n - k).

References
----------
Korn, E. L. and Graubard, B. I. (1999). *Analysis of Health Surveys*, section 3.7.
doi:10.1002/9781118032619
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.errors import ArgumentError, UnsupportedError, not_one_of
from pymargins.facts import CovarianceFacts, RandomEffects, Retransformed
from pymargins.models.fitted import Fitted
from pymargins.models.influences import Influences
from pymargins.models.uncertainty import Covariance
from pymargins.options import Bootstrap, Delta, Option

KIND = "influence functions"
POPULATIONS = ("fixed", "sampled")


@dataclass(frozen=True, slots=True, eq=False)
class SampledCovariance:
    """The covariance of functions of parameters and units, by their Jacobian rows.

    Parameters
    ----------
    influence : ndarray, shape (U, P)
        Of units on the parameters.
    scale : ndarray, shape (U,)
        What the columns of units are multiplied with.
    factor : float
    """

    influence: FloatArray
    scale: FloatArray
    factor: float

    @classmethod
    def of(cls, found: Influences, fitted: Fitted) -> SampledCovariance:
        """Take the parameters that the mean depends on.

        A row that stands for c observations is c units, each with a c-th of what it adds.
        """
        influence = found.parameters[:, fitted.parameters.places(fitted.mean.blocks)]
        if found.counts is None:
            return cls(influence, np.ones(len(found)), found.factor)
        times = np.sqrt(found.counts)
        inverse = np.where(times > 0, 1.0 / np.where(times > 0, times, 1.0), 0.0)
        return cls(influence * times[:, None], inverse, found.factor)

    def covariance(self, rows: Any) -> FloatArray:
        """Return the covariance (k, k) of linear functions by their rows."""
        moved = self._moved(rows)
        return self.factor * (moved @ moved.T)

    def variance(self, rows: Any) -> FloatArray:
        """Return its diagonal (k,)."""
        return self.factor * np.square(self._moved(rows)).sum(axis=1)

    def without_variance(self, rows: Any) -> BoolArray:
        """Tell whose variance is estimated as zero, (k,)."""
        return self.variance(rows) == 0.0

    def _moved(self, rows: Any) -> FloatArray:
        """Return how much each unit moves functions, (k, U)."""
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
        width = self.influence.shape[1]
        return dense[:, :width] @ self.influence.T + dense[:, width:] * self.scale


def sampled_influences(
    fitted: Fitted,
    population: Any,
    at: Any,
    vcov: Any,
    cluster: Any,
    option: Option,
) -> Influences | None:
    """Return the influence of units where the population is sampled; None where it is fixed.

    Raises
    ------
    ArgumentError
        For another word, another population than the rows of the fit, and a covariance by name.
    UnsupportedError
        For models, and figures, whose influence functions are not known.
    """
    if not isinstance(population, str) or population not in POPULATIONS:
        raise not_one_of("population", population, POPULATIONS)
    if population == "fixed":
        return None
    if isinstance(option, Bootstrap):
        raise ArgumentError(
            'population: "sampled" goes with method="delta". A bootstrap of rows or clusters draws '
            "the population with them unless Bootstrap(population=) says otherwise."
        )
    if not isinstance(option, Delta):
        raise ArgumentError(
            'population: "sampled" goes with method="delta"; draws of the coefficients alone do '
            "not move the rows."
        )
    if not (isinstance(at, str) and at == "overall"):
        raise ArgumentError(
            'population: "sampled" averages over the rows of the fit, which are the sample; leave '
            '`at` out, or say population="fixed".'
        )
    if vcov is not None:
        raise ArgumentError(
            'vcov: population="sampled" takes its covariance from influence functions, of '
            "coefficients and averages together; leave `vcov` out. cluster= names clusters."
        )
    return _influences(fitted, cluster)


def _influences(fitted: Fitted, cluster: Any) -> Influences:
    if fitted.facts.random_effects is RandomEffects.PREDICTED:
        raise UnsupportedError(
            'population: "sampled" is for figures of the population; with '
            'random_effects="predicted" they are those of these clusters. Leave one of them out.'
        )
    smeared = any(isinstance(n, Retransformed) and n.residuals for n in fitted.facts.notes)
    if fitted.influences is None or smeared or "gamma" in fitted.mean.blocks:
        raise UnsupportedError(
            'population: "sampled" needs the influence of each row on all that figures depend on, '
            f"which is not known for this {fitted.facts.kind}"
            f"{' with response=' if smeared or 'gamma' in fitted.mean.blocks else ''}. Use "
            'method="bootstrap", which draws rows or clusters anew.'
        )
    return fitted.influences(cluster)


def sampled_covariance(fitted: Fitted, found: Influences) -> Covariance:
    """Return the covariance of parameters and units."""
    facts = CovarianceFacts(KIND, clusters=found.clusters)
    return Covariance(SampledCovariance.of(found, fitted), facts, found.reference)
