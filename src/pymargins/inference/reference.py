"""The reference distribution of Wald statistics that a session asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, not_one_of
from pymargins.estimands.jacobians import Jacobian
from pymargins.facts import Distribution, ReferenceFacts
from pymargins.models.fitted import Fitted
from pymargins.models.uncertainty import Covariance, Reference
from pymargins.options import KenwardRoger

KNOWN = ("residual", "satterthwaite", "kenward-roger", "between-within")

NAMES = {
    Distribution.KENWARD_ROGER: "Kenward-Roger",
    Distribution.SATTERTHWAITE: "Satterthwaite",
    Distribution.BELL_MCCAFFREY: "Bell-McCaffrey",
    Distribution.BETWEEN_WITHIN: "between-within",
    Distribution.BARNARD_RUBIN: "Barnard-Rubin",
}


# --- degrees of freedom of rows ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint Wald test: `scale * F` is referred to F(`df1`, `df2`)."""

    scale: float
    df2: float


def single_df(reference: Reference, rows: Jacobian, blocks: Mapping[str, slice]) -> FloatArray:
    """Return the degrees of freedom (k,) of Jacobian rows (k, P), each its own."""
    if reference.method is None:
        return np.full(rows.shape[0], reference.df)
    out = np.asarray(reference.method.df(_covered(reference, rows, blocks)), dtype=float)
    if np.isnan(out).any() and not reference.may_lack:
        raise UnsupportedError(
            f"df: {_name(reference)} leaves no degrees of freedom for one of these quantities: "
            "there are as many coefficients as groups. Use another method."
        )
    return out


def total_df(
    reference: Reference,
    rows: Jacobian,
    blocks: Mapping[str, slice],
    forms: FloatArray,
    gamma: FloatArray,
) -> FloatArray:
    """Return the degrees of freedom (k,) of the variance of rows plus ``forms @ gamma``.

    Raises
    ------
    UnsupportedError
        Where the degrees of freedom are of coefficients alone.
    """
    if reference.method is None:
        return np.full(rows.shape[0], reference.df)
    if reference.total is None:
        raise UnsupportedError(
            f"prediction_interval: {_name(reference)} degrees of freedom are of coefficients, not "
            "of the variance of an observation. Take a session "
            + (
                'with df="satterthwaite" and vcov="gls".'
                if reference.facts.distribution is Distribution.BETWEEN_WITHIN
                else "without `df`."
            )
        )
    return reference.total(_covered(reference, rows, blocks), forms, gamma)


def joint_df(reference: Reference, rows: Jacobian, blocks: Mapping[str, slice]) -> Joint:
    """Return the reference of the F statistic of independent Jacobian rows."""
    if reference.method is None:
        return Joint(1.0, reference.df)
    scale, df2 = reference.method.joint(_covered(reference, rows, blocks))
    if not (np.isfinite(scale) and df2 > 0):
        raise UnsupportedError(
            f"joint_test: {_name(reference)} has no F approximation for these rows (too many of "
            "them for so few groups). Test fewer rows together."
        )
    return Joint(float(scale), float(df2))


def _covered(reference: Reference, rows: Jacobian, blocks: Mapping[str, slice]) -> Jacobian:
    """Return rows over the parameters that a method knows; refuse rows that depend on others."""
    if set(blocks) <= set(reference.covers):
        return rows
    known = np.concatenate(
        [np.arange(rows.shape[1])[blocks[b]] for b in reference.covers if b in blocks]
    )
    if len(known) == rows.shape[1]:
        return rows
    others = np.delete(rows, known, axis=1)
    if others.any():
        names = [b for b in blocks if b not in reference.covers and rows[:, blocks[b]].any()]
        raise UnsupportedError(
            f"df: {_name(reference)} knows the degrees of freedom of functions of "
            f"{', '.join(reference.covers)}; these figures depend on {', '.join(names)} too. Leave "
            "`df` out for the normal distribution, or give a number."
        )
    return rows[:, known]


def _name(reference: Reference) -> str:
    facts = reference.facts
    name = NAMES[facts.distribution]
    return f"{name}, {facts.information} information" if facts.information else name


# --- which one -----------------------------------------------------------------------------------


def choose_reference(fitted: Fitted, df: Any, cov: Covariance) -> Reference:
    """Return the degrees of freedom that `df` names, or that the covariance implies.

    They belong to the contrast: each row of a result has its own, from its Jacobian.
    """
    if df is None:
        own = cov.reference or Reference.constant(float(fitted.reference_df))
        known = own.method is None or set(fitted.mean.blocks) <= set(own.covers)
        # what also depends on variance parameters has no degrees of freedom of coefficients
        return own if known else Reference.constant(np.inf)
    if isinstance(df, KenwardRoger) or (isinstance(df, str) and df == "kenward-roger"):
        return _kenward_roger(fitted, df, cov)
    if isinstance(df, str):
        return _named(fitted, df, cov)
    if isinstance(df, bool) or not isinstance(df, (int, float, np.number)):
        raise ArgumentTypeError(f"df: expected a number, got {type(df).__name__}.")
    if not float(df) > 0:
        raise ArgumentError(f"df: got {df!r}; degrees of freedom must be positive.")
    return Reference.constant(float(df))


def _named(fitted: Fitted, df: str, cov: Covariance) -> Reference:
    if df not in KNOWN:
        raise not_one_of("df", df, ["a number", *KNOWN])
    if df == "satterthwaite":
        return _satterthwaite(fitted, cov)
    if df == "residual":
        if fitted.residual_df is None:
            raise UnsupportedError('df: "residual" is not known for this model; give a number.')
        return Reference.constant(fitted.residual_df, Distribution.RESIDUAL)
    offer = fitted.references.get(df)
    if offer is None:
        raise UnsupportedError(f"df: {df!r} needs groups, which this model does not have.")
    return offer.make("expected")


def _kenward_roger(fitted: Fitted, df: Any, cov: Covariance) -> Reference:
    kind = cov.facts.kind
    if kind not in ("kenward-roger", "gls"):
        raise ArgumentError(
            f'df: "kenward-roger" goes with vcov="kenward-roger" or "gls", not {kind!r}.'
        )
    offer = fitted.references.get("kenward-roger")
    if offer is None:
        raise UnsupportedError('df: "kenward-roger" is not available for this model.')
    own = cov.references.get("kenward-roger")
    if not isinstance(df, KenwardRoger):
        return own or offer.make("expected")
    if own is not None and own.facts.information != df.information:
        raise ArgumentError("df: it asks for another information matrix than `vcov`.")
    return own or offer.make(df.information)


def _satterthwaite(fitted: Fitted, cov: Covariance) -> Reference:
    if "satterthwaite" in cov.references:
        return cov.references["satterthwaite"]
    offer = fitted.references.get("satterthwaite")
    if offer is None:
        corrected = next((k for k in ("CR2", "CR3") if k in fitted.covariances), None)
        advice = f' Of linear regressions it goes with vcov="{corrected}" and cluster=.'
        raise UnsupportedError(
            f'df: "satterthwaite" is not available for this model with vcov={cov.facts.kind!r}.'
            + (advice if corrected else "")
        )
    if cov.facts.kind not in offer.goes_with:
        raise ArgumentError(
            f'df: "satterthwaite" is derived for vcov="gls" (or a cluster-robust one), not for '
            f'{cov.facts.kind!r}. Leave `vcov` out, or say vcov="gls".'
        )
    return offer.make("expected")


def normal() -> ReferenceFacts:
    """Return the facts of the normal distribution."""
    return ReferenceFacts(Distribution.NORMAL, np.inf)
