"""Bootstrap-t: how far each replicate is from its centre in standard errors of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.estimands.jacobians import Jacobian, at_fit
from pymargins.estimands.nodes import Estimand
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Replicates, ReplicateVariances

#: Numbers held at once while replicates' standard errors are formed.
CHUNK_CELLS = 4_000_000
#: A replicate's variance below this share of the fit's is none: it drew one cluster over and over,
#: or estimates a variance as zero.
NO_VARIANCE = 1e-16
#: What stands for the t* of such a replicate: beyond any other.
NO_LIMIT = 1e100


def studentized(
    point: Point, replicates: Replicates, estimand: Estimand
) -> tuple[FloatArray, FloatArray]:
    """Return ``t* = (theta* - theta) / SE*`` of every replicate (B, k), and the fit's SE (k,).

    Parameters and what is raised are those of `in_replicates`.
    """
    away, variance, own = in_replicates(point, replicates, estimand)
    return t_ratios(away, variance, own), np.sqrt(own)


def in_replicates(
    point: Point, replicates: Replicates, estimand: Estimand
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``theta* - theta`` and the variance of every replicate (B, k), and the fit's (k,).

    Parameters
    ----------
    point : Point
        The fitted parameters.
    replicates : Replicates
        Of the same parameters.
    estimand : Estimand

    Raises
    ------
    UnsupportedError
        Where replicates have no standard error of what the estimand depends on.
    """
    cov, base = replicates.cov, replicates.base_cov
    if cov is None or base is None:
        raise UnsupportedError(
            'interval: "studentized" needs a standard error of each replicate, which these '
            'refits do not give. Use Bootstrap(interval="percentile").'
        )
    if isinstance(cov, np.ndarray) and isinstance(base, np.ndarray):
        return _by_matrices(point, replicates, estimand, cov, base)
    assert not isinstance(cov, np.ndarray)
    assert not isinstance(base, np.ndarray)
    return _by_rows(point, replicates, estimand, cov, base)


def require_limits(reach: FloatArray, labels: Sequence[str]) -> None:
    """Raise where so many replicates have no standard error that a row has no limits left.

    Parameters
    ----------
    reach : ndarray, shape (k,)
        The quantile of each row's ``|t*|`` that an interval is made of.
    labels : sequence of str
    """
    lost = np.flatnonzero(reach >= NO_LIMIT / 2)
    if len(lost):
        raise NumericalError(
            f'interval: "studentized" has no limits for {labels[int(lost[0])]!r}: the fit, or too '
            "many replicates, leave it no standard error: they draw few different clusters, or "
            "estimate the variance between clusters as zero. With few or much the same clusters "
            'use vcov="kenward-roger" without a bootstrap, Bootstrap(interval="percentile"), or '
            'Bootstrap(kind="parametric") where clusters were drawn.'
        )


def _by_matrices(
    point: Point, replicates: Replicates, estimand: Estimand, cov: FloatArray, base: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    found = replicates.point
    rows = _covered(at_fit(_jacobian(estimand, point)), estimand, point, replicates.covers)
    own = np.maximum(np.einsum("kp,kp->k", rows @ base, rows), 0.0)
    size = max(1, CHUNK_CELLS // (len(estimand) * found.width))
    away, variance = np.empty((2, len(found), len(estimand)))
    center = _at_center(point, replicates, estimand)
    for start in range(0, len(found), size):
        part = slice(start, start + size)
        value, jac = estimand.at(found.part(part), True)
        jac = _covered(jac, estimand, point, replicates.covers)
        variance[part] = np.einsum("bkp,bkp->bk", jac @ cov[part], jac)
        away[part] = value - center
    return away, variance, own


def _by_rows(
    point: Point,
    replicates: Replicates,
    estimand: Estimand,
    cov: ReplicateVariances,
    base: ReplicateVariances,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Do so where parameters are too many for matrices."""
    found = replicates.point
    rows = at_fit(_jacobian(estimand, point))
    own = np.maximum(base.variances(rows)[0], 0.0)
    if estimand.linear:
        variance = cov.variances(rows)
    else:
        size = max(1, CHUNK_CELLS // (len(estimand) * found.width))
        parts = [slice(start, start + size) for start in range(0, len(found), size)]
        variance = np.concatenate(
            [cov.variances(_jacobian(estimand, found.part(part)), part) for part in parts]
        )
    away = estimand.at(found)[0] - _at_center(point, replicates, estimand)
    return away, variance, own


def t_ratios(away: FloatArray, variance: FloatArray, own: FloatArray) -> FloatArray:
    """Return distances (B, k) over the roots of their variances; `NO_LIMIT` where there is none.

    None is next to nothing of the fit's own variances (k,), or a fit's own next to nothing of how
    far replicates scatter.
    """
    unseen = own <= NO_VARIANCE * (away**2).mean(axis=0)
    alone = (variance <= NO_VARIANCE * own) | unseen
    still = alone & (np.abs(away) <= np.sqrt(NO_VARIANCE * own))
    t = np.where(alone, np.sign(away) * NO_LIMIT, away / np.sqrt(np.where(alone, 1.0, variance)))
    t[still] = 0.0
    return t


def _jacobian(estimand: Estimand, point: Point) -> Jacobian:
    jac = estimand.at(point, True)[1]
    assert jac is not None
    return jac


def _at_center(point: Point, replicates: Replicates, estimand: Estimand) -> FloatArray:
    return estimand.at(Point(replicates.center[None, :], point.blocks))[0][0]


def _covered(jac: Any, estimand: Estimand, point: Point, covers: Sequence[str]) -> FloatArray:
    """Return Jacobians over the parameters whose covariance each replicate has."""
    every = np.arange(jac.shape[-1])
    known = [every[where] for name, where in point.blocks.items() if name in covers]
    places = np.concatenate(known)
    if len(places) == jac.shape[-1]:
        return jac
    if np.delete(jac, places, axis=-1).any():
        raise UnsupportedError(
            f'interval: "studentized" has no standard error of {estimand.labels[0]!r} in each '
            f"replicate: it depends on more than {', '.join(covers)}. "
            'Use Bootstrap(interval="percentile").'
        )
    return jac[..., places]
