"""From the parameters whose profile is wanted to columns that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.parameters import CovarianceParameters, lower_root
from pymargins.mixed.profiles.coordinates import (
    ANGLE,
    RESIDUAL,
    SCALED,
    SHARE,
    Held,
    random_form,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A parameter of which profile-likelihood limits are wanted.

    Attributes
    ----------
    kind : {"effect", "component", "residual", "correlation", "icc"}
        The standard deviation of a correlated effect, of a component, of the residual; the
        correlation of two effects; the share of the random part.
    first, second : int
        Which effect, effects or component.
    """

    kind: Literal["effect", "component", "residual", "correlation", "icc"]
    first: int = 0
    second: int = 0

    def value(self, v: FloatArray) -> FloatArray:
        """Return the parameter for values v of its coordinate."""
        if self.kind == "residual":
            return np.exp(v / 2)
        if self.kind == "correlation":
            return np.sin(v)
        return v**2 / (1 + v**2) if self.kind == "icc" else v


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Columns at the estimates.

    Attributes
    ----------
    held : Held
    v : (B,) array
        The estimates of what is held.
    z : (m, B) array
        All else.
    """

    held: Held
    v: FloatArray
    z: FloatArray


def set_up(factors: GroupFactors, params: CovarianceParameters, targets: Sequence[Target]) -> Setup:
    """Put each target into a column, at the estimates."""
    q, k = factors.data.q, factors.data.n_components
    size = q * (q + 1) // 2
    tau = np.log(params.sigma2)
    working = factors.data.working(params)
    scaled = factors.z_scale @ working.psi @ factors.z_scale.T / params.sigma2
    # from effects over the columns of Z to the rescaled ones
    change = factors.z_scale @ np.linalg.solve(factors.data.z_basis, np.eye(q))
    roots = np.sqrt(params.components / params.sigma2) * factors.component_scale
    lengths = np.sqrt(np.einsum("ij,ij->j", change, change))
    kinds, places, scales, frames, values, points = [], [], [], [], [], []
    rows, cols = np.tril_indices(q)
    for target in targets:
        order = _order(target, q)
        frame = np.eye(q)
        if target.kind in ("effect", "correlation"):
            frame = (change / lengths)[:, order]
        back = np.linalg.solve(frame, np.eye(q))
        lower = lower_root(back @ scaled @ back.T)
        x = np.concatenate([lower[rows, cols], roots, [tau]])
        kind, place, scale, v = _held(target, lower, x, size, lengths, factors)
        if target.kind == "correlation":
            x[place[1]] = np.hypot(x[place[0]], x[place[1]])
        kinds.append(kind)
        places.append(place)
        scales.append(scale)
        frames.append(frame)
        values.append(v)
        points.append(x)
    form = random_form(_weights(factors), q, k)
    held = Held(
        np.array(kinds), np.array(places), np.array(scales), np.stack(frames, axis=-1), form
    )
    z = np.stack(points, axis=1)
    share = held.of_kind(SHARE)
    v = np.array(values)
    v[share] = np.sqrt(np.einsum("tb,tu,ub->b", z[:-1, share], form, z[:-1, share]))
    return Setup(held, v, z)


def _order(target: Target, q: int) -> list[int]:
    """Put the effects of a target first."""
    named = {"effect": [target.first], "correlation": [target.first, target.second]}
    first = named.get(target.kind, [])
    return [*first, *(j for j in range(q) if j not in first)]


def _held(
    target: Target,
    lower: FloatArray,
    x: FloatArray,
    size: int,
    lengths: FloatArray,
    factors: GroupFactors,
) -> tuple[int, tuple[int, int], float, float]:
    """Return kind, places, scale and estimate."""
    sigma = np.exp(x[-1] / 2)
    if target.kind == "effect":
        scale = float(lengths[target.first])
        return SCALED, (0, 0), scale, float(lower[0, 0] * sigma / scale)
    if target.kind == "component":
        place, scale = size + target.first, float(factors.component_scale[target.first])
        return SCALED, (place, place), scale, float(x[place] * sigma / scale)
    if target.kind == "residual":
        return RESIDUAL, (0, 0), 1.0, float(x[-1])
    if target.kind == "correlation":
        return ANGLE, (1, 2), 1.0, float(np.arctan2(lower[1, 0], lower[1, 1]))
    return SHARE, (0, 0), 1.0, 0.0


def _weights(factors: GroupFactors) -> FloatArray:
    """Return what each relative covariance adds to the mean variance of the random part."""
    data = factors.data
    z = data.rows[:, : data.q]
    back = np.linalg.solve(factors.z_scale, np.eye(data.q))
    products = back.T @ (z.T @ z / data.n_rows) @ back
    rows, cols = np.tril_indices(data.q)
    inner = products[rows, cols] * np.where(rows == cols, 1.0, 2.0)
    return np.concatenate([inner, np.ones(data.n_components)])
