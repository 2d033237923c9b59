"""What prediction intervals are of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PredictionFacts:
    """What prediction intervals are of, and what varies in them.

    Parameters
    ----------
    of : {"observation", "cluster"}
    clusters : {"new", "own", ""}
        Whose observation it is: a new cluster's, or that of the row's own; empty without clusters.
    response : str
        The outcome as it was modelled, where limits are carried back from it; otherwise empty.
    weighted : bool
        Whether observations have weights that were given.
    of_total : bool
        Whether degrees of freedom are of the whole variance, for each row its own.
    draws : str
        The kind of interval that a bootstrap gives; empty where there is none.
    """

    of: str
    clusters: str = ""
    response: str = ""
    weighted: bool = False
    of_total: bool = False
    draws: str = ""
