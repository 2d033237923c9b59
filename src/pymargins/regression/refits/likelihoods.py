r"""Refits of likelihoods whose scores are known row by row, whatever their parameters.

In coordinates in which the information of the fit is one, replicates differ from it by little, so
that quasi-Newton steps (Broyden, Fletcher, Goldfarb and Shanno, from the identity) reach each
optimum in a handful of evaluations. There the information is formed from differences of the exact
score, the last step is Newton's, and the score is looked at once more.

References
----------
Nocedal, J. and Wright, S. J. (2006). *Numerical Optimization*, chapter 6.
doi:10.1007/978-0-387-40065-5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import NumericalError
from pymargins.mixed.refits.response_draws import STREAM
from pymargins.regression.refits.covariances import ZERO, Studentizer
from pymargins.regression.refits.iterations import (
    NOT_AN_OPTIMUM,
    NOT_CONVERGED,
    NOT_IDENTIFIED,
    REASONS,
    SINGULAR,
)
from pymargins.regression.refits.refitter import Refits

#: Quasi-Newton steps end where the next is shorter, in standard errors.
SETTLED = 1e-5
MOST_STEPS = 200
#: Steps of the differences that the information is formed from, in standard errors.
APART = 1e-3
#: Eigenvalues of the information, relative to the largest, below which they are rounding.
ROUNDING = 1e-10


class RowScores(Protocol):
    """A likelihood, row by row."""

    def scores(self, params: FloatArray) -> FloatArray:
        """Return the derivative of each row's log-likelihood, (n, P)."""
        ...

    def log_likelihoods(self, params: FloatArray) -> FloatArray:
        """Return the log-likelihood of each row, (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRefitter:
    """Refits a likelihood, one replicate after the other.

    Parameters
    ----------
    rows : RowScores
        Of the fit.
    params : ndarray, shape (P,)
        The fit's, at its optimum.
    root : ndarray, shape (P, k)
        The root of the inverse of its information; redundant parameters stay where they are.
    respond : callable, optional
        From responses (n,) to their likelihood, where the class has a distribution.
    studentizer : Studentizer, optional
        None where no covariances are needed.
    at_the_end : LikelihoodRefitter, optional
        The same with those parameters that have an end of their range held there: where the
        optimum of a replicate is that of a Poisson model, a dispersion has none inside it.
    """

    rows: RowScores
    params: FloatArray
    root: FloatArray
    respond: Callable[[FloatArray], RowScores] | None = None
    studentizer: Studentizer | None = None
    at_the_end: LikelihoodRefitter | None = None

    @property
    def chunk(self) -> int:
        """How many replicates one worker takes at a time."""
        return STREAM

    @property
    def base_cov(self) -> FloatArray | None:
        """The covariance of the fit, of the kind that replicates have."""
        if self.studentizer is None:
            return None
        cov = self.weighted(np.ones((len(self.rows.scores(self.params)), 1))).cov
        return None if cov is None else cov[0]

    def weighted(self, weights: AnyArray) -> Refits:
        """Refit with each row as often as the weights (n, b) say."""
        return self._together(
            [_Replicate(self, self.rows, column) for column in weights.T.astype(float)]
        )

    def responded(self, responses: FloatArray) -> Refits:
        """Refit to other responses (n, b)."""
        assert self.respond is not None
        replicates: list[_Replicate | None] = []
        for column in responses.T:
            try:
                rows = self.respond(column)
            except ValueError:  # an outcome that does not occur
                replicates.append(None)
                continue
            replicates.append(_Replicate(self, rows, np.ones(len(column))))
        return self._together(replicates)

    def _together(self, replicates: list[_Replicate] | list[_Replicate | None]) -> Refits:
        size = len(self.params)
        theta = np.full((len(replicates), size), np.nan)
        cov = np.full((len(replicates), size, size), np.nan)
        reasons: list[str] = []
        on_boundary = 0
        for b, replicate in enumerate(replicates):
            if replicate is None:
                reasons.append(REASONS[NOT_IDENTIFIED])
                continue
            with np.errstate(all="ignore"):  # steps that leave the domain are taken back
                reason = replicate.solve()
                held = replicate.at_the_end() if reason else None
            if held is not None:
                replicate, reason = held, ""
                on_boundary += 1
            reasons.append(reason)
            theta[b], cov[b] = replicate.params(replicate.gamma), replicate.cov
        given = None if self.studentizer is None else cov
        return Refits(theta, tuple(reasons), given, on_boundary)


class _Replicate:
    """One replicate: its likelihood, and where its search stands."""

    def __init__(self, owner: LikelihoodRefitter, rows: RowScores, weights: FloatArray) -> None:
        self.owner = owner
        self.rows = rows
        self.weights = weights
        self.gamma = np.zeros(owner.root.shape[1])
        self.cov: FloatArray | float = np.nan

    def params(self, gamma: FloatArray) -> FloatArray:
        return self.owner.params + self.owner.root @ gamma

    def value(self, gamma: FloatArray) -> float:
        return float(self.weights @ self.rows.log_likelihoods(self.params(gamma)))

    def score(self, gamma: FloatArray) -> FloatArray:
        return (self.weights @ self.rows.scores(self.params(gamma))) @ self.owner.root

    def solve(self) -> str:
        """Find the optimum; return why it was not found, or nothing."""
        if not self._search():
            return REASONS[NOT_CONVERGED]
        information = self._information()
        if not np.isfinite(information).all():
            return REASONS[NOT_CONVERGED]
        spectrum = np.linalg.eigvalsh(information)
        if len(spectrum) and spectrum[0] <= SINGULAR * abs(spectrum[-1]):
            return REASONS[NOT_IDENTIFIED]
        bread = np.linalg.inv(information)
        self.gamma = self.gamma + bread @ self.score(self.gamma)
        left = bread @ self.score(self.gamma)
        if not np.abs(left).max(initial=0.0) < ZERO:
            return REASONS[NOT_AN_OPTIMUM]
        if self.owner.studentizer is not None:
            root = self.owner.root
            self.cov = root @ self._covariance(bread, self.owner.studentizer) @ root.T
        return ""

    def at_the_end(self) -> _Replicate | None:
        """Return the optimum at the end of some range, if the likelihood rises towards it there."""
        held = self.owner.at_the_end
        if held is None:
            return None
        found = _Replicate(held, self.rows, self.weights)
        if found.solve():
            return None
        slope = self.weights @ self.rows.scores(found.params(found.gamma))
        ends = ~held.root.any(axis=1) & self.owner.root.any(axis=1)
        return found if (slope[ends] <= 0.0).all() else None

    def _search(self) -> bool:
        """Go uphill by quasi-Newton steps; tell whether the last was short."""
        inverse = np.eye(len(self.gamma))
        height, score = self.value(self.gamma), self.score(self.gamma)
        for _ in range(MOST_STEPS):
            step = inverse @ score
            if np.abs(step).max(initial=0.0) < SETTLED:
                return True
            for half in range(40):
                moved = self.gamma + step / 2.0**half
                new = self.value(moved)
                slope = self.score(moved)
                higher = new >= height - 1e-10 * abs(height)
                if np.isfinite(new) and higher and np.isfinite(slope).all():
                    break
            else:
                return False
            inverse = _updated(inverse, moved - self.gamma, score - slope)
            self.gamma, height, score = moved, new, slope
        return False

    def _information(self) -> FloatArray:
        """Return minus the derivative of the score, by central differences."""
        size = len(self.gamma)
        out = np.empty((size, size))
        for j, unit in enumerate(np.eye(size) * APART):
            ahead, behind = self.score(self.gamma + unit), self.score(self.gamma - unit)
            out[:, j] = (behind - ahead) / (2.0 * APART)
        return (out + out.T) / 2.0

    def _covariance(self, bread: FloatArray, studentizer: Studentizer) -> FloatArray:
        if studentizer.kind == "model":
            return bread
        scores = self.rows.scores(self.params(self.gamma)) @ self.owner.root
        if studentizer.kind == "rows":
            return bread @ ((scores * self.weights[:, None]).T @ scores) @ bread
        codes, sampling = studentizer.codes, studentizer.sampling
        assert codes is not None
        assert sampling is not None
        sums = np.zeros((sampling.n_clusters, scores.shape[1]))
        np.add.at(sums, codes, scores)
        times = np.zeros(sampling.n_clusters)
        times[codes] = self.weights
        return sampling.variance((sums @ bread)[None], times[:, None])[0]


def _updated(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """Update the inverse information by what a step did to the score."""
    along = float(step @ change)
    if along <= 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    turn = np.eye(len(step)) - np.outer(step, change) / along
    return turn @ inverse @ turn.T + np.outer(step, step) / along


def root_of(information: FloatArray) -> FloatArray:
    """Return R (P, k) with R R' an inverse of the information of a fit.

    Raises
    ------
    NumericalError
        Where it is not one of an optimum.
    """
    size = np.sqrt(np.abs(np.diagonal(information)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] < -ROUNDING * values[-1]:
        raise NumericalError(
            "bootstrap: the fit itself is not at an optimum of its likelihood, so that there is "
            "nothing for replicates to scatter around. Refit with another method or start."
        )
    kept = values > ROUNDING * values[-1]
    return (vectors[:, kept] / np.sqrt(values[kept])) / size[:, None]
