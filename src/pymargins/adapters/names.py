"""How tables name a class of models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What its field calls a class of models, how it is estimated, and what its means are.

    Parameters
    ----------
    kind, estimation : str
    probabilities : bool
        Whether means are probabilities of outcomes.
    """

    kind: str
    estimation: str
    probabilities: bool = False
