"""Every note of the facts has its sentence."""

from __future__ import annotations

from typing import get_args

import pytest

from pymargins.facts import (
    Adjusted,
    ApproximatePosterior,
    Asked,
    AtTheBound,
    BoundaryParameters,
    Computation,
    Computed,
    Extrapolation,
    FailedReplicates,
    FewClusters,
    FewDraws,
    FewGroups,
    FewSandwiched,
    FitWeights,
    GroupsAsSubgroups,
    HardlySeen,
    IndefiniteInformation,
    LostEffects,
    NewClusters,
    NoPredictionVariance,
    NoProfile,
    NotAMean,
    Note,
    Omitted,
    Polished,
    QuotientNull,
    Remark,
    ResponseOf,
    Retransformed,
    Shift,
    ShiftedDf,
    SingularReplicates,
    SlopesOnIdentity,
    Standardised,
    TransformedResponse,
    Unadjusted,
    UndefinedReplicates,
)
from pymargins.report.notes import ADJUSTMENTS, computation_words, note_sentence

SENTENCES: list[tuple[Note, str]] = [
    (Remark("weights were estimated"), "Weights were estimated."),
    (Remark("Is this what you want?"), "Is this what you want?"),
    (
        Retransformed("np.log(score)", "score", "mean", random=True),
        "Figures are means of score, carried back from np.log(score) and integrated over the "
        "normal variation of random effects and residual.",
    ),
    (
        TransformedResponse("np.log(score)", "score"),
        "Figures are means of np.log(score), as the model has it, not of score.",
    ),
    (
        Polished(0.01234),
        "Polished: at the optimum of the likelihood, deviance 0.0123 below the fit's.",
    ),
    (
        ApproximatePosterior(variational=True),
        "The posterior is variational: every parameter is held independent of all others, so that "
        'standard errors can be far off; vcov="laplace" lets coefficients vary together.',
    ),
    (
        ApproximatePosterior(variational=False),
        "The posterior is approximate (Laplace, at its mode).",
    ),
    (NotAMean("quantile", "0.25"), "Figures are of the quantile (0.25), not of a mean."),
    (
        FitWeights("weights"),
        "The weights of the fit do not weight averages; weights= does.",
    ),
    (
        FitWeights("trials"),
        "Figures are probabilities of one trial, averaged over rows; weights= averages over "
        "trials.",
    ),
    (ResponseOf("link"), "Response 'link': figures are of the linear predictor."),
    (
        Extrapolation("age", 400.0, 20.5, 74.0),
        "age = 400 lies outside the observed range 20.5 to 74: extrapolation.",
    ),
    (
        FewGroups(12),
        "Only 12 groups: intervals from the normal distribution are too short for effects between "
        'groups; df="kenward-roger" or "satterthwaite" allows for it.',
    ),
    (
        FewGroups(12, remedies=()),
        "Only 12 groups: intervals from the normal distribution are too short for effects between "
        "groups.",
    ),
    (
        FewClusters(6),
        "Only 6 clusters: a bootstrap of clusters has little to draw from; compare with "
        'df="kenward-roger", or take Bootstrap(kind="parametric").',
    ),
    (
        FewClusters(6, remedies=()),
        "Only 6 clusters: a bootstrap of clusters has little to draw from; compare with "
        'vcov="CR2".',
    ),
    (
        FewClusters(3, in_arm=True),
        "Only 3 clusters in an arm: a bootstrap of clusters has little to draw from; compare with "
        'df="kenward-roger", or take Bootstrap(kind="parametric").',
    ),
    (
        FailedReplicates(5, 1000, {"did not converge": 3, "singular": 2}),
        "5 of 1000 replicates failed and were left out: 3 x did not converge; 2 x singular.",
    ),
    (SingularReplicates(1, 99), "1 of 99 replicate is a singular fit, kept."),
    (SingularReplicates(7, 99), "7 of 99 replicates are singular fits, kept."),
    (
        BoundaryParameters(2),
        "2 variance parameter(s) at the boundary count as known in the degrees of freedom.",
    ),
    (
        IndefiniteInformation(),
        "The likelihood has no maximum in the variance parameters here, so the degrees of freedom "
        "are not reliable; see m.diagnose().",
    ),
    (
        SlopesOnIdentity(),
        "Slopes and elasticities are on the identity scale in every session.",
    ),
    (QuotientNull(), "P-values compare with 0; test(null=1) compares with 1."),
    (
        Adjusted("holm", (), 1, 3, 3, (Computed(Computation.BONFERRONI_INTERVALS),)),
        "P-values and intervals adjusted for a family of 3 tests: Holm; the intervals are "
        "Bonferroni's.",
    ),
    (
        Adjusted("bonferroni", (), 1, 6, 6, (Computed(Computation.PLAIN),)),
        "P-values and intervals adjusted for a family of 6 tests: Bonferroni.",
    ),
    (
        Adjusted(
            "mvt",
            ("school", "wave"),
            4,
            2,
            15,
            (Computed(Computation.QUADRATURE), Computed(Computation.MONTE_CARLO, 8.2e-6, 0.05)),
        ),
        "P-values and intervals adjusted for 4 families by school, wave, 2 to 15 tests each: "
        "largest |t| of the joint distribution; by quadrature; Monte-Carlo error of a p-value near "
        "0.05 is 8e-06, seed fixed.",
    ),
]


@pytest.mark.parametrize(("note", "sentence"), SENTENCES)
def test_notes(note: Note, sentence: str) -> None:
    assert note_sentence(note) == sentence


