"""What figures are, and on what they rest: facts as phrases that sentences are made of."""

from __future__ import annotations

from collections.abc import Sequence

from pymargins.facts import (
    Asked,
    BootstrapDraws,
    CovarianceFacts,
    DeltaMethod,
    Distribution,
    Imputed,
    Kind,
    Method,
    ModelFacts,
    Operation,
    PopulationFacts,
    PosteriorDraws,
    ProfileMethod,
    Quantity,
    RandomEffects,
    RandomTerm,
    ReferenceFacts,
    ScaleFacts,
    SimulatedDraws,
    Where,
)
from pymargins.report.means import mean_names

#: One row of a kind, and several; means of rows are called by what they are of.
KINDS = {
    Kind.SLOPE: ("average slope", "average slopes"),
    Kind.CHANGE: ("average discrete change", "average discrete changes"),
    Kind.SLOPE_OR_CHANGE: (
        "average slope or discrete change",
        "average slopes or discrete changes",
    ),
    Kind.EYEX: ("average elasticity", "average elasticities"),
    Kind.EYDX: ("average semi-elasticity", "average semi-elasticities"),
    Kind.DYEX: ("average semi-elasticity", "average semi-elasticities"),
    Kind.VARIANCE: ("variance parameter", "variance parameters"),
    Kind.VARIANCE_SHARE: ("intraclass correlation", "intraclass correlations"),
    Kind.R_SQUARED: ("share of variance explained", "shares of variance explained"),
    Kind.CLUSTER_SHARE: ("share of clusters by their slope", "shares of clusters by their slopes"),
    Kind.SLOPE_QUANTILE: ("quantile of the slopes of clusters", "quantiles of slopes of clusters"),
    Kind.RANDOM_EFFECT: ("predicted random effect", "predicted random effects"),
}
#: What users called to get them, where the words alone do not tell.
VERBS = {
    Kind.SLOPE: "dydx",
    Kind.CHANGE: "dydx",
    Kind.SLOPE_OR_CHANGE: "dydx",
    Kind.EYEX: "eyex",
    Kind.EYDX: "eydx",
    Kind.DYEX: "dyex",
}
OPERATIONS = {
    Operation.CONTRAST: "contrast",
    Operation.RATIO: "ratio",
    Operation.ODDS_RATIO: "odds ratio",
    Operation.COMBINATION: "combination",
    Operation.QUOTIENT: "quotient",
    Operation.EFFECT_SIZE: "effect size",
}
POPULATIONS = {
    Where.OVERALL: "averaged over the {n:,} rows of the fit",
    Where.TYPICAL: "at one typical row (median of numeric variables, mode of the others)",
    Where.MEAN: "at one row (mean of numeric variables, mode of the others)",
    Where.BALANCED: "averaged over every combination of the categorical variables, {scheme}, "
    "numeric variables at their mean",
    Where.MAPPING: "at one row ({settings}; the others typical)",
    Where.FRAME: "averaged over the {n:,} rows of the data frame given",
    Where.STREAM: "averaged over the {n:,} rows of {source}",
}
#: Of these populations figures are not averages but values at one row.
AT_ONE_ROW = (Where.TYPICAL, Where.MEAN, Where.MAPPING)
SCHEMES = {
    "equal": "equally weighted",
    "proportional": "weighted by their share of the rows of the fit",
    "outer": "weighted by the product of their levels' shares of the rows of the fit",
    "cells": "weighted by their share of the rows of the fit that have the levels asked for",
}
RANDOM_EFFECTS = {
    RandomEffects.NONE: "",
    RandomEffects.INTEGRATED: "integrated out (population average)",
    RandomEffects.ZERO: "set to zero (the typical cluster)",
    RandomEffects.PREDICTED: "as predicted of each cluster (BLUP)",
}
COVARIANCES = {
    "model": "as the fit reports it",
    "nonrobust": "under the model (nonrobust)",
    "whole information": "as the fit means it, with the whole observed information",
    "gls": "GLS, (X'V⁻¹X)⁻¹ at the fitted variances",
    "laplace": "curvature of the posterior, coefficients and random effects together",
    "matrix": "given by the user",
    "draws": "of the bootstrap draws",
    "posterior": "of the posterior draws",
    "influence functions": "from influence functions of coefficients and rows together "
    "(unconditional)",
}
#: Of a posterior.
INTERVALS = {
    "equal-tailed": "equal-tailed intervals",
    "hdi": "intervals of highest density",
}
#: Of figures of known clusters: coefficients and random effects together.
PREDICTION_ERRORS = {"gls": "prediction errors (Henderson) at the fitted variances"}
REFERENCES = {
    Distribution.NORMAL: "normal distribution",
    Distribution.GIVEN: "t with {df:g} df",
    Distribution.RESIDUAL: "t with {df:g} df (rows less coefficients)",
    Distribution.CLUSTERS: "t with {df:g} df (clusters less one)",
    Distribution.DESIGN: "t with {df:g} df (primary units less strata)",
    Distribution.KENWARD_ROGER: "t with degrees of freedom by Kenward-Roger, {information} "
    "information",
    Distribution.SATTERTHWAITE: "t with degrees of freedom by Satterthwaite",
    Distribution.BELL_MCCAFFREY: "t with degrees of freedom by Satterthwaite for {covariance} "
    "(Bell-McCaffrey)",
    Distribution.BETWEEN_WITHIN: "t with degrees of freedom by between-within",
    Distribution.BARNARD_RUBIN: "t with degrees of freedom by Barnard-Rubin",
    Distribution.DRAWS: "",
}
#: How facts name a random intercept.
INTERCEPT = "Intercept"
BOOTSTRAPS = {
    "rows": "bootstrap of rows",
    "residual": "residual bootstrap (reflated at both levels)",
    "wild": "wild cluster bootstrap",
}


