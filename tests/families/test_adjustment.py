"""Families of tests: R's adjusted figures, closed forms, and what an adjusted result does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pymargins import (
    ArgumentError,
    ArgumentTypeError,
    Bootstrap,
    Margins,
    MarginsResult,
    UnknownNameError,
    UnsupportedError,
    pairwise,
    reference,
)
from pymargins.facts import Distribution, ReferenceFacts
from pymargins.families.adjustment import METHODS
from pymargins.families.multiplicity import Directions, critical_value, largest_t
from pymargins.families.pvalues import BY_P_VALUES
from pymargins.families.quadrature import Tail, single_factor, studentized_range
from pymargins.families.simultaneous import pairwise_means
from pymargins.inference.delta import DeltaInference
from pymargins.models.uncertainty import Reference
from support.oracle_cases import CASES, load
from support.small_models import FixedModel, fit, study
from support.small_models import session as session_of

#: Of R's p-values, and of its intervals in standard errors. R's largest |t| is good to 2e-6.
ORACLE = 1e-5
#: R's own quantiles of the studentized range are good to about 1e-7 of a standard error.
TUKEY_P = 1e-8
#: A table, an interpolation and two integrals.
QUADRATURE = 1e-9
#: 2**17 points in up to ten dimensions.
MONTE_CARLO = 3e-4


# --- R's families --------------------------------------------------------------------------------

FAMILIES = [
    (name, query["id"], family)
    for name in CASES
    for query in load(name).json["queries"]
    for family in query.get("families") or []
    if family["adjust"] != "dunnettx"  # emmeans' approximation of Dunnett's distribution
]


def oracle_rows(name: str, query: str, method: str) -> MarginsResult:
    """Return R's rows with R's covariance and R's degrees of freedom, one a row."""
    case = load(name)
    effects = case.json["fixed_effects"]
    adjusted = method == "kenward_roger"
    vcov = case.covariance(effects["vcov_kenward_roger"]) if adjusted else None
    rows = case.queries[query].rows
    table = pd.DataFrame(
        [row["L_statsmodels"] for row in rows], columns=case.adapter.fitted.design.names
    )
    result = Margins(case.columns_adapter, vcov=vcov).predict(table)
    return with_df(result, [float(row[method]["df"]) for row in rows])


class Given:
    """Degrees of freedom that are known for each row."""

    def __init__(self, known: dict[bytes, float]) -> None:
        self.known = known

    def df(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self.known[row.tobytes()] for row in rows])

    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        return 1.0, min(self.known.values())


def notes_of(result: MarginsResult) -> str:
    return " ".join(result.summary().notes)


def with_df(result: MarginsResult, df: Any) -> MarginsResult:
    """Give every row degrees of freedom of its own."""
    rows = result.inference.jacobian(result.estimand)
    known = {row.tobytes(): d for row, d in zip(rows, df, strict=True)}
    reference = Reference(ReferenceFacts(Distribution.SATTERTHWAITE), method=Given(known))
    before = result.inference
    return replace(result, inference=DeltaInference(before.point, before.cov, reference), _cache={})


def test_every_family_of_r_is_asked():
    assert len(FAMILIES) == 390
    assert {f["adjust"] for _, _, f in FAMILIES} == {
        "bonferroni",
        "holm",
        "sidak",
        "scheffe",
        "tukey",
        "mvt",
    }


@pytest.mark.parametrize("name", CASES)
def test_families_are_r_s(name: str):
    for case, query, family in FAMILIES:
        if case == name:
            result = oracle_rows(name, query, family["method"])
            kinds = [family["adjust"]]
            if family["adjust"] == "mvt" and family["type"] == "vs_control":
                kinds.append("dunnett")
            for kind in kinds:
                require_family(result, result.adjust(kind), family, f"{query}, {kind}")


