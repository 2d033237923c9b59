"""Tables of figures: what is printed of results, and how it follows the facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_cases import (
    CONTRAST,
    GLS,
    LOG,
    MEAN,
    NUMBERS,
    OWN_LOG,
    RATIO,
    RESULTS,
    SESSIONS,
    figures_of,
    made_figures,
    printed,
)

from pymargins.facts import Remark, ResultFacts, ScaleFacts
from pymargins.report import summarise


@pytest.mark.parametrize("name", NUMBERS)
def test_tables_are_printed_as_ever(name: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "88")
    assert str(summarise(figures_of(name))) == printed(f"table_{name}")


def test_every_result_has_figures() -> None:
    assert set(NUMBERS) == set(RESULTS)


def test_the_level_is_in_the_header() -> None:
    shown = summarise(made_figures([1.0], level=0.9))
    assert shown.header[-2:] == ("90 % CI", "")
    assert shown.spans == ((5, 2),)


@pytest.mark.parametrize(
    ("df", "draws", "heading", "shown"),
    [
        ([np.inf, np.inf], None, "z", False),
        ([12.0, np.inf], None, "t", True),
        ([np.inf, np.inf], 99, "Statistic", False),
    ],
)
def test_degrees_of_freedom_appear_where_they_are_finite(
    df: list[float], draws: int | None, heading: str, shown: bool
) -> None:
    figures = replace(made_figures([1.0, 2.0]), df=np.array(df), draws=draws)
    header = summarise(figures).header
    assert header[3] == heading
    assert ("df" in header) == shown


def test_a_result_without_a_response_has_a_plain_title() -> None:
    session = replace(GLS, model=replace(GLS.model, response=""))
    facts = ResultFacts(session, MEAN, GLS.scale)
    assert summarise(made_figures([1.0], facts)).title == "Mean response"


# --- scales --------------------------------------------------------------------------------------


def table_on(scale: ScaleFacts, quantity: Any, session: str = "gls") -> Any:
    facts = ResultFacts(replace(SESSIONS[session], scale=scale), quantity, scale)
    return summarise(made_figures([1.2], facts))


def test_means_on_the_log_scale_are_no_ratios() -> None:
    table = table_on(LOG, MEAN)
    assert table.header[1] == "Estimate"
    assert table.notes[0].startswith("Estimates back-transformed from the log scale")


def test_title_and_column_agree_on_a_users_scale_named_log() -> None:
    table = table_on(OWN_LOG, CONTRAST)
    assert table.title == "Contrast of mean responses: score"
    assert table.header[1] == "Estimate"
    assert table.notes[0].startswith("Estimates back-transformed from the log scale")
    ratios = table_on(LOG, RATIO)
    assert (ratios.title, ratios.header[1]) == ("Ratio of mean responses: score", "Ratio")


def test_a_users_scale_named_identity_is_still_told_of() -> None:
    scale = ScaleFacts("identity", 0.0, builtin=False)
    assert "from the identity scale" in table_on(scale, CONTRAST).notes[0]


def test_a_scale_that_never_reaches_zero_names_no_null() -> None:
    notes = table_on(ScaleFacts("reciprocal", None, builtin=False), CONTRAST).notes
    assert "reciprocal scale" in notes[0]
    assert not any("compare" in note for note in notes)


def test_intervals_of_draws_are_not_symmetric_on_the_scale() -> None:
    assert table_on(LOG, RATIO).notes[0].endswith("on which intervals are symmetric.")
    assert table_on(LOG, RATIO, "bootstrap").notes[0].endswith("on which intervals are formed.")


# --- notes ---------------------------------------------------------------------------------------


def test_notes_of_the_session_come_before_those_of_the_result() -> None:
    session = replace(GLS, notes=(Remark("first"),))
    facts = ResultFacts(session, MEAN, GLS.scale).noting(Remark("second"), Remark("third"))
    assert summarise(made_figures([1.0], facts)).notes[-3:] == ("First.", "Second.", "Third.")


@pytest.mark.parametrize(
    ("p", "draws", "note"),
    [
        (0.002, 999, "The least p-value that 999 draws can show is 0.002."),
        (0.0002, 9999, "The least p-value that 9,999 draws can show is 0.0002."),
        (0.0021, 999, None),
        (1e-9, None, None),
    ],
)
def test_the_least_p_value_of_draws_is_told_where_it_is_reached(
    p: float, draws: int | None, note: str | None
) -> None:
    figures = replace(made_figures([1.0, 2.0]), p_value=np.array([0.5, p]), draws=draws)
    last = summarise(figures).notes[-1]
    assert last == note if note else "draws can show" not in last
