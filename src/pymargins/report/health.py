"""What a reviewer should know about a fit: the diagnosis in words."""

from __future__ import annotations

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import Health
from pymargins.report.summary import Summary


def health_summary(health: Health) -> Summary:
    """Return the report as a table."""
    return Summary("Diagnosis of the fit", ("", ""), tuple(health_lines(health)))


def health_lines(health: Health) -> list[tuple[str, str]]:
    """Return what is reported, as pairs of subject and finding."""
    out = [
        ("Convergence", "the fit says yes" if health.converged else "the fit says NO"),
        ("Optimum", _optimum(health)),
        (
            "Boundary",
            "a variance is zero, or effects are perfectly correlated (singular fit)"
            if health.boundary
            else "no variance at zero",
        ),
        ("Model against GLS standard errors", _ratios(health.se_ratio)),
        (
            "Design",
            "columns are redundant; only estimable quantities are reported"
            if health.rank_deficient
            else "full rank",
        ),
        ("Groups", f"{health.groups:,}, {_sizes(health)}"),
    ]
    if health.has_few_groups:
        words = (
            f"{health.groups} groups: intervals from the normal distribution are too short for "
            "group-level effects"
        )
        out.append(("Small sample", words))
    return out


def _optimum(health: Health) -> str:
    if health.at_optimum:
        return "reached"
    return (
        f"{health.deviance_gap:.2g} above the best deviance found; standard errors move by up to "
        f"{100 * health.se_shift:.1f} %"
    )


def _ratios(ratio: FloatArray | None) -> str:
    if ratio is None:
        return 'the fit reports no valid standard errors; use vcov="gls"'
    least, most = f"{ratio.min():.3f}", f"{ratio.max():.3f}"
    if least == most == "1.000":
        return "the same"
    return f"{least} to {most} times as large"


def _sizes(health: Health) -> str:
    small, middle, large = health.group_sizes
    if small == large:
        return f"{small} rows each"
    return f"{small} to {large} rows each (median {middle:g})"


# --- the warning of a session --------------------------------------------------------------------


def short_warning(health: Health, vcov: str, stand_in: bool = False) -> str:
    """Write the one warning given at construction, or nothing where conclusions stand.

    Parameters
    ----------
    health : Health
    vcov : str
        The covariance that the session uses.
    stand_in : bool
        Whether it was taken because the fit reports none that is valid.
    """
    found = [*_about_optimum(health), *_about_covariance(health, vcov, stand_in)]
    if not found:
        return ""
    advice = 'a refit (method="bfgs", gtol=1e-8) may help.'
    if vcov == "model":
        advice = f'vcov="gls" or {advice}'
    return f"Check this fit: {'; '.join(found)}. See m.diagnose(); {advice}"


def _about_optimum(health: Health) -> list[str]:
    if not health.at_optimum:
        return [
            f"the fit is not at its optimum (deviance {health.deviance_gap:.2g} too high, "
            f"standard errors off by up to {100 * health.se_shift:.1f} %)"
        ]
    if not health.converged:
        return ["the fit says that it did not converge, though it is at the optimum"]
    return []


def _about_covariance(health: Health, vcov: str, stand_in: bool) -> list[str]:
    found: list[str] = []
    if stand_in:
        found.append(f'it reports no valid standard errors, so vcov="{vcov}" is used')
    if vcov != "model":
        return found
    if not stand_in and health.se_ratio is not None and health.differs_from_gls:
        worst = float(health.se_ratio[int(np.argmax(np.abs(np.log(health.se_ratio))))])
        found.append(
            f'the standard errors it reports are up to {worst:.2f} times those of vcov="gls"'
        )
    if health.boundary:
        found.append('a variance is zero, where vcov="model" is not reliable')
    return found
