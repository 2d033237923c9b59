"""Several results set side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of
from pymargins.facts import ResultFacts
from pymargins.inference.distributions import check_level
from pymargins.report import words
from pymargins.report.side_by_side import SHOWN, Shown, side_by_side
from pymargins.report.summary import Summary, Tabled
from pymargins.results.result import MarginsResult


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Comparison(Tabled):
    """Results side by side: a table that prints, exports and converts. Made by `compare`.

    Parameters
    ----------
    results : mapping of str to MarginsResult
    show : {"interval", "std_error"}
        What stands behind each estimate, in brackets.
    level : float, optional
        Of the intervals; that of the first result by default.
    """

    results: Mapping[str, MarginsResult]
    show: Shown
    level: float | None = None

    def summary(self) -> Summary:
        """Return the table: prints, renders in notebooks, exports."""
        first = next(iter(self.results.values()))
        level = first.level if self.level is None else self.level
        figures = {name: result.figures(level) for name, result in self.results.items()}
        return side_by_side(figures, self.show)

    def to_frame(self) -> pd.DataFrame:
        """Return a plain data frame of all results, one below the other.

        Returns
        -------
        DataFrame
            A column `result` with the name of each, then those of `MarginsResult.to_frame`.
        """
        frames = [result.to_frame() for result in self.results.values()]
        stacked = pd.concat(frames, keys=list(self.results), names=["result", None])
        return stacked.reset_index(level="result").reset_index(drop=True)


def compare(
    results: Mapping[str, MarginsResult], *, show: Shown = "interval", level: float | None = None
) -> Comparison:
    """Set results of several models side by side, rows with the same label beside each other.

    The columns are as they are: whether two models differ is not tested, since their joint
    uncertainty is not known.

    Parameters
    ----------
    results : mapping of str to MarginsResult
        By the headings of their columns: ``{"OLS": first, "mixed": second}``.
    show : {"interval", "std_error"}
        What stands behind each estimate, in brackets.
    level : float, optional
        Of the intervals; that of the first result by default.

    Returns
    -------
    Comparison
        Prints as text, renders in a notebook, exports by `summary`; `to_frame` is plain data.

    Raises
    ------
    ArgumentError
        Where results are of different kinds or scales, or have no row in common, where two names
        are written alike, and for a level that is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import statsmodels.formula.api as smf
    >>> from pymargins import Margins, compare
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame({"x": rng.normal(size=50), "z": rng.normal(size=50)})
    >>> df["y"] = 1 + df["x"] + rng.normal(size=50)
    >>> small = Margins(smf.ols("y ~ x", df).fit()).dydx("all")
    >>> large = Margins(smf.ols("y ~ x + z", df).fit()).dydx("all")
    >>> compare({"small": small, "large": large}).summary().header
    ('', 'small', 'large')
    """
    if not isinstance(results, Mapping):
        raise ArgumentTypeError(
            "compare: expected a mapping of names to results, such as {'OLS': first, 'mixed': "
            f"second}}; got {type(results).__name__}."
        )
    if not results:
        raise ArgumentError("compare: the mapping is empty; name at least one result.")
    if show not in SHOWN:
        raise not_one_of("show", show, SHOWN)
    for name, result in results.items():
        if not isinstance(result, MarginsResult):
            raise ArgumentTypeError(
                f"compare: {name!r} is no result of a session, but {type(result).__name__}. Give "
                "what m.predict, m.dydx or m.contrasts return."
            )
    named = {str(name): result for name, result in results.items()}
    if len(named) < len(results):
        raise ArgumentError(
            f"compare: two names are written alike: {listing(results)}. Name each "
            "result differently."
        )
    _refuse_unlike(named)
    return Comparison(named, show, None if level is None else check_level(level))


def _refuse_unlike(results: Mapping[str, MarginsResult]) -> None:
    """Refuse results whose rows would stand beside each other and mean different things."""
    first, *others = results
    labels = set(results[first].labels)
    for name in others:
        one, other = _meaning(results[first].facts), _meaning(results[name].facts)
        if one != other:
            raise ArgumentError(
                f"compare: {first!r} holds {one}, {name!r} {other}; they cannot stand in one row."
            )
        if not labels & set(results[name].labels):
            raise ArgumentError(
                f"compare: {first!r} and {name!r} have no row in common: "
                f"{listing(results[first].labels, 3)} against {listing(results[name].labels, 3)}."
            )
        labels |= set(results[name].labels)


def _meaning(facts: ResultFacts) -> Any:
    what = words.quantity_words(facts.quantity, facts.session.model)
    return what if facts.scale.is_identity else f"{what} on the {facts.scale.name} scale"
