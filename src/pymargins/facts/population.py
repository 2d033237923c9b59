"""What is averaged over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto


class Where(Enum):
    """What is averaged over."""

    OVERALL = auto()
    TYPICAL = auto()
    MEAN = auto()
    BALANCED = auto()
    MAPPING = auto()
    FRAME = auto()
    STREAM = auto()


@dataclass(frozen=True, slots=True)
class PopulationFacts:
    """What is averaged over.

    Parameters
    ----------
    where : Where
    n : int
        Rows that are averaged over; 1 for a summary row.
    weighted : bool
    settings : tuple of (variable, rule or value)
        How a mapping sets the variables it names.
    counted : bool
        Whether the weights are the frequency weights of the fit.
    offset : float, optional
        What the offset of every row was set to, on the scale of the linear predictor.
    offset_rule : str
        How the offset of one row was made of those of the fit: ``"mean"`` or ``"median"``.
    scheme : str
        How the combinations of a balanced grid count: ``"equal"``, ``"proportional"``, ``"outer"``
        or ``"cells"``.
    source : str
        What rows are read from, where they are read in pieces.
    sampled : bool
        Whether the rows are taken for a sample, which another sample would differ from.
    """

    where: Where
    n: int
    weighted: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    counted: bool = False
    offset: float | None = None
    offset_rule: str = ""
    scheme: str = "equal"
    source: str = ""
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """A value beyond those that were observed."""

    variable: str
    value: float | datetime | timedelta
    low: float | datetime | timedelta
    high: float | datetime | timedelta
