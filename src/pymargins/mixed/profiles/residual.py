r"""The deviance with the residual variance as a parameter of its own.

The criterion of `pymargins.mixed.likelihood.criterion` has sigma2 at its best. With
:math:`\tau = \log \sigma^2` free it is

``d(psi, tau) = log|N| [+ log|T_xx|] + n* (log 2 pi + tau) + r^2 exp(-tau)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.mixed.likelihood.criterion import Criterion, State


@dataclass(frozen=True, slots=True, eq=False)
class FreeResidual:
    """The deviance of the data over (psi, tau), many points at once."""

    criterion: Criterion

    def evaluate(self, psi: FloatArray, tau: FloatArray) -> tuple[State, FloatArray]:
        """Return the state at psi (r, B), and the deviance at (psi, tau) (B,)."""
        state = self.criterion.evaluate(psi)
        n = self.criterion.n_effective
        squares = state.root[-1, -1] ** 2
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            rest = state.deviance - n * (1 + np.log(2 * np.pi / n) + np.log(squares))
            found = rest + n * (np.log(2 * np.pi) + tau) + squares * np.exp(-tau)
        return state, np.where(np.isfinite(found), found, np.inf)

    def derivatives(self, state: State, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return gradient (r + 1, B) and Hessian (r + 1, r + 1, B), tau last."""
        n = self.criterion.n_effective
        weight = state.root[-1, -1] ** 2 * np.exp(-tau)
        gradient, hessian, share = self.criterion.weighted_derivatives(state, weight)
        hessian = hessian + weight * share[:, None] * share[None]
        across = (weight * share)[None]
        outer = np.concatenate([across, weight[None, None]], axis=1)
        whole = np.concatenate([np.concatenate([hessian, across.swapaxes(0, 1)], axis=1), outer])
        return np.concatenate([gradient, (n - weight)[None]]), whole
