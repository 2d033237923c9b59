"""Cluster-robust covariances and tests against clubSandwich and against matrices written out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mixed.cases import CASES, ORACLE, dense_pieces, simulated
from mixed.small_sample_cases import (
    JOINT,
    independent,
    relative,
    small_sample_case,
    std_error,
    wald_f,
)
from pymargins.errors import ArgumentError
from pymargins.mixed import CovarianceParameters, MixedData, gls
from pymargins.mixed.small_samples import robust as robust_module
from pymargins.mixed.small_samples.robust import ROBUST_KINDS, robust_fit

VCOV = 1e-9  # relative to the standard errors, against clubSandwich
DF = 1e-9
F = 1e-9
P = 1e-9
DENSE = 1e-8

CLUSTERED = [name for name in CASES if small_sample_case(name).is_clustered]


@pytest.mark.parametrize("kind", ROBUST_KINDS)
@pytest.mark.parametrize("name", CLUSTERED)
def test_covariances_equal_clubsandwich(name, kind):
    case = small_sample_case(name)
    found = robust_fit(case.data, case.params, kind)
    expected = case.robust_covariance(kind)
    size = np.sqrt(np.diagonal(expected))
    assert np.abs((found.cov - expected) / np.outer(size, size)).max() < VCOV


@pytest.mark.parametrize("kind", ROBUST_KINDS)
@pytest.mark.parametrize("name", CLUSTERED)
def test_rows_equal_clubsandwich(name, kind):
    case = small_sample_case(name)
    found = robust_fit(case.data, case.params, kind)
    rows, figures = case.stacked()
    expected = [row["robust"][kind] for row in figures]
    assert relative(std_error(found.cov, rows), [e["asymptotic"]["se"] for e in expected]) < VCOV
    if "satterthwaite" in expected[0]:
        assert relative(found.df(rows), [e["satterthwaite"]["df"] for e in expected]) < DF
    if "t_g_minus_1" in expected[0]:
        assert found.cluster_df == expected[0]["t_g_minus_1"]["df"]


@pytest.mark.parametrize("name", CLUSTERED)
def test_joint_tests_equal_clubsandwich(name):
    case = small_sample_case(name)
    beta = gls(case.data, case.params).beta
    cr0, cr2 = (robust_fit(case.data, case.params, kind) for kind in ("CR0", "CR2"))
    for rows, figures in case.rows(JOINT):
        own = independent(rows)
        expected = figures["robust"]
        scale, df2 = cr2.joint(own)
        if expected["CR2"]["HTZ"].get("F") is None:
            assert np.isnan([scale, df2]).all()
            continue
        f = scale * wald_f(beta, cr2.cov, own)
        assert relative(df2, expected["CR2"]["HTZ"]["df2"]) < DF
        assert relative(f, expected["CR2"]["HTZ"]["F"]) < F
        assert relative(stats.f.sf(f, len(own), df2), expected["CR2"]["HTZ"]["p"]) < P
        assert relative(wald_f(beta, cr0.cov, own), expected["CR0"]["chi2"]["F"]) < F


def nested_pastes():
    """Casks in batches, some rows left out; casks are the groups, batches the clusters."""
    frame = pd.read_csv(ORACLE / "data" / "Pastes.csv").drop(index=[0, 1, 6, 16, 32, 33, 50])
    one = np.ones(len(frame))
    x = np.column_stack([one, *((frame["cask"] == c).to_numpy(float) for c in "bc")])
    codes, _ = pd.factorize(frame["batch"] + frame["cask"])
    data = MixedData.from_arrays(frame["strength"].to_numpy(float), x, codes, x[:, :1])
    params = CovarianceParameters([[10.4517251025576]], [], 0.686931246740422)
    return data, params, frame["batch"]


# clubSandwich 0.5.8: SE and df of the coefficients, df of the HTZ test of both contrasts.
NESTED = {
    "CR0": (
        [1.01809779854294, 1.49582459215032, 1.37446368892541],
        [7.99933359213994, 8.52937559489078, 8.70324773299447],
        7.69263898629878,
    ),
    "CR1S": (
        [1.09442224864381, 1.60796312108793, 1.47750407010585],
        [7.99933359213994, 8.52937559489078, 8.70324773299447],
        7.69263898629879,
    ),
    "CR2": (
        [1.07995126238371, 1.58621127428843, 1.45384391548834],
        [7.99916166447814, 8.52970963792842, 8.69990351489228],
        7.6915377452597,
    ),
    "CR3": (
        [1.14556309066083, 1.68206107612237, 1.53783931965079],
        [7.9989706441126, 8.53003390219237, 8.69653480613338],
        7.6904221779654,
    ),
}


@pytest.mark.parametrize("kind", sorted(NESTED))
def test_clusters_of_several_groups_equal_clubsandwich(kind):
    data, params, batch = nested_pastes()
    found = robust_fit(data, params, kind, cluster=batch)
    se, df, df2 = NESTED[kind]
    assert found.n_clusters == 10
    # The optimum of the R fit is good to about 1e-9, and so are its figures.
    assert relative(np.sqrt(np.diagonal(found.cov)), se) < 1e-8
    assert relative(found.df(np.eye(3)), df) < 1e-8
    assert relative(found.joint(np.eye(3)[1:])[1], df2) < 1e-8


def root_of(matrix, power):
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10 * values.max()
    return (vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T


def dense_robust(arrays, params, cluster, kind):
    """Covariance and, for a set of rows, ``p_i'V p_j`` as a function, all with n x n matrices."""
    x, y = arrays["X"], arrays["y"]
    v, _ = dense_pieces(arrays, params)
    inverse = np.linalg.inv(v)
    m = np.linalg.inv(x.T @ inverse @ x)
    hat = x @ m @ x.T @ inverse
    residuals = y - hat @ y
    labels = np.unique(cluster)
    meat = np.zeros_like(m)
    pieces = []
    for label in labels:
        at = np.flatnonzero(cluster == label)
        own, xi = v[np.ix_(at, at)], x[at]
        half = np.linalg.cholesky(own).T
        a = np.eye(len(at))
        if kind == "CR2":
            a = half.T @ root_of(half @ (own - xi @ m @ xi.T) @ half.T, -0.5) @ half
        elif kind == "CR3":
            a = np.linalg.inv(a - xi @ m @ xi.T @ np.linalg.inv(own))
        weight = xi.T @ np.linalg.inv(own) @ a
        score = weight @ residuals[at]
        meat += np.outer(score, score)
        pieces.append((np.eye(len(y)) - hat)[at].T @ weight.T @ m)

    def products(rows):
        vectors = [piece @ rows.T for piece in pieces]
        return np.array([[s.T @ v @ t for t in vectors] for s in vectors])

    return m @ meat @ m, products


