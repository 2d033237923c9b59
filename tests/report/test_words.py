"""Every fact that says what figures are has its phrase."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from report_cases import CONTRAST, EXPECTED, IDENTITY, LOG, MEAN, OWN_LOG, RATIO, SCORES, SLOPE

from pymargins.facts import (
    Asked,
    BootstrapDraws,
    CovarianceFacts,
    DeltaMethod,
    Distribution,
    Kind,
    Method,
    NotAMean,
    Operation,
    PopulationFacts,
    Quantity,
    RandomEffects,
    ReferenceFacts,
    ResponseOf,
    Retransformed,
    ScaleFacts,
    SimulatedDraws,
    Where,
)
from pymargins.report import words

QUANTITIES = {
    Kind.MEAN: "mean response",
    Kind.SLOPE: "average slope (dydx)",
    Kind.CHANGE: "average discrete change (dydx)",
    Kind.SLOPE_OR_CHANGE: "average slope or discrete change (dydx)",
    Kind.EYEX: "average elasticity (eyex)",
    Kind.EYDX: "average semi-elasticity (eydx)",
    Kind.DYEX: "average semi-elasticity (dyex)",
    Kind.FUNCTION: "function of mean responses",
    Kind.VARIANCE: "variance parameter",
    Kind.VARIANCE_SHARE: "intraclass correlation",
    Kind.R_SQUARED: "share of variance explained",
    Kind.CLUSTER_SHARE: "share of clusters by their slope",
    Kind.SLOPE_QUANTILE: "quantile of the slopes of clusters",
    Kind.RANDOM_EFFECT: "predicted random effect",
}


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"probabilities": True}, "probability"),
        ({"probabilities": True, "notes": (ResponseOf("link"),)}, "linear predictor"),
        ({"probabilities": True, "notes": (ResponseOf("cumulative"),)}, "cumulative probability"),
        ({"notes": (ResponseOf("zero"),)}, "probability of zero"),
        ({"notes": (NotAMean("quantile", "0.5"),)}, "median"),
        ({"notes": (NotAMean("quantile", "0.9"),)}, "0.9 quantile"),
        ({"notes": (NotAMean("log hazard", "of a baseline"),)}, "log hazard"),
        ({"notes": (Retransformed("np.log(cost)", "cost", "median", False),)}, "median"),
        ({"notes": (Retransformed("np.log(cost)", "cost", "mean", False),)}, "mean response"),
    ],
)
def test_means_are_called_by_what_they_are(facts: dict[str, Any], name: str) -> None:
    assert words.quantity_words(Quantity(Kind.MEAN), replace(SCORES, **facts)) == name


@pytest.mark.parametrize("kind", Kind)
def test_what_verbs_give(kind: Kind) -> None:
    assert words.quantity_words(Quantity(kind), SCORES) == QUANTITIES[kind]


@pytest.mark.parametrize(
    ("kind", "operations", "phrase"),
    [
        (Kind.MEAN, [Operation.CONTRAST], "contrast of mean responses"),
        (Kind.MEAN, [Operation.RATIO], "ratio of mean responses"),
        (Kind.SLOPE, [Operation.COMBINATION], "combination of average slopes (dydx)"),
        (Kind.EYEX, [Operation.QUOTIENT], "quotient of average elasticities (eyex)"),
        (Kind.EYDX, [Operation.CONTRAST], "contrast of average semi-elasticities (eydx)"),
        (Kind.CHANGE, [Operation.CONTRAST], "contrast of average discrete changes (dydx)"),
        (Kind.FUNCTION, [Operation.CONTRAST], "contrast of functions of mean responses"),
        (
            Kind.MEAN,
            [Operation.CONTRAST, Operation.QUOTIENT],
            "quotient of contrasts of mean responses",
        ),
        (
            Kind.SLOPE,
            [Operation.CONTRAST, Operation.QUOTIENT, Operation.QUOTIENT],
            "quotient of quotients of contrasts of average slopes (dydx)",
        ),
    ],
)
def test_what_operations_make_of_it(kind: Kind, operations: list[Operation], phrase: str) -> None:
    quantity = Quantity(kind)
    for operation in operations:
        quantity = quantity.after(operation)
    assert words.quantity_words(quantity, SCORES) == phrase


def test_every_operation_of_every_kind_has_words() -> None:
    for kind, operation in product(Kind, Operation):
        assert words.quantity_words(Quantity(kind).after(operation), SCORES).startswith(
            f"{operation.name.lower().replace('_', ' ')} of "
        )


def test_the_verb_can_be_left_out() -> None:
    slopes = SLOPE.after(Operation.CONTRAST)
    assert words.quantity_words(slopes, SCORES, verb=False) == "contrast of average slopes"


# --- scales --------------------------------------------------------------------------------------


def test_only_scales_that_pymargins_names_give_ratios() -> None:
    assert LOG.gives_ratios
    assert not IDENTITY.gives_ratios
    assert not OWN_LOG.gives_ratios


@pytest.mark.parametrize(
    ("quantity", "scale", "null"),
    [
        (MEAN, IDENTITY, None),
        (CONTRAST, IDENTITY, 0.0),
        (RATIO, LOG, 1.0),
        (CONTRAST, OWN_LOG, 1.0),
        (CONTRAST, ScaleFacts("reciprocal", None, builtin=False), None),
        (SLOPE, IDENTITY, 0.0),
        (SLOPE, LOG, None),
        (SLOPE.after(Operation.CONTRAST), IDENTITY, 0.0),
        (MEAN.after(Operation.COMBINATION), IDENTITY, None),
        (CONTRAST.after(Operation.QUOTIENT), IDENTITY, None),
        (Quantity(Kind.FUNCTION), IDENTITY, None),
    ],
)
def test_what_no_effect_is(quantity: Quantity, scale: ScaleFacts, null: float | None) -> None:
    assert words.null_of(quantity, scale) == null


def test_names_of_scales() -> None:
    assert words.scale_words(IDENTITY) == "identity (the response's own)"
    assert words.scale_words(LOG) == "log"
    assert words.scale_words(ScaleFacts("identity", 0.0, builtin=False)) == "identity"


# --- model and population ------------------------------------------------------------------------


def test_models() -> None:
    assert words.model_words(SCORES) == "linear mixed model (statsmodels MixedLM), REML"
    assert words.model_words(replace(SCORES, estimation="")) == SCORES.kind
    assert words.groups_words(SCORES) == "40 groups (student)"
    assert words.groups_words(replace(SCORES, groups=1040, group_name=None)) == "1,040 groups"
    assert words.groups_words(replace(SCORES, groups=None)) == ""


@pytest.mark.parametrize("effects", RandomEffects)
def test_random_effects(effects: RandomEffects) -> None:
    phrase = {
        RandomEffects.NONE: "",
        RandomEffects.INTEGRATED: "integrated out (population average)",
        RandomEffects.ZERO: "set to zero (the typical cluster)",
        RandomEffects.PREDICTED: "as predicted of each cluster (BLUP)",
    }
    assert words.random_effects_words(replace(SCORES, random_effects=effects)) == phrase[effects]


POPULATIONS = {
    Where.OVERALL: "averaged over the 1,200 rows of the fit",
    Where.TYPICAL: "at one typical row (median of numeric variables, mode of the others)",
    Where.MEAN: "at one row (mean of numeric variables, mode of the others)",
    Where.BALANCED: "averaged over every combination of the categorical variables, equally "
    "weighted, numeric variables at their mean",
    Where.MAPPING: "at one row (age=p25, treated=1; the others typical)",
    Where.FRAME: "averaged over the 1,200 rows of the data frame given",
    Where.STREAM: "averaged over the 1,200 rows of people.parquet",
}


@pytest.mark.parametrize("where", Where)
def test_populations(where: Where) -> None:
    settings = (("age", "p25"), ("treated", "1")) if where is Where.MAPPING else ()
    facts = PopulationFacts(where, 1200, settings=settings, source="people.parquet")
    assert words.population_words(facts) == POPULATIONS[where]
    weighted = words.population_words(replace(facts, weighted=True))
    assert weighted == f"{POPULATIONS[where]}, weighted"


def test_what_is_set_in_every_row() -> None:
    facts = PopulationFacts(Where.OVERALL, 12)
    for given, told in (("a", "a"), ("ab", "a and b"), ("abc", "a, b and c")):
        found = words.population_words(facts, Asked(given=tuple(given)))
        assert found == f"averaged over the 12 rows of the fit, with {told} set in every row"


def test_a_mapping_that_sets_nothing_and_names_that_look_like_fields() -> None:
    facts = PopulationFacts(Where.MAPPING, 1)
    assert words.population_words(facts) == "at one typical row"
    odd = replace(facts, settings=(("{n}", "{x}"),))
    assert words.population_words(odd) == "at one row ({n}={x}; the others typical)"


def test_variables_that_are_set_are_enumerated() -> None:
    facts = PopulationFacts(Where.OVERALL, 24)
    for given, shown in ((("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")):
        said = words.population_words(facts, Asked((), given))
        assert said.endswith(f", with {shown} set in every row")


def test_offsets_and_frequency_weights() -> None:
    facts = PopulationFacts(Where.OVERALL, 24, weighted=True, counted=True, offset=0.0)
    found = words.population_words(facts)
    assert found == (
        "averaged over the 24 rows of the fit, each as often as its frequency weight says, offset 0"
    )
    row = PopulationFacts(Where.MEAN, 1, offset_rule="mean")
    assert words.population_words(row).endswith("mode of the others), offset at its mean")


# --- uncertainty ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "phrase"),
    [
        (CovarianceFacts("model"), "as the fit reports it"),
        (CovarianceFacts("gls"), "GLS, (X'V⁻¹X)⁻¹ at the fitted variances"),
        (
            CovarianceFacts("kenward-roger", information="observed"),
            "Kenward-Roger, observed information",
        ),
        (CovarianceFacts("CR2", clusters=12), "cluster-robust CR2, 12 clusters"),
        (CovarianceFacts("matrix"), "given by the user"),
        (CovarianceFacts("matrix", aligned=True), "given by the user, aligned by name"),
        (CovarianceFacts("draws"), "of the bootstrap draws"),
        (CovarianceFacts("HC1"), "HC1"),
        (CovarianceFacts("model", fitted_as="HC1"), "as the fit reports it (HC1)"),
        (
            CovarianceFacts("model", fitted_as="HC3", computed_as="HC0"),
            "as the fit reports it (called HC3, computed as HC0)",
        ),
        (CovarianceFacts("nonrobust"), "under the model (nonrobust)"),
        (CovarianceFacts("HAC", lags=3), "HAC (Newey-West), 3 lags"),
    ],
)
def test_covariances(facts: CovarianceFacts, phrase: str) -> None:
    assert words.covariance_words(facts) == phrase


REFERENCES = {
    Distribution.NORMAL: "normal distribution",
    Distribution.GIVEN: "t with 12.5 df",
    Distribution.RESIDUAL: "t with 12.5 df (rows less coefficients)",
    Distribution.CLUSTERS: "t with 12.5 df (clusters less one)",
    Distribution.DESIGN: "t with 12.5 df (primary units less strata)",
    Distribution.KENWARD_ROGER: "t with degrees of freedom by Kenward-Roger, expected information",
    Distribution.SATTERTHWAITE: "t with degrees of freedom by Satterthwaite",
    Distribution.BELL_MCCAFFREY: "t with degrees of freedom by Satterthwaite for CR2 "
    "(Bell-McCaffrey)",
    Distribution.BETWEEN_WITHIN: "t with degrees of freedom by between-within",
    Distribution.BARNARD_RUBIN: "t with degrees of freedom by Barnard-Rubin",
    Distribution.DRAWS: "",
}


@pytest.mark.parametrize("distribution", Distribution)
def test_references(distribution: Distribution) -> None:
    facts = replace(EXPECTED, distribution=distribution, df=12.5, covariance="CR2")
    assert words.reference_words(facts) == REFERENCES[distribution]


def test_degrees_of_freedom_are_written_without_a_needless_point() -> None:
    assert words.reference_words(ReferenceFacts(Distribution.GIVEN, df=12.0)) == "t with 12 df"


CLUSTER = BootstrapDraws("cluster", 1000, "studentized", resampled=True)
AFTER = ", 1,000 replicates, studentized intervals; population resampled with the groups"


@pytest.mark.parametrize(
    ("method", "phrase"),
    [
        (DeltaMethod(), "delta method"),
        (SimulatedDraws(1500), "simulation, 1,500 draws, percentile intervals"),
        (CLUSTER, f"cluster bootstrap{AFTER}"),
        (replace(CLUSTER, strata=("arm", "sex")), f"cluster bootstrap within arm x sex{AFTER}"),
        (replace(CLUSTER, clusters=20), f"bootstrap of 20 clusters{AFTER}"),
        (
            replace(CLUSTER, clusters=20, strata=("arm",)),
            f"bootstrap of 20 clusters within arm{AFTER}",
        ),
        (
            replace(CLUSTER, refitted_by="statsmodels"),
            f"cluster bootstrap by statsmodels refits{AFTER}",
        ),
        (
            BootstrapDraws("parametric", 99, "basic", resampled=False),
            "parametric bootstrap, 99 replicates, basic intervals; population held fixed",
        ),
        (
            BootstrapDraws("residual", 99, "normal", resampled=False),
            "residual bootstrap (reflated at both levels), 99 replicates, normal intervals; "
            "population held fixed",
        ),
        (
            BootstrapDraws("rows", 99, "bca", resampled=True, rows=True),
            "bootstrap of rows, 99 replicates, bca intervals; population resampled with the rows",
        ),
        (
            BootstrapDraws("wild", 99, "basic", resampled=False, rows=True),
            "wild bootstrap of rows, 99 replicates, basic intervals; population held fixed",
        ),
        (
            BootstrapDraws("wild", 99, "basic", resampled=False, clusters=7),
            "wild bootstrap of 7 clusters, 99 replicates, basic intervals; population held fixed",
        ),
        (
            BootstrapDraws("wild", 99, "bca", resampled=False),
            "wild cluster bootstrap, 99 replicates, bca intervals; population held fixed",
        ),
    ],
)
def test_methods(method: Method, phrase: str) -> None:
    assert words.method_words(method) == phrase
