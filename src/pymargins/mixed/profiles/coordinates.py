r"""Coordinates in which one variance parameter is held, many of them side by side.

Each column of a batch holds one parameter at a value v and has coordinates z for all else. The
point x = (lower triangle of L by rows, roots of the components, tau), with relative covariances
``Psi = M L L' M'`` and M of each column its own, follows from both:

=========  ====================================================  ==========================
kind       what is held                                          v
=========  ====================================================  ==========================
`scaled`   ``x_k = v c exp(-tau / 2)``                           a standard deviation
`residual` ``tau = v``                                           log of the residual variance
`angle`    ``x_a = sin(v) z_b``, ``x_b = cos(v) z_b``            arcsine of a correlation
`share`    ``x_t = v z / sqrt(z'C z)``                           root of R / sigma2
=========  ====================================================  ==========================

For `scaled` the effect comes first in L and for `angle` both come first, so that these are a
standard deviation and a correlation, whatever else there is.  Everything is smooth in z, zero
variances and correlations of -1 and 1 included; but a correlation turns its sign where one of the
two standard deviations does, so that for `angle` these are at least zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pymargins._typing import BoolArray, FloatArray, IntArray
from pymargins.mixed.likelihood.frames import covariances, gradient_in, quadratic_forms
from pymargins.mixed.likelihood.frames import derivatives as frame_derivatives

SCALED, RESIDUAL, ANGLE, SHARE = range(4)


@dataclass(frozen=True, eq=False)
class Held:
    """Columns that each hold a parameter.

    Attributes
    ----------
    kind : (B,) int array
    place : (B, 2) int array
        k of `scaled`; a and b of `angle`.
    scale : (B,) array
        c of `scaled`.
    frame : (q, q, B) array
        M.
    form : (r, r) array
        C of `share`.
    """

    kind: IntArray
    place: IntArray
    scale: FloatArray
    frame: FloatArray
    form: FloatArray

    def take(self, index: IntArray) -> Held:
        """Return some of the columns."""
        return replace(
            self,
            kind=self.kind[index],
            place=self.place[index],
            scale=self.scale[index],
            frame=self.frame[..., index],
        )

    @cached_property
    def _columns(self) -> list[IntArray]:
        return [np.flatnonzero(self.kind == kind) for kind in range(4)]

    def of_kind(self, kind: int) -> IntArray:
        """Return which columns are of a kind."""
        return self._columns[kind]

    def point(self, v: FloatArray, z: FloatArray) -> FloatArray:
        """Return x (m, B) of values v (B,) and coordinates z (m, B)."""
        x = z.copy()
        j = self.of_kind(SCALED)
        x[self.place[j, 0], j] = v[j] * self.scale[j] * np.exp(-z[-1, j] / 2)
        j = self.of_kind(RESIDUAL)
        x[-1, j] = v[j]
        j = self.of_kind(ANGLE)
        b = z[self.place[j, 1], j]
        x[self.place[j, 0], j], x[self.place[j, 1], j] = np.sin(v[j]) * b, np.cos(v[j]) * b
        j = self.of_kind(SHARE)
        x[:-1, j] *= v[j] / self._norm(z[:-1, j])
        return x

    def _norm(self, t: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(np.einsum("tb,tu,ub->b", t, self.form, t), 1e-300))

    def psi(self, x: FloatArray) -> FloatArray:
        """Return the relative covariances (r, B)."""
        return covariances(x[:-1], self.frame)

    def in_point(
        self, x: FloatArray, gradient: FloatArray, hessian: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Map derivatives by (psi, tau) to derivatives by x."""
        inner, second = frame_derivatives(x[:-1], self.frame, gradient[:-1], hessian[:-1, :-1])
        mixed = gradient_in(x[:-1], self.frame, hessian[-1, :-1])
        last = np.concatenate([mixed, hessian[-1, -1][None]])[None]
        whole = np.concatenate([second, mixed[:, None]], axis=1)
        return np.concatenate([inner, gradient[-1:]]), np.concatenate([whole, last])

    def free(
        self,
        v: FloatArray,
        z: FloatArray,
        x: FloatArray,
        gradient: FloatArray,
        hessian: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Map derivatives by x to derivatives by z, and by v (B,).

        A coordinate that does nothing has gradient zero and curvature one.
        """
        m, count = x.shape
        jacobian = np.broadcast_to(np.eye(m)[:, :, None], (m, m, count)).copy()
        second = np.zeros((m, m, count))
        by_v = np.zeros(count)
        j = self.of_kind(SCALED)
        k = self.place[j, 0]
        jacobian[k, k, j], jacobian[k, -1, j] = 0.0, -x[k, j] / 2
        second[-1, -1, j] = gradient[k, j] * x[k, j] / 4
        by_v[j] = gradient[k, j] * self.scale[j] * np.exp(-x[-1, j] / 2)
        i = self.of_kind(RESIDUAL)
        jacobian[-1, -1, i] = 0.0
        by_v[i] = gradient[-1, i]
        self._turn(v, z, gradient, jacobian, by_v)
        self._normalise(v, z, x, gradient, jacobian, second, by_v)
        inner = np.einsum("xzb,xb->zb", jacobian, gradient)
        curved = np.einsum("xzb,xyb->zyb", jacobian, hessian)
        whole = np.einsum("zyb,ywb->zwb", curved, jacobian) + second
        places = np.arange(m)
        whole[places, places] += self._dead(m)
        return inner, whole, by_v

    def _dead(self, m: int) -> FloatArray:
        dead = np.zeros((m, len(self.kind)))
        for kind in (SCALED, ANGLE):
            j = self.of_kind(kind)
            dead[self.place[j, 0], j] = 1.0
        dead[-1, self.of_kind(RESIDUAL)] = 1.0
        return dead

    def _turn(
        self,
        v: FloatArray,
        z: FloatArray,
        gradient: FloatArray,
        jacobian: FloatArray,
        by_v: FloatArray,
    ) -> None:
        j = self.of_kind(ANGLE)
        a, b = self.place[j, 0], self.place[j, 1]
        sine, cosine = np.sin(v[j]), np.cos(v[j])
        jacobian[a, a, j], jacobian[a, b, j], jacobian[b, b, j] = 0.0, sine, cosine
        by_v[j] = z[b, j] * (gradient[a, j] * cosine - gradient[b, j] * sine)

    def _normalise(
        self,
        v: FloatArray,
        z: FloatArray,
        x: FloatArray,
        gradient: FloatArray,
        jacobian: FloatArray,
        second: FloatArray,
        by_v: FloatArray,
    ) -> None:
        j = self.of_kind(SHARE)
        if len(j) == 0:
            return
        t, g = z[:-1, j], gradient[:-1, j]
        size = self._norm(t)
        c = self.form @ t / size**2
        along = np.einsum("tb,tb->b", g, t)
        eye = np.eye(len(t))[:, :, None]
        factor = v[j] / size
        jacobian[:-1, :-1, j] = factor * (eye - t[:, None] * c[None])
        bent = g[:, None] * c[None]
        bent = bent + bent.swapaxes(0, 1) + along * self.form[:, :, None] / size**2
        second[:-1, :-1, j] = factor * (3 * along * c[:, None] * c[None] - bent)
        by_v[j] = np.einsum("tb,tb->b", g, t) / size

    @cached_property
    def least_zero(self) -> BoolArray:
        """Which coordinates (m, B) must not be negative."""
        found = np.zeros((len(self.form) + 1, len(self.kind)), bool)
        j = self.of_kind(ANGLE)
        found[0, j] = found[self.place[j, 1], j] = True
        return found

    def bounded(self) -> BoolArray:
        """Tell which columns hold a parameter that is at least zero."""
        return (self.kind == SCALED) | (self.kind == SHARE)


def random_form(weights: FloatArray, q: int, k: int) -> FloatArray:
    """Return C with ``x_t'C x_t = sum_r w_r psi_r`` where M is the identity."""
    return np.einsum("r,rtu->tu", weights, quadratic_forms(q, k))
