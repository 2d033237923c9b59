"""What tables say of results and sessions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.tables import numbers
from pymargins.tables.summary import Summary

if TYPE_CHECKING:
    from pymargins.model import ModelView
    from pymargins.provenance import Provenance
    from pymargins.results import MarginsResult
    from pymargins.scale import Scale


#: A note that begins with a variable's name: ``"age = 90 lies outside ..."``.
VALUE_OF = re.compile(r"[^;:,.()]+ = ")


def is_ratio(quantity: str, scale: Scale) -> bool:
    """Tell whether a result reports ratios: contrasts on the log scale."""
    return quantity.startswith(("contrast", "ratio")) and scale.name == "log"


def null_of(quantity: str, scale: Scale) -> float | None:
    """Return what no effect is in the units of the estimates.

    None for quantities of which no value means no effect: mean responses and functions of them,
    and slopes on a scale where contrasts are not differences.
    """
    if quantity.startswith(("contrast", "ratio")):
        return back_transformed_zero(scale)
    return 0.0 if quantity.startswith("average") and scale.is_identity else None


def back_transformed_zero(scale: Scale) -> float | None:
    """Return what 0 on the scale is in the units of the estimates; some scales never reach it."""
    with np.errstate(all="ignore"):
        zero = float(np.asarray(scale.inverse(np.zeros(1)), dtype=float)[0])
    return zero if np.isfinite(zero) else None


def summarise(result: MarginsResult) -> Summary:
    """Make the table of a result.

    Estimates, standard errors and intervals have the decimals that the standard errors support;
    a column of degrees of freedom appears where some are finite.
    """
    quantity = result.provenance.quantity
    estimate, error, bounds = result.estimate, result.std_error, result.conf_int()
    places = numbers.decimals(estimate, error)
    finite = bool(np.isfinite(result.df).any())
    level = numbers.percent(result.level)
    name = "Ratio" if is_ratio(quantity, result.scale) else "Estimate"
    columns: dict[str, list[str]] = {
        name: numbers.figures(estimate, places),
        "Std. error": numbers.figures(error, places),
        _statistic_name(result, finite): numbers.statistics(result.statistic),
        **({"df": numbers.degrees_of_freedom(result.df)} if finite else {}),
        "p": numbers.p_values(result.p_value),
        f"{level} CI low": numbers.figures(_array(bounds["ci_lower"]), places),
        f"{level} CI high": numbers.figures(_array(bounds["ci_upper"]), places),
    }
    return Summary(
        title=_title(quantity, result.provenance.response),
        header=("", *columns),
        rows=tuple(zip(result.labels, *columns.values(), strict=True)),
        notes=(*_notes(result.provenance, result.scale), *_least_p(result)),
        align="l" + "r" * len(columns),
    )


def _least_p(result: MarginsResult) -> list[str]:
    """Say where a p-value is the least that so many draws can show."""
    draws = result.inference.draws
    if draws is None or not (result.p_value <= 2.001 / (len(draws) + 1)).any():
        return []
    least = numbers.p_values(np.array([2.0 / (len(draws) + 1)]))[0].lstrip("<")
    return [f"The least p-value that {len(draws):,} draws can show is {least}."]


def _array(values: Any) -> FloatArray:
    return np.asarray(values, dtype=float)


def _statistic_name(result: MarginsResult, finite: bool) -> str:
    if result.inference.draws is not None:
        return "Statistic"  # its p-value comes from the draws, not from a normal distribution
    return "t" if finite else "z"


def _title(quantity: str, response: str) -> str:
    title = quantity[:1].upper() + quantity[1:]
    return f"{title}: {response}" if response else title


def _notes(provenance: Provenance, scale: Scale) -> tuple[str, ...]:
    """Say on what the figures rest, one sentence a note."""
    population = provenance.population
    if provenance.random_effects:
        population += f"; random effects {provenance.random_effects}"
    size = f"n = {provenance.n:,}" + (f", {provenance.groups}" if provenance.groups else "")
    covariance = f"covariance: {provenance.vcov}"
    found = [
        *_scale_notes(provenance, scale),
        population,
        "; ".join([provenance.method, *_distribution(provenance), covariance]),
        f"{provenance.model}; {size}",
        *provenance.notes,
    ]
    return tuple(_sentence(note) for note in found if note)


def _scale_notes(provenance: Provenance, scale: Scale) -> list[str]:
    if scale.is_identity:
        return []
    what = "ratios" if is_ratio(provenance.quantity, scale) else "estimates"
    null = back_transformed_zero(scale)
    drawn = provenance.df.startswith("none")
    notes = [
        f"{what} back-transformed from the {scale.name} scale, on which intervals are "
        + ("formed" if drawn else "symmetric")
    ]
    if null is not None:
        notes.append(
            f"the statistic and p compare with {null:g}, which is 0 on the {scale.name} scale"
        )
    return notes


def _distribution(provenance: Provenance) -> list[str]:
    """Name the reference distribution, where the method uses one."""
    words = provenance.df
    if not words or words.startswith("none"):
        return []
    named = words.startswith(("t with", "normal"))
    return [words if named else f"t with degrees of freedom by {words}"]


def _sentence(words: str) -> str:
    """Begin and end words as a sentence; a variable's name keeps its case."""
    words = words.strip()
    first = words[:1] if VALUE_OF.match(words) else words[:1].upper()
    return first + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


