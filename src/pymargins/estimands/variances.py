r"""Functions of variance parameters: standard deviations, correlations, shares of variance.

With :math:`\gamma` the variance parameters, in which :math:`\Psi` and :math:`\sigma^2` are linear,

.. math:: R = \sum_t \operatorname{tr}(\Psi_t \overline{zz'}), \qquad
          F = \beta' S \beta,

are the mean variance of the random part over the rows of the fit (Johnson 2014,
doi:10.1111/2041-210X.12225), and the variance of the fixed part over them, S the covariance of the
columns of the design with n - 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pymargins._typing import BoolArray, FloatArray
from pymargins.estimands.columns import Columns
from pymargins.estimands.nodes import (
    Estimand,
    Evaluated,
    Linear,
    Node,
    Quotient,
    SameRows,
    Sum,
    spread,
    stacked,
)
from pymargins.estimands.scales import SCALES, Scale
from pymargins.models.parameters import Point
from pymargins.models.variances import (
    GAMMA,
    VarianceParameter,
    VarianceStructure,
    VarianceTerm,
)

#: A variance below this share of the residual one, in the units of the rows, is at its bound.
BOUND = 1e-6
INTERCEPT = "Intercept"
RESIDUAL = "residual"


# --- nodes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class QuadraticForm(Node):
    """One number, ``block' matrix block``."""

    matrix: FloatArray
    block: str
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Multiply twice."""
        at = point.block(self.block)
        half = at @ self.matrix
        value = np.einsum("bp,bp->b", half, at)[:, None]
        return value, spread(2.0 * half[:, None], self.block, point) if gradient else None


@dataclass(frozen=True, eq=False)
class Root(Node):
    """The square root of every row; where that is zero it has no derivative (NaN)."""

    inner: Estimand
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Take roots."""
        inner, jac = self.inner.at(point, gradient)
        root = np.sqrt(np.maximum(inner, 0.0))
        if jac is None:
            return root, None
        slope = 0.5 / np.where(root > 0, root, np.nan)
        return root, slope[:, :, None] * jac


@dataclass(frozen=True, eq=False)
class Correlation(Node):
    """The correlation of two effects; without their variance there is none (NaN).

    Parameters
    ----------
    places : tuple of int
        Of the covariance and of the two variances in the block gamma.
    """

    places: tuple[int, int, int]
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Divide the covariance by the standard deviations."""
        at = point.block(GAMMA)
        covariance, first, second = (at[:, place] for place in self.places)
        product = first * second
        size = np.sqrt(np.where(product > 0, product, np.nan))
        rho = np.clip(covariance / size, -1.0, 1.0)
        if not gradient:
            return rho[:, None], None
        rows = np.zeros((len(at), 1, at.shape[1]))
        slopes = (1.0 / size, -0.5 * rho / first, -0.5 * rho / second)
        for place, slope in zip(self.places, slopes, strict=True):
            rows[:, 0, place] = slope
        return rho[:, None], spread(rows, GAMMA, point)


@dataclass(frozen=True, eq=False)
class NormalShare(Node):
    """The standard normal distribution function of every row."""

    inner: Estimand
    labels: tuple[str, ...]
    columns: Columns = field(default_factory=dict)

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Evaluate the distribution function and its density."""
        from scipy import special

        inner, jac = self.inner.at(point, gradient)
        value = np.asarray(special.ndtr(inner))
        if jac is None:
            return value, None
        density = np.exp(-0.5 * inner**2) / np.sqrt(2.0 * np.pi)
        return value, density[:, :, None] * jac


@dataclass(frozen=True, eq=False)
class AtBound(SameRows):
    """The same rows, some of which are at a bound and have no derivative (NaN)."""

    inner: Estimand
    bounded: BoolArray

    def evaluate(self, point: Point, gradient: bool) -> Evaluated:
        """Evaluate."""
        value, jac = self.inner.at(point, gradient)
        if jac is not None:
            jac = np.where(self.bounded[:, None], np.nan, jac)
        return value, jac


