r"""Covariances and degrees of freedom of predictions ``k'beta + m'u``.

Rows are sparse, over (beta, u, effects of new clusters). With the letters of
`pymargins.mixed.prediction.forms`, two rows covary by

``M = d'Phi d + m'Psi F m``, and by the method of Kenward and Roger ``M + 2 g3``,

where g3 takes the whole predictor, fixed part and shrinkage together. Degrees of freedom are
Satterthwaite's, ``2 M^2 / (h'W h)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from pymargins._typing import BoolArray, FloatArray
from pymargins.mixed.likelihood.parameters import CovarianceParameters
from pymargins.mixed.likelihood.structure import MixedData
from pymargins.mixed.prediction.forms import (
    EstimationForms,
    PredictionForms,
    estimation_forms,
    prediction_forms,
    symmetric,
)
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.mixed.small_samples.information import (
    VarianceCovariance,
    observed_covariance,
)
from pymargins.mixed.small_samples.kenward_roger import KenwardRogerFit, kenward_roger_fit
from pymargins.mixed.small_samples.satterthwaite import RANK_TOLERANCE, pooled_df, variance_df

#: A variance of prediction below this multiple of sigma2 is estimated as zero.
NO_VARIANCE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """Rows (k) as the forms take them: y, d (k, rank) and ``x_r = slopes_r'm`` (R, k, rank).

    Effects of known clusters are sparse (k, W), those of new ones (k, clusters times m).
    """

    y: FloatArray
    d: FloatArray
    x: FloatArray
    known: Any
    new: Any


@dataclass(frozen=True, eq=False)
class Prediction:
    """The uncertainty of predictions at given variance parameters.

    Attributes
    ----------
    basis : (p, rank) array
        Of the working coefficients, as in `MixedData`.
    pieces : VarianceDerivatives
    sigma2 : float
    forms : PredictionForms
    variance_of_gamma : VarianceCovariance
        W, the covariance of the variance parameters, with what was dropped from it.
    estimation : EstimationForms or None
        What Kenward and Roger's method adds.
    fixed : KenwardRogerFit or None
        Their method for rows without random effects.
    """

    basis: FloatArray
    pieces: VarianceDerivatives
    sigma2: float
    forms: PredictionForms
    variance_of_gamma: VarianceCovariance
    estimation: EstimationForms | None = None
    fixed: KenwardRogerFit | None = None
    _last: dict[str, Any] = field(default_factory=dict, repr=False)

    # --- covariances ---------------------------------------------------------------------------

    def variance(self, rows: Any) -> FloatArray:
        """Return the mean squared errors of prediction (k,) of rows (k, P)."""
        terms = self._terms(rows)
        out = self._variance(terms)
        return out if self.estimation is None else out + 2.0 * self._added(self.estimation, terms)

    def covariance(self, rows: Any) -> FloatArray:
        """Return the joint covariance of prediction errors (k, k) of rows (k, P)."""
        terms = self._terms(rows)
        out = self._covariance(terms)
        if self.estimation is not None:
            out += 2.0 * self._added_covariance(self.estimation, terms)
        return symmetric(out)

    def df(self, rows: Any) -> FloatArray:
        """Return the degrees of freedom (k,) of rows (k, P); NaN where M is estimated as zero.

        Infinite where the variance of its estimate is zero.
        """
        return self._remembered("df", rows, self._df).copy()

    def _df(self, rows: Any) -> FloatArray:
        terms = self._terms(rows)
        variance, slope = self._variance(terms), self._gradients(terms)
        out = variance_df(variance, slope, self.variance_of_gamma.changed)
        return np.where(self.without_variance(rows), np.nan, out)

    def total_df(self, rows: Any, forms: FloatArray, gamma: FloatArray) -> FloatArray:
        """Return the degrees of freedom (k,) of ``M + c'gamma`` of rows (k, P), c (k, R)."""
        terms = self._terms(rows)
        variance = self._variance(terms) + forms @ gamma
        slope = self._gradients(terms) + forms @ self.pieces.to_gamma
        return variance_df(variance, slope, self.variance_of_gamma.changed)

    def joint(self, rows: Any) -> tuple[float, float]:
        """Return scale and denominator degrees of freedom of the joint F of rows (k, P).

        Kenward and Roger's where no row has random effects; otherwise one, and those of Fai and
        Cornelius (1996, doi:10.1080/00949659608811740) from the contrasts that split M.
        """
        terms = self._terms(rows)
        if self.fixed is not None and not (terms.known.nnz or terms.new.nnz):
            p = len(self.basis)
            return self.fixed.joint(sparse.csr_array(rows)[:, :p].toarray())
        values, vectors = np.linalg.eigh(symmetric(self._covariance(terms)))
        tested = vectors[:, values > RANK_TOLERANCE * values[-1]]
        single = self.df(sparse.csr_array(tested.T) @ sparse.csr_array(rows))
        return 1.0, pooled_df(single)

    def without_variance(self, rows: Any) -> BoolArray:
        """Tell which rows (k, P) have a variance of prediction that is estimated as zero."""
        terms = self._terms(rows)
        size = np.einsum("ka,ka->k", terms.d, terms.d)
        size += _squares(terms.known) + _squares(terms.new)
        return self._variance(terms) <= NO_VARIANCE * self.sigma2 * size

    # --- rows ----------------------------------------------------------------------------------

    def _terms(self, rows: Any) -> _Terms:
        return self._remembered("terms", rows, self._formed)

    def _remembered(self, name: str, rows: Any, compute: Callable[[Any], Any]) -> Any:
        """Return what was computed of these rows: a table's figures ask one after the other."""
        if self._last.get("rows") is not rows:
            self._last.clear()
            self._last["rows"] = rows
        if name not in self._last:
            self._last[name] = compute(rows)
        return self._last[name]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": {}}

    def _formed(self, rows: Any) -> _Terms:
        rows = sparse.csr_array(rows)
        p = len(self.basis)
        known, new = self._split(rows[:, p:])
        d = rows[:, :p] @ self.basis - known @ self.forms.projection
        x = np.stack([known @ slope for slope in self.forms.slopes])
        return _Terms(d @ self.pieces.fit.working_cov, d, x, known, new)

    def _split(self, m: Any) -> tuple[Any, Any]:
        """Turn rows over u into rows over the changed effects of known and of new clusters."""
        size, stride = self.forms.columns.size, len(self.forms.psi)
        count = -((size - m.shape[1]) // stride)  # rounded up
        new = _widened(m, size + max(count, 0) * stride)[:, size:]
        return _widened(m[:, :size], size) @ self.forms.change, new @ _each(
            self.forms.new_change, max(count, 0)
        )

    # --- quadratic forms -----------------------------------------------------------------------

    def _variance(self, terms: _Terms) -> FloatArray:
        fixed = np.einsum("ka,ka->k", terms.y, terms.d)
        new = _quadratic(terms.new, self._of_new(self.forms.psi, terms))
        return fixed + _quadratic(terms.known, self.forms.within) + new

    def _covariance(self, terms: _Terms) -> FloatArray:
        known = terms.known @ self.forms.within @ terms.known.T
        new = terms.new @ self._of_new(self.forms.psi, terms) @ terms.new.T
        return terms.y @ terms.d.T + (known + new).toarray()

    def _of_new(self, matrix: FloatArray, terms: _Terms) -> Any:
        return _each(matrix, terms.new.shape[1] // len(matrix))

    def _gradients(self, terms: _Terms) -> FloatArray:
        """Return ``h``, the derivatives of M by the variance parameters, (k, R)."""
        out = np.empty((len(terms.y), self.pieces.n_parameters))
        for r, first in enumerate(self.pieces.first):
            out[:, r] = np.einsum("ka,ka->k", terms.y @ first - 2.0 * terms.x[r], terms.y)
            out[:, r] += _quadratic(terms.known, self.forms.curves[r])
        for r, derivative in enumerate(self.forms.new_curves):
            out[:, r] += _quadratic(terms.new, self._of_new(derivative, terms))
        return out

    def _added(self, forms: EstimationForms, terms: _Terms) -> FloatArray:
        """Return ``g3`` of each row, (k,)."""
        inner = terms.y @ forms.own + 2.0 * (terms.known @ forms.cross)
        t = self._projected(terms)
        weighted = np.tensordot(self.variance_of_gamma.changed, t, axes=1)
        low = np.einsum("rka,rka->k", t @ self.pieces.fit.working_cov, weighted)
        return np.einsum("ka,ka->k", inner, terms.y) + _quadratic(terms.known, forms.within) - low

    def _added_covariance(self, forms: EstimationForms, terms: _Terms) -> FloatArray:
        mixed = terms.y @ (terms.known @ forms.cross).T
        t = self._projected(terms)
        weighted = np.tensordot(self.variance_of_gamma.changed, t, axes=1)
        low = np.einsum("rka,rla->kl", t @ self.pieces.fit.working_cov, weighted)
        local = (terms.known @ forms.within @ terms.known.T).toarray()
        return terms.y @ forms.own @ terms.y.T + mixed + mixed.T + local - low

    def _projected(self, terms: _Terms) -> FloatArray:
        """Return ``X'V^-1 q_r`` of each row, (R, k, rank)."""
        return terms.x - terms.y @ self.pieces.first


def predict_clusters(
    data: MixedData,
    params: CovarianceParameters,
    pieces: VarianceDerivatives,
    method: str,
    information: Any = "expected",
) -> Prediction:
    """Prepare the uncertainty of predictions.

    Parameters
    ----------
    data : MixedData
    params : CovarianceParameters
        The REML or ML estimates.
    pieces : VarianceDerivatives
        Of the same data and parameters.
    method : {"satterthwaite", "kenward-roger"}
    information : {"expected", "observed"}
        Of Kenward and Roger's method.

    Raises
    ------
    ModelError
        For Kenward and Roger's method after maximum likelihood.
    """
    forms = prediction_forms(data, params, pieces)
    if method == "satterthwaite":
        return Prediction(data.basis, pieces, params.sigma2, forms, observed_covariance(pieces))
    fixed = kenward_roger_fit(data, params, information, pieces)
    added = estimation_forms(data, params, pieces, fixed.variance.changed)
    return Prediction(data.basis, pieces, params.sigma2, forms, fixed.variance, added, fixed)


def _quadratic(rows: Any, matrix: Any) -> FloatArray:
    """Return ``m'B m`` of sparse rows m (k, W): (k,)."""
    return np.asarray((rows @ matrix).multiply(rows).sum(axis=1)).ravel()


def _squares(rows: Any) -> FloatArray:
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()


def _each(matrix: FloatArray, count: int) -> Any:
    """Repeat a matrix along the diagonal."""
    if count == 0:
        return sparse.csr_array((0, 0))
    return sparse.kron(sparse.csr_array(sparse.identity(count)), matrix, format="csr")


def _widened(rows: Any, width: int) -> Any:
    """Append columns of zeros."""
    return sparse.csr_array((rows.data, rows.indices, rows.indptr), shape=(rows.shape[0], width))
