"""Inference about the rows of a result that is kept without its model.

With the delta method the rows, their derivatives by the parameters and the covariance of these are
all that figures need. With draws the rows themselves take the place of the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import UnsupportedError
from pymargins.estimands.columns import Columns
from pymargins.estimands.jacobians import used
from pymargins.estimands.nodes import Estimand, Known, Linear
from pymargins.estimands.scales import SCALES
from pymargins.inference.delta import DeltaInference, new_key
from pymargins.inference.drawn import DrawsInference
from pymargins.inference.posterior import PosteriorInference
from pymargins.inference.propagation import propagation
from pymargins.inference.rubin import RubinInference
from pymargins.inference.uncertainty import Uncertainty
from pymargins.inference.variances import OwnScales, ProfileLimits, VarianceDraws
from pymargins.models.parameters import Point
from pymargins.models.uncertainty import Reference, Replicates

#: Rows are the same as kept ones but for rounding.
SAME = 1e-12
#: More parameters than this are left behind: the rows take their place.
MOST_PARAMETERS = 500
#: The block of parameters that are rows themselves.
ROWS = "rows"


@dataclass(frozen=True, slots=True, eq=False)
class KeptDf:
    """Degrees of freedom of rows that were kept; of combinations of them there are none.

    Parameters
    ----------
    rows : ndarray, shape (k, P)
    values : ndarray, shape (k,)
    """

    rows: FloatArray
    values: FloatArray

    def df(self, rows: Any) -> FloatArray:
        """Return the degrees of freedom (m,) of rows (m, P) that were kept."""
        return self.values[places_of(rows, self.rows, "degrees of freedom")]

    def joint(self, rows: Any) -> NoReturn:
        """Refuse: a joint test has degrees of freedom of its own."""
        _refuse("a joint test has degrees of freedom of its own")


@dataclass(frozen=True, slots=True, eq=False)
class StudentizedRows(DrawsInference):
    """Draws of rows whose standard errors in each replicate were kept, too.

    Parameters
    ----------
    distances : ndarray, shape (B, k)
        Of each draw from its centre, in its own standard errors.
    errors : ndarray, shape (k,)
    """

    distances: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    errors: FloatArray = field(default_factory=lambda: np.zeros(0))

    def _studentized(self, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        jac = self.jacobian(estimand)
        place = places_of(jac, np.eye(len(self.errors)), "a standard error in each replicate")
        return self.distances[:, place], self.errors[place]


def places_of(rows: Any, known: FloatArray, what: str) -> IntArray:
    """Return which of the known rows each row is.

    Raises
    ------
    UnsupportedError
        For a row that is none of them.
    """
    rows = np.asarray(rows, dtype=float)
    out = np.empty(len(rows), dtype=np.intp)
    for i, row in enumerate(rows):
        away = np.abs(known - row).max(axis=1, initial=0.0)
        out[i] = int(np.argmin(away))
        if not away[out[i]] <= SAME * np.abs(row).max(initial=0.0):
            _refuse(f"a combination of rows has {what} of its own")
    return out


def _refuse(why: str) -> NoReturn:
    raise UnsupportedError(
        f"this result was loaded from a file, and {why}, which only its session can tell. Form "
        "contrasts and tests first, then save them."
    )


def kept_as(inference: Uncertainty, estimand: Estimand) -> dict[str, FloatArray]:
    """Return the arrays that figures of rows need later.

    Raises
    ------
    UnsupportedError
        For profile-likelihood limits, which are searched when they are asked for.
    """
    if isinstance(inference, ProfileLimits):
        raise UnsupportedError(
            "save: profile-likelihood limits are searched in the model when they are asked for; "
            "save the table, result.to_frame(), instead."
        )
    if isinstance(inference, RubinInference):
        raise UnsupportedError(
            "save: pooled results of imputed data sets cannot be kept in a plain file; save the "
            "table, result.to_frame(), or pickle the result."
        )
    arrays = {"value": inference.value(estimand)}
    if isinstance(inference, DeltaInference):
        return arrays | _of_delta(inference, estimand)
    assert isinstance(inference, DrawsInference)
    draws = inference.draws(estimand)
    center = inference.at_center(estimand)
    arrays |= {"draws": draws, "center": center}
    if inference.interval_kind == "studentized":
        arrays["distances"], arrays["errors"] = inference.studentized(estimand)
    if inference.interval_kind == "bca" and inference.replicates.jackknife is not None:
        arrays["left_out"] = estimand.at(inference.replicates.jackknife())[0]
    return arrays


def _of_delta(inference: DeltaInference, estimand: Estimand) -> dict[str, FloatArray]:
    jac = inference.jacobian(estimand)
    if isinstance(jac, np.ndarray) and isinstance(inference.cov, np.ndarray):
        found = {"theta": inference.point.theta[0], "jacobian": jac, "cov": inference.cov}
    else:
        found = _of_few(inference, jac)
    if len(found["theta"]) > MOST_PARAMETERS:
        own, cov = np.eye(len(estimand)), inference.covariance(estimand)
        found = {"theta": inference.value(estimand), "jacobian": own, "cov": cov}
    if inference.reference.method is not None:
        found["df"] = inference.degrees_of_freedom(estimand)
    return {name: np.asarray(value, dtype=float) for name, value in found.items()}


# --- inference in words and arrays, and back -----------------------------------------------------


def described(inference: Uncertainty, arrays: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Return what an inference is beside its arrays: names and facts."""
    words: dict[str, Any] = {"kind": _kind_of(inference), "key": None}
    if isinstance(inference, DeltaInference):
        reference = inference.reference
        words |= {"reference": reference.facts, "df": reference.df}
        words |= {"notes": reference.notes, "blocks": {ROWS: (0, len(arrays["theta"]))}}
        if np.array_equal(arrays["theta"], inference.point.theta[0]):
            words["key"] = inference.key  # results of one session can still be combined
            blocks = inference.point.blocks.items()
            words["blocks"] = {name: (part.start, part.stop) for name, part in blocks}
        if isinstance(inference, OwnScales):
            words["scales"] = {label: scale.name for label, scale in inference.scales.items()}
        return words
    assert isinstance(inference, DrawsInference)
    interval, notes = inference.interval_kind, inference.notes
    return {**words, "facts": inference.facts, "interval": interval, "notes": notes}


