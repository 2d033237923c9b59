"""Tests of the rows of a result: one by one, all together, for equivalence, adjusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, NumericalError, not_one_of
from pymargins.families.adjustment import Method, make_adjustment
from pymargins.families.equivalence import two_one_sided
from pymargins.inference import distributions
from pymargins.inference.joint import wald
from pymargins.report import words
from pymargins.report.notes import note_sentence
from pymargins.report.row_names import RowNames, row_names
from pymargins.results.estimates import Estimates, R
from pymargins.results.printed import PrintedFrame, PrintedSeries

Alternative: TypeAlias = Literal["two-sided", "greater", "less"]
#: One value for all rows, or one for each.
Null: TypeAlias = float | Sequence[float] | NDArray[Any] | None

EQUIVALENCE = (
    "low",
    "high",
    "statistic_lower",
    "statistic_upper",
    "df",
    "p_lower",
    "p_upper",
    "p_value",
    "ci_lower",
    "ci_upper",
)


class Hypotheses(Estimates):
    """Estimates that can be tested."""

    __slots__ = ()

    def test(self, null: Null = None, alternative: Alternative = "two-sided") -> pd.DataFrame:
        """Test every row against a null value.

        Parameters
        ----------
        null : float or array, optional
            In the units of the outcome. By default no effect on the session's scale: 0, and 1 for
            a ratio on the log scale.
        alternative : {"two-sided", "greater", "less"}
            ``"greater"`` is evidence that a row is greater than its null value. A new treatment is
            not inferior by more than a margin where ``test(null=-margin, alternative="greater")``
            is significant, if high is good.

        Returns
        -------
        DataFrame
            Columns `statistic`, `df`, `p_value`, indexed by label. The p-values of an adjusted
            result are adjusted. Of a posterior `p_direction` in their place: its share on the
            greater side of the null value, or on the side that the alternative names.
        """
        if alternative not in ("two-sided", "greater", "less"):
            raise not_one_of("alternative", alternative, ["two-sided", "greater", "less"])
        target = self._null(null)
        if self._falls:  # a falling scale turns the sides
            alternative = {"greater": "less", "less": "greater"}.get(alternative, alternative)  # type: ignore[assignment]
        statistic = distributions.ratio(self._value - target, self._scale_se)
        p = self._p_value(target, alternative)
        named = "p_direction" if self.facts.session.of_posterior else "p_value"
        found = {"statistic": statistic, "df": self.df, named: p}
        return self._printed(found, f"Tests, {alternative}", [self._null_words(null)])

    @property
    def _falls(self) -> bool:
        return bool((self.scale.derivative(self.estimate) < 0).any())

    def equivalence(
        self, low: float | Sequence[float], high: float | Sequence[float]
    ) -> pd.DataFrame:
        """Test whether every row lies between two bounds, by two one-sided tests (TOST).

        The hypothesis of equivalence is accepted at alpha = 1 - level where `p_value` is below
        alpha, which is where the interval lies between the bounds.

        Parameters
        ----------
        low, high : float or array
            The bounds of equivalence, in the units of the outcome: differences on the identity
            scale, ratios such as 0.8 and 1.25 for contrasts on the log scale.

        Returns
        -------
        DataFrame
            Indexed by label: the bounds `low` and `high`; `statistic_lower` and
            `statistic_upper`, the distances from them in standard errors on the session's scale;
            `df`; `p_lower` and `p_upper`, the one-sided p-values against being at or beyond each;
            `p_value`, the larger of the two; `ci_lower` and `ci_upper`, the interval at level
            1 - 2 alpha, 90 % by default. A result adjusted by a method of p-values alone, such as
            ``adjust("holm")``, has `p_value` and interval adjusted.

        Raises
        ------
        ArgumentError
            Where a bound is not finite, outside the scale, or not in order.

        References
        ----------
        Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability. *Journal of
        Pharmacokinetics and Biopharmaceutics* 15, 657-680. doi:10.1007/BF01068419
        """
        self._refuse_of_posterior("equivalence")
        bounds = [self._null(low, "low"), self._null(high, "high")]
        units = [np.broadcast_to(np.asarray(b, dtype=float), (len(self),)) for b in (low, high)]
        if not (units[0] < units[1]).all():
            raise ArgumentError(f"equivalence: low must be below high, got {low!r} and {high!r}.")
        sides = ["lower", "upper"]
        if self._falls:
            bounds.reverse()
            sides.reverse()
        found = two_one_sided(
            self.inference, self.estimand, (bounds[0], bounds[1]), 1 - self.level, self.adjustment
        )
        ends = self._back_transformed(found.ends)
        columns = {
            "low": units[0],
            "high": units[1],
            f"statistic_{sides[0]}": found.statistic_low,
            f"statistic_{sides[1]}": found.statistic_high,
            "df": self.df,
            f"p_{sides[0]}": found.p_low,
            f"p_{sides[1]}": found.p_high,
            "p_value": found.p_value,
            "ci_lower": ends[0],
            "ci_upper": ends[1],
        }
        made = {name: columns[name] for name in EQUIVALENCE}
        return self._printed(made, "Equivalence, two one-sided tests", level=2 * self.level - 1)

    def adjust(self: R, method: Method, by: str | Sequence[str] | None = None) -> R:
        """Adjust p-values and intervals for the number of tests.

        The rows are one family, or one for each value of `by`; in a family of one nothing
        changes. Estimates, standard errors and
        statistics stay as they are. ``conf_int(level)``, `test` and every table of what is
        returned are adjusted; a `joint_test` is a single test and is not.

        Selecting rows keeps their adjusted figures: they remain members of the whole family.
        Arithmetic, `contrast` and `pairwise` make new quantities, which are not adjusted. Adjusting
        again starts from the unadjusted figures of the rows there are.

        Parameters
        ----------
        method : {"holm", "tukey", "mvt", ...}
            - ``"bonferroni"``, ``"sidak"``, and step-down ``"holm"`` and ``"holm-sidak"``
              (intervals: Bonferroni's and Sidak's).
            - ``"tukey"`` for all differences between several means: the studentized range at each
              row's degrees of freedom.
            - ``"mvt"`` for any rows: the largest ``|t|`` of their joint distribution, with all
              correlations; each row with its own, fractional degrees of freedom, where emmeans
              takes whole ones. Exact for up to three independent rows, and where one factor makes
              the correlations (independent rows, comparisons of independent means with one
              control); otherwise by quasi-Monte Carlo with a fixed seed, with an error that is
              stated. In sessions with draws the largest ``|t*|`` of the draws.
            - ``"dunnett"`` for comparisons with one control: the same computation, so exact, where
              emmeans approximates.
            - ``"scheffe"`` for all linear combinations of the rows.
            - ``"fdr_bh"``, ``"fdr_by"``: the false discovery rate. No intervals belong to it: the
              pointwise ones are kept.
        by : str or list of str, optional
            Scenario or `over` variables of the rows.

        Returns
        -------
        MarginsResult

        Raises
        ------
        ArgumentError
            For an unknown method, or rows that a method is not for.

        References
        ----------
        Holm, S. (1979). *Scandinavian Journal of Statistics* 6, 65-70.
        https://www.jstor.org/stable/4615733

        Benjamini, Y. and Hochberg, Y. (1995). *Journal of the Royal Statistical Society B* 57,
        289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

        Benjamini, Y. and Yekutieli, D. (2001). *Annals of Statistics* 29, 1165-1188.
        doi:10.1214/aos/1013699998

        Hothorn, T., Bretz, F. and Westfall, P. (2008). *Biometrical Journal* 50, 346-363.
        doi:10.1002/bimj.200810425

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> import statsmodels.formula.api as smf
        >>> from pymargins import Margins, pairwise
        >>> rng = np.random.default_rng(1)
        >>> person, kind = np.repeat(np.arange(20), 3), np.tile(list("ABC"), 20)
        >>> df = pd.DataFrame({"person": person, "kind": kind})
        >>> df["score"] = rng.normal(0, 2, 20)[person] + rng.normal(0, 1, 60) + (df["kind"] == "C")
        >>> m = Margins(smf.mixedlm("score ~ kind", df, groups="person").fit())
        >>> every = m.contrasts(pairwise("kind", ["A", "B", "C"]))
        >>> bool((every.adjust("tukey").p_value > every.p_value).all())
        True
        """
        self._refuse_of_posterior("adjust")
        plain = self._unadjusted()
        found = make_adjustment(method, by, self.inference, self.estimand, self.level)
        return replace(plain, adjustment=found, _cache={})

    def joint_test(self, null: Null = None) -> pd.Series:
        """Test all rows together by one Wald test.

        Rows that are combinations of others are recognised: `df1` is the rank. The statistic is
        an F where the denominator degrees of freedom are finite, otherwise a chi-square.

        Returns
        -------
        Series
            `test` ("F" or "chi2"), `statistic`, `df1`, `df2`, `p_value`.
        """
        self._refuse_of_posterior("joint_test")
        found = wald(self.estimand, self._null(null), self.inference)
        return PrintedSeries.of(found, f"Joint test: {self._what}", [self._null_words(null)])

    def _printed(
        self, columns: Mapping[str, Any], title: str, notes: Sequence[str] = (), level: float = 0.95
    ) -> PrintedFrame:
        """Return figures of the rows as a data frame that prints."""
        told = [] if self.adjustment is None else [note_sentence(self.adjustment.facts)]
        frame = pd.DataFrame(dict(columns), index=self._index)
        return PrintedFrame.of(
            frame, f"{title}: {self._what}", [*notes, *told], level, self._row_names
        )

    @property
    def _row_names(self) -> RowNames:
        """What leads the rows in a table."""
        return row_names(self.labels, self.estimand.columns, self.facts)

    @property
    def _what(self) -> str:
        return words.quantity_words(self.facts.quantity, self.facts.session.model, verb=False)

    def _null_words(self, null: Any) -> str:
        """Say what the rows are compared with."""
        value = float(self.scale.inverse(np.zeros(1))[0]) if null is None else null
        shown = f"{value:g}" if isinstance(value, (int, float)) else "the values given"
        return f"Compared with {shown}."

    def _null(self, null: Any, name: str = "null") -> FloatArray:
        if null is None and name == "null":
            return np.zeros(len(self))
        try:
            values = np.broadcast_to(np.asarray(null, dtype=float), (len(self),)).astype(float)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"{name}: expected a number or {len(self)} numbers, got {null!r}."
            ) from None
        if not np.isfinite(values).all():
            raise ArgumentError(f"{name}: must be finite.")
        try:
            return self.scale.transform(values, tuple(name for _ in values))[0]
        except NumericalError as error:
            raise ArgumentError(
                f"{name}: {error} No effect is {float(self.scale.inverse(np.zeros(1))[0]):g} here."
            ) from None
