"""What a reviewer should know about a regression, in words."""

from __future__ import annotations

from pymargins.facts import CovarianceFacts, FitHealth

#: What fits call the covariance that holds only if the model does.
UNDER_THE_MODEL = ("", "nonrobust", "naive")


def fit_lines(health: FitHealth) -> list[tuple[str, str]]:
    """Return what is reported, as pairs of subject and finding."""
    said = {True: "the fit says yes", False: "the fit says NO", None: "the fit does not say"}
    out = [("Convergence", said[health.converged])]
    if health.distance is not None:
        where = "reached" if health.at_optimum else "NOT reached"
        out.append(("Optimum", f"{where}: {_distance(health.distance)} away"))
    if health.separated:
        words = f"the linear predictor of {health.separated:,} rows has no finite optimum"
        out.append(("Separation", words))
    if health.dispersion is not None:
        more = ": more than the model allows" if health.overdispersed else ""
        out.append(("Dispersion", f"{health.dispersion:.2f} times the model's{more}"))
    if health.boundary:
        out.append(("Boundary", "alpha is zero: rows vary no more than a Poisson model allows"))
    design = (
        "columns are redundant; only estimable quantities are reported"
        if health.rank_deficient
        else "full rank"
    )
    return [*out, ("Design", design)]


def fit_short_warning(health: FitHealth, covariance: CovarianceFacts) -> str:
    """Write the one warning given at construction, or nothing where conclusions stand.

    Parameters
    ----------
    health : FitHealth
    covariance : CovarianceFacts
        What the session uses: a robust one allows for overdispersion.
    """
    found: list[str] = []
    advice = "refit with another method, a better start or more iterations."
    if not health.at_optimum and health.distance is not None:
        found.append(f"the fit is {_distance(health.distance)} away from its optimum")
        advice = f"use polish=True, or {advice}" if health.polishable else advice
    elif health.converged is False and health.distance is None:
        found.append("the fit says that it did not converge")
    if health.separated:
        found.append(
            f"the likelihood rises without end with the linear predictor of {health.separated:,} "
            "rows, so that some coefficients have no finite estimate (separation)"
        )
        advice = "leave out what separates the outcomes, or penalise."
    if health.overdispersed and _holds_only_if_the_model_does(covariance):
        found.append(
            f"rows vary {health.dispersion:.2g} times as much as the model allows, so that its "
            "standard errors are too short"
        )
        advice = advice if len(found) > 1 else 'vcov="HC1" or a clustered one allows for it.'
    return f"Check this fit: {'; '.join(found)}. See m.diagnose(); {advice}" if found else ""


def _holds_only_if_the_model_does(covariance: CovarianceFacts) -> bool:
    if covariance.kind in ("model", "whole information"):
        return covariance.fitted_as in UNDER_THE_MODEL
    return covariance.kind == "nonrobust"


def _distance(distance: float) -> str:
    return f"{distance:.2g} standard errors"
