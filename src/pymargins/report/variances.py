"""What is to be said of variance parameters, and of effects in units of a standard deviation."""

from __future__ import annotations

from pymargins.errors import listing
from pymargins.facts import AtTheBound, NoProfile, Standardised, UndefinedReplicates


def variance_words(note: AtTheBound | NoProfile | Standardised | UndefinedReplicates) -> str:
    """Say one of these facts."""
    match note:
        case AtTheBound():
            return _bound_words(note)
        case NoProfile():
            return f"no profile-likelihood limits of {listing(note.labels)}"
        case UndefinedReplicates():
            return (
                f"in {note.undefined} of {note.n_boot} replicates a variance is zero, so that a "
                "correlation is not defined; its figures are of the others"
            )
        case Standardised():
            size = f"{note.size:.4g}"
            if not note.by:
                return f"in units of a standard deviation of {size}, which is taken as known"
            return f"in units of the {note.by} standard deviation, {size}, whose uncertainty counts"


def _bound_words(note: AtTheBound) -> str:
    words = f"AT THE BOUND of its range, without a standard error: {listing(note.labels)}"
    if note.limited:
        return f"{words}; a limit at the bound means that the bound itself lies inside"
    if note.profiled:
        return f'{words}; method="profile" gives limits'
    return words
