"""The distribution of the largest |t| of jointly distributed estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.families.quadrature import legendre, one_factor
from pymargins.inference.distributions import p_value, quantile
from pymargins.inference.factor import independent_basis

#: Directions of the quadrature over a circle or a sphere ...
CIRCLE = 2**15
SPHERE = (384, 1024)
#: ... and of each of the scrambled Sobol sequences in more dimensions.
POINTS = 2**15
SCRAMBLES = 8
SEED = 20_240_229
#: Numbers held at once.
CHUNK_CELLS = 4_000_000
#: Numbers held at once where each is looked at once: as many as a processor keeps at hand.
CACHED_CELLS = 2**17
#: Of more rows than these, those are left out whose cosine with another is above this.
MOST_ROWS = 500
ALIKE = 1.0 - 1e-4
#: Reaches kept one by one, and into how many groups the others are put.
LARGEST_KEPT = 512
GROUPS = 512
#: More degrees of freedom than these are interpolated between, by a polynomial of this degree.
MOST_SOLVED = 32
DEGREE = 15


class LargestT(Protocol):
    """The distribution of the largest of several t or ``|t|``."""

    @property
    def exact(self) -> bool:
        """Whether it is without Monte-Carlo error."""
        ...

    def sf(self, statistic: FloatArray, df: FloatArray) -> FloatArray:
        """Return the probability that the largest exceeds `statistic`, row by row."""
        ...


class Directions:
    r"""The largest t by directions: :math:`Z = \rho A s`, a radius times a point of the sphere.

    Along a direction s the largest is a known multiple of the radius, its *reach* m(s), and the
    radius has a chi (studentized: an F) distribution. So

    .. math::

        P(\max_j |T_j| > c) = E_s\, P\{\sqrt{r F_{r,\nu}} > c / m(s)\},

    and one set of reaches serves every c and all degrees of freedom. After Genz and Bretz (2009,
    doi:10.1007/978-3-642-01689-9), section 4.1.

    Parameters
    ----------
    rank : int
        r, the dimension of the sphere's space.
    samples : sequence of (reach, weight)
        Independent rules, each with weights that add up to one; negative reaches belong to
        directions in which no variable is positive.
    two_sided : bool
    """

    def __init__(
        self, rank: int, samples: Sequence[tuple[FloatArray, FloatArray]], two_sided: bool
    ) -> None:
        self.rank = rank
        self.samples = samples
        self.two_sided = two_sided

    @property
    def exact(self) -> bool:
        """Whether it is without Monte-Carlo error."""
        return len(self.samples) == 1

    def sf(self, statistic: FloatArray, df: FloatArray) -> FloatArray:
        """Return the probability that the largest exceeds `statistic`, row by row.

        No less than the row's own p-value, and for ``|t|`` no more than Sidak's (1967,
        doi:10.1080/01621459.1967.10482935).
        """
        return self._each(statistic, df).mean(axis=0)

    def error(self, statistic: FloatArray, df: FloatArray) -> FloatArray:
        """Return the Monte-Carlo standard error of `sf`, from the scatter of the scramblings."""
        if self.exact:
            return np.zeros(len(statistic))
        each = self._each(statistic, df)
        return each.std(axis=0, ddof=1) / np.sqrt(len(each))

    def _each(self, statistic: FloatArray, df: FloatArray) -> FloatArray:
        out = np.empty((len(self.samples), len(statistic)))
        for i, (reach, weight) in enumerate(self.samples):
            for j, (c, d) in enumerate(zip(statistic, df, strict=True)):
                out[i, j] = self._one(float(c), float(d), reach, weight)
        return np.clip(out, 0.0, 1.0)

    def _one(self, c: float, df: float, reach: FloatArray, weight: FloatArray) -> float:
        if np.isinf(c):
            return 0.0 if c > 0 else 1.0
        if c < 0:  # beyond it in every coordinate
            if self.two_sided:
                return 1.0
            inside = reach < 0
            return 1.0 - float(weight[inside] @ self._radius(c / reach[inside], df))
        inside = reach > 0
        return float(weight[inside] @ self._radius(c / reach[inside], df))

    def _radius(self, radius: FloatArray, df: float) -> FloatArray:
        """Return the tail of the (studentized) radius."""
        from scipy import special

        square = radius**2
        if np.isinf(df):
            return special.chdtrc(self.rank, square)
        return special.fdtrc(self.rank, df, square / self.rank)


def largest_t(factor: FloatArray, two_sided: bool = True) -> LargestT:
    """Choose how to compute the distribution of the largest t of estimates with a covariance.

    Up to rank three, and where one factor makes the correlations, by quadrature; otherwise by
    scrambled Sobol sequences with a fixed seed.

    Parameters
    ----------
    factor : ndarray, shape (k, q)
        Of the covariance.
    two_sided : bool
        Of ``|t|`` rather than t.
    """
    basis, spectrum = independent_basis(factor)
    root = apart(basis * np.sqrt(spectrum), two_sided)
    rank = root.shape[1]
    if rank >= 3 and rank == len(root):  # what one factor correlates has full rank
        correlation = root @ root.T
        tail = (
            one_factor(correlation, two_sided) if (np.diagonal(correlation) > 0.5).all() else None
        )
        if tail is not None:
            return tail
    if rank <= 3:
        directions, weight = _quadrature(rank, two_sided)
        rules = [_thinned(_reach(root, directions, two_sided), weight)]
    else:
        count = POINTS
        while count > 1024 and count * len(root) > 4 * CHUNK_CELLS:
            count //= 2
        equal = np.full(count, 1.0 / count)
        rules = [
            _thinned(_reach(root, _sobol_directions(rank, count, i), two_sided), equal)
            for i in range(SCRAMBLES)
        ]
    return Directions(rank, rules, two_sided)


def apart(root: FloatArray, two_sided: bool) -> FloatArray:
    """Leave out rows that are hardly apart from others, of very many: those of a curve.

    A row of length one lies within an angle of one that is kept, whose cosine is above `ALIKE`:
    the largest of all is at most that share smaller.
    """
    if len(root) <= MOST_ROWS:
        return root
    kept = np.empty_like(root)
    count = 0
    for row in root:
        near = kept[:count] @ row
        if count == 0 or float((np.abs(near) if two_sided else near).max()) < ALIKE:
            kept[count] = row
            count += 1
    return kept[:count].copy()


def _quadrature(rank: int, two_sided: bool) -> tuple[FloatArray, FloatArray]:
    """Return directions (n, rank) and weights; half the sphere where |t| makes it symmetric."""
    if rank <= 1:
        points = np.array([[1.0], [-1.0]][: 1 if two_sided else 2])[:, : max(rank, 1)]
        return points, np.full(len(points), 1.0 / len(points))
    if rank == 2:
        angle = (np.arange(CIRCLE) + 0.5) / CIRCLE * (np.pi if two_sided else 2 * np.pi)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(CIRCLE, 1.0 / CIRCLE)
    heights, around = SPHERE
    nodes, weights = legendre(heights)
    z = (nodes + 1.0) / 2.0 if two_sided else nodes
    angle = (np.arange(around) + 0.5) / around * 2 * np.pi
    across = np.sqrt(1.0 - z**2)
    points = np.stack(
        [
            np.outer(across, np.cos(angle)).ravel(),
            np.outer(across, np.sin(angle)).ravel(),
            np.repeat(z, around),
        ],
        axis=1,
    )
    return points, np.repeat(weights / 2.0 / around, around)


def _sobol_directions(rank: int, count: int, scramble: int) -> FloatArray:
    from scipy import special
    from scipy.stats import qmc

    seed = SEED + scramble
    try:
        sampler = qmc.Sobol(rank, scramble=True, rng=np.random.default_rng(seed))
    except TypeError:  # before SciPy 1.15 the argument was called seed
        sampler = qmc.Sobol(rank, scramble=True, seed=seed)  # pyright: ignore[reportCallIssue]
    normal = special.ndtri(np.clip(sampler.random(count), 1e-12, 1 - 1e-12))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _reach(root: FloatArray, directions: FloatArray, two_sided: bool) -> FloatArray:
    """Return the largest coordinate along each direction."""
    out = np.empty(len(directions))
    size = max(1, CACHED_CELLS // len(root))
    for start in range(0, len(out), size):
        along = root @ directions[start : start + size].T
        out[start : start + size] = along.max(axis=0)
        if two_sided:
            np.maximum(out[start : start + size], -along.min(axis=0), out=out[start : start + size])
    return out


def _thinned(reach: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put neighbouring reaches together, except the largest, which alone make small p-values."""
    order = np.argsort(reach)
    reach, weight = reach[order], weight[order]
    kept = max(len(reach) - LARGEST_KEPT, 0)
    first = np.r_[np.arange(0, kept, 1 + kept // GROUPS), np.arange(kept, len(reach))]
    # a group must not straddle zero, where the sign of the reach matters
    zero = int(np.searchsorted(reach, 0.0))
    if 0 < zero < kept:
        first = np.union1d(first, [zero])
    together = np.add.reduceat(weight, first)
    centre = np.add.reduceat(weight * reach, first) / together
    return centre, together


def critical_value(largest: LargestT, level: float, df: FloatArray, size: int) -> FloatArray:
    """Return what the largest exceeds with probability ``1 - level``, for each row's df.

    Where very many rows each have df of their own, by interpolation: the logarithm of the critical
    value is a smooth function of 1/df.

    Parameters
    ----------
    largest : LargestT
    level : float
    df : ndarray, shape (k,)
    size : int
        The number of variables: the critical value lies between the pointwise one and
        Bonferroni's.
    """
    distinct, back = np.unique(df, return_inverse=True)

    def solved(wanted: FloatArray) -> FloatArray:
        return np.array([_solve(largest, level, float(d), size) for d in wanted])

    if len(distinct) <= MOST_SOLVED:
        return solved(distinct)[back.ravel()]
    smooth = np.polynomial.Chebyshev.interpolate(
        lambda x: np.log(solved(1.0 / x)), DEGREE, domain=[1.0 / distinct[-1], 1.0 / distinct[0]]
    )
    return np.exp(smooth(1.0 / distinct))[back.ravel()]


def _solve(largest: LargestT, level: float, df: float, size: int) -> float:
    from scipy.optimize import brentq

    alpha = 1.0 - level
    at = np.array([df])
    low = 0.98 * float(quantile(1.0 - alpha / 2.0, at)[0])
    high = 1.02 * float(quantile(1.0 - alpha / (2.0 * max(size, 1)), at)[0])

    def excess(c: float) -> float:
        return float(largest.sf(np.array([c]), at)[0]) - alpha

    while excess(high) > 0:
        high *= 1.5
    while excess(low) < 0:
        low /= 1.5
    root: Any = brentq(excess, low, high, xtol=1e-11)
    return float(root)


def bounded(
    p: FloatArray, statistic: FloatArray, df: FloatArray, size: int, alternative: str
) -> FloatArray:
    """Keep p-values of the largest between the row's own and Sidak's (or Bonferroni's)."""
    own = p_value(statistic, df, alternative)
    with np.errstate(divide="ignore"):
        most = -np.expm1(size * np.log1p(-own)) if alternative == "two-sided" else size * own
    return np.clip(p, own, np.minimum(most, 1.0))
