"""Results: labelled estimates with their full joint uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.arithmetic import added, aligned, divided, pairs, positions, scaled
from pymargins.errors import ArgumentError, NumericalError, UnsupportedError, not_one_of
from pymargins.estimand import Estimand
from pymargins.inference import distributions
from pymargins.inference.distributions import check_level
from pymargins.inference.joint import wald
from pymargins.provenance import Provenance, combination, quotient
from pymargins.scale import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pymargins.inference.families import Adjustment
    from pymargins.tables import Summary

Alternative: TypeAlias = Literal["two-sided", "greater", "less"]

COLUMNS = ("label", "estimate", "std_error", "statistic", "df", "p_value", "ci_lower", "ci_upper")
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


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class MarginsResult:
    """Labelled estimates with their joint covariance; a sequence of named rows.

    Made by the verbs of a `Margins` session. Rows are picked by label, position or slice
    (``res["B - A"]``, ``res[0]``, ``res[1:3]``); ``a - b``, ``a + b``, ``2 * a`` and ``a / b`` keep
    the joint covariance. On a scale other than the identity, estimates are
    back-transformed, `std_error` is that of the reported estimate (delta method), intervals are
    back-transformed from the scale, and `cov` is the covariance on the scale.

    Parameters
    ----------
    estimand : Estimand
        The quantities on the session's scale.
    inference : Inference
        The session's covariance, degrees of freedom or draws: shared by all its results.
    scale : Scale
    level : float
        Default confidence level.
    provenance : Provenance
    adjustment : Adjustment, optional
        Of p-values and intervals, made by `adjust`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import statsmodels.formula.api as smf
    >>> from pymargins import Margins
    >>> rng = np.random.default_rng(1)
    >>> person, dose = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0, 2.0, 3.0], 20)
    >>> df = pd.DataFrame({"person": person, "dose": dose})
    >>> df["score"] = 10 + 2 * dose + rng.normal(0, 2, 20)[person] + rng.normal(0, 1, 80)
    >>> result = Margins(smf.mixedlm("score ~ dose", df, groups="person").fit()).predict(
    ...     atexog={"dose": [0, 3]}
    ... )
    >>> len(result), result["dose=3"].labels
    (2, ('dose=3',))
    >>> gain = result[1] - result[0]
    >>> bool(gain.std_error[0] < np.hypot(*result.std_error))  # the two are correlated
    True
    >>> list(result.to_frame().columns)[:4]
    ['label', 'dose', 'estimate', 'std_error']
    """

    estimand: Estimand
    inference: Any
    scale: Scale
    level: float
    provenance: Provenance
    adjustment: Adjustment | None = None
    _cache: dict[str, Any] = field(default_factory=dict, compare=False)

    # --- figures -------------------------------------------------------------------------------

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self.estimand.labels

    @property
    def estimate(self) -> FloatArray:
        """Estimates in the units of the outcome, shape (k,)."""
        return np.array(self.scale.inverse(self.estimand.value), dtype=float)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors of the reported estimates, shape (k,).

        By the delta method from the session's scale; with draws, their standard deviation.
        """
        draws = self.draws
        if draws is not None:
            return draws.std(axis=0, ddof=1)
        return self._scale_se / np.abs(self.scale.derivative(self.estimate))

    @property
    def cov(self) -> FloatArray:
        """Joint covariance on the session's scale, shape (k, k)."""
        if "cov" not in self._cache:
            self._cache["cov"] = self.inference.covariance(self.estimand)
        return self._cache["cov"].copy()

    @property
    def draws(self) -> FloatArray | None:
        """Draws in the units of the outcome, shape (B, k); None for the delta method."""
        if self.inference.draws is None:
            return None
        return np.array(self.scale.inverse(self.inference.values(self.estimand)), dtype=float)

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of each row; infinite for the normal distribution."""
        if "df" not in self._cache:
            self._cache["df"] = self.inference.degrees_of_freedom(self.estimand)
        return self._cache["df"].copy()

    @property
    def statistic(self) -> FloatArray:
        """Estimate over standard error, on the session's scale."""
        return distributions.ratio(self.estimand.value, self._scale_se)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p-values against no effect, which is 0, or 1 for a ratio; as adjusted."""
        if "p" not in self._cache:
            self._cache["p"] = self._p_value(np.zeros(len(self)), "two-sided")
        return self._cache["p"].copy()

    def _p_value(self, null: FloatArray, alternative: str) -> FloatArray:
        if self.adjustment is not None:
            return self.adjustment.p_value(null, alternative)
        return self.inference.p_value(self.estimand, null, alternative)

    @property
    def _scale_se(self) -> FloatArray:
        if "se" not in self._cache:
            self._cache["se"] = self.inference.std_error(self.estimand)
        return self._cache["se"]

    def conf_int(self, level: float | None = None, simultaneous: bool = False) -> pd.DataFrame:
        """Return confidence intervals.

        Parameters
        ----------
        level : float, optional
            Coverage; the session's by default.
        simultaneous : bool
            Whether all intervals hold together with that coverage: those of ``adjust("mvt")``.
            The critical value is the quantile of the largest ``|t|`` under the joint distribution
            of all rows (Hothorn, Bretz and Westfall 2008, doi:10.1002/bimj.200810425).

        Returns
        -------
        DataFrame
            Columns `ci_lower` and `ci_upper`, indexed by label.
        """
        level = self.level if level is None else check_level(level)
        if simultaneous not in (True, False):
            raise not_one_of("simultaneous", simultaneous, [True, False])
        if simultaneous and self.adjustment is not None:
            raise ArgumentError(
                f'simultaneous: the intervals are adjusted already, by "{self.adjustment.method}". '
                "Ask the result that was adjusted."
            )
        if simultaneous:
            from pymargins.inference.families import simultaneous_interval

            bounds = simultaneous_interval(self.inference, self.estimand, level)
        elif self.adjustment is not None:
            bounds = self.adjustment.interval(level)
        else:
            bounds = self.inference.interval(self.estimand, level)
        low, high = self._back_transformed(bounds)
        return pd.DataFrame({"ci_lower": low, "ci_upper": high}, index=self._index)

    def _back_transformed(
        self, bounds: tuple[FloatArray, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        low, high = (np.asarray(self.scale.inverse(b), dtype=float) for b in bounds)
        return np.minimum(low, high), np.maximum(low, high)

    @property
    def _index(self) -> pd.Index:
        return pd.Index(self.labels, name="label")

    # --- tests ---------------------------------------------------------------------------------

    def test(self, null: Any = None, alternative: Alternative = "two-sided") -> pd.DataFrame:
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
            result are adjusted.
        """
        if alternative not in ("two-sided", "greater", "less"):
            raise not_one_of("alternative", alternative, ["two-sided", "greater", "less"])
        target = self._null(null)
        if self._falls:  # a falling scale turns the sides
            alternative = {"greater": "less", "less": "greater"}.get(alternative, alternative)  # type: ignore[assignment]
        statistic = distributions.ratio(self.estimand.value - target, self._scale_se)
        p = self._p_value(target, alternative)
        return pd.DataFrame(
            {"statistic": statistic, "df": self.df, "p_value": p}, index=self._index
        )

    @property
    def _falls(self) -> bool:
        return bool((self.scale.derivative(self.estimate) < 0).any())

    def equivalence(self, low: Any, high: Any) -> pd.DataFrame:
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
        bounds = [self._null(low, "low"), self._null(high, "high")]
        units = [np.broadcast_to(np.asarray(b, dtype=float), (len(self),)) for b in (low, high)]
        if not (units[0] < units[1]).all():
            raise ArgumentError(f"equivalence: low must be below high, got {low!r} and {high!r}.")
        sides = ["lower", "upper"]
        if self._falls:
            bounds.reverse()
            sides.reverse()
        from pymargins.inference.equivalence import two_one_sided

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
        return pd.DataFrame(columns, index=self._index, columns=list(EQUIVALENCE))

    def adjust(self, method: str, by: str | Sequence[str] | None = None) -> MarginsResult:
        """Adjust p-values and intervals for the number of tests.

        The rows are one family, or one for each value of `by`. Estimates, standard errors and
        statistics stay as they are. ``conf_int(level)``, `test` and every table of what is
        returned are adjusted; a `joint_test` is a single test and is not.

        Selecting rows keeps their adjusted figures: they remain members of the whole family.
        Arithmetic, `contrast` and `pairwise` make new quantities, which are not adjusted. Adjusting
        again starts from the unadjusted figures of the rows there are.

        Parameters
        ----------
        method : str
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
            For an unknown method, a family with one member, or rows that a method is not for.

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
        plain = self._unadjusted()
        from pymargins.inference.families import make_adjustment

        found = make_adjustment(method, by, self.inference, self.estimand, self.level)
        provenance = replace(plain.provenance, notes=(*plain.provenance.notes, found.text))
        return replace(plain, adjustment=found, provenance=provenance, _cache={})

    def _unadjusted(self) -> MarginsResult:
        if self.adjustment is None:
            return self
        notes = tuple(n for n in self.provenance.notes if n != self.adjustment.text)
        provenance = replace(self.provenance, notes=notes)
        return replace(self, adjustment=None, provenance=provenance, _cache={})

    def joint_test(self, null: Any = None) -> pd.Series:
        """Test all rows together by one Wald test.

        Rows that are combinations of others are recognised: `df1` is the rank. The statistic is
        an F where the denominator degrees of freedom are finite, otherwise a chi-square.

        Returns
        -------
        Series
            `test` ("F" or "chi2"), `statistic`, `df1`, `df2`, `p_value`.
        """
        return wald(self.estimand, self._null(null), self.inference)

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

    # --- rows ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.estimand)

    def __contains__(self, label: object) -> bool:
        return label in self.labels

    def __iter__(self) -> Iterator[MarginsResult]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, rows: str | int | slice | Sequence[Any] | AnyArray) -> MarginsResult:
        picked = positions(self.labels, rows)
        if self.adjustment is None:
            return self._with(self.estimand[picked])
        kept = self.adjustment[picked]
        return replace(self, estimand=self.estimand[picked], adjustment=kept, _cache={})

    def __copy__(self) -> MarginsResult:
        return self  # frozen, and a copy could no longer be combined with its session's results

    def __deepcopy__(self, memo: Any) -> MarginsResult:
        return self

    def __reduce__(self) -> Any:
        raise TypeError(
            "a result holds functions of its model and cannot be pickled; keep to_frame(), or "
            "pickle the fit and ask again."
        )

    __array_ufunc__ = None  # NumPy numbers leave the arithmetic to the result

    def __float__(self) -> float:
        if len(self) != 1:
            raise TypeError(f"only a result with one row is a number; this one has {len(self)}")
        return float(self.estimate[0])

    # --- arithmetic ----------------------------------------------------------------------------

    def contrast(self, matrix: Any, labels: Sequence[str] | None = None) -> MarginsResult:
        """Return linear combinations of the rows, formed on the session's scale.

        Parameters
        ----------
        matrix : array_like, shape (m, k) or (k,), or mapping of name to weights
        labels : sequence of str, optional
            Names of the combinations; by default what was added and subtracted.

        Returns
        -------
        MarginsResult
            m rows.
        """
        from pymargins.scenarios import parse_weights

        named = parse_weights(matrix, self.labels, "matrix", "rows")
        labels = [labels] if isinstance(labels, str) else labels
        names = list(named) if labels is None else [str(x) for x in labels]
        if len(names) != len(named):
            raise ArgumentError(f"labels: {len(names)} given for {len(named)} contrasts.")
        return self._combined(self.estimand, np.stack(list(named.values())), names)

    def pairwise(self) -> MarginsResult:
        """Contrast every pair of rows, the later minus the earlier (``"B - A"``).

        Returns
        -------
        MarginsResult
            k(k - 1)/2 rows. The helper `pymargins.pairwise` takes the earlier minus the later.
        """
        if len(self) < 2:
            raise ArgumentError("pairwise: needs at least two rows.")
        return self._combined(self.estimand, *pairs(self.labels))

    def __sub__(self, other: Any) -> MarginsResult:
        return self._add(other, -1.0)

    def __add__(self, other: Any) -> MarginsResult:
        return self._add(other, 1.0)

    def _add(self, other: Any, sign: float) -> MarginsResult:
        if not isinstance(other, MarginsResult):
            return NotImplemented
        self._check_same_session(other)
        a, b = aligned(self.estimand, other.estimand)
        return self._combined(a.joined(b), *added(a, b, sign))

    def __mul__(self, factor: Any) -> MarginsResult:
        if not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        self._refuse_off_identity("scaling")
        quantity = combination(self.provenance.quantity, np.eye(1), self.scale)
        return self._with(scaled(self.estimand, float(factor)), quantity)

    __rmul__ = __mul__

    def __neg__(self) -> MarginsResult:
        return self * -1.0

    def __truediv__(self, other: Any) -> MarginsResult:
        self._refuse_off_identity("dividing")
        if not isinstance(other, MarginsResult):
            if not isinstance(other, (int, float, np.number)):
                return NotImplemented
            if not np.isfinite(other) or float(other) == 0.0:
                raise ArgumentError(
                    "a result can be divided by a finite number other than zero, or by a result."
                )
            return self * (1.0 / float(other))
        self._check_same_session(other)
        out = self._with(
            divided(*aligned(self.estimand, other.estimand)), quotient(self.provenance.quantity)
        )
        notes = (*out.provenance.notes, "p-values compare with 0; test(null=1) compares with 1")
        return replace(out, provenance=replace(out.provenance, notes=notes))

    def _refuse_off_identity(self, what: str) -> None:
        if not self.scale.is_identity:
            raise UnsupportedError(
                f"{what} a result on the {self.scale.name} scale has no clear meaning; use "
                "m.evaluate(scenarios, function) for functions of the mean responses."
            )

    def _check_same_session(self, other: MarginsResult) -> None:
        if other.inference is self.inference and other.scale is not self.scale:
            raise ArgumentError(
                f"one result is on the {self.scale.name} scale, the other on the "
                f"{other.scale.name} scale; only results on one scale can be combined."
            )
        if other.inference is not self.inference:
            raise ArgumentError(
                "these results come from different sessions, so their joint uncertainty is not "
                "known. Make both with the same Margins session."
            )

    def _combined(
        self, estimand: Estimand, matrix: FloatArray, names: Sequence[str]
    ) -> MarginsResult:
        quantity = combination(self.provenance.quantity, matrix, self.scale)
        return self._with(estimand.combine(matrix, names), quantity)

    def _with(self, estimand: Estimand, quantity: str | None = None) -> MarginsResult:
        plain = self._unadjusted()
        provenance = plain.provenance
        if quantity is not None:
            provenance = replace(provenance, quantity=quantity)
        return replace(plain, estimand=estimand, provenance=provenance, _cache={})

    # --- tables --------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas data frame, one row an estimate.

        Returns
        -------
        DataFrame
            Columns: `label`, the scenario and subgroup variables, `estimate`, `std_error`,
            `statistic`, `df` (infinite for the normal distribution), `p_value`, `ci_lower`,
            `ci_upper`. A variable with one of these names gets a trailing underscore.
        """
        bounds = self.conf_int()
        data: dict[str, Any] = {"label": list(self.labels)}
        for name, values in self.estimand.columns.items():
            while name in COLUMNS or name in data:
                name += "_"
            data[name] = _column(values)
        data |= {
            "estimate": self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "df": self.df.astype(float),
            "p_value": self.p_value,
            "ci_lower": bounds["ci_lower"].to_numpy(),
            "ci_upper": bounds["ci_upper"].to_numpy(),
        }
        return pd.DataFrame(data)

    def to_polars(self) -> Any:
        """Return a polars data frame (polars must be installed)."""
        try:
            import polars  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ImportError("to_polars needs polars: pip install polars") from None
        frame = _of_one_type(self.to_frame())
        return polars.DataFrame({name: frame[name].to_numpy() for name in frame.columns})

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Export the table through the Arrow PyCapsule interface (pyarrow must be installed)."""
        import pyarrow  # pyright: ignore[reportMissingImports]

        table = pyarrow.Table.from_pandas(_of_one_type(self.to_frame()), preserve_index=False)
        return table.__arrow_c_stream__(requested_schema)

    def summary(self, level: float | None = None) -> Summary:
        """Return the table with its provenance: prints, renders in notebooks, exports.

        Parameters
        ----------
        level : float, optional
            Confidence level; the session's by default.
        """
        from pymargins.tables import summarise

        return summarise(self if level is None else replace(self, level=check_level(level)))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().to_html()

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the estimates: lines with bands over a numeric variable, otherwise a forest plot.

        See `pymargins.plotting.plot` for the options.
        """
        from pymargins.plotting import plot

        return plot(self, ax=ax, **options)


def _column(values: Sequence[Any]) -> Any:
    """Return a column of scenario values with the narrowest sensible type."""
    return pd.Series(list(values)).infer_objects()


def _of_one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Write columns of mixed values as text: other libraries' columns have one type."""
    mixed = [
        name
        for name in frame.columns
        if frame[name].dtype == object and len({type(v) for v in frame[name]}) > 1
    ]
    return frame.assign(**{name: frame[name].map(str) for name in mixed})
