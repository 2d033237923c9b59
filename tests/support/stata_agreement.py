"""Stata's own figures, which some rows of the reference cases carry beside R's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from support import model_cases, outcome_cases

#: Stata's own convergence: estimates and standard errors, relative.
STATA = (5e-6, 2e-5)
#: Estimates that are zero by definition are so but for its rounding.
ZERO = 1e-8
#: What is not compared of a row, and why.
OTHER_DENSITY = "Stata's quantile regression estimates another density"


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows of one query with one kind of standard error, and how far pymargins is from Stata."""

    case: str
    query: str
    rows: int
    estimate: float
    error: float | None
    why_not: str = ""


def compared() -> Iterator[Compared]:
    """Compare every row that carries Stata's figures, at R's parameters and covariances."""
    for name in model_cases.CASES:
        case = model_cases.load(name)
        for query in case.queries:
            if not model_cases.excluded(name, query):
                yield from _query(name, query, _regression(case, query))
    for name in outcome_cases.CASES:
        case = outcome_cases.load(name)
        for query in case.queries.values():
            if query["spec"]["quantity"] not in outcome_cases.EXCLUDED:
                rows = outcome_cases.told(case, query)
                yield from _query(name, {**query, "rows": rows}, _of_outcomes(case, query))


Figures = tuple[np.ndarray, np.ndarray]


def _query(
    name: str, query: Mapping[str, Any], ask: Callable[[str], Figures]
) -> Iterator[Compared]:
    kinds: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(query["rows"]):
        if "stata" in row:
            kinds[row["stata"]["covariance"], row["stata"]["se_is"]].append(place)
    for (covariance, se_is), places in kinds.items():
        why_not = OTHER_DENSITY if covariance == "another one" else ""
        estimate, error = (x[places] for x in ask("model" if why_not else covariance))
        stata = [query["rows"][place]["stata"] for place in places]
        off = _relative(estimate, [row["estimate"] for row in stata])
        factor = float(se_is.split(" x ")[0]) if " x " in se_is else 1.0
        se = None if why_not else _relative(factor * error, [row["se"] for row in stata])
        yield Compared(name, query["id"], len(places), off, se, why_not)


def _relative(found: np.ndarray, stata: Sequence[float]) -> float:
    stata = np.array(stata, dtype=float)
    off = np.abs(found - stata)
    small = np.abs(stata) < ZERO
    return float(
        np.max(np.where(small & (off < ZERO), 0.0, off / np.where(small, 1.0, abs(stata))))
    )


def _regression(case: Any, query: Mapping[str, Any]) -> Callable[[str], Figures]:
    def ask(covariance: str) -> Figures:
        if covariance == "unconditional":
            table, _ = model_cases.ask(case, query, case.given, population="sampled")
        else:
            table, _ = model_cases.ask(case, query, case.given_with(covariance))
        estimate, error = table["estimate"].to_numpy(), table["std_error"].to_numpy()
        if (query["spec"].get("compare") or "").startswith("log_"):
            return np.log(estimate), error / estimate
        return estimate, error

    return ask


def _of_outcomes(case: Any, query: Mapping[str, Any]) -> Callable[[str], Figures]:
    def ask(covariance: str) -> Figures:
        options = outcome_cases.options_of(case, query)
        result = outcome_cases.ask(case, query, case.given(covariance, **options))
        return result.estimate, result.std_error

    return ask
