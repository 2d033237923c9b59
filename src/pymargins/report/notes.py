"""What is to be said of figures beside what they are: one sentence a fact."""

from __future__ import annotations

import json

from pymargins.errors import listing
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
    ShiftedDf,
    SingularReplicates,
    SlopesOnIdentity,
    Standardised,
    TransformedResponse,
    Unadjusted,
    UndefinedReplicates,
)
from pymargins.report.health import df_words
from pymargins.report.variances import variance_words
from pymargins.values import value_text

#: Deviances that differ by less are the same but for where an optimiser stops.
SAME_DEVIANCE = 1e-4
ADJUSTMENTS = {
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "sidak": "Sidak",
    "holm-sidak": "Holm-Sidak",
    "tukey": "Tukey",
    "dunnett": "Dunnett (largest |t|)",
    "scheffe": "Scheffe",
    "mvt": "largest |t| of the joint distribution",
    "fdr_bh": "Benjamini-Hochberg (false discovery rate)",
    "fdr_by": "Benjamini-Yekutieli (false discovery rate)",
}
FIT_WEIGHTS = {
    "weights": "the weights of the fit do not weight averages; weights= does",
    "var_weights": "the var_weights of the fit do not weight averages; weights= does",
    "trials": "figures are probabilities of one trial, averaged over rows; weights= averages over "
    "trials",
}
#: What figures are of, by the name of the response.
RESPONSES = {
    "link": "the linear predictor",
    "cumulative": "the probability of each outcome or a lower one",
    "mean": "the mean of the outcomes' scores",
    "zero": "the probability of zero, structural or not",
    "inflation": "the probability of a structural zero",
    "count": "the mean of the count part",
    "precision": "the precision",
}
COMPUTATIONS = {
    Computation.PLAIN: "",
    Computation.MEANS: "{number:.0f} means",
    Computation.RANK: "{number:.0f} independent rows",
    Computation.QUADRATURE: "by quadrature",
    Computation.MONTE_CARLO: "Monte-Carlo error of a p-value near {alpha:.3g} is {number:.0e}, "
    "seed fixed",
    Computation.DRAWS: "from the joint distribution of the {number:,.0f} draws",
    Computation.BONFERRONI_INTERVALS: "the intervals are Bonferroni's",
    Computation.SIDAK_INTERVALS: "the intervals are Sidak's",
    Computation.NO_INTERVALS: "no intervals belong to a false discovery rate, those shown are "
    "pointwise",
}


def note_sentence(note: Note) -> str:
    """Write a fact as a sentence; a variable's name that begins it keeps its case."""
    words = note_words(note).strip()
    return ended(words) if isinstance(note, Extrapolation) else sentence(words)


def sentence(words: str) -> str:
    """Begin and end words as a sentence."""
    return ended(words[:1].upper() + words[1:])


def ended(words: str) -> str:
    """End words with a full stop, where nothing else ends them."""
    return words + ("" if words.endswith((".", "!", "?")) else ".")


def note_words(note: Note) -> str:
    """Say one fact, as a sentence that is neither begun nor ended yet."""
    match note:
        case Remark():
            return note.text
        case TransformedResponse():
            return (
                f"figures are means of {note.response}, as the model has it, not of {note.column}"
            )
        case Polished():
            if note.gap < SAME_DEVIANCE:
                return "polished: at the optimum of the likelihood, where the fit was, too"
            return (
                f"polished: at the optimum of the likelihood, deviance {note.gap:.3g} below the "
                "fit's"
            )
        case NotAMean():
            return f"figures are of the {note.location} ({note.which}), not of a mean"
        case ApproximatePosterior():
            if note.variational:
                return (
                    "the posterior is variational: every parameter is held independent of all "
                    'others, so that standard errors can be far off; vcov="laplace" lets '
                    "coefficients vary together"
                )
            return "the posterior is approximate (Laplace, at its mode)"
        case FitWeights():
            return FIT_WEIGHTS[note.kind]
        case ResponseOf():
            return f"response {note.name!r}: figures are of {RESPONSES.get(note.name, note.name)}"
        case Retransformed():
            return _retransformed(note)
        case Extrapolation():
            low, high = value_text(note.low), value_text(note.high)
            return (
                f"{note.variable} = {value_text(note.value)} lies outside the observed range {low} "
                f"to {high}: extrapolation"
            )
        case Asked():
            return ""  # the population's sentence says it
        case GroupsAsSubgroups():
            return (
                f"each {note.group_name} is averaged over its own rows, with the coefficients of "
                "the population: these are not predictions for the groups themselves, whose own "
                "effects (fit.random_effects) are averaged out"
            )
        case Omitted():
            return (
                f"{len(note.labels)} left out because the data do not determine them: "
                f"{listing(note.labels)}"
            )
        case LostEffects():
            return f"{note.lost} of {note.of} effects are not estimable"
        case FewDraws():
            return (
                f"{note.draws:,} draws cannot show the limits of intervals at "
                f"{100 * note.level:.10g} %: these are the least and the greatest of them; take "
                f"at least {note.needed:,}, better ten times as many"
            )
        case Unadjusted():
            by = note.by[0] if len(note.by) == 1 else list(note.by)
            call = f'"{note.method}"' + (f", by={json.dumps(by)}" if note.by else "")
            return (
                f"these {note.count} p-values are not adjusted for how many there are; "
                f".adjust({call}) adjusts them"
            )
        case SlopesOnIdentity():
            return "slopes and elasticities are on the identity scale in every session"
        case QuotientNull():
            return "p-values compare with 0; test(null=1) compares with 1"
        case NewClusters():
            return (
                f"the fit has not seen {listing(note.names)}: a new cluster, at effect 0, with the "
                "variance of one"
            )
        case NoPredictionVariance():
            zero = f"the variance of prediction of {listing(note.labels)} is estimated as zero"
            if note.has_interval:
                return (
                    f"{zero}: an interval of no width says that the data do not tell these "
                    'clusters apart, not that they are known to be alike; df="kenward-roger" '
                    "shows how uncertain that is"
                )
            return f"{zero}, so that it has no degrees of freedom, interval or p-value"
        case Adjusted():
            return adjustment_words(note)
        case AtTheBound() | NoProfile() | Standardised() | UndefinedReplicates():
            return variance_words(note)
        case _:
            return _about_inference(note)


