"""What is to be said of standard errors, degrees of freedom and draws: one sentence a fact."""

from __future__ import annotations

from typing import TypeAlias

from pymargins.errors import listing
from pymargins.facts import (
    ApproximatePosterior,
    BoundaryParameters,
    FailedReplicates,
    FewClusters,
    FewDraws,
    FewGroups,
    FewSandwiched,
    HardlySeen,
    IndefiniteInformation,
    ShiftedDf,
    SingularReplicates,
)
from pymargins.report.health import df_words

UncertaintyNote: TypeAlias = (
    ApproximatePosterior
    | FewGroups
    | FewClusters
    | FewDraws
    | FewSandwiched
    | HardlySeen
    | FailedReplicates
    | SingularReplicates
    | BoundaryParameters
    | IndefiniteInformation
    | ShiftedDf
)


def uncertainty_note_words(note: UncertaintyNote) -> str:
    """Say one of these facts, as a sentence that is neither begun nor ended yet."""
    match note:
        case ApproximatePosterior():
            if note.variational:
                return (
                    "the posterior is variational: every parameter is held independent of all "
                    'others, so that standard errors can be far off; vcov="laplace" lets '
                    "coefficients vary together"
                )
            return "the posterior is approximate (Laplace, at its mode)"
        case FewGroups():
            return _few_groups(note)
        case FewClusters():
            return _few_clusters(note)
        case HardlySeen():
            return _hardly_seen(note)
        case SingularReplicates():
            return _singular(note)
        case FewDraws():
            return (
                f"{note.draws:,} draws cannot show the limits of intervals at "
                f"{100 * note.level:.10g} %: these are the least and the greatest of them; take "
                f"at least {note.needed:,}, better ten times as many"
            )
        case FewSandwiched():
            return (
                f"only {note.clusters} clusters: {note.kind} standard errors themselves vary a "
                'great deal from sample to sample; compare with vcov="kenward-roger"'
            )
        case FailedReplicates():
            tally = "; ".join(f"{count} x {text}" for text, count in note.reasons.items())
            return f"{note.failed} of {note.n_boot} replicates failed and were left out: {tally}"
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


def _few_groups(note: FewGroups) -> str:
    what = f"levels of {note.component}" if note.component else "groups"
    remedies = " or ".join(f'"{name}"' for name in note.remedies)
    return (
        f"only {note.groups} {what}: intervals from the normal distribution are too short "
        "for effects between groups"
    ) + (f"; df={remedies} allows for it" if remedies else "")


def _few_clusters(note: FewClusters) -> str:
    where = f"{note.clusters} clusters" + (" in an arm" if note.in_arm else "")
    return f"only {where}: a bootstrap of clusters has little to draw from; compare with " + (
        f'df="{note.remedies[0]}", or take Bootstrap(kind="parametric")'
        if note.remedies
        else 'vcov="CR2"'
    )


def _hardly_seen(note: HardlySeen) -> str:
    return (
        f"NOT TO BE TRUSTED: {listing(note.labels)}. Hardly more than one {note.unit} "
        f"determines it, and {note.unit}s show {100 * note.share:.2g} % of its variance "
        "only: its standard error is too small by a factor of about "
        f"{note.share**-0.5:.2g}, its interval and p-value are wrong; take "
        f'vcov="{note.instead[0]}"'
    )


def _singular(note: SingularReplicates) -> str:
    if note.dispersion:
        some = "replicate has" if note.singular == 1 else "replicates have"
        return (
            f"{note.singular} of {note.n_boot} {some} no overdispersion left (the Poisson "
            "limit), kept"
        )
    one = note.singular == 1
    some = "replicate is a singular fit" if one else "replicates are singular fits"
    return f"{note.singular} of {note.n_boot} {some}, kept"
