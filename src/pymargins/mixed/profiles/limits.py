r"""Profile-likelihood limits of variance parameters.

A limit is where the profile deviance, all other parameters at their best, is a quantile of
chi-square above its minimum.  Where a bound of the parameter space is not that far, the bound is
the limit.  Zero is a stationary point of every relative standard deviation, and there may be
several minima: each limit is found from the estimates, then checked from other starts, and where
one of these is lower the search goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.errors import NumericalError
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.estimation import MixedFit
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.frames import variance_places
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.profiles.coordinates import ANGLE, RESIDUAL, Held
from pymargins.mixed.profiles.descent import profile
from pymargins.mixed.profiles.residual import FreeResidual
from pymargins.mixed.profiles.setup import Setup, Target, set_up

MAX_STEPS = 80
#: Of the distance from the estimate: where the search for a limit ends.
CLOSE = 1e-9
#: A deviance lower than this from another start is another minimum.
LOWER = 1e-7
#: Relative standard deviations to start from, where the estimates are not the only ones.
STARTS = (0.1, 1.0)
NEAR_ZERO = 0.05
#: Below this share of the residual a standard deviation is estimated as zero.
ZERO = 1e-5
#: So many times the first step away from its estimate, a parameter has no limit.
FAR = 1e8


def profile_limits(
    data: MixedData, best: MixedFit, targets: Sequence[Target], level: float
) -> FloatArray:
    """Return lower and upper limits (k, 2) of targets.

    Parameters
    ----------
    data : MixedData
        Of a REML or an ML fit, whose criterion is profiled.
    best : MixedFit
        Its optimum.
    targets : sequence of Target
    level : float

    Raises
    ------
    NumericalError
        Where a limit is not found.
    """
    from scipy import special

    if not targets:
        return np.empty((0, 2))
    factors = GroupFactors.from_data(data)
    deviance = FreeResidual(Batches.from_factors(factors).observed())
    found = set_up(factors, best.params, targets)
    rise = float(special.ndtri((1 + level) / 2)) ** 2
    search = _Search(deviance, found, rise, variance_places(data.q, data.n_components))
    ends = search.both_sides()
    return np.stack([target.value(ends[j]) for j, target in enumerate(targets)])


@dataclass(slots=True)
class _Sides:
    """One column for each parameter and side: where its search stands."""

    held: Held
    sign: FloatArray
    v: FloatArray
    z: FloatArray
    inside: FloatArray
    outside: FloatArray
    done: BoolArray


class _Search:
    """Finds where profile deviances have risen by `rise`."""

    def __init__(self, deviance: FreeResidual, at: Setup, rise: float, places: IntArray) -> None:
        self.deviance = deviance
        self.at = at
        self.places = places
        x = at.held.point(at.v, at.z)
        self.least = float(deviance.evaluate(at.held.psi(x), x[-1])[1].min())
        self.rise = rise

    def both_sides(self) -> FloatArray:
        """Return the limits (k, 2) of the coordinates v."""
        k = len(self.at.v)
        index = np.tile(np.arange(k), 2)
        sign = np.repeat([-1.0, 1.0], k)
        held = self.at.held.take(index)
        bound = _bounds(held, sign)
        v = self.at.v[index]
        sides = _Sides(
            held, sign, v.copy(), self._starts(index), v.copy(), bound, np.zeros(2 * k, bool)
        )
        self._stop_at_bounds(sides, v)
        self._seek(sides, v)
        for _ in range(3):
            if not self._other_minima(sides):
                break
            self._seek(sides, v)
        return sides.v.reshape(2, k).T

    def _starts(self, index: IntArray) -> FloatArray:
        """Return the estimates of all else, none at zero, where no descent would leave it."""
        z = self.at.z[:, index].copy()
        z[self.places] = np.where(np.abs(z[self.places]) < NEAR_ZERO, NEAR_ZERO, z[self.places])
        return z

    def _stop_at_bounds(self, sides: _Sides, estimate: FloatArray) -> None:
        """Settle the sides whose bound is not far enough."""
        there = np.flatnonzero(np.isfinite(sides.outside))
        if len(there) == 0:
            return
        height, _ = self._lowest(sides, there, sides.outside[there])
        at_bound = np.abs(estimate[there] - sides.outside[there]) < ZERO
        ends = there[(height <= self.rise) | at_bound]
        sides.v[ends], sides.done[ends] = sides.outside[ends], True

    def _lowest(
        self, sides: _Sides, index: IntArray, v: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the least profile deviance above the minimum from several starts, and z there."""
        starts = self._several(sides.z[:, index])
        count = starts.shape[2]
        columns = np.repeat(index, count)
        z = starts.reshape(len(starts), -1)
        held = sides.held.take(columns)
        top = self.least + self.rise
        found = profile(self.deviance, held, np.repeat(v, count), z, LOWER / 10, top)
        table = found.deviance.reshape(len(index), count)
        which = np.argmin(table, axis=1)
        picked = np.arange(len(index)) * count + which
        return table.min(axis=1) - self.least, found.z[:, picked]

    def _several(self, z: FloatArray) -> FloatArray:
        """Return starts (m, B, s): as given, every variance small or large, each alone small."""
        found = [z]
        covariances = np.setdiff1d(np.arange(len(z) - 1), self.places)
        for size in STARTS:
            other = z.copy()
            other[self.places] = size
            other[covariances] = 0.0
            found.append(other)
        for place in self.places if len(self.places) > 1 else ():
            other = z.copy()
            other[place] = STARTS[0]
            found.append(other)
        return np.stack(found, axis=2)

    def _seek(self, sides: _Sides, estimate: FloatArray) -> None:
        """Newton steps on the root of the profile deviance, kept between known points."""
        first = _first_steps(sides.held, estimate, self.at.z[-1, 0], self.deviance)
        target = np.sqrt(self.rise)
        fresh = ~sides.done & (sides.v == estimate)
        sides.v[fresh] = (estimate + sides.sign * first)[fresh]
        over = (sides.v - sides.outside) * sides.sign >= 0
        midway = (estimate + sides.outside) / 2
        sides.v = np.where(fresh & over, midway, sides.v)
        for _ in range(MAX_STEPS):
            left = np.flatnonzero(~sides.done)
            if len(left) == 0:
                return
            found = profile(self.deviance, sides.held.take(left), sides.v[left], sides.z[:, left])
            sides.z[:, left] = found.z
            height = np.sqrt(np.maximum(found.deviance - self.least, 0.0))
            beyond = height > target
            v = sides.v[left]
            sides.outside[left] = np.where(beyond, v, sides.outside[left])
            sides.inside[left] = np.where(beyond, sides.inside[left], v)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (target - height) * 2 * height / found.slope
            new = self._kept(sides, left, v + step, estimate[left], first[left])
            close = np.abs(new - v) <= CLOSE * np.abs(v - estimate[left])
            sides.v[left] = new
            sides.done[left] = close
            gone = np.abs(new - estimate[left]) > FAR * first[left]
            sides.v[left[gone]], sides.done[left[gone]] = np.inf, True
        raise NumericalError(
            "profile: a limit was not found; the likelihood is too irregular. Use "
            'method="bootstrap".'
        )

    def _kept(
        self,
        sides: _Sides,
        left: IntArray,
        new: FloatArray,
        estimate: FloatArray,
        first: FloatArray,
    ) -> FloatArray:
        """Keep steps between what is inside and what is outside; without an outside, not too far.

        A step past either goes halfway.
        """
        sign, inside, outside = sides.sign[left], sides.inside[left], sides.outside[left]
        farthest = estimate + sign * 4 * np.maximum(np.abs(inside - estimate), first)
        limit = np.where(np.isfinite(outside), (inside + outside) / 2, farthest)
        past = np.where(np.isfinite(outside), outside, farthest)
        out = ~np.isfinite(new) | ((new - past) * sign > 0) | ((inside - new) * sign > 0)
        return np.where(out, limit, new)

    def _other_minima(self, sides: _Sides) -> bool:
        """Look at each limit from other starts; where one is lower go on from there."""
        index = np.flatnonzero(np.isfinite(sides.v) & (sides.v != _bounds(sides.held, sides.sign)))
        if len(index) == 0:
            return False
        height, z = self._lowest(sides, index, sides.v[index])
        lower = height < self.rise - LOWER
        again = index[lower]
        sides.z[:, again] = z[:, lower]
        sides.inside[again] = sides.v[again]
        sides.outside[again] = _bounds(sides.held, sides.sign)[again]
        sides.done[again] = False
        return len(again) > 0


def _bounds(held: Held, sign: FloatArray) -> FloatArray:
    """Return the bound of each side, infinite where there is none."""
    bound = np.where(held.bounded() & (sign < 0), 0.0, sign * np.inf)
    return np.where(held.kind == ANGLE, sign * np.pi / 2, bound)


def _first_steps(
    held: Held, estimate: FloatArray, tau: float, deviance: FreeResidual
) -> FloatArray:
    """Return how far to go from each estimate at first."""
    n = float(np.atleast_1d(deviance.criterion.n_effective)[0])
    relative = np.where(held.bounded(), 0.4 * np.abs(estimate), 0.4)
    unit = np.where(held.kind == ANGLE, 0.4, 0.1 * np.exp(tau / 2) / held.scale)
    step = np.where(held.bounded(), np.maximum(relative, unit), relative)
    return np.where(held.kind == RESIDUAL, 3.0 / np.sqrt(n / 2), step)