# --- what is asked of them -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class VarianceRows:
    """Functions of variance parameters, ready to be estimated.

    Parameters
    ----------
    estimand : Estimand
    scales : mapping of str to Scale
        By label, where the interval of each row is symmetric.
    bounded : tuple of str
        The labels of rows that are at a bound of the parameter space.
    profiled : mapping of str to VarianceParameter
        The labels of rows that have a profile likelihood.
    power : int
        What their limits are raised to: 2 where rows are variances.
    """

    estimand: Estimand
    scales: Mapping[str, Scale]
    bounded: tuple[str, ...] = ()
    profiled: Mapping[str, VarianceParameter] = field(default_factory=dict)
    power: int = 1


def variance_rows(structure: VarianceStructure, gamma: FloatArray, kind: str) -> VarianceRows:
    """Return every variance (or standard deviation), correlation (or covariance).

    Parameters
    ----------
    structure : VarianceStructure
    gamma : ndarray
        The estimates, which tell what is at a bound.
    kind : {"sd", "variance"}
    """
    rows = [
        row
        for number, term in enumerate(structure.terms)
        for row in _term_rows(structure, term, number, gamma, kind)
    ]
    rows.append(_residual_row(structure, kind))
    made = stacked([row.estimand for row in rows])
    bounded = np.array([row.bounded for row in rows])
    profiled = zip(made.labels, (row.parameter for row in rows), strict=True)
    return VarianceRows(
        AtBound(made, bounded) if bounded.any() else made,
        dict(zip(made.labels, (row.scale for row in rows), strict=True)),
        tuple(x for x, hit in zip(made.labels, bounded, strict=True) if hit),
        {label: parameter for label, parameter in profiled if parameter is not None},
        1 if kind == "sd" else 2,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    estimand: Estimand
    scale: Scale
    bounded: bool
    parameter: VarianceParameter | None


def _term_rows(
    structure: VarianceStructure, term: VarianceTerm, number: int, gamma: FloatArray, kind: str
) -> list[_Row]:
    """Return the variances of a term, then what joins them."""
    q = len(term.effects)
    zero = [no_variance(structure, term, i, gamma) for i in range(q)]
    rows: list[_Row] = []
    for i, effect in enumerate(term.effects):
        label = f"{term.group}: {kind if kind == 'sd' else 'var'}" + (effect and f"({effect})")
        columns: Columns = {"group": [term.group], "term": [effect], "parameter": [kind]}
        made = _variance(structure, int(term.places[i, i]), label, columns, kind)
        parameter = VarianceParameter("sd", number, i)
        rows.append(_Row(made, SCALES["log"], zero[i], parameter))
    for i in range(q):
        for j in range(i):
            made = _joined(structure, term, (j, i), kind)
            rho = Correlation(_three(term, j, i), ("",)).evaluate(_point(gamma), False)[0][0, 0]
            undefined = zero[i] or zero[j]
            extreme = undefined or 1.0 - rho**2 <= BOUND
            if kind == "sd":
                parameter = VarianceParameter("cor", number, j, i)
                rows.append(_Row(made, SCALES["fisher_z"], bool(extreme), parameter))
            else:
                rows.append(_Row(made, SCALES["identity"], undefined, None))
    return rows


def _residual_row(structure: VarianceStructure, kind: str) -> _Row:
    label = f"{RESIDUAL}: {'sd' if kind == 'sd' else 'var'}"
    columns: Columns = {"group": [RESIDUAL], "term": [""], "parameter": [kind]}
    made = _variance(structure, structure.residual, label, columns, kind)
    parameter = VarianceParameter("sd", len(structure.terms))
    return _Row(made, SCALES["log"], False, parameter)


def _variance(
    structure: VarianceStructure, place: int, label: str, columns: Columns, kind: str
) -> Estimand:
    pick = np.zeros((1, structure.size))
    pick[0, place] = 1.0
    made = Linear(pick, GAMMA, (label,), columns)
    return Root(made, (label,), columns) if kind == "sd" else made


def _joined(
    structure: VarianceStructure, term: VarianceTerm, pair: tuple[int, int], kind: str
) -> Estimand:
    """Return the correlation or covariance of two effects."""
    j, i = pair
    names = f"{term.effects[j]}, {term.effects[i]}"
    word = "cor" if kind == "sd" else "cov"
    columns: Columns = {"group": [term.group], "term": [names], "parameter": [word]}
    label = f"{term.group}: {word}({names})"
    if kind == "sd":
        return Correlation(_three(term, j, i), (label,), columns)
    pick = np.zeros((1, structure.size))
    pick[0, term.places[j, i]] = 1.0
    return Linear(pick, GAMMA, (label,), columns)


def _three(term: VarianceTerm, j: int, i: int) -> tuple[int, int, int]:
    return int(term.places[j, i]), int(term.places[j, j]), int(term.places[i, i])


def _point(gamma: FloatArray) -> Point:
    return Point(gamma[None], {GAMMA: slice(0, len(gamma))})


def no_variance(
    structure: VarianceStructure, term: VarianceTerm, i: int, gamma: FloatArray
) -> bool:
    """Tell whether the variance of an effect is zero, against the residual variance of a row."""
    share = gamma[term.places[i, i]] * term.products[i, i]
    return bool(share <= BOUND * gamma[structure.residual])


# --- shares of variance --------------------------------------------------------------------------


def random_variance(
    structure: VarianceStructure, terms: Sequence[VarianceTerm] | None = None
) -> FloatArray:
    """Return the weights (1, R) over gamma of the mean variance of terms, by default of all."""
    weights = np.zeros((1, structure.size))
    for term in structure.terms if terms is None else terms:
        np.add.at(weights[0], term.places, term.products)
    return weights


def residual_variance(structure: VarianceStructure) -> FloatArray:
    """Return the weights (1, R) of the residual variance over gamma."""
    weights = np.zeros((1, structure.size))
    weights[0, structure.residual] = 1.0
    return weights


def spread_of(structure: VarianceStructure, by: str) -> Estimand:
    """Return the residual standard deviation, or that of residual and random part together."""
    weights = residual_variance(structure)
    if by == "total":
        weights = weights + random_variance(structure)
    return Root(Linear(weights, GAMMA, (by,)), (by,))


def shares(
    structure: VarianceStructure, point: Point, wanted: Mapping[str, tuple[str, str]]
) -> VarianceRows:
    """Return quotients of parts of the variance.

    Parameters
    ----------
    structure : VarianceStructure
    point : Point
        The estimates, which tell what is at a bound.
    wanted : mapping of str to (str, str)
        By label, the parts above and below: the letters F, R, and E for the residual, or above what
        `of_group` makes of the name of a grouping factor.
    """
    gamma = point.block(GAMMA)[0]
    made = stacked(
        [
            Quotient(
                _part(structure, top, label),
                _part(structure, bottom, label),
                (label,),
                {"parameter": [label]},
            )
            for label, (top, bottom) in wanted.items()
        ]
    )
    hit = np.array([_nothing(structure, gamma, top) for top, _ in wanted.values()])
    profiled = [x for x, parts in wanted.items() if parts == ("R", "RE")]
    return VarianceRows(
        AtBound(made, hit) if hit.any() else made,
        dict.fromkeys(made.labels, SCALES["logit"]),
        tuple(x for x, bounded in zip(made.labels, hit, strict=True) if bounded),
        dict.fromkeys(profiled, VarianceParameter("icc")),
    )


def of_group(name: str) -> str:
    """Return how `shares` is told a grouping factor, whatever it is called."""
    return f"group {name}"


def _is_letters(part: str) -> bool:
    return " " not in part


def _terms_of(structure: VarianceStructure, part: str) -> tuple[VarianceTerm, ...]:
    """Return the terms of a part: all of the random part, or those of a grouping factor."""
    if _is_letters(part):
        return structure.terms if "R" in part else ()
    return tuple(term for term in structure.terms if of_group(term.group) == part)


def _nothing(structure: VarianceStructure, gamma: FloatArray, part: str) -> bool:
    """Tell whether a part has no variance at all."""
    terms = _terms_of(structure, part)
    if _is_letters(part) and "F" in part and structure.fixed.any():
        return False
    return all(
        no_variance(structure, term, i, gamma) for term in terms for i in range(len(term.effects))
    )


def _part(structure: VarianceStructure, part: str, label: str) -> Estimand:
    """Return a sum of parts of the variance."""
    named = _is_letters(part)
    weights = random_variance(structure, _terms_of(structure, part))
    if named and "E" in part:
        weights = weights + residual_variance(structure)
    random = Linear(weights, GAMMA, (label,))
    if not (named and "F" in part):
        return random
    fixed = QuadraticForm(structure.fixed, "beta", (label,))
    return Sum(fixed, random, (label,))
