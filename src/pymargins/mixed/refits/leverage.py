"""Scores of groups adjusted for leverage, in many replicates at once.

CR2 and CR3 put a function ``f(s) = (1 - s)^-a`` between the score of a group and its influence
(letters as in `pymargins.mixed.refits.sandwich`): of ``T_i M``, whose eigenvalues s are the
leverages of the group, from 0 to 1.  As these are small, the binomial series is short,

``f(M T_i) M g_i = sum_k c_k (M T_i)^k M g_i``,   ``c_k = c_k-1 (k - 1 + a) / k``,

and a term costs two products of a vector: with T_i, which is one matrix for all replicates and a
few columns of the random effects, and with M, which is one matrix for all groups.  No matrix is
formed, let alone decomposed, for a group and a replicate.  Where leverages add up to t < 1 none of
them is larger, and what the series leaves out is at most ``t / (1 - t)`` times its last term.  Over
all groups leverages add up to the number of coefficients p, so that at most p / t groups have more
than t.  Those are decomposed in each replicate, one group at a time, and so are groups whose series
is too long (Higham 2008, *Functions of Matrices*, doi:10.1137/1.9780898717778, sec. 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood.factors import FactorBlock

#: Groups whose leverages add up to at most the same of these share the length of their series.
SUMS = (1 / 8, 1 / 2, 0.9)
#: What a series leaves out, relative to its sum ...
LEFT_OUT = 1e-13
#: ... and the most terms that it may take, beyond which a decomposition is the faster way.
TERMS = 60
#: 1 - leverage below this: the group determines that direction alone.
ALONE = 1e-8


class Leverage(Protocol):
    """``T_i sigma2`` (rank, rank) of G groups in each of B replicates."""

    def traces(self, model: FloatArray) -> FloatArray:
        """Return ``tr T_i M`` (B, G) of M (B, rank, rank)."""
        ...

    def times(self, vectors: FloatArray) -> FloatArray:
        """Return ``x'T_i`` of vectors x (B, G, rank)."""
        ...

    def matrices(self) -> FloatArray:
        """Return T_i (B, G, rank, rank)."""
        ...

    def take(self, groups: IntArray) -> Leverage:
        """Return that of some of the groups, by their places."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BlockLeverage:
    """``W_i + u_i'N_i^-1 u_i`` of the groups of a `FactorBlock`, over X alone.

    ``within`` is (G, rank, rank), ``u`` (G, rho, rank), ``n`` (B, G, rho, rho).
    """

    within: FloatArray
    u: FloatArray
    n: FloatArray

    @classmethod
    def of_block(cls, block: FactorBlock, n: FloatArray) -> BlockLeverage:
        """Take ``N^-1`` (B, S, rho, rho) of each class."""
        return cls(block.within[:, :-1, :-1], block.u[:, :, :-1], n[:, block.classes])

    def traces(self, model: FloatArray) -> FloatArray:
        """See `Leverage`."""
        count, rank, _ = model.shape
        groups, rho, _ = self.u.shape
        near = model.reshape(count, -1) @ self.within.reshape(groups, -1).T
        over = (self.u.reshape(-1, rank) @ model).reshape(count, groups, rho, rank)
        outer = np.einsum("bgjr,gkr->bgjk", over, self.u)
        return near + np.einsum("bgjk,bgjk->bg", outer, self.n)

    def times(self, vectors: FloatArray) -> FloatArray:
        """See `Leverage`."""
        by_group = vectors.transpose(1, 0, 2)
        found = by_group @ self.within
        reduced = by_group @ self.u.transpose(0, 2, 1)
        if self.u.shape[1] == 1:
            solved = reduced * self.n[:, :, 0].transpose(1, 0, 2)
        else:
            solved = np.einsum("gbj,bgjk->gbk", reduced, self.n)
        found += solved @ self.u
        return found.transpose(1, 0, 2)

    def matrices(self) -> FloatArray:
        """See `Leverage`."""
        return self.within + self.u.transpose(0, 2, 1) @ (self.n @ self.u)

    def take(self, groups: IntArray) -> BlockLeverage:
        """See `Leverage`."""
        return BlockLeverage(self.within[groups], self.u[groups], self.n[:, groups])


@dataclass(frozen=True, slots=True, eq=False)
class FormLeverage:
    """Matrices ``forms`` (B, G, rank, rank), where the criterion has formed them all."""

    forms: FloatArray

    def traces(self, model: FloatArray) -> FloatArray:
        """See `Leverage`."""
        return np.einsum("bgij,bij->bg", self.forms, model)

    def times(self, vectors: FloatArray) -> FloatArray:
        """See `Leverage`."""
        return (vectors[:, :, None, :] @ self.forms)[:, :, 0]

    def matrices(self) -> FloatArray:
        """See `Leverage`."""
        return self.forms

    def take(self, groups: IntArray) -> FormLeverage:
        """See `Leverage`."""
        return FormLeverage(self.forms[:, groups])


def adjusted(scores: FloatArray, leverage: Leverage, model: FloatArray, power: float) -> FloatArray:
    """Return the influences ``(I - M T_i)^-power M g_i`` (B, G, rank).

    Parameters
    ----------
    scores : (B, G, rank) array
        ``g_i``.
    leverage : Leverage
    model : (B, rank, rank) array
        M.
    power : float
        1/2 for CR2, 1 for CR3.
    """
    largest = leverage.traces(model).max(axis=0)
    found = scores @ model
    done = np.zeros(len(largest), dtype=bool)
    low = -np.inf
    for high in SUMS:
        some = np.flatnonzero((largest > low) & (largest <= high))
        if len(some):
            limit = LEFT_OUT * (1 - high) / high
            part, done[some] = _series(found[:, some], leverage.take(some), model, power, limit)
            found[:, some] = part
        low = high
    if done.all():
        return found
    root = np.linalg.cholesky(model)
    for group in np.flatnonzero(~done):
        own = leverage.take(np.array([group])).matrices()[:, 0]
        found[:, group] = _decomposed(scores[:, group], own, root, power)
    return found


def multiplier(values: FloatArray, power: float) -> FloatArray:
    """Return ``(1 - s)^-power`` of leverages s, zero where s = 1."""
    left = 1 - values
    return np.where(left > ALONE, np.maximum(left, ALONE) ** -power, 0.0)


def _series(
    vectors: FloatArray, leverage: Leverage, model: FloatArray, power: float, limit: float
) -> tuple[FloatArray, BoolArray]:
    """Return ``x'f(T_i M)`` of x (B, G, rank), and for which groups the series has ended."""
    enough = limit**2 * _squares(vectors)
    total, term, c = vectors.copy(), vectors, 1.0
    ended = np.zeros(vectors.shape[1], dtype=bool)
    for k in range(1, TERMS + 1):
        term = leverage.times(term) @ model
        c *= (k - 1 + power) / k
        total += c * term
        ended = np.asarray((c * c * _squares(term) <= enough).all(axis=0))
        if ended.all():
            break
    return total, ended


def _squares(vectors: FloatArray) -> FloatArray:
    return np.einsum("bgr,bgr->bg", vectors, vectors)


def _decomposed(
    scores: FloatArray, leverage: FloatArray, root: FloatArray, power: float
) -> FloatArray:
    """Return the influences (B, rank) of one group, ``L f(L'T_i L) L'g_i``."""
    across = root.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(across @ leverage @ root)
    turned = ((scores[:, None] @ root) @ vectors) * multiplier(values, power)[:, None]
    return ((turned @ vectors.transpose(0, 2, 1)) @ across)[:, 0]
