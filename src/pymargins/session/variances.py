"""The verbs about the random part of a model: variances, shares of variance, slopes of clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pymargins._typing import FloatArray
from pymargins.asking.questions import effects
from pymargins.errors import ArgumentError, not_one_of
from pymargins.estimands.scales import SCALES
from pymargins.estimands.slopes import SlopeSpread, quantiles, share_above, slope_spread
from pymargins.estimands.variances import VarianceRows, of_group, shares, variance_rows
from pymargins.facts import (
    AtTheBound,
    Distribution,
    FewGroups,
    Kind,
    NoProfile,
    Note,
    Quantity,
    ReferenceFacts,
    ResultFacts,
    UndefinedReplicates,
)
from pymargins.inference.variances import OwnScales, VarianceDraws
from pymargins.models.variances import VarianceStructure
from pymargins.results.result import MarginsResult
from pymargins.session.arguments import AtExog, Names
from pymargins.session.verbs import Verbs

PROFILE = "profile"


class VarianceVerbs(Verbs):
    """A session that can be asked about the random part of its model."""

    __slots__ = ()

    def variance_components(
        self, kind: Literal["sd", "variance"] = "sd", *, method: Literal["profile"] | None = None
    ) -> MarginsResult:
        r"""Estimate the variance parameters of a mixed model.

        Their covariance is the inverse of the observed information where that exists, otherwise of
        the expected one (tables say which); with ``vcov="kenward-roger"`` it is the one that its
        option names.

        Parameters
        ----------
        kind : {"sd", "variance"}
            Standard deviations and correlations, or variances and covariances.
        method : {"profile"}, optional
            ``"profile"`` takes as limits where the profile likelihood (the fit's own criterion,
            REML or ML) has fallen by :math:`\chi^2_{1}/2`: exact for any scale, and defined at a
            bound. A limit of 0, or a correlation of -1 or 1, means that the bound itself lies
            inside. By default the session's method.

        Returns
        -------
        MarginsResult
            Labelled ``"student: sd(Intercept)"``, ``"student: cor(Intercept, Days)"``,
            ``"residual: sd"``, with columns `group`, `term`, `parameter`. By the delta method
            intervals are symmetric on the log scale, of correlations on Fisher's z, of
            covariances on their own; by the bootstrap they are percentiles of the session's
            draws. A parameter at its bound has an estimate but no standard error (missing); a
            note names it. There is no test: 0 is the bound of a variance.

        Raises
        ------
        UnsupportedError
            For a model without random effects, a covariance that knows nothing of variances
            (cluster-robust ones, a matrix), and `profile` for a fit with constraints.

        References
        ----------
        Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects
        models using lme4. *Journal of Statistical Software* 67(1). doi:10.18637/jss.v067.i01
        """
        if kind not in ("sd", "variance"):
            raise not_one_of("kind", kind, ["sd", "variance"])
        structure = self._choice.whole.structure("variance_components")
        rows = variance_rows(structure, self._choice.whole.point.block("gamma")[0], kind)
        return self._of_variances(rows, structure, Kind.VARIANCE, method)

    def icc(self, *, method: Literal["profile"] | None = None) -> MarginsResult:
        r"""Estimate the intraclass correlation: the share of variance that lies between clusters.

        With R the variance of the random part, averaged over the rows of the fit
        (:math:`z'\Psi z`, which varies with z where slopes are random), :math:`\sigma^2` the
        residual variance and F the variance of :math:`X\hat\beta` over those rows (n - 1),

        ``adjusted`` is :math:`R/(R + \sigma^2)`, of outcomes with the same covariates, and
        ``conditional`` is :math:`R/(F + R + \sigma^2)`. With several grouping factors,
        each one's part of the adjusted one follows.

        Parameters
        ----------
        method : {"profile"}, optional
            Profile-likelihood limits of the adjusted one alone; see `variance_components`.

        Returns
        -------
        MarginsResult
            Intervals are symmetric on the logit scale, or percentiles of the session's draws. Rows
            are those of the fit whatever the session's population.

        References
        ----------
        Nakagawa, S., Johnson, P. C. D. and Schielzeth, H. (2017). The coefficient of determination
        R2 and intra-class correlation coefficient from generalized linear mixed-effects models
        revisited and expanded. *Journal of the Royal Society Interface* 14, 20170213.
        doi:10.1098/rsif.2017.0213
        """
        structure = self._choice.whole.structure("icc")
        wanted = {"adjusted": ("R", "RE"), "conditional": ("R", "FRE")}
        groups = dict.fromkeys(term.group for term in structure.terms)
        if len(groups) > 1:
            wanted |= {f"adjusted, {name}": (of_group(name), "RE") for name in groups}
        if method == PROFILE:
            wanted = {"adjusted": wanted["adjusted"]}
        rows = shares(structure, self._choice.whole.point, wanted)
        return self._of_variances(rows, structure, Kind.VARIANCE_SHARE, method)

    def r_squared(self) -> MarginsResult:
        r"""Estimate the share of variance that the model explains (Nakagawa and Johnson).

        In the letters of `icc`, ``marginal`` is :math:`F/(F + R + \sigma^2)`, by the fixed part,
        and ``conditional`` is :math:`(F + R)/(F + R + \sigma^2)`, by fixed and random part.

        Returns
        -------
        MarginsResult
            Intervals are symmetric on the logit scale, or percentiles of the session's draws. F has
            n - 1 below it, as R's ``var`` has.

        References
        ----------
        Nakagawa, S. and Schielzeth, H. (2013). A general and simple method for obtaining R2 from
        generalized linear mixed-effects models. *Methods in Ecology and Evolution* 4, 133-142.
        doi:10.1111/j.2041-210x.2012.00261.x

        Johnson, P. C. D. (2014). Extension of Nakagawa & Schielzeth's R2GLMM to random slopes
        models. *Methods in Ecology and Evolution* 5, 944-946. doi:10.1111/2041-210X.12225
        """
        structure = self._choice.whole.structure("r_squared")
        wanted = {"marginal": ("F", "FRE"), "conditional": ("FR", "FRE")}
        rows = shares(structure, self._choice.whole.point, wanted)
        return self._of_variances(rows, structure, Kind.R_SQUARED, None)

    def slope_share(
        self, variable: str, above: float = 0.0, *, atexog: AtExog = None, over: Names | None = None
    ) -> MarginsResult:
        r"""Estimate the share of clusters whose own slope is above a value.

        Slopes of clusters are normal about the average slope :math:`s` of `dydx`, with the standard
        deviation :math:`\tau` of the random slope: the share is :math:`\Phi((s - a)/\tau)`.

        Parameters
        ----------
        variable : str
            A numeric variable with a random slope.
        above : float
            The value; 0 asks how many clusters have a positive slope.
        atexog, over : optional
            As in `dydx`: at which values of other variables, or within which subgroups.

        Returns
        -------
        MarginsResult
            Intervals are symmetric on the logit scale, or percentiles of the session's draws.

        Raises
        ------
        ArgumentError
            For a variable without a random slope.
        """
        if isinstance(above, bool) or not isinstance(above, (int, float, np.number)):
            raise ArgumentError(f"above: expected a number, got {above!r}.")
        if not np.isfinite(above):
            raise ArgumentError(f"above: must be finite, got {above!r}.")
        spread, structure = self._slopes("slope_share", variable, atexog, over)
        rows = share_above(spread, float(above))
        return self._of_variances(rows, structure, Kind.CLUSTER_SHARE, None)

    def slope_quantiles(
        self,
        variable: str,
        probabilities: float | Sequence[float] = (0.025, 0.975),
        *,
        atexog: AtExog = None,
        over: Names | None = None,
    ) -> MarginsResult:
        r"""Estimate quantiles of the slopes of clusters: :math:`s + z_p \tau`.

        Parameters
        ----------
        variable : str
            A numeric variable with a random slope; see `slope_share`.
        probabilities : float or list of float
            Between 0 and 1; by default the middle 95 % of clusters.
        atexog, over : optional
            As in `dydx`.

        Returns
        -------
        MarginsResult
            A column `probability`, in units of the response per unit of the variable.

        Raises
        ------
        ArgumentError
            For a variable without a random slope, and probabilities that are none.
        """
        asked = np.atleast_1d(np.asarray(probabilities, dtype=float))
        if asked.ndim != 1 or not ((asked > 0) & (asked < 1)).all() or not len(asked):
            raise ArgumentError(f"probabilities: must lie between 0 and 1, got {probabilities!r}.")
        spread, structure = self._slopes("slope_quantiles", variable, atexog, over)
        rows = quantiles(spread, asked)
        return self._of_variances(rows, structure, Kind.SLOPE_QUANTILE, None)

    # --- what they share -----------------------------------------------------------------------

    def _slopes(
        self, verb: str, variable: str, atexog: AtExog, over: Names | None
    ) -> tuple[SlopeSpread, VarianceStructure]:
        """Return the average slope, and how slopes of clusters vary about it."""
        structure = self._choice.whole.structure(verb)
        self._choice.whole.require_fitted_scale(verb)
        if not isinstance(variable, str):
            raise ArgumentError(f"variable: expected one name, got {variable!r}.")
        estimand, _, _ = effects(
            self._fitted, self._population, "dydx", variable, atexog, over, None
        )
        estimand, _ = self._estimable(estimand)
        gamma = self._choice.whole.point.block("gamma")[0]
        return slope_spread(structure, gamma, variable, estimand, verb), structure

    def _of_variances(
        self, rows: VarianceRows, structure: VarianceStructure, kind: Kind, method: str | None
    ) -> MarginsResult:
        """Make a result of functions of variance parameters."""
        if method not in (None, PROFILE):
            raise ArgumentError(
                f'method: got {method!r}; allowed is "profile". Left out, it is the session\'s.'
            )
        whole = self._choice.whole
        notes: list[Note] = []
        if method == PROFILE:
            profile = _Profile(structure, rows)
            inference = whole.by_profile(rows.scales, profile)
            inference.interval(rows.estimand, self._level)  # found here and now, and kept
            without = tuple(x for x in rows.estimand.labels if x not in rows.profiled)
            notes += [NoProfile(without)] if without else []
        else:
            inference = whole.of_variances(rows.scales)
        if isinstance(inference, VarianceDraws):
            undefined = inference.undefined(rows.estimand)
            if undefined:
                notes.append(UndefinedReplicates(undefined, inference.n_draws))
        elif rows.bounded:
            limited = method == PROFILE
            notes.append(AtTheBound(rows.bounded, bool(rows.profiled), limited))
        facts = self._variance_facts(inference, kind, tuple(notes))
        return MarginsResult(rows.estimand, inference, SCALES["identity"], self._level, facts)

    def _variance_facts(
        self, inference: OwnScales | VarianceDraws, kind: Kind, notes: tuple[Note, ...]
    ) -> ResultFacts:
        """Say what variance parameters rest on: no population, no degrees of freedom."""
        drawn = isinstance(inference, VarianceDraws)
        distribution = Distribution.DRAWS if drawn else Distribution.NORMAL
        own = self.facts
        told = tuple(note for note in own.notes if not isinstance(note, FewGroups))
        session = replace(
            own,
            scale=SCALES["identity"].facts,
            covariance=self._choice.whole.covariance_facts,
            reference=ReferenceFacts(distribution, None if drawn else np.inf),
            method=inference.facts,
            notes=told,
        )
        return ResultFacts(session, Quantity(kind), SCALES["identity"].facts, notes)


class _Profile:
    """Profile-likelihood limits of rows by their labels."""

    def __init__(self, structure: VarianceStructure, rows: VarianceRows) -> None:
        self.structure = structure
        self.rows = rows
        self._known: dict[tuple[tuple[str, ...], float], FloatArray] = {}

    def __call__(self, labels: tuple[str, ...], level: float) -> FloatArray:
        """Return limits (k, 2), NaN for rows that have none."""
        key = (labels, level)
        if key not in self._known:
            self._known[key] = self._found(labels, level)
        return self._known[key]

    def _found(self, labels: tuple[str, ...], level: float) -> FloatArray:
        named: Mapping[str, Any] = self.rows.profiled
        out = np.full((len(labels), 2), np.nan)
        where = [k for k, label in enumerate(labels) if label in named]
        if where:
            wanted = [named[labels[k]] for k in where]
            out[where] = self.structure.limits(wanted, level) ** self.rows.power
        return out
