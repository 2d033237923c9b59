r"""Coordinates in which the boundary of the parameter space is an ordinary minimum.

In lme4's theta, the lower triangle of Lambda, a singular covariance whose first variances vanish
lies at the end of a flat curved valley (rotations of Lambda's columns change nothing), along which
any optimiser creeps.  Here each replicate gets, at every step, a frame of its own: with the
eigenvectors U of its relative covariance Psi, largest variance first,

``Psi = U L L' U'``,  L lower triangular, ``L = diag(s)`` at the current point.

A variance that vanishes is then always the last diagonal entry of L; the deviance is even in it,
and its minimum at zero is smooth and isolated.  Components enter by their roots, which behave
alike. The coordinates are t = (lower triangle of L by rows, roots).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.mixed.likelihood.stacks import pack_index


def open_frame(psi: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
    """Return coordinates t (t, B) and the frame U (q, q, B) of relative covariances psi (r, B)."""
    size = q * (q + 1) // 2
    t = np.zeros_like(psi)
    t[size:] = np.sqrt(np.maximum(psi[size:], 0.0))
    if q == 1:
        t[0] = np.sqrt(np.maximum(psi[0], 0.0))
        return t, np.ones((1, 1, psi.shape[1]))
    values, vectors = np.linalg.eigh(np.moveaxis(_square(psi, q), -1, 0))
    t[_diagonal(q)] = np.sqrt(np.maximum(values[:, ::-1].T, 0.0))
    return t, np.moveaxis(vectors[:, :, ::-1], 0, -1)


def covariances(t: FloatArray, frame: FloatArray) -> FloatArray:
    """Return the relative covariances psi (r, B) of coordinates in a frame."""
    q = frame.shape[0]
    size = q * (q + 1) // 2
    psi = np.empty_like(t)
    psi[size:] = t[size:] ** 2
    if q == 1:
        psi[0] = t[0] ** 2
        return psi
    rows, cols = pack_index(q)
    lower = np.zeros((q, q, t.shape[1]))
    lower[rows, cols] = t[:size]
    factor = np.einsum("ijb,jkb->ikb", frame, lower)
    psi[:size] = np.einsum("ijb,kjb->ikb", factor, factor)[rows, cols]
    return psi


def derivatives(
    t: FloatArray, frame: FloatArray, gradient: FloatArray, hessian: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Map derivatives in psi to derivatives in t.

    In the frame psi is linear in ``A = L L'`` and A quadratic in t, ``A_r = t'C_r t``, so that
    ``g_t = J'g_A`` and ``H_t = J'H_A J + 2 sum_r g_A,r C_r`` with ``J_r = 2 C_r t``.
    """
    q = frame.shape[0]
    size = q * (q + 1) // 2
    if q > 1:
        turn = _turn(frame)
        gradient = np.concatenate([np.einsum("rab,rb->ab", turn, gradient[:size]), gradient[size:]])
        turned = np.einsum("rab,rsb->asb", turn, hessian[:size])
        half = np.concatenate([turned, hessian[size:]])
        other = np.einsum("arb,rsb->asb", half[:, :size], turn)
        hessian = np.concatenate([other, half[:, size:]], axis=1)
    forms = quadratic_forms(q, len(t) - size)
    jacobian = 2 * np.einsum("rtu,ub->rtb", forms, t)
    in_t = np.einsum("rtb,rb->tb", jacobian, gradient)
    curved = np.einsum("rtb,rsb->tsb", jacobian, hessian)
    second = np.einsum("tsb,sub->tub", curved, jacobian)
    return in_t, second + 2 * np.einsum("rtu,rb->tub", forms, gradient)


def gradient_in(t: FloatArray, frame: FloatArray, gradient: FloatArray) -> FloatArray:
    """Map a gradient in psi to one in t."""
    size = frame.shape[0] * (frame.shape[0] + 1) // 2
    inner = np.einsum("rab,rb->ab", _turn(frame), gradient[:size])
    turned = np.concatenate([inner, gradient[size:]])
    forms = quadratic_forms(frame.shape[0], len(t) - size)
    return 2 * np.einsum("rtb,rb->tb", np.tensordot(forms, t, axes=1), turned)


@cache
def quadratic_forms(q: int, k: int) -> FloatArray:
    """Return C_r: ``(L L')_ij = sum_c L_ic L_jc`` for i >= j, then one square per component."""
    rows, cols = pack_index(q)
    place = {(int(i), int(j)): t for t, (i, j) in enumerate(zip(rows, cols, strict=True))}
    size = len(rows) + k
    forms = np.zeros((size, size, size))
    for (i, j), r in place.items():
        for c in range(j + 1):
            forms[r, place[i, c], place[j, c]] += 0.5
            forms[r, place[j, c], place[i, c]] += 0.5
    for v in range(len(rows), size):
        forms[v, v, v] = 1.0
    forms.flags.writeable = False
    return forms


@cache
def variance_places(q: int, k: int) -> IntArray:
    """Return the places in t of the entries whose squares are variances: diag(L), roots."""
    size = q * (q + 1) // 2
    return np.concatenate([_diagonal(q), size + np.arange(k)]).astype(np.intp)


def _diagonal(q: int) -> IntArray:
    rows, cols = pack_index(q)
    return np.flatnonzero(rows == cols)


def _square(psi: FloatArray, q: int) -> FloatArray:
    rows, cols = pack_index(q)
    full = np.empty((q, q, psi.shape[1]))
    full[rows, cols] = full[cols, rows] = psi[: len(rows)]
    return full


def _turn(frame: FloatArray) -> FloatArray:
    """Return K (r, a, B) with ``vech(U A U') = K vech(A)``."""
    q = frame.shape[0]
    rows, cols = pack_index(q)
    left, right = frame[rows], frame[cols]
    turn = left[:, rows] * right[:, cols]
    return turn + np.where(rows == cols, 0.0, 1.0)[None, :, None] * left[:, cols] * right[:, rows]