# --- what rows are -------------------------------------------------------------------------------


def quantity_words(quantity: Quantity, model: ModelFacts, verb: bool = True) -> str:
    """Name what a row is: ``"contrast of average slopes (dydx)"``.

    Parameters
    ----------
    quantity : Quantity
    model : ModelFacts
        Whose means may be probabilities, quantiles or others.
    verb : bool
        Whether to add the verb that gave it, in parentheses.
    """
    mean, means = mean_names(model)
    functions = (f"function of {means}", f"functions of {means}")
    own = {Kind.MEAN: (mean, means), Kind.FUNCTION: functions}
    one, several = own.get(quantity.kind) or KINDS[quantity.kind]
    words = one
    if quantity.operations:
        outermost, *inner = [OPERATIONS[operation] for operation in quantity.operations]
        words = " of ".join([outermost, *(f"{name}s" for name in inner), several])
    return words + (f" ({VERBS[quantity.kind]})" if verb and quantity.kind in VERBS else "")


def estimate_word(quantity: Quantity, scale: ScaleFacts, log_of: str = "") -> str:
    """Name what is estimated, for the head of a column: differences on some scales are ratios.

    Parameters
    ----------
    quantity : Quantity
    scale : ScaleFacts
    log_of : str
        What the means are logarithms of, where they are: `ModelFacts.log_of`.
    """
    if quantity.compares and scale.gives_ratios:
        return f"{log_of} ratio".strip().capitalize()
    return "Odds ratio" if quantity.compares and scale.gives_odds_ratios else "Estimate"


def null_of(quantity: Quantity, scale: ScaleFacts) -> float | None:
    """Return what no effect is in the units of the estimates.

    None for quantities of which no value means no effect: mean responses and functions of them,
    and slopes on a scale where contrasts are not differences.
    """
    if quantity.compares:
        return scale.null
    return 0.0 if quantity.is_effect and scale.is_identity else None


def scale_words(scale: ScaleFacts) -> str:
    """Name a scale."""
    return "identity (the response's own)" if scale.is_identity else scale.name


# --- the model and its population ----------------------------------------------------------------


def model_words(model: ModelFacts) -> str:
    """Name the class of model and how it was estimated."""
    return ", ".join(part for part in (model.kind, model.estimation) if part)


def groups_words(model: ModelFacts) -> str:
    """Count the groups and name their column; nothing where there are none."""
    if model.groups is None:
        return ""
    if model.groups == 1 and model.random:  # crossed: one group holds all levels of all components
        return "crossed " + ", ".join(f"{term.name} ({term.levels:,})" for term in model.random)
    return f"{model.groups:,} groups" + (f" ({model.group_name})" if model.group_name else "")


def structure_words(model: ModelFacts) -> str:
    """Name what varies between groups: ``"intercept and slope of Days by Subject (18)"``."""
    return "; ".join(map(_random_term, model.random))


def _random_term(term: RandomTerm) -> str:
    if not term.effects:
        return f"effects of {term.name} ({term.levels:,} levels, one variance)"
    by = f" by {term.name}" if term.name else ""
    names = ["intercept" if e == INTERCEPT else f"slope of {e}" for e in term.effects]
    together = ", correlated" if len(names) > 1 else ""
    return f"{_series(names)}{by} ({term.levels:,} groups{together})"


def random_effects_words(model: ModelFacts) -> str:
    """Say what figures do with random effects; nothing where there are none."""
    return RANDOM_EFFECTS[model.random_effects]


