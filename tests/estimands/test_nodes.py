"""Nodes: each operation, its Jacobian, at one point and at many."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pymargins.estimands.functions import Function
from pymargins.estimands.nodes import (
    Combine,
    Linear,
    Pick,
    Quotient,
    Scaled,
    Stack,
    Sum,
    on_scale,
)
from pymargins.estimands.scales import SCALES
from pymargins.models.parameters import Parameters, Point

EXACT = 1e-12
DIFFERENCES = 1e-7


@pytest.fixture
def parameters() -> Parameters:
    return Parameters.of_blocks(beta=[1.0, 2.0, 0.5], gamma=[0.3, 0.7])


@pytest.fixture
def point(parameters: Parameters) -> Point:
    return Point(parameters.value[None], parameters.blocks)


def first_of() -> Linear:
    return Linear(np.array([[1.0, 0.5, 0.0], [0.2, 0.4, 1.0]]), "beta", ("a", "b"), {"x": [1, 2]})


def second_of() -> Linear:
    return Linear(np.array([[2.0, 1.0], [1.0, 3.0]]), "gamma", ("c", "d"), {"x": [3, 4]})


NODES = {
    "linear": first_of(),
    "other block": second_of(),
    "pick": Pick(first_of(), np.array([1, 1, 0])),
    "stack": Stack((first_of(), second_of())),
    "combine": Combine(Stack((first_of(), second_of())), np.array([[1, -1, 2, 0.0]]), ("e",)),
    "sum": Sum(first_of(), second_of(), ("e", "f"), (1.0, -2.0)),
    "scaled": Scaled(first_of(), -3.0, ("e", "f")),
    "quotient": Quotient(first_of(), second_of(), ("e", "f")),
    "log": on_scale(first_of(), SCALES["log"]),
    "function": Function(Stack((first_of(), second_of())), lambda m: m[:2] ** 2 / m[3], ("g", "h")),
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_jacobians_are_derivatives(node, point: Point):
    jac = node.at(point, True)[1]
    for j in range(point.width):
        up, down = point.theta.copy(), point.theta.copy()
        up[0, j] += 1e-6
        down[0, j] -= 1e-6
        high, low = (node.at(Point(t, point.blocks))[0][0] for t in (up, down))
        np.testing.assert_allclose(jac[0, :, j], (high - low) / 2e-6, rtol=0, atol=DIFFERENCES)


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_many_points_are_each_its_own(node, point: Point):
    rng = np.random.default_rng(1)
    theta = point.theta + rng.uniform(0, 0.1, (5, point.width))
    values, jacs = node.at(Point(theta, point.blocks), True)
    assert values.shape == (5, len(node))
    for b in range(5):
        value, jac = node.at(Point(theta[[b]], point.blocks), True)
        np.testing.assert_allclose(values[b], value[0], rtol=EXACT)
        np.testing.assert_allclose(jacs[b], jac[0], rtol=1e-9, atol=EXACT)


def test_columns_are_kept_where_all_parts_have_them():
    assert Stack((first_of(), second_of())).columns == {"x": [1, 2, 3, 4]}
    assert Stack((first_of(), NODES["scaled"])).columns == {}
    assert NODES["pick"].columns == {"x": [2, 2, 1]}


def test_a_node_is_evaluated_once_at_the_point_of_a_session(point: Point):
    calls = []

    def counted(mean):
        calls.append(1)
        return mean.sum()

    node = Function(first_of(), counted, ("total",))
    first = node.at(point)[0]
    assert node.at(point)[0] is first
    assert len(calls) == 1


def test_nodes_and_points_travel(point: Point):
    node = pickle.loads(pickle.dumps(NODES["combine"]))
    there = pickle.loads(pickle.dumps(point))
    np.testing.assert_array_equal(node.at(there)[0], NODES["combine"].at(point)[0])


def test_parameters_are_found_by_block(parameters: Parameters):
    np.testing.assert_array_equal(parameters["gamma"], [0.3, 0.7])
    swapped = parameters.only(["gamma", "beta"])
    np.testing.assert_array_equal(swapped.value, [0.3, 0.7, 1.0, 2.0, 0.5])
    node = second_of()
    at = Point(swapped.value[None], swapped.blocks)
    jac = node.at(at, True)[1]
    np.testing.assert_array_equal(jac[0, :, 2:], 0.0)  # aligned by name, not by position
