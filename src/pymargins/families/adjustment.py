r"""Families of tests: p-values and intervals adjusted for how many there are.

============  ======================================================  ===========================
method        adjusted p-value of row i of k                          interval
============  ======================================================  ===========================
`bonferroni`  :math:`k p_i`                                           at level 1 - alpha/k
`holm`        step-down Bonferroni                                    Bonferroni's
`sidak`       :math:`1 - (1 - p_i)^k`                                 at level (1 - alpha)^(1/k)
`holm-sidak`  step-down Sidak                                         Sidak's
`tukey`       studentized range of m means, k = m(m - 1)/2            its quantile
`scheffe`     :math:`P(r F_{r,\nu_i} > t_i^2)`, r the rank            its quantile
`mvt`         :math:`P(\max_j |T_j| > |t_i|)`, joint t with df of i   its quantile
`dunnett`     the same, of independent contrasts                      its quantile
`fdr_bh`      step-up, false discovery rate                           none: pointwise
`fdr_by`      the same under any dependence                           none: pointwise
============  ======================================================  ===========================

References
----------
Hothorn, T., Bretz, F. and Westfall, P. (2008). Simultaneous inference in general parametric
models. *Biometrical Journal* 50, 346-363. doi:10.1002/bimj.200810425

Those of the methods by p-values are in `pymargins.families.pvalues`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError, ArgumentTypeError, not_one_of, unknown_name
from pymargins.estimands.columns import CONTRAST, TERM
from pymargins.estimands.jacobians import over_used
from pymargins.estimands.nodes import Estimand
from pymargins.facts import Adjusted, Computed
from pymargins.families.pvalues import BY_P_VALUES
from pymargins.families.simultaneous import FamilyReference, choose, pairwise_means
from pymargins.inference.distributions import ratio
from pymargins.inference.uncertainty import Uncertainty

Method: TypeAlias = Literal[
    "bonferroni",
    "holm",
    "sidak",
    "holm-sidak",
    "tukey",
    "dunnett",
    "scheffe",
    "mvt",
    "fdr_bh",
    "fdr_by",
]
METHODS: tuple[Method, ...] = get_args(Method)


#: What a single test is adjusted by, whatever was asked for: it stays as it is.
SINGLE = "bonferroni"
#: In larger families nobody looks for Tukey's structure unasked.
MOST_SUGGESTED = 500


class Family:
    """Rows whose tests are adjusted together.

    Parameters
    ----------
    inference : Uncertainty
    estimand : Estimand
        The rows, on the session's scale.
    method : str
        One of `METHODS`.
    """

    def __init__(self, inference: Uncertainty, estimand: Estimand, method: str) -> None:
        self.inference = inference
        self.estimand = estimand
        self.by_p = BY_P_VALUES.get(method)
        self._method = method
        self._reference: FamilyReference | None = None

    @property
    def reference(self) -> FamilyReference:
        """What the statistics are compared with, all together."""
        if self._reference is None:
            self._reference = choose(self._method, self.inference, self.estimand)
        return self._reference

    def p_value(self, null: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values against null values on the session's scale."""
        if self.by_p is not None:
            return self.by_p.adjust(self.inference.p_value(self.estimand, null, alternative))
        away = self.inference.value(self.estimand) - null
        statistic = ratio(away, self.reference.std_error)
        return self.reference.p_value(statistic, alternative)

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return intervals that hold together."""
        if self.by_p is not None:
            alpha = self.by_p.share(1.0 - level, len(self.estimand))
            return self.inference.interval(self.estimand, 1.0 - alpha)
        half = self.reference.critical(level) * self.reference.std_error
        value = self.inference.value(self.estimand)
        return value - half, value + half

    def computed(self, level: float) -> Computed:
        """Tell how the figures were computed, where p-values near 1 - level decide."""
        if self.by_p is None:
            return self.reference.computed(level)
        return Computed(self.by_p.intervals)


@dataclass(frozen=True, slots=True, eq=False)
class Adjustment:
    """How the p-values and intervals of a result's rows are adjusted.

    Parameters
    ----------
    method : str
    by : tuple of str
        The columns whose values make families; empty for one family.
    families : tuple of (rows, Family)
        Each with the positions of its rows in the result that was adjusted.
    rows : ndarray of int
        Which of those rows the result has: all, or a selection.
    size : int
        How many rows there were.
    facts : Adjusted
        Which adjustment it is, of how many tests and how exactly.
    """

    method: str
    by: tuple[str, ...]
    families: tuple[tuple[IntArray, Family], ...]
    rows: IntArray
    size: int
    facts: Adjusted

    def __getitem__(self, rows: AnyArray) -> Adjustment:
        return replace(self, rows=self.rows[rows])

    def p_value(self, null: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values of the rows, against null values on the session's scale."""
        null = self._of_all_rows(null)
        out = np.empty(self.size)
        for rows, family in self.families:
            out[rows] = family.p_value(null[rows], alternative)
        return out[self.rows]

    def _of_all_rows(self, null: FloatArray) -> FloatArray:
        """Return a null value for every row of the families, from those of the selection."""
        if (null == null[0]).all():
            return np.full(self.size, null[0])
        if len(np.unique(self.rows)) < self.size:
            raise ArgumentError(
                f"null: these are {len(self.rows)} of {self.size} rows that were adjusted "
                "together; test all of them against their own values, then select."
            )
        out = np.empty(self.size)
        out[self.rows] = null
        return out

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return adjusted intervals of the rows."""
        low, high = np.empty(self.size), np.empty(self.size)
        for rows, family in self.families:
            low[rows], high[rows] = family.interval(level)
        return low[self.rows], high[self.rows]

    def by_p_values(self, p: FloatArray, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Adjust p-values of all rows; also return the alpha of each row's interval.

        Raises
        ------
        ArgumentError
            For a method that is not one of p-values alone, or of a selection of rows.
        """
        plain = BY_P_VALUES.get(self.method)
        if plain is None:
            raise ArgumentError(
                f'equivalence: "{self.method}" adjusts two-sided tests of one value, not a pair '
                f'of one-sided tests. Adjust by "holm" or another of {list(BY_P_VALUES)}.'
            )
        if not np.array_equal(self.rows, np.arange(self.size)):
            raise ArgumentError(
                f"equivalence: these are {len(self.rows)} of {self.size} rows that were adjusted "
                "together; ask for the equivalence of all of them, then select."
            )
        out, share = np.empty(self.size), np.empty(self.size)
        for rows, _ in self.families:
            out[rows] = plain.adjust(p[rows])
            share[rows] = plain.share(alpha, len(rows))
        return out, share


