"""What a verb returns: labelled estimates that print, plot, export and combine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray
from pymargins.asking.keywords import explains_keywords, explains_names
from pymargins.elsewhere import FIGURES
from pymargins.errors import UnsupportedError, not_one_of
from pymargins.facts import FewDraws, Unadjusted
from pymargins.families.adjustment import suggested
from pymargins.inference.distributions import check_level
from pymargins.models.new_observations import CLUSTER, OBSERVATION
from pymargins.report.figures import Figures, Wider, summarise
from pymargins.report.summary import Summary, Tabled
from pymargins.results.comparisons import ADJUSTS, Adjust, Comparisons
from pymargins.results.exports import arrow_stream, as_polars, table_frame
from pymargins.results.saved import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pymargins.asking.sources import ArrowStream
    from pymargins.report.plots import Colors, Order, PlotKind


@explains_names(FIGURES)
@explains_keywords(
    *("conf_int", "test", "adjust", "joint_test", "equivalence", "pairwise", "contrast"),
    *("where", "summary", "to_frame", "effect_size", "prediction_interval", "plot", "letters"),
    *("matrix", "__getitem__"),
)
class MarginsResult(Comparisons, Tabled):
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
    inference : Uncertainty
        The session's covariance, degrees of freedom or draws: shared by all its results.
    scale : Scale
    level : float
        Default confidence level.
    facts : ResultFacts
        What the rows are, and on what they rest.
    adjustment : Adjustment, optional
        Of p-values and intervals, made by `adjust`.
    whole : Whole, optional
        What the session knows of parameters that the rows do not depend on.

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

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a result is frozen; {name!r} cannot be set.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a result is frozen; {name!r} cannot be removed.")

    # --- copies --------------------------------------------------------------------------------

    def __copy__(self) -> MarginsResult:
        return self  # frozen: there is nothing that a copy would protect

    def __deepcopy__(self, memo: Any) -> MarginsResult:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Pickle what the figures need: with the delta method neither the model nor its data."""
        state = {one.name: getattr(self, one.name) for one in fields(self)}
        portable = self.inference.portable(self.estimand)
        return {**state, "estimand": portable, "whole": None, "_cache": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file that `pymargins.load` reads without the model: JSON and arrays, no pickle.

        Parameters
        ----------
        path : str or path
            Of a file, which is replaced once the new one is whole.

        Raises
        ------
        UnsupportedError
            For a scale of your own functions, profile-likelihood limits, and values of variables
            that JSON has no word for.
        """
        save(self, path)

    # --- tables --------------------------------------------------------------------------------

    def figures(self, level: float | None = None, simultaneous: bool = False) -> Figures:
        """Return the numbers and facts that tables and plots are made of.

        Parameters
        ----------
        level : float, optional
            Confidence level; the session's by default.
        simultaneous : bool
            Whether the intervals hold together.
        """
        level = self.level if level is None else check_level(level)
        bounds = self.conf_int(level, simultaneous)
        facts = self.facts
        if self.adjustment is not None:
            facts = facts.noting(self.adjustment.facts)
        elif len(self) > 1 and facts.quantity.differs and not facts.session.of_posterior:
            method, by = suggested(self.inference, self.estimand)
            facts = facts.noting(Unadjusted(len(self), method, by))
        draws = self.inference.n_draws
        if draws is not None and draws < FewDraws(draws, level).needed:
            facts = facts.noting(FewDraws(draws, level))
        tested = facts.quantity.is_tested
        none = np.full(len(self), np.nan)
        return Figures(
            labels=self.labels,
            columns=self.estimand.columns,
            estimate=self.estimate,
            std_error=self.std_error,
            statistic=self.statistic if tested else none,
            df=self.df.astype(float),
            p_value=self.p_value if tested else none,
            ci_lower=bounds["ci_lower"].to_numpy(),
            ci_upper=bounds["ci_upper"].to_numpy(),
            level=level,
            facts=facts,
            draws=draws,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas data frame, one row an estimate.

        Returns
        -------
        DataFrame
            Columns: `label`, the scenario and subgroup variables, `estimate`, `std_error`,
            `statistic`, `df` (infinite for the normal distribution), `p_value` (of a posterior
            `p_direction`), `ci_lower`,
            `ci_upper`. A variable with one of these names gets a trailing underscore.
        """
        return table_frame(self.figures())

    def to_polars(self) -> Any:
        """Return a polars data frame (polars must be installed)."""
        return as_polars(self.to_frame())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Export the table through the Arrow PyCapsule interface (pyarrow must be installed)."""
        return arrow_stream(self.to_frame(), requested_schema)

    def summary(self, level: float | None = None) -> Summary:
        """Return the table with its provenance: prints, renders in notebooks, exports.

        Parameters
        ----------
        level : float, optional
            Confidence level; the session's by default.
        """
        return summarise(self.figures(level))

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: PlotKind | None = None,
        x: str | None = None,
        by: str | Sequence[str] | None = None,
        facet: str | Sequence[str] | None = None,
        order: Order | None = None,
        colors: Colors | None = None,
        data: pd.DataFrame | ArrowStream | bool | None = None,
        cluster: str | None = None,
        rug: bool = False,
        level: float | None = None,
        simultaneous: bool = False,
        prediction: bool | Literal["observation", "cluster"] = False,
        arrows: bool | Adjust = False,
        caption: bool = True,
    ) -> Axes | AnyArray:
        """Draw estimates with their confidence intervals.

        Unasked, the clearest picture that the rows make. Means over three or more values of a
        number or a date are lines with bands, one for each level of a second variable; means over
        two categories are points side by side, those of a level joined by a thin line (interaction
        plot); a further variable makes panels that share both scales. Whatever takes the values 0
        and 1 is a category. All else, contrasts and slopes over groups, is a forest plot, its rows
        from top to bottom. Slopes and contrasts get a line at no effect: 0, or 1 for ratios.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Drawn into, without panels; by default a new figure is made.
        kind : {"line", "points", "forest", "density"}, optional
            ``"density"`` shows how the draws of a simulation or bootstrap are distributed.
        x : str, optional
            The variable along the axis.
        by : str or list of str, optional
            The variables that tell lines apart, in the order of the legend; where `x` or `kind` is
            given, by default all others.
        facet : str or list of str, optional
            The variables that tell panels apart.
        order : mapping or "estimate", optional
            Which levels come first, by variable: ``{"arm": ["placebo", "drug"]}``; or all levels
            and rows by their estimates.
        colors : colour, list of colours or mapping of level to colour, optional
            By default those of Okabe and Ito, told apart with every kind of colour vision.
        data : data frame or True, optional
            Rows whose outcomes are shown as points underneath mean responses; ``True`` takes the
            rows of the fit. More than 3,000 are thinned.
        cluster : str, optional
            A column of the data: its means at each place are shown instead of single rows.
        rug : bool
            Whether the observed values of a numeric `x` are marked at the foot; of `data`.
        level : float, optional
            Confidence level; the session's by default.
        simultaneous : bool
            Whether the intervals hold together; see `conf_int`.
        prediction : bool or {"observation", "cluster"}
            Whether to draw, lighter, where new observations lie, or the means of new clusters: see
            `prediction_interval`.
        arrows : bool or str
            Whether to draw comparison arrows: of two rows of a panel these overlap if and only if
            the rows do not differ significantly, which intervals do not tell. All pairs of a panel
            are one family; a string names the adjustment, as in `letters`.
        caption : bool
            Whether small print below says on what the figures rest. Nothing is written below axes
            that are given.

        Returns
        -------
        matplotlib Axes, or ndarray of them
            One Axes for each panel, in reading order; to be labelled, limited and saved as usual.
            Nothing is shown.

        Raises
        ------
        ImportError
            Without matplotlib.
        UnknownNameError
            For a variable that the rows do not have.
        ArgumentError
            Where the variables make no such picture.

        References
        ----------
        Okabe, M. and Ito, K. (2008). *Color Universal Design*. https://jfly.uni-koeln.de/color/

        Lenth, R. V. Comparison arrows. Documentation of the R package emmeans.
        https://rvlenth.github.io/emmeans/articles/xplanations.html#arrows
        """
        from pymargins.report.plots import plot

        figures = self.figures(level, simultaneous)
        adjust = None if isinstance(arrows, bool) else arrows
        if adjust is not None and adjust not in ADJUSTS:
            raise not_one_of("arrows", arrows, (True, False, *ADJUSTS))
        return plot(
            figures,
            ax,
            kind=kind,
            x=x,
            by=by,
            facet=facet,
            order=order,
            colors=colors,
            data=self._rows_of_the_fit() if data is True else None if data is False else data,
            cluster=cluster,
            rug=rug,
            simultaneous=simultaneous,
            wider=self._wider(prediction, figures.level) if prediction else None,
            arrows=partial(self._arrows, adjust=adjust, level=figures.level) if arrows else None,
            draws=self.draws if kind == "density" else None,
            show_caption=caption,
        )

    def _wider(self, prediction: Literal[True, "observation", "cluster"], level: float) -> Wider:
        of = OBSERVATION if prediction is True else prediction
        if of not in (OBSERVATION, CLUSTER):
            raise not_one_of("prediction", of, (True, False, OBSERVATION, CLUSTER))
        found = self.prediction_interval(level, of).figures
        what = "new observations" if of == OBSERVATION else "means of new clusters"
        return Wider(found.pi_lower, found.pi_upper, what)

    def _rows_of_the_fit(self) -> pd.DataFrame:
        if self.whole is None:
            raise UnsupportedError(
                "data: this result was pickled without the data of its fit. Give the data frame."
            )
        return self.whole.fitted.frame