def _kind_of(inference: Uncertainty) -> str:
    return next(name for name, kind in KINDS.items() if type(inference) is kind)


def kept_inference(words: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Uncertainty:
    """Make an inference again from what `described` and `kept_as` gave."""
    kind, key = words["kind"], words["key"] or new_key()
    if kind in ("delta", "own scales"):
        blocks = {name: slice(*ends) for name, ends in words["blocks"].items()}
        point = Point(arrays["theta"][None, :], blocks)
        reference = _reference(words, arrays)
        if kind == "delta":
            return DeltaInference(point, arrays["cov"], reference, key=key)
        scales = {label: SCALES[name] for label, name in words["scales"].items()}
        return OwnScales(point, arrays["cov"], reference, key=key, scales=scales)
    blocks = {ROWS: slice(0, len(arrays["value"]))}
    left_out = arrays.get("left_out")
    replicates = Replicates(
        Point(arrays["draws"], blocks),
        arrays["center"],
        jackknife=None if left_out is None else LeftOut(left_out),
    )
    point = Point(arrays["value"][None, :], blocks)
    options = (point, replicates, words["interval"], words["facts"], words["notes"], key)
    if kind == "posterior":
        return PosteriorInference(*options)
    if "distances" in arrays:
        return StudentizedRows(*options, distances=arrays["distances"], errors=arrays["errors"])
    return KINDS[kind](*options)


def kept_rows(
    arrays: Mapping[str, FloatArray], labels: tuple[str, ...], columns: Columns
) -> Estimand:
    """Make the rows again."""
    if "draws" in arrays:
        return Linear(np.eye(len(labels)), ROWS, labels, columns)
    return Known(arrays["value"], arrays["jacobian"], labels, columns)


def _reference(words: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Reference:
    method = KeptDf(arrays["jacobian"], arrays["df"]) if "df" in arrays else None
    covers = tuple(words["blocks"])
    return Reference(words["reference"], words["df"], method, covers, words["notes"], True)


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """The rows as they are without each cluster."""

    rows: FloatArray

    def __call__(self) -> Point:
        """Return them."""
        return Point(self.rows, {ROWS: slice(0, self.rows.shape[1])})


def _of_few(inference: DeltaInference, jac: Any) -> dict[str, FloatArray]:
    """Return the part about the parameters that rows depend on, of very many."""
    from scipy import sparse

    jac = sparse.csr_array(jac)
    places = used(jac)
    ones = (np.ones(len(places)), (np.arange(len(places)), places))
    some = sparse.csr_array(ones, shape=(len(places), jac.shape[1]))
    cov = propagation(inference.cov).covariance(some, [""] * len(places))
    return {"theta": np.zeros(len(places)), "jacobian": jac[:, places].toarray(), "cov": cov}


KINDS: dict[str, type[Any]] = {
    "posterior": PosteriorInference,
    "delta": DeltaInference,
    "own scales": OwnScales,
    "draws": DrawsInference,
    "studentized draws": StudentizedRows,
    "variance draws": VarianceDraws,
}