@pytest.mark.parametrize("kind", ["CR0", "CR2", "CR3"])
@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("structure", ["intercept", "slope", "nested", "slope_and_nested"])
def test_equals_the_dense_formulas(structure, merged, kind):
    arrays, params = simulated(structure, n_groups=16)
    groups = arrays["groups"]
    cluster = groups // 2 if merged else groups
    found = robust_fit(MixedData.from_arrays(**arrays), params, kind, cluster)
    cov, products = dense_robust(arrays, params, cluster, kind)
    assert np.allclose(found.cov, cov, rtol=DENSE, atol=1e-12)
    rows = np.array([[0.0, 1.0, 0.3], [0.0, 0.0, 1.0]])
    inner = products(rows)
    for k in range(2):
        own = inner[:, :, k, k]
        expected = np.trace(own) ** 2 / np.sum(own**2)
        assert found.df(rows)[k] == pytest.approx(expected, rel=DENSE)
    omega = root_of(np.einsum("iist->st", inner), -0.5)
    inner = omega @ inner @ omega
    traces = np.einsum("ijss->ij", inner)
    spread = np.sum(traces**2) + np.einsum("ijst,ijts->", inner, inner)
    eta = 6 / spread
    assert np.allclose(found.joint(rows), [(eta - 1) / eta, eta - 1], rtol=DENSE)


def test_working_through_the_clusters_in_parts_changes_nothing(monkeypatch):
    case = small_sample_case("seed_score")
    found = robust_fit(case.data, case.params)
    rows = np.eye(len(found.cov))
    whole = found.df(rows), found.joint(rows[1:4])
    monkeypatch.setattr(robust_module, "CHUNK", 1)
    assert np.allclose(found.df(rows), whole[0], rtol=1e-12)
    assert np.allclose(found.joint(rows[1:4]), whole[1], rtol=1e-12)