def population_words(population: PopulationFacts, asked: Asked | None = None) -> str:
    """Say what is averaged over, or at which row figures are.

    Parameters
    ----------
    population : PopulationFacts
    asked : Asked, optional
        Whether rows were split into subgroups, or set to values.
    """
    settings = ", ".join(f"{name}={value}" for name, value in population.settings)
    words = POPULATIONS[population.where].format(
        n=population.n,
        settings=settings,
        scheme=SCHEMES[population.scheme],
        source=population.source,
    )
    if population.where is Where.MAPPING and not settings:
        words = "at one typical row"
    if population.counted:
        words += ", each as often as its frequency weight says"
    elif population.weighted:
        words += ", weighted"
    if population.sampled:
        words += ", a sample themselves"
    words += _offset_words(population)
    if asked is None:
        return words
    if asked.over:
        words += f", each subgroup ({', '.join(asked.over)}) over its own"
    if asked.given:
        every = "" if population.where in AT_ONE_ROW else " in every row"
        words += f", with {_series(asked.given)} set{every}"
    return words


def _series(names: Sequence[str]) -> str:
    """Join names: ``"a, b and c"``."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _offset_words(population: PopulationFacts) -> str:
    if population.offset is not None:
        return f", offset {population.offset:g}"
    return f", offset at its {population.offset_rule}" if population.offset_rule else ""


# --- uncertainty ---------------------------------------------------------------------------------


def covariance_words(covariance: CovarianceFacts) -> str:
    """Say which covariance of the coefficients, and of variance parameters, is used."""
    words = _coefficient_covariance(covariance)
    if covariance.of_prediction:
        words = PREDICTION_ERRORS.get(covariance.kind, f"{words}, of prediction errors")
    if covariance.variances is None:
        return words
    return f"{words}, of the variance parameters: inverse {covariance.variances} information"


def _coefficient_covariance(covariance: CovarianceFacts) -> str:
    if covariance.kind == "kenward-roger":
        return f"Kenward-Roger, {covariance.information} information"
    if covariance.strata is not None:
        finite = ", finite population" if covariance.of_finite else ""
        strata = "stratum" if covariance.strata == 1 else "strata"
        return (
            f"linearised by the survey's design, {covariance.clusters} primary units in "
            f"{covariance.strata} {strata}{finite}"
        )
    if covariance.clusters is not None and covariance.kind in COVARIANCES:
        return f"{COVARIANCES[covariance.kind]}, {covariance.clusters} clusters"
    if covariance.clusters is not None:
        return f"cluster-robust {covariance.kind}, {covariance.clusters} clusters"
    if covariance.lags is not None:
        return f"{covariance.kind} (Newey-West), {covariance.lags} lags"
    words = COVARIANCES.get(covariance.kind, covariance.kind)
    if covariance.computed_as:
        words += f" (called {covariance.fitted_as}, computed as {covariance.computed_as})"
    elif covariance.fitted_as:
        words += f" ({covariance.fitted_as})"
    return words + (", aligned by name" if covariance.aligned else "")


def reference_words(reference: ReferenceFacts) -> str:
    """Name the distribution that statistics are referred to; nothing where draws take its place."""
    return REFERENCES[reference.distribution].format(
        df=reference.df, information=reference.information, covariance=reference.covariance
    )


def method_words(method: Method) -> str:
    """Say how uncertainty is carried from the parameters to the figures."""
    match method:
        case DeltaMethod():
            return "delta method"
        case ProfileMethod():
            return (
                "profile likelihood of the fit's own criterion, standard errors by the delta method"
            )
        case PosteriorDraws():
            interval = INTERVALS[method.interval]
            return f"posterior, {method.n_draws:,} draws: {method.summary}, {interval}"
        case Imputed():
            return f"delta method, pooled over {method.imputations} imputations by Rubin's rules"
        case SimulatedDraws():
            return f"simulation, {method.n_sim:,} draws, percentile intervals"
        case BootstrapDraws():
            drawn = "rows" if method.rows else "groups"
            population = f"resampled with the {drawn}" if method.resampled else "held fixed"
            return (
                f"{bootstrap_words(method)}, {method.n_boot:,} replicates, {method.interval} "
                f"intervals; population {population}"
            )


def bootstrap_words(method: BootstrapDraws) -> str:
    """Name the kind of bootstrap, what it draws, within what, and who refits."""
    words = BOOTSTRAPS.get(method.kind, f"{method.kind} bootstrap")
    wild = "wild " if method.kind == "wild" else ""
    if wild and method.rows:
        words = "wild bootstrap of rows"
    if method.clusters is not None:
        words = f"{wild}bootstrap of {method.clusters} clusters"
    if method.strata:
        words += f" within {' x '.join(method.strata)}"
    if method.of_prediction:
        words += " of prediction errors"
    return words + (f" by {method.refitted_by} refits" if method.refitted_by else "")