def require_family(
    plain: MarginsResult, adjusted: MarginsResult, family: Mapping[str, Any], what: str
) -> None:
    p, expected = adjusted.p_value, np.array(family["p"], dtype=float)
    np.testing.assert_allclose(p, expected, rtol=0, atol=ORACLE, err_msg=what)
    bounds = adjusted.conf_int()
    for side in ("lower", "upper"):
        off = (bounds[f"ci_{side}"] - np.array(family[side], dtype=float)) / plain.std_error
        assert np.abs(off).max() < ORACLE, what
    if family["adjust"] == "tukey":
        np.testing.assert_allclose(p, expected, rtol=0, atol=TUKEY_P, err_msg=what)
    np.testing.assert_array_equal(adjusted.statistic, plain.statistic)
    np.testing.assert_array_equal(adjusted.std_error, plain.std_error)
    np.testing.assert_array_equal(adjusted.estimate, plain.estimate)


# --- p-values alone ------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(BY_P_VALUES)),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12),
)
def test_p_values_agree_with_statsmodels(method: str, p: list[float]):
    found = BY_P_VALUES[method].adjust(np.array(p))
    # statsmodels collects garbage at every call, which takes longer than all else
    with np.errstate(divide="ignore"), mock.patch("gc.collect"):
        expected = multipletests(p, method=method)[1]
    np.testing.assert_allclose(found, np.minimum(expected, 1.0), rtol=1e-10, atol=1e-13)
    assert (found >= np.array(p) * (1 - 1e-12)).all()


def test_small_p_values_keep_their_digits():
    p = np.array([1e-200, 1e-30, 0.2])
    assert BY_P_VALUES["sidak"].adjust(p)[0] == pytest.approx(3e-200)
    assert BY_P_VALUES["holm-sidak"].adjust(p)[1] == pytest.approx(2e-30)


# --- distributions of the largest ----------------------------------------------------------------


