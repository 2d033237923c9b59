"""The session: how inference is done, fixed once; its verbs say what is asked."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.adapters.registry import adapter_for
from pymargins.asking.population import Population, make_population
from pymargins.asking.questions import Verb, effects, predictions, scenario_means
from pymargins.asking.scenarios import ScenarioSet, contrast_weights
from pymargins.diagnosis import Diagnosis, fit_warning
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    FitWarning,
    UnsupportedError,
    callers_level,
    not_one_of,
    unknown_name,
)
from pymargins.estimands.nodes import Combine, Estimand, Function, on_scale, require_estimable
from pymargins.estimands.scales import SCALES, Scale, as_scale
from pymargins.facts import (
    FEW_GROUPS,
    Distribution,
    FewGroups,
    Kind,
    Note,
    Quantity,
    ResultFacts,
    SessionFacts,
    SlopesOnIdentity,
)
from pymargins.inference.choice import Choice, choose_inference, parse_method
from pymargins.inference.distributions import check_level
from pymargins.inference.uncertainty import Uncertainty
from pymargins.models.fitted import Fitted
from pymargins.options import Bootstrap
from pymargins.report.methods import session_summary
from pymargins.report.summary import Summary
from pymargins.results.arithmetic import combination
from pymargins.results.result import MarginsResult
from pymargins.results.terms import joint_tests


class Margins:
    """Marginal effects of a fitted model.

    A session fixes the scale, the population, the covariance, the degrees of freedom and the
    method once. It is frozen: its covariance (and draws) are made once and shared by all its
    results, so that results of one session combine with their joint uncertainty. The fit and the
    data are never changed, and later changes to the data frame change nothing here.

    Every figure is for the population: the random effects of a mixed model are integrated out.

    Parameters
    ----------
    model : fitted result
        For example what ``smf.mixedlm(...).fit()`` returns.
    scale : {"identity", "log", "logit", "fisher_z"} or Scale
        Where contrasts are formed and intervals are symmetric; results are back-transformed.
    at : {"overall", "typical", "mean", "balanced"}, mapping or data frame
        What is averaged over. ``"overall"``: all rows of the fit. ``"typical"``: one row with the
        median of numeric variables and the mode of two-valued and categorical ones. ``"mean"``:
        one row with the mean of numeric variables and the mode of the others. ``"balanced"``:
        every combination of the categorical variables, equally weighted (estimated marginal
        means). A mapping sets one row by values, rules (``"mean"``, ``"p25"``, ...) or functions
        of the column. A data frame is a population of its own.
    vcov : str, KenwardRoger, array or labelled data frame, optional
        Covariance of the coefficients; by default what the fit itself reports (``"model"``).
        ``"gls"`` is :math:`(X'V^{-1}X)^{-1}` at the fitted variances; ``"kenward-roger"`` adjusts
        it for small samples; ``"CR0"`` to ``"CR3"`` are cluster-robust.
    df : float or str, optional
        Degrees of freedom: a number, ``"residual"``, ``"between-within"``, ``"satterthwaite"`` or
        ``"kenward-roger"``. By default those the fit uses (normal for a mixed model), those of
        Kenward and Roger with their covariance, and t(clusters - 1) with a cluster-robust one.
        They belong to each contrast, not to a row of data.
    level : float
        Confidence level.
    method : {"delta", "simulation", "bootstrap"} or option object
        How uncertainty is carried to what is asked: by derivatives, by draws of the coefficients,
        or by refits. `Delta`, `Simulation` and `Bootstrap` objects hold more options.
    n_boot : int, optional
        Replicates of the bootstrap; 1000 by default.
    n_sim : int, optional
        Draws of the simulation; 4000 by default.
    rng : int or Generator, optional
        Seed of the random methods.
    n_jobs : int, optional
        Processes of the bootstrap's generic refits.
    progress : bool, optional
        Whether the bootstrap shows its progress.
    weights : str or array, optional
        Weights of the rows that are averaged over: a column name or one number a row.
    data : data frame, optional
        The data of a fit that does not carry its own.
    adapter : adapter, optional
        For model classes or data that pymargins does not find by itself.
    cluster : str or array, optional
        For a cluster-robust `vcov` or the cluster bootstrap: a column, or one label a row, of
        clusters that hold whole groups. By default the groups of the model.
    polish : bool
        Whether to work at the optimum of the likelihood where the fit stopped short of it; every
        table says so.

    Raises
    ------
    PymarginsError
        Whatever is wrong with an argument, by name.

    Warns
    -----
    FitWarning
        Where the state of the fit would change a conclusion; see `diagnose`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import statsmodels.formula.api as smf
    >>> from pymargins import Margins, pairwise
    >>> rng = np.random.default_rng(1)
    >>> person, dose = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0, 2.0, 3.0], 20)
    >>> df = pd.DataFrame({"person": person, "dose": dose})
    >>> df["arm"] = np.where(person < 10, "old", "new")
    >>> df["score"] = 10 + 2 * dose + rng.normal(0, 2, 20)[person] + rng.normal(0, 1, 80)
    >>> fit = smf.mixedlm("score ~ dose * arm", df, groups="person").fit()

    >>> m = Margins(fit, vcov="gls")
    >>> m.predict(atexog={"dose": [0, 3]}).labels
    ('dose=0', 'dose=3')
    >>> slope = m.dydx("dose")
    >>> print(f"{slope.estimate[0]:.2f} ({slope.std_error[0]:.2f})")
    1.97 (0.09)
    >>> m.contrasts(pairwise("arm", ["new", "old"])).labels
    ('new - old',)
    """

    __slots__ = ("_choice", "_fitted", "_level", "_population", "_scale")

    _choice: Choice
    _fitted: Fitted
    _level: float
    _population: Population
    _scale: Scale

    def __init__(
        self,
        model: Any,
        *,
        scale: str | Scale = "identity",
        at: Any = "overall",
        vcov: Any = None,
        df: Any = None,
        level: float = 0.95,
        method: Any = "delta",
        n_boot: int | None = None,
        n_sim: int | None = None,
        rng: Any = None,
        n_jobs: int | None = None,
        progress: bool | None = None,
        weights: Any = None,
        data: Any = None,
        adapter: Any = None,
        cluster: Any = None,
        polish: bool = False,
    ) -> None:
        put = object.__setattr__
        put(self, "_scale", as_scale(scale))
        put(self, "_level", check_level(level))
        options = {
            "n_boot": n_boot,
            "n_sim": n_sim,
            "rng": rng,
            "n_jobs": n_jobs,
            "progress": progress,
        }
        fitted = adapter_for(model, data, adapter).fitted
        if polish not in (True, False):
            raise not_one_of("polish", polish, [True, False])
        if polish:
            fitted = _polished(fitted)
        option = parse_method(method, options)
        resampled = isinstance(option, Bootstrap) and option.population == "resampled"
        put(self, "_fitted", fitted)
        put(self, "_population", make_population(fitted, at, weights, resampled))
        put(self, "_choice", choose_inference(fitted, vcov, df, cluster, option))
        self._warn(stand_in=vcov is None and df is None)

    def _warn(self, stand_in: bool) -> None:
        """Give one warning where the state of the fit would change a conclusion."""
        if self._fitted.health is None:
            return
        used = self._choice.covariance.kind
        stand_in = stand_in and used not in (next(iter(self._fitted.covariances)), "draws")
        text = fit_warning(self._fitted.health(), used, stand_in)
        if text:
            warnings.warn(text, FitWarning, stacklevel=callers_level())

    @property
    def _inference(self) -> Uncertainty:
        return self._choice.inference

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"a session is frozen; make a new one: Margins(model, {name.lstrip('_')}=...)."
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a session is frozen; nothing can be removed from it.")

    def __copy__(self) -> Margins:
        return self  # frozen: there is nothing that a copy would protect

    def __deepcopy__(self, memo: Any) -> Margins:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    @classmethod
    def linear_scale(cls, model: Any, **options: Any) -> Margins:
        """Open a session on the response's own scale."""
        return cls._on("identity", model, options)

    @classmethod
    def log_scale(cls, model: Any, **options: Any) -> Margins:
        """Open a session on the log scale: contrasts are reported as ratios."""
        return cls._on("log", model, options)

    @classmethod
    def logit_scale(cls, model: Any, **options: Any) -> Margins:
        """Open a session on the logit scale, for mean responses between 0 and 1."""
        return cls._on("logit", model, options)

    @classmethod
    def correlation_scale(cls, model: Any, **options: Any) -> Margins:
        """Open a session on Fisher's z scale, for mean responses between -1 and 1."""
        return cls._on("fisher_z", model, options)

    @classmethod
    def _on(cls, scale: str, model: Any, options: dict[str, Any]) -> Margins:
        if "scale" in options:
            raise ArgumentError("scale: this constructor names it already; use Margins(...).")
        return cls(model, scale=scale, **options)

    # --- verbs ---------------------------------------------------------------------------------

    def predict(self, atexog: Any = None, *, over: Any = None) -> MarginsResult:
        """Estimate mean responses.

        Parameters
        ----------
        atexog : mapping or data frame, optional
            Variables and the values they are set to: a value, list, range, array or Series, or a
            function that shifts the column (``lambda age: age + 1``). Several values form a
            grid in mapping order, the last key fastest. A data frame gives one estimate a row.
        over : str or list of str, optional
            Columns of the data: one estimate within each observed combination, over that
            subgroup's own rows; subgroups outermost, sorted.

        Returns
        -------
        MarginsResult
            In units of the response; the interval is formed on the session's scale.

        Raises
        ------
        UnknownNameError
            For a variable that is not in the model's fixed part.
        ArgumentError
            For a value that the variable cannot take, and for missing values in an `over` column.

        Examples
        --------
        With the session of the example of `Margins`:

        >>> m.predict(atexog={"dose": [0, 3]}, over="arm").labels[:2]
        ('arm=new, dose=0', 'arm=new, dose=3')
        """
        asked = predictions(self._fitted, self._population, atexog, over)
        return self._result(*asked, Quantity(Kind.MEAN))

    def dydx(self, variables: Any, *, atexog: Any = None, over: Any = None) -> MarginsResult:
        """Estimate average slopes: derivatives of the mean response by a variable.

        The derivative follows the variable through interactions, powers, logs and splines.
        Categorical, boolean and text variables give the discrete change of each level from the
        reference level.

        Parameters
        ----------
        variables : str or list of str
            Names, or ``"all"`` for every variable in the formula's order.
        atexog : mapping or data frame, optional
            As in `predict`; one row a grid point.
        over : str or list of str, optional
            As in `predict`.

        Returns
        -------
        MarginsResult
            Labelled ``"age"`` and ``"school: B - A"``; in units of the response per unit of the
            variable. A slope is no mean response, so it is on the identity scale in every session.

        Raises
        ------
        UnknownNameError
            For a variable that is not in the model's fixed part.
        ArgumentError
            For a category that `atexog` sets too, and as in `predict`.
        UnsupportedError
            For a step function of the variable, which has no slope.

        Examples
        --------
        With the session of the example of `Margins`:

        >>> m.dydx("all").labels
        ('dose', 'arm: old - new')
        >>> m.dydx("dose", over="arm").estimate.round(2).tolist()
        [1.91, 2.03]
        """
        return self._effects("dydx", variables, atexog, over)

    def eyex(self, variables: Any, *, atexog: Any = None, over: Any = None) -> MarginsResult:
        r"""Estimate average elasticities: percent of the mean for one percent of x.

        With :math:`\mu_i` the mean response of row i and :math:`d_i` its slope, the average of
        :math:`d_i x_i / \mu_i` over the rows.

        Parameters
        ----------
        variables : str or list of str
            Numeric variables; see `dydx`.
        atexog, over : optional
            As in `dydx`.

        Returns
        -------
        MarginsResult
            Without a unit.

        Raises
        ------
        ArgumentError
            For a category.
        NumericalError
            Where the mean response is zero or changes sign over the rows.
        """
        return self._effects("eyex", variables, atexog, over)

    def eydx(self, variables: Any, *, atexog: Any = None, over: Any = None) -> MarginsResult:
        r"""Estimate average semi-elasticities: proportional change of the mean for one unit of x.

        The average of :math:`d_i / \mu_i`; for a category, of the change of :math:`\log \mu_i`.

        Parameters
        ----------
        variables, atexog, over : optional
            As in `dydx`.

        Returns
        -------
        MarginsResult
            In units of one over those of the variable; 0.02 is about 2 %.

        Raises
        ------
        NumericalError
            Where the mean response is zero or changes sign over the rows.
        """
        return self._effects("eydx", variables, atexog, over)

    def dyex(self, variables: Any, *, atexog: Any = None, over: Any = None) -> MarginsResult:
        """Estimate average semi-elasticities: change of the mean for a proportional change of x.

        The average of :math:`d_i x_i`.

        Parameters
        ----------
        variables : str or list of str
            Numeric variables; see `dydx`.
        atexog, over : optional
            As in `dydx`.

        Returns
        -------
        MarginsResult
            In units of the response.

        Raises
        ------
        ArgumentError
            For a category.
        """
        return self._effects("dyex", variables, atexog, over)

    def contrasts(self, scenarios: Any, contrasts: Any = None) -> MarginsResult:
        """Estimate linear combinations of mean responses, formed on the session's scale.

        Parameters
        ----------
        scenarios : list of Scenario or mapping
            The points; or the whole return of a helper: ``m.contrasts(pairwise("treated", [1,
            0]))``.
        contrasts : list, mapping of name to weights, or 2-D array, optional
            Weights over the scenarios. Without them each scenario is its own row.

        Returns
        -------
        MarginsResult
            On the log scale a contrast whose weights sum to zero is reported as a ratio.

        Raises
        ------
        ArgumentError
            For a scenario with unknown keys or several values of a variable, and for weights that
            are too few, too many, missing or all zero.
        NumericalError
            For a mean response that the session's scale does not hold.

        Examples
        --------
        With the session of the example of `Margins`:

        >>> from pymargins import Scenario
        >>> points = [Scenario({"dose": 0}, "none"), Scenario({"dose": 3}, "full")]
        >>> m.contrasts(points, {"full - none": [-1, 1]}).estimate.round(2).tolist()
        [5.91]
        """
        if isinstance(scenarios, ScenarioSet):
            if contrasts is not None:
                raise ArgumentError(
                    "contrasts: the scenarios already come with weights; unpack them first: "
                    "scenarios, weights = pairwise(...)."
                )
            scenarios, contrasts = scenarios
        points, notes = scenario_means(self._fitted, self._population, scenarios)
        estimand = on_scale(points, self._scale)
        quantity = Quantity(Kind.MEAN)
        if contrasts is not None:
            weights = contrast_weights(contrasts, points.labels)
            matrix = np.stack(list(weights.values()))
            estimand = Combine(estimand, matrix, tuple(weights))
            quantity = combination(quantity, matrix, self._scale.facts)
        self._require_estimable(estimand)
        return self._finished(estimand, notes, quantity, self._scale)

    def evaluate(
        self,
        scenarios: Any,
        function: Callable[[FloatArray], Any],
        labels: Sequence[str] | None = None,
    ) -> MarginsResult:
        """Estimate any smooth function of mean responses.

        Parameters
        ----------
        scenarios : list of Scenario or mapping
        function : callable
            From the vector of (untransformed) mean responses, in the order of the scenarios, to a
            number or a vector; written in NumPy.
        labels : list of str, optional
            Names of what the function returns.

        Returns
        -------
        MarginsResult
            Its interval is formed on the session's scale.

        Raises
        ------
        ArgumentError
            Where the function fails, or returns something else than real numbers.
        NumericalError
            Where what it returns is not finite, or not on the session's scale.

        Examples
        --------
        With the session of the example of `Margins`, how much more the full dose gives:

        >>> from pymargins import levels
        >>> gain = m.evaluate(levels("dose", [0, 3]), lambda mean: mean[1] / mean[0] - 1)
        >>> gain.estimate.round(2).tolist()
        [0.59]
        """
        if not callable(function):
            raise ArgumentTypeError(f"function: must be callable, got {type(function).__name__}.")
        if isinstance(scenarios, ScenarioSet):
            scenarios = scenarios.scenarios
        points, notes = scenario_means(self._fitted, self._population, scenarios)
        made = Function.of(points, function, labels, self._inference.point)
        return self._result(made, notes, Quantity(Kind.FUNCTION))

    def joint_tests(self) -> pd.DataFrame:
        """Test every term of the model, one joint test each.

        These are type III tests with their meaning spelled out: a term is tested by its effects on
        the balanced grid. A main effect is the differences between the levels of a factor (or the
        slope of a numeric variable), averaged with equal weights over the levels of all other
        factors, other numeric variables at their mean; an interaction is the differences of
        such differences. They do not depend on how factors are coded or on how many rows each cell
        has. The session's `at` and scale play no part.

        Terms with the same variables, such as ``x + I(x ** 2)``, are one row: their columns are
        one curve, and the test is that it is level. So is a spline or a step function with all its
        columns. Where the model has no term for some of a term's variables (b in ``a + a:b``),
        their effects are tested with it.

        Returns
        -------
        DataFrame
            `term`, `statistic`, `df1` (the rank), `df2`, `p_value`, `test` ("F" where denominator
            degrees of freedom are finite, otherwise "chi2"). Effects that the data do not
            determine are left out, `df1` counts what is left, and a column `note` tells how many
            were there; a term of which nothing is left has the statistic NaN.

        Raises
        ------
        ArgumentError
            Where the model has no term besides the intercept.

        References
        ----------
        Lenth, R. V. (2016). Least-squares means: the R package lsmeans. *Journal of Statistical
        Software* 69(1). doi:10.18637/jss.v069.i01
        """
        return joint_tests(self._fitted, self._inference)

    def likelihood_ratio_test(
        self, terms: Any, *, n_boot: int = 1000, rng: Any = None
    ) -> pd.Series:
        """Test terms of the fixed part by the likelihood ratio, bootstrapped under the null.

        The model without the terms and the model with them are fitted by maximum likelihood;
        responses are drawn from the fitted smaller model, and both are refitted to each. The
        p-value is the share of replicates with a ratio at least as large, the observed one counted
        among them: it needs no chi-square approximation.

        Parameters
        ----------
        terms : str or list of str
            As the formula writes them: ``"age:treated"``. Leave no interaction with them behind.
        n_boot : int
        rng : int or Generator, optional

        Returns
        -------
        Series
            `statistic`, `df1`, `p_value`, `p_chi2` (the large-sample one) and `n_boot` (replicates
            that converged).

        Raises
        ------
        UnknownNameError
            For a term that the model does not have.
        ArgumentError
            Where the other terms span the same columns.
        UnsupportedError
            Where the adapter cannot refit its model.

        References
        ----------
        Halekoh, U. and Hojsgaard, S. (2014). A Kenward-Roger approximation and parametric
        bootstrap methods for tests in linear mixed models. *Journal of Statistical Software*
        59(9). doi:10.18637/jss.v059.i09
        """
        refits = self._fitted.refits
        if refits is None:
            raise UnsupportedError("likelihood_ratio_test: the adapter cannot refit its model.")
        known = self._fitted.design.terms()
        if not isinstance(terms, (str, Sequence)):
            raise ArgumentTypeError(
                "likelihood_ratio_test: expected a term or a list of terms, got "
                f"{type(terms).__name__}."
            )
        names = [terms] if isinstance(terms, str) else list(terms)
        columns: list[int] = []
        for name in names:
            if name not in known:
                raise unknown_name("likelihood_ratio_test", name, known, "a term of the model")
            columns += known[name]
        if not columns:
            raise ArgumentError("likelihood_ratio_test: name at least one term.")
        option = Bootstrap(n_boot, kind="parametric", rng=rng)
        return refits.likelihood_ratio(columns, option).rename(", ".join(names))

    # --- what verbs share ----------------------------------------------------------------------

    def _effects(self, verb: Verb, variables: Any, atexog: Any, over: Any) -> MarginsResult:
        estimand, found, kind = effects(
            self._fitted, self._population, verb, variables, atexog, over
        )
        notes: list[Note] = list(found)
        if not self._scale.is_identity:
            notes.append(SlopesOnIdentity())
        return self._result(estimand, notes, Quantity(kind), SCALES["identity"])

    def _result(
        self,
        estimand: Estimand,
        notes: Sequence[Note],
        quantity: Quantity,
        scale: Scale | None = None,
    ) -> MarginsResult:
        """Put what was asked on a scale."""
        scale = scale or self._scale
        self._require_estimable(estimand)
        return self._finished(on_scale(estimand, scale), notes, quantity, scale)

    def _require_estimable(self, estimand: Estimand) -> None:
        require_estimable(estimand, self._inference.point, self._fitted.null_spaces)

    def _finished(
        self, estimand: Estimand, notes: Sequence[Note], quantity: Quantity, scale: Scale
    ) -> MarginsResult:
        """Make a result, evaluated here and now so that what cannot be is told at once."""
        self._inference.value(estimand)
        facts = ResultFacts(self.facts, quantity, scale.facts, tuple(notes))
        return MarginsResult(estimand, self._inference, scale, self._level, facts)

    # --- what the session says of itself -------------------------------------------------------

    @property
    def facts(self) -> SessionFacts:
        """The session's commitments."""
        model, choice = self._fitted.facts, self._choice
        notes: list[Note] = [*model.notes, *choice.inference.notes]
        normal = choice.reference.distribution is Distribution.NORMAL
        if model.groups is not None and model.groups < FEW_GROUPS and normal:
            notes.append(FewGroups(model.groups))
        return SessionFacts(
            model=model,
            variables=tuple(self._fitted.variables),
            population=self._population.facts,
            scale=self._scale.facts,
            covariance=choice.covariance,
            reference=choice.reference,
            method=choice.inference.facts,
            level=self._level,
            notes=tuple(notes),
        )

    def summary(self) -> Summary:
        """State every commitment of the session in words fit for a methods section.

        Returns
        -------
        Summary
            Prints in a terminal, renders in a notebook, exports.
        """
        return session_summary(self.facts)

    def diagnose(self) -> Diagnosis:
        """Report what a reviewer should know about the fit.

        Returns
        -------
        Diagnosis
            Convergence, distance from the optimum, boundary, standard errors against GLS ones,
            rank, and the number and sizes of groups.
        """
        if self._fitted.health is None:
            raise ArgumentError("diagnose: the adapter of this model offers no diagnosis.")
        return Diagnosis.of(self._fitted.health())

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().to_html()


def _polished(fitted: Fitted) -> Fitted:
    if fitted.polish is None:
        raise UnsupportedError("polish: the adapter of this model cannot refit it.")
    return fitted.polish()
