"""Prediction of known clusters against the textbook's n x n formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from mixed.prediction_cases import NAMES, design
from pymargins.errors import ModelError
from pymargins.mixed import MixedData, gls, random_effects
from pymargins.mixed.prediction.columns import EffectColumns, joined
from pymargins.mixed.prediction.prediction import predict_clusters
from pymargins.mixed.small_samples.derivatives import variance_derivatives
from pymargins.mixed.small_samples.kenward_roger import kenward_roger_fit
from pymargins.mixed.small_samples.satterthwaite import satterthwaite_fit
from pymargins.mixed.small_samples.total import TotalVariance


class Textbook:
    """Everything from n x n matrices: Z of all effects, Psi of all effects, B_r = dPsi/dgamma_r."""

    def __init__(self, arrays, params):
        groups, n = arrays["groups"], len(arrays["y"])
        count = groups.max() + 1
        q = params.psi.shape[0]
        columns, kinds = [], []
        for g in range(count):
            for j in range(q):
                columns.append(np.where(groups == g, arrays["Z"][:, j], 0.0))
                kinds.append(("z", g, j))
        for v, parts in enumerate(arrays["components"]):
            for g, part in enumerate(parts):
                for j in range(part.shape[1]):
                    column = np.zeros(n)
                    column[groups == g] = part[:, j]
                    columns.append(column)
                    kinds.append((v, g, j))
        self.z = np.column_stack(columns)
        size = len(kinds)
        self.b = []
        for i in range(q):
            for j in range(i + 1):
                one = np.zeros((q, q))
                one[i, j] = one[j, i] = 1.0
                b = np.zeros((size, size))
                b[: count * q, : count * q] = np.kron(np.eye(count), one)
                self.b.append(b)
        for v in range(len(params.components)):
            self.b.append(np.diag([float(kind == v) for kind, _, _ in kinds]))
        self.psi = sum(g * b for g, b in zip(params.gamma, self.b, strict=False))
        self.x, self.y = arrays["X"], arrays["y"]
        self.g = [self.z @ b @ self.z.T for b in self.b] + [np.eye(n)]
        self.v = sum(g * m for g, m in zip(params.gamma, self.g, strict=True))
        self.vi = np.linalg.inv(self.v)
        self.phi = np.linalg.inv(self.x.T @ self.vi @ self.x)
        self.p = self.vi - self.vi @ self.x @ self.phi @ self.x.T @ self.vi
        self.beta = self.phi @ self.x.T @ self.vi @ self.y
        self.u = self.psi @ self.z.T @ self.p @ self.y

    def expected(self):
        return 0.5 * np.array([[np.trace(self.p @ a @ self.p @ b) for b in self.g] for a in self.g])

    def observed(self):
        curved = [
            [self.y @ self.p @ a @ self.p @ b @ self.p @ self.y for b in self.g] for a in self.g
        ]
        return np.array(curved) - self.expected()

    def m(self, k, m):
        a = self.vi @ self.z @ self.psi @ m.T
        d = k.T - self.x.T @ a
        g1 = m @ (self.psi - self.psi @ self.z.T @ self.vi @ self.z @ self.psi) @ m.T
        return g1 + d.T @ self.phi @ d

    def weights(self, k, m):
        return self.vi @ self.x @ self.phi @ k.T + self.p @ self.z @ self.psi @ m.T

    def h(self, k, m):
        c = self.weights(k, m)
        rest = self.z.T @ c - m.T
        return np.array(
            [*(np.sum(rest * (b @ rest), axis=0) for b in self.b), np.sum(c**2, axis=0)]
        )

    def g3(self, k, m, w):
        q = []
        for r, g in enumerate(self.g):
            own = self.z @ self.b[r] @ m.T if r < len(self.b) else 0.0
            q.append(
                own - g @ self.p @ self.z @ self.psi @ m.T - g @ self.vi @ self.x @ self.phi @ k.T
            )
        return sum(w[r, s] * q[r].T @ self.p @ q[s] for r in range(len(q)) for s in range(len(q)))


def total_df(book, k, m, forms, gamma, w):
    """Degrees of freedom of M plus a new observation's variance, from n x n matrices."""
    total = np.diagonal(book.m(k, m)) + forms @ gamma
    h = book.h(k, m) + forms.T
    return 2 * total**2 / np.einsum("rk,rs,sk->k", h, w, h)


@pytest.fixture(params=NAMES)
def case(request):
    rng = np.random.default_rng(NAMES.index(request.param))
    arrays, params = design(request.param, rng)
    data = MixedData.from_arrays(**arrays)
    book = Textbook(arrays, params)
    size = EffectColumns.of(data).size
    k = np.vstack([rng.normal(size=(4, 3)), np.zeros((3, 3)), rng.normal(size=(2, 3))])
    m = np.vstack([rng.normal(size=(4, size)), np.eye(size)[:3], np.zeros((2, size))])
    pieces = variance_derivatives(data, params)
    return data, params, pieces, book, k, m


def _close(found, wanted, tolerance=1e-10):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


def test_effects_are_the_textbooks(case):
    data, params, _, book, _, _ = case
    found = joined(random_effects(data, params, gls(data, params)))
    np.testing.assert_allclose(found, book.u, atol=1e-10)


def test_covariance_is_the_textbooks(case):
    data, params, pieces, book, k, m = case
    made = predict_clusters(data, params, pieces, "satterthwaite")
    rows = sparse.csr_array(np.hstack([k, m]))
    wanted = book.m(k, m)
    _close(made.covariance(rows), wanted)
    _close(made.variance(rows), np.diagonal(wanted))


