"""The table of prediction intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import PredictionFacts, ResultFacts
from pymargins.report import numbers
from pymargins.report.figures import about_inference, about_population
from pymargins.report.notes import sentence
from pymargins.report.row_names import row_names
from pymargins.report.summary import Summary
from pymargins.report.words import AT_ONE_ROW

#: What varies, by whose observation it is.
VARY = {
    "": "the estimate and the residual",
    "new": "the estimate, the effects of a new cluster and the residual",
    "own": "the prediction for the cluster and the residual",
}
#: An interval is about so many standard deviations long.
STEPS = 4.0
#: What takes the place of a t distribution, by the kind of interval of the bootstrap.
DRAWN = {
    "studentized": "limits: quantiles of a new observation's distance from each replicate in its "
    "own standard deviations",
    "basic": "limits: quantiles of a new observation's distance from each replicate",
    "percentile": "limits: quantiles of new observations of all replicates",
    "normal": "limits: the normal distribution, with the variance of the replicates",
}


@dataclass(frozen=True, slots=True, eq=False)
class PredictionFigures:
    """The numbers of prediction intervals, one row each, and the facts about them.

    Parameters
    ----------
    labels : sequence of str
    columns : mapping of str to sequence
        The values of the scenario and subgroup variables in each row.
    estimate : ndarray, shape (k,)
    prediction_error, df : ndarray, shape (k,)
        On the scale that was modelled.
    pi_lower, pi_upper : ndarray, shape (k,)
        In the units of the outcome.
    level : float
    facts : ResultFacts
    prediction : PredictionFacts
    """

    labels: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
    estimate: FloatArray
    prediction_error: FloatArray
    df: FloatArray
    pi_lower: FloatArray
    pi_upper: FloatArray
    level: float
    facts: ResultFacts
    prediction: PredictionFacts

    def __len__(self) -> int:
        return len(self.labels)


def prediction_summary(figures: PredictionFigures) -> Summary:
    """Make the table of prediction intervals."""
    response = figures.facts.session.model.response
    carried = bool(figures.prediction.response)
    spread = figures.prediction_error
    if carried:  # which is on another scale
        spread = (figures.pi_upper - figures.pi_lower) / STEPS
    places = numbers.decimals(figures.estimate, spread)
    columns = {"Estimate": numbers.figures(figures.estimate, places)}
    if not carried:
        columns["Prediction error"] = numbers.figures(figures.prediction_error, places)
    if np.isfinite(figures.df).any():
        columns["df"] = numbers.degrees_of_freedom(figures.df)
    columns["low"] = numbers.figures(figures.pi_lower, places)
    columns["high"] = numbers.figures(figures.pi_upper, places)
    title = f"Prediction {'interval' if len(figures) == 1 else 'intervals'}"
    return Summary.of_rows(
        f"{title}: {response}" if response else title,
        row_names(figures.labels, figures.columns, figures.facts),
        columns,
        interval=f"{numbers.percent(figures.level)} PI",
        notes=_notes(figures),
    )


def _notes(figures: PredictionFigures) -> tuple[str, ...]:
    facts = figures.facts
    # points that rows set themselves are in their labels
    at_one_row = facts.session.population.where in AT_ONE_ROW
    return (
        *map(sentence, prediction_words(figures.prediction)),
        *(about_population(facts) if at_one_row else ()),
        *about_inference(facts),
    )


def prediction_words(facts: PredictionFacts) -> list[str]:
    """Say of what each interval is, what varies in it, and where its limits come from."""
    if facts.of == "cluster":
        what = "the mean of a new cluster: the estimate and the effects of a new cluster vary"
    else:
        whose = {"": "", "new": " of a new cluster", "own": " of that cluster"}[facts.clusters]
        weights = ", of the weight given (a mean of m weighs m)" if facts.weighted else ""
        what = f"one new observation{whose}{weights}: {VARY[facts.clusters]} vary"
    words = [f"each interval is for {what}, normally"]
    if facts.of_total:
        words.append("degrees of freedom are those of the whole variance")
    if facts.draws:
        words.append(DRAWN[facts.draws])
    if facts.response:
        words.append(f"limits are those of {facts.response}, carried back; they are quantiles")
    return words
