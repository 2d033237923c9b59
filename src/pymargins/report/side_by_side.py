"""Several results side by side: one column each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from pymargins._typing import FloatArray
from pymargins.facts import ResultFacts
from pymargins.report import numbers, words
from pymargins.report.figures import Figures, about_population, title_of
from pymargins.report.notes import sentence
from pymargins.report.row_names import RowNames, row_names
from pymargins.report.summary import Summary

#: What stands behind each estimate, in brackets.
Shown: TypeAlias = Literal["interval", "std_error"]
SHOWN: tuple[Shown, ...] = ("interval", "std_error")


def side_by_side(results: Mapping[str, Figures], show: Shown) -> Summary:
    """Set the figures of several results side by side, rows with the same label beside each other.

    Parameters
    ----------
    results : mapping of str to Figures
        By the names of their columns.
    show : {"interval", "std_error"}
        What stands behind each estimate, in brackets.
    """
    every = list(results.values())
    names = _all_names(every)
    labels = list(dict.fromkeys(label for one in every for label in one.labels))
    estimates = np.concatenate([one.estimate for one in every])
    errors = np.concatenate([one.std_error for one in every])
    most = max(numbers.decimals(estimates, errors))
    cells = [_cells(one, labels, most, show) for one in every]
    facts = [one.facts for one in every]
    level = numbers.percent(every[0].level)
    what = f"the {level} interval" if show == "interval" else "the standard error"
    return Summary(
        title=_title(facts),
        header=(*names.header, *results),
        rows=tuple(zip(*names.cells, *cells, strict=True)),
        notes=(f"In brackets {what}.", *_foundations(results, facts)),
        align=names.align + "r" * len(cells),
        keys=len(names.header) if len(names.header) > 1 else 0,
    )


def _all_names(every: Sequence[Figures]) -> RowNames:
    """Tell the rows of all results apart, by columns where all have the same."""
    labels: list[str] = []
    columns: dict[str, list[Any]] = {}
    alike = all(list(one.columns) == list(every[0].columns) for one in every)
    for one in every:
        for i, label in enumerate(one.labels):
            if label not in labels:
                labels.append(label)
                for name, values in one.columns.items() if alike else ():
                    columns.setdefault(name, []).append(values[i])
    return row_names(labels, columns, every[0].facts)


def _cells(figures: Figures, labels: Sequence[str], places: int, show: Shown) -> list[str]:
    """Write one column: estimates with what stands behind them, flush right."""
    size = len(figures)

    def write(values: FloatArray) -> list[str]:
        return [text.strip() for text in numbers.figures(values, [places] * size)]

    middle = write(figures.estimate)
    if show == "interval":
        ends = zip(write(figures.ci_lower), write(figures.ci_upper), strict=True)
        behind = [f"[{low}, {high}]" for low, high in ends]
    else:
        behind = [f"({error})" for error in write(figures.std_error)]
    shown = dict(zip(figures.labels, zip(middle, behind, strict=True), strict=True))
    return [" ".join(shown[label]) if label in shown else "" for label in labels]


def _title(facts: Sequence[ResultFacts]) -> str:
    titles = list(dict.fromkeys(map(title_of, facts)))
    model = facts[0].session.model
    plain = words.quantity_words(facts[0].quantity, model)
    return titles[0] if len(titles) == 1 else plain[:1].upper() + plain[1:]


def _foundations(names: Iterable[str], facts: Sequence[ResultFacts]) -> list[str]:
    """Say on what each column rests, and over whom all are averaged, or each."""
    populations = [about_population(one) for one in facts]
    if len(set(populations)) == 1:
        return [*map(_foundation, names, facts), *populations[0]]
    own = [[text.rstrip(".") for text in said] for said in populations]
    return list(map(_foundation, names, facts, own))


def _foundation(name: str, facts: ResultFacts, more: Iterable[str] = ()) -> str:
    """Say on what one column rests."""
    session = facts.session
    parts = [
        words.model_words(session.model),
        f"n = {session.model.n:,}",
        words.method_words(session.method),
        words.reference_words(session.reference),
        f"covariance: {words.covariance_words(session.covariance)}",
        *(text[:1].lower() + text[1:] for text in more),
    ]
    return f"{name}: {sentence('; '.join(part for part in parts if part))}"
