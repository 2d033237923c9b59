"""Sessions fed R's coefficients and covariance give R's figures for every query of every case.

Nothing is fitted here: whatever differs is the fault of a verb, not of an optimiser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pymargins import Margins, NumericalError, Scenario, grid
from support.oracle_agreement import joint_deviations, require, row_deviations, table_of
from support.oracle_cases import CASES, Case, Query, Sessions, every_query, load
from support.oracle_sentences import JOINT_KIND, NOT_EXPRESSED, ROW_KINDS, translate

#: In standard errors for estimates, relative for standard errors; see `oracle_agreement`.
ENGINE_TOLERANCE = 1e-8

ASKED = [q for q in every_query() if translate(q)]
by_name = pytest.mark.parametrize("query", ASKED, ids=[q.name for q in ASKED])
by_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def sessions():
    """Return, per case, what opens sessions on R's figures; each session is opened once."""
    opened = {name: Sessions(load(name).adapter) for name in CASES}
    return opened.__getitem__


def test_every_query_is_asked():
    wanted = {q.name for q in every_query() if q.kind in (*ROW_KINDS, JOINT_KIND)}
    asked = {q.name for q in ASKED}
    assert asked | set(NOT_EXPRESSED) == wanted
    assert not asked & set(NOT_EXPRESSED)
    assert len(CASES) == 23
    assert Counter(q.kind for q in every_query() if q.name in wanted) == {
        "slope": 27,
        "prediction": 5,
        "prediction_average_over_data": 23,
        "contrast": 46,
        "interaction contrast": 6,
        "emmeans": 22,
        "emtrends": 7,
        "joint_test": 17,
    }
    assert sum(len(q.rows) for q in ASKED) == 505


@by_name
def test_verbs_give_r_figures(query: Query, sessions):
    for number, sentence in enumerate(translate(query)):
        what = f"{query.name}, sentence {number}"
        result = sentence(sessions(query.case))
        if query.kind == JOINT_KIND:
            deviations = joint_deviations(result.joint_test(), query.rows[0]["asymptotic"])
        else:
            deviations = row_deviations(result, query.rows, [r["asymptotic"] for r in query.rows])
        require(deviations, ENGINE_TOLERANCE, what)


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", [pytest.param(q, id=q.name) for q in ASKED if q.kind in ROW_KINDS]
)
def test_tables_name_r_rows(query: Query, sessions):
    """The rows are R's rows in R's order, and say so in the table's own columns."""
    for sentence in translate(query):
        table = table_of(sentence(sessions(query.case)))
        for i, label in enumerate(query.labels):
            # what was compared is named as the user wrote it, not as R does
            for name in (set(label) & set(table.columns)) - {"contrast"}:
                assert table.loc[i, name] == label[name]


# --- R's rows of coefficients, by every covariance and distribution ------------------------------


@by_case
def test_rows_of_coefficients(case: str):
    """R's rows themselves, coefficients among them: ``L @ beta`` and its inference."""
    adapter = load(case).columns_adapter
    session = Margins(adapter)
    names = adapter.fitted.design.names
    for query in load(case).queries.values():
        rows = [r for r in query.rows if "L_statsmodels" in r]
        if query.kind == JOINT_KIND:
            table = pd.DataFrame(rows[0]["L_statsmodels"], columns=names)
            found = joint_deviations(session.predict(table).joint_test(), rows[0]["asymptotic"])
        elif rows:
            table = pd.DataFrame([r["L_statsmodels"] for r in rows], columns=names)
            found = row_deviations(session.predict(table), rows, [r["asymptotic"] for r in rows])
        else:  # a log response: the gradient gives the standard error of the transformed figure
            table = pd.DataFrame([r["gradient_statsmodels"] for r in query.rows], columns=names)
            found = row_deviations(
                session.predict(table),
                query.rows,
                [r["asymptotic"] for r in query.rows],
                ["std_error"],
            )
        require(found, ENGINE_TOLERANCE, query.name)


@by_case
def test_rows_by_other_references(case: str):
    """A covariance and degrees of freedom of the user's own: R's, by all of R's methods."""
    adapter = load(case).columns_adapter
    sessions = Sessions(adapter)
    names = adapter.fitted.design.names
    for query in load(case).queries.values():
        for row in query.rows:
            if "L_statsmodels" not in row:
                continue
            table = pd.DataFrame(np.atleast_2d(row["L_statsmodels"]), columns=names)
            for what, vcov, expected in references(load(case), row):
                df = expected["df2" if query.kind == JOINT_KIND else "df"]
                result = sessions(vcov=vcov, df=float(df)).predict(table)
                if query.kind == JOINT_KIND:
                    found = joint_deviations(result.joint_test(), expected)
                else:
                    found = row_deviations(result, [row], [expected])
                require(found, ENGINE_TOLERANCE, f"{query.name}, {what}")


