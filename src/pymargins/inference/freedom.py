"""The reference distribution of Wald statistics that a session asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, not_one_of
from pymargins.inference.covariance import ROBUST, Covariance
from pymargins.inference.delta import DegreesOfFreedom, Joint
from pymargins.inference.options import KenwardRoger

NORMAL = "normal distribution"
KNOWN = ("residual", "satterthwaite", "kenward-roger", "between-within")


def choose_df(adapter: Any, df: Any, cov: Covariance) -> DegreesOfFreedom:
    """Return the degrees of freedom that `df` names, or that the covariance implies.

    They belong to the contrast: each row of a result has its own, from its Jacobian.
    """
    if df is None:
        return _implied(adapter, cov)
    if isinstance(df, KenwardRoger) or (isinstance(df, str) and df == "kenward-roger"):
        return _kenward_roger(adapter, df, cov)
    if isinstance(df, str):
        if df not in KNOWN:
            raise not_one_of("df", df, ["a number", *KNOWN])
        if df == "satterthwaite":
            return _satterthwaite(adapter, cov)
        if df == "residual":
            value = residual_df(adapter)
            return DegreesOfFreedom.constant(value, f"t with {value:g} df (rows less coefficients)")
        if not hasattr(adapter, "between_within"):
            raise UnsupportedError(f"df: {df!r} needs groups, which this model does not have.")
        return of_method(adapter.between_within(), "between-within")
    if isinstance(df, bool) or not isinstance(df, (int, float, np.number)):
        raise ArgumentTypeError(f"df: expected a number, got {type(df).__name__}.")
    if not float(df) > 0:
        raise ArgumentError(f"df: got {df!r}; degrees of freedom must be positive.")
    return DegreesOfFreedom.constant(float(df), _words(float(df)))


def residual_df(adapter: Any) -> float:
    """Return the rows less the rank of the design."""
    view = adapter.view
    missing = view.null_space.shape[1] if view.null_space.size else 0
    return float(view.info.n - (len(view.params) - missing))


def of_method(method: Any, words: str) -> DegreesOfFreedom:
    """Take degrees of freedom from a method with `df` and `joint`."""

    def single(rows: FloatArray) -> FloatArray:
        out = np.asarray(method.df(rows), dtype=float)
        if np.isnan(out).any():
            raise UnsupportedError(
                f"df: {words} leaves no degrees of freedom for one of these quantities: there are "
                "as many coefficients as groups. Use another method."
            )
        return out

    def joint(rows: FloatArray) -> Joint:
        scale, df2 = method.joint(rows)
        if not (np.isfinite(scale) and df2 > 0):
            raise UnsupportedError(
                f"joint_test: {words} has no F approximation for these rows (too many of them for "
                "so few groups). Test fewer rows together."
            )
        return Joint(float(scale), float(df2))

    return DegreesOfFreedom(single, joint, words, _notes(getattr(method, "variance", None)))


def _notes(variance: Any) -> tuple[str, ...]:
    """Say where the variance of the variance parameters is not what it should be."""
    notes: list[str] = []
    if variance is not None and variance.dropped:
        notes.append(
            f"{variance.dropped} variance parameter(s) at the boundary count as known in the "
            "degrees of freedom"
        )
    if variance is not None and variance.indefinite:
        notes.append(
            "the likelihood has no maximum in the variance parameters here, so the degrees of "
            "freedom are not reliable; see m.diagnose()"
        )
    return tuple(notes)


def _words(df: float) -> str:
    return NORMAL if np.isinf(df) else f"t with {df:g} df"


def _implied(adapter: Any, cov: Covariance) -> DegreesOfFreedom:
    if cov.kind == "kenward-roger":
        return of_method(cov.method, cov.words)
    if cov.kind in ROBUST:
        value = float(cov.method.cluster_df)
        return DegreesOfFreedom.constant(value, f"t with {value:g} df (clusters less one)")
    value = float(adapter.view.info.reference_df)
    return DegreesOfFreedom.constant(value, _words(value))


def _kenward_roger(adapter: Any, df: Any, cov: Covariance) -> DegreesOfFreedom:
    if cov.kind not in ("kenward-roger", "gls"):
        raise ArgumentError(
            f'df: "kenward-roger" goes with vcov="kenward-roger" or "gls", not {cov.kind!r}.'
        )
    if "kenward-roger" not in getattr(adapter, "small_sample_kinds", ()):
        raise UnsupportedError('df: "kenward-roger" is not available for this model.')
    option = df if isinstance(df, KenwardRoger) else None
    if option is None and cov.method is not None:
        return of_method(cov.method, cov.words)
    option = option or KenwardRoger()
    if cov.method is not None and cov.method.information != option.information:
        raise ArgumentError("df: it asks for another information matrix than `vcov`.")
    found = cov.method or adapter.small_sample("kenward-roger", information=option.information)
    return of_method(found, f"Kenward-Roger, {option.information} information")


def _satterthwaite(adapter: Any, cov: Covariance) -> DegreesOfFreedom:
    if cov.kind in ROBUST:
        return of_method(cov.method, f"Satterthwaite for {cov.kind} (Bell-McCaffrey)")
    if "satterthwaite" not in getattr(adapter, "small_sample_kinds", ()):
        raise UnsupportedError('df: "satterthwaite" is not available for this model.')
    if cov.kind not in ("gls", "kenward-roger"):
        raise ArgumentError(
            f'df: "satterthwaite" is derived for vcov="gls" (or a cluster-robust one), not for '
            f'{cov.kind!r}. Leave `vcov` out, or say vcov="gls".'
        )
    return of_method(adapter.small_sample("satterthwaite"), "Satterthwaite")
