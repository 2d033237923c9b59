"""Scales: where contrasts are formed and intervals are symmetric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, ArgumentTypeError, NumericalError, not_one_of
from pymargins.facts import ScaleFacts

ROUND_TRIP_TOLERANCE = 1e-6
ZERO_TOLERANCE = 1e-15
# a user's derivative is compared with a central difference: a mistake is far larger than this
DIFFERENCE_STEP = 1e-5
DERIVATIVE_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Scale:
    """A smooth, strictly monotone function of the mean response.

    Contrasts are formed, and intervals are symmetric, on the scale `forward(mean)`; results are
    reported back-transformed by `inverse`.

    Parameters
    ----------
    forward : callable
        From the mean response to the scale; takes and returns an array of the same shape.
    inverse : callable
        Its inverse, from the scale to the mean response.
    derivative : callable
        The derivative of `forward` with respect to the mean response.
    name : str
        How tables name the scale.
    domain : str
        The means for which the scale is defined, in words, for error messages.

    Examples
    --------
    >>> import numpy as np
    >>> from pymargins import Scale
    >>> root = Scale(np.sqrt, np.square, lambda mean: 0.5 / np.sqrt(mean), name="square root")
    >>> float(root.inverse(root.forward(np.array(9.0))))
    9.0
    """

    forward: Callable[[FloatArray], FloatArray]
    inverse: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray], FloatArray]
    name: str = "user-defined"
    domain: str = "the domain of the scale"

    def __post_init__(self) -> None:
        for part in ("forward", "inverse", "derivative"):
            if not callable(getattr(self, part)):
                raise ArgumentTypeError(
                    f"scale: `{part}` must be callable, got {type(getattr(self, part)).__name__}."
                )

    @property
    def is_identity(self) -> bool:
        """Whether the scale is the response's own."""
        return self.forward is _identity

    @property
    def facts(self) -> ScaleFacts:
        """What tables say of it."""
        with np.errstate(all="ignore"):
            zero = float(np.asarray(self.inverse(np.zeros(1)), dtype=float)[0])
        return ScaleFacts(self.name, zero if np.isfinite(zero) else None, self.is_named)

    @property
    def of_contrasts(self) -> Scale:
        """What back-transforms differences on it: those of logits are log odds ratios."""
        return ODDS_RATIOS if self == SCALES["logit"] else self

    @property
    def divides(self) -> bool:
        """Whether differences on it are reported as quotients: of means, or of odds."""
        return self in (SCALES["log"], SCALES["logit"], ODDS_RATIOS)

    @property
    def is_named(self) -> bool:
        """Whether it is one of `SCALES`, and not a user's own of the same name."""
        return self in (SCALES.get(self.name), ODDS_RATIOS)

    def transform(self, mean: FloatArray, labels: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
        """Return `forward(mean)` and its derivative there.

        Raises
        ------
        NumericalError
            Where a value lies outside the scale's domain: the row is named, nothing becomes NaN.
        """
        if self.is_identity:
            return mean, np.ones_like(mean)
        value, slope = self._call("forward", mean), self._call("derivative", mean)
        bad = ~(np.isfinite(value) & np.isfinite(slope) & (slope != 0.0))
        if bad.any():
            where = int(np.flatnonzero(bad)[0])
            raise NumericalError(
                f"scale {self.name!r}: {labels[where]!r} is {mean[where]:.6g}, outside "
                f"{self.domain}. Mean responses, and functions of them, that can leave it have no "
                "place on this scale: use Margins.linear_scale(...)."
            )
        back = self._call("inverse", value)
        wrong = ~(np.abs(back - mean) <= ROUND_TRIP_TOLERANCE * np.abs(mean) + ZERO_TOLERANCE)
        if wrong.any():
            where = int(np.flatnonzero(wrong)[0])
            raise ArgumentError(
                f"scale {self.name!r}: `inverse` does not undo `forward`: a mean of "
                f"{mean[where]:.6g} comes back as {back[where]:.6g}."
            )
        if not self.is_named:
            self._check_derivative(mean, slope)
        return value, slope

    def _call(self, part: str, values: FloatArray) -> FloatArray:
        """Evaluate one of the three functions; what it returns has the shape of its argument."""
        try:
            with np.errstate(all="ignore"):
                out = np.asarray(getattr(self, part)(values), dtype=float)
            return np.broadcast_to(out, values.shape)
        except Exception as error:
            raise ArgumentError(
                f"scale {self.name!r}: `{part}` failed on an array of shape {values.shape}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _check_derivative(self, mean: FloatArray, slope: FloatArray) -> None:
        """Compare `derivative` with a difference quotient, where that is defined."""
        step = DIFFERENCE_STEP * np.where(mean == 0.0, 1.0, np.abs(mean))
        rise = self._call("forward", mean + step) - self._call("forward", mean - step)
        measured = rise / (2.0 * step)
        wrong = np.abs(slope - measured) > DERIVATIVE_TOLERANCE * np.abs(measured)
        if wrong.any():
            where = int(np.flatnonzero(wrong)[0])
            raise ArgumentError(
                f"scale {self.name!r}: `derivative` is {slope[where]:.6g} at a mean of "
                f"{mean[where]:.6g}, where `forward` changes by {measured[where]:.6g} a unit."
            )


def _identity(x: FloatArray) -> FloatArray:
    return x


def _logit(p: FloatArray) -> FloatArray:
    return np.log(p) - np.log1p(-p)


def _expit(x: FloatArray) -> FloatArray:
    tail = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, tail) / (1.0 + tail)


def _reciprocal(x: FloatArray) -> FloatArray:
    return 1.0 / x


def _logit_derivative(p: FloatArray) -> FloatArray:
    return 1.0 / (p * (1.0 - p))


def _fisher_derivative(r: FloatArray) -> FloatArray:
    return 1.0 / (1.0 - r * r)


SCALES: dict[str, Scale] = {
    "identity": Scale(_identity, _identity, np.ones_like, "identity", "the real line"),
    "log": Scale(np.log, np.exp, _reciprocal, "log", "the positive numbers"),
    "logit": Scale(_logit, _expit, _logit_derivative, "logit", "the open interval (0, 1)"),
    "fisher_z": Scale(
        np.arctanh, np.tanh, _fisher_derivative, "fisher_z", "the open interval (-1, 1)"
    ),
}

#: Where differences on the logit scale are reported: no mean is ever put on it.
ODDS_RATIOS = Scale(np.log, np.exp, _reciprocal, "logit", "the positive numbers")


def as_scale(scale: str | Scale) -> Scale:
    """Return the named scale, or the user's own unchanged."""
    if isinstance(scale, Scale):
        return scale
    if isinstance(scale, str) and scale in SCALES:
        return SCALES[scale]
    if isinstance(scale, str):
        raise not_one_of("scale", scale, SCALES)
    raise ArgumentTypeError(
        f"scale: expected one of {sorted(SCALES)} or a pymargins.Scale, got {type(scale).__name__}."
    )
