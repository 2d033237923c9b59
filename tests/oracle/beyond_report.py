"""Print how far pymargins is from the figures of `tests/oracle/beyond`, one table row a kind.

    PYTHONPATH=src:tests python tests/oracle/beyond_report.py

A kind of query adds itself by a function from a case to what was compared and what was left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from support import (
    known_cluster_agreement,
    prediction_agreement,
    response_agreement,
    variance_agreement,
)
from support.beyond_cases import CASES, Case, Compared, Deviation, Excluded, beyond_case


def known_clusters(case: Case) -> Iterator[Compared]:
    """Predictions of known clusters, at R's estimates."""
    yield from known_cluster_agreement.compare(case, case.fit, adapter=case.at_r)


def known_clusters_through_fits(case: Case) -> Iterator[Compared]:
    """Predictions of known clusters through statsmodels' fit, polished."""
    yield from known_cluster_agreement.compare(case, case.fit, polish=True)


def predictions(case: Case) -> Iterator[Compared]:
    """Prediction intervals, at R's estimates."""
    yield from prediction_agreement.compare(case, case.fit, adapter=case.at_r)


def predictions_through_fits(case: Case) -> Iterator[Compared]:
    """Prediction intervals through statsmodels' fit, polished."""
    yield from prediction_agreement.compare(case, case.fit, polish=True)


def responses(case: Case) -> Iterator[Compared]:
    """Means and medians of transformed outcomes, at R's estimates."""
    for way in response_agreement.COVARIANCES:
        yield from response_agreement.compare(case, case.fit, way, adapter=case.at_r)
    yield from response_agreement.excluded(case)


def smearing(case: Case) -> Iterator[Compared]:
    """Duan's smearing estimates, at R's estimates."""
    yield from response_agreement.compare_smearing(case, case.fit, adapter=case.at_r)


def responses_through_fits(case: Case) -> Iterator[Compared]:
    """Means and medians of transformed outcomes through statsmodels' fit, polished."""
    yield from response_agreement.compare(case, case.fit, "observed", polish=True)


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
    "A known clusters": known_clusters,
    "A known clusters, whole fits": known_clusters_through_fits,
    "B predictions": predictions,
    "B predictions, whole fits": predictions_through_fits,
    "C responses": responses,
    "C smearing": smearing,
    "C responses, whole fits": responses_through_fits,
    "D variance": variances,
    "D profile limits": profiles,
    "D variance, whole fits": whole_fits,
}


def main() -> None:
    """Compare every kind in every case."""
    header = f"{'kind':30}{'figure':10}{'queries':>8}{'rows':>6}{'worst':>9}  where"
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
            queries = len({one.query for one in every})
            counts = f"{queries:8}{len(every):6}"
            print(f"{kind:30}{figure:10}{counts}{worst.size:9.1e}  {where}")
    print("\nleft out")
    for (kind, reason), count in left_out.items():
        print(f"  {kind}: {count} rows {reason}")


if __name__ == "__main__":
    main()