def test_degrees_of_freedom_are_the_textbooks(case):
    data, params, pieces, book, k, m = case
    rows = sparse.csr_array(np.hstack([k, m]))
    made = predict_clusters(data, params, pieces, "kenward-roger")
    h, variance = book.h(k, m), np.diagonal(book.m(k, m))
    w = np.linalg.pinv(book.expected(), rcond=1e-10)
    some = variance > 1e-12
    wanted = 2 * variance**2 / np.einsum("rk,rs,sk->k", h, w, h)
    found = made.df(rows)
    np.testing.assert_allclose(found[some], wanted[some], rtol=1e-8)
    assert np.isnan(found[~some]).all()


def test_kenward_roger_is_the_textbooks(case):
    data, params, pieces, book, k, m = case
    rows = sparse.csr_array(np.hstack([k, m]))
    made = predict_clusters(data, params, pieces, "kenward-roger")
    w = made.variance_of_gamma.gamma
    _close(w, np.linalg.pinv(book.expected(), rcond=1e-10), 1e-8)
    wanted = book.m(k, m) + 2 * book.g3(k, m, w)
    _close(made.covariance(rows), wanted)
    _close(made.variance(rows), np.diagonal(wanted))


def test_without_random_effects_it_is_kenward_and_rogers(case):
    data, params, pieces, _, k, m = case
    rows = sparse.csr_array(np.hstack([k, 0 * m]))
    made = predict_clusters(data, params, pieces, "kenward-roger")
    fixed = kenward_roger_fit(data, params)
    _close(made.covariance(rows), k @ fixed.cov @ k.T)
    some = k.any(axis=1)
    np.testing.assert_allclose(made.df(rows)[some], fixed.df(k[some]), rtol=1e-9)
    assert made.joint(rows[:2]) == pytest.approx(fixed.joint(k[:2]))


def test_a_new_cluster_has_the_variance_of_its_effects(case):
    data, params, pieces, book, k, m = case
    q, parts = data.q, data.n_components
    new = np.random.default_rng(5).normal(size=(len(k), 2 * (q + parts)))
    one = np.zeros((q + parts, q + parts))
    one[:q, :q] = params.psi
    one[np.arange(q, q + parts), np.arange(q, q + parts)] = params.components
    psi = np.kron(np.eye(2), one)
    rows = sparse.csr_array(np.hstack([k, m, new]))
    made = predict_clusters(data, params, pieces, "satterthwaite")
    _close(made.covariance(rows), book.m(k, m) + new @ psi @ new.T)
    h = book.h(k, m)
    for r in range(len(h) - 1):
        derivative = np.zeros_like(one)
        pairs = np.tril_indices(q)
        if r < len(pairs[0]):
            i, j = pairs[0][r], pairs[1][r]
            derivative[i, j] = derivative[j, i] = 1.0
        else:
            derivative[q + r - len(pairs[0]), q + r - len(pairs[0])] = 1.0
        h[r] += np.einsum("ka,ab,kb->k", new, np.kron(np.eye(2), derivative), new)
    kr = predict_clusters(data, params, pieces, "kenward-roger")
    w = kr.variance_of_gamma.gamma
    variance = np.diagonal(book.m(k, m) + new @ psi @ new.T)
    some = variance > 1e-12
    wanted = 2 * variance[some] ** 2 / np.einsum("rk,rs,sk->k", h, w, h)[some]
    np.testing.assert_allclose(kr.df(rows)[some], wanted, rtol=1e-8)
    _close(kr.covariance(rows) - kr.covariance(rows[:, : 3 + m.shape[1]]), new @ psi @ new.T, 1e-9)


def _forms(q, parts, rows, rng):
    """What each variance parameter counts for at design rows of new clusters."""
    z, w = rng.normal(size=(rows, q)), rng.normal(size=(rows, parts))
    pairs = zip(*np.tril_indices(q), strict=True)
    of_psi = [(1.0 if i == j else 2.0) * z[:, i] * z[:, j] for i, j in pairs]
    return np.stack([*of_psi, *np.square(w).T, np.ones(rows)], axis=1)


def test_degrees_of_freedom_of_a_new_observation_are_the_textbooks(case):
    data, params, pieces, book, k, m = case
    forms = _forms(data.q, data.n_components, len(k), np.random.default_rng(6))
    made = predict_clusters(data, params, pieces, "kenward-roger")
    w = made.variance_of_gamma.gamma
    rows = sparse.csr_array(np.hstack([k, m]))
    wanted = total_df(book, k, m, forms, params.gamma, w)
    found = made.total_df(rows, forms, params.gamma)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    for fixed in (kenward_roger_fit(data, params), satterthwaite_fit(data, params)):
        total = TotalVariance(fixed, pieces.to_gamma).df(k, forms, params.gamma)
        wanted = total_df(book, k, 0 * m, forms, params.gamma, fixed.variance.gamma)
        np.testing.assert_allclose(total, wanted, rtol=1e-9)


def test_kenward_and_rogers_method_is_for_reml():
    rng = np.random.default_rng(1)
    arrays, params = design("intercept", rng)
    data = MixedData.from_arrays(**arrays, reml=False)
    pieces = variance_derivatives(data, params)
    with pytest.raises(ModelError, match="reml=True"):
        predict_clusters(data, params, pieces, "kenward-roger")
