"""Sparse Jacobians say the same as dense ones, through every operation of nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import sparse

from pymargins.estimands import jacobians
from pymargins.estimands.functions import Function
from pymargins.estimands.nodes import (
    Combine,
    Known,
    Pick,
    Quotient,
    Scaled,
    Stack,
    Sum,
    Transformed,
)
from pymargins.estimands.scales import SCALES
from pymargins.inference.delta import DeltaInference
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Reference

LABELS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class FromMatrix:
    """Answers for rows, as what has no matrix does."""

    cov: np.ndarray

    def covariance(self, rows):
        return rows @ self.cov[: rows.shape[1], : rows.shape[1]] @ rows.T

    def variance(self, rows):
        return np.diagonal(self.covariance(rows))


def _leaves():
    rng = np.random.default_rng(3)
    jac = rng.normal(size=(4, 6)) * (rng.random((4, 6)) < 0.6)
    value = rng.uniform(1, 2, size=4)
    return Known(value, jac, LABELS), Known(value, sparse.csr_array(jac), LABELS)


NODES = {
    "pick": lambda x: Pick(x, np.array([3, 0, 0])),
    "stack": lambda x: Stack((x, x[[1]])),
    "combine": lambda x: Combine(x, np.array([[1.0, -1.0]]), ("a - b", "c - d")),
    "sum": lambda x: Sum(x, x[[3, 2, 1, 0]], LABELS, (1.0, -2.0)),
    "scaled": lambda x: Scaled(x, 2.5, LABELS),
    "quotient": lambda x: Quotient(x, x[[3, 2, 1, 0]], LABELS),
    "transformed": lambda x: Transformed(x, SCALES["log"]),
    "function": lambda x: Function(x, lambda m: m[:2] * m[2:], ("f", "g")),
}


@pytest.mark.parametrize("name", NODES)
def test_nodes_know_both(name):
    point = Point(np.zeros((1, 6)), {"beta": slice(0, 2), "u": slice(2, 6)})
    dense, thin = (NODES[name](leaf).at(point, True) for leaf in _leaves())
    np.testing.assert_array_equal(dense[0], thin[0])
    np.testing.assert_allclose(thin[1].toarray(), dense[1][0], atol=1e-14)


def test_dense_and_sparse_rows_go_together_and_widths_may_differ():
    dense, thin = _leaves()
    wider = sparse.csr_array(np.pad(dense.jacobian, ((0, 0), (0, 2)), constant_values=1.0))
    both = jacobians.stacked([dense.jacobian[None], thin.jacobian, wider])
    assert both.shape == (12, 8)
    np.testing.assert_array_equal(both[:4, :6].toarray(), dense.jacobian)
    total = jacobians.added(thin.jacobian, wider)
    np.testing.assert_array_equal(total[:, 6:].toarray(), 1.0)


def test_the_delta_method_asks_rows_where_there_is_no_matrix():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(6, 6))
    cov = root @ root.T
    point = Point(np.zeros((1, 6)), {"beta": slice(0, 2), "u": slice(2, 6)})
    dense, thin = _leaves()
    by_matrix = DeltaInference(point, cov, Reference.constant(np.inf))
    by_rows = replace(by_matrix, cov=FromMatrix(cov))
    np.testing.assert_allclose(by_rows.covariance(thin), by_matrix.covariance(dense))
    np.testing.assert_allclose(by_rows.std_error(thin), by_matrix.std_error(dense))
    for some in (thin, Stack((thin, thin))):  # fewer rows than effects, and more
        factor = by_rows.factor(some)
        np.testing.assert_allclose(factor @ factor.T, by_rows.covariance(some), atol=1e-12)
