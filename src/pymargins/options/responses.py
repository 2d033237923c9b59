"""The option object behind ``response=``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pymargins.errors import ArgumentError, ArgumentTypeError, not_one_of


@dataclass(frozen=True, slots=True)
class Response:
    r"""What figures are of, where a model was fitted to a transform of its outcome.

    Parameters
    ----------
    of : {"mean", "median"} or callable
        The mean or the median of the outcome itself. A function instead is the `inverse`, and
        the mean is meant: ``Response(np.exp)``.
    inverse : callable, optional
        From the transformed outcome back to the outcome, on arrays, smooth and increasing or
        decreasing; by default what the formula's text tells.
    residuals : {"normal", "empirical"}
        Whether a mean is integrated over a normal distribution (and, in a mixed model, over the
        random effects), or averaged over the residuals of the fit: Duan's smearing. Residuals
        count as known, so that standard errors are those of the coefficients alone; with random
        slopes or clusters of unequal size it is not an estimate of the mean at given x.

    References
    ----------
    Duan, N. (1983). Smearing estimate: a nonparametric retransformation method. *Journal of the
    American Statistical Association* 78(383), 605-610. doi:10.1080/01621459.1983.10478017

    Examples
    --------
    >>> import numpy as np
    >>> from pymargins import Response
    >>> Response(np.exp).of
    'mean'
    >>> Response("mean", residuals="empirical").residuals
    'empirical'
    """

    of: str | Callable[..., Any] = "mean"
    inverse: Callable[..., Any] | None = None
    residuals: Literal["normal", "empirical"] = "normal"

    def __post_init__(self) -> None:
        if callable(self.of):
            if self.inverse is not None:
                raise ArgumentError("inverse: given twice; Response(inverse) or Response(of, ...).")
            object.__setattr__(self, "inverse", self.of)
            object.__setattr__(self, "of", "mean")
        if self.of not in ("mean", "median", "link"):
            raise not_one_of("response", self.of, ["mean", "median", "link"])
        if self.inverse is not None and not callable(self.inverse):
            raise ArgumentTypeError(
                f"inverse: expected a function, got {type(self.inverse).__name__}."
            )
        if self.residuals not in ("normal", "empirical"):
            raise not_one_of("residuals", self.residuals, ["normal", "empirical"])
        if self.residuals == "empirical" and self.of != "mean":
            raise ArgumentError(
                f"residuals: a {self.of} needs none; they are for means. Leave `residuals` out."
            )
