"""The responses that a replicate of each kind of bootstrap draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ModelError, not_one_of
from pymargins.mixed.likelihood.blups import fitted_effects, random_effects
from pymargins.mixed.likelihood.estimation import MixedFit
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.likelihood.parameters import lower_root
from pymargins.mixed.likelihood.responses import GroupMultiples, Responses, RowResponses
from pymargins.mixed.likelihood.scaling import to_relative
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.refits.sandwich import adjustment, leverages

STREAM = 8  # replicates drawn from one random stream
RANGE = 1e-10  # relative eigenvalue below which a covariance has no extent

WildWeights = Literal["rademacher", "webb", "mammen"]
Seed = int | np.random.SeedSequence | np.random.Generator | None


class Draw(Protocol):
    """Draws `count` replicates at a time, replicates last, and makes responses of them."""

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw."""
        ...

    def responses(self, drawn: FloatArray) -> Responses:
        """Return the responses, rows sorted."""
        ...


def streams(seed: Seed, n_replicates: int) -> Iterator[tuple[np.random.Generator, int]]:
    """Yield one generator per block of `STREAM` replicates, with the size of the block.

    A block's figures depend on the seed and its place alone, not on how blocks are distributed.
    """
    seed = seed_sequence(seed)
    counts = [STREAM] * (n_replicates // STREAM)
    if n_replicates % STREAM:
        counts.append(n_replicates % STREAM)
    for child, count in zip(seed.spawn(len(counts)), counts, strict=True):
        yield np.random.default_rng(child), count


def seed_sequence(seed: Seed) -> np.random.SeedSequence:
    """Return a seed sequence that has spawned nothing yet.

    A generator is asked for entropy, so that using it twice gives different figures; an integer or
    a seed sequence gives the same ones every time.
    """
    if isinstance(seed, np.random.Generator):
        return np.random.SeedSequence(seed.integers(0, 2**32, size=8).tolist())
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(entropy=seed.entropy, spawn_key=seed.spawn_key)
    return np.random.SeedSequence(seed)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnEffects:
    """What responses of B replicates, less ``X beta``, are made of.

    Attributes
    ----------
    b : (G, q, B) array
        Correlated random effects, over the working columns of Z.
    components : tuple of (K_v, B) arrays
        Effects of each component, all groups one after the other.
    residuals : (n, B) array
        Rows sorted.
    """

    b: FloatArray
    components: tuple[FloatArray, ...]
    residuals: FloatArray

    def responses(self, data: MixedData) -> FloatArray:
        """Return ``Z b + sum C u + e`` (n, B), rows sorted."""
        return self.residuals + fitted_effects(data, self.b, list(self.components))


class EffectsDraw(Draw, Protocol):
    """A draw whose random effects are known."""

    def effects(self, rng: np.random.Generator, count: int) -> DrawnEffects:
        """Draw random effects and residuals: of the same stream those of the responses."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ParametricDraw:
    """Responses from the fitted model, less ``X beta``: ``Z b* + sum C u* + e*``, all normal."""

    data: MixedData
    root: FloatArray
    spreads: FloatArray
    widths: tuple[int, ...]
    sigma: float

    @classmethod
    def from_fit(cls, data: MixedData, fit: MixedFit) -> ParametricDraw:
        """Take the roots of the fitted variances."""
        widths = tuple(sum(part.shape[1] for part in parts) for parts in data.components)
        params = fit.params
        return cls(
            data,
            lower_root(data.working(params).psi),
            np.sqrt(params.components),
            widths,
            float(np.sqrt(params.sigma2)),
        )

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw responses (n, count), rows sorted."""
        return self.effects(rng, count).responses(self.data)

    def effects(self, rng: np.random.Generator, count: int) -> DrawnEffects:
        """See `EffectsDraw`."""
        data = self.data
        e = rng.standard_normal((data.n_rows, count)) * self.sigma
        b = np.einsum("jk,gkb->gjb", self.root, rng.standard_normal((data.n_groups, data.q, count)))
        u = tuple(
            rng.standard_normal((width, count)) * spread
            for width, spread in zip(self.widths, self.spreads, strict=True)
        )
        return DrawnEffects(b, u, e)

    def responses(self, drawn: FloatArray) -> RowResponses:
        """See `Draw`."""
        return RowResponses(drawn)


@dataclass(frozen=True, slots=True, eq=False)
class ResidualDraw:
    """Predicted random effects and residuals, reflated to the fitted variances, with replacement.

    The predictions b are shrunken and vary too little; centred, with ``S = b'b / G``, they are
    multiplied by A with ``A'S A = Psi``; effects of components and residuals are centred and
    rescaled likewise, each level to its own variance.  Rows of b, single effects of a component and
    single residuals are then drawn independently (Carpenter, Goldstein & Rasbash 2003,
    doi:10.1111/1467-9876.00415).
    """

    data: MixedData
    b: FloatArray
    components: tuple[FloatArray, ...]
    residuals: FloatArray

    @classmethod
    def from_fit(cls, data: MixedData, fit: MixedFit) -> ResidualDraw:
        """Predict, centre and reflate."""
        found = random_effects(data, fit.params, fit.gls)
        return cls(
            data,
            reflate(found.working_b, data.working(fit.params).psi),
            tuple(
                reflate(u[:, None], np.array([[tau]]))[:, 0]
                for u, tau in zip(found.components, fit.params.components, strict=True)
            ),
            reflate(found.conditional[:, None], np.array([[fit.params.sigma2]]))[:, 0],
        )

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw responses (n, count), rows sorted."""
        return self.effects(rng, count).responses(self.data)

    def effects(self, rng: np.random.Generator, count: int) -> DrawnEffects:
        """See `EffectsDraw`."""
        data = self.data
        e = self.residuals[rng.integers(0, data.n_rows, size=(data.n_rows, count))]
        b = self.b[rng.integers(0, data.n_groups, size=(data.n_groups, count))].transpose(0, 2, 1)
        u = tuple(one[rng.integers(0, len(one), size=(len(one), count))] for one in self.components)
        return DrawnEffects(b, u, e)

    def responses(self, drawn: FloatArray) -> RowResponses:
        """See `Draw`."""
        return RowResponses(drawn)


@dataclass(frozen=True, slots=True, eq=False)
class WildDraw:
    """Each group's residuals, adjusted for leverage, times one random weight per group.

    ``y_i* - X_i beta = w_i A_i (y_i - X_i beta)`` (Modugno & Giannerini 2015,
    doi:10.1080/03610926.2013.802807; Cameron, Gelbach & Miller 2008, doi:10.1162/rest.90.3.414),
    A_i the whitened CR2 or the CR3 matrix of `pymargins.mixed.refits.sandwich`.
    """

    residuals: FloatArray
    n_groups: int
    points: FloatArray
    chances: FloatArray

    @classmethod
    def from_fit(
        cls,
        data: MixedData,
        fit: MixedFit,
        leverage: Literal["cr2-whitened", "cr3"] = "cr2-whitened",
        weights: WildWeights = "rademacher",
    ) -> WildDraw:
        """Adjust the residuals."""
        if leverage not in ("cr2-whitened", "cr3"):
            raise not_one_of("leverage", leverage, ("cr2-whitened", "cr3"))
        if weights not in WILD_POINTS:
            raise not_one_of("weights", weights, WILD_POINTS)
        if data.n_groups < 2:
            raise ModelError(
                'kind="wild": whole groups are weighted, but the model has only one group. Use '
                'kind="parametric".'
            )
        residuals = adjusted_residuals(data, fit, leverage)
        points, chances = WILD_POINTS[weights]
        return cls(residuals, data.n_groups, points, chances)

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw the weight of each group, (G, count)."""
        place = np.searchsorted(np.cumsum(self.chances)[:-1], rng.random((self.n_groups, count)))
        return self.points[place]

    def responses(self, drawn: FloatArray) -> GroupMultiples:
        """See `Draw`."""
        return GroupMultiples(self.residuals, drawn)


def reflate(effects: FloatArray, target: FloatArray) -> FloatArray:
    """Centre effects (J, q) and transform them linearly to have covariance `target` exactly.

    With ``S = b'b / J`` of full rank A is ``(L_target L_S^-1)'`` from Cholesky-like roots;
    otherwise effects are whitened within the range of S, and given as much of the target as that
    can carry.
    """
    if effects.shape[1] == 0:
        return effects
    centred = effects - effects.mean(axis=0)
    s = centred.T @ centred / len(centred)
    values, vectors = np.linalg.eigh(s)
    alive = values > RANGE * max(values[-1], np.finfo(float).tiny)
    if alive.all():
        return centred @ np.linalg.solve(np.linalg.cholesky(s).T, lower_root(target).T)
    white = centred @ (vectors[:, alive] / np.sqrt(values[alive]))
    extents, directions = np.linalg.eigh(target)
    top = directions[:, ::-1] * np.sqrt(np.clip(extents[::-1], 0.0, None))
    return white @ top[:, : white.shape[1]].T


def adjusted_residuals(
    data: MixedData, fit: MixedFit, leverage: Literal["cr2-whitened", "cr3"]
) -> FloatArray:
    """Return ``A_i (y_i - X_i beta)`` (n,), rows sorted."""
    factors = GroupFactors.from_data(data)
    rank, sigma2 = data.rank, fit.params.sigma2
    psi = to_relative(factors, fit.params)
    k = adjustment(leverages(factors, psi) / sigma2, fit.gls.working_cov, leverage)
    found = random_effects(data, fit.params, fit.gls)
    # V^-1 e is the conditional residual over sigma2.
    x = data.rows[:, data.q : data.q + rank]
    codes = data.sorted_groups
    scores = np.zeros((data.n_groups, rank))
    np.add.at(scores, codes, x * found.conditional[:, None] / sigma2)
    shift = np.einsum("gij,gj->gi", k, scores)
    return found.marginal + np.einsum("ni,ni->n", x, shift[codes])


_WEBB = np.sqrt([0.5, 1.0, 1.5])
_GOLDEN = np.sqrt(5.0)
WILD_POINTS: dict[str, tuple[FloatArray, FloatArray]] = {
    "rademacher": (np.array([-1.0, 1.0]), np.full(2, 0.5)),
    "webb": (np.concatenate([-_WEBB, _WEBB]), np.full(6, 1 / 6)),
    "mammen": (
        np.array([(1 - _GOLDEN) / 2, (1 + _GOLDEN) / 2]),
        np.array([(_GOLDEN + 1) / (2 * _GOLDEN), (_GOLDEN - 1) / (2 * _GOLDEN)]),
    ),
}
