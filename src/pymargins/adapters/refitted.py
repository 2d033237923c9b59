"""What a fitted regression offers of bootstraps: which kinds, and what refits it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import pandas as pd

from pymargins._typing import FloatArray
from pymargins.adapters.drawing import Drawing
from pymargins.adapters.influences import influences_of
from pymargins.adapters.robust_offers import Estimated
from pymargins.errors import UnsupportedError
from pymargins.models.influences import Influences
from pymargins.models.uncertainty import Replicates
from pymargins.options import Bootstrap, Kind
from pymargins.regression.estimating import Estimating
from pymargins.regression.refits.refitter import Refitter

NOT_WILD = "residuals are multiplied in least squares (OLS, WLS) alone"
NO_DISTRIBUTION = "it has no distribution that responses could be drawn from"


class Refitted(Estimated):
    """A fitted regression, as bootstraps see it; its adapter fills it in.

    Attributes
    ----------
    name : str
        The class of statsmodels.
    results, source : objects of statsmodels
        The fit and its model; None once it has travelled.
    """

    name: str
    results: Any
    source: Any

    @cached_property
    def reported_kind(self) -> str:
        """What the covariance that the fit reports is."""
        raise NotImplementedError

    def sandwiched(self) -> Estimating | None:
        """Return its estimating equations; None of a class without robust covariances by name."""
        return self.estimating if "HC0" in self.kinds else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The covariances that it has by name, beside the fit's own."""
        raise NotImplementedError

    @property
    def bootstraps(self) -> dict[str, str]:
        """The kinds of bootstrap, the default first, each with why it has it not, or nothing."""
        return {"rows": "", "cluster": "", "parametric": "", "wild": NOT_WILD}

    @property
    def kind(self) -> Kind:
        """The kind of bootstrap where none is asked for."""
        if self.clusters is not None or self.reported_kind == "cluster":
            return "cluster"
        return "rows"

    def influences(self, cluster: Any) -> Influences:
        """Return how rows, or clusters, move the parameters."""
        return influences_of(self, self.kinds, cluster)

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Refit the model to resampled data."""
        from pymargins.adapters.regression_bootstrap import bootstrap_regression

        if self.source is None:
            raise UnsupportedError(
                "bootstrap: the fit does not travel with a session that was pickled. Make the "
                "session anew."
            )
        if int(getattr(self.results, "k_constr", 0) or 0):
            raise UnsupportedError(
                "bootstrap: this fit is constrained, which refits would not be. Use "
                'method="delta" or "simulation".'
            )
        return bootstrap_regression(self, option)

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Refuse: the bootstrap of likelihood ratios is one of mixed models."""
        raise UnsupportedError(
            "likelihood_ratio_test: it is one of mixed models; for a regression use "
            "m.joint_tests(), which tests every term of the model."
        )

    def refitter(self, drawing: Drawing) -> Refitter:
        """Return what refits the model to replicates of its data."""
        raise NotImplementedError

    def response_draw(self, refitter: Refitter) -> Callable[..., FloatArray]:
        """Return what draws responses from the fitted model, for `refitter`."""
        raise NotImplementedError
