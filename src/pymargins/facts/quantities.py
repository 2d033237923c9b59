"""What the rows of a result are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto


class Kind(Enum):
    """What a verb estimates."""

    MEAN = auto()
    SLOPE = auto()
    CHANGE = auto()
    SLOPE_OR_CHANGE = auto()
    EYEX = auto()
    EYDX = auto()
    DYEX = auto()
    FUNCTION = auto()
    VARIANCE = auto()
    VARIANCE_SHARE = auto()
    R_SQUARED = auto()
    CLUSTER_SHARE = auto()
    SLOPE_QUANTILE = auto()
    RANDOM_EFFECT = auto()


#: Of these no value means no effect, and a table shows no test.
UNTESTED = (
    Kind.VARIANCE,
    Kind.VARIANCE_SHARE,
    Kind.R_SQUARED,
    Kind.CLUSTER_SHARE,
    Kind.SLOPE_QUANTILE,
)


class Operation(Enum):
    """What was done with rows of a kind."""

    CONTRAST = auto()
    RATIO = auto()
    ODDS_RATIO = auto()
    COMBINATION = auto()
    QUOTIENT = auto()
    EFFECT_SIZE = auto()


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a result's rows are.

    Parameters
    ----------
    kind : Kind
        What the verb estimated.
    operations : tuple of Operation
        What was done with it, the last first: (QUOTIENT, CONTRAST) are quotients of contrasts.
    """

    kind: Kind
    operations: tuple[Operation, ...] = ()

    def after(self, operation: Operation) -> Quantity:
        """Return what rows are once something more was done with them."""
        return replace(self, operations=(operation, *self.operations))

    @property
    def outermost(self) -> Operation | None:
        """The last thing that was done; None for what a verb gave."""
        return self.operations[0] if self.operations else None

    @property
    def compares(self) -> bool:
        """Whether rows are differences or ratios of others, of which one value means no effect."""
        return self.outermost in (
            Operation.CONTRAST,
            Operation.RATIO,
            Operation.ODDS_RATIO,
            Operation.EFFECT_SIZE,
        )

    @property
    def is_averaged(self) -> bool:
        """Whether rows are averages over the session's population."""
        own = (Kind.VARIANCE, Kind.VARIANCE_SHARE, Kind.R_SQUARED, Kind.RANDOM_EFFECT)
        return self.kind not in own

    @property
    def is_tested(self) -> bool:
        """Whether a table compares rows with no effect."""
        return bool(self.operations) or self.kind not in UNTESTED

    @property
    def is_effect(self) -> bool:
        """Whether rows are slopes, changes or elasticities as a verb gave them."""
        return not self.operations and self.kind not in (Kind.MEAN, Kind.FUNCTION, *UNTESTED)

    @property
    def differs(self) -> bool:
        """Whether every row is a difference of others, made by a contrast or by a verb."""
        return self.compares or (not self.operations and self.kind is Kind.CHANGE)
