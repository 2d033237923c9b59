"""The figures of a table, and the table that they make with what is to be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.facts import Asked, Distribution, Kind, ResultFacts
from pymargins.report import numbers, words
from pymargins.report.notes import note_sentence, sentence
from pymargins.report.row_names import row_names
from pymargins.report.summary import Summary

#: P-values up to this many times the least that draws can show are that least one.
AT_LEAST = 1.0005


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """The numbers of a table, one row each, and the facts about them.

    Parameters
    ----------
    labels : sequence of str
        The names of the rows.
    columns : mapping of str to sequence
        The values of the scenario and subgroup variables in each row.
    estimate, std_error, statistic, df, p_value, ci_lower, ci_upper : ndarray, shape (k,)
        In the units of the outcome; `df` is infinite where no t distribution is used.
    level : float
        Of the intervals.
    facts : ResultFacts
    draws : int, optional
        How many draws the figures come from; None for the delta method.
    """

    labels: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
    estimate: FloatArray
    std_error: FloatArray
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    level: float
    facts: ResultFacts
    draws: int | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Arrows:
    """Comparison arrows of some rows: of two rows they overlap where these do not differ.

    Parameters
    ----------
    low, high : ndarray, shape (k,)
        Where they end, in the units of the estimates; NaN where a row has nothing to point at.
    wrong : int
        Pairs of which no lengths of arrows would tell it.
    words : str
        How the differences were adjusted.
    """

    low: FloatArray
    high: FloatArray
    wrong: int = 0
    words: str = ""

    def __getitem__(self, rows: IntArray) -> Arrows:
        return replace(self, low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Wider:
    """Intervals around those of the estimates: where new observations lie.

    Parameters
    ----------
    low, high : ndarray, shape (k,)
    what : str
        What they are of: ``"new observations"``.
    """

    low: FloatArray
    high: FloatArray
    what: str


def summarise(figures: Figures) -> Summary:
    """Make the table of a result.

    Estimates, standard errors and intervals have the decimals that the standard errors support;
    a column of degrees of freedom appears where some are finite.
    """
    columns = _columns(figures)
    names = row_names(figures.labels, figures.columns, figures.facts)
    level = numbers.percent(figures.level)
    return Summary.of_rows(
        title_of(figures.facts),
        names,
        columns,
        interval=f"{level} CI",
        notes=(*foundations(figures.facts), *_least_p(figures)),
    )


def _columns(figures: Figures) -> dict[str, list[str]]:
    """Write the columns of numbers by their headings."""
    places = numbers.decimals(figures.estimate, figures.std_error)
    finite = bool(np.isfinite(figures.df).any())
    facts = figures.facts
    estimate = words.estimate_word(facts.quantity, facts.scale, facts.session.model.log_of)
    return {
        estimate: numbers.figures(figures.estimate, places),
        "SE": numbers.figures(figures.std_error, places),
        **(_tests(figures, finite) if figures.facts.quantity.is_tested else {}),
        "low": numbers.figures(figures.ci_lower, places),
        "high": numbers.figures(figures.ci_upper, places),
    }


def _tests(figures: Figures, finite: bool) -> dict[str, list[str]]:
    """Write the columns that compare with no effect."""
    if figures.facts.session.of_posterior:
        return {"P(direction)": numbers.shares(figures.p_value)}
    return {
        _statistic_name(figures, finite): numbers.statistics(figures.statistic),
        **({"df": numbers.degrees_of_freedom(figures.df)} if finite else {}),
        "p": numbers.p_values(figures.p_value),
    }


def _statistic_name(figures: Figures, finite: bool) -> str:
    if figures.draws is not None:
        return "Statistic"  # its p-value comes from the draws, not from a normal distribution
    return "t" if finite else "z"


def title_of(facts: ResultFacts, verb: bool = True) -> str:
    """Name what a table is of: ``"Average slope (dydx): score"``; pictures leave the verb out."""
    model = facts.session.model
    quantity, response = words.quantity_words(facts.quantity, model, verb), model.response
    log_of = model.log_of
    if log_of and facts.quantity.kind in (Kind.MEAN, Kind.FUNCTION):
        response = response.removeprefix(f"log {log_of} of ")
    if log_of and facts.scale.gives_ratios:
        response = response.removeprefix(f"log {log_of} of ")
        quantity = quantity.replace(f"log {log_of}", log_of)
        quantity = f"{log_of} ratio" if facts.quantity.compares else quantity
    title = quantity[:1].upper() + quantity[1:]
    return f"{title}: {response}" if response else title


# --- below the table -----------------------------------------------------------------------------


def foundations(facts: ResultFacts) -> tuple[str, ...]:
    """Say on what the figures rest, one sentence a note."""
    return (*_about_scale(facts), *about_population(facts), *about_inference(facts))


def about_population(facts: ResultFacts) -> tuple[str, ...]:
    """Say what is averaged over, and what becomes of random effects; nothing without averages."""
    if not facts.quantity.is_averaged:
        return ()
    session = facts.session
    effects = words.random_effects_words(session.model)
    population = words.population_words(session.population, facts.asked)
    return (_joined(population, effects and f"random effects {effects}"),)


def about_inference(facts: ResultFacts) -> tuple[str, ...]:
    """Say how uncertainty was found, of which model, and what else is to be said."""
    session = facts.session
    groups = words.groups_words(session.model)
    told = [note for note in facts.notes if not isinstance(note, Asked)]
    return (
        _joined(
            words.method_words(session.method),
            words.reference_words(session.reference),
            f"covariance: {words.covariance_words(session.covariance)}",
        ),
        _joined(
            words.model_words(session.model),
            f"n = {session.model.n:,}" + (f", {groups}" if groups else ""),
        ),
        *map(note_sentence, (*session.notes, *told)),
    )


def _joined(*parts: str) -> str:
    return sentence("; ".join(part for part in parts if part))


def _about_scale(facts: ResultFacts) -> list[str]:
    scale = facts.scale
    if scale.is_identity:
        return []
    what = f"{words.estimate_word(facts.quantity, scale, facts.session.model.log_of)}s"
    drawn = facts.session.reference.distribution is Distribution.DRAWS
    notes = [
        f"{what} back-transformed from the {scale.name} scale, on which intervals are "
        f"{'formed' if drawn else 'symmetric'}."
    ]
    if scale.null is not None:
        posterior = facts.session.of_posterior
        compared = "probability of direction compares" if posterior else "statistic and p compare"
        notes.append(f"The {compared} with {scale.null:g}, which is 0 on the {scale.name} scale.")
    return notes


def _least_p(figures: Figures) -> list[str]:
    """Say where a p-value is the least that so many draws can show."""
    if figures.draws is None or figures.facts.session.of_posterior:
        return []
    least = 2.0 / (figures.draws + 1)
    if not (figures.p_value <= AT_LEAST * least).any():
        return []
    shown = f"{least:.3f}" if least >= 0.001 else f"{least:.1g}"
    return [f"The least p-value that {figures.draws:,} draws can show is {shown}."]
