"""Satterthwaite's degrees of freedom against lmerTest."""

import numpy as np
import pytest
from scipy import stats

from mixed.cases import CASES, ORACLE, simulated
from mixed.small_sample_cases import (
    JOINT,
    independent,
    relative,
    small_sample_case,
    std_error,
    wald_f,
)
from pymargins.mixed import CovarianceParameters, MixedData, gls
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.satterthwaite import pooled_df, satterthwaite_fit

DF = 1e-6  # relative; lmerTest's derivatives are numerical
SE = 1e-9
F = 1e-9
P = 1e-6


@pytest.mark.parametrize("name", CASES)
def test_rows_equal_lmertest(name):
    case = small_sample_case(name)
    found = satterthwaite_fit(case.data, case.params)
    rows, figures = case.stacked()
    expected = [row["satterthwaite"] for row in figures]
    assert relative(std_error(found.cov, rows), [e["se"] for e in expected]) < SE
    assert relative(found.df(rows), [e["df"] for e in expected]) < DF


@pytest.mark.parametrize("name", CASES)
def test_joint_tests_equal_lmertest(name):
    case = small_sample_case(name)
    found = satterthwaite_fit(case.data, case.params)
    beta = gls(case.data, case.params).beta
    for rows, figures in case.rows(JOINT):
        expected = figures["satterthwaite"]
        scale, df2 = found.joint(rows)
        own = independent(rows)
        f = scale * wald_f(beta, found.cov, own)
        assert relative(f, expected["F"]) < F
        assert relative(df2, expected["df2"]) < DF
        assert relative(stats.f.sf(f, len(own), df2), expected["p"]) < P


def unbalanced_oats():
    """Oats without some plots, with a slope of nitrogen by block; a singular fit."""
    import pandas as pd

    frame = pd.read_csv(ORACLE / "data" / "Oats.csv").drop(index=[0, 1, 2, 19, 40, 41])
    nitro = frame["nitro"].to_numpy()
    variety = [(frame["Variety"] == v).to_numpy(float) for v in ("Marvellous", "Victory")]
    one = np.ones(len(frame))
    x = np.column_stack([one, *variety, nitro, *(v * nitro for v in variety)])
    codes, _ = pd.factorize(frame["Block"])
    data = MixedData.from_arrays(frame["yield"].to_numpy(float), x, codes, x[:, [0, 3]])
    psi = [[120.300604497245, 80.9939179893594], [80.9939179893594, 54.5301894257505]]
    return data, CovarianceParameters(psi, [], 237.537532649854)


def test_correlation_of_one_equals_lmertest():
    # lmerTest 3.1-3: yield ~ Variety * nitro + (nitro | Block)
    found = satterthwaite_fit(*unbalanced_oats())
    df = [
        13.7782789337168,
        55.0232517643973,
        55.1345520499147,
        45.635790284893,
        55.0130116222091,
        55.0532844882696,
    ]
    assert relative(found.df(np.eye(6)), df) < DF
    assert relative(found.joint(np.eye(6)[4:])[1], 54.9893435945104) < DF
    assert found.variance.dropped == 1


def test_rows_may_come_together_or_one_by_one_and_scale_does_not_matter():
    case = small_sample_case("seed_score")
    found = satterthwaite_fit(case.data, case.params)
    rows, _ = case.stacked()
    assert np.allclose([found.df(row)[0] for row in rows], found.df(rows), rtol=1e-12)
    assert np.allclose(found.df(1e-120 * rows), found.df(rows), rtol=1e-9)
    assert np.isposinf(found.df(np.zeros((1, rows.shape[1])))).all()


def test_pieces_may_be_shared():
    case = small_sample_case("sleepstudy_slope")
    pieces = variance_derivatives(case.data, case.params)
    shared = satterthwaite_fit(case.data, case.params, pieces)
    assert (shared.df(np.eye(2)) == satterthwaite_fit(case.data, case.params).df(np.eye(2))).all()


def test_dependent_columns_and_rows_change_nothing():
    arrays, params = simulated("slope")
    full = satterthwaite_fit(MixedData.from_arrays(**arrays), params)
    x = arrays["X"]
    arrays["X"] = np.column_stack([x, x[:, 0] - x[:, 1]])
    more = satterthwaite_fit(MixedData.from_arrays(**arrays), params)
    rows = np.column_stack([np.eye(3), np.zeros(3)])
    assert np.allclose(more.df(rows), full.df(np.eye(3)), rtol=1e-9)
    doubled = np.vstack([np.eye(3)[1:], [[0, 1, 1]]])
    values = full.joint(doubled)
    assert np.isfinite(values).all()


def test_pooled_degrees_of_freedom():
    # Fai & Cornelius: S = sum nu/(nu-2), 2 S / (S - q)
    s = 5 / 3 + 8 / 6
    assert pooled_df(np.array([5.0, 8.0])) == pytest.approx(2 * s / (s - 2))
    assert pooled_df(np.array([1.5, 8.0])) == 2
    assert pooled_df(np.array([1.5, 1.5])) == 1.5
    assert pooled_df(np.array([7.0])) == 7
    assert np.isposinf(pooled_df(np.array([np.inf, np.inf])))
    assert pooled_df(np.array([np.inf, 10.0])) == pytest.approx(18.0)
    assert np.isnan(pooled_df(np.array([])))
