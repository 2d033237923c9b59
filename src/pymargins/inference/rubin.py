r"""Rubin's rules: what several imputed data sets say together.

With :math:`q_m` the estimates of k rows in imputation m of M and :math:`U_m` their covariance,

.. math::

    \bar q = \frac 1M\sum q_m, \quad W = \frac 1M\sum U_m, \quad
    B = \frac{1}{M-1}\sum (q_m-\bar q)(q_m-\bar q)', \quad T = W + (1 + 1/M)B

on the session's scale. Each row has the degrees of freedom of Barnard and Rubin; rows together are
tested by :math:`D_1`, for which the between-imputation covariance is taken as proportional to W.

References
----------
Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
doi:10.1002/9780470316696

Barnard, J. and Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation.
*Biometrika* 86, 948-955. doi:10.1093/biomet/86.4.948

Li, K. H., Raghunathan, T. E. and Rubin, D. B. (1991). Large-sample significance levels from
multiply imputed data. *Journal of the American Statistical Association* 86, 1065-1073.
doi:10.1080/01621459.1991.10475152

Reiter, J. P. (2007). Small-sample degrees of freedom for multi-component significance tests with
multiple imputation for missing data. *Biometrika* 94, 502-508. doi:10.1093/biomet/asm028
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.estimands.imputed import Each
from pymargins.estimands.nodes import Estimand
from pymargins.facts import Imputed, Note
from pymargins.inference import distributions
from pymargins.inference.delta import new_key
from pymargins.inference.factor import RANK_TOLERANCE, root_of
from pymargins.inference.reference import Joint, joint_df, single_df
from pymargins.inference.wald import Wald
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Reference

#: With as many numerator degrees of freedom times imputations, less these, D1 has an F of its own.
FEW = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class RubinInference(Wald):
    """Turns estimands of M imputations into pooled covariances and intervals.

    Parameters
    ----------
    point : Point
        The fitted parameters, (M, P).
    covs : ndarray, shape (M, P, P)
    references : tuple of Reference
        Of each fit: degrees of freedom as if its data were complete.
    key : str
    """

    point: Point
    covs: FloatArray
    references: tuple[Reference, ...]
    key: str = field(default_factory=new_key)
    n_draws: None = None
    seen: None = None

    @property
    def facts(self) -> Imputed:
        """The method, for tables."""
        return Imputed(len(self.point))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader of a table should know of the degrees of freedom."""
        return tuple(dict.fromkeys(note for one in self.references for note in one.notes))

    def value(self, estimand: Estimand) -> FloatArray:
        """Return the pooled estimates (k,)."""
        return estimand.at(self.point, True)[0].mean(axis=0)

    def jacobian(self, estimand: Estimand) -> FloatArray:
        """Return rows over all parameters of all fits, and the estimates of each, (k, M P + M).

        Both are carried through linear combinations, and tell what these are in every imputation.
        """
        values, jac = estimand.at(self.point, True)
        assert isinstance(jac, np.ndarray)
        return np.hstack([*jac, values.T])

    def _parts(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the Jacobians (M, k, P) and estimates (k, M) that rows are made of."""
        count, width = len(self.point), self.point.width
        jac = rows[:, : count * width].reshape(len(rows), count, width)
        return np.moveaxis(jac, 1, 0), rows[:, count * width :]

    def _within_between(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return W and B of rows."""
        jac, values = self._parts(rows)
        within = (jac @ self.covs @ np.swapaxes(jac, 1, 2)).mean(axis=0)
        return (within + within.T) / 2.0, np.atleast_2d(np.cov(values, ddof=1))

    @property
    def _more(self) -> float:
        """1 + 1/M: the mean of few imputations varies itself."""
        return 1.0 + 1.0 / len(self.point)

    # --- rows one by one -----------------------------------------------------------------------

    def draws(self, estimand: Estimand) -> None:
        """Return None: there are none."""

    def standardised_draws(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        """Refuse: there are none."""
        raise AssertionError("Rubin's rules have no draws")

    def covariance(self, estimand: Estimand) -> FloatArray:
        """Return the joint covariance T (k, k)."""
        within, between = self._within_between(self.jacobian(estimand))
        return within + self._more * between

    def std_error(self, estimand: Estimand) -> FloatArray:
        """Return standard errors (k,)."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance(estimand)), 0.0))

    def factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor of the joint covariance."""
        return _root(self.covariance(estimand))

    def degrees_of_freedom(self, estimand: Estimand) -> FloatArray:
        """Return the degrees of freedom of Barnard and Rubin, each row its own."""
        return self._df(self.jacobian(estimand))

    def _df(self, rows: FloatArray) -> FloatArray:
        within, between = (np.diagonal(one) for one in self._within_between(rows))
        jac, _ = self._parts(rows)
        blocks = self.point.blocks
        pairs = zip(self.references, jac, strict=True)
        complete = np.mean([single_df(one, part, blocks) for one, part in pairs], axis=0)
        total = within + self._more * between
        share = distributions.ratio(self._more * between, total)
        return barnard_rubin(np.nan_to_num(share), complete, len(self.point))

    # --- rows together -------------------------------------------------------------------------

    def joint_factor(self, estimand: Estimand) -> FloatArray:
        """Return a factor of (1 + r)W, what rows are tested together with."""
        rows = self.jacobian(estimand)
        within, _ = self._within_between(rows)
        return np.sqrt(1.0 + self._increase(rows)[0]) * _root(within)

    def _increase(self, rows: FloatArray) -> tuple[float, int]:
        """Return r, the average relative increase of variance, and how many rows are independent.

        Rows that do not vary within imputations have no part in it.
        """
        within, between = self._within_between(rows)
        size = np.sqrt(np.maximum(np.diagonal(within), 0.0))
        size = np.where(size > 0, size, 1.0)
        spectrum, vectors = np.linalg.eigh(within / np.outer(size, size))
        kept = spectrum > RANK_TOLERANCE * max(float(spectrum.max(initial=0.0)), 1e-300)
        basis = vectors[:, kept] / np.sqrt(spectrum[kept])
        scaled = basis.T @ (between / np.outer(size, size)) @ basis
        k = int(kept.sum())
        return (self._more * float(np.trace(scaled)) / k if k else 0.0), k

    def joint_reference(self, rows: Any) -> Joint:
        """Return the denominator degrees of freedom of D1, of independent rows."""
        rows = np.asarray(rows)
        if len(rows) == 1:
            return Joint(1.0, float(self._df(rows)[0]))
        jac, _ = self._parts(rows)
        blocks = self.point.blocks
        pairs = zip(self.references, jac, strict=True)
        complete = float(np.mean([joint_df(one, part, blocks).df2 for one, part in pairs]))
        r, k = self._increase(rows)
        return Joint(1.0, df_of_d1(r, k, len(self.point), complete))

    def portable(self, estimand: Estimand) -> Estimand:
        """Keep values and Jacobians of every imputation."""
        values, jac = estimand.at(self.point, True)
        assert isinstance(jac, np.ndarray)
        columns = {name: list(one) for name, one in estimand.columns.items()}
        return Each(np.array(values), np.array(jac), estimand.labels, columns)


def _root(cov: FloatArray) -> FloatArray:
    found = root_of(cov)
    if found is not None:
        return found
    spectrum, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(spectrum, 0.0))


def barnard_rubin(share: FloatArray, complete: FloatArray, count: int) -> FloatArray:
    """Return the degrees of freedom of rows.

    Parameters
    ----------
    share : ndarray, shape (k,)
        Of the variance that is between imputations, (1 + 1/M)B/T.
    complete : ndarray, shape (k,)
        Degrees of freedom if the data were complete; infinite for the normal distribution.
    count : int
        M.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        old = (count - 1) / share**2
        observed = np.where(
            np.isinf(complete), np.inf, (complete + 1) / (complete + 3) * complete * (1 - share)
        )
        return 1.0 / (1.0 / old + 1.0 / observed)


def df_of_d1(r: float, k: int, count: int, complete: float) -> float:
    """Return the denominator degrees of freedom of D1 for k rows.

    Parameters
    ----------
    r : float
        The average relative increase of variance.
    k, count : int
        Rows, and imputations M.
    complete : float
        Degrees of freedom if the data were complete.
    """
    t = float(k * (count - 1))
    if r == 0.0:
        return complete
    if t <= FEW:
        return min(t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2, complete)
    if np.isinf(complete):
        return FEW + (t - FEW) * (1 + (1 - 2 / t) / r) ** 2
    return _reiter(r, t, complete)


def _reiter(r: float, t: float, complete: float) -> float:
    """Return Reiter's degrees of freedom, for complete data with few of them."""
    a = r * t / (t - 2)
    star = (complete + 1) / (complete + 3) * complete
    c0, c1, c2 = 1 / (t - 4), star - 2 * (1 + a), star - 4 * (1 + a)
    z = (
        1 / c2
        + c0 * (a**2 * c1 / ((1 + a) ** 2 * c2))
        + c0 * (8 * a**2 * c1 / ((1 + a) * c2**2) + 4 * a**2 / ((1 + a) * c2))
        + c0 * (4 * a**2 / (c2 * c1) + 16 * a**2 * c1 / c2**3)
        + c0 * (8 * a**2 / c2**2)
    )
    return 4 + 1 / z
