"""Small random designs of every structure, with variance parameters."""

from __future__ import annotations

import numpy as np

from pymargins.mixed import CovarianceParameters


def _levels(rng, n, k):
    """Return a (n, k) indicator matrix with every level used."""
    codes = np.concatenate([np.arange(k), rng.integers(k, size=max(n - k, 0))])[:n]
    return np.eye(k)[codes]


def design(name, rng):
    sizes = np.array([4, 5, 3, 6, 4, 5, 7])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    n = len(groups)
    x = rng.normal(2, 1, n)
    arrays = {"X": np.column_stack([np.ones(n), x, groups % 2]), "Z": None, "components": ()}
    one, slope = np.ones((n, 1)), np.column_stack([np.ones(n), x])
    nested = [_levels(rng, s, 2 + i % 2) for i, s in enumerate(sizes)]
    slopes = [x[groups == i, None] for i in range(len(sizes))]
    psi, components = np.zeros((0, 0)), []
    if name == "intercept":
        arrays["Z"], psi = one, [[0.7]]
    elif name == "slope":
        arrays["Z"], psi = slope, [[0.9, -0.2], [-0.2, 0.3]]
    elif name == "singular slope":
        arrays["Z"], psi = slope, np.outer([0.8, -0.4], [0.8, -0.4])
    elif name == "no variance":
        arrays["Z"], psi = one, [[0.0]]
    elif name == "nested":
        arrays["Z"], psi, arrays["components"], components = one, [[0.5]], (nested,), [0.4]
    elif name == "nested, one zero":
        arrays["components"], components = (nested, slopes), [0.4, 0.0]
    elif name == "slope and nested":
        arrays["Z"], psi = slope, [[0.9, -0.2], [-0.2, 0.3]]
        arrays["components"], components = (nested,), [0.4]
    elif name == "crossed":
        groups = np.zeros(n, dtype=int)
        arrays["components"] = ([_levels(rng, n, 5)], [_levels(rng, n, 4)])
        components = [0.6, 0.3]
    arrays["groups"] = groups
    arrays["y"] = arrays["X"] @ [1.0, 0.5, -0.3] + rng.normal(size=n)
    return arrays, CovarianceParameters(np.array(psi), np.array(components), 0.8)


NAMES = [
    *("intercept", "slope", "singular slope", "no variance", "nested", "nested, one zero"),
    *("slope and nested", "crossed"),
]
