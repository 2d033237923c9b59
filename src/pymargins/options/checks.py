"""Numbers and seeds that options are made of, and their checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pymargins.errors import ArgumentError, ArgumentTypeError

#: One number or label a row.
Column: TypeAlias = Sequence[Any] | NDArray[Any] | pd.Series
Seed: TypeAlias = int | np.random.Generator | np.random.SeedSequence


def positive_integer(argument: str, value: Any, least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError(
            f"{argument}: expected a whole number, got {value!r} ({type(value).__name__})."
        )
    if value < least:
        raise ArgumentError(f"{argument}: got {int(value)}; it must be at least {least}.")
    return int(value)


def check_rng(rng: Any) -> None:
    """Refuse what `numpy.random.default_rng` would not take."""
    if rng is None or isinstance(rng, (np.random.Generator, np.random.SeedSequence)):
        return
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise ArgumentTypeError(
            f"rng: expected a seed (a whole number, not negative) or a Generator, got {rng!r}."
        )
