"""What is to be said of figures beside what they are: one sentence a fact."""

from __future__ import annotations

import json

from pymargins.errors import listing
from pymargins.facts import (
    Adjusted,
    Asked,
    AtTheBound,
    Computation,
    Computed,
    Extrapolation,
    FitWeights,
    GroupsAsSubgroups,
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
    SlopesOnIdentity,
    Standardised,
    TransformedResponse,
    Unadjusted,
    UndefinedReplicates,
)
from pymargins.report.model_notes import model_note_words
from pymargins.report.uncertainty_notes import uncertainty_note_words
from pymargins.report.variances import variance_words
from pymargins.values import value_text

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
        case Unadjusted():
            return _unadjusted(note)
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
            return _no_prediction_variance(note)
        case Adjusted():
            return adjustment_words(note)
        case AtTheBound() | NoProfile() | Standardised() | UndefinedReplicates():
            return variance_words(note)
        case (
            Remark()
            | TransformedResponse()
            | Polished()
            | NotAMean()
            | FitWeights()
            | ResponseOf()
            | Retransformed()
        ):
            return model_note_words(note)
        case _:
            return uncertainty_note_words(note)


def _unadjusted(note: Unadjusted) -> str:
    by = note.by[0] if len(note.by) == 1 else list(note.by)
    call = f'"{note.method}"' + (f", by={json.dumps(by)}" if note.by else "")
    return (
        f"these {note.count} p-values are not adjusted for how many there are; "
        f".adjust({call}) adjusts them"
    )


def _no_prediction_variance(note: NoPredictionVariance) -> str:
    zero = f"the variance of prediction of {listing(note.labels)} is estimated as zero"
    if note.has_interval:
        return (
            f"{zero}: an interval of no width says that the data do not tell these "
            'clusters apart, not that they are known to be alike; df="kenward-roger" '
            "shows how uncertain that is"
        )
    return f"{zero}, so that it has no degrees of freedom, interval or p-value"


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
