"""Print how far every class of models is from R's figures: python tests/oracle/models_report.py."""

from __future__ import annotations

import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.model_agreement import fits, named, worst
from support.model_cases import CASES, ask, deviations, excluded, load, methods


def main() -> None:
    """Print a line a class, and the reasons for what is left out."""
    warnings.simplefilter("ignore")
    figures: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    asked: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for name in CASES:
        case = load(name)
        mine = figures[case.family]
        for query in case.queries:
            reason = excluded(name, query)
            if reason:
                left[reason] += 1
                continue
            asked[case.family] += 1
            rows[case.family] += len(query["rows"])
            table, _ = ask(case, query, case.given)
            found = deviations(query, table, methods(query)["asymptotic"])
            mine[0], mine[1] = max(mine[0], found[0]), max(mine[1], found[1])
        for way in (*fits(case), *named(case)):
            found = worst(case, way)
            mine[2], mine[3] = max(mine[2], found[0]), max(mine[3], found[1])
    print("class               queries  rows   given: estimate  std. error   fits: estimate  error")
    for family, (a, b, c, d) in figures.items():
        print(
            f"{family:<20}{asked[family]:>7}{rows[family]:>6}{a:>18.1e}{b:>12.1e}{c:>17.1e}{d:>8.1e}"
        )
    for reason, count in left.items():
        print(f"{count} queries left out: {reason}")


if __name__ == "__main__":
    main()
