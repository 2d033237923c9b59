"""Random slopes on a variable far from zero: the same model as on the centred one."""

import numpy as np
import pytest

from pymargins.mixed import (
    CovarianceParameters,
    MixedData,
    bootstrap,
    fit,
    gls,
    jackknife,
    random_effects,
    score,
)
from pymargins.mixed.likelihood.centring import centring_change
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit
from pymargins.mixed.small_samples.robust import robust_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit

SAME = 1e-6
OFFSETS = [738_000.0, 1e9]
STRUCTURES = ["intercept", "phases", "nested"]
GROUPS, TIMES = 14, 8


def arrays(offset, structure):
    """Return a trial of days, with the same outcomes at every offset (of whole days)."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(GROUPS), TIMES)
    time = np.tile(np.arange(TIMES) * 9, GROUPS) + rng.integers(0, 5, GROUPS * TIMES)
    arm = groups % 2
    effects = rng.normal(size=(GROUPS, 2)) * [3.0, 0.2]
    y = 20 + arm + (0.1 + effects[groups, 1]) * (time - 32) + effects[groups, 0]
    y = y + rng.normal(size=len(y))
    day = time - 32 + offset
    one = np.ones(len(y))
    z = np.column_stack([one, day])
    if structure == "phases":
        phase = np.tile(np.arange(TIMES) % 2, GROUPS)
        y = y + rng.normal(size=GROUPS)[groups] * phase
        z = np.column_stack([1.0 - phase, phase, day])
    parts = ()
    if structure == "nested":
        half = (np.arange(TIMES) >= TIMES // 2).astype(int)
        parts = ([np.eye(2)[half] for _ in range(GROUPS)],)
    x = np.column_stack([one, arm, day, arm * (day - offset)])
    return {"y": y, "X": x, "groups": groups, "Z": z, "components": parts}


ROWS = np.array([[0, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0]], dtype=float)


def figures(offset, structure):
    """Return what does not depend on where days are counted from."""
    data = MixedData.from_arrays(**arrays(offset, structure))
    best = fit(data)
    pieces = variance_derivatives(data, best.params)
    found = {
        "deviance": best.deviance,
        "sigma2": best.params.sigma2,
        "slope variance": best.params.psi[-1, -1],
    }
    for kind in ("expected", "observed"):
        kr = kenward_roger_fit(data, best.params, kind, pieces)
        found[f"kr {kind}"] = np.sqrt(np.einsum("kp,pq,kq->k", ROWS, kr.cov, ROWS))
        found[f"kr df {kind}"] = kr.df(ROWS)
        found[f"kr joint {kind}"] = kr.joint(ROWS)
    found["satterthwaite"] = satterthwaite_fit(data, best.params, pieces).df(ROWS)
    robust = robust_fit(data, best.params, "CR2")
    found["cr2"] = np.sqrt(np.einsum("kp,pq,kq->k", ROWS, robust.cov, ROWS))
    found["cr2 df"] = robust.df(ROWS)
    found["residuals"] = random_effects(data, best.params, best.gls).conditional
    return found


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_inference_is_that_of_the_centred_model(offset, structure):
    expected, found = figures(0.0, structure), figures(offset, structure)
    for name, value in expected.items():
        assert np.allclose(found[name], value, rtol=SAME, atol=SAME), name


@pytest.mark.parametrize("kind", ["cluster", "wild", "parametric", "residual"])
def test_refits_are_those_of_the_centred_model(kind):
    both = []
    for offset in (0.0, 738_000.0):
        data = MixedData.from_arrays(**arrays(offset, "intercept"))
        done = bootstrap(data, fit(data), kind, 16, seed=2)
        both.append((done.usable, done.beta[:, 1:], done.sigma2, done.psi[:, 1, 1]))
        both[-1] += (np.sqrt(np.einsum("kp,bpq,kq->bk", ROWS, done.cov, ROWS)),)
    usable = both[0][0] & both[1][0]
    assert usable.sum() > 12
    for one, other in zip(*both, strict=True):
        assert np.allclose(one[usable], other[usable], rtol=1e-5, atol=1e-5)


def test_the_jackknife_is_that_of_the_centred_model():
    both = []
    for offset in (0.0, 1e9):
        data = MixedData.from_arrays(**arrays(offset, "intercept"))
        both.append(jackknife(data, fit(data)).beta @ ROWS.T)
    assert np.allclose(*both, rtol=1e-5, atol=1e-6)


def test_parameters_of_the_raw_columns_give_the_same_likelihood():
    """Far from zero the covariance itself has lost digits; near zero it has all of them."""
    data = MixedData.from_arrays(**arrays(30.0, "intercept"))
    best = fit(data)
    raw = CovarianceParameters(best.params.psi, best.params.components, best.params.sigma2)
    assert gls(data, raw).deviance == pytest.approx(best.deviance, rel=1e-12)
    working = data.working(raw)
    assert np.allclose(working.psi, data.working(best.params).psi, rtol=1e-10)
    assert np.allclose(data.z_basis @ working.psi @ data.z_basis.T, raw.psi, rtol=1e-10)


def test_score_is_the_derivative_by_the_raw_parameters():
    data = MixedData.from_arrays(**arrays(30.0, "intercept"))
    psi, sigma2 = np.array([[60.0, -1.5], [-1.5, 0.05]]), 1.3

    def deviance(gamma):
        matrix = np.array([[gamma[0], gamma[1]], [gamma[1], gamma[2]]])
        return gls(data, CovarianceParameters(matrix, np.array([]), gamma[3])).deviance

    params = CovarianceParameters(psi, np.array([]), sigma2)
    at = params.gamma
    for r, value in enumerate(score(data, params)):
        h = np.eye(4)[r] * 1e-5 * abs(at[r])
        slope = (deviance(at + h) - deviance(at - h)) / (2 * h[r])
        assert value == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_what_is_centred():
    rng = np.random.default_rng(0)
    x = rng.normal(size=20) + 1e6
    one, arm = np.ones(20), (np.arange(20) % 2).astype(float)
    both = np.column_stack([one, x])
    assert np.allclose((both @ centring_change(both)).mean(axis=0), [1, 0])
    arms = np.column_stack([arm, x, 1 - arm])
    assert np.allclose((arms @ centring_change(arms)).mean(axis=0), [0.5, 0, 0.5])
    assert np.array_equal(arms @ centring_change(arms) @ [1, 0, 1], one)
    for columns in (x[:, None], np.column_stack([arm, x]), np.zeros((5, 0))):
        assert np.array_equal(centring_change(columns), np.eye(columns.shape[1]))
    scaled = np.column_stack([x, 3 * one])
    assert np.linalg.det(centring_change(scaled)) == pytest.approx(1)
    assert np.allclose((scaled @ centring_change(scaled)).mean(axis=0), [0, 3])