def test_rows_may_come_in_any_order():
    arrays, params = simulated("slope", n_groups=16)
    base = robust_fit(MixedData.from_arrays(**arrays), params, "CR2", arrays["groups"] // 2)
    shuffle = np.random.default_rng(1).permutation(len(arrays["y"]))
    arrays |= {k: arrays[k][shuffle] for k in ("y", "X", "Z", "groups")}
    other = robust_fit(MixedData.from_arrays(**arrays), params, "CR2", arrays["groups"] // 2)
    assert np.allclose(other.cov, base.cov, rtol=1e-9)
    assert np.allclose(other.df(np.eye(3)), base.df(np.eye(3)), rtol=1e-9)


def test_dependent_columns_change_nothing_else():
    arrays, params = simulated("slope")
    full = robust_fit(MixedData.from_arrays(**arrays), params)
    x = arrays["X"]
    arrays["X"] = np.column_stack([x, x[:, 0] + x[:, 2]])
    more = robust_fit(MixedData.from_arrays(**arrays), params)
    rows = np.eye(4)[:3]
    assert np.allclose(more.cov[:3, :3], full.cov, rtol=1e-9, atol=1e-14)
    assert np.allclose(more.df(rows), full.df(np.eye(3)), rtol=1e-9)


def with_a_column_of_one_group():
    arrays, params = simulated("intercept", n_groups=14)
    only = (arrays["groups"] == 3).astype(float)
    return arrays | {"X": np.column_stack([arrays["X"], only])}, params


def test_cr2_leaves_out_what_a_cluster_alone_determines():
    arrays, params = with_a_column_of_one_group()
    found = robust_fit(MixedData.from_arrays(**arrays), params)
    cov, products = dense_robust(arrays, params, arrays["groups"], "CR2")
    assert np.allclose(found.cov, cov, rtol=DENSE, atol=1e-12)
    own = products(np.eye(4)[[1]])[:, :, 0, 0]
    expected = np.trace(own) ** 2 / np.sum(own**2)
    assert found.df(np.eye(4)[[1]])[0] == pytest.approx(expected, rel=DENSE)


def test_cr3_is_the_jackknife_over_clusters():
    arrays, params = with_a_column_of_one_group()
    data = MixedData.from_arrays(**arrays)
    beta = gls(data, params).beta
    jackknife = np.zeros((4, 4))
    for code in range(data.n_groups):
        kept = arrays["groups"] != code
        less = {k: arrays[k][kept] for k in ("y", "X", "Z")}
        codes = np.unique(arrays["groups"][kept], return_inverse=True)[1]
        change = beta - gls(MixedData.from_arrays(**less, groups=codes), params).beta
        jackknife += np.outer(change, change)
    found = robust_fit(data, params, "CR3")
    # Without group 3 its own coefficient does not exist.
    assert np.allclose(found.cov[:3, :3], jackknife[:3, :3], rtol=DENSE)


def test_a_cluster_that_cuts_a_group_is_named():
    arrays, params = simulated("slope", n_groups=16)
    data = MixedData.from_arrays(**arrays)
    cluster = np.where(arrays["groups"] < 8, "north", "south").astype(object)
    code = int(np.flatnonzero(data.sizes > 1)[2])
    cluster[np.flatnonzero(arrays["groups"] == code)[-1]] = "west"
    with pytest.raises(ArgumentError, match=f"cuts across group {code}, which has rows in"):
        robust_fit(data, params, cluster=cluster)
    names = [f"s{i}" for i in range(16)]
    with pytest.raises(ArgumentError, match=f"cuts across group 's{code}'.*must hold whole groups"):
        robust_fit(data, params, cluster=cluster, group_names=names)


def test_crossed_designs_and_bad_clusters_are_refused():
    arrays, params = simulated("crossed")
    data = MixedData.from_arrays(**arrays)
    with pytest.raises(ArgumentError, match=r"at least 2 clusters.*Crossed random effects"):
        robust_fit(data, params)
    with pytest.raises(ArgumentError, match="cuts across group 0"):
        robust_fit(data, params, cluster=np.arange(data.n_rows) % 4)
    with pytest.raises(ArgumentError, match="one label per row"):
        robust_fit(data, params, cluster=[1, 2])
    missing = np.zeros(data.n_rows)
    missing[3:5] = np.nan
    with pytest.raises(ArgumentError, match="missing in 2 rows"):
        robust_fit(data, params, cluster=missing)
    with pytest.raises(ArgumentError, match="'CR2'"):
        robust_fit(data, params, kind="HC3")  # type: ignore[arg-type]


def test_more_rows_than_clusters_have_no_joint_test():
    case = small_sample_case("oats_helmert_sum")
    found = robust_fit(case.data, case.params)
    assert np.isnan(found.joint(np.eye(12)[1:8])).all()