def make_adjustment(
    method: Any, by: Any, inference: Uncertainty, estimand: Estimand, level: float
) -> Adjustment:
    """Check what was asked, and make the families.

    Parameters
    ----------
    method : str
    by : str, list of str or None
    inference : Uncertainty
    estimand : Estimand
    level : float
        The result's: Monte-Carlo errors are stated where p-values decide.

    Raises
    ------
    ArgumentError
        For an unknown method, or rows that it is not for.
    UnknownNameError
        For a column of `by` that the rows do not have.
    """
    if not isinstance(method, str):
        raise ArgumentTypeError(f"adjust: expected a method's name, got {type(method).__name__}.")
    if method not in METHODS:
        raise not_one_of("adjust", method, METHODS)
    names = _names(by, estimand)
    groups = row_groups(estimand, names)
    families = tuple(
        (rows, Family(inference, estimand[rows], method if len(rows) > 1 else SINGLE))
        for rows in groups
    )
    size = len(estimand)
    facts = _facts(method, names, families, level)
    return Adjustment(method, tuple(names), families, np.arange(size), size, facts)


def suggested(inference: Uncertainty, estimand: Estimand) -> tuple[Method, tuple[str, ...]]:
    """Return the method, and the columns of `by`, that would adjust these differences."""
    by = [
        name
        for name, values in estimand.columns.items()
        if name not in (CONTRAST, TERM) and len(set(map(str, values))) > 1
    ]
    groups = _groups([estimand.columns[name] for name in by], len(estimand))
    if min(len(rows) for rows in groups) < 2:
        by, groups = [], [np.arange(len(estimand))]
    tukey = inference.n_draws is None and 2 < len(groups[0]) <= MOST_SUGGESTED
    if tukey and pairwise_means(over_used(inference.jacobian(estimand)[groups[0]])) is not None:
        return "tukey", tuple(by)
    return "holm", tuple(by)


def _facts(
    method: str, by: Sequence[str], families: Sequence[tuple[IntArray, Family]], level: float
) -> Adjusted:
    sizes = [len(rows) for rows, _ in families]
    computed = tuple(dict.fromkeys(family.computed(level) for _, family in families))
    return Adjusted(method, tuple(by), len(families), min(sizes), max(sizes), computed)


def _names(by: Any, estimand: Estimand) -> list[str]:
    """Return `by` as a list of columns that tell rows apart."""
    if by is None:
        return []
    names = [by] if isinstance(by, str) else by
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ArgumentTypeError(f"by: expected a column name or a list of names, got {by!r}.")
    if not names:
        raise ArgumentError("by: the list is empty; name one or more columns, or leave it out.")
    found: list[str] = []
    for name in names:
        # a table adds an underscore to a variable that has the name of one of its own columns
        plain = name if name in estimand.columns else name.removesuffix("_")
        if plain not in estimand.columns:
            raise unknown_name("by", name, estimand.columns, "a variable of these rows")
        found.append(plain)
    return found


def row_groups(estimand: Estimand, by: Any) -> list[IntArray]:
    """Return the positions of the rows that agree in the columns of `by`; all, without any."""
    names = _names(by, estimand) if by else []
    return _groups([estimand.columns[name] for name in names], len(estimand))


def _groups(columns: Sequence[Sequence[Any]], size: int) -> list[IntArray]:
    """Return the positions of the rows that agree in every column, in order of appearance."""
    if not columns:
        return [np.arange(size)]
    codes = pd.factorize(pd.Series(list(zip(*columns, strict=True)), dtype=object))[0]
    return [np.flatnonzero(codes == g) for g in range(int(codes.max()) + 1)]


def simultaneous_interval(
    inference: Uncertainty, estimand: Estimand, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return intervals by the largest ``|t|`` of all rows; pointwise for a single row."""
    if len(estimand) == 1:
        return inference.interval(estimand, level)
    return Family(inference, estimand, "mvt").interval(level)
