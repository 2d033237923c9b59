"""What sessions say of themselves, and the papers they cite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_cases import EXPECTED, GLS, OWN_LOG, SESSIONS, printed

from pymargins.facts import (
    BootstrapDraws,
    CovarianceFacts,
    Distribution,
    ModelFacts,
    PopulationFacts,
    Remark,
    ScaleFacts,
    SessionFacts,
    SimulatedDraws,
    Where,
)
from pymargins.report import session_summary
from pymargins.report.references import BOOTSTRAPS, WILD, references_for


@pytest.mark.parametrize(
    "name",
    ["gls", "kenward_roger", "cluster_robust", "bootstrap", "simulation", "typical", "few"],
)
def test_sessions_are_stated_as_ever(name: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "88")
    assert str(session_summary(SESSIONS[name])) == printed(f"session_{name}")


def lead(**changes: Any) -> str:
    return session_summary(replace(GLS, **changes)).lead


def test_the_paragraph_follows_the_population() -> None:
    weighted = PopulationFacts(Where.OVERALL, 200, weighted=True)
    assert "They were averaged over the 200 rows of the fit, weighted, with" in lead(
        population=weighted
    )
    for where in (Where.TYPICAL, Where.MEAN, Where.MAPPING):
        assert "They were evaluated at one " in lead(population=PopulationFacts(where, 1))


def test_the_paragraph_follows_the_scale() -> None:
    end = "and back-transformed."
    own = ScaleFacts("square root", 0.0, builtin=False)
    assert lead(scale=own).endswith(
        f"Contrasts were formed and intervals computed on the square root scale, {end}"
    )


def test_a_scale_of_the_users_own_gives_no_ratios_whatever_its_name() -> None:
    assert "ratios" in lead(scale=SESSIONS["log"].scale)
    assert lead(scale=OWN_LOG).endswith("on the log scale, and back-transformed.")


def test_what_a_model_has_not_is_not_stated() -> None:
    plain = ModelFacts("ordinary model", "y", 30)
    table = session_summary(replace(GLS, model=plain))
    assert table.lead.startswith(
        "Estimates for y come from an ordinary model, fitted to 30 observations. They were averaged"
    )
    assert "random effects" not in table.lead
    assert not {"Groups", "Random effects"} & {name for name, _ in table.rows}


def test_notes_come_before_the_papers() -> None:
    facts = replace(GLS, reference=EXPECTED, notes=(Remark("weights were estimated"),))
    notes = session_summary(facts).notes
    assert notes[0] == "Weights were estimated."
    assert notes[1].startswith("Method: Kenward and Roger (1997)")
    assert len(notes) == 2


# --- papers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distribution", "authors"),
    [
        (Distribution.KENWARD_ROGER, "Kenward and Roger (1997)"),
        (Distribution.SATTERTHWAITE, "Kuznetsova, Brockhoff and Christensen (2017)"),
        (Distribution.BETWEEN_WITHIN, "Schluchter and Elashoff (1990)"),
    ],
)
def test_papers_of_degrees_of_freedom(distribution: Distribution, authors: str) -> None:
    (paper,) = references_for(replace(GLS, reference=replace(EXPECTED, distribution=distribution)))
    assert paper.startswith(f"Method: {authors}")


@pytest.mark.parametrize("kind", BOOTSTRAPS)
def test_papers_of_bootstraps(kind: str) -> None:
    method = BootstrapDraws(kind, 99, "percentile", resampled=False)
    assert references_for(replace(GLS, method=method)) == (f"Method: {BOOTSTRAPS[kind]}",)


def test_papers_of_simulation_and_sandwiches() -> None:
    def papers(**changes: Any) -> tuple[str, ...]:
        facts: SessionFacts = replace(GLS, **changes)
        return references_for(facts)

    assert "Krinsky and Robb (1986)" in papers(method=SimulatedDraws(1000))[0]
    robust = papers(covariance=CovarianceFacts("CR2", clusters=9))
    assert "Pustejovsky and Tipton (2018)" in robust[0]
    both = papers(
        covariance=CovarianceFacts("kenward-roger", information="expected"),
        reference=replace(EXPECTED, distribution=Distribution.SATTERTHWAITE),
    )
    assert [paper[:14] for paper in both] == ["Method: Kenwar", "Method: Kuznet"]
    assert papers() == ()


def test_papers_of_the_wild_bootstrap_of_regressions() -> None:
    rows = BootstrapDraws("wild", 99, "percentile", resampled=False, rows=True)
    clusters = BootstrapDraws("wild", 99, "percentile", resampled=False, clusters=12)
    assert references_for(replace(GLS, method=rows)) == (f"Method: {WILD[True]}",)
    assert references_for(replace(GLS, method=clusters)) == (f"Method: {WILD[False]}",)
