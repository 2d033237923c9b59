"""What a reviewer should know about a fit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import Health
from pymargins.mixed import CovarianceParameters, MixedData, MixedFit, gls
from pymargins.report.health import health_lines, health_summary, short_warning
from pymargins.report.summary import Summary

BOUNDARY = 1e-6


class Diagnosis(Health):
    """The health of a fit, which prints."""

    __slots__ = ()

    @classmethod
    def of(cls, health: Health) -> Diagnosis:
        """Give health its words."""
        return cls(**{one.name: getattr(health, one.name) for one in fields(health)})

    def lines(self) -> list[tuple[str, str]]:
        """Return what is reported, as pairs of subject and finding."""
        return health_lines(self)

    def summary(self) -> Summary:
        """Return the report as a table."""
        return health_summary(self)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().to_html()


fit_warning = short_warning


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
        boundary=_on_boundary(parameters),
        se_ratio=ratio,
        names=names,
        rank_deficient=rank_deficient,
        groups=data.n_groups,
        group_sizes=(int(sizes.min()), float(np.median(sizes)), int(sizes.max())),
    )


def _on_boundary(parameters: CovarianceParameters) -> bool:
    smallest = parameters.components.min(initial=np.inf)
    if parameters.psi.size:
        size = np.sqrt(np.maximum(np.diagonal(parameters.psi), 0.0))
        if (size**2 <= BOUNDARY * parameters.sigma2).any():
            return True
        correlation = parameters.psi / np.outer(size, size)
        smallest = min(smallest, float(np.linalg.eigvalsh(correlation)[0]) * parameters.sigma2)
    return bool(smallest <= BOUNDARY * parameters.sigma2)
