"""The health of a mixed model's fit: where it stopped against the optimum, and what is flat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import Flat, Health, Shift
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit, gls
from pymargins.mixed.likelihood.least_squares import GlsFit
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.flatness import flat_directions

BOUNDARY = 1e-6
#: Mean responses of so many rows are compared.
MOST_ROWS = 2_000


def examine_mixed(
    data: MixedData,
    parameters: CovarianceParameters,
    optimum: MixedFit | None,
    reported: FloatArray | None,
    converged: bool,
    names: tuple[str, ...],
    rank_deficient: bool,
) -> Health:
    """Compare a mixed-model fit with the optimum of the same data and structure.

    Parameters
    ----------
    data : MixedData
    parameters : CovarianceParameters
        Where the fit stopped.
    optimum : MixedFit, optional
        None where the fit has constraints, and is taken to be at its own.
    reported : ndarray, optional
        The covariance of the fixed effects that the fit reports.
    converged : bool
    names : tuple of str
        The coefficients.
    rank_deficient : bool
    """
    here = gls(data, parameters)
    best = here if optimum is None else optimum.gls
    se = np.sqrt(np.diagonal(here.cov))
    kept = se > 0
    best_se = np.sqrt(np.diagonal(best.cov))
    ratio = None if reported is None else np.sqrt(np.diagonal(reported))[kept] / se[kept]
    sizes = data.sizes
    return Health(
        converged=converged,
        deviance_gap=max(0.0, 2.0 * (best.loglik - here.loglik)),
        se_shift=float(np.abs(best_se[kept] / se[kept] - 1.0).max(initial=0.0)),
        boundary=_on_boundary(data.working(parameters)),
        se_ratio=ratio,
        names=names,
        rank_deficient=rank_deficient,
        groups=data.n_groups,
        group_sizes=(int(sizes.min()), float(np.median(sizes)), int(sizes.max())),
        coefficients=_worst(se, best_se, names),
        means=_worst_mean(data, here, best),
        flat=_flat(data, parameters, names),
    )


def _worst(here: FloatArray, best: FloatArray, names: Sequence[str]) -> Shift | None:
    """Return the standard error that is furthest from that at the optimum."""
    kept = np.flatnonzero((here > 0) & (best > 0))
    if len(kept) == 0:
        return None
    i = int(kept[np.argmax(np.abs(np.log(best[kept] / here[kept])))])
    return Shift(names[i], float(here[i]), float(best[i]))


def _worst_mean(data: MixedData, here: GlsFit, best: GlsFit) -> Shift | None:
    """Return the same of the mean responses of rows, of very many rows of some."""
    some = np.unique(np.linspace(0, data.n_rows - 1, MOST_ROWS).astype(int))
    rows = data.rows[some, data.q : data.q + data.rank]
    errors = [np.sqrt(np.einsum("np,np->n", rows @ f.working_cov, rows)) for f in (here, best)]
    return _worst(errors[0], errors[1], ["mean responses"] * len(some))


def _flat(data: MixedData, parameters: CovarianceParameters, names: Sequence[str]) -> Flat | None:
    found = flat_directions(data, variance_derivatives(data, parameters))
    if found.count == 0:
        return None
    return Flat(found.count, tuple(n for n, hit in zip(names, found.touched, strict=True) if hit))


def _on_boundary(parameters: CovarianceParameters) -> bool:
    smallest = parameters.components.min(initial=np.inf)
    if parameters.psi.size:
        size = np.sqrt(np.maximum(np.diagonal(parameters.psi), 0.0))
        if (size**2 <= BOUNDARY * parameters.sigma2).any():
            return True
        correlation = parameters.psi / np.outer(size, size)
        smallest = min(smallest, float(np.linalg.eigvalsh(correlation)[0]) * parameters.sigma2)
    return bool(smallest <= BOUNDARY * parameters.sigma2)