FINDINGS = [
    (
        ShiftedDf(Shift("age", 67.9, 21.0)),
        "The degrees of freedom belong to where the fit stopped: 67.9 for age, which has 21 at the "
        "optimum; polish=True takes those.",
    ),
    (
        FewSandwiched(3, "CR2"),
        "Only 3 clusters: CR2 standard errors themselves vary a great deal from sample to sample; "
        'compare with vcov="kenward-roger".',
    ),
    (
        Unadjusted(3, "holm", ("g",)),
        "These 3 p-values are not adjusted for how many there are; "
        '.adjust("holm", by="g") adjusts them.',
    ),
    (
        FewDraws(200, 0.9999),
        "200 draws cannot show the limits of intervals at 99.99 %: these are the least and the "
        "greatest of them; take at least 20,000, better ten times as many.",
    ),
    (
        GroupsAsSubgroups("student"),
        "Each student is averaged over its own rows, with the coefficients of the population: "
        "these are not predictions for the groups themselves, whose own effects "
        "(fit.random_effects) are averaged out.",
    ),
    (
        HardlySeen(("a",), 0.085),
        "NOT TO BE TRUSTED: 'a'. Hardly more than one cluster determines it, and clusters show "
        "8.5 % of its variance only: its standard error is too small by a factor of about 3.4, "
        'its interval and p-value are wrong; take vcov="kenward-roger".',
    ),
    (
        AtTheBound(("g: sd(x)",), profiled=True),
        "AT THE BOUND of its range, without a standard error: 'g: sd(x)'; method=\"profile\" gives "
        "limits.",
    ),
    (
        AtTheBound(("g: sd(x)",), profiled=True, limited=True),
        "AT THE BOUND of its range, without a standard error: 'g: sd(x)'; a limit at the bound "
        "means that the bound itself lies inside.",
    ),
    (
        NewClusters(("Z",)),
        "The fit has not seen 'Z': a new cluster, at effect 0, with the variance of one.",
    ),
    (
        NoPredictionVariance(("A - B",), has_interval=True),
        (
            "The variance of prediction of 'A - B' is estimated as zero: an interval of no width "
            "says that the data do not tell these clusters apart, not that they are known to be "
            'alike; df="kenward-roger" shows how uncertain that is.'
        ),
    ),
    (
        NoPredictionVariance(("A - B",)),
        "The variance of prediction of 'A - B' is estimated as zero, so that it has no degrees of "
        "freedom, interval or p-value.",
    ),
    (NoProfile(("g: cov(x, z)",)), "No profile-likelihood limits of 'g: cov(x, z)'."),
    (
        UndefinedReplicates(3, 100),
        "In 3 of 100 replicates a variance is zero, so that a correlation is not defined; its "
        "figures are of the others.",
    ),
    (
        Standardised("residual", 2.5),
        "In units of the residual standard deviation, 2.5, whose uncertainty counts.",
    ),
    (
        Standardised("", 15.0),
        "In units of a standard deviation of 15, which is taken as known.",
    ),
    (
        HardlySeen(("a",), 0.085, "row", ("nonrobust",)),
        "NOT TO BE TRUSTED: 'a'. Hardly more than one row determines it, and rows show 8.5 % of "
        "its variance only: its standard error is too small by a factor of about 3.4, its interval "
        'and p-value are wrong; take vcov="nonrobust".',
    ),
    (LostEffects(2, 5), "2 of 5 effects are not estimable."),
    (Omitted(("a", "b")), "2 left out because the data do not determine them: 'a', 'b'."),
]


@pytest.mark.parametrize(("note", "sentence"), FINDINGS)
def test_findings(note: Note, sentence: str) -> None:
    assert note_sentence(note) == sentence


def test_no_note_was_forgotten() -> None:
    # `Asked` is said with the population, not in a sentence of its own
    assert {type(note) for note, _ in [*SENTENCES, *FINDINGS]} | {Asked} == set(get_args(Note))


def test_a_variable_that_begins_a_sentence_keeps_its_case() -> None:
    assert note_sentence(Extrapolation("dose", 5.0, 0.0, 4.0)).startswith("dose = 5 lies")


COMPUTATIONS = {
    Computation.PLAIN: "",
    Computation.MEANS: "1500 means",
    Computation.RANK: "1500 independent rows",
    Computation.QUADRATURE: "by quadrature",
    Computation.MONTE_CARLO: "Monte-Carlo error of a p-value near 0.1 is 2e+03, seed fixed",
    Computation.DRAWS: "from the joint distribution of the 1,500 draws",
    Computation.BONFERRONI_INTERVALS: "the intervals are Bonferroni's",
    Computation.SIDAK_INTERVALS: "the intervals are Sidak's",
    Computation.NO_INTERVALS: "no intervals belong to a false discovery rate, those shown are "
    "pointwise",
}


@pytest.mark.parametrize("how", Computation)
def test_computations(how: Computation) -> None:
    assert computation_words(Computed(how, 1500.0, 0.1)) == COMPUTATIONS[how]


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("bonferroni", "Bonferroni"),
        ("holm", "Holm"),
        ("sidak", "Sidak"),
        ("holm-sidak", "Holm-Sidak"),
        ("tukey", "Tukey"),
        ("dunnett", "Dunnett (largest |t|)"),
        ("scheffe", "Scheffe"),
        ("mvt", "largest |t| of the joint distribution"),
        ("fdr_bh", "Benjamini-Hochberg (false discovery rate)"),
        ("fdr_by", "Benjamini-Yekutieli (false discovery rate)"),
    ],
)
def test_adjustments(method: str, name: str) -> None:
    note = Adjusted(method, (), 1, 3, 3, (Computed(Computation.PLAIN),))
    assert note_sentence(note).endswith(f"a family of 3 tests: {name}.")
    assert method in ADJUSTMENTS