def _retransformed(note: Retransformed) -> str:
    words = f"figures are {note.what}s of {note.column}, carried back from {note.response}"
    if note.what == "median":
        return words
    if note.residuals:
        return (
            f"{words} by averaging over the {note.residuals:,} residuals of the fit (Duan's "
            "smearing); their own uncertainty is not counted"
        )
    over = "random effects and residual" if note.random else "the residual"
    return f"{words} and integrated over the normal variation of {over}"


def _about_inference(
    note: FewGroups
    | FewClusters
    | FewSandwiched
    | HardlySeen
    | FailedReplicates
    | SingularReplicates
    | BoundaryParameters
    | IndefiniteInformation
    | ShiftedDf,
) -> str:
    match note:
        case FewGroups():
            what = f"levels of {note.component}" if note.component else "groups"
            remedies = " or ".join(f'"{name}"' for name in note.remedies)
            return (
                f"only {note.groups} {what}: intervals from the normal distribution are too short "
                "for effects between groups"
            ) + (f"; df={remedies} allows for it" if remedies else "")
        case FewClusters():
            where = f"{note.clusters} clusters" + (" in an arm" if note.in_arm else "")
            return (
                f"only {where}: a bootstrap of clusters has little to draw from; compare with "
                + (
                    f'df="{note.remedies[0]}", or take Bootstrap(kind="parametric")'
                    if note.remedies
                    else 'vcov="CR2"'
                )
            )
        case HardlySeen():
            return (
                f"NOT TO BE TRUSTED: {listing(note.labels)}. Hardly more than one {note.unit} "
                f"determines it, and {note.unit}s show {100 * note.share:.2g} % of its variance "
                "only: its standard error is too small by a factor of about "
                f"{note.share**-0.5:.2g}, its interval and p-value are wrong; take "
                f'vcov="{note.instead[0]}"'
            )
        case FewSandwiched():
            return (
                f"only {note.clusters} clusters: {note.kind} standard errors themselves vary a "
                'great deal from sample to sample; compare with vcov="kenward-roger"'
            )
        case FailedReplicates():
            tally = "; ".join(f"{count} x {text}" for text, count in note.reasons.items())
            return f"{note.failed} of {note.n_boot} replicates failed and were left out: {tally}"
        case SingularReplicates():
            if note.dispersion:
                some = "replicate has" if note.singular == 1 else "replicates have"
                return (
                    f"{note.singular} of {note.n_boot} {some} no overdispersion left (the Poisson "
                    "limit), kept"
                )
            one = note.singular == 1
            some = "replicate is a singular fit" if one else "replicates are singular fits"
            return f"{note.singular} of {note.n_boot} {some}, kept"
        case BoundaryParameters():
            return (
                f"{note.dropped} variance parameter(s) at the boundary count as known in the "
                "degrees of freedom"
            )
        case ShiftedDf():
            return f"{df_words(note)}; polish=True takes those"
        case IndefiniteInformation():
            return (
                "the likelihood has no maximum in the variance parameters here, so the degrees of "
                "freedom are not reliable; see m.diagnose()"
            )


# --- adjustments for the number of tests ---------------------------------------------------------


def adjustment_words(note: Adjusted) -> str:
    """Say which adjustment it is, of how many tests, and how exactly."""
    if note.largest == 1:
        return f"adjusted ({ADJUSTMENTS[note.method]}): a single test, so that nothing changes"
    without = any(one.how is Computation.NO_INTERVALS for one in note.computed)
    what = "p-values" if without else "p-values and intervals"
    parts = [
        f"{what} adjusted for {_families(note)}: {ADJUSTMENTS[note.method]}",
        *map(computation_words, note.computed),
    ]
    return "; ".join(part for part in parts if part)


def _families(note: Adjusted) -> str:
    members = f"{note.smallest}"
    if note.largest > note.smallest:
        members += f" to {note.largest}"
    if note.by:
        return f"{note.families} families by {', '.join(note.by)}, {members} tests each"
    return f"a family of {members} tests"


def computation_words(computed: Computed) -> str:
    """Say how the figures of a family were computed; nothing where that is plain."""
    return COMPUTATIONS[computed.how].format(number=computed.number, alpha=computed.alpha)
