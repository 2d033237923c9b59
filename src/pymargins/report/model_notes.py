"""What is to be said of a model and of the figures that it gives: one sentence a fact."""

from __future__ import annotations

from pymargins.facts import (
    FitWeights,
    ModelNote,
    NotAMean,
    Polished,
    Remark,
    ResponseOf,
    Retransformed,
    TransformedResponse,
)

#: Deviances that differ by less are the same but for where an optimiser stops.
SAME_DEVIANCE = 1e-4
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


def model_note_words(note: ModelNote) -> str:
    """Say one of these facts, as a sentence that is neither begun nor ended yet."""
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
        case FitWeights():
            return FIT_WEIGHTS[note.kind]
        case ResponseOf():
            return f"response {note.name!r}: figures are of {RESPONSES.get(note.name, note.name)}"
        case Retransformed():
            return _retransformed(note)


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
