"""Fits of other packages that may have absorbed effects: their design, and what is determined.

The columns of a design are found by their values among those that the formula gives. Where effects
of groups were absorbed, nothing tells the level of the outcome: the constant is part of the design,
with a coefficient that the data do not determine, so that means are refused and what does not
depend on it (slopes, contrasts) is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from pymargins._typing import AnyArray, FloatArray
from pymargins.errors import ModelError, listing
from pymargins.facts import CovarianceFacts, ModelFacts
from pymargins.models.describe import make_variables
from pymargins.models.design import Block, Design
from pymargins.models.fitted import MEAN, Fitted
from pymargins.models.means import LinearMean
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import Covariance, CovarianceOffer, Request
from pymargins.ranks import column_rank

#: Values of one column, computed twice.
SAME = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """What a fit says of its coefficients.

    Parameters
    ----------
    names : tuple of str
    params : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
    called : str
        What the package calls the covariance.
    absorbed : tuple of str
        The names of the effects that were.
    df : float
        Degrees of freedom that the package uses; infinite for the normal distribution.
    residual_df : float
    """

    names: tuple[str, ...]
    params: FloatArray
    cov: FloatArray
    called: str
    absorbed: tuple[str, ...]
    df: float
    residual_df: float


def fitted_of(
    found: Estimated,
    design: Design,
    values: tuple[AnyArray, ...],
    place: dict[int, int],
    frame: pd.DataFrame,
    facts: ModelFacts,
    **more: Any,
) -> Fitted:
    """Describe a fit, with an undetermined constant where it absorbed effects.

    Parameters
    ----------
    found : Estimated
    design : Design
        As the formula gives it; its columns may stand in another order, and have a constant.
    values : tuple of ndarray
        Each factor of the design on the rows of the fit.
    place : dict of int to int
        Where each of its columns stands in the fit.
    frame : DataFrame
        These rows.
    facts : ModelFacts
    **more
        Other fields of `Fitted`.

    Raises
    ------
    ModelError
        Where the design is not that of the fit.
    """
    built = design.rows(values, len(frame))
    design = _arranged(design, built, place, found)
    exog = built[:, sorted(place, key=place.__getitem__)]
    p, size = len(found.names), len(design.names)
    cov = np.zeros((size, size))
    cov[:p, :p] = found.cov
    made = CovarianceOffer(_Reported(cov, CovarianceFacts("model", fitted_as=found.called)))
    return Fitted(
        parameters=Parameters.of_blocks(beta=np.r_[found.params, np.zeros(size - p)]),
        mean=LinearMean(),
        designs={MEAN: design},
        variables=make_variables(design, frame),
        frame=frame,
        facts=facts,
        covariances={"model": made},
        reference_df=found.df,
        residual_df=found.residual_df,
        factor_values={MEAN: values},
        null_spaces={"beta": _undetermined(exog, bool(found.absorbed))},
        **more,
    )


def _undetermined(exog: FloatArray, absorbed: bool) -> FloatArray:
    """Return the directions of the coefficients that the data do not tell.

    Where effects were absorbed these are, besides those of the design itself, the constant, which
    is last, and any combination of the columns that is constant.
    """
    own = column_rank(exog).null_space
    if not absorbed:
        return own
    ones = np.ones(len(exog))
    combination = np.linalg.lstsq(exog, ones, rcond=None)[0]
    combination[np.abs(combination) * np.abs(exog).max(axis=0) < SAME] = 0.0  # rounding
    if np.allclose(exog @ combination, ones, rtol=0, atol=SAME):
        own = np.column_stack([own, combination])
    return np.asarray(block_diag(own, 1.0), dtype=float)


def places_by_values(built: FloatArray, names: Sequence[str], exog: FloatArray) -> dict[int, int]:
    """Find the columns of the fit among those that were built: from theirs to the fit's.

    Raises
    ------
    ModelError
        Where one is not among them.
    """
    place: dict[int, int] = {}
    for j, name in enumerate(names):
        column = exog[:, j]
        scale = np.abs(column).max(initial=0.0) + 1e-300
        off = np.abs(built - column[:, None]).max(axis=0)
        same = [c for c in np.flatnonzero(off <= SAME * scale).tolist() if c not in place]
        if not same:
            raise changed(name)
        place[same[0]] = j
    return place


def places_by_names(design: Design, names: Sequence[str]) -> dict[int, int]:
    """Find the columns of the fit by their names: from the design's to the fit's."""
    return {design.names.index(name): j for j, name in enumerate(names)}


def changed(name: str) -> ModelError:
    """Build the error for a column that the data do not give."""
    return ModelError(
        f"the data do not reproduce the column {name!r} of the fitted design. Pass the rows that "
        "were fitted, unchanged: Margins(fit, data=...)."
    )


def _arranged(design: Design, built: FloatArray, place: dict[int, int], found: Estimated) -> Design:
    """Put the columns in the order of the fit, and the constant last that effects stand beside."""
    left = [c for c in range(built.shape[1]) if c not in place]
    constant = [c for c in left if (built[:, c] == 1.0).all()]
    if left != constant:
        extra = [design.names[c] for c in left if c not in constant]
        raise ModelError(
            f"the fit has no coefficients of {listing(extra)}: they were dropped as collinear, or "
            "absorbed. Fit again without them."
        )
    blocks = [moved for block in design.blocks if (moved := _moved(block, place)) is not None]
    names = found.names
    if found.absorbed:
        blocks.append(Block("Intercept", (), (), (len(names),)))
        names = (*names, "absorbed effects")
    return Design(names, design.factors, tuple(blocks))


def _moved(block: Block, place: Mapping[int, int]) -> Block | None:
    """Return a block at its new columns; None for a constant that the fit does not have."""
    columns = tuple(place[c] for c in block.columns if c in place)
    return replace(block, columns=columns) if columns else None


@dataclass(frozen=True, slots=True, eq=False)
class _Reported:
    matrix: FloatArray
    facts: CovarianceFacts

    def __call__(self, request: Request) -> Covariance:
        return Covariance(self.matrix, self.facts)


def absorbs(effects: Sequence[str]) -> str:
    """Say what is asked of a fit that absorbed effects, for every table."""
    return (
        f"Effects of {', '.join(effects)} were absorbed: slopes and contrasts do not depend on "
        "them, means would."
    )
