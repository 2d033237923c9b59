"""Degrees of freedom of a MixedLM: where they belong, and at which levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pymargins.errors import UnsupportedError, listing
from pymargins.facts import (
    BoundaryParameters,
    Distribution,
    IndefiniteInformation,
    Note,
    RandomTerm,
    ReferenceFacts,
    Shift,
    ShiftedDf,
)
from pymargins.mixed import CovarianceParameters, MixedData
from pymargins.mixed.small_samples.derivatives import VarianceDerivatives
from pymargins.mixed.small_samples.information import VarianceCovariance
from pymargins.mixed.small_samples.kenward_roger import KenwardRogerFit, kenward_roger_fit
from pymargins.mixed.small_samples.satterthwaite import SatterthwaiteFit, satterthwaite_fit
from pymargins.mixed.small_samples.total import TotalVariance
from pymargins.models.uncertainty import Reference

#: Degrees of freedom that are off by less than this factor change no conclusion.
WORTH_TELLING = 1.1
#: Above these t is hardly told from the normal.
MANY = 200.0


def refuse_other_levels(components: Sequence[Any], random: Sequence[RandomTerm]) -> None:
    """Raise where there is more than one level of groups: between and within are two words."""
    several = [
        term.name
        for term, mats in zip([t for t in random if not t.effects], components, strict=False)
        if any(mat.shape[1] > 1 for mat in mats)
    ]
    if several:
        raise UnsupportedError(
            'df: "between-within" is for one level of groups; this model has nested or crossed '
            f"ones ({listing(several)}), whose effects have degrees of freedom of their own. Use "
            'df="kenward-roger" or df="satterthwaite".'
        )


def shifted_df(
    data: MixedData,
    names: Sequence[str],
    reference: Reference,
    optimum: CovarianceParameters,
    method: str,
) -> ShiftedDf | None:
    """Compare the degrees of freedom of coefficients with those at the optimum.

    Parameters
    ----------
    data : MixedData
    names : sequence of str
        The coefficients.
    reference : Reference
        Made where the fit stopped.
    optimum : CovarianceParameters
    method : {"satterthwaite", "kenward-roger"}

    Returns
    -------
    ShiftedDf or None
        The coefficient for which they differ most; None where no difference matters.
    """
    if reference.method is None:
        return None
    best = satterthwaite_fit(data, optimum) if method == "satterthwaite" else None
    p, rank = data.basis.shape
    rows = np.eye(p) if rank == p else data.basis.T
    there = (best or kenward_roger_fit(data, optimum, "expected")).df(rows)
    here = np.asarray(reference.method.df(rows), dtype=float)
    capped = np.minimum(np.stack([here, there]), MANY)
    apart = np.abs(np.log(capped[0] / capped[1]))
    worst = int(np.argmax(apart))
    if not apart[worst] > np.log(WORTH_TELLING):
        return None
    name = names[worst] if rank == p else "a combination of coefficients"
    return ShiftedDf(Shift(name, float(here[worst]), float(there[worst])))


def kenward_roger_reference(found: KenwardRogerFit, pieces: VarianceDerivatives) -> Reference:
    """Refer to t with the degrees of freedom of Kenward and Roger."""
    facts = ReferenceFacts(Distribution.KENWARD_ROGER, information=found.information)
    return _reference(facts, found, pieces)


def satterthwaite_reference(found: SatterthwaiteFit, pieces: VarianceDerivatives) -> Reference:
    """Refer to t with the degrees of freedom of Satterthwaite."""
    return _reference(ReferenceFacts(Distribution.SATTERTHWAITE), found, pieces)


def _reference(
    facts: ReferenceFacts, found: KenwardRogerFit | SatterthwaiteFit, pieces: VarianceDerivatives
) -> Reference:
    total = TotalVariance(found, pieces.to_gamma).df
    return Reference(facts, method=found, notes=variance_notes(found.variance), total=total)


def variance_notes(variance: VarianceCovariance) -> tuple[Note, ...]:
    """Tell where the variance of the variance parameters is not what it should be."""
    notes: list[Note] = []
    if variance.dropped:
        notes.append(BoundaryParameters(variance.dropped))
    if variance.indefinite:
        notes.append(IndefiniteInformation())
    return tuple(notes)
