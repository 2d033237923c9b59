r"""Linearised covariances of fits to survey data.

With :math:`z_i` the influence of row i on the estimates, weight included, :math:`n_h` sampled
primary units (PSUs) in stratum h, :math:`f_h` the share of its units that they are, and
:math:`z_{hc}` the sum over PSU c,

.. math::

    \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_c (z_{hc} - \bar z_h)(z_{hc} - \bar z_h)'.

A stratum with one PSU shows no variation. It may count as it is away from the mean of all PSUs
(``"adjust"``), or with the average of the other strata (``"average"``).

References
----------
Binder, D. A. (1983). On the variances of asymptotically normal estimators from complex surveys.
*International Statistical Review* 51, 279-292. doi:10.2307/1402588. Lumley, T. (2004). Analysis of
complex survey samples. *Journal of Statistical Software* 9(8). doi:10.18637/jss.v009.i08
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.regression.estimating import Estimating

Lonely = Literal["fail", "adjust", "average"]


@dataclass(frozen=True, slots=True, eq=False)
class SampleDesign:
    """How rows were sampled.

    Parameters
    ----------
    psu : ndarray, shape (n,)
        The PSU 0..U-1 of each row.
    stratum : ndarray, shape (U,)
        The stratum 0..H-1 of each PSU.
    fraction : ndarray, shape (H,)
        The share of the PSUs of each stratum that was sampled; 0 where they are very many.
    lonely : {"fail", "adjust", "average"}
        What becomes of strata with one PSU.
    """

    psu: IntArray
    stratum: IntArray
    fraction: FloatArray
    lonely: Lonely

    @classmethod
    def of(
        cls,
        n: int,
        strata: AnyArray | None,
        psu: AnyArray | None,
        fpc: AnyArray | None,
        lonely: Lonely,
    ) -> SampleDesign:
        """Sort rows into PSUs, and PSUs into strata.

        Parameters
        ----------
        n : int
            Rows.
        strata, psu : ndarray, shape (n,), optional
            Labels; one stratum, and each row a PSU of its own, by default.
        fpc : ndarray, shape (n,), optional
            How many PSUs the stratum of each row has, or the share of them that was sampled.
        lonely : str

        Raises
        ------
        ArgumentError
            Naming the argument, and the stratum or PSU, that cannot be.
        """
        of_row, names = _codes("strata", strata, n)
        units, labels = _codes("psu", np.arange(n) if psu is None else psu, n)
        first = np.unique(units, return_index=True)[1]
        stratum = of_row[first]
        across = np.flatnonzero(stratum[units] != of_row)
        if len(across):
            row = int(across[0])
            raise ArgumentError(
                f"psu: {_plain(labels[units[row]])!r} is in the strata "
                f"{_plain(names[stratum[units[row]]])!r} and {_plain(names[of_row[row]])!r}; a PSU "
                "lies in one. Where labels begin anew in each stratum, join the two to one label."
            )
        if len(first) < 2:
            raise ArgumentError("psu: all rows are in one PSU; a variance needs several.")
        sampled = np.bincount(stratum)
        fraction = np.zeros(len(sampled))
        if fpc is not None:
            fraction = _fractions(fpc, of_row, sampled, names)
        alone = np.flatnonzero((sampled == 1) & (fraction < 1.0))
        if len(alone) and lonely == "fail":
            raise ArgumentError(
                f"strata: {_plain(names[alone[0]])!r} has one PSU, which shows no variation "
                f"({len(alone)} of {len(sampled)} strata are so). Join strata, or say "
                'lonely="adjust" (its distance from the mean of all) or lonely="average" (as the '
                "others vary)."
            )
        if len(alone) == len(sampled):
            raise ArgumentError("strata: every stratum has one PSU, so that none shows variation.")
        return cls(units, stratum, fraction, lonely)

    @property
    def df(self) -> float:
        """PSUs less strata."""
        return float(len(self.stratum) - len(self.fraction))


def linearised(fit: Estimating, design: SampleDesign) -> FloatArray:
    """Return the covariance of estimates (P, P)."""
    influence = fit.scores @ fit.bread
    if fit.counts is not None:
        influence = influence * fit.counts[:, None]
    sums = np.zeros((len(design.stratum), influence.shape[1]))
    np.add.at(sums, design.psu, influence)
    sampled = np.bincount(design.stratum).astype(float)
    means = np.zeros((len(sampled), sums.shape[1]))
    np.add.at(means, design.stratum, sums)
    means /= sampled[:, None]
    alone = sampled == 1
    if design.lonely == "adjust":
        means[alone] = sums.mean(axis=0)
    factor = (1.0 - design.fraction) * np.where(alone, 1.0, sampled / np.maximum(sampled - 1, 1))
    away = (sums - means[design.stratum]) * np.sqrt(factor)[design.stratum, None]
    out = away.T @ away
    missing = alone & (design.fraction < 1.0)
    if design.lonely == "average" and missing.any():
        out = out * (len(sampled) / (len(sampled) - int(missing.sum())))
    return (out + out.T) / 2.0


def _codes(argument: str, labels: AnyArray | None, n: int) -> tuple[IntArray, Any]:
    if labels is None:
        return np.zeros(n, dtype=np.intp), [""]
    codes, names = pd.factorize(labels, sort=True)
    if (codes < 0).any():
        raise ArgumentError(f"{argument}: it is missing in {int((codes < 0).sum())} rows.")
    return np.asarray(codes, dtype=np.intp), names


def _fractions(fpc: AnyArray, of_row: IntArray, sampled: IntArray, names: Any) -> FloatArray:
    """Return the share of PSUs that was sampled in each stratum."""
    if not np.isfinite(fpc).all() or (fpc <= 0).any():
        raise ArgumentError("fpc: every number must be finite and positive.")
    shares = fpc <= 1.0
    if shares.any() and not shares.all():
        raise ArgumentError(
            "fpc: some numbers are shares (up to 1) and some are numbers of PSUs; give one kind."
        )
    first = np.unique(of_row, return_index=True)[1]
    own = fpc[first]
    uneven = np.flatnonzero(fpc != own[of_row])
    if len(uneven):
        raise ArgumentError(
            f"fpc: it differs within the stratum {_plain(names[of_row[uneven[0]]])!r}; each "
            "stratum has one number."
        )
    if shares.all():
        return own
    few = np.flatnonzero(own < sampled)
    if len(few):
        h = int(few[0])
        raise ArgumentError(
            f"fpc: the stratum {_plain(names[h])!r} would have {own[h]:g} PSUs, and "
            f"{int(sampled[h])} were sampled. Give the number of PSUs in the population (not of "
            "people), or the share that was sampled."
        )
    return sampled / own


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
