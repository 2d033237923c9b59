"""What the mean of a row is called, by what the figures of a model are of."""

from __future__ import annotations

from pymargins.facts import ModelFacts, NotAMean, ResponseOf, Retransformed

MEAN = ("mean response", "mean responses")
PROBABILITY = ("probability", "probabilities")
#: One and several, by the name of a response or of a location.
NAMES = {
    "link": ("linear predictor", "linear predictors"),
    "cumulative": ("cumulative probability", "cumulative probabilities"),
    "mean": ("mean score", "mean scores"),
    "zero": ("probability of zero", "probabilities of zero"),
    "inflation": ("probability of a structural zero", "probabilities of structural zeros"),
    "count": ("mean of the count part", "means of the count part"),
    "precision": ("precision", "precisions"),
    "median": ("median", "medians"),
}


def mean_names(model: ModelFacts) -> tuple[str, str]:
    """Name one mean of a row and several: ``("probability", "probabilities")``."""
    for note in reversed(model.notes):
        match note:
            case ResponseOf():
                return _named(note.name)
            case Retransformed(what="median"):
                return NAMES["median"]
            case NotAMean(location="quantile", which="0.5"):
                return NAMES["median"]
            case NotAMean(location="quantile", which=share):
                return f"{share} quantile", f"{share} quantiles"
            case NotAMean():
                return _named(note.location)
            case _:
                pass
    return PROBABILITY if model.probabilities else MEAN


def _named(name: str) -> tuple[str, str]:
    return NAMES.get(name, (name, f"{name}s"))
