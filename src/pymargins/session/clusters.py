"""The verbs of a session that asks about known clusters."""

from __future__ import annotations

from pymargins.asking.random_effects import random_effects
from pymargins.estimands.scales import SCALES
from pymargins.facts import Kind, Quantity
from pymargins.results.result import MarginsResult
from pymargins.session.verbs import Verbs


class ClusterVerbs(Verbs):
    """A session that can be asked for the effects of its clusters."""

    __slots__ = ()

    def random_effects(self) -> MarginsResult:
        r"""Predict the random effects of every cluster.

        They are best linear unbiased predictions, :math:`\hat u = \Psi Z'V^{-1}(y - X\hat\beta)`,
        shrunken towards 0; their errors are those of prediction, :math:`\hat u - u`.

        Returns
        -------
        MarginsResult
            Terms outermost, then what varies, then levels, with columns `group`, `term` and
            `level`. Its forest plot is the caterpillar plot.

        Raises
        ------
        UnsupportedError
            In a session without ``random_effects="predicted"``.

        References
        ----------
        Henderson, C. R. (1975). Best linear unbiased estimation and prediction under a selection
        model. *Biometrics* 31, 423-447. doi:10.2307/2529430

        Examples
        --------
        With the fit of the example of `Margins`:

        >>> known = Margins(fit, random_effects="predicted")
        >>> known.random_effects().labels[:2]
        ('person=0: Intercept', 'person=1: Intercept')
        """
        estimand = random_effects(self._fitted)
        return self._result(estimand, (), Quantity(Kind.RANDOM_EFFECT), SCALES["identity"])
