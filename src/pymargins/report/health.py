"""What a reviewer should know about a fit: the diagnosis in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pymargins.errors import listing
from pymargins.facts import Flat, Health, Shift, ShiftedDf
from pymargins.report.summary import Summary

#: A standard error that is off by less than this factor is nearly right.
NEARLY = 1.01


def diagnosis_summary(lines: Sequence[tuple[str, str]]) -> Summary:
    """Return the report on any fit as a table."""
    return Summary("Diagnosis of the fit", ("", ""), tuple(lines))


def health_lines(health: Health) -> list[tuple[str, str]]:
    """Return what is reported, as pairs of subject and finding."""
    out = [
        ("Convergence", _convergence(health)),
        ("Optimum", _optimum(health)),
        (
            "Boundary",
            "a variance is zero, or effects are perfectly correlated (singular fit)"
            if health.boundary
            else "no variance at zero",
        ),
        ("Model against GLS standard errors", _ratios(health)),
        (
            "Design",
            "columns are redundant; only estimable quantities are reported"
            if health.rank_deficient
            else "full rank",
        ),
        ("Groups", _groups(health)),
    ]
    if health.flat is not None:
        out.insert(3, ("Variances", _flat(health.flat)))
    if health.has_few_groups:
        what = "levels" if health.crossed else "groups"
        words = (
            f"{health.fewest} {what}: intervals from the normal distribution are too short for "
            "effects between them"
        )
        out.append(("Small sample", words))
    return out


def _convergence(health: Health) -> str:
    if health.polished:
        return "polished: at the optimum of the likelihood, wherever the fit stopped"
    return "the fit says yes" if health.converged else "the fit says NO"


def _optimum(health: Health) -> str:
    if health.at_optimum:
        return "reached"
    gap = f"{health.deviance_gap:.2g} above the best deviance found"
    return "; ".join([gap, *_shifts(health)])


def _shifts(health: Health) -> list[str]:
    """Say how far standard errors are off: a factor, of what, and which way."""
    parts = [
        f"{_factor(shift)} for {of}"
        for shift, of in (
            (health.coefficients, "coefficients"),
            (health.means, "mean responses of rows"),
        )
        if shift is not None
    ]
    worst = health.coefficients
    named = f" (worst: {worst.name})" if worst is not None else ""
    return [f"standard errors are {' and '.join(parts)}{named}"] if parts else []


def _factor(shift: Shift) -> str:
    if shift.factor < NEARLY:
        return "nearly right"
    return f"up to {shift.factor:.2g} times too {'small' if shift.too_small else 'large'}"


def _flat(flat: Flat) -> str:
    some = "a combination" if flat.count == 1 else f"{flat.count} combinations"
    told = (
        f"the data do not tell {some} of the variance parameters (the likelihood is flat), so that "
        "the optimiser's start decides"
    )
    if not flat.touched:
        return f"{told}; the fixed part and its standard errors do not depend on it"
    return f"{told} what standard errors are reported for {listing(flat.touched)}"


def _ratios(health: Health) -> str:
    ratio = health.se_ratio
    if health.polished:
        return "GLS standard errors are used; those that the fit reports belong to where it stopped"
    if ratio is None:
        return 'the fit reports no valid standard errors; use vcov="gls"'
    least, most = f"{ratio.min():.3f}", f"{ratio.max():.3f}"
    if least == most == "1.000":
        return "the same"
    return f"{least} to {most} times as large"


def _groups(health: Health) -> str:
    if health.crossed:
        return "crossed " + ", ".join(f"{term.name} ({term.levels:,})" for term in health.random)
    return f"{health.groups:,}, {_sizes(health)}"


def _sizes(health: Health) -> str:
    small, middle, large = health.group_sizes
    if small == large:
        return f"{small} rows each"
    return f"{small} to {large} rows each (median {middle:g})"


# --- the warning of a session --------------------------------------------------------------------


def short_warning(
    health: Health, vcov: str, stand_in: bool = False, shifted: ShiftedDf | None = None
) -> str:
    """Write the one warning given at construction, or nothing where conclusions stand.

    Parameters
    ----------
    health : Health
    vcov : str
        The covariance that the session uses.
    stand_in : bool
        Whether it was taken because the fit reports none that is valid.
    shifted : ShiftedDf, optional
        Degrees of freedom of the session that are others at the optimum.
    """
    found = [
        *_about_optimum(health),
        *([df_words(shifted)] if shifted is not None else []),
        *([_flat(health.flat)] if health.flat is not None else []),
        *_about_covariance(health, vcov, stand_in),
    ]
    if not found:
        return ""
    advice = _advice(health, vcov, shifted is not None)
    return f"Check this fit: {'; '.join(found)}. See m.diagnose().{advice}"


def _advice(health: Health, vcov: str, shifted: bool) -> str:
    """Say what helps: GLS inherits what a fit off its optimum has wrong, so it is no help there."""
    if not health.polished and (shifted or not health.at_optimum or not health.converged):
        return (
            " Margins(fit, polish=True) works at the optimum. A refit reaches it less often: "
            'by fit(method="powell"), and with random slopes on centred variables.'
        )
    if vcov == "model" and (health.boundary or health.differs_from_gls):
        return ' Margins(fit, vcov="gls") takes standard errors that hold there.'
    if health.flat is not None and health.flat.touched:
        return " Leave out the random effect, or the fixed effects, that stand for the same."
    return ""


def df_words(note: ShiftedDf) -> str:
    """Say what degrees of freedom are, and would be at the optimum."""
    shift = note.shift
    return (
        f"the degrees of freedom belong to where the fit stopped: {shift.here:.3g} for "
        f"{shift.name}, which has {shift.optimum:.3g} at the optimum"
    )


def _about_optimum(health: Health) -> list[str]:
    if not health.at_optimum:
        gap = f"the fit is not at its optimum (deviance {health.deviance_gap:.2g} too high)"
        return [": ".join([gap, *_shifts(health)])]
    if not health.converged and not health.polished:
        return ["the fit says that it did not converge, though it is at the optimum"]
    return []


def _about_covariance(health: Health, vcov: str, stand_in: bool) -> list[str]:
    found: list[str] = []
    if stand_in:
        found.append(f'it reports no valid standard errors, so vcov="{vcov}" is used')
    if vcov != "model" or not health.at_optimum:
        return found
    if not stand_in and health.se_ratio is not None and health.differs_from_gls:
        worst = float(health.se_ratio[int(np.argmax(np.abs(np.log(health.se_ratio))))])
        found.append(
            f'the standard errors it reports are up to {worst:.2f} times those of vcov="gls"'
        )
    if health.boundary:
        found.append('a variance is zero, where vcov="model" is not reliable')
    return found
