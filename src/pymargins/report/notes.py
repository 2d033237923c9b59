"""What is to be said of figures beside what they are: one sentence a fact."""

from __future__ import annotations

from pymargins.facts import (
    Adjusted,
    BoundaryParameters,
    Computation,
    Computed,
    Extrapolation,
    FailedReplicates,
    FewClusters,
    FewGroups,
    IndefiniteInformation,
    Note,
    Polished,
    QuotientNull,
    Remark,
    SingularReplicates,
    SlopesOnIdentity,
    TransformedResponse,
)
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
        case Remark():
            return note.text
        case TransformedResponse():
            return (
                f"figures are means of {note.response}, as the model has it, not of {note.column}"
            )
        case Polished():
            return (
                f"polished: at the optimum of the likelihood, deviance {note.gap:.3g} below the "
                "fit's"
            )
        case Extrapolation():
            low, high = value_text(note.low), value_text(note.high)
            return (
                f"{note.variable} = {value_text(note.value)} lies outside the observed range {low} "
                f"to {high}: extrapolation"
            )
        case SlopesOnIdentity():
            return "slopes and elasticities are on the identity scale in every session"
        case QuotientNull():
            return "p-values compare with 0; test(null=1) compares with 1"
        case Adjusted():
            return adjustment_words(note)
        case _:
            return _about_inference(note)


def _about_inference(
    note: FewGroups
    | FewClusters
    | FailedReplicates
    | SingularReplicates
    | BoundaryParameters
    | IndefiniteInformation,
) -> str:
    match note:
        case FewGroups():
            return (
                f"only {note.groups} groups: intervals from the normal distribution are too short "
                'for effects between groups; df="kenward-roger" or "satterthwaite" allows for it'
            )
        case FewClusters():
            where = f"{note.clusters} clusters" + (" in an arm" if note.in_arm else "")
            return (
                f"only {where}: a bootstrap of clusters has little to draw from; compare with "
                'df="kenward-roger", or take Bootstrap(kind="parametric")'
            )
        case FailedReplicates():
            tally = "; ".join(f"{count} x {text}" for text, count in note.reasons.items())
            return f"{note.failed} of {note.n_boot} replicates failed and were left out: {tally}"
        case SingularReplicates():
            one = note.singular == 1
            some = "replicate is a singular fit" if one else "replicates are singular fits"
            return f"{note.singular} of {note.n_boot} {some}, kept"
        case BoundaryParameters():
            return (
                f"{note.dropped} variance parameter(s) at the boundary count as known in the "
                "degrees of freedom"
            )
        case IndefiniteInformation():
            return (
                "the likelihood has no maximum in the variance parameters here, so the degrees of "
                "freedom are not reliable; see m.diagnose()"
            )


# --- adjustments for the number of tests ---------------------------------------------------------


def adjustment_words(note: Adjusted) -> str:
    """Say which adjustment it is, of how many tests, and how exactly."""
    parts = [
        f"p-values and intervals adjusted for {_families(note)}: {ADJUSTMENTS[note.method]}",
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