def all_pairs(means: int) -> np.ndarray:
    rows = np.zeros((means * (means - 1) // 2, means))
    for row, (i, j) in enumerate(combinations(range(means), 2)):
        rows[row, i], rows[row, j] = -1.0, 1.0
    return rows


@pytest.mark.parametrize("means", [2, 3, 5, 12])
@pytest.mark.parametrize("df", [3.2, 24.0, np.inf])
def test_studentized_range_agrees_with_scipy(means: int, df: float):
    t = np.array([0.5, 1.5, 2.5, 4.0])
    found = studentized_range(means).sf(t, np.full(4, df))
    expected = stats.studentized_range.sf(t * np.sqrt(2.0), means, df)
    np.testing.assert_allclose(found, expected, rtol=0, atol=QUADRATURE)
    size = means * (means - 1) // 2
    critical = critical_value(studentized_range(means), 0.95, np.array([df]), size)[0]
    quantile = stats.studentized_range.ppf(0.95, means, df) / np.sqrt(2.0)
    assert critical == pytest.approx(quantile, abs=1e-6)


def test_two_means_are_one_t_test_far_into_the_tail():
    t, df = np.array([0.1, 2.0, 30.0, 30.0, 100.0]), np.array([0.5, 1.0, 7.0, np.inf, 12.3])
    expected = 2.0 * np.where(np.isinf(df), stats.norm.sf(t), stats.t.sf(t, df))
    np.testing.assert_allclose(studentized_range(2).sf(t, df), expected, rtol=1e-8)


@pytest.mark.parametrize("df", [4.6, np.inf])
def test_largest_t_of_equal_means_is_the_studentized_range(df: float):
    """Quadrature over a circle (3 means) and a sphere (4), Monte Carlo beyond."""
    t = np.array([0.7, 1.8, 2.6, 3.7])
    for means, tolerance in ((3, 1e-7), (4, 1e-6), (6, MONTE_CARLO), (10, MONTE_CARLO)):
        rows = all_pairs(means)
        largest = largest_t(rows)
        assert isinstance(largest, Directions)
        assert largest.rank == means - 1
        assert largest.exact == (means <= 4)
        expected = studentized_range(means).sf(t, np.full(4, df))
        np.testing.assert_allclose(largest.sf(t, np.full(4, df)), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("size", [2, 3, 4, 7])
def test_independent_rows_have_a_closed_form(size: int, two_sided: bool):
    largest = largest_t(np.diag(np.arange(1.0, size + 1)) ** 0.5, two_sided)
    assert largest.exact
    t = np.array([0.3, 1.0, 2.5, 4.0])
    one = stats.norm.sf(t) * (2 if two_sided else 1)
    found = largest.sf(t, np.full(4, np.inf))
    np.testing.assert_allclose(found, 1.0 - (1.0 - one) ** size, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_largest_t_is_the_multivariate_normal_s(seed: int):
    """Against SciPy's multivariate normal, inverted, and its multivariate t."""
    rng = np.random.default_rng(seed)
    size = 2 + seed
    root = rng.normal(size=(size, size + 1))
    cov = root @ root.T
    sd = np.sqrt(np.diagonal(cov))
    correlation = cov / np.outer(sd, sd)
    largest = largest_t(root)
    critical = critical_value(largest, 0.95, np.array([np.inf]), size)[0]
    box = np.full(size, critical)
    inside = stats.multivariate_normal.cdf(
        box, np.zeros(size), correlation, abseps=1e-7, lower_limit=-box
    )
    assert inside == pytest.approx(0.95, abs=5e-5)
    shared = stats.multivariate_t(np.zeros(size), correlation, df=6, seed=0)
    critical = critical_value(largest, 0.9, np.array([6.0]), size)[0]
    box = np.full(size, critical)
    inside = shared.cdf(box, lower_limit=-box, maxpts=40_000)
    assert inside == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("two_sided", [True, False])
def test_one_control_is_exact_by_its_factor(two_sided: bool):
    """The quadrature over one factor agrees with directions, which know nothing of it."""
    rows = np.hstack([np.eye(3), -np.ones((3, 1))])
    spread = np.diag(np.sqrt([1.0, 2.0, 0.5, 1.5]))
    by_factor = largest_t(rows @ spread, two_sided)
    assert isinstance(by_factor, Tail)
    # the same three, and a fourth that is almost one of them: no factor, rank four
    more = np.vstack([rows, rows[0] + [0.0, 0.0, 0.0, 1e-3]])
    wide = largest_t(more @ spread, two_sided)
    assert isinstance(wide, Directions)
    t, df = np.array([0.8, 2.0, 3.0]), np.array([np.inf, 8.0, 8.0])
    np.testing.assert_allclose(by_factor.sf(t, df), wide.sf(t, df), rtol=0, atol=2e-3)


def test_single_factor_is_found_or_refused():
    loadings = np.array([0.7, -0.5, 0.0, 0.9])
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    found = single_factor(correlation)
    assert found is not None
    np.testing.assert_allclose(np.outer(found, found), np.outer(loadings, loadings), atol=1e-12)
    rows = all_pairs(4) / np.sqrt(2.0)
    assert single_factor(rows @ rows.T) is None
    np.testing.assert_array_equal(single_factor(np.eye(3)), np.zeros(3))


def test_monte_carlo_error_is_what_it_says():
    rows = all_pairs(7)
    largest = largest_t(rows)
    assert isinstance(largest, Directions)
    t, df = np.array([1.5, 2.5, 3.2]), np.full(3, 9.0)
    off = np.abs(largest.sf(t, df) - studentized_range(7).sf(t, df))
    error = largest.error(t, df)
    assert (error > 0).all()
    assert (error < 1e-4).all()
    assert (off < 8 * error).all()


@pytest.mark.parametrize("lowest", [1.5, 4.0, 30.0])
def test_many_degrees_of_freedom_are_interpolated_between(lowest: float):
    df = np.r_[np.linspace(lowest, 80.0, 60), 1e4, np.inf]
    many = critical_value(studentized_range(5), 0.95, df, 10)
    each = [critical_value(studentized_range(5), 0.95, df[[i]], 10)[0] for i in range(len(df))]
    np.testing.assert_allclose(many, each, rtol=1e-6)


# --- complete families of pairs ------------------------------------------------------------------


@given(st.integers(3, 8), st.integers(0, 10_000))
def test_all_pairs_are_recognised_in_any_order_and_sign(means: int, seed: int):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(means, means + 2)) * 10.0 ** rng.integers(-4, 5, means + 2)
    rows = all_pairs(means) @ points
    rows = rows[rng.permutation(len(rows))] * rng.choice([-1.0, 1.0], len(rows))[:, None]
    assert pairwise_means(rows) == means
    assert pairwise_means(rows[1:]) is None
    rows[-1] += 1e-3 * points[0]
    assert pairwise_means(rows) is None


@pytest.mark.parametrize("rows", [np.eye(3), all_pairs(4)[:3], np.zeros((3, 2)), np.eye(4)])
def test_other_rows_are_not_all_pairs(rows: np.ndarray):
    assert pairwise_means(rows) is None


def test_pairs_of_points_of_one_line_are_all_pairs():
    assert pairwise_means(all_pairs(4) @ np.array([[0.0], [1.0], [2.0], [3.0]])) == 4


# --- adjusted results ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session() -> Margins:
    return Margins(FixedModel("school * treated + age", study()), df=11.5)


@pytest.fixture(scope="module")
def pairs(session: Margins) -> MarginsResult:
    return session.contrasts(pairwise("school", list("ABCD")))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_the_rest_alone(pairs: MarginsResult, method: str):
    rows = pairs[:3] if method == "dunnett" else pairs  # B - A, C - A, D - A
    adjusted = rows.adjust(method)
    before, after = rows.to_frame(), adjusted.to_frame()
    same = ["label", "estimate", "std_error", "statistic", "df"]
    pd.testing.assert_frame_equal(before[same], after[same])
    assert (after["p_value"] >= before["p_value"] * (1 - 1e-9)).all()
    assert (after["ci_lower"] <= before["ci_lower"] + 1e-12).all()
    assert (after["ci_upper"] >= before["ci_upper"] - 1e-12).all()
    assert method in METHODS
    note = adjusted.summary().notes[-1]
    adjusted_too = "" if method.startswith("fdr") else " and intervals"
    assert note.startswith(f"P-values{adjusted_too} adjusted for a family of {len(rows)} tests")
    assert note.endswith("those shown are pointwise.") == (not adjusted_too)
    assert "adjusted" in str(adjusted.summary())
    assert "are adjusted for" not in notes_of(rows)
    wide = adjusted.conf_int(0.99)
    assert (wide["ci_lower"] < after["ci_lower"].to_numpy()).all()
    assert adjusted.joint_test()["statistic"] == rows.joint_test()["statistic"]


@pytest.mark.parametrize("method", ["bonferroni", "sidak", "tukey", "scheffe", "mvt"])
def test_intervals_and_p_values_say_the_same(pairs: MarginsResult, method: str):
    """An interval at level 1 - p ends at the null value."""
    adjusted = pairs.adjust(method)
    for i, p in enumerate(adjusted.p_value):
        if 1e-6 < p < 0.999:
            low, high = adjusted.conf_int(1.0 - p).to_numpy()[i]
            assert min(abs(low), abs(high)) < 1e-5 * pairs.std_error[i]


def test_false_discovery_rates_keep_pointwise_intervals(pairs: MarginsResult):
    for method in ("fdr_bh", "fdr_by"):
        adjusted = pairs.adjust(method)
        pd.testing.assert_frame_equal(adjusted.conf_int(), pairs.conf_int())
        assert "pointwise" in notes_of(adjusted)


def test_simultaneous_intervals_are_those_of_the_largest_t(pairs: MarginsResult):
    pd.testing.assert_frame_equal(
        pairs.conf_int(0.9, simultaneous=True), pairs.adjust("mvt").conf_int(0.9)
    )
    one = pairs[0]
    pd.testing.assert_frame_equal(one.conf_int(simultaneous=True), one.conf_int())


def test_a_selection_stays_in_its_family(pairs: MarginsResult):
    adjusted = pairs.adjust("holm")
    assert adjusted[1].p_value[0] == adjusted.p_value[1]
    assert adjusted["C - D"].p_value[0] == adjusted.p_value[-1]
    some = adjusted[[4, 0]]
    np.testing.assert_array_equal(some.p_value, adjusted.p_value[[4, 0]])
    np.testing.assert_array_equal(some.conf_int(), adjusted.conf_int().iloc[[4, 0]])
    np.testing.assert_array_equal(some[1:].p_value, adjusted.p_value[[0]])
    np.testing.assert_array_equal(
        some.test(0.5, "greater")["p_value"],
        adjusted.test(0.5, "greater")["p_value"].iloc[[4, 0]],
    )
    assert [row.p_value[0] for row in adjusted] == adjusted.p_value.tolist()


def test_arithmetic_makes_new_quantities(pairs: MarginsResult):
    adjusted = pairs.adjust("bonferroni")
    for new, plain in (
        (adjusted[0] - adjusted[1], pairs[0] - pairs[1]),
        (2 * adjusted, 2 * pairs),
        (adjusted.contrast([1, 0, 0, 0, 0, 1]), pairs.contrast([1, 0, 0, 0, 0, 1])),
        (adjusted[:2].pairwise(), pairs[:2].pairwise()),
    ):
        assert new.adjustment is None
        np.testing.assert_array_equal(new.p_value, plain.p_value)
        assert new.facts == plain.facts


def test_adjusting_again_starts_anew(pairs: MarginsResult):
    again = pairs.adjust("bonferroni").adjust("sidak")
    np.testing.assert_array_equal(again.p_value, pairs.adjust("sidak").p_value)
    assert sum("adjusted" in note for note in again.summary().notes) == 1
    part = pairs.adjust("bonferroni")[:2].adjust("bonferroni")
    np.testing.assert_allclose(part.p_value, np.minimum(2 * pairs.p_value[:2], 1.0))


def test_tests_of_an_adjusted_result_are_adjusted(pairs: MarginsResult):
    plain = pairs.test(0.3, "less")["p_value"].to_numpy()
    found = pairs.adjust("bonferroni").test(0.3, "less")["p_value"]
    np.testing.assert_allclose(found, np.minimum(6 * plain, 1.0))
    values = np.linspace(-1, 1, 6)
    each = pairs.adjust("holm").test(values)["p_value"]
    expected = BY_P_VALUES["holm"].adjust(pairs.test(values)["p_value"].to_numpy())
    np.testing.assert_allclose(each, expected)


def test_one_sided_largest_t(pairs: MarginsResult):
    adjusted, up = pairs.adjust("mvt"), pairs.test(alternative="greater")["p_value"]
    greater = adjusted.test(alternative="greater")["p_value"]
    assert (greater >= up - 1e-12).all()
    assert (greater <= np.minimum(6 * up, 1.0) + 1e-12).all()
    turned = (-1 * pairs).adjust("mvt").test(alternative="less")["p_value"]
    np.testing.assert_allclose(turned, greater, atol=1e-5)


def test_families_by_a_column(session: Margins):
    result = session.dydx("school", over="treated")
    adjusted = result.adjust("holm", by="treated")
    table = result.to_frame()
    for _, rows in table.groupby("treated"):
        expected = BY_P_VALUES["holm"].adjust(rows["p_value"].to_numpy())
        np.testing.assert_array_equal(adjusted.p_value[rows.index], expected)
        by_hand = result[rows.index.tolist()].adjust("mvt").conf_int()
        np.testing.assert_allclose(
            result.adjust("mvt", by=["treated"]).conf_int().iloc[rows.index], by_hand
        )
    assert "2 families by treated, 3 tests each" in notes_of(adjusted)


def test_a_column_with_a_table_s_own_name():
    frame = study().rename(columns={"treated": "label"})
    result = Margins(FixedModel("school * label", frame)).dydx("school", over="label")
    plain = result.adjust("holm", by="label").p_value
    np.testing.assert_array_equal(result.adjust("holm", by="label_").p_value, plain)


def test_ratios_are_tested_against_one():
    frame = study()
    model = FixedModel("school", frame, params=[3.0, 0.2, 0.1, -0.1], cov=np.eye(4) / 40)
    session = Margins.log_scale(model)
    result = session.contrasts(pairwise("school", list("ABCD")))
    adjusted = result.adjust("tukey")
    z = np.abs(result.statistic)
    expected = stats.studentized_range.sf(z * np.sqrt(2), 4, np.inf)
    np.testing.assert_allclose(adjusted.p_value, expected, atol=QUADRATURE)
    bounds = adjusted.conf_int()
    apart = (bounds["ci_lower"] > 1) | (bounds["ci_upper"] < 1)
    np.testing.assert_array_equal(apart, adjusted.p_value < 0.05)


def test_monte_carlo_is_stated_and_repeatable(session: Margins):
    schools = session.predict({"school": list("ABCD"), "treated": [0, 1]})
    adjusted = schools.adjust("mvt")
    assert "Monte-Carlo error of a p-value near 0.05 is" in notes_of(adjusted)
    np.testing.assert_array_equal(schools.adjust("mvt").p_value, adjusted.p_value)
    assert "by quadrature" in notes_of(schools[:3].adjust("mvt"))


def test_a_row_without_uncertainty_takes_no_part():
    """The mean at school A is known: only the others compete for the largest |t|."""
    cov = np.diag([0.0, 0.1, 0.2, 0.3])
    model = FixedModel("school", study(), params=[1.0, 0.4, 0.5, 0.6], cov=cov)
    result = Margins(model).predict({"school": list("ABCD")})
    found = result.adjust("mvt").p_value
    np.testing.assert_allclose(found[1:], result[1:].adjust("mvt").p_value, atol=1e-7)


# --- draws ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn() -> Margins:
    return Margins(FixedModel("school", study()), method="simulation", n_sim=4000, rng=1)


def test_draws_give_the_largest_t(drawn: Margins):
    result = drawn.contrasts(reference("school", list("ABCD")))
    values = result.inference.draws(result.estimand)
    t = np.abs((values - result.inference.value(result.estimand)) / values.std(axis=0, ddof=1))
    critical = np.quantile(t.max(axis=1), 0.95)
    expected = result.estimate + critical * result.std_error
    np.testing.assert_allclose(result.adjust("mvt").conf_int()["ci_upper"], expected)
    np.testing.assert_allclose(result.conf_int(simultaneous=True)["ci_upper"], expected)
    largest = np.abs(result.statistic)
    p = [(1 + (t.max(axis=1) >= x).sum()) / 4001 for x in largest]
    np.testing.assert_allclose(result.adjust("dunnett").p_value, p)
    assert "4,000 draws" in notes_of(result.adjust("mvt"))
    # draws of a normal distribution: its own largest |t|, but for sampling error
    exact = Margins(FixedModel("school", study())).contrasts(reference("school", list("ABCD")))
    np.testing.assert_allclose(result.adjust("mvt").p_value, exact.adjust("mvt").p_value, atol=0.03)


def test_draws_and_the_other_methods(drawn: Margins):
    result = drawn.contrasts(pairwise("school", list("ABCD")))
    np.testing.assert_allclose(
        result.adjust("bonferroni").p_value, np.minimum(6 * result.p_value, 1.0)
    )
    pd.testing.assert_frame_equal(result.adjust("bonferroni").conf_int(0.94), result.conf_int(0.99))
    for method in ("tukey", "scheffe"):
        with pytest.raises(UnsupportedError, match=r'from draws\. Use "mvt"'):
            result.adjust(method)
    one_sided = result.adjust("mvt").test(alternative="greater")["p_value"]
    two_sided = result.adjust("mvt").p_value
    assert (one_sided[result.statistic > 0] <= two_sided[result.statistic > 0]).all()


@pytest.mark.parametrize("interval", ["studentized", "percentile"])
def test_bootstraps_give_the_largest_t(interval: str):
    """Each replicate by its own standard error where the session is studentized."""
    option = Bootstrap(199, interval=interval, rng=4)  # type: ignore[arg-type]
    result = session_of(fit("score ~ school", study()), method=option).contrasts(
        reference("school", list("ABCD"))
    )
    replicates = result.inference.replicates
    away = replicates.point.theta - replicates.center
    rows = result.inference.jacobian(result.estimand)
    moved = away @ rows.T
    if interval == "studentized":
        own = np.einsum("kp,bpq,kq->bk", rows, replicates.cov, rows)
        t, error = moved / np.sqrt(own), result.inference.studentized(result.estimand)[1]
    else:
        error = result.std_error
        t = moved / error
    largest = np.abs(t).max(axis=1)
    adjusted = result.adjust("mvt")
    half = np.quantile(largest, 0.95) * error
    np.testing.assert_allclose(adjusted.conf_int()["ci_lower"], result.estimate - half)
    reached = (largest[:, None] >= np.abs(result.estimate / error)).sum(axis=0)
    np.testing.assert_allclose(adjusted.p_value, (1 + reached) / 200)


# --- what is refused -----------------------------------------------------------------------------


def test_unknown_methods(pairs: MarginsResult):
    with pytest.raises(ArgumentError, match=r"adjust: got 'tukeyy'.*'bonferroni'.*mean 'tukey'"):
        pairs.adjust("tukeyy")
    with pytest.raises(ArgumentTypeError, match="expected a method's name, got list"):
        pairs.adjust(["holm"])  # type: ignore[arg-type]


def test_a_family_of_one(session: Margins, pairs: MarginsResult):
    """A single test needs no adjustment: nothing changes."""
    for method in METHODS:
        np.testing.assert_array_equal(pairs[0].adjust(method).p_value, pairs[0].p_value)
    means = session.predict(over="school")
    np.testing.assert_array_equal(means.adjust("holm", by="school").p_value, means.p_value)


def test_families_that_do_not_suit_the_method(session: Margins, pairs: MarginsResult):
    means = session.predict({"school": ["A", "B", "C"]})
    with pytest.raises(ArgumentError, match=r"these 3 rows are not.*\"mvt\" .*\"sidak\""):
        means.adjust("tukey")  # three means, not the three differences between three means
    with pytest.raises(ArgumentError, match='"tukey" is for all differences'):
        pairs[:5].adjust("tukey")
    with pytest.raises(ArgumentError, match=r"6 rows are combinations of 3 .* Use \"tukey\""):
        pairs.adjust("dunnett")


def test_one_sided_tests_of_two_sided_methods(pairs: MarginsResult):
    for method in ("tukey", "scheffe"):
        with pytest.raises(UnsupportedError, match=f'"{method}" adjusts two-sided tests only'):
            pairs.adjust(method).test(alternative="less")


def test_columns_that_do_not_exist(session: Margins, pairs: MarginsResult):
    result = session.dydx("school", over="treated")
    with pytest.raises(UnknownNameError, match=r"by: 'treatedd'.*Did you mean 'treated'"):
        result.adjust("holm", by="treatedd")
    with pytest.raises(UnknownNameError, match=r"by: 'school'.*Known: 'contrast'"):
        pairs.adjust("holm", by="school")
    with pytest.raises(ArgumentError, match="by: the list is empty"):
        result.adjust("holm", by=[])
    with pytest.raises(ArgumentTypeError, match="by: expected a column name"):
        result.adjust("holm", by=3)  # type: ignore[arg-type]


def test_a_selection_cannot_be_tested_against_many_values(pairs: MarginsResult):
    with pytest.raises(ArgumentError, match="2 of 6 rows that were adjusted together"):
        pairs.adjust("holm")[:2].test([0.0, 1.0])


def test_simultaneous_and_adjusted_are_one_too_many(pairs: MarginsResult):
    with pytest.raises(ArgumentError, match=r'simultaneous: .* adjusted already, by "holm"'):
        pairs.adjust("holm").conf_int(simultaneous=True)


def test_rows_without_any_uncertainty():
    model = FixedModel("school", study(), cov=np.zeros((4, 4)))
    with pytest.raises(ArgumentError, match="no row has any uncertainty"):
        Margins(model).predict({"school": ["A", "B"]}).adjust("mvt")
