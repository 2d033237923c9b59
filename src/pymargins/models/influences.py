r"""How much the independent units of a sample move the parameters.

With scores :math:`s_i` that add up to zero at the estimate and the bread B, unit u moves the
parameters by :math:`B \sum_{i \in u} s_i` (their influence function, summed over the unit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.models.uncertainty import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Influences:
    """The influence of each unit on all parameters.

    Parameters
    ----------
    parameters : ndarray, shape (U, P)
        Of one observation, where units are rows that stand for several.
    unit : ndarray, shape (n,)
        The unit 0..U-1 of each row of the fit.
    factor : float
        For small samples: what the sum of squares is multiplied with.
    reference : Reference
        What statistics are referred to.
    clusters : int, optional
        How many there are, where units are clusters.
    counts : ndarray, shape (U,), optional
        How many observations each unit stands for, where units are rows.
    """

    parameters: FloatArray
    unit: IntArray
    factor: float
    reference: Reference
    clusters: int | None = None
    counts: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.parameters)


def of_rows(
    influence: FloatArray,
    counts: FloatArray | None,
    coefficients: int | None,
    reference: Reference,
) -> Influences:
    """Take each row for a unit.

    Parameters
    ----------
    influence : ndarray, shape (n, P)
        Of one observation of each row.
    counts : ndarray, shape (n,), optional
    coefficients : int, optional
        Of least squares: their number k, for the factor n / (n - k); n / (n - 1) without.
    reference : Reference
    """
    n = float(len(influence) if counts is None else counts.sum())
    factor = n / (n - (1 if coefficients is None else coefficients))
    unit = np.arange(len(influence), dtype=np.intp)
    return Influences(influence, unit, factor, reference, None, counts)


def of_clusters(
    influence: FloatArray,
    codes: IntArray,
    clusters: int,
    small: tuple[float, int] | None,
    reference: Reference,
) -> Influences:
    """Take each cluster for a unit.

    Parameters
    ----------
    influence : ndarray, shape (n, P)
        Of all observations of each row.
    codes : ndarray, shape (n,)
    clusters : int
        G.
    small : tuple of float and int, optional
        Of least squares: n and k, for the further factor (n - 1) / (n - k).
    reference : Reference
    """
    sums = np.zeros((clusters, influence.shape[1]))
    np.add.at(sums, codes, influence)
    factor = clusters / (clusters - 1.0)
    if small is not None:
        n, k = small
        factor *= (n - 1.0) / (n - k)
    return Influences(sums, codes, factor, reference, clusters)
