"""The verbs of a session: what is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymargins._typing import FloatArray
from pymargins.asking.outcome import refuse_elasticity_of_log
from pymargins.asking.questions import Verb, effects, predictions
from pymargins.asking.scenarios import Contrasts
from pymargins.asking.simple_effects import simple_effects
from pymargins.errors import (
    ArgumentTypeError,
)
from pymargins.estimands.functions import Function
from pymargins.estimands.scales import SCALES
from pymargins.facts import (
    Kind,
    Note,
    Quantity,
    SlopesOnIdentity,
)
from pymargins.results.arithmetic import combination
from pymargins.results.result import MarginsResult
from pymargins.session.arguments import (
    AtExog,
    Names,
    Outcome,
    Scenarios,
)
from pymargins.session.terms import TermVerbs


class Verbs(TermVerbs):
    """A session that can be asked."""

    __slots__ = ()

    # --- verbs ---------------------------------------------------------------------------------

    def predict(
        self, atexog: AtExog = None, *, over: Names | None = None, outcome: Outcome = None
    ) -> MarginsResult:
        """Estimate mean responses.

        Parameters
        ----------
        atexog : str, list of str, mapping or data frame, optional
            Variables and the values they are set to: a value, list, range, array or Series, or a
            function that shifts the column (``lambda age: age + 1``). Several values form a
            grid in mapping order, the last key fastest. A name alone, and ``...`` in a mapping,
            stand for all levels of a category; of a number for its observed values where there
            are ten or fewer, otherwise 25 equally spaced ones. A data frame gives one estimate a
            row: the model's variables are set, its other columns are carried along.
        over : str or list of str, optional
            Columns of the data: one estimate within each observed combination, over that
            subgroup's own rows; subgroups outermost, sorted.
        outcome : str or list, optional
            Of a model with several outcomes, which to keep; all by default, one row each.

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

        >>> m.predict({"dose": [0, 3]}, over="arm").labels[:2]
        ('arm=new, dose=0', 'arm=new, dose=3')
        >>> m.predict("dose").labels
        ('dose=0', 'dose=1', 'dose=2', 'dose=3')
        """
        asked = predictions(self._fitted, self._population, atexog, over, outcome)
        return self._result(*asked, Quantity(Kind.MEAN))

    def dydx(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average slopes: derivatives of the mean response by a variable.

        The derivative follows the variable through interactions, powers, logs and splines.
        Categorical, boolean and text variables give the discrete change of each level from the
        reference level.

        Parameters
        ----------
        variables : str or list of str
            Names, or ``"all"`` for every variable in the formula's order, clusters not included.
        atexog : mapping or data frame, optional
            As in `predict`; one row a grid point.
        over : str or list of str, optional
            As in `predict`.
        outcome : str or list, optional
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
        return self._effects("dydx", variables, atexog, over, outcome)

    def eyex(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        r"""Estimate average elasticities: percent of the mean for one percent of x.

        With :math:`\mu_i` the mean response of row i and :math:`d_i` its slope, the average of
        :math:`d_i x_i / \mu_i` over the rows.

        Parameters
        ----------
        variables : str or list of str
            Numeric variables; see `dydx`.
        atexog, over, outcome : optional
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
        return self._effects("eyex", variables, atexog, over, outcome)

    def eydx(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        r"""Estimate average semi-elasticities: proportional change of the mean for one unit of x.

        The average of :math:`d_i / \mu_i`; for a category, of the change of :math:`\log \mu_i`.

        Parameters
        ----------
        variables, atexog, over, outcome : optional
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
        return self._effects("eydx", variables, atexog, over, outcome)

    def dyex(
        self,
        variables: Names,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate average semi-elasticities: change of the mean for a proportional change of x.

        The average of :math:`d_i x_i`.

        Parameters
        ----------
        variables : str or list of str
            Numeric variables; see `dydx`.
        atexog, over, outcome : optional
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
        return self._effects("dyex", variables, atexog, over, outcome)

    def contrasts(
        self,
        scenarios: Scenarios,
        contrasts: Contrasts | None = None,
        *,
        atexog: AtExog = None,
        over: Names | None = None,
        outcome: Outcome = None,
    ) -> MarginsResult:
        """Estimate linear combinations of mean responses, formed on the session's scale.

        Parameters
        ----------
        scenarios : list of Scenario or mapping
            The points; or the whole return of a helper: ``m.contrasts(pairwise("treated", [1,
            0]))``, or without levels, which means all, ``m.contrasts(pairwise("school"))``.
        contrasts : list, mapping of name to weights, or 2-D array, optional
            Weights over the scenarios. Without them each scenario is its own row.
        atexog : str, list of str, mapping or data frame, optional
            As in `predict`: the contrasts are formed at each point, points outermost (simple
            effects).
        over : str or list of str, optional
            As in `predict`: the contrasts are formed within each subgroup of rows.
        outcome : str or list, optional
            As in `predict`. Each contrast is formed within each outcome.

        Returns
        -------
        MarginsResult
            A contrast whose weights sum to zero is reported as a ratio on the log scale, as an
            odds ratio on the logit scale.

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

        Simple effects, the arms compared at each of two doses:

        >>> from pymargins import pairwise
        >>> m.contrasts(pairwise("arm"), atexog={"dose": [0, 3]}).labels
        ('new - old, dose=0', 'new - old, dose=3')
        """
        asked = simple_effects(
            self._fitted,
            self._population,
            scenarios,
            contrasts,
            atexog=atexog,
            over=over,
            outcome=outcome,
            ratios=self._scale.divides,
        )
        estimand, scale = self._means_on(asked.means, self._scale), self._scale
        quantity = Quantity(Kind.MEAN)
        if asked.contrasts is not None:
            estimand = asked.contrasts.of(estimand)
            quantity = combination(quantity, asked.contrasts.matrix, self._scale.facts)
            scale = self._scale.of_contrasts if quantity.compares else self._scale
        estimand, omitted = self._estimable(estimand)
        return self._finished(estimand, (*asked.notes, *omitted), quantity, scale)

    def evaluate(
        self,
        scenarios: Scenarios,
        function: Callable[[FloatArray], Any],
        labels: Sequence[str] | None = None,
    ) -> MarginsResult:
        """Estimate any smooth function of mean responses.

        Parameters
        ----------
        scenarios : list of Scenario or mapping
        function : callable
            From the vector of (untransformed) mean responses, in the order of the scenarios and
            within them of the outcomes, to a number or a vector; written in NumPy.
        labels : list of str, optional
            Names of what the function returns. A function of each mean alone, such as ``np.log``,
            keeps the labels and columns of the scenarios.

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
            raise ArgumentTypeError(
                f"function: must be callable, got {function!r} ({type(function).__name__}). "
                "Write it in NumPy: m.evaluate(scenarios, lambda mean: mean[1] / mean[0])."
            )
        asked = simple_effects(self._fitted, self._population, scenarios)
        made = Function.of(asked.means, function, labels, self._inference.point)
        return self._result(made, asked.notes, Quantity(Kind.FUNCTION))

    # --- what verbs share ----------------------------------------------------------------------

    def _effects(
        self, verb: Verb, variables: Names, atexog: AtExog, over: Names | None, outcome: Outcome
    ) -> MarginsResult:
        refuse_elasticity_of_log(self._fitted.facts, verb)
        estimand, found, kind = effects(
            self._fitted, self._population, verb, variables, atexog, over, outcome
        )
        notes: list[Note] = list(found)
        if not self._scale.is_identity:
            notes.append(SlopesOnIdentity())
        return self._result(estimand, notes, Quantity(kind), SCALES["identity"])
