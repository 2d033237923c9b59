"""Print how far pymargins is from the figures of `tests/oracle/beyond`, one table row a kind.

    PYTHONPATH=src:tests python tests/oracle/beyond_report.py

A kind of query adds itself by a function from a case to what was compared and what was left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from support import variance_agreement
from support.beyond_cases import CASES, Case, Compared, Deviation, Excluded, beyond_case


def variances(case: Case) -> Iterator[Compared]:
    """Variance parameters, at R's estimates."""
    yield from variance_agreement.compare(case, case.fit, adapter=case.at_r, vcov="gls")
    if case.reml:
        options = {"adapter": case.at_r, "vcov": "kenward-roger"}
        yield from variance_agreement.compare(case, case.fit, **options)


def profiles(case: Case) -> Iterator[Compared]:
    """Profile-likelihood limits, at the engine's own optimum."""
    yield from variance_agreement.compare_profiles(case, case.fit)


def whole_fits(case: Case) -> Iterator[Compared]:
    """Variance parameters through statsmodels' fit, polished."""
    yield from variance_agreement.compare(case, case.fit, vcov="gls", polish=True)


#: What is compared, by what the table calls it.
KINDS: dict[str, Callable[[Case], Iterable[Compared]]] = {
    "D variance": variances,
    "D profile limits": profiles,
    "D variance, whole fits": whole_fits,
}


def main() -> None:
    """Compare every kind in every case."""
    header = f"{'kind':26}{'figure':12}{'rows':>6}{'worst':>11}  where"
    print(header)
    print("-" * len(header))
    left_out: Counter[tuple[str, str]] = Counter()
    for kind, compare in KINDS.items():
        found: dict[str, list[Deviation]] = defaultdict(list)
        for name in CASES:
            for one in compare(beyond_case(name)):
                if isinstance(one, Excluded):
                    left_out[kind, one.reason] += 1
                else:
                    found[one.figure].append(one)
        for figure, every in found.items():
            worst = max(every, key=lambda one: one.size)
            where = f"{worst.query}, {worst.row}"
            print(f"{kind:26}{figure:12}{len(every):6}{worst.size:11.1e}  {where}")
    print("\nleft out")
    for (kind, reason), count in left_out.items():
        print(f"  {kind}: {count} rows {reason}")


if __name__ == "__main__":
    main()
