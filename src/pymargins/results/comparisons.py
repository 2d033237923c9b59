"""All pairs of rows compared at a glance: letters, a matrix, arrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ArgumentError
from pymargins.families.adjustment import METHODS, Method, row_groups, suggested
from pymargins.families.arrows import arrow_lengths
from pymargins.families.letters import letter, letter_columns
from pymargins.inference.distributions import check_level
from pymargins.report.figures import Arrows
from pymargins.report.notes import ADJUSTMENTS
from pymargins.results.predictions import Predictions
from pymargins.results.printed import PrintedMatrix

Adjust: TypeAlias = Method | Literal["none"]

#: What `adjust` may say beside the methods.
UNADJUSTED: Literal["none"] = "none"
#: All that it may say.
ADJUSTS: tuple[Adjust, ...] = (UNADJUSTED, *METHODS)
#: More rows make no display that anybody reads.
MOST_ROWS = 200


class Comparisons(Predictions):
    """Estimates whose pairs can be compared all at once."""

    __slots__ = ()

    def letters(
        self,
        adjust: Adjust | None = None,
        *,
        by: str | Sequence[str] | None = None,
        level: float | None = None,
        decreasing: bool = False,
    ) -> pd.DataFrame:
        """Give rows letters: those that share one do not differ significantly.

        The compact letter display. That two rows share a letter is no evidence that they are
        equal; `equivalence` gives some.

        Parameters
        ----------
        adjust : str, optional
            The adjustment of the p-values of all pairs, one of those of `adjust`, or ``"none"``. By
            default Tukey's where the rows are means of one factor, otherwise Holm's.
        by : str or list of str, optional
            Variables of the rows: only rows that agree in them are compared.
        level : float, optional
            Rows differ where p is below one less this; the result's level by default.
        decreasing : bool
            Whether the largest estimates have the first letters instead of the smallest.

        Returns
        -------
        DataFrame
            Indexed by label: `estimate` and `letters`, rows as in the result.

        References
        ----------
        Piepho, H.-P. (2004). An algorithm for a letter-based representation of all-pairwise
        comparisons. *Journal of Computational and Graphical Statistics* 13, 456-466.
        doi:10.1198/1061860043515
        """
        alpha = 1.0 - (self.level if level is None else check_level(level))
        estimate = self.estimate
        out = np.full(len(self), "", dtype=object)
        for rows in row_groups(self.estimand, by):
            order = rows[
                np.argsort(-estimate[rows] if decreasing else estimate[rows], kind="stable")
            ]
            differs = self[order]._p_matrix(adjust, "letters") < alpha
            for row, has in zip(order, letter_columns(differs), strict=True):
                names = [letter(k) if shown else " " for k, shown in enumerate(has)]
                out[row] = "".join(names).rstrip()
        level = self.level if level is None else level
        return self._printed(
            {"estimate": estimate, "letters": out},
            "Letters",
            [f"Rows that share a letter do not differ at {100 * (1 - level):.4g} %."],
        )

    def matrix(self, adjust: Adjust | None = None) -> pd.DataFrame:
        """Compare all pairs of rows in a matrix.

        Parameters
        ----------
        adjust : str, optional
            As in `letters`.

        Returns
        -------
        DataFrame
            Rows and columns are the result's labels. On the diagonal the estimates; above it the
            p-values of the pairs; below it the differences (on the log scale ratios, on the logit
            scale odds ratios), the earlier row minus, or over, the later.
        """
        out = self._p_matrix(adjust, "matrix")
        first, second = np.triu_indices(len(self), 1)
        told = ""
        if len(first):
            pairs, told = self._pairs(adjust, "matrix")
            out[second, first] = pairs.estimate
        np.fill_diagonal(out, self.estimate)
        below = (
            "quotients, the earlier over"
            if self.scale.divides
            else "differences, the earlier minus"
        )
        return PrintedMatrix.of(
            pd.DataFrame(out, index=self._index, columns=pd.Index(self.labels)),
            f"All pairs: {self._what}",
            [f"On the diagonal estimates; below it {below} the later; above it p-values, {told}."],
            names=self._row_names,
        )

    def _p_matrix(self, adjust: Adjust | None, verb: str) -> FloatArray:
        """Return the p-values of all pairs, 1 on the diagonal."""
        out = np.ones((len(self), len(self)))
        if len(self) > 1:
            first, second = np.triu_indices(len(self), 1)
            out[first, second] = out[second, first] = self._pairs(adjust, verb)[0].p_value
        return out

    def _pairs(self, adjust: Adjust | None, verb: str) -> tuple[Any, str]:
        """Return all pairs of rows, adjusted, and how."""
        if self.facts.quantity.compares:
            raise ArgumentError(
                f"{verb}: these rows are contrasts already; ask it of the estimates that they "
                "compare."
            )
        if len(self) > MOST_ROWS:
            raise ArgumentError(
                f"{verb}: {len(self):,} rows are too many to be compared pair by pair; the limit "
                f"is {MOST_ROWS}. Pick rows first, res.where(...)."
            )
        pairs = self._unadjusted().pairwise()
        if adjust == UNADJUSTED or len(pairs) == 1:
            return pairs, "not adjusted"
        method = adjust or suggested(pairs.inference, pairs.estimand)[0]
        return pairs.adjust(method), f"adjusted: {ADJUSTMENTS[method]}"

    def _arrows(self, rows: IntArray, adjust: Adjust | None, level: float) -> Arrows:
        """Return the comparison arrows of some rows."""
        part = self[rows]
        pairs, told = part._pairs(adjust, "arrows")
        value = part._value
        first, second = np.triu_indices(len(part), 1)
        away = pairs._value
        low, high = pairs._scale_bounds(level)
        margin = np.where(away >= 0, away - low, high - away)
        differ: AnyArray = pairs.p_value < 1.0 - level
        lengths = arrow_lengths(value, first, second, margin, differ)
        low, high = (
            np.asarray(self.scale.inverse(end), dtype=float)
            for end in (value - lengths.left, value + lengths.right)
        )
        if self._falls:
            low, high = high, low
        return Arrows(low, high, lengths.wrong, told)
