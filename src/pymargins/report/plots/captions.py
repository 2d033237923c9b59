"""What axes and small print say of a picture."""

from __future__ import annotations

from pymargins.facts import Adjusted, Computation
from pymargins.report import words
from pymargins.report.figures import Arrows, Figures, Wider, title_of
from pymargins.report.notes import adjustment_words, sentence
from pymargins.report.numbers import percent

#: How titles of tables start for most outcomes; those of others are kept: "Probability: affair".
MEAN = "Mean response: "


def axis_label(
    figures: Figures, effect: str, simultaneous: bool, wider: Wider | None = None
) -> str:
    """Name what is drawn as its table does, and its intervals: ``"Mean score (95 % CI)"``."""
    label = title_of(figures.facts, verb=False)
    if label.startswith(MEAN):
        label = f"Mean {label.removeprefix(MEAN)}"
    if effect:
        label += f", {effect}"
    together = "simultaneous " if simultaneous else "adjusted " if adjusted(figures) else ""
    beyond = f", lighter: {wider.what}" if wider is not None else ""
    return f"{label} ({together}{percent(figures.level)} CI{beyond})"


def adjusted(figures: Figures) -> bool:
    """Tell whether intervals are adjusted for the number of tests, not the p-values alone."""
    return any(
        isinstance(note, Adjusted)
        and note.largest > 1
        and all(one.how is not Computation.NO_INTERVALS for one in note.computed)
        for note in figures.facts.notes
    )


def caption(figures: Figures, simultaneous: bool = False) -> str:
    """Say on what a picture rests: population or model, random effects, scale and adjustment."""
    facts = figures.facts
    session = facts.session
    effects = words.random_effects_words(session.model)
    parts: list[str] = []
    if facts.quantity.is_averaged:
        population = words.population_words(session.population, facts.asked)
        parts.append("; ".join([population, *([f"random effects {effects}"] if effects else [])]))
    else:
        parts += [words.model_words(session.model), words.method_words(session.method)]
    if not facts.scale.is_identity:
        parts.append(f"intervals formed on the {facts.scale.name} scale")
    if simultaneous and len(figures) > 1:
        parts.append(f"intervals hold together for all {len(figures)} rows")
    parts += [adjustment_words(note) for note in facts.notes if isinstance(note, Adjusted)]
    return " ".join(map(sentence, parts))


def arrow_caption(figures: Figures, arrows: Arrows) -> str:
    """Say how comparison arrows are read."""
    level = 100 * (1 - figures.level)
    told = f"arrows that do not overlap: a difference at {level:.10g} % ({arrows.words})"
    if arrows.wrong:
        some = "pair" if arrows.wrong == 1 else "pairs"
        told += f"; of {arrows.wrong} {some} arrows cannot tell, see matrix()"
    return sentence(told)
