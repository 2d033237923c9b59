"""Reference distributions of a whole family: Tukey's, Scheffe's, the largest |t|, its draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, UnsupportedError
from pymargins.estimands.jacobians import over_used
from pymargins.estimands.nodes import Estimand
from pymargins.facts import Computation, Computed
from pymargins.families.multiplicity import (
    Directions,
    LargestT,
    bounded,
    critical_value,
    largest_t,
)
from pymargins.families.quadrature import studentized_range
from pymargins.inference.distributions import quantile
from pymargins.inference.factor import independent_basis
from pymargins.inference.studentized import require_limits
from pymargins.inference.uncertainty import Uncertainty

#: Two rows are the same, or opposite, where they differ by less than this share.
SAME = 1e-8


class FamilyReference(Protocol):
    """What the statistics of a family are compared with, all together."""

    @property
    def std_error(self) -> FloatArray:
        """What each row's distance from its null value is divided by."""
        ...

    def p_value(self, statistic: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values."""
        ...

    def critical(self, level: float) -> FloatArray:
        """Return the half-widths of simultaneous intervals, in standard errors."""
        ...

    def computed(self, level: float) -> Computed:
        """Tell how, where p-values near 1 - level decide."""
        ...


def choose(method: str, inference: Uncertainty, estimand: Estimand) -> FamilyReference:
    """Return the reference distribution of a family by a method's name.

    Raises
    ------
    ArgumentError
        Where the rows are not of the kind the method is for.
    UnsupportedError
        Where it is derived from t distributions and the inference has draws.
    """
    drawn = inference.n_draws is not None
    if method in ("tukey", "scheffe") and drawn:
        raise UnsupportedError(
            f'adjust: "{method}" is derived for t distributions, and this session takes its '
            'p-values from draws. Use "mvt", which takes the distribution of the largest |t| from '
            'the same draws, or a method that adjusts p-values, such as "holm".'
        )
    factor = inference.factor(estimand)
    rank = independent_basis(factor)[0].shape[1]
    if rank == 0:
        raise ArgumentError("adjust: no row has any uncertainty; there is nothing to adjust.")
    if method == "tukey":
        return Tukey(*_t(inference, estimand), means=_number_of_means(inference, estimand))
    if method == "scheffe":
        return Scheffe(*_t(inference, estimand), rank=rank)
    if method == "dunnett" and rank < len(estimand):
        raise ArgumentError(
            f'adjust: "dunnett" is for contrasts of several means with one control; these '
            f'{len(estimand)} rows are combinations of {rank} among them. Use "tukey" for all '
            'pairs of means, "mvt" for any family.'
        )
    if drawn:
        return DrawnLargest(*inference.standardised_draws(estimand), estimand.labels)
    return Largest(*_t(inference, estimand), factor=factor)


def _t(inference: Uncertainty, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
    return inference.std_error(estimand), inference.degrees_of_freedom(estimand)


def _two_sided_only(alternative: str, method: str) -> None:
    if alternative != "two-sided":
        raise UnsupportedError(
            f'alternative: "{method}" adjusts two-sided tests only; for one-sided ones adjust by '
            '"mvt" or "holm".'
        )


@dataclass(frozen=True, slots=True)
class Tukey:
    """All differences between several means: the studentized range, each row with its own df.

    Exact for independent means of equal variance, conservative otherwise (Hayter 1984,
    doi:10.1214/aos/1176346392).
    """

    std_error: FloatArray
    df: FloatArray
    means: int

    def p_value(self, statistic: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values."""
        _two_sided_only(alternative, "tukey")
        return studentized_range(self.means).sf(np.abs(statistic), self.df)

    def critical(self, level: float) -> FloatArray:
        """Return the quantile of the studentized range, over the root of two."""
        size = self.means * (self.means - 1) // 2
        return critical_value(studentized_range(self.means), level, self.df, size)

    def computed(self, level: float) -> Computed:
        """Tell how many means there are."""
        return Computed(Computation.MEANS, self.means)


@dataclass(frozen=True, slots=True)
class Scheffe:
    """All linear combinations of the rows: r times an F with the row's df (Scheffe 1953).

    doi:10.1093/biomet/40.1-2.87
    """

    std_error: FloatArray
    df: FloatArray
    rank: int

    def p_value(self, statistic: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values."""
        from scipy import special

        _two_sided_only(alternative, "scheffe")
        normal = np.isinf(self.df)
        safe = np.where(normal, 1.0, self.df)
        square = statistic**2
        return np.where(
            normal,
            special.chdtrc(self.rank, square),
            special.fdtrc(self.rank, safe, square / self.rank),
        )

    def critical(self, level: float) -> FloatArray:
        """Return the root of r times the quantile of F."""
        from scipy import special

        normal = np.isinf(self.df)
        safe = np.where(normal, 1.0, self.df)
        finite = self.rank * special.fdtri(self.rank, safe, level)
        return np.sqrt(np.where(normal, special.chdtri(self.rank, 1.0 - level), finite))

    def computed(self, level: float) -> Computed:
        """Tell the rank."""
        return Computed(Computation.RANK, self.rank)


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest t of jointly t-distributed rows, for each row with that row's df."""

    std_error: FloatArray
    df: FloatArray
    factor: FloatArray
    _made: dict[bool, LargestT] = field(default_factory=dict)

    def _largest(self, two_sided: bool) -> LargestT:
        if two_sided not in self._made:
            self._made[two_sided] = largest_t(self.factor, two_sided)
        return self._made[two_sided]

    def p_value(self, statistic: FloatArray, alternative: str) -> FloatArray:
        """Return adjusted p-values."""
        two_sided = alternative == "two-sided"
        away = {"two-sided": np.abs(statistic), "greater": statistic, "less": -statistic}
        p = self._largest(two_sided).sf(away[alternative], self.df)
        return bounded(p, statistic, self.df, len(statistic), alternative)

    def critical(self, level: float) -> FloatArray:
        """Return the quantile of the largest ``|t|`` at each row's df."""
        if len(self.df) == 1:
            return quantile((1.0 + level) / 2.0, self.df)
        return critical_value(self._largest(True), level, self.df, len(self.df))

    def computed(self, level: float) -> Computed:
        """Tell the Monte-Carlo error of a p-value near alpha; none where there is none."""
        largest = self._largest(True)
        if not isinstance(largest, Directions) or largest.exact:
            return Computed(Computation.QUADRATURE)
        worst = self.df[[int(np.argmin(self.df))]]
        at = critical_value(largest, level, worst, len(self.df))
        error = float(largest.error(at, worst)[0])
        return Computed(Computation.MONTE_CARLO, error, 1.0 - level)


@dataclass(frozen=True, slots=True)
class DrawnLargest:
    """The largest |t*| of the draws, symmetric about the estimate.

    Parameters
    ----------
    draws : ndarray, shape (B, k)
        Each draw's distance from its centre in standard errors.
    std_error : ndarray, shape (k,)
    labels : tuple of str
    """

    draws: FloatArray
    std_error: FloatArray
    labels: tuple[str, ...]

    def p_value(self, statistic: FloatArray, alternative: str) -> FloatArray:
        """Return the share of draws in which some row goes as far, the observed one counted."""
        if alternative == "two-sided":
            largest, observed = np.abs(self.draws).max(axis=1), np.abs(statistic)
        elif alternative == "greater":
            largest, observed = self.draws.max(axis=1), statistic
        else:
            largest, observed = (-self.draws).max(axis=1), -statistic
        reached = (largest[:, None] >= observed).sum(axis=0)
        return (1.0 + reached) / (len(largest) + 1.0)

    def critical(self, level: float) -> FloatArray:
        """Return the quantile of the largest ``|t*|``, the same for every row."""
        require_limits(np.quantile(np.abs(self.draws), level, axis=0), self.labels)
        critical = float(np.quantile(np.abs(self.draws).max(axis=1), level))
        require_limits(np.full(len(self.labels), critical), self.labels)
        return np.full(len(self.std_error), critical)

    def computed(self, level: float) -> Computed:
        """Tell how many draws it is the distribution of."""
        return Computed(Computation.DRAWS, len(self.draws))


# --- all pairs of several means ------------------------------------------------------------------


def _number_of_means(inference: Uncertainty, estimand: Estimand) -> int:
    means = pairwise_means(over_used(inference.jacobian(estimand)))
    if means is None:
        raise ArgumentError(
            f'adjust: "tukey" is for all differences between several means, k = m(m - 1)/2 of '
            f"them; these {len(estimand)} rows are not. Contrast every pair (result.pairwise() or "
            'the helper pairwise), or use "mvt" (exact for any family) or "sidak".'
        )
    return means


def pairwise_means(rows: FloatArray) -> int | None:
    """Return m where rows (k, p) are, up to sign, all differences between m points; else None.

    The first row is taken for the way from the first point to the second. A further point is
    where the ways from all points found so far are among the rows.
    """
    size = len(rows)
    means = (1 + round(np.sqrt(1 + 8 * size))) // 2
    unit = np.abs(rows).max(axis=0)
    scaled = rows / np.where(unit > 0, unit, 1.0)
    if means * (means - 1) // 2 != size or not scaled.any(axis=1).all():
        return None
    # every row as one number: rows that differ give numbers that differ
    number = scaled @ np.random.default_rng(0).uniform(0.5, 1.0, scaled.shape[1])
    near = SAME * np.abs(number).max()
    sizes = np.sort(np.abs(number))
    points = [np.zeros(scaled.shape[1]), scaled[0]]
    places = np.array([0.0, number[0]])
    for row, value in zip(scaled[1:], number[1:], strict=True):
        for sign in (1.0, -1.0):
            ways = np.abs(sign * value - places)
            if len(places) < means and (ways > near).all() and _all_among(ways, sizes, near):
                points.append(sign * row)
                places = np.append(places, sign * value)
                break
    if len(points) < means:
        return None
    first, second = np.triu_indices(means, 1)
    ways = np.stack(points)[first] - np.stack(points)[second]
    return means if _same_up_to_sign(ways, scaled, places[first] - places[second], number) else None


def _all_among(values: FloatArray, known: FloatArray, near: float) -> bool:
    right = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
    left = np.maximum(right - 1, 0)
    gap = np.minimum(np.abs(known[right] - values), np.abs(known[left] - values))
    return bool((gap <= near).all())


def _same_up_to_sign(
    a: FloatArray, b: FloatArray, number_a: FloatArray, number_b: FloatArray
) -> bool:
    """Compare two sets of rows, brought in order and to one sign by their numbers."""
    a, b = a * np.sign(number_a)[:, None], b * np.sign(number_b)[:, None]
    a, b = a[np.argsort(np.abs(number_a))], b[np.argsort(np.abs(number_b))]
    return bool(np.allclose(a, b, rtol=0.0, atol=10 * SAME))
