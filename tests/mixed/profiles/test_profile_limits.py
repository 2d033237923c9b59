"""Profile-likelihood limits against the likelihood itself, and derivatives against differences."""

import numpy as np
import pytest

from mixed.cases import simulated
from pymargins.mixed import MixedData, fit, profiled_deviance
from pymargins.mixed.likelihood.batches import Batches
from pymargins.mixed.likelihood.factors import GroupFactors
from pymargins.mixed.profiles.limits import profile_limits
from pymargins.mixed.profiles.residual import FreeResidual
from pymargins.mixed.profiles.setup import Target, set_up
from pymargins.models.derivative import jacobian

CHI2 = 3.841458820694124  # 95 % quantile with one degree of freedom
TARGETS = {
    "slope": (
        Target("effect", 0),
        Target("effect", 1),
        Target("correlation", 0, 1),
        Target("residual"),
        Target("icc"),
    ),
    "slope_and_nested": (
        Target("effect", 1),
        Target("component", 0),
        Target("correlation", 0, 1),
        Target("residual"),
        Target("icc"),
    ),
}


def intercepts(reml):
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(14), rng.integers(3, 8, 14))
    x = np.column_stack([np.ones(len(cluster)), rng.normal(size=len(cluster))])
    y = x @ [1.0, 0.5] + rng.normal(0, 0.8, 14)[cluster] + rng.normal(size=len(cluster))
    return MixedData.from_arrays(y, x, cluster, Z=np.ones((len(cluster), 1)), reml=reml)


@pytest.mark.parametrize("reml", [True, False])
def test_limits_of_the_icc_are_where_the_deviance_has_risen(reml):
    data = intercepts(reml)
    best = fit(data)
    ((low, high),) = profile_limits(data, best, [Target("icc")], 0.95)
    assert 0 < low < high < 1
    for share in (low, high):
        rise = profiled_deviance(data, [np.sqrt(share / (1 - share))])[0] - best.deviance
        assert rise == pytest.approx(CHI2, abs=1e-6)


def test_limits_do_not_depend_on_what_else_is_asked():
    data = intercepts(True)
    best = fit(data)
    both = profile_limits(data, best, [Target("effect"), Target("residual")], 0.9)
    alone = profile_limits(data, best, [Target("residual")], 0.9)
    assert both[1] == pytest.approx(alone[0], rel=1e-8)
    assert profile_limits(data, best, [], 0.9).shape == (0, 2)


@pytest.mark.parametrize("structure", TARGETS)
@pytest.mark.parametrize("reml", [True, False])
def test_derivatives_are_those_of_the_deviance(structure, reml):
    arrays, params = simulated(structure)
    data = MixedData.from_arrays(**{**arrays, "reml": reml})
    factors = GroupFactors.from_data(data)
    deviance = FreeResidual(Batches.from_factors(factors).observed())
    at = set_up(factors, params, TARGETS[structure])
    v, z, held = at.v + 0.1, at.z + 0.05, at.held
    x = held.point(v, z)
    state, _ = deviance.evaluate(held.psi(x), x[-1])
    by_x = held.in_point(x, *deviance.derivatives(state, x[-1]))
    gradient, hessian, by_v = held.free(v, z, x, *by_x)
    for j in range(len(v)):
        one = held.take(np.array([j]))

        def height(where, one=one):
            x = one.point(where[-1:], where[:-1, None])
            return deviance.evaluate(one.psi(x), x[-1])[1]

        def slopes(where, one=one):
            v, z = where[-1:], where[:-1, None]
            x = one.point(v, z)
            state, _ = deviance.evaluate(one.psi(x), x[-1])
            return one.free(v, z, x, *one.in_point(x, *deviance.derivatives(state, x[-1])))[0][:, 0]

        here = np.append(z[:, j], v[j])
        expected = jacobian(height, here)[0]
        assert np.allclose(gradient[:, j], expected[:-1], rtol=1e-6, atol=1e-6)
        assert by_v[j] == pytest.approx(expected[-1], rel=1e-6, abs=1e-6)
        second = jacobian(slopes, here)[:, :-1]
        live = second.any(axis=1)
        curved = hessian[:, :, j][np.ix_(live, live)]
        assert np.allclose(curved, second[np.ix_(live, live)], rtol=1e-5, atol=1e-5)
