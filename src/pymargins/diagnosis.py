"""What a reviewer should know about a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import NumericalError, UnsupportedError
from pymargins.mixed import gls
from pymargins.mixed.fit import fit
from pymargins.provenance import FEW_GROUPS

if TYPE_CHECKING:
    from pymargins.tables import Summary

#: A deviance this far above the optimum changes figures in the third digit or earlier.
DEVIANCE_GAP = 0.01
#: "model" standard errors further than this from "gls" are worth a warning.
STANDARD_ERROR_RATIO = 0.10
BOUNDARY = 1e-6


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Diagnosis:
    """The health of a mixed-model fit.

    Parameters
    ----------
    converged : bool
        What the fit says of itself.
    deviance_gap : float
        -2 log-likelihood of the fit less that of the optimum; 0 is at the optimum.
    se_shift : float
        The largest relative change of a GLS standard error between the fit and the optimum.
    boundary : bool
        Whether a variance is zero or the random-effects covariance singular.
    se_ratio : ndarray or None
        Standard errors the fit reports over GLS standard errors, one a coefficient; None where
        the fit reports none.
    names : tuple of str
        The coefficients.
    rank_deficient : bool
    groups : int
    group_sizes : tuple
        Smallest, median and largest number of rows in a group.
    """

    converged: bool
    deviance_gap: float
    se_shift: float
    boundary: bool
    se_ratio: FloatArray | None
    names: tuple[str, ...]
    rank_deficient: bool
    groups: int
    group_sizes: tuple[int, float, int]

    def lines(self) -> list[tuple[str, str]]:
        """Return what is reported, as pairs of subject and finding."""
        small, middle, large = self.group_sizes
        sizes = f"{small} to {large} rows each (median {middle:g})"
        if small == large:
            sizes = f"{small} rows each"
        gap = f"{self.deviance_gap:.2g} above the best deviance found"
        shift = f"; standard errors move by up to {100 * self.se_shift:.1f} %"
        out = [
            ("Convergence", "the fit says yes" if self.converged else "the fit says NO"),
            ("Optimum", "reached" if self.at_optimum else gap + shift),
            (
                "Boundary",
                "a variance is zero, or effects are perfectly correlated (singular fit)"
                if self.boundary
                else "no variance at zero",
            ),
            ("Model against GLS standard errors", self._ratios()),
            (
                "Design",
                "columns are redundant; only estimable quantities are reported"
                if self.rank_deficient
                else "full rank",
            ),
            ("Groups", f"{self.groups:,}, {sizes}"),
        ]
        if self.groups < FEW_GROUPS:
            out.append(
                (
                    "Small sample",
                    f"{self.groups} groups: intervals from the normal "
                    "distribution are too short for group-level effects",
                )
            )
        return out

    @property
    def at_optimum(self) -> bool:
        """Whether the fit's deviance is the optimum's, to `DEVIANCE_GAP`."""
        return self.deviance_gap < DEVIANCE_GAP

    def _ratios(self) -> str:
        if self.se_ratio is None:
            return 'the fit reports no valid standard errors; use vcov="gls"'
        least, most = f"{self.se_ratio.min():.3f}", f"{self.se_ratio.max():.3f}"
        if least == most == "1.000":
            return "the same"
        return f"{least} to {most} times as large"

    def summary(self) -> Summary:
        """Return the report as a table."""
        from pymargins.tables import Summary

        return Summary("Diagnosis of the fit", ("", ""), tuple(self.lines()), ())

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().to_html()


def diagnose_mixed(adapter: Any) -> Diagnosis:
    """Compare a mixed-model fit with the optimum of the same data and structure."""
    data, parameters, view = adapter.data, adapter.parameters, adapter.view
    here = gls(data, parameters)
    best = here if adapter.constrained else fit(data, start=parameters)
    gap = max(0.0, 2.0 * (best.loglik - here.loglik))
    se = np.sqrt(np.diagonal(here.cov))
    kept = se > 0
    best_se = np.sqrt(np.diagonal(best.cov))
    try:
        own = np.sqrt(np.diagonal(adapter.vcov("model")))
        ratio = own[kept] / se[kept]
    except (NumericalError, UnsupportedError):
        ratio = None
    sizes = data.sizes
    return Diagnosis(
        converged=adapter.converged,
        deviance_gap=gap,
        se_shift=float(np.abs(best_se[kept] / se[kept] - 1.0).max(initial=0.0)),
        boundary=_on_boundary(parameters),
        se_ratio=ratio,
        names=view.design.names,
        rank_deficient=view.null_space.size > 0,
        groups=data.n_groups,
        group_sizes=(int(sizes.min()), float(np.median(sizes)), int(sizes.max())),
    )


def _on_boundary(parameters: Any) -> bool:
    smallest = parameters.components.min(initial=np.inf)
    if parameters.psi.size:
        size = np.sqrt(np.maximum(np.diagonal(parameters.psi), 0.0))
        if (size**2 <= BOUNDARY * parameters.sigma2).any():
            return True
        correlation = parameters.psi / np.outer(size, size)
        smallest = min(smallest, float(np.linalg.eigvalsh(correlation)[0]) * parameters.sigma2)
    return bool(smallest <= BOUNDARY * parameters.sigma2)


def short_warning(diagnosis: Diagnosis, vcov: str, stand_in: bool = False) -> str:
    """Write the one warning given at construction, or nothing where conclusions stand."""
    found: list[str] = []
    if not diagnosis.at_optimum:
        found.append(
            f"the fit is not at its optimum (deviance {diagnosis.deviance_gap:.2g} too high, "
            f"standard errors off by up to {100 * diagnosis.se_shift:.1f} %)"
        )
    elif not diagnosis.converged:
        found.append("the fit says that it did not converge, though it is at the optimum")
    if stand_in:
        found.append(f'it reports no valid standard errors, so vcov="{vcov}" is used')
    elif vcov == "model" and diagnosis.se_ratio is not None:
        found += _about_standard_errors(diagnosis.se_ratio)
    if diagnosis.boundary and vcov == "model":
        found.append('a variance is zero, where vcov="model" is not reliable')
    if not found:
        return ""
    help_ = 'a refit (method="bfgs", gtol=1e-8) may help.'
    if vcov == "model":
        help_ = f'vcov="gls" or {help_}'
    return f"Check this fit: {'; '.join(found)}. See m.diagnose(); {help_}"


def _about_standard_errors(ratio: FloatArray) -> list[str]:
    if np.abs(ratio - 1.0).max() <= STANDARD_ERROR_RATIO:
        return []
    worst = float(ratio[int(np.argmax(np.abs(np.log(ratio))))])
    return [f'the standard errors it reports are up to {worst:.2f} times those of vcov="gls"']
