"""Print how far sessions are from R's figures: run it as ``python tests/oracle/report.py``.

The worst deviation of each figure over all queries of a kind, first fed R's coefficients and
covariance (every sentence of every query), then for whole statsmodels fits (one sentence a query).
The units are those of `support.oracle_agreement`.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from test_fit_figures import fit_mixedlm

from support.oracle_agreement import joint_deviations, row_deviations
from support.oracle_cases import CASES, Sessions, load
from support.oracle_sentences import JOINT_KIND, NOT_EXPRESSED, translate


def compare(sessions, sentences: slice) -> None:
    found, sizes = [], Counter()
    for name in CASES:
        ask = sessions(load(name))
        for query in load(name).queries.values():
            asked = translate(query)[sentences]
            if not asked:
                continue
            sizes[query.kind, "queries"] += 1
            sizes[query.kind, "rows"] += len(query.rows)
            sizes[query.kind, "sentences"] += len(asked)
            for sentence in asked:
                result = sentence(ask)
                if query.kind == JOINT_KIND:
                    off = joint_deviations(result.joint_test(), query.rows[0]["asymptotic"])
                else:
                    off = row_deviations(result, query.rows, [r["asymptotic"] for r in query.rows])
                found.append({"kind": query.kind, "query": query.name, **off})
    table = pd.DataFrame(found)
    counts = pd.Series(sizes).unstack()[["queries", "rows", "sentences"]]
    worst = table.drop(columns="query").groupby("kind").max().map("{:.1e}".format)
    place = table.set_index("query").drop(columns="kind").max(axis=1).groupby(table["kind"].array)
    print(counts.join(worst).join(place.idxmax().rename("worst in")).to_string())
    print(counts.sum().to_dict(), end="\n\n")


if __name__ == "__main__":
    pd.set_option("display.width", 200)
    print("Fed R's coefficients and covariance\n")
    compare(lambda case: Sessions(case.adapter), slice(None))
    print('Whole statsmodels fits, vcov="gls"\n')
    compare(
        lambda case: Sessions(
            fit_mixedlm(case, case.json["statsmodels_fit"]["figures_from"]["fit_options"]),
            vcov="gls",
        ),
        slice(1),
    )
    print("Not expressed by the verbs")
    for name, why in NOT_EXPRESSED.items():
        print(f"  {name}: {why}")
