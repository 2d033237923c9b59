"""What a session has fixed: a paragraph for a methods section, and a table."""

from __future__ import annotations

from pymargins.facts import Distribution, PosteriorDraws, ScaleFacts, SessionFacts
from pymargins.report import words
from pymargins.report.notes import note_sentence, sentence
from pymargins.report.numbers import percent
from pymargins.report.references import references_for
from pymargins.report.summary import Summary


def session_summary(facts: SessionFacts) -> Summary:
    """State what a session has fixed: a paragraph for a methods section, and a table."""
    rows = {
        "Model": words.model_words(facts.model),
        "Response": facts.model.response,
        "Variables": ", ".join(facts.variables),
        "Observations": f"{facts.model.n:,}",
        "Groups": words.groups_words(facts.model),
        "Population": words.population_words(facts.population),
        "Random part": words.structure_words(facts.model),
        "Random effects": words.random_effects_words(facts.model),
        "Scale": words.scale_words(facts.scale),
        "Covariance": words.covariance_words(facts.covariance),
        "Distribution": words.reference_words(facts.reference),
        "Method": words.method_words(facts.method),
        "Level": percent(facts.level),
    }
    return Summary(
        title="Margins session",
        header=("", ""),
        rows=tuple((name, value) for name, value in rows.items() if value),
        notes=(*map(note_sentence, facts.notes), *map(sentence, references_for(facts))),
        lead=methods_paragraph(facts),
    )


def methods_paragraph(facts: SessionFacts) -> str:
    """Write a session's commitments as sentences for a methods section."""
    sentences = [_origin(facts), _population(facts), _uncertainty(facts), _formation(facts.scale)]
    return " ".join(sentences)


def _origin(facts: SessionFacts) -> str:
    model, groups = words.model_words(facts.model), words.groups_words(facts.model)
    article = "an" if model[:1].lower() in tuple("aeiou") else "a"
    structure = words.structure_words(facts.model)
    return (
        f"Estimates for {facts.model.response} come from {article} {model}, fitted to "
        f"{facts.model.n:,} observations{f' in {groups}' if groups else ''}"
        + (f", with random {structure}." if structure else ".")
    )


def _population(facts: SessionFacts) -> str:
    where = words.population_words(facts.population)
    evaluated = "evaluated " if facts.population.where in words.AT_ONE_ROW else ""
    effects = words.random_effects_words(facts.model)
    with_effects = f", with random effects {effects}" if effects else ""
    return f"They were {evaluated}{where}{with_effects}."


def _uncertainty(facts: SessionFacts) -> str:
    bayes = isinstance(facts.method, PosteriorDraws)
    kind = "credible" if bayes else "confidence"
    intervals = f"{percent(facts.level)} {kind} intervals"
    method, distribution = words.method_words(facts.method), facts.reference.distribution
    that = "that " if facts.covariance.kind in ("draws", "posterior") else ""
    covariance = (
        f"the covariance of the coefficients is {that}{words.covariance_words(facts.covariance)}"
    )
    if distribution is Distribution.DRAWS:
        return f"Standard errors and {intervals} were obtained by {method}; {covariance}."
    the = "the " if distribution is Distribution.NORMAL else ""
    return (
        f"Standard errors were obtained by the {method}; {covariance}. The {intervals} are based "
        f"on {the}{words.reference_words(facts.reference)}."
    )


def _formation(scale: ScaleFacts) -> str:
    if scale.is_identity:
        return "Contrasts are differences on the response's own scale."
    what = "odds ratios" if scale.gives_odds_ratios else "ratios"
    ratios = f": differences there are reported as {what}" if scale.divides else ""
    return (
        f"Contrasts were formed and intervals computed on the {scale.name} scale, and "
        f"back-transformed{ratios}."
    )