def references(case: Case, row: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """List R's other methods for a row: a name, the covariance, R's figures."""
    effects = case.json["fixed_effects"]
    yield "Satterthwaite", None, row["satterthwaite"]
    if "reml_refit" not in effects:  # of an ML fit R gives Kenward-Roger for the REML refit
        adjusted = row["kenward_roger"]
        if "F_unscaled" in adjusted:  # the scaled one is not a Wald test of a covariance
            adjusted = {**adjusted, "F": adjusted["F_unscaled"], "p": adjusted["p_unscaled"]}
        yield "Kenward-Roger", case.covariance(effects["vcov_kenward_roger"]), adjusted
    for kind, by_df in row.get("robust", {}).items():
        for df, expected in by_df.items():
            if df != "HTZ" and expected.get("p") is not None:  # HTZ is a scaled F of its own
                yield f"{kind} {df}", case.robust[kind], expected


@pytest.mark.parametrize("kind", ["CR0", "CR2"])
def test_as_many_constraints_as_clusters(kind: str):
    """R calls this test undefined: the robust covariance of the six constraints has rank five."""
    case = load("oats_helmert_sum")
    (row,) = case.queries["joint_interaction"].rows
    assert row["robust"][kind]["chi2"]["p"] is None
    session = Margins(case.columns_adapter, vcov=case.robust[kind])
    table = pd.DataFrame(row["L_statsmodels"], columns=case.adapter.fitted.design.names)
    with pytest.raises(NumericalError, match="singular"):
        session.predict(table).joint_test()


# --- a labelled covariance, and a log response ---------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if load(c).robust])
def test_verbs_with_cluster_robust_covariances(case: str):
    """A labelled covariance, its rows in another order, with t(G - 1): one sentence a query."""
    robust, names = load(case).robust, load(case).adapter.fitted.design.names
    for query in (q for q in ASKED if q.case == case and q.kind in ROW_KINDS):
        sentence = translate(query)[0]
        for kind, cov in robust.items():
            labelled = pd.DataFrame(cov, names, names).iloc[::-1, ::-1]
            for by, df in (("asymptotic", None), ("t_g_minus_1", "df")):
                expected = [r["robust"][kind].get(by) for r in query.rows]
                if expected[0] is None:
                    continue
                df = None if df is None else float(expected[0]["df"])
                ask = Sessions(load(case).adapter, vcov=labelled, df=df)
                found = row_deviations(sentence(ask), query.rows, expected)
                require(found, ENGINE_TOLERANCE, f"{query.name}, {kind} {by}")


def test_log_scale_back_transforms_the_interval(sessions):
    """On the log scale a median's interval is exp of the interval for eta; R gives both."""
    query = load("chick_log").queries["median_weight"]
    scenarios = grid(Time=[0, 10, 21], Diet=load("chick_log").factors["Diet"])
    result = sessions("chick_log")(scale="log").evaluate(scenarios, np.exp)
    expected = [r["asymptotic"] | r["back_transformed_interval"]["asymptotic"] for r in query.rows]
    found = row_deviations(result, query.rows, expected, ["estimate", "std_error", "interval"])
    require(found, ENGINE_TOLERANCE, query.name)


def test_log_scale_tests_ratios_on_the_log_scale(sessions):
    query = load("chick_log").queries["ratios_21"]
    scenarios = grid(Time=21, Diet=load("chick_log").factors["Diet"])
    result = sessions("chick_log")(scale="log").evaluate(
        scenarios, lambda eta: np.exp(eta[1:] - eta[0])
    )
    figures = ["estimate", "std_error", "interval"]
    expected = [r["asymptotic"] | r["back_transformed_interval"]["asymptotic"] for r in query.rows]
    require(row_deviations(result, query.rows, expected, figures), ENGINE_TOLERANCE, query.name)
    # the same statistic and p-value as the difference of the log means
    tested = [r["asymptotic"] | r["log_scale"]["asymptotic"] for r in query.rows]
    found = row_deviations(result, query.rows, tested, ["statistic", "p_value"])
    require(found, ENGINE_TOLERANCE, query.name)
    at_21 = [Scenario({"Time": 21, "Diet": d}) for d in load("chick_log").factors["Diet"]]
    differences = sessions("chick_log")().contrasts(at_21, np.eye(4)[1:] - np.eye(4)[0])
    logs = [{"estimate": np.log(r["estimate"])} for r in query.rows]
    found = row_deviations(differences, logs, [r["log_scale"]["asymptotic"] for r in query.rows])
    require(found, ENGINE_TOLERANCE, query.name)
