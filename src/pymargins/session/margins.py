"""The session: how inference is done, fixed once; its verbs say what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pymargins.adapters.registry import adapter_for
from pymargins.asking.keywords import explains_keywords, explains_names
from pymargins.asking.outcome import refuse_log_of_log
from pymargins.asking.population import Population, make_population, parse_at
from pymargins.asking.sources import Source
from pymargins.elsewhere import VERBS
from pymargins.errors import (
    ArgumentError,
    UnsupportedError,
    not_one_of,
)
from pymargins.estimands.rows import Strata
from pymargins.estimands.scales import Scale, as_scale
from pymargins.inference.choice import choose_inference, parse_method, settle_method
from pymargins.inference.distributions import check_level
from pymargins.inference.sampled import sampled_influences
from pymargins.models.fitted import Fitted
from pymargins.models.random_effects import choose_random_effects
from pymargins.models.responses import choose_response
from pymargins.options import Bootstrap, Response
from pymargins.session.arguments import (
    At,
    Column,
    CommonOptions,
    Covariance,
    Df,
    EquationName,
    Method,
    RandomEffects,
    ResponseName,
    ScaleName,
    Seed,
    SessionOptions,
    Table,
    names_options,
)
from pymargins.session.clusters import ClusterVerbs
from pymargins.session.imputed import ImputedMargins, fits_of
from pymargins.session.variances import VarianceVerbs

if TYPE_CHECKING:
    from typing_extensions import Unpack


@explains_names(VERBS)
@explains_keywords(
    *("__init__", "predict", "dydx", "eyex", "eydx", "dyex", "contrasts", "evaluate"),
    *("joint_tests", "likelihood_ratio_test", "variance_components", "icc", "r_squared"),
    *("slope_share", "slope_quantiles"),
)
class Margins(VarianceVerbs, ClusterVerbs):
    """Marginal effects of a fitted model.

    A session fixes the scale, the population, the covariance, the degrees of freedom and the
    method once. It is frozen: its covariance (and draws) are made once and shared by all its
    results, so that results of one session combine with their joint uncertainty. The fit and the
    data are never changed, and later changes to the data frame change nothing here.

    Figures are for the population, the random effects of a mixed model integrated out, unless
    `random_effects` says otherwise.

    Parameters
    ----------
    model : fitted result
        For example what ``smf.mixedlm(...).fit()`` or ``smf.logit(...).fit()`` returns.
    scale : {"identity", "log", "logit", "fisher_z"} or Scale
        Where contrasts are formed and intervals are symmetric; results are back-transformed.
    at : {"overall", "typical", "mean", "balanced"}, mapping, data frame or what is read in pieces
        What is averaged over. ``"overall"``: all rows of the fit. ``"typical"``: one row with the
        median of numeric variables and the mode of two-valued and categorical ones. ``"mean"``:
        one row with the mean of numeric variables and the mode of the others. ``"balanced"``:
        every combination of the categorical variables, equally weighted (estimated marginal
        means). A mapping sets one row by values, rules (``"mean"``, ``"p25"``, ...) or functions
        of the column. A data frame is a population of its own. So is what need not fit in memory
        and is read in pieces, once for each question: the path of a Parquet file or folder, a
        pyarrow dataset, a DuckDB relation, a polars LazyFrame, a Dask data frame, anything whose
        Arrow stream can be opened again.
    vcov : str, KenwardRoger, HAC, Survey, array or labelled data frame, optional
        Covariance of the coefficients; by default what the fit itself reports (``"model"``).
        ``"gls"`` is :math:`(X'V^{-1}X)^{-1}` at the fitted variances; ``"kenward-roger"`` adjusts
        it for small samples; ``"CR0"`` to ``"CR3"`` are cluster-robust, ``"HC0"`` to ``"HC3"``
        robust to unequal variances, `HAC` objects to correlation in time, `Survey` objects take
        the design of a survey, ``"nonrobust"`` holds
        if the model does.
    df : float or str, optional
        Degrees of freedom: a number, ``"residual"``, ``"between-within"``, ``"satterthwaite"`` or
        ``"kenward-roger"``. By default those the fit uses (normal for a mixed model), those of
        Kenward and Roger with their covariance, and t(clusters - 1) with a cluster-robust one.
        They belong to each contrast, not to a row of data.
    level : float
        Confidence level.
    method : {"delta", "simulation", "bootstrap"} or option object
        How uncertainty is carried to what is asked: by derivatives, by draws of the coefficients,
        or by refits. `Delta`, `Simulation` and `Bootstrap` objects hold more options; a
        `Posterior` brings draws of its own.
    n_boot : int, optional
        Replicates of the bootstrap; 1000 by default.
    n_sim : int, optional
        Draws of the simulation; 4000 by default.
    rng : int or Generator, optional
        Seed of the random methods.
    n_jobs : int, optional
        Processes of refits one by one; see `Bootstrap`.
    progress : bool, optional
        Whether the bootstrap, and passes over rows that are read in pieces, show their progress;
        by default where it takes over two seconds.
    weights : str or array, optional
        Weights of the rows that are averaged over: a column name or one number a row, a series
        aligned by its index; a population that is read in pieces has them in a column. By default
        the frequency weights of a fit that has them. With ``at="balanced"``: ``"equal"`` (default),
        ``"proportional"``, ``"outer"`` or ``"cells"``, as emmeans weights the combinations that are
        averaged over.
    offset : "observed" or float
        Of a fit with an offset or exposure: each row's own, or one for all rows on the scale of
        the linear predictor (0 gives rates per unit of exposure). A row that stands for several
        has the mean or median of theirs. A data frame needs a number.
    data : data frame, optional
        The data of a fit that does not carry its own.
    adapter : adapter, optional
        For model classes or data that pymargins does not find by itself.
    cluster : str or array, optional
        For a cluster-robust `vcov`, or a bootstrap of clusters: a column, or one label a row (a
        series is aligned by its index), of clusters that hold whole groups. By default the groups
        of the model.
    polish : bool
        Whether to work at the optimum of the likelihood where the fit stopped short of it; every
        table says so.
    random_effects : {"integrated", "zero", "predicted"}
        Of a mixed model: averaged over their distribution (figures for the population), 0 (the
        typical cluster; the same where the mean is linear), or as predicted of the clusters
        themselves (BLUP). With ``"predicted"`` each row keeps its own cluster, and the grouping
        variables can be set like others; errors are those of prediction.
    response : str or Response, optional
        What figures are of, where a class of models offers more than one response. Where the
        formula transforms the outcome (``np.log(y) ~ x``): ``"mean"``, the mean of the outcome
        itself, integrated over residual and random effects, with the uncertainty of the
        variance parameters; ``"median"``, its median; a `Response` brings a way back that the
        formula does not tell. ``"link"``: the linear predictor; of ordered outcomes
        ``"cumulative"`` and ``"mean"``, of zero-inflated counts ``"zero"``, ``"inflation"`` and
        ``"count"``. By default the mean of what was modelled, or the probability of each outcome.
    equations : mapping of str to str, optional
        The formula of a second equation, which statsmodels does not keep: ``{"inflation": "~
        child"}``, ``{"precision": "~ x"}``. Without it no variable can be set that may be part of
        that equation.
    inestimable : {"refuse", "omit"}
        What becomes of rows that the data do not determine (empty cells): the whole call is
        refused, or they are left out and every table names them.
    population : {"fixed", "sampled"}
        Whether the rows averaged over are given, or a sample too, whose covariates would have been
        others in another sample (Stata's ``vce(unconditional)``). Then influence functions of
        coefficients and averages are taken together, row by row; by cluster where there are
        clusters (`cluster`, those of the fit, the groups of a mixed model).

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

    __slots__ = ()

    def __init__(
        self,
        model: Any,
        *,
        scale: ScaleName | Scale = "identity",
        at: At = "overall",
        vcov: Covariance | None = None,
        df: Df | None = None,
        level: float = 0.95,
        method: Method = "delta",
        n_boot: int | None = None,
        n_sim: int | None = None,
        rng: Seed | None = None,
        n_jobs: int | None = None,
        progress: bool | None = None,
        weights: str | Column | None = None,
        offset: Literal["observed"] | float = "observed",
        data: Table | None = None,
        adapter: Any = None,
        cluster: str | Column | None = None,
        polish: bool = False,
        random_effects: RandomEffects = "integrated",
        response: ResponseName | Response | None = None,
        equations: Mapping[EquationName, str] | None = None,
        inestimable: Literal["refuse", "omit"] = "refuse",
        population: Literal["fixed", "sampled"] = "fixed",
    ) -> None:
        put = object.__setattr__
        put(self, "_scale", as_scale(scale))
        put(self, "_level", check_level(level))
        if inestimable not in ("refuse", "omit"):
            raise not_one_of("inestimable", inestimable, ["refuse", "omit"])
        put(self, "_omit", inestimable == "omit")
        place = parse_at(at)
        read = isinstance(place, Source)
        options = {
            "n_boot": n_boot,
            "n_sim": n_sim,
            "rng": rng,
            "n_jobs": n_jobs,
            "progress": None if read and method != "bootstrap" else progress,
        }
        fitted = adapter_for(model, data, adapter, equations).fitted
        if polish not in (True, False):
            raise not_one_of("polish", polish, [True, False])
        if polish:
            fitted = _polished(fitted)
        fitted = choose_random_effects(fitted, random_effects)
        fitted = choose_response(fitted, response)
        refuse_log_of_log(fitted.facts, self._scale)
        option = settle_method(parse_method(method, options), fitted, cluster)
        resampled = isinstance(option, Bootstrap) and option.population == "resampled"
        units = sampled_influences(fitted, population, place, vcov, cluster, option)
        put(self, "_fitted", fitted)
        made = make_population(fitted, place, weights, resampled, offset, progress)
        if units is not None and isinstance(made, Population):
            made = made.sampled(Strata(units.unit, len(units)))
        put(self, "_population", made)
        put(self, "_choice", choose_inference(fitted, vcov, df, cluster, option, units))
        self._warn(stand_in=vcov is None and df is None)

    @classmethod
    @names_options(__init__)
    def imputed(
        cls,
        fits: Iterable[Any],
        *,
        scale: ScaleName | Scale = "identity",
        data: Table | list[Table] | tuple[Table, ...] | None = None,
        **options: Unpack[CommonOptions],
    ) -> ImputedMargins:
        """Open a session about one model fitted to several imputed data sets.

        Parameters
        ----------
        fits : list of fitted results
            Of one formula, one for each imputed data set, two at least.
        scale : {"identity", "log", "logit", "fisher_z"} or Scale
            On which figures are pooled and intervals formed.
        data : data frame or list of them, optional
            That which the fits were made of: one for all, or one a fit.
        **options
            Those of `Margins`, the same for every fit.

        Returns
        -------
        ImputedMargins
            With the verbs of a session. Figures average over each fit's own rows and are pooled by
            Rubin's rules on the session's scale, with degrees of freedom of Barnard and Rubin,
            joint covariance, and D1 for joint tests.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For fewer than two fits, or what is no list.
        ModelError
            For fits of different models.
        UnsupportedError
            For draws, and known clusters.

        References
        ----------
        Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
        doi:10.1002/9780470316696
        """
        every = fits_of(fits)
        frames = data if isinstance(data, (list, tuple)) else [data] * len(every)
        if len(frames) != len(every):
            raise ArgumentError(f"data: {len(frames)} data sets given for {len(every)} fits.")
        pairs = zip(every, frames, strict=True)
        sessions = [cls(fit, scale=scale, data=one, **options) for fit, one in pairs]
        models, inferences = [m._fitted for m in sessions], [m._inference for m in sessions]
        return ImputedMargins(sessions, models, inferences)

    @classmethod
    @names_options(__init__)
    def linear_scale(cls, model: Any, **options: Unpack[SessionOptions]) -> Margins:
        """Open a session on the response's own scale."""
        return cls._on("identity", model, options)

    @classmethod
    @names_options(__init__)
    def log_scale(cls, model: Any, **options: Unpack[SessionOptions]) -> Margins:
        """Open a session on the log scale: contrasts are reported as ratios."""
        return cls._on("log", model, options)

    @classmethod
    @names_options(__init__)
    def logit_scale(cls, model: Any, **options: Unpack[SessionOptions]) -> Margins:
        """Open a session on the logit scale, for mean responses between 0 and 1."""
        return cls._on("logit", model, options)

    @classmethod
    @names_options(__init__)
    def correlation_scale(cls, model: Any, **options: Unpack[SessionOptions]) -> Margins:
        """Open a session on Fisher's z scale, for mean responses between -1 and 1."""
        return cls._on("fisher_z", model, options)

    @classmethod
    def _on(cls, scale: ScaleName, model: Any, options: SessionOptions) -> Margins:
        if "scale" in options:
            raise ArgumentError("scale: this constructor names it already; use Margins(...).")
        return cls(model, scale=scale, **options)


def _polished(fitted: Fitted) -> Fitted:
    if fitted.polish is None:
        raise UnsupportedError("polish: the adapter of this model cannot refit it.")
    return fitted.polish()
