"""Print how far every class of models is from R and Stata: python tests/oracle/models_report.py.

Three parts: at R's parameters and covariance, where whatever is off is pymargins' own; the rows
that Stata's `margins` answers too; through whole fits of statsmodels, with every covariance that R
has, where optimisers count. Estimates are off in standard errors, standard errors relative to
themselves; Stata's both relative.
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import model_cases, outcome_cases
from support.model_agreement import fits, named, worst
from support.stata_agreement import compared


@dataclass
class Line:
    """What is told of one class."""

    queries: int = 0
    rows: int = 0
    given: tuple[float, float] = (0.0, 0.0)
    fits: tuple[float, float] = (0.0, 0.0)
    stata_rows: int = 0
    stata: tuple[float, float] = (0.0, 0.0)


@dataclass
class Report:
    """The lines, and what was left out."""

    lines: defaultdict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    left: list[tuple[str, str]] = field(default_factory=list)

    def regressions(self) -> None:
        """Ask the cases with one outcome."""
        for name in model_cases.CASES:
            case = model_cases.load(name)
            line = self.lines[case.family]
            for query in case.queries:
                reason = model_cases.excluded(name, query)
                if reason:
                    self.left.append((f"{name}: {query['id']}", reason))
                    continue
                table, _ = model_cases.ask(case, query, case.given)
                method = model_cases.methods(query)["asymptotic"]
                count(line, query, larger(line.given, model_cases.deviations(query, table, method)))
            for way in (*fits(case), *named(case)):
                line.fits = larger(line.fits, worst(case, way))

    def outcomes(self) -> None:
        """Ask the cases with several outcomes or equations."""
        for name in outcome_cases.CASES:
            case = outcome_cases.load(name)
            line = self.lines[case.json["class"]]
            truth = "OIM" if "OIM" in case.json["vcov"] else "model"
            for query in case.queries.values():
                reason = outcome_cases.EXCLUDED.get(query["spec"]["quantity"])
                if reason:
                    self.left.append((f"{name}: {query['id']}", reason))
                    continue
                options = outcome_cases.options_of(case, query)
                for covariance in case.json["vcov"]:
                    found = outcome_cases.ask(case, query, case.given(covariance, **options))
                    off = outcome_cases.deviations(case, query, found, covariance)
                    line.given = larger(line.given, off)
                found = outcome_cases.ask(case, query, case.session(**options))
                off = outcome_cases.deviations(case, query, found, truth)
                line.fits = larger(line.fits, off)
                count(line, query, line.given)

    def stata(self) -> None:
        """Compare with Stata."""
        for one in compared():
            kind = outcome_cases if one.case in outcome_cases.CASES else model_cases
            case = kind.load(one.case)
            line = self.lines[case.json["class"]]
            line.stata_rows += one.rows
            line.stata = larger(line.stata, (one.estimate, one.error or 0.0))
            if one.why_not:
                what = f"{one.case}: {one.query} (Stata's errors of {one.rows} rows)"
                self.left.append((what, one.why_not))


def count(line: Line, query: dict, given: tuple[float, float]) -> None:
    """Count a query with its rows."""
    line.queries += 1
    line.rows += len(query["rows"])
    line.given = given


def larger(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the worse of each figure."""
    return max(one[0], other[0]), max(one[1], other[1])


def main() -> None:
    """Print a line a class, and every query that is left out with its reason."""
    warnings.simplefilter("ignore")
    report = Report()
    report.regressions()
    report.outcomes()
    report.stata()
    print(f"{'':<42}{'given parameters':>18}{'whole fits':>18}{'Stata':>24}")
    pair = f"{'estimate':>9}{'error':>9}"
    print(f"{'class':<26}{'queries':>9}{'rows':>7}{pair}{pair}{'rows':>6}{pair}")
    for family, line in sorted(report.lines.items()):
        figures = (
            f"{line.given[0]:>9.0e}{line.given[1]:>9.0e}{line.fits[0]:>9.0e}{line.fits[1]:>9.0e}"
        )
        stata = f"{line.stata_rows:>6}"
        if line.stata_rows:
            stata += f"{line.stata[0]:>9.0e}{line.stata[1]:>9.0e}"
        print(f"{family:<26}{line.queries:>9}{line.rows:>7}{figures}{stata}")
    asked = sum(line.queries for line in report.lines.values())
    rows = sum(line.rows for line in report.lines.values())
    stata = sum(line.stata_rows for line in report.lines.values())
    print(f"\n{asked} queries with {rows} rows, {stata} of them Stata's too. Left out:")
    for what, reason in report.left:
        print(f"  {what}: {reason}")


if __name__ == "__main__":
    main()