# --- sessions ------------------------------------------------------------------------------------


def session_summary(provenance: Provenance, scale: Scale, level: float, view: ModelView) -> Summary:
    """State what a session has fixed: a paragraph for a methods section, and a table."""
    rows = {
        "Model": provenance.model,
        "Response": provenance.response,
        "Variables": ", ".join(view.variables),
        "Observations": f"{provenance.n:,}",
        "Groups": provenance.groups,
        "Population": provenance.population,
        "Random effects": provenance.random_effects,
        "Scale": _scale_words(scale),
        "Covariance": provenance.vcov,
        "Distribution": "".join(_distribution(provenance)),
        "Method": provenance.method,
        "Level": numbers.percent(level),
    }
    return Summary(
        title="Margins session",
        header=("", ""),
        rows=tuple((name, value) for name, value in rows.items() if value),
        notes=tuple(_sentence(note) for note in provenance.notes),
        lead=methods_paragraph(provenance, scale, level),
    )


def _scale_words(scale: Scale) -> str:
    return "identity (the response's own)" if scale.is_identity else scale.name


def methods_paragraph(provenance: Provenance, scale: Scale, level: float) -> str:
    """Write a session's commitments as sentences for a methods section."""
    article = "an" if provenance.model[:1].lower() in tuple("aeiou") else "a"
    groups = f" in {provenance.groups}" if provenance.groups else ""
    evaluated = provenance.population
    if evaluated.startswith("at "):
        evaluated = f"evaluated {evaluated}"
    effects = provenance.random_effects
    return " ".join(
        [
            f"Estimates for {provenance.response} come from {article} {provenance.model}, "
            f"fitted to {provenance.n:,} observations{groups}.",
            f"They were {evaluated}" + (f", with random effects {effects}." if effects else "."),
            _uncertainty(provenance, level),
            _formation(scale),
        ]
    )


def _uncertainty(provenance: Provenance, level: float) -> str:
    intervals = f"{numbers.percent(level)} confidence intervals"
    that = "that " if provenance.vcov.startswith("of ") else ""
    covariance = f"the covariance of the coefficients is {that}{provenance.vcov}"
    if not _distribution(provenance):
        return (
            f"Standard errors and {intervals} were obtained by {provenance.method}; {covariance}."
        )
    distribution = "".join(_distribution(provenance))
    the = "the " if distribution.startswith("normal") else ""
    return (
        f"Standard errors were obtained by the {provenance.method}; {covariance}. The {intervals} "
        f"are based on {the}{distribution}."
    )


def _formation(scale: Scale) -> str:
    if scale.is_identity:
        return "Contrasts are differences on the response's own scale."
    ratios = ": differences there are reported as ratios" if scale.name == "log" else ""
    return (
        f"Contrasts were formed and intervals computed on the {scale.name} scale, and "
        f"back-transformed{ratios}."
    )
