"""The verbs that test terms of the model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, unknown_name
from pymargins.facts import SessionFacts
from pymargins.options import Bootstrap
from pymargins.report import words
from pymargins.report.notes import sentence
from pymargins.results.printed import PrintedFrame, PrintedSeries
from pymargins.results.terms import joint_tests
from pymargins.session.arguments import By, Names, Seed
from pymargins.session.frozen import Session


class TermVerbs(Session):
    """A session whose terms can be tested."""

    __slots__ = ()

    def joint_tests(self, *, by: By = None) -> pd.DataFrame:
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

        Of several outcomes, or a model of two equations, a term is tested in all equations of the
        response at once: the two effects of a factor of three levels on one of four outcomes have
        `df1` 6. Of ordered outcomes there is one equation.

        Parameters
        ----------
        by : str, list of str or mapping, optional
            Variables that are held, instead of averaged over, at each of their values (or at those
            that a mapping names): the terms of the other variables are tested there.

        Returns
        -------
        DataFrame
            The variables of `by`, `term`, `statistic`, `df1` (the rank), `df2`, `p_value`, `test`
            ("F" where denominator degrees of freedom are finite, otherwise "chi2"). Effects that
            the data do not determine are left out, `df1` counts what is left, and a column `note`
            tells how many were there; a term of which nothing is left has the statistic NaN.

        Raises
        ------
        ArgumentError
            Where the model has no term besides the intercept.
        UnsupportedError
            For known clusters, learners, and draws of a posterior.

        References
        ----------
        Lenth, R. V. (2016). Least-squares means: the R package lsmeans. *Journal of Statistical
        Software* 69(1). doi:10.18637/jss.v069.i01
        """
        if self.facts.of_posterior:
            raise UnsupportedError(
                "joint_tests: a posterior has no p-values. Ask for the effects of a term, "
                "m.dydx(...) or m.contrasts(...), and for their draws, result.draws."
            )
        found = joint_tests(self._fitted, self._inference, by)
        return printed_tests(found, self.facts)

    def likelihood_ratio_test(
        self, terms: Names, *, n_boot: int = 1000, rng: Seed | None = None
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
        found = refits.likelihood_ratio(columns, option).rename(", ".join(names))
        title = titled(f"Likelihood ratio test of {found.name}", self.facts)
        return PrintedSeries.of(found, title, ["Bootstrapped under the null."])


def titled(what: str, facts: SessionFacts) -> str:
    """Name what is tested, and of which outcome."""
    return f"{what}: {facts.model.response}" if facts.model.response else what


def printed_tests(found: pd.DataFrame, facts: SessionFacts) -> pd.DataFrame:
    """Make tests of terms a table, which says on which covariance and distribution they rest."""
    parts = [words.method_words(facts.method), words.reference_words(facts.reference)]
    parts.append(f"covariance: {words.covariance_words(facts.covariance)}")
    rest = sentence("; ".join(part for part in parts if part))
    return PrintedFrame.of(found, titled("Joint tests of terms", facts), [rest])
